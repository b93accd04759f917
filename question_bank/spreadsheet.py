"""Items from and to one spreadsheet: header aliases, faults by sheet and cell, all or nothing.

A workbook comes from anyone: its size, rows and cells are bounded, formulas are not evaluated, and every row goes
through the same reader as an item file (:func:`question_bank.item_file.parse_item`).
"""

from __future__ import annotations

import io
import shutil
import struct
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from home import write_atomically
from question_bank.errors import ERROR, SpreadsheetFault
from question_bank.item import Item
from question_bank.item_file import FOLDER, parse_item
from question_bank.item_rows import COLUMNS, KINDS_BY_WORD, LONGEST_CELL, REQUIRED, CellFault, cells_of, file_of
from workbooks import WorkbookRefused, check_workbook

LARGEST_FILE, LARGEST_UNPACKED = 20 * 1024 * 1024, 200 * 1024 * 1024
MOST_ROWS, MOST_COLUMNS, MOST_SHEETS = 5_000, 60, 50

#: What zipfile, zlib, the XML parsers (SyntaxError) and openpyxl raise on damaged, encrypted or foreign files.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, InvalidFileException, SyntaxError, RuntimeError, EOFError,
    LookupError, ValueError, TypeError, AttributeError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class _Row:
    """One row: its sheet, its number, its cells by column, and the letters of the columns."""

    sheet: str
    number: int
    cells: Mapping[str, str]
    letters: Mapping[str, str]

    def fault(self, column: str, message: str) -> str:
        return f"{self.sheet}!{self.letters.get(column, 'A')}{self.number}: {message}"


def import_items(file: Path, pool: str, subject: str) -> tuple[list[tuple[Item, str]], list[str]]:
    """Items with the text of their files, and warnings, from every sheet of a workbook. Writes nothing.

    :raises SpreadsheetFault: the workbook or any row is wrong; all faults are listed as ``sheet!cell: …``.
    """
    for name, value in (("池", pool), ("科目", subject)):
        if not FOLDER.fullmatch(value):
            raise SpreadsheetFault([f"{name}“{value[:40]}”应为小写英文、数字和下划线"])
    found: dict[str, tuple[Item, str]] = {}
    faults: list[str] = []
    warnings: list[str] = []
    for row in _rows(file, faults):
        try:
            slug, folder, text = file_of(row.cells, subject)
        except CellFault as fault:
            faults.append(row.fault(fault.column, str(fault)))
            continue
        item, told = parse_item(text, Path(f"{slug}.md"), pool, folder)
        (faults if item is None else warnings).extend(row.fault("stem", one.message) for one in told if item or one.severity == ERROR)
        if slug in found:
            faults.append(row.fault("slug", f"题号 {slug} 重复，或与前面一题内容相同；请改题号或删去"))
        elif item:
            found[slug] = (item, text)
    if not found and not faults:
        faults.append(f"{file.name}：没有读到试题；第一行应为表头，如：{'、'.join(names[0] for names in COLUMNS.values())}")
    if faults:
        raise SpreadsheetFault(faults)
    return list(found.values()), warnings


def write_items(items: Iterable[tuple[Item, str]], out: Path) -> None:
    """Write item files under ``out/<pool>/<subject>/``: built aside and renamed.

    :raises SpreadsheetFault: ``out`` holds something already, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SpreadsheetFault([f"{out}：文件夹已存在且不为空；请换一个新文件夹，已有内容没有改动"])
    aside = out.with_name(f".{out.name}.importing")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        for item, text in items:
            write_atomically(aside / item.pool / item.subject / f"{item.slug}.md", text)
        aside.replace(out)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise SpreadsheetFault([f"{out}：写不了（{error.strerror}）；请检查空间和权限，没有写入任何题目"]) from error


# ---------------------------------------------------------------- reading


def _rows(file: Path, faults: list[str]) -> Iterator[_Row]:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise SpreadsheetFault([f"{file}：超过 {LARGEST_FILE // 2**20} MB；请分成几个文件"])
        with file.open("rb") as data:
            check_workbook(data, LARGEST_UNPACKED)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # openpyxl remarks on styles and odd dates that we do not use
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                if len(book.worksheets) > MOST_SHEETS:
                    raise SpreadsheetFault([f"{file}：超过 {MOST_SHEETS} 张工作表；请只留下试题"])
                sheets = [(sheet.title, list(_cells(sheet))) for sheet in book.worksheets]
            finally:
                book.close()
    except WorkbookRefused as refused:
        what = "解压后过大" if refused.too_large else "含有不允许的内容"
        raise SpreadsheetFault([f"{file}：{what}；请删去图片和空白行后另存，或复制到新建的表格"]) from None
    except OSError as error:
        raise SpreadsheetFault([f"{file}：读不出（{error.strerror or '文件损坏'}）；请检查路径和权限"]) from error
    except _UNREADABLE as error:
        raise SpreadsheetFault([f"{file}：不是可用的 XLSX 文件；请用 WPS 或 Excel 另存为 XLSX"]) from error
    for title, lines in sheets:
        yield from _rows_of_sheet(title, lines, faults)


def _cells(sheet: object) -> Iterator[list[str]]:
    rows = sheet.iter_rows(max_row=MOST_ROWS + 2, max_col=MOST_COLUMNS, values_only=True)  # type: ignore[attr-defined]
    for row in rows:
        yield [] if row.count(None) == len(row) else [_text(value) for value in row]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)[: LONGEST_CELL + 1].replace("\r\n", "\n").replace("_x000D_", "").strip()


def _rows_of_sheet(title: str, lines: list[list[str]], faults: list[str]) -> Iterator[_Row]:
    if not any(any(line) for line in lines):
        return
    by_header = {_header(name): column for column, names in COLUMNS.items() for name in names}
    head = lines[0]
    columns = {place: by_header[_header(name)] for place, name in enumerate(head) if _header(name) in by_header}
    letters = {column: get_column_letter(place + 1) for place, column in columns.items()}
    missing = [COLUMNS[name][0] for name in REQUIRED if name not in letters]
    if len(columns) != len(letters):
        faults.append(f"{title}!A1: 有两列意思相同；请删去一列")
    elif missing and not (missing == ["题型"] and title in KINDS_BY_WORD):
        faults.append(f"{title}!A1: 缺少列：{'、'.join(missing)}；第一行应为表头")
    elif len(lines) > MOST_ROWS + 1:
        faults.append(f"{title}!A{MOST_ROWS + 2}: 超过 {MOST_ROWS} 行；请分成几个文件")
    else:
        for number, line in enumerate(lines[1:], 2):
            cells = {column: line[place] for place, column in columns.items() if place < len(line)}
            if any(cells.values()):
                yield _Row(title, number, {"kind": title, **cells} if "kind" not in letters else cells, letters)


def _header(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).upper()


# ---------------------------------------------------------------- writing


def export_items(items: Iterable[Item]) -> bytes:
    """The workbook of these items by the template: every cell is text; importing it gives the same items."""
    memory = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(memory, options) as book:
        sheet = book.add_worksheet("试题")
        head = book.add_format({"bold": True, "bg_color": "#DDDDDD", "border": 1})
        wrapped = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
        for place, names in enumerate(COLUMNS.values()):
            sheet.write_string(0, place, names[0], head)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, len(COLUMNS), 16)
        for number, item in enumerate(items, 1):
            for place, text in enumerate(cells_of(item).get(column, "") for column in COLUMNS):
                sheet.write_string(number, place, text, wrapped)
    return memory.getvalue()
