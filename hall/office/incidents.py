"""The room's record (考场记录): what the hall noted and what officers write down; what waits is seen to."""

from __future__ import annotations

from starlette.responses import Response

from exams.incidents import incident_kinds, incidents_of, note_by_staff, see_to
from hall.office.live import picture_of
from hall.office.pages import go, page
from hall.office.rosters import the_candidate
from hall.office.visit import Refused, Visit
from home import transaction

SHOWN = 500


def incidents_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/incidents``: the newest first."""
    known = visit.sitting()
    with visit.home.exam.connect() as connection:
        lines = incidents_of(connection, known.id, newest=SHOWN)
    return page(visit, "incidents.html", known=known, lines=lines, kinds=incident_kinds(visit.home), opened=picture_of(visit, known) is not None)


def add_note(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/incidents``: about the room."""
    known = visit.sitting()
    _note(visit, known.id, None)
    return go(visit, "incidents", good="已记入考场记录。", sitting=known.id)


def add_note_of(visit: Visit) -> Response:
    """``POST …/candidates/{number}/note``: about one candidate."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    _note(visit, known.id, one.admission_no)
    return go(visit, "candidate", good=f"已记入考场记录：{one.name}。", **visit.path)


def _note(visit: Visit, sitting_id: str, admission_no: str | None) -> None:
    kind, kinds = visit.form.get("kind", ""), incident_kinds(visit.home)
    if kind not in kinds or not kinds[kind].office:
        raise Refused("请选择记录的种类")
    detail = visit.text("detail", "情况", 500)
    with transaction(visit.home.exam) as connection:
        note_by_staff(connection, sitting_id, kind, detail, by=visit.by, now=visit.now, admission_no=admission_no)


def seen_to(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/incidents/{incident}``: off the worklist, still on record."""
    known, number = visit.sitting(), visit.number("incident")
    with transaction(visit.home.exam) as connection:
        done = see_to(connection, known.id, number, by=visit.by, now=visit.now)
    return go(visit, "live", good="已处理，留在考场记录里。" if done else "别人刚刚处理过了。", sitting=known.id)
