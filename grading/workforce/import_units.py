"""The sheet 单位 of an import: villages, communities, grids and schools, with the counts that staffing is reckoned by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from grading.errors import WorkforceError
from grading.workforce.import_sheets import Change, Imported, Line
from people.roster import RosterFault as Fault
from people.successors import successors
from people.tables import alias, unit

#: column of the sheet -> (column of unit, how staff call it)
FACTS = {
    "unit_kind": ("kind", "类别"), "setting": ("setting", "城乡"), "code": ("code", "代码"), "households": ("households", "户数"),
    "residents": ("residents", "常住人口"), "grids": ("grids", "网格数"), "workers": ("workers", "在岗人数"),
}  # fmt: skip


class Places:
    """Units by name, former names too; a name that several have needs its parent beside it. A merged unit is what it was merged into."""

    def __init__(self, connection: Connection) -> None:
        self.rows: dict[int, dict[str, Any]] = {row.id: dict(row._mapping) for row in connection.execute(select(unit))}
        self.merged = successors(connection)
        self.named: dict[str, list[int]] = {}
        for ident, row in self.rows.items():
            if ident not in self.merged:
                self.named.setdefault(row["name"], []).append(ident)
        self.former: dict[str, set[int]] = {}
        for name, ident in connection.execute(select(alias.c.name, alias.c.unit_id).where(alias.c.unit_id.is_not(None))):
            self.former.setdefault(name, set()).add(self.merged.get(ident, ident))

    def add(self, ident: int, values: dict[str, Any]) -> None:
        self.rows[ident] = values
        self.named.setdefault(values["name"], []).append(ident)

    def find(self, name: str, line: Line) -> int:
        """The unit of this name.

        :raises WorkforceError: none, or several.
        """
        found = self.named.get(name) or list(self.former.get(name, ())) or self._below(name)
        if not found:
            raise WorkforceError(f"单位“{name}”还没有登记；请先在“单位”表里填一行，或核对名称")
        if len(found) > 1:
            raise WorkforceError(f"有 {len(found)} 个单位都叫“{name}”；请连上级单位一起写，例如“某镇{name}”或“某镇/{name}”")
        return found[0]

    def _below(self, name: str) -> list[int]:
        """The units whose name stands in ``name`` behind that of the unit above, as on rosters (:mod:`people.unit_names`)."""
        ours = ((ident, self.rows.get(row["parent_id"]), row["name"]) for ident, row in self.rows.items() if ident not in self.merged)
        slashed = name.replace("／", "/")
        return [ident for ident, above, own in ours if above and slashed in (above["name"] + own, f"{above['name']}/{own}")]


def take_units(connection: Connection, lines: Sequence[Line], done: Imported, faults: list[Fault]) -> Places:
    """Insert new units, bring known ones up to date; blank cells erase nothing. Returns all units."""
    places = Places(connection)
    for line in _parents_first(lines):
        try:
            ident = _unit_of(connection, places, line, done)
        except WorkforceError as error:
            faults.append(line.fault("单位名称", str(error)))
            continue
        row, differs = places.rows[ident], {}
        for name, (column, title) in FACTS.items():
            value = line.values.get(name)
            if value is not None and value != row.get(column):
                differs[column] = value
                if row.get(column) is not None:
                    done.changed.append(Change(row["name"], title, str(row[column]), str(value)))
        if differs:
            connection.execute(update(unit).where(unit.c.id == ident).values(**differs))
            row.update(differs)
    return places


def _parents_first(lines: Sequence[Line]) -> list[Line]:
    """Lines in an order in which every parent that the sheet itself names comes before its children."""
    ordered: list[Line] = []
    waiting = list(lines)
    while waiting:
        named = {line.values["unit"] for line in waiting}
        later = [line for line in waiting if line.values.get("parent") in named]
        if len(later) == len(waiting):  # a circle: told as it comes
            return ordered + later
        ordered += [line for line in waiting if line.values.get("parent") not in named]
        waiting = later
    return ordered


def _unit_of(connection: Connection, places: Places, line: Line, done: Imported) -> int:
    """The unit that a line is about, known or new."""
    name, parent = line.values["unit"], line.values.get("parent")
    above = places.find(parent, line) if parent else None
    if name not in places.named and (former := places.former.get(name)):
        now = "、".join(f"“{places.rows[ident]['name']}”" for ident in sorted(former))
        raise WorkforceError(f"“{name}”已更名或并入{now}；请改写成现在的名称，户数等填合并后的数")
    same = [ident for ident in places.named.get(name, []) if above is None or places.rows[ident]["parent_id"] in (above, None)]
    if len(same) > 1:
        raise WorkforceError(f"有 {len(same)} 个单位都叫“{name}”；请填“上级单位”列")
    if above is not None and above in same:
        raise WorkforceError("上级单位不能是它自己")
    if same:
        done.count("units", new=False)
        if above is not None and places.rows[same[0]]["parent_id"] is None:
            connection.execute(update(unit).where(unit.c.id == same[0]).values(parent_id=above))
            places.rows[same[0]]["parent_id"] = above
        return same[0]
    values = {"name": name, "parent_id": above}
    ident = int(connection.execute(unit.insert().values(**values)).inserted_primary_key[0])  # type: ignore[index]
    places.add(ident, {**values, "kind": None, "setting": None, "code": None, "households": None, "residents": None, "grids": None, "workers": None})
    done.count("units", new=True)
    return ident
