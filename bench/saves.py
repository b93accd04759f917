"""Acknowledged saves a second through the real hall over HTTP, against a bare handler; one run, client included.

The bare handler is what nobody can undercut: an ASGI function outside all middleware that puts one row into the same table
of the same kind of database by the same group commit (a thread that inserts whatever waits and answers after the commit),
without looking at the request: no session, no check, no chain, no decoding. Both are served by uvicorn with the same options,
one process each, and asked in turns by the same client over the same number of connections, so that a busy machine
disturbs both alike; the ratio is the median over the turns.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from sqlalchemy import func, insert, select

import grading.tables  # noqa: F401
import people.tables  # noqa: F401
import question_bank.tables  # noqa: F401  # Home.create makes the tables of all rooms
from exams.admission import code_mac, new_code
from exams.chain import verify_chain
from exams.paper import PublicForm, PublicOption, PublicPart, PublicQuestion
from exams.sessions import token_digest
from exams.tables import attempt, entry, open_sitting, save, session
from hall.candidate.serve import KEEP_ALIVE_S
from home import Home, canonical_json, now_ms, transaction, write_atomically

CONNECTIONS, TURNS, SAVES = 64, 8, 4_000
KEY = bytes(32)


@dataclass(frozen=True)
class Seat:
    """What one connection sends with."""

    token: str
    csrf: str


def _prepare(folder: Path) -> tuple[Home, list[Seat]]:
    """A home with a sitting in which every connection has a candidate at work."""
    folder.mkdir()
    home = Home.create(folder / "home", "bench")
    options = tuple(PublicOption(letter, "<p>x</p>") for letter in "ABCD")
    questions = tuple(
        PublicQuestion(f"q{n:03d}", "single", "p", "1", "<p>x</p>", options, False, "x", ()) for n in range(1, 81)
    )
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
            connection.execute(
                insert(session).values(
                    token_digest=token_digest(seat.token), entry_id=n, csrf=seat.csrf, created_at=now
                )
            )
            connection.execute(insert(attempt).values(
                entry_id=n, sitting_id="bench", form="A", display_order="[]", started_at=now, limit_at=now + 3_600_000, state="open", writer=1))  # fmt: skip
            seats.append(seat)
    home.close()
    return home, seats


# ------------------------------------------------------------------ the bare handler


def bare_app(root: str) -> Callable[..., Awaitable[None]]:
    """One group-committed insert into ``save`` per request, nothing else."""
    waiting: queue.SimpleQueue[asyncio.Future[None]] = queue.SimpleQueue()
    loop: list[asyncio.AbstractEventLoop] = []

    def writer() -> None:
        engine, n = Home.open(Path(root), ("exam",)).exam, 0
        while True:
            batch = [waiting.get()]
            while len(batch) < 256 and not waiting.empty():
                batch.append(waiting.get())
            rows = [(n + k, n + k) for k in range(len(batch))]
            n += len(batch)
            with transaction(engine) as connection:
                connection.exec_driver_sql(_BARE, rows)
            loop[0].call_soon_threadsafe(_answer, batch)

    threading.Thread(target=writer, daemon=True).start()

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        loop[:] = [asyncio.get_running_loop()]
        done: asyncio.Future[None] = loop[0].create_future()
        waiting.put(done)
        await done
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


_BARE = (
    "INSERT INTO save (attempt_id, writer, seq, question, answer, client_at, received_at, late, chain_n, chain_head)"
    f" VALUES (? % {CONNECTIONS} + 1, 1, ?, 'q001', 'A', 0, 1795410213437, 0, 0, '{'0' * 64}')"
)


def _answer(tickets: list[asyncio.Future[None]]) -> None:
    for ticket in tickets:
        ticket.set_result(None)


def serve_bare(root: str, port: int) -> None:
    """Run the bare handler."""
    uvicorn.run(
        bare_app(root), port=port, loop="uvloop", http="httptools", ws="none", access_log=False, log_level="warning",
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


@dataclass
class Server:
    """One of the two, running; rates and 99th percentiles (ms) of its turns."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    home: Home
    seats: list[Seat]
    sent: int = 0
    rates: list[float] = field(default_factory=list)
    tails: list[float] = field(default_factory=list)

    def turn(self, saves: int, *, count: bool = True) -> None:
        """Send ``saves`` saves."""
        seconds, times = asyncio.run(_drive(self.port, _requests(self.seats, self.sent + 1, saves)))
        self.sent += saves // len(self.seats)
        if count:
            self.rates.append(len(times) / seconds)
            self.tails.append(statistics.quantiles(times, n=100)[98] * 1000)


def _start(name: str, folder: Path) -> Server:
    home, seats = _prepare(folder)
    port = _free_port()
    command = {
        "bare": ["-m", "bench.saves", str(home.root), str(port)],
        "hall": ["-m", "hall.candidate.serve", "--home", str(home.root), "--port", str(port)],
    }[name]
    environment = {**os.environ, "PUFA_CODE_KEY": KEY.hex()}
    process = subprocess.Popen([sys.executable, *command], env=environment, stderr=subprocess.DEVNULL)
    _wait(port)
    return Server(name, process, port, home, seats)


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server did not start")


def main() -> None:
    """Measure both in turns and print the median ratio."""
    with tempfile.TemporaryDirectory() as folder:
        servers = [_start(name, Path(folder) / name) for name in ("bare", "hall")]
        try:
            for server in servers:
                server.turn(SAVES // 4, count=False)
            for _ in range(TURNS):
                for server in servers:
                    server.turn(SAVES)
        finally:
            for server in servers:
                server.process.terminate()
                server.process.wait()
        bare, hall = servers
        with hall.home.exam.connect() as connection:
            stored = connection.execute(select(func.count()).select_from(save)).scalar_one()
            assert stored == hall.sent * CONNECTIONS and verify_chain(connection, "bench") is None
        hall.home.close()
    for server in servers:
        rate, tail = statistics.median(server.rates), statistics.median(server.tails)
        print(
            f"{server.name}: {rate:,.0f} acknowledged saves/s over {CONNECTIONS} connections (best turn {max(server.rates):,.0f}); p99 {tail:.0f} ms"
        )
    ratio = statistics.median(one / other for one, other in zip(hall.rates, bare.rates, strict=True))
    best = max(hall.rates) / max(bare.rates)
    print(f"RATIO acknowledged saves/s, hall / bare handler: {ratio:.2f} (best turns {best:.2f}; budget 0.6)")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        serve_bare(sys.argv[1], int(sys.argv[2]))
    else:
        main()
