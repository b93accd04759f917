"""A form as nbgrader notebooks: source (with keys), release (as ``nbgrader generate_assignment`` would make it), submitted.

nbgrader's metadata are written here without importing nbgrader or nbformat (which costs 2 s). Per question there are a locked
stem cell ``q001-stem``, and either a solution cell ``q001-answer`` that sets the string ``q001`` and a test cell ``q001-test``,
or one Markdown cell ``q001-answer`` that is both grade and solution. Each question has a variable of its own, so that a
missing cell cannot be marked by its neighbour's answer.

The test cell imports nothing of pufa and fails closed: an answer that cannot be read is an error, never a result. It ends in
a plain ``float``, because stock nbgrader 0.9 gives full marks for any other result and for none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from exams.inert import escape_free_text, escape_markdown
from exams.paper import LETTERS, KeyEntry, KeyForm, PublicForm, PublicQuestion
from question_bank.item import KIND_TITLES
from question_bank.marking import LONGEST_CHOICE

Cell = dict[str, Any]
Notebook = dict[str, Any]

#: What ClearSolutions puts in place of a solution; the course's nbgrader_config.py tells nbgrader the same.
CODE_STUB = '# 请把选项字母填入上一行的引号内，例如 "A"；多选题按字母顺序连写，例如 "ACD"'
TEXT_STUB = "（请双击这里，删去本行后作答）"

_HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
_SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")

_STEM = {"grade": False, "solution": False, "locked": True}
_ANSWER = {"grade": False, "solution": True, "locked": False}
_TEST = {"grade": True, "solution": False, "locked": True}
_ESSAY = {"grade": True, "solution": True, "locked": False}

_KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def source_notebook(public: PublicForm, key: KeyForm) -> Notebook:
    """The teacher's notebook of a form: solutions and complete test cells. Secret.

    :raises KeyError: ``key`` lacks a question of ``public``.
    """
    entries = {entry.id: entry for entry in key.entries}
    answers = {question.id: _solution(question, entries[question.id]) for question in public.questions}
    tests = {question.id: marking_source(question, entries[question.id]) for question in public.questions}
    return _notebook(public, answers, tests)


def release_notebook(public: PublicForm) -> Notebook:
    """What candidates may get, from public fields alone; equals what ``generate_assignment`` makes of the source notebook."""
    return submitted_notebook(public, {})


def submitted_notebook(public: PublicForm, answers: Mapping[str, object]) -> Notebook:
    """The release notebook with a candidate's stored answers; ``answers``: question id -> answer as stored.

    Free text is made inert. A blank answer leaves the cell as it was released. Answers to other questions are left out.
    """
    filled = {question.id: answer_source(question, answers.get(question.id, "")) for question in public.questions}
    tests = {question.id: _test_title(question) for question in public.questions}
    released = _notebook(public, {question.id: answer_source(question, "") for question in public.questions}, tests)
    for cell in released["cells"]:
        _release(cell)
        question, _, part = cell["id"].partition("-")
        if part == "answer":
            cell["source"] = filled[question]
    return released


def to_json(notebook: Notebook) -> str:
    """Text of the ``.ipynb`` file, byte for byte as nbformat and nbconvert write it."""
    cells = [{**cell, "source": cell["source"].splitlines(True)} for cell in notebook["cells"]]
    return json.dumps({**notebook, "cells": cells}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


# ---------------------------------------------------------------- sources of cells


def answer_source(question: PublicQuestion, answer: object) -> str:
    """Source of the cell that holds a candidate's answer; ``answer`` is whatever was stored, blank is ``""``."""
    if not question.options:
        typed = answer if isinstance(answer, str) else ascii(answer)[:200]
        return escape_free_text(typed) if typed.strip() else TEXT_STUB
    plain = answer[: LONGEST_CHOICE + 1] if isinstance(answer, str) else "?"   # one more than can be read stays unreadable
    literal = f'"{plain}"' if set(plain) <= set(LETTERS) else ascii(plain)
    return f"{question.id} = {literal}\n{CODE_STUB}"


def _solution(question: PublicQuestion, entry: KeyEntry) -> str:
    """Source of the answer cell in the source notebook; ``generate_assignment`` makes of it ``answer_source(question, "")``."""
    if not question.options:
        points = "".join(f"\n\n- （{_marks(weight)} 分）{escape_markdown(text)}" for weight, text in entry.scoring_points)
        return f"**参考答案**\n\n{escape_markdown(entry.model_answer)}{points}"
    return "\n".join([f'{question.id} = ""', _SOLUTION[0], f'{question.id} = "{entry.key}"', _SOLUTION[1]])


def _marks(points: str) -> str:
    """Marks as people read them: ``3/2`` as 1.5."""
    return f"{float(Fraction(points)):g}"


def _test_title(question: PublicQuestion) -> str:
    return f"# {question.id} 的评分单元格，请勿改动"


_PARTIAL = """    elif chosen and set(chosen) < set(key):
        score = 0.5 * len(chosen)
"""
_TEST_CELL = """{title}
{begin}
import contextlib, io, unicodedata
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    key, letters, points = "{key}", "{letters}", {points!r}
    given = globals().get("{id}")
    if type(given) is not str or len(given) > {longest}:
        raise ValueError("{id}: answer cannot be read")
    chosen = [c for c in unicodedata.normalize("NFKC", given).upper() if not c.isspace() and c not in ",\\u3001;"]
    if len(set(chosen)) != len(chosen) or not set(chosen) <= set(letters):
        raise ValueError("{id}: answer cannot be read")
    if sorted(chosen) == list(key):
        score = points
{partial}    else:
        score = 0.0
float(score)
{end}"""


def marking_source(question: PublicQuestion, entry: KeyEntry) -> str:
    """Source of the complete test cell: the rules of ``question_bank.marking`` in plain Python; ``""`` for free text."""
    if not question.options:
        return ""
    return _TEST_CELL.format(
        title=_test_title(question), begin=_HIDDEN[0], end=_HIDDEN[1], id=question.id, key=entry.key,
        letters=LETTERS[: len(question.options)], points=float(entry.max_points), longest=LONGEST_CHOICE,
        partial=_PARTIAL if entry.rule == "half_each" else "",
    )  # fmt: skip


def _stem(question: PublicQuestion, number: int) -> str:
    head = f"**第 {number} 题**（{KIND_TITLES[question.kind]}，{_marks(question.points)} 分）"
    options = "".join(
        f"\n- {letter}. {escape_markdown(' '.join(text.split()))}" for letter, text in zip(LETTERS, question.option_texts, strict=False)
    )
    return f"{head}\n\n{escape_markdown(question.text)}" + (f"\n{options}" if options else "")


# ---------------------------------------------------------------- cells


def _notebook(public: PublicForm, answers: Mapping[str, str], tests: Mapping[str, str]) -> Notebook:
    cells = [_cell("markdown", "header", f"# {escape_markdown(public.title)}\n\n{public.form} 卷，答题时间 {public.minutes} 分钟")]
    titles = {part.id: part for part in public.parts}
    begun: set[str] = set()
    for number, question in enumerate(public.questions, 1):
        if question.part not in begun:
            begun.add(question.part)
            part = titles[question.part]
            text = f"## {escape_markdown(part.title)}\n\n{escape_markdown(part.instructions)}".strip()
            cells.append(_cell("markdown", f"part{len(begun)}", text))
        cells += _question(question, _stem(question, number), answers[question.id], tests[question.id])
    return {"cells": cells, "metadata": _KERNEL, "nbformat": 4, "nbformat_minor": 5}


def _question(question: PublicQuestion, stem: str, answer: str, test: str) -> list[Cell]:
    points = {"points": float(Fraction(question.points))}
    first = _cell("markdown", f"{question.id}-stem", stem, _STEM)
    if not question.options:
        return [first, _cell("markdown", f"{question.id}-answer", answer, {**_ESSAY, **points})]
    return [
        first, _cell("code", f"{question.id}-answer", answer, _ANSWER), _cell("code", f"{question.id}-test", test, {**_TEST, **points})
    ]  # fmt: skip


def _cell(kind: str, name: str, source: str, nbgrader: Mapping[str, object] | None = None) -> Cell:
    """A cell; with ``nbgrader`` it is one that nbgrader knows by the grade id ``name``."""
    metadata = {"nbgrader": {**nbgrader, "grade_id": name, "schema_version": 3, "task": False}} if nbgrader else {}
    extra: Cell = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "id": name, "metadata": metadata, "source": source, **extra}


def _release(cell: Cell) -> None:
    """What LockCells and ComputeChecksums of nbgrader do to a cell."""
    mine = cell["metadata"].get("nbgrader")
    if not mine:
        return
    cell["metadata"]["deletable"] = False
    if not mine["solution"]:
        cell["metadata"]["editable"] = False
    said = [cell["source"], cell["cell_type"], str(mine["grade"]), str(mine["solution"]), str(mine["locked"]), mine["grade_id"]]
    if mine["grade"]:
        said.append(str(mine["points"]))
    mine["checksum"] = hashlib.md5("".join(said).encode(), usedforsecurity=False).hexdigest()
    mine["cell_type"] = cell["cell_type"]
