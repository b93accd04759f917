"""Pass records on the page, the chart, exports and their download; the audit trail; steps of a sitting."""

from __future__ import annotations

import re

import pytest
from grading_fixture import RIGHT, add_script, make_sitting
from office_room import Office, Person, field, notice
from sqlalchemy import select

from exams.events import record_event
from grading.marks import mark_sitting
from grading.records import issue_records
from grading.tables import record, record_payload
from hall.office.steps import TITLES, Facts, current_step
from home import AUDIT, OFFICE, transaction


def issued(office: Office, n: int = 8) -> list[int]:
    """Half of the candidates all right (70 of 70), half without a script; the last is exempt."""
    persons = make_sitting(office.home, "s1", people=n, essay=False)
    for who in persons[: n // 2]:
        add_script(office.home, "s1", who, RIGHT if who % 2 else {**RIGHT, "q001": "A"})
    with transaction(office.home.office) as connection:
        record_event(connection, "s1", persons[-1], "exempt", by="test", reason="平级转任", document_no="1 号", ground="passed_this_term_lateral")
    mark_sitting(office.home, "s1", "test")
    issue_records(office.home, "s1", "test")
    return persons


def numbers(page: str) -> list[str]:
    return re.findall(r'<td class="number">(?:<a href="[^"]*">)?(26111\d+)<', page)


def test_filters_and_the_line_that_reconciles(office: Office) -> None:
    issued(office)
    with office.staff("hr") as hr:
        page = hr.page("/sittings/s1/records")
        assert len(numbers(page)) == 8 and "应考 8 人 = 已考 4 人" in page and "缺考 3" in page and "免试 1" in page
        for query, n in (("outcome=passed", 2), ("outcome=absent", 3), ("outcome=exempt", 1), ("outcome=pending", 0), ("unit=某某街道办事处", 8),
                         ("unit=x", 0), ("part=single", 4), ("part=single&outcome=passed", 2), ("part=none", 8), ("outcome=%27", 0)):  # fmt: skip
            seen = hr.page(f"/sittings/s1/records?{query}")
            assert len(numbers(seen)) == n, query
        by_part = hr.page("/sittings/s1/records?part=single")
        assert re.findall(r"(\d+)/40</td>", by_part) == ["20", "20", "40", "40"], "the lowest first"


def test_names_that_are_formulas_stay_texts(office: Office) -> None:
    issued(office)
    with office.staff("hr") as hr:
        page = hr.page("/sittings/s1/records")
        assert "=cmd|&#39;/c calc&#39;!A1" in page and "𫚥九·买买提" in page


def test_the_chart_is_text_in_the_page(office: Office) -> None:
    issued(office)
    with office.staff("hr") as hr:
        page = hr.page("/sittings/s1/records")
        chart = page[page.index("<svg") : page.index("</svg>")]
        assert "4 人，平均" in chart and "合格线 60 分" in chart and "style=" not in chart
        assert "<svg" not in hr.page("/sittings/s1/records?outcome=absent")


def test_pages_of_a_long_list(office: Office) -> None:
    make_sitting(office.home, "s1", people=205, essay=False)
    with office.staff("hr") as hr:
        assert [len(numbers(hr.page(f"/sittings/s1/records?page={n}"))) for n in ("1", "2", "3", "9", "0", "x", "-1")] == [100, 100, 5, 5, 100, 100, 100]
        assert "page=2" in hr.page("/sittings/s1/records")


def test_records_before_they_are_issued_and_after_erasure(office: Office) -> None:
    persons = make_sitting(office.home, "s1", people=3)
    for who in persons:
        add_script(office.home, "s1", who, {**RIGHT, "q006": "x"})
    mark_sitting(office.home, "s1", "test")
    with office.staff("hr") as hr:
        page = hr.page("/sittings/s1/records")
        assert page.count("待定</span>") == 3 and "有 3 处答案等人工评阅" in page
        hr.done("/sittings/s1/issue")
        assert office.work() == [False]
        assert "需要人工评阅" in hr.page("/jobs")
    with office.home.office.connect() as connection:
        assert connection.execute(select(record.c.id)).all() == []


def test_erased_names_do_not_come_back(office: Office) -> None:
    issued(office)
    with transaction(office.home.office) as connection:
        connection.execute(record_payload.delete())
    with office.staff("hr") as hr:
        page = hr.page("/sittings/s1/records")
        assert page.count("已按规定删除") == 8 and "李四" not in page


# ---------------------------------------------------------------- files


def test_only_whole_files_of_the_folder_can_be_taken(office: Office) -> None:
    folder = office.home.exports
    (folder / "s1-20261123-090000.xlsx").write_bytes(b"whole")
    (folder / ".half.xlsx").write_bytes(b"half")
    (folder / "note.txt").write_bytes(b"other")
    (folder / "office.xlsx").symlink_to(office.home.root / "office.db")
    (folder / "分布.svg").write_bytes(b"<svg/>")
    with office.staff("hr") as hr:
        page = hr.page("/exports")
        assert set(re.findall(r'href="/exports/([^"]+)"', page)) == {"%E5%88%86%E5%B8%83.svg", "s1-20261123-090000.xlsx"}
        for name in ("..%2foffice.db", "%2e%2e%2fhome.toml", ".half.xlsx", "note.txt", "office.xlsx", "none.xlsx", "%2fetc%2fpasswd", "s1-20261123-090000.xlsx%00"):
            assert hr.get(f"/exports/{name}").status_code in (400, 404), name
        answer = hr.get("/exports/s1-20261123-090000.xlsx")
        assert answer.content == b"whole" and answer.headers["content-type"] == "application/octet-stream" and answer.headers["cache-control"] == "no-store"
        assert hr.get("/exports/分布.svg").headers["content-disposition"].startswith("attachment")
    with office.home.office.connect() as connection:
        taken = connection.execute(select(AUDIT[OFFICE].c.subject).where(AUDIT[OFFICE].c.action == "export.download")).scalars().all()
    assert taken == ["s1-20261123-090000.xlsx", "分布.svg"]


@pytest.mark.parametrize("form", ["", "exe", "../x", "XLSX"])
def test_unknown_formats_are_refused(office: Office, form: str) -> None:
    issued(office)
    with office.staff("hr") as hr:
        assert "请选择导出格式" in hr.refused("/sittings/s1/export", format=form)


def test_the_list_goes_on_with_the_sitting_it_came_from(office: Office) -> None:
    issued(office)
    with office.staff("hr") as hr:
        assert hr.post("/sittings/s1/export", format="csv").headers["location"] == "/exports?sitting=s1"


# ---------------------------------------------------------------- trail


def test_the_trail_tells_and_is_checked(office: Office) -> None:
    issued(office)
    with office.staff("auditor") as auditor:
        page = auditor.page("/trail")
        assert "签发成绩" in page and "登录" in page
        assert "没有发现改动" in auditor.done("/trail")
        with office.home.office.begin() as connection:
            connection.exec_driver_sql("UPDATE audit SET actor = 'somebody' WHERE n = 2")
        assert "从第 2 条起对不上" in notice(auditor.page(auditor.post("/trail").headers["location"]))


def test_an_auditor_changes_nothing(office: Office) -> None:
    issued(office)
    with office.staff("auditor") as auditor:
        for path in ("/sittings/s1", "/sittings/s1/roster", "/sittings/s1/live", "/sittings/s1/records", "/sittings/s1/marking", "/jobs"):
            page = auditor.page(path)
            assert set(re.findall(r'method="post" action="([^"]+)"', page)) == {"/logout"}, path


def test_forms_on_a_page_are_those_the_role_may_send(office: Office) -> None:
    issued(office)
    with office.staff("hr") as hr:
        sent = forms(hr, "/sittings/s1/records")
        assert sent == {"/logout", "/sittings/s1/issue", "/sittings/s1/export"}
        assert field(hr.page("/sittings/s1/records"), "csrf") == hr.csrf


def forms(person: Person, path: str) -> set[str]:
    return set(re.findall(r'method="post" action="([^"]+)"', person.page(path)))


# ---------------------------------------------------------------- steps


@pytest.mark.parametrize("state, paper, facts, late, title", [
    ("draft", None, Facts(0, 0, 0, 0, 0), False, "名单"), ("draft", None, Facts(3, 0, 0, 0, 0), False, "组卷"), ("draft", "p", Facts(3, 0, 0, 0, 0), False, "开考"),
    ("open", "p", Facts(3, 0, 0, 0, 0), False, "考试中"), ("open", "p", Facts(3, 0, 0, 0, 0), True, "收卷"), ("closed", "p", Facts(3, 2, 1, 1, 0), True, "阅卷"),
    ("marked", "p", Facts(3, 2, 2, 0, 0), True, "成绩"), ("marked", "p", Facts(3, 2, 2, 0, 3), True, ""),
])  # fmt: skip
def test_what_comes_next(office: Office, state: str, paper: str | None, facts: Facts, late: bool, title: str) -> None:
    from dataclasses import replace

    from exams.sittings import get_sitting

    make_sitting(office.home, "s1", people=1)
    with office.home.office.connect() as connection:
        known = replace(get_sitting(connection, "s1"), state=state, paper_id=paper)
    step = current_step(known, facts, known.closes_at + (1 if late else -1))
    assert (TITLES[step] if step < len(TITLES) else "") == title
