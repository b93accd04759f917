"""Who gets through: roles by routes, sessions, CSRF, log-in, malformed requests, what every page carries."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from grading_fixture import add_script, make_sitting
from office_room import PASSWORD, Office, field, login_of, new_sitting
from sqlalchemy import select, update
from starlette.routing import Mount, Route

from hall.office.guard import LARGEST_BODY
from hall.office.pages import HERE
from hall.office.routes import ROUTES
from hall.office.sessions import IDLE_MS, LONGEST_MS
from hall.office.way import Way
from hall.web import HEADERS
from home import AUDIT, OFFICE, Home, now_ms, transaction
from people.accounts import ROLES, add_account, disable_account, revoke_role
from people.tables import office_session


class Parts(dict[str, str]):
    """What fills the places of an address; a number where nothing better is known."""

    def __missing__(self, name: str) -> str:
        return "1"


PARTS = Parts(sitting="s1", number="261110000001", question="q006", item="item-q006", file="x.csv", act="pause", sheet="room")


def path_of(way: Way) -> str:
    return way.path.format_map(PARTS)


@pytest.fixture
def furnished(office: Office) -> Office:
    """A closed sitting with a script to mark, and a file to take."""
    persons = make_sitting(office.home, "s1", people=2)
    add_script(office.home, "s1", persons[0], {"q006": "作答"})
    (office.home.exports / "x.csv").write_bytes(b"x")
    return office


def test_every_route_under_every_role(furnished: Office) -> None:
    for role in ROLES:
        with furnished.staff(role) as person:
            person.csrf = "wrong"
            for way in ROUTES:
                answer = person.get(path_of(way)) if way.method == "GET" else person.post(path_of(way))
                place = f"{role} {way.method} {way.path}"
                if role not in way.roles:
                    assert answer.status_code == 403 and "岗位不能使用" in answer.text, place
                elif way.method == "POST":
                    assert answer.status_code == 403 and "页面已过期" in answer.text, place
                else:
                    assert answer.status_code in (200, 404, 409), (place, answer.text[-300:])


def test_without_a_session_there_is_only_the_log_in(furnished: Office) -> None:
    with furnished.visitor() as nobody:
        for way in ROUTES:
            answer = nobody.get(path_of(way)) if way.method == "GET" else nobody.post(path_of(way))
            if way.path.endswith(".json"):
                assert answer.status_code == 401 and answer.text == "{}"
            else:
                assert answer.status_code == 303 and answer.headers["location"].startswith("/login"), way.path


def test_the_table_is_all_there_is(office: Office) -> None:
    served = [route for route in office.app.routes if isinstance(route, Route)]
    outside = {"/login": 2, "/healthz": 1, "/metrics": 1}  # the log-in, and what the operator's monitoring asks
    assert Counter(route.path for route in served) == Counter(way.path for way in ROUTES) + Counter(outside)
    assert all(way.roles for way in ROUTES)
    assert [route.path for route in office.app.routes if isinstance(route, Mount)] == ["/static"]
    assert len({way.name for way in ROUTES}) == len(ROUTES)
    for way in ROUTES:
        assert way.method in ("GET", "POST")
        assert way.roles <= ROLES.keys()


def test_what_separates_duties_is_in_the_table() -> None:
    may = {way.name: way.roles for way in ROUTES}
    assert may["give"] == may["script"] == {"marker"}
    assert may["issue"] == may["export"] == may["download"] == {"hr"}
    assert {way.name for way in ROUTES if way.method == "POST" and "auditor" in way.roles} == {"logout", "set_password", "check"}
    for name in ("roster", "candidate", "live", "live_json"):
        assert "marker" not in may[name], "a marker must not see who is behind a pseudonym"


def test_an_account_without_roles_sees_nothing(office: Office) -> None:
    with transaction(office.home.office) as connection:
        add_account(connection, "empty", "无岗位", PASSWORD, ["hr"], "test")
    with office.visitor() as person:
        person.log_in("empty", PASSWORD)
        with transaction(office.home.office) as connection:
            revoke_role(connection, "empty", "hr", "test")
        assert person.get("/").status_code == 403
        assert person.get("/exports").status_code == 403


def test_a_form_from_elsewhere_is_refused(office: Office) -> None:
    with office.staff("exam_officer") as officer, office.staff("hr") as hr:
        for token in ("", "x", hr.csrf, officer.csrf[:-1], "令牌"):
            answer = officer.client.post("/logout", data={"csrf": token})
            assert answer.status_code == 403
        crossed = officer.client.post("/logout", data={"csrf": officer.csrf}, headers={"sec-fetch-site": "cross-site"})
        assert crossed.status_code == 403
        assert officer.get("/").status_code == 200
        assert officer.post("/logout").status_code == 303
        assert officer.get("/").status_code == 303


# ---------------------------------------------------------------- log in


def test_log_in_needs_the_form_of_this_browser(office: Office) -> None:
    with office.visitor() as person:
        login = {"login": office.hire("hr"), "password": PASSWORD}
        assert person.client.post("/login", data=login).status_code == 403
        person.get("/login")
        assert person.client.post("/login", data={**login, "token": "x"}).status_code == 403
        assert person.get("/").status_code == 303


def test_cookies_and_what_is_stored_of_them(office: Office) -> None:
    with office.visitor() as person:
        answer = person.log_in(office.hire("hr"), PASSWORD)
        flags = answer.headers["set-cookie"].lower()
        assert "httponly" in flags and "samesite=strict" in flags
        first = person.client.cookies["office"]
        person.post("/logout")
        person.log_in(login_of("hr"), PASSWORD)
        assert person.client.cookies["office"] != first
    with office.home.office.connect() as connection:
        stored = [tuple(row) for row in connection.execute(select(office_session))]
    assert len(stored) == 2 and first not in str(stored)


def test_over_tls_cookies_are_bound_to_the_host(home_folder: Home) -> None:
    office = Office(home_folder, "https://office.test")
    with office.staff("hr") as person:
        assert set(person.client.cookies) == {"__Host-office"}
        answer = person.get("/")
        assert answer.status_code == 200 and "strict-transport-security" in answer.headers
    with office.visitor() as other:
        assert "secure" in other.log_in(login_of("hr"), PASSWORD).headers["set-cookie"].lower()


@pytest.mark.parametrize("login, password", [("hr1", "错的口令"), ("nobody", PASSWORD), ("", ""), ("hr1", ""), ("hr1\0", PASSWORD), ("x" * 5000, "y" * 5000), ("' or 1=1 --", "'")])
def test_wrong_log_ins_are_told_alike_and_recorded(office: Office, login: str, password: str) -> None:
    office.hire("hr")
    with office.visitor() as person:
        answer = person.log_in(login, password)
        assert answer.status_code == 401 and "登录名或口令不对" in answer.text
        assert person.get("/").status_code == 303
    with office.home.office.connect() as connection:
        acts = connection.execute(select(AUDIT[OFFICE].c.action, AUDIT[OFFICE].c.payload).where(AUDIT[OFFICE].c.actor == "nobody")).all()
    assert [act.action for act in acts] == ["office.login.refused"] and (not password or password not in acts[0].payload)


def test_guessing_is_slowed_down(office: Office) -> None:
    with office.visitor() as person:
        office.hire("marker")
        seen = [person.log_in(login_of("hr"), f"guess {n}").status_code for n in range(7)]
        assert seen == [401] * 5 + [429] * 2
        assert person.log_in(login_of("hr"), PASSWORD).status_code == 429
        assert person.log_in(login_of("marker"), PASSWORD).status_code == 303


@pytest.mark.parametrize("column, age", [("last_seen_at", IDLE_MS), ("created_at", LONGEST_MS)])
def test_sessions_run_out(office: Office, column: str, age: int) -> None:
    with office.staff("hr") as person:
        for older, status in ((age - 60_000, 200), (age + 60_000, 303)):
            with transaction(office.home.office) as connection:
                connection.execute(update(office_session).values({column: now_ms() - older}))
            assert person.get("/password").status_code == status


def test_a_disabled_account_is_out_at_once(office: Office) -> None:
    with office.staff("hr") as person:
        with transaction(office.home.office) as connection:
            disable_account(connection, login_of("hr"), "test")
        assert person.get("/").status_code == 303


def test_changing_the_password_ends_every_log_in(office: Office) -> None:
    new = "另一句同样够长的新口令-2027"
    with office.staff("hr") as here, office.staff("hr") as there:
        assert "两次输入" in here.refused("/password", old=PASSWORD, new=new, again=new + "x")
        assert "原口令不对" in here.refused("/password", old="x", new=new, again=new)
        assert "至少 12" in here.refused("/password", old=PASSWORD, new="短", again="短")
        assert "过长" in here.refused("/password", old=PASSWORD, new="长" * 300, again="长" * 300)
        assert here.post("/password", old=PASSWORD, new=new, again=new).headers["location"] == "/login?changed=1"
        assert here.get("/").status_code == there.get("/").status_code == 303
        assert here.log_in(login_of("hr"), PASSWORD).status_code == 401
        assert here.log_in(login_of("hr"), new).status_code == 303


# ---------------------------------------------------------------- malformed requests, headers


def test_malformed_and_boundless_requests_end_in_a_page(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer, "s-1")
        post = officer.client.post
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert post("/password", content=b"x" * (LARGEST_BODY + 1), headers=form).status_code == 413
        assert post("/password", data={f"f{n}": "" for n in range(500)}).status_code in (400, 403)
        assert post("/sittings/s-1/roster/upload", content=b"--x\r\n\r\nbroken", headers={"content-type": "multipart/form-data; boundary=x"}).status_code in (400, 403)
        assert post("/sittings/s-1/roster/upload", content=b"", headers={"content-type": "multipart/form-data"}).status_code in (400, 403)
        assert officer.post("/password", old="\0", new="x", again="x").status_code == 400
        assert officer.get("/sittings/s-1/roster?q=%00").status_code == 400
        for path in ("/sittings/%00", "/sittings/none", "/sittings/s-1/candidates/999", "/sittings/..%2f..", "/static/../app.py", "/static/.x", "/none", "/sittings/s-1/"):
            answer = officer.get(path)
            assert answer.status_code in (400, 404) and "Traceback" not in answer.text, path
            assert "text/html" in answer.headers["content-type"], path
        for path in ("/sittings/s-1/records?page=99999999999", "/sittings/s-1/roster?unit=" + "x" * 5000):
            assert officer.get(path).status_code in (200, 403)
        assert officer.client.request("DELETE", "/sittings/s-1").status_code == 405


def test_every_answer_carries_the_headers(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        for path in ("/", "/sittings/new", "/none", "/exports", "/static/office.css"):
            answer = officer.get(path)
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, path
            assert answer.headers["cache-control"] == ("no-cache" if path.startswith("/static/") else "no-store")


def test_a_fault_of_ours_is_a_calm_page_with_a_number(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer, "s-1")
        with office.home.office.begin() as connection:
            connection.exec_driver_sql("UPDATE sitting SET blueprint = 'broken ='")
        officer.client._transport.raise_server_exceptions = False
        answer = officer.get("/sittings/s-1/live")
        assert answer.status_code in (404, 409, 500) and "Traceback" not in answer.text
        with office.home.office.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE sitting RENAME TO gone")
        answer = officer.get("/")
        number = re.search(r"编号 ([0-9a-f]{6})", answer.text)
        assert answer.status_code == 500 and number
        assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]
    assert f"fault {number[1]} at GET /" in caplog.text


@pytest.mark.parametrize("path", sorted((HERE / "templates").glob("*.html")), ids=lambda path: path.name)
def test_templates_hold_nothing_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:|\|\s*safe|//cdn|http", text)
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text, re.S):
        by_macro = "{{ token() }}" in form and re.search(r'macro token\(\) %}.*name="csrf".*endmacro', text)
        assert 'name="csrf"' in form or 'action="/login"' in form or by_macro


def test_the_form_token_is_in_the_page_that_needs_it(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        assert field(officer.page("/sittings/new"), "csrf") == officer.csrf
