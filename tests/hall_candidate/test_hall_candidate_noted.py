"""What the page notes of its candidate reaches the officer's screen and the room's sheet, penalises nobody, and the paper is marked as his."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from candidate_room import saved, sit_down
from grading_fixture import make_sitting
from hall_fixture import Server
from playwright.sync_api import BrowserContext
from sitting_fixture import open_demo
from sqlalchemy import select, update

from exams.tables import attempt, candidate, candidate_event, entry, incident
from home import Home, transaction

sys.path.insert(0, str(Path(__file__).parent.parent / "hall_office"))  # the office's helpers
from office_room import Office

pytestmark = pytest.mark.browser
HIDE = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s}); document.dispatchEvent(new Event('visibilitychange'))"


def test_leaving_the_page_is_told_to_the_officer_and_costs_nothing(
    home_folder: Home, serve: Callable[..., Server], window: Callable[[], BrowserContext], tmp_path: Path
) -> None:
    make_sitting(home_folder, "s1", state="open", people=1)
    (one,) = open_demo(home_folder, 1, sitting="s1")
    with transaction(home_folder.office) as connection:
        connection.execute(update(candidate).values(admission_no=one.admission_no))
    page = sit_down(window(), serve(home_folder), one)
    page.evaluate(HIDE % "true")
    page.wait_for_timeout(3200)
    with page.expect_response("**/api/away") as told:
        page.evaluate(HIDE % "false")
    assert told.value.status == 200
    page.evaluate(HIDE % "true")
    page.evaluate(HIDE % "false")  # a glance is not noted
    saved(page)
    with home_folder.exam.connect() as connection:
        assert connection.execute(select(incident.c.kind)).scalars().all() == ["focus_loss"]
        assert connection.execute(select(attempt.c.state)).scalar_one() == "open"
        assert connection.execute(select(entry.c.barred)).scalar_one() == 0
    with home_folder.office.connect() as connection:
        assert connection.execute(select(candidate_event)).first() is None
    office = Office(home_folder)
    with office.staff("exam_officer") as officer:
        for path in ("/sittings/s1/incidents", f"/sittings/s1/candidates/{one.admission_no}"):
            shown = officer.page(path)
            assert re.search("离开考试页面 [3-9] 秒", shown) and "focus_loss" not in shown, path
        live = officer.page("/sittings/s1/live")
        assert "离开考试页面" not in live.partition('id="work"')[2].partition("</section>")[0], "no alarm: it is for information"
        sheet = officer.get("/sittings/s1/sheets/incidents")
    (tmp_path / "sheet.pdf").write_bytes(sheet.content)
    text = subprocess.run(["pdftotext", "-layout", tmp_path / "sheet.pdf", "-"], capture_output=True, text=True, check=True).stdout
    assert "离开考试页面" in text and "focus_loss" not in text and one.admission_no in text


def test_the_paper_carries_the_admission_number_on_screen_and_in_print(
    home_folder: Home, serve: Callable[..., Server], window: Callable[[], BrowserContext], tmp_path: Path
) -> None:
    (one,) = open_demo(home_folder, 1)
    page = sit_down(window(), serve(home_folder), one)
    facts = page.evaluate("""() => {
      const marks = [...document.querySelectorAll('.watermark i')], box = document.querySelector('.watermark').getBoundingClientRect();
      const seen = marks.filter((one) => { const at = one.getBoundingClientRect(); return at.bottom > 0 && at.top < innerHeight; });
      return { seen: seen.length, covers: [box.width, box.height, innerWidth, innerHeight], reads: getComputedStyle(marks[0], '::before').content,
               opacity: Number(getComputedStyle(document.querySelector('.watermark')).opacity), hidden: document.querySelector('.watermark').getAttribute('aria-hidden'),
               under: document.elementFromPoint(400, 400).closest('.watermark') };
    }""")
    assert facts["seen"] >= 12 and facts["covers"][:2] == facts["covers"][2:] and one.admission_no in facts["reads"]
    assert 0 < facts["opacity"] <= 0.2 and facts["hidden"] == "true" and facts["under"] is None, "it hides nothing and takes no click"
    (tmp_path / "print.pdf").write_bytes(page.pdf())
    text = subprocess.run(["pdftotext", tmp_path / "print.pdf", "-"], capture_output=True, text=True, check=True).stdout
    assert one.admission_no in text
    page.screenshot(path=tmp_path / "paper.png")
