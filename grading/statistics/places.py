"""The tree of units as the statistics see it: where each unit belongs, at which level, in town or country, in which department."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from grading.statistics.rules import Rules
from people.tables import unit
from people.unit_names import UnitNames

NO_SETTING, NO_UNIT = "未登记城乡", "未填单位"
SETTINGS = ("城镇", "农村", NO_SETTING)


@dataclass(frozen=True)
class Place:
    """One unit. ``department``: the unit right below the top (or below the unit that is asked about) to which it belongs.

    ``path``: ids from the topmost unit down to itself.
    """

    id: int | None
    name: str
    level: str
    setting: str
    department: str
    path: tuple[int, ...]


@dataclass(frozen=True)
class Places:
    """All units by id, and by the names on rosters; ``top``: the unit that is asked about, None for all; ``closed``: not in existence."""

    known: Mapping[int, Place]
    names: UnitNames
    top: Place | None
    nowhere: Place
    rules: Rules
    closed: frozenset[int] = frozenset()

    def at(self, own_unit: int | None, label: str | None = None) -> Place:
        """Where someone belongs: by the unit on file; ``label``, the unit on a roster of the day, comes first where it differs.

        A label that may mean several units, none of them on file for this person, is a place of its own, as an unknown one is: a
        page of figures refuses nobody, and counts nobody at a unit that may be another's.
        """
        if label is not None and (own_unit is None or not self.names.could_mean(label, own_unit)):
            found = self.names.called(label, closed=True)
            if len(found) != 1:
                return self.nowhere if not label else Place(None, label, self.nowhere.level, NO_SETTING, label, ())
            own_unit = found[0]
        return self.known.get(own_unit, self.nowhere) if own_unit is not None else self.nowhere

    def within(self, place: Place) -> bool:
        """Whether a place belongs to what is asked about."""
        return self.top is None or self.top.id in place.path

    @property
    def inside(self) -> list[Place]:
        """The units that belong to what is asked about."""
        return [one for one in self.known.values() if self.within(one)]


def read_places(connection: Connection, rules: Rules, today: date, top: int | None = None) -> Places:
    """Every unit. A unit whose time is over, or has not come, is kept as closed.

    A loop of parents, which no page makes, ends where it would begin again.
    """
    rows = {row.id: row for row in connection.execute(select(unit).order_by(unit.c.id))}
    paths = {ident: _path(rows, ident) for ident in rows}
    roots = {path[0] for path in paths.values()}
    head = top if top is not None else next(iter(roots)) if len(roots) == 1 and len(rows) > 1 else None
    known = {}
    for ident, row in rows.items():
        path = paths[ident]
        at = path.index(head) + 1 if head in path else 0
        department = rows[path[min(at, len(path) - 1)]].name
        setting = row.setting if row.setting in SETTINGS else NO_SETTING
        known[ident] = Place(ident, row.name, rules.level(row.kind or ""), setting, department, path)
    nowhere = Place(None, NO_UNIT, rules.level(""), NO_SETTING, NO_UNIT, ())
    closed = {ident for ident, row in rows.items() if (row.valid_to and row.valid_to < today) or (row.valid_from and row.valid_from > today)}
    return Places(known, UnitNames(connection), known[top] if top is not None else None, nowhere, rules, frozenset(closed))


def _path(rows: Mapping[int, Any], ident: int) -> tuple[int, ...]:
    """Ids from the topmost unit down to this one."""
    path: list[int] = []
    here: int | None = ident
    while here is not None and here in rows and here not in path:
        path.append(here)
        here = rows[here].parent_id
    return tuple(reversed(path))
