"""The lists: who is on each, what is said below it, and that it says the same in every format."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pandas
import pytest
from grading_fixture import PROFILE, RIGHT, add_person, add_script, make_sitting
from lists_fixture import NAMES, end_on, furnish, furnish_workforce
from sqlalchemy import delete, select, update
from typer.testing import CliRunner

from exams.tables import candidate, sitting
from grading.commands import records
from grading.correction import correct_record
from grading.errors import ExportError
from grading.exports import export_list, safe_text
from grading.lists.asking import scope_of
from grading.lists.kinds import LISTS, list_of
from grading.lists.layout import drop_columns, save_columns, saved_names
from grading.lists.scope import Scope
from grading.marks import mark_sitting
from grading.records import damaged_records, issue_records
from grading.tables import column_set, record, record_payload
from home import local_text, now_ms, transaction
from people.errors import RosterError
from people.roster import read_roster
from people.tables import person

S1 = Scope(("s1",))
LINE = "应考 10 人 = 已考 5 人（合格 3、不合格 2、终不合格 0） + 缺考 2 + 缓考 1 + 免试 1 + 违纪 1 + 取消资格 0"


@pytest.fixture
def issued(any_home):
    furnish(any_home)
    return any_home


@pytest.fixture
def small(home_folder):
    furnish(home_folder)
    return home_folder


def told(home, key, scope=S1, columns=None) -> dict:
    """A list as JSON."""
    out = home.root / f"{key}.json"
    export_list(home, key, scope, "json", out, "hr", columns)
    return json.loads(out.read_text(encoding="utf-8"))


def names(listed: dict) -> list[str]:
    return [row["姓名"] for row in listed["records"]]


def scope_for(home, kind) -> Scope:
    with home.office.connect() as connection:
        who = connection.execute(select(candidate.c.person_id).order_by(candidate.c.admission_no)).scalars().first()
    asked = {"person": Scope(person_id=who), "days": Scope(), "month": Scope(month="2026-11", rule="gansu"), "norm": Scope(rule="taiyuan"), "today": Scope()}
    return asked.get(kind.asks, S1)


def test_who_is_on_each_list(issued):
    assert names(told(issued, "due")) == names(told(issued, "scores")) == list(NAMES)
    assert names(told(issued, "passed")) == list(NAMES[:3])
    assert names(told(issued, "missing")) == [NAMES[5], NAMES[6], NAMES[9]]
    assert {row["姓名"]: row["文号"] for row in told(issued, "missing")["records"]}[NAMES[6]] == "＝某组3号"
    assert [row["登记情况"] for row in told(issued, "due")["records"]][4:7] == ["", "缺考", "缓考"]
    for key in ("due", "scores", "passed", "missing", "summary"):
        assert told(issued, key)["lines"][0] == LINE, key
    assert "本表 3 人。" in told(issued, "passed")["lines"]


def test_who_may_sit_again_and_who_may_not_is_told_why(issued):
    listed = told(issued, "resit")
    found = {row["姓名"]: row for row in listed["records"]}
    assert {NAMES[3], NAMES[4], NAMES[6]} <= found.keys() and not {*NAMES[:3], NAMES[7]} & found.keys()
    assert found[NAMES[3]]["补考类别"].startswith("不合格") and found[NAMES[3]]["可补考次数"] == "1"
    assert found[NAMES[3]]["补考期限"] == "2026-12-23" and found[NAMES[6]]["补考类别"].startswith("缓考")
    with issued.office.connect() as connection:
        again = connection.execute(select(record.c.person_id).where(record.c.outcome == "failed").order_by(record.c.person_id)).scalars().all()
    make_sitting(issued, "s2", essay=False, resit_of="s1", persons=list(again))
    add_script(issued, "s2", again[0], RIGHT)
    add_script(issued, "s2", again[1], {})
    mark_sitting(issued, "s2", "li")
    issue_records(issued, "s2", "hr")
    first, second = told(issued, "resit"), told(issued, "resit", Scope(("s2",)))
    assert NAMES[3] not in names(first) and any("没有列入" in line and "已列入" in line for line in first["lines"])
    assert names(second) == [] and any("终不合格" in line or "补考次数已用完" in line for line in second["lines"])
    both = told(issued, "scores", Scope(("s1", "s2")))
    assert both["lines"][0].startswith("应考 12 人次 = 已考 7 人次（合格 4、不合格 2、终不合格 1）") and "2 场考试" in both["title"]


def test_the_summary_is_what_pandas_makes_of_the_scores(issued):
    """An independent recomputation: counts, rates and averages of every group from the exported rows."""
    frame = pandas.DataFrame(told(issued, "scores", columns="标准")["records"])
    due = pandas.DataFrame(told(issued, "due")["records"])
    frame["任免渠道"] = due["任免渠道"]
    listed = {(row["分类"], row["名称"]): row for row in told(issued, "summary")["records"]}
    groups = {("合计", "合计"): frame}
    for by, column in (("场次", "考试名称"), ("单位", "单位"), ("层级", "层级"), ("任免渠道", "任免渠道")):
        groups |= {(by, name or "（未填）"): group for name, group in frame.groupby(column)}
    assert listed.keys() == groups.keys()
    for key, group in groups.items():
        sat = group[group["缺考缓考违纪"] == ""]
        passed, exempt = (sat["是否合格"] == "合格").sum(), (group["缺考缓考违纪"] == "免试").sum()
        row = listed[key]
        assert (row["应考"], row["已考"], row["合格"]) == (str(len(group)), str(len(sat)), str(passed)), key
        assert row["缺考"] == str((group["缺考缓考违纪"] == "缺考").sum())
        for title, part, whole in (("参考率", len(sat), len(group) - exempt), ("合格率", passed, len(sat))):
            assert row[title] == (f"{round(100 * part / whole + 1e-9, 1):g}%" if whole else "—"), (key, title)
        assert row["平均分"] == (f"{sat['总分'].astype(float).mean():.2f}".rstrip("0").rstrip(".") if len(sat) else "—"), key


def test_one_persons_attempts(small):
    with small.office.connect() as connection:
        number = connection.execute(select(candidate.c.admission_no).order_by(candidate.c.admission_no)).scalars().first()
        scope = scope_of(connection, LISTS["person"], admission_no=number)
    listed = told(small, "person", scope)
    assert listed["title"] == f"{NAMES[0]} 个人成绩单" and len(listed["records"]) == 1
    assert listed["lines"][0].startswith("应考 1 人 = 已考 1 人")
    with pytest.raises(ExportError, match="准考证号"):
        told(small, "person")


def test_the_remark_of_a_corrected_record_says_what_was_corrected(issued):
    """Behind what stood there, in every list with 备注; the old record stays as it was, and all of them go on being genuine."""
    with issued.office.connect() as connection:
        query = select(record.c.id, record.c.person_id, record_payload.c.columns).join(record_payload, record_payload.c.record_id == record.c.id)
        old = {row.id: (row.person_id, json.loads(row.columns)) for row in connection.execute(query)}
    absent, (who, stood) = next((ident, one) for ident, one in old.items() if one[1]["备注"] and one[1]["缺考缓考违纪"] == "缺考")
    for wanted in ({"姓名": "改名甲", "单位": "改后单位"}, {"职务": "主任"}):
        correct_record(issued, "s1", who, wanted, by="hr", reason="名单填错", document_no="更1号")
    said = f"{stood['备注']}；更正：姓名、单位（名单填错，更1号）；更正：职务（名单填错，更1号）"
    number = stood["准考证号"]
    with issued.office.connect() as connection:
        own = scope_of(connection, LISTS["person"], admission_no=number)
        kept = connection.execute(select(record_payload.c.columns).where(record_payload.c.record_id == absent)).scalar_one()
    for key, scope, columns in (("scores", S1, "标准"), ("missing", S1, "标准"), ("person", own, "全部列")):
        held = [row["备注"] for row in told(issued, key, scope, columns)["records"] if row.get("准考证号", number) == number]
        assert held == [said], key
    assert json.loads(kept) == stood and damaged_records(issued, "s1") == ()


def test_what_ends_soon(issued):
    today = date.fromisoformat(local_text(now_ms(), "%Y-%m-%d"))
    people = furnish_days(issued, today)
    listed = told(issued, "expiry", Scope(days=90))
    assert [(row["姓名"], row["剩余天数"], row["期限"]) for row in listed["records"]] == [(NAMES[0], "0", "30 天内"), (NAMES[1], "31", "31 至 60 天")]
    assert "到期 2 件 = 30 天内 1 件 + 31 至 60 天 1 件 + 61 至 90 天 0 件；涉及 2 人" in listed["lines"][0]
    assert names(told(issued, "expiry", Scope(days=30))) == [NAMES[0]] and len(people) == 10
    with transaction(issued.office) as connection:
        connection.execute(update(sitting).values(kind="mock"))
    assert told(issued, "expiry")["records"] == [], "a mock pass ends for nobody"


def test_of_a_term_or_a_yearly_exam_only_the_newest_pass_is_told_and_nobody_who_left(issued):
    """A second pass under rules of the same name, whatever date was filled in since, takes the first one's place, once."""
    today = date.fromisoformat(local_text(now_ms(), "%Y-%m-%d"))
    soon = today + timedelta(days=10)
    people = furnish_days(issued, today)
    again = PROFILE.replace("months = 24", "months = 36")
    assert again != PROFILE
    make_sitting(issued, "s2", essay=False, persons=people[:3], profile=again)
    for one in people[:3]:
        add_script(issued, "s2", one, RIGHT)
    mark_sitting(issued, "s2", "li")
    issue_records(issued, "s2", "hr")
    with transaction(issued.office) as connection:
        connection.execute(update(sitting).values(kind="formal"))
        connection.execute(update(sitting).where(sitting.c.id == "s2").values(opens_at=sitting.c.opens_at + 86_400_000))
    end_on(issued, {people[0]: soon, people[1]: soon})
    listed = told(issued, "expiry", Scope(days=90))
    assert [(row["姓名"], row["种类"]) for row in listed["records"]] == [(one, "2026年任前法律知识考试 s2") for one in NAMES[:2]]
    with transaction(issued.office) as connection:
        connection.execute(update(person).where(person.c.id == people[0]).values(left_on=today))
    assert names(told(issued, "expiry", Scope(days=90))) == [NAMES[1]]


def furnish_days(home, today: date) -> list[int]:
    with home.office.connect() as connection:
        people = list(connection.execute(select(candidate.c.person_id).order_by(candidate.c.admission_no)).scalars())
    end_on(home, {people[0]: today, people[1]: today + timedelta(days=31), people[2]: today + timedelta(days=91)})
    return people


def test_scopes(small):
    make_sitting(small, "s2", essay=False, people=0, persons=[])
    with transaction(small.office) as connection:
        stranger = add_person(connection, 77, "周八")
        connection.execute(candidate.insert().values(sitting_id="s2", person_id=stranger, admission_no="99", pseudonym="cx", unit_label="甲"))
    assert len(told(small, "due", Scope())["records"]) == 11 and "含演示、模拟" in told(small, "due", Scope())["title"]
    assert len(told(small, "due", Scope(formal=True))["records"]) == 10
    assert len(told(small, "due", Scope(since=date(2026, 11, 23), until=date(2026, 11, 23)))["records"]) == 11
    for empty in (Scope(until=date(2026, 11, 22)), Scope(since=date(2026, 11, 24))):
        with pytest.raises(ExportError, match="没有考试"):
            told(small, "due", empty)
    pending = told(small, "passed", Scope(("s2",)))
    assert pending["records"] == [] and any("1 人待定" in line for line in pending["lines"])
    scope = Scope(("s1", "s2"), date(2026, 1, 1), None, True, 3, 60, "2026-11", "gansu")
    assert Scope.read(json.loads(json.dumps(scope.arguments()))) == scope and Scope.read({"sitting": "s1"}) == S1


# ---------------------------------------------------------------- numbers that do not come out even


@pytest.mark.parametrize("key", ["due", "scores", "passed", "resit", "missing", "summary"])
def test_two_standing_records_of_one_person_stop_every_list_and_he_is_named(small, key, tmp_path):
    with transaction(small.office) as connection:
        row = connection.execute(select(record).order_by(record.c.person_id)).first()
        connection.execute(record.insert().values({**row._asdict(), "id": "R000000-TWICE"}))
    with pytest.raises(ExportError, match=f"人数对不上.*两份有效记录：{NAMES[0]}"):
        export_list(small, key, S1, "xlsx", tmp_path / "x.xlsx", "hr")
    assert not (tmp_path / "x.xlsx").exists() and not list(tmp_path.glob(".x*"))


def test_a_record_without_a_candidate_stops_the_list(issued, tmp_path):
    with transaction(issued.office) as connection:
        who = connection.execute(select(candidate.c.person_id).order_by(candidate.c.admission_no)).scalars().first()
        connection.execute(delete(candidate).where(candidate.c.person_id == who))
    for form in ("csv", "pdf"):
        with pytest.raises(ExportError, match=f"有记录而不在名单：{NAMES[0]}"):
            export_list(issued, "scores", S1, form, tmp_path / "x", "hr")
    assert not (tmp_path / "x").exists()


# ---------------------------------------------------------------- the same in every format


@pytest.mark.parametrize("key", LISTS)
def test_every_list_says_the_same_as_xlsx_csv_pdf_and_json(small, key, tmp_path):
    kind = LISTS[key]
    furnish_days(small, date.fromisoformat(local_text(now_ms(), "%Y-%m-%d")))
    furnish_workforce(small)
    scope = scope_for(small, kind)
    listed = told(small, key, scope)
    rows = [list(row.values()) for row in listed["records"]]
    assert rows
    paths = {form: export_list(small, key, scope, form, tmp_path / f"list.{form}", "hr").path for form in ("xlsx", "csv", "pdf")}
    lines = list(csv.reader(io.StringIO(paths["csv"].read_text(encoding="utf-8-sig"), newline="")))
    assert lines[1:] == [[safe_text(text) for text in row] for row in rows]
    assert not [cell for line in lines for cell in line if cell[:1] in tuple("=+@＝\t\r")], "nothing a spreadsheet would compute"
    frame = pandas.read_csv(paths["csv"], dtype=str, keep_default_na=False)
    assert frame.values.tolist() == lines[1:] and list(frame.columns) == lines[0]
    book = openpyxl.load_workbook(paths["xlsx"])
    sheet = book.active
    assert sheet.cell(1, 1).value == listed["title"] and sheet.title == kind.title
    got = [[cell.value or "" for cell in line] for line in sheet.iter_rows(min_row=3, max_row=2 + len(rows))]
    assert got == rows and not [cell for line in sheet.iter_rows() for cell in line if cell.data_type == "f" or cell.hyperlink]
    assert listed["lines"][0] in sheet.cell(3 + len(rows), 1).value and sheet.print_title_rows == "$2:$2"
    assert (sheet.page_setup.orientation == "landscape") == (kind.shipped.layout("标准").width > 100)
    book.close()
    text = subprocess.run(["pdftotext", "-layout", paths["pdf"], "-"], capture_output=True, text=True, check=True).stdout
    joined = "".join(text.split())
    assert "".join(listed["title"].split()) in joined and "".join(listed["lines"][0].split()) in joined
    assert "（盖章）" in joined and "第1页" in joined
    if key in ("due", "scores"):
        assert all(name in joined for name in NAMES[:4]), "rare characters can be read out of the PDF"


def test_libreoffice_reads_the_same(small, tmp_path):
    """XLSX and CSV through LibreOffice, one process for both."""
    listed = told(small, "due")
    rows = [list(row.values()) for row in listed["records"]]
    for form in ("xlsx", "csv"):
        export_list(small, "due", S1, form, tmp_path / form / f"due.{form}", "hr")
    out = tmp_path / "out"
    for form, more in (("xlsx", []), ("csv", ["--infilter=CSV:44,34,76,1,,0,true"])):
        command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", *more, "--convert-to", "xlsx", "--outdir",
                   str(out / form), str(tmp_path / form / f"due.{form}")]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    book = openpyxl.load_workbook(out / "xlsx" / "due.xlsx")
    assert [[cell.value or "" for cell in line] for line in book.active.iter_rows(min_row=3, max_row=12)] == rows
    book.close()
    book = openpyxl.load_workbook(out / "csv" / "due.xlsx")
    cells = [[str(cell.value or "") for cell in line] for line in book.active.iter_rows(min_row=2, max_row=11)]
    assert [[text.lstrip("'") for text in line] for line in cells] == [[text.lstrip("'") for text in row] for row in rows]
    assert not [cell for line in book.active.iter_rows() for cell in line if cell.data_type == "f"]
    book.close()


@pytest.mark.parametrize("form", ["gb18030", "utf-8-sig"])
def test_rare_characters_come_in_as_they_go_out(form):
    names_ = ("𫖯仪", "𠮷野", "龦某", "䶵文", "龴某", "阿依古丽·买买提")
    text = "姓名,身份证号,工作单位\r\n" + "".join(f"{name},11010519491231002X,某局\r\n" for name in names_)
    try:
        rows = read_roster(text.encode(form), "名单.csv", date(2026, 11, 23)).rows
    except RosterError as error:
        pytest.fail(str(error))
    assert [row.name for row in rows] == list(names_)


# ---------------------------------------------------------------- column sets


def test_hr_keeps_columns_under_a_name(issued, tmp_path):
    kind = list_of("合格名册")
    wanted = [["姓名", "姓　名", 12], ["单位", "=单位", 30.5], ["总分", "", 8]]
    with transaction(issued.office) as connection:
        save_columns(connection, kind.key, kind.shipped, kind.columns, " 公示用 ", wanted, "hr")
        save_columns(connection, kind.key, kind.shipped, kind.columns, "公示用", wanted[:2], "hr")
    with issued.office.connect() as connection:
        assert saved_names(connection, kind.key) == ["公示用"] and saved_names(connection, "due") == []
        layout = kind.layout(connection, "公示用")
        assert [(column.name, column.title, column.width) for column in layout.columns] == [("姓名", "姓　名", 12), ("单位", "=单位", 30.5)]
    out = tmp_path / "x.csv"
    export_list(issued, kind.key, S1, "csv", out, "hr", "公示用")
    assert out.read_text(encoding="utf-8-sig").splitlines()[0] == "姓　名,'=单位"
    with transaction(issued.office) as connection:
        drop_columns(connection, kind.key, "公示用", "hr")
        assert not connection.execute(select(column_set)).all()
    with pytest.raises(ExportError, match="没有名为“公示用”的列方案；可用：标准、简表"):
        export_list(issued, kind.key, S1, "csv", out, "hr", "公示用")


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("甲", [["身高", "身高", 9], ["姓名", "姓名", 1]], "“身高”不是这张表的列.*\n.*宽度应在 2 至 80"),
        ("甲", [["姓名", "姓名", 9], ["姓名", "又", 9]], "重复"), ("甲", [], "没有任何列"), ("甲", [["姓名", "姓名", "宽"]], "宽度"),
        ("甲", [["姓名", "长" * 41, 9]], "表头过长"), ("标准", [["姓名", "姓名", 9]], "不能覆盖"), ("  ", [["姓名", "姓名", 9]], "起个名字"),
        ("名" * 31, [["姓名", "姓名", 9]], "起个名字"),
    ],
)  # fmt: skip
def test_a_bad_column_set_is_refused_in_words(home_folder, name, rows, said):
    kind = LISTS["passed"]
    with pytest.raises(ExportError, match=said), transaction(home_folder.office) as connection:
        save_columns(connection, kind.key, kind.shipped, kind.columns, name, rows, "hr")
    with home_folder.office.connect() as connection:
        assert not connection.execute(select(column_set)).all()


# ---------------------------------------------------------------- the command


def test_the_command(small, tmp_path):
    def run(*more: str):
        return CliRunner().invoke(records, ["export", "--home", str(small.root), "--out", str(tmp_path / "out"), *more])

    done = run("--list", "合格名册", "--columns", "简表", "--format", "csv", "--sitting", "s1")
    assert done.exit_code == 0 and "3 行" in done.stdout and LINE in done.stdout
    assert Path(tmp_path / "out").read_text(encoding="utf-8-sig").splitlines()[0] == "序号,姓名,单位,拟任职务,总分,等次"
    assert run("--format", "pdf", "--list", "summary", "--from", "2026-11-01", "--to", "2026-11-30", "--formal").exit_code == 0
    assert run("--format", "json", "--list", "expiry", "--days", "60").exit_code == 0
    for more, said, code in (
        (("--format", "csv", "--list", "花名册"), "没有“花名册”这种名册", 1), (("--format", "csv", "--columns", "我的"), "没有名为“我的”", 1),
        (("--format", "docx"), "没有“docx”", 2), (("--format", "csv", "--from", "去年", "--to", "2026-13-01"), "开始日期", 1),
        (("--format", "csv", "--list", "person", "--person", "000"), "没有准考证号", 1), (("--format", "csv", "--sitting", "no"), "没有编号", 1),
    ):  # fmt: skip
        refused = run(*more)
        assert refused.exit_code == code and said in refused.stderr, (more, refused.stderr)
