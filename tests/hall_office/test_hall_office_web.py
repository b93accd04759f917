"""The middleware that both apps share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from hall.web import HEADERS, BodyLimit, SecurityHeaders


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def cached(request: Request) -> PlainTextResponse:
    return PlainTextResponse("", headers={"cache-control": "no-cache"})


def app(secure: bool = False) -> Starlette:
    middleware = [Middleware(SecurityHeaders, secure=secure), Middleware(BodyLimit, most=100)]
    return Starlette(routes=[Route("/", echo, methods=["GET", "POST"]), Route("/cached", cached)], middleware=middleware)


def test_every_answer_has_the_headers_even_a_refusal() -> None:
    with TestClient(app()) as client:
        for answer in (client.get("/"), client.get("/none"), client.post("/", content=b"x" * 101)):
            for name, value in HEADERS.items():
                assert answer.headers[name] == value
            assert answer.headers["cache-control"] == "no-store"
            assert "strict-transport-security" not in answer.headers
        assert client.get("/cached").headers["cache-control"] == "no-cache"
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_hsts_only_over_tls() -> None:
    with TestClient(app(secure=True)) as client:
        assert client.get("/").headers["strict-transport-security"].startswith("max-age=")


def chunks(n: int) -> Iterator[bytes]:
    for _ in range(n):
        yield b"x" * 10


@pytest.mark.parametrize("n, status", [(10, 200), (11, 413), (1000, 413)])
def test_a_streamed_body_is_bounded(n: int, status: int) -> None:
    with TestClient(app()) as client:
        assert client.post("/", content=chunks(n)).status_code == status


@pytest.mark.parametrize("declared, status", [("100", 200), ("101", 413), ("-1", 413), ("1e3", 413), ("9" * 30, 413), ("", 413)])
def test_a_declared_length_is_bounded(declared: str, status: int) -> None:
    with TestClient(app()) as client:
        assert client.post("/", content=b"", headers={"content-length": declared}).status_code == status
