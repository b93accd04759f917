"""What the room's commands share: two consoles, the options that name a home and a sitting, and a home that is open while one runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from exams.errors import ExamsError
from grading.errors import GradingError
from home import Home, HomeError
from people.errors import PeopleError

#: columns of what goes into a file or another program, where nothing may be cut off
PIPED = 240
console = Console(markup=False, highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED)
errors = Console(markup=False, stderr=True, highlight=False, soft_wrap=True)
HomeOption = Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹（pufa init 所建）")]
SittingArgument = Annotated[str, typer.Argument(help="考试编号；pufa sitting status 列出全部")]
#: who acted, in the audit and in records, where nobody is logged in
BY = "command"


@contextmanager
def open_home(folder: Path) -> Iterator[Home]:
    """An open home. Exit code 2: it is none; 1: what is wrong with content or data, which is told."""
    try:
        home = Home.open(folder)
    except HomeError as error:
        errors.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    try:
        with told_of_faults():
            yield home
    finally:
        home.close()


@contextmanager
def told_of_faults() -> Iterator[None]:
    """What is wrong with content or data is told, exit code 1."""
    try:
        yield
    except (ExamsError, GradingError, PeopleError, HomeError) as error:
        errors.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
