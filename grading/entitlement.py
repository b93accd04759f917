"""Who may come again, and who need not come at all: read off the standing records, with the reason for each refusal.

The rules are the profile's; what happened is in the records. A list proposes exactly those who are entitled and names the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from sqlalchemy import Connection, select

from exams.policy import EXEMPTIONS
from exams.sittings import Sitting
from exams.tables import candidate, sitting
from grading.errors import RecordError
from grading.outcome import OUTCOMES, Earlier, deadline, late_resit
from grading.roll import chain_of, current, day_of, earlier_attempts
from grading.tables import record
from people.tables import person

#: outcomes after which there may be another sitting -> what it is called on the list
AGAIN = {"failed": "不合格，补考", "deferred": "缓考", "absent": "缺考，补考", "misconduct": "成绩无效，补考", "passed": "已合格，再考取最好成绩"}


@dataclass(frozen=True)
class Claim:
    """One candidate of a sitting and whether he may come to the next: ``why`` says so either way.

    ``until``: the last day in time; None: no limit. ``left``: sittings that are open to him.
    """

    person_id: int
    admission_no: str
    name: str
    unit_label: str
    outcome: str
    entitled: bool
    why: str
    until: date | None
    left: int


def resit_claims(connection: Connection, known: Sitting, day: date) -> tuple[Claim, ...]:
    """Every candidate of a sitting, by admission number, as of the day on which a resit would be held.

    :raises RecordError: nobody has a record yet, or the chain of resits is broken.
    """
    records = {row.person_id: row for row in connection.execute(current(known.id))}
    if not records:
        raise RecordError(f"“{known.title}”还没有签发成绩记录；签发后才能列补考名单")
    earlier = earlier_attempts(connection, chain_of(connection, known))
    gone_on = _gone_on(connection, known.id)
    roster = connection.execute(
        select(candidate.c.person_id, candidate.c.admission_no, candidate.c.unit_label, person.c.name)
        .join(person, person.c.id == candidate.c.person_id)
        .where(candidate.c.sitting_id == known.id)
        .order_by(candidate.c.admission_no)
    ).all()
    claims = []
    for row in roster:
        mine = records.get(row.person_id)
        result = json.loads(mine.statement)["body"]["result"] if mine else {}
        code = mine.outcome if mine else ""
        total = Fraction(mine.total) if mine and mine.total is not None else None
        past = (*earlier.get(row.person_id, ()), *([Earlier(known.id, code, total, day_of(known.opens_at))] if mine else []))
        no = _refusal(known, code, result, past, day) or gone_on.get(row.person_id, "")
        why = no or "；".join((AGAIN[code], *late_resit(past, known.profile, day)))
        left = int(result.get("resits_left", 0))
        claims.append(
            Claim(row.person_id, row.admission_no, row.name, row.unit_label, code, not no, why, _last_day(known, past), left)
        )
    return tuple(claims)


def _last_day(known: Sitting, past: Sequence[Earlier]) -> date | None:
    """The day by the count from the first failure, and no later than the profile's own last day."""
    days = [day for day in (deadline(known.profile, past), known.profile.resit.closes) if day is not None]
    return min(days, default=None) if past and OUTCOMES[past[-1].outcome].passed is not True else None


def _refusal(known: Sitting, code: str, result: Mapping[str, object], past: Sequence[Earlier], day: date) -> str:
    """Why somebody may not come again; nothing if he may."""
    if not code:
        return "还没有成绩记录，先签发"
    if result.get("final") == "passed" and code != "passed":
        return "以前已经合格，仍然有效"
    if code == "final_fail":
        return f"补考次数已用完或成绩不计；处理：{known.profile.on_final_fail}"
    if not result.get("may_resit", code in ("failed", "deferred")):
        return {"passed": "已合格", "exempt": "已批准免试", "absent": f"无故缺考，按办法：{known.profile.absence.unexcused}"}.get(
            code, f"{OUTCOMES[code].title}，按办法不得再考"
        )
    late = late_resit(past, known.profile, day)
    return "；".join((*late, "按办法逾期不计")) if late and known.profile.resit.late == "does_not_count" else ""


def _gone_on(connection: Connection, sitting_id: str) -> dict[int, str]:
    """Who is on the list of a resit of this sitting already."""
    rows = connection.execute(
        select(candidate.c.person_id, sitting.c.title)
        .join(sitting, sitting.c.id == candidate.c.sitting_id)
        .where(sitting.c.resit_of == sitting_id)
    )
    return {row.person_id: f"已列入“{row.title}”" for row in rows}


def refuse_not_entitled(connection: Connection, resit: Sitting, first: Sitting, person_ids: Sequence[int]) -> None:
    """Refuse a roster of a resit that names people who may not come to it.

    Whoever was not on the first sitting's list may come: it is his first.

    :raises RecordError: all of them, each with the reason.
    """
    wanted = set(person_ids) - set(
        connection.execute(select(candidate.c.person_id).where(candidate.c.sitting_id == resit.id)).scalars()
    )
    wrong = [one for one in resit_claims(connection, first, day_of(resit.opens_at)) if one.person_id in wanted and not one.entitled]
    if wrong:
        raise RecordError("名单里有不能参加补考的人，什么也没有导入：\n" + "\n".join(f"{one.name}（{one.admission_no}）：{one.why}" for one in wrong))


def earlier_passes(connection: Connection, person_id: int, day: date) -> tuple[tuple[str, str, date | None], ...]:
    """(title of the sitting, record's number, valid until) of a person's standing passes in formal or other sittings that hold on a day."""
    newer = record.alias("newer")
    rows = connection.execute(
        select(sitting.c.title, sitting.c.opens_at, record.c.id, record.c.valid_until)
        .join(sitting, sitting.c.id == record.c.sitting_id)
        .outerjoin(newer, newer.c.supersedes == record.c.id)
        .where(record.c.person_id == person_id, record.c.outcome == "passed", newer.c.id.is_(None))
        .order_by(sitting.c.opens_at.desc())
    )
    return tuple(
        (row.title, row.id, row.valid_until) for row in rows if day_of(row.opens_at) <= day and (row.valid_until is None or row.valid_until >= day)
    )


def refuse_unproved(connection: Connection, known: Sitting, person_id: int, ground: str) -> None:
    """Refuse an exemption that rests on an earlier pass where our records hold none.

    :raises RecordError: there is no such pass.
    """
    if ground in EXEMPTIONS and EXEMPTIONS[ground].earlier_pass and not _proved(connection, known, person_id):
        raise RecordError(
            f"“{EXEMPTIONS[ground].title}”须有{EXEMPTIONS[ground].needs}，本系统里没有查到；在别处合格的，请换选“{EXEMPTIONS['approved_by_authority'].title}”并写明文号"
        )


def _proved(connection: Connection, known: Sitting, person_id: int) -> bool:
    """Whether a pass of another sitting holds on the day; a formal sitting is proved by a formal one only."""
    kinds = ("formal",) if known.kind == "formal" else ("formal", "mock", "demo")
    held = {ident for _, ident, _ in earlier_passes(connection, person_id, day_of(known.opens_at))}
    query = (
        select(record.c.id)
        .join(sitting, sitting.c.id == record.c.sitting_id)
        .where(record.c.person_id == person_id, sitting.c.kind.in_(kinds), sitting.c.id != known.id)
    )
    return bool(held & set(connection.execute(query).scalars()))
