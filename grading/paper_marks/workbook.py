"""Answer sheets by spreadsheet: a template for each form, and an import that takes all rows or none.

A row is one entry of one candidate by whoever uploads the file: the first, or the second where somebody else made the first.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from exams.sittings import Sitting
from grading.errors import PaperMarkError
from grading.paper_marks.entry import Forms, enter, progress
from home import OFFICE, audit
from people.errors import RosterError
from people.spreadsheet import Cell, Sheet, read_spreadsheet

NUMBER, FORM = "准考证号", "试卷类型"
_QUESTION = re.compile(r"第?\s*(\d{1,3})\s*题?")
MOST_FAULTS = 500


@dataclass(frozen=True)
class Row:
    """One line of the file. ``place`` as messages name it; ``cells`` by printed question number."""

    place: str
    admission_no: str
    form: str
    cells: Mapping[int, str]


@dataclass(frozen=True)
class Imported:
    """What an import did: candidates by the state they are in after it; ``blank``: rows without any answer, left out."""

    rows: int
    states: Mapping[str, int]
    blank: tuple[str, ...]


def template(connection: Connection, forms: Forms, known: Sitting) -> bytes:
    """An XLSX file with a sheet for each form: registered candidates without a script, a column for each question."""
    import xlsxwriter  # only for whoever asks for a template

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    head = book.add_format({"bold": True, "bg_color": "#E4EDF6", "border": 1, "text_wrap": True, "align": "center", "valign": "vcenter", "num_format": "@"})
    text = book.add_format({"num_format": "@", "border": 1, "align": "center"})
    waiting = [one.candidate for one in progress(connection, known.id) if one.state in ("none", "once")]
    for form, fields in forms.items():
        sheet = book.add_worksheet(f"{form}卷")
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.freeze_panes(1, 2)
        sheet.set_column(0, 0, 16, text)
        sheet.set_column(1, 1, 9, text)
        sheet.set_column(2, 1 + len(fields), 7, text)
        sheet.set_row(0, 48)
        sheet.write_row(0, 0, [NUMBER, FORM], head)
        for place, field in enumerate(fields, 2):
            most = f"\n满分{field.points}" if field.free else f"\n{field.letters[0]}-{field.letters[-1]}"
            sheet.write_string(0, place, f"第{field.number}题{most}", head)
        for line, one in enumerate((one for one in waiting if one.form in (form, "")), 1):
            sheet.write_string(line, 0, one.admission_no, text)
            sheet.write_string(line, 1, form, text)
    notes = book.add_worksheet("填写说明")
    notes.set_column(0, 0, 100)
    for line, note in enumerate(NOTES):
        notes.write_string(line, 0, note)
    book.close()
    return out.getvalue()


#: what the template says about itself
NOTES = (
    "每人一行。选择题填答题纸上的字母（多选如 ACD），判断题填字母，也可填 √ 或 ×；没有作答留空；看不清填 ?。",
    "简答、案例、论述题填评卷人写在答题纸上的得分；没有作答留空。",
    "试卷类型以答题纸上写的为准，与表中不同的请改正。",
    "导入的文件算一遍录入，记在上传人名下；另一遍须由另一人录入或另填一份表上传。一行有错，整份文件都不导入。",
    "整行没有填写答案的不导入；确实交白卷的，请在录入页面办理。",
)


def read_rows(data: bytes, name: str) -> tuple[Row, ...]:
    """The rows of a filled-in template.

    :raises PaperMarkError: no table, a column or a number that is missing, a candidate twice; every fault with its place.
    """
    try:
        sheets = [sheet for sheet in read_spreadsheet(data, name) if not sheet.hidden]
    except RosterError as error:
        raise PaperMarkError(*(str(fault) for fault in error.faults)) from None
    faults: list[str] = []
    rows = [row for sheet in sheets for row in _rows_of(sheet, faults)]
    seen: dict[str, str] = {}
    for row in rows:
        if row.admission_no in seen:
            faults.append(f"{row.place}：准考证号 {row.admission_no} 在{seen[row.admission_no]}已经有一行；请只留一行")
        seen.setdefault(row.admission_no, row.place)
    if not rows and not faults:
        faults.append(f"{name}：没有找到表头含“{NUMBER}”“{FORM}”的工作表，或表里没有考生；请用本页下载的模板填写")
    if faults:
        raise PaperMarkError(*faults[:MOST_FAULTS])
    return tuple(row for row in rows)


def _rows_of(sheet: Sheet, faults: list[str]) -> Iterator[Row]:
    header: dict[int, str | int] | None = None
    for number, cells in sheet.rows:
        texts = [_text(cell) for cell in cells]
        if header is None:
            header = _header(texts) if NUMBER in texts else None
            if header is not None and FORM not in header.values():
                faults.append(f"{sheet.name} 第 {number} 行：表头缺少“{FORM}”一列；请用本页下载的模板")
            continue
        place = f"{sheet.name} 第 {number} 行"
        found = {name: texts[at] for at, name in header.items() if at < len(texts)}
        admission, form = str(found.get(NUMBER, "")), str(found.get(FORM, "")).upper().removesuffix("卷").strip()
        answers = {name: text for name, text in found.items() if isinstance(name, int)}
        if not admission:
            if any(answers.values()):
                faults.append(f"{place}：有答案，没有准考证号；请补上")
            continue
        yield Row(place, admission, form, answers)


def _header(texts: list[str]) -> dict[int, str | int]:
    """{column: what it holds}: the two names, or a question's number."""
    header: dict[int, str | int] = {}
    for at, text in enumerate(texts):
        first = text.splitlines()[0].strip() if text else ""
        if first in (NUMBER, FORM):
            header[at] = first
        elif found := _QUESTION.fullmatch(first):
            header[at] = int(found[1])
    return header


def _text(cell: Cell) -> str:
    """A cell as it was meant: a number without its decimal point if it is whole."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()


def import_rows(connection: Connection, forms: Forms, sitting_id: str, rows: tuple[Row, ...], by: str) -> Imported:
    """Enter every row in the caller's transaction, which is to be rolled back for a rehearsal.

    :raises PaperMarkError: any row has a fault; all are listed, and the caller's transaction must not be committed.
    """
    persons = {one.candidate.admission_no: one.candidate.person_id for one in progress(connection, sitting_id)}
    states, blank, faults = Counter[str](), [], []
    for row in rows:
        if not any(row.cells.values()):
            blank.append(row.admission_no)
            continue
        try:
            states[_enter(connection, forms, sitting_id, persons, row, by)] += 1
        except PaperMarkError as error:
            faults += [f"{row.place}（{row.admission_no}）：{fault.removeprefix(f'{row.admission_no}：')}" for fault in error.faults]
    if faults:
        raise PaperMarkError(*faults[:MOST_FAULTS])
    audit(connection, OFFICE, by, "paper.import", sitting_id, rows=sum(states.values()))
    return Imported(sum(states.values()), dict(states), tuple(blank))


def _enter(connection: Connection, forms: Forms, sitting_id: str, persons: Mapping[str, int], row: Row, by: str) -> str:
    if row.admission_no not in persons:
        raise PaperMarkError("没有登记为纸笔作答，或不在本场名单里；请核对准考证号，或请考务先登记")
    if row.form not in forms:
        raise PaperMarkError(f"试卷类型“{row.form[:10]}”不对；本场有：{'、'.join(forms)}")
    numbers = {field.number: field.question for field in forms[row.form]}
    extra = [number for number, text in row.cells.items() if text and number not in numbers]
    if extra:
        raise PaperMarkError(f"{row.form} 卷没有第 {'、'.join(map(str, extra[:5]))} 题；请核对试卷类型和列")
    missing = [number for number in numbers if number not in row.cells]
    if missing:
        raise PaperMarkError(f"表里没有第 {'、'.join(map(str, missing[:5]))} 题的列；请用本页下载的模板")
    texts = {numbers[number]: text for number, text in row.cells.items() if number in numbers}
    return enter(connection, forms, sitting_id, persons[row.admission_no], row.form, texts, by)
