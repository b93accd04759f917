"""The tree of units as the statistics see it: where each unit belongs, at which level, in town or country, in which department."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from grading.statistics.rules import Rules
from people.successors import successors
from people.tables import alias, unit

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
    named: Mapping[str, int]
    names: Mapping[int, frozenset[str]]
    top: Place | None
    nowhere: Place
    rules: Rules
    closed: frozenset[int] = frozenset()

    def at(self, own_unit: int | None, label: str | None = None) -> Place:
        """Where someone belongs: by the unit on file; ``label``, the unit on a roster of the day, comes first where it differs."""
        if label is not None and (own_unit is None or label not in self.names.get(own_unit, ())):
            own_unit = self.named.get(label)
            if own_unit is None:
                return self.nowhere if not label else Place(None, label, self.nowhere.level, NO_SETTING, label, ())
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
    names = {ident: {row.name} for ident, row in rows.items()}
    merged = successors(connection)
    named = {row.name: merged.get(ident, ident) for ident, row in sorted(rows.items(), key=lambda pair: (pair[0] not in merged, -pair[0]))}
    for row in connection.execute(select(alias.c.name, alias.c.unit_id).where(alias.c.unit_id.is_not(None)).order_by(alias.c.id)):
        names[row.unit_id].add(row.name)
        named.setdefault(row.name, merged.get(row.unit_id, row.unit_id))
    for ident, row in rows.items():
        if row.parent_id in rows:  # how lists tell two of one name apart (people.unit_names)
            names[ident].add(longer := rows[row.parent_id].name + row.name)
            named.setdefault(longer, merged.get(ident, ident))
    nowhere = Place(None, NO_UNIT, rules.level(""), NO_SETTING, NO_UNIT, ())
    closed = {ident for ident, row in rows.items() if (row.valid_to and row.valid_to < today) or (row.valid_from and row.valid_from > today)}
    known_names = {ident: frozenset(found) for ident, found in names.items()}
    return Places(known, named, known_names, known[top] if top is not None else None, nowhere, rules, frozenset(closed))


def _path(rows: Mapping[int, Any], ident: int) -> tuple[int, ...]:
    """Ids from the topmost unit down to this one."""
    path: list[int] = []
    here: int | None = ident
    while here is not None and here in rows and here not in path:
        path.append(here)
        here = rows[here].parent_id
    return tuple(reversed(path))
