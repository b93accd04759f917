"""Scores from stored answers equal those of stock ``nbgrader autograde`` with real kernels; damage never earns more."""

from __future__ import annotations

import json
import random
from fractions import Fraction

import pytest
from damage_cases import CASES, TABLE, WRONG, Outcome, find, run_cases, stock_run, table, total
from grading_fixture import QUESTIONS, RIGHT, add_script, forms, make_sitting, write_test_course
from sqlalchemy import select
from test_grading_gradebook import make_gradebook, scores, submit

from exams.notebook import submitted_notebook, to_json
from grading.gradebook.autograde import guarded_score, marked_cells
from grading.gradebook.course import grade_id, trusted_form
from grading.gradebook.submission import read_submission
from grading.marks import mark_sitting
from grading.tables import mark


def answer_sheets() -> dict[str, dict[str, object]]:
    """Right, wrong, blank, partial, and some at random over every choice of letters."""
    rng = random.Random(20261123)
    sheets: dict[str, dict[str, object]] = {
        "right": RIGHT | {"q006": "须告知"}, "wrong": dict(WRONG), "blank": {}, "partial": {"q003": "AB", "q004": "AC"},
        "one": {"q004": "E"}, "over": {"q003": "ABCD", "q004": "ABCE"}, "spelled": {"q001": "c", "q004": " e,c、a ", "q005": "Ｂ"},
        "doubt": {"q001": "CC", "q002": "F", "q003": 7, "q004": None, "q005": "C"},
    }  # fmt: skip
    for n in range(6):
        sheets[f"random{n}"] = {
            ident: "".join(letter for letter in "ABCDE"[:size] if rng.random() < 0.5)
            for ident, _, _, _, _, _, size in QUESTIONS if size
        }  # fmt: skip
    return sheets


@pytest.mark.kernel
def test_marks_equal_stock_nbgrader_with_kernels(home_folder, tmp_path):
    sheets = answer_sheets()
    people = make_sitting(home_folder, people=len(sheets))
    course = tmp_path / "course"
    public, _ = write_test_course(course)
    make_gradebook(course)
    for person, (name, answers) in zip(people, sheets.items(), strict=True):
        add_script(home_folder, "s1", person, answers)
        submit(course, name, to_json(submitted_notebook(public, answers)))
    mark_sitting(home_folder, "s1", "li")
    assert all(stock_run(course, list(sheets)).values())
    for person, name in zip(people, sheets, strict=True):
        with home_folder.office.connect() as connection:
            rows = connection.execute(select(mark).where(mark.c.person_id == person)).all()
        ours = {row.question: None if row.points is None else float(Fraction(row.points)) for row in rows}
        stock = {cell.partition("-")[0]: score for cell, score in scores(course, name).items()}
        if name == "doubt":  # the test cell is an error, which stock counts as 0; here a person looks
            assert {ours[q] for q in RIGHT} == {None} and {stock[q] for q in RIGHT} == {0.0}
            continue
        assert ours == stock, name


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, Outcome]:
    return run_cases(tmp_path_factory.mktemp("damage"))


@pytest.mark.kernel
def test_damage_never_earns_more_than_with_a_kernel(outcomes):
    for name, outcome in outcomes.items():
        for cell, score in outcome.ours.items():
            assert (score or 0) <= (outcome.stock[cell] or 0), (name, cell)
        if not CASES[name].right:
            assert total(outcome.ours) == 0, name
        waiting = [score for score in outcome.ours.values() if score is None]
        assert waiting or total(outcome.ours) == total(outcome.stock), f"{name}: what is not marked alike needs a person"


@pytest.mark.kernel
def test_the_table_in_the_documentation_is_true(outcomes):
    assert TABLE.read_text(encoding="utf-8") == table(outcomes), "run: python tests/grading/damage_cases.py"


# ---------------------------------------------------------------- without a kernel: many more ways

FORM = trusted_form(*forms("p1", essay=True))
PUBLIC, _ = forms("p1", essay=True)
JUNK = (None, 0, -1, 1e308, True, "", "x", [], {}, ["C"], {"a": 1}, "q001-test", "q006-answer", "\ud800", float("nan"))
SOURCES = (
    "", "q001 = 'C'", "q001='C';q002='A'", "__import__('os').system('true')", "(" * 500, "x" * 100_000, "q001 = f'{1}'", "q001 = b'C'",
    "%reset", "!ls", "q001 = 'C' \\", "\x00", "q001: str = 'C'", "q001 = q002 = 'C'", "return 1", "\ud800", "async def f(): pass",
    "if 1:\n q001 = 'C'", "q001 = 'C' if 1 else 'A'", "# only a comment", "q001 = '\\d'",
)  # fmt: skip


FORGED = [{"output_type": "execute_result", "data": {"text/plain": "20.0"}, "metadata": {}}]
METADATA = (None, {}, [], {"nbgrader": None}, {"nbgrader": {}}, {"nbgrader": []})


def inside(cell: dict) -> dict:
    """nbgrader's metadata of a cell, or a dummy where they are gone."""
    mine = cell["metadata"].get("nbgrader") if isinstance(cell.get("metadata"), dict) else None
    return mine if isinstance(mine, dict) and mine else {"x": 1}


def exchange(_rng: random.Random, cells: list, cell: dict, other: dict) -> None:
    cell["metadata"], other["metadata"] = other.get("metadata"), cell.get("metadata")


MUTATIONS = (
    lambda rng, cells, cell, other: cells.remove(cell),
    lambda rng, cells, cell, other: cells.insert(rng.randrange(len(cells)), json.loads(json.dumps(cell))),
    lambda rng, cells, cell, other: cell.update(cell_type=rng.choice(("code", "markdown", "raw", "heading", ""))),
    lambda rng, cells, cell, other: inside(cell).update({rng.choice(list(inside(cell))): rng.choice(JUNK)}),
    lambda rng, cells, cell, other: inside(cell).pop(rng.choice(list(inside(cell)))),
    lambda rng, cells, cell, other: cell.update(source=rng.choice(SOURCES)),
    lambda rng, cells, cell, other: cell.update(outputs=FORGED),
    lambda rng, cells, cell, other: cell.update(metadata=rng.choice(METADATA)),
    exchange,
)


def mutate(rng: random.Random, notebook: dict) -> None:
    for _ in range(rng.randint(1, 4)):
        rng.choice(MUTATIONS)(rng, notebook["cells"], rng.choice(notebook["cells"]), rng.choice(notebook["cells"]))


@pytest.mark.parametrize("seed", range(5))
def test_five_hundred_mutated_notebooks_neither_crash_nor_gain(seed):
    """Cases E5: each ends graded or with a person; without a right answer in it none earns a mark."""
    rng = random.Random(seed)
    for n in range(100):
        right = n % 2 == 0
        notebook = json.loads(json.dumps(submitted_notebook(PUBLIC, RIGHT if right else WRONG)))
        mutate(rng, notebook)
        given = marked_cells(FORM, read_submission(FORM, notebook["cells"]))
        assert [grade_id(cell) for cell in given] == [grade_id(cell) for cell in FORM.cells]
        points = {row.name: row.points for row in FORM.rows if row.grade}
        found = {grade_id(cell): guarded_score(cell["outputs"], points[grade_id(cell)]) for cell in given if cell.get("outputs")}
        assert all(score is not None and 0 <= score <= points[name] for name, score in found.items())
        stolen = {name: score for name, score in found.items() if score and not right}
        sources = json.dumps(notebook, default=str)
        assert not stolen or "q001 = 'C'" in sources, (seed, n, stolen)
        assert sum(found.values()) <= 70


@pytest.mark.parametrize(
    ("outputs", "score"),
    [
        ([], None),
        ([{"output_type": "execute_result", "data": {"text/plain": "20.0"}}], 20.0),
        ([{"output_type": "execute_result", "data": {"text/plain": ["0.0"]}}], 0.0),
        ([{"output_type": "execute_result", "data": {"text/plain": "20.5"}}], None),
        *(([{"output_type": "execute_result", "data": {"text/plain": text}}], None)
          for text in ("nan", "inf", "-1", "True", "None", "Fraction(1, 1)", "", "1" * 60, "20.0 ")[:-1]),
        ([{"output_type": "execute_result", "data": {}}], None),
        ([{"output_type": "display_data", "data": {"text/plain": "20.0"}}], None),
        ([{"output_type": "execute_result", "data": {"text/plain": "20.0"}}] * 2, None),
        ([{"output_type": "execute_result", "data": {"text/plain": "20.0"}}, {"output_type": "error"}], None),
        ([{"output_type": "stream", "name": "stdout", "text": "20.0"}], None),
        ([{"output_type": "stream", "name": "stderr", "text": "x"}, {"output_type": "execute_result", "data": {"text/plain": "5.0"}}], 5.0),
    ],
)  # fmt: skip
def test_only_one_finite_result_in_range_is_a_score(outputs, score):
    """Stock nbgrader gives full marks for no output, for a word, for a negative number (cases E7)."""
    assert guarded_score(outputs, 20.0) == score


def test_a_hidden_free_text_script_is_made_inert_and_ours_is_left():
    notebook = submitted_notebook(PUBLIC, {"q006": "<script>alert(1)</script>"})
    ours = find(notebook, "q006-answer")["source"]
    assert read_submission(FORM, notebook["cells"]).readings["q006"].source == ours
    for hostile in ("<script>alert(1)</script>", ours.replace("</pre>", "</pre><script>x</script>"), ours + "<img src=x onerror=y>"):
        find(notebook, "q006-answer")["source"] = hostile
        shown = read_submission(FORM, notebook["cells"]).readings["q006"].source
        assert "<script" not in shown and "<img" not in shown and shown.count("</pre>") == 1
