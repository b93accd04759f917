"""WCAG 2.2 AA at the candidates' pages: axe-core in real Chromium on every page in every look, zoom, large type, announcements."""

from __future__ import annotations

import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from candidate_room import choose, log_in, saved, sit_down
from playwright.sync_api import expect
from sitting_fixture import MINUTE, open_demo
from sqlalchemy import update

from exams.tables import attempt, open_sitting
from home import now_ms, transaction

pytestmark = pytest.mark.browser

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS = (("0", ""), ("2", "high"))


def violations(page) -> list[str]:
    """What axe-core finds on the page as it is shown, in each look; the look is put back."""
    found = []
    for size, contrast in LOOKS:
        page.evaluate("([size, contrast]) => Object.assign(document.documentElement.dataset, {size, contrast})", [size, contrast])
        for fault in Axe().run(page, options=WCAG).response["violations"]:
            found.append(f"{page.url} size {size} contrast {contrast!r}: {fault['id']}: {[node['html'][:120] for node in fault['nodes'][:3]]}")
    page.evaluate("() => Object.assign(document.documentElement.dataset, {size: '0', contrast: ''})")
    return found


def fits(page) -> bool:
    """Nothing reaches beyond the right edge."""
    return page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")


def test_axe_finds_nothing_on_any_page_in_any_look(home_folder, serve, window):
    one, two = open_demo(home_folder, 2)
    server, context = serve(home_folder), window()
    page, found = context.new_page(), []

    def check(place: str) -> None:
        found.extend(f"{place}: {fault}" for fault in violations(page))

    page.goto(server.url)
    check("log in")
    page.fill("#number", one.admission_no)
    page.fill("#code", "AAAA-AAAA-AAAA")
    page.press("#code", "Enter")
    page.wait_for_selector("[role=alert]")
    check("wrong code")
    log_in(page, server, one)
    page.wait_for_url("**/rules")
    check("rules")
    page.check("[name=confirm]")
    page.click("#start")
    saved(page)
    choose(page, 1, "A")
    page.locator(".flag").nth(1).click()
    saved(page)
    check("paper")
    page.click("#finish-below")
    page.wait_for_selector("#review[open]")
    check("review")
    page.click("#review-back")
    with transaction(home_folder.exam) as connection:
        connection.execute(update(open_sitting).values(paused_at=now_ms()))
    page.wait_for_selector("#paused:not([hidden])", timeout=10_000)
    check("paused paper")
    second = window().new_page()
    page, paper = second, page
    log_in(page, server, two)
    page.wait_for_selector("[data-place=paused]")
    check("paused before the start")
    with transaction(home_folder.exam) as connection:
        connection.execute(update(open_sitting).values(paused_at=None))
    page = paper
    page.wait_for_selector("#paused", state="hidden", timeout=10_000)
    page.route("**/api/save", lambda route: route.abort())
    page.clock.install()
    choose(page, 2, "B")
    page.wait_for_selector("#save[data-state=offline]")
    page.clock.fast_forward(70_000)
    page.wait_for_selector("#offer:not([hidden])")
    check("answer file offered")
    page.unroute("**/api/save")
    page.clock.fast_forward(30_000)
    saved(page)
    page.click("#finish")
    page.check("#review-sure")
    page.click("#review-go")
    page.wait_for_url("**/done")
    check("done")
    page.goto(server.url + "/nowhere")
    check("another address")
    assert found == []


def test_axe_can_find(home_folder, serve, window):
    open_demo(home_folder, 1)
    page = window().new_page()
    page.goto(serve(home_folder).url)
    page.evaluate("() => { document.querySelector('label[for=number]').remove(); document.querySelector('h1').style.color = '#ddd'; }")
    assert {fault.split(": ")[1] for fault in violations(page)} >= {"label", "color-contrast"}


def test_large_type_and_high_contrast_hold_for_the_visit_and_no_longer(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = context.new_page()
    page.goto(server.url)
    page.click("#type-size")
    page.click("#type-size")
    page.click("#high-contrast")
    log_in(page, server, one)
    page.wait_for_url("**/rules")
    assert page.evaluate("() => getComputedStyle(document.documentElement).fontSize") == "31px"
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(0, 0, 0)"
    assert page.inner_text("#type-size") == "字号：特大" and page.get_attribute("#high-contrast", "aria-pressed") == "true" and fits(page)
    page.check("[name=confirm]")
    page.click("#start")
    saved(page)
    assert fits(page) and page.locator("#finish").bounding_box()["x"] < 1366
    page.click("#finish")
    page.check("#review-sure")
    page.click("#review-go")
    page.wait_for_url("**/done")
    page.click("form[action='/logout'] button")
    page.wait_for_url("**/login")
    assert page.inner_text("#type-size") == "字号：标准" and page.evaluate("() => sessionStorage.length") == 0


def test_every_page_reads_in_one_column_at_four_times_zoom(home_folder, serve, chromium):
    (one,) = open_demo(home_folder, 1)
    server = serve(home_folder)
    context = chromium.new_context(viewport={"width": 320, "height": 256}, locale="zh-CN")  # WCAG 1.4.10
    page = context.new_page()
    page.goto(server.url)
    assert fits(page), "log in"
    log_in(page, server, one)
    page.wait_for_url("**/rules")
    assert fits(page), "rules"
    page.check("[name=confirm]")
    page.click("#start")
    saved(page)
    assert fits(page), "paper"
    choose(page, 1, "A")
    saved(page)
    page.click("#finish-below")
    page.wait_for_selector("#review[open]")
    assert fits(page), "review"
    page.check("#review-sure")
    page.click("#review-go")
    page.wait_for_url("**/done")
    assert fits(page), "done"
    context.close()


def test_ten_five_and_one_minute_are_said_once_and_move_nothing(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    page.evaluate(
        "() => { window.said = []; new MutationObserver(() => window.said.push(document.getElementById('say').textContent))"
        ".observe(document.getElementById('say'), {childList: true, characterData: true, subtree: true}); }"
    )
    field = page.locator("textarea")
    field.focus()
    for minutes in (10, 5, 1):
        with transaction(home_folder.exam) as connection:
            connection.execute(update(attempt).values(limit_at=now_ms() + minutes * MINUTE + 2500))
        page.wait_for_function("text => window.said.includes(text)", arg=f"还剩 {minutes} 分钟", timeout=15_000)
        expect(field).to_be_focused()
    time.sleep(1)
    said = page.evaluate("() => window.said")
    assert [said.count(f"还剩 {minutes} 分钟") for minutes in (10, 5, 1)] == [1, 1, 1]
    assert page.get_attribute("#say", "aria-live") == "polite" and page.get_attribute("#left", "aria-live") == "off"
