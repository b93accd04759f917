"""Who comes from outside the room, or without the exam's browser: turned away at the door, never losing an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from hall_fixture import Browser, Server, field
from sitting_fixture import KEY, Candidate, open_demo
from sqlalchemy import select, update
from starlette.testclient import TestClient

from exams.room_access import config_key_hash
from exams.tables import incident, open_sitting
from hall.candidate.app import create_app
from home import Home, transaction

ROOM, ELSEWHERE = "192.168.10.7", "172.20.0.9"
SEB = "4fa9af8ec8759eb7c680752ef4ee5eaf1a860628608fccae2715d519849f9292"
OTHER = "2534e4e9f3188f9f9133bf7cf7b4c5d898292bbd7e8d0230f39d1176636a1431"
BASE = "https://hall.test"
At = Callable[..., Browser]


@pytest.fixture
def roster(any_home: Home) -> list[Candidate]:
    return open_demo(any_home, 2)


@pytest.fixture
def at(any_home: Home) -> Iterator[At]:
    """A candidate's browser at a network address; ``seb``: Safe Exam Browser under this Config Key, which sends its header."""
    app = create_app(any_home, KEY, secure=True)
    with TestClient(app, base_url=BASE, raise_server_exceptions=False) as first:

        def make(candidate: Candidate, address: str, seb: str = "") -> Browser:
            http = TestClient(app, base_url=BASE, raise_server_exceptions=False, client=(address, 50_000))
            http.portal = first.portal
            if seb:
                http.event_hooks["request"].append(
                    lambda request: request.headers.update({"X-SafeExamBrowser-ConfigKeyHash": config_key_hash(str(request.url), seb)})
                )
            return Browser(BASE, candidate, http)

        yield make


def demand(home: Home, **what: str | None) -> None:
    with transaction(home.exam) as connection:
        connection.execute(update(open_sitting).values(**what))


def noted(home: Home) -> list[str]:
    with home.exam.connect() as connection:
        return list(connection.execute(select(incident.c.kind).order_by(incident.c.id)).scalars())


def moved_to(browser: Browser, other: Browser) -> None:
    """The same browser with its cookies, at the other's address."""
    for cookie in browser.http.cookies.jar:
        other.http.cookies.jar.set_cookie(cookie)
    other.state = browser.state


def test_outside_the_room_one_does_not_get_in(any_home: Home, roster: list[Candidate], at: At) -> None:
    demand(any_home, room_ranges="192.168.10.0/24,10.1.0.5")
    refused = at(roster[0], ELSEWHERE).log_in()
    assert refused.status_code == 403 and "D07" in refused.text and ELSEWHERE in refused.text and "举手" in refused.text
    assert noted(any_home) == ["outside"]
    wrong = at(roster[1], ELSEWHERE).log_in("0000-0000-0000")
    assert wrong.status_code == 403 and "D01" in wrong.text, "who has no code learns nothing of the room"
    assert noted(any_home) == ["outside"]
    inside = at(roster[0], ROOM)
    assert inside.log_in().url.path == "/rules" and inside.start().url.path == "/paper"
    assert at(roster[1], "10.1.0.5").start().url.path == "/paper"


def test_who_moves_out_before_the_start_does_not_start(any_home: Home, roster: list[Candidate], at: At) -> None:
    demand(any_home, room_ranges="192.168.10.0/24")
    inside, outside = at(roster[0], ROOM), at(roster[0], ELSEWHERE)
    csrf = field(inside.log_in(), "csrf")
    moved_to(inside, outside)
    rules = outside.http.get("/rules")
    assert "D07" in rules.text and 'action="/start"' not in rules.text
    begun = outside.http.post("/start", data={"csrf": csrf, "confirm": "on"})
    assert begun.status_code == 403 and "D07" in begun.text and "题干" not in begun.text
    assert inside.http.post("/start", data={"csrf": csrf, "confirm": "on"}).url.path == "/paper"


def test_an_answer_is_stored_from_anywhere_and_the_officer_is_told(any_home: Home, roster: list[Candidate], at: At) -> None:
    demand(any_home, room_ranges="192.168.10.0/24")
    inside, outside = at(roster[0], ROOM), at(roster[0], ELSEWHERE)
    inside.start()
    assert inside.save((1, "q001", "A")).status_code == 200 and noted(any_home) == []
    moved_to(inside, outside)
    for seq in (2, 3):
        assert outside.save((seq, "q001", "B")).json()["acks"][0][1] == "saved"
    assert noted(any_home) == ["moved"]
    page = outside.http.get("/paper")
    assert page.status_code == 403 and "D07" in page.text and "题干" not in page.text, "but the paper is not shown there again"
    assert outside.hand_in(8).json()["closed_by"] == "handin"
    assert outside.http.get("/done").status_code == 200
    with any_home.exam.connect() as connection:
        detail = connection.execute(select(incident.c.detail).where(incident.c.kind == "moved")).scalar_one()
    assert ELSEWHERE in detail and "照常保存" in detail


def test_only_the_exams_own_browser_configuration_opens_it(any_home: Home, roster: list[Candidate], at: At) -> None:
    demand(any_home, seb_keys=f"{'0' * 64},{SEB}")
    for stranger in (at(roster[0], ROOM), at(roster[0], ROOM, OTHER)):
        refused = stranger.log_in()
        assert refused.status_code == 403 and "D08" in refused.text
    assert noted(any_home) == ["no_seb"], "once a minute"
    seb, plain = at(roster[0], ROOM, SEB), at(roster[0], ROOM)
    assert seb.start().url.path == "/paper" and seb.save((1, "q001", "A")).status_code == 200
    moved_to(seb, plain)
    page = plain.http.get("/paper")
    assert page.status_code == 403 and "D08" in page.text and "题干" not in page.text, "its cookies are no good in another browser"
    assert plain.save((2, "q001", "B")).status_code == 200
    assert seb.reload().status_code == 200 and seb.state["answers"] == {"q001": "B"}


def test_a_browser_without_headers_shows_its_key_by_script(any_home: Home, roster: list[Candidate], at: At) -> None:
    demand(any_home, seb_keys=SEB)
    browser = at(roster[0], ROOM)
    token = field(browser.http.get("/login"), "token")
    data = {"token": token, "number": roster[0].admission_no, "code": roster[0].code}
    for told in ("", "x", SEB, config_key_hash(f"{BASE}/login", OTHER), config_key_hash(f"{BASE}/paper", SEB), config_key_hash("https://evil.test/login", SEB)):
        assert "D08" in browser.http.post("/login", data={**data, "seb": told}).text
    rules = browser.http.post("/login", data={**data, "seb": config_key_hash(f"{BASE}/login", SEB)})
    assert rules.url.path == "/rules"
    browser.read(browser.http.post("/start", data={"csrf": field(rules, "csrf"), "confirm": "on"}))
    browser.http.cookies.delete("__Host-pufa_hall")
    body = {"number": roster[0].admission_no, "code": roster[0].code, "token": browser.http.get("/api/form").json()["token"]}
    refused = browser.post("/api/login", body)
    assert refused.status_code == 403 and refused.json()["code"] == "D08"
    again = browser.post("/api/login", {**body, "seb": config_key_hash(f"{BASE}/paper", SEB)})
    assert again.status_code == 200
    browser.state["csrf"] = again.json()["csrf"]
    assert browser.save((1, "q001", "A")).status_code == 200


def test_behind_a_proxy_the_named_source_and_the_outer_address_count(home_folder: Home, serve: Callable[..., Server], open_browser: Callable[..., Browser]) -> None:
    """The real server: what the trusted proxy says of source, scheme and host, and nothing that a browser says of itself."""
    one, two = open_demo(home_folder, 2)
    demand(home_folder, room_ranges="192.168.10.0/24", seb_keys=SEB)
    server = serve(home_folder, "--behind-proxy", "127.0.0.1/32")

    def through_proxy(candidate: Candidate, source: str, key: str = SEB, scheme: str = "https") -> int:
        browser = open_browser(server.url, candidate)
        browser.http.follow_redirects = False

        def seen(path: str) -> dict[str, str]:
            outer = f"https://exam.county.test{path}"
            told = {"host": "exam.county.test", "x-forwarded-for": source, "x-forwarded-proto": scheme}
            return told | {"x-safeexambrowser-configkeyhash": config_key_hash(outer, key)}

        page = browser.http.get("/login", headers=seen("/login"))
        cookie = re.search(r"__Host-pufa_hall_form=([^;]+)", page.headers["set-cookie"])
        assert cookie is not None
        data = {"token": field(page, "token"), "number": candidate.admission_no, "code": candidate.code}
        return browser.http.post("/login", data=data, headers={**seen("/login"), "cookie": f"__Host-pufa_hall_form={cookie[1]}"}).status_code

    assert through_proxy(one, ROOM) == 303
    assert through_proxy(two, ELSEWHERE) == 403
    assert through_proxy(two, f"{ROOM}, {ELSEWHERE}") == 403, "what the browser put before the proxy's entry does not count"
    assert through_proxy(two, ROOM, OTHER) == 403
    assert through_proxy(two, ROOM, scheme="http") == 403, "the hash is of another address"
    assert noted(home_folder) == ["outside", "no_seb"]


def test_without_a_proxy_nobody_names_his_own_source(home_folder: Home, serve: Callable[..., Server], open_browser: Callable[..., Browser]) -> None:
    (one,) = open_demo(home_folder, 1)
    demand(home_folder, room_ranges="192.168.10.0/24")
    browser = open_browser(serve(home_folder).url, one)
    browser.http.headers["x-forwarded-for"] = ROOM
    refused = browser.log_in()
    assert refused.status_code == 403 and "127.0.0.1" in refused.text
