"""A form sent after the log-in has run out: nothing is done, what was typed comes back to the same person and to nobody else."""

from __future__ import annotations

import re

import pytest
from office_room import PASSWORD, Office, Person, field, login_of, new_sitting, notice
from playwright.sync_api import Browser
from sqlalchemy import func, select, update

from exams.tables import sitting
from hall.office import lapsed
from hall.office.sessions import IDLE_MS
from home import now_ms, transaction
from people.tables import approval, office_session

REASON = "新到岗，接替“某某”<b>"
TYPED = {"login": "qian", "name": "钱考务", "reason": REASON, "role_exam_officer": "on"}


def run_out(office: Office) -> None:
    """Nobody has asked for anything for four hours."""
    with transaction(office.home.office) as connection:
        connection.execute(update(office_session).values(last_seen_at=now_ms() - IDLE_MS - 1000))


def requests(office: Office) -> int:
    with office.home.office.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(approval)).scalar_one())


def log_in_with(person: Person, page: str, login: str, password: str = PASSWORD):
    return person.client.post("/login", data={"token": field(page, "token"), "kept": field(page, "kept"), "login": login, "password": password})


def test_what_was_typed_stands_in_its_page_again_and_is_sent_by_the_person(office: Office) -> None:
    with office.staff("operator") as operator:
        run_out(office)
        told = operator.post("/staff", **TYPED)
        assert told.status_code == 401 and "还没有提交，已经留着" in told.text and requests(office) == 0
        assert "钱考务" not in told.text, "it waits sealed"
        wrong = log_in_with(operator, told.text, login_of("operator"), "不是这句口令-2026")
        assert wrong.status_code == 401 and field(wrong.text, "kept") == field(told.text, "kept")
        back = log_in_with(operator, wrong.text, login_of("operator"))
        assert back.status_code == 422 and "请核对后再提交" in notice(back.text) and requests(office) == 0
        assert 'value="钱考务"' in back.text and "&lt;b&gt;" in back.text and re.search(r'<input type="checkbox" name="role_exam_officer"[^>]*checked', back.text)
        operator.csrf = field(back.text, "csrf")
        assert "已提交申请" in notice(operator.done("/staff", **TYPED)) and requests(office) == 1


def test_another_person_at_the_same_computer_sees_nothing_of_it(office: Office) -> None:
    office.hire("hr")
    with office.staff("operator") as operator:
        run_out(office)
        told = operator.post("/staff", **TYPED)
        other = log_in_with(operator, told.text, login_of("hr"))
        assert (other.status_code, other.headers["location"]) == (303, "/")


def test_only_a_form_of_that_very_log_in_is_kept(office: Office) -> None:
    with office.staff("operator") as operator:
        run_out(office)
        operator.csrf = "x" * 40
        told = operator.post("/staff", **TYPED)
        assert (told.status_code, told.headers["location"]) == (303, "/login?expired=1")
    with office.staff("operator") as operator:
        csrf = operator.csrf
        operator.post("/logout")
        operator.csrf = csrf
        assert operator.post("/staff", **TYPED).status_code == 303, "who has logged out has left nothing behind"


def test_neither_secrets_nor_old_nor_damaged_forms_come_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with office.staff("operator") as operator:
        run_out(office)
        told = operator.post("/password", old=PASSWORD, new="一句全新的口令-2027", again="一句全新的口令-2027")
        assert told.status_code == 401 and "2027" not in told.text
        back = log_in_with(operator, told.text, login_of("operator"))
        assert back.status_code == 422 and "2027" not in back.text and PASSWORD not in back.text
        for break_it in (lambda kept: kept[:-8] + "AAAAAAAA", lambda kept: "不是", lambda kept: kept):
            operator.csrf = field(operator.get("/password").text, "csrf")
            run_out(office)
            told = operator.post("/staff", **TYPED)
            text = told.text.replace(field(told.text, "kept"), break_it(field(told.text, "kept")))
            monkeypatch.setattr(lapsed, "KEPT_MS", -1)
            assert log_in_with(operator, text, login_of("operator")).status_code == 303
            monkeypatch.undo()


@pytest.mark.browser
def test_in_a_browser_the_page_is_there_again(browser: Browser, address: str, office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
    page = browser.new_context(viewport={"width": 1366, "height": 768}, base_url=address, locale="zh-CN").new_page()

    def log_in() -> None:
        page.fill("#login", login_of("exam_officer"))
        page.fill("#password", PASSWORD)
        page.get_by_role("button", name="登录").click()

    page.goto("/login")
    log_in()
    page.wait_for_url("**/")
    page.goto("/sittings/s-1/edit")
    page.fill("#title", "改了名称的考试")
    page.fill("#place", "二楼大会议室")
    run_out(office)
    page.get_by_role("button", name="保存").click()
    page.get_by_text("还没有提交，已经留着").wait_for()
    log_in()
    page.get_by_text("请核对后再提交").wait_for()
    assert page.input_value("#place") == "二楼大会议室" and page.input_value("#title") == "改了名称的考试"
    page.get_by_role("button", name="保存").click()
    page.wait_for_url("**/sittings/s-1")
    with office.home.office.connect() as connection:
        assert connection.execute(select(sitting.c.place)).scalar_one() == "二楼大会议室"
    page.context.close()
