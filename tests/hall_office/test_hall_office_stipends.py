"""津贴 and 人员配备 in the office: what the pages say is what the lists say; who may see them; numbers that are none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from community_fixture import furnish
from office_room import Office, Person

from grading.workforce.stipend_rules import adopt
from hall.office import stipends
from home import local_text, now_ms

MONTH = "month=2026-11"


@pytest.fixture
def county(office: Office) -> Office:
    furnish(office.home)
    return office


@pytest.fixture
def hr(county: Office) -> Iterator[Person]:
    with county.staff("hr") as one:
        yield one


def plain(page: str) -> str:
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", page))


def test_the_page_says_who_is_paid_and_who_is_not_and_why(hr: Person) -> None:
    page = hr.page(f"/workforce/stipends?rule=gansu&{MONTH}")
    assert "登记有资格 10 人 = 发放 5 人 + 不发 4 人（已离职 1、不在发放范围 1、登记已过期 1、还没有登记 1） + 待核 1 人（任职没有登记 1）" in page
    assert "大写：壹仟叁佰元整" in page and "不能作发放依据" in page and "300 元" in page and "赵甲" in page and "孙丙" not in page
    refused = hr.page(f"/workforce/stipends?rule=gansu&{MONTH}&show=refused")
    assert "社会工作师登记 2024-03-10 到期，当月起不发" in refused and "赵甲" not in refused
    lapsed = hr.page(f"/workforce/stipends?rule=gansu&{MONTH}&show=lapsed")
    assert "孙丙" in lapsed and "李丁" not in lapsed and "登记已过期　1 人" in lapsed
    assert "周戊" in hr.page(f"/workforce/stipends?rule=gansu&{MONTH}&show=unclear")
    assert "加 1 级" in hr.page(f"/workforce/stipends?rule=huhehaote&{MONTH}") and hr.page("/workforce/stipends?show=x&rule=x")


def test_the_roster_by_the_form_is_what_the_page_said(county: Office, hr: Person) -> None:
    for key in ("stipend", "stipend_not"):
        hr.done("/workforce/stipends", list=key, format="json", rule="gansu", month="2026-11")
    assert county.work() == [True, True]
    found = {name: json.loads((county.home.exports / name).read_text(encoding="utf-8")) for name in (one.name for one in county.home.exports.iterdir())}
    assert all(re.match(r"2026-11-津贴(发放名册|未发名单)-", name) for name in found)
    assert sorted(len(one["records"]) for one in found.values()) == [5, 5]
    assert all("2026 年 11 月 职业津贴" in one["title"] for one in found.values()) and all("登记有资格 10 人" in one["lines"][0] for one in found.values())


def test_what_cannot_be_made_is_told(hr: Person) -> None:
    for form, said in (({"list": "scores", "format": "csv"}, "请选择名册和格式"), ({"list": "stipend", "format": "exe"}, "请选择名册和格式"),
                       ({"list": "stipend", "format": "csv", "rule": "x"}, "没有“x”这个津贴办法"),
                       ({"list": "stipend", "format": "csv", "rule": "gansu", "month": "2099-01"}, "最多提前一个月造册")):  # fmt: skip
        assert said in hr.refused("/workforce/stipends", **form), form
    assert "没有“x”这种配备口径" in hr.refused("/workforce/staffing", list="staffing", format="csv", norm="x")
    answer = hr.get("/workforce/stipends?month=<script>")
    assert answer.status_code == 409 and "应写成 2026-11 的样子" in answer.text and "<script>alert" not in answer.text


def test_the_office_own_rule_comes_first_and_a_broken_one_is_told_by_line(county: Office, hr: Person) -> None:
    path = adopt(county.home, "longkou")
    page = hr.page(f"/workforce/stipends?{MONTH}")
    assert "不能作发放依据" not in page and "大写：捌佰元整" in page and "甘肃（按月）　按月发放（示例）" in page
    path.write_text(path.read_text(encoding="utf-8").replace('"monthly"', '"weekly"'), encoding="utf-8")
    answer = hr.get("/workforce/stipends")
    assert answer.status_code == 409 and "longkou.toml:9: " in answer.text


def test_too_many_to_reckon_on_a_page(hr: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stipends, "MOST", 9)
    page = hr.page(f"/workforce/stipends?rule=gansu&{MONTH}")
    assert "登记有资格的有 10 人，在页面上算要等很久" in page and "赵甲" not in page


def test_what_if(hr: Person) -> None:
    page = plain(hr.page("/workforce/staffing?households=2%2C650&residents=68000"))
    for one in ("户数2,650→按太原（2020年做法）：专职社工4人", "常住人口68,000→按每万城镇人口18人：社区工作者123人", "网格员7至28人", "社区工作者10至15人"):
        assert one in page, one
    for number in ("-1", "1e3", "二百", "9999999999", "2650.5", "<b>"):
        assert "应为 0 至 1,000,000 之间的整数" in hr.page(f"/workforce/staffing?households={number}"), number


def test_communities_against_a_norm(county: Office, hr: Person) -> None:
    page = hr.page("/workforce/staffing?norm=taiyuan")
    assert "社区 5 个 = 缺人 3 个（共缺 6 人） + 相符 0 个 + 超出 1 个（共多 6 人） + 资料不全 1 个" in page
    assert "每万人 3.8 人" in page and "《城市居民委员会组织法》" in page and "<b>缺 1</b>" in page and "超 6" in page
    short = hr.page("/workforce/staffing?norm=taiyuan&show=short")
    assert "<b>西社区</b>" in short and "山村社区" not in short
    total = hr.page("/workforce/staffing?norm=city")
    assert "按总量算，单个社区的数只作折算" in total and "缺／超" not in total
    assert "岗位等级：已满年限或今年内满的　1 人" in page and "17 级" in page
    hr.done("/workforce/staffing", list="staffing", format="csv", norm="taiyuan")
    hr.done("/workforce/staffing", list="grades", format="csv")
    assert county.work() == [True, True]


def test_an_auditor_reads_and_makes_nothing(county: Office) -> None:
    with county.staff("auditor") as auditor:
        for path in ("/workforce/stipends", "/workforce/staffing"):
            page = auditor.page(path)
            assert "<form class=\"card\" method=\"post\"" not in page and "发放名册</button>" not in page
            assert auditor.post(path, list="stipend", format="csv").status_code == 403
    with county.staff("marker") as marker:
        assert marker.get("/workforce/stipends").status_code == 403 and marker.get("/workforce/staffing").status_code == 403


def test_nothing_on_file_says_what_to_do(office: Office) -> None:
    with office.staff("hr") as one:
        assert "请先导入“资格”“办理”“任职”三张表" in one.page("/workforce/stipends")
        assert "还没有登记类别为“社区”的单位" in one.page("/workforce/staffing")
        assert local_text(now_ms(), "%Y-%m") in one.page("/workforce/stipends")
