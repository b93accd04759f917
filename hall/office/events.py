"""Events of a candidate with their papers: entered by the exam officer or HR, attached, revoked, downloaded; never deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, select
from starlette.responses import Response

from exams.decisions import needs_second
from exams.events import KINDS, MOVES, PENAL, STATES, Entry, attach_document, check_event, state_of
from exams.policy import EXEMPTIONS, SECOND_PERSON
from exams.sittings import Sitting
from exams.tables import candidate_event, script
from grading.entitlement import refuse_unproved
from grading.paper_marks.register import sits_on_paper
from hall.office.approvals import asked_for, at_once
from hall.office.pages import go
from hall.office.rosters import Listed, the_candidate
from hall.office.second_acts import attempt_of
from hall.office.visit import NotHere, Refused, Upload, Visit
from home import OFFICE, Home, audit, transaction
from people.approvals import get as get_request
from people.approvals import waiting_about
from people.documents import file_document, forget_unfiled, get_document, read_document

Told = TypeVar("Told")


@dataclass(frozen=True)
class Choice:
    """One line of the form: ``value`` is kind and ground (``exempt:approved_by_authority``); ``needs`` is told beside it."""

    value: str
    title: str
    needs: str


def choices(connection: Connection, known: Sitting, person_id: int) -> tuple[str, list[Choice]]:
    """(state in words, what may be entered now) by the table of moves and the sitting's profile."""
    state = state_of(connection, known.id, person_id)
    rules = known.profile
    found: list[Choice] = []
    for kind in (kind for kind in KINDS if kind in MOVES[state]):
        title = KINDS[kind].title
        if kind in ("exempt", "exempt_part"):
            fitting = [key for key in rules.exemptions if EXEMPTIONS[key].event == kind]
            found += [Choice(f"{kind}:{key}", f"{title}：{EXEMPTIONS[key].title}", EXEMPTIONS[key].needs) for key in fitting]
        elif steps := [step for step in rules.ladder if step.event == kind]:
            found += [Choice(f"{kind}:{step.id}", f"{title.partition('（')[0]}：{step.title}", _after(step.may_resit)) for step in steps]
        else:
            found.append(Choice(kind, title, rules.absence.deferral_needs if kind == "deferred" else ""))
    return STATES[state], found


def _after(may_resit: bool) -> str:
    return "仍可补考" if may_resit else "不得补考"


def ends_by_two(home: Home, known: Sitting, admission_no: str) -> bool:
    """Whether misconduct of this candidate is a matter of 终止作答, with a second person: he has a paper in a room that is open."""
    if known.state != "open" or not needs_second(known, "void"):
        return False
    with home.exam.connect() as connection:
        return attempt_of(connection, admission_no) in ("open", "closed")


def by_two(home: Home, connection: Connection, known: Sitting, one: Listed) -> frozenset[tuple[str, str]]:
    """Which (``event`` or ``revoke``, kind) take a second person, because they change a result.

    Of somebody who has a paper: all that takes the place of its marks or leaves some of them out; an absence does not, it holds up the
    issue. Of somebody who has none: what punishes, once the exam is over; at the door there is no time for two.
    """
    acts = [act for act in ("event", "revoke") if needs_second(known, act)]
    if not acts:
        return frozenset()
    written = select(script.c.person_id).where(script.c.sitting_id == known.id, script.c.person_id == one.person_id).limit(1)
    with home.exam.connect() as hall:
        has_paper = bool(attempt_of(hall, one.admission_no)) or connection.execute(written).first() is not None
    has_paper = has_paper or sits_on_paper(connection, known.id, one.person_id)
    kinds = KINDS.keys() - {"absent"} if has_paper else PENAL if known.state in ("closed", "marked") else ()
    return frozenset((act, kind) for act in acts for kind in kinds)


def _added(visit: Visit, known: Sitting, one: Listed) -> str:
    """Enter what the form says, or ask for it; returns what to tell."""
    kind, _, ground = visit.form.get("kind", "").partition(":")
    if kind not in KINDS:
        raise Refused("请选择要登记的事项")
    if kind in PENAL and ends_by_two(visit.home, known, one.admission_no):
        raise Refused("他已经开始作答，违纪、取消资格要另一人批准：请考务在他的页面“终止作答”办理，提交后他的考试先暂停")
    number = visit.text("document_no", "文号或证明编号", 100, needed=False)
    reason = visit.text("reason", "事由", 500)

    def write(connection: Connection, document: int | None) -> str:
        refuse_unproved(connection, known, one.person_id, ground)
        check_event(connection, known.id, one.person_id, Entry(kind, reason, number, ground, document))
        do = at_once
        if ("event", kind) in by_two(visit.home, connection, known, one):
            if any(asked.act == SECOND_PERSON["event"] for asked in waiting_about(connection, one.admission_no)):
                raise Refused("对他的处理正等另一人审批；要改，请申请人先到“待审批”撤回申请，再重新登记")
            do = asked_for
        return do(
            visit, connection, "event", one.admission_no, reason, sitting=known.id, person=one.person_id, kind=kind, ground=ground,
            document_no=number, document=document,
        )  # fmt: skip

    return with_paper(visit, one.person_id, write)


def with_paper(visit: Visit, person_id: int, write: Callable[[Connection, int | None], Told]) -> Told:
    """Call ``write(connection, document id or None)`` in one transaction with the filing of the upload; refused, nothing is kept."""
    paper: Upload | None = visit.uploads.get("attachment")
    try:
        with transaction(visit.home.office) as connection:
            document = file_document(visit.home, connection, person_id, paper.name, paper.data, visit.by) if paper else None
            return write(connection, document)
    except Exception:
        if paper:
            forget_unfiled(visit.home, paper.data)
        raise


def _own_event(connection: Connection, known: Sitting, one: Listed, number: int) -> str:
    """The kind of an event of this candidate.

    :raises NotHere: it is none of his.
    """
    here = candidate_event.c.id == number, candidate_event.c.sitting_id == known.id, candidate_event.c.person_id == one.person_id
    kind = connection.execute(select(candidate_event.c.kind).where(*here)).scalar()
    if kind is None:
        raise NotHere("这名考生没有这条登记")
    return str(kind)


def _revoked(visit: Visit, known: Sitting, one: Listed) -> str:
    number, reason = visit.number("event"), visit.text("reason", "撤销事由", 500)
    with transaction(visit.home.office) as connection:
        kind = _own_event(connection, known, one, number)
        do = asked_for if ("revoke", kind) in by_two(visit.home, connection, known, one) else at_once
        return do(visit, connection, "revoke", one.admission_no, reason, sitting=known.id, person=one.person_id, kind=kind, event=number)


def add_event(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/candidates/{number}/event``: enters an event and carries it down to the hall."""
    return _done(visit, "candidate", _added)


def add_event_by_hr(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/records/{number}/event``: the same from HR's page."""
    return _done(visit, "record", _added)


def revoke(visit: Visit) -> Response:
    """``POST …/candidates/{number}/event/{event}/revoke``."""
    return _done(visit, "candidate", _revoked)


def revoke_by_hr(visit: Visit) -> Response:
    """``POST …/records/{number}/event/{event}/revoke``."""
    return _done(visit, "record", _revoked)


def _done(visit: Visit, back: str, act: Callable[[Visit, Sitting, Listed], str]) -> Response:
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    return go(visit, back, good=act(visit, known, one), **visit.path)


def attach(visit: Visit) -> Response:
    """``POST …/records/{number}/event/{event}/attachment``: the scan of an event that was entered without it."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    number = visit.number("event")
    if "attachment" not in visit.uploads:
        raise Refused("请先选择附件（PDF、JPG 或 PNG）")

    def write(connection: Connection, document: int | None) -> None:
        _own_event(connection, known, one, number)
        attach_document(connection, number, int(document or 0), by=visit.by)

    with_paper(visit, one.person_id, write)
    return go(visit, "record", good="附件已存档。", **visit.path)


def attachment(visit: Visit) -> Response:
    """``GET …/candidates/{number}/documents/{document}``: only papers of this candidate's events; who took which is recorded."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    number = visit.number("document")
    with transaction(visit.home.office) as connection:
        here = candidate_event.c.document_id == number, candidate_event.c.sitting_id == known.id, candidate_event.c.person_id == one.person_id
        if connection.execute(select(candidate_event.c.id).where(*here)).first() is None:
            raise NotHere("这名考生没有这份附件")
        return _handed_out(visit, connection, number, f"{known.id}/{one.person_id}")


def request_paper(visit: Visit) -> Response:
    """``GET /approvals/{approval}/document``: nobody agrees to an event whose paper he has not seen; only while it waits."""
    number = visit.number("approval")
    with transaction(visit.home.office) as connection:
        asked = get_request(connection, number)
        document = asked.arguments.get("document")
        if asked.act != SECOND_PERSON["event"] or not asked.undecided(visit.now) or not isinstance(document, int):
            raise NotHere("这项申请没有附件，或者已经有人审批、已经过期")
        return _handed_out(visit, connection, document, asked.subject)


def _handed_out(visit: Visit, connection: Connection, document: int, subject: str) -> Response:
    paper = get_document(connection, document)
    data = read_document(visit.home, paper)
    audit(connection, OFFICE, visit.by, "document.download", subject, document=document, sha256=paper.sha256)
    return Response(data, media_type=paper.media_type, headers=disposition(paper.name))


def disposition(name: str) -> Mapping[str, str]:
    """Headers by which a browser saves a file and never shows it in our origin."""
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}", "cache-control": "no-store"}
