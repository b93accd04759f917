"""Servers and browsers that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hall_fixture import Browser, Server
from playwright.sync_api import Browser as ChromiumBrowser
from playwright.sync_api import BrowserContext, sync_playwright
from sitting_fixture import KEY, Candidate
from starlette.testclient import TestClient

from hall.candidate.app import create_app
from home import Home


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test."""
    servers: list[Server] = []

    def start(home: Home, *options: str) -> Server:
        servers.append(Server(home, tmp_path / f"server-{len(servers)}.log", *options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture
def open_browser() -> Iterator[Callable[..., Browser]]:
    """Make browsers that are closed with the test."""
    browsers: list[Browser] = []

    def make(url: str, candidate: Candidate) -> Browser:
        browsers.append(Browser(url, candidate))
        return browsers[-1]

    yield make
    for browser in browsers:
        browser.http.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[ChromiumBrowser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: ChromiumBrowser) -> Iterator[Callable[[], BrowserContext]]:
    """Separate browser windows, 1366 x 768, each with cookies of its own; a script fault in a page fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def make(**how: object) -> BrowserContext:
        context = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN", **how)  # type: ignore[arg-type]
        context.on("weberror", lambda error: faults.append(str(error.error)))
        context.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def hall(any_home: Home) -> Iterator[Callable[[Candidate], Browser]]:
    """Browsers on the app itself, on both databases, without a network between."""
    app = create_app(any_home, KEY, secure=True)
    with TestClient(app, base_url="https://hall.test", raise_server_exceptions=False) as first:

        def make(candidate: Candidate) -> Browser:
            browser = Browser("https://hall.test", candidate, first.__class__(app, base_url="https://hall.test", raise_server_exceptions=False))
            browser.http.portal = first.portal  # the app's one event loop
            return browser

        yield make
