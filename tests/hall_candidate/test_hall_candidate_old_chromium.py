"""A whole exam in a real Chromium 86 of 2020, by keyboard: what old office PCs have.

The driver's own helpers need a newer browser, so only keys, addresses and plain expressions are used. ``PUFA_CHROMIUM_86`` names the
browser (tests/old_chromium.sh fetches it).
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
from candidate_room import at_server
from playwright.sync_api import Error as PageGone
from playwright.sync_api import sync_playwright
from sitting_fixture import open_demo

from exams.control import pause_room, resume_room
from home import now_ms, transaction

pytestmark = [pytest.mark.browser, pytest.mark.long]
WHERE = os.environ.get("PUFA_CHROMIUM_86", "")


def until(page, expression, most_s=15):
    """Ask until it is true."""
    for _ in range(most_s * 10):
        with suppress(PageGone):  # the page gave way to the next one while it was asked
            if page.evaluate(expression):
                return
        time.sleep(0.1)
    raise AssertionError(f"never: {expression}")


def tab_to(page, selector, most=80):
    for _ in range(most):
        if page.evaluate(f"document.activeElement !== null && document.activeElement.matches({selector!r})"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way by Tab to {selector}")


@pytest.mark.skipif(not WHERE, reason="PUFA_CHROMIUM_86 names no browser")
def test_a_whole_exam_in_chromium_86(home_folder, serve, tmp_path):
    (one,) = open_demo(home_folder, 1)
    server, faults = serve(home_folder), []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=Path(WHERE), args=["--no-sandbox", "--disable-gpu", "--single-process"])
        assert browser.version.startswith("86.")
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.goto(server.url)
        until(page, "document.activeElement.id === 'number'")
        page.keyboard.type(one.admission_no)
        page.keyboard.press("Tab")
        page.keyboard.type(one.code)
        page.keyboard.press("Enter")
        until(page, "location.pathname === '/rules' && document.readyState === 'complete'")
        tab_to(page, "#type-size")
        page.keyboard.press("Enter")
        until(page, "getComputedStyle(document.documentElement).fontSize === '25px'")
        tab_to(page, "[name=confirm]")
        page.keyboard.press("Space")
        tab_to(page, "#start")
        page.keyboard.press("Enter")
        until(page, "location.pathname === '/paper' && document.getElementById('save').dataset.state === 'saved'")
        tab_to(page, ".question[data-number='1'] input")
        page.keyboard.press("Space")
        tab_to(page, "textarea")
        page.keyboard.type("依法办理")
        until(page, "document.getElementById('save').dataset.state === 'saved' && document.querySelectorAll('.cell[data-state=answered]').length === 3")
        shown = page.evaluate("getComputedStyle(document.querySelector('.desk')).columnGap + ' ' + document.documentElement.scrollWidth")
        assert shown.endswith(" 1366") and not shown.startswith(("normal", "0")), "the gaps of the layout are there"
        with transaction(home_folder.exam) as connection:
            pause_room(connection, "demo", reason="停电", by="kaowu", now=now_ms())
        until(page, "!document.getElementById('paused').hidden")
        with transaction(home_folder.exam) as connection:
            resume_room(connection, "demo", reason="来电", by="kaowu", now=now_ms())
        until(page, "document.getElementById('paused').hidden")
        tab_to(page, "#finish-below")
        page.keyboard.press("Enter")
        until(page, "document.getElementById('review').open")
        tab_to(page, "#review-sure")
        page.keyboard.press("Space")
        tab_to(page, "#review-go")
        page.keyboard.press("Enter")
        until(page, "location.pathname === '/done'")
        assert page.evaluate("localStorage.length") == 0
        browser.close()
    assert sorted(at_server(home_folder, one).values())[-1] == "依法办理" and len(at_server(home_folder, one)) == 2
    assert faults == []
