"""Stock ``nbgrader autograde`` without a kernel, and without marks for silence. The course's nbgrader_config.py names both.

* :class:`NoKernelExecute` puts our own cells in place of the submitted ones, reads the answer strings (never runs anything)
  and writes what the test cells would have written. What cannot be read has no output.
* :class:`GuardedSaveAutoGrades` grades a test cell only by exactly one finite result between 0 and the maximum and no error;
  otherwise the cell is not graded and needs a person. Stock nbgrader gives full marks to a test cell without output.

Against the stock preprocessors this is also fast: one read and one commit a notebook, and metadata are ours, not checked cells.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import from_dict
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    GradeCell,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from nbgrader.utils import compute_checksum, is_grade, is_solution
from sqlalchemy import bindparam, create_engine, select, update

from grading.gradebook.course import TrustedForm, grade_id, read_trusted
from grading.gradebook.submission import Reading, Submission, read_submission
from question_bank.marking import LETTERS, mark_answer

NO_RESPONSE = "未作答"
#: Where a cell's reason for a person travels from the first preprocessor to the second.
REASON = "pufa_reason"


def configure(config: Any) -> None:
    """Make a course's autograde ours: ``configure(c)`` in nbgrader_config.py. The stock sanitizers are not needed, and one
    of them ends the whole run over one duplicated cell; what they restore is restored from our own notebooks here.
    """
    config.Autograde.sanitize_preprocessors = []
    config.Autograde.autograde_preprocessors = [NoKernelExecute, GuardedSaveAutoGrades]


class NoKernelExecute(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Marks a notebook of ours by reading it. The course folder is the working directory, as nbgrader sets it.

    It cannot be switched off: with ``--no-execute`` the submission's own, perhaps forged, outputs would be graded.
    """

    def __call__(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        return self.preprocess(nb, resources)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Return our notebook with the submission's answers and the test cells' results."""
        form = read_trusted(Path.cwd(), resources["nbgrader"]["assignment"])
        submission = read_submission(form, nb.cells)
        if submission.whole:
            self.log.warning("整份答卷需人工评阅：%s", submission.whole)
        notebook = {"cells": marked_cells(form, submission), "metadata": form.metadata, "nbformat": 4, "nbformat_minor": 5}
        return from_dict(copy.deepcopy(notebook)), resources  # type: ignore[no-untyped-call]


def marked_cells(form: TrustedForm, submission: Submission) -> list[dict[str, Any]]:
    """The form's cells with a submission's answers and results. Pure."""
    of_cell = {name: one for one in form.questions for name in (one.answer, one.test) if name}
    cells, count = [], 0
    for trusted in form.cells:
        cell = {**trusted, "metadata": dict(trusted["metadata"])}
        count += cell["cell_type"] == "code"
        if cell["cell_type"] == "code":
            cell["execution_count"] = count
        one = of_cell.get(grade_id(cell))
        if one is not None:
            reading = submission.readings[one.entry.id]
            if grade_id(cell) == one.answer:
                cell["source"] = reading.source
            else:
                cell["outputs"] = _outputs(one.entry, reading, submission.whole, count)
            if reason := submission.whole or reading.reason:
                cell["metadata"][REASON] = reason
        cells.append(cell)
    return cells


def _outputs(entry: Any, reading: Reading, whole: str, count: int) -> list[dict[str, Any]]:
    """What the test cell shows: its result, or nothing when a person is needed."""
    if reading.answer is None or reading.reason or whole:
        return []
    known = mark_answer(entry.rule, entry.key, reading.answer, entry.max_points, LETTERS[: len(entry.anchors)] or LETTERS)
    if known.points is None:
        return []
    shown = {"text/plain": repr(float(known.points))}
    return [{"output_type": "execute_result", "data": shown, "metadata": {}, "execution_count": count}]


def guarded_score(outputs: list[Mapping[str, Any]], most: float) -> float | None:
    """The score of a test cell, or None if it needs a person: not exactly one finite result in [0, most], or an error.

    A warning on stderr beside a result is no failure (cases.md E7).
    """
    results = [output for output in outputs if output["output_type"] in ("execute_result", "display_data")]
    if len(results) != 1 or any(output["output_type"] == "error" for output in outputs):
        return None
    if results[0]["output_type"] != "execute_result":
        return None
    text = results[0].get("data", {}).get("text/plain", "")
    text = text if isinstance(text, str) else "".join(text)
    try:
        score = float(text) if len(text) <= 40 else math.nan
    except ValueError:
        return None
    return score if math.isfinite(score) and 0 <= score <= most else None


class GuardedSaveAutoGrades(SaveAutoGrades):  # type: ignore[misc]  # nbgrader has no types
    """Writes scores and comments of one notebook into the gradebook in one transaction."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Grade every graded cell that the gradebook knows; one that the notebook lacks needs a person."""
        place = resources["nbgrader"]
        engine = create_engine(place["db_url"], hide_parameters=True)
        try:
            with engine.begin() as connection:
                _save(connection, place, {grade_id(cell): cell for cell in nb.cells if grade_id(cell)})
        finally:
            engine.dispose()
        return nb, resources


def _save(connection: Any, place: Mapping[str, str], cells: Mapping[str, Any]) -> None:
    submitted, grade, comment, base = SubmittedNotebook.__table__, Grade.__table__, Comment.__table__, BaseCell.__table__
    owner, notebook, assignment = SubmittedAssignment.__table__, Notebook.__table__, Assignment.__table__
    here = connection.execute(
        select(submitted.c.id)
        .join(owner, owner.c.id == submitted.c.assignment_id)
        .join(notebook, notebook.c.id == submitted.c.notebook_id)
        .join(assignment, assignment.c.id == owner.c.assignment_id)
        .where(owner.c.student_id == place["student"], notebook.c.name == place["notebook"], assignment.c.name == place["assignment"])
    ).scalar_one()
    most = GradeCell.__table__
    grades = connection.execute(
        select(grade.c.id, base.c.name, grade.c.manual_score, most.c.max_score)
        .join(base, base.c.id == grade.c.cell_id)
        .join(most, most.c.id == base.c.id)
        .where(grade.c.notebook_id == here)
    ).all()
    rows = []
    for ident, name, manual, maximum in grades:
        score = _score(cells.get(name), maximum)
        rows.append({"which": ident, "auto_score": score, "needs_manual_grade": manual is not None or score is None})
    if rows:
        connection.execute(update(grade).where(grade.c.id == bindparam("which")), rows)
    comments = connection.execute(
        select(comment.c.id, base.c.name).join(base, base.c.id == comment.c.cell_id).where(comment.c.notebook_id == here)
    ).all()
    said = [{"which": ident, "auto_comment": _comment(cells.get(name))} for ident, name in comments]
    if said:
        connection.execute(update(comment).where(comment.c.id == bindparam("which")), said)


def _score(cell: Any, most: float) -> float | None:
    """A graded cell's score; None needs a person. Free text is 0 where nothing was written."""
    if cell is None or not is_grade(cell) or REASON in cell.metadata:
        return None
    if is_solution(cell):
        return 0.0 if _untouched(cell) else None
    return guarded_score(cell.outputs, most) if cell.cell_type == "code" else None


def _untouched(cell: Any) -> bool:
    return bool(compute_checksum(cell) == cell.metadata.nbgrader.get("checksum"))


def _comment(cell: Any) -> str | None:
    if cell is None:
        return "单元格缺失，需人工评阅"
    if REASON in cell.metadata:
        return f"需人工评阅：{cell.metadata[REASON]}"
    return NO_RESPONSE if _untouched(cell) else None
