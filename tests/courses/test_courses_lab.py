"""The trainer's JupyterLab: its folder, and its tiles and forms in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from lab_fixture import TOKEN
from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from courses.lab.__main__ import main
from courses.lab.workspace import BANK_FROM, WorkspaceError, prepare
from question_bank.bank import Bank
from question_bank.item import KIND_TITLES

ROOT = Path(__file__).parent.parent.parent


def test_folder_holds_copies_of_modules_and_a_link_to_the_items(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "工作")
    first = folder / "课程" / "start" / "01-how-to-practise.ipynb"
    assert first.is_file() and not first.is_symlink() and (folder / "题库").readlink() == BANK_FROM
    first.write_text("mine", encoding="utf-8")
    (folder / "题库").unlink()
    (folder / "题库").symlink_to(tmp_path)
    assert prepare(folder) == folder
    assert first.read_text(encoding="utf-8") == "mine" and (folder / "题库").readlink() == BANK_FROM


def test_a_folder_that_cannot_be_used_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "题库").mkdir()
    with pytest.raises(WorkspaceError, match="请改名后再试"):
        prepare(tmp_path)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert main(["--dir", str(tmp_path / "file")]) == 1
    assert "请用 --dir 另选" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted((ROOT / "courses" / "lab").rglob("*.json")), ids=lambda path: path.name)
def test_settings_are_json_without_addresses(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) and "http" not in text


@pytest.fixture
def page(lab: tuple[str, Path]) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.set_default_timeout(60_000)
        page.goto(f"{lab[0]}/lab?token={TOKEN}&reset")
        page.wait_for_selector(".jp-LauncherCard[data-category='普法']")
        yield page
        browser.close()


def tile(page: Page, label: str) -> None:
    page.locator(f".jp-LauncherCard[data-category='普法']:has-text('{label}')").locator("visible=true").click()


@pytest.mark.browser
@pytest.mark.kernel
def test_lab_speaks_chinese_and_nothing_leaves_the_machine(page: Page, lab: tuple[str, Path]) -> None:
    foreign: list[str] = []
    page.on("request", lambda request: None if request.url.startswith((lab[0], "data:", "blob:", "ws")) else foreign.append(request.url))
    page.reload()
    page.wait_for_selector(".jp-LauncherCard[data-category='普法']")
    titles = page.locator(".jp-Launcher-sectionTitle").all_inner_texts()
    assert "普法" in titles and "笔记本" in titles
    assert page.locator(".lm-MenuBar-itemLabel").first.inner_text() == "文件"
    assert page.locator(".jp-LauncherCard[data-category='普法']").all_inner_texts() == ["打开课程", "浏览题库", "新建试题"]
    tops = page.locator(".jp-Launcher-section").evaluate_all("all => all.map(one => [one.getBoundingClientRect().top, one.innerText])")
    assert min(tops)[1].startswith("普法")
    page.wait_for_timeout(2000)
    assert foreign == []


@pytest.mark.browser
@pytest.mark.kernel
def test_a_course_opens_and_its_item_marks_and_explains(page: Page) -> None:
    tile(page, "打开课程")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    form, cell = page.locator(".pufa-item"), page.locator(".jp-Notebook .jp-CodeCell").first
    for _ in range(5):  # JupyterLab drops a run that comes before the kernel is connected
        page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        with suppress(PlaywrightTimeout):
            form.wait_for(timeout=20_000)
            break
    form.locator("input[type=radio]").nth(3).click()
    assert form.locator("text=解析").count() == 0
    form.get_by_role("button", name="对答案").click()
    form.locator("text=答错了").wait_for()
    told = form.inner_text()
    assert "正确答案是 B，您选的是 D" in told and "解析" in told and "《劳动合同法》第82条" in told
    form.get_by_role("button", name="再做一次").click()
    form.locator("input[type=radio]").nth(1).click()
    form.get_by_role("button", name="对答案").click()
    form.locator("text=答对了").wait_for()


@pytest.mark.browser
@pytest.mark.kernel
def test_a_new_item_of_each_kind_is_valid_as_it_stands(page: Page, lab: tuple[str, Path]) -> None:
    for number, title in enumerate(KIND_TITLES.values()):
        if number:
            page.locator("#jp-main-dock-panel .lm-TabBar-addButton").first.click()
        tile(page, "新建试题")
        page.locator(".jp-Dialog select").select_option(label=title)
        page.locator(".jp-Dialog button.jp-mod-accept").click()
        page.locator(".jp-Dialog input").fill(f"draft-number-{number}")
        page.locator(".jp-Dialog button.jp-mod-accept").click()
        page.locator(f"#jp-main-dock-panel .lm-TabBar-tabLabel:has-text('draft-number-{number}.md')").wait_for()
    bank = Bank.read(lab[1] / "我的题库")
    assert [item.kind for item in bank.values()] == list(KIND_TITLES) and bank.warnings == ()
    page.locator("#jp-main-dock-panel .lm-TabBar-addButton").first.click()
    tile(page, "新建试题")
    page.locator(".jp-Dialog button.jp-mod-accept").click()
    page.locator(".jp-Dialog input").fill("../escape")
    page.locator(".jp-Dialog button.jp-mod-accept").click()
    page.locator(".jp-Dialog:has-text('题目编号不合要求')").wait_for()


@pytest.mark.browser
@pytest.mark.kernel
def test_the_bank_opens_in_the_file_browser(page: Page) -> None:
    tile(page, "浏览题库")
    page.locator(".jp-DirListing-itemText:has-text('sample_exam')").wait_for()
