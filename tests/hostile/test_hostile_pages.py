"""Every page of both halls in real Chromium on a day when all words are hostile: nothing runs, nothing is fetched, nothing is blocked
because nothing is there to be blocked (cases E1). The pages are those of the route tables, in two phases."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import typst
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from hostile_day import HostileDay
from office_room import Person
from outputs import faults_of, text_of_pdf
from payloads import SCRIPTS, TRAP
from playwright.sync_api import Browser, Page, Route, sync_playwright
from watcher import Watcher

from grading.certificates.issue import make as make_certificates
from grading.certificates.offline_page import offline_page
from grading.certificates.sheets import merged_pdf
from hall.office.guard import cookie_name
from hall.office.routes import ROUTES
from hall.web import POLICY

pytestmark = pytest.mark.browser
#: WCAG 2.2 AA, as axe-core groups its rules
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
#: what a candidate's browser asks for by itself
HALL = {"c1": ("/done",), "c2": ("/paper",), "c4": ("/rules", "/login?number=<script>hit(904)</script>&x='\"><svg onload=hit(905)>", "/no/<script>hit(906)</script>")}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


class Looker:
    """Looks at everything in each phase, through a real server each."""

    def __init__(self, day: HostileDay, browser: Browser) -> None:
        self.day, self.watcher = day, Watcher(browser)
        self.statuses: dict[str, set[int]] = {way.name: set() for way in ROUTES if way.method == "GET"}
        self.downloads: list[tuple[str, dict[str, str], bytes]] = []
        self._pages: set[str] = set()        # routes that are known to answer with a page
        self.accessible: dict[str, list[str]] = {}   # phase and route -> what axe-core finds on the first page of it

    def __call__(self, phase: str) -> None:
        if phase == "during":
            self._hall()
        self._office(phase)

    def _hall(self) -> None:
        for name, paths in HALL.items():
            page = self.watcher.context(self.day.server.url, dict(self.day.browsers[name].http.cookies))
            for path in paths:
                self.watcher.look(page, path, f"hall {name}")
            page.context.close()

    def _office(self, phase: str) -> None:
        server = uvicorn.Server(uvicorn.Config(self.day.office.app, host="127.0.0.1", port=0, log_level="warning", access_log=False, ws="none"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        origin = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        windows: dict[str, Page] = {}
        try:
            for name, who, path in self.day.pages():
                if phase == "during" and not path.startswith("/sittings/"):
                    continue  # what is not about a sitting looks the same afterwards, with more in it
                token = who.client.cookies[cookie_name(False)]
                if token not in windows:
                    windows[token] = self.watcher.context(origin, {cookie_name(False): token})
                self._page(windows[token], name, who, path, phase)
            for n, answer in enumerate(self.day.answers):
                self._replay(windows[token], origin, f"answer {n} {phase}", answer)
        finally:
            for page in windows.values():
                page.context.close()
            server.should_exit = True
            thread.join()

    def _page(self, page: Page, name: str, who: Person, path: str, phase: str) -> None:
        if name not in self._pages:
            answer = who.get(path)
            html = answer.headers.get("content-type", "").startswith("text/html") and "content-disposition" not in answer.headers
            self._pages |= {name} if html and answer.status_code == 200 else set()
            if not html:
                self.statuses[name].add(answer.status_code)
                self.downloads.append((path, dict(answer.headers), answer.content))
                return
        self.statuses[name].add(self.watcher.look(page, path, f"{phase} {name}").status)
        if f"{phase} {name}" not in self.accessible:
            found = Axe().run(page, options=WCAG).response["violations"]
            self.accessible[f"{phase} {name}"] = [f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:2]]}" for one in found]

    def _replay(self, page: Page, origin: str, name: str, answer) -> None:
        """An answer to a form, shown by Chromium under the headers it came with."""
        address = f"{origin}/replayed"
        page.route(address, lambda route: route.fulfill(status=answer.status_code, headers=dict(answer.headers), body=answer.content))
        self.watcher.look(page, address, name)
        page.unroute(address)


@pytest.fixture(scope="module")
def looked(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looker]:
    day = HostileDay(tmp_path_factory.mktemp("hostile"))
    looker = Looker(day, chromium)
    try:
        day.play(looker)
        yield looker
    finally:
        day.end()


def test_nothing_ran_was_fetched_or_could_act(looked: Looker) -> None:
    assert not looked.watcher.faults, f"{len(looked.watcher.faults)} faults\n" + "\n".join(looked.watcher.faults[:40])


def test_the_payloads_were_on_the_screen(looked: Looker) -> None:
    """Or else the test above says nothing: nine of ten payloads were read as text on some page, and on nearly every page there was one."""
    assert len(SCRIPTS) >= 200
    whole = "\n".join(" ".join(text.split()) for text in looked.watcher.shown.values())
    unseen = [line for line in SCRIPTS if " ".join(line.split()) not in whole]
    assert len(unseen) * 10 < len(SCRIPTS), unseen
    bare = [name for name, text in looked.watcher.shown.items() if "hit(" not in text and "trap.invalid" not in text]
    assert len(bare) * 4 < len(looked.watcher.shown), bare


def test_every_page_of_the_table_was_seen(looked: Looker) -> None:
    missing = sorted(name for name, statuses in looked.statuses.items() if not statuses & {200, 303})
    assert len(missing) * 4 < len(looked.statuses), f"pages that nobody saw: {missing}"


def answering(body: str, headers: dict[str, str]) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=200, headers=headers, body=body)


def test_the_watcher_sees_what_runs(chromium: Browser) -> None:
    """The same texts unescaped, without a policy, are seen by every one of its eyes."""
    raw = ("<img src=x onerror=hit(1)>", "<script>alert(1)</script>", f"<img src=//{TRAP}/a.png>", "<iframe srcdoc='<script>parent.hit(2)</script>'></iframe>",
           "<a href='javascript:hit(3)'>x</a>", "<div style='color:red'>x</div>", "<base href=//trap.invalid/>", "<svg onload=hit(4)>", "<p onmouseover=hit(5)>")  # fmt: skip
    for body in raw:
        watcher = Watcher(chromium)
        page = watcher.context("http://office.test", {})
        page.route("http://office.test/**", answering(f"<main>{body}</main>", {"content-type": "text/html"}))
        watcher.look(page, "/", "raw")
        assert watcher.faults, body
        page.context.close()
    watcher = Watcher(chromium)
    page = watcher.context("http://office.test", {})
    headers = {"content-security-policy": POLICY, "content-type": "text/html"}
    page.route("http://office.test/**", answering("<main><script>hit(1)</script></main>", headers))
    watcher.look(page, "/", "raw")
    assert any("policy" in fault for fault in watcher.faults) and not any("hit 1" in fault for fault in watcher.faults)
    page.context.close()


def test_axe_finds_nothing_on_any_page_of_the_office(looked: Looker) -> None:
    """What staff see can be heard, read enlarged and used by keyboard (WCAG 2.2 AA); the rules of the candidates' pages are held elsewhere."""
    assert len(looked.accessible) > 50
    faults = [f"{place}: {fault}" for place, found in sorted(looked.accessible.items()) for fault in found]
    assert not faults, f"{len(faults)} faults\n" + "\n".join(faults)


def test_the_policy_allows_nothing_inline(looked: Looker) -> None:
    assert looked.watcher.policies and all("default-src" in policy and "unsafe" not in policy and "data:" not in policy for policy in looked.watcher.policies)


def test_what_is_no_page_is_never_run_in_our_origin(looked: Looker) -> None:
    assert looked.downloads
    for path, headers, _ in looked.downloads:
        kind = headers["content-type"].partition(";")[0]
        assert headers["x-content-type-options"] == "nosniff", path
        assert kind in ("application/json", "application/pdf", "text/event-stream") or headers["content-disposition"].startswith("attachment"), (path, kind)
        assert "\n" not in headers.get("content-disposition", ""), path


# ---------------------------------------------------------------- what leaves as a file


def test_no_file_that_leaves_acts_when_it_is_opened(looked: Looker) -> None:
    """Lists in every format, sheets, certificates, printed papers: no formula, link, script or outer part, and the words are in them."""
    home = looked.day.home
    files = {path.name: path.read_bytes() for path in home.exports.iterdir() if path.is_file()}
    files |= {path.name: path.read_bytes() for path in looked.day.printed}
    certificates = make_certificates(home, "s-1", "score_sheet", "hr1")
    files["certificates.pdf"] = merged_pdf(home, certificates)
    for path, headers, data in looked.downloads:
        kind = {"application/pdf": ".pdf", "application/json": ".json"}.get(headers["content-type"].partition(";")[0], "")
        named = re.search(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", headers.get("content-disposition", ""))
        if data.startswith(b"%PDF-1.4 <script>") or headers["content-type"].startswith("application/zip"):
            continue  # folders of files that are looked at one by one, and the attachment that was uploaded, given back byte for byte as a download
        files[f"{path.replace('/', '_')}{kind or '.' + (named[1] if named else 'x').rpartition('.')[2]}"] = data
    assert {name.rpartition(".")[2] for name in files} >= {"xlsx", "csv", "json", "pdf", "docx"}
    faults = [fault for name, data in files.items() for fault in faults_of(name, data)]
    assert not faults, faults[:20]
    for name in ("certificates.pdf", next(name for name in files if name.endswith(".csv"))):
        text = text_of_pdf(files[name]) if name.endswith("pdf") else files[name].decode("utf-8-sig")
        assert "hit(" in text.replace("\n", ""), name


def test_an_action_in_a_pdf_is_seen_and_packed_bytes_are_not_taken_for_one() -> None:
    link = typst.compile(b'#link("https://a.example")[x]')
    quiet = typst.compile(b"x")
    assert set(faults_of("a.pdf", link)) == {"a.pdf: action b'/URI'", "a.pdf: annotation"}
    assert faults_of("a.pdf", quiet) == faults_of("a.pdf", quiet + b"\n99 0 obj <</Length 5>> stream\n/JS 1\nendstream endobj\n") == []
    assert faults_of("a.pdf", quiet + b"\n99 0 obj <</OpenAction 1 0 R>> endobj\n") == ["a.pdf: action b'/OpenAction'"]


def test_the_offline_page_of_an_office_with_a_hostile_name(looked: Looker, chromium: Browser) -> None:
    page_text = offline_page(looked.day.home)
    assert "&lt;script&gt;hit(900)" in page_text
    watcher = Watcher(chromium)
    page = watcher.context("http://stick.test", {})
    page.route("http://stick.test/**", answering(page_text, {"content-type": "text/html"}))
    page.goto("/")
    for line in SCRIPTS[::9]:
        page.keyboard.insert_text(line)
        page.keyboard.press("Enter")
    assert page.evaluate("window.__seen") == [] and not watcher.faults, watcher.faults[:9]
    assert page.locator("script:not([type])").count() + page.locator("script[type=module]").count() == 1 and page.locator("img, iframe, svg").count() == 0
    page.context.close()


def test_what_a_notebook_shows_of_items_and_activities_is_inert_without_any_policy(looked: Looker, chromium: Browser) -> None:
    """The HTML of widgets goes into JupyterLab's page as it stands; there is no policy to stop it there."""
    import ipywidgets

    from courses.activities import arrange, decide, sort_into, write_then_compare
    from question_bank.bank import Bank
    from question_bank.widget import PracticeForm

    bank = Bank.read(looked.day.home.secret / "bank")
    shown: list[str] = []

    def gather(widget: object) -> None:
        if isinstance(widget, ipywidgets.HTML):
            shown.append(str(widget.value))
        for child in getattr(widget, "children", ()):
            gather(child)

    for item in bank.values():
        form = PracticeForm(item, 1)
        for box in form._boxes:
            box.value = {"multiple": True}.get(item.kind, "甲" if not item.options else "A")
        form.check()
        gather(form.widget)
    lines = list(SCRIPTS)
    for n in range(0, len(lines) - 9, 9):
        a, b, c, d, e, f, g, h, i = lines[n : n + 9]
        decision = decide(a, [(b, c), (d, e)], 0)
        decision.show_all()
        for activity in (decision, arrange(f, [a, b, c], g), sort_into(h, ["甲", "乙"], [(i, "甲", a), (b, "乙", c)]), write_then_compare(d, e)):
            gather(activity.widget if hasattr(activity, "widget") else activity)
            shown.append(activity.static if hasattr(activity, "static") else "")
    assert len(shown) > 150
    watcher = Watcher(chromium)
    page = watcher.context("http://lab.test", {})
    page.route("http://lab.test/**", answering("<main></main>", {"content-type": "text/html"}))
    page.goto("/")
    page.evaluate("all => { for (const html of all) { const e = document.createElement('div'); e.innerHTML = html; document.querySelector('main').append(e); } }", shown)
    page.evaluate("() => { for (const e of document.querySelectorAll('style, div[style], p[style], span[style]')) e.localName === 'style' ? e.remove() : e.removeAttribute('style'); }")  # our own
    page.wait_for_timeout(300)
    watcher.judge(page, "lab")
    assert not watcher.faults, watcher.faults[:10]
    assert sum(line.split("\n")[0] in watcher.shown["lab"] for line in SCRIPTS) > 100
    page.context.close()
