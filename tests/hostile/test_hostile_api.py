"""The published description of the candidates' app: true to routes and structs, and the running hall to it under schemathesis.

The hall is a process of its own with a logged-in candidate who writes; whatever is sent, no 5xx, every answer as described, and
afterwards the chain of saves verifies and what is stored is what was acknowledged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hall_fixture import Browser, Server, field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payloads import EVERYTHING, ODD, PATHS, SCRIPTS, TEXTS
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sitting_fixture import enter_at_office, open_demo
from sqlalchemy import func, select

from exams.anchors import verify_home
from exams.tables import incident, save
from hall.candidate.app import FAST, ROUTES
from hall.candidate.describe import FILE, OPERATIONS, describe, text
from home import Home

CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance, content_type_conformance]
#: endless; what it answers is tested where it is made
STREAMS = {"/api/events"}
MODEST = settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def without_tuples(value: object) -> object:
    """schemathesis knows no ``prefixItems``: such a list becomes one of any of its members' types, of the same length."""
    if isinstance(value, list):
        return [without_tuples(one) for one in value]
    if not isinstance(value, dict):
        return value
    plain = {name: without_tuples(one) for name, one in value.items()}
    if members := plain.pop("prefixItems", None):
        plain |= {"items": {"anyOf": members}, "minItems": len(members), "maxItems": len(members)}
    return plain


SCHEMA = schemathesis.openapi.from_dict(without_tuples(describe()))


class Room:
    """The server, one candidate who writes, and every answer that was acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.home = Home.create(folder / "home", "某县考试办公室")
        self.roster = open_demo(self.home, 4)
        enter_at_office(self.home)
        self.server = Server(self.home, folder / "hall.log")
        self.browsers = [Browser(self.server.url, one) for one in self.roster[:3]]
        for browser in self.browsers[:2]:
            browser.start()
        self.browsers[2].log_in()

        self.acknowledged: list[tuple[str, str]] = []

    def close(self) -> None:
        for browser in self.browsers:
            browser.http.close()
        self.server.stop()
        self.home.close()


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    made = Room(tmp_path_factory.mktemp("api"))
    yield made
    made.close()


def test_the_published_description_is_that_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run: python -m hall.candidate.describe"
    served = {(path, method) for path, (method, _) in FAST.items()}
    served |= {(route.path, method) for route in ROUTES for method in route.methods or () if method != "HEAD"}
    assert set(OPERATIONS) == served


@SCHEMA.parametrize()
@MODEST
def test_the_hall_is_as_described_whatever_is_sent(case: schemathesis.Case, room: Room) -> None:
    if case.path in STREAMS:
        return
    for browser in (room.browsers[0], room.browsers[2]):
        headers = {"x-csrf": str(browser.state.get("csrf", "x"))}
        case.call_and_validate(base_url=room.server.url, headers=headers, cookies=dict(browser.http.cookies), checks=CHECKS, allow_redirects=False, timeout=20)


# ---------------------------------------------------------------- by hand: what a description does not say

SHORT = [line for line in EVERYTHING if len(line) <= 200]
LETTERS = st.sampled_from(["", "A", "B", "AB", "BA", "ABCD", "E", "a", "1", *SHORT])
CHANGE = st.tuples(st.integers(-1, 21_000), st.sampled_from(["q001", "q005", "q009", "q999", *SHORT]), st.one_of(LETTERS, st.sampled_from(EVERYTHING)), st.one_of(st.integers(0, 2**54), st.floats(), st.none()))
FREE = st.sampled_from([line for line in EVERYTHING if len(line) <= 20_000 and "\0" not in line and "\ud800" not in line])
GOOD = st.one_of(st.tuples(st.integers(1, 20_000), st.just("q009"), FREE, st.just(0)), st.tuples(st.integers(1, 20_000), st.just("q001"), st.sampled_from(["", "A", "D"]), st.just(0)))
SAVE = st.fixed_dictionaries(
    {"writer": st.sampled_from([1, 1, 1, 1, 2, 0, -1, 2**63, 10**30, 1.5, "1", None]), "acked": st.sampled_from([0, 0, 0, 0, 0, -1, 10**9]), "changes": st.one_of(st.lists(GOOD, max_size=4), st.lists(GOOD, max_size=4), st.lists(CHANGE, max_size=4), st.none(), st.text())},
    optional={"unsaved": st.integers(-1, 2000), "age": st.integers(-1, 2**40), "unanswered": st.one_of(st.none(), st.integers(0, 9)), "x": st.none()},
)  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(path=st.sampled_from(["/api/save", "/api/save", "/api/handin"]), body=SAVE)
def test_any_save_is_stored_or_refused(room: Room, path: str, body: dict[str, object]) -> None:
    browser = room.browsers[1]
    answer = browser.post(path, json.dumps(body).encode())
    assert answer.status_code in (200, 400, 401, 409, 413, 429), answer.text
    if answer.status_code == 200:
        room.acknowledged += [(change[1], change[2]) for change, ack in zip(body["changes"], answer.json().get("acks", ()), strict=False) if ack[1] == "saved"]
    else:
        assert answer.json()["code"] and "Traceback" not in answer.text


RAW = [b"", b"null", b"[]", b"{", b"[" * 100_000, b'{"a":' * 20_000, b"\xff\xfe\x00", b"9" * 100_000, b'{"writer":1e999}', b'{"ms":' + b"9" * 400 + b"}", b'"\\ud800"', b"{}" * 1000, b"\x00" * 1000,
       b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n", b"&".join(b"a=b" for _ in range(1000)), b"%" * 5000, "csrf=＜".encode("utf-16")]  # fmt: skip


def test_bytes_cookies_and_headers_of_no_sort_end_in_a_refusal(room: Room) -> None:
    paths = [path for path, _ in OPERATIONS if "{" not in path and path not in STREAMS]
    with httpx.Client(base_url=room.server.url) as http:
        for path in paths:
            for raw in RAW:
                assert http.post(path, content=raw).status_code < 500, (path, raw[:40])
                answer = room.browsers[2].http.post(path, content=raw, headers={"x-csrf": "x"}, follow_redirects=False)
                assert answer.status_code < 500, (path, raw[:40])
        odd = [re.sub(rb"[\0-\x20\x7f]+", b" ", line.encode("utf-8", "replace"))[:7_000].strip() for line in (*SCRIPTS[::16], *TEXTS[::4], *ODD)]
        for value in odd:
            for headers in ({b"cookie": b"pufa_hall=" + value}, {b"cookie": b"pufa_hall_form=" + value + b"; pufa_hall_device=" + value}, {b"x-csrf": value}, {b"x-forwarded-for": value, b"host": b"x"},
                            {b"accept-encoding": value}, {b"content-type": value}, {b"x-safeexambrowser-configkeyhash": value}, {b"user-agent": value, b"referer": value}):  # fmt: skip
                for method, path in (("GET", "/login"), ("GET", "/api/form"), ("POST", "/api/away")):
                    answer = http.request(method, path, headers=headers, content=b"{}" if method == "POST" else None)
                    assert answer.status_code < 500 and b"hit(" not in answer.content, (path, headers)
        for name in PATHS:
            for path in (f"/static/x/{quote(name)}", f"/static/{quote(name)}", f"/{quote(name)}", f"/paper?{quote(name)}={quote(name)}"):
                answer = http.get(path)
                assert answer.status_code in (303, 404, 405) and b"root:" not in answer.content, path


@settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(number=st.sampled_from(EVERYTHING), code=st.one_of(st.sampled_from(SHORT), st.text(max_size=40)), extra=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=30))
def test_any_log_in_is_answered_alike(room: Room, number: str, code: str, extra: dict[str, str]) -> None:
    with httpx.Client(base_url=room.server.url) as http:
        token = field(http.get("/login"), "token")
        clean = {name: value.encode("utf-8", "replace").decode() for name, value in {**extra, "token": token, "number": number, "code": code}.items()}
        answer = http.post("/login", data=clean)
        assert answer.status_code in (400, 403, 413, 429) and "<script>hit" not in answer.text
        http.get("/api/form")
        body = json.dumps({"number": number, "code": code, "token": http.get("/api/form").json()["token"]}).encode()
        assert http.post("/api/login", content=body).status_code in (400, 403, 413, 429)


def test_afterwards_everything_can_be_explained(room: Room) -> None:
    """Last in the file: the chain of saves is whole, what was acknowledged is stored, the audit verifies, the log names no answer."""
    assert room.acknowledged, "or else nothing was saved at all"
    assert verify_home(room.home) == []
    with room.home.exam.connect() as connection:
        stored = {(row.question, row.answer) for row in connection.execute(select(save.c.question, save.c.answer))}
        notes = connection.execute(select(func.count()).select_from(incident).where(incident.c.kind == "focus_loss")).scalar_one()
    assert {(question, "" if not answer.strip() else answer) for question, answer in room.acknowledged} <= stored
    assert notes <= 4, "at most one a minute and candidate"
    log = room.server.log.read_text(encoding="utf-8")
    assert "Traceback" not in log and not any(answer in log for _, answer in stored if len(answer) > 8)
