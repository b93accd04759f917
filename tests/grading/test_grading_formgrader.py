"""A real ``nbgrader`` formgrader in real Chromium over our projection: it opens, a hostile essay is inert, a typed mark returns."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from grading_fixture import RIGHT, add_script, forms, make_sitting
from payloads import scripts
from playwright.sync_api import BrowserContext, Page, sync_playwright
from sqlalchemy import select

from exams.course_folder import write_course
from exams.paper import Paper
from grading.gradebook.projection import course_of, project_sitting
from grading.gradebook.returning import take_manual_marks
from grading.marks import mark_sitting
from grading.tables import mark

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parent.parent.parent
TRAP = "trap.invalid"
SCRIPT = "window.pwned=1;alert(1);fetch('//trap.invalid/f')"
#: What a candidate may type into a text field and hope that a marker's browser runs (cases E1).
HOSTILE = "\n\n".join(
    (
        f"<script>{SCRIPT}</script>", f"<img src=x onerror=\"{SCRIPT}\">", f"<svg onload=\"{SCRIPT}\"><script>{SCRIPT}</script></svg>",
        f"<iframe src=\"//{TRAP}/i\" srcdoc=\"<script>parent.{SCRIPT}</script>\"></iframe>", f"<object data=\"//{TRAP}/o\"></object>",
        f"[click](javascript:{SCRIPT})", f"![x](//{TRAP}/m.png)", f"<a href=\"data:text/html,<script>{SCRIPT}</script>\">x</a>",
        f"$\\href{{javascript:{SCRIPT}}}{{x}}$ $$\\unicode{{x}}\\require{{html}}\\style{{background:url(//{TRAP}/s)}}{{x}}$$",
        f"\\(\\class{{x}}{{y}}\\) \\[\\href{{//{TRAP}/h}}{{z}}\\]", f"</pre></div></textarea><script>{SCRIPT}</script>",
        f"<style>@import '//{TRAP}/c';body{{display:none}}</style><link rel=stylesheet href=//{TRAP}/l>", f"<base href=//{TRAP}/>",
        f"<meta http-equiv=refresh content=\"0;url=//{TRAP}/r\">", f"```html\n<script>{SCRIPT}</script>\n```", "<!-- --><details open ontoggle=",
        f"&lt;script&gt;{SCRIPT}&lt;/script&gt;", f"<math><mtext><img src=//{TRAP}/q onerror={SCRIPT}>", f"<video src=//{TRAP}/v autoplay>",
        f"[ref]: //{TRAP}/ref\n\n![x][ref]", f"<form action=//{TRAP}/p><input autofocus onfocus=\"{SCRIPT}\"></form>", "{{ 7*7 }} {% raw %}",
        *scripts(lambda _n: "window.pwned=1"),
    )
)  # fmt: skip


@pytest.fixture
def sitting(home_folder):
    a, b = make_sitting(home_folder, people=2)
    public, keys = forms("s1-paper")
    write_course(course_of(home_folder, "s1"), Paper("s1-paper", "", "", "2026-11-23", "", ()), [public], [keys])
    add_script(home_folder, "s1", a, RIGHT | {"q006": "依法告知。"})
    add_script(home_folder, "s1", b, RIGHT | {"q006": HOSTILE, "q001": f"<img src=//{TRAP}/a onerror={SCRIPT}>"})
    mark_sitting(home_folder, "s1", "li")
    project_sitting(home_folder, "s1")
    return home_folder


@pytest.fixture
def formgrader(sitting, tmp_path) -> Iterator[str]:
    """Address of a Jupyter server with nbgrader's formgrader, started in the course folder."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1",
        "--IdentityProvider.token=", f"--ServerApp.root_dir={course_of(sitting, 's1')}",
        "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "HOME": str(tmp_path)}
    with (tmp_path / "server.log").open("wb") as log, subprocess.Popen(command, cwd=course_of(sitting, "s1"), env=env, stdout=log, stderr=log) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/api/status", server, tmp_path / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser.new_context(viewport={"width": 1366, "height": 768})
        browser.close()


def submissions(home) -> list[str]:
    """Ids of the submitted notebooks, in the order of the candidates."""
    with closing(sqlite3.connect(course_of(home, "s1") / "gradebook.db")) as connection:
        rows = connection.execute("SELECT id FROM submitted_notebook ORDER BY id").fetchall()
    return [row[0] for row in rows]


def look(page: Page, formgrader: str, submission: str) -> tuple[list[str], list[str]]:
    """Open one submission; what it asked the network for, and dialogs it opened."""
    asked: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{formgrader}/formgrader/submissions/{submission}/?index=0", wait_until="load")
    page.wait_for_selector(".nbgrader_cell, .score", state="attached")
    page.wait_for_timeout(1500)
    return asked, dialogs


def test_a_hostile_essay_is_inert(sitting, formgrader, context):
    plain, hostile = submissions(sitting)
    calm, _ = look(context.new_page(), formgrader, plain)
    second = context.new_page()
    asked, dialogs = look(second, formgrader, hostile)
    assert second.evaluate("typeof window.pwned") == "undefined"
    assert dialogs == []
    assert not [address for address in asked if TRAP in address]
    assert {urlsplit(address).netloc for address in asked} <= {urlsplit(address).netloc for address in calm}
    shown = second.inner_text("body")
    assert SCRIPT in shown and f"![x](//{TRAP}/m.png)" in shown, "the marker reads exactly what was typed"
    inert = second.evaluate(
        """() => [...document.querySelectorAll('script, iframe, object, a, img, svg, base, meta, link, form, video, style')]
        .filter(e => e.outerHTML.includes('trap.invalid') || e.outerHTML.includes('pwned')).length"""
    )
    assert inert == 0
    assert second.evaluate("() => [...document.querySelectorAll('*')].some(e => [...e.attributes].some(a => /pwned|trap[.]invalid/.test(a.value)))") is False


def test_the_course_opens_and_a_typed_mark_comes_back(sitting, formgrader, context):
    page = context.new_page()
    page.goto(f"{formgrader}/formgrader/gradebook/form-A/paper", wait_until="load")
    page.wait_for_selector("table tbody tr td a", timeout=20_000)
    assert page.locator("table tbody tr").count() == 2
    first, _ = submissions(sitting)
    look(page, formgrader, first)
    box = page.locator("input.score").last
    box.fill("17.5")
    box.press("Tab")
    page.wait_for_timeout(1500)
    assert take_manual_marks(sitting, "s1", "wang").taken == 1
    with sitting.office.connect() as connection:
        row = connection.execute(select(mark.c.points, mark.c.by).where(mark.c.question == "q006").order_by(mark.c.person_id)).first()
    assert (Fraction(row.points), row.by) == (Fraction(35, 2), "wang")


def test_the_trap_would_spring_if_the_essay_were_not_escaped(sitting, formgrader, context):
    """The check above can fail: the same text put raw into an autograded notebook runs script in the same page."""
    _, hostile = submissions(sitting)
    (path,) = [one for one in course_of(sitting, "s1").glob("autograded/*/form-A/paper.ipynb") if TRAP in one.read_text(encoding="utf-8")]
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["id"] == "q006-answer":
            cell["source"] = f"<img src=x onerror=\"{SCRIPT}\">"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    page = context.new_page()
    asked, dialogs = look(page, formgrader, hostile)
    assert page.evaluate("window.pwned") == 1 and dialogs and [address for address in asked if TRAP in address]
