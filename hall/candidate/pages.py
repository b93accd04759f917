"""The pages: log in, rules, paper, done. Where a candidate stands decides which one is shown, whatever address was asked for."""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from functools import lru_cache
from html import escape

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from exams.admission import normalise_admission_no
from exams.answer_seal import attempt_keys
from exams.attempts import Page, finish_of, limit_of, may_start, open_page, start
from exams.refusals import Refused
from exams.room_access import Origin
from exams.sessions import NewSession, Standing, end_session, log_in, token_digest
from hall.candidate.papers import Paper
from hall.candidate.state import Hall
from hall.candidate.visit import STATUS, Visit, go, html, render, same_token

DEVICE_LIFE_S = 400 * 86_400


def place_of(who: Standing | None) -> str:
    """The one page for someone who stands there: with an open attempt nothing but the paper."""
    if who is None:
        return "/login"
    if who.attempt_state is None:
        return "/rules"
    return "/paper" if who.attempt_state == "open" else "/done"


def _visit(request: Request) -> Visit:
    return Visit(request.app.state.hall, request)


async def front(request: Request) -> Response:
    """The address on the slip."""
    return go(place_of(await _visit(request).who()))


async def login_form(request: Request) -> Response:
    """The form for number and code."""
    visit = _visit(request)
    place = place_of(await visit.who())
    return _login_page(visit) if place == "/login" else go(place)


def _login_page(visit: Visit, number: str = "", refusal: Refused | None = None) -> Response:
    cookies = visit.hall.cookies
    held = visit.cookies.get(cookies.form) or cookies.new_form()
    status = STATUS.get(refusal.reason, 409) if refusal else 200
    response = visit.page("login.html", status, token=cookies.form_token(held), number=number, refusal=refusal)
    response.raw_headers.append(cookies.set(cookies.form, held))
    return response


async def login(request: Request) -> Response:
    """Check number and code, open a session."""
    visit = _visit(request)
    fields = await visit.fields()
    cookies = visit.hall.cookies
    number = normalise_admission_no(fields.get("number", ""))
    if not cookies.form_holds(visit.cookies.get(cookies.form), fields.get("token", "")):
        return _login_page(visit, number, Refused("form_token"))
    try:
        session, device = await enter(visit, number, fields.get("code", ""), visit.origin(fields.get("seb", ""), "/login"))
    except Refused as refusal:
        return _login_page(visit, number, refusal)
    response = go("/paper" if session.attempt_id else "/rules")
    response.raw_headers.extend(session_cookies(visit.hall, session, device))
    return response


async def enter(visit: Visit, number: str, code: str, origin: Origin) -> tuple[NewSession, str]:
    """Log in on this browser; the session and the device cookie's value.

    :raises Refused: see :func:`exams.sessions.log_in`; a source of too many wrong codes is told to wait.
    """
    hall, now = visit.hall, visit.hall.clock.now()
    device = visit.cookies.get(hall.cookies.device) or secrets.token_urlsafe(24)
    digest = token_digest(device[:128])
    try:
        session = await hall.write(lambda connection: log_in(connection, hall.key, number, code[:100], digest, now, origin))
    except Refused as refusal:
        if refusal.reason == "wrong_code" and hall.sources.wrong(visit.source):
            raise Refused("busy_source", seconds=30) from None
        raise
    assert isinstance(session, NewSession)
    return session, device


def session_cookies(hall: Hall, session: NewSession, device: str) -> list[tuple[bytes, bytes]]:
    """Set-Cookie headers after a log-in."""
    return [hall.cookies.set(hall.cookies.session, session.token), hall.cookies.set(hall.cookies.device, device, DEVICE_LIFE_S)]


async def rules(request: Request) -> Response:
    """Who you are, which exam, how long, the rules, and the button that starts it."""
    visit = _visit(request)
    who = await visit.who()
    if who is None or place_of(who) != "/rules":
        return go(place_of(who))
    now = visit.hall.clock.now()
    refusal = await visit.misplaced(who) or may_start(who, now)
    return visit.page(
        "rules.html", who=who, notice=visit.hall.papers.notice(who.sitting_id), refusal=refusal,
        limit=limit_of(who, max(now, who.opens_at)), minutes=max(0, limit_of(who, max(now, who.opens_at)) - max(now, who.opens_at)) // 60_000,
    )  # fmt: skip


async def begin(request: Request) -> Response:
    """Start the attempt and go to the paper; a second click finds the same attempt."""
    visit = _visit(request)
    who, fields = await visit.who(), await visit.fields()
    if who is None:
        return go("/login")
    if not same_token(fields.get("csrf"), who.csrf):
        raise Refused("form_token")
    if fields.get("confirm") != "on":
        return go("/rules")
    await visit.refuse_misplaced(who)
    hall, now = visit.hall, visit.hall.clock.now()
    paper, notice = hall.papers.paper(who.sitting_id, who.form), hall.papers.notice(who.sitting_id)
    order = paper.arranger.order(secrets.randbits(128), shuffle_questions=notice.shuffle_questions)
    await hall.write(lambda connection: start(connection, who, order, now))
    return go("/paper")


async def paper(request: Request) -> Response:
    """The paper, in this candidate's order, with everything saved so far; all earlier pages become stale. Not during a pause, and
    not outside the room."""
    visit = _visit(request)
    who = await visit.who()
    if who is None or place_of(who) != "/paper":
        return go(place_of(who))
    await visit.refuse_misplaced(who)
    if who.paused_at is not None:
        return visit.page("paused.html", who=who, refusal=Refused("paused"))
    hall, now = visit.hall, visit.hall.clock.now()
    found = hall.papers.paper(who.sitting_id, who.form)
    try:
        page = await hall.write(lambda connection: open_page(connection, who, now))
    except Refused as refusal:
        if refusal.reason in ("handed_in", "closed"):
            return go("/done")
        raise
    return html(request, _paper_page(hall, found, who, page))


_HOLE = re.compile("\x01([a-z]+)\x01")


@lru_cache(100)
def _frame(title: str) -> tuple[bytes, ...]:
    """The page around the questions, cut where one candidate's facts go in: text, name of a hole, text …"""
    holes = {name: f"\x01{name}\x01" for name in ("name", "number", "questions", "state")}
    return tuple(piece.encode() for piece in _HOLE.split(render("paper.html", title=title, **holes)))


def _paper_page(hall: Hall, found: Paper, who: Standing, page: Page) -> bytes:
    state = {
        "attempt": page.attempt_id, "writer": page.writer, "limit": page.limit_at, "now": hall.clock.now(), "csrf": who.csrf,
        "number": who.admission_no, "answers": page.answers, "typed": page.typed_at, "sitting": who.sitting_id,
        "seal": b64encode(attempt_keys(hall.key, who.sitting_id, page.attempt_id, who.admission_no)).decode(),
    }  # fmt: skip
    raw = msgspec.json.encode(state).replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
    facts = {
        b"name": escape(who.name).encode(), b"number": escape(who.admission_no).encode(), b"questions": found.body(page.order),
        b"state": raw,
    }  # fmt: skip
    return b"".join(facts[piece] if place % 2 else piece for place, piece in enumerate(_frame(who.title)))


async def done(request: Request) -> Response:
    """That it is over, when, and the receipt; no mark."""
    visit = _visit(request)
    who = await visit.who()
    if who is None or place_of(who) != "/done":
        return go(place_of(who))
    if who.attempt_state == "void":
        raise Refused("void")
    attempt_id = who.attempt_id
    assert attempt_id is not None
    finish = await visit.hall.read(lambda connection: finish_of(connection, attempt_id))
    short = finish.receipt[:16].upper()
    receipt = " ".join(short[start_ : start_ + 4] for start_ in range(0, 16, 4))
    return visit.page("done.html", who=who, finish=finish, receipt=receipt)


async def logout(request: Request) -> Response:
    """End the session; the page clears what the browser kept."""
    visit = _visit(request)
    who, fields = await visit.who(), await visit.fields()
    if who is None:
        return go("/login")
    if not same_token(fields.get("csrf"), who.csrf):
        raise Refused("form_token")
    now = visit.hall.clock.now()
    await visit.hall.write(lambda connection: end_session(connection, who.token_digest, now))
    response = go("/login")
    response.raw_headers.append(visit.hall.cookies.set(visit.hall.cookies.session, "", 0))
    return response
