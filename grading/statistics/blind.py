"""死角死面 (domain.md S24): units of which nobody was due, nobody has passed, nobody is certified, or nobody is on file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grading.statistics.places import Place, Places
from grading.statistics.sat import COLUMNS, PENDING
from grading.statistics.suppression import Shown
from grading.statistics.tables import Table, between

NO_PERSON, NOT_DUE, NO_PASS, NO_CERTIFICATE = "没有登记人员", "有登记人员，期内没有人应考", "期内应考，没有一人合格", "有登记人员，没有一人持证"
HEADS = ("情况", "级别", "城乡", "部门", "单位", "人数")
Row = tuple[str | int | float | None, ...]
#: of a unit row of a release: level, setting, department, unit, and the row
UnitRow = tuple[tuple[str, str, str, str], Shown]


def blind_spots(places: Places, on_file: Iterable[Place], due: Iterable[Place], sat: Iterable[UnitRow], certified: Iterable[UnitRow]) -> Table:
    """``on_file``, ``due``: the units with anybody on file, and with anybody due. ``sat``, ``certified``: the unit rows that are shown."""
    rows: list[Row] = [(NO_PERSON, *_names(one), 0) for one in _without(places, {*on_file, *due})]
    due_units = set(due)
    if due_units:
        lacking = _without(places, due_units)
        there = _reached(places, on_file)
        rows += [(NOT_DUE, *_names(one), "") for one in lacking if one.id in there]
    waiting = COLUMNS.index(PENDING)
    rows += [(NO_PASS, *names, row.total) for names, row in sat if _none(row) and between(row, (waiting,))[1] != row.total]
    rows += [(NO_CERTIFICATE, *names, row.total) for names, row in certified if _none(row)]
    about = "单位连同下属单位一个人也没有的，只列最上面一级。人数太少、没有单列的单位不在此表；“没有一人合格”“没有一人持证”只看单列的单位。"
    return Table("blind_spots", "空白点：哪些单位一个也没有", about, HEADS, tuple(rows))


def _none(row: Shown) -> bool:
    return not row.pooled and not row.cells[0].hidden and row.cells[0].low == 0


def _names(place: Place) -> tuple[str, str, str, str]:
    return place.level, place.setting, place.department, place.name


def _reached(places: Places, some: Iterable[Place]) -> set[int]:
    """The units above and at these."""
    return {ident for one in some for ident in one.path}


def _without(places: Places, some: Iterable[Place]) -> Iterator[Place]:
    """Units in existence that have none of these at or below them, the topmost only."""
    there = _reached(places, some)
    for one in places.inside:
        if one.id not in there and one.id not in places.closed and not any(above not in there and above != one.id for above in _own_path(places, one)):
            yield one


def _own_path(places: Places, one: Place) -> tuple[int, ...]:
    """The way down to a unit, from the one that is asked about."""
    return one.path[one.path.index(places.top.id) :] if places.top and places.top.id is not None else one.path
