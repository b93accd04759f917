"""A process of ours in which everything goes wrong: run as ``python tests/a_faulty_process.py HOME guarded|bare``.

The secret comes in the environment, so that no source line in a trace holds it. ``bare`` logs as Python and uvicorn do by
themselves; the test reads there that the faults do tell the secret.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import uvicorn
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

import logs
from home import Home

SECRET = os.environ["FAULTY_SECRET"]
INSERT = text("INSERT INTO faulty (id, name, age) VALUES (:id, :name, :age)")


def unique(engine: Engine) -> None:
    """The same name twice."""
    for number in (1, 2):
        with engine.begin() as connection:
            connection.execute(INSERT, {"id": number, "name": SECRET, "age": 30})


def check(engine: Engine) -> None:
    """A row that its table does not allow: PostgreSQL repeats the whole of it."""
    with engine.begin() as connection:
        connection.execute(INSERT, {"id": 3, "name": SECRET + "3", "age": -1})


def no_number(engine: Engine) -> None:
    """A value of the wrong kind, written into the statement: PostgreSQL repeats it in its first line; SQLite knows no such name."""
    with engine.begin() as connection:
        quoted = f"CAST('{SECRET}' AS integer)" if engine.dialect.name == "postgresql" else f'"{SECRET}"'
        connection.execute(text(f"SELECT {quoted} FROM faulty"))


def chained(engine: Engine) -> None:
    """A fault of ours after one of the database, and another in its handling."""
    try:
        try:
            check(engine)
        except Exception as error:
            raise RuntimeError(SECRET) from error
    except RuntimeError:
        int(SECRET)


def grouped(engine: Engine) -> None:
    """Several at once."""
    caught = []
    for fault in (unique, check):
        try:
            fault(engine)
        except DBAPIError as error:
            caught.append(error)
    raise ExceptionGroup(SECRET, caught)


FAULTS: tuple[Callable[[Engine], None], ...] = (unique, check, no_number, chained, grouped)


def log_each(engine: Engine) -> None:
    """As our own code logs a fault, and as a library that knows nothing of us may."""
    for fault in FAULTS:
        try:
            fault(engine)
        except Exception as error:
            logging.getLogger("pufa.office").exception("nobody's fault, %s", fault.__name__)
            if fault is not chained:
                logging.getLogger("elsewhere").error("it said: %s", error if fault is not grouped else error.__cause__)


def serve_one(engine: Engine) -> None:
    """uvicorn's own log: a handler that fails."""

    async def page(_request: Request) -> None:
        chained(engine)

    async def ask() -> None:
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/", page)]), port=0, log_config=None))
        running = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 500
        server.should_exit = True
        await running

    asyncio.run(ask())


def start_none(engine: Engine) -> None:
    """An app that does not start: its whole trace comes to uvicorn as a message."""

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        chained(engine)
        yield

    with suppress(SystemExit):
        asyncio.run(uvicorn.Server(uvicorn.Config(Starlette(lifespan=life), port=0, log_config=None)).serve())


def forget_a_task(engine: Engine) -> None:
    """asyncio tells of a task that nobody waited for with a picture of its exception."""

    async def main() -> None:
        async def work() -> None:
            unique(engine)

        task = asyncio.create_task(work())
        await asyncio.sleep(0.1)
        del task

    asyncio.run(main())


def main(folder: str, how: str) -> None:
    """All of it; ends by a fault."""
    home = Home.open(Path(folder))
    if how == "guarded":
        logs.configure("office")
    else:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with home.office.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS faulty"))
        connection.execute(text("CREATE TABLE faulty (id integer PRIMARY KEY, name varchar(99) UNIQUE, age integer, CONSTRAINT of_age CHECK (age > 0))"))
    telling = create_engine(home.office.url, connect_args={"options": "-csearch_path=office"} if home.office_url else {})  # as a library makes one
    for engine in (home.office, telling):
        log_each(engine)
        serve_one(engine)
        start_none(engine)
        forget_a_task(engine)
    thread = threading.Thread(target=chained, args=(telling,))
    thread.start()
    thread.join()
    print("all done", file=sys.stderr)
    chained(telling)


if __name__ == "__main__":
    main(*sys.argv[1:])
