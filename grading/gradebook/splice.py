"""Notebooks of many candidates of one form, joined from pre-serialised cells.

Serialising an 80-item notebook costs milliseconds; almost all of it is the same for everybody. Here each cell is serialised
once per distinct answer or result, and a notebook is a join. The bytes are those of ``exams.notebook.to_json``; a test
compares both trees with what exams.notebook and stock ``nbgrader autograde`` write.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from exams.notebook import answer_source, release_notebook, to_json
from exams.paper import LETTERS, KeyForm, PublicForm, PublicQuestion
from grading.gradebook.course import Cell, grade_id, trusted_form

#: (answer as stored, points as text or None) of one question.
Given = tuple[object, str | None]
_Made = tuple[str, Callable[[Given], bytes] | str]


class FormSplicer:
    """Writes the submitted and the autograded notebook of any candidate of one form."""

    def __init__(self, public: PublicForm, key: KeyForm) -> None:
        self.form = trusted_form(public, key)
        #: ids of the questions in paper order; what is given to the methods below is in this order
        self.questions = tuple(one.entry.id for one in self.form.questions)
        whole = to_json({"cells": [], "metadata": dict(self.form.metadata), "nbformat": 4, "nbformat_minor": 5})
        head, tail = whole.split('"cells": []')
        ends = (f'{head}"cells": [\n', f"\n ]{tail}")
        known = {question.id: question for question in public.questions}
        place = {question: n for n, question in enumerate(self.questions)}
        self._submitted = _pieces(ends, place, [_submitted(cell, known) for cell in release_notebook(public)["cells"]])
        self._autograded = _pieces(ends, place, _autograded(self.form.cells, known))

    def submitted(self, given: Sequence[Given]) -> bytes:
        """The notebook as if the candidate had handed it in."""
        return _join(self._submitted, given)

    def autograded(self, given: Sequence[Given]) -> bytes:
        """The notebook as autograde leaves it: complete test cells, results where a machine marked."""
        return _join(self._autograded, given)


#: Text that is the same for everybody, then the cell of a question (its place in the paper, what makes it).
_Piece = tuple[bytes, int, Callable[[Given], bytes]]


def _pieces(ends: tuple[str, str], place: Mapping[str, int], cells: Sequence[_Made]) -> tuple[list[_Piece], bytes]:
    """Cells as (fixed text, changing cell) pairs and the fixed text after the last of them."""
    pieces: list[_Piece] = []
    fixed = ends[0]
    for n, (name, made) in enumerate(cells):
        fixed += ",\n" if n else ""
        if isinstance(made, str):
            fixed += made
        else:
            pieces.append((fixed.encode(), place[name], made))
            fixed = ""
    return pieces, (fixed + ends[1]).encode()


def _join(made: tuple[list[_Piece], bytes], given: Sequence[Given]) -> bytes:
    pieces, last = made
    parts: list[bytes] = []
    for fixed, place, cell in pieces:
        parts += (fixed, cell(given[place]))
    parts.append(last)
    return b"".join(parts)


def _dump(cell: Cell) -> str:
    """A cell as it stands in the file, two levels deep."""
    lines = {**cell, "source": cell["source"].splitlines(True)}
    text = json.dumps(lines, ensure_ascii=False, indent=1, sort_keys=True)
    return "  " + text.replace("\n", "\n  ")


def _submitted(cell: Cell, questions: Mapping[str, PublicQuestion]) -> _Made:
    name, _, part = grade_id(cell).partition("-")
    if part != "answer":
        return name, _dump(cell)
    return name, _answered(cell, questions[name])


def _answered(cell: Cell, question: PublicQuestion) -> Callable[[Given], bytes]:
    """A cell that holds an answer. Letters recur and are remembered; free text does not."""

    def work(answer: object) -> bytes:
        return _dump({**cell, "source": answer_source(question, answer)}).encode()

    remembered = lru_cache(4096)(work)

    def made(given: Given) -> bytes:
        answer = given[0]
        return remembered(answer) if isinstance(answer, str) and len(answer) <= len(LETTERS) else work(answer)

    return made


def _autograded(cells: tuple[Cell, ...], questions: Mapping[str, PublicQuestion]) -> list[_Made]:
    made: list[_Made] = []
    count = 0
    for cell in cells:
        name, _, part = grade_id(cell).partition("-")
        if cell["cell_type"] == "code":
            count += 1
            cell = {**cell, "execution_count": count}
        if part == "answer":
            made.append((name, _answered(cell, questions[name])))
        elif part == "test":
            made.append((name, _tested(cell, count)))
        else:
            made.append((name, _dump(cell)))
    return made


def _tested(cell: Cell, count: int) -> Callable[[Given], bytes]:
    @lru_cache(256)
    def work(points: str | None) -> bytes:
        if points is None:
            return _dump(cell).encode()
        shown: dict[str, Any] = {
            "output_type": "execute_result", "data": {"text/plain": [points]}, "metadata": {}, "execution_count": count
        }  # fmt: skip
        return _dump({**cell, "outputs": [shown]}).encode()

    return lambda given: work(given[1])
