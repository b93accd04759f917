"""Errors of the people room::

    PeopleError
    ├── IdentityError   a document number is wrong, damaged or cannot be opened with this home's key
    ├── RosterError     a roster cannot be taken over: every fault is listed
    ├── DocumentError   a paper cannot be kept on file
    └── AccountError    a staff account cannot do or be what was asked
        └── LoginRefused    wrong login or password, or too many attempts
"""

from __future__ import annotations

from collections.abc import Iterable


class PeopleError(Exception):
    """Base of all errors of this room; the message is Chinese and says what to do."""


class IdentityError(PeopleError):
    """A document number is wrong, or its sealed form cannot be opened."""


class RosterError(PeopleError):
    """A roster is refused as a whole. ``faults``: one line each, naming sheet, row and column."""

    def __init__(self, faults: Iterable[object]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class DocumentError(PeopleError):
    """A paper cannot be kept on file: empty, too large, or of no kind that is kept."""


class AccountError(PeopleError):
    """A staff account cannot do or be what was asked."""


class LoginRefused(AccountError):
    """The login was refused; the message does not tell whether the login exists."""
