"""The office in real Chromium: by keyboard, self-refreshing pages, printing, nothing blocked by the policy, nothing too wide."""

from __future__ import annotations

import pytest
from grading_fixture import RIGHT, add_script, make_sitting
from office_room import PASSWORD, Office, import_people, new_sitting, opened, people
from playwright.sync_api import Page
from sqlalchemy import func, select, update

from exams.tables import attempt, entry
from grading.marks import mark_sitting
from grading.tables import job
from home import now_ms, transaction
from people.approvals import ask

pytestmark = pytest.mark.browser


def put_in(office: Office, name: str = "s-1", n: int = 4) -> None:
    with office.visitor() as officer:
        officer.log_in("wangfang", PASSWORD)
        opened(office, officer, name, n)


def test_the_live_page_follows_the_room_and_names_are_inert(page: Page, office: Office) -> None:
    put_in(office)
    with transaction(office.home.exam) as connection:
        connection.execute(update(entry).values(unit_label="<img src=x onerror=alert(1)><script>alert(2)</script>"))
    page.goto("/sittings/s-1/live")
    assert page.locator("[data-count=not_started]").inner_text() == "4"
    with transaction(office.home.exam) as connection:
        ident, now = connection.execute(select(func.min(entry.c.id))).scalar_one(), now_ms()
        connection.execute(attempt.insert().values(
            entry_id=ident, sitting_id="s-1", form="A", display_order="[]", started_at=now, limit_at=now + 3_600_000, state="open", writer=1))  # fmt: skip
    page.locator("[data-count=writing]", has_text="1").wait_for(timeout=12_000)
    assert page.locator("[data-count=not_started]").inner_text() == "3"
    assert page.locator("#live-lines img, #live-lines script").count() == 0
    page.locator(".live-counts a[href*='state=writing']").press("Enter")
    page.wait_for_url("**state=writing**")
    assert page.locator("#live-lines tr:visible").count() == 1
    page.wait_for_timeout(5500)
    assert page.locator("#live-lines tr:visible").count() == 1, "the filter outlives a refresh"


def test_the_open_live_page_hears_of_alarms_and_of_requests(page: Page, office: Office) -> None:
    put_in(office)
    page.goto("/sittings/s-1/live")
    assert page.locator("#live-approvals").is_hidden() and page.locator("#alarms").get_by_text("没存上").count() == 0
    now = now_ms()
    with transaction(office.home.office) as connection:
        ask(connection, "attempt.void", "1", by="li", reason="夹带", sitting="s-1")
    with transaction(office.home.exam) as connection:
        ident = connection.execute(select(func.min(entry.c.id))).scalar_one()
        connection.execute(attempt.insert().values(
            entry_id=ident, sitting_id="s-1", form="A", display_order="[]", started_at=now, limit_at=now + 3_600_000, state="open", writer=1,
            last_seen_at=now, unsaved=2, unsaved_since=now - 300_000))  # fmt: skip
    page.get_by_text("有 1 项申请等您审批").wait_for(timeout=12_000)
    page.locator("#alarms").get_by_text("有考生的答案超过 30 秒没存上").wait_for(timeout=20_000)
    page.get_by_role("link", name="去审批").click()
    page.wait_for_url("**/approvals")


def test_what_is_to_be_done_is_not_under_the_panel(page: Page, office: Office) -> None:
    put_in(office)
    page.goto("/sittings/s-1/live")
    page.get_by_text("出了什么事？").click()
    page.get_by_role("link", name="耽误了时间，要给一个人加时").click()
    told = page.get_by_text("点那名考生")
    told.wait_for()
    box = told.bounding_box()
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).textContent.includes('点那名考生')", [box["x"] + 5, box["y"] + 5])
    page.locator("#live-lines a").first.click()
    page.wait_for_url("**/candidates/*#time")
    assert page.locator("#events h3").inner_text() == "考生登记 现为：应考"


def test_the_live_page_says_when_it_is_cut_off(page: Page, office: Office) -> None:
    put_in(office, n=2)
    page.goto("/sittings/s-1/live")
    assert page.locator("#live-stale").is_hidden()
    page.route("**/live.json", lambda route: route.abort())
    page.locator("#live-stale").wait_for(state="visible", timeout=12_000)
    page.unroute("**/live.json")
    page.locator("#live-stale").wait_for(state="hidden", timeout=12_000)


def test_a_double_click_asks_once_and_the_page_follows_the_job(page: Page, office: Office) -> None:
    with office.visitor() as officer:
        officer.log_in("wangfang", PASSWORD)
        new_sitting(officer)
        import_people(officer, "s-1", people(2))
    page.goto("/sittings/s-1")
    page.get_by_role("button", name="组卷").dblclick()
    page.get_by_text("排队等候").wait_for()
    with office.home.office.connect() as connection:
        assert connection.execute(select(func.count()).select_from(job)).scalar_one() == 1
    assert office.work() == [True]
    page.get_by_text("下一步：开考").wait_for(timeout=12_000)


def test_slips_print_ten_on_a_sheet(page: Page, office: Office) -> None:
    put_in(office, n=21)
    page.goto("/sittings/s-1/slips")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="生成考试码").click()
    page.locator(".slip").nth(20).wait_for()
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 3
    page.emulate_media(media="print")
    assert page.locator("header").is_hidden() and page.locator(".no-print").is_hidden()
    first = page.locator(".slip").first
    assert first.evaluate("slip => slip.scrollHeight <= slip.clientHeight + 1"), "nothing of a slip is cut off"


def test_marking_by_keyboard_alone(page: Page, office: Office) -> None:
    persons = make_sitting(office.home, "s1", people=2)
    for who in persons:
        add_script(office.home, "s1", who, {**RIGHT, "q006": "<script>alert(1)</script><img src=x onerror=alert(1)>"})
    mark_sitting(office.home, "s1", "test")
    page.goto("/sittings/s1/marking/q006/item-q006")
    for points in ("12.5", "20"):
        page.wait_for_function("document.activeElement.id === 'points'")
        page.keyboard.type(points)
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert "已全部评完" in page.locator(".notice").inner_text()


def test_no_page_is_too_wide_or_too_small(page: Page, office: Office) -> None:
    put_in(office, n=6)
    make_sitting(office.home, "s1", people=4)
    for path in ("/", "/sittings/new", "/sittings/s-1", "/sittings/s-1/roster", "/sittings/s-1/slips", "/sittings/s-1/live", "/sittings/s-1/close",
                 "/sittings/s1/marking", "/sittings/s1/records", "/exports", "/jobs", "/trail", "/password", "/none"):  # fmt: skip
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 1366, path
        smallest = page.evaluate(
            "Math.min(...[...document.querySelectorAll('main *')].filter(e => e.children.length === 0 && e.textContent.trim() && e.offsetParent)"
            ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
        )
        assert smallest >= 15.5, (path, smallest)
        assert page.evaluate("[...document.querySelectorAll('input:not([type=hidden]), select')].every(e => e.labels.length || e.ariaLabel)"), path
