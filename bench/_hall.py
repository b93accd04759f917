"""A real hall under load, for benchmarks and the tests of durability: a furnished home, the process, and clients on raw sockets.

The client does as little as it can, because it shares two cores with what it measures: one keep-alive connection per
candidate, requests joined from bytes, answers cut at their content-length.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from sqlalchemy import insert, select

import grading.tables  # noqa: F401
import people.tables  # noqa: F401
import question_bank.tables  # noqa: F401  # Home.create makes the tables of all rooms
from exams.admission import code_mac, new_code
from exams.display import Arranger, order_to_json
from exams.paper import PublicForm, PublicOption, PublicPart, PublicQuestion
from exams.sessions import token_digest
from exams.tables import attempt, entry, open_sitting, session
from home import Home, now_ms, transaction, write_atomically

ROOT = Path(__file__).parent.parent
SITTING = "bench"
QUESTIONS = 80
_READY = "考场已就绪"


@dataclass(frozen=True, slots=True)
class Seat:
    """One candidate. ``token`` and ``csrf`` are those of a session with a started attempt, or empty for one yet to come."""

    entry_id: int
    number: str
    code: str
    token: str = ""
    csrf: str = ""
    attempt_id: int = 0


def public_form(questions: int = QUESTIONS) -> PublicForm:
    """A form of single-choice questions of usual length."""
    stem = "<p>某街道拟调整社区规模，居民对程序有不同意见。下列说法正确的是？</p>" * 2
    options = tuple(
        PublicOption(letter, f"<p>第 {letter} 种做法：由居民会议讨论决定并公布结果</p>") for letter in "ABCD"
    )
    made = tuple(
        PublicQuestion(f"q{n:03d}", "single", "p", "1", stem, options, False, "x", ()) for n in range(1, questions + 1)
    )
    return PublicForm("p", "A", "bench", 60, (PublicPart("p", "p", ""),), made)


def furnish(
    home: Home, seated: int, fresh: int = 0, *, minutes: int = 120, questions: int = QUESTIONS, sitting: str = SITTING, first: int = 1,
) -> tuple[list[Seat], list[Seat]]:  # fmt: skip
    """Open a sitting: ``seated`` candidates at work and ``fresh`` ones with a code; both lists. ``first``: number of the first entry."""
    form, key, now = public_form(questions), home.key("code"), now_ms()
    folder = home.release / sitting
    write_atomically(folder / "A.json", msgspec.json.encode(form))
    write_atomically(
        folder / "sitting.json",
        msgspec.json.encode({"title": "bench", "minutes": minutes, "rules": ["x"], "office_name": "x"}),
    )
    seats = [
        Seat(n, f"2611230{n:07d}", new_code(), *((f"token-{n}", f"csrf-{n}") if n < first + seated else ()))
        for n in range(first, first + seated + fresh)
    ]
    at_work = [seat for seat in seats if seat.token]
    with transaction(home.exam) as connection:
        connection.execute(insert(open_sitting).values(
            id=sitting, title="bench", kind="demo", opens_at=now - 60_000, closes_at=now + 2 * minutes * 60_000, minutes=minutes, grace_s=10,
            chain_n=0, chain_head=""))  # fmt: skip
        connection.execute(insert(entry), [
            {"id": seat.entry_id, "sitting_id": sitting, "admission_no": seat.number, "name": "x", "unit_label": "x", "form": "A",
             "code_mac": code_mac(key, sitting, seat.number, seat.code), "failures": 0, "barred": False} for seat in seats])  # fmt: skip
        if at_work:
            connection.execute(insert(session), [
                {"token_digest": token_digest(seat.token), "entry_id": seat.entry_id, "csrf": seat.csrf, "created_at": now} for seat in at_work])  # fmt: skip
            connection.execute(insert(attempt), [
                {"entry_id": seat.entry_id, "sitting_id": sitting, "form": "A", "started_at": now, "state": "open", "writer": 1,
                 "display_order": order_to_json(Arranger(form).order(seat.entry_id)), "limit_at": now + minutes * 60_000} for seat in at_work])  # fmt: skip
        made = {row.entry_id: row.id for row in connection.execute(select(attempt.c.entry_id, attempt.c.id))}
    return [replace(seat, attempt_id=made[seat.entry_id]) for seat in at_work], [
        seat for seat in seats if not seat.token
    ]


# ------------------------------------------------------------------ the process


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Hall:
    """``python -m hall.candidate.serve`` on a home, or what ``prefix`` and ``module`` say instead."""

    home: Home
    log: Path
    options: Sequence[str] = ()
    prefix: Sequence[str] = ()
    module: Sequence[str] = ("-m", "hall.candidate.serve")
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.port = self.port or free_port()

    def start(self, patience_s: float = 60.0) -> Hall:
        """Begin, and wait until it serves."""
        self.spawn()
        end = time.monotonic() + patience_s
        while not listens(self.port, self.host):
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text(encoding="utf-8")
            time.sleep(0.02)
        return self

    def spawn(self) -> None:
        """Begin; the process may not listen yet."""
        command = [
            *self.prefix,
            sys.executable,
            *self.module,
            "--home",
            str(self.home.root),
            "--port",
            str(self.port),
            *self.options,
        ]
        environment = {**os.environ, "PUFA_CODE_KEY": self.home.key("code").hex(), **self.environment}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=out)

    def kill(self) -> None:
        """As a crash: no chance to tidy up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, patience_s: float = 30.0) -> int:
        """SIGTERM, and wait; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(patience_s)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody takes connections there."""
    try:
        with socket.create_connection((host, port), 1):
            return True
    except OSError:
        return False


# ------------------------------------------------------------------ the client


def measure_undisturbed() -> None:
    """From here on nothing is collected in this process: to walk through the book of all answers takes longer than what is measured."""
    gc.collect()
    gc.disable()


class _Acked(msgspec.Struct):
    acks: list[tuple[int, str, int, str, int]]


class Answer(msgspec.Struct, frozen=True):
    """What came back. ``head``: status line and headers as they were."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        found = re.search(rb"(?im)^%s: *([^\r\n]*)" % re.escape(name.encode()), self.head)
        return found[1].decode("latin-1") if found else None

    def json(self) -> dict[str, object]:
        """The body as an object."""
        return msgspec.json.decode(self.body, type=dict[str, object])

    def ack(self) -> tuple[str, str]:
        """State and chain head of the one change that was sent.

        :raises ConnectionError: it was not taken now.
        """
        if self.status != 200:
            raise ConnectionError(f"{self.status} {self.body[:100]!r}")
        ((_seq, state, _n, head, _at),) = msgspec.json.decode(self.body, type=_Acked).acks
        return state, head

    def page(self) -> bytes:
        """The body as a browser shows it, decompressed."""
        return gzip.decompress(self.body) if self.header("content-encoding") == "gzip" else self.body


LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")


class Wire:
    """One keep-alive connection, over TLS if ``tls`` is given; after a fault the next request makes a new one."""

    def __init__(
        self, port: int, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", source: str | None = None
    ) -> None:
        self.port, self.tls, self.host, self.source = port, tls, host, (source, 0) if source else None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, raw: bytes, patience_s: float = 60.0) -> Answer:
        """Send a whole request, read the whole answer.

        :raises OSError: no connection, or it broke before the answer was complete.
        """
        try:
            return await asyncio.wait_for(self._ask(raw), patience_s)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            raise ConnectionError(str(error)) from error

    async def _ask(self, raw: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                self.host, self.port, limit=1 << 20, ssl=self.tls, local_addr=self.source
            )
        reader, writer = self._streams
        writer.write(raw)
        head = await reader.readuntil(b"\r\n\r\n")
        found = LENGTH.search(head)
        body = await reader.readexactly(int(found[1])) if found else b""
        return Answer(int(head[9:12]), head, body)

    def transport(self) -> asyncio.WriteTransport:
        """Of the open connection."""
        assert self._streams is not None
        return self._streams[1].transport

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].transport.abort()  # at once: nothing waits to be sent
            self._streams = None


def request(method: str, path: str, *, cookie: str = "", body: bytes = b"", headers: str = "") -> bytes:
    """A request as bytes; ``headers`` are whole lines, each ended by CR LF."""
    jar = f"cookie: {cookie}\r\n" if cookie else ""
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n{jar}{headers}content-length: {len(body)}\r\n\r\n".encode() + body


def post_json(path: str, cookie: str, csrf: str, value: object) -> bytes:
    """A request of the paper's script."""
    headers = f"x-csrf: {csrf}\r\ncontent-type: application/json\r\n"
    return request("POST", path, cookie=cookie, body=msgspec.json.encode(value), headers=headers)


def save_request(token: str, csrf: str, seq: int, question: str, answer: str, *, writer: int = 1) -> bytes:
    """One change, everything before it acknowledged."""
    body = {"writer": writer, "acked": seq - 1, "changes": [[seq, question, answer, 0]]}
    return post_json("/api/save", f"pufa_hall={token}", csrf, body)


@dataclass
class Visitor:
    """A candidate from the log-in to the hand-in; every step may be asked again after a fault."""

    wire: Wire
    seat: Seat
    jar: dict[str, str] = field(default_factory=dict)
    state: dict[str, object] = field(default_factory=dict)

    async def get(self, path: str) -> Answer:
        packed = "accept-encoding: gzip\r\n"
        return self._kept(await self.wire.ask(request("GET", path, cookie=self.cookie(), headers=packed)))

    async def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        form = "content-type: application/x-www-form-urlencoded\r\n"
        return self._kept(
            await self.wire.ask(
                request("POST", path, cookie=self.cookie(), body=urlencode(fields).encode(), headers=form)
            )
        )

    async def log_in(self) -> Answer:
        """The form, then number and code; 303 when it is done."""
        page = await self.get("/login")
        if page.status == 303:
            return page
        return await self.post(
            "/login", {"token": _field(page, "token"), "number": self.seat.number, "code": self.seat.code}
        )

    async def start(self) -> Answer:
        """Rules, confirmation, paper; the paper's state is read."""
        rules = await self.get("/rules")
        if rules.status == 200:
            await self.post("/start", {"csrf": _field(rules, "csrf"), "confirm": "on"})
        page = await self.get("/paper")
        found = re.search(rb'<script type="application/json" id="state">(.*?)</script>', page.page(), re.S)
        if page.status == 200 and found:
            self.state = msgspec.json.decode(found[1])
        return page

    async def send(self, path: str, value: object) -> Answer:
        """A request of the paper's script."""
        return await self.wire.ask(post_json(path, self.cookie(), str(self.state["csrf"]), value))

    def cookie(self) -> str:
        """The Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self.jar.items())

    def _kept(self, answer: Answer) -> Answer:
        for raw in re.findall(rb"(?im)^set-cookie: ([^;\r\n]*)", answer.head):
            name, _, value = raw.decode().partition("=")
            self.jar[name] = value
        return answer


def _field(page: Answer, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"'.encode(), page.page())
    assert found, page.page().decode()
    return found[1].decode()
