"""Column sets: which columns a list has, in which order, under which headings, how wide. Shipped ones are TOML, an office's own are rows.

``<list>.toml``: ``title`` (the list's name), ``heading`` (what is printed above it; ``{title}`` stands for what it is about), ``about``
(one sentence for whoever chooses), ``notes`` (lines printed below), and tables ``[sets."name"]`` of ``columns``; the first is taken
where nobody chooses.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select

from grading.errors import ExportError
from grading.tables import column_set
from home import OFFICE, audit, now_ms

HERE = Path(__file__).parent
NUMBER = "序号"
NARROWEST, WIDEST, LONGEST_TITLE, LONGEST_NAME = 2, 80, 40, 30


@dataclass(frozen=True)
class Column:
    """One column of a list: the list's name for it, the heading, the width in characters (a Chinese one counts two)."""

    name: str
    title: str
    width: float


@dataclass(frozen=True)
class Layout:
    """How a list looks. ``heading`` may hold ``{title}``."""

    heading: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    name: str = "标准"

    @property
    def width(self) -> float:
        return sum(column.width for column in self.columns)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class Shipped:
    """A list's TOML file. ``values``: what else it sets, for the module that makes its rows."""

    title: str
    heading: str
    about: str
    notes: tuple[str, ...]
    sets: Mapping[str, tuple[Column, ...]]
    values: Mapping[str, Any] = field(default_factory=dict)

    def layout(self, name: str) -> Layout:
        return Layout(self.heading, self.sets[name], self.notes, name)


def read_shipped(path: Path, known: Sequence[str]) -> Shipped:
    """A list's TOML.

    :raises ExportError: it cannot be read, or has unknown or repeated columns or bad widths; all faults at once.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ExportError(f"{path.name}：读不出来（{error}）；请改正或恢复原文件") from None
    sets, faults = {}, list[str]()
    for name, body in raw.get("sets", {}).items():
        rows = [(row.get("name"), row.get("title", row.get("name")), row.get("width", 10)) for row in body.get("columns", [])]
        sets[name], wrong = checked(rows, known, f"{path.name} “{name}”")
        faults += wrong
    if faults or not sets:
        raise ExportError("\n".join(faults) or f"{path.name}：没有任何列方案；请恢复原文件")
    rest = {key: value for key, value in raw.items() if key not in ("title", "heading", "about", "notes", "sets")}
    return Shipped(raw["title"], raw["heading"], raw["about"], tuple(raw.get("notes", ())), sets, rest)


def checked(rows: Sequence[Sequence[Any]], known: Sequence[str], place: str) -> tuple[tuple[Column, ...], list[str]]:
    """(name, heading, width) of each column as columns, and what is wrong with them."""
    columns, faults = list[Column](), list[str]()
    for n, (name, title, width) in enumerate(rows, 1):
        heading = str(title).strip() or str(name)
        if name not in known:
            faults.append(f"{place}：第 {n} 列“{name}”不是这张表的列；可用：{'、'.join(known)}")
        elif name in {column.name for column in columns}:
            faults.append(f"{place}：第 {n} 列“{name}”重复；请删去一个")
        elif isinstance(width, bool) or not isinstance(width, int | float) or not NARROWEST <= width <= WIDEST:
            faults.append(f"{place}：第 {n} 列“{name}”的宽度应在 {NARROWEST} 至 {WIDEST} 之间")
        elif len(heading) > LONGEST_TITLE:
            faults.append(f"{place}：第 {n} 列“{name}”的表头过长；请控制在 {LONGEST_TITLE} 字以内")
        else:
            columns.append(Column(name, heading, float(width)))
    if not columns and not faults:
        faults.append(f"{place}：没有任何列；至少留一列")
    return tuple(columns), faults


# ---------------------------------------------------------------- an office's own


def saved_names(connection: Connection, key: str) -> list[str]:
    """Names under which this office keeps column sets of a list."""
    return list(connection.execute(select(column_set.c.name).where(column_set.c.list == key).order_by(column_set.c.name)).scalars())


def find_layout(connection: Connection, key: str, shipped: Shipped, known: Sequence[str], name: str | None) -> Layout:
    """The column set of this name, the office's own or a shipped one; the first shipped one without a name.

    :raises ExportError: there is none, or what was kept has columns that the list no longer has.
    """
    if not name:
        return shipped.layout(next(iter(shipped.sets)))
    if name in shipped.sets:
        return shipped.layout(name)
    text = connection.execute(select(column_set.c.columns).where(column_set.c.list == key, column_set.c.name == name)).scalar()
    if text is None:
        names = "、".join([*shipped.sets, *saved_names(connection, key)])
        raise ExportError(f"“{shipped.title}”没有名为“{name}”的列方案；可用：{names}")
    columns, faults = checked(json.loads(text), known, f"列方案“{name}”")
    if faults:
        raise ExportError("\n".join(faults))
    return Layout(shipped.heading, columns, shipped.notes, name)


def save_columns(
    connection: Connection, key: str, shipped: Shipped, known: Sequence[str], name: str, rows: Sequence[Sequence[Any]], by: str
) -> None:
    """Keep a column set under a name, in the caller's transaction; what was kept under it is replaced.

    :raises ExportError: no name, the name of a shipped set, or faulty columns; all faults at once.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ExportError(f"请给列方案起个名字（{LONGEST_NAME} 字以内）")
    if name in shipped.sets:
        raise ExportError(f"“{name}”是随软件提供的方案，不能覆盖；请换一个名字")
    columns, faults = checked(rows, known, f"列方案“{name}”")
    if faults:
        raise ExportError("\n".join(faults))
    body = json.dumps([[column.name, column.title, column.width] for column in columns], ensure_ascii=False)
    connection.execute(delete(column_set).where(column_set.c.list == key, column_set.c.name == name))
    connection.execute(column_set.insert().values(list=key, name=name, columns=body, by=by, at=now_ms()))
    audit(connection, OFFICE, by, "columns.save", f"{key}/{name}", columns=[column.name for column in columns])


def drop_columns(connection: Connection, key: str, name: str, by: str) -> None:
    """Forget a column set of the office's own.

    :raises ExportError: there is none of this name.
    """
    if connection.execute(delete(column_set).where(column_set.c.list == key, column_set.c.name == name)).rowcount != 1:
        raise ExportError(f"没有名为“{name}”的自定列方案")
    audit(connection, OFFICE, by, "columns.drop", f"{key}/{name}")
