"""Taking a pass of a sitting held here over as a certification, where its kind says ``records``: the record stays the proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, exists, select

from exams.sittings import get_sitting
from exams.tables import sitting
from grading.errors import WorkforceError
from grading.roll import day_of
from grading.tables import certification, record
from grading.workforce.entering import add_certification, end_certification
from grading.workforce.holdings import read_entries
from grading.workforce.kinds import Kind


@dataclass(frozen=True)
class Pass:
    """A standing pass of a formal sitting that no certification rests on yet."""

    record_id: str
    sitting_id: str
    sitting: str
    day: date
    valid_until: date | None


def passes(connection: Connection, person_id: int) -> list[Pass]:
    """What of a person could be taken over, the newest first."""
    newer = record.alias("newer")
    taken = exists().where(certification.c.record_id == record.c.id, certification.c.revoked_at.is_(None))
    query = (
        select(record.c.id, record.c.sitting_id, record.c.valid_until, sitting.c.title, sitting.c.opens_at)
        .join(sitting, sitting.c.id == record.c.sitting_id)
        .where(record.c.person_id == person_id, record.c.outcome == "passed", sitting.c.kind == "formal",
               ~exists().where(newer.c.supersedes == record.c.id), ~taken)
        .order_by(sitting.c.opens_at.desc(), record.c.id)
    )  # fmt: skip
    return [Pass(row.id, row.sitting_id, row.title, day_of(row.opens_at), row.valid_until) for row in connection.execute(query)]


def take_over(connection: Connection, kinds: Mapping[str, Kind], kind: Kind, person_id: int, record_id: str, *, by: str, today: date) -> int:
    """Enter a pass as a certification; returns the certification's id. An older one of the same kind is ended by it.

    :raises WorkforceError: the kind takes no records, the record is no standing pass of this person, it was taken over
        already, or something newer is on file.
    """
    if not kind.records:
        able = "、".join(one.title for one in kinds.values() if one.records) or "（没有）"
        raise WorkforceError(f"“{kind.title}”不能从成绩记录转入；可以的有：{able}")
    found = next((one for one in passes(connection, person_id) if one.record_id == record_id), None)
    if found is None:
        raise WorkforceError(f"没有可以转入的成绩记录 {record_id[:40]}；可能已经转入、已被更正，或不是正式考试的合格记录，请刷新页面")
    before = read_entries(
        connection, certification.c.person_id == person_id, certification.c.kind == kind.id, certification.c.ended_on.is_(None), certification.c.unit_id.is_(None)
    )  # fmt: skip
    for old in before:
        if old.obtained_on > found.day:
            raise WorkforceError(f"已登记了更晚的“{kind.title}”（{old.obtained_on}），不用再转入 {found.day} 的这一份")
        end_certification(connection, kind, old, found.day, by=by, today=today, reason=f"由成绩记录 {record_id} 代替")
    issuer = get_sitting(connection, found.sitting_id).profile.authority
    return add_certification(
        connection, kind, person_id, found.day, by=by, today=today, certificate_no=record_id, issuer=issuer, note=found.sitting[:500], record_id=record_id
    )  # fmt: skip
