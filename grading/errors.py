"""Errors of the grading room::

    GradingError
    ├── MarkError        a mark cannot be made or entered
    ├── RecordError      pass records cannot be issued as things stand
    ├── GradebookError   an nbgrader course folder or gradebook does not fit the paper
    ├── ExportError      an export cannot be written
    ├── CertificateError a certificate cannot be made, or is none of ours
    ├── PaperMarkError   answers and marks from paper cannot be taken; every fault is listed
    └── WorkforceError   an entry about a certification, or an import of them, cannot be taken
"""

from __future__ import annotations


class GradingError(Exception):
    """Base of all errors of this room; the message is Chinese and says what to do."""


class MarkError(GradingError):
    """A mark cannot be made or entered."""


class RecordError(GradingError):
    """Pass records cannot be issued as things stand."""


class GradebookError(GradingError):
    """An nbgrader course folder or gradebook does not fit the paper."""


class ExportError(GradingError):
    """An export cannot be written."""


class WorkforceError(GradingError):
    """An entry about a certification, or an import of them, cannot be taken as it is."""


class CertificateError(GradingError):
    """A certificate or score sheet cannot be made, or what was checked is none of ours."""


class PaperMarkError(GradingError):
    """Answers and marks from paper cannot be taken. ``faults`` are lines that name place, fault and remedy."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))
