"""Acknowledged saves a second through the real hall over HTTP, against a bare handler; one run, client included.

The bare handler is what nobody can undercut: an ASGI function outside all middleware that puts one row into the same kind of
database by the same group commit (a thread that inserts whatever waits and answers after the commit). Both are served by
uvicorn with the same options, one process, and asked by the same client over the same number of connections.
"""

from __future__ import annotations

import asyncio
import os
import queue
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from sqlalchemy import insert, select, text

import grading.tables  # noqa: F401
import people.tables  # noqa: F401
import question_bank.tables  # noqa: F401  # Home.create makes the tables of all rooms
from exams.admission import code_mac, new_code
from exams.chain import verify_chain
from exams.paper import PublicForm, PublicOption, PublicPart, PublicQuestion
from exams.sessions import token_digest
from exams.tables import attempt, entry, open_sitting, save, session
from hall.candidate.serve import KEEP_ALIVE_S
from home import Home, canonical_json, connect, now_ms, transaction, write_atomically

CONNECTIONS, SAVES = 64, 12_000
KEY = bytes(32)


@dataclass(frozen=True)
class Seat:
    """What one connection sends with."""

    token: str
    csrf: str


def _prepare(folder: Path) -> tuple[Home, list[Seat]]:
    """A home with a sitting in which every connection has a candidate at work."""
    home = Home.create(folder / "home", "bench")
    options = tuple(PublicOption(letter, "<p>x</p>") for letter in "ABCD")
    questions = tuple(PublicQuestion(f"q{n:03d}", "single", "p", "1", "<p>x</p>", options, False, "x", ()) for n in range(1, 81))
    form = PublicForm("p", "A", "bench", 60, (PublicPart("p", "p", ""),), questions)
    write_atomically(home.release / "bench" / "A.json", msgspec.json.encode(form))
    seats, now = [], now_ms()
    with transaction(home.exam) as connection:
        connection.execute(insert(open_sitting).values(
            id="bench", title="bench", kind="demo", opens_at=now, closes_at=now + 7_200_000, minutes=60, grace_s=10, chain_n=0, chain_head=""))  # fmt: skip
        for n in range(1, CONNECTIONS + 1):
            code, seat = new_code(), Seat(f"token-{n}", f"csrf-{n}")
            mac = code_mac(KEY, "bench", str(n), code)
            connection.execute(insert(entry).values(
                id=n, sitting_id="bench", admission_no=str(n), name="x", unit_label="x", form="A", code_mac=mac, failures=0, barred=False))  # fmt: skip
            connection.execute(insert(session).values(token_digest=token_digest(seat.token), entry_id=n, csrf=seat.csrf, created_at=now))
            connection.execute(insert(attempt).values(
                entry_id=n, sitting_id="bench", form="A", display_order="[]", started_at=now, limit_at=now + 3_600_000, state="open", writer=1))  # fmt: skip
            seats.append(seat)
    home.close()
    return home, seats


# ------------------------------------------------------------------ the bare handler


def bare_app(path: str) -> Callable[..., Awaitable[None]]:
    """One group-committed insert per request, nothing else."""
    waiting: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Future[None], bytes]] = queue.SimpleQueue()

    def writer() -> None:
        engine = connect(f"sqlite:///{path}", "exam")
        with transaction(engine) as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS bare (n INTEGER PRIMARY KEY, body BLOB)"))
        while True:
            batch = [waiting.get()]
            while len(batch) < 256 and not waiting.empty():
                batch.append(waiting.get())
            with transaction(engine) as connection:
                connection.exec_driver_sql("INSERT INTO bare (body) VALUES (?)", [(body,) for _loop, _done, body in batch])
            batch[0][0].call_soon_threadsafe(_answer, [done for _loop, done, _body in batch])

    threading.Thread(target=writer, daemon=True).start()

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        waiting.put((loop, done, body))
        await done
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


def _answer(tickets: list[asyncio.Future[None]]) -> None:
    for ticket in tickets:
        ticket.set_result(None)


def serve_bare(path: str, port: int) -> None:
    """Run the bare handler."""
    uvicorn.run(
        bare_app(path), port=port, loop="uvloop", http="httptools", ws="none", access_log=False, log_level="warning",
        lifespan="off", timeout_keep_alive=KEEP_ALIVE_S,
    )  # fmt: skip


# ------------------------------------------------------------------ the client


async def _drive(port: int, requests: list[list[bytes]]) -> tuple[float, list[float]]:
    """Send each connection's requests one after another; seconds in all, and of each acknowledgement."""
    times: list[float] = []

    async def one(mine: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for raw in mine:
            begun = time.perf_counter()
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"content-length: (\d+)", head)
            assert head.startswith(b"HTTP/1.1 200") and found, head
            await reader.readexactly(int(found.group(1)))
            times.append(time.perf_counter() - begun)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one(mine) for mine in requests))
    return time.perf_counter() - begun, times


def _requests(seats: list[Seat], start: int, count: int) -> list[list[bytes]]:
    each = count // len(seats)
    return [
        [_request(seat, canonical_json({"writer": 1, "acked": seq - 1, "changes": [[seq, f"q{seq % 80 + 1:03d}", "ABCD"[seq % 4], 0]]}))
         for seq in range(start, start + each)]
        for seat in seats
    ]  # fmt: skip


def _request(seat: Seat, body: str) -> bytes:
    return (
        f"POST /api/save HTTP/1.1\r\nhost: x\r\ncookie: pufa_hall={seat.token}\r\nx-csrf: {seat.csrf}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _measure(command: list[str], port: int, seats: list[Seat], name: str) -> float:
    environment = {**os.environ, "PUFA_CODE_KEY": KEY.hex()}
    with subprocess.Popen(command, env=environment) as process:
        try:
            _wait(port)
            asyncio.run(_drive(port, _requests(seats, 1, len(seats) * 8)))
            seconds, times = asyncio.run(_drive(port, _requests(seats, 9, SAVES)))
        finally:
            process.terminate()
    rate = len(times) / seconds
    tail = statistics.quantiles(times, n=100)
    print(f"{name}: {rate:,.0f} acknowledged saves/s over {len(seats)} connections; ack p50 {tail[49] * 1000:.1f} ms, p99 {tail[98] * 1000:.1f} ms", flush=True)
    return rate


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server did not start")


def main() -> None:
    """Measure both in turn, twice, and print the ratio of the better of each."""
    with tempfile.TemporaryDirectory() as folder:
        bare, real = [], []
        for turn in range(2):
            place = Path(folder) / str(turn)
            place.mkdir()
            home, seats = _prepare(place)
            port = _free_port()
            bare.append(_measure([sys.executable, "-m", "bench.saves", str(place / "bare.db"), str(port)], port, seats, "bare handler"))
            port = _free_port()
            command = [sys.executable, "-m", "hall.candidate.serve", "--home", str(home.root), "--port", str(port)]
            real.append(_measure(command, port, seats, "the hall    "))
            with home.exam.connect() as connection:
                stored = len(connection.execute(select(save.c.seq)).all())
                assert stored == len(seats) * (8 + SAVES // len(seats)) and verify_chain(connection, "bench") is None
            home.close()
    print(f"RATIO acknowledged saves/s, hall / bare handler: {max(real) / max(bare):.2f} ({max(real):,.0f} / {max(bare):,.0f}; budget 0.6)")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        serve_bare(sys.argv[1], int(sys.argv[2]))
    else:
        main()
