"""What an officer may do while a sitting runs: more time, another computer; each act with its reason, on exam.db.

Every change of state is one conditional statement in the caller's transaction, and every act is in exam.db's audit chain.
"""

from __future__ import annotations

from sqlalchemy import Connection, ScalarSelect, and_, insert, select, update

from exams.errors import AttemptError
from exams.sessions import note_incident
from exams.tables import attempt, entry, grant, session
from home import EXAM, audit

MAX_GRANT_S = 4 * 3600


def grant_time(
    connection: Connection, admission_no: str, seconds: int, *, kind: str, reason: str, by: str, now: int
) -> int:
    """Give one candidate more time (``kind``: extra or pause) while the attempt is open; returns the new limit, ms UTC.

    :raises AttemptError: no open attempt, a bad amount, kind or reason.
    """
    if kind not in ("extra", "pause") or not 1 <= seconds <= MAX_GRANT_S:
        raise AttemptError(f"加时须在 1 秒至 {MAX_GRANT_S // 3600} 小时之间")
    if not 1 <= len(reason.strip()) <= 500:
        raise AttemptError("请写明加时的原因（1 至 500 字）")
    row = connection.execute(
        update(attempt)
        .where(attempt.c.entry_id == _entry_id(admission_no), attempt.c.state == "open")
        .values(limit_at=attempt.c.limit_at + seconds * 1000)
        .returning(attempt.c.id, attempt.c.limit_at)
    ).first()
    if row is None:
        raise AttemptError(f"准考证号 {admission_no} 没有正在进行的作答，不能加时")
    connection.execute(
        insert(grant).values(attempt_id=row.id, seconds=seconds, kind=kind, reason=reason.strip(), by=by, at=now)
    )
    audit(connection, EXAM, by, "attempt.grant", admission_no, seconds=seconds, kind=kind, reason=reason.strip())
    return int(row.limit_at)


def release_device(connection: Connection, admission_no: str, *, reason: str, by: str, now: int) -> None:
    """Let the candidate go on at another computer: the old one is logged out, the next log-in takes the attempt over.

    :raises AttemptError: no open attempt, or no reason.
    """
    if not 1 <= len(reason.strip()) <= 500:
        raise AttemptError("请写明换机的原因（1 至 500 字）")
    row = connection.execute(
        update(attempt)
        .where(attempt.c.entry_id == _entry_id(admission_no), attempt.c.state == "open")
        .values(device=None, writer=attempt.c.writer + 1)
        .returning(attempt.c.sitting_id, attempt.c.entry_id)
    ).first()
    if row is None:
        raise AttemptError(f"准考证号 {admission_no} 没有正在进行的作答，不用换机")
    connection.execute(
        update(session).where(and_(session.c.entry_id == row.entry_id, session.c.ended_at.is_(None))).values(ended_at=now)
    )
    note_incident(connection, row.sitting_id, row.entry_id, "device_released", f"{by} 办理换机：{reason.strip()}"[:500], now)
    audit(connection, EXAM, by, "attempt.release_device", admission_no, reason=reason.strip())


def _entry_id(admission_no: str) -> ScalarSelect[int]:
    return select(entry.c.id).where(entry.c.admission_no == admission_no).scalar_subquery()
