"""One candidate: what is known, what the hall sees, and what an officer may do: time, pause, another computer, late entry, the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from starlette.responses import Response

from exams.attempts import finish_of
from exams.control import admit_late, grant_time, newest_grant, pause_one, release_device, resume_one
from exams.decisions import given_since_reopening, needs_second
from exams.errors import SittingError
from exams.events import KINDS, PENAL, Entry, check_event, events_of, standing
from exams.incidents import Incident, incident_kinds, incidents_of, note_by_staff
from exams.policy import SECOND_PERSON
from exams.sittings import Sitting
from exams.status import AT_WORK, CandidateStatus, lines_of
from exams.tables import attempt, entry, grant, open_sitting, reopening
from grading.roll import day_of
from hall.office.approvals import asked_for, at_once, second_or_now
from hall.office.events import by_two, choices, ends_by_two
from hall.office.live import TITLES, Line, grouped, line_of
from hall.office.pages import go, page, span_text
from hall.office.rosters import Listed, the_candidate
from hall.office.second_acts import attempt_of
from hall.office.slips import last_issue
from hall.office.visit import Refused, Visit
from home import local_text, transaction
from people.approvals import waiting_about
from people.tables import person

MOST_MINUTES = 180
#: what an officer usually writes as the reason; offered, not required
USUAL = ("电脑故障", "网络中断", "停电", "身体不适", "坐错座位", "迟到，经领导同意", "误点交卷")
GRANT_TITLES = {"extra": "加时", "pause": "暂停补时", "stall": "服务器停顿补时", "taken": "收回加时"}


@dataclass(frozen=True)
class Granted:
    """Time that was given."""

    kind: str
    span: str
    reason: str
    by: str
    at: int


@dataclass(frozen=True)
class Ended:
    """How an attempt ended, with the receipt in groups of four. ``former``: how often it was gone on with; ``left``: minutes left then."""

    at: int
    receipt: str
    former: int
    left: int


@dataclass(frozen=True)
class InTheHall:
    """What exam.db knows of one candidate. ``paused``: alone; ``room_paused``: everybody; ``takeable``: whole minutes that officers gave."""

    status: CandidateStatus | None
    line: Line | None
    granted: Sequence[Granted]
    incidents: Sequence[Incident]
    newest: int
    takeable: int
    ended: Ended | None
    paused: bool
    room_paused: bool
    late_after: int | None

    @property
    def at_work(self) -> bool:
        return self.status is not None and self.status.state in AT_WORK


def candidate_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/candidates/{number}``."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    with visit.home.office.connect() as connection:
        events = events_of(connection, known.id, one.person_id).get(one.person_id, ())
        state, may_enter = choices(connection, known, one.person_id)
        pending, two = waiting_about(connection, one.admission_no), by_two(visit.home, connection, known, one)
        birth = connection.execute(select(person.c.birth).where(person.c.id == one.person_id)).scalar()
    penal = [choice for choice in may_enter if choice.value.partition(":")[0] in PENAL]
    if ends_by_two(visit.home, known, one.admission_no):
        may_enter = [choice for choice in may_enter if choice not in penal]
    return page(
        visit, "candidate.html", known=known, one=one, events=events[::-1], here=_in_the_hall(visit, known, one),
        state=state, may_enter=may_enter, open_book=known.profile.open_book(birth, day_of(known.opens_at)),
        penal=penal, pending=pending, by_two=two,
        TITLES=TITLES, most=MOST_MINUTES, issue=last_issue(visit, known.id), usual=USUAL, kinds=incident_kinds(visit.home),
        second={act: needs_second(known, act) for act in ("void", "reopen", "take_time")}, GRANTS=GRANT_TITLES,
    )  # fmt: skip


def _in_the_hall(visit: Visit, known: Sitting, one: Listed) -> InTheHall:
    with visit.home.exam.connect() as connection:
        _n, lines = lines_of(connection, known.id, visit.now, admission_no=one.admission_no)
        here = connection.execute(
            select(
                open_sitting.c.opens_at, open_sitting.c.late_entry_minutes, open_sitting.c.paused_at.label("room_paused_at"),
                attempt.c.id, attempt.c.paused_at,
            )
            .join(entry, entry.c.sitting_id == open_sitting.c.id)
            .outerjoin(attempt, attempt.c.entry_id == entry.c.id)
            .where(entry.c.admission_no == one.admission_no)
        ).first()  # fmt: skip
        given = connection.execute(select(grant).where(grant.c.attempt_id == (here.id if here else None)).order_by(grant.c.id)).all()
        ended = _ended(connection, here.id) if here is not None and here.id is not None else None
        noted = incidents_of(connection, known.id, admission_no=one.admission_no, newest=30)
        newest = newest_grant(connection, known.id, one.admission_no)
        takeable = connection.execute(select(given_since_reopening()).select_from(attempt).where(attempt.c.id == (here.id if here else None))).scalar()
    status = lines[0] if lines else None
    late_after = here.opens_at + here.late_entry_minutes * 60_000 if here is not None and here.late_entry_minutes is not None else None
    return InTheHall(
        status, line_of(known, status, {}, visit.now) if status else None,
        [Granted(row.kind if row.seconds > 0 else "taken", span_text(abs(row.seconds)), row.reason, row.by, row.at) for row in given], noted, newest,
        (takeable or 0) // 60, ended,
        here is not None and here.paused_at is not None, here is not None and here.room_paused_at is not None, late_after,
    )  # fmt: skip


def _ended(connection: Connection, attempt_id: int) -> Ended | None:
    """How the attempt stands ended now, or None while it is open."""
    row = connection.execute(select(attempt).where(attempt.c.id == attempt_id)).one()
    if row.state == "open":
        return None
    again = connection.execute(select(func.count()).select_from(reopening).where(reopening.c.attempt_id == attempt_id)).scalar_one()
    return Ended(row.closed_at, grouped(finish_of(connection, attempt_id).receipt), int(again), max(1, (row.limit_at - row.closed_at) // 60_000))


# ------------------------------------------------------------------ acts


def _about(visit: Visit) -> tuple[Sitting, Listed]:
    """The sitting, which must be open, and the candidate of the address."""
    known = visit.sitting()
    if known.state != "open":
        raise SittingError("本场不在考试中，不能办理")
    return known, the_candidate(visit, known.id)


def _back(visit: Visit, good: str) -> Response:
    return go(visit, "candidate", good=good, **visit.path)


def extra_time(visit: Visit) -> Response:
    """``POST …/time``: more time for one candidate, with the reason; ``seen``: the newest grant that the page showed."""
    _known, one = _about(visit)
    minutes = visit.whole("minutes", "加时分钟数", 1, MOST_MINUTES)
    seen = visit.whole("seen", "页面编号", 0, 10**9 - 1)
    reason = visit.text("reason", "加时原因", 500)
    with transaction(visit.home.exam) as connection:
        limit = grant_time(connection, one.admission_no, minutes * 60, reason=reason, by=visit.by, now=visit.now, after=seen)
    return _back(visit, f"已给 {one.name} 加时 {minutes} 分钟，到 {local_text(limit, '%H:%M:%S')}；考生页面几秒内自动更新，不必刷新。")


def take_time(visit: Visit) -> Response:
    """``POST …/time/back``: time that was given by mistake is taken back; at once, or asked for."""
    known, one = _about(visit)
    minutes = visit.whole("minutes", "收回几分钟", 1, MOST_MINUTES)
    seen = visit.whole("seen", "页面编号", 0, 10**9 - 1)
    reason = visit.text("reason", "收回的原因", 500)
    return _back(visit, second_or_now(visit, known, "take_time", one.admission_no, reason, sitting=known.id, seconds=minutes * 60, after=seen))


def release(visit: Visit) -> Response:
    """``POST …/release``: the candidate may go on at another computer."""
    _known, one = _about(visit)
    reason = visit.text("reason", "换电脑的原因", 500)
    with transaction(visit.home.exam) as connection:
        done = release_device(connection, one.admission_no, reason=reason, by=visit.by, now=visit.now)
    told = f"{one.name} 现在可以在另一台电脑上用原来的考试码登录，已保存的答案都在，时间继续计算。"
    return _back(visit, told if done else f"刚刚已经给 {one.name} 办过换电脑，没有重复办理。")


def pause(visit: Visit) -> Response:
    """``POST …/pause``: this candidate's clock stands, the paper is hidden."""
    _known, one = _about(visit)
    reason = visit.text("reason", "暂停原因", 500)
    with transaction(visit.home.exam) as connection:
        done = pause_one(connection, one.admission_no, reason=reason, by=visit.by, now=visit.now)
    return _back(visit, f"已暂停 {one.name} 的考试，时间停住；恢复时如数补回。" if done else f"{one.name} 已经是暂停状态，没有重复办理。")


def resume(visit: Visit) -> Response:
    """``POST …/resume``: with exactly the time for which it stood; not while somebody is asked to end the attempt."""
    _known, one = _about(visit)
    with transaction(visit.home.exam) as connection:
        done = resume_one(connection, one.admission_no, reason=visit.form.get("reason", "").strip() or "恢复", by=visit.by, now=visit.now)
        with visit.home.office.connect() as office:  # asked while the attempt is locked: whoever asks for its end pauses it after that
            if _end_is_asked_for(office, one):
                raise Refused("终止作答的申请正等另一人审批，现在不能恢复；不终止的，请先到“待审批”不批准，或由申请人撤回")
    return _back(visit, f"已恢复 {one.name} 的考试，补回 {span_text(done.ms // 1000)}。" if done.ms else f"{one.name} 已恢复（时间没有重复补）。")


def admit(visit: Visit) -> Response:
    """``POST …/late``: may start within so many minutes from now."""
    known, one = _about(visit)
    minutes = visit.whole("minutes", "几分钟内进场", 1, MOST_MINUTES)
    reason = visit.text("reason", "准许的原因", 500)
    until = min(visit.now + minutes * 60_000, known.closes_at)
    with transaction(visit.home.exam) as connection:
        admit_late(connection, one.admission_no, until, reason=reason, by=visit.by, now=visit.now)
    return _back(visit, f"{one.name} 可以在 {local_text(until, '%H:%M')} 前登录并开始；到本场结束时间仍一律收卷。")


def reopen(visit: Visit) -> Response:
    """``POST …/reopen``: an ended attempt goes on; at once, or asked for."""
    known, one = _about(visit)
    minutes = visit.whole("minutes", "恢复后再答几分钟", 1, MOST_MINUTES)
    reason = visit.text("reason", "恢复的原因", 500)
    return _back(visit, second_or_now(visit, known, "reopen", one.admission_no, reason, sitting=known.id, seconds=minutes * 60))


def void(visit: Visit) -> Response:
    """``POST …/void``: end an attempt for good. While a second person is waited for, the candidate is paused."""
    known, one = _about(visit)
    kind, _, ground = visit.form.get("kind", "").partition(":")
    if kind not in PENAL:
        raise Refused("请选择处理")
    reason = visit.text("reason", "事实", 500)
    number = visit.text("document_no", "文号或记录编号", 100, needed=False)
    with transaction(visit.home.office) as connection:
        event = standing(events_of(connection, known.id, one.person_id).get(one.person_id, ()))
        if event is None or KINDS[event.kind].rank < KINDS[kind].rank:
            check_event(connection, known.id, one.person_id, Entry(kind, reason, number, ground))
        if _end_is_asked_for(connection, one):
            raise Refused("终止作答的申请已经提交，正等另一人审批；要改处理，请申请人先到“待审批”撤回申请，再重新提交")
        do = asked_for if needs_second(known, "void") else at_once
        told = do(visit, connection, "void", one.admission_no, reason, sitting=known.id, person=one.person_id, kind=kind, ground=ground, document_no=number)
    if needs_second(known, "void"):
        told += _wait(visit, known, one, reason)
    return _back(visit, told)


def _end_is_asked_for(connection: Connection, one: Listed) -> bool:
    return any(asked.act == SECOND_PERSON["void"] for asked in waiting_about(connection, one.admission_no))


def _wait(visit: Visit, known: Sitting, one: Listed, reason: str) -> str:
    """Stop the candidate until the second person has decided, and have it on the worklist."""
    with transaction(visit.home.exam) as connection:
        note_by_staff(
            connection, known.id, "cheating", f"申请终止作答，等待另一人审批：{reason}"[:500], by=visit.by, now=visit.now,
            admission_no=one.admission_no,
        )  # fmt: skip
        if attempt_of(connection, one.admission_no) != "open":
            return ""
        pause_one(connection, one.admission_no, reason=f"等待审批：{reason}"[:500], by=visit.by, now=visit.now)
    return f"{one.name} 的考试已先暂停；不批准的，请点“恢复”，时间如数补回。"
