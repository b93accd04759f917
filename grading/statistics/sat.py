"""How the exams went, per person: everybody who was due once, by the last sitting in the span, counted in one query."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from sqlalchemy import Connection, exists, func, select

from exams.tables import candidate, sitting
from grading.lists.scope import DAY_MS
from grading.outcome import OUTCOMES
from grading.statistics.asking import Asked
from grading.statistics.rules import Rules
from grading.tables import record
from home import instant_of
from people.tables import person

#: the columns of the tables about exams, disjoint; pass rate = first / (first + second)
PASSED, FAILED, MISSING, EXEMPT, PENDING = COLUMNS = ("合格", "不合格", "未参考", "免试", "待定")
_OF = {"passed": 0, "failed": 1, "final_fail": 1, "absent": 2, "deferred": 2, "misconduct": 2, "void": 2, "exempt": 3, "": 4}
assert set(_OF) == {*OUTCOMES, ""}


class Sat(NamedTuple):
    """So many people of one kind. ``rank``: as the rules group it; ``column``: index into :data:`COLUMNS`.

    The unit's label is that of the roster of the day, ``unit_id`` where the person is now.
    """

    unit_id: int | None
    unit_label: str
    rank: str
    channel: str
    column: int
    people: int


def count_sat(connection: Connection, rules: Rules, asked: Asked) -> list[Sat]:
    """Everybody due in the sittings asked about, whatever the unit: by unit, rank, channel and outcome."""
    conditions = []
    if asked.since:
        conditions.append(sitting.c.opens_at >= instant_of(asked.since.isoformat()))
    if asked.until:
        conditions.append(sitting.c.opens_at < instant_of(asked.until.isoformat()) + DAY_MS)
    if asked.formal:
        conditions.append(sitting.c.kind == "formal")
    last = func.row_number().over(partition_by=candidate.c.person_id, order_by=(sitting.c.opens_at.desc(), sitting.c.id.desc()))
    due = (
        select(candidate.c.sitting_id, candidate.c.person_id, candidate.c.unit_label, candidate.c.rank_label, candidate.c.channel, last.label("n"))
        .join(sitting, sitting.c.id == candidate.c.sitting_id)
        .where(*conditions)
        .subquery()
    )
    newer = record.alias("newer")
    standing = (
        select(record.c.sitting_id, record.c.person_id, record.c.outcome).where(~exists().where(newer.c.supersedes == record.c.id)).subquery()
    )
    query = (
        select(person.c.unit_id, due.c.unit_label, due.c.rank_label, due.c.channel, standing.c.outcome, func.count())
        .select_from(due)
        .join(person, person.c.id == due.c.person_id)
        .outerjoin(standing, (standing.c.sitting_id == due.c.sitting_id) & (standing.c.person_id == due.c.person_id))
        .where(due.c.n == 1)
        .group_by(person.c.unit_id, due.c.unit_label, due.c.rank_label, due.c.channel, standing.c.outcome)
    )
    counts = Counter[tuple[int | None, str, str, str, int]]()
    ranks: dict[str | None, str] = {}
    for unit_id, label, rank, channel, outcome, people in connection.execute(query):
        if rank not in ranks:
            ranks[rank] = rules.rank(rank or "")
        counts[unit_id, label, ranks[rank], channel or "", _OF[outcome or ""]] += people
    return [Sat(*key, people) for key, people in counts.items()]
