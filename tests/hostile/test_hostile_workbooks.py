"""Workbooks made to hurt, before every reader of workbooks there is (cases E8, E9): read, or refused in words; soon, and never a trace.

A test holds the list of readers to the code: whoever opens a workbook in another place must come here.
"""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payloads import EVERYTHING, PATHS
from people_fixture import HEADINGS, person_line

from courses.staffing import COLUMNS, StaffingError, read_ledger
from grading.errors import PaperMarkError
from grading.paper_marks.workbook import read_rows
from grading.workforce.import_sheets import read_book
from people.errors import RosterError
from people.roster import read_roster
from question_bank.errors import SpreadsheetFault
from question_bank.spreadsheet import LARGEST_UNPACKED, import_items
from workbooks import MAX_CELLS, MAX_CELLS_IN_ROW, MAX_OTHER, MAX_ROWS, MAX_STRINGS

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 28)
ITEM = {
    "题型": "单选题", "题目内容": "老赵反悔怎么办？", "选项A": "应当履行", "选项B": "不必履行", "正确答案": "A", "答案解析": "选{a}。", "难度": 0.7, "法律名称": "人民调解法",
    "条款": 31, "命题人": "王题",
}  # fmt: skip
HOLDING = {"姓名": "张三", "身份证号": "340221198002150018", "资格名称": "人民调解员", "取得日期": "2024-01-02", "备注": "无"}
#: reader -> the file that opens workbooks for it, a genuine table, how to read, how it refuses
Reader = tuple[str, tuple[Mapping[str, object], ...], Callable[[Path], object], type[Exception]]
READERS: dict[str, Reader] = {
    "roster": ("people/spreadsheet.py", (dict(zip(HEADINGS, person_line(1), strict=True)),), lambda path: read_roster(path.read_bytes(), path.name, TODAY), RosterError),
    "paper marks": ("people/spreadsheet.py", ({"准考证号": "261123000001", "试卷类型": "A", "第1题": "A"},), lambda path: read_rows(path.read_bytes(), path.name), PaperMarkError),
    "workforce": ("people/spreadsheet.py", (HOLDING,), lambda path: read_book(path.read_bytes(), path.name, TODAY), RosterError),
    "questions": ("question_bank/spreadsheet.py", (ITEM,), lambda path: import_items(path, "local", "general"), SpreadsheetFault),
    "staffing": ("courses/staffing.py", (dict(zip(COLUMNS, ("甲社区", "甲01", 300, 700, 1), strict=True)),), read_ledger, StaffingError),
}  # fmt: skip
SHEET = "xl/worksheets/sheet1.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def genuine(rows: tuple[Mapping[str, object], ...]) -> bytes:
    book = openpyxl.Workbook()
    book.active.append(list(rows[0]))
    for row in rows:
        book.active.append(list(row.values()))
    out = io.BytesIO()
    book.save(out)
    book.close()
    return out.getvalue()


def with_parts(whole: bytes, parts: Mapping[str, bytes]) -> bytes:
    """The workbook with parts replaced or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in source.namelist():
            archive.writestr(name, parts.get(name, source.read(name)))
        for name in parts.keys() - set(source.namelist()):
            archive.writestr(name, parts[name])
    return out.getvalue()


def part(whole: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return archive.read(name)


def rows_before(whole: bytes, text: str) -> dict[str, bytes]:
    """The sheet with ``text`` after its genuine rows."""
    return {SHEET: part(whole, SHEET).replace(b"</sheetData>", text.encode() + b"</sheetData>")}


def doctype(whole: bytes, how: str) -> dict[str, bytes]:
    """Entities that blow up (billion laughs), behind a comment that is longer than a glance, or in another encoding."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    if how == "external":
        entities = '<!ENTITY l9 SYSTEM "file:///etc/hostname">'
    declared = f"<!--{'x' * 100_000}--><!DOCTYPE s [{entities}]>"
    text = re.sub(r"^<\?xml.*?\?>", "", part(whole, SHEET).decode()).replace("<sheetData>", '<sheetData><row r="9"><c r="A9" t="inlineStr"><is><t>&l9;</t></is></c></row>', 1)
    return {SHEET: (declared + text).encode("utf-16" if how == "utf-16" else "utf-8")}


def sheets(whole: bytes, n: int) -> dict[str, bytes]:
    """``n`` sheets, each with one cell far below."""
    far = f'<worksheet {MAIN}><sheetData><row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData></worksheet>'.encode()
    book, links = part(whole, "xl/workbook.xml").decode(), part(whole, "xl/_rels/workbook.xml.rels").decode()
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    space = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    book = book.replace("</sheets>", "".join(f'<sheet xmlns:r="{space}" name="s{k}" sheetId="{k + 9}" r:id="far{k}"/>' for k in range(n)) + "</sheets>")
    links = links.replace("</Relationships>", "".join(f'<Relationship Id="far{k}" Type="{kind}" Target="/xl/worksheets/far{k}.xml"/>' for k in range(n)) + "</Relationships>")
    return {"xl/workbook.xml": book.encode(), "xl/_rels/workbook.xml.rels": links.encode(), **{f"xl/worksheets/far{k}.xml": far for k in range(n)}}


def styles(whole: bytes, n: int) -> dict[str, bytes]:
    return {"xl/styles.xml": part(whole, "xl/styles.xml").replace(b"<cellXfs", b"<cellStyleXfs>" + b"<xf/>" * n + b"</cellStyleXfs><cellXfs", 1)}


#: name -> what it makes of a genuine workbook
ATTACKS: dict[str, Callable[[bytes], bytes]] = {
    "too many strings": lambda whole: with_parts(whole, {"xl/sharedStrings.xml": f"<sst {MAIN}>".encode() + b"<si/>" * (MAX_STRINGS + 1) + b"</sst>"}),
    "too many cells in a row": lambda whole: with_parts(whole, rows_before(whole, '<row r="3">' + "<c/>" * (MAX_CELLS_IN_ROW + 1) + "</row>")),
    "the same row again and again": lambda whole: with_parts(whole, rows_before(whole, '<row r="1"/>' * (MAX_ROWS + 1))),
    "too many cells": lambda whole: with_parts(whole, rows_before(whole, ("<row>" + "<c/>" * 16_000 + "</row>") * (MAX_CELLS // 16_000 + 1))),
    "too many styles": lambda whole: with_parts(whole, styles(whole, MAX_OTHER + 1)),
    "ten thousand columns": lambda whole: with_parts(whole, rows_before(whole, '<row r="3">' + '<c t="inlineStr"><is><t>x</t></is></c>' * 10_000 + "</row>")),
    "a thousand nested groups": lambda whole: with_parts(whole, rows_before(whole, "<row>" * 1000 + "</row>" * 1000)),
    "two hundred sheets": lambda whole: with_parts(whole, sheets(whole, 200)),
    "billion laughs": lambda whole: with_parts(whole, doctype(whole, "utf-8")),
    "billion laughs in another encoding": lambda whole: with_parts(whole, doctype(whole, "utf-16")),
    "an external entity": lambda whole: with_parts(whole, doctype(whole, "external")),
    "unpacks to more than any table": lambda whole: with_parts(whole, {"xl/media/x.png": bytes(LARGEST_UNPACKED + 1)}),
    "numbers that are none": lambda whole: with_parts(whole, rows_before(whole, "".join(
        f'<row r="{n}"><c r="A{n}"><v>{v}</v></c></row>' for n, v in enumerate(("1e999", "-1e999", "nan", "9" * 5000, "0x10", "", "1" * 400 + ".5"), 3)))),
    "dates beyond the calendar": lambda whole: with_parts(whole, rows_before(whole, "".join(
        f'<row r="{n}"><c r="A{n}" t="d"><v>{v}</v></c></row>' for n, v in enumerate(("9999-99-99", "0000-00-00", "99999999", "1900-02-29"), 3)))),
    "wrong types": lambda whole: with_parts(whole, rows_before(whole, "".join(
        f'<row r="{n}"><c r="A{n}" t="{t}" s="999"><v>{v}</v></c></row>' for n, (t, v) in enumerate((("s", "999999"), ("s", "-1"), ("b", "7"), ("e", "#REF!"), ("x", "1"), ("str", "=1")), 3)))),
    "places that are none": lambda whole: with_parts(whole, rows_before(whole, "".join(f'<row r="{r}"><c r="{c}"><v>1</v></c></row>' for r, c in (("-5", "A1"), ("0", "A0"), ("x", "Z"), ("99999999999", "ZZZZZZZ1"))))),
    "formulas and links": lambda whole: with_parts(whole, rows_before(whole, '<row r="3"><c r="A3" t="str"><f>WEBSERVICE("http://trap.invalid")</f><v>=1+1</v></c></row>') | {
        "xl/externalLinks/externalLink1.xml": f'<externalLink {MAIN}><externalBook/></externalLink>'.encode(), "xl/vbaProject.bin": b"\xd0\xcf\x11\xe0" * 99}),
    "names that climb": lambda whole: with_parts(whole, {name.replace("\n", "") or "x": b"<a/>" for name in PATHS}),
    "merged over everything": lambda whole: with_parts(whole, {SHEET: part(whole, SHEET).replace(b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>')}),
    "one cell of five million characters": lambda whole: with_parts(whole, rows_before(whole, f'<row r="3"><c r="A3" t="inlineStr"><is><t>{"甲" * 5_000_000}</t></is></c></row>')),
    "a part that is missing": lambda whole: with_parts(whole, {"[Content_Types].xml": b"<Types/>"}),
    **{f"an encoding that is none: {name}": lambda whole, name=name: with_parts(
        whole, {SHEET: f'<?xml version="1.0" encoding="{name}"?>'.encode() + part(whole, SHEET).partition(b"?>")[2]}) for name in ("TF-8", "gbk", "idna", "rot13")},
    "a ZIP in a ZIP": lambda whole: with_parts(whole, {"xl/workbook.xml": whole}),
}  # fmt: skip
#: these never come through, whatever their reader does with the rest
REFUSED = {name for name in ATTACKS if name.startswith(("too many", "the same row", "billion", "an external", "unpacks", "a thousand", "a ZIP", "a part", "an encoding"))}
#: these take a second to make and end in what every opener asks first (see below): one opener each
HEAVY = {name for name in ATTACKS if name.startswith(("too many", "the same", "unpacks", "one cell"))}
OPENERS = dict(zip(sorted(HEAVY), ("roster", "questions", "staffing") * 3, strict=False))
#: these read nothing but what this system wrote itself
OUR_OWN = {"hall/rehearsal/checks.py", "grading/statistics/lab/reading.py"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_workbook_hurts_any_reader(attack: str, tmp_path: Path) -> None:
    for name in [OPENERS[attack]] if attack in HEAVY else READERS:
        _, rows, read, refusal = READERS[name]
        whole = genuine(rows)
        path = tmp_path / "甲.xlsx"
        path.write_bytes(ATTACKS[attack](whole))
        began = time.process_time()
        try:
            read(path)
        except refusal as error:
            assert str(error) and len(str(error)) < 200_000, name
        else:
            assert attack not in REFUSED, f"{name} took it"
        assert time.process_time() - began < 6, f"{name} was busy for {time.process_time() - began:.1f} s"


def test_every_place_that_opens_workbooks_is_in_the_list() -> None:
    places = {
        path.relative_to(ROOT).as_posix()
        for room in ("people", "question_bank", "exams", "courses", "grading", "hall", "backup")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"\bload_workbook\(|\bread_excel\(", path.read_text(encoding="utf-8"))
    }
    assert places - OUR_OWN == {place for place, *_ in READERS.values()}
    for place in places - OUR_OWN:
        assert "check_workbook(" in (ROOT / place).read_text(encoding="utf-8"), place


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.one_of(st.sampled_from(EVERYTHING), st.text(max_size=30), st.floats(), st.integers(), st.booleans(), st.datetimes(), st.none()), min_size=1, max_size=14))
def test_any_cells_are_read_or_refused(reader: str, cells: list[object], tmp_path: Path) -> None:
    _, rows, read, refusal = READERS[reader]
    path = tmp_path / "甲.xlsx"
    book = openpyxl.Workbook()
    book.active.append(list(rows[0]))
    for _ in range(2):
        book.active.append([None if isinstance(cell, str) and not cell.isprintable() else cell for cell in cells])  # XML holds no control characters
    book.save(path)
    book.close()
    try:
        read(path)
    except refusal as error:
        assert str(error)
