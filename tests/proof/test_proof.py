"""The proof: roster XLSX → sitting → three officials in Chromium over TLS → marking → HR's XLSX, compared cell by cell.

Nothing is stubbed. ``pufa serve --tls`` runs hall, office and worker; officers and officials use the pages. One official loses
the network in the middle, one reloads, one runs out of time. What HR downloads is compared with a reckoning of its own,
made from the sealed keys and from what the three clicked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from openpyxl import load_workbook
from people_fixture import person_line, roster_xlsx
from playwright.sync_api import Page, expect, sync_playwright
from sqlalchemy import create_engine, text

from home import BEIJING, Home

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parent.parent.parent
PASSWORD = "correct-horse-battery"
#: of the first so many questions on the screen, so many right: 100 marks; 40 + 10 x 2, exactly at the cut; 30 when time is up
PLAN = {"李秀英": (80, 80), "张志强": (80, 50), "刘丽华": (30, 30)}
TOTALS = [100, 60, 30]


def free_ports() -> int:
    """A port whose successor is free too."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return int(port)


def pufa(*arguments: str, given: str | None = None) -> str:
    done = subprocess.run([sys.executable, "-m", "pufa", *arguments], input=given, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Office:
    """A running installation."""

    home: Path
    port: int
    pin: str
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def hall(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def desk(self) -> str:
        return f"https://localhost:{self.port + 1}"


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """``pufa init``, staff by ``add-staff``, ``pufa serve --tls``."""
    folder = tmp_path / "home"
    more = ()
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        engine = create_engine(url)
        with engine.begin() as connection:
            for schema in ("exam", "office"):
                connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        engine.dispose()
        more = ("--db", url)
    pufa("init", str(folder), "--name", "某县任前法律知识考试办公室", *more)
    for login, name, role in (("wang", "王考务", "exam_officer"), ("zhao", "赵人事", "hr")):
        pufa("people", "add-staff", login, "--name", name, "--role", role, "--home", str(folder), "--password-stdin", given=PASSWORD)
    certificate = x509.load_pem_x509_certificate((folder / "tls" / "server.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    port = free_ports()
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pufa", "serve", "--home", str(folder), "--tls", "--port", str(port)],
            stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
    known = Office(folder, port, base64.b64encode(hashlib.sha256(key).digest()).decode(), process)
    try:
        wait_until(lambda: _answers(known.hall, folder) and _answers(known.desk, folder), "both apps answer")
        yield known
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        print((tmp_path / "serve.log").read_text(encoding="utf-8", errors="replace")[-4000:])
    assert code == 0, "pufa serve ends cleanly on SIGTERM"


def _answers(url: str, folder: Path) -> bool:
    import ssl

    context = ssl.create_default_context(cafile=str(folder / "tls" / "ca.pem"))
    try:
        with httpx.Client(verify=context) as client:
            return client.get(url + "/login").status_code == 200
    except httpx.TransportError:
        return False


def wait_until(condition, what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.25)


@pytest.fixture
def window(office: Office) -> Iterator[object]:
    """Chromium windows, each with its own cookies, that trust exactly the key of this office's certificate."""
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", f"--ignore-certificate-errors-spki-list={office.pin}"]
        )
        stack.callback(browser.close)
        faults: list[str] = []

        def make() -> Page:
            context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN", accept_downloads=True)
            page = context.new_page()
            page.on("pageerror", lambda error: faults.append(str(error)))
            return page

        yield make
        assert not faults, faults


def staff_log_in(page: Page, office: Office, login: str) -> None:
    page.goto(office.desk + "/login")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("button.big")
    expect(page.locator("text=退出")).to_be_visible()


def set_up_sitting(page: Page, office: Office, roster: Path, closes: datetime, opens: datetime) -> str:
    """The officer's way in the pages: new sitting, roster, papers, opening. Returns the sitting's id."""
    page.goto(office.desk + "/sittings/new")
    page.fill("#title", "2026 年第四季度任前法律知识考试")
    page.check("input[name=kind][value=mock]")
    page.fill("#day", opens.strftime("%Y-%m-%d"))
    page.fill("#opens", opens.strftime("%H:%M"))
    page.fill("#closes", closes.strftime("%H:%M"))
    page.fill("#place", "县委党校三楼机房")
    page.check("input[name=blueprint][value=county_100]")
    page.check("input[name=profile][value=small_office]")
    page.click("text=建立考试")
    ident = re.search(r"/sittings/([^/?#]+)", page.url)
    assert ident, page.url
    page.goto(f"{office.desk}/sittings/{ident[1]}/roster")
    page.set_input_files("#file", str(roster))
    page.click("text=检查名单")
    page.click("text=确认导入 4 人")
    for button, state in (("组卷", "开考"), ("开考", "正在考试")):
        page.goto(f"{office.desk}/sittings/{ident[1]}")
        page.get_by_role("button", name=button, exact=True).click()
        wait_until(lambda state=state: _shows(page, f"{office.desk}/sittings/{ident[1]}", state), state)
    return ident[1]


def _shows(page: Page, url: str, words: str) -> bool:
    page.goto(url)
    return words in page.locator(".next h2").inner_text()


def printed_codes(page: Page, office: Office, sitting: str) -> dict[str, tuple[str, str]]:
    """{name: (admission number, code)} from the printed slips."""
    page.goto(f"{office.desk}/sittings/{sitting}/slips")
    page.check("input[name=agreed]")
    page.click("text=生成考试码")
    slips = page.locator(".slip").all()
    found = {}
    for slip in slips:
        name = slip.locator(".slip-name").evaluate("element => element.firstChild.textContent").strip()
        number, code = slip.locator("dd.code").all_inner_texts()
        found[name] = (number.strip(), code.strip())
    return found


def start_exam(page: Page, office: Office, number: str, code: str) -> None:
    page.goto(office.hall)
    page.fill("#number", number)
    page.fill("#code", code.lower())
    page.click("button[type=submit]")
    page.check("input[name=confirm]")
    page.click("#start")
    expect(page.locator("#save-text")).to_contain_text("已全部保存")


def key_of(office: Office, sitting: str, number: str) -> tuple[str, dict[str, tuple[str, int, str]]]:
    """The form of a candidate and {question id: (key, marks, part)}, from the safe; the hall cannot read these."""
    home = Home.open(office.home)
    with home.office.connect() as connection:
        row = connection.execute(
            text("SELECT c.form, s.paper_id FROM candidate c JOIN sitting s ON s.id = c.sitting_id WHERE c.admission_no = :n AND s.id = :s"),
            {"n": number, "s": sitting},
        ).one()
    home.close()
    keys = json.loads((office.home / "secret" / "papers" / row.paper_id / "keys" / f"{row.form}.json").read_text(encoding="utf-8"))
    return row.form, {one["id"]: (one["key"], int(one["points"]), one["part"]) for one in keys["entries"]}


@dataclass
class Sat:
    """What one official clicked: {question id: canonical letters}, in clicking order."""

    name: str
    answers: dict[str, str]
    keys: dict[str, tuple[str, int, str]]

    @property
    def total(self) -> int:
        """Own reckoning: full marks for the exact set of letters, else nothing."""
        return sum(marks for ident, (key, marks, _part) in self.keys.items() if self.answers.get(ident, "") == key)


def plan_answers(name: str, page: Page, keys: dict[str, tuple[str, int, str]]) -> Sat:
    count, right = PLAN[name]
    shown = page.locator(".question").evaluate_all("all => all.map(one => one.id)")
    answers = {}
    for place, mark in enumerate(shown[:count]):
        ident = page.locator(f"#{mark} input").first.get_attribute("name")
        answers[ident] = keys[ident][0] if place < right else wrong(keys[ident][0])
    return Sat(name, answers, keys)


def wrong(key: str) -> str:
    """An answer that earns nothing: another letter, or one letter less."""
    return key[:-1] if len(key) > 1 else ("B" if key == "A" else "A")


def click_answers(page: Page, answers: dict[str, str]) -> None:
    for ident, letters in answers.items():
        for letter in letters:
            page.locator(f"input[name='{ident}'][value='{letter}']").check()


def hand_in(page: Page, unanswered: int) -> None:
    expect(page.locator("#save-text")).to_contain_text("已全部保存")
    page.click("#finish")
    summary = page.locator("#review-sum").inner_text()
    assert (f"{unanswered}" in summary) if unanswered else ("全部" in summary or "都已" in summary), summary
    page.check("#review-sure")
    page.click("#review-go")
    expect(page.locator("h1")).to_have_text("您已交卷")


def beijing_minute(moment: datetime) -> datetime:
    return moment.astimezone(BEIJING).replace(second=0, microsecond=0)


def test_from_roster_to_the_list_of_passes(office: Office, window, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    if (now + timedelta(minutes=3)).astimezone(BEIJING).date() != now.astimezone(BEIJING).date():
        time.sleep(200)  # a window may not go over midnight
    roster = tmp_path / "名单.xlsx"
    lines = [person_line(number, name) for number, name in enumerate([*PLAN, "龚𫖯"], start=1)]
    roster.write_bytes(roster_xlsx(lines))
    officer = window()
    staff_log_in(officer, office, "wang")
    opens = beijing_minute(datetime.now(UTC))
    closes = opens + timedelta(minutes=3)
    sitting = set_up_sitting(officer, office, roster, closes, opens)
    codes = printed_codes(officer, office, sitting)
    assert list(codes) == [*PLAN, "龚𫖯"]

    sat: dict[str, Sat] = {}
    pages: dict[str, Page] = {}
    for name in PLAN:
        page = pages[name] = window()
        start_exam(page, office, *codes[name])
        _form, keys = key_of(office, sitting, codes[name][0])
        assert len(keys) == 80 and sum(marks for _key, marks, _part in keys.values()) == 100
        sat[name] = plan_answers(name, page, keys)

    loses, reloads, runs_out = (pages[name] for name in PLAN)
    first, second, third = sat.values()

    half = dict(list(first.answers.items())[:40])
    click_answers(loses, half)
    loses.context.set_offline(True)
    click_answers(loses, {ident: letters for ident, letters in first.answers.items() if ident not in half})
    expect(loses.locator("#save-text")).not_to_contain_text("已全部保存")

    click_answers(reloads, second.answers)
    reloads.reload()
    expect(reloads.locator("#save-text")).to_contain_text("已全部保存")
    checked = reloads.locator("input:checked").evaluate_all("all => all.map(one => one.name + one.value)")
    assert sorted(checked) == sorted(ident + letter for ident, letters in second.answers.items() for letter in letters)

    click_answers(runs_out, third.answers)
    loses.context.set_offline(False)
    hand_in(loses, 0)
    hand_in(reloads, 0)

    expect(runs_out.locator("h1")).to_have_text("考试时间到，已自动收卷", timeout=240_000)
    officer.goto(f"{office.desk}/sittings/{sitting}")
    wait_until(lambda: "签发成绩" in _heading(officer, office, sitting), "closed and marked by the worker", 120)

    clerk = window()
    staff_log_in(clerk, office, "zhao")
    clerk.goto(f"{office.desk}/sittings/{sitting}")
    clerk.get_by_role("button", name="签发成绩", exact=True).click()
    wait_until(lambda: "全部办完" in _heading(clerk, office, sitting), "records are issued")
    clerk.goto(f"{office.desk}/sittings/{sitting}/records")
    clerk.select_option("#format", "xlsx")
    clerk.get_by_role("button", name="导出", exact=True).click()
    wait_until(lambda: _download_ready(clerk, office), "the export is there")
    with clerk.expect_download() as caught:
        clerk.locator("a[download]").first.click()
    book = tmp_path / "成绩册.xlsx"
    caught.value.save_as(book)
    check_list(book, sat, codes, closes)
    if shown := os.environ.get("PUFA_SCREENSHOTS"):
        Path(shown, "proof-records.xlsx").write_bytes(book.read_bytes())


def _heading(page: Page, office: Office, sitting: str) -> str:
    page.goto(f"{office.desk}/sittings/{sitting}")
    return page.locator(".next h2").inner_text()


def _download_ready(page: Page, office: Office) -> bool:
    page.goto(office.desk + "/exports")
    return page.locator("a[download]").count() > 0


def check_list(path: Path, sat: dict[str, Sat], codes: dict[str, tuple[str, str]], closes: datetime) -> None:
    """Every cell that can be reckoned from outside, against HR's workbook opened anew."""
    sheet = load_workbook(path).active
    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    top = next(n for n, row in enumerate(rows) if "姓名" in row)
    titles = [str(title).split(" ")[0] if title else "" for title in rows[top]]
    people = {row[titles.index("姓名")]: dict(zip(titles, row, strict=True)) for row in rows[top + 1 : top + 5]}
    assert list(people) == list(codes)
    for name, (number, _code) in codes.items():
        line, own = people[name], sat.get(name)
        expected = {
            "准考证号": number, "姓名": name, "考试名称": "2026 年第四季度任前法律知识考试", "考试日期": closes.strftime("%Y-%m-%d"),
            "总分": str(own.total) if own else "", "是否合格": "" if own is None else "合格" if own.total >= 60 else "不合格",
        }  # fmt: skip
        found = {title: str(line[title] if line[title] is not None else "") for title in expected}
        found["总分"] = found["总分"].removesuffix(".0")
        if own is None:
            assert line["缺考/缓考/违纪"] == "缺考"
            found["考试日期"], found["是否合格"] = expected["考试日期"], ""
        assert found == expected, name
        assert re.fullmatch(r"\d{4}\*+\d{3}[\dX]", str(line["身份证号"])), "the identity number is masked"
    assert [sat[name].total for name in PLAN] == TOTALS, "the plan's own arithmetic"
    whole = "\n".join(str(cell) for row in rows for cell in row if cell)
    assert "应考 4 人 = 已考 3 人" in whole and "缺考 1" in whole
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
