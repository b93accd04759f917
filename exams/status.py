"""The live picture of a sitting for the officer: who is due, writing, handed in; read from exam.db only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from exams.tables import attempt, entry, open_sitting, save
from home import Home

#: state of one candidate -> Chinese title, in the order in which the officer reads them
STATES = {
    "not_started": "未开始",
    "writing": "作答中",
    "quiet": "超过 2 分钟无动静",
    "handed_in": "已交卷",
    "timed_out": "到时收卷",
    "closed": "监考收卷",
    "barred": "不参加",
}
QUIET_MS = 120_000


@dataclass(frozen=True)
class CandidateStatus:
    """One line of the officer's table; instants ms UTC, ``remaining_s`` only while writing."""

    admission_no: str
    name: str
    unit_label: str
    form: str
    state: str
    started_at: int | None
    limit_at: int | None
    remaining_s: int | None
    last_save_at: int | None
    answered: int


@dataclass(frozen=True)
class SittingStatus:
    """Counts by state and the lines behind them; ``saves`` is the length of the sitting's hash chain."""

    counts: dict[str, int]
    lines: tuple[CandidateStatus, ...]
    saves: int
    closed: bool

    @property
    def due(self) -> int:
        return len(self.lines)


def sitting_status(home: Home, sitting_id: str, now: int) -> SittingStatus | None:
    """The picture at ``now`` (ms UTC), or None if the sitting was never opened."""
    last = (
        select(
            save.c.attempt_id,
            func.max(save.c.received_at).label("at"),
            func.count(save.c.question.distinct()).label("answered"),
        )
        .where(save.c.answer != "", save.c.late.is_(False))
        .group_by(save.c.attempt_id)
        .subquery()
    )
    query = (
        select(entry, attempt.c.state, attempt.c.started_at, attempt.c.limit_at, attempt.c.closed_by,
               attempt.c.last_seen_at, last.c.at, last.c.answered)
        .outerjoin(attempt, attempt.c.entry_id == entry.c.id)
        .outerjoin(last, last.c.attempt_id == attempt.c.id)
        .where(entry.c.sitting_id == sitting_id)
        .order_by(entry.c.admission_no)
    )  # fmt: skip
    with home.exam.connect() as connection:
        here = connection.execute(select(open_sitting).where(open_sitting.c.id == sitting_id)).first()
        if here is None:
            return None
        rows = connection.execute(query).all()
    lines = tuple(
        CandidateStatus(
            row.admission_no, row.name, row.unit_label, row.form, state := _state(row, now), row.started_at, row.limit_at,
            max(0, (row.limit_at - now) // 1000) if state in ("writing", "quiet") else None, row.at, row.answered or 0,
        )
        for row in rows
    )  # fmt: skip
    counted = Counter(line.state for line in lines)
    return SittingStatus({state: counted[state] for state in STATES}, lines, here.chain_n, here.closed_at is not None)


def _state(row: object, now: int) -> str:
    state, closed_by = row.state, row.closed_by  # type: ignore[attr-defined]
    if state == "open":
        seen = max(filter(None, (row.last_seen_at, row.at, row.started_at)))  # type: ignore[attr-defined]
        return "quiet" if now - seen > QUIET_MS else "writing"
    if state is not None:
        return {"handin": "handed_in", "time": "timed_out"}.get(closed_by, "closed")
    return "barred" if row.barred else "not_started"  # type: ignore[attr-defined]
