"""The house rules of DEVELOPERS.md: which room may import which, and what may not be imported at all."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("people", "question_bank", "exams", "courses", "grading", "hall")
MAY_IMPORT = {
    "home": {"faults"},
    "faults": {"logs"},
    "logs": set(),
    "workbooks": set(),
    "usage": set(),
    "backup": {"home", "faults", "migrations"},
    "people": {"home", "workbooks"},
    "question_bank": {"home", "workbooks"},
    "exams": {"home", "logs", "people", "question_bank"},
    "courses": {"home", "workbooks", "people", "question_bank"},
    "grading": {"home", "logs", "backup", "people", "question_bank", "exams", "courses"},
    "hall": {"home", "faults", "logs", "backup", *ROOMS},
    "pufa": {"home", "faults", "logs", "usage", "backup", *ROOMS},
}
#: library -> the only places that may import it
ONLY_IN = {
    "nbgrader": ("grading/gradebook/",),
    "ipywidgets": ("question_bank/widget.py", "courses/widget.py", "courses/puzzles.py", "courses/activities.py",
                   "grading/statistics/lab/widget.py"),
    "pickle": (),
    "marshal": (),
}
HEAVY = ("nbgrader", "pandas", "matplotlib", "scipy", "nbformat", "ipywidgets", "xlsxwriter")
FILES = sorted(
    path
    for name in ("home.py", "faults.py", "logs.py", "workbooks.py", "usage.py", "pufa.py", "backup", *ROOMS)
    for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
)


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path: Path) -> None:
    place = path.relative_to(ROOT)
    room = place.parts[0].removesuffix(".py")
    for name in _imports(path):
        top = name.partition(".")[0]
        if top in MAY_IMPORT and top != room:
            assert top in MAY_IMPORT[room], f"{place} imports {name}: the arrow does not run that way"
        if top in ONLY_IN:
            assert any(str(place).startswith(where) for where in ONLY_IN[top]), f"{place} imports {name}"
        assert not name.startswith(("yaml.load.", "starlette.middleware.base")), f"{place} imports {name}"


def test_the_hall_for_candidates_knows_nothing_of_marks() -> None:
    code = "import sys, hall.candidate.app, hall.candidate.serve; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    for line in loaded.splitlines():
        assert not line.startswith(("grading", "hall.office", "nbgrader", "people.identity")), line


@pytest.mark.parametrize("module", ["home", "pufa", *(f"{room}.commands" for room in ROOMS), "hall.office.app", "hall.candidate.app"])
def test_importing_is_light(module: str) -> None:
    if module == "courses.commands" and not (ROOT / "courses" / "commands.py").exists():
        module = "courses"
    code = f"import sys, {module}; print('\\n'.join(sys.modules))"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())
    assert not loaded & set(HEAVY), f"importing {module} loads {sorted(loaded & set(HEAVY))}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_concept(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350, f"{path.name} has grown beyond one concept"
