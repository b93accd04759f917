"""docs/limits.md is the table of every bound on what comes in: its values are the code's, and each bound is hit once (cases E9)."""

from __future__ import annotations

import asyncio
import importlib
import io
import re
import tarfile
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from bank_fixture import SMALL
from office_room import Office
from people_fixture import roster_xlsx
from test_hostile_workbooks import MAIN, genuine, part, rows_before, styles, with_parts

from backup.restoring import restore
from courses.module import read_module
from courses.staffing import COLUMNS, read_ledger
from exams.answer_seal import read_answer_file
from exams.answers import answer_fault
from exams.blueprint import Blueprint
from exams.paper import PublicQuestion
from grading.certificates.specimen import try_template
from grading.certificates.verify import read_texts
from hall.candidate.api import _decoded, _save_decoder
from hall.candidate.guard import bounded_body
from home import Home
from people.accounts import check_password
from people.documents import file_document
from people.roster import read_roster
from question_bank.item_file import parse_item, read_item
from question_bank.spreadsheet import import_items

TABLE = Path(__file__).parents[2] / "docs" / "limits.md"
ROW = re.compile(r"^\| [^|]+ \| (\d+) \S+ \| ([^|]+) \| ([\w.]+):(\w+) \|$", re.MULTILINE)
ROWS = {f"{module}:{name}": (int(value), said.strip()) for value, said, module, name in ROW.findall(TABLE.read_text(encoding="utf-8"))}
Hit = Callable[[int, Path], object]
ITEM = SMALL["mediation-agreement-regret"][1]


def in_roster(parts: Callable[[bytes], dict[str, bytes]]) -> object:
    whole = genuine(({"姓名": "张三", "身份证号": "1", "单位": "某村"},))
    return read_roster(with_parts(whole, parts(whole)), "a.xlsx", date(2026, 11, 28))


def file_of(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as out:
        out.truncate(size)
    return path


def item_faults(text: str) -> str:
    return "\n".join(map(str, parse_item(text, Path("some-item.md"), "p", "s")[1]))


def item_of_size(n: int, folder: Path) -> str:
    path = folder / "p" / "s" / "some-item.md"
    path.parent.mkdir(parents=True)
    path.write_bytes(ITEM.encode() + b"x" * n)
    return str(read_item(path, folder)[1])


def question_book(path: Path, n_rows: int = 1, n_sheets: int = 1, stem: str = "题") -> object:
    book = openpyxl.Workbook(write_only=True)
    for _ in range(n_sheets):
        sheet = book.create_sheet()
        sheet.append(["题型", "题目内容", "选项A", "选项B", "正确答案", "答案解析", "难度", "法律名称", "条款", "命题人"])
        for _ in range(n_rows):
            sheet.append(["单选题", stem, "甲", "乙", "A", "选{a}。", 0.7, "人民调解法", 31, "王题"])
    book.save(path)
    book.close()
    return import_items(path, "local", "general")


def module_text(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(read_module(path)[1])


def ledger(path: Path, rows: int) -> object:
    path.write_text(",".join(COLUMNS) + "\n" + "\n".join(f"甲,{n},1,1,1" for n in range(rows)), encoding="utf-8")
    return read_ledger(path)


def many_parts(n: int) -> object:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(n):
            archive.writestr(f"p{number}", b"")
    return read_roster(out.getvalue(), "a.xlsx", date(2026, 11, 28))


def huge_backup(path: Path, size: int) -> object:
    entry = tarfile.TarInfo("exam/exam.db")
    entry.size = size
    with tarfile.open(path, "w:gz") as tar:
        tar.fileobj.write(entry.tobuf(tar.format))  # type: ignore[union-attr]  # the header alone, which is all that is believed
    return restore(path, path.parent / "target")


def office(folder: Path, **sent: object) -> str:
    home = Home.create(folder / "home", "某县")
    try:
        with Office(home).staff("hr") as person:
            return person.client.post("/columns", **sent).text  # type: ignore[arg-type]
    finally:
        home.close()


HITS: dict[str, Hit] = {
    "hall.candidate.guard:MAX_BODY": lambda n, _: asyncio.run(bounded_body(str(n + 1).encode(), None)),  # type: ignore[arg-type]
    "hall.candidate.api:MAX_CHANGES": lambda n, _: _decoded(_save_decoder, b'{"writer":1,"acked":0,"changes":[' + b",".join([b'[1,"q001","A",0]'] * (n + 1)) + b"]}"),
    "exams.answers:MAX_TEXT": lambda n, _: answer_fault(PublicQuestion("q1", "short", "p", "1", "", (), False, "", ()), "字" * (n + 1)),
    "exams.answer_seal:MAX_FILE": lambda n, _: read_answer_file(bytes(n + 1), bytes(32)),
    "hall.office.guard:LARGEST_BODY": lambda n, folder: office(folder, content=bytes(n + 1), headers={"content-type": "application/x-www-form-urlencoded"}),
    "hall.office.guard:MOST_FIELDS": lambda n, folder: office(folder, data={f"f{k}": "" for k in range(n + 1)}),
    "hall.office.guard:LONGEST_FIELD": lambda n, folder: office(folder, data={"f": "x" * (n + 1)}),
    "people.accounts:MAX_PASSWORD": lambda n, _: check_password("hr1", "长" * (n + 1)),
    "people.documents:LARGEST": lambda n, _: file_document(None, None, None, "x.pdf", b"%PDF-" + bytes(n), "x"),  # type: ignore[arg-type]
    "people.spreadsheet:MAX_BYTES": lambda n, _: read_roster(bytes(n + 1), "a.xlsx", date(2026, 11, 28)),
    "people.spreadsheet:MAX_ROWS": lambda n, _: read_roster(("姓名,身份证号,单位\n" + "a,b,c\n" * n).encode(), "a.csv", date(2026, 11, 28)),
    "workbooks:MAX_UNPACKED": lambda n, _: in_roster(lambda whole: {"x": bytes(n + 1)}),
    "workbooks:MAX_PARTS": lambda n, _: many_parts(n + 1),
    "workbooks:MAX_ROWS": lambda n, _: in_roster(lambda whole: rows_before(whole, "<row/>" * (n + 1))),
    "workbooks:MAX_CELLS_IN_ROW": lambda n, _: in_roster(lambda whole: rows_before(whole, "<row>" + "<c/>" * (n + 1) + "</row>")),
    "workbooks:MAX_STRINGS": lambda n, _: in_roster(lambda whole: {"xl/sharedStrings.xml": f"<sst {MAIN}>".encode() + b"<si/>" * (n + 1) + b"</sst>"}),
    "workbooks:MAX_OTHER": lambda n, _: in_roster(lambda whole: styles(whole, n + 1)),
    "workbooks:MAX_DEPTH": lambda n, _: in_roster(lambda whole: {"xl/styles.xml": part(whole, "xl/styles.xml").replace(b"</styleSheet>", b"<x>" * n + b"</x>" * n + b"</styleSheet>")}),
    "question_bank.spreadsheet:LARGEST_FILE": lambda n, folder: import_items(sparse(folder / "a.xlsx", n + 1), "local", "general"),
    "question_bank.spreadsheet:MOST_ROWS": lambda n, folder: question_book(folder / "a.xlsx", n_rows=n + 1),
    "question_bank.spreadsheet:MOST_SHEETS": lambda n, folder: question_book(folder / "a.xlsx", n_sheets=n + 1),
    "question_bank.item_rows:LONGEST_CELL": lambda n, folder: question_book(folder / "a.xlsx", stem="长" * (n + 1)),
    "question_bank.item_file:LARGEST_FILE": item_of_size,
    "question_bank.front_matter:MOST_LINES": lambda n, _: item_faults(ITEM.replace("---\n", "---\n" + "# x\n" * n, 1)),
    "question_bank.front_matter:MOST_CHARS": lambda n, _: item_faults(ITEM.replace("---\n", f"---\n# {'x' * n}\n", 1)),
    "exams.toml_source:MAX_BYTES": lambda n, _: Blueprint.parse("# x\n" * (n // 4 + 1)),
    "exams.toml_source:MAX_LINE": lambda n, _: Blueprint.parse(f'title = "{"长" * n}"'),
    "exams.toml_source:MAX_DOTS": lambda n, _: Blueprint.parse(".".join(["a"] * (n + 2)) + " = 1"),
    "courses.module:LARGEST": lambda n, folder: module_text(folder / "x.ipynb", " " * (n + 1)),
    "courses.module:MOST_CELLS": lambda n, folder: module_text(folder / "x.ipynb", '{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[' + ",".join(['{"cell_type":"raw","metadata":{},"source":""}'] * (n + 1)) + "]}"),
    "courses.staffing:LARGEST": lambda n, folder: read_ledger(sparse(folder / "a.csv", n + 1)),
    "courses.staffing:MOST_ROWS": lambda n, folder: ledger(folder / "a.csv", n + 1),
    "grading.certificates.verify:LARGEST": lambda n, folder: read_texts(sparse(folder / "a.pdf", n + 1)),
    "grading.certificates.specimen:LARGEST": lambda n, _: try_template(None, "certificate", bytes(n + 1)),  # type: ignore[arg-type]
    "backup.restoring:LARGEST_UNPACKED": lambda n, folder: huge_backup(folder / "a.tar.gz", n + 1),
}  # fmt: skip


def test_every_row_has_a_hit_and_every_hit_a_row() -> None:
    assert ROWS.keys() == HITS.keys()
    assert len(ROWS) == sum(bool(re.search(r"\w:[A-Z_]+ \|$", line)) for line in TABLE.read_text(encoding="utf-8").splitlines()), "a row of another shape"


@pytest.mark.parametrize("name", HITS)
def test_a_bound_is_what_the_table_says_and_is_told(name: str, tmp_path: Path) -> None:
    value, said = ROWS[name]
    module, constant = name.split(":")
    assert getattr(importlib.import_module(module), constant) == value
    try:
        told = str(HITS[name](value, tmp_path))
    except Exception as error:  # noqa: BLE001 — whichever refusal it is, its words are what counts
        told = str(error)
    assert said in told, told[:300]


def test_just_within_the_bounds_is_taken() -> None:
    assert answer_fault(PublicQuestion("q1", "short", "p", "1", "", (), False, "", ()), "字" * ROWS["exams.answers:MAX_TEXT"][0]) is None
    assert read_roster(roster_xlsx([]), "a.xlsx", date(2026, 11, 28)).rows == ()
    assert not item_faults(ITEM.replace("---\n", "---\n" + "# x\n" * 40, 1))
