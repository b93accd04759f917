"""office.db's marks as an nbgrader course, in bulk: submitted/ and autograded/ trees and gradebook.db, under pseudonyms.

office.db is the authority; the gradebook is a projection from which only manual marks come back. Projecting again is
harmless: what somebody typed in formgrader since the last projection is kept until it is taken (``pufa_projected`` remembers
what came from here). No kernel, no ORM: ascending ids, one transaction a batch, notebooks joined from serialised cells.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from exams.course_folder import NOTEBOOK, assignment_of
from exams.forms import read_public_form
from exams.sittings import get_sitting
from exams.tables import candidate, script
from grading.errors import GradebookError, MarkError
from grading.gradebook.schema import GRADEBOOK, Registered, create_gradebook, gradebook_transaction, register_assignment
from grading.gradebook.splice import FormSplicer, Given
from grading.marks import Progress, key_forms, quiet, read_answers
from grading.tables import mark
from home import PRIVATE, PRIVATE_FOLDER, Home
from question_bank.marking import NEEDS_PERSON, UNANSWERED

BATCH = 400
NO_RESPONSE = "未作答"


class ProjectedMark(NamedTuple):
    """One mark on its way into the gradebook. ``auto`` and ``manual`` are scores, at most one of them is set; ``shown`` is
    the result of the test cell.
    """

    auto: float | None
    manual: float | None
    needs_person: bool
    auto_comment: str | None
    manual_comment: str | None
    shown: str | None


@dataclass(frozen=True)
class ProjectedScript:
    """One candidate's script with its answers and marks in paper order."""

    pseudonym: str
    form: str
    finished_at: int
    given: Sequence[Given]
    marks: Sequence[ProjectedMark]


def course_of(home: Home, sitting_id: str) -> Path:
    """The nbgrader course folder of a sitting."""
    return home.secret / "nbgrader" / sitting_id


def project_sitting(home: Home, sitting_id: str, progress: Progress = quiet) -> int:
    """Write every marked script of a sitting into its course folder; returns how many.

    :raises SittingError: there is no such sitting.
    :raises GradebookError: the gradebook holds another paper, or a script is of an unknown form.
    """
    with home.office.connect() as connection:
        known = get_sitting(connection, sitting_id)
    keys = key_forms(home, known)
    public = home.secret / "papers" / str(known.paper_id) / "public"
    splicers = {form: FormSplicer(read_public_form(public / f"{form}.json"), key) for form, key in keys.items()}
    course = course_of(home, sitting_id)
    for tree in ("submitted", "autograded"):
        (course / tree).mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    create_gradebook(course / GRADEBOOK)
    with gradebook_transaction(course / GRADEBOOK) as gradebook:
        registered = {
            form: register_assignment(gradebook, sitting_id, assignment_of(form), NOTEBOOK, s.form.rows, s.form.kernelspec)
            for form, s in splicers.items()
        }
    done = 0
    for batch in _batches(home, sitting_id, splicers):
        for one in batch:
            _write_notebooks(course, one, splicers[one.form])
        with gradebook_transaction(course / GRADEBOOK) as gradebook:
            _write_rows(gradebook, batch, registered)
        done += len(batch)
        progress(done, done)
    return done


# ---------------------------------------------------------------- from office.db


def _batches(home: Home, sitting_id: str, splicers: Mapping[str, FormSplicer]) -> Iterator[list[ProjectedScript]]:
    last = -1
    while True:
        with home.office.connect() as connection:
            scripts = connection.execute(
                select(script.c.person_id, script.c.form, script.c.answers, script.c.finished_at, candidate.c.pseudonym)
                .join(candidate, (candidate.c.sitting_id == script.c.sitting_id) & (candidate.c.person_id == script.c.person_id))
                .where(script.c.sitting_id == sitting_id, script.c.person_id > last)
                .order_by(script.c.person_id)
                .limit(BATCH)
            ).all()
            if not scripts:
                return
            last = scripts[-1].person_id
            rows = connection.execute(
                select(mark.c.person_id, mark.c.question, mark.c.points, mark.c.state, mark.c.by, mark.c.comment).where(
                    mark.c.sitting_id == sitting_id, mark.c.person_id.between(scripts[0].person_id, last)
                )
            )
            marks: dict[int, dict[str, ProjectedMark]] = {}
            for person_id, question, *said in rows:
                marks.setdefault(person_id, {})[question] = _projected(*said)
        yield [_script(splicers, one, marks[one.person_id]) for one in scripts if one.person_id in marks]


@lru_cache(4096)
def _projected(points: str | None, state: str, by: str, comment: str | None) -> ProjectedMark:
    """What the gradebook is told of a mark: only what the machine decided is a result of a test cell."""
    machine = by == "machine"
    score = None if points is None else float(Fraction(points))
    auto = score if machine else None
    no_response = NO_RESPONSE if state == UNANSWERED else None
    shown = None if auto is None else repr(auto)
    return ProjectedMark(auto, None if machine else score, state == NEEDS_PERSON, no_response, comment, shown)


def _script(splicers: Mapping[str, FormSplicer], one: Any, marks: Mapping[str, ProjectedMark]) -> ProjectedScript:
    if one.form not in splicers:
        raise GradebookError(f"有答卷属于 {one.form} 卷，本场没有这套试卷；请核对试卷文件")
    try:
        stored: Mapping[str, object] = read_answers(one.answers)
    except MarkError:
        stored = {}
    questions = splicers[one.form].questions
    if marks.keys() != set(questions):
        raise GradebookError(f"{one.pseudonym} 的评分与 {one.form} 卷的题目对不上；请核对试卷文件")
    ordered = [marks[question] for question in questions]
    given = [(stored.get(question, ""), known.shown) for question, known in zip(questions, ordered, strict=True)]
    return ProjectedScript(one.pseudonym, one.form, one.finished_at, given, ordered)


# ---------------------------------------------------------------- into the course folder


def _write_notebooks(course: Path, one: ProjectedScript, splicer: FormSplicer) -> None:
    for tree, text in (("submitted", splicer.submitted(one.given)), ("autograded", splicer.autograded(one.given))):
        folder = f"{course}/{tree}/{one.pseudonym}"
        for place in (folder, folder := f"{folder}/{assignment_of(one.form)}"):
            with suppress(FileExistsError):
                os.mkdir(place, PRIVATE_FOLDER)  # noqa: PTH102  # pathlib costs more than the call, four times a script
        aside = f"{folder}/.{NOTEBOOK}.new"
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), "wb", buffering=0) as out:  # noqa: PTH123
            out.write(text)  # not synced: after a power cut the projection is made again from office.db
        os.replace(aside, f"{folder}/{NOTEBOOK}.ipynb")  # noqa: PTH105


@dataclass(frozen=True)
class _Ids:
    """Ids of one submission; ``n`` counts submissions, so that ids ascend and inserts append."""

    n: int

    @property
    def submission(self) -> str:
        return f"s{self.n:09d}"


def _write_rows(gradebook: sqlite3.Connection, batch: Sequence[ProjectedScript], registered: Mapping[str, Registered]) -> None:
    top = gradebook.execute("SELECT max(id) FROM submitted_assignment WHERE id >= 's'").fetchone()[0]
    number = int(top[1:10]) if top else 0
    new: list[tuple[_Ids, ProjectedScript]] = []
    for one in batch:
        found = gradebook.execute(
            "SELECT n.id FROM submitted_assignment a JOIN submitted_notebook n ON n.assignment_id = a.id AND n.notebook_id = ? "
            "WHERE a.assignment_id = ? AND a.student_id = ?",
            (registered[one.form].notebook_id, registered[one.form].assignment_id, one.pseudonym),
        ).fetchone()
        if found is None:
            number += 1
            new.append((_Ids(number), one))
        else:
            _update(gradebook, found[0], one, registered[one.form])
    _insert(gradebook, new, registered)


_INSERT = {
    "student": "INSERT OR IGNORE INTO student (id) VALUES (?)",
    "assignment": "INSERT INTO submitted_assignment (id, assignment_id, student_id, timestamp) VALUES (?, ?, ?, ?)",
    "notebook": "INSERT INTO submitted_notebook (id, assignment_id, notebook_id, flagged) VALUES (?, ?, ?, 0)",
    "grade": "INSERT INTO grade (id, notebook_id, cell_id, auto_score, manual_score, needs_manual_grade) VALUES (?, ?, ?, ?, ?, ?)",
    "comment": "INSERT INTO comment (id, notebook_id, cell_id, auto_comment, manual_comment) VALUES (?, ?, ?, ?, ?)",
    "projected": "INSERT OR REPLACE INTO pufa_projected (grade_id, manual_score) VALUES (?, ?)",
}


def _insert(
    gradebook: sqlite3.Connection, new: Sequence[tuple[_Ids, ProjectedScript]], registered: Mapping[str, Registered]
) -> None:
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in _INSERT}
    cells = {form: _suffixed(where) for form, where in registered.items()}
    for ids, one in new:
        where, stem, book = registered[one.form], ids.submission, f"{ids.submission}n"
        rows["student"].append((one.pseudonym,))
        rows["assignment"].append((stem, where.assignment_id, one.pseudonym, _timestamp(one.finished_at)))
        rows["notebook"].append((book, stem, where.notebook_id))
        for (suffix, grade, solution), (auto, manual, needs, said, comment, _) in zip(cells[one.form], one.marks, strict=True):
            rows["grade"].append((f"{stem}g{suffix}", book, grade, auto, manual, needs))
            rows["comment"].append((f"{stem}k{suffix}", book, solution, said, comment))
            if manual is not None:
                rows["projected"].append((f"{stem}g{suffix}", manual))
    for name, statement in _INSERT.items():
        gradebook.executemany(statement, rows[name])


def _suffixed(where: Registered) -> list[tuple[str, str, str]]:
    """(ending of an id, graded cell, answer cell) of each question in paper order."""
    pairs = zip(where.grade_cells.values(), where.solution_cells.values(), strict=True)
    return [(f"{n:03d}", grade, solution) for n, (grade, solution) in enumerate(pairs)]


def _timestamp(instant: int) -> str:
    return datetime.fromtimestamp(instant / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _update(gradebook: sqlite3.Connection, book: str, one: ProjectedScript, where: Registered) -> None:
    """Bring a submission that is there already up to date; what was typed in formgrader since is left alone."""
    cells = {cell: given for cell, given in zip(where.grade_cells.values(), one.marks, strict=True)}
    grades = gradebook.execute(
        "SELECT g.id, g.cell_id, g.manual_score, p.manual_score FROM grade g LEFT JOIN pufa_projected p ON p.grade_id = g.id "
        "WHERE g.notebook_id = ?",
        (book,),
    ).fetchall()
    for ident, cell, typed, projected in grades:
        given = cells[cell]
        if typed is not None and typed != projected:
            gradebook.execute("UPDATE grade SET auto_score = ? WHERE id = ?", (given.auto, ident))
            if given.manual == typed:  # it was taken over
                gradebook.execute(_INSERT["projected"], (ident, typed))
            continue
        gradebook.execute(
            "UPDATE grade SET auto_score = ?, manual_score = ?, needs_manual_grade = ? WHERE id = ?",
            (given.auto, given.manual, given.needs_person, ident),
        )
        gradebook.execute(_INSERT["projected"], (ident, given.manual))
    solutions = {cell: given for cell, given in zip(where.solution_cells.values(), one.marks, strict=True)}
    for ident, cell in gradebook.execute("SELECT id, cell_id FROM comment WHERE notebook_id = ?", (book,)).fetchall():
        given = solutions[cell]
        gradebook.execute(
            "UPDATE comment SET auto_comment = ?, manual_comment = coalesce(manual_comment, ?) WHERE id = ?",
            (given.auto_comment, given.manual_comment, ident),
        )
