"""What becomes of units and persons: a unit renamed or merged into another, somebody who leaves. History stays as it was.

Rosters and records of earlier days keep the name of their day. A former name leads to the unit it has become, so that an office
that goes on using the old one makes no second unit.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, select, update

from home import OFFICE, audit
from people.errors import PeopleError
from people.tables import alias, person, post, unit
from people.unit_names import UnitNames

LONGEST = 100
#: numbers of a unit that a merger adds up
REPORTED = ("households", "residents", "grids", "workers")


def find_unit(connection: Connection, name: str) -> int:
    """The unit that has a name now, or had it before; of several of one name, the one that is written behind its upper unit.

    :raises PeopleError: none, or several.
    """
    return UnitNames(connection).one(name, f"没有单位“{name}”；请核对名称")


def rename_unit(connection: Connection, unit_id: int, name: str, *, by: str, reason: str) -> None:
    """Give a unit a new name; the old one goes on leading to it.

    :raises PeopleError: no name or reason, the same name, or another unit has it (merge them instead).
    """
    name, old = name.strip(), _living(connection, unit_id)
    _needs(reason, "更名的依据（文号等）")
    if not 1 <= len(name) <= LONGEST or name == old:
        raise PeopleError(f"请填写与原名称“{old}”不同的新名称（{LONGEST} 字以内）")
    if connection.execute(select(unit.c.id).where(unit.c.name == name, unit.c.valid_to.is_(None))).first():
        raise PeopleError(f"已有单位“{name}”；两个单位合并的，请用合并")
    connection.execute(alias.insert().values(unit_id=unit_id, name=old))
    connection.execute(update(unit).where(unit.c.id == unit_id).values(name=name))
    audit(connection, OFFICE, by, "unit.rename", f"unit/{unit_id}", old=old, new=name, reason=reason.strip())


def merge_units(connection: Connection, source_id: int, into_id: int, *, on_day: date, by: str, reason: str) -> int:
    """Merge a unit into another from a day on: its people, posts and subordinate units move; returns how many people.

    The merged unit stays on file with its last day and its successor, and what was held there before goes on pointing at it
    (:mod:`people.successors` tells for whom it counts). Reported numbers of two units of one kind are added where both have them.

    :raises PeopleError: the same unit, one that is gone already, one below the other, or no reason.
    """
    _needs(reason, "合并的依据（文号等）")
    old, new = _living(connection, source_id), _living(connection, into_id)
    if source_id == into_id:
        raise PeopleError(f"“{old}”不能与自己合并")
    if source_id in _above(connection, into_id):
        raise PeopleError(f"“{new}”在“{old}”之下，不能并入下级；请先调整上级单位")
    there = {row.title: row.id for row in connection.execute(select(post).where(post.c.unit_id == into_id))}
    for row in connection.execute(select(post).where(post.c.unit_id == source_id)).all():
        if row.title in there:
            connection.execute(update(person).where(person.c.post_id == row.id).values(post_id=there[row.title]))
            connection.execute(update(post).where(post.c.id == row.id).values(valid_to=on_day))
        else:
            connection.execute(update(post).where(post.c.id == row.id).values(unit_id=into_id))
    moved = connection.execute(update(person).where(person.c.unit_id == source_id).values(unit_id=into_id)).rowcount
    connection.execute(update(unit).where(unit.c.parent_id == source_id).values(parent_id=into_id))
    connection.execute(update(alias).where(alias.c.unit_id == source_id).values(unit_id=into_id))
    connection.execute(alias.insert().values(unit_id=into_id, name=old))
    connection.execute(update(unit).where(unit.c.id == source_id).values(valid_to=on_day, merged_into=into_id))
    numbers = _add_numbers(connection, source_id, into_id)
    audit(connection, OFFICE, by, "unit.merge", f"unit/{source_id}", into=into_id, old=old, new=new, on_day=str(on_day), people=moved,
          numbers=numbers, reason=reason.strip())  # fmt: skip
    return moved


def _add_numbers(connection: Connection, source_id: int, into_id: int) -> dict[str, list[int]]:
    """Add what is reported of both; returns {column: [before, after]}. What one of them has not reported stays as it is."""
    rows = {row.id: row for row in connection.execute(select(unit).where(unit.c.id.in_((source_id, into_id))))}
    old, new = rows[source_id], rows[into_id]
    if old.kind != new.kind:
        return {}
    pairs = {name: (getattr(old, name), getattr(new, name)) for name in REPORTED}
    changed = {name: [there, there + here] for name, (here, there) in pairs.items() if here is not None and there is not None}
    if changed:
        connection.execute(update(unit).where(unit.c.id == into_id).values({name: after for name, (_, after) in changed.items()}))
    return changed


def leave(connection: Connection, person_id: int, on_day: date, *, by: str, reason: str) -> None:
    """Somebody retires, resigns or is transferred out: no warning is about this person any more; records stay.

    :raises PeopleError: nobody of this number, gone already, or no reason.
    """
    _needs(reason, "离开的原因")
    gone = connection.execute(
        update(person).where(person.c.id == person_id, person.c.left_on.is_(None)).values(left_on=on_day)
    ).rowcount
    if gone != 1:
        raise PeopleError("没有这个人，或已登记离开；请刷新页面")
    audit(connection, OFFICE, by, "person.leave", f"person/{person_id}", on_day=str(on_day), reason=reason.strip())


def _living(connection: Connection, unit_id: int) -> str:
    name = connection.execute(select(unit.c.name).where(unit.c.id == unit_id, unit.c.valid_to.is_(None))).scalar()
    if name is None:
        raise PeopleError("没有这个单位，或已经合并、撤销；请刷新页面")
    return str(name)


def _above(connection: Connection, unit_id: int) -> set[int]:
    """The units above one, however far."""
    parents = dict(connection.execute(select(unit.c.id, unit.c.parent_id)).all())
    found: set[int] = set()
    here = parents.get(unit_id)
    while here is not None and here not in found:
        found.add(here)
        here = parents.get(here)
    return found


def _needs(reason: str, what: str) -> None:
    if not 1 <= len(reason.strip()) <= 500:
        raise PeopleError(f"请写明{what}（1 至 500 字）")
