"""Blind marking of free text: question by question, answer by answer, under pseudonyms; no name, unit or number is read here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from markupsafe import Markup
from sqlalchemy import Connection, select
from starlette.responses import Response

from exams.forms import read_public_form
from exams.paper import KeyEntry, PublicQuestion
from exams.sittings import Sitting
from grading.errors import MarkError
from grading.manual import (
    CHANGE,
    LONGEST_REASON,
    ManualItem,
    change_request,
    is_issued,
    manual_questions,
    marking_queue,
    read_points,
    refuse_candidate,
    set_manual_mark,
)
from grading.marks import key_forms
from grading.outcome import exact_text
from grading.tables import mark
from hall.office.pages import go, page
from hall.office.steps import read_facts
from hall.office.visit import NotHere, Refused, Visit
from home import transaction
from people.accounts import names_of
from people.approvals import ask, waiting
from people.errors import PeopleError
from question_bank.item import KIND_TITLES
from question_bank.rendering import markdown_html


@dataclass(frozen=True)
class Asked:
    """The question that is being marked, with what the marker goes by. HTML is safe."""

    form: str
    kind: str
    stem: Markup
    model_answer: Markup
    points: Sequence[tuple[str, str]]
    law: Sequence[str]
    key: str
    most: Fraction


def progress(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/marking``: how far marking is, by question."""
    known = visit.sitting()
    with visit.home.office.connect() as connection:
        loads = manual_questions(connection, known.id)
        facts = read_facts(connection, known.id)
    titles = {part.id: part.title for part in known.blueprint.parts}
    return page(visit, "marking.html", known=known, loads=loads, facts=facts, titles=titles)


def _queue(visit: Visit, known: Sitting) -> tuple[ManualItem, ...]:
    with visit.home.office.connect() as connection:
        refuse_candidate(connection, known.id, visit.by)
        found = marking_queue(connection, known.id, visit.path["question"], visit.path["item"])
    if not found:
        raise NotHere("这道题没有需要人工评阅的答卷")
    return found


def _asked(visit: Visit, known: Sitting) -> Asked:
    """The question on the form where this number means this item."""
    question, item = visit.path["question"], visit.path["item"]
    for form, keys in key_forms(visit.home, known).items():
        entry = next((one for one in keys.entries if one.id == question and one.item == item), None)
        if entry is not None:
            path = visit.home.secret / "papers" / str(known.paper_id) / "public" / f"{form}.json"
            public = next((one for one in read_public_form(path).questions if one.id == question), None)
            if public is not None:
                return _described(form, entry, public)
    raise NotHere("试卷上没有这道题")


def _described(form: str, entry: KeyEntry, public: PublicQuestion) -> Asked:
    options = Markup("").join(Markup("<p>{}. {}</p>").format(one.letter, Markup(one.html)) for one in public.options)
    return Asked(
        form, KIND_TITLES.get(entry.kind, entry.kind), Markup(public.html) + options, Markup(markdown_html(entry.model_answer)),
        entry.scoring_points, entry.law, entry.key, entry.max_points,
    )  # fmt: skip


def script_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/marking/{question}/{item}?who=``: one answer; without ``who`` the next that waits."""
    known = visit.sitting()
    queue = _queue(visit, known)
    wanted = visit.query.get("who", "")
    waiting = [one for one in queue if one.points is None]
    here = next((one for one in queue if one.pseudonym == wanted), waiting[0] if waiting else queue[-1])
    return _show(visit, known, queue, here)


def _show(
    visit: Visit, known: Sitting, queue: Sequence[ManualItem], here: ManualItem, problem: str = "", typed: str | None = None
) -> Response:
    place = queue.index(here)
    shown = typed if typed is not None else ("" if here.points is None else exact_text(here.points))
    return page(
        visit, "script.html", 422 if problem else 200, known=known, asked=_asked(visit, known), here=here, place=place + 1, whole=len(queue),
        waiting=sum(1 for one in queue if one.points is None), before=queue[place - 1].pseudonym if place else "",
        after=queue[place + 1].pseudonym if place + 1 < len(queue) else "", problem=problem, typed=shown, exact=exact_text,
        comment=visit.form.get("comment", "") if problem else here.comment, state=_state(here), issued=_issued(visit, known, here),
        reason=visit.form.get("reason", "") if problem else "",
    )  # fmt: skip


def _issued(visit: Visit, known: Sitting, here: ManualItem) -> bool:
    with visit.home.office.connect() as connection:
        return is_issued(connection, known.id, here.person_id)


def _state(one: ManualItem) -> str:
    """What the form must bring back: two markers at one script do not overwrite each other unseen."""
    return "waiting" if one.points is None else f"{one.points} {one.by}"


def give(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/marking/{question}/{item}``: store the points, go on to the next answer that waits."""
    known = visit.sitting()
    queue = _queue(visit, known)
    here = next((one for one in queue if one.pseudonym == visit.form.get("who")), None)
    if here is None:
        raise NotHere("没有这份答卷")
    typed = visit.form.get("points", "")[:40]
    try:
        points = read_points(typed)
        comment = visit.text("comment", "评语", 1000, needed=False)
        reason = visit.text("reason", "改分的原因", LONGEST_REASON, needed=False)
        with transaction(visit.home.office) as connection:
            _refuse_overtaken(connection, visit, known, here)
            waits, granted = _second_person(connection, visit, known, here, points, reason)
            if not waits:
                set_manual_mark(
                    connection, known.id, here.person_id, here.question, points, by=visit.by, comment=comment, reason=reason, approval=granted
                )  # fmt: skip
    except (MarkError, Refused, PeopleError) as error:
        return _show(visit, known, queue, here, str(error), typed)
    if waits:
        told = f"还没有改分：已申请由 {exact_text(here.points or Fraction(0))} 分改为 {exact_text(points)} 分，请另一人到“待审批”批准，批准后您再到本页保存同样的分数。"
        return go(visit, "script", good=told, query=f"who={here.pseudonym}", **visit.path)
    left = [one for one in queue if one.points is None and one is not here]
    if not left:
        return go(visit, "marking", good="这道题已全部评完。", **visit.path)
    after = next((one for one in left if one.pseudonym > here.pseudonym), left[0])
    return go(visit, "script", good=f"已记 {exact_text(points)} 分。", query=f"who={after.pseudonym}", **visit.path)


def _second_person(
    connection: Connection, visit: Visit, known: Sitting, here: ManualItem, points: Fraction, reason: str
) -> tuple[bool, int | None]:
    """(whether the change waits for a second person, the approval if it is granted); asks for it where nobody has yet."""
    if here.points is None or points == here.points or known.kind != "formal" or not is_issued(connection, known.id, here.person_id):
        return False, None
    if not reason:
        raise Refused("这名考生的正式成绩已经签发，改分须写明原因，并经另一人批准")
    subject, arguments = change_request(connection, known.id, here.person_id, here.question, here.points, points)
    mine = [one for one in waiting(connection, CHANGE) if (one.subject, one.asked_by, one.arguments) == (subject, visit.by, arguments)]
    granted = next((one.id for one in mine if one.granted), None)
    if granted is None and not mine:
        ask(connection, CHANGE, subject, by=visit.by, reason=reason, **arguments)
    return granted is None, granted


def _refuse_overtaken(connection: Connection, visit: Visit, known: Sitting, here: ManualItem) -> None:
    mine = mark.c.sitting_id == known.id, mark.c.person_id == here.person_id, mark.c.question == here.question
    row = connection.execute(select(mark.c.points, mark.c.by).where(*mine)).one()
    stands = "waiting" if row.points is None else f"{Fraction(row.points)} {row.by}"
    if stands != visit.form.get("state"):
        by = names_of(connection).get(row.by, row.by)
        raise Refused(f"没有保存：这份答卷刚由 {by} 评为 {row.points} 分。请核对后再决定是否改分。")
