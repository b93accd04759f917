"""Errors of the question bank::

    BankError
    ├── BankFault        item files are wrong: every fault is listed, never only the first
    ├── CitationFault    a citation does not lead to an article in force on the date asked
    ├── RegistryError    the law registry cannot be read or built
    ├── MarkingError     a rule, key or mark that no paper may carry (never the fault of an answer)
    ├── SignOffError     a review, sign-off or freeze that is not allowed
    └── SpreadsheetFault a workbook cannot be imported: every row's fault is listed
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with one file. ``line`` counts from 1; ``severity`` is :data:`ERROR` or :data:`WARNING`."""

    path: Path
    line: int
    severity: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {'提醒：' if self.severity == WARNING else ''}{self.message}"


class BankError(Exception):
    """Base of all errors of this room; the message is Chinese and says what to do."""


class BankFault(BankError):
    """One or more item files are wrong."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class CitationFault(BankError):
    """The citation does not resolve; the message says why and what to cite instead."""


class RegistryError(BankError):
    """The registry file or the statute texts cannot be used."""


class MarkingError(BankError):
    """The rule, the key or the marks are not usable: the paper is wrong, not the answer."""


class SignOffError(BankError):
    """The review, sign-off or freeze is refused."""


class SpreadsheetFault(BankError):
    """One or more rows of a workbook are wrong. ``faults`` are lines ``sheet!cell: what, and what to do``."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))
