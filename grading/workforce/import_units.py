"""The sheet 单位 of an import: villages, communities, grids and schools, with the counts that staffing is reckoned by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from grading.errors import WorkforceError
from grading.workforce.import_sheets import Change, Imported, Line
from people.errors import PeopleError
from people.roster import RosterFault as Fault
from people.tables import unit
from people.unit_names import UnitNames

#: column of the sheet -> (column of unit, how staff call it)
FACTS = {
    "unit_kind": ("kind", "类别"), "setting": ("setting", "城乡"), "code": ("code", "代码"), "households": ("households", "户数"),
    "residents": ("residents", "常住人口"), "grids": ("grids", "网格数"), "workers": ("workers", "在岗人数"),
}  # fmt: skip


class Places:
    """Units with their facts, by the names that :mod:`people.unit_names` understands.

    A unit that was closed and merged into none is known here too: a workbook tells of earlier years as well.
    """

    def __init__(self, connection: Connection) -> None:
        self.rows: dict[int, dict[str, Any]] = {row.id: dict(row._mapping) for row in connection.execute(select(unit))}
        self.names = UnitNames(connection)

    def add(self, ident: int, values: dict[str, Any]) -> None:
        self.rows[ident] = values
        self.names.add(ident, values["name"], values["parent_id"])

    def find(self, name: str) -> int:
        """The unit of this name.

        :raises WorkforceError: none, or several.
        """
        try:
            return self.names.one(name, f"单位“{name}”还没有登记；请先在“单位”表里填一行，或核对名称", closed=True)
        except PeopleError as error:
            raise WorkforceError(str(error)) from None


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
        later = [line for line in waiting if _waits(line, named)]
        if len(later) == len(waiting):  # a circle: told as it comes
            return ordered + later
        ordered += [line for line in waiting if not _waits(line, named)]
        waiting = later
    return ordered


def _waits(line: Line, named: set[str]) -> bool:
    """Whether the parent of a line is one of these, or is written as one of these behind the unit above it."""
    parent = line.values.get("parent") or ""
    return parent in named or any(end in named and end != line.values["unit"] for start in range(1, len(parent)) if (end := parent[start:]))


def _unit_of(connection: Connection, places: Places, line: Line, done: Imported) -> int:
    """The unit that a line is about, known or new."""
    name, parent = line.values["unit"], line.values.get("parent")
    above = places.find(parent) if parent else None
    same = _known(places, name, above)
    if len(same) > 1:
        raise WorkforceError(places.names.which(name, same) + ("；或填“上级单位”列" if above is None else ""))
    if above is not None and above in same:
        raise WorkforceError("上级单位不能是它自己")
    if same:
        done.count("units", new=False)
        if above is not None and places.rows[same[0]]["parent_id"] is None:
            connection.execute(update(unit).where(unit.c.id == same[0]).values(parent_id=above))
            places.rows[same[0]]["parent_id"] = above
            places.names.put_below(same[0], above)
        return same[0]
    values = {"name": name, "parent_id": above}
    ident = int(connection.execute(unit.insert().values(**values)).inserted_primary_key[0])  # type: ignore[index]
    places.add(ident, {**values, "kind": None, "setting": None, "code": None, "households": None, "residents": None, "grids": None, "workers": None})
    done.count("units", new=True)
    return ident


def _known(places: Places, name: str, above: int | None) -> list[int]:
    """The units that a line may be about; none: it makes a new one.

    The column 上级单位 (``above``) tells units of one name apart, and a unit of that name below another is another unit. Unlike on
    other lists a former name is refused: the numbers beside it are those of the unit as it was.

    :raises WorkforceError: a former name, or a new unit written behind the one above it.
    """
    if exact := places.names.exactly(name):
        return [ident for ident in exact if above is None or places.rows[ident]["parent_id"] in (above, None)]
    called = places.names.called(name)
    if former := [ident for ident in called if places.names.formerly(name, ident)]:
        now = "、".join(f"“{places.names.title(ident)}”" for ident in former)
        raise WorkforceError(f"“{name}”已更名或并入{now}；请改写成现在的名称，户数等填合并后的数")
    known = [ident for ident in called if places.names.could_mean(name, ident)]
    found = [ident for ident in known if above is None or above in (ident, *places.names.above(ident))]
    head, stroke, own = name.replace("／", "/").rpartition("/")
    if stroke and not found and (called or places.names.called(head)):
        raise WorkforceError(f"“{head}”下还没有登记“{own}”；要登记新单位，请在“单位名称”列只写“{own}”，“上级单位”列写“{head}”")
    return found
