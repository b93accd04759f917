"""``GET /api/events``: the stream of an open paper's page (:mod:`hall.candidate.streams`). Bare ASGI, for it is held by thousands."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from exams.news import News
from exams.refusals import Refused
from exams.writer import Unavailable
from hall.candidate.state import Hall
from hall.candidate.visit import refusal_json

#: a proxy that gathers answers before it passes them on is told not to (nginx)
_STREAM = ((b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no"))


async def events(scope: Scope, receive: Receive, send: Send) -> None:
    """First how the attempt stands, then every change, until the browser goes, the session ends or the process stops."""
    hall: Hall = scope["app"].state.hall
    try:
        news, session = await _asked(hall, dict(scope["headers"]).get(b"cookie"))
    except Refused as refusal:
        await _refuse(hall, send, refusal)
        return
    except Unavailable:
        await _refuse(hall, send, Refused("unsaved"))
        return
    await send({"type": "http.response.start", "status": 200, "headers": [*hall.api_headers[1:], *_STREAM]})
    await send({"type": "http.response.body", "body": hall.streams.message(news), "more_body": True})
    stream = hall.streams.add(news, session, send)
    try:
        await _gone(receive)
    finally:
        hall.streams.remove(stream)


async def _asked(hall: Hall, cookie: bytes | None) -> tuple[News, str]:
    """How the attempt of whoever asks stands, and the digest of the session.

    :raises Refused: no session, nothing started, too often, or this process takes no more.
    """
    seat = await hall.seat(cookie)
    if not seat.bucket.take():
        raise Refused("too_fast")
    if hall.streams.full():
        raise Refused("unsaved")
    who = await hall.who(hall.cookies.parse(cookie).get(hall.cookies.session))
    if who is None or who.attempt_id is None:
        raise Refused("session")
    assert who.attempt_state is not None and who.writer is not None and who.limit_at is not None
    return News(who.attempt_id, who.attempt_state, who.writer, who.limit_at, who.paused_at), who.token_digest


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(hall: Hall, send: Send, refusal: Refused) -> None:
    status, body = refusal_json(refusal)
    headers = [*hall.api_headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
