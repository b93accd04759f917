"""待审批: what waits for a second person, of all acts; and how an officer's act is done at once or asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select
from starlette.responses import Response

from exams.decisions import needs_second
from exams.events import KINDS, PENAL
from exams.policy import EXEMPTIONS, SECOND_PERSON
from exams.sittings import Sitting, get_sitting
from exams.tables import candidate_event, entry, sitting
from grading.paper_marks.register import SOURCES
from grading.retention.plan import make_plan
from grading.retention.policy import CLASSES, RetentionError
from hall.office.pages import go, page, role_titles, span_text
from hall.office.second_acts import EXECUTORS, Wanted, not_ended
from hall.office.visit import Visit
from home import Home, local_text, transaction
from people.accounts import names_of
from people.approvals import ACTS, LIFE_MS, Approval, ask, decide, get, recent, take_back, use, waiting

#: what staff read of an argument: name -> title; what is not here (numbers of rows, digests) is not shown
ARGUMENTS = {
    "sitting": "考试", "kind": "处理", "seconds": "时间", "document_no": "文号", "changes": "改动题数", "name": "姓名",
    "list": "名册", "columns": "列", "recipient": "接收单位", "purpose": "用途", "rows": "人数", "points": "改后得分", "expires": "有效至",
    "role": "岗位", "roles": "岗位", "into": "并入", "what": "涉及",
    "source": "怎样计分",
}  # fmt: skip
KIND_TITLES = {code: kind.title for code, kind in KINDS.items()}


@dataclass(frozen=True)
class Line:
    """One request as the page shows it. ``mine``: who looks is who asked; ``paper``: there is one to read before deciding."""

    it: Approval
    about: str
    facts: tuple[tuple[str, str], ...]
    asked_by: str
    decided_by: str
    mine: bool
    paper: bool


def second_or_now(visit: Visit, known: Sitting, act: str, subject: str, reason: str, **arguments: object) -> str:
    """Do an officer's act at once, or ask for it where the profile wants a second person; returns what to tell.

    ``act``: a key of :data:`exams.policy.SECOND_PERSON`.

    :raises PeopleError, SittingError, AttemptError: it cannot be asked for, or cannot be done.
    """
    with transaction(visit.home.office) as connection:
        if needs_second(known, act):
            return asked_for(visit, connection, act, subject, reason, **arguments)
        return at_once(visit, connection, act, subject, reason, **arguments)


def asked_for(visit: Visit, connection: Connection, act: str, subject: str, reason: str, **arguments: object) -> str:
    """Ask a second person for an act, in the caller's transaction; returns what to tell."""
    name = SECOND_PERSON[act]
    ask(connection, name, subject, by=visit.by, reason=reason, life_ms=LIFE_MS, **arguments)
    return f"已提交申请“{ACTS[name]}”。请另一位工作人员登录后，到上方“待审批”批准；批准后立即生效。"


def at_once(visit: Visit, connection: Connection, act: str, subject: str, reason: str, **arguments: object) -> str:
    """Do an act that nobody else has to agree to, in the caller's transaction; returns what to tell."""
    done = EXECUTORS[SECOND_PERSON[act]]
    return done(visit.home, connection, Wanted(subject, arguments, reason, visit.by, None, visit.now)) + "。"


def approvals_page(visit: Visit) -> Response:
    """``GET /approvals``."""
    with visit.home.office.connect() as connection:
        open_, done = waiting(connection), recent(connection, 30)
        names = names_of(connection)
    lines = {one.id: _line(visit, names, one) for one in (*open_, *done)}
    undecided = [lines[one.id] for one in open_ if one.granted is None]
    granted = [lines[one.id] for one in open_ if one.granted]
    return page(visit, "approvals.html", undecided=undecided, granted=granted, done=[lines[one.id] for one in done])


def _line(visit: Visit, names: Mapping[str, str], one: Approval) -> Line:
    facts = tuple((title, _shown(visit.home, name, one.arguments[name])) for name, title in ARGUMENTS.items() if one.arguments.get(name) not in (None, ""))
    if one.act == "record.erase" and one.used_at is None:
        facts += _what_goes(visit.home, one)
    if one.act in (SECOND_PERSON["void"], SECOND_PERSON["event"]) and one.undecided(visit.now):
        facts += _what_follows(visit.home, one)
    if one.act == SECOND_PERSON["revoke"]:
        facts += _what_is_revoked(visit.home, names, one)
    people = [names.get(login, login) for login in (one.asked_by, one.decided_by or "")]
    paper = one.undecided(visit.now) and bool(one.arguments.get("document"))
    return Line(one, _about(visit.home, one), facts, people[0], people[1], one.asked_by == visit.by, paper)


def _what_goes(home: Home, one: Approval) -> tuple[tuple[str, str], ...]:
    """What an erasure would take away: nobody agrees to what he has not seen."""
    try:
        plan = make_plan(home, int(str(one.arguments["at"])))
    except RetentionError as error:
        return (("删除什么", str(error)),)
    if plan.digest != one.arguments["plan"]:
        return (("删除什么", "申请以后到期清单有变化（例如登记了暂缓删除），批准了也不会执行；请不批准，由申请人重新申请"),)
    listed = ((CLASSES[piece.kind], f"{piece.title}，{piece.rows} 条") for piece in plan.due)
    return (*listed, ("注意", "删除后不能恢复，连同以前的自动备份"))


def _what_follows(home: Home, one: Approval) -> tuple[tuple[str, str], ...]:
    """The ground of an exemption, or the step of the ladder with its consequences: of one kind there are lighter and heavier ones."""
    kind, ground, known = (str(one.arguments.get(name) or "") for name in ("kind", "ground", "sitting"))
    if ground in EXEMPTIONS:
        return (("情形", EXEMPTIONS[ground].title),)
    if kind not in PENAL:
        return ()
    with home.office.connect() as connection:
        step = get_sitting(connection, known).profile.step(ground, kind)
    resit = "仍可补考" if step.may_resit else "不得补考"
    return (("后果", "，".join(filter(None, (step.title, resit, f"记录 {step.months} 个月" if step.months else "")))),)


def _what_is_revoked(home: Home, names: Mapping[str, str], one: Approval) -> tuple[tuple[str, str], ...]:
    query = select(candidate_event.c.reason, candidate_event.c.by, candidate_event.c.at).where(candidate_event.c.id == one.arguments["event"])
    with home.office.connect() as connection:
        row = connection.execute(query).first()
    return (("原登记", f"{row.reason}（{names.get(row.by, row.by)} {local_text(row.at)} 登记）"),) if row else ()


def _shown(home: Home, name: str, value: object) -> str:
    if name == "seconds":
        return span_text(int(str(value)))
    if name == "sitting":
        with home.office.connect() as connection:
            title = connection.execute(select(sitting.c.title).where(sitting.c.id == str(value))).scalar()
        return f"{title}（{value}）" if title else str(value)
    if name in ("kind", "source"):
        return {**KIND_TITLES, **SOURCES}.get(str(value), str(value))
    if name in ("role", "roles"):
        return role_titles(frozenset(value) if isinstance(value, list) else frozenset((str(value),)))
    return "、".join(map(str, value)) if isinstance(value, list) else str(value)


def _about(home: Home, one: Approval) -> str:
    """Whom or what it is about: a candidate's name beside the number."""
    if not one.act.startswith(("attempt.", "answer_file.", "paper.source", "candidate.")):
        return "到期的全部内容" if one.act == "record.erase" else one.subject
    with home.exam.connect() as connection:
        name = connection.execute(select(entry.c.name).where(entry.c.admission_no == one.subject)).scalar()
    return f"{name}（{one.subject}）" if name else one.subject


def decide_page(visit: Visit) -> Response:
    """``POST /approvals/{approval}``: grants or refuses; an act of this house is done in the same transaction."""
    grant = visit.form.get("decision") == "grant"
    note = visit.text("note", "审批意见", 500, needed=False)
    told = "已记下：不批准。"
    with transaction(visit.home.office) as connection:
        decided = decide(connection, visit.number("approval"), by=visit.by, grant=grant, note=note)
        if grant:
            told = "已批准，由申请人接着办理。"
            if decided.act in EXECUTORS:
                told = f"已批准。{_carry_out(visit.home, connection, decided, visit.now)}。"
    if not grant:
        told += _undone(visit, decided)
    return go(visit, "approvals", good=told)


def take_back_page(visit: Visit) -> Response:
    """``POST /approvals/{approval}/take-back``: whoever asked has thought better of it."""
    with transaction(visit.home.office) as connection:
        taken = take_back(connection, visit.number("approval"), by=visit.by)
    return go(visit, "approvals", good=f"已撤回申请“{taken.title}”。{_undone(visit, taken)}")


def _undone(visit: Visit, refused: Approval) -> str:
    """What has to be said of a request that comes to nothing."""
    return not_ended(visit.home, refused, visit.by, visit.now) if refused.act == SECOND_PERSON["void"] else ""


def _carry_out(home: Home, connection: Connection, one: Approval, now: int) -> str:
    arguments: Mapping[str, object] = one.arguments
    use(connection, one.id, one.act, one.subject, **arguments)
    called = names_of(connection).get(one.decided_by or "", one.decided_by)
    done = EXECUTORS[one.act](home, connection, Wanted(one.subject, arguments, one.reason, one.asked_by, one.decided_by, now, called))
    assert get(connection, one.id).used_at is not None
    return done
