"""What the paper's script asks for: save, hand in, the time, and to log in again in place. JSON in, JSON out.

The save is the hot path and is written straight on ASGI; every number and text that comes in has a bound.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from time import perf_counter
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exams.admission import normalise_admission_no
from exams.answers import answer_fault, is_blank
from exams.refusals import Refused
from exams.room_access import inside
from exams.saves import MAX_SEQ, Change, Saved, SaveRequest
from exams.sessions import note_incident, note_moved
from exams.writer import HandedIn, HandIn, Unavailable
from hall.candidate.guard import bounded_body, read_body, source_of
from hall.candidate.pages import enter, session_cookies
from hall.candidate.state import Hall, Seat
from hall.candidate.visit import RETRY_S, Visit, refusal_json

MAX_CHANGES = 64
#: how long a limit is believed by which a page was told that there is time left, ms
BELIEVED_MS = 3_000
_Seq = Annotated[int, Meta(ge=1, le=MAX_SEQ)]
_ClientTime = Annotated[int, Meta(ge=0, le=2**53)]
_Ago = Annotated[int, Meta(ge=0, le=86_400_000)]
_Count = Annotated[int, Meta(ge=0, le=1000)]
_Short = Annotated[str, Meta(max_length=100)]


class SaveBody(Struct, forbid_unknown_fields=True):
    """``changes``: [seq, question, answer, page's clock in ms], oldest first. ``unsaved``: answers that wait in the page besides
    these, the oldest for ``age`` ms."""

    writer: Annotated[int, Meta(ge=1, le=10**6)]
    acked: Annotated[int, Meta(ge=0, le=MAX_SEQ)]
    changes: Annotated[list[tuple[_Seq, _Short, str, _ClientTime]], Meta(max_length=MAX_CHANGES)]
    unsaved: _Count = 0
    age: _Ago = 0


class HandInBody(SaveBody, forbid_unknown_fields=True, kw_only=True):
    """``unanswered``: the count on the screen; null when the time is up."""

    unanswered: _Count | None


class AwayBody(Struct, forbid_unknown_fields=True):
    """How long the page was not the one on the screen, ms."""

    ms: _Ago


class LoginBody(Struct, forbid_unknown_fields=True):
    """Log in again without leaving the paper. ``seb``: what Safe Exam Browser told the paper's script."""

    number: _Short
    code: _Short
    token: _Short
    seb: _Short = ""


_save_decoder = msgspec.json.Decoder(SaveBody)
_hand_in_decoder = msgspec.json.Decoder(HandInBody)
_away_decoder = msgspec.json.Decoder(AwayBody)
_login_decoder = msgspec.json.Decoder(LoginBody)
_encode = msgspec.json.Encoder().encode


async def save(scope: Scope, receive: Receive, send: Send) -> None:
    """``POST /api/save``: 200 with an ack per change, after the commit; else a refusal, and nothing is acknowledged."""
    hall: Hall = scope["app"].state.hall
    began = perf_counter()
    try:
        seat, arrived, raw = await _seated(hall, scope, receive)
        given = _decoded(_save_decoder, raw)
        saved = await hall.write(_request_of(seat, given, arrived))
        hall.presence.unsaved(seat.attempt_id, given.unsaved, given.age, arrived)
        status, body = 200, _encode(_saved_facts(hall, saved))
        hall.vitals.acknowledged(perf_counter() - began)
        await _note_move(hall, seat, source_of(scope), arrived)
    except Refused as refusal:
        status, body = refusal_json(refusal)
        hall.vitals.refuse(refusal.code)
    except Unavailable:
        hall.vitals.not_stored()
        status, body = refusal_json(Refused("unsaved"))
    headers = [*hall.api_headers, (b"content-length", b"%d" % len(body))]
    if status in (429, 503):
        headers.append((b"retry-after", b"%d" % RETRY_S))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _note_move(hall: Hall, seat: Seat, address: str, now: int) -> None:
    """An answer that was stored came from another address than the last one: outside the room the officer is told, no more."""
    if seat.ranges is None or address == seat.address:
        return
    seat.address = address
    if not inside(seat.ranges, address):
        with suppress(Unavailable):
            await hall.write(lambda connection: note_moved(connection, seat.sitting_id, seat.entry_id, address, now))


async def _seated(hall: Hall, scope: Scope, receive: Receive) -> tuple[Seat, int, bytes]:
    """Seat, instant of arrival and body of a POST from the paper's script.

    :raises Refused: not logged in, a foreign token, too fast, too big.
    """
    arrived = hall.clock.now()
    headers = dict(scope["headers"])
    seat = await hall.seat(headers.get(b"cookie"))
    if not secrets.compare_digest(headers.get(b"x-csrf", b""), seat.csrf):
        raise Refused("session")
    if not seat.bucket.take():
        raise Refused("too_fast")
    return seat, arrived, await bounded_body(headers.get(b"content-length"), receive)


def _decoded(decoder: msgspec.json.Decoder[Any], raw: bytes) -> Any:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("bad_request") from None


def _request_of(seat: Seat, body: SaveBody, arrived: int) -> SaveRequest:
    """The request to the writer; blank text becomes ``""``.

    :raises Refused: an answer that cannot be stored for its question.
    """
    changes = []
    for seq, question, answer, client_at in body.changes:
        known = seat.questions.get(question)
        fault = "没有这道题" if known is None else answer_fault(known, answer)
        if fault:
            raise Refused("bad_answer", question=question, fault=fault)
        changes.append(Change(seq, question, "" if is_blank(answer) else answer, client_at))
    return SaveRequest(seat.token_digest, seat.attempt_id, seat.sitting_id, body.writer, body.acked, tuple(changes), arrived)


def _saved_facts(hall: Hall, saved: Saved) -> dict[str, object]:
    return {
        "acks": saved.acks, "limit": saved.limit_at, "paused": saved.paused_at, "chain": (saved.chain_n, saved.chain_head),
        "now": hall.clock.now(),
    }  # fmt: skip


async def hand_in(request: Request) -> Response:
    """``POST /api/handin``: last changes and the end, in one commit; again the same receipt."""
    hall: Hall = request.app.state.hall
    seat, arrived, raw = await _seated(hall, request.scope, request.receive)
    body = _decoded(_hand_in_decoder, raw)
    if body.unanswered is None and arrived < seat.not_before:
        raise Refused("time_left")
    try:
        ended = await hall.write(HandIn(_request_of(seat, body, arrived), body.unanswered))
    except Refused as refusal:
        if refusal.reason == "time_left":  # thousands may think so at once, whose time was given back in this second
            seat.not_before = min(int(str(refusal.facts["limit"])), arrived + BELIEVED_MS)
        raise
    assert isinstance(ended, HandedIn)
    await _note_move(hall, seat, source_of(request.scope), arrived)
    facts = {"at": ended.finish.at, "receipt": ended.finish.receipt, "closed_by": ended.finish.closed_by, "next": "/done"}
    return _json({**facts, **(_saved_facts(hall, ended.saved) if ended.saved else {})})


async def pulse(request: Request) -> Response:
    """``GET /api/pulse``: the server's time and where the attempt stands, for a page without a stream.

    It also says that the page is alive and, with ``unsaved`` and ``age`` as in a save, what it could not save.
    """
    visit = Visit(request.app.state.hall, request)
    who = await visit.who()
    if who is None:
        raise Refused("session")
    if who.attempt_id is not None and who.attempt_state == "open":
        visit.hall.presence.seen([who.attempt_id])
        _note_unsaved(visit, who.attempt_id)
    facts = {
        "now": visit.hall.clock.now(), "opens": who.opens_at, "limit": who.limit_at, "state": who.attempt_state,
        "writer": who.writer, "paused": who.paused_at,
    }  # fmt: skip
    return _json(facts)


def _note_unsaved(visit: Visit, attempt_id: int) -> None:
    given = visit.request.query_params
    if "unsaved" not in given:
        return
    try:
        count, age = msgspec.convert((given["unsaved"], given.get("age", "0")), tuple[_Count, _Ago], strict=False)
    except msgspec.ValidationError:
        raise Refused("bad_request") from None
    visit.hall.presence.unsaved(attempt_id, count, age, visit.hall.clock.now())


async def away(request: Request) -> Response:
    """``POST /api/away``: the candidate had something else on the screen; noted for the officer, at most once a minute."""
    hall: Hall = request.app.state.hall
    seat, arrived, raw = await _seated(hall, request.scope, request.receive)
    seconds = _decoded(_away_decoder, raw).ms // 1000
    detail = f"离开考试页面 {seconds} 秒（切换窗口、最小化或锁屏）"
    await hall.write(lambda connection: note_incident(connection, seat.sitting_id, seat.entry_id, "focus_loss", detail, arrived))
    return _json({})


async def form_token(request: Request) -> Response:
    """``GET /api/form``: a fresh form token for logging in again in place."""
    visit = Visit(request.app.state.hall, request)
    cookies = visit.hall.cookies
    held = visit.cookies.get(cookies.form) or cookies.new_form()
    response = _json({"token": cookies.form_token(held)})
    response.raw_headers.append(cookies.set(cookies.form, held))
    return response


async def login_again(request: Request) -> Response:
    """``POST /api/login``: a new session for the same page; the answers stay where they are."""
    visit = Visit(request.app.state.hall, request)
    body = _decoded(_login_decoder, await read_body(request.scope, request.receive))
    cookies = visit.hall.cookies
    if not cookies.form_holds(visit.cookies.get(cookies.form), body.token):
        raise Refused("form_token")
    session, device = await enter(visit, normalise_admission_no(body.number), body.code, visit.origin(body.seb, "/paper"))
    response = _json({"csrf": session.csrf, "attempt": session.attempt_id})
    response.raw_headers.extend(session_cookies(visit.hall, session, device))
    return response


def _json(facts: object) -> Response:
    return Response(_encode(facts), media_type="application/json")
