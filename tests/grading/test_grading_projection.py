from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import openpyxl
import pytest
from grading_fixture import RIGHT, add_script, forms, make_sitting
from sqlalchemy import select
from test_grading_gradebook import nbgrader, scores

from exams.course_folder import write_course
from exams.forms import write_key_form, write_public_form
from exams.notebook import submitted_notebook, to_json
from exams.paper import Paper
from exams.tables import candidate, script
from grading.errors import GradebookError
from grading.exports import export_records
from grading.gradebook.projection import course_of, project_sitting
from grading.gradebook.returning import read_manual_marks, take_manual_marks
from grading.manual import set_manual_mark
from grading.marks import mark_sitting
from grading.tables import mark
from home import transaction

ESSAY = "一、须告知事实、理由、依据；\n二、<script>alert(1)</script> $\\href{javascript:alert(2)}{x}$"
ANSWERS = [
    RIGHT | {"q006": ESSAY}, {}, {"q003": "AB", "q004": "CA"}, {"q001": "A", "q006": "  "},
    {"q001": "CC", "q002": 5, "q003": None, "q004": "x" * 300, "q005": "Ｂ", "q999": "A"},
]  # fmt: skip


@pytest.fixture
def projected(home_folder):
    """Five scripts, marked and projected into a course folder as ``exams.paper_store`` leaves it."""
    people = make_sitting(home_folder, people=5)
    public, keys = forms("s1-paper")
    write_course(course_of(home_folder, "s1"), Paper("s1-paper", "", "", "2026-11-23", "", ()), [public], [keys])
    for one, answers in zip(people, ANSWERS, strict=True):
        add_script(home_folder, "s1", one, answers)
    mark_sitting(home_folder, "s1", "li")
    assert project_sitting(home_folder, "s1") == 5
    return home_folder


def students(home) -> list[str]:
    with home.office.connect() as connection:
        return list(connection.execute(select(candidate.c.pseudonym).order_by(candidate.c.person_id)).scalars())


def tree(course, name: str) -> dict[str, bytes]:
    return {str(path.relative_to(course / name)): path.read_bytes() for path in sorted((course / name).rglob("*.ipynb"))}


def everything(course) -> dict[str, list]:
    tables = ("student", "submitted_assignment", "submitted_notebook", "grade", "comment", "pufa_projected")
    with closing(sqlite3.connect(course / "gradebook.db")) as connection:
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in tables}


def type_in(course, student: str, cell: str, score: float | None, *, comment: str = "", extra: float | None = None) -> None:
    """What formgrader does when a marker types a score and a comment."""
    where = (
        "(SELECT b.id FROM base_cell b WHERE b.name = ? AND b.type = ?) AND notebook_id = (SELECT n.id FROM submitted_notebook n "
        "JOIN submitted_assignment a ON a.id = n.assignment_id WHERE a.student_id = ?)"
    )
    with closing(sqlite3.connect(course / "gradebook.db")) as connection:
        connection.execute(
            f"UPDATE grade SET manual_score = ?, extra_credit = ?, needs_manual_grade = 0 WHERE cell_id = {where}",
            (score, extra, cell, "GradeCell", student),
        )
        if comment:
            connection.execute(f"UPDATE comment SET manual_comment = ? WHERE cell_id = {where}", (comment, cell, "SolutionCell", student))
        connection.commit()


def test_spliced_notebooks_are_those_of_exams_notebook(projected):
    public, _ = forms("s1-paper")
    found = tree(course_of(projected, "s1"), "submitted")
    for student, answers in zip(students(projected), ANSWERS, strict=True):
        assert found[f"{student}/form-A/paper.ipynb"].decode() == to_json(submitted_notebook(public, answers))


def test_the_projection_is_what_the_stock_command_makes_of_the_same_submissions(projected, tmp_path):
    """Same autograded bytes, same scores, same comments: stock ``nbgrader autograde`` over the submitted tree."""
    ours, copy = course_of(projected, "s1"), tmp_path / "s1"
    shutil.copytree(ours, copy)
    (copy / "gradebook.db").unlink()
    shutil.rmtree(copy / "autograded")
    nbgrader(copy, "generate_assignment", "form-A", "--force")
    nbgrader(copy, "autograde", "form-A")
    for student in students(projected):
        assert scores(ours, student) == scores(copy, student)
    first, second = tree(ours, "autograded"), tree(copy, "autograded")
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].decode() == second[name].decode(), name
    said = "SELECT b.name, c.auto_comment FROM comment c JOIN base_cell b ON b.id = c.cell_id ORDER BY b.name, c.auto_comment"
    with closing(sqlite3.connect(ours / "gradebook.db")) as a, closing(sqlite3.connect(copy / "gradebook.db")) as b:
        assert sorted(a.execute(said).fetchall(), key=repr) == sorted(b.execute(said).fetchall(), key=repr)


def test_projecting_again_changes_nothing(projected):
    course = course_of(projected, "s1")
    before, files = everything(course), tree(course, "autograded")
    project_sitting(projected, "s1")
    after = everything(course)
    assert {name: rows for name, rows in after.items() if name != "pufa_projected"} == {
        name: rows for name, rows in before.items() if name != "pufa_projected"
    }
    assert tree(course, "autograded") == files


def test_typed_marks_come_back_once_with_their_comment(projected):
    course, (a, *_) = course_of(projected, "s1"), students(projected)
    assert read_manual_marks(course) == ()
    type_in(course, a, "q006-answer", 12.5, comment="漏听证")
    project_sitting(projected, "s1")
    assert scores(course, a)["q006-answer"] == 12.5, "a projection keeps what was typed"
    assert take_manual_marks(projected, "s1", "wang") == take_result(1)
    with projected.office.connect() as connection:
        row = connection.execute(select(mark).where(mark.c.question == "q006", mark.c.by == "wang")).one()
    assert (row.points, row.state, row.comment) == ("25/2", "marked", "漏听证")
    project_sitting(projected, "s1")
    assert take_manual_marks(projected, "s1", "wang") == take_result(0)
    assert scores(course, a)["q006-answer"] == 12.5


def take_result(n: int):
    from grading.gradebook.returning import TakenMarks

    return TakenMarks(n, ())


def test_an_office_mark_goes_down_and_a_later_correction_too(projected):
    course, (a, *_) = course_of(projected, "s1"), students(projected)
    person = person_of(projected, a)
    for points in (Fraction(20), Fraction(41, 2)):
        with transaction(projected.office) as connection:
            set_manual_mark(connection, "s1", person, "q006", points, by="li")
        project_sitting(projected, "s1")
        assert scores(course, a)["q006-answer"] == float(points)
        assert read_manual_marks(course) == ()


def person_of(home, student: str) -> int:
    with home.office.connect() as connection:
        return connection.execute(select(candidate.c.person_id).where(candidate.c.pseudonym == student)).scalar_one()


def test_what_may_not_come_back_is_named_and_left(projected):
    course, (a, b, c, _, e) = course_of(projected, "s1"), students(projected)
    type_in(course, a, "q001-test", 0.0)                       # the machine decided
    type_in(course, a, "q006-answer", 31.0)                    # over the maximum
    type_in(course, b, "q006-answer", 5.0)                     # left blank
    type_in(course, c, "q003-test", None, extra=5.0)           # extra credit
    type_in(course, e, "q001-test", 20.0)                      # could not be read: a person may decide
    done = take_manual_marks(projected, "s1", "wang")
    assert done.taken == 1 and len(done.refused) == 4
    for part in ("不能人工改分", "0 至 30 之间", "附加分 5"):
        assert any(part in line for line in done.refused), part
    with projected.office.connect() as connection:
        rows = connection.execute(select(mark).where(mark.c.by == "wang")).all()
    assert [(row.person_id, row.question, row.points) for row in rows] == [(person_of(projected, e), "q001", "20")]


def test_two_different_marks_for_one_answer_are_for_persons_to_settle(projected):
    course, (a, *_) = course_of(projected, "s1"), students(projected)
    type_in(course, a, "q006-answer", 10.0)
    with transaction(projected.office) as connection:
        set_manual_mark(connection, "s1", person_of(projected, a), "q006", Fraction(20), by="li")
    done = take_manual_marks(projected, "s1", "wang")
    assert done.taken == 0 and "办公页面已评 20 分，formgrader 又评 10 分" in done.refused[0]
    project_sitting(projected, "s1")
    assert scores(course, a)["q006-answer"] == 10.0, "neither is destroyed"


def test_manual_marks_survive_any_re_autograde(projected):
    """Cases G6: stock ``nbgrader autograde --force`` over our projection keeps the marks of persons."""
    course, (a, *_) = course_of(projected, "s1"), students(projected)
    type_in(course, a, "q006-answer", 12.0)
    nbgrader(course, "autograde", "form-A", "--force")
    with closing(sqlite3.connect(course / "gradebook.db")) as connection:
        kept = connection.execute("SELECT manual_score FROM grade WHERE manual_score IS NOT NULL").fetchall()
    assert kept == [(12.0,)]
    project_sitting(projected, "s1")
    assert take_manual_marks(projected, "s1", "wang").taken == 1


def test_stock_export_reads_the_projection(projected):
    course = course_of(projected, "s1")
    nbgrader(course, "export", "--to", "grades.csv")
    rows = list(csv.DictReader((course / "grades.csv").read_text(encoding="utf-8").splitlines()))
    assert [float(row["score"]) for row in sorted(rows, key=lambda row: students(projected).index(row["student_id"]))] == [70, 0, 1, 0, 18]
    assert {row["max_score"] for row in rows} == {"100.0"}


def test_no_name_reaches_a_marker(projected):
    """Cases G9: neither trees nor gradebook hold a name, unit, admission or identity number."""
    course = course_of(projected, "s1")
    everything_ = b"".join(path.read_bytes() for path in course.rglob("*") if path.is_file())
    for word in ("张三", "李四", "街道办", "26111000", "340221"):
        assert word.encode() not in everything_ and json.dumps(word).strip('"').encode() not in everything_


@pytest.mark.parametrize("form", ["xlsx", "csv", "json"])
def test_nbgrader_export_writes_the_same_records(projected, tmp_path, form):
    ours, theirs = tmp_path / f"ours.{form}", tmp_path / f"theirs.{form}"
    export_records(projected, "s1", form, ours, "hr")
    plugin = "--exporter=grading.gradebook.exporter.PassRecordExporter"
    nbgrader(course_of(projected, "s1"), "export", plugin, "--to", str(theirs))
    if form == "xlsx":
        cells = []
        for path in (ours, theirs):
            book = openpyxl.load_workbook(path)
            cells.append([[cell.value for cell in row] for row in book.active.iter_rows()])
            book.close()
        assert cells[0] == cells[1]
    else:
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--to", "x.docx"], "之一结尾"), (["--to", "x.csv", "--student", "['c1']"], "整场导出")],
)
def test_an_nbgrader_export_that_cannot_be_is_explained(projected, options, said):
    plugin = "--exporter=grading.gradebook.exporter.PassRecordExporter"
    done = nbgrader(course_of(projected, "s1"), "export", plugin, *options, check=False)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr


def test_parallel_forms_are_assignments_of_one_course(home_folder):
    """Form B asks the same questions in another order of keys: each script is marked and projected by its own form."""
    a, b, c = make_sitting(home_folder, people=3)
    public, keys = forms("s1-paper", form="B")
    turned = replace(keys, entries=tuple(replace(e, key="D") if e.id == "q001" else e for e in keys.entries))
    folder = home_folder.secret / "papers" / "s1-paper"
    write_public_form(folder / "public" / "B.json", public)
    write_key_form(folder / "keys" / "B.json", turned)
    for one, form in ((a, "A"), (b, "B"), (c, "B")):
        add_script(home_folder, "s1", one, RIGHT | ({"q001": "D"} if one == c else {}), form=form)
    mark_sitting(home_folder, "s1", "li")
    project_sitting(home_folder, "s1")
    project_sitting(home_folder, "s1")
    course, pseudonyms = course_of(home_folder, "s1"), students(home_folder)
    assert [scores(course, one)["q001-test"] for one in pseudonyms] == [20, 0, 20]
    assert sorted(tree(course, "autograded")) == sorted(
        f"{one}/form-{form}/paper.ipynb" for one, form in zip(pseudonyms, "ABB", strict=True)
    )
    with closing(sqlite3.connect(course / "gradebook.db")) as connection:
        assert connection.execute("SELECT name FROM assignment ORDER BY name").fetchall() == [("form-A",), ("form-B",)]


def test_a_script_of_an_unknown_form_and_foreign_marks_are_refused(home_folder):
    (a,) = make_sitting(home_folder, people=1)
    add_script(home_folder, "s1", a, RIGHT)
    mark_sitting(home_folder, "s1", "li")
    with transaction(home_folder.office) as connection:
        connection.execute(mark.update().where(mark.c.question == "q001").values(question="q009"))
    with pytest.raises(GradebookError, match="对不上"):
        project_sitting(home_folder, "s1")
    with transaction(home_folder.office) as connection:
        connection.execute(script.update().values(form="Z"))
    with pytest.raises(GradebookError, match="没有这套试卷"):
        project_sitting(home_folder, "s1")
