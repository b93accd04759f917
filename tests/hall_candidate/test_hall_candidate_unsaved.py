"""What the page does with answers that the server does not hold yet: a crash, half an hour without network, a network that never
returns, and that it never says 已保存 of an answer that is not stored (cases A7, A8, A9, A15)."""

from __future__ import annotations

import random
import time
from contextlib import suppress

import pytest
from candidate_room import at_server, choose, left_behind, on_screen, saved, sit_down
from playwright.sync_api import Error
from sitting_fixture import KEY, open_demo
from sqlalchemy import select

from exams.answer_files import AnswerFileError, merge, preview, read_answer_file
from exams.attempts import effective_answers
from exams.chain import verify_chain
from exams.tables import attempt, save
from home import now_ms, transaction

pytestmark = pytest.mark.browser


def crash(page) -> None:
    """The process of the page dies; nothing of it runs any more."""
    with pytest.raises(Error, match="crash"):
        page.goto("chrome://crash")
    page.close()


def test_after_a_crash_a_draft_is_offered_and_is_nothing_before_it_is_taken(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    choose(page, 1, "A")
    saved(page)
    before = at_server(home_folder, one)
    page.locator("textarea").fill("写到一半，浏览器没了")   # it would be sent after a second's pause
    crash(page)
    assert at_server(home_folder, one) == before
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector("#drafts[open]")
    assert "写到一半，浏览器没了" in page.inner_text("#drafts-list") and on_screen(page) == before
    page.wait_for_timeout(1500)
    assert at_server(home_folder, one) == before, "nobody has said that it counts"
    page.click("#drafts-take")
    saved(page)
    assert at_server(home_folder, one) == on_screen(page) and "写到一半，浏览器没了" in at_server(home_folder, one).values()


def test_a_draft_that_is_not_taken_is_gone(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    page.locator("textarea").fill("不要这一段")
    crash(page)
    page = context.new_page()
    page.goto(server.url)
    page.click("#drafts-leave")
    saved(page)
    assert at_server(home_folder, one) == {} == on_screen(page) and "不要这一段" not in left_behind(page)


def test_half_an_hour_without_network_and_everything_arrives_in_order(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    server, context = serve(home_folder), window()
    page = sit_down(context, server, one)
    page.clock.install()
    context.route("**/api/**", lambda route: route.abort())
    for number in range(1, 9):
        choose(page, number, "A")
        page.clock.fast_forward(220_000)
    page.locator("textarea").fill("断网三十分钟里写的")
    page.clock.fast_forward(40_000)
    assert page.get_attribute("#save", "data-state") == "offline" and at_server(home_folder, one) == {}
    context.unroute("**/api/**")
    page.clock.fast_forward(60_000)
    page.clock.resume()
    saved(page)
    assert at_server(home_folder, one) == on_screen(page) and len(on_screen(page)) == 9
    with home_folder.exam.connect() as connection:
        rows = connection.execute(select(save.c.seq, save.c.client_at, save.c.received_at).order_by(save.c.chain_n)).all()
        assert verify_chain(connection, "demo") is None
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)
    assert [row.client_at for row in rows] == sorted(row.client_at for row in rows) and rows[-1].client_at - rows[0].client_at > 25 * 60_000


def test_a_network_that_never_returns_leaves_by_a_file_that_is_merged_once(home_folder, serve, window, tmp_path):
    one, other = open_demo(home_folder, 2)
    server, context = serve(home_folder), window(accept_downloads=True)
    page = sit_down(context, server, one)
    choose(page, 1, "A")
    saved(page)
    page.clock.install()
    context.route("**/api/**", lambda route: route.abort())
    choose(page, 2, "B")
    page.locator("textarea").fill("只在这台电脑里的答案")
    page.wait_for_selector("#save[data-state='offline']")   # the minute begins when the page knows that a save has failed
    page.clock.fast_forward(70_000)
    page.wait_for_selector("#offer:not([hidden])")
    with page.expect_download() as waiting:
        page.click("#offer-save")
    path = tmp_path / "answers"
    waiting.value.save_as(path)
    raw, shown = path.read_bytes(), on_screen(page)
    assert "只在这台电脑里的答案".encode() not in raw and one.admission_no in waiting.value.suggested_filename
    page.close()
    file = read_answer_file(raw, KEY)
    with transaction(home_folder.exam) as connection:
        assert sum(line.outcome == "new" for line in preview(connection, file).lines) == 2
        merge(connection, file, by="kaowu", second="zuren", reason="断网", now=now_ms())
    with pytest.raises(AnswerFileError), transaction(home_folder.exam) as connection:
        merge(connection, file, by="kaowu", second="zuren", reason="又来一次", now=now_ms())
    with home_folder.exam.connect() as connection:
        assert effective_answers(connection, connection.execute(select(attempt.c.id)).scalar_one()) == shown
    with pytest.raises(AnswerFileError):
        read_answer_file(raw.replace(one.admission_no.encode(), other.admission_no.encode()), KEY)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whenever_the_page_says_saved_the_server_holds_what_is_on_the_screen(home_folder, serve, window, seed):
    (one,) = open_demo(home_folder, 1)
    server, context, chance = serve(home_folder), window(), random.Random(seed)
    page = sit_down(context, server, one)

    def weather(route) -> None:
        """Dropped before it arrives, answered by a proxy, stored but the answer lost, or well."""
        kind = chance.choice(("abort", "gone", "swallowed", "well", "well"))
        if kind == "abort":
            route.abort()
        elif kind == "gone":
            route.fulfill(status=502, body="bad gateway")
        elif kind == "swallowed":
            with suppress(Error):  # the page went on, or the weather was called off, while this was under way
                route.fetch()
                route.abort()
        else:
            route.continue_()

    context.route("**/api/save", weather)
    said = 0
    for _ in range(25):
        number = chance.randint(1, 9)
        if number == 9:
            page.locator("textarea").fill(f"第 {chance.randint(1, 99)} 稿")
        else:
            page.locator(f".question[data-number='{number}'] .option").nth(chance.randint(0, 1)).click()
        page.wait_for_timeout(chance.choice((0, 50, 400)))
        if page.get_attribute("#save", "data-state") == "saved":
            said += 1
            assert at_server(home_folder, one) == on_screen(page)
    context.unroute("**/api/save")
    saved(page)
    time.sleep(0.3)
    assert said > 0 and at_server(home_folder, one) == on_screen(page)
