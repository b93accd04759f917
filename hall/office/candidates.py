"""One candidate: what is known, what the hall sees, events with their documents, more time, another computer, a new code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from starlette.responses import Response

from exams.control import grant_time, release_device
from exams.errors import SittingError
from exams.events import KINDS, events_of, record_event, revoke_event
from exams.opening import set_barred
from exams.sittings import Sitting
from exams.tables import attempt, candidate_event, entry, grant, incident
from hall.office.live import TITLES, Line, picture_of
from hall.office.pages import go, page
from hall.office.rosters import Listed, the_candidate
from hall.office.slips import last_issue
from hall.office.visit import NotHere, Refused, Visit
from home import transaction

MOST_MINUTES = 180


@dataclass(frozen=True)
class Granted:
    """Time that was given."""

    minutes: str
    reason: str
    by: str
    at: int


@dataclass(frozen=True)
class Incident:
    """What the hall or an officer noted."""

    kind: str
    detail: str
    by: str
    at: int


@dataclass(frozen=True)
class InTheHall:
    """What exam.db knows of one candidate."""

    line: Line | None
    limit_at: int | None
    granted: Sequence[Granted]
    incidents: Sequence[Incident]


def candidate_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/candidates/{number}``."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    with visit.home.office.connect() as connection:
        events = events_of(connection, known.id).get(one.person_id, ())
    return page(
        visit, "candidate.html", known=known, one=one, events=events[::-1], here=_in_the_hall(visit, known, one), EVENTS=KINDS,
        TITLES=TITLES, most=MOST_MINUTES, issue=last_issue(visit, known.id),
    )  # fmt: skip


def _in_the_hall(visit: Visit, known: Sitting, one: Listed) -> InTheHall:
    seen = picture_of(visit, known)
    line = next((line for line in seen.lines if line.admission_no == one.admission_no), None) if seen else None
    mine = select(entry.c.id).where(entry.c.admission_no == one.admission_no).scalar_subquery()
    with visit.home.exam.connect() as connection:
        limit = connection.execute(select(attempt.c.limit_at).where(attempt.c.entry_id == mine)).scalar()
        granted = connection.execute(
            select(grant).join(attempt, attempt.c.id == grant.c.attempt_id).where(attempt.c.entry_id == mine).order_by(grant.c.id)
        ).all()
        noted = connection.execute(select(incident).where(incident.c.entry_id == mine).order_by(incident.c.id.desc()).limit(30)).all()
    return InTheHall(
        line, limit,
        [Granted(f"{row.seconds / 60:g}", row.reason, row.by, row.at) for row in granted],
        [Incident(row.kind, row.detail, row.by, row.at) for row in noted],
    )  # fmt: skip


def _back(visit: Visit, good: str) -> Response:
    return go(visit, "candidate", good=good, **visit.path)


def add_event(visit: Visit) -> Response:
    """``POST …/event``: enters an event and carries it down to the hall."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    kind = visit.form.get("kind", "")
    if kind not in KINDS:
        raise Refused("请选择要登记的事项")
    document = visit.text("document_no", "文号或证明编号", 100, needed=False)
    reason = visit.text("reason", "事由", 500)
    with transaction(visit.home.office) as connection:
        record_event(connection, known.id, one.person_id, kind, by=visit.by, reason=reason, document_no=document)
    _carry_down(visit, known, one)
    return _back(visit, f"已登记：{one.name} {KINDS[kind].title}。")


def _carry_down(visit: Visit, known: Sitting, one: Listed) -> None:
    if known.state != "draft":
        set_barred(visit.home, known.id, one.person_id, visit.by)


def revoke(visit: Visit) -> Response:
    """``POST …/event/{event}/revoke``."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    number = visit.path["event"]
    if not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise NotHere("没有这条登记")
    reason = visit.text("reason", "撤销事由", 500)
    with transaction(visit.home.office) as connection:
        here = candidate_event.c.id == int(number), candidate_event.c.sitting_id == known.id, candidate_event.c.person_id == one.person_id
        if connection.execute(select(candidate_event.c.id).where(*here)).first() is None:
            raise NotHere("这名考生没有这条登记")
        revoke_event(connection, int(number), by=visit.by, reason=reason)
    _carry_down(visit, known, one)
    return _back(visit, "已撤销该条登记；原登记留存备查。")


def _while_open(known: Sitting) -> None:
    if known.state != "open":
        raise SittingError("本场不在考试中，不能办理")


def extra_time(visit: Visit) -> Response:
    """``POST …/time``: more time for one candidate, with the reason."""
    known = visit.sitting()
    _while_open(known)
    one = the_candidate(visit, known.id)
    minutes = visit.whole("minutes", "加时分钟数", 1, MOST_MINUTES)
    reason = visit.text("reason", "加时原因", 500)
    with transaction(visit.home.exam) as connection:
        grant_time(connection, one.admission_no, minutes * 60, kind="extra", reason=reason, by=visit.by, now=visit.now)
    return _back(visit, f"已给 {one.name} 加时 {minutes} 分钟；考生页面几秒内自动更新，不必刷新。")


def release(visit: Visit) -> Response:
    """``POST …/release``: the candidate may go on at another computer."""
    known = visit.sitting()
    _while_open(known)
    one = the_candidate(visit, known.id)
    reason = visit.text("reason", "换机原因", 500)
    with transaction(visit.home.exam) as connection:
        release_device(connection, one.admission_no, reason=reason, by=visit.by, now=visit.now)
    return _back(visit, f"{one.name} 现在可以在另一台电脑上用原来的考试码登录，已保存的答案都在，时间继续计算。")
