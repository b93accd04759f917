"""From two like entries to the script: by itself, in place of the hall's, or joined with it question by question.

A question has one source only. Joined (接着考): where something stands on paper, the paper's answer counts, whole; where the sheet is
blank, what the hall had saved before the cut. A mark that a person gave an answer of the hall is kept with it (G6) and given
again after marking, see :mod:`grading.paper_marks.taking`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select

from exams.sittings import Sitting
from exams.tables import script
from grading.errors import PaperMarkError
from grading.marks import read_answers
from grading.paper_marks.fields import FORM, ON_PAPER, Field, Typed
from grading.paper_marks.register import CLOSED_BY, KEPT, PaperCandidate
from grading.tables import mark, paper_entry
from home import OFFICE, audit, digest, now_ms
from question_bank.marking import MARKED


def hall_form(connection: Connection, sitting_id: str, person_id: int) -> str:
    """The form of a candidate's script from the hall."""
    query = select(script.c.form).where(script.c.sitting_id == sitting_id, script.c.person_id == person_id)
    return str(connection.execute(query).scalar_one())


def refuse_other_form(connection: Connection, sitting_id: str, one: PaperCandidate, form: str) -> None:
    """:raises PaperMarkError: somebody who goes on on paper was given another form than in the hall: nothing can be joined."""
    if one.hall and one.source == "merge" and form != (was := hall_form(connection, sitting_id, one.person_id)):
        raise PaperMarkError(
            f"{one.admission_no}：机考是 {was} 卷，纸质是 {form} 卷，题目不同，不能“接着考”；请核对答题纸，确是 {form} 卷的请考务改为“重新考”"
        )


def make_script(connection: Connection, known: Sitting, one: PaperCandidate, fields: Sequence[Field], rows: Mapping[str, Typed]) -> None:
    """Make the script of what was agreed, in the caller's transaction; its times are the sitting's, for paper has no clock of its own."""
    answers = {field.question: _on_paper(field, rows[field.question]) for field in fields}
    started = known.opens_at
    if one.hall:
        here = script.c.sitting_id == known.id, script.c.person_id == one.person_id
        old = connection.execute(select(script).where(*here)).one()
        kept: list[str] = []
        if one.source == "merge":
            refuse_other_form(connection, known.id, one, rows[FORM].answer)
            started, online = old.started_at, read_answers(old.answers)
            kept = [question for question, text in answers.items() if not text and online.get(question)]
            answers |= {question: str(online[question]) for question in kept}
        _keep_marks(connection, known.id, one, kept)
        connection.execute(delete(script).where(*here))
        audit(connection, OFFICE, "worker", "paper.joined", f"{known.id}/{one.admission_no}", source=one.source, from_hall=kept,
              hall=digest(old.answers), answers=digest(answers))  # fmt: skip
    connection.execute(script.insert().values(
        sitting_id=known.id, person_id=one.person_id, form=rows[FORM].answer, answers=json.dumps(answers, ensure_ascii=False),
        display_order="[]", started_at=started, finished_at=known.closes_at, closed_by=CLOSED_BY, copied_at=now_ms(),
    ))  # fmt: skip


def _on_paper(field: Field, typed: Typed) -> str:
    """The answer as the script has it; "" for a blank."""
    return typed.answer if not field.free else ON_PAPER if typed.points is not None else ""


def _keep_marks(connection: Connection, sitting_id: str, one: PaperCandidate, kept: Sequence[str]) -> None:
    """The hall's marks go; what persons gave to answers that still count is written down with the entries."""
    here = (mark.c.sitting_id == sitting_id) & (mark.c.person_id == one.person_id)
    marks = connection.execute(select(mark).where(here).order_by(mark.c.question)).all()
    rows = [
        {"sitting_id": sitting_id, "person_id": one.person_id, "entry_no": KEPT, "question": row.question, "answer": row.comment or "",
         "points": row.points, "by": row.by, "at": row.at}
        for row in marks if row.question in kept and row.by != "machine" and row.state == MARKED
    ]  # fmt: skip
    if rows:
        connection.execute(paper_entry.insert(), rows)
    connection.execute(delete(mark).where(here))
    if marks:
        audit(connection, OFFICE, "worker", "paper.marks", f"{sitting_id}/{one.admission_no}", kept=[row["question"] for row in rows],
              marks=digest([[row.question, row.points, row.by] for row in marks]))  # fmt: skip
