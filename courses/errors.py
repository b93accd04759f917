"""Errors of the course room::

    CourseError
    ├── ModuleFault     modules are wrong: every fault is listed, never only the first
    └── PreviewError    a module did not run, or its page could not be written
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class CellFault:
    """One thing wrong with one module. ``cell`` counts from 1 as the notebook shows them; 0 is the notebook as a whole."""

    path: Path
    cell: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.cell}: {self.message}"


class CourseError(Exception):
    """Base of all errors of this room; the message is Chinese and says what to do."""


class ModuleFault(CourseError):
    """One or more modules are wrong."""

    def __init__(self, faults: Iterable[CellFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class PreviewError(CourseError):
    """The module stopped with an error, or the page cannot be written."""
