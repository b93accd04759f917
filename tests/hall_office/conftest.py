from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from office_room import PASSWORD, Office
from playwright.sync_api import Browser, Page, sync_playwright

from home import Home, transaction
from people.accounts import add_account


@pytest.fixture
def office(home_folder: Home) -> Office:
    return Office(home_folder)


@pytest.fixture
def address(office: Office) -> Iterator[str]:
    """The app on a real port."""
    server = uvicorn.Server(uvicorn.Config(office.app, host="127.0.0.1", port=0, log_level="warning", access_log=False, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, office: Office, address: str) -> Iterator[Page]:
    """Logged in by keyboard as somebody with all the roles of a small office; any script error or blocked resource fails the test."""
    with transaction(office.home.office) as connection:
        add_account(connection, "wangfang", "王芳", PASSWORD, ["exam_officer", "marker", "hr", "operator"], "test")
    context = browser.new_context(viewport={"width": 1366, "height": 768}, base_url=address, locale="zh-CN")
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" and not line.text.startswith("Failed to load resource") else None)
    page.on("response", lambda answer: problems.append(answer.url) if answer.status >= 400 and not answer.url.endswith("/none") else None)
    page.on("dialog", lambda dialog: (problems.append("dialog: " + dialog.message), dialog.dismiss()))
    page.goto("/login")
    page.wait_for_function("document.activeElement.id === 'login'")
    page.keyboard.type("wangfang")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    yield page
    context.close()
    assert problems == []
