"""One person's certifications: where each stands and why, what is missing by when, the history, and every entry with its paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select
from starlette.responses import Response

from grading.cut import exact_text
from grading.tables import certification
from grading.workforce.clock import Standing
from grading.workforce.entering import (
    add_certification,
    add_hours,
    add_step,
    end_certification,
    find_entry,
    read_amount,
    resume_certification,
    revoke_certification,
    revoke_hours,
    revoke_step,
)
from grading.workforce.from_records import passes, take_over
from grading.workforce.history import evidence_of, history
from grading.workforce.holdings import (
    Entry,
    Holder,
    HoursRow,
    read_entries,
    read_holder,
    read_hours,
    stand,
)
from grading.workforce.hours import SOURCES
from grading.workforce.kinds import Kind, kinds_of
from hall.office.events import disposition, with_paper
from hall.office.pages import go, page
from hall.office.visit import NotHere, Refused, Visit
from hall.office.workforce import today
from home import OFFICE, audit, transaction
from people.documents import get_document, read_document
from people.tables import document, person, unit
from people.unit_names import UnitNames


@dataclass(frozen=True)
class Holding:
    """One certification as the page shows it."""

    entry: Entry
    kind: Kind
    standing: Standing

    @property
    def over(self) -> bool:
        return self.entry.ended_on is not None


def holder_page(visit: Visit) -> Response:
    """``GET /workforce/people/{person}``."""
    kinds, day = kinds_of(visit.home), today(visit)
    with visit.home.office.connect() as connection:
        who = _holder(visit, connection)
        hours = _hours_of(connection, who)
        holdings = [
            Holding(one, kinds[one.kind], stand(kinds[one.kind], one, hours, day))
            for one in read_entries(connection, certification.c.person_id == who.id, certification.c.kind.in_(list(kinds)))
        ]
        places, papers = _places(connection, kinds), _papers(connection, who.id)
        ready, entered = passes(connection, who.id), history(connection, kinds, who.id)
    return page(
        visit, "workforce_person.html", who=who, kinds=kinds, holdings=[one for one in holdings if not one.over], over=[one for one in holdings if one.over],
        hours=hours, places=places, recording=[kind for kind in kinds.values() if kind.records], SOURCES=SOURCES, exact=exact_text, today=day,
        passes=ready, history=entered, papers=papers,
    )  # fmt: skip


def _holder(visit: Visit, connection: Connection) -> Holder:
    found = read_holder(connection, visit.number("person"))
    if found is None or not found.masked:
        raise NotHere("没有这个人；可能编号写错，或个人信息已按规定删除")
    return found


def _hours_of(connection: Connection, who: Holder) -> list[HoursRow]:
    return list(read_hours(connection, select(person.c.id).where(person.c.id == who.id)).get(who.id, ()))


def _places(connection: Connection, kinds: Mapping[str, Kind]) -> list[str]:
    """The units that a target is about (villages, schools), those of one name behind the unit above, as the form understands them."""
    targets = [kind.target.unit_kind for kind in kinds.values() if kind.target]
    above = unit.alias("above")
    query = select(unit.c.name, above.c.name.label("above")).outerjoin(above, above.c.id == unit.c.parent_id)
    rows = connection.execute(query.where(unit.c.kind.in_(targets), unit.c.merged_into.is_(None))).all()
    several = Counter(row.name for row in rows)
    return sorted({f"{row.above or ''}{row.name}" if several[row.name] > 1 else row.name for row in rows})


def _papers(connection: Connection, person_id: int) -> dict[int, str]:
    """Evidence on file: document id -> its name; what was erased says so."""
    ids = evidence_of(connection, person_id)
    return {row.id: row.name for row in connection.execute(select(document.c.id, document.c.name).where(document.c.id.in_(ids)))}


# ---------------------------------------------------------------- what a form says


def read_date(visit: Visit, name: str, title: str) -> date:
    """A day from the form.

    :raises Refused: blank, or no day.
    """
    text = visit.text(name, title, 10)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(f"“{title}”应写成 2026-03-10 这样的日期") from None


def _kind(visit: Visit, name: str = "kind") -> Kind:
    found = kinds_of(visit.home).get(visit.form.get(name, ""))
    if found is None:
        raise Refused("请选择资格")
    return found


def _place(connection: Connection, visit: Visit) -> int | None:
    """The unit that the form names as the place of service, or None. What is entered may lie back: it may be a closed one.

    :raises PeopleError: none has that name, or it may mean several.
    """
    name = visit.text("place", "服务单位", 100, needed=False)
    if not name:
        return None
    return UnitNames(connection).one(name, f"单位“{name}”还没有登记；请先在“导入”页用“单位”表登记，或核对名称", closed=True)


def _own(visit: Visit, connection: Connection) -> tuple[Kind, Entry]:
    """The certification that the address names, of this person.

    :raises NotHere: there is none, it is another's, or its kind is gone.
    """
    held, person = visit.number("held"), visit.number("person")
    entry = next(iter(read_entries(connection, certification.c.id == held, certification.c.person_id == person)), None)
    kind = kinds_of(visit.home).get(entry.kind) if entry else None
    if entry is None or kind is None:
        raise NotHere("这个人没有这项资格；请刷新页面")
    return kind, entry


def _back(visit: Visit, told: str) -> Response:
    return go(visit, "holder", good=told, person=visit.path["person"])


# ---------------------------------------------------------------- entries


def add_holding(visit: Visit) -> Response:
    """``POST /workforce/people/{person}/held``: a certification, with its number, issuer, place and scan."""
    kind, day = _kind(visit), read_date(visit, "on_day", "日期")
    number, issuer = visit.text("document_no", "证书编号", 60, needed=False), visit.text("issuer", "发证机关", 100, needed=False)
    note = visit.text("note", "说明", 500, needed=False)
    who = visit.number("person")

    def write(connection: Connection, paper: int | None) -> None:
        _holder(visit, connection)
        add_certification(
            connection, kind, who, day, by=visit.by, today=today(visit), certificate_no=number, issuer=issuer, unit_id=_place(connection, visit),
            note=note, document_id=paper,
        )  # fmt: skip

    with_paper(visit, who, write)
    return _back(visit, f"已登记“{kind.title}”（{kind.obtained} {day}）。")


def take_pass(visit: Visit) -> Response:
    """``POST /workforce/people/{person}/pass``: a pass of a sitting held here becomes a certification."""
    kind, record = _kind(visit), visit.text("record", "成绩记录", 40)
    with transaction(visit.home.office) as connection:
        who = _holder(visit, connection)
        take_over(connection, kinds_of(visit.home), kind, who.id, record, by=visit.by, today=today(visit))
    return _back(visit, f"已把成绩记录 {record} 转为“{kind.title}”。")


def enter_step(visit: Visit) -> Response:
    """``POST /workforce/people/{person}/held/{held}/step``."""
    step, day = visit.text("step", "办理事项", 20), read_date(visit, "on_day", "办理日期")
    number, note = visit.text("document_no", "文号", 100, needed=False), visit.text("note", "说明", 500, needed=False)
    told = ""

    def write(connection: Connection, paper: int | None) -> None:
        nonlocal told
        kind, entry = _own(visit, connection)
        add_step(connection, kind, entry, step, day, by=visit.by, today=today(visit), document_no=number, document_id=paper, note=note)
        after = stand(kind, find_entry(connection, entry.id), _hours_of(connection, entry.holder), today(visit))
        told = f"已登记：{kind.title} {kind.steps[step]} {day}。现在：{after.title}{f'，有效期至 {after.valid_until}' if after.valid_until else ''}。"

    with_paper(visit, visit.number("person"), write)
    return _back(visit, told)


def strike_step(visit: Visit) -> Response:
    """``POST …/held/{held}/step/{step}/revoke``."""
    reason = visit.text("reason", "撤销的原因", 500)
    with transaction(visit.home.office) as connection:
        kind, entry = _own(visit, connection)
        revoke_step(connection, kind, entry, visit.number("step"), by=visit.by, reason=reason)
    return _back(visit, "已撤销该条办理记录；原登记留存备查，日期已重新计算。")


def end_holding(visit: Visit) -> Response:
    """``POST …/held/{held}/end``."""
    day, reason = read_date(visit, "on_day", "日期"), visit.text("reason", "原因", 500)
    number = visit.text("document_no", "文号", 100, needed=False)
    title = ""

    def write(connection: Connection, paper: int | None) -> None:
        nonlocal title
        kind, entry = _own(visit, connection)
        end_certification(connection, kind, entry, day, by=visit.by, today=today(visit), reason=reason, document_no=number, document_id=paper)
        title = f"{kind.title}{kind.ended}"

    with_paper(visit, visit.number("person"), write)
    return _back(visit, f"已登记：{title} {day}。")


def resume_holding(visit: Visit) -> Response:
    """``POST …/held/{held}/resume``: an ending that was entered by mistake is taken back."""
    reason = visit.text("reason", "原因", 500)
    with transaction(visit.home.office) as connection:
        kind, entry = _own(visit, connection)
        resume_certification(connection, kind, entry, by=visit.by, reason=reason)
    return _back(visit, f"已取消“{kind.title}”的{kind.ended}；操作日志留有原来的登记。")


def strike_holding(visit: Visit) -> Response:
    """``POST …/held/{held}/revoke``: the whole certification was entered by mistake."""
    reason = visit.text("reason", "撤销的原因", 500)
    with transaction(visit.home.office) as connection:
        kind, entry = _own(visit, connection)
        revoke_certification(connection, kind, entry, by=visit.by, reason=reason)
    return _back(visit, f"已撤销误登的“{kind.title}”；原登记留在下面的登记历史里。")


def enter_hours(visit: Visit) -> Response:
    """``POST /workforce/people/{person}/hours``: a training, a course or a degree."""
    day, amount = read_date(visit, "on_day", "完成日期"), read_amount(visit.text("hours", "学时", 20))
    title, source = visit.text("title", "名称", 200), visit.text("source", "来源", 20)
    provider, number = visit.text("provider", "举办单位", 100, needed=False), visit.text("document_no", "证书或文号", 100, needed=False)
    note, who = visit.text("note", "说明", 500, needed=False), visit.number("person")

    def write(connection: Connection, paper: int | None) -> None:
        _holder(visit, connection)
        add_hours(
            connection, who, day, amount, source, title, by=visit.by, today=today(visit), provider=provider, document_no=number, document_id=paper, note=note
        )  # fmt: skip

    with_paper(visit, who, write)
    return _back(visit, f"已登记学时：{title} {exact_text(amount)} 学时（{day}）。")


def strike_hours(visit: Visit) -> Response:
    """``POST /workforce/people/{person}/hours/{hours}/revoke``."""
    reason = visit.text("reason", "撤销的原因", 500)
    with transaction(visit.home.office) as connection:
        revoke_hours(connection, _holder(visit, connection).id, visit.number("hours"), by=visit.by, reason=reason)
    return _back(visit, "已撤销该条学时；原登记留存备查。")


def evidence(visit: Visit) -> Response:
    """``GET /workforce/people/{person}/documents/{document}``: only papers that entries about this person name; who took which is recorded."""
    number = visit.number("document")
    with transaction(visit.home.office) as connection:
        who = _holder(visit, connection)
        if number not in evidence_of(connection, who.id):
            raise NotHere("这个人没有这份附件")
        paper = get_document(connection, number)
        data = read_document(visit.home, paper)
        audit(connection, OFFICE, visit.by, "document.download", f"person/{who.id}", document=number, sha256=paper.sha256)
    return Response(data, media_type=paper.media_type, headers=dict(disposition(paper.name)))
