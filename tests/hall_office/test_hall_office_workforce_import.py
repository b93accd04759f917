"""The import of 队伍持证 by the page: every fault by its place, a look before anything is written, bad spreadsheets, and a walk in Chromium."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import openpyxl
import pytest
import uvicorn
from office_room import PASSWORD, Office, Person, field, people, roster
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import func, select
from workforce_room import add_people, add_unit, workbook

from grading.roll import day_of
from grading.tables import certification, certification_step
from home import now_ms, transaction
from people.accounts import add_account
from people.tables import person

TODAY = day_of(now_ms())


def back(days: int) -> str:
    return str(TODAY - timedelta(days=days))


def sent(hr: Person, data: bytes, name: str = "资格.xlsx"):
    return hr.post("/workforce/import", files={"file": (name, data, "application/octet-stream")})


def count(office: Office, table=certification) -> int:
    with office.home.office.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_look_then_confirmed_once_and_only_by_who_looked(office: Office) -> None:
    (_, a, x), (_, b, y), _ = add_people(office.home)
    add_unit(office.home, "柳河村", kind="村")
    data = workbook(资格=[(a, x, "社工师", back(500), "A1", "", "", ""), (b, y, "法律明白人", back(50), "", "", "柳河村", "<b>组长</b>")],
                    办理=[(a, x, "社会工作师", "首次登记", back(300), "", "")])  # fmt: skip
    with office.staff("hr") as hr, office.staff("hr") as again:
        seen = sent(hr, data)
        assert seen.status_code == 200 and "检查通过" in seen.text and count(office) == 0
        token = field(seen.text, "token")
        assert "不是本次登录上传的" in again.refused("/workforce/import/confirm", token=token)
        assert "已导入：资格 2 行，办理 1 行" in hr.done("/workforce/import/confirm", token=token)
        assert "已经导入或过期" in hr.refused("/workforce/import/confirm", token=token)
        assert (count(office), count(office, certification_step)) == (2, 1)
        changed = sent(hr, workbook(资格=[(a, x, "社会工作师", back(500), "A2", "", "", "")])).text
        assert "会改动已登记的内容 1 处" in changed and ">A1<" in changed and ">A2<" in changed
    assert len(list((office.home.secret / "uploads").glob("*.sealed"))) == 1, "only the one that was not confirmed"


def test_every_fault_has_sheet_row_and_column(office: Office) -> None:
    (_, a, x), *_ = add_people(office.home)
    with office.staff("hr") as hr:
        seen = sent(hr, workbook(
            资格=[(a, x, "社会工作大师", back(50), "", "", "", ""), (a, x, "社工师", "2024-13-01", "", "", "", ""), ("外人", "11010519491231002X", "社工师", back(5), "", "", "", "")],
            学时=[(a, x, back(9), "六十", "", "<script>班", "")]))  # fmt: skip
        assert seen.status_code == 422 and "文件有 4 处错误，没有导入" in seen.text and count(office) == 0
        for row, column, told in ((2, "资格名称", "不认识"), (3, "取得日期", "2024-13-01"), (4, "身份证号", "还没有登记为人员")):
            assert f'<td class="nowrap">资格</td><td class="number">{row}</td><td class="nowrap">{column}</td>' in seen.text and told in seen.text
        assert "11010519491231002X" not in seen.text and "<script>班" not in seen.text
        assert 'name="token"' not in seen.text, "nothing to confirm"


def test_persons_come_onto_file_without_an_exam(office: Office) -> None:
    def people_sent(data: bytes):
        return hr.post("/workforce/import/people", files={"file": ("名单.xlsx", data, "application/octet-stream")})

    with office.staff("hr") as hr:
        seen = people_sent(roster([("王建国", "340210196503040011"[:17] + "0", "某县司法局")], ("姓名", "身份证号", "单位")))
        assert seen.status_code == 422 and "人员名单有 1 处错误，没有导入" in seen.text and count(office, person) == 0
        seen = people_sent(roster([row[:3] for row in people(3)], ("姓名", "身份证号", "单位")))
        assert seen.status_code == 200 and "新登记 <b>3</b> 人" in seen.text and count(office, person) == 0
        token = field(seen.text, "token")
        assert "不是本次登录上传的" in hr.refused("/workforce/import/confirm", token=token), "a list of persons is no workbook of certifications"
        assert "3 人，其中新登记 3 人" in hr.done("/workforce/import/people/confirm", token=token) and count(office, person) == 3
        name, number = people(1)[0][:2]
        assert sent(hr, workbook(资格=[(name, number, "普法讲师", back(5), "", "", "", "")])).status_code == 200


@pytest.mark.parametrize("data, told", [
    (b"PK\x03\x04 broken", "没有导入"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old", "旧版 .xls"), ("姓名,别的\n甲,乙\n".encode(), "没有可导入的内容"),
    (b"\x00\xff\xfe binary", "没有导入"), ("姓名,身份证号,资格名称,取得日期\n=1+1,,,\n".encode(), "没有填写"),
])  # fmt: skip
def test_bad_spreadsheets_end_in_a_page(office: Office, data: bytes, told: str) -> None:
    with office.staff("hr") as hr:
        seen = sent(hr, data, "坏.csv")
        assert seen.status_code == 422 and told in seen.text and count(office) == 0


def test_no_file_and_the_template(office: Office, tmp_path) -> None:
    with office.staff("hr") as hr:
        assert "请先选择文件" in hr.refused("/workforce/import")
        taken = hr.get("/workforce/template")
        (tmp_path / "t.xlsx").write_bytes(taken.content)
        book = openpyxl.load_workbook(tmp_path / "t.xlsx")
        assert book.sheetnames == ["说明", "单位", "任职", "资格", "办理", "学时"]
        book.close()
        seen = sent(hr, taken.content)
        assert seen.status_code == 422 and "没有可导入的内容" in seen.text, "the empty template is told, not taken"


# ---------------------------------------------------------------- by a clerk in Chromium


@pytest.fixture
def page(office: Office) -> Iterator[Page]:
    with transaction(office.home.office) as connection:
        add_account(connection, "wangfang", "王芳", PASSWORD, ["hr"], "test")
    server = uvicorn.Server(uvicorn.Config(office.app, host="127.0.0.1", port=0, log_level="warning", access_log=False, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    problems: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        page = browser.new_context(viewport={"width": 1366, "height": 768}, base_url=address, locale="zh-CN").new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" and "422" not in line.text else None)
        page.goto("/login")
        page.fill("#login", "wangfang")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/")
        yield page
        browser.close()
    server.should_exit = True
    thread.join()
    assert problems == []


@pytest.mark.browser
def test_a_clerk_imports_corrects_registers_and_sees_it_in_the_list(page: Page, office: Office, tmp_path) -> None:
    town = add_unit(office.home, "城关镇", kind="乡镇")
    add_unit(office.home, "柳河村", kind="村", parent_id=town)
    (_, a, x), (_, b, y), _ = add_people(office.home, unit_id=town)
    bad, good = tmp_path / "坏.xlsx", tmp_path / "好.xlsx"
    bad.write_bytes(workbook(资格=[(a, x, "社工王", back(500), "", "", "", "")]))
    good.write_bytes(workbook(资格=[(a, x, "社工师", back(500), "A1", "", "", ""), (b, y, "法律明白人", back(50), "", "", "柳河村", "")]))
    page.get_by_role("link", name="队伍持证").click()
    page.get_by_role("navigation", name="队伍持证").get_by_role("link", name="导入").click()
    for file in (bad, good):
        page.set_input_files("#file", file)
        page.get_by_role("button", name="检查", exact=True).click()
        if file is bad:
            page.get_by_text("文件有 1 处错误，没有导入").wait_for()
            page.get_by_role("link", name="重新选择文件").click()
    page.get_by_role("button", name="确认导入").click()
    page.locator(".notice.good", has_text="已导入：资格 2 行").wait_for()
    page.get_by_role("link", name="逾期未办").click()
    page.locator("tbody").get_by_role("link", name=a).click()
    page.get_by_label("办理事项").select_option("首次登记")
    page.get_by_label("办理日期").fill(back(3))
    page.get_by_label("文号").first.fill("补7号")
    page.set_input_files("input[name=attachment] >> nth=0", {"name": "登记证.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 x"})
    page.get_by_role("button", name="登记", exact=True).click()
    page.locator(".notice.good", has_text="现在：有效").wait_for()
    page.get_by_text("登记学时（培训").click()
    page.locator("#on_day-h").fill(back(2))
    page.locator("#hours").fill("12")
    page.locator("#title").fill("社工继续教育班")
    page.get_by_role("button", name="登记学时").click()
    page.locator(".notice.good", has_text="12 学时").wait_for()
    assert "继续教育缺 78 学时" in page.locator(".todo").inner_text()
    for path in ("/workforce", "/workforce?due=90", "/workforce/people?name=甲", "/workforce/people/1", "/workforce/coverage", "/workforce/import", "/workforce/kinds"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 1366, path
        assert page.evaluate("[...document.querySelectorAll('input:not([type=hidden]), select')].every(e => e.labels.length || e.ariaLabel)"), path
