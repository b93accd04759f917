"""A text module and the data module clicked through in JupyterLab by mouse and keyboard, as a learner does."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab_fixture import TOKEN
from playwright.sync_api import Locator, Page, TimeoutError, sync_playwright

from courses.module import MODULES, read_module
from question_bank.bank import Bank

SHOTS = Path(__file__).parent.parent.parent / "screenshots"
BANK = Bank.read()
TEXT, DATA = "community-law/01-residents-and-villagers-committees", "governance-data/01-grid-staffing"


@pytest.fixture
def open_module(lab: tuple[str, Path]) -> Iterator[Callable[[str], Page]]:
    """Opens a module and runs it all, as the ▶▶ button does."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])

        def opened(name: str) -> Page:
            copy = lab[1] / f"{secrets.token_hex(4)}.ipynb"     # its own kernel, no outputs of an earlier test
            copy.write_bytes((MODULES / f"{name}.ipynb").read_bytes())
            page = browser.new_page(viewport={"width": 1366, "height": 768}, accept_downloads=True)
            page.set_default_timeout(60_000)
            page.goto(f"{lab[0]}/lab/tree/{copy.name}?token={TOKEN}&reset")
            page.locator(".jp-Notebook .jp-Cell").first.wait_for()
            for _ in range(8):          # JupyterLab drops a run that comes before the kernel is connected
                page.wait_for_timeout(3000)
                page.locator("[data-command='notebook:restart-run-all'], [title*='运行所有']").first.click()
                page.locator(".jp-Dialog button.jp-mod-accept").click()
                if _shown(page, ".pufa"):
                    break
            return page

        yield opened
        browser.close()


def _shown(page: Page, selector: str) -> bool:
    """Whether it is in the page within a quarter of a minute."""
    try:
        page.locator(selector).first.wait_for(state="attached", timeout=15_000)
    except TimeoutError:
        return False
    return True


def activity(page: Page, kind: str, nth: int = 0) -> Locator:
    """An activity, scrolled to (JupyterLab draws cells when they come into sight)."""
    found = page.locator(f".pufa:has(.pufa-kind:text-is('{kind}'))")
    notebook = page.locator(".jp-WindowedPanel-outer").first
    for _ in range(60):
        if found.count() > nth:
            found.nth(nth).scroll_into_view_if_needed()
            return found.nth(nth)
        notebook.evaluate("(one) => one.scrollBy(0, 500)")
        page.wait_for_timeout(300)
    raise AssertionError(f"{kind} {nth} is not in the notebook")


def shot(page: Page, name: str) -> None:
    page.wait_for_timeout(300)
    page.screenshot(path=SHOTS / f"course-{name}.png")


def answer_item(form: Locator, slug: str) -> None:
    """Tick the key by the text of the options, whatever letters they show."""
    from question_bank.widget import plain_text  # loads ipywidgets, which only this test needs

    for option in BANK[slug].options:
        if option.right:
            form.locator("label", has_text=re.compile(rf"^[A-J]\. {re.escape(plain_text(option.text))}$")).locator("input").check()


@pytest.mark.browser
@pytest.mark.kernel
@pytest.mark.parametrize("name", [TEXT, DATA], ids=["text", "data"])
def test_a_learner_decides_practises_writes_and_passes(open_module: Callable[[str], Page], name: str) -> None:
    page, short = open_module(name), name.rsplit("/", 1)[1]
    assert page.locator(".jp-RenderedMarkdown p").first.evaluate("one => getComputedStyle(one).fontSize") == "16px"
    decision = activity(page, "做个决定")
    decision.get_by_role("button", name="就这么定").click()
    decision.locator("text=请先选一种做法").wait_for()
    decision.locator("input[type=radio]").first.focus()
    page.keyboard.press("ArrowDown")            # the keyboard alone chooses …
    for _ in range(decision.locator("input[type=radio]").count()):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "BUTTON":
            break
    page.keyboard.press("Enter")                # … and settles
    decision.locator("text=/✔ 较稳妥|✘ 有隐患/").first.wait_for()
    shot(page, f"{short}-1-decide")
    decision.get_by_role("button", name="看看别的做法会怎样").click()
    decision.locator(".pufa-said").nth(1).wait_for()
    assert decision.locator(".pufa-said").count() == decision.locator("input[type=radio]").count()

    module, _ = read_module(MODULES / f"{name}.ipynb")
    assert module is not None
    place, slug = next((place, slug) for place, (_, slug) in enumerate(module.items("practise")) if BANK[slug].options)
    item = activity(page, "练一练", place)
    item.get_by_role("button", name="对答案").click()
    item.locator("text=还没有作答").wait_for()
    answer_item(item, slug)
    item.get_by_role("button", name="对答案").click()
    item.locator("text=答对了").wait_for()
    shot(page, f"{short}-2-practise")

    writing = activity(page, "写一写")
    writing.locator("textarea").fill("一、数据来源。二、口径。")
    writing.locator("textarea").blur()
    writing.get_by_role("button", name="对照参考答案").click()
    writing.locator("text=参考答案").nth(1).wait_for()
    shot(page, f"{short}-3-write")

    test = activity(page, "结课自测")
    test.get_by_role("button", name="交卷，看结果").click()
    test.locator("text=还没有作答").wait_for()
    for place, (_, slug) in enumerate(module.items("self_test")):
        answer_item(test.locator(".pufa-item").nth(place), slug)
    test.get_by_role("button", name="交卷，看结果").click()
    test.locator("text=✔ 通过").wait_for()
    test.locator("text=✔ 通过").scroll_into_view_if_needed()
    shot(page, f"{short}-4-self-test")
    assert test.locator("text=答对了").count() == len(module.items("self_test"))
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error'], .jp-RenderedText[data-mime-type*='stderr']").count() == 0


@pytest.mark.browser
@pytest.mark.kernel
def test_one_changed_number_gives_a_chart_of_ones_own(open_module: Callable[[str], Page]) -> None:
    page = open_module(DATA)
    sorting = activity(page, "分一分")          # the cell above holds the number
    cell = page.locator(".jp-CodeCell:has-text('每格户数 = '):has-text('改这个数')")
    cell.scroll_into_view_if_needed()
    image = cell.locator("img")
    image.wait_for()
    before = image.get_attribute("src")
    shot(page, "01-grid-staffing-5-chart")
    cell.locator(".cm-line:has-text('每格户数 = 300')").click()
    page.keyboard.press("Home")
    for _ in range(len("每格户数 = ")):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    page.keyboard.type("4")
    page.keyboard.press("Shift+Enter")
    page.wait_for_function("([one, old]) => one.querySelector('img') && one.querySelector('img').src !== old", arg=[cell.element_handle(), before])
    with page.expect_download() as download:
        cell.locator("a[download]").click()
    assert download.value.suggested_filename == "各社区网格人员配备.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    sorting.scroll_into_view_if_needed()
    for row in sorting.locator(".pufa-row").all():
        row.locator("input").first.check()
    sorting.get_by_role("button", name="检查").click()
    sorting.locator(".pufa-said").nth(4).wait_for()
    shot(page, "01-grid-staffing-6-sort")


@pytest.mark.browser
@pytest.mark.kernel
def test_steps_are_moved_with_the_keyboard_and_the_focus_follows(open_module: Callable[[str], Page]) -> None:
    page = open_module(DATA)
    order = activity(page, "排一排")
    wanted = ["核实台账", "到现场看", "听居民", "报街道审定", "更新台账"]
    rows = order.locator(".pufa-row")
    for target, start in enumerate(wanted):
        rows.filter(has_text=start).wait_for()
        place = next(place for place, text in enumerate(rows.all_text_contents()) if f". {start}" in text)
        if place > target:
            rows.nth(place).get_by_role("button", name="↑").focus()
        for above in range(place - 1, target - 1, -1):
            page.keyboard.press("Enter")        # the same key again: the focus went up with the step
            rows.nth(above).filter(has_text=start).wait_for()
            rows.nth(above + 1).filter(has_not_text=start).wait_for()   # both rows are drawn anew
    order.get_by_role("button", name="检查次序").click()
    order.locator("text=次序对了").wait_for()
    shot(page, "01-grid-staffing-7-arrange")
