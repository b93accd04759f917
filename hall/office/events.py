"""Events of a candidate with their papers: entered by the exam officer or HR, attached, revoked, downloaded; never deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import Connection, select
from starlette.responses import Response

from exams.decisions import needs_second, voided
from exams.events import KINDS, MOVES, STATES, attach_document, record_event, revoke_event, state_of
from exams.opening import set_barred
from exams.policy import EXEMPTIONS
from exams.sittings import Sitting
from exams.tables import candidate_event
from grading.entitlement import refuse_unproved
from grading.tables import record
from hall.office.pages import go
from hall.office.rosters import Listed, the_candidate
from hall.office.second_acts import attempt_of
from hall.office.visit import NotHere, Refused, Upload, Visit
from home import OFFICE, Home, audit, transaction
from people.documents import file_document, forget_unfiled, get_document, read_document

PENAL = ("misconduct", "void")


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


def _enter(visit: Visit, known: Sitting, one: Listed) -> str:
    """Enter what the form says; returns the event's title."""
    kind, _, ground = visit.form.get("kind", "").partition(":")
    if kind not in KINDS:
        raise Refused("请选择要登记的事项")
    if kind in PENAL and ends_by_two(visit.home, known, one.admission_no):
        raise Refused("他已经开始作答，违纪、取消资格要另一人批准：请考务在他的页面“终止作答”办理，提交后他的考试先暂停")
    number = visit.text("document_no", "文号或证明编号", 100, needed=False)
    reason = visit.text("reason", "事由", 500)

    def write(connection: Connection, document: int | None) -> None:
        refuse_unproved(connection, known, one.person_id, ground)
        record_event(connection, known.id, one.person_id, kind, by=visit.by, reason=reason, document_no=number, ground=ground, document_id=document)

    with_paper(visit, one.person_id, write)
    carry_down(visit, known, one)
    return KINDS[kind].title


def with_paper(visit: Visit, person_id: int, write: Callable[[Connection, int | None], None]) -> None:
    """Call ``write(connection, document id or None)`` in one transaction with the filing of the upload; refused, nothing is kept."""
    paper: Upload | None = visit.uploads.get("attachment")
    try:
        with transaction(visit.home.office) as connection:
            document = file_document(visit.home, connection, person_id, paper.name, paper.data, visit.by) if paper else None
            write(connection, document)
    except Exception:
        if paper:
            forget_unfiled(visit.home, paper.data)
        raise


def carry_down(visit: Visit, known: Sitting, one: Listed) -> None:
    """Tell the hall whether the candidate may sit."""
    if known.state != "draft":
        set_barred(visit.home, known.id, one.person_id, visit.by)


def number_in(visit: Visit, name: str) -> int:
    """A number that the address names.

    :raises NotHere: it is none.
    """
    text = visit.path[name]
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise NotHere("没有这条登记")
    return int(text)


def _own_event(connection: Connection, known: Sitting, one: Listed, number: int) -> None:
    here = candidate_event.c.id == number, candidate_event.c.sitting_id == known.id, candidate_event.c.person_id == one.person_id
    if connection.execute(select(candidate_event.c.id).where(*here)).first() is None:
        raise NotHere("这名考生没有这条登记")


def _revoke(visit: Visit, known: Sitting, one: Listed) -> None:
    number, reason = number_in(visit, "event"), visit.text("reason", "撤销事由", 500)
    with transaction(visit.home.office) as connection:
        _own_event(connection, known, one, number)
        revoke_event(connection, number, by=visit.by, reason=reason)
    carry_down(visit, known, one)


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


def _added(visit: Visit, known: Sitting, one: Listed) -> str:
    told = f"已登记：{one.name} {_enter(visit, known, one)}。"
    with visit.home.office.connect() as connection:
        issued = connection.execute(select(record.c.id).where(record.c.sitting_id == known.id).limit(1)).first() is not None
    return told + ("本场成绩已经签发过，请到“成绩”页重新签发。" if issued else "")


def _revoked(visit: Visit, known: Sitting, one: Listed) -> str:
    _revoke(visit, known, one)
    told = "已撤销该条登记；原登记留存备查。"
    if one.admission_no not in voided(visit.home, known.id):
        return told
    return told + (
        f"{one.name} 的作答仍是终止状态：要让他接着答，请再办“恢复作答”。" if known.state == "open"
        else f"{one.name} 的作答已终止、没有收卷：请重新登记怎样处理（违纪、取消资格或缓考），否则全场不能签发成绩。"
    )  # fmt: skip


def attach(visit: Visit) -> Response:
    """``POST …/records/{number}/event/{event}/attachment``: the scan of an event that was entered without it."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    number = number_in(visit, "event")
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
    number = number_in(visit, "document")
    with transaction(visit.home.office) as connection:
        here = candidate_event.c.document_id == number, candidate_event.c.sitting_id == known.id, candidate_event.c.person_id == one.person_id
        if connection.execute(select(candidate_event.c.id).where(*here)).first() is None:
            raise NotHere("这名考生没有这份附件")
        paper = get_document(connection, number)
        data = read_document(visit.home, paper)
        audit(connection, OFFICE, visit.by, "document.download", f"{known.id}/{one.person_id}", document=number, sha256=paper.sha256)
    return Response(data, media_type=paper.media_type, headers=disposition(paper.name))


def disposition(name: str) -> Mapping[str, str]:
    """Headers by which a browser saves a file and never shows it in our origin."""
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}", "cache-control": "no-store"}
