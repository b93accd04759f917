"""The life of a sitting as the officer sees it: what is there, what is done, what comes next."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from exams.sittings import Sitting
from exams.tables import candidate, script
from grading.paper_marks.register import unfinished
from grading.stale import stale_records
from grading.tables import mark, record
from question_bank.marking import NEEDS_PERSON

TITLES = ("名单", "组卷", "开考", "考试中", "收卷", "阅卷", "成绩")


@dataclass(frozen=True)
class Facts:
    """Counts of one sitting. ``waiting`` are marks that a person must give; ``records`` candidates with a record; ``stale``
    those whose events or marks changed after it was issued; ``on_paper`` those registered for paper whose sheets are not in."""

    candidates: int
    scripts: int
    marked: int
    waiting: int
    records: int
    stale: int = 0
    on_paper: int = 0


@dataclass(frozen=True)
class Step:
    """One step; ``state`` is done, now or later."""

    title: str
    state: str


def read_facts(connection: Connection, sitting_id: str) -> Facts:
    """Count what a sitting has."""

    def count(column, *conditions) -> int:  # type: ignore[no-untyped-def]  # any column and its conditions
        query = select(func.count(column.distinct())).where(column.table.c.sitting_id == sitting_id, *conditions)
        return int(connection.execute(query).scalar_one())

    waiting = select(func.count()).select_from(mark).where(mark.c.sitting_id == sitting_id, mark.c.state == NEEDS_PERSON)
    return Facts(
        count(candidate.c.person_id), count(script.c.person_id), count(mark.c.person_id),
        int(connection.execute(waiting).scalar_one()), count(record.c.person_id), stale_records(connection, sitting_id),
        len(unfinished(connection, sitting_id)),
    )  # fmt: skip


def current_step(known: Sitting, facts: Facts, now: int) -> int:
    """Index into :data:`TITLES` of what is to be done now; ``len(TITLES)`` when all is done."""
    if known.state == "withdrawn":
        return len(TITLES)
    if known.state == "opening":
        return 2  # cut off in the middle: opening again goes on from there
    if known.state == "draft":
        return 0 if not facts.candidates else 1 if known.paper_id is None else 2
    if known.state == "open":
        return 3 if now < known.closes_at else 4
    if known.state == "closed" or facts.on_paper or facts.marked < facts.scripts:
        return 5
    return 6 if facts.records < facts.candidates or facts.stale else len(TITLES)


def steps_of(known: Sitting, facts: Facts, now: int) -> tuple[Step, ...]:
    """All steps with their state."""
    here = current_step(known, facts, now)
    return tuple(Step(title, "done" if n < here else "now" if n == here else "later") for n, title in enumerate(TITLES))
