"""What comes back from nbgrader: the marks that a person typed in formgrader, and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from sqlalchemy import Connection, select

from exams.tables import candidate
from grading.errors import MarkError
from grading.gradebook.projection import course_of
from grading.gradebook.schema import GRADEBOOK
from grading.manual import set_manual_mark
from grading.tables import mark
from home import Home, transaction


@dataclass(frozen=True)
class TypedMark:
    """A manual mark in the gradebook that did not come from office.db. ``projected``: what the gradebook had from there."""

    pseudonym: str
    question: str
    points: Fraction | None         # None: only extra credit was typed
    extra_credit: Fraction
    comment: str
    projected: Fraction | None


@dataclass(frozen=True)
class TakenMarks:
    """How many typed marks were taken over, and why each other one was not."""

    taken: int
    refused: tuple[str, ...]


def read_manual_marks(course: Path) -> tuple[TypedMark, ...]:
    """Marks typed in formgrader since the last projection, by pseudonym and question."""
    if not (course / GRADEBOOK).exists():
        return ()
    with closing(sqlite3.connect(course / GRADEBOOK, timeout=30)) as connection:
        rows = connection.execute(
            "SELECT a.student_id, b.name, g.manual_score, coalesce(g.extra_credit, 0), "
            "       (SELECT c.manual_comment FROM comment c JOIN base_cell s ON s.id = c.cell_id "
            "         WHERE c.notebook_id = g.notebook_id "
            "           AND s.name = substr(b.name, 1, instr(b.name, '-')) || 'answer'), p.manual_score "
            "  FROM grade g JOIN base_cell b ON b.id = g.cell_id "
            "  JOIN submitted_notebook n ON n.id = g.notebook_id JOIN submitted_assignment a ON a.id = n.assignment_id "
            "  LEFT JOIN pufa_projected p ON p.grade_id = g.id "
            " WHERE (g.manual_score IS NOT NULL AND g.manual_score IS NOT p.manual_score) OR coalesce(g.extra_credit, 0) <> 0 "
            " ORDER BY a.student_id, b.name"
        ).fetchall()
    return tuple(
        TypedMark(
            student, name.partition("-")[0], None if score is None else _exact(score), _exact(extra), comment or "",
            None if projected is None else _exact(projected),
        )
        for student, name, score, extra, comment, projected in rows
    )  # fmt: skip


def _exact(score: float) -> Fraction:
    """The decimal that was typed, not the binary number nearest to it; what is no number is out of every bound."""
    try:
        return Fraction(str(score))
    except ValueError:
        return Fraction(-1)


def take_manual_marks(home: Home, sitting_id: str, by: str) -> TakenMarks:
    """Take typed marks over into office.db under the same bounds as any manual mark; ``by`` answers for them.

    Not taken, and named: marks over the maximum, extra credit, marks on what the machine decided, and marks on a question
    that was marked differently in the office meanwhile.
    """
    typed = read_manual_marks(course_of(home, sitting_id))
    if not typed:
        return TakenMarks(0, ())
    taken, refused = 0, []
    with transaction(home.office) as connection:
        roster = select(candidate.c.pseudonym, candidate.c.person_id).where(candidate.c.sitting_id == sitting_id)
        persons = {row.pseudonym: row.person_id for row in connection.execute(roster)}
        for one in typed:
            place = f"{one.pseudonym} 第 {one.question} 题"
            if one.extra_credit:
                refused.append(f"{place}：附加分 {one.extra_credit} 不计入成绩；请在 formgrader 中清除")
            try:
                taken += _take(connection, sitting_id, persons.get(one.pseudonym), one, by)
            except MarkError as error:
                refused.append(f"{place}：{error}")
    return TakenMarks(taken, tuple(refused))


def _take(connection: Connection, sitting_id: str, person: int | None, one: TypedMark, by: str) -> bool:
    """Whether a typed mark was new and is taken now.

    :raises MarkError: it cannot be taken.
    """
    if person is None:
        raise MarkError("不是本场考生的答卷")
    here = (mark.c.sitting_id == sitting_id) & (mark.c.person_id == person) & (mark.c.question == one.question)
    row = connection.execute(select(mark.c.points, mark.c.by).where(here)).first()
    office = Fraction(row.points) if row and row.points and row.by != "machine" else None
    if one.points is None or one.points in (office, one.projected):
        return False
    if office is not None and office != one.projected:
        raise MarkError(f"办公页面已评 {office} 分，formgrader 又评 {one.points} 分；请商定后在办公页面改")
    set_manual_mark(connection, sitting_id, person, one.question, one.points, by=by, comment=one.comment)
    return True
