"""What a page or a file of statistics is about: days, a unit with what belongs to it, formal sittings only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from grading.errors import ExportError
from grading.lists.asking import read_day
from people.tables import unit
from people.unit_names import UnitNames


@dataclass(frozen=True)
class Asked:
    """``since`` and ``until``: days on which sittings opened, both included, None: without bound. ``unit``: id, None: all.

    ``formal``: only formal sittings.
    """

    since: date | None = None
    until: date | None = None
    unit: int | None = None
    formal: bool = True

    def query(self) -> dict[str, str]:
        """As the query of the page's address, and as the arguments of a job; :func:`read_asked` reads it back."""
        named = {"since": self.since and self.since.isoformat(), "until": self.until and self.until.isoformat(), "unit": self.unit and str(self.unit)}
        return {"asked": "1", **{key: value for key, value in named.items() if value}, **({"formal": "1"} if self.formal else {})}


def read_asked(connection: Connection, query: Mapping[str, str]) -> Asked:
    """From the query of an address. A bare address asks for the formal sittings of all units and days.

    :raises ExportError: all that is wrong with it, at once.
    """
    faults: list[str] = []
    since, until = (read_day(query.get(name, ""), title, faults) for name, title in (("since", "开始日期"), ("until", "结束日期")))
    if since and until and until < since:
        faults.append("结束日期早于开始日期")
    text, top = query.get("unit", "").strip(), None
    if text:
        top = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        if connection.execute(select(unit.c.id).where(unit.c.id == top)).first() is None:
            faults.append("没有这个单位")
    if faults:
        raise ExportError("；".join(faults) + "；请改正后再看")
    return Asked(since, until, top, "formal" in query or "asked" not in query)


def unit_named(connection: Connection, name: str) -> str:
    """The id of a unit, as an address has it; blank for a blank name. A closed unit may be asked about too.

    :raises PeopleError: there is none of that name, or it may mean several (:meth:`people.unit_names.UnitNames.one`).
    """
    if not name.strip():
        return ""
    return str(UnitNames(connection).one(name, f"没有叫“{name[:40]}”的单位；请核对名称", closed=True))
