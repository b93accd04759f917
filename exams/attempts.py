"""An attempt: one candidate's one go at one form; started once, resumed on any new page, closed once.

All functions work on exam.db inside the caller's transaction, and every change of state is one conditional statement, so
that two processes, two tabs or two clicks end in the same single outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, text, update

from exams.answers import is_blank
from exams.display import Order, order_from_json, order_to_json
from exams.prepared import Prepared
from exams.refusals import Refused
from exams.sessions import PAUSED_SINCE, Standing, standing
from exams.stalls import silence_ms
from exams.tables import attempt, entry, handin, open_sitting, save
from home import digest, local_text

#: how long past limit and grace an attempt waits for saves that arrived in time and are still in the queue
SWEEP_AFTER_MS = 15_000


@dataclass(frozen=True)
class Page:
    """What a newly opened paper page needs. ``writer`` makes all earlier pages of the attempt stale.

    ``typed_at``: the page's clock (ms) at each answer that counts; an older answer left in a browser must not replace it.
    """

    attempt_id: int
    writer: int
    limit_at: int
    order: Order
    answers: dict[str, str]
    typed_at: dict[str, int]


@dataclass(frozen=True)
class Finish:
    """How an attempt ended. ``closed_by``: handin, time or officer; ``at`` ms UTC; ``receipt`` 64 hex digits."""

    at: int
    closed_by: str
    receipt: str
    unanswered: int


def may_start(who: Standing, now: int) -> Refused | None:
    """Why this candidate may not start now, or None: barred, over, early, late (unless an officer lets this one in), paused."""
    if who.barred:
        return Refused("barred")
    if who.sitting_closed_at is not None or now >= who.closes_at:
        return Refused("over")
    if now < who.opens_at:
        return Refused("early", opens=local_text(who.opens_at))
    if who.late_entry_minutes is not None and now > max(who.opens_at + who.late_entry_minutes * 60_000, who.late_until or 0):
        return Refused("late_entry", minutes=who.late_entry_minutes)
    return None if who.paused_at is None else Refused("paused")


def limit_of(who: Standing, start: int) -> int:
    """When a paper started at ``start`` ends, ms UTC, before any grant."""
    return min(start + who.minutes * 60_000, who.closes_at)


def start(connection: Connection, who: Standing, order: Order, now: int) -> int:
    """Start the attempt, or find the one that was started already; returns its id. Never two.

    :raises Refused: not now, or started on another device.
    """
    who = _standing_now(connection, who, now)
    started = None if who.attempt_id is not None else _begin(connection, who, order, now)
    if started is not None:
        return started
    known = _attempt_of(connection, who.entry_id)
    assert known is not None
    if known.state == "open" and known.device not in (None, who.device):
        raise Refused("device")
    return int(known.id)


_BEGIN = Prepared(text(
    "INSERT INTO attempt (entry_id, sitting_id, form, display_order, started_at, limit_at, state, writer, device)"
    " VALUES (:entry, :sitting, :form, :shown, :now, :limit, 'open', 0, :device) ON CONFLICT (entry_id) DO NOTHING RETURNING id"
))  # fmt: skip
_HOLD_SITTING = Prepared(select(open_sitting.c.id).where(open_sitting.c.id == bindparam("sitting")).with_for_update(read=True))


def _begin(connection: Connection, who: Standing, order: Order, now: int) -> int | None:
    """The new attempt's id; None if another process started it since ``who`` was read."""
    refusal = may_start(who, now)
    if refusal:
        raise refusal
    row = _BEGIN.first(
        connection, entry=who.entry_id, sitting=who.sitting_id, form=who.form, shown=order_to_json(order), now=now,
        limit=limit_of(who, now), device=who.device,
    )  # fmt: skip
    return None if row is None else int(row[0])


def _standing_now(connection: Connection, who: Standing, now: int) -> Standing:
    """The same candidate as of this transaction: the officer may have closed or barred since the page asked.

    On PostgreSQL the sitting's row is locked against a closing that runs beside this (SQLite has one writer anyway).

    :raises Refused: logged out since.
    """
    _HOLD_SITTING.all(connection, sitting=who.sitting_id)
    fresh = standing(connection, who.token_digest, now)
    if fresh is None:
        raise Refused("session")
    return fresh


def _attempt_of(connection: Connection, entry_id: int) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(attempt).where(attempt.c.entry_id == entry_id)).first()


_TAKE_OVER = Prepared(
    update(attempt)
    .where(
        attempt.c.entry_id == bindparam("of_entry"), attempt.c.state == "open",
        or_(attempt.c.device.is_(None), attempt.c.device == bindparam("on_device")),
    )
    .values(writer=attempt.c.writer + 1, device=bindparam("on_device"), last_seen_at=bindparam("at"))
    .returning(attempt.c.id, attempt.c.writer, attempt.c.limit_at, attempt.c.display_order)
)  # fmt: skip


def open_page(connection: Connection, who: Standing, now: int) -> Page:
    """A new page of the paper takes over: writer number + 1, with everything that was saved so far.

    :raises Refused: not started, ended, or open on another device.
    """
    row = _TAKE_OVER.first(connection, of_entry=who.entry_id, on_device=who.device, at=now)
    if row is None:
        known = _attempt_of(connection, who.entry_id)
        raise Refused("not_started") if known is None else refusal_of_state(known.state, known.closed_by) or Refused("device")
    saved = _effective(connection, row.id) if row.writer > 1 else ()
    return Page(
        row.id, row.writer, row.limit_at, order_from_json(row.display_order),
        {one.question: one.answer for one in saved}, {one.question: one.client_at for one in saved},
    )  # fmt: skip


def refusal_of_state(state: str, closed_by: str | None) -> Refused | None:
    """Why an attempt in this state takes nothing more, or None while it is open."""
    if state == "open":
        return None
    if state == "void":
        return Refused("void")
    return Refused("handed_in" if closed_by == "handin" else "closed")


def effective_answers(connection: Connection, attempt_id: int) -> dict[str, str]:
    """{question id: answer}: the newest save of each question by (writer, seq); late saves do not count."""
    return {row.question: row.answer for row in _effective(connection, attempt_id)}


def _effective(connection: Connection, attempt_id: int) -> Sequence[Row[str, str, int]]:
    """Counted saves, oldest first: the last of each question stands."""
    return connection.execute(
        select(save.c.question, save.c.answer, save.c.client_at)
        .where(save.c.attempt_id == attempt_id, save.c.late.is_(False))
        .order_by(save.c.writer, save.c.seq)
    ).all()


def hand_in(connection: Connection, attempt_id: int, writer: int, shown_unanswered: int | None, arrived: int) -> Finish:
    """Close an attempt on the candidate's word; again and again the same :class:`Finish`.

    ``arrived``: when the request came in, ms UTC; from ``limit_at`` on the attempt is closed by time and ends at its limit.
    ``shown_unanswered``: the count on the candidate's screen, which must be the server's; None at time-up.

    :raises Refused: an older page, time left though the page thinks it is up, a screen that shows something else, a void attempt, a pause; or the time is up only because
        the server stood still, which is about to be given back.
    """
    row = connection.execute(select(attempt).where(attempt.c.id == attempt_id).with_for_update()).one()
    if row.state == "closed":
        return finish_of(connection, attempt_id)
    if row.state == "void" or row.writer != writer:
        raise Refused("void" if row.state == "void" else "stale")
    _refuse_while_time_stands(connection, row, arrived)
    if arrived >= row.limit_at:
        at, by = row.limit_at, "time"
    elif shown_unanswered is None:
        raise Refused("time_left", limit=row.limit_at)
    else:
        at, by = arrived, "handin"
    answers = effective_answers(connection, attempt_id)
    unanswered = _unanswered(row.display_order, answers)
    if by == "handin" and shown_unanswered != unanswered:
        raise Refused("mismatch", server=unanswered)
    connection.execute(
        update(attempt)
        .where(attempt.c.id == attempt_id, attempt.c.state == "open", attempt.c.writer == writer)
        .values(state="closed", closed_at=at, closed_by=by)
    )
    receipt = _receipt(connection, attempt_id, at, answers)
    if by == "handin":
        connection.execute(insert(handin).values(attempt_id=attempt_id, at=at, receipt=receipt, unanswered=unanswered))
    return Finish(at, by, receipt, unanswered)


def _refuse_while_time_stands(connection: Connection, row: Row[tuple[object, ...]], arrived: int) -> None:
    paused = connection.execute(
        select(PAUSED_SINCE).join(open_sitting, open_sitting.c.id == attempt.c.sitting_id).where(attempt.c.id == row.id)
    ).scalar_one()
    if paused is not None and paused < row.limit_at:
        raise Refused("paused")
    if arrived >= row.limit_at > arrived - silence_ms(connection, arrived):
        raise Refused("unsaved")


def _unanswered(shown: str, answers: dict[str, str]) -> int:
    return sum(is_blank(answers.get(question, "")) for question, _letters in order_from_json(shown))


def finish_of(connection: Connection, attempt_id: int) -> Finish:
    """How a closed attempt ended; the receipt is computed anew from what is stored."""
    row = connection.execute(select(attempt).where(attempt.c.id == attempt_id)).one()
    answers = effective_answers(connection, attempt_id)
    receipt = _receipt(connection, attempt_id, row.closed_at, answers)
    return Finish(row.closed_at, row.closed_by, receipt, _unanswered(row.display_order, answers))


def verify_receipt(connection: Connection, attempt_id: int) -> bool:
    """Whether the receipt given at hand-in still fits the stored answers; False if one stored byte changed."""
    given = connection.execute(select(handin.c.receipt).where(handin.c.attempt_id == attempt_id)).scalar_one()
    return bool(given == finish_of(connection, attempt_id).receipt)


def _receipt(connection: Connection, attempt_id: int, at: int, answers: dict[str, str]) -> str:
    """Digest of who, when, every counted answer and the chain's head at the last of them."""
    number = connection.execute(
        select(entry.c.admission_no).join(attempt, attempt.c.entry_id == entry.c.id).where(attempt.c.id == attempt_id)
    ).scalar_one()
    head = connection.execute(
        select(save.c.chain_head)
        .where(save.c.attempt_id == attempt_id, save.c.late.is_(False))
        .order_by(save.c.chain_n.desc())
        .limit(1)
    ).scalar()
    return digest([number, at, sorted(answers.items()), head or ""])


def close_overdue(connection: Connection, now: int) -> int:
    """Close every open attempt whose limit and grace are over with its last save; finish time is the limit. Returns how many.

    Those still in the queue with an arrival stamp in time are waited for (:data:`SWEEP_AFTER_MS`). Nobody's time ends during a
    pause, nor while the hall stands still: what either costs is given back first.
    """
    if silence_ms(connection, now):
        return 0
    here = select(open_sitting).where(open_sitting.c.id == attempt.c.sitting_id)
    grace = here.with_only_columns(open_sitting.c.grace_s).scalar_subquery()
    paused = here.with_only_columns(PAUSED_SINCE).correlate(attempt).scalar_subquery()
    return connection.execute(
        update(attempt)
        .where(
            attempt.c.state == "open", attempt.c.limit_at + grace * 1000 + SWEEP_AFTER_MS < now,
            or_(paused.is_(None), paused >= attempt.c.limit_at),
        )
        .values(state="closed", closed_at=attempt.c.limit_at, closed_by="time")
    ).rowcount
