"""The candidates' app: log in, rules, paper, hand-in. It reads exam.db and ``release/``, nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hall.candidate import api, pages
from hall.candidate.events import events
from hall.candidate.guard import Guard
from hall.candidate.state import Hall
from hall.candidate.static import serve_static
from hall.candidate.visit import HANDLERS
from home import Home


async def _healthz(request: Request) -> Response:
    """Whether this process can store answers; nothing else is told here."""
    well = request.app.state.hall.well()
    return PlainTextResponse("ok" if well else "bad", 200 if well else 503)


#: what is asked most or held longest: bare ASGI, no router, no request or response objects
FAST = {"/api/save": ("POST", api.save), "/api/events": ("GET", events)}
ROUTES = (
    Route("/api/pulse", api.pulse),
    Route("/api/handin", api.hand_in, methods=["POST"]),
    Route("/api/away", api.away, methods=["POST"]),
    Route("/api/form", api.form_token),
    Route("/api/login", api.login_again, methods=["POST"]),
    Route("/", pages.front),
    Route("/login", pages.login_form),
    Route("/login", pages.login, methods=["POST"]),
    Route("/rules", pages.rules),
    Route("/start", pages.begin, methods=["POST"]),
    Route("/paper", pages.paper),
    Route("/done", pages.done),
    Route("/logout", pages.logout, methods=["POST"]),
    Route("/static/{digest}/{name}", serve_static),
    Route("/healthz", _healthz),
)


def create_app(home: Home, code_key: bytes, *, secure: bool) -> Starlette:
    """The app for one home. ``code_key``: 32 bytes; ``secure``: browsers reach it by HTTPS (cookies, HSTS)."""
    hall = Hall(home, code_key, secure=secure)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await hall.open()
        try:
            yield
        finally:
            await hall.close()

    app = Starlette(
        routes=list(ROUTES), middleware=[Middleware(Guard, secure=secure, fast=FAST)], exception_handlers=HANDLERS, lifespan=lifespan
    )
    app.state.hall = hall
    return app
