"""A module: one notebook, ``modules/<course>/<nn-slug>.ipynb``, read as plain JSON (importing nbformat costs two seconds).

Cell tags: ``trainer`` (notes that learners do not get), ``activity`` (a code cell that shows a widget of
:mod:`courses.activities`, its code collapsed), ``worked-answer``. Notebook metadata ``pufa``::

    {"title": …, "course": "community-law", "minutes": 35, "audience": ["社区"], "objective": "能……",
     "law": [{"act": "民法典", "article": "278"}], "items": ["slug of every item that the module asks"]}
"""

from __future__ import annotations

import ast
import copy
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from courses.errors import CellFault
from question_bank.item import Citation

MODULES = Path(__file__).parent / "modules"
#: A module without pictures has 40 kB; nothing larger than this is read, in bytes, and no more cells than these.
LARGEST, MOST_CELLS = 4 * 1024 * 1024, 400
ACTIVITIES = ("practise", "decide", "arrange", "sort_into", "write_then_compare", "self_test")
TRAINER, ACTIVITY, WORKED = "trainer", "activity", "worked-answer"


@dataclass(frozen=True)
class Cell:
    """One cell. ``number`` counts from 1; ``clean``: without outputs and execution count."""

    number: int
    kind: str
    source: str
    tags: frozenset[str]
    collapsed: bool
    clean: bool


@dataclass(frozen=True)
class Call:
    """One call of an activity. ``arguments``: literal values in order, named ones by name; None where it is no literal."""

    cell: int
    name: str
    arguments: tuple[object, ...]
    named: Mapping[str, object]


@dataclass(frozen=True)
class Module:
    """A module as read. ``about`` is the metadata ``pufa`` as it stands, checked by :mod:`courses.module_checks`."""

    path: Path
    about: Mapping[str, Any]
    kernel: str
    cells: tuple[Cell, ...]
    notebook: Mapping[str, Any] = field(repr=False)

    @property
    def course(self) -> str:
        """The folder's name."""
        return self.path.absolute().parent.name

    @property
    def title(self) -> str:
        """As the metadata say it; empty if they do not."""
        return str(self.about.get("title") or "")

    @property
    def law(self) -> tuple[Citation, ...]:
        """Citations of the metadata; malformed ones are left out (and are faults)."""
        rows = self.about.get("law")
        rows = rows if isinstance(rows, list) else []
        return tuple(Citation(str(row["act"]), str(row["article"])) for row in rows if isinstance(row, dict) and row.get("act") and row.get("article"))

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every activity, in order. Cells that are not plain Python have none."""
        return tuple(call for cell in self.cells if cell.kind == "code" for call in _calls(cell))

    def items(self, activity: str) -> tuple[tuple[int, str], ...]:
        """(cell, slug) of the items that ``practise`` or ``self_test`` asks, as far as they are literals."""
        found: list[tuple[int, str]] = []
        for call in self.calls:
            if call.name == activity:
                asked = call.arguments[0] if call.arguments else call.named.get("slugs" if activity == "self_test" else "slug")
                found += [(call.cell, slug) for slug in (asked if isinstance(asked, list) else [asked]) if isinstance(slug, str)]
        return tuple(found)


def courses() -> dict[str, str]:
    """Courses in the order in which they are listed: folder -> title."""
    rows = tomllib.loads((Path(__file__).parent / "courses.toml").read_text(encoding="utf-8"))
    return {name: str(row["title"]) for name, row in rows.items()}


def module_paths(root: Path = MODULES) -> list[Path]:
    """Every module of every course, in order. Other notebooks (how to begin) and Jupyter's own copies are no modules."""
    return [path for course in courses() for path in sorted((root / course).glob("*.ipynb"))]


def read_module(path: Path) -> tuple[Module | None, list[CellFault]]:
    """A module, or why it is none. Never raises for what a file holds."""
    try:
        raw = path.read_bytes()
        if len(raw) > LARGEST:
            return None, [CellFault(path, 0, f"超过 {LARGEST // 1024 // 1024} MB；请清除输出（编辑 → 清除所有单元格的输出）再保存")]
        notebook = json.loads(raw.decode("utf-8"))
    except OSError as error:
        return None, [CellFault(path, 0, f"读不出这个文件（{error.strerror}）；请核对路径")]
    except (ValueError, RecursionError):
        return None, [CellFault(path, 0, "不是笔记本文件；请在 JupyterLab 里打开看看，或从备份恢复")]
    if not _is_notebook(notebook):
        return None, [CellFault(path, 0, "不是第 4 版格式的笔记本，或结构不完整；请在 JupyterLab 里另存")]
    cells = tuple(_cell(number, cell) for number, cell in enumerate(notebook["cells"], 1))
    metadata = notebook["metadata"]
    about, kernel = metadata.get("pufa"), metadata.get("kernelspec")
    return Module(path, about if isinstance(about, dict) else {}, str(kernel.get("name")) if isinstance(kernel, dict) else "", cells, notebook), []


def _is_notebook(value: object) -> bool:
    if not isinstance(value, dict) or value.get("nbformat") != 4 or type(value.get("nbformat_minor")) is not int:
        return False
    if not isinstance(value.get("metadata"), dict):
        return False
    cells = value.get("cells")
    return isinstance(cells, list) and len(cells) <= MOST_CELLS and all(
        isinstance(cell, dict) and isinstance(cell.get("metadata"), dict) and cell.get("cell_type") in ("markdown", "code", "raw")
        and _is_text(cell.get("source")) for cell in cells
    )  # fmt: skip


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))


def _cell(number: int, cell: Mapping[str, Any]) -> Cell:
    tags, jupyter = cell["metadata"].get("tags"), cell["metadata"].get("jupyter")
    return Cell(
        number, cell["cell_type"], "".join(cell["source"]),
        frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset(),
        isinstance(jupyter, dict) and jupyter.get("source_hidden") is True,
        not cell.get("outputs") and cell.get("execution_count") is None,
    )  # fmt: skip


def parse(cell: Cell) -> ast.Module | None:
    """A code cell as syntax, None if it is not plain Python."""
    try:
        return ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _calls(cell: Cell) -> Iterator[Call]:
    tree = parse(cell)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ACTIVITIES:
            named = {word.arg: _literal(word.value) for word in node.keywords if word.arg}
            yield Call(cell.number, node.func.id, tuple(_literal(one) for one in node.args), named)


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def learner_copy(module: Module) -> dict[str, Any]:
    """The notebook as a learner gets it: a copy without the trainer's cells and without outputs."""
    learner = copy.deepcopy(dict(module.notebook))
    learner["cells"] = [raw for cell, raw in zip(module.cells, learner["cells"], strict=True) if TRAINER not in cell.tags]
    for raw in learner["cells"]:
        if raw["cell_type"] == "code":
            raw["outputs"], raw["execution_count"] = [], None
    return learner


def to_text(notebook: Mapping[str, Any]) -> str:
    """A notebook as a file: indented by one, Chinese as it reads, a newline at the end."""
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
