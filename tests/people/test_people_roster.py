from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people_fixture import HEADINGS, TODAY, number_of, person_line, roster_xlsx

import people.spreadsheet
import workbooks
from people.errors import RosterError
from people.roster import columns, heading_key, read_roster, read_roster_file
from people.roster_cells import CellFault, read_text


def faults_of(data: bytes) -> list[str]:
    return [str(fault) for fault in read_roster(data, "名单.xlsx", TODAY).faults]


def book_bytes(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_whole_roster_is_read_below_its_title(tmp_path):
    path = tmp_path / "名单.xlsx"
    path.write_bytes(roster_xlsx([person_line(n) for n in range(1, 31)], title="某县拟提任领导干部名单"))
    roster = read_roster_file(path, TODAY)
    assert roster.faults == () and len(roster.rows) == 30
    row = roster.rows[0]
    assert (row.sheet, row.row, row.name, row.number) == ("名单", 4, "张二甲", number_of(1))
    assert (row.unit, row.post, row.proposed_post) == ("测试镇人民政府", "科员", "副镇长")
    assert (row.rank, row.channel, row.ethnic, row.phone) == ("乡科级副职", "党委管理", "汉族", "13800138000")
    assert row.birth == date(1980, 2, 15) and row.remark is None
    assert row.number not in repr(row)


@pytest.mark.parametrize(
    "heading", ["身份证号码", "公民身份号码", "证件 号码", "身份\n证号", "＊身份证号（必填）", "*身份证号*", "身份证号(18位)", "身份证号："]
)
def test_headings_are_known_in_many_spellings(heading):
    assert columns().fields[heading_key(heading)] == "number"


def test_every_fault_is_named_at_once_and_damage_is_explained():
    good = person_line(1)
    lines = [
        good, (2, "", number_of(2), *good[3:]), (3, "李四", "4.40524E+17", *good[3:]), (4, "王五", 3.4022119800215e17, *good[3:]),
        (5, "赵六", number_of(5)[:17] + ("1" if number_of(5)[17] != "1" else "2"), *good[3:]), (6, "钱七", number_of(1), *good[3:]),
        (7, "孙八", number_of(7), *good[3:6], None, *good[7:]), (8, "12345", number_of(8), *good[3:]),
        (9, "周九", number_of(9), "人", *good[4:]), (10, "吴十", number_of(10), "男", "汉", "昨天", *good[6:]),
    ]  # fmt: skip
    faults = faults_of(roster_xlsx(lines))
    assert len(faults) == 9
    for place, text in zip(faults, ["3: 姓名", "4: 身份证号：身份证号被 Excel 改坏", "5: 身份证号：身份证号被 Excel 改坏", "6: 身份证号：居民身份证号码校验不通过"], strict=False):  # fmt: skip
        assert place.startswith(f"名单:{text}")
    everything = "\n".join(faults)
    assert "名单:8: 单位：没有填写；如果是合并单元格" in everything
    assert "名单:9: 姓名：“12345”不像姓名" in everything
    assert "名单:10: 性别" in everything and "名单:11: 出生年月：“昨天”不是日期" in everything
    assert "名单:7: 身份证号：与“名单”第 2 行（张二甲）的证件号码相同" in everything, "both rows are named"


@pytest.mark.parametrize("value", [20190610140000001234, 2.01906101400000e19, -1e15, 10**15, 1e15])
def test_a_long_number_that_excel_damaged_is_told_instead_of_kept(value):
    with pytest.raises(CellFault, match="这一格是数字格式，位数太多，已被 Excel 改坏；请把这一列设为文本后重新填写"):
        read_text(value, 100)
    line = person_line(1)
    place = HEADINGS.index("手机")
    (fault,) = faults_of(roster_xlsx([(*line[:place], value, *line[place + 1 :])]))
    assert fault.startswith("名单:2: 手机：这一格是数字格式")


@pytest.mark.parametrize(("value", "read"), [(13800138000.0, "13800138000"), (999_999_999_999_999, "999999999999999"), (2.5, "2.5"),
                                             ("20190610140000001234", "20190610140000001234"), (date(2024, 3, 10), "2024-03-10")])  # fmt: skip
def test_numbers_that_a_cell_holds_whole_and_text_stay(value, read):
    assert read_text(value, 100) == read


def test_a_missing_column_is_one_fault_that_lists_the_headings_found():
    headings = tuple("编制号" if heading == "身份证号" else heading for heading in HEADINGS)
    (fault,) = faults_of(roster_xlsx([person_line(1), person_line(2)], headings))
    assert "缺少“身份证号”列" in fault and "序号、姓名、编制号、性别" in fault


def test_a_table_without_headings_says_what_is_needed():
    (fault,) = faults_of(roster_xlsx([person_line(1)], headings=("甲", "乙", "丙")))
    assert "表头须有“姓名”“身份证号”“单位”列" in fault


def test_blank_rows_footnotes_repeated_headings_and_second_sheets():
    book = openpyxl.Workbook()
    first = book.active
    first.title = "镇"
    for line in ([], ["甲县名单"], list(HEADINGS), list(person_line(1)), [], ["  "], list(HEADINGS), list(person_line(2)),
                 ["合计", "2 人"], ["填表人：王某", None, None, "联系电话：0553"]):  # fmt: skip
        first.append(line)
    second = book.create_sheet("村")
    second.append(["所在单位", "姓 名", "公民身份号码", "曾用名", "车牌"])
    second.append(["某村", "欧阳 娜 娜", number_of(3), "欧阳娜", "皖B"])
    book.create_sheet("空")
    book.create_sheet("填表说明").append(["请逐项填写"])
    hidden = book.create_sheet("旧名单")
    hidden.append(["姓名", "身份证号", "单位"])
    hidden.append(["隐藏", number_of(9), "某村"])
    hidden.sheet_state = "hidden"
    roster = read_roster(book_bytes(book), "a.xlsx", TODAY)
    assert roster.faults == () and [row.name for row in roster.rows] == ["张二甲", "张三甲", "欧阳娜娜"]
    assert roster.rows[2].former_name == "欧阳娜"
    told = "\n".join(map(str, roster.warnings))
    assert "填表说明: 没有找到表头" in told and "旧名单: 工作表是隐藏的" in told and "没有使用：车牌" in told
    assert told.count("按表后说明处理") == 2


def test_a_person_without_a_number_is_never_taken_for_a_footnote():
    line = ("说明科", "张三", "", "男")
    (fault,) = faults_of(roster_xlsx([line], ("单位", "姓名", "身份证号", "性别")))
    assert "证件号码为空" in fault


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("买买提•吐尔逊", "买买提·吐尔逊"), ("买买提．吐尔逊", "买买提·吐尔逊"), ("买买提‧吐尔逊", "买买提·吐尔逊"), ("买买提.吐尔逊", "买买提·吐尔逊"),
        ("买买提 ・ 吐尔逊", "买买提·吐尔逊"), ("张　三", "张三"), ("𫖯某", "𫖯某"), ("㛃某", "㛃某"), ("Anna  Maria Li", "Anna Maria Li"),
        ("=张三", "=张三"), ("@李四", "@李四"), ("\u200b王五", "王五"),
    ],
)  # fmt: skip
def test_names(written, read):
    roster = read_roster(roster_xlsx([person_line(1, written)]), "a.xlsx", TODAY)
    assert roster.faults == () and roster.rows[0].name == read


@pytest.mark.parametrize("name", ["张\u202e三", "张\x07三", "···", "字" * 51, "<>"])
def test_names_that_are_none(name):
    lines = [(1, name, *person_line(1)[2:])]
    text = f"姓名,身份证号,单位\n{name},{number_of(1)},某村"  # no spreadsheet holds a bell, a CSV may
    data = text.encode() if "\x07" in name else roster_xlsx(lines)
    (fault,) = faults_of(data)
    assert "姓名：" in fault


def test_text_that_looks_like_a_formula_stays_text():
    line = list(person_line(1))
    line[6], line[7], line[12] = "=cmd|' /C calc'!A0", "+86", "-1+1"
    row = read_roster(roster_xlsx([line]), "a.xlsx", TODAY).rows[0]
    assert (row.unit, row.post, row.remark) == ("=cmd|' /C calc'!A0", "+86", "-1+1")


def test_disagreements_with_the_number_are_warnings():
    line = list(person_line(1))
    line[3], line[5] = "女" if line[3] == "男" else "男", datetime(1981, 3, 1)
    roster = read_roster(roster_xlsx([line]), "a.xlsx", TODAY)
    assert roster.faults == () and roster.rows[0].birth == date(1980, 2, 15)
    assert ["性别" in str(w) or "出生年月" in str(w) for w in roster.warnings] == [True, True]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_files(encoding, delimiter):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(["姓名", "身份证号", "单位", "备注"])
    writer.writerow(["𫖯某", f'="{number_of(1)}"', "某镇,某村", '第一行\n"第二行"'])
    (row,) = read_roster(out.getvalue().encode(encoding), "a.csv", TODAY).rows
    assert (row.name, row.number, row.unit, row.remark) == ("𫖯某", number_of(1), "某镇,某村", '第一行 "第二行"')


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b" " * (workbooks.MAX_UNPACKED + 1))
    return out.getvalue()


def with_entities() -> bytes:
    source = zipfile.ZipFile(io.BytesIO(roster_xlsx([person_line(1)])))
    out = io.BytesIO()
    with source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in source.infolist():
            body = source.read(part)
            if part.filename.endswith("sharedStrings.xml"):
                body = body.replace(b"<sst", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><sst', 1)
            archive.writestr(part, body)
    return out.getvalue()


def cut_off() -> bytes:
    whole = bytearray(roster_xlsx([person_line(1)]))
    middle = len(whole) // 3
    whole[middle : middle + 200] = b"\xff" * 200
    return bytes(whole)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "空的"), (b"\n \n", "空的"), (b"PK\x03\x04", "打不开"), (b"PK\x03\x04" + b"x" * 1000, "打不开"), (b"\xff\xfe\x00", "UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "旧版 .xls"), (b"\x89PNG\r\n\x1a\n\0\0\0", "UTF-8"),
        (roster_xlsx([person_line(1)])[:3000], "打不开"), (cut_off(), "打不开"), (bomb(), "解压后过大"), (with_entities(), "不允许"),
        (b"a" * (people.spreadsheet.MAX_BYTES + 1), "超过 20 MB"), (("姓名,身份证号,单位\n" + "\n".join("a,b,c" for _ in range(20_001))).encode(), "20000 行"),
        (('姓名,身份证号,单位\n"' + "x" * 140_000).encode(), "单元格过长"),
    ],
    ids=range(14),
)  # fmt: skip
def test_files_that_are_no_roster(data, message):
    with pytest.raises(RosterError, match=message):
        read_roster(data, "a.xlsx", TODAY)


def test_a_cell_far_away_neither_hangs_nor_is_lost_in_silence():
    book = openpyxl.Workbook()
    book.active.append(["姓名", "身份证号", "单位"])
    book.active.append(["张三", number_of(1), "某村"])
    book.active.cell(1_048_576, 16_384, "x")
    roster = read_roster(book_bytes(book), "a.xlsx", TODAY)
    assert len(roster.rows) == 1


def test_styles_and_dates_that_openpyxl_remarks_on_are_read_in_silence():
    """Some programs write no styles at all, and date cells whose number is no date."""
    line = list(person_line(1))
    line[5] = datetime(1980, 2, 15)
    source = zipfile.ZipFile(io.BytesIO(roster_xlsx([line])))
    out = io.BytesIO()
    with source, zipfile.ZipFile(out, "w") as archive:
        for part in source.infolist():
            body = source.read(part)
            if part.filename.endswith("styles.xml"):
                body = b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"></styleSheet>'
            archive.writestr(part, body)
    roster = read_roster(out.getvalue(), "a.xlsx", TODAY)
    assert roster.faults == () and len(roster.rows) == 1


WHOLE = roster_xlsx([person_line(n) for n in range(1, 4)])


def unzipped(name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as archive:
        return archive.read(name)


PARTS = {name: unzipped(name) for name in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml")}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PARTS)), st.floats(0, 1), st.binary(max_size=12), st.integers(0, 12))
def test_a_workbook_with_any_part_altered_is_read_or_refused_never_a_stack_trace(name, where, put, drop):
    body = PARTS[name]
    at = int(where * len(body))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as source, zipfile.ZipFile(out, "w") as archive:
        for part in source.namelist():
            archive.writestr(part, body[:at] + put + body[at + drop :] if part == name else source.read(part))
    try:
        roster = read_roster(out.getvalue(), "a.xlsx", TODAY)
    except RosterError as error:
        assert error.faults
    else:
        assert all(len(row.number) == 18 for row in roster.rows)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.text(max_size=20), max_size=6), max_size=6))
def test_any_csv_is_read_or_refused(table):
    out = io.StringIO()
    csv.writer(out).writerows([["姓名", "身份证号", "单位", "性别", "出生年月", "民族"], *table])
    try:
        roster = read_roster(out.getvalue().encode("utf-8", "replace"), "a.csv", TODAY)
    except RosterError as error:
        assert error.faults
    else:
        assert roster.faults or roster.rows
