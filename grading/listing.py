"""The list of pass records that HR keeps: which rows, which columns, and how the numbers come out even.

Every candidate of a sitting appears exactly once: with the standing record, or, before records are issued, as 待定.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from exams.duties import waivers_used
from exams.sittings import get_sitting
from exams.tables import candidate, sitting
from grading.columns import COLUMNS
from grading.errors import ExportError
from grading.outcome import OUTCOMES
from grading.stale import stale_records
from grading.tables import record, record_payload
from home import Home
from people.tables import person

NUMBER = "序号"
PENDING = "待定"
ERASED = "（已按规定删除）"
LAYOUT = Path(__file__).parent / "export_columns.toml"
CHUNK = 2000


@dataclass(frozen=True)
class Column:
    """One column of a list: the record's name for it, the heading, the width in characters."""

    name: str
    title: str
    width: float


@dataclass(frozen=True)
class Layout:
    """Which columns a list has. ``title`` may hold ``{title}`` and ``{office}``."""

    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Listing:
    """What a list says above and below its rows."""

    title: str
    office: str
    stamps: tuple[str, ...]
    sittings: int
    notes: tuple[str, ...]          # printed conditions: waived conflicts of duty


def read_layout(path: Path = LAYOUT) -> Layout:
    """Columns from TOML.

    :raises ExportError: an unknown or repeated column, or a width that is no number; all faults at once.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ExportError(f"{path.name}：读不出来（{error}）；请改正或恢复原文件") from None
    known, faults = {NUMBER, *COLUMNS}, list[str]()
    columns: list[Column] = []
    for n, row in enumerate(raw.get("column", []), 1):
        name, width = row.get("name"), row.get("width", 10)
        if name not in known:
            faults.append(f"{path.name}：第 {n} 列“{name}”不是成绩记录的列；可用：{'、'.join((NUMBER, *COLUMNS))}")
        elif name in {column.name for column in columns}:
            faults.append(f"{path.name}：第 {n} 列“{name}”重复；请删去一个")
        elif not isinstance(width, int | float) or not 2 <= width <= 80:
            faults.append(f"{path.name}：第 {n} 列“{name}”的宽度应在 2 至 80 之间")
        else:
            columns.append(Column(name, str(row.get("title", name)), float(width)))
    if faults or not columns:
        raise ExportError("\n".join(faults) or f"{path.name}：没有任何列")
    return Layout(str(raw.get("title", "{title} 成绩册")), tuple(columns))


#: What a list of a sitting that decides nothing says in its title, so that it cannot be stamped by mistake.
NOT_FORMAL = {"demo": "（演示，不作依据）", "mock": "（模拟，不作依据）"}


def describe(home: Home, connection: Connection, sitting_id: str | None, layout: Layout) -> Listing:
    """Title and closing lines of a list of one sitting, or of all (``None``).

    :raises SittingError: there is no such sitting.
    """
    office = str(home.settings.get("office_name", ""))
    if sitting_id is None:
        count = len(connection.execute(select(sitting.c.id)).all())
        return Listing(layout.title.format(title=f"{office}全部场次", office=office), office, ("填报单位",), count, ())
    known = get_sitting(connection, sitting_id)
    notes = tuple(waiver.note for waiver in waivers_used(connection, known))
    if changed := stale_records(connection, sitting_id):
        notes = (f"注意：有 {changed} 人的登记或评分在签发之后有变动，本表仍是签发时的结果；请核对并重新签发后再用。", *notes)
    title = layout.title.format(title=known.title, office=office) + NOT_FORMAL.get(known.kind, "")
    return Listing(title, office, known.profile.stamps or ("填报单位",), 1, notes)


def rows(connection: Connection, sitting_id: str | None) -> Iterator[tuple[str, Mapping[str, str]]]:
    """(outcome code or ``""`` while pending, columns by name) of each candidate, by sitting and admission number."""
    newer = record.alias("newer")
    query = (
        select(candidate.c.sitting_id, candidate.c.admission_no, candidate.c.unit_label, sitting.c.title, person.c.name,
               person.c.identity_masked, record.c.id, record.c.outcome, record_payload.c.columns)
        .join(sitting, sitting.c.id == candidate.c.sitting_id)
        .join(person, person.c.id == candidate.c.person_id)
        .outerjoin(record, (record.c.sitting_id == candidate.c.sitting_id) & (record.c.person_id == candidate.c.person_id))
        .outerjoin(newer, newer.c.supersedes == record.c.id)
        .outerjoin(record_payload, record_payload.c.record_id == record.c.id)
        .where(newer.c.id.is_(None))
        .order_by(candidate.c.sitting_id, candidate.c.admission_no)
    )  # fmt: skip
    if sitting_id is not None:
        query = query.where(candidate.c.sitting_id == sitting_id)
    for row in connection.execute(query, execution_options={"yield_per": CHUNK}):
        if row.columns is not None:
            yield row.outcome, json.loads(row.columns)
        elif row.id is not None:
            yield row.outcome, {"考试批次": row.sitting_id, "存档号": row.id, "姓名": ERASED, "最终结果": OUTCOMES[row.outcome].title}
        else:
            yield "", {
                "考试批次": row.sitting_id, "考试名称": row.title, "准考证号": row.admission_no, "姓名": row.name,
                "身份证号": row.identity_masked, "单位": row.unit_label, "最终结果": PENDING,
            }  # fmt: skip


def reconciliation(counts: Mapping[str, int]) -> str:
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
    return f"应考 {whole} 人 = 已考 {sum(n for _, n in sat)} 人（{inside}） + " + " + ".join(f"{title} {n}" for title, n in rest)


@dataclass
class Tally:
    """Counts outcomes while rows are being written."""

    counts: Counter[str]

    def watch(self, found: Iterator[tuple[str, Mapping[str, str]]]) -> Iterator[Mapping[str, str]]:
        """Pass the rows on, counting."""
        for code, columns in found:
            self.counts[code] += 1
            yield columns


def cells(layout: Layout, number: int, columns: Mapping[str, str]) -> Sequence[str]:
    """One row's texts in the layout's order; ``number`` from 1."""
    return [str(number) if column.name == NUMBER else columns.get(column.name, "") for column in layout.columns]
