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
from grading.manual import ManualItem, manual_questions, marking_queue, read_points, refuse_candidate, set_manual_mark
from grading.marks import key_forms
from grading.outcome import exact_text
from grading.tables import mark
from hall.office.pages import go, page
from hall.office.steps import read_facts
from hall.office.visit import NotHere, Refused, Visit
from home import transaction
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
        comment=visit.form.get("comment", "") if problem else here.comment, state=_state(here),
    )  # fmt: skip


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
        with transaction(visit.home.office) as connection:
            _refuse_overtaken(connection, visit, known, here)
            set_manual_mark(connection, known.id, here.person_id, here.question, points, by=visit.by, comment=comment)
    except (MarkError, Refused) as error:
        return _show(visit, known, queue, here, str(error), typed)
    left = [one for one in queue if one.points is None and one is not here]
    if not left:
        return go(visit, "marking", good="这道题已全部评完。", **visit.path)
    after = next((one for one in left if one.pseudonym > here.pseudonym), left[0])
    return go(visit, "script", good=f"已记 {exact_text(points)} 分。", query=f"who={after.pseudonym}", **visit.path)


def _refuse_overtaken(connection: Connection, visit: Visit, known: Sitting, here: ManualItem) -> None:
    mine = mark.c.sitting_id == known.id, mark.c.person_id == here.person_id, mark.c.question == here.question
    row = connection.execute(select(mark.c.points, mark.c.by).where(*mine)).one()
    stands = "waiting" if row.points is None else f"{Fraction(row.points)} {row.by}"
    if stands != visit.form.get("state"):
        raise Refused(f"没有保存：这份答卷刚由 {row.by} 评为 {row.points} 分。请核对后再决定是否改分。")
