"""Start JupyterLab for trainers. Options that are not ours go to JupyterLab, for example ``--no-browser --port 8890``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from courses.lab.workspace import ROOT, WorkspaceError, prepare

HERE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 ended by the user, 1 the folder cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m courses.lab", description="给培训师的 JupyterLab：课程、题库、出题。")
    parser.add_argument("--dir", type=Path, default=Path.home() / "pufa-lab", help="工作文件夹（默认：主文件夹下的 pufa-lab）")
    mine, others = parser.parse_known_args(arguments)
    try:
        folder = prepare(mine.dir)
    except WorkspaceError as error:
        print(error, file=sys.stderr)
        return 1
    _prepend("JUPYTER_CONFIG_PATH", HERE / "config")
    _prepend("JUPYTER_PATH", HERE / "share")
    _prepend("PYTHONPATH", ROOT)    # so that kernels, which run in the notebook's folder, find pufa
    from jupyterlab.labapp import LabApp  # loads the Jupyter server: only where one is started

    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    LabApp.launch_instance(argv=[f"--ServerApp.root_dir={folder}", *root, *others])
    return 0


def _prepend(name: str, path: Path) -> None:
    """Put a folder first in an environment variable that lists folders."""
    os.environ[name] = os.pathsep.join(filter(None, [str(path), os.environ.get(name, "")]))


if __name__ == "__main__":
    sys.exit(main())
