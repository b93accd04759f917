"""The sheet 任职 of an import: category, since when employed, until when, where and as what; stipends and staffing rest on it."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, select, update

from grading.errors import WorkforceError
from grading.workforce.entering import check_day
from grading.workforce.import_sheets import Change, Imported, Line
from people.tables import person, post, unit

#: column of the sheet -> how staff call it
FACTS = {"category": "人员类别", "employed_from": "入职日期", "left_on": "离职日期"}


def take_employment(connection: Connection, person_id: int, place: int | None, line: Line, done: Imported, today: date) -> None:
    """Bring one person up to date. Blank cells erase nothing, but whoever was employed again after leaving has not left any more.

    :raises WorkforceError: days in the future or in the wrong order, a post without a unit.
    """
    known = connection.execute(
        select(person.c.name, person.c.category, person.c.employed_from, person.c.left_on, person.c.unit_id, person.c.post_id)
        .where(person.c.id == person_id)
    ).one()  # fmt: skip
    wanted: dict[str, Any] = {name: line.values[name] for name in FACTS if line.values.get(name) is not None}
    began, left = wanted["employed_from"], wanted.get("left_on")
    check_day(began, today, "入职日期")
    if left is not None:
        check_day(left, today, "离职日期")
        if left < began:
            raise WorkforceError(f"离职日期（{left}）早于入职日期（{began}）；请核对")
    elif known.left_on is not None and began > known.left_on:
        wanted["left_on"] = None
    wanted |= _where(connection, known, place, line)
    differs = {name: value for name, value in wanted.items() if value != getattr(known, name)}
    done.count("employment", new=known.employed_from is None)
    for name, value in differs.items():
        if getattr(known, name) is not None:
            done.changed.append(Change(known.name, *_shown(connection, name, getattr(known, name), value)))
    if differs:
        connection.execute(update(person).where(person.c.id == person_id).values(**differs))


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
        return FACTS[name], str(old), "（没有离职）" if new is None else str(new)
    column, title = (unit.c.name, "单位") if name == "unit_id" else (post.c.title, "职务")
    table = column.table
    names = {row.id: row[1] for row in connection.execute(select(table.c.id, column).where(table.c.id.in_([old, new])))}
    return title, str(names.get(old, "")), str(names.get(new, ""))
