"""A candidate's page without a screen: it numbers its changes, keeps them until they are acknowledged, and tries again.

``acked`` is what the rehearsal is about: every (writer, seq) that the server said it has. Nothing here reads the product's database.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

_STATE = re.compile(r'<script type="application/json" id="state">(.*?)</script>', re.S)
_FIELD = 'name="{}" value="([^"]*)"'
PATIENCE_S = 90.0
SAVE, HAND_IN = "/api/save", "/api/handin"
PAUSE_S = 0.4


class Gone(Exception):
    """The page can do nothing more: taken over by another page, or closed."""


class Unanswered(Gone):
    """The server did not come back within :data:`PATIENCE_S`."""


@dataclass
class Book:
    """What one candidate was told, over all pages; times in seconds. ``acked``: {(writer, seq): (question, answer)} and ``places``
    {(writer, seq): (number, head)} of the link of the sitting's chain that the acknowledgement names. ``unsure``: changes of which
    nobody knows whether they are stored, as the page gave up waiting; ``given_up``: what it waited for."""

    unsure: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    acked: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    places: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    start_took: float | None = None
    receipts: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    not_stored: int = 0
    given_up: str = ""
    attempt: int = 0


class Page:
    """One open page of a candidate's paper."""

    def __init__(self, base: str, number: str, code: str, book: Book, *, clock_ms: int = 0, slow_s: float = 0.0, drops: bool = False) -> None:
        self.number, self.code, self.book = number, code, book
        self.clock_ms, self.slow_s, self.drops = clock_ms, slow_s, drops
        self.http = httpx.AsyncClient(base_url=base, follow_redirects=True, timeout=20, limits=httpx.Limits(max_connections=1))
        self.state: dict[str, Any] = {}
        self.seq = 0
        self.current: dict[str, str] = {}

    async def close(self) -> None:
        """The window is closed."""
        await self.http.aclose()

    async def open(self) -> None:
        """Log in, read the rules, start or go on; time from the first request to the paper is the start's.

        :raises Gone: refused, or the server did not come back.
        """
        began = time.monotonic()
        page = await self._get("/login")
        if page.url.path == "/login":
            page = await self._post_form("/login", {"token": _field(page, "token"), "number": self.number, "code": self.code})
        if not _STATE.search(page.text) and 'name="confirm"' in page.text:
            page = await self._post_form("/start", {"csrf": _field(page, "csrf"), "confirm": "on"})
        found = _STATE.search(page.text)
        if not found:
            self.book.refused.append(_code(page.text))
            raise Gone(_code(page.text))
        self.state = json.loads(found[1])
        self.book.attempt = int(self.state["attempt"])
        if self.book.start_took is None:
            self.book.start_took = time.monotonic() - began

    async def answer(self, question: str, answer: str) -> None:
        """Change one answer and stay until the server has it.

        :raises Gone: another page took over, the paper is closed, or the server did not come back.
        """
        self.seq += 1
        change = [self.seq, question, answer, int(time.time() * 1000) + self.clock_ms]
        writer = int(self.state["writer"])
        body = {"writer": writer, "acked": self.seq - 1, "changes": [change]}
        began = time.monotonic()
        try:
            reply = await self._send(SAVE, body)
        except Unanswered:
            self.book.unsure[(writer, self.seq)] = (question, answer)
            raise
        for ack in reply["acks"]:
            key = writer, int(ack[0])
            self.book.acked[key], self.book.places[key] = (question, answer), (int(ack[2]), str(ack[3]))
        self.book.took.append(time.monotonic() - began)
        self.current[question] = answer

    async def hand_in(self, unanswered: int) -> None:
        """Hand in, as often as it takes.

        :raises Gone: see :meth:`answer`.
        """
        body = {"writer": self.state["writer"], "acked": self.seq, "changes": [], "unanswered": unanswered}
        self.book.receipts.append(str((await self._send(HAND_IN, body))["receipt"]))

    async def _send(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self.drops and self.seq % 5 == 0:
                await self._cut(path, body)
            if self.slow_s:
                await asyncio.sleep(self.slow_s)
            try:
                reply = await self.http.post(path, content=json.dumps(body), headers={"x-csrf": str(self.state["csrf"]), "content-type": "application/json"})
            except httpx.TransportError:
                await asyncio.sleep(PAUSE_S)
                continue
            if reply.status_code == 200:
                return dict(reply.json())
            code = str(reply.json().get("code", reply.status_code))
            self.book.not_stored += code == "B01"
            if reply.status_code >= 500 and code != "B01":
                self.book.faults.append(f"{path} {reply.status_code} {code}")
            if reply.status_code in (429, 503) or reply.status_code >= 500 or reply.json().get("reason") == "paused":
                await asyncio.sleep(PAUSE_S)
                continue
            self.book.refused.append(code)
            raise Gone(code)
        raise self._given_up(path)

    def _given_up(self, path: str) -> Unanswered:
        self.book.given_up = path
        return Unanswered(path)

    async def _cut(self, path: str, body: dict[str, object]) -> None:
        """Send the request and be gone before the answer: the next try must come to the same. On a connection of its own: a client
        library that is interrupted may keep the place of the broken one taken."""
        raw, address = json.dumps(body).encode(), self.http.base_url
        jar = "; ".join(f"{one.name}={one.value}" for one in self.http.cookies.jar)
        head = f"POST {path} HTTP/1.1\r\nhost: {address.host}\r\ncookie: {jar}\r\nx-csrf: {self.state['csrf']}\r\n"
        with suppress(OSError):
            _, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n".encode() + raw)
            await asyncio.sleep(0.003)
            writer.transport.abort()

    async def _get(self, path: str) -> httpx.Response:
        return await self._until_there(lambda: self.http.get(path))

    async def _post_form(self, path: str, form: dict[str, str]) -> httpx.Response:
        return await self._until_there(lambda: self.http.post(path, data=form))

    async def _until_there(self, ask: Any) -> httpx.Response:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                reply: httpx.Response = await ask()
            except httpx.TransportError:
                await asyncio.sleep(PAUSE_S)
                continue
            if reply.status_code in (429, 503) or "K10" in reply.text:  # paused: the page waits as well
                await asyncio.sleep(PAUSE_S)
                continue
            if reply.status_code >= 500:
                self.book.faults.append(f"{reply.url.path} {reply.status_code}")
            return reply
        raise self._given_up("登录、开始")


def _field(page: httpx.Response, name: str) -> str:
    found = re.search(_FIELD.format(name), page.text)
    if not found:
        raise Gone(_code(page.text))
    return found[1]


def _code(text: str) -> str:
    found = re.search(r"\b([A-Z]\d\d)\b", re.sub(r"<[^>]*>", " ", text))
    return found[1] if found else "?"
