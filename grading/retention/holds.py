"""Legal holds: while one stands, nothing about its subject is erased, whatever the policy says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from exams.tables import candidate
from grading.retention.policy import RetentionError
from home import OFFICE, audit, now_ms
from people.tables import legal_hold

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

    :raises RetentionError: no such kind of subject, or no reason.
    """
    if not SUBJECT.fullmatch(subject):
        raise RetentionError("暂缓删除的对象应写成 person/编号、sitting/考试编号，或 * 表示全部")
    if not 1 <= len(reason.strip()) <= 500 or len(document_no) > 100:
        raise RetentionError("请写明暂缓删除的事由（500 字以内），文号不超过 100 字")
    number = connection.execute(
        legal_hold.insert().values(subject=subject, reason=reason.strip(), document_no=document_no.strip() or None, by=by, at=now_ms())
    ).inserted_primary_key[0]  # type: ignore[index]
    audit(connection, OFFICE, by, "hold.place", subject, hold=number, document_no=document_no)
    return int(number)


def lift_hold(connection: Connection, ident: int, *, by: str) -> None:
    """Let the policy go on for a subject.

    :raises RetentionError: no such standing hold.
    """
    row = connection.execute(
        update(legal_hold).where(legal_hold.c.id == ident, legal_hold.c.lifted_at.is_(None)).values(lifted_by=by, lifted_at=now_ms())
        .returning(legal_hold.c.subject)
    ).first()  # fmt: skip
    if row is None:
        raise RetentionError("没有这项暂缓删除，或者已经解除")
    audit(connection, OFFICE, by, "hold.lift", row.subject, hold=ident)


def standing_holds(connection: Connection) -> Sequence[Hold]:
    """Holds that stand, the oldest first."""
    rows = connection.execute(select(legal_hold).where(legal_hold.c.lifted_at.is_(None)).order_by(legal_hold.c.id))
    return [Hold(row.id, row.subject, row.reason, row.document_no, row.by, row.at) for row in rows]


def held_sittings(connection: Connection, holds: Sequence[Hold]) -> set[str]:
    """Sittings that are held themselves or through one of their candidates."""
    people = [int(one.subject[7:]) for one in holds if one.subject.startswith("person/")]
    through = connection.execute(select(candidate.c.sitting_id).where(candidate.c.person_id.in_(people)).distinct()).scalars()
    return {one.subject[8:] for one in holds if one.subject.startswith("sitting/")} | set(through)
