"""Rows of a spreadsheet that a stranger sent: XLSX or CSV, bounded in every direction, never a stack trace.

Formulas are read as the value that was stored with them; macros, links and pictures are not looked at.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from people.errors import RosterError
from workbooks import WorkbookRefused, check_workbook

MAX_BYTES = 20 * 1024 * 1024
MAX_SHEETS = 50
MAX_ROWS = 20_000
MAX_COLUMNS = 100
MAX_CELL = 2_000

Cell = str | int | float | date | datetime | None
#: What a damaged or hostile workbook makes openpyxl raise (it has no error of its own for most of them; SyntaxError: of either XML parser).
_BROKEN = (
    zipfile.BadZipFile, InvalidFileException, SyntaxError, KeyError, ValueError, TypeError, IndexError, AttributeError,
    RuntimeError, EOFError, OSError, OverflowError, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """One sheet: ``rows`` of (row number as the spreadsheet shows it, cells). A CSV file's one table has the file's name."""

    name: str
    hidden: bool
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]


def read_spreadsheet(data: bytes, file_name: str) -> tuple[Sheet, ...]:
    """All sheets of an XLSX file, or the one table of a CSV file, by what the bytes are (not by the name).

    :raises RosterError: too large, encrypted, an old .xls, damaged, or not a table at all.
    """
    if len(data) > MAX_BYTES:
        raise RosterError([f"{file_name}：文件超过 {MAX_BYTES >> 20} MB；请只保留名单本身，删去图片等内容后重试"])
    if not data.strip():
        raise RosterError([f"{file_name}：文件是空的；请重新导出名单"])
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise RosterError([f"{file_name}：这是旧版 .xls 或加了打开密码的文件；请取消密码，另存为 .xlsx 后重试"])
    if data[:4] == b"PK\x03\x04":
        return _read_xlsx(data, file_name)
    return (_read_csv(data, file_name),)


def _read_xlsx(data: bytes, file_name: str) -> tuple[Sheet, ...]:
    damaged = RosterError([f"{file_name}：打不开这个表格文件，可能已损坏；请用 Excel 或 WPS 打开，另存为 .xlsx 后重试"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl remarks on styles and odd dates that we do not use
        try:
            _check_archive(data, file_name)
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        except _BROKEN:
            raise damaged from None
        try:
            return tuple(_read_sheet(sheet, file_name) for sheet in book.worksheets[:MAX_SHEETS])
        except _BROKEN:
            raise damaged from None
        finally:
            book.close()


def _check_archive(data: bytes, file_name: str) -> None:
    """Refuse an archive that holds more than a roster can, or whose XML declares entities."""
    try:
        check_workbook(io.BytesIO(data))
    except WorkbookRefused as refused:
        what = "文件解压后过大" if refused.too_large else "文件含有不允许的内容"
        raise RosterError([f"{file_name}：{what}；请把名单复制到新建的表格中再导入"]) from None


def _read_sheet(sheet: object, file_name: str) -> Sheet:
    title = str(sheet.title)  # type: ignore[attr-defined]
    sheet.reset_dimensions()  # type: ignore[attr-defined]  # WPS and some programs write a wrong dimension
    rows = []
    cells = sheet.iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS, values_only=True)  # type: ignore[attr-defined]
    for number, row in enumerate(cells, start=1):
        if row.count(None) != len(row):
            if number > MAX_ROWS:
                raise RosterError([f"{file_name}：工作表“{title}”超过 {MAX_ROWS} 行；请分成几份导入"])
            rows.append((number, tuple(_bounded(value) for value in row)))
    return Sheet(title, sheet.sheet_state != "visible", tuple(rows))  # type: ignore[attr-defined]


def _bounded(value: object) -> Cell:
    if value is None or (isinstance(value, int | float | date) and not isinstance(value, bool)):
        return value
    return str(value)[:MAX_CELL]


def _read_csv(data: bytes, file_name: str) -> Sheet:
    text = _decode(data, file_name)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",\t;", key=first.count)
    rows = tuple(_csv_rows(text, delimiter, file_name))
    return Sheet(file_name, False, rows)


def _decode(data: bytes, file_name: str) -> str:
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise RosterError([f"{file_name}：不是 .xlsx 表格，也不是 UTF-8 或 GB18030 编码的 CSV；请另存为 .xlsx 后重试"])


def _csv_rows(text: str, delimiter: str, file_name: str) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    reader = csv.reader(io.StringIO(re.sub(r"\r\n?", "\n", text)), delimiter=delimiter)
    try:
        for number, row in enumerate(reader, start=1):  # as Excel counts: a line break inside a cell begins no row
            if number > MAX_ROWS:
                raise RosterError([f"{file_name}：超过 {MAX_ROWS} 行；请分成几份导入"])
            if any(cell.strip() for cell in row):
                yield number, tuple(cell[:MAX_CELL] or None for cell in row[:MAX_COLUMNS])
    except csv.Error:
        raise RosterError([f"{file_name}：第 {reader.line_num} 行附近引号不成对，或单元格过长；请另存为 .xlsx 后重试"]) from None
