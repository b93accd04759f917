from __future__ import annotations

import csv
import io
import json

import openpyxl
import pandas
import pytest
from grading_fixture import NAMES, RIGHT, add_script, make_sitting
from sqlalchemy import select

from exams.errors import SittingError
from exams.events import record_event
from grading.errors import ExportError
from grading.exports import export_records, safe_text
from grading.listing import reconciliation
from grading.lists.kinds import LISTS
from grading.lists.layout import read_shipped
from grading.marks import mark_sitting
from grading.records import issue_records
from grading.tables import record, record_payload
from home import AUDIT, OFFICE, audit, transaction

SCORES = LISTS["scores"]
COLUMNS = [column.name for column in SCORES.shipped.layout("标准").columns][1:]      # 序号 is the list's own
HEADINGS = [column.title for column in SCORES.shipped.layout("标准").columns]


@pytest.fixture
def issued(home_folder):
    """Eight candidates: two passed, one failed, absent, deferred, exempt, misconduct; hostile names among them."""
    people = make_sitting(home_folder, people=8, essay=False)
    for one in people[:3]:
        add_script(home_folder, "s1", one, RIGHT if one != people[2] else {})
    with transaction(home_folder.office) as connection:
        for one, kind in zip(people[3:7], ("absent", "deferred", "exempt", "misconduct"), strict=True):
            record_event(connection, "s1", one, kind, by="li", reason="=HYPERLINK(\"x\")", document_no="+某组3号",
                         ground="approved_by_authority" if kind == "exempt" else "")  # fmt: skip
        audit(connection, OFFICE, "li", "mark.manual", f"s1/{people[0]}")  # the officer of the events has marked as well
    mark_sitting(home_folder, "s1", "li")
    issue_records(home_folder, "s1", "hr")
    return home_folder


def payloads(home) -> list[dict[str, str]]:
    with home.office.connect() as connection:
        rows = connection.execute(
            select(record_payload.c.columns).join(record, record.c.id == record_payload.c.record_id).order_by(record.c.person_id)
        ).scalars().all()  # fmt: skip
    return [{name: value for name, value in json.loads(row).items() if name in COLUMNS} for row in rows]


def test_the_spreadsheet_cell_by_cell(issued, tmp_path):
    done = export_records(issued, "s1", "xlsx", tmp_path / "list.xlsx", "hr")
    book = openpyxl.load_workbook(done.path)
    sheet = book.active
    assert sheet.cell(1, 1).value == "2026年任前法律知识考试 s1 成绩册（模拟，不作依据）", "no formal list"
    assert [cell.value for cell in sheet[2]] == HEADINGS and len(HEADINGS) == 26
    expected = payloads(issued)
    assert done.rows == len(expected) == 8
    for number, columns in enumerate(expected, 1):
        shown = [cell.value for cell in sheet[number + 2]]
        assert shown == [str(number), *[columns[name] or None for name in COLUMNS]]
        assert {cell.data_type for cell in sheet[number + 2] if cell.value is not None} == {"s"}, "every cell is text"
        assert {cell.number_format for cell in sheet[number + 2]} == {"@"}
    foot = sheet.cell(11, 1).value.split("\n")
    assert sheet.max_row == 11
    assert foot[0] == "应考 8 人 = 已考 3 人（合格 2、不合格 1、终不合格 0） + 缺考 2 + 缓考 1 + 免试 1 + 违纪 1 + 取消资格 0"
    assert sum(line.count("（盖章）：") for line in foot) == 3 and any("制表人" in line for line in foot) and "阅卷" in foot[1]
    assert not any("命题" in line for line in foot), "a waiver that nobody made use of is not printed"
    assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
    assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0) and sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.print_title_rows == "$2:$2" and "&P" in sheet.oddFooter.right.text
    book.close()


def test_no_cell_is_a_formula_or_a_link(issued, tmp_path):
    done = export_records(issued, "s1", "xlsx", tmp_path / "list.xlsx", "hr")
    book = openpyxl.load_workbook(done.path)
    cells = [cell for row in book.active.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
    assert NAMES[7] in {cell.value for cell in cells}, "the hostile name is there, as text"
    book.close()


def test_the_csv_reads_the_same_everywhere(issued, tmp_path):
    done = export_records(issued, "s1", "csv", tmp_path / "list.csv", "hr")
    raw = done.path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") and b"\r\n" in raw
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    frame = pandas.read_csv(done.path, dtype=str, keep_default_na=False)
    assert rows[0] == list(frame.columns) == HEADINGS
    assert rows[1:] == frame.values.tolist()
    expected = payloads(issued)
    for row, columns in zip(rows[1:], expected, strict=True):
        assert row[1:] == [safe_text(columns[name]) for name in COLUMNS]
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r＝") and cell], "nothing a spreadsheet would compute"
    assert "𫚥九·买买提" in cells


def test_the_json_is_whole(issued, tmp_path):
    done = export_records(issued, "s1", "json", tmp_path / "list.json", "hr")
    told = json.loads(done.path.read_text(encoding="utf-8"))
    assert [{k: v for k, v in row.items() if k != "序号"} for row in told["records"]] == payloads(issued)
    assert told["counts"] == {"passed": 2, "failed": 1, "absent": 2, "deferred": 1, "exempt": 1, "misconduct": 1}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"), ("+1+cmd", "'+1+cmd"), ("-2+3", "'-2+3"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"), ("\r=1", "'\r=1"),
        ("＝1+1", "'＝1+1"), ("-", "-"), ("+8613800138000", "+8613800138000"), ("-3.5", "-3.5"), ("", ""), ("张三", "张三"),
    ],
)  # fmt: skip
def test_formula_injection(text, shown):
    assert safe_text(text) == shown


def test_candidates_without_a_record_appear_once_as_pending(home_folder, tmp_path):
    make_sitting(home_folder, people=3)
    done = export_records(home_folder, "s1", "json", tmp_path / "list.json", "hr")
    rows = json.loads(done.path.read_text(encoding="utf-8"))["records"]
    assert done.counts == {"": 3} and [row["最终结果"] for row in rows] == ["待定"] * 3
    assert any("不能盖章" in line for line in json.loads(done.path.read_text(encoding="utf-8"))["lines"])
    assert reconciliation(done.counts).endswith("+ 待定 3") and reconciliation(done.counts).startswith("应考 3 人 = 已考 0 人")


def test_list_database_and_records_agree(issued, tmp_path):
    """Cases I1: a superseded record is not listed, its successor is, once."""
    with issued.office.connect() as connection:
        person = connection.execute(select(record.c.person_id).where(record.c.outcome == "failed")).scalar_one()
    with transaction(issued.office) as connection:
        record_event(connection, "s1", person, "misconduct", by="li", reason="夹带")
    issue_records(issued, "s1", "hr")
    done = export_records(issued, None, "json", tmp_path / "all.json", "hr")
    rows = json.loads(done.path.read_text(encoding="utf-8"))["records"]
    assert len(rows) == len({row["准考证号"] for row in rows}) == 8
    assert done.counts == {"passed": 2, "absent": 2, "deferred": 1, "exempt": 1, "misconduct": 2}
    with issued.office.connect() as connection:
        assert len(connection.execute(select(record)).all()) == 9


def test_an_export_is_audited_without_names(issued, tmp_path):
    export_records(issued, "s1", "csv", tmp_path / "list.csv", "hr")
    with issued.office.connect() as connection:
        row = connection.execute(select(AUDIT[OFFICE]).order_by(AUDIT[OFFICE].c.n.desc()).limit(1)).one()
    assert (row.actor, row.action) == ("hr", "records.export") and json.loads(row.payload)["rows"] == 8
    assert "张三" not in row.payload


def test_bad_asks_leave_nothing_behind(issued, tmp_path):
    with pytest.raises(ExportError, match="没有“docx”"):
        export_records(issued, "s1", "docx", tmp_path / "x.docx", "hr")
    with pytest.raises(SittingError):
        export_records(issued, "nowhere", "csv", tmp_path / "x.csv", "hr")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ExportError, match="写不进去"):
        export_records(issued, "s1", "csv", tmp_path / "file" / "x.csv", "hr")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["file"]


def test_an_existing_file_survives_a_failed_export(issued, tmp_path):
    kept = tmp_path / "list.xlsx"
    kept.write_bytes(b"old")
    with transaction(issued.office) as connection:
        connection.execute(record_payload.update().values(columns="{broken"))
    with pytest.raises(ValueError):
        export_records(issued, "s1", "xlsx", kept, "hr")
    assert kept.read_bytes() == b"old" and [path.name for path in tmp_path.glob(".*")] == []


HEAD = 'title = "成绩册"\nheading = "{title}"\nabout = ""\n[sets."标准"]\n'


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('columns = [{name = "身高"}]', "不是这张表的列"),
        ('columns = [{name = "姓名"}, {name = "姓名"}]', "重复"),
        ('columns = [{name = "姓名", width = "wide"}]', "宽度"),
        ('columns = [{name = "姓名", title = "很长' + "长" * 40 + '"}]', "表头过长"),
        ("columns = []", "没有任何列"),
        ("[[column", "读不出来"),
    ],
)
def test_a_faulty_layout_is_explained(tmp_path, toml, said):
    path = tmp_path / "columns.toml"
    path.write_text(HEAD + toml, encoding="utf-8")
    with pytest.raises(ExportError, match=said):
        read_shipped(path, SCORES.columns)


@pytest.mark.parametrize("key", LISTS)
def test_the_shipped_layouts_fit_a4(key):
    kind = LISTS[key]
    for name in kind.shipped.sets:
        assert kind.shipped.layout(name).width <= 180, name
    assert kind.shipped.about and kind.shipped.heading.count("{title}") == 1
