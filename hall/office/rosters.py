"""The roster of a sitting: upload, a look at what it would change, confirmation; and the list of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from starlette.responses import Response

from exams.events import CandidateEvent, events_of, standing
from exams.sittings import add_candidates, enrolments, remove_candidate
from exams.tables import candidate
from grading.roll import day_of
from hall.office.concerns import refuse_own_rows
from hall.office.kept_uploads import keep_upload, kept_upload
from hall.office.pages import go, page
from hall.office.visit import NotHere, Refused, Visit
from home import transaction
from people.errors import RosterError
from people.persons import Change, import_roster, rehearsal
from people.roster import Roster, read_roster
from people.tables import person

SHOWN_FAULTS = 200
PURPOSE = "roster upload"


@dataclass(frozen=True)
class Preview:
    """What an import would do. ``here`` are persons on this sitting's roster already; ``gone`` those the file leaves out."""

    people: int
    new_persons: int
    known_persons: int
    new_here: int
    here: int
    gone: tuple[str, ...]
    changed: Sequence[Change]
    new_units: Sequence[str]
    warnings: Sequence[object]
    first: Sequence[object]


def upload(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/roster/upload``: reads the file and shows what it would do; nothing is stored but the file."""
    known = visit.sitting()
    if known.state != "draft":
        raise Refused("名单只能在开考前修改；开考后新增考生请另建一场")
    file = visit.uploads.get("file")
    if file is None or not file.data:
        raise Refused("请先选择名单文件（Excel 的 .xlsx 或 .csv）")
    try:
        roster = read_roster(file.data, file.name, day_of(visit.now))
        refuse_own_rows(visit, roster.rows)
        faults: Sequence[object] = roster.faults
        preview = _rehearse(visit, roster) if not faults else None
    except RosterError as error:
        roster, faults, preview = None, error.faults, None
    token = keep_upload(visit, PURPOSE, visit.path["sitting"], file) if preview else ""
    return page(
        visit, "roster_preview.html", 200 if preview else 422, known=known, preview=preview, token=token, file=file.name,
        faults=[place_of(fault) for fault in faults[:SHOWN_FAULTS]], more=max(0, len(faults) - SHOWN_FAULTS),
        rows=len(roster.rows) if roster else 0,
    )  # fmt: skip


def place_of(fault: object) -> tuple[str, str, str]:
    """(where, column, message) of a fault; a plain text has no place."""
    sheet, row = getattr(fault, "sheet", ""), getattr(fault, "row", 0)
    where = f"{sheet} 第 {row} 行" if row else sheet
    return where, getattr(fault, "column", ""), getattr(fault, "message", str(fault))


def _rehearse(visit: Visit, roster: Roster) -> Preview:
    sitting_id = visit.path["sitting"]
    with rehearsal(visit.home.office) as connection:
        result = import_roster(connection, visit.home.key("identity"), roster, visit.by)
        here = (
            select(candidate.c.person_id, person.c.name)
            .join(person, person.c.id == candidate.c.person_id)
            .where(candidate.c.sitting_id == sitting_id)
            .order_by(candidate.c.admission_no)
        )
        before = {row.person_id: row.name for row in connection.execute(here)}
        new_here = add_candidates(connection, sitting_id, enrolments(result), visit.by)
    listed = {one.person_id for one in result.people}
    gone = tuple(name for who, name in before.items() if who not in listed)
    return Preview(
        len(result.people), result.new, result.known, new_here, len(result.people) - new_here, gone,
        [one for one in result.changed if one.old != one.new],  # the same title at another unit reads as no change
        result.new_units, [place_of(one) for one in roster.warnings[:SHOWN_FAULTS]], [one.row for one in result.people[:8]],
    )  # fmt: skip


def confirm(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/roster/confirm``: takes the file over, all rows or none."""
    known = visit.sitting()
    kept = kept_upload(visit, PURPOSE, known.id)
    roster = read_roster(kept.data, kept.name, day_of(visit.now))
    refuse_own_rows(visit, roster.rows)
    with transaction(visit.home.office) as connection:
        result = import_roster(connection, visit.home.key("identity"), roster, visit.by)
        new = add_candidates(connection, known.id, enrolments(result), visit.by)
    kept.path.unlink(missing_ok=True)
    return go(visit, "roster", good=f"已导入名单：共 {len(result.people)} 人，其中本场新增 {new} 人。", sitting=known.id)


# ---------------------------------------------------------------- the list


@dataclass(frozen=True)
class Listed:
    """One line of the candidate list."""

    person_id: int
    admission_no: str
    name: str
    masked: str
    unit_label: str
    post_label: str
    proposed_post: str
    form: str
    event: CandidateEvent | None


def list_candidates(visit: Visit, sitting_id: str) -> list[Listed]:
    """All candidates of a sitting with their standing event, by admission number."""
    query = (
        select(candidate, person.c.name, person.c.identity_masked)
        .join(person, person.c.id == candidate.c.person_id)
        .where(candidate.c.sitting_id == sitting_id)
        .order_by(candidate.c.admission_no)
    )
    with visit.home.office.connect() as connection:
        events = events_of(connection, sitting_id)
        return [
            Listed(
                row.person_id, row.admission_no, row.name, row.identity_masked, row.unit_label, row.post_label or "",
                row.proposed_post or "", row.form or "", standing(events.get(row.person_id, ())),
            )
            for row in connection.execute(query)
        ]  # fmt: skip


def roster_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/roster?q=&unit=&event=``."""
    known = visit.sitting()
    everybody = list_candidates(visit, known.id)
    wanted = {name: visit.query.get(name, "").strip()[:100] for name in ("q", "unit", "event")}
    shown = [one for one in everybody if _fits(one, wanted)]
    units = sorted({one.unit_label for one in everybody})
    return page(visit, "roster.html", known=known, shown=shown, whole=len(everybody), wanted=wanted, units=units)


def _fits(one: Listed, wanted: dict[str, str]) -> bool:
    text = wanted["q"]
    kind = one.event.kind if one.event else "none"
    return (
        (not text or text in one.name or text in one.admission_no or text in one.masked)
        and (not wanted["unit"] or wanted["unit"] == one.unit_label)
        and (not wanted["event"] or wanted["event"] == kind)
    )


def remove(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/candidates/{number}/remove``: off the roster of a draft."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    with transaction(visit.home.office) as connection:
        remove_candidate(connection, known.id, one.person_id, visit.by)
    return go(visit, "roster", good=f"已从本场名单移出：{one.name}（{one.admission_no}）。", sitting=known.id)


def the_candidate(visit: Visit, sitting_id: str) -> Listed:
    """The candidate that the address names, in this sitting.

    :raises NotHere: there is none here.
    """
    found = next((one for one in list_candidates(visit, sitting_id) if one.admission_no == visit.path["number"]), None)
    if found is None:
        raise NotHere("本场没有这个准考证号；请从名单进入")
    return found
