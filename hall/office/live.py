"""The room while the paper is being written: who is due, answering, lost, handed in; what waits to be seen to; what to do.

As a page, and as JSON every few seconds. Both hold counts of everybody but lines of one page only: a room of 10,000 is no heavier.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from exams.events import events_of, standing
from exams.incidents import incident_kinds, worklist
from exams.sittings import Sitting
from exams.status import PAGE, STATES, CandidateStatus, SittingStatus, lines_of, status_of
from exams.tables import candidate
from hall.office.pages import alarms_for, page, span_text, url, waiting_approvals
from hall.office.visit import Visit
from home import local_text

TITLES = STATES
#: filters beside the states themselves
GROUPS = {"at_work": "正在考试", "unsaved": "有答案没存上"}
TROUBLES = Path(__file__).with_name("troubles.toml")


@dataclass(frozen=True)
class Line:
    """One candidate as the officer reads it; all texts. ``note``: the standing event; ``unsaved``: what is not saved, since when."""

    admission_no: str
    name: str
    unit_label: str
    form: str
    state: str
    title: str
    started: str
    remaining: str
    last_save: str
    unsaved: str
    answered: int
    note: str
    address: str


@dataclass(frozen=True)
class Work:
    """One incident that waits to be seen to."""

    id: int
    at: str
    title: str
    detail: str
    advice: str
    who: str
    address: str


@dataclass(frozen=True)
class View:
    """What of the room is asked for: ``state`` (a state, a group or all), a search text, the page from 1 on."""

    state: str = ""
    q: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> View:
        """From an address; anything else than it may be is left out."""
        state, number = query.get("state", ""), query.get("page", "")
        known = state in STATES or state in GROUPS
        whole = int(number) if number.isascii() and number.isdigit() and len(number) < 5 else 1
        return cls(state if known else "", query.get("q", "").strip()[:50], max(1, whole))


@dataclass(frozen=True)
class Trouble:
    """One symptom of the panel “出了什么事？”. ``scope``: room (``to`` is a room act), one (``to`` is a card of the candidate) or none."""

    symptom: str
    advice: str
    scope: str
    to: str = ""


@dataclass(frozen=True)
class Picture:
    """The room at one moment. ``fitting``: how many candidates fit the view, of whom ``lines`` are one page."""

    status: SittingStatus
    view: View
    fitting: int
    lines: Sequence[Line]
    waiting: int
    work: Sequence[Work]
    questions: int
    at: str

    @property
    def pages(self) -> int:
        return max(1, -(-self.fitting // PAGE))

    @property
    def head(self) -> str:
        """The newest head of the hash chain, its first four groups."""
        return grouped(self.status.head)[:19]


def grouped(head: str) -> str:
    """A digest in groups of four, as it is read out and signed."""
    return " ".join(head[start : start + 4] for start in range(0, len(head), 4))


@cache
def troubles() -> tuple[Trouble, ...]:
    """The symptoms and where they lead, ``troubles.toml``."""
    return tuple(Trouble(**one) for one in tomllib.loads(TROUBLES.read_text(encoding="utf-8"))["trouble"])


def picture_of(visit: Visit, known: Sitting, view: View | None = None) -> Picture | None:
    """The picture now, or None if the sitting was never opened."""
    view = view or View()
    kinds = incident_kinds(visit.home)
    with visit.home.exam.connect() as connection:
        status = status_of(connection, known.id, visit.now)
        if status is None:
            return None
        fitting, lines = lines_of(connection, known.id, visit.now, state=view.state, text=view.q, page=view.page)
        waiting, work = worklist(connection, known.id, kinds)
    notes = notes_of(visit, known)
    questions = sum(part.count for part in known.blueprint.parts)
    return Picture(
        status, view, fitting, [line_of(known, one, notes, visit.now) for one in lines], waiting,
        [
            Work(
                one.id, local_text(one.at, "%H:%M:%S"), kinds[one.kind].title, one.detail, kinds[one.kind].advice,
                f"{one.name}（{one.admission_no}）" if one.admission_no else "全场",
                url("candidate", sitting=known.id, number=one.admission_no) if one.admission_no else "",
            )
            for one in work
        ],
        questions, local_text(visit.now, "%H:%M:%S"),
    )  # fmt: skip


def notes_of(visit: Visit, known: Sitting) -> dict[str, str]:
    """{admission number: title of the standing event}; few have one."""
    with visit.home.office.connect() as connection:
        events = {who: event.title for who, all_ in events_of(connection, known.id).items() if (event := standing(all_))}
        here = select(candidate.c.person_id, candidate.c.admission_no).where(
            candidate.c.sitting_id == known.id, candidate.c.person_id.in_(events)
        )
        return {row.admission_no: events[row.person_id] for row in connection.execute(here)}


def line_of(known: Sitting, one: CandidateStatus, notes: Mapping[str, str], now: int) -> Line:
    """One candidate in words."""
    waits = f"{one.unsaved} 题，已 {span_text((now - (one.unsaved_since or now)) // 1000)}" if one.unsaved else ""
    return Line(
        one.admission_no, one.name, one.unit_label, one.form, one.state, STATES[one.state],
        local_text(one.started_at, "%H:%M:%S") if one.started_at else "",
        span_text(one.remaining_s) if one.remaining_s is not None else "",
        local_text(one.last_save_at, "%H:%M:%S") if one.last_save_at else "", waits, one.answered,
        notes.get(one.admission_no, "") or (f"准许 {local_text(one.late_until, '%H:%M')} 前入场" if one.late_until and not one.started_at else ""),
        url("candidate", sitting=known.id, number=one.admission_no),
    )  # fmt: skip


def live_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/live?state=&q=&page=``."""
    known = visit.sitting()
    seen = picture_of(visit, known, View.of(visit.query))
    card = visit.query.get("for", "")
    wanted = next((one for one in troubles() if one.scope == "one" and one.to == card), None)
    return page(
        visit, "live.html", known=known, picture=seen, TITLES=TITLES, GROUPS=GROUPS, troubles=troubles(),
        wanted=wanted,
    )  # fmt: skip


def live_json(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/live.json?state=&q=&page=``: the same view for the script that refreshes the page."""
    known = visit.sitting()
    seen = picture_of(visit, known, View.of(visit.query))
    if seen is None:
        return JSONResponse({"open": False})
    return JSONResponse({
        "open": True, "due": seen.status.due, "counts": {**seen.status.counts, "unsaved": seen.status.unsaved, "at_work": seen.status.at_work},
        "at": seen.at, "closed": seen.status.closed, "paused": seen.status.paused_at is not None, "state": known.state,
        "questions": seen.questions, "fitting": seen.fitting, "pages": seen.pages, "saves": seen.status.saves, "head": seen.head,
        "alarms": [{"title": one.title, "advice": one.advice} for one in alarms_for(visit)], "approvals": waiting_approvals(visit.home, visit.session),
        "waiting": seen.waiting, "work": [asdict(one) for one in seen.work], "lines": [asdict(one) for one in seen.lines],
    })  # fmt: skip
