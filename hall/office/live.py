"""The room while the paper is being written: who is due, answering, handed in; as a page, and as JSON every few seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from exams.events import KINDS, events_of, standing
from exams.sittings import Sitting
from exams.status import STATES, CandidateStatus, sitting_status
from exams.tables import candidate
from hall.office.pages import page, span_text, url
from hall.office.visit import Visit
from home import local_text

#: state of a candidate -> title, in the order of the counts; the events of the office come after the hall's own states
TITLES = {
    "not_started": "未开始", "writing": "作答中", "quiet": "两分钟没动静", "handed_in": "已交卷", "timed_out": "到时收卷",
    "closed": "监考收卷", "absent": "缺考", "barred": "不参加",
}  # fmt: skip
assert TITLES.keys() >= STATES.keys()


@dataclass(frozen=True)
class Line:
    """One candidate as the officer reads it; all texts. ``note``: the standing event."""

    admission_no: str
    name: str
    unit_label: str
    form: str
    state: str
    started: str
    remaining: str
    last_save: str
    answered: int
    note: str


@dataclass(frozen=True)
class Picture:
    """The room at one moment."""

    due: int
    counts: dict[str, int]
    lines: tuple[Line, ...]
    questions: int
    at: str
    closed: bool

    @property
    def writing(self) -> int:
        return self.counts["writing"] + self.counts["quiet"]


def picture_of(visit: Visit, known: Sitting) -> Picture | None:
    """The picture now, or None if the sitting was never opened."""
    status = sitting_status(visit.home, known.id, visit.now)
    if status is None:
        return None
    with visit.home.office.connect() as connection:
        here = select(candidate.c.person_id, candidate.c.admission_no).where(candidate.c.sitting_id == known.id)
        numbers = {row.person_id: row.admission_no for row in connection.execute(here)}
        events = {numbers[who]: event for who, all_ in events_of(connection, known.id).items() if (event := standing(all_))}
    lines = tuple(_line(one, events[one.admission_no].kind if one.admission_no in events else "") for one in status.lines)
    counted = Counter(line.state for line in lines)
    questions = sum(part.count for part in known.blueprint.parts)
    return Picture(
        status.due, {state: counted[state] for state in TITLES}, lines, questions, local_text(visit.now, "%H:%M:%S"), status.closed
    )


def _line(one: CandidateStatus, event: str) -> Line:
    state = "absent" if event == "absent" and one.state == "not_started" else one.state
    return Line(
        one.admission_no, one.name, one.unit_label, one.form, state,
        local_text(one.started_at, "%H:%M:%S") if one.started_at else "",
        span_text(one.remaining_s) if one.remaining_s is not None else "",
        local_text(one.last_save_at, "%H:%M:%S") if one.last_save_at else "", one.answered, KINDS[event].title if event else "",
    )  # fmt: skip


def live_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/live``."""
    known = visit.sitting()
    return page(visit, "live.html", known=known, picture=picture_of(visit, known), TITLES=TITLES)


def live_json(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/live.json``: the same picture for the script that refreshes the page."""
    known = visit.sitting()
    seen = picture_of(visit, known)
    if seen is None:
        return JSONResponse({"open": False})
    lines = [
        [line.admission_no, line.name, line.unit_label, line.form, line.state, TITLES[line.state], line.started, line.remaining,
         line.last_save, line.answered, line.note, url("candidate", sitting=known.id, number=line.admission_no)]
        for line in seen.lines
    ]  # fmt: skip
    return JSONResponse({
        "open": True, "due": seen.due, "counts": seen.counts, "at": seen.at, "closed": seen.closed, "state": known.state,
        "questions": seen.questions, "lines": lines,
    })  # fmt: skip
