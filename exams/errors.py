"""Errors of the exams room::

    ExamsError
    ├── SittingError     a sitting cannot do what was asked in its present state
    ├── ContentError     a blueprint, profile, paper or release file is wrong: every fault is listed
    └── AttemptError     a candidate's request cannot be taken
"""

from __future__ import annotations

from collections.abc import Iterable


class ExamsError(Exception):
    """Base of all errors of this room; the message is Chinese and says what to do."""


class SittingError(ExamsError):
    """The sitting cannot do this in its present state."""


class ContentError(ExamsError):
    """One or more files are wrong. ``faults`` are lines ``path:line: what, and what to do``."""

    def __init__(self, faults: Iterable[object]) -> None:
        self.faults = tuple(str(fault) for fault in faults)
        super().__init__("\n".join(self.faults))


class AttemptError(ExamsError):
    """A candidate's request is refused."""
