"""The live picture of a sitting for the officer: who is due, answering, lost, handed in; read from exam.db only.

Counts are one query over the whole roster; lines are read a page at a time, so that a room of 10,000 costs what its page costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, Select, Subquery, and_, case, func, or_, select

from exams.tables import attempt, entry, open_sitting, save, session
from home import Home

#: state of one candidate -> Chinese title, in the order in which the officer reads them
STATES = {
    "not_started": "未到",
    "arrived": "已登录未开始",
    "writing": "作答中",
    "quiet": "一分半没有新答案",
    "lost": "失去联系",
    "paused": "已暂停",
    "handed_in": "已交卷",
    "timed_out": "到时收卷",
    "closed": "监考收卷",
    "void": "已终止",
    "barred": "不参加",
}
#: states of an open attempt that nothing stops
AT_WORK = ("writing", "quiet", "lost", "paused")
#: no new answer for so long, though the page is there
QUIET_MS = 90_000
#: nothing heard from the page for so long
LOST_MS = 60_000
PAGE = 50


@dataclass(frozen=True)
class CandidateStatus:
    """One line of the officer's table; instants ms UTC, ``remaining_s`` only at work (while paused: as it stood then).

    ``unsaved``: answers that the page said it had not yet saved, since ``unsaved_since``.
    """

    admission_no: str
    name: str
    unit_label: str
    form: str
    state: str
    started_at: int | None
    limit_at: int | None
    remaining_s: int | None
    last_save_at: int | None
    last_seen_at: int | None
    answered: int
    unsaved: int
    unsaved_since: int | None
    paused_at: int | None
    late_until: int | None


@dataclass(frozen=True)
class SittingStatus:
    """Counts by state; ``saves`` and ``head`` are the length and the head of the sitting's hash chain. Instants ms UTC."""

    counts: Mapping[str, int]
    unsaved: int
    saves: int
    head: str
    closed: bool
    paused_at: int | None
    opens_at: int
    closes_at: int
    minutes: int
    late_entry_minutes: int | None

    @property
    def due(self) -> int:
        return sum(self.counts.values())

    @property
    def at_work(self) -> int:
        """How many have an open attempt that nothing stops."""
        return sum(self.counts[state] for state in AT_WORK)


_paused_at = func.coalesce(attempt.c.paused_at, open_sitting.c.paused_at)
#: the newest save by the primary key: one step down the index
_last_save = (
    select(save.c.received_at)
    .where(save.c.attempt_id == attempt.c.id)
    .order_by(save.c.writer.desc(), save.c.seq.desc())
    .limit(1)
    .scalar_subquery()
)


def _state(now: int, known: Subquery) -> ColumnElement[str]:
    """The state as SQL; ``known``: the subquery of entries that have ever logged in."""
    logged_in = known.c.entry_id.is_not(None)
    seen = func.coalesce(attempt.c.last_seen_at, attempt.c.started_at)
    return case(
        (attempt.c.state == "void", "void"),
        (and_(entry.c.barred, or_(attempt.c.state.is_(None), attempt.c.state == "open")), "barred"),
        (attempt.c.state == "closed", case((attempt.c.closed_by == "handin", "handed_in"), (attempt.c.closed_by == "time", "timed_out"), else_="closed")),
        (and_(attempt.c.state == "open", _paused_at.is_not(None)), "paused"),
        (and_(attempt.c.state == "open", now - seen > LOST_MS), "lost"),
        (and_(attempt.c.state == "open", now - func.coalesce(_last_save, attempt.c.started_at) > QUIET_MS), "quiet"),
        (attempt.c.state == "open", "writing"),
        (logged_in, "arrived"),
        else_="not_started",
    )  # fmt: skip


def _everybody(sitting_id: str, now: int) -> Select[tuple[object, ...]]:
    arrived = select(session.c.entry_id).distinct().subquery()
    return (
        select(
            entry.c.admission_no, entry.c.name, entry.c.unit_label, entry.c.form, entry.c.late_until, attempt.c.id.label("attempt_id"),
            attempt.c.started_at, attempt.c.limit_at, attempt.c.last_seen_at, attempt.c.unsaved, attempt.c.unsaved_since,
            _paused_at.label("paused_at"), _last_save.label("last_save_at"), _state(now, arrived).label("state"),
        )
        .join(open_sitting, open_sitting.c.id == entry.c.sitting_id)
        .outerjoin(attempt, attempt.c.entry_id == entry.c.id)
        .outerjoin(arrived, arrived.c.entry_id == entry.c.id)
        .where(entry.c.sitting_id == sitting_id)
    )  # fmt: skip


def sitting_status(home: Home, sitting_id: str, now: int) -> SittingStatus | None:
    """The picture at ``now`` (ms UTC), or None if the sitting was never opened."""
    with home.exam.connect() as connection:
        return status_of(connection, sitting_id, now)


def status_of(connection: Connection, sitting_id: str, now: int) -> SittingStatus | None:
    """:func:`sitting_status` within a connection to exam.db."""
    here = connection.execute(select(open_sitting).where(open_sitting.c.id == sitting_id)).first()
    if here is None:
        return None
    everybody = _everybody(sitting_id, now).subquery()
    behind = case((and_(everybody.c.state.in_(AT_WORK), everybody.c.unsaved > 0), 1), else_=0)
    counted = connection.execute(
        select(everybody.c.state, func.count(), func.sum(behind)).group_by(everybody.c.state)
    ).all()
    counts = dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in counted}
    return SittingStatus(
        counts, sum(row[2] for row in counted), here.chain_n, here.chain_head, here.closed_at is not None, here.paused_at,
        here.opens_at, here.closes_at, here.minutes, here.late_entry_minutes,
    )  # fmt: skip


def lines_of(
    connection: Connection, sitting_id: str, now: int, *, state: str = "", text: str = "", admission_no: str = "", page: int = 1,
    most: int = PAGE,
) -> tuple[int, Sequence[CandidateStatus]]:  # fmt: skip
    """(how many fit, the lines of one page of them) by admission number.

    ``state``: a key of :data:`STATES`, ``unsaved`` (answers wait in the page), ``at_work``, or all; ``text``: part of a name, unit or number.
    """
    everybody = _everybody(sitting_id, now).subquery()
    conditions: list[ColumnElement[bool]] = []
    if state == "unsaved":
        conditions += [everybody.c.unsaved > 0, everybody.c.state.in_(AT_WORK)]
    elif state == "at_work":
        conditions.append(everybody.c.state.in_(AT_WORK))
    elif state:
        conditions.append(everybody.c.state == state)
    if text:
        fields = (everybody.c.name, everybody.c.admission_no, everybody.c.unit_label)
        conditions.append(or_(*(field.contains(text, autoescape=True) for field in fields)))
    if admission_no:
        conditions.append(everybody.c.admission_no == admission_no)
    whole = connection.execute(select(func.count()).select_from(everybody).where(*conditions)).scalar_one()
    query = select(everybody).where(*conditions).order_by(everybody.c.admission_no).limit(most).offset((max(1, page) - 1) * most)
    rows = connection.execute(query).all()
    answered = _answered(connection, [row.attempt_id for row in rows if row.attempt_id is not None])
    return int(whole), [_line(row, answered, now) for row in rows]


def _answered(connection: Connection, attempts: Sequence[int]) -> dict[int, int]:
    """{attempt: how many questions have an answer that counts}: the newest save of each."""
    found: dict[int, dict[str, bool]] = {}
    rows = connection.execute(
        select(save.c.attempt_id, save.c.question, save.c.answer != "")
        .where(save.c.attempt_id.in_(attempts), save.c.late.is_(False))
        .order_by(save.c.attempt_id, save.c.writer, save.c.seq)
    )
    for ident, question, given in rows:
        found.setdefault(ident, {})[question] = bool(given)
    return {ident: sum(questions.values()) for ident, questions in found.items()}


def _line(row: Row[tuple[object, ...]], answered: Mapping[int, int], now: int) -> CandidateStatus:
    working = row.state in AT_WORK
    moment = row.paused_at if row.state == "paused" else now
    return CandidateStatus(
        row.admission_no, row.name, row.unit_label, row.form, row.state, row.started_at, row.limit_at,
        max(0, (row.limit_at - moment) // 1000) if working else None, row.last_save_at, row.last_seen_at,
        answered.get(row.attempt_id, 0), (row.unsaved or 0) if working else 0, row.unsaved_since if working and row.unsaved else None,
        row.paused_at if row.state == "paused" else None, row.late_until,
    )  # fmt: skip


def running_sittings(connection: Connection, now: int) -> int:
    """How many sittings of exam.db are in their window at ``now`` (ms UTC) and not closed."""
    here = open_sitting.c.closed_at.is_(None), open_sitting.c.opens_at <= now, open_sitting.c.closes_at > now
    return int(connection.execute(select(func.count()).select_from(open_sitting).where(*here)).scalar_one())
