"""补考名单: who may sit again. Failed with a resit left, or deferred, in time, and without a later sitting of the same exam on record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from exams.sittings import Sitting
from exams.tables import sitting
from grading.listing import NAMED, Line
from grading.lists.candidates import OF_RECORD, made
from grading.lists.made import Columns, Made, Wanted
from grading.outcome import Earlier, deadline
from grading.roll import chain_of, day_of, earlier_attempts
from grading.tables import record

LEFT, UNTIL, KIND = "可补考次数", "补考期限", "补考类别"
OF_RESIT = (*OF_RECORD, KIND, LEFT, UNTIL)
#: outcome -> why somebody is on the list
KINDS = {"failed": "不合格补考", "deferred": "缓考", "absent": "缺考补考", "misconduct": "违纪处理后补考"}


class Entitled(NamedTuple):
    """Somebody who may sit again: how often, and until when (None: no such rule)."""

    left: int
    until: date | None


def resit(wanted: Wanted) -> Made:
    """Rows of those who are entitled; those who came too late are named below, not dropped in silence."""
    went_on = _went_on(wanted.connection, wanted.idents)
    may = {(one.id, who): right for one in wanted.sittings for who, right in entitled(wanted.connection, one).items()}
    late: list[str] = []

    def choose(line: Line) -> Columns | None:
        right = may.get((line.sitting_id, line.person_id))
        if right is None or (line.sitting_id, line.person_id) in went_on:
            return None
        if right.until is not None and wanted.today > right.until:
            late.append(line.columns.get("姓名", ""))
            return None
        left = str(right.left) if line.code != "deferred" else "缓考"
        return {**line.columns, KIND: KINDS[line.code], LEFT: left, UNTIL: right.until.isoformat() if right.until else "没有规定"}

    return made(wanted, choose, lambda: _told(late))


def entitled(connection: Connection, known: Sitting) -> Mapping[int, Entitled]:
    """Who of a sitting may sit again, as their standing records say, and until when, as the profile says."""
    newer = record.alias("newer")
    found = connection.execute(
        select(record.c.person_id, record.c.outcome, record.c.statement).where(
            record.c.sitting_id == known.id, record.c.outcome.in_(KINDS), ~exists().where(newer.c.supersedes == record.c.id)
        )
    ).all()
    earlier = earlier_attempts(connection, chain_of(connection, known)) if found else {}
    rights = {}
    for row in found:
        result = json.loads(row.statement)["body"]["result"]
        if result.get("may_resit", result["resits_left"] > 0):
            this = Earlier(known.id, row.outcome, None, day_of(known.opens_at))
            days = (deadline(known.profile, (*earlier.get(row.person_id, ()), this)), known.profile.resit.closes)
            until = min((day for day in days if day is not None), default=None)
            rights[row.person_id] = Entitled(int(result["resits_left"]), until)
    return rights


def _told(late: Sequence[str]) -> list[str]:
    if not late:
        return []
    more = " 等" if len(late) > NAMED else ""
    return [f"另有 {len(late)} 人补考期限已过，没有列入：{'、'.join(late[:NAMED])}{more}。"]


def _went_on(connection: Connection, idents: Sequence[str]) -> set[tuple[str, int]]:
    """(sitting, person) of whoever has a record of a sitting that is a resit of it: that sitting's own list tells about them."""
    found = connection.execute(
        select(sitting.c.resit_of, record.c.person_id).join(record, record.c.sitting_id == sitting.c.id).where(sitting.c.resit_of.in_(idents))
    )
    return {(row.resit_of, row.person_id) for row in found}
