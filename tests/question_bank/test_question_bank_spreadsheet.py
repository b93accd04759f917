"""Workbooks: the template and its aliases, every fault by cell, and files that are no workbooks."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from bank_fixture import write_small_bank
from openpyxl import Workbook, load_workbook

from question_bank.bank import Bank
from question_bank.errors import SpreadsheetFault
from question_bank.item import Item
from question_bank.spreadsheet import MOST_ROWS, export_items, import_items, write_items

HEAD = ["题型", "题目内容", "选项A", "选项B", "选项C", "选项 D", "正确答案", "答案解析", "难度", "法律名称", "条款", "命题人"]
ROW = ["单选题", "老赵反悔怎么办？", "应当履行", "不必履行", "先盖章", "直接执行", "A", "选{a}。", 0.7, "人民调解法", 31, "王题"]


def book(path: Path, *rows: list[object], head: list[str] = HEAD, sheet: str = "Sheet1") -> Path:
    workbook = Workbook()
    page = workbook.active
    assert page is not None
    page.title = sheet
    for row in (head, *rows):
        page.append(row)
    workbook.save(path)
    workbook.close()
    return path


def changed(column: str, value: object) -> list[object]:
    return [value if name == column else old for name, old in zip(HEAD, ROW, strict=True)]


def only(path: Path) -> Item:
    [(item, _)], warnings = import_items(path, "local", "general")
    assert warnings == []
    return item


def faults(path: Path) -> tuple[str, ...]:
    with pytest.raises(SpreadsheetFault) as caught:
        import_items(path, "local", "general")
    return caught.value.faults


def test_a_row_becomes_an_item(tmp_path: Path) -> None:
    item = only(book(tmp_path / "a.xlsx", ROW))
    assert (item.kind, item.difficulty, item.author, item.pool, item.subject) == ("single", 0.7, "王题", "local", "general")
    assert [str(citation) for citation in item.law] == ["《人民调解法》第31条"] and item.key == {"a"}
    assert item.slug.startswith("x-") and item.slug == only(book(tmp_path / "b.xlsx", ROW)).slug


@pytest.mark.parametrize("answer", ["AC", "A,C", "A、C", "A，C", "c a", "1,3", "Ａ；Ｃ"])
def test_spellings_of_an_answer(tmp_path: Path, answer: str) -> None:
    row = ["多选题", *changed("正确答案", answer)[1:]]
    assert only(book(tmp_path / "a.xlsx", row)).key == {"a", "c"}


@pytest.mark.parametrize(("answer", "right"), [
    ("正确", "a"), ("错", "b"), ("√", "a"), ("×", "b"), (True, "a"), (False, "b"), ("是", "a"), ("F", "b"), ("a", "a"), ("B", "b"),
])  # fmt: skip
def test_spellings_of_true_and_false(tmp_path: Path, answer: object, right: str) -> None:
    row = ["判断", "调解协议有约束力。", None, None, None, None, answer, "有。", "中", "人民调解法", "第31条", "王题"]
    item = only(book(tmp_path / "a.xlsx", row))
    assert item.key == {right} and item.fixed_order and item.difficulty == 0.6


def test_one_sheet_per_kind_and_several_laws(tmp_path: Path) -> None:
    row = changed("法律名称", "民法典；《刑法》")
    row[HEAD.index("条款")] = "278、279；120之一"
    item = only(book(tmp_path / "a.xlsx", row[1:], head=HEAD[1:], sheet="单选题"))
    assert [str(citation) for citation in item.law] == ["《民法典》第278条", "《民法典》第279条", "《刑法》第120条之一"]


@pytest.mark.parametrize(("column", "value", "cell", "message"), [
    ("题型", "口试", "A2", "不认识"), ("题目内容", "# 标题", "B2", "会与题目格式混淆"), ("题目内容", "题\n- [x] 选项", "B2", "会与题目格式混淆"),
    ("题目内容", "长" * 20_001, "B2", "超过 20000 字"), ("选项B", None, "C2", "请连续填写"), ("正确答案", "E", "G2", "超出选项"),
    ("正确答案", "AB", "B2", "标了 2 个正确选项"), ("正确答案", None, "G2", "不认识"), ("难度", "7", "I2", "预计答对的比例"),
    ("法律名称", "民法典；刑法", "K2", "条号 1 组"), ("条款", "三十一", "K2", "应为数字"), ("答案解析", "选{f}。", "B2", "没有对应的选项"),
    ("命题人", None, "B2", "author 不对"), ("选项 D", "应当履行", "B2", "文字相同"), ("题目内容", "老\u202e赵", "B2", "控制字符"),
    ("命题人", "x\"\nlevel: 应用", "", ""),
])  # fmt: skip
def test_a_wrong_cell_is_told_by_its_place(tmp_path: Path, column: str, value: object, cell: str, message: str) -> None:
    path = book(tmp_path / "a.xlsx", changed(column, value))
    if not message:
        assert only(path).level == "理解"    # a cell cannot smuggle in another field
        return
    told = faults(path)
    assert any(fault.startswith(f"Sheet1!{cell}: ") and message in fault for fault in told), told


def test_all_rows_faults_at_once_and_nothing_written(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ROW, ROW, changed("题型", "口试"), changed("正确答案", "Z"))
    assert [fault.split(":")[0] for fault in faults(path)] == ["Sheet1!A3", "Sheet1!A4", "Sheet1!G5"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_multiple_with_one_key_is_a_warning(tmp_path: Path) -> None:
    items, warnings = import_items(book(tmp_path / "a.xlsx", ["多选题", *ROW[1:]]), "local", "general")
    assert len(items) == 1 and "只有一个正确选项" in warnings[0]


@pytest.mark.parametrize(("head", "message"), [
    (HEAD[1:], "缺少列：题型"), ([*HEAD[:-1], "某人"], "缺少列：命题人"), ([*HEAD, "题干"], "有两列意思相同"),
])  # fmt: skip
def test_a_wrong_head_is_told(tmp_path: Path, head: list[str], message: str) -> None:
    assert message in faults(book(tmp_path / "a.xlsx", ROW, head=head))[0]


def test_too_many_rows_are_told(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", *([["单选题"]] * (MOST_ROWS + 1)))
    assert faults(path) == (f"Sheet1!A{MOST_ROWS + 2}: 超过 {MOST_ROWS} 行；请分成几个文件",)


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("xl/workbook.xml", "w", force_zip64=True) as part:
        for _ in range(210):
            part.write(b" " * 2**20)


def _no_workbook(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("hello.txt", "x")


@pytest.mark.parametrize(("make", "message"), [
    (lambda path: path.write_bytes(b""), "不是可用的 XLSX"), (lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" * 99), "不是可用的 XLSX"),
    (lambda path: path.write_text("题型,题干"), "不是可用的 XLSX"), (_no_workbook, "不是可用的 XLSX"), (_bomb, "解压后过大"),
    (lambda path: path.mkdir(), "读不出"), (lambda path: None, "读不出"), (lambda path: book(path, head=[]), "没有读到试题"),
])  # fmt: skip
def test_what_is_no_workbook_is_told(tmp_path: Path, make: object, message: str) -> None:
    path = tmp_path / "a.xlsx"
    make(path)  # type: ignore[operator]
    assert message in faults(path)[0]


@pytest.mark.parametrize("damage", range(0, 5_000, 250))
def test_a_damaged_workbook_never_ends_in_a_trace(tmp_path: Path, damage: int) -> None:
    path = book(tmp_path / "a.xlsx", ROW)
    raw = bytearray(path.read_bytes())
    place = damage % len(raw)
    raw[place : place + 40] = bytes(40)
    path.write_bytes(raw)
    try:
        items, _ = import_items(path, "local", "general")
        assert len(items) == 1
    except SpreadsheetFault as fault:
        assert fault.faults


def test_bad_names_of_pool_and_subject(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ROW)
    for pool, subject in (("../x", "general"), ("local", "科目"), ("", "general")):
        with pytest.raises(SpreadsheetFault, match="小写英文"):
            import_items(path, pool, subject)


def test_a_whole_bank_makes_the_round_trip_as_text_cells(tmp_path: Path) -> None:
    bank = Bank.read(write_small_bank(tmp_path / "bank"))
    hostile = replace(bank["joint-confirmation"], slug="formula", stem="=1+1@cmd", topic="+86")
    path = tmp_path / "a.xlsx"
    path.write_bytes(export_items([*bank.values(), hostile]))
    items, warnings = import_items(path, "sample_exam", "general")
    back = {item.slug: replace(item, path=Path()) for item, _ in items}
    assert warnings == [] and back == {item.slug: replace(item, path=Path()) for item in [*bank.values(), hostile]}
    workbook = load_workbook(path)
    assert {cell.data_type for row in workbook["试题"].iter_rows() for cell in row if cell.value is not None} == {"s"}
    workbook.close()
    write_items(items, tmp_path / "out")
    assert len(Bank.read(tmp_path / "out")) == 7
