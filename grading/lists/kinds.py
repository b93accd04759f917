"""The lists there are: key, what makes the rows, which columns it can have, what it needs to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from sqlalchemy import Connection

from grading.errors import ExportError
from grading.lists import expiry, held, staffing, stipend, summary
from grading.lists.candidates import OF_DUE, OF_EVENT, OF_RECORD, due, missing, passed, person, scores
from grading.lists.layout import HERE, Layout, Shipped, find_layout, read_shipped
from grading.lists.made import Made, Wanted
from grading.lists.resit import OF_RESIT, resit

#: ``sittings``; ``person``: all attempts of one; ``days``: from today on; ``month``: a month under a stipend rule; ``norm``: a staffing
#: norm; ``today``: as things stand; ``held``: a day, a kind of certification and a unit
ASKS = ("sittings", "person", "days", "month", "norm", "today", "held")


@dataclass(frozen=True)
class ListKind:
    """One list. ``asks``: what it is about, one of :data:`ASKS`; only the first two are about sittings."""

    key: str
    columns: tuple[str, ...]
    make: Callable[[Wanted], Made]
    asks: str = "sittings"

    @cached_property
    def shipped(self) -> Shipped:
        """Title, heading and column sets of the TOML beside this module."""
        return read_shipped(HERE / f"{self.key}.toml", self.columns)

    @property
    def of_sittings(self) -> bool:
        return self.asks in ASKS[:2]

    @property
    def title(self) -> str:
        return self.shipped.title

    def layout(self, connection: Connection, name: str | None) -> Layout:
        """A column set by name; :raises ExportError: there is none."""
        return find_layout(connection, self.key, self.shipped, self.columns, name)


#: in the order in which HR needs them
LISTS = {
    one.key: one
    for one in (
        ListKind("due", OF_DUE, due),
        ListKind("scores", OF_RECORD, scores),
        ListKind("passed", OF_RECORD, passed),
        ListKind("resit", OF_RESIT, resit),
        ListKind("missing", OF_EVENT, missing),
        ListKind("summary", summary.COLUMNS, summary.summary),
        ListKind("person", OF_RECORD, person, "person"),
        ListKind("expiry", expiry.COLUMNS, expiry.expiry, "days"),
        ListKind("held", held.COLUMNS, held.held, "held"),
        ListKind("stipend", stipend.OF_PAID, stipend.paid, "month"),
        ListKind("stipend_not", stipend.OF_UNPAID, stipend.unpaid, "month"),
        ListKind("staffing", staffing.OF_STAFFING, staffing.staffing, "norm"),
        ListKind("grades", staffing.OF_GRADES, staffing.grades, "today"),
    )
}


@lru_cache(1)
def _by_title() -> dict[str, ListKind]:
    return {one.title: one for one in LISTS.values()}


def list_of(name: str) -> ListKind:
    """A list by its key or its Chinese name.

    :raises ExportError: there is none.
    """
    known = LISTS.get(name) or _by_title().get(name)
    if known is None:
        raise ExportError(f"没有“{name}”这种名册；可用：{'、'.join(f'{one.title}（{key}）' for key, one in LISTS.items())}")
    return known
