"""The lines of a list of candidates, and the line below it that two people check before they stamp.

Every candidate of a sitting appears exactly once: with the standing record, or, before records are issued, as 待定.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, select

from exams.tables import candidate, sitting
from grading.errors import ExportError
from grading.outcome import OUTCOMES
from grading.tables import record, record_payload
from home import local_text
from people.tables import person

PENDING = "待定"
ERASED = "（已按规定删除）"
CHANNEL = "任免渠道"
CHUNK = 2000
NAMED = 20


class Line(NamedTuple):
    """One candidate in one sitting. ``code``: outcome, ``""`` while pending; ``total``: exact fraction as text, where something was sat."""

    code: str
    columns: dict[str, str]
    sitting_id: str
    person_id: int
    total: str | None


def lines(connection: Connection, sittings: Sequence[str] | None = None, person_id: int | None = None) -> Iterator[Line]:
    """Candidates by sitting and admission number; of these sittings (``None``: all), of one person or of all."""
    newer = record.alias("newer")
    query = (
        select(candidate.c.sitting_id, candidate.c.person_id, candidate.c.admission_no, candidate.c.unit_label, candidate.c.post_label,
               candidate.c.proposed_post, candidate.c.rank_label, candidate.c.channel, sitting.c.title, sitting.c.opens_at, person.c.name,
               person.c.gender, person.c.identity_masked, record.c.id, record.c.outcome, record.c.total, record_payload.c.columns)
        .join(sitting, sitting.c.id == candidate.c.sitting_id)
        .join(person, person.c.id == candidate.c.person_id)
        .outerjoin(record, (record.c.sitting_id == candidate.c.sitting_id) & (record.c.person_id == candidate.c.person_id))
        .outerjoin(newer, newer.c.supersedes == record.c.id)
        .outerjoin(record_payload, record_payload.c.record_id == record.c.id)
        .where(newer.c.id.is_(None), *_within(candidate.c.sitting_id, candidate.c.person_id, sittings, person_id))
        .order_by(candidate.c.sitting_id, candidate.c.admission_no)
    )  # fmt: skip
    for row in connection.execute(query, execution_options={"yield_per": CHUNK}):
        yield Line(row.outcome or "", _columns(row), row.sitting_id, row.person_id, row.total)


def rows(connection: Connection, *sittings: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """(outcome code or ``""`` while pending, columns by name) of each candidate of these sittings."""
    return ((one.code, one.columns) for one in lines(connection, sittings))


def _within(
    sitting_column: ColumnElement[str], person_column: ColumnElement[int], sittings: Sequence[str] | None, person_id: int | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if sittings is not None:
        conditions.append(sitting_column.in_(sittings))
    if person_id is not None:
        conditions.append(person_column == person_id)
    return conditions


def _columns(row: Row[*tuple[Any, ...]]) -> dict[str, str]:
    if row.columns is not None:
        found: dict[str, str] = json.loads(row.columns)
        found[CHANNEL] = row.channel or ""
        return found
    if row.id is not None:
        return {"考试批次": row.sitting_id, "存档号": row.id, "姓名": ERASED, "最终结果": OUTCOMES[row.outcome].title}
    return {
        "考试批次": row.sitting_id, "考试名称": row.title, "准考证号": row.admission_no, "姓名": row.name, "性别": row.gender or "",
        "身份证号": row.identity_masked, "单位": row.unit_label, "职务": row.post_label or "", "拟任职务": row.proposed_post or "",
        "层级": row.rank_label or "", "考试日期": local_text(row.opens_at, "%Y-%m-%d"), "最终结果": PENDING, CHANNEL: row.channel or "",
    }  # fmt: skip


def reconciliation(counts: Mapping[str, int], unit: str = "人") -> str:
    """The line that two people check before they stamp: everybody who was due, once.

    >>> reconciliation({"passed": 3, "failed": 1, "absent": 1})
    '应考 5 人 = 已考 4 人（合格 3、不合格 1、终不合格 0） + 缺考 1 + 缓考 0 + 免试 0 + 违纪 0 + 取消资格 0'
    """
    sat = [(kind.title, counts.get(code, 0)) for code, kind in OUTCOMES.items() if kind.sat]
    rest = [(kind.title, counts.get(code, 0)) for code, kind in OUTCOMES.items() if not kind.sat]
    if counts.get("", 0):
        rest.append((PENDING, counts[""]))
    whole = sum(counts.values())
    inside = "、".join(f"{title} {n}" for title, n in sat)
    return (
        f"应考 {whole} {unit} = 已考 {sum(n for _, n in sat)} {unit}（{inside}） + " + " + ".join(f"{title} {n}" for title, n in rest)
    )


# ---------------------------------------------------------------- what the database says, counted another way


def refuse_uneven(connection: Connection, sittings: Sequence[str] | None, counts: Mapping[str, int], person_id: int | None = None) -> None:
    """Count candidates and standing records apart from each other and hold the list's own counts against them.

    :raises ExportError: they do not come out even; whom it is about is named.
    """
    due = _count(connection, select(func.count()).select_from(candidate).where(
        *_within(candidate.c.sitting_id, candidate.c.person_id, sittings, person_id)))  # fmt: skip
    standing = _standing(sittings, person_id)
    by_outcome = select(standing.c.outcome, func.count()).group_by(standing.c.outcome)
    found = Counter({str(code): int(n) for code, n in connection.execute(by_outcome)})
    recorded = exists().where(record.c.sitting_id == candidate.c.sitting_id, record.c.person_id == candidate.c.person_id)
    found[""] = _count(connection, select(func.count()).select_from(candidate).where(
        ~recorded, *_within(candidate.c.sitting_id, candidate.c.person_id, sittings, person_id)))  # fmt: skip
    if sum(found.values()) == due and +found == +Counter(counts):
        return
    raise ExportError(
        f"人数对不上，没有导出：名单 {due} 人次，成绩记录和待定合计 {sum(found.values())} 人次，表内 {sum(counts.values())} 人次。"
        + (_culprits(connection, sittings) or "没有查到是谁")
        + "；请把这段话交给技术人员核对数据，不要手工改表"
    )


def _standing(sittings: Sequence[str] | None, person_id: int | None = None):  # type: ignore[no-untyped-def]  # a subquery over record
    newer = record.alias("newer")
    return (
        select(record.c.sitting_id, record.c.person_id, record.c.outcome)
        .where(~exists().where(newer.c.supersedes == record.c.id), *_within(record.c.sitting_id, record.c.person_id, sittings, person_id))
        .subquery()
    )


def _culprits(connection: Connection, sittings: Sequence[str] | None) -> str:
    """Who has more than one standing record, and who has one without being on the roster."""
    standing = _standing(sittings)
    twice = (
        select(standing.c.sitting_id, person.c.name)
        .join(person, person.c.id == standing.c.person_id)
        .group_by(standing.c.sitting_id, standing.c.person_id, person.c.name)
        .having(func.count() > 1)
    )
    on_roster = exists().where(candidate.c.sitting_id == standing.c.sitting_id, candidate.c.person_id == standing.c.person_id)
    stray = select(standing.c.sitting_id, person.c.name).join(person, person.c.id == standing.c.person_id).where(~on_roster)
    told = [
        f"{title}：" + "、".join(f"{name}（{sitting_id}）" for sitting_id, name in found)
        for title, query in (("有两份有效记录", twice), ("有记录而不在名单", stray))
        if (found := connection.execute(query.limit(NAMED)).all())
    ]
    return "；".join(told)


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())
