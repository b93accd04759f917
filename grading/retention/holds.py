"""Legal holds: while one stands, nothing about its subject is erased, whatever the policy says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from exams.tables import candidate, sitting
from grading.retention.policy import RetentionError
from home import OFFICE, audit, now_ms
from people.tables import legal_hold, person

SUBJECT = re.compile(r"\*|person/[0-9]{1,9}|sitting/[a-z0-9][a-z0-9-]{1,31}")


@dataclass(frozen=True)
class Hold:
    """One hold; ``subject``: ``person/<id>``, ``sitting/<id>`` or ``*`` for everything. ``at`` ms UTC."""

    id: int
    subject: str
    reason: str
    document_no: str | None
    by: str
    at: int


def place_hold(connection: Connection, subject: str, *, reason: str, document_no: str, by: str) -> int:
    """Keep everything about a subject until the hold is lifted; returns its id.

    ``subject``: as :func:`subject_of` reads it.

    :raises RetentionError: no such subject, or no reason.
    """
    subject = subject_of(connection, subject)
    if not 1 <= len(reason.strip()) <= 500 or len(document_no) > 100:
        raise RetentionError("请写明暂缓删除的事由（500 字以内），文号不超过 100 字")
    number = connection.execute(
        legal_hold.insert().values(subject=subject, reason=reason.strip(), document_no=document_no.strip() or None, by=by, at=now_ms())
    ).inserted_primary_key[0]  # type: ignore[index]
    audit(connection, OFFICE, by, "hold.place", subject, hold=number, document_no=document_no)
    return int(number)


def subject_of(connection: Connection, named: str) -> str:
    """The subject that staff name: a sitting by its id, a person by an admission number, ``全部``, or the subject itself.

    :raises RetentionError: there is nothing of that name; a hold on it would protect nothing.
    """
    named = named.strip()
    if named in ("*", "全部"):
        return "*"
    if not SUBJECT.fullmatch(named):
        ids = connection.execute(select(candidate.c.person_id).where(candidate.c.admission_no == named).distinct()).scalars().all()
        named = f"person/{ids[0]}" if ids else f"sitting/{named}"
    place, _, name = named.partition("/")
    here = select(person.c.id).where(person.c.id == int(name)) if place == "person" else select(sitting.c.id).where(sitting.c.id == name)
    if connection.execute(here).first() is None:
        raise RetentionError(f"查不到“{name}”这一场考试或这个人，登记了也保护不了什么。对象应写成考试编号、考生的准考证号，或“全部”；请核对后再登记")
    return named


def titles_of(connection: Connection, holds: Sequence[Hold]) -> dict[str, str]:
    """{subject: what staff call it}: the sitting's title, the person's name."""
    people = {int(one.subject[7:]) for one in holds if one.subject.startswith("person/")}
    names = connection.execute(select(person.c.id, person.c.name).where(person.c.id.in_(people)))
    sittings = {one.subject[8:] for one in holds if one.subject.startswith("sitting/")}
    titles = connection.execute(select(sitting.c.id, sitting.c.title).where(sitting.c.id.in_(sittings)))
    return {"*": "全部", **{f"person/{row.id}": row.name for row in names}, **{f"sitting/{row.id}": row.title for row in titles}}


def lift_hold(connection: Connection, ident: int, *, reason: str, by: str) -> None:
    """Let the policy go on for a subject; why is kept in the trail.

    :raises RetentionError: no such standing hold, or no reason.
    """
    if not 1 <= len(reason.strip()) <= 500:
        raise RetentionError("请写明解除暂缓删除的事由（500 字以内）")
    row = connection.execute(
        update(legal_hold).where(legal_hold.c.id == ident, legal_hold.c.lifted_at.is_(None)).values(lifted_by=by, lifted_at=now_ms())
        .returning(legal_hold.c.subject)
    ).first()  # fmt: skip
    if row is None:
        raise RetentionError("没有这项暂缓删除，或者已经解除")
    audit(connection, OFFICE, by, "hold.lift", row.subject, hold=ident, reason=reason.strip())


def standing_holds(connection: Connection) -> Sequence[Hold]:
    """Holds that stand, the oldest first."""
    rows = connection.execute(select(legal_hold).where(legal_hold.c.lifted_at.is_(None)).order_by(legal_hold.c.id))
    return [Hold(row.id, row.subject, row.reason, row.document_no, row.by, row.at) for row in rows]


def held_sittings(connection: Connection, holds: Sequence[Hold]) -> set[str]:
    """Sittings that are held themselves or through one of their candidates."""
    people = [int(one.subject[7:]) for one in holds if one.subject.startswith("person/")]
    through = connection.execute(select(candidate.c.sitting_id).where(candidate.c.person_id.in_(people)).distinct()).scalars()
    return {one.subject[8:] for one in holds if one.subject.startswith("sitting/")} | set(through)
