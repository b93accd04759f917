"""Printed sheets of a sitting: door notice and seats, attendance, the room's record, closing sheet.

Data is read here; how it looks is the ``.typ`` template of the same name, which an office may replace by its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from exams.chain import verify_chain
from exams.errors import SittingError
from exams.incidents import incident_kinds, incidents_of
from exams.sittings import KINDS, Sitting
from exams.status import AT_WORK, STATES, SittingStatus, status_of
from exams.tables import answer_file, attempt, candidate, grant, open_sitting, reopening
from exams.typesetting import set_pdf, template_of
from home import Home, local_text
from people.accounts import names_of
from people.tables import person

HERE = Path(__file__).parent
#: lines left empty for what is written by hand
EMPTY_LINES = 8
#: how an attempt may have ended -> words of the closing sheet; together with the absent they are everybody
ENDS = {
    "handed_in": "考生交卷", "timed_out": "到时自动收卷", "closed": "监考收卷", "void": "终止作答（违纪、取消资格）", "absent": "没有来考，或来了没有开始作答",
    "barred": "登记为不参加（缓考、免试等）",
}  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """One sheet: its title, what it is for, whether it needs the sitting opened or closed, and what fills the template."""

    title: str
    use: str
    when: str                       # any | opened | closed
    data: Callable[[Home, Sitting, int], Mapping[str, object]]


def print_sheet(home: Home, known: Sitting, name: str, now: int) -> bytes:
    """A sheet as PDF/A.

    :raises SittingError: there is no such sheet, or it is too early for it.
    """
    sheet = SHEETS.get(name)
    if sheet is None:
        raise SittingError(f"没有“{name}”这种考场单；可用：{'、'.join(SHEETS)}")
    refusal = too_early(known, sheet)
    if refusal:
        raise SittingError(refusal)
    return set_pdf(template_of(home, HERE / f"{name}.typ"), {**_head(home, known, now), **sheet.data(home, known, now)})


def too_early(known: Sitting, sheet: Sheet) -> str:
    """Why a sheet cannot be printed yet, or ``""``."""
    if sheet.when == "opened" and known.state in ("draft", "opening", "withdrawn"):
        return f"开考后才能打印“{sheet.title}”"
    if sheet.when == "closed" and known.state not in ("closed", "marked"):
        return f"收卷后才能打印“{sheet.title}”：收卷前人数和校验码还会变"
    return ""


def _head(home: Home, known: Sitting, now: int) -> dict[str, object]:
    same_day = local_text(known.opens_at, "%Y%m%d") == local_text(known.closes_at, "%Y%m%d")
    ends = local_text(known.closes_at, "%H:%M" if same_day else "%Y年%m月%d日 %H:%M")
    return {
        "office": str(home.settings["office_name"]), "title": known.title, "kind": "" if known.kind == "formal" else KINDS[known.kind][0],
        "place": known.place, "time": f"{local_text(known.opens_at, '%Y年%m月%d日 %H:%M')} 至 {ends}",
        "minutes": known.blueprint.minutes, "id": known.id, "made": local_text(now), "contact": str(home.settings.get("contact", "")),
    }  # fmt: skip


def _roster(home: Home, known: Sitting) -> list[list[str]]:
    query = (
        select(candidate.c.admission_no, person.c.name, candidate.c.unit_label)
        .join(person, person.c.id == candidate.c.person_id)
        .where(candidate.c.sitting_id == known.id)
        .order_by(candidate.c.admission_no)
    )
    with home.office.connect() as connection:
        rows = connection.execute(query).all()
    if not rows:
        raise SittingError("名单为空；请先导入名单")
    return [[str(n), *row] for n, row in enumerate(rows, 1)]


def _room(home: Home, known: Sitting, _now: int) -> Mapping[str, object]:
    rows = _roster(home, known)
    late = known.blueprint.late_entry_minutes
    return {
        "rows": rows, "first": rows[0][1], "last": rows[-1][1],
        "late": f"开考 {late} 分钟后不得入场" if late is not None else "", "rules": list(known.blueprint.rules),
    }  # fmt: skip


def _attendance(home: Home, known: Sitting, _now: int) -> Mapping[str, object]:
    query = select(candidate.c.form).where(candidate.c.sitting_id == known.id).order_by(candidate.c.admission_no)
    with home.office.connect() as connection:
        forms = [form or "" for form in connection.execute(query).scalars()]
    return {"rows": _roster(home, known), "forms": forms}  # in a power cut this is all there is to tell who had which form


def _incidents(home: Home, known: Sitting, _now: int) -> Mapping[str, object]:
    kinds = incident_kinds(home)
    with home.office.connect() as connection:
        writers = names_of(connection)
    with home.exam.connect() as connection:
        lines = incidents_of(connection, known.id)
    rows = [
        [local_text(one.at, "%H:%M:%S"), kinds[one.kind].title if one.kind in kinds else one.kind,
         f"{one.name} {one.admission_no}".strip() or "全场", one.detail, writers.get(one.by, one.by)]
        for one in lines
    ]  # fmt: skip
    return {"rows": rows, "empty": EMPTY_LINES}


def _closing(home: Home, known: Sitting, now: int) -> Mapping[str, object]:
    with home.exam.connect() as connection:
        status = status_of(connection, known.id, now)
        assert status is not None, known.id
        closed_at = connection.execute(select(open_sitting.c.closed_at).where(open_sitting.c.id == known.id)).scalar()
        mine = attempt.c.sitting_id == known.id
        given = connection.execute(  # what was taken back again was not given
            select(grant.c.kind).join(attempt, attempt.c.id == grant.c.attempt_id).where(mine)
            .group_by(grant.c.kind, grant.c.attempt_id).having(func.sum(grant.c.seconds) > 0)
        ).scalars()  # fmt: skip
        again = connection.execute(select(func.count()).select_from(reopening.join(attempt, attempt.c.id == reopening.c.attempt_id)).where(mine)).scalar_one()
        merged = connection.execute(
            select(func.count()).select_from(answer_file.join(attempt, attempt.c.id == answer_file.c.attempt_id))
            .where(mine, answer_file.c.decision == "merged")
        ).scalar_one()  # fmt: skip
        broken = verify_chain(connection, known.id)
        noted = Counter(one.kind for one in incidents_of(connection, known.id))
    counts = ends_of(status)
    if sum(counts.values()) != status.due:
        raise SittingError(f"人数对不上：应考 {status.due} 人，各类合计 {sum(counts.values())} 人；请先核对考场实况再打印")
    kinds = incident_kinds(home)
    granted = Counter(given)
    return {
        "due": status.due, "ends": [[ENDS[name], counts[name]] for name in ENDS], "scripts": sum(counts[name] for name in ("handed_in", "timed_out", "closed")),
        "extra": granted["extra"], "paused": granted["pause"], "stalled": granted["stall"], "reopened": again, "merged": merged,
        "incidents": [[kinds[kind].title if kind in kinds else kind, n] for kind, n in sorted(noted.items())],
        "saves": status.saves, "head": in_fours(status.head), "broken": broken or 0,
        "closed": local_text(closed_at, "%Y年%m月%d日 %H:%M:%S") if closed_at else "",
    }  # fmt: skip


def ends_of(status: SittingStatus) -> dict[str, int]:
    """{how it ended (:data:`ENDS`): how many}; whoever never started is absent.

    :raises SittingError: somebody is still answering.
    """
    if any(status.counts[state] for state in AT_WORK):
        raise SittingError("还有考生的作答没有收齐；稍候再打印")
    counted = {name: status.counts[name] for name in ENDS if name in STATES}
    return {**counted, "absent": status.counts["not_started"] + status.counts["arrived"]}


def in_fours(head: str) -> Sequence[str]:
    """A digest in groups of four, as two people read it to each other."""
    return [head[start : start + 4] for start in range(0, len(head), 4)]


#: name of the template -> sheet
SHEETS: Mapping[str, Sheet] = {
    "room": Sheet("考场门贴和座次表", "贴在考场门口；按准考证号顺序排座位", "any", _room),
    "attendance": Sheet("考生签到表", "考生入场时签名，不收照片", "any", _attendance),
    "incidents": Sheet("考场情况记录单", "系统记下的情况，另留空行手写，考后签字存档", "opened", _incidents),
    "closing": Sheet("收卷单（封签）", "收卷后两人核对人数、抄核校验码并签字", "closed", _closing),
}
