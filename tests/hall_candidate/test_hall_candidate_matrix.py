"""Where one stands × every route of the hall, from the app's own table; and what a candidate can name of somebody else's: nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from hall_fixture import Browser, field
from sitting_fixture import Candidate, open_demo
from sqlalchemy import select, update
from starlette.routing import Route

from exams.attempts import effective_answers
from exams.tables import attempt, entry, incident, session
from hall.candidate.app import FAST, ROUTES
from hall.candidate.static import static_url
from home import Home, now_ms, transaction

Make = Callable[[Candidate], Browser]
#: who asks -> the one page for somebody who stands there
PLACES = {"nobody": "/login", "log-in over": "/login", "logged in": "/rules", "at work": "/paper", "handed in": "/done"}
OUT, STARTED = ("nobody", "log-in over"), ("at work", "handed in")
PAGES = ("/", "/login", "/rules", "/paper", "/done")

#: (method, route) -> status by who asks, with a form token that is nobody's; what is not here is refused to everybody
_FORM = {"nobody": 303, "log-in over": 303, "logged in": 403, "at work": 403, "handed in": 403}
_SCRIPT = {"nobody": 401, "log-in over": 401, "logged in": 409, "at work": 401, "handed in": 401}
_ANY = dict.fromkeys(PLACES, 200)
EXPECTED: dict[tuple[str, str], dict[str, int]] = {
    **{("GET", path): {who: 200 if place == path else 303 for who, place in PLACES.items()} for path in PAGES},
    ("POST", "/login"): dict.fromkeys(PLACES, 403),
    ("POST", "/start"): _FORM,
    ("POST", "/logout"): _FORM,
    ("POST", "/api/save"): _SCRIPT,
    ("POST", "/api/handin"): _SCRIPT,
    ("POST", "/api/away"): _SCRIPT,
    ("POST", "/api/login"): dict.fromkeys(PLACES, 403),
    ("GET", "/api/pulse"): {**_ANY, **dict.fromkeys(OUT, 401)},
    ("GET", "/api/events"): {"nobody": 401, "log-in over": 401, "logged in": 409},  # then a stream of one's own attempt: test_hall_candidate_server
    ("GET", "/api/form"): _ANY,
    ("GET", "/static/{digest}/{name}"): _ANY,
    ("GET", "/healthz"): _ANY,
}
BODIES = {
    "/api/save": {"writer": 1, "acked": 0, "changes": [[1, "q001", "A", 0]]}, "/api/away": {"ms": 5000},
    "/api/handin": {"writer": 1, "acked": 0, "changes": [], "unanswered": 9}, "/api/login": {"number": "1", "code": "x", "token": "x"},
}  # fmt: skip


def table() -> set[tuple[str, str]]:
    """Every (method, address) that the app answers to."""
    found = {(method, path) for path, (method, _) in FAST.items()}
    for route in ROUTES:
        assert isinstance(route, Route)
        found |= {(method, route.path) for method in route.methods or () if method != "HEAD"}
    return found


def standing_at(hall: Make, home: Home, who: str, one: Candidate) -> Browser:
    browser = hall(one)
    if who == "nobody":
        return browser
    if who == "logged in":
        browser.log_in()
        return browser
    browser.start()
    if who == "handed in":
        browser.hand_in(9)
    if who == "log-in over":
        with transaction(home.exam) as connection:
            connection.execute(update(session).values(ended_at=now_ms()))
    return browser


def rows(home: Home) -> list[object]:
    with home.exam.connect() as connection:
        return [tuple(row) for one in (attempt, session, incident) for row in connection.execute(select(one).order_by(*one.primary_key.columns))]


def test_a_route_without_a_line_in_the_matrix_is_refused() -> None:
    assert table() == set(EXPECTED), "say here who may have it"


@pytest.mark.parametrize("who", PLACES)
def test_every_route_for_everybody(any_home: Home, hall: Make, who: str) -> None:
    (one,) = open_demo(any_home, 1)
    browser = standing_at(hall, any_home, who, one)
    before, seen = rows(any_home), {}
    for (method, path), expected in sorted(EXPECTED.items()):
        if who not in expected or (method, path) == ("GET", "/paper"):
            continue  # the paper's page takes over from older ones; it is asked for last
        address = static_url("hall.css") if "{" in path else path
        body = {"content": json.dumps(BODIES[path])} if path in BODIES else {"data": {"csrf": "0" * 32, "confirm": "on"}} if method == "POST" else {}
        answer = browser.http.request(method, address, headers={"x-csrf": "0" * 32}, follow_redirects=False, **body)
        seen[method, path] = answer.status_code
        if answer.status_code == 303:
            assert answer.headers["location"] == PLACES[who], (method, path)
        assert "题干" not in answer.text or path == "/paper"
    assert seen == {place: expected[who] for place, expected in EXPECTED.items() if place in seen}
    assert rows(any_home) == before, "nothing of it did anything"
    paper = browser.http.get("/paper", follow_redirects=False)
    assert paper.status_code == EXPECTED["GET", "/paper"][who] and ("题干" in paper.text) == (who == "at work")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_do_nothing_anywhere(home_folder: Home, method: str) -> None:
    from sitting_fixture import KEY
    from starlette.testclient import TestClient

    from hall.candidate.app import create_app

    (one,) = open_demo(home_folder, 1)
    with TestClient(create_app(home_folder, KEY, secure=True), base_url="https://hall.test", raise_server_exceptions=False) as http:
        browser = Browser("https://hall.test", one, http)
        browser.start()
        before = rows(home_folder)
        for _, path in sorted(EXPECTED):
            address = static_url("hall.css") if "{" in path else path
            assert http.request(method, address, follow_redirects=False).status_code in (404, 405), path
        assert rows(home_folder) == before


# ------------------------------------------------------------------ another sitting, another candidate


@pytest.fixture
def two_rooms(any_home: Home) -> tuple[Candidate, Candidate, Candidate]:
    """Two of one sitting and one of another that runs at the same time."""
    first, second = open_demo(any_home, 2)
    (elsewhere,) = open_demo(any_home, 1, sitting="other", first_no=50)
    return first, second, elsewhere


def answers(home: Home, one: Candidate) -> dict[str, str]:
    with home.exam.connect() as connection:
        number = connection.execute(select(attempt.c.id).where(attempt.c.entry_id == one.entry_id)).scalar_one()
        return effective_answers(connection, number)


def test_codes_open_their_own_number_only_and_tell_nothing_of_others(any_home: Home, hall: Make, two_rooms: tuple[Candidate, ...]) -> None:
    first, second, elsewhere = two_rooms
    shown = set()
    for number in (second.admission_no, elsewhere.admission_no, "261123099999"):
        browser = hall(Candidate(0, number, first.code, ""))
        answer = browser.log_in()
        assert answer.status_code == 403
        shown.add(re.sub(r'value="[0-9a-f]{64}"', "", answer.text.replace(number, "#")))
    assert len(shown) == 1, "a number that is taken and one that is not are told alike"


def test_the_script_of_one_reaches_nothing_of_another(any_home: Home, hall: Make, two_rooms: tuple[Candidate, ...]) -> None:
    first, second, elsewhere = two_rooms
    one, other, far = (hall(who) for who in two_rooms)
    for browser in (one, other, far):
        browser.start()
    for victim in (other, far):
        for name in ("attempt", "entry", "sitting", "session", "token", "number"):
            body = {"writer": 1, "acked": 0, "changes": [[1, "q001", "A", 0]], name: victim.state.get(name, victim.candidate.admission_no)}
            assert one.post("/api/save", body).status_code == one.post("/api/handin", {**body, "unanswered": 9}).status_code == 400
        for path in ("/api/save", "/api/away", "/api/handin"):
            assert one.post(path, BODIES[path], headers={"x-csrf": str(victim.state["csrf"])}).status_code == 401
        for query in (f"?attempt={victim.state['attempt']}", f"?number={victim.candidate.admission_no}", "?user=admin&role=officer"):
            page = one.http.get(f"/paper{query}")
            assert victim.candidate.admission_no not in page.text and first.admission_no in page.text
            one.read(page)
            assert victim.candidate.name not in one.http.get(f"/api/pulse{query}").text
    assert one.save((1, "q001", "A")).status_code == 200
    assert answers(any_home, first) == {"q001": "A"} and answers(any_home, second) == answers(any_home, elsewhere) == {}


def test_an_edited_cookie_is_nobodys(any_home: Home, hall: Make, two_rooms: tuple[Candidate, ...]) -> None:
    browser = hall(two_rooms[0])
    browser.start()
    token = browser.http.cookies["__Host-pufa_hall"]
    for wrong in (token[:-1], token + "x", token.swapcase(), token[::-1], f'"{token}"', f"{token},{token}", "' OR '1'='1", "é", "A" * 9000):
        browser.http.cookies.clear()
        answer = browser.http.get("/api/pulse", headers={"cookie": f"__Host-pufa_hall={wrong}".encode()})
        assert answer.status_code == 401, wrong
    plain = browser.http.get("/api/pulse", headers={"cookie": f"pufa_hall={token}"})
    assert plain.status_code == 401, "over https only the cookie that is bound to the host counts"


def test_three_hours_of_writing_and_a_session_that_is_older_than_the_exam(any_home: Home, hall: Make, two_rooms: tuple[Candidate, ...]) -> None:
    """F4: nothing ends a session for idleness, and one that was opened long before the start still holds."""
    browser = hall(two_rooms[0])
    browser.start()
    with transaction(any_home.exam) as connection:
        connection.execute(update(session).values(created_at=now_ms() - 9 * 3_600_000))
        connection.execute(update(attempt).values(last_seen_at=now_ms() - 3 * 3_600_000, limit_at=now_ms() + 3_600_000))
    assert browser.save((1, "q001", "A")).status_code == 200 and browser.http.get("/api/pulse").status_code == 200
    with transaction(any_home.exam) as connection:  # as after a day and a half: the page must ask for the code, and go on
        connection.execute(update(session).values(created_at=now_ms() - 17 * 3_600_000))
        connection.execute(update(entry).values(failures=9))
    assert browser.http.get("/api/pulse").status_code == 401
    token = browser.http.get("/api/form").json()["token"]
    again = browser.post("/api/login", {"number": two_rooms[0].admission_no, "code": two_rooms[0].code, "token": token})
    browser.state["csrf"] = again.json()["csrf"]
    assert browser.save((2, "q002", "B")).status_code == 200
    assert answers(any_home, two_rooms[0]) == {"q001": "A", "q002": "B"}


def test_the_form_token_of_the_log_in_is_of_this_browser(any_home: Home, hall: Make, two_rooms: tuple[Candidate, ...]) -> None:
    """Nobody is logged in, from a page of his own, under a code of the attacker's."""
    mine, theirs = hall(two_rooms[0]), hall(two_rooms[1])
    token = field(theirs.http.get("/login"), "token")
    mine.http.get("/login")
    data = {"token": token, "number": two_rooms[1].admission_no, "code": two_rooms[1].code}
    assert mine.http.post("/login", data=data).status_code == 403
    with any_home.exam.connect() as connection:
        assert connection.execute(select(session)).first() is None
