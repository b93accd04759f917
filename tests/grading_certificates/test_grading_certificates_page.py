"""The offline page in real Chromium: opened as a file, with the network off; the same verdicts as the command's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from certifying_fixture import sit
from playwright.sync_api import Page, expect, sync_playwright

from exams.events import record_event
from grading.certificates.issue import make, revoke
from grading.certificates.offline_page import offline_page, revocation_file
from grading.records import issue_records
from home import Home, transaction

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A page made before one certificate was revoked, the list made after it, and the certificates."""
    folder = tmp_path_factory.mktemp("page")
    home = Home.create(folder / "home", "某县<考试>办公室")
    sat = sit(home)
    codes = [sheet.code for sheet in make(home, "s1", "certificate", "hr1").sheets]
    numbers = [sheet.number for sheet in make(home, "s1", "certificate", "hr1").sheets]
    with transaction(home.office) as connection:
        record_event(connection, "s1", sat.persons[1], "misconduct", by="o", reason="雷同卷", document_no="1")
    issue_records(home, "s1", "hr1")
    (folder / "verify.html").write_text(offline_page(home), encoding="utf-8")
    with transaction(home.office) as connection:
        revoke(connection, numbers[2], "冒名", "hr1")
    (folder / "list.txt").write_text(revocation_file(home), encoding="utf-8")
    other = Home.create(folder / "other", "邻县")
    sit(other)
    foreign = make(other, "s1", "certificate", "hr1").sheets[0].code
    (folder / "foreign.txt").write_text(revocation_file(other), encoding="utf-8")
    yield folder, codes, foreign
    home.close()
    other.close()


@pytest.fixture(scope="module")
def page(made) -> Iterator[Page]:
    folder: Path = made[0]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN", offline=True)
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        page.on("request", lambda asked: problems.append(asked.url) if not asked.url.startswith("file:") else None)
        page.goto((folder / "verify.html").as_uri())
        expect(page.locator("#list-state")).to_contain_text("共 1 份停用")
        yield page
        assert problems == []
        browser.close()


def verdict(page: Page, code: str) -> str:
    """What the page says to a code that a handheld scanner types, Enter at its end."""
    page.click("#clear")
    page.keyboard.insert_text(code)
    page.keyboard.press("Enter")
    page.wait_for_selector("#result h2")
    return page.inner_text("#result")


def test_a_genuine_one_stands_and_shows_what_to_compare(page, made):
    said = verdict(page, made[1][0])
    for word in ("✓ 签名有效（模拟）", "不作依据", "李*", "0001", "2028-11-23", "合格证书", "某县<考试>办公室"):
        assert word in said, word
    assert "✓" in verdict(page, made[1][5].lower()), "caps lock of a scanner does no harm"


def test_any_byte_changed_is_refused(page, made):
    code = made[1][0]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for place in (*range(0, len(code), 23), len(code) - 1):
        other = next(letter for letter in alphabet if letter != code[place])
        assert "✗ 不能通过" in verdict(page, code[:place] + other + code[place + 1 :]), place
    for bad in (code[:-1], code + "A", "PUFA1-", "https://example.org", "〇"):
        assert "✗ 不能通过" in verdict(page, bad)


def test_another_offices_is_named_as_such(page, made):
    assert "可能由其他单位签发" in verdict(page, made[2])


def test_superseded_before_the_page_was_made_is_known_and_a_newer_list_tells_of_the_rest(page, made):
    folder, codes, _foreign = made
    assert "✗ 已停用" in verdict(page, codes[1]) and "成绩已更正" in verdict(page, codes[1])
    assert "✓" in verdict(page, codes[2]), "revoked only after the page was made"
    page.set_input_files("#list", folder / "foreign.txt")
    expect(page.locator("#list-state")).to_contain_text("没有采用")
    page.set_input_files("#list", folder / "list.txt")
    expect(page.locator("#list-state")).to_contain_text("共 2 份停用")
    assert "由签发单位撤销" in verdict(page, codes[2])
    assert "✗ 已停用" in verdict(page, codes[1])


def test_it_expires_by_the_clock_of_the_computer(page, made):
    page.evaluate("() => { const Real = Date; window.Date = class extends Real { constructor(...a) { a.length ? super(...a) : super('2028-11-24T09:00:00'); } }; }")
    assert "✗ 已过期" in verdict(page, made[1][0])
    page.evaluate("() => { window.Date = Object.getPrototypeOf(window.Date); }")
    assert "✓" in verdict(page, made[1][0])


def test_the_page_names_no_host_and_carries_nobody(made):
    folder, codes, _foreign = made
    text = (folder / "verify.html").read_text(encoding="utf-8")
    policy = text.partition('Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
    assert "李四" not in text and codes[0] not in text
    assert "MIT License (c) 2019 Paul Miller" in text
