"""The standard attacks on a log-in and on forms (F6, F7), against the office; the hall's are in test_hall_candidate_pages and _matrix."""

from __future__ import annotations

import threading

import pytest
from office_room import PASSWORD, Office, field, login_of
from starlette.testclient import TestClient

from hall.office.app import create_app
from home import Home
from people import accounts
from people.accounts import Throttle, authenticate
from people.errors import LoginRefused


def test_a_planted_session_is_never_taken_over(office: Office) -> None:
    with office.visitor() as person:
        for planted in ("planted", "a" * 43):
            person.client.cookies.set("office", planted)
            answer = person.log_in(office.hire("hr"), PASSWORD)
            given = answer.headers["set-cookie"]
            assert answer.status_code == 303 and planted not in given
            person.client.cookies.clear()
            assert person.client.get("/", headers={"cookie": f"office={planted}"}).status_code == 303, "what was planted is still nobody's"


def test_over_https_every_cookie_is_locked_and_bound(home_folder: Home) -> None:
    office = Office(home_folder, "https://office.test")
    with office.visitor() as person:
        page = person.client.get("/login")
        answer = person.log_in(office.hire("hr"), PASSWORD)
        cookies = [*page.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
        assert len(cookies) >= 3
        for cookie in cookies:
            assert cookie.startswith("__Host-office"), cookie
            assert all(word in cookie.lower() for word in ("httponly", "secure", "samesite=strict", "path=/")) and "domain" not in cookie.lower(), cookie
        for path in ("/", "/login", "/none", "/static/office.css", "/healthz"):
            got = person.client.get(path).headers
            assert "max-age=31536000" in got["strict-transport-security"], path
            assert "frame-ancestors 'none'" in got["content-security-policy"] and got["x-frame-options"] == "DENY", path
            assert "unsafe" not in got["content-security-policy"] and got["x-content-type-options"] == "nosniff", path


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_forms_of_other_sites_do_nothing_even_with_the_token(office: Office, site: str) -> None:
    with office.staff("operator") as operator:
        for path in ("/logout", "/password", "/staff", "/staff/hr1/disable", "/retention/ask"):
            answer = operator.client.post(path, data={"csrf": operator.csrf, "agreed": "on"}, headers={"sec-fetch-site": site})
            assert answer.status_code == 403 and "没有执行" in answer.text
        assert operator.get("/").status_code == 200


def test_the_first_page_says_where_backups_lie_beside_the_data(office: Office) -> None:
    for role, told in (("exam_officer", True), ("operator", True), ("marker", False)):
        with office.staff(role) as person:
            assert ("硬盘坏了备份一起没有" in person.get("/").text) is told, role


def test_settings_that_somebody_broke_stop_no_page_and_a_lost_database_is_told(office: Office) -> None:
    with office.staff("operator") as operator:
        settings = office.home.root / "home.toml"
        kept = settings.read_text(encoding="utf-8")
        settings.write_text(f"{kept}\n[backup]\nto = C:\\盘\n", encoding="utf-8")
        shown = operator.get("/")
        assert shown.status_code == 200 and "没有自动备份" in shown.text and "home.toml" in shown.text
        settings.write_text(kept, encoding="utf-8")
    office.home.office.dispose()
    place = office.home.root / "office.db"
    aside = place.rename(place.with_name("aside"))
    with TestClient(create_app(office.home, secure=False), "http://office.test", raise_server_exceptions=False) as anybody:
        token = anybody.get("/login").text.partition('name="token" value="')[2].partition('"')[0]
        answer = anybody.post("/login", data={"token": token, "login": "wang", "password": "x" * 12})
        assert answer.status_code == 503 and "数据库或硬盘暂时用不了" in answer.text and "编号" in answer.text
        office.home.office.dispose()
        aside.rename(place)
        assert anybody.post("/login", data={"token": token, "login": "wang", "password": "x" * 12}).status_code != 503


def test_guessers_from_elsewhere_leave_honest_staff_alone(office: Office) -> None:
    """Five wrong ones pause a login at one address, twenty from anywhere pause it everywhere; other accounts go on."""
    app = create_app(office.home, secure=False)

    def at(address: str, login: str, password: str) -> int:
        with TestClient(app, "http://office.test", follow_redirects=False, client=(address, 1)) as http:
            data = {"login": login, "password": password, "token": field(http.get("/login").text, "token")}
            return http.post("/login", data=data).status_code

    office.hire("hr"), office.hire("marker")
    assert [at("10.0.0.66", login_of("hr"), f"wrong {n}") for n in range(6)] == [401] * 5 + [429]
    assert at("10.0.0.66", login_of("hr"), PASSWORD) == 429 and at("10.0.0.5", login_of("hr"), PASSWORD) == 303
    assert at("10.0.0.66", login_of("marker"), PASSWORD) == 303, "the whole office sits behind that address"


def test_the_pause_of_a_login_ends_and_an_unknown_one_is_counted_alike() -> None:
    throttle = Throttle(allowed=2, pause_ms=1000)
    for login in ("known", "unknown"):
        for _ in range(2):
            throttle.attempt(login, "a", 0)
        with pytest.raises(LoginRefused, match="1 分钟"):
            throttle.attempt(login, "a", 500)
        throttle.attempt(login, "a", 2000)


def test_a_flood_of_log_ins_takes_turns(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each check takes 64 MiB on purpose: forty at once would be the memory of the machine that holds the exam."""
    office.hire("hr")
    busy, most, lock, gate = 0, 0, threading.Lock(), threading.Barrier(12)
    real = accounts._hasher

    class Counting:
        def verify(self, hashed: str, password: str) -> bool:
            nonlocal busy, most
            with lock:
                busy += 1
                most = max(most, busy)
            try:
                return real.verify(hashed, password)
            finally:
                with lock:
                    busy -= 1

    monkeypatch.setattr(accounts, "_hasher", Counting())
    refused = []

    def guess(n: int) -> None:
        gate.wait()
        with office.home.office.connect() as connection:
            try:
                authenticate(connection, login_of("hr"), f"wrong {n}")
            except LoginRefused:
                refused.append(n)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(refused) == 12 and most == 2
