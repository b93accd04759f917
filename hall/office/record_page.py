"""One candidate for HR and the auditor: the whole life of a result, a correction, the file for an appeal; and who may come again."""

from __future__ import annotations

from sqlalchemy import select
from starlette.responses import Response

from exams.sittings import Enrolment, Sitting, add_candidates, get_sitting
from exams.tables import candidate, sitting
from grading.correction import LABELS, NAME, correct_record
from grading.cut import exact_text
from grading.entitlement import AGAIN, resit_claims
from grading.life import life_of
from grading.outcome import OUTCOMES
from grading.paper_marks.register import SOURCES, paper_sources
from grading.roll import day_of
from hall.office.events import by_two, choices, disposition
from hall.office.pages import go, page
from hall.office.rosters import the_candidate
from hall.office.visit import NotHere, Recused, Refused, Visit
from home import OFFICE, audit, local_text, transaction
from people.approvals import waiting_about

RULES = {
    "exact": "全对得分", "all_or_nothing": "全部选对得分", "half_each": "少选按项得一半", "manual": "人工评阅",
}  # fmt: skip
OWN_LEFT_OUT = "您本人按回避规定没有列入，请另一位考务办理。"
STATES = {"marked": "已评", "unanswered": "未作答", "needs_person": "等人工评阅"}


def record_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/records/{number}``."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    with visit.home.office.connect() as connection:
        source = paper_sources(connection, known.id).get(one.person_id, "")
        life = life_of(visit.home, connection, known, one.person_id)
        state, may_enter = choices(connection, known, one.person_id)
        pending, two = waiting_about(connection, one.admission_no), by_two(visit.home, connection, known, one)
    return page(
        visit, "record.html", known=known, one=one, life=life, state=state, may_enter=may_enter, exact=exact_text, RULES=RULES, STATES=STATES,
        source=SOURCES.get(source, ""), pending=pending, by_two=two,
        OUTCOMES=OUTCOMES, parts={part.id: part.title for part in known.blueprint.parts},
        events=[event for ident, _, event in life.events if ident == known.id],
        elsewhere=[(title, event) for ident, title, event in life.events if ident != known.id],
        now_stands=next((line for line in life.records if line.superseded_by is None), None), fields=(NAME, *LABELS),
    )  # fmt: skip


def correct(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/records/{number}/correct``: a corrected name or unit supersedes the issued record."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    wanted = {name: visit.form.get(f"field_{n}", "") for n, name in enumerate((NAME, *LABELS)) if f"field_{n}" in visit.form}
    reason = visit.text("reason", "更正的原因", 300)
    number = visit.text("document_no", "文号", 100, needed=False)
    changed = correct_record(visit.home, known.id, one.person_id, wanted, by=visit.by, reason=reason, document_no=number)
    return go(visit, "record", good=f"已更正：{'、'.join(changed)}。新记录已签名，旧记录留存备查；请重新导出、盖章，收回旧表。", **visit.path)


def appeal(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/records/{number}/appeal``: everything that bears on one candidate's result, as one ZIP."""
    from grading.appeal import appeal_file

    known = visit.sitting()
    one = the_candidate(visit, known.id)
    reason = visit.text("reason", "调取的事由", 300)
    data = appeal_file(visit.home, known.id, one.person_id, visit.by)
    with transaction(visit.home.office) as connection:
        audit(connection, OFFICE, visit.by, "record.appeal", f"{known.id}/{one.person_id}", reason=reason, size=len(data))
    name = f"申诉材料-{one.admission_no}-{local_text(visit.now, '%Y%m%d-%H%M%S')}.zip"
    return Response(data, media_type="application/zip", headers=dict(disposition(name)))


# ---------------------------------------------------------------- who may come again


def resit_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/resit``: who may come to the resit and who may not, each with the reason."""
    known = visit.sitting()
    with visit.home.office.connect() as connection:
        targets = _targets(visit, known)
        day = day_of(targets[0].opens_at) if targets else day_of(visit.now)
        claims = resit_claims(connection, known, day)
    return page(
        visit, "resit.html", known=known, entitled=[one for one in claims if one.entitled], others=[one for one in claims if not one.entitled],
        targets=targets, day=day, OUTCOMES=OUTCOMES, AGAIN=AGAIN,
    )  # fmt: skip


def _targets(visit: Visit, known: Sitting) -> list[Sitting]:
    """Drafts that are a resit of this sitting."""
    query = select(sitting.c.id).where(sitting.c.resit_of == known.id, sitting.c.state == "draft").order_by(sitting.c.opens_at)
    with visit.home.office.connect() as connection:
        return [get_sitting(connection, ident) for ident in connection.execute(query).scalars().all()]


def enrol_resit(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/resit``: put everybody who is entitled on the list of a resit that is being prepared."""
    known = visit.sitting()
    target = next((one for one in _targets(visit, known) if one.id == visit.form.get("target")), None)
    if target is None:
        raise NotHere("没有这场准备中的补考；请先新建考试，并在“是不是补考”里选本场")
    with transaction(visit.home.office) as connection:
        chosen = {one.person_id for one in resit_claims(connection, known, day_of(target.opens_at)) if one.entitled}
        own = chosen & {visit.staff.person_id}
        chosen -= own
        if own and not chosen:
            raise Recused("可以列入的只有您本人，按回避规定您不能办理，请另一位工作人员办理")
        if not chosen:
            raise Refused("没有可以列入的人：都已列入，或都不能参加补考")
        here = candidate.c.sitting_id == known.id, candidate.c.person_id.in_(chosen)
        rows = connection.execute(select(candidate).where(*here).order_by(candidate.c.admission_no)).all()
        lines = [Enrolment(row.person_id, row.unit_label, row.post_label, row.proposed_post, row.rank_label, row.channel, row.remark) for row in rows]
        new = add_candidates(connection, target.id, lines, visit.by)
    return go(visit, "resit", good=f"已把 {new} 人列入“{target.title}”（{local_text(target.opens_at)}）。{OWN_LEFT_OUT if own else ''}", sitting=known.id)
