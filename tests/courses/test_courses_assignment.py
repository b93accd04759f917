"""The data module's assignment through stock nbgrader: release built, submissions graded by kernels."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent.parent / "courses" / "assignments" / "grid-staffing"
NAME = "grid-staffing"
RIGHT = {
    "answer-1": "应设网格, 应配, 缺口 = 9, 9, 4",
    "answer-2": '可疑网格 = " 西05 "',
    "answer-3": "def 各社区缺口(台账, 每格户数):\n    表 = 台账.groupby('社区')[['户数', '在岗人数']].sum()\n"
                "    return (表['户数'] + 每格户数 - 1) // 每格户数 - 表['在岗人数']",
}  # fmt: skip
FLOOR = "def 各社区缺口(台账, 每格户数):\n    表 = 台账.groupby('社区')[['户数', '在岗人数']].sum()\n    return 表['户数'] // 每格户数 - 表['在岗人数']"
BY_HEART = "def 各社区缺口(台账, 每格户数):\n    return {'东社区': 2, '南社区': 0, '西社区': 3, '北社区': -1}"
#: student -> what is written, and the marks of test-1a, 1b, 2, 3a, 3b
SUBMISSIONS: dict[str, tuple[dict[str, str], list[float]]] = {
    "right": (RIGHT, [1, 2, 2, 3, 2]),
    "blank": ({}, [0, 0, 0, 0, 0]),
    "wrong": ({"answer-1": "应设网格, 应配, 缺口 = 8, 8, 3", "answer-2": '可疑网格 = "东04"', "answer-3": FLOOR}, [0, 0, 0, 0, 0]),
    "partly": ({"answer-1": "应设网格, 应配, 缺口 = 9, 9, 5", "answer-2": RIGHT["answer-2"], "answer-3": BY_HEART}, [1, 0, 2, 3, 0]),
    "stumbles": ({**RIGHT, "answer-2": "可疑网格 = 西05"}, [1, 2, 0, 3, 2]),
}


def nbgrader(course: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run([sys.executable, "-m", "nbgrader", *command], cwd=course, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course folder with the assignment released, as a trainer makes it."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(SOURCE, folder / "source" / NAME)
    (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "grid"\n', encoding="utf-8")
    done = nbgrader(folder, "generate_assignment", NAME)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def submit(course: Path, student: str, answers: dict[str, str]) -> None:
    released, place = course / "release" / NAME, course / "submitted" / student / NAME
    shutil.copytree(released, place)
    notebook = json.loads((place / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = answers.get(cell["metadata"]["nbgrader"]["grade_id"], cell["source"])
    (place / f"{NAME}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def scores(course: Path) -> dict[str, dict[str, float | None]]:
    query = (
        "SELECT a.student_id, b.name, g.auto_score FROM grade g JOIN base_cell b ON b.id = g.cell_id "
        "JOIN submitted_notebook n ON n.id = g.notebook_id JOIN submitted_assignment a ON a.id = n.assignment_id"
    )
    found: dict[str, dict[str, float | None]] = {}
    with closing(sqlite3.connect(course / "gradebook.db")) as connection:
        for student, cell, score in connection.execute(query):
            found.setdefault(student, {})[cell] = score
    return found


def test_the_source_has_unique_ids_and_no_outputs() -> None:
    notebook = json.loads((SOURCE / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids) and all(name.isascii() for name in ids)
    assert sum(cell["metadata"]["nbgrader"].get("points", 0) for cell in notebook["cells"]) == 10
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in notebook["cells"] if cell["cell_type"] == "code")


@pytest.mark.kernel
def test_the_release_holds_neither_solutions_nor_hidden_tests(course: Path) -> None:
    released = (course / "release" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
    assert "在这里作答" in released and "还没有填" in released
    for secret in ("SOLUTION", "HIDDEN", "9, 9, 4", "== 9", "西05", "结果[", "新社区", "iloc"):
        assert secret not in released
    assert (course / "release" / NAME / "ledger.csv").read_bytes() == (SOURCE / "ledger.csv").read_bytes()


@pytest.mark.kernel
def test_submissions_are_graded_by_kernel(course: Path) -> None:
    for student, (answers, _) in SUBMISSIONS.items():
        submit(course, student, answers)
    # What is tampered with counts for nothing: tests and data come from the source.
    submit(course, "tampers", {"test-1a": "assert True", "test-1b": "", "test-2": "assert True", "test-3a": "pass", "test-3b": "pass"})
    (course / "submitted" / "tampers" / NAME / "ledger.csv").write_text("社区,网格,户数,常住人口,在岗人数\n", encoding="utf-8")
    done = nbgrader(course, "autograde", NAME)
    assert done.returncode == 0, done.stderr[-3000:]
    found = scores(course)
    cells = ("test-1a", "test-1b", "test-2", "test-3a", "test-3b")
    wanted = {student: marks for student, (_, marks) in SUBMISSIONS.items()} | {"tampers": [0, 0, 0, 0, 0]}
    assert {student: [found[student][cell] for cell in cells] for student in wanted} == wanted


@pytest.mark.kernel
def test_a_kernel_that_is_killed_earns_nothing(course: Path) -> None:
    submit(course, "kills", {**RIGHT, "answer-1": "import os\nos._exit(0)"})
    done = nbgrader(course, "autograde", NAME, "--student", "kills")
    assert done.returncode != 0 and not (course / "autograded" / "kills" / NAME / f"{NAME}.ipynb").exists()
    assert not any(score for score in scores(course).get("kills", {}).values())
