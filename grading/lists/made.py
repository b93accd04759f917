"""What makes a list's rows, and what it hands back: rows to be written one by one, and what is known when the last one is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection

from exams.sittings import Sitting
from grading.lists.scope import Scope
from home import Home

Columns = Mapping[str, str]


@dataclass(frozen=True)
class Wanted:
    """What a list is made from. ``values``: what the list's TOML sets.

    ``numbers``: full identity numbers by person, where a second person has approved that (grading.identity_export); nowhere else.
    """

    home: Home
    connection: Connection
    scope: Scope
    sittings: tuple[Sitting, ...]
    today: date
    values: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[int, str] | None = field(default=None, repr=False)

    @property
    def idents(self) -> list[str]:
        return [one.id for one in self.sittings]

    @property
    def unit(self) -> str:
        """Persons in one sitting; over several sittings the same person counts each time."""
        return "人" if len(self.sittings) == 1 else "人次"


@dataclass(frozen=True)
class Made:
    """``rows`` are read once; ``close`` is called after the last one.

    ``close`` returns the lines printed below the rows, the reconciliation line first, and raises ExportError if it is not even.
    ``counts``: by outcome code or whatever the list counts by, complete after the last row.
    """

    rows: Iterator[Columns]
    close: Callable[[], Sequence[str]]
    counts: Counter[str]
