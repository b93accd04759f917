"""What one candidate process holds: the writer, readers, the papers, who is seated; and its work in the background.

Memory is only ever a shortcut here. Whether a save counts is decided in the transaction that stores it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.exc import DBAPIError

from exams.attempts import close_overdue
from exams.clock import Clock
from exams.refusals import Refused
from exams.sessions import Standing, standing, token_digest
from exams.tables import attempt
from exams.writer import Unavailable, Work, Writer
from hall.candidate.guard import Cookies, security_headers
from hall.candidate.papers import Papers
from hall.candidate.throttle import Bucket, SourceThrottle
from home import Home

log = logging.getLogger(__name__)
Result = TypeVar("Result")

#: how long a request waits for its commit before it is told that nothing is sure yet
PATIENCE_S = 10.0
SWEEP_S, TOUCH_S, CHECKPOINT_S = 5.0, 15.0, 2.0
MAX_SEATS = 20_000
#: saves of one attempt: this many at once (after a long cut), then this many a second
SAVE_BURST, SAVE_RATE = 3000, 5.0


@dataclass(slots=True)
class Seat:
    """The unchanging facts of a session with a started attempt."""

    token_digest: str
    csrf: str
    attempt_id: int
    sitting_id: str
    form: str
    bucket: Bucket


class Hall:
    """Shared by all endpoints of the app; runs between :meth:`open` and :meth:`close`."""

    def __init__(self, home: Home, key: bytes, *, secure: bool) -> None:
        self.home, self.key, self.clock = home, key, Clock()
        self.cookies = Cookies(secure=secure, key=key)
        self.headers = security_headers(secure=secure)
        self.papers = Papers(home.release)
        self.sources = SourceThrottle()
        self.office_name = str(home.settings["office_name"])
        self.seats: OrderedDict[str, Seat] = OrderedDict()
        self.seen: set[int] = set()
        self.live = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._sqlite = home.exam.dialect.name == "sqlite"

    async def open(self) -> None:
        """Start the writer and the background work."""
        if self._sqlite:
            event.listen(self.home.exam, "connect", _no_checkpoint_on_commit)
        loop = asyncio.get_running_loop()
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="reader")
        self._writer = Writer(self.home.exam, loop.call_soon_threadsafe)
        self._writer.start()
        works: list[tuple[float, Callable[[], Coroutine[None, None, None]]]] = [(SWEEP_S, self._sweep), (TOUCH_S, self._touch)]
        if self._sqlite:
            works.append((CHECKPOINT_S, self._checkpoint))
        self._tasks = [asyncio.create_task(self._again(every, work)) for every, work in works]

    async def close(self) -> None:
        """Drain the queue, then stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        drained = await asyncio.to_thread(self._writer.stop)
        if not drained:
            log.error("the queue was not drained in time: %d left", self._writer.waiting())
        self._readers.shutdown()
        if self._sqlite:
            event.remove(self.home.exam, "connect", _no_checkpoint_on_commit)
        self.home.exam.dispose()

    async def read(self, query: Callable[[Connection], Result]) -> Result:
        """Run a query on a reading connection.

        :raises Unavailable: the database cannot be read now.
        """

        def run() -> Result:
            try:
                with self.home.exam.connect() as connection:
                    return query(connection)
            except DBAPIError as error:
                raise Unavailable(str(error)) from error

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def write(self, work: Work) -> Any:
        """Queue work and wait for its commit.

        :raises Refused: the work was refused.
        :raises Unavailable: it is not stored, or it is not known in time whether it is.
        """
        ticket: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._writer.submit(work, ticket)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await ticket
        except TimeoutError:
            raise Unavailable("no commit in time") from None

    async def who(self, token: str | None) -> Standing | None:
        """Whoever holds a session token, read from the database."""
        if not token:
            return None
        found, now = token_digest(token), self.clock.now()
        return await self.read(lambda connection: standing(connection, found, now))

    async def seat(self, token: str | None) -> Seat:
        """The seat of a session with a started attempt.

        :raises Refused: no session, or nothing started.
        """
        if not token:
            raise Refused("session")
        found = token_digest(token)
        seat = self.seats.get(found)
        if seat is None:
            who = await self.who(token)
            if who is None:
                raise Refused("session")
            if who.attempt_id is None:
                raise Refused("not_started")
            seat = Seat(found, who.csrf, who.attempt_id, who.sitting_id, who.form, Bucket(SAVE_BURST, SAVE_RATE))
            self.seats[found] = seat
            if len(self.seats) > MAX_SEATS:
                self.seats.popitem(last=False)
        return seat

    def pulse_ms(self) -> int:
        """After how long an idle page asks again: 4 s, longer when thousands are at work."""
        return max(4_000, self.live * 4)

    # ------------------------------------------------------------ in the background

    async def _again(self, every_s: float, work: Callable[[], Coroutine[None, None, None]]) -> None:
        while True:
            await asyncio.sleep(every_s * (0.9 + secrets.randbelow(200) / 1000))
            try:
                await work()
            except Unavailable as error:
                log.warning("%s: %s", work.__name__, error)
            except Exception:  # a fault here must not end the sweep for the rest of the day
                log.exception("%s", work.__name__)

    async def _sweep(self) -> None:
        now = self.clock.now()
        closed, self.live = await self.write(lambda connection: (close_overdue(connection, now), _open_attempts(connection)))
        if closed:
            log.info("time is up: %d attempts closed", closed)

    async def _touch(self) -> None:
        seen, self.seen = self.seen, set()
        if seen:
            now = self.clock.now()
            await self.write(lambda connection: _mark_seen(connection, sorted(seen), now))

    async def _checkpoint(self) -> None:
        """Move the log into the database file beside the commits, not within them."""

        def run() -> None:
            raw = self.home.exam.raw_connection()  # no BEGIN: a checkpoint runs outside transactions
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            finally:
                raw.close()

        try:
            await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except DBAPIError as error:
            log.warning("checkpoint: %s", error)


def _no_checkpoint_on_commit(connection: object, _record: object) -> None:
    connection.execute("PRAGMA wal_autocheckpoint=0").close()  # type: ignore[attr-defined]


_SEEN = {
    "sqlite": text("UPDATE attempt SET last_seen_at = :now WHERE id IN (SELECT value FROM json_each(:ids))"),
    "postgresql": text("UPDATE attempt SET last_seen_at = :now WHERE id = ANY(:ids)"),
}


def _open_attempts(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(attempt).where(attempt.c.state == "open")).scalar_one()


def _mark_seen(connection: Connection, ids: list[int], now: int) -> None:
    dialect = connection.dialect.name
    connection.execute(_SEEN[dialect], {"now": now, "ids": json.dumps(ids) if dialect == "sqlite" else ids})
