"""Reading a submitted notebook without running it. Everything in it is the candidate's and may be hostile.

An answer is read only from a cell of ours that holds one assignment of one string to the question's own name. Anything else
in that cell that cannot act (a syntax error, a bare word) sends the question to a person. Code that could act, and damage
after which a kernel's result could not be foretold, sends the whole notebook to a person: what is marked here is never
worth more than what a kernel would have found.
"""

from __future__ import annotations

import ast
import html
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exams.inert import escape_free_text
from grading.gradebook.course import Cell, TrustedForm, grade_id, text_of

MOST_CELLS = 4000
LONGEST_CODE, LONGEST_TEXT = 2000, 60_000
#: Metadata that decide what a cell is; points, checksum and cell type are restored, these are not guessed.
FLAGS = ("grade", "solution", "locked", "task", "schema_version")
_EMPTY = escape_free_text("")
_OPEN, _CLOSE = _EMPTY[: -len("</pre>")], "</pre>"
#: IPython runs these even where Python would not compile the cell.
_MAGIC = re.compile(r"[%!?]|^\s*[/,;]", re.MULTILINE)
_QUIET = (ast.Constant, ast.Name, ast.List, ast.Tuple, ast.Set, ast.Load, ast.Store)


@dataclass(frozen=True)
class Reading:
    """What was read of one question: the answer, or why a person must look (``reason``); ``source`` is shown to that person."""

    answer: str | None
    source: str
    reason: str = ""
    blank: bool = False


@dataclass(frozen=True)
class Submission:
    """All questions by id, and why the whole notebook needs a person (``""``: it does not)."""

    readings: Mapping[str, Reading]
    whole: str


class _Acts(Exception):
    """A cell holds code that could do something."""


def read_submission(form: TrustedForm, cells: Sequence[Mapping[str, Any]]) -> Submission:
    """Read the cells of a submitted notebook against the form it was made from. Never raises for what is in them."""
    if len(cells) > MOST_CELLS:
        return Submission({one.entry.id: Reading(None, "", "单元格过多") for one in form.questions}, f"单元格超过 {MOST_CELLS} 个")
    trusted = {grade_id(cell): cell for cell in form.cells if grade_id(cell)}
    found = {_name(cell): cell for cell in cells if _name(cell)}
    whole = _structure(form, trusted, cells)
    readings = {}
    for one in form.questions:
        name = one.entry.id
        missing = [cell for cell in (one.answer, one.test) if cell and cell not in found]
        if one.answer not in found:
            readings[name] = Reading(None, text_of(trusted[one.answer]), "答案单元格被删除")
        elif one.test:
            try:
                readings[name] = _read_code(name, _text(found[one.answer]))
            except _Acts as acts:
                readings[name] = Reading(None, _text(found[one.answer])[:LONGEST_CODE], str(acts))
                whole = whole or f"{name} 的答案单元格{acts}"
        else:
            readings[name] = _read_text(_text(found[one.answer]), text_of(trusted[one.answer]))
        if missing and not readings[name].reason:
            readings[name] = Reading(None, readings[name].source, "评分单元格被删除")
    return Submission(readings, whole)


def _name(cell: Mapping[str, Any]) -> str:
    """Grade id of a submitted cell whose metadata may be anything."""
    mine = cell.get("metadata", {}).get("nbgrader") if isinstance(cell.get("metadata"), Mapping) else None
    name = mine.get("grade_id") if isinstance(mine, Mapping) else None
    return name if isinstance(name, str) else ""


def _text(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(line for line in source if isinstance(line, str))


def _structure(form: TrustedForm, trusted: Mapping[str, Cell], cells: Sequence[Mapping[str, Any]]) -> str:
    """Why the cells are no longer those of the form; ``""`` if they are, but for deleted ones."""
    order = [name for name in trusted]
    names = [_name(cell) for cell in cells if _name(cell)]
    repeated = [name for name, n in Counter(names).items() if n > 1]
    unknown = [name for name in names if name not in trusted]
    if repeated or unknown:
        return f"单元格编号{'重复' if repeated else '不是本卷的'}：{(repeated or unknown)[0][:40]}"
    if names != [name for name in order if name in set(names)]:
        return "单元格次序被改动"
    for cell in cells:
        name = _name(cell)
        if not name and cell.get("cell_type") == "code" and _text(cell).strip():
            return "多出了代码单元格"
        if name and not _same(trusted[name], cell):
            return f"单元格 {name} 的属性被改动"
    return ""


def _same(ours: Cell, theirs: Mapping[str, Any]) -> bool:
    """Whether a submitted cell is still what it was made to be; changed points, types and sources are restored, no more."""
    expected, found = ours["metadata"]["nbgrader"], theirs["metadata"]["nbgrader"]
    flags = all(type(found.get(flag)) is type(expected.get(flag)) and found.get(flag) == expected.get(flag) for flag in FLAGS)
    points = not expected["grade"] or type(found.get("points")) in (int, float)
    return flags and points and theirs.get("cell_type") in ("code", "markdown") and not theirs.get("attachments")


def _read_code(name: str, source: str) -> Reading:
    """:raises _Acts: the cell could do something when run."""
    if len(source) > LONGEST_CODE:
        raise _Acts("过长")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a candidate's string is not our warning
            body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        if _MAGIC.search(source):
            raise _Acts("有命令") from None
        return Reading(None, source, "答案单元格有语法错误")
    if len(body) == 1 and _assigns(name, body[0]):
        value = body[0].value  # type: ignore[attr-defined]
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return Reading(value.value, source, blank=not value.value.strip())
    if all(_is_quiet(name, statement) for statement in body):
        return Reading(None, source, "答案单元格不是“题号 = \"字母\"”的样子")
    raise _Acts("有别的代码")


def _assigns(name: str, statement: ast.stmt) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name


def _is_quiet(name: str, statement: ast.stmt) -> bool:
    """Whether a statement can only set the question's own name, or do nothing."""
    if not (_assigns(name, statement) or isinstance(statement, ast.Expr)):
        return False
    value = statement.value  # type: ignore[attr-defined]
    return all(isinstance(node, _QUIET) for node in ast.walk(value))


def _read_text(source: str, stub: str) -> Reading:
    """Free text, made inert unless it is so already: formgrader would render it."""
    if source.strip() == stub.strip() or not source.strip():
        return Reading("", stub, blank=True)
    shown = source[:LONGEST_TEXT]
    return Reading(shown, shown if _is_inert(shown) else escape_free_text(shown))


def _is_inert(source: str) -> bool:
    if not (source.startswith(_OPEN) and source.endswith(_CLOSE)):
        return False
    return escape_free_text(html.unescape(source[len(_OPEN) : -len(_CLOSE)])) == source
