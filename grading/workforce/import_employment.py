"""The sheet 任职 of an import: category, since when employed, until when, where and as what; stipends and staffing rest on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, select, update

from grading.errors import WorkforceError
from grading.workforce.entering import check_day
from grading.workforce.import_sheets import Change, Imported, Line
from people.tables import person, post, unit

#: column of the sheet -> how staff call it
FACTS = {"category": "人员类别", "employed_from": "入职日期", "left_on": "离职日期"}


def spells_below(lines: Sequence[Line]) -> dict[tuple[str, int], date]:
    """(sheet, row) -> since when the latest spell of the same person is that stands further down, for the lines that have one."""
    latest: dict[tuple[str, str], date] = {}
    found: dict[tuple[str, int], date] = {}
    for line in reversed(lines):
        who, began = (line.document, line.number), line.values["employed_from"]
        if who in latest:
            found[line.sheet, line.row] = latest[who]
        latest[who] = max(began, latest.get(who, began))
    return found


def take_employment(
    connection: Connection, person_id: int, place: int | None, line: Line, done: Imported, today: date, below: date | None = None
) -> None:
    """Bring one person up to date. Blank cells erase nothing, but whoever was employed again after leaving has not left any more.

    One spell is kept, the latest. ``below``: a spell since that day stands further down; an earlier one then needs no deleting.

    :raises WorkforceError: days in the future or in the wrong order, a spell before the one on file, a post without a unit.
    """
    known = connection.execute(
        select(person.c.name, person.c.category, person.c.employed_from, person.c.left_on, person.c.unit_id, person.c.post_id)
        .where(person.c.id == person_id)
    ).one()  # fmt: skip
    wanted: dict[str, Any] = {name: line.values[name] for name in FACTS if line.values.get(name) is not None}
    _check_days(wanted["employed_from"], wanted.get("left_on"), today)
    if _earlier(known, wanted):
        if below is None or below < known.employed_from:
            raise WorkforceError(
                f"这是以前的一段任职（{wanted['employed_from']} 至 {wanted['left_on']}），系统里记的是后来的一段"
                f"（{known.employed_from} 入职）；每人只记最近一段，请删去这一行"
            )
        done.count("employment", new=False)
        return
    if _again(known, wanted):
        wanted["left_on"] = None
    wanted |= _where(connection, known, place, line)
    differs = {name: value for name, value in wanted.items() if value != getattr(known, name)}
    done.count("employment", new=known.employed_from is None)
    for name, value in differs.items():
        if getattr(known, name) is not None or name == "left_on":
            done.changed.append(Change(known.name, *_shown(connection, name, getattr(known, name), value)))
    if differs:
        connection.execute(update(person).where(person.c.id == person_id).values(**differs))


def _check_days(began: date, left: date | None, today: date) -> None:
    check_day(began, today, "入职日期")
    if left is not None:
        check_day(left, today, "离职日期")
        if left < began:
            raise WorkforceError(f"离职日期（{left}）早于入职日期（{began}）；请核对")


def _earlier(known: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether the line is about a spell that was over when the one on file began."""
    began, left, since = wanted["employed_from"], wanted.get("left_on"), known.employed_from
    return since is not None and left is not None and began < since and left <= since


def _again(known: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether who is on file as gone began a new spell after that, or on the very day on which the earlier spell ended."""
    began, gone = wanted["employed_from"], known.left_on
    if gone is None or wanted.get("left_on") is not None:
        return False
    return bool(began > gone or (began == gone and known.employed_from is not None and known.employed_from < began))


def _where(connection: Connection, known: Any, place: int | None, line: Line) -> dict[str, Any]:
    """The unit, and the post in it, made where it is new."""
    found: dict[str, Any] = {} if place is None else {"unit_id": place}
    title = line.values.get("post")
    if title is None:
        return found
    unit_id = place if place is not None else known.unit_id
    if unit_id is None:
        raise WorkforceError("填了职务，但这个人没有单位；请填“所在社区（网格）”列")
    where = (post.c.unit_id == unit_id, post.c.title == title)
    ident = connection.execute(select(post.c.id).where(*where)).scalar()
    if ident is None:
        ident = connection.execute(post.insert().values(unit_id=unit_id, title=title)).inserted_primary_key[0]  # type: ignore[index]
    return {**found, "post_id": int(ident)}


def _shown(connection: Connection, name: str, old: Any, new: Any) -> tuple[str, str, str]:
    """(what, old, new) as a clerk reads them."""
    if name in FACTS:
        before, after = ("（没有离职）" if value is None else str(value) for value in (old, new))
        return FACTS[name], before, after
    column, title = (unit.c.name, "单位") if name == "unit_id" else (post.c.title, "职务")
    table = column.table
    names = {row.id: row[1] for row in connection.execute(select(table.c.id, column).where(table.c.id.in_([old, new])))}
    return title, str(names.get(old, "")), str(names.get(new, ""))
