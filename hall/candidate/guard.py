"""What stands before every page of the hall: security headers, bounded bodies, cookies. Pure ASGI."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exams.refusals import Refused

MAX_BODY = 512 * 1024

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
_NO_STORE = (b"cache-control", b"no-store")
_HSTS = (b"strict-transport-security", b"max-age=31536000")


def security_headers(*, secure: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Headers of every answer; HSTS where browsers come by HTTPS."""
    return (*_HEADERS, _HSTS) if secure else _HEADERS


def api_headers(*, secure: bool) -> list[tuple[bytes, bytes]]:
    """Headers of an answer in JSON that is made outside the guard."""
    policy = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
    lock = [_HSTS] if secure else []
    return [(b"content-type", b"application/json"), _NO_STORE, policy, (b"x-content-type-options", b"nosniff"), *lock]


class Guard:
    """Adds the headers to every answer; nothing is cached except the static files, whose address holds their digest.

    ``fast``: ASGI endpoints by address, each with its method, that are reached past the router and send all headers themselves.
    """

    def __init__(self, app: ASGIApp, *, secure: bool, fast: Mapping[str, tuple[str, ASGIApp]]) -> None:
        self.app, self._fast = app, fast
        self._plain = security_headers(secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, endpoint = self._fast.get(scope["path"], (None, None))
        if endpoint is not None and scope["method"] == method:
            await endpoint(scope, receive, send)
            return
        static = scope["path"].startswith("/static/")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._plain, *(() if static else (_NO_STORE,))]
            await send(message)

        await self.app(scope, receive, guarded)


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body.

    :raises Refused: it is, or says it is, larger than :data:`MAX_BODY`, or the browser went away.
    """
    return await bounded_body(header(scope, b"content-length"), receive)


async def bounded_body(stated: bytes | None, receive: Receive) -> bytes:
    """:func:`read_body` for a caller that has looked at the headers: ``stated`` is the content-length."""
    if stated is not None and (not (stated.isascii() and stated.isdigit()) or len(stated) > 9 or int(stated) > MAX_BODY):
        raise Refused("too_big")
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused("bad_request")
        piece = message.get("body", b"")
        size += len(piece)
        if size > MAX_BODY:
            raise Refused("too_big")
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first value of a header (lower-case name), or None."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def source_of(scope: Scope) -> str:
    """Network address of the browser; behind a trusted proxy (``--behind-proxy``) the one that the proxy names."""
    client = scope.get("client")
    return str(client[0]) if client else ""


class Cookies:
    """Names and attributes of the hall's cookies, and the form token of pages before the log-in."""

    def __init__(self, *, secure: bool, key: bytes) -> None:
        prefix = "__Host-" if secure else ""
        self.session, self.device, self.form = (f"{prefix}pufa_hall{suffix}" for suffix in ("", "_device", "_form"))
        self._secure = secure
        self._form_key = hmac.new(key, b"form token", hashlib.sha256).digest()

    def read(self, scope: Scope) -> dict[str, str]:
        """The request's cookies; our values need no quoting, and whatever is damaged finds no match."""
        return self.parse(header(scope, b"cookie"))

    def parse(self, raw: bytes | None) -> dict[str, str]:
        """:meth:`read` for a Cookie header."""
        if raw is None or len(raw) > 8192:
            return {}
        pairs = (piece.partition("=") for piece in raw.decode("latin-1").split(";"))
        return {name.strip(): value.strip() for name, _, value in pairs}

    def set(self, name: str, value: str, max_age: int | None = None) -> tuple[bytes, bytes]:
        """A Set-Cookie header; ``max_age`` in seconds, None until the browser is closed, 0 to delete."""
        life = "" if max_age is None else f"; Max-Age={max_age}"
        lock = "; Secure" if self._secure else ""
        return b"set-cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{life}{lock}".encode("latin-1")

    def new_form(self) -> str:
        """A value for the form cookie."""
        return secrets.token_urlsafe(18)

    def form_token(self, cookie: str) -> str:
        """What a form must send back to prove that it was read by whoever holds the cookie."""
        return hmac.new(self._form_key, cookie.encode(), hashlib.sha256).hexdigest()

    def form_holds(self, cookie: str | None, token: str) -> bool:
        """Whether a sent token fits the cookie."""
        return bool(cookie) and hmac.compare_digest(self.form_token(str(cookie)).encode(), token.encode())
