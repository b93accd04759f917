"""What an nbgrader course folder holds of a form, as far as it can be trusted: our own cells and keys, never a candidate's.

``trusted_form`` puts the two faces together: the cells that candidates get, with the complete test cells of the source
notebook in place of their titles. That is what stock ``nbgrader autograde`` has in hand after it has restored locked cells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from exams.course_folder import NOTEBOOK, assignment_of
from exams.errors import ContentError
from exams.forms import read_key_form
from exams.notebook import release_notebook, source_notebook
from exams.paper import KeyEntry, KeyForm, PublicForm
from grading.errors import GradebookError
from grading.gradebook.schema import CellRow, cell_rows

Cell = dict[str, Any]


@dataclass(frozen=True)
class QuestionCells:
    """The cells of one question by grade id; ``test`` is empty for free text, whose answer cell is graded itself."""

    entry: KeyEntry
    answer: str
    test: str


@dataclass(frozen=True)
class TrustedForm:
    """A form of a course: all cells in order with stubs for answers, the questions, and the gradebook's view of the cells."""

    assignment: str
    cells: tuple[Cell, ...]
    questions: tuple[QuestionCells, ...]
    rows: tuple[CellRow, ...]
    metadata: Mapping[str, Any]

    @property
    def kernelspec(self) -> Mapping[str, str]:
        return self.metadata["kernelspec"]  # type: ignore[no-any-return]


def grade_id(cell: Mapping[str, Any]) -> str:
    """A cell's grade id, ``""`` if nbgrader does not know the cell."""
    return str(cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", ""))


def trusted_form(public: PublicForm, key: KeyForm) -> TrustedForm:
    """From the two faces of a form."""
    release, source = release_notebook(public), source_notebook(public, key)
    return _trusted(assignment_of(public.form), release, source, key)


def read_trusted(course: Path, assignment: str) -> TrustedForm:
    """From the files of a course folder; read once per process and version of the files.

    :raises GradebookError: files are missing, damaged, or do not belong together.
    """
    form = assignment.removeprefix("form-")
    paths = (
        course / "release" / assignment / f"{NOTEBOOK}.ipynb",
        course / "source" / assignment / f"{NOTEBOOK}.ipynb",
        course / "keys" / f"{form}.json",
    )
    try:
        return _read_cached(assignment, paths, tuple(path.stat().st_mtime_ns for path in paths))
    except (OSError, ValueError, KeyError, TypeError, ContentError) as error:
        raise GradebookError(f"{course}：“{assignment}”的题目或答案文件缺失或损坏（{error}）；请重新组卷生成课程文件夹") from None


@lru_cache(16)
def _read_cached(assignment: str, paths: tuple[Path, Path, Path], _stamps: tuple[int, ...]) -> TrustedForm:
    release, source = (json.loads(path.read_text(encoding="utf-8")) for path in paths[:2])
    return _trusted(assignment, release, source, read_key_form(paths[2]))


def _trusted(assignment: str, release: Mapping[str, Any], source: Mapping[str, Any], key: KeyForm) -> TrustedForm:
    entries = {entry.id: entry for entry in key.entries}
    pairs = list(zip(release["cells"], source["cells"], strict=True))
    merged = [_merge(public, secret) for public, secret in pairs]
    rows = cell_rows(merged)
    sums = {row.name: row.checksum for row in rows}
    for cell in merged:
        if grade_id(cell) in sums:
            cell["metadata"]["nbgrader"]["checksum"] = sums[grade_id(cell)]
    names = [grade_id(cell) for cell in merged]
    questions = tuple(
        QuestionCells(entries[name.partition("-")[0]], name, f"{name.partition('-')[0]}-test" if kind == "code" else "")
        for name, kind in ((grade_id(cell), cell["cell_type"]) for cell in merged)
        if name.endswith("-answer")
    )
    if {one.entry.id for one in questions} != set(entries) or not {one.test for one in questions if one.test} <= set(names):
        raise GradebookError(f"“{assignment}”的题目与答案不是同一套；请重新组卷生成课程文件夹")
    return TrustedForm(assignment, tuple(merged), questions, rows, dict(release["metadata"]))


def _merge(public: Cell, secret: Cell) -> Cell:
    """The released cell, with the secret source where candidates got only a title."""
    if grade_id(public) != grade_id(secret) or public["cell_type"] != secret["cell_type"]:
        raise GradebookError("题目 notebook 与答案 notebook 的单元格不一一对应；请重新组卷生成课程文件夹")
    answer = secret["metadata"].get("nbgrader", {}).get("solution", False)
    merged: Cell = json.loads(json.dumps(public))
    merged["source"] = text_of(public if answer else secret)
    return merged


def text_of(cell: Mapping[str, Any]) -> str:
    """A cell's source as one string; files keep it as lines."""
    source: str | Sequence[str] = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)
