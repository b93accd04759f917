"""The door: the ``pufa`` command. It mounts each room's commands and nothing else."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script."""
    raise SystemExit("pufa: being built")
