"""What an officer may do while a sitting runs: more time, pauses, another computer, a late candidate, a note; all on exam.db.

Each act has its reason, is one conditional change in the caller's transaction, stands in the audit chain and in the room's
record. Done twice, by a second click or a second officer, it is done once: a pause and a resumption by their state, more time
by ``after``, the newest grant that the officer's page showed. Acts that take something back are in :mod:`exams.decisions`.

**Pauses.** A room and a candidate can each be paused, and both at once. Whoever resumes gives back the time in which the candidate
was paused and that no other resumption gives: the room's part until a pause of the candidate's own begins, and the
candidate's own part until the room's begins. So every millisecond is given once, whatever the order (rounded up to a second).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, ScalarSelect, and_, case, func, insert, select, update

from exams.errors import AttemptError
from exams.incidents import record, see_to_all_of
from exams.tables import attempt, entry, grant, incident, open_sitting, session
from home import EXAM, audit, local_text

MAX_GRANT_S = 4 * 3600
#: releasing again within this time is the second click of the same act
SAME_RELEASE_MS = 30_000
REPEATED = "这一页打开以后已经加过时（可能是点了两次，或别人刚刚办过），这次没有再加。请核对后再办"


@dataclass(frozen=True)
class Resumed:
    """What a resumption did: for how long the exam stood (ms), and how many candidates got time back. ``ms`` 0: it was not paused."""

    ms: int
    candidates: int


def a_reason(text: str, what: str) -> str:
    """A reason as it is kept.

    :raises AttemptError: there is none, or it is too long.
    """
    reason = text.strip()
    if not 1 <= len(reason) <= 500:
        raise AttemptError(f"请写明{what}的原因（1 至 500 字）")
    return reason


def lock_sitting(connection: Connection, sitting_id: str) -> Row[tuple[object, ...]]:
    """The hall's row of a sitting that is not closed, locked against saves, starts and closing until the transaction ends.

    :raises AttemptError: the hall does not know it, or it is closed.
    """
    row = connection.execute(select(open_sitting).where(open_sitting.c.id == sitting_id).with_for_update()).first()
    if row is None:
        raise AttemptError("本场还没有开考，不能办理")
    if row.closed_at is not None:
        raise AttemptError("本场已经收卷，不能办理；已保存的答案都在")
    return row


# ------------------------------------------------------------------ more time


def grant_time(
    connection: Connection, admission_no: str, seconds: int, *, kind: str = "extra", reason: str, by: str, now: int,
    after: int | None = None,
) -> int:  # fmt: skip
    """Give one candidate more time while the attempt is open; returns the new limit, ms UTC.

    ``after``: :func:`newest_grant` of this candidate as the officer saw it; None: not asked.

    :raises AttemptError: no open attempt, a bad amount or reason, or time was given since.
    """
    if kind not in ("extra", "pause"):
        raise AttemptError("加时的种类不对")
    _amount(seconds)
    reason = a_reason(reason, "加时")
    row = _open_attempt(connection, admission_no, "不能加时")
    if after is not None and newest_grant(connection, row.sitting_id, admission_no) != after:
        raise AttemptError(REPEATED)
    connection.execute(update(attempt).where(attempt.c.id == row.id).values(limit_at=attempt.c.limit_at + seconds * 1000))
    _give(connection, [row.id], seconds, kind, reason, by, now)
    record(connection, row.sitting_id, row.entry_id, "grant", f"加时 {span_of(seconds)}：{reason}", by=by, now=now)
    audit(connection, EXAM, by, "attempt.grant", admission_no, seconds=seconds, kind=kind, reason=reason)
    return int(row.limit_at) + seconds * 1000


def grant_room(
    connection: Connection, sitting_id: str, seconds: int, *, reason: str, by: str, now: int, after: int | None = None
) -> int:
    """Give everybody whose attempt is open more time; returns how many. Who has not started is not concerned.

    ``after``: :func:`newest_grant` of the sitting as the officer saw it.

    :raises AttemptError: nobody is answering, a bad amount or reason, time was given since, or the sitting is closed.
    """
    _amount(seconds)
    reason = a_reason(reason, "加时")
    lock_sitting(connection, sitting_id)
    if after is not None and newest_grant(connection, sitting_id) != after:
        raise AttemptError(REPEATED)
    writing = attempt.c.sitting_id == sitting_id, attempt.c.state == "open"
    ids = connection.execute(update(attempt).where(*writing).values(limit_at=attempt.c.limit_at + seconds * 1000).returning(attempt.c.id)).scalars().all()
    if not ids:
        raise AttemptError("现在没有人在答题，不用加时")
    _give(connection, ids, seconds, "extra", reason, by, now)
    record(connection, sitting_id, None, "grant", f"全场加时 {span_of(seconds)}（{len(ids)} 人）：{reason}", by=by, now=now)
    audit(connection, EXAM, by, "room.grant", sitting_id, seconds=seconds, candidates=len(ids), reason=reason)
    return len(ids)


def newest_grant(connection: Connection, sitting_id: str, admission_no: str | None = None) -> int:
    """Number of the newest time that an officer gave in a sitting, or to one candidate of it; 0 if none was."""
    query = select(func.max(grant.c.id)).join(attempt, attempt.c.id == grant.c.attempt_id).where(grant.c.kind == "extra")
    mine = attempt.c.sitting_id == sitting_id if admission_no is None else attempt.c.entry_id == _entry_id(admission_no)
    return int(connection.execute(query.where(mine)).scalar() or 0)


def _amount(seconds: int) -> None:
    if not 1 <= seconds <= MAX_GRANT_S:
        raise AttemptError(f"加时须在 1 秒至 {MAX_GRANT_S // 3600} 小时之间")


def _give(connection: Connection, ids: Sequence[int], seconds: int, kind: str, reason: str, by: str, now: int) -> None:
    given = {"seconds": seconds, "kind": kind, "reason": reason, "by": by, "at": now}
    connection.execute(insert(grant), [{"attempt_id": ident, **given} for ident in ids])


def span_of(seconds: int) -> str:
    """Seconds as staff read them: 5 分钟, 5 分 30 秒."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} 分 {rest:02d} 秒" if rest else f"{minutes} 分钟"


# ------------------------------------------------------------------ pauses


def pause_room(connection: Connection, sitting_id: str, *, reason: str, by: str, now: int) -> bool:
    """Stop the clock for everybody and hide the paper; False if the room is paused already.

    :raises AttemptError: no reason, or the sitting is closed.
    """
    reason = a_reason(reason, "暂停")
    if lock_sitting(connection, sitting_id).paused_at is not None:
        return False
    connection.execute(update(open_sitting).where(open_sitting.c.id == sitting_id).values(paused_at=now))
    record(connection, sitting_id, None, "pause", f"全场暂停：{reason}", by=by, now=now)
    audit(connection, EXAM, by, "room.pause", sitting_id, reason=reason)
    return True


def resume_room(connection: Connection, sitting_id: str, *, reason: str, by: str, now: int) -> Resumed:
    """Go on: every open attempt gets exactly the time for which it stood, and the window moves with it.

    Who had not started yet keeps as long a window and as late an entry as before. A candidate who is also paused alone stays so.

    :raises AttemptError: no reason, or the sitting is closed.
    """
    reason = a_reason(reason, "恢复考试")
    row = lock_sitting(connection, sitting_id)
    if row.paused_at is None:
        return Resumed(0, 0)
    stood = max(0, now - row.paused_at)
    rows = connection.execute(
        select(attempt.c.id, attempt.c.started_at, attempt.c.paused_at)
        .where(attempt.c.sitting_id == sitting_id, attempt.c.state == "open").with_for_update()
    ).all()  # fmt: skip
    credit: dict[int, list[int]] = {}
    for one in rows:
        lost = min(now, one.paused_at or now) - max(row.paused_at, one.started_at)
        if lost > 0:
            credit.setdefault(_whole_s(lost), []).append(one.id)
    for seconds, ids in credit.items():
        connection.execute(update(attempt).where(attempt.c.id.in_(ids)).values(limit_at=attempt.c.limit_at + seconds * 1000))
        _give(connection, ids, seconds, "pause", reason, by, now)
    _move_window(connection, row, stood)
    given = sum(map(len, credit.values()))
    record(connection, sitting_id, None, "resume", f"恢复考试：暂停 {span_of(_whole_s(stood))}，给 {given} 人如数补回；{reason}", by=by, now=now)
    audit(connection, EXAM, by, "room.resume", sitting_id, paused_ms=stood, candidates=given, reason=reason)
    return Resumed(stood, given)


def _move_window(connection: Connection, row: Row[tuple[object, ...]], stood: int) -> None:
    connection.execute(
        update(open_sitting).where(open_sitting.c.id == row.id).values(paused_at=None, closes_at=open_sitting.c.closes_at + stood)
    )
    if row.late_entry_minutes is None:
        return
    last = row.opens_at + row.late_entry_minutes * 60_000
    usual = func.coalesce(entry.c.late_until, last)
    began = select(attempt.c.entry_id).where(attempt.c.sitting_id == row.id)
    connection.execute(  # only whoever could still have come in when the pause began
        update(entry)
        .where(entry.c.sitting_id == row.id, entry.c.id.not_in(began), case((usual < last, last), else_=usual) >= row.paused_at)
        .values(late_until=case((usual < last, last), else_=usual) + stood)
    )


def pause_one(connection: Connection, admission_no: str, *, reason: str, by: str, now: int) -> bool:
    """Stop one candidate's clock and hide the paper; False if that is so already.

    :raises AttemptError: no reason, or no open attempt.
    """
    reason = a_reason(reason, "暂停")
    row = _open_attempt(connection, admission_no, "不用暂停")
    if row.paused_at is not None:
        return False
    connection.execute(update(attempt).where(attempt.c.id == row.id).values(paused_at=now))
    record(connection, row.sitting_id, row.entry_id, "pause", f"单独暂停：{reason}", by=by, now=now)
    audit(connection, EXAM, by, "attempt.pause", admission_no, reason=reason)
    return True


def resume_one(connection: Connection, admission_no: str, *, reason: str, by: str, now: int) -> Resumed:
    """One candidate goes on with exactly the time for which the own pause stood; see the module for the room's.

    :raises AttemptError: no reason, or no open attempt.
    """
    reason = a_reason(reason, "恢复考试")
    row = _open_attempt(connection, admission_no, "不能恢复")
    if row.paused_at is None:
        return Resumed(0, 0)
    lost = min(now, row.room_paused_at or now) - row.paused_at
    seconds = _whole_s(lost) if lost > 0 else 0
    connection.execute(update(attempt).where(attempt.c.id == row.id).values(paused_at=None, limit_at=attempt.c.limit_at + seconds * 1000))
    if seconds:
        _give(connection, [row.id], seconds, "pause", reason, by, now)
    record(connection, row.sitting_id, row.entry_id, "resume", f"恢复作答，补回 {span_of(seconds)}：{reason}", by=by, now=now)
    audit(connection, EXAM, by, "attempt.resume", admission_no, seconds=seconds, reason=reason)
    return Resumed(max(0, lost), 1 if seconds else 0)


def _whole_s(ms: int) -> int:
    """Whole seconds, in the candidate's favour."""
    return -(-ms // 1000)


def _open_attempt(connection: Connection, admission_no: str, what: str) -> Row[tuple[object, ...]]:
    """An open attempt, locked, with ``room_paused_at``; the sitting first, as saves lock them."""
    here = select(entry.c.sitting_id).where(entry.c.admission_no == admission_no).scalar_subquery()
    room = connection.execute(select(open_sitting.c.paused_at).where(open_sitting.c.id == here).with_for_update()).first()
    row = connection.execute(
        select(attempt).where(attempt.c.entry_id == _entry_id(admission_no), attempt.c.state == "open").with_for_update()
    ).first()
    if room is None or row is None:
        raise AttemptError(f"准考证号 {admission_no} 没有正在进行的作答，{what}")
    return connection.execute(
        select(attempt, open_sitting.c.paused_at.label("room_paused_at"))
        .join(open_sitting, open_sitting.c.id == attempt.c.sitting_id)
        .where(attempt.c.id == row.id)
    ).one()


# ------------------------------------------------------------------ another computer, a late candidate


def release_device(connection: Connection, admission_no: str, *, reason: str, by: str, now: int) -> bool:
    """Let the candidate go on at another computer: the old one is logged out, the next log-in takes the attempt over.

    False: it was released a moment ago, and whoever has logged in since keeps the attempt.

    :raises AttemptError: no open attempt, or no reason.
    """
    reason = a_reason(reason, "换电脑")
    row = _open_attempt(connection, admission_no, "不用换电脑")
    lately = incident.c.entry_id == row.entry_id, incident.c.kind == "device_released", incident.c.at > now - SAME_RELEASE_MS
    if connection.execute(select(incident.c.id).where(*lately)).first():
        return False
    connection.execute(update(attempt).where(attempt.c.id == row.id).values(device=None, writer=attempt.c.writer + 1))
    connection.execute(
        update(session).where(and_(session.c.entry_id == row.entry_id, session.c.ended_at.is_(None))).values(ended_at=now)
    )
    see_to_all_of(connection, row.entry_id, ("second_device",), by=by, now=now)
    record(connection, row.sitting_id, row.entry_id, "device_released", f"准许换电脑：{reason}", by=by, now=now)
    audit(connection, EXAM, by, "attempt.release_device", admission_no, reason=reason)
    return True


def admit_late(connection: Connection, admission_no: str, until: int, *, reason: str, by: str, now: int) -> None:
    """Let a candidate start until ``until`` (ms UTC) though entry is over; the window still ends the paper.

    :raises AttemptError: no reason, started or barred, the sitting is closed, or ``until`` lies outside what is left of it.
    """
    reason = a_reason(reason, "允许迟到入场")
    who = connection.execute(select(entry).where(entry.c.admission_no == admission_no)).first()
    if who is None:
        raise AttemptError(f"没有准考证号 {admission_no}")
    room = lock_sitting(connection, who.sitting_id)
    if connection.execute(select(attempt.c.id).where(attempt.c.entry_id == who.id)).first():
        raise AttemptError(f"准考证号 {admission_no} 已经开始作答，不用办理")
    if who.barred:
        raise AttemptError(f"准考证号 {admission_no} 登记为不参加；先撤销那条登记")
    if not now < until <= room.closes_at:
        raise AttemptError(f"入场截止时间须在现在与本场结束时间（{local_text(room.closes_at, '%H:%M')}）之间")
    connection.execute(update(entry).where(entry.c.id == who.id).values(late_until=until))
    record(connection, who.sitting_id, who.id, "late_admitted", f"允许 {local_text(until, '%H:%M')} 前入场：{reason}", by=by, now=now)
    audit(connection, EXAM, by, "entry.late", admission_no, until=until, reason=reason)


def _entry_id(admission_no: str) -> ScalarSelect[int]:
    return select(entry.c.id).where(entry.c.admission_no == admission_no).scalar_subquery()
