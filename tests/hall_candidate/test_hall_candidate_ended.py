"""An attempt that is ended while it stands paused: the page says the end, and nothing untrue."""

from __future__ import annotations

import pytest
from candidate_room import sit_down
from sitting_fixture import open_demo

from exams.control import pause_one
from exams.decisions import void_attempt
from home import now_ms, transaction

pytestmark = pytest.mark.browser


def test_the_end_of_a_paused_paper_is_not_told_as_a_resumption(home_folder, serve, window):
    (one,) = open_demo(home_folder, 1)
    page = sit_down(window(), serve(home_folder), one)
    with transaction(home_folder.exam) as connection:
        pause_one(connection, one.admission_no, reason="等待审批", by="kaowu", now=now_ms())
    page.locator("#paused").wait_for()
    with transaction(home_folder.exam) as connection:
        void_attempt(connection, one.admission_no, reason="夹带", by="kaowu", second="li", now=now_ms())
    page.get_by_role("heading", name="本次作答已被终止").wait_for()
    assert page.locator("#desk").is_hidden(), "the paper stays covered"
    assert page.get_by_text("考试已恢复").count() == 0
