"""``python -m bench._bare --home DIR --port N``: the least that a server does which stores each answer before it acknowledges it.

An ASGI function outside all middleware that puts one row into the table of saves of the same kind of database by a group commit (a
thread that inserts whatever waits and answers after the commit), without looking at the request: no session, no check, no chain, no
decoding. Served by uvicorn with the hall's options, so that the same machine can be asked about both.
"""

from __future__ import annotations

import argparse
import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn

from hall.candidate.serve import KEEP_ALIVE_S, allow_many_connections
from home import Home, transaction

#: attempts 1 to this many are there to be saved for (:func:`bench._hall.furnish`)
ATTEMPTS = 64
_INSERT = (
    "INSERT INTO save (attempt_id, writer, seq, question, answer, client_at, received_at, late, chain_n, chain_head)"
    f" VALUES (? % {ATTEMPTS} + 1, 1, ?, 'q001', 'A', 0, 1795410213437, 0, 0, '{'0' * 64}')"
)


def bare_app(root: Path) -> Callable[..., Awaitable[None]]:
    """One group-committed insert into ``save`` per request, nothing else."""
    waiting: queue.SimpleQueue[asyncio.Future[None]] = queue.SimpleQueue()
    loop: list[asyncio.AbstractEventLoop] = []

    def writer() -> None:
        engine, n = Home.open(root, ("exam",)).exam, 0
        while True:
            batch = [waiting.get()]
            while len(batch) < 256 and not waiting.empty():
                batch.append(waiting.get())
            rows = [(n + k, n + k) for k in range(len(batch))]
            n += len(batch)
            with transaction(engine) as connection:
                connection.exec_driver_sql(_INSERT, rows)
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


def _answer(tickets: list[asyncio.Future[None]]) -> None:
    for ticket in tickets:
        ticket.set_result(None)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="bench._bare")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    allow_many_connections()
    uvicorn.run(
        bare_app(given.home), port=given.port, loop="uvloop", http="httptools", ws="none", access_log=False, log_level="warning",
        lifespan="off", timeout_keep_alive=KEEP_ALIVE_S, backlog=4096,
    )  # fmt: skip


if __name__ == "__main__":
    main()
