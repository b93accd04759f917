"""A candidate at a real Chromium: mouse, keyboard, reload, a cut network, a killed server, two tabs, time-up."""

from __future__ import annotations

import json
import time

import pytest
from candidate_room import at_server, choose, left_behind, on_screen, saved, sit_down
from playwright.sync_api import expect
from sitting_fixture import MINUTE, open_demo
from sqlalchemy import select, update

from exams.attempts import effective_answers
from exams.control import grant_time, newest_grant
from exams.decisions import take_back_time
from exams.tables import attempt
from home import now_ms, transaction

pytestmark = pytest.mark.browser


def test_a_whole_exam_by_mouse(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    choose(page, 1, "B")
    choose(page, 2, "A")
    choose(page, 5, "A", "C")
    choose(page, 7, "B")
    page.locator("textarea").fill("一、公开；\n二、公平。")
    saved(page)
    assert at_server(home_folder, one) == on_screen(page) and len(on_screen(page)) == 5
    choose(page, 1, "C")
    page.locator(".question[data-number='2'] .clear").click()
    page.locator(".question[data-number='3'] .flag").click()
    saved(page)
    before = on_screen(page)
    assert len(before) == 4

    page.reload()
    saved(page)
    assert on_screen(page) == before
    assert page.locator("#card .cell[data-flagged]").all_inner_texts() == ["3"]
    assert page.locator("#card .cell[data-state=answered]").count() == 4

    context.set_offline(True)
    choose(page, 4, "D")
    choose(page, 5, "B")
    page.wait_for_selector("#save[data-state=offline]")
    assert "2 题暂存在本机" in page.inner_text("#save-text")
    page.click("#finish")
    page.check("#review-sure")
    expect(page.locator("#review-go")).to_be_disabled()
    page.click("#review-back")
    context.set_offline(False)
    saved(page)
    assert at_server(home_folder, one) == on_screen(page) and len(on_screen(page)) == 5

    page.click("#finish")
    assert page.locator("#review-open .cell").all_inner_texts() == ["2", "3", "6", "8"]
    assert page.locator("#review-flags .cell").all_inner_texts() == ["3"]
    page.locator("#review-open .cell").first.click()
    expect(page.locator(".question[data-number='2']")).to_be_focused()
    page.click("#finish-below")
    expect(page.locator("#review-go")).to_be_disabled()
    page.check("#review-sure")
    last = on_screen(page)
    page.click("#review-go")
    page.wait_for_url("**/done")
    assert "您已交卷" in page.inner_text("h1") and "4 题" in page.inner_text("main")
    assert at_server(home_folder, one) == last
    assert left_behind(page) == "{}"
    page.click("text=退出")
    page.wait_for_url("**/login")
    page.goto(server.url + "/paper")
    assert page.url.endswith("/login")


def test_a_whole_exam_by_keyboard_alone(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = context.new_page()
    page.goto(server.url)
    keys = page.keyboard
    keys.type(one.admission_no)
    keys.press("Tab")
    keys.type(one.code)
    keys.press("Enter")
    page.wait_for_url("**/rules")

    def tab_to(selector, most=60):
        for _ in range(most):
            if page.evaluate(f"() => document.activeElement && document.activeElement.matches({selector!r})"):
                return
            keys.press("Tab")
        raise AssertionError(f"no way by Tab to {selector}")

    tab_to("[name=confirm]")
    keys.press("Space")
    tab_to("#start")
    keys.press("Enter")
    page.wait_for_url("**/paper")
    saved(page)
    tab_to(".question[data-number='1'] input")
    keys.press("Space")
    keys.press("ArrowDown")
    tab_to(".question[data-number='5'] input")
    keys.press("Space")
    keys.press("Tab")
    keys.press("Space")
    tab_to(".question[data-number='6'] .flag")
    keys.press("Enter")
    tab_to("textarea")
    keys.type("依法办理")
    tab_to("#next-open")
    keys.press("Enter")
    assert page.evaluate("() => document.activeElement.dataset.number") == "2"
    saved(page)
    answers = on_screen(page)
    assert sorted(len(answer) for answer in answers.values()) == [1, 2, 4]
    assert at_server(home_folder, one) == answers
    tab_to("#finish-below")
    keys.press("Enter")
    expect(page.locator("#review-back")).to_be_focused()
    tab_to("#review-sure")
    keys.press("Space")
    tab_to("#review-go")
    keys.press("Enter")
    page.wait_for_url("**/done")
    assert at_server(home_folder, one) == answers


def test_nothing_can_be_chosen_before_the_page_is_ready_to_keep_it(home_folder, serve, window):
    """On a slow computer the questions are seen before the scripts run; a choice made then would be overwritten in silence."""
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    choose(page, 1, "A")
    page.locator("textarea").fill("写了一半")
    saved(page)
    before, held = on_screen(page), []
    context.route("**/paper.js", lambda route: held.append(route))
    page.goto(server.url + "/paper", wait_until="commit")
    page.wait_for_selector("#save[data-state=loading]")
    assert "正在载入" in page.inner_text("#save")
    page.wait_for_selector(".question .option")
    for locator in (page.locator(".option").first, page.locator("textarea")):
        locator.click(force=True)
    page.keyboard.type("太早")
    assert on_screen(page) == {} and page.locator(".question input").first.is_disabled() and page.locator("textarea").is_disabled()
    held[0].continue_()
    context.unroute("**/paper.js")
    saved(page)
    assert on_screen(page) == before == at_server(home_folder, one)
    choose(page, 1, "B")
    saved(page)
    assert at_server(home_folder, one) == on_screen(page) != before


def test_what_could_not_be_sent_survives_a_reload_and_is_sent_by_itself(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    choose(page, 1, "A")
    saved(page)
    context.route("**/api/save", lambda route: route.abort())
    choose(page, 1, "B")
    page.locator("textarea").fill("写了一半")
    page.wait_for_selector("#save[data-state=offline]")
    assert len(at_server(home_folder, one)) == 1
    page.on("dialog", lambda dialog: dialog.accept())
    before = on_screen(page)
    page.reload()
    page.wait_for_selector("#save[data-state=offline]")
    assert on_screen(page) == before and "从本机找回" in page.inner_text("#banner")
    context.unroute("**/api/save")
    saved(page)
    assert at_server(home_folder, one) == on_screen(page) == before


def test_a_killed_server_loses_nothing_and_the_page_goes_on(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    choose(page, 1, "A")
    saved(page)
    server.kill()
    choose(page, 2, "B")
    page.wait_for_selector("#save[data-state=offline]")
    choose(page, 5, "A", "D")
    server.start()
    saved(page)
    assert at_server(home_folder, one) == on_screen(page) and len(on_screen(page)) == 3


def test_a_refusal_of_the_server_is_shown_and_retried(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    body = json.dumps({"reason": "unsaved", "code": "B01", "text": "没有保存"})
    context.route("**/api/save", lambda route: route.fulfill(status=503, content_type="application/json", body=body))
    choose(page, 1, "A")
    page.wait_for_selector("#save[data-state=retry]")
    assert page.inner_text("#save-text") == "有 1 题尚未保存，正在重试"
    assert at_server(home_folder, one) == {}
    context.unroute("**/api/save")
    saved(page)
    assert len(at_server(home_folder, one)) == 1


def test_the_older_of_two_tabs_stops_and_writes_nothing(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    old = sit_down(context, server, one)
    choose(old, 1, "A")
    saved(old)
    new = context.new_page()
    new.goto(server.url)
    saved(new)
    old.wait_for_selector("#stop[open]")
    assert "另一个页面" in old.inner_text("#stop-text") and "K03" in old.inner_text("#stop-code")
    expect(old.locator(".question[data-number='1'] input").first).to_be_disabled()
    choose(new, 1, "B")
    saved(new)
    assert at_server(home_folder, one) == on_screen(new)
    old.click("#stop-actions button")
    saved(old)
    new.wait_for_selector("#stop[open]")
    assert on_screen(old) == at_server(home_folder, one)


def test_time_up_flushes_and_closes_by_itself(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1, opens=now_ms() - 120 * MINUTE + 9000)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    assert page.locator("#time").get_attribute("data-near") == "1"
    choose(page, 1, "A")
    page.locator("textarea").type("最后一句", delay=20)
    page.wait_for_url("**/done", timeout=20_000)
    assert "时间到" in page.inner_text("h1")
    with home_folder.exam.connect() as connection:
        row = connection.execute(select(attempt)).one()
        answers = effective_answers(connection, row.id)
    assert (row.closed_by, row.closed_at) == ("time", row.limit_at)
    assert sorted(answers.values())[1] == "最后一句" and len(answers) == 2
    assert left_behind(page) == "{}"


def test_whoever_is_away_at_time_up_is_closed_with_the_last_saves(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1, grace_s=0)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    choose(page, 1, "A")
    saved(page)
    page.close()
    with transaction(home_folder.exam) as connection:
        connection.execute(update(attempt).values(limit_at=now_ms() - 14_000))
    for _ in range(100):
        with home_folder.exam.connect() as connection:
            row = connection.execute(select(attempt)).one()
        if row.state == "closed":
            break
        time.sleep(0.2)
    assert (row.state, row.closed_by, row.closed_at) == ("closed", "time", row.limit_at)
    assert len(at_server(home_folder, one)) == 1


def test_more_time_appears_without_a_reload(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    with transaction(home_folder.exam) as connection:
        grant_time(connection, one.admission_no, 600, kind="extra", reason="停电", by="kaowu", now=now_ms())
    page.wait_for_selector("#banner:not([hidden])", timeout=8000)
    assert "加时 10 分钟" in page.inner_text("#banner")
    expect(page.locator("#left")).to_contain_text("1:09:")
    with transaction(home_folder.exam) as connection:
        seen = newest_grant(connection, "demo", one.admission_no)
        take_back_time(connection, "demo", one.admission_no, 540, reason="应为 1 分钟", by="kaowu", second="li", now=now_ms(), after=seen)
    expect(page.locator("#banner")).to_contain_text("已收回 9 分钟", timeout=8000)
    expect(page.locator("#left")).to_contain_text("1:00:")


def test_an_answer_that_was_long_on_its_way_takes_nothing_back(home_folder, serve, window):
    """The stream has told of more time; the answer to a save from before that comes later, with the limit of then."""
    (one,) = open_demo(home_folder, 1)
    page = sit_down(window(), serve(home_folder), one)
    heard = page.evaluate("""() => {
        const told = [], note = () => {};
        const clock = new pufa.Clock(1000, 3600000, { said: note, up: note, thawed: note, paused: note, moved: (minutes) => told.push(minutes) });
        clock.hear({ now: 3000, limit: 4200000, paused: null }, null);
        clock.hear({ now: 2900, limit: 3600000, paused: null }, performance.now());
        clock.hear({ now: 4000, limit: 4140000, paused: null }, null);
        clock.hear({ now: 4000 - 60000, limit: 4200000, paused: null }, performance.now());
        clock.hear({ now: 9000, limit: 4200000, paused: null }, performance.now());
        clock.hear({ now: 8990, limit: 4800000, paused: null }, null);
        return told;
    }""")
    assert heard == [10, -1, 1, 10], "a server whose clock was set back is still heard, and the stream of a process whose clock is behind another's"


@pytest.mark.parametrize("shift_ms", [-86_400_000, 3_600_000])
def test_the_clock_of_the_pc_changes_nothing(home_folder, serve, window, shift_ms):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    context.add_init_script(f"const real = Date.now; Date.now = () => real() + {shift_ms};")
    page = sit_down(context, server, one)
    assert page.inner_text("#left").startswith(("59:", "1:00:00"))
    choose(page, 1, "A")
    saved(page)
    assert len(at_server(home_folder, one)) == 1


def test_a_lost_session_is_renewed_in_place(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    context.clear_cookies(name="pufa_hall")
    choose(page, 1, "A")
    page.wait_for_selector("#again[open]")
    page.fill("#again-code", "0000-0000-0000")
    page.click("#again button")
    page.wait_for_selector("#again-fault:not([hidden])")
    assert "D01" in page.inner_text("#again-fault")
    page.fill("#again-code", one.code)
    page.press("#again-code", "Enter")
    saved(page)
    assert at_server(home_folder, one) == on_screen(page) and len(on_screen(page)) == 1
    assert not page.locator("#again").get_attribute("open")


def test_nothing_of_the_last_candidate_stays_on_a_shared_pc(home_folder, serve, window):
    one, two = open_demo(home_folder, 2)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    context.route("**/api/save", lambda route: route.abort())
    page.locator("textarea").fill("张三的答案")
    page.wait_for_selector("#save[data-state=offline]")
    assert "张三的答案" in left_behind(page)
    context.clear_cookies(name="pufa_hall")
    page.close()
    context.unroute("**/api/save")
    other = sit_down(context, server, two)
    assert "张三的答案" not in left_behind(other) and on_screen(other) == {}


def test_the_page_is_usable_at_four_times_zoom(home_folder, serve, chromium):
    (one,) = open_demo(home_folder, 1)
    server = serve(home_folder)
    context = chromium.new_context(viewport={"width": 341, "height": 192}, locale="zh-CN")
    page = sit_down(context, server, one)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    choose(page, 1, "A")
    saved(page)
    assert len(at_server(home_folder, one)) == 1
    context.close()


def test_without_script_the_candidate_is_told(home_folder, serve, chromium):
    open_demo(home_folder, 1)
    server = serve(home_folder)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url)
    assert "关闭了脚本" in page.inner_text("main")
    context.close()
