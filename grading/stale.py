"""Issued records that no longer say what is on file: something was entered or marked after they were issued."""

from __future__ import annotations

from sqlalchemy import Connection, func, or_, select, union

from exams.tables import candidate_event
from grading.tables import mark, record


def stale_records(connection: Connection, sitting_id: str) -> int:
    """Candidates whose newest record is older than an event, its revocation or a mark of theirs."""
    issued = (
        select(record.c.person_id, func.max(record.c.issued_at).label("at"))
        .where(record.c.sitting_id == sitting_id)
        .group_by(record.c.person_id)
        .subquery()
    )
    changed = union(
        select(issued.c.person_id).join(candidate_event, candidate_event.c.person_id == issued.c.person_id).where(
            candidate_event.c.sitting_id == sitting_id,
            or_(candidate_event.c.at > issued.c.at, candidate_event.c.revoked_at > issued.c.at),
        ),
        select(issued.c.person_id).join(mark, mark.c.person_id == issued.c.person_id).where(
            mark.c.sitting_id == sitting_id, mark.c.at > issued.c.at
        ),
    ).subquery()  # fmt: skip
    return int(connection.execute(select(func.count()).select_from(changed)).scalar_one())
