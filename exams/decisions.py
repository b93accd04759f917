"""Acts that take something back: an attempt ended for good or gone on with, time, a sitting; and a window moved.

As a rule a second person agrees first (``[control] second_person`` of the profile, people.approvals): here ``second`` is only kept, and
``called``, the second person's name, stands in the room's record.
What is on exam.db is one transaction; where the office's row follows, the hall goes first and doing it again completes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Row, ScalarSelect, case, delete, func, insert, select, update

from exams.attempts import finish_of
from exams.control import a_reason, lock_sitting, newest_grant, span_of
from exams.errors import AttemptError, SittingError
from exams.incidents import record
from exams.room_access import ANY_ROOM, RoomAccess
from exams.sittings import Sitting, access_columns, check_window, get_sitting
from exams.tables import attempt, entry, grant, handin, open_sitting, reopening, sitting
from home import EXAM, OFFICE, Home, audit, local_text, transaction

MAX_REOPENED_S = 3 * 3600
#: what is left to whoever time is taken back from: nobody is surprised by the end
LEAST_LEFT_S = 300


def needs_second(known: Sitting, act: str) -> bool:
    """Whether an act (a key of :data:`exams.policy.SECOND_PERSON`) needs a second person in this sitting.

    The profile says so; where it does not, all do in a formal sitting and none in a demonstration or a mock.
    """
    named = known.profile.second_person
    return act in named if named is not None else known.kind == "formal"


# ------------------------------------------------------------------ one attempt


def void_attempt(
    connection: Connection, admission_no: str, *, reason: str, by: str, second: str | None, now: int, called: str | None = None
) -> bool:
    """End an attempt for good: it takes nothing more, is not collected, and the candidate may not come in again.

    The saved answers stay as evidence. The candidate's page says so (K06). False if it is void already.

    :raises AttemptError: nothing to end, no reason, or the sitting is closed.
    """
    reason = a_reason(reason, "终止作答")
    row = _locked_attempt(connection, admission_no)
    if row.state == "void":
        return False
    connection.execute(
        update(attempt).where(attempt.c.id == row.id)
        .values(state="void", closed_at=row.closed_at or now, closed_by=row.closed_by or "officer", paused_at=None)
    )  # fmt: skip
    connection.execute(update(entry).where(entry.c.id == row.entry_id).values(barred=True))
    record(connection, row.sitting_id, row.entry_id, "void", f"终止作答：{reason}{_with(called or second)}", by=by, now=now)
    audit(connection, EXAM, by, "attempt.void", admission_no, reason=reason, second=second)
    return True


def voided(home: Home, sitting_id: str) -> frozenset[str]:
    """Admission numbers whose attempt was ended for good and not reopened: they sat, but nothing of it is collected."""
    query = select(entry.c.admission_no).join(attempt, attempt.c.entry_id == entry.c.id).where(entry.c.sitting_id == sitting_id, attempt.c.state == "void")
    with home.exam.connect() as connection:
        return frozenset(connection.execute(query).scalars())


def reopen_attempt(
    connection: Connection, admission_no: str, seconds: int, *, reason: str, by: str, second: str | None, now: int,
    called: str | None = None,
) -> int:  # fmt: skip
    """Let a candidate go on whose attempt was handed in, ended by time or ended for good; returns the new limit, ms UTC.

    The former end with its receipt is kept in ``reopening``; the next hand-in gives a new receipt. The candidate logs in anew.
    Only while the sitting is not closed: after that the scripts are with the office, and a resit or a new sitting is the way.

    :raises AttemptError: not ended, barred by a standing event, a bad span or reason, or the sitting is closed.
    """
    reason = a_reason(reason, "恢复作答")
    if not 60 <= seconds <= MAX_REOPENED_S:
        raise AttemptError(f"恢复后的答题时间须在 1 分钟至 {MAX_REOPENED_S // 3600} 小时之间")
    row = _locked_attempt(connection, admission_no)
    if row.state == "open":
        raise AttemptError(f"准考证号 {admission_no} 正在作答，不用恢复")
    if row.barred:
        raise AttemptError(f"准考证号 {admission_no} 还有违纪、取消资格等登记；先撤销登记，再恢复作答")
    receipt = connection.execute(select(handin.c.receipt).where(handin.c.attempt_id == row.id)).scalar()
    connection.execute(
        insert(reopening).values(
            attempt_id=row.id, closed_at=row.closed_at, closed_by=row.closed_by, receipt=receipt or finish_of(connection, row.id).receipt,
            at=now, by=by, second=second, reason=reason,
        )
    )  # fmt: skip
    connection.execute(delete(handin).where(handin.c.attempt_id == row.id))
    limit = now + seconds * 1000
    connection.execute(
        update(attempt).where(attempt.c.id == row.id)
        .values(state="open", closed_at=None, closed_by=None, limit_at=limit, writer=attempt.c.writer + 1, device=None, paused_at=None,
                last_seen_at=None, unsaved=None, unsaved_since=None)
    )  # fmt: skip
    detail = f"恢复作答到 {local_text(limit, '%H:%M')}（原于 {local_text(row.closed_at, '%H:%M:%S')} 结束）：{reason}{_with(called or second)}"
    record(connection, row.sitting_id, row.entry_id, "reopened", detail, by=by, now=now)
    audit(connection, EXAM, by, "attempt.reopen", admission_no, limit_at=limit, reason=reason, second=second)
    return limit


def take_back_time(
    connection: Connection, sitting_id: str, admission_no: str | None, seconds: int, *, reason: str, by: str, second: str | None, now: int,
    after: int, called: str | None = None,
) -> int:  # fmt: skip
    """Take back time that was given by mistake, from one candidate or (None) from everybody at work; returns from how many.

    Never more than an officer gave and nobody took back, and never so much that less than :data:`LEAST_LEFT_S` is left.
    ``after``: :func:`exams.control.newest_grant` as the officer saw it who asked for it.

    :raises AttemptError: nothing to take, a bad amount or reason, time was given or taken since, or the sitting is closed.
    """
    reason = a_reason(reason, "收回加时")
    if seconds < 1:
        raise AttemptError("收回的时间至少 1 秒")
    room = lock_sitting(connection, sitting_id)
    taken = _takeable(connection, room, admission_no, seconds, now)
    if newest_grant(connection, sitting_id, admission_no) != after:  # asked only now: whoever gives time locks nothing but the attempt
        raise AttemptError("申请以后又加过时或收回过，没有再收回；请核对后再办")
    if not taken:
        raise AttemptError(f"没有可以收回的加时：只能收回考务加过的时间，且至少给考生留 {LEAST_LEFT_S // 60} 分钟")
    for ident, most in taken.items():
        connection.execute(update(attempt).where(attempt.c.id == ident).values(limit_at=attempt.c.limit_at - most * 1000))
    one = select(attempt.c.entry_id).where(attempt.c.id == next(iter(taken)))
    entry_id = connection.execute(one).scalar_one() if admission_no else None
    told = {"kind": "extra", "reason": f"{reason}{_with(called or second)}"[:500], "by": by, "at": now}
    connection.execute(insert(grant), [{"attempt_id": ident, "seconds": -most, **told} for ident, most in taken.items()])
    detail = f"收回加时 {span_of(max(taken.values()))}" if admission_no else f"全场收回加时 {span_of(seconds)}（{len(taken)} 人）"
    record(connection, sitting_id, entry_id, "grant", f"{detail}：{reason}{_with(called or second)}", by=by, now=now)
    audit(connection, EXAM, by, "time.take_back", admission_no or sitting_id, seconds=seconds, candidates=len(taken), reason=reason, second=second)
    return len(taken)


def given_since_reopening() -> ScalarSelect[int]:
    """Seconds that officers gave an attempt and nobody took back, beside a query of ``attempt``; a reopening sets a limit of its own."""
    reopened = select(func.coalesce(func.max(reopening.c.at), 0)).where(reopening.c.attempt_id == attempt.c.id).correlate(attempt).scalar_subquery()
    mine = grant.c.attempt_id == attempt.c.id, grant.c.kind == "extra", grant.c.at >= reopened
    return select(func.coalesce(func.sum(grant.c.seconds), 0)).where(*mine).correlate(attempt).scalar_subquery()


def _takeable(
    connection: Connection, room: Row[tuple[object, ...]], admission_no: str | None, seconds: int, now: int
) -> dict[int, int]:
    """{open attempt, locked: seconds that can be taken from it}, those with none left out."""
    given = given_since_reopening()
    concerned = attempt.c.sitting_id == room.id, attempt.c.state == "open", *([entry.c.admission_no == admission_no] if admission_no else [])
    rows = connection.execute(
        select(attempt.c.id, attempt.c.limit_at, attempt.c.paused_at, given.label("given"))
        .join(entry, entry.c.id == attempt.c.entry_id).where(*concerned).with_for_update(of=attempt)
    ).all()  # fmt: skip
    taken = {}
    for row in rows:
        stands = min(at for at in (now, row.paused_at, room.paused_at) if at is not None)
        taken[row.id] = min(seconds, row.given, (row.limit_at - stands) // 1000 - LEAST_LEFT_S)
    return {ident: most for ident, most in taken.items() if most > 0}


def _with(second: str | None) -> str:
    return f"（{second} 批准）" if second else ""


def _locked_attempt(connection: Connection, admission_no: str) -> Row[tuple[object, ...]]:
    who = connection.execute(select(entry).where(entry.c.admission_no == admission_no)).first()
    if who is None:
        raise AttemptError(f"没有准考证号 {admission_no}")
    lock_sitting(connection, who.sitting_id)
    row = connection.execute(
        select(attempt, entry.c.barred).join(entry, entry.c.id == attempt.c.entry_id)
        .where(attempt.c.entry_id == who.id).with_for_update(of=attempt)
    ).first()  # fmt: skip
    if row is None:
        raise AttemptError(f"准考证号 {admission_no} 还没有开始作答，不能办理")
    return row


# ------------------------------------------------------------------ the whole sitting


def withdraw_sitting(home: Home, office: Connection, sitting_id: str, *, reason: str, by: str, second: str | None, now: int) -> None:
    """Take back a sitting that was opened by mistake, as long as nobody has started; nobody can log in any more.

    ``office``: the caller's transaction on office.db. The hall is closed first; cut off in between, it is done again.

    :raises AttemptError, SittingError: somebody has started, no reason, or the sitting is not open.
    """
    reason = a_reason(reason, "撤回")
    if get_sitting(office, sitting_id).state not in ("open", "opening"):
        raise SittingError("本场没有开考或已经收卷，不能撤回")
    with transaction(home.exam) as connection:
        row = connection.execute(select(open_sitting).where(open_sitting.c.id == sitting_id).with_for_update()).first()
        begun = select(func.count()).select_from(attempt).where(attempt.c.sitting_id == sitting_id)
        started = connection.execute(begun).scalar_one()
        if started:
            raise SittingError(f"已有 {started} 人开始作答，不能撤回；确要停止，请收卷")
        if row is not None and row.closed_at is None:
            connection.execute(update(open_sitting).where(open_sitting.c.id == sitting_id).values(closed_at=now, paused_at=None))
            audit(connection, EXAM, by, "sitting.withdraw", sitting_id, reason=reason, second=second)
    office.execute(update(sitting).where(sitting.c.id == sitting_id).values(state="withdrawn"))
    audit(office, OFFICE, by, "sitting.withdraw", sitting_id, reason=reason, second=second)


@dataclass(frozen=True)
class Details:
    """What of a draft can be put right; instants ms UTC."""

    title: str
    place: str
    opens_at: int
    closes_at: int
    access: RoomAccess = ANY_ROOM


def edit_draft(connection: Connection, sitting_id: str, new: Details, by: str) -> bool:
    """Put title, place and window of a draft right; returns whether its paper has to be built anew.

    A paper cites the law as of its day: moved to another day, it is set aside. Admission numbers stay as they are.

    :raises SittingError: not a draft, no title, or an impossible window.
    """
    known = get_sitting(connection, sitting_id)
    if known.state != "draft":
        raise SittingError("开考后不能再改名称、地点和开始时间；要延长，请用“延长考试时间”")
    if not 1 <= len(new.title.strip()) <= 100 or len(new.place.strip()) > 100:
        raise SittingError("请填写考试名称（100 字以内）；地点不超过 100 字")
    check_window(new.opens_at, new.closes_at)
    stale = known.paper_id is not None and local_text(known.opens_at, "%Y%m%d") != local_text(new.opens_at, "%Y%m%d")
    values: dict[str, object] = {
        "title": new.title.strip(), "place": new.place.strip(), "opens_at": new.opens_at, "closes_at": new.closes_at
    }  # fmt: skip
    changed = {name: [getattr(known, name), value] for name, value in values.items() if getattr(known, name) != value}
    if new.access != known.access:
        values |= access_columns(new.access)
        changed["access"] = [known.access.told(), new.access.told()]
    if changed:
        connection.execute(update(sitting).where(sitting.c.id == sitting_id).values(**values, **({"paper_id": None} if stale else {})))
        audit(connection, OFFICE, by, "sitting.edit", sitting_id, changed=changed)
    return stale


def change_access(home: Home, office: Connection, sitting_id: str, access: RoomAccess, *, reason: str, by: str, now: int) -> bool:
    """Change where an open sitting may be taken: from the next log-in, start and page on; False if it is so already.

    Whoever writes goes on: an answer is stored from anywhere (:func:`exams.sessions.note_moved`).

    :raises AttemptError, SittingError: not open, or no reason.
    """
    reason = a_reason(reason, "修改考场网段")
    known = get_sitting(office, sitting_id)
    if known.state not in ("open", "opening"):
        raise SittingError("本场不在考试中；开考前请在“修改名称、地点、时间”里改")
    with transaction(home.exam) as connection:
        row = lock_sitting(connection, sitting_id)
        if RoomAccess(row.room_ranges or "", row.seb_keys or "") == access == known.access:
            return False
        connection.execute(update(open_sitting).where(open_sitting.c.id == sitting_id).values(**access_columns(access)))
        record(connection, sitting_id, None, "room_access", f"改为{access.told()}：{reason}", by=by, now=now)
        audit(connection, EXAM, by, "sitting.access", sitting_id, new=access.told(), reason=reason)
    office.execute(update(sitting).where(sitting.c.id == sitting_id).values(**access_columns(access)))
    audit(office, OFFICE, by, "sitting.access", sitting_id, old=known.access.told(), new=access.told(), reason=reason)
    return True


def extend_window(
    home: Home, office: Connection, sitting_id: str, closes_at: int, *, started_too: bool, reason: str, by: str, now: int
) -> Mapping[str, int]:
    """Let the window of an open sitting end later; returns ``{"started": how many limits moved}``.

    Whoever starts from now on has until the new end. Attempts that have started keep their limit unless ``started_too``: then
    those that the old end had cut short go on to the new end, never beyond the paper's minutes with what was granted.

    :raises AttemptError, SittingError: not open, not later than before, in the past, or no reason.
    """
    reason = a_reason(reason, "延长")
    known = get_sitting(office, sitting_id)
    if known.state != "open":
        raise SittingError("本场不在考试中，不能延长")
    check_window(known.opens_at, closes_at)
    with transaction(home.exam) as connection:
        row = lock_sitting(connection, sitting_id)
        if closes_at == row.closes_at and known.closes_at < closes_at:
            moved = 0  # cut off before the office's row followed
        elif closes_at <= max(row.closes_at, now):
            raise AttemptError(f"新的结束时间须晚于现在和原定的 {local_text(row.closes_at, '%H:%M')}；考试时间只能延长，不能缩短")
        else:
            connection.execute(update(open_sitting).where(open_sitting.c.id == sitting_id).values(closes_at=closes_at))
            moved = _move_limits(connection, row, closes_at) if started_too else 0
            detail = f"结束时间由 {local_text(row.closes_at, '%H:%M')} 延至 {local_text(closes_at, '%H:%M')}（已开始的 {moved} 人顺延）：{reason}"
            record(connection, sitting_id, None, "window", detail, by=by, now=now)
            audit(connection, EXAM, by, "sitting.window", sitting_id, old=row.closes_at, new=closes_at, started=moved, reason=reason)
    office.execute(update(sitting).where(sitting.c.id == sitting_id).values(closes_at=closes_at))
    audit(office, OFFICE, by, "sitting.window", sitting_id, old=known.closes_at, new=closes_at, started=moved, reason=reason)
    return {"started": moved}


def _move_limits(connection: Connection, row: Row[tuple[object, ...]], closes_at: int) -> int:
    """To the new end, but never beyond the paper's minutes with what was granted; nobody loses."""
    given = select(func.coalesce(func.sum(grant.c.seconds), 0)).where(grant.c.attempt_id == attempt.c.id).scalar_subquery()
    full = attempt.c.started_at + row.minutes * 60_000 + given * 1000
    limit = case((full < closes_at, full), else_=closes_at)
    return connection.execute(
        update(attempt)
        .where(attempt.c.sitting_id == row.id, attempt.c.state == "open", limit > attempt.c.limit_at)
        .values(limit_at=limit)
    ).rowcount
