"""统计图表 in the office: who may see it, filters good and bad, hostile names, the file that is made of it, and how it looks in Chromium."""

from __future__ import annotations

import json
import re

import openpyxl
import pytest
from office_room import Office
from sqlalchemy import update
from statistics_fixture import furnish

from home import transaction
from people.tables import unit

VIEWS = ("pass", "gaps", "held", "expiry")


def test_hr_and_auditor_see_it_and_nobody_else(office: Office) -> None:
    furnish(office.home, 60)
    for role, status in (("hr", 200), ("auditor", 200), ("exam_officer", 403), ("marker", 403), ("operator", 403)):
        with office.staff(role) as person:
            assert person.get("/statistics").status_code == status, role
            assert ("/statistics" in person.page("/")) == (status == 200)
    with office.staff("auditor") as auditor:
        assert "导出统计数据" not in auditor.page("/statistics")
        assert auditor.post("/statistics", format="xlsx").status_code == 403


def test_each_view_has_charts_with_their_tables(office: Office) -> None:
    furnish(office.home)
    with office.staff("hr") as hr:
        for view in VIEWS:
            page = hr.page(f"/statistics?view={view}")
            charts = re.findall(r"<svg.*?</svg>", page, re.S)
            assert charts and page.count("<table") >= len(charts)
            for chart in charts:
                name = re.search(r'aria-labelledby="(\S+) (\S+)"', chart)
                assert name and all(f'id="{one}"' in chart for one in name.groups()), "a title and a description for screen readers"
                assert "style=" not in chart and "<script" not in chart
            assert len(set(re.findall(r' id="([^"]+)"', page))) == len(re.findall(r' id="([^"]+)"', page)), "every id once"


def test_filters_stay_and_narrow(office: Office) -> None:
    furnish(office.home)
    with office.staff("hr") as hr:
        page = hr.page("/statistics?view=pass&asked=1&since=2026-03-01&until=2026-12-31&unit=6&formal=1")
        assert 'value="2026-03-01"' in page and '<option value="6" selected>' in page and "城关镇；考试：2026-03-01 至 2026-12-31，只算正式考试" in page
        assert "县公安局" not in page[page.index("城关镇；考试：") :], "other departments are not in it"
        assert "since=2026-03-01" in re.search(r'<a href="\?([^"]+)">持证情况', page)[1], "the filter goes with the views"
        assert "含演示、模拟考试，不作依据" in hr.page("/statistics?asked=1")
        assert "没有可以列出的数" in hr.page("/statistics?since=2030-01-01&asked=1")


@pytest.mark.parametrize(("query", "told"), [
    ("since=yesterday", "开始日期“yesterday”"), ("since=2026-05-01&until=2026-01-01", "早于"), ("unit=99999", "没有这个单位"), ("unit=%27--", "没有这个单位"),
])  # fmt: skip
def test_bad_filters_are_told_and_show_nothing(office: Office, query: str, told: str) -> None:
    furnish(office.home, 60)
    with office.staff("hr") as hr:
        answer = hr.get(f"/statistics?asked=1&{query}")
        assert answer.status_code == 400 and told in answer.text and "<svg" not in answer.text


def test_odd_addresses_do_no_harm(office: Office) -> None:
    furnish(office.home, 60)
    with office.staff("hr") as hr:
        for query in ("view=../../x", "p.pass_by_unit=-1", "p.pass_by_unit=99999999", "p.pass_by_unit=９", "view=held&p.held_by_unit=0", "formal=%00"):
            assert hr.get(f"/statistics?{query}").status_code in (200, 400), query


def test_hostile_unit_names_are_only_text(office: Office) -> None:
    furnish(office.home)
    with transaction(office.home.office) as connection:
        connection.execute(update(unit).where(unit.c.id == 2).values(name='<script>alert(1)</script>"&'))
    with office.staff("hr") as hr:
        for view in VIEWS:
            page = hr.page(f"/statistics?view={view}")
            assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in hr.page("/statistics?view=held")


def test_the_file_says_what_the_page_says(office: Office) -> None:
    furnish(office.home)
    with office.staff("hr") as hr:
        for form in ("json", "xlsx"):
            hr.done("/statistics", format=form, asked="1", formal="1", unit="")
            assert office.work() == [True]
            files = sorted(office.home.exports.glob(f"统计数据-*.{form}"))
            assert len(files) == 1 and files[0].name in hr.page("/exports")
            assert hr.get(f"/exports/{files[0].name}").status_code == 200
        known = json.loads(next(office.home.exports.glob("*.json")).read_text(encoding="utf-8"))
        rank = next(one for one in known["tables"] if one["id"] == "pass_by_rank")
        page = hr.page("/statistics?view=pass")
        assert "不同日子做的两份，相减都可能推出个别人数" in page and "不同日子做的两份" in known["rule"]
        for row in rank["rows"]:
            line = "".join(f"{value}</t[hd]>.*?" for value in row[:-2])
            assert re.search(line.replace("(", r"\(").replace(")", r"\)"), page, re.S), row
        book = openpyxl.load_workbook(next(office.home.exports.glob("*.xlsx")))
        assert [[cell.value for cell in row] for row in book["pass_by_rank"].iter_rows(min_row=4)] == rank["rows"]
        book.close()
        assert "格式" in hr.refused("/statistics", format="exe") and "没有这个单位" in hr.refused("/statistics", format="json", unit="777", asked="1")
