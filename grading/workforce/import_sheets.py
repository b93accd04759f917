"""What a workbook of certifications says, line by line, before anybody looks into the database: cells read, faults named.

Five kinds of sheet (``import_columns.toml``), in one workbook or several: 单位, 任职, 资格, 办理, 学时. A sheet is known by its headings.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from grading.errors import WorkforceError
from grading.workforce.entering import read_amount
from grading.workforce.kinds import spelled
from people.errors import IdentityError
from people.identity import RESIDENT, read_number
from people.roster import RosterFault as Fault
from people.roster import heading_key
from people.roster_cells import CellFault, read_label, read_name, read_text
from people.spreadsheet import Cell, Sheet, read_spreadsheet

HEADING_ROWS = 30
#: kind of sheet -> its name in the template
SHEETS = {"units": "单位", "employment": "任职", "holdings": "资格", "steps": "办理", "hours": "学时"}
_DAY = re.compile(r"(\d{4})(?:[-./年](\d{1,2})[-./月](\d{1,2})日?|(\d{2})(\d{2}))", re.ASCII)


@dataclass(frozen=True)
class Line:
    """One line of a sheet, its cells read. ``number`` (of who it is about) is in clear and lives in memory only."""

    sheet: str
    row: int
    values: Mapping[str, Any]
    document: str = ""
    number: str = field(default="", repr=False)

    def fault(self, column: str, message: str) -> Fault:
        return Fault(self.sheet, self.row, column, message)


@dataclass(frozen=True)
class Book:
    """What was read. With any fault nothing may be taken over; warnings are for the clerk's eye."""

    lines: Mapping[str, tuple[Line, ...]]
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


@dataclass(frozen=True)
class Change:
    """One fact on file that the file would change."""

    name: str
    what: str
    old: str
    new: str


@dataclass
class Imported:
    """What an import did, or in a dry run would do: lines by sheet that are new and that are on file already; changes; warnings."""

    new: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SHEETS, 0))
    same: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SHEETS, 0))
    changed: list[Change] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def count(self, sheet: str, *, new: bool) -> None:
        (self.new if new else self.same)[sheet] += 1


@dataclass(frozen=True)
class Form:
    """One kind of sheet: heading -> field, and the fields that it must have."""

    name: str
    title: str
    fields: Mapping[str, str]
    titles: Mapping[str, str]
    required: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    form: Form
    row: int
    places: Mapping[str, int]
    unused: tuple[str, ...]
    repeated: tuple[str, ...]


@cache
def table() -> Mapping[str, Any]:
    """``import_columns.toml``."""
    return tomllib.loads((Path(__file__).parent / "import_columns.toml").read_text(encoding="utf-8"))


@cache
def forms() -> tuple[Form, ...]:
    """The kinds of sheet, those with more required columns first."""
    made = [
        Form(
            name, body["title"], {heading_key(alias): one for one, aliases in body["columns"].items() for alias in aliases},
            {one: aliases[0] for one, aliases in body["columns"].items()}, tuple(body["required"]),
        )
        for name, body in table().items()
        if "columns" in body
    ]  # fmt: skip
    return tuple(sorted(made, key=lambda form: -len(form.required)))


def read_book(data: bytes, file_name: str, today: date) -> Book:
    """Read a workbook.

    :raises RosterError: the bytes are no readable table.
    """
    lines: dict[str, list[Line]] = {form.name: [] for form in forms()}
    faults: list[Fault] = []
    warnings: list[Fault] = []
    for sheet in read_spreadsheet(data, file_name):
        if not sheet.rows:
            continue
        found = _headings(sheet)
        if found is None:
            warnings.append(Fault(sheet.name, 0, "", f"没有找到表头，这张工作表没有读取；{_nearest(sheet)}"))
        elif sheet.hidden:
            warnings.append(Fault(sheet.name, 0, "", "工作表是隐藏的，没有读取；要用请先取消隐藏"))
        elif found.repeated:
            faults.append(Fault(sheet.name, found.row, "", f"有两列的意思相同：{'、'.join(found.repeated)}；请只保留一列"))
        else:
            if found.unused:
                warnings.append(Fault(sheet.name, found.row, "", f"这些列没有使用：{'、'.join(found.unused)}"))
            lines[found.form.name] += _read_sheet(sheet, found, today, faults)
    if not faults and not any(lines.values()):
        faults.append(Fault(file_name, 0, "", "没有可导入的内容；请下载模板，照模板的表头填写"))
    return Book({name: tuple(found) for name, found in lines.items()}, tuple(faults), tuple(warnings))


def _headings(sheet: Sheet) -> _Found | None:
    """The first row near the top that has all required columns of a form."""
    for number, cells in sheet.rows[:HEADING_ROWS]:
        keys = [heading_key(cell)[:40] if isinstance(cell, str) else "" for cell in cells]
        for form in forms():
            places: dict[str, int] = {}
            repeated = []
            for place, key in enumerate(keys):
                name = form.fields.get(key)
                if name in places:
                    repeated.append(key)
                elif name:
                    places[name] = place
            if all(name in places for name in form.required):
                unused = tuple(key for key in keys if key and key not in form.fields and key not in ("序号",))
                return _Found(form, number, places, unused, tuple(repeated))
    return None


def _nearest(sheet: Sheet) -> str:
    """Which required column keeps a sheet from being read."""
    best: tuple[tuple[bool, int], str] = ((False, -99), "请照模板的表头填写")
    for _, cells in sheet.rows[:HEADING_ROWS]:
        keys = {heading_key(cell) for cell in cells if isinstance(cell, str)}
        for form in forms():
            have = {form.fields[key] for key in keys if key in form.fields}
            missing = [form.titles[name] for name in form.required if name not in have]
            fit = (form.title in sheet.name, -len(missing))
            if len(have) > 1 and missing and fit > best[0]:
                best = (fit, f"像是“{form.title}”表，但缺少“{'”“'.join(missing)}”列")
    return best[1]


# ---------------------------------------------------------------- lines


def _read_sheet(sheet: Sheet, found: _Found, today: date, faults: list[Fault]) -> list[Line]:
    read = []
    for number, cells in sheet.rows:
        if number <= found.row:
            continue
        values = {name: cells[place] if place < len(cells) else None for name, place in found.places.items()}
        if all(_blank(value) for value in values.values()):
            continue
        line = _read_line(sheet.name, number, found.form, values, today, faults)
        if line is not None:
            read.append(line)
    return read


def _blank(value: Cell) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _read_line(sheet: str, number: int, form: Form, values: Mapping[str, Cell], today: date, faults: list[Fault]) -> Line | None:
    read: dict[str, Any] = {}
    bad: list[Fault] = []
    for name, value in values.items():
        if name in ("number", "document"):
            continue
        try:
            if _blank(value):
                if name in form.required:
                    raise CellFault("没有填写；如果是合并单元格，请取消合并后每行都填")
                read[name] = None
            else:
                reader, limit = READERS[name]
                read[name] = reader(value, limit)
        except (CellFault, WorkforceError) as fault:
            bad.append(Fault(sheet, number, form.titles[name], str(fault)))
    document, code = "", ""
    if "number" in form.required:
        try:
            identity = read_number(str(values.get("document") or RESIDENT), values["number"], today)
            document, code = identity.document, identity.number
        except IdentityError as fault:
            bad.append(Fault(sheet, number, form.titles["number"], str(fault)))
    faults += bad
    return None if bad else Line(sheet, number, read, document, code)


def read_day(value: object, _limit: int = 0) -> date:
    """A whole calendar day: a date cell, ``2024-03-10``, ``2024.3.10``, ``2024年3月10日``, ``20240310``.

    :raises CellFault: anything else; a month alone is no day.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 18_000 < value < 60_000:
        return date(1899, 12, 30) + timedelta(days=int(value))  # a date cell that lost its format
    text = re.sub(r"\s+\d{1,2}:\d\d(:\d\d)?$", "", unicodedata.normalize("NFKC", read_text(value, 40)))
    match = _DAY.fullmatch(text.replace(" ", ""))
    try:
        if match is None:
            raise ValueError
        return date(int(match[1]), int(match[2] or match[4]), int(match[3] or match[5]))
    except ValueError:
        raise CellFault(f"“{text}”不是日期；请写到日，例如 2024-03-10") from None


def _count(value: object, _limit: int) -> int:
    text = unicodedata.normalize("NFKC", read_text(value, 20)).replace(",", "")
    if not (text.isascii() and text.isdigit()) or len(text) > 8:
        raise CellFault(f"“{text}”不是整数；请只填数字")
    return int(text)


def _amount(value: object, _limit: int) -> Fraction:
    return read_amount(f"{value:g}" if isinstance(value, float) else str(value))


def _source(value: object, limit: int) -> str:
    wanted = spelled(read_text(value, limit))
    known: Mapping[str, Sequence[str]] = table()["sources"]
    found = next((name for name, words in known.items() if wanted in {spelled(word) for word in words}), None)
    if found is None:
        raise CellFault(f"“{wanted}”不认识；请填：培训、课程、学位")
    return found


def _unit_kind(value: object, limit: int) -> str:
    text = read_text(value, limit)
    names: Sequence[str] = table()["unit_kinds"]["names"]
    if text not in names:
        raise CellFault(f"“{text}”不认识；请填：{'、'.join(names)}")
    return text


def _setting(value: object, limit: int) -> str:
    text = read_text(value, limit)
    if text not in ("城镇", "农村"):
        raise CellFault(f"“{text}”不认识；请填城镇或农村")
    return text


#: field -> (reader, how much of a text the tables keep)
READERS: Mapping[str, tuple[Callable[[Any, int], Any], int]] = {
    "name": (read_name, 100), "kind": (read_text, 60), "obtained_on": (read_day, 0), "certificate_no": (read_label, 60), "issuer": (read_text, 100),
    "place": (read_label, 100), "note": (read_text, 500), "step": (read_label, 40), "on_day": (read_day, 0), "document_no": (read_text, 100),
    "hours": (_amount, 0), "source": (_source, 20), "subject": (read_text, 200), "provider": (read_text, 100), "unit": (read_label, 100),
    "unit_kind": (_unit_kind, 20), "parent": (read_label, 100), "setting": (_setting, 10), "code": (read_label, 20),
    "households": (_count, 0), "residents": (_count, 0), "grids": (_count, 0), "workers": (_count, 0), "category": (read_text, 40),
    "employed_from": (read_day, 0), "left_on": (read_day, 0), "post": (read_label, 100),
}  # fmt: skip
