"""A roster (名单) as offices send it: from a spreadsheet to checked rows, with every fault named, all or nothing.

The heading row is found by aliases (``roster_columns.toml``) below any title rows. A fault stops the whole roster; a
warning is shown to the officer, who decides. Nothing is written here: see :mod:`people.persons`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

from people.errors import IdentityError
from people.identity import RESIDENT, Identity, read_number
from people.roster_cells import CellFault, read_birth, read_gender, read_label, read_name, read_text
from people.spreadsheet import Cell, Sheet, read_spreadsheet

_HEADING_ROWS = 30  # how far down a sheet its heading row may stand


@dataclass(frozen=True)
class RosterRow:
    """One person on the roster, checked. ``number`` is canonical and in clear: it lives in memory only."""

    sheet: str
    row: int
    name: str
    document: str
    number: str = field(repr=False)
    unit: str
    post: str | None = None
    proposed_post: str | None = None
    rank: str | None = None
    channel: str | None = None
    ethnic: str | None = None
    gender: str | None = None
    birth: date | None = None
    phone: str | None = None
    former_name: str | None = None
    remark: str | None = None


@dataclass(frozen=True)
class RosterFault:
    """What is wrong, and where. ``row`` 0: the sheet as a whole; ``column`` is the field's usual heading, or blank."""

    sheet: str
    row: int
    column: str
    message: str

    def __str__(self) -> str:
        place = f"{self.sheet}:{self.row}" if self.row else self.sheet
        return f"{place}: {self.column + '：' if self.column else ''}{self.message}"


@dataclass(frozen=True)
class Roster:
    """A read roster. With any fault it must not be imported; warnings are for the officer's eye."""

    rows: tuple[RosterRow, ...]
    faults: tuple[RosterFault, ...]
    warnings: tuple[RosterFault, ...] = ()


@dataclass(frozen=True)
class Columns:
    """``roster_columns.toml``: normalised heading -> field, titles of required fields, and what else is known."""

    fields: dict[str, str]
    titles: dict[str, str]
    required: dict[str, str]
    ignored: frozenset[str]
    footnote: re.Pattern[str]


@dataclass(frozen=True)
class _Heading:
    row: int
    columns: dict[str, int]     # field -> place in the row
    unused: tuple[str, ...]
    found: tuple[str, ...]
    repeated: tuple[str, ...]


def read_roster_file(path: Path, today: date) -> Roster:
    """Read a roster from a file.

    :raises RosterError: the file is no readable table.
    """
    return read_roster(path.read_bytes(), path.name, today)


def read_roster(data: bytes, file_name: str, today: date) -> Roster:
    """Read a roster from the bytes of an XLSX or CSV file; ``today`` decides what a plausible birth date is.

    :raises RosterError: the bytes are no readable table (too large, damaged, encrypted, an old .xls).
    """
    rows: list[RosterRow] = []
    faults: list[RosterFault] = []
    warnings: list[RosterFault] = []
    best: _Heading | None = None
    read_any = False
    for sheet in read_spreadsheet(data, file_name):
        if not sheet.rows:
            continue
        heading = find_heading(sheet)
        if heading is None or heading.columns.keys().isdisjoint(("name", "number")):
            warnings.append(RosterFault(sheet.name, 0, "", "没有找到表头，这张工作表没有读取"))
        elif sheet.hidden:
            warnings.append(RosterFault(sheet.name, 0, "", "工作表是隐藏的，没有读取；要用请先取消隐藏"))
        elif missing := [title for name, title in columns().required.items() if name not in heading.columns]:
            faults.append(_missing(sheet, heading, missing))
        else:
            read_any = True
            _read_sheet(sheet, heading, today, rows, faults, warnings)
        best = best or heading
    if not read_any and not faults:
        faults.append(_no_table(file_name, best))
    if read_any and not rows and not faults:
        faults.append(RosterFault(file_name, 0, "", "表头下面没有考生；请填好名单再导入"))
    faults += _duplicates(rows)
    return Roster(tuple(rows), tuple(faults), tuple(warnings))


# ---------------------------------------------------------------- headings


@cache
def columns() -> Columns:
    """The table of headings."""
    table = tomllib.loads((Path(__file__).parent / "roster_columns.toml").read_text(encoding="utf-8"))
    fields = {heading_key(alias): name for name, aliases in table["columns"].items() for alias in aliases}
    return Columns(
        fields,
        {name: aliases[0] for name, aliases in table["columns"].items()},
        table["required"],
        frozenset(heading_key(heading) for heading in table["ignored"]["headings"]),
        re.compile("|".join(re.escape(heading_key(begin)) for begin in table["footnotes"]["begins"])),
    )


def heading_key(cell: object) -> str:
    """A heading as it is looked up: NFKC, without white space, asterisks and a bracketed remark at the end."""
    text = "".join(unicodedata.normalize("NFKC", str(cell or "")).split()).strip("*＊:")
    return re.sub(r"(?<=.)\([^()]{0,40}\)$", "", text).strip("*:")


def find_heading(sheet: Sheet) -> _Heading | None:
    """The row that names the most fields (at least two), near the top of the sheet."""
    best: _Heading | None = None
    for number, cells in sheet.rows[:_HEADING_ROWS]:
        here = _heading_of(number, cells)
        if len(here.columns) >= 2 and (best is None or len(here.columns) > len(best.columns)):
            best = here
    return best


def _heading_of(number: int, cells: tuple[Cell, ...]) -> _Heading:
    known = columns()
    places: dict[str, int] = {}
    unused, found, repeated = [], [], []
    for place, cell in enumerate(cells):
        key = heading_key(cell)[:40] if isinstance(cell, str) else ""
        if not key:
            continue
        found.append(key)
        name = known.fields.get(key)
        if name is None:
            unused += [] if key in known.ignored else [key]
        elif name in places:
            repeated.append(key)
        else:
            places[name] = place
    return _Heading(number, places, tuple(unused), tuple(found), tuple(repeated))


def _missing(sheet: Sheet, heading: _Heading, missing: list[str]) -> RosterFault:
    found = "、".join(heading.found[:20])
    return RosterFault(sheet.name, heading.row, "", f"表头缺少“{'”“'.join(missing)}”列；找到的表头有：{found}。请补上该列，或把列名改成上述名称")


def _no_table(file_name: str, best: _Heading | None) -> RosterFault:
    needed = "”“".join(columns().required.values())
    found = f"；最接近的一行是：{'、'.join(best.found[:20])}" if best else ""
    return RosterFault(file_name, 0, "", f"没有找到名单的表头，表头须有“{needed}”列{found}。请按模板补好表头后重试")


# ---------------------------------------------------------------- rows


def _read_sheet(
    sheet: Sheet, heading: _Heading, today: date, rows: list[RosterRow], faults: list[RosterFault], warnings: list[RosterFault]
) -> None:
    if heading.repeated:
        faults.append(RosterFault(sheet.name, heading.row, "", f"有两列的意思相同：{'、'.join(heading.repeated)}；请只保留一列"))
        return
    if heading.unused:
        warnings.append(RosterFault(sheet.name, heading.row, "", f"这些列没有使用：{'、'.join(heading.unused)}"))
    for number, cells in sheet.rows:
        if number <= heading.row:
            continue
        values = {name: cells[place] if place < len(cells) else None for name, place in heading.columns.items()}
        if all(_blank(value) for value in values.values()) or _heading_of(number, cells).columns == heading.columns:
            continue
        if _is_footnote(cells, heading):
            warnings.append(RosterFault(sheet.name, number, "", "按表后说明处理，没有作为考生读取"))
            continue
        row = _read_row(sheet.name, number, values, today, faults, warnings)
        if row:
            rows.append(row)


def _blank(value: Cell) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _is_footnote(cells: tuple[Cell, ...], heading: _Heading) -> bool:
    """A line without a number that begins like a note; with a name it is one only if the note stands outside the columns."""
    place, first = next((place, cell) for place, cell in enumerate(cells) if not _blank(cell))
    name, number = (cells[heading.columns[field]] if heading.columns[field] < len(cells) else None for field in ("name", "number"))
    outside = place not in heading.columns.values() or place == heading.columns["name"]
    return (
        _blank(number) and (outside or _blank(name)) and isinstance(first, str)
        and columns().footnote.match(heading_key(first)) is not None
    )  # fmt: skip


#: field -> how its cell is read; each returns the value or raises CellFault
_READERS = {
    "name": read_name, "unit": read_label, "post": read_label, "proposed_post": read_label, "rank": read_label,
    "channel": read_label, "ethnic": read_label, "gender": read_gender, "birth": read_birth, "phone": read_text,
    "former_name": read_name, "remark": read_text,
}  # fmt: skip
#: how much of each text the tables keep
_LIMITS = {"rank": 40, "channel": 20, "ethnic": 40, "phone": 40, "remark": 200}


def _read_row(
    sheet: str, number: int, values: dict[str, Cell], today: date, faults: list[RosterFault], warnings: list[RosterFault]
) -> RosterRow | None:
    titles, required = columns().titles, columns().required
    bad: list[RosterFault] = []
    read: dict[str, object] = {}
    for name, value in values.items():
        if name not in _READERS:
            continue
        try:
            read[name] = None if _blank(value) else _READERS[name](value, _LIMITS.get(name, 100))
        except CellFault as fault:
            bad.append(RosterFault(sheet, number, titles[name], str(fault)))
            continue
        if name in required and not read[name]:
            bad.append(RosterFault(sheet, number, required[name], "没有填写；如果是合并单元格，请取消合并后每行都填"))
    identity = None
    try:
        identity = read_number(str(values.get("document") or RESIDENT), values["number"], today)
    except IdentityError as fault:
        bad.append(RosterFault(sheet, number, required["number"], str(fault)))
    faults += bad
    if bad or identity is None:
        return None
    warnings += [RosterFault(sheet, number, required["number"], text) for text in identity.warnings]
    warnings += _disagreements(sheet, number, identity, read)
    read["gender"] = read.get("gender") or identity.gender
    read["birth"] = identity.birth or read.get("birth")
    return RosterRow(sheet=sheet, row=number, document=identity.document, number=identity.number, **read)  # type: ignore[arg-type]


def _disagreements(sheet: str, number: int, identity: Identity, read: dict[str, object]) -> list[RosterFault]:
    """Sex and birth month on the roster against the number: warnings, the number decides the birth date."""
    found = []
    if any(unicodedata.category(char) == "Co" for char in str(read["name"])):
        found.append(RosterFault(sheet, number, "姓名", "含有自造字，换一台电脑可能显示不出；请改用标准字库中的字"))
    gender, birth = read.get("gender"), read.get("birth")
    if gender and identity.gender and gender != identity.gender:
        found.append(RosterFault(sheet, number, "性别", f"填的是{gender}，证件号码表明是{identity.gender}，请核对"))
    if isinstance(birth, date) and identity.birth and (birth.year, birth.month) != (identity.birth.year, identity.birth.month):
        message = f"填的是 {birth:%Y-%m}，证件号码表明是 {identity.birth:%Y-%m}，按证件号码登记，请核对"
        found.append(RosterFault(sheet, number, "出生年月", message))
    return found


def _duplicates(rows: list[RosterRow]) -> list[RosterFault]:
    first: dict[tuple[str, str], RosterRow] = {}
    faults = []
    for row in rows:
        earlier = first.setdefault((row.document, row.number), row)
        if earlier is not row:
            message = f"与“{earlier.sheet}”第 {earlier.row} 行（{earlier.name}）的证件号码相同；请核对后只保留一行"
            faults.append(RosterFault(row.sheet, row.row, columns().required["number"], message))
    return faults
