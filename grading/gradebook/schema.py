"""The gradebook database of an nbgrader course: making it, and entering an assignment, without ORM, kernel or shell.

Source of the tables: ``nbgrader.api.Base`` (0.9.6). What :func:`register_assignment` enters equals what
``nbgrader generate_assignment`` enters for the same source notebook (its ``SaveCells``); a test compares the two.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from nbgrader import dbutil
from nbgrader.api import Base
from sqlalchemy import create_engine

from grading.errors import GradebookError
from home import PRIVATE

#: nbgrader's name of the gradebook in a course folder.
GRADEBOOK = "gradebook.db"

Cell = Mapping[str, Any]


@dataclass(frozen=True)
class CellRow:
    """One nbgrader cell of a source notebook, as the gradebook knows it."""

    name: str
    cell_type: str
    grade: bool
    solution: bool
    locked: bool
    points: float | None
    source: str
    checksum: str


@dataclass(frozen=True)
class Registered:
    """Ids of an assignment's rows: of its notebook, and of each grade and solution cell by name."""

    assignment_id: str
    notebook_id: str
    grade_cells: Mapping[str, str]
    solution_cells: Mapping[str, str]


def checksum(cell_type: str, source: str, name: str, *, grade: bool, solution: bool, locked: bool, points: float | None) -> str:
    """nbgrader's cell checksum (``nbgrader.utils.compute_checksum``) from plain values."""
    text = [source, cell_type, str(grade), str(solution), str(locked), name]
    if grade:
        text.append(str(float(points or 0)))
    return md5("".join(text).encode(), usedforsecurity=False).hexdigest()


def cell_rows(cells: Sequence[Cell]) -> tuple[CellRow, ...]:
    """The nbgrader cells of a notebook whose solutions are cleared already, in order.

    :raises GradebookError: two cells share a grade id.
    """
    rows: dict[str, CellRow] = {}
    for cell in cells:
        meta = cell["metadata"].get("nbgrader")
        if not meta or not (meta["grade"] or meta["solution"] or meta["locked"]):
            continue
        name, source = meta["grade_id"], cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        if name in rows:
            raise GradebookError(f"试卷 notebook 中单元 {name} 重复；请重新组卷")
        grade, solution = bool(meta["grade"]), bool(meta["solution"])
        locked = not solution and (grade or bool(meta["locked"]))
        points = float(meta["points"]) if grade else None
        marker = checksum(cell["cell_type"], source, name, grade=grade, solution=solution, locked=locked, points=points)
        rows[name] = CellRow(name, cell["cell_type"], grade, solution, locked, points, source, marker)
    return tuple(rows.values())


#: What is ours in the gradebook; nbgrader takes no notice of it.
_OURS = (
    # nbgrader has no such index: its export would read every grade for every submission
    "CREATE INDEX IF NOT EXISTS pufa_grade_of ON grade (notebook_id)",
    "CREATE INDEX IF NOT EXISTS pufa_comment_of ON comment (notebook_id)",
    # the manual marks that came from office.db: whatever differs was typed in formgrader
    "CREATE TABLE IF NOT EXISTS pufa_projected (grade_id VARCHAR(32) PRIMARY KEY, manual_score FLOAT) WITHOUT ROWID",
)


def create_gradebook(path: Path) -> None:
    """Make a gradebook where there is none (nbgrader would shell out to ``alembic`` from PATH), and add what is ours to it."""
    if not path.exists():
        aside = path.with_name(f".{path.name}.new")
        aside.unlink(missing_ok=True)
        aside.touch(PRIVATE)
        engine = create_engine(f"sqlite:///{aside}", hide_parameters=True)
        with engine.begin() as connection:
            Base.metadata.create_all(connection)
            connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
            head = ScriptDirectory(dbutil.ALEMBIC_DIR).get_current_head()
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (head,))
        engine.dispose()
        aside.replace(path)
    with gradebook_transaction(path) as gradebook:
        for statement in _OURS:
            gradebook.execute(statement)


@contextmanager
def gradebook_transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """One writing transaction on a gradebook; all of it or none."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def register_assignment(
    connection: sqlite3.Connection, course: str, assignment: str, notebook: str, rows: Sequence[CellRow], kernelspec: Mapping[str, str]
) -> Registered:
    """Enter an assignment with one notebook, or find it. Ids ascend with the order of the cells.

    :raises GradebookError: it is there already with other cells or points.
    """
    connection.execute("INSERT OR IGNORE INTO course (id) VALUES (?)", (course,))
    found = connection.execute(
        "SELECT a.id, n.id FROM assignment a JOIN notebook n ON n.assignment_id = a.id WHERE a.name = ? AND n.name = ?",
        (assignment, notebook),
    ).fetchone()
    if found is None:
        found = _insert_assignment(connection, course, assignment, notebook, rows, kernelspec)
    cells = _known_cells(connection, found[1])
    expected = {row.name: (row.points, row.source, row.checksum) for row in rows}
    if cells.sources != expected:
        raise GradebookError(f"成绩册中的“{assignment}”与当前试卷不一致；请把原课程文件夹移开后重新阅卷")
    return Registered(found[0], found[1], cells.grades, cells.solutions)


@dataclass(frozen=True)
class _Known:
    grades: Mapping[str, str]
    solutions: Mapping[str, str]
    sources: Mapping[str, tuple[float | None, str, str]]


def _known_cells(connection: sqlite3.Connection, notebook_id: str) -> _Known:
    grades, points = {}, {}
    for name, ident, maximum in connection.execute(
        "SELECT b.name, b.id, g.max_score FROM base_cell b JOIN grade_cells g ON g.id = b.id WHERE b.notebook_id = ? ORDER BY b.id",
        (notebook_id,),
    ):
        grades[name], points[name] = ident, maximum
    solutions = dict(
        connection.execute(
            "SELECT b.name, b.id FROM base_cell b JOIN solution_cells s ON s.id = b.id WHERE b.notebook_id = ? ORDER BY b.id",
            (notebook_id,),
        ).fetchall()
    )
    sources = {
        name: (points.get(name), source, marker)
        for name, source, marker in connection.execute(
            "SELECT name, source, checksum FROM source_cell WHERE notebook_id = ?", (notebook_id,)
        )
    }
    return _Known(grades, solutions, sources)


def _insert_assignment(
    connection: sqlite3.Connection, course: str, assignment: str, notebook: str, rows: Sequence[CellRow], kernelspec: Mapping[str, str]
) -> tuple[str, str]:
    number = connection.execute("SELECT count(*) FROM assignment").fetchone()[0]
    stem = f"a{number:06d}"
    top, book = f"{stem}_assignment", f"{stem}_notebook"
    connection.execute("INSERT INTO assignment (id, name, course_id) VALUES (?, ?, ?)", (top, assignment, course))
    connection.execute(
        "INSERT INTO notebook (id, name, assignment_id, kernelspec) VALUES (?, ?, ?, ?)",
        (book, notebook, top, json.dumps(dict(kernelspec))),
    )
    graded = [(f"{stem}_G{n:06d}", row) for n, row in enumerate(rows) if row.grade]
    solved = [(f"{stem}_L{n:06d}", row) for n, row in enumerate(rows) if row.solution]
    connection.executemany(
        "INSERT INTO base_cell (id, name, notebook_id, type) VALUES (?, ?, ?, ?)",
        [(ident, row.name, book, kind) for kind, chosen in (("GradeCell", graded), ("SolutionCell", solved)) for ident, row in chosen],
    )
    connection.executemany(
        "INSERT INTO grade_cells (id, max_score, cell_type) VALUES (?, ?, ?)",
        [(ident, row.points, row.cell_type) for ident, row in graded],
    )
    connection.executemany("INSERT INTO solution_cells (id) VALUES (?)", [(ident,) for ident, _ in solved])
    connection.executemany(
        "INSERT INTO source_cell (id, name, cell_type, locked, source, checksum, notebook_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(f"{stem}_S{n:06d}", r.name, r.cell_type, r.locked, r.source, r.checksum, book) for n, r in enumerate(rows)],
    )
    return top, book
