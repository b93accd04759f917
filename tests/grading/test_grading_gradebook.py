from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from grading_fixture import RIGHT, forms, write_test_course

from exams.notebook import submitted_notebook, to_json
from grading.errors import GradebookError
from grading.gradebook.course import read_trusted, trusted_form
from grading.gradebook.schema import create_gradebook, gradebook_transaction, register_assignment

ROOT = Path(__file__).parent.parent.parent


def nbgrader(course: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a real nbgrader command in a course folder."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, "-m", "nbgrader", *command], cwd=course, env=env, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stderr[-3000:]
    return done


def submit(course: Path, student: str, notebook: str) -> None:
    place = course / "submitted" / student / "form-A"
    place.mkdir(parents=True)
    (place / "paper.ipynb").write_text(notebook, encoding="utf-8")


def scores(course: Path, student: str) -> dict[str, float | None]:
    """Graded cells of a student: the score that stands, None where a person is needed."""
    with closing(sqlite3.connect(course / "gradebook.db")) as connection:
        rows = connection.execute(
            "SELECT b.name, g.auto_score, g.manual_score, g.needs_manual_grade FROM grade g JOIN base_cell b ON b.id = g.cell_id "
            "JOIN submitted_notebook n ON n.id = g.notebook_id JOIN submitted_assignment a ON a.id = n.assignment_id "
            "WHERE a.student_id = ?", (student,)
        ).fetchall()
    return {name: None if needs else (auto if manual is None else manual) for name, auto, manual, needs in rows}


def contents(course: Path) -> dict[str, list[tuple[object, ...]]]:
    queries = {
        "assignment": "SELECT name, course_id FROM assignment",
        "notebook": "SELECT name, kernelspec FROM notebook",
        "cells": "SELECT b.name, b.type, g.max_score, g.cell_type FROM base_cell b LEFT JOIN grade_cells g ON g.id = b.id",
        "solutions": "SELECT b.name FROM base_cell b JOIN solution_cells s ON s.id = b.id",
        "sources": "SELECT name, cell_type, locked, source, checksum FROM source_cell",
        "alembic": "SELECT version_num FROM alembic_version",
    }
    with closing(sqlite3.connect(course / "gradebook.db")) as connection:
        return {name: sorted(connection.execute(query).fetchall(), key=repr) for name, query in queries.items()}


def make_gradebook(course: Path) -> None:
    form = read_trusted(course, "form-A")
    create_gradebook(course / "gradebook.db")
    with gradebook_transaction(course / "gradebook.db") as connection:
        register_assignment(connection, course.name, "form-A", "paper", form.rows, form.kernelspec)


def test_our_gradebook_is_what_generate_assignment_makes(tmp_path):
    ours, theirs = tmp_path / "ours" / "course", tmp_path / "theirs" / "course"
    for course in (ours, theirs):
        write_test_course(course)
    make_gradebook(ours)
    nbgrader(theirs, "generate_assignment", "form-A", "--force")
    assert contents(ours) == contents(theirs)


def test_files_and_objects_make_the_same_trusted_form(tmp_path):
    public, keys = write_test_course(tmp_path / "course")
    assert read_trusted(tmp_path / "course", "form-A") == trusted_form(public, keys)


@pytest.mark.parametrize("damage", ["missing", "cut", "other", "short"])
def test_a_course_folder_that_does_not_fit_is_refused(tmp_path, damage):
    course = tmp_path / "course"
    write_test_course(course)
    key = course / "keys" / "A.json"
    if damage == "missing":
        key.unlink()
    elif damage == "cut":
        key.write_text(key.read_text(encoding="utf-8")[:100], encoding="utf-8")
    elif damage == "other":
        source = course / "source" / "form-A" / "paper.ipynb"
        notebook = json.loads(source.read_text(encoding="utf-8"))
        notebook["cells"].pop(4)
        source.write_text(json.dumps(notebook), encoding="utf-8")
    else:
        whole = json.loads(key.read_text(encoding="utf-8"))
        whole["entries"].pop()
        key.write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(GradebookError, match="重新组卷"):
        read_trusted(course, "form-A")


def test_registering_twice_is_the_same_and_another_paper_is_refused(tmp_path):
    course = tmp_path / "course"
    write_test_course(course)
    make_gradebook(course)
    before = contents(course)
    make_gradebook(course)
    assert contents(course) == before
    other = trusted_form(*forms("p2", form="A", essay=False))
    with gradebook_transaction(course / "gradebook.db") as connection, pytest.raises(GradebookError, match="不一致"):
        register_assignment(connection, "course", "form-A", "paper", other.rows, other.kernelspec)


def test_the_stock_command_marks_without_a_kernel(tmp_path):
    course = tmp_path / "course"
    public, _ = write_test_course(course)
    make_gradebook(course)
    given = {
        "right": RIGHT, "blank": {}, "partial": {"q003": "AB", "q004": "CA", "q006": "<b>答</b>"}, "wrong": {"q001": "A", "q005": "A"},
        "doubt": {"q001": "CC", "q002": "Z", "q004": 3},
    }  # fmt: skip
    for student, answers in given.items():
        submit(course, student, to_json(submitted_notebook(public, answers)))
    done = nbgrader(course, "autograde", "form-A")
    assert "kernel" not in done.stderr.lower()
    tests = ("q001-test", "q002-test", "q003-test", "q004-test", "q005-test", "q006-answer")
    found = {student: [scores(course, student)[name] for name in tests] for student in given}
    assert found == {
        "right": [20, 20, 10, 2, 18, 0], "blank": [0, 0, 0, 0, 0, 0], "partial": [0, 0, 0, 1, 0, None], "wrong": [0, 0, 0, 0, 0, 0],
        "doubt": [None, None, 0, None, 0, 0],
    }  # fmt: skip
    graded = json.loads((course / "autograded" / "right" / "form-A" / "paper.ipynb").read_text(encoding="utf-8"))
    outputs = [cell["outputs"] for cell in graded["cells"] if cell["cell_type"] == "code" and cell["outputs"]]
    assert [one[0]["data"]["text/plain"] for one in outputs] == [["20.0"], ["20.0"], ["10.0"], ["2.0"], ["18.0"]]


def test_forged_outputs_earn_nothing_even_with_no_execute(tmp_path):
    course = tmp_path / "course"
    public, _ = write_test_course(course)
    make_gradebook(course)
    notebook = submitted_notebook(public, {"q001": "A"})
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "20.0"}, "metadata": {}, "execution_count": 1}]
    submit(course, "forger", json.dumps(notebook))
    nbgrader(course, "autograde", "form-A", "--no-execute")
    assert sum(scores(course, "forger").values()) == 0


def test_without_keys_nothing_is_graded(tmp_path):
    course = tmp_path / "course"
    public, _ = write_test_course(course)
    make_gradebook(course)
    submit(course, "s", to_json(submitted_notebook(public, RIGHT)))
    (course / "keys" / "A.json").unlink()
    done = nbgrader(course, "autograde", "form-A", check=False)
    assert done.returncode != 0 and "重新组卷" in done.stderr
    assert set(scores(course, "s").values()) == {None}
