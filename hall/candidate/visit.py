"""One request to a page: who asks, the form fields it brings, and answers in HTML; refusals become pages or JSON here."""

from __future__ import annotations

import gzip
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from exams.refusals import Refused
from exams.room_access import CONFIG_KEY_HEADER, Origin
from exams.sessions import Standing, misplaced, note_misplaced
from exams.writer import Unavailable
from hall.candidate.guard import header, read_body, source_of
from hall.candidate.state import Hall
from hall.candidate.static import static_url
from home import local_text

log = logging.getLogger(__name__)
#: bytes; to pack less takes longer than to send it
GZIP_FROM = 8000
RETRY_S = 3

#: reason of a refusal -> HTTP status; every other one is 409: the state of the exam forbids it
STATUS = {
    "wrong_code": 403, "locked": 429, "busy_source": 429, "session": 401, "form_token": 403, "unsaved": 503, "too_fast": 429,
    "too_big": 413, "bad_request": 400, "bad_answer": 400, "not_found": 404, "fault": 500, "no_paper": 503, "place": 403, "seb": 403,
}  # fmt: skip


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined, auto_reload=False
    )
    environment.globals["static"] = static_url
    environment.filters["clock"] = lambda instant: local_text(instant, "%H:%M")
    environment.filters["moment"] = lambda instant: local_text(instant, "%Y年%m月%d日 %H:%M")
    environment.filters["second"] = lambda instant: local_text(instant, "%Y年%m月%d日 %H:%M:%S")
    for name in environment.list_templates():
        environment.get_template(name)  # read and compiled now: later the folder may be out of reach
    return environment


_TEMPLATES = _environment()


def render(template: str, /, **facts: object) -> str:
    """A template of this folder with its facts."""
    return _TEMPLATES.get_template(template).render(**facts)


@dataclass(frozen=True)
class Visit:
    """A request with the hall behind it."""

    hall: Hall
    request: Request

    @property
    def cookies(self) -> dict[str, str]:
        return self.hall.cookies.read(self.request.scope)

    @property
    def source(self) -> str:
        """Network address of the browser."""
        return source_of(self.request.scope)

    def origin(self, script: str = "", page: str = "") -> Origin:
        """Where the request comes from. ``script``: what Safe Exam Browser told the script of ``page`` (a path of ours)."""
        sent = header(self.request.scope, CONFIG_KEY_HEADER)
        if sent is None and not script:
            return Origin(self.source)
        try:
            url = self.request.url
            seen, told = str(url), str(url.replace(path=page, query=""))
        except ValueError:  # a Host header that is no host
            seen = told = ""
        return Origin(self.source, seen, None if sent is None else sent.decode("latin-1"), script[:64], told)

    async def misplaced(self, who: Standing) -> Refused | None:
        """Why whoever is logged in may not have the paper from there: the room's network, the exam's browser. Noted for the officer."""
        refusal = misplaced(who.room_ranges, who.seb_keys, who.seb, self.origin())
        if refusal is not None:
            now = self.hall.clock.now()
            await self.hall.write(lambda connection: note_misplaced(connection, who.sitting_id, who.entry_id, refusal, now))
        return refusal

    async def refuse_misplaced(self, who: Standing) -> None:
        """:raises Refused: :meth:`misplaced` finds a reason."""
        refusal = await self.misplaced(who)
        if refusal is not None:
            raise refusal

    async def who(self) -> Standing | None:
        """Whoever is logged in."""
        return await self.hall.who(self.cookies.get(self.hall.cookies.session))

    async def fields(self) -> dict[str, str]:
        """Fields of a posted form, bounded.

        :raises Refused: not a form, too big, or too many fields.
        """
        body = await read_body(self.request.scope, self.request.receive)
        try:
            return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20))
        except ValueError:
            raise Refused("bad_request") from None

    def page(self, template: str, status: int = 200, /, **facts: object) -> Response:
        """An HTML page from a template."""
        facts = {"office_name": self.hall.office_name, "now": self.hall.clock.now(), **facts}
        return html(self.request, render(template, **facts).encode(), status)


def html(request: Request, body: bytes, status: int = 200) -> Response:
    """HTML, compressed at level 1 for browsers that take it."""
    response = Response(body, status, media_type="text/html; charset=utf-8")
    if len(body) >= GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        response.body = gzip.compress(body, 1)
        MutableHeaders(raw=response.raw_headers).update({"content-encoding": "gzip", "content-length": str(len(response.body))})
    return response


def go(path: str) -> Response:
    """See other."""
    return RedirectResponse(path, 303)


def same_token(given: str | None, expected: str) -> bool:
    """Whether a CSRF token is the session's."""
    return given is not None and secrets.compare_digest(given.encode(), expected.encode())


# ------------------------------------------------------------------ refusals and faults


def refusal_json(refusal: Refused) -> tuple[int, bytes]:
    """Status and body of a refusal for the paper's script."""
    facts: Mapping[str, object] = {"reason": refusal.reason, "code": refusal.code, "text": refusal.text}
    return STATUS.get(refusal.reason, 409), msgspec.json.encode(facts)


def answer_refusal(request: Request, error: Exception) -> Response:
    """A refusal as a page with the next step, or as JSON under ``/api/``."""
    refusal = error if isinstance(error, Refused) else Refused("fault", number="-")
    if request.url.path.startswith("/api/"):
        status, body = refusal_json(refusal)
        response = Response(body, status, media_type="application/json")
    else:
        status = STATUS.get(refusal.reason, 409)
        response = html(request, render("message.html", text=refusal.text, code=refusal.code).encode(), status)
    if status in (429, 503):
        response.headers["retry-after"] = str(RETRY_S)
    return response


def answer_unavailable(request: Request, _error: Exception) -> Response:
    """The database does not answer: 503, nothing acknowledged."""
    return answer_refusal(request, Refused("unsaved"))


def answer_http(request: Request, error: Exception) -> Response:
    """No such page, wrong method."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    response = answer_refusal(request, Refused("not_found"))
    response.status_code = status
    return response


def answer_fault(request: Request, _error: Exception) -> Response:
    """A fault of ours: a number to tell the invigilator; the same number is in the log, the answers are not."""
    number = secrets.token_hex(3).upper()
    log.error("fault %s at %s", number, request.url.path)
    response = answer_refusal(request, Refused("fault", number=number))
    response.headers["cache-control"] = "no-store"  # this answer is made outside the guard
    response.raw_headers.extend(request.app.state.hall.headers)
    return response


HANDLERS = {Refused: answer_refusal, Unavailable: answer_unavailable, HTTPException: answer_http, Exception: answer_fault}
