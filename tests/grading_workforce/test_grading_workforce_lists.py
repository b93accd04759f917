"""津贴发放名册, 津贴未发名单, 人员配备表, 岗位等级晋级名册: from an imported workbook, reckoned again by pandas, tied up by their last lines."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pandas
import pytest
from community_fixture import PLACES, furnish
from sqlalchemy import select, update
from typer.testing import CliRunner

import pufa
from courses.norms import norms
from exams.errors import ContentError
from grading.errors import ExportError, WorkforceError
from grading.exports import export_list
from grading.lists.asking import scope_of
from grading.lists.kinds import LISTS
from grading.lists.scope import Scope
from grading.tables import certification
from grading.workforce.communities import Community, communities, need_of, total_of
from grading.workforce.grades import career
from grading.workforce.hours import Step
from grading.workforce.norms import read_staffing, suppose
from grading.workforce.stipend_roll import read_month
from grading.workforce.stipend_rules import adopt
from home import transaction
from people.tables import person, unit

DAY = date(2026, 11, 24)
STAFFING = read_staffing()
TAIYUAN, GRID, CITY, JILIN = (STAFFING.norms[key] for key in ("taiyuan", "grid", "city", "jilin"))


@pytest.fixture
def county(any_home):
    """Ten persons in five communities: registered, lapsed, unregistered, left, not on file, graded; by one workbook."""
    return furnish(any_home)


@pytest.fixture
def small(home_folder):
    return furnish(home_folder)


def told(home, key, **scope) -> dict:
    out = home.root / f"{key}.json"
    export_list(home, key, Scope(**scope), "json", out, "hr")
    return json.loads(out.read_text(encoding="utf-8"))


def test_who_is_paid_in_a_month_and_who_is_not_and_why(county):
    paid, unpaid = (told(county, key, month="2026-11", rule="gansu") for key in ("stipend", "stipend_not"))
    assert paid["title"].endswith("2026 年 11 月 职业津贴发放名册")
    assert {row["姓名"]: row["应发"] for row in paid["records"]} == {"赵甲": "300", "钱乙": "300", "吴己": "200", "王辛": "200", "陈癸": "300"}
    assert {row["姓名"]: (row["结果"], row["原因"]) for row in unpaid["records"]} == {
        "孙丙": ("不发", "登记已过期"), "李丁": ("不发", "已离职"), "周戊": ("待核", "任职没有登记"), "郑庚": ("不发", "还没有登记"),
        "冯壬": ("不发", "不在发放范围"),
    }  # fmt: skip
    line = "登记有资格 10 人 = 发放 5 人 + 不发 4 人（已离职 1、不在发放范围 1、登记已过期 1、还没有登记 1） + 待核 1 人（任职没有登记 1）"
    assert paid["lines"][0] == unpaid["lines"][0] == line
    assert paid["lines"][1] == "合计 1,300 元（大写：壹仟叁佰元整） = 助理社会工作师 2 人 400 元 + 社会工作师 3 人 900 元"
    assert any("示例办法，本表不作发放依据" in one for one in paid["lines"]) and any("当月起发、当月起不发" in one for one in paid["lines"])
    frame = pandas.DataFrame(paid["records"])
    assert frame["应发"].str.replace(",", "").astype(int).sum() == 1300 and len(frame) + len(unpaid["records"]) == 10
    assert all("3402" not in row["身份证号"][6:14] and "*" in row["身份证号"] for row in paid["records"])


def test_months_before_and_after(small):
    october = told(small, "stipend", month="2026-10", rule="甘肃（按月）")
    assert "王辛" not in [row["姓名"] for row in october["records"]], "registered on 20 November"
    april = told(small, "stipend", month="2026-04", rule="gansu")
    assert "李丁" in [row["姓名"] for row in april["records"]], "left in May"
    assert read_month("", DAY) == date(2026, 11, 1) and read_month("2026-12", DAY) == date(2026, 12, 1)
    for text, said in (("2027-01", "还没有到"), ("2026-13", "应写成 2026-11 的样子"), ("去年", "应写成"), ("1999-01", "应写成")):
        with pytest.raises(WorkforceError, match=said):
            read_month(text, DAY)
    with small.office.connect() as connection, pytest.raises(WorkforceError, match="应写成"):
        scope_of(connection, LISTS["stipend"], month="2026/11")


def test_the_office_own_rule_is_taken_without_asking_and_is_no_example(small):
    with pytest.raises(WorkforceError, match="请指明按哪个津贴办法"):
        told(small, "stipend", month="2026-11")
    adopt(small, "longkou")
    mine = told(small, "stipend", month="2026-11")
    assert "1,300" not in mine["lines"][1] and not any("示例" in one for one in mine["lines"])
    assert mine["lines"][1].startswith("合计 800 元（大写：捌佰元整）")


def test_a_roll_that_does_not_tie_up_is_not_written(small, monkeypatch, tmp_path):
    import grading.lists.stipend as module

    honest = module.count_holders
    monkeypatch.setattr(module, "count_holders", lambda *given: honest(*given) + 1)
    with pytest.raises(ExportError, match="人数对不上，没有导出：登记有资格的应有 11 人，算出 10 人"):
        export_list(small, "stipend", Scope(month="2026-11", rule="gansu"), "xlsx", tmp_path / "x.xlsx", "hr")
    assert not (tmp_path / "x.xlsx").exists()


def test_what_was_struck_out_does_not_count(small):
    with transaction(small.office) as connection:
        gone = select(person.c.id).where(person.c.name.in_(["赵甲", "孙丙"]))
        connection.execute(update(certification).where(certification.c.person_id.in_(gone), certification.c.kind == "social_worker").values(revoked_at=1, revoked_by="hr1"))
    listed = told(small, "stipend", month="2026-11", rule="gansu")
    assert listed["lines"][0].startswith("登记有资格 8 人 = 发放 4 人") and "赵甲" not in [row["姓名"] for row in listed["records"]]


def test_grade_steps_are_listed_in_grades(small):
    listed = told(small, "stipend", month="2026-11", rule="huhehaote")
    assert {row["姓名"]: row["应发"] for row in listed["records"]} == {"赵甲": "加 1 级"}, "17 of 18; 12 of 12 is full; the others have no grade"
    assert listed["lines"][1] == "合计 1 级 = 社会工作师 1 人 1 级"
    assert "已到岗位最高级 1" in listed["lines"][0] and "岗位等级没有登记 3" in listed["lines"][0]


# ---------------------------------------------------------------- staffing


def test_each_community_against_each_norm_is_what_pandas_makes_of_the_file(county):
    """An independent recomputation from the lines of the workbook."""
    frame = pandas.DataFrame(PLACES, columns=["name", "kind", "parent", "setting", "code", "households", "residents", "grids", "workers"])
    frame = frame[frame["kind"] == "社区"].set_index("name")
    staff = {"东社区": 3, "西社区": 2, "南社区": 1, "山村社区": 9}      # 李丁 left; 冯壬 is an official; 周戊 has no category; 山村: reported
    for key, formula in (("taiyuan", lambda h: (4, 4) if h == 2650 else (5, 5) if h == 3606 else (3, 3)), ("jilin", lambda h: (11, 17) if h == 3606 else (10, 15))):
        listed = {row["社区"]: row for row in told(county, "staffing", rule=key)["records"]}
        assert set(listed) == set(frame.index)
        for name, row in listed.items():
            households = frame.loc[name, "households"]
            if households == "":
                assert (row["应配"], row["缺"]) == ("", "") and "没有登记户数" in row["说明"]
                continue
            low, high = formula(households)
            assert row["应配"] == (str(low) if low == high else f"{low}—{high}")
            actual = staff.get(name)
            assert row["在岗"] == ("" if actual is None else str(actual)), (key, name)
            assert row["缺"] == (str(low - actual) if actual is not None and actual < low else ""), (key, name)
    line = told(county, "staffing", rule="taiyuan")["lines"][0]
    assert line == "社区 5 个 = 缺人 3 个（共缺 6 人） + 相符 0 个 + 超出 1 个（共多 6 人） + 资料不全 1 个"


def test_grids_and_the_law_s_usual_range_are_told(small):
    listed = {row["社区"]: row for row in told(small, "staffing", rule="grid")["records"]}
    west = listed["西社区"]
    assert (west["网格数"], west["应设网格"], west["应配"], west["在岗"], west["缺"]) == ("2", "10—19", "10—38", "1", "9")
    for one in ("3,606 户，在一般范围（1,000 至 3,000 户）之上", "网格 2 个，应设 10 至 19 个", "1 个网格超过 400 户", "1 个网格不足 200 户",
                "登记在册 1 人，填报 3 人，请核对"):  # fmt: skip
        assert one in west["说明"], (one, west["说明"])
    assert listed["东社区"]["在岗"] == "" and "没有登记网格员" in listed["东社区"]["说明"]
    assert "900 户，在一般范围（1,000 至 3,000 户）之下" in listed["南社区"]["说明"]


def test_the_norm_per_10000_is_for_all_together(small):
    listed = told(small, "staffing", rule="每万城镇人口 18 人")
    assert listed["lines"][0] == "社区 5 个；“每万城镇人口 18 人”按总量算，单个社区的数只作折算"
    # 东 6800/3, 西 9100/3 (the grid worker included), 南 2500/1; 北: nobody on file; 山村 is rural
    assert listed["lines"][1] == (
        "每万城镇常住人口：3 个城镇社区常住人口 18,400，社区工作者 7 人，每万人 3.8 人；按“每万城镇人口 18 人”应有 34 人，差 27 人"
        "；另有 1 个城镇社区资料不全，没有计入"
    )  # fmt: skip


def test_a_circle_of_units_ends(small):
    with transaction(small.office) as connection:
        ids = {row.name: row.id for row in connection.execute(select(unit))}
        connection.execute(update(unit).where(unit.c.id == ids["城关街道"]).values(parent_id=ids["东社区"]))
        assert len(communities(connection, DAY)) == 5
        connection.execute(update(unit).where(unit.c.id == ids["东社区"]).values(valid_to=DAY))
        assert len(communities(connection, DAY)) == 4 and total_of(CITY, communities(connection, DAY)).communities == 2


def test_reported_numbers_stand_where_nobody_is_on_file():
    here = Community(1, "甲", "", "城镇", 2650, 6800, 8, workers=4, grid_workers=9)
    assert (here.actual(TAIYUAN), here.actual(GRID), replace(here, staff={"网格员": 2, "专职社工": 1}).actual(GRID)) == (4, 9, 2)
    need = need_of(TAIYUAN, STAFFING.committee, here)
    assert (need.least, need.most, need.short, need.over, need.doubts) == (4, 4, 0, 0, ())
    unknown = need_of(CITY, STAFFING.committee, replace(here, residents=None, workers=None))
    assert not unknown.known and (unknown.short, unknown.over) == (0, 0) and unknown.doubts == ("没有登记常住人口", "没有登记社区工作者")


def test_what_if():
    found = {one.norm.key: one for one in suppose(STAFFING, 2650, 68000)}
    assert (found["taiyuan"].given, found["taiyuan"].told, found["city"].given, found["city"].told) == ("户数 2,650", "4 人", "常住人口 68,000", "123 人")
    assert found["grid"].told == "7 至 28 人" and set(found) == set(norms())
    assert [one.norm.key for one in suppose(STAFFING, None, 0)] == ["city"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[taiyuan]\ntitle = "某县"\nshape = "bands"\nwho = "社工"\ncounts = ["社区工作者"]\nbands = [[2000, 3], [1000, 4]]\nstep = 500\nmost = 17\nsource = "x"', "户数从小到大"),
        ('[grid]\ntitle = "x"\nshape = "gird"\nwho = "x"\ncounts = ["x"]\nsource = "x"', "是否想写“grid”"),
        ('[grid]\ntitle = "x"\nshape = "grid"\nwho = "x"\ncounts = ["x"]\nsource = "x"\nhouseholds = [400, 200]\nworkers = [1, 2]', "应为两个整数，小的在前"),
        ('[own]\ntitle = "x"\nshape = "per_10000"\nwho = "x"\ncounts = ["x"]\nper_10000 = 20', "缺少“source”"),
        ('[grades]\nyears = 3\nsource = "x"\n[[grades.post]]\ntitle = "正职"\nwords = ["主任"]\nrange = [7, 18]', "只有最后一类，words 写成空的"),
        ('[grid]\nhousehold = 3', "不认识“household”"),
    ],
)  # fmt: skip
def test_an_office_file_of_norms_is_checked_whole(tmp_path, text, told):
    path = tmp_path / "staffing.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContentError) as refused:
        read_staffing(path)
    assert any(told in line and line.startswith("staffing.toml:") for line in refused.value.faults), refused.value.faults


def test_an_office_replaces_one_norm_and_adds_one(home_folder):
    path = home_folder.secret / "workforce" / "staffing.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('[city]\ntitle = "每万人 20 人"\nshape = "per_10000"\nlevel = "total"\nwho = "社区工作者"\ncounts = ["社区工作者"]\nper_10000 = 20\n'
                    'source = "某市〔2026〕3号"\n[ours]\ntitle = "本县"\nshape = "bands"\nwho = "社工"\ncounts = ["社区工作者"]\nbands = [[1500, 5]]\n'
                    'step = 300\nmost = 9\nsource = "某县〔2026〕8号"\n', encoding="utf-8")  # fmt: skip
    known = read_staffing(path)
    assert known.norm("每万人20人").workers(residents=68000) == (136, 136)
    assert [known.norm("本县").workers(households) for households in (1500, 1799, 1800, 9000)] == [(5, 5), (5, 5), (6, 6), (9, 9)]
    with pytest.raises(WorkforceError, match="没有“x”这种配备口径；可用：网格"):
        known.norm("x")


# ---------------------------------------------------------------- grades


def test_next_grades(small):
    listed = told(small, "grades")
    assert [(row["姓名"], row["现等级"], row["下一级"], row["满年限日期"], row["到期情况"]) for row in listed["records"]] == [
        ("赵甲", "17 级", "18 级", "2026-06-01", "已满年限"), ("孙丙", "4 级", "5 级", "2027-02-28", "以后"), ("钱乙", "12 级", "", "", "已到最高级")]  # fmt: skip
    assert listed["lines"][0] == "登记岗位等级 3 人 = 已满年限 1 人 + 今年内满 0 人 + 以后 1 人 + 已到最高级 1 人 + 没有等级 0 人"


@pytest.mark.parametrize(
    ("post", "steps", "wanted"),
    [
        ("社区副主任", [(9, "2023-01-01")], ("副职", 9, 10, "2026-01-01", "")),
        ("社区主任", [(5, "2023-01-01")], ("正职", 5, 6, "2026-01-01", "5 级不在正职的 7 至 18 级之内；请核对职务和等级")),
        ("", [(4, "2020-01-01"), (4, "2023-01-01")], ("其他", 4, 5, "2023-01-01", "")),
        ("", [(4, "2020-01-01"), (5, "2023-01-01"), (4, "2025-01-01")], ("其他", 4, 5, "2028-01-01", "")),
        ("", [(4, "2026-12-01")], ("其他", None, None, "None", "没有登记岗位等级")),
    ],
)  # fmt: skip
def test_a_career(post, steps, wanted):
    got = career(STAFFING.grades, [Step(f"grade_{grade}", date.fromisoformat(day)) for grade, day in steps], post, DAY)
    assert (got.post.title, got.grade, got.next_grade, str(got.next_on), got.doubt) == wanted


# ---------------------------------------------------------------- the commands


def run(*words: str):
    return CliRunner().invoke(pufa.app, ["workforce", *words])


def test_the_commands(small, tmp_path):
    home = ("--home", str(small.root))
    told_ = run("stipend", *home, "--month", "2026-11", "--rule", "gansu", "--out", str(tmp_path / "x.csv"), "--format", "csv")
    assert told_.exit_code == 0, told_.output
    for one in ("待核 周戊", "登记有资格 10 人 = 发放 5 人", "大写：壹仟叁佰元整", "5 行", "示例办法"):
        assert one in told_.stdout, one
    assert len((tmp_path / "x.csv").read_text(encoding="utf-8-sig").splitlines()) == 6
    staffing = run("staffing", *home, "--norm", "taiyuan", "--out", str(tmp_path / "y.xlsx"))
    assert staffing.exit_code == 0 and "社区 5 个 = 缺人 3 个" in staffing.stdout and (tmp_path / "y.xlsx").read_bytes()[:2] == b"PK"
    named = run("stipend", *home, "--month", "2026-11", "--rule", "gansu", "--out", str(tmp_path / "x.pdf"))
    assert named.exit_code == 0 and (tmp_path / "x.pdf").read_bytes()[:5] == b"%PDF-", "the file's name says which format"
    assert "户数 2,650 → 按太原（2020 年做法）：专职社工 4 人" in run("staffing", "--households", "2650").stdout
    assert run("adopt", "gansu", *home).exit_code == 0
    assert "gansu　本单位　甘肃（按月）" in run("rules", *home).stdout
    for words, said, code in (
        (("stipend", *home, "--rule", "x"), "没有“x”这个津贴办法", 1), (("stipend", *home, "--month", "x"), "应写成", 1), (("staffing",), "--home", 2),
        (("staffing", *home, "--norm", "x"), "没有“x”这种配备口径", 1), (("adopt", "x", *home), "没有“x”这个示例", 1), (("adopt", "gansu", *home), "已经有了", 1),
        (("stipend", *home, "--out", str(tmp_path / "z"), "--format", "doc"), "没有“doc”这种导出格式", 1),
        (("stipend", *home, "--rule", "gansu", "--out", str(tmp_path / "x.pdf"), "--format", "csv"), "以 .pdf 结尾", 1),
    ):  # fmt: skip
        refused = run(*words)
        assert refused.exit_code == code and said in refused.stderr, (words, refused.stderr)


