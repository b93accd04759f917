"""What one candidate process holds: the writer, readers, the papers, who is seated; and its work in the background.

Memory is only ever a shortcut here. Whether a save counts is decided in the transaction that stores it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from exams.attempts import close_overdue
from exams.clock import Clock
from exams.paper import PublicQuestion
from exams.prepared import on_driver
from exams.refusals import Refused
from exams.sessions import Standing, standing, token_digest
from exams.stalls import keep_beat, last_beat
from exams.vitals import SILENT_MS, leave, tell
from exams.writer import Unavailable, Work, Writer
from hall.candidate.guard import Cookies, api_headers, security_headers
from hall.candidate.papers import Papers
from hall.candidate.presence import Presence, store
from hall.candidate.streams import Streams
from hall.candidate.throttle import Bucket, SourceThrottle
from hall.candidate.vitals import Vitals
from home import Home
from logs import db_message

log = logging.getLogger(__name__)
Result = TypeVar("Result")

#: how long a request waits for its commit before it is told that nothing is sure yet
PATIENCE_S = 10.0
BEAT_S, LOOK_S, SWEEP_S, TOUCH_S, CHECKPOINT_S, EXPIRE_S, TELL_S = 1.0, 1.0, 5.0, 1.0, 2.0, 1.0, 5.0
_Chore = tuple[float, Callable[[], Coroutine[None, None, None]]]
MAX_SEATS = 20_000
#: pages (4 KiB) in SQLite's log from which it is to begin anew
LONG_LOG = 4096
#: saves of one attempt: this many at once (after a long cut), then this many a second
SAVE_BURST, SAVE_RATE = 3000, 5.0


@dataclass(slots=True)
class Seat:
    """The unchanging facts of a session with a started attempt, and the ``address`` from which it was last heard.

    ``not_before``: until then (ms UTC) a page that thinks that the time is up is told otherwise without asking the database.
    """

    token_digest: str
    csrf: bytes
    entry_id: int
    attempt_id: int
    sitting_id: str
    questions: dict[str, PublicQuestion]
    bucket: Bucket
    ranges: str | None
    address: str = ""
    not_before: int = 0


class Hall:
    """Shared by all endpoints of the app; runs between :meth:`open` and :meth:`close`."""

    def __init__(self, home: Home, key: bytes, *, secure: bool) -> None:
        self.home, self.key, self.clock = home, key, Clock()
        self.cookies = Cookies(secure=secure, key=key)
        self.headers, self.api_headers = security_headers(secure=secure), api_headers(secure=secure)
        self.papers = Papers(home.release)
        self.sources = SourceThrottle()
        self.office_name = str(home.settings["office_name"])
        self.seats: OrderedDict[bytes, Seat] = OrderedDict()
        self.presence, self.streams = Presence(), Streams(self.read, self.clock)
        self._beating = False
        self.vitals, self.told_at = Vitals(), time.monotonic()
        self._parent = os.getppid()
        self._process = f"hall@{socket.gethostname()}:{os.getpid()}"
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._sqlite = home.exam.dialect.name == "sqlite"
        self._near: Connection | None = None

    async def open(self) -> None:
        """Start the writer and the background work."""
        if self._sqlite:
            event.listen(self.home.exam, "connect", prepare)
            self._near = _connect_near(self.home.exam)
        loop = asyncio.get_running_loop()
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="reader")
        self._writer = Writer(self.home.exam, loop.call_soon_threadsafe)
        self._writer.start()
        works: list[_Chore] = [
            (EXPIRE_S, self._expire), (BEAT_S, self._beat), (LOOK_S, self.streams.look), (SWEEP_S, self._sweep),
            (TOUCH_S, self._touch), (TELL_S, self._tell),
        ]  # fmt: skip
        if self._sqlite:
            works.append((CHECKPOINT_S, self._checkpoint))
        self._tasks = [asyncio.create_task(self._again(every, work)) for every, work in works]
        with suppress(Unavailable):
            await self._beat()  # before anything is served: what was lost while no process ran is given back first

    async def close(self) -> None:
        """End the streams, drain the queue, then stop."""
        await self.streams.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(Unavailable):
            await self.write(self._leave)
        drained = await asyncio.to_thread(self._writer.stop)
        if not drained:
            log.error("the queue was not drained in time: %d left", self._writer.waiting())
        self._readers.shutdown()
        if self._near is not None:
            event.remove(self.home.exam, "connect", prepare)
            self._near.close()
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
                raise Unavailable(db_message(error)) from error

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def write(self, work: Work, *, aside: bool = False) -> Any:
        """Queue work and wait for its commit. ``aside``: see :meth:`exams.writer.Writer.submit`.

        :raises Refused: the work was refused.
        :raises Unavailable: it is not stored, or it is not known in time whether it is.
        """
        loop = asyncio.get_running_loop()
        ticket: asyncio.Future[Any] = loop.create_future()
        self._writer.submit(work, ticket, aside=aside)
        while self._waiting and self._waiting[0][1].done():  # kept for longer, they would be walked through by the garbage collector
            self._waiting.popleft()
        self._waiting.append((loop.time() + PATIENCE_S, ticket))
        return await ticket

    async def who(self, token: str | None) -> Standing | None:
        """Whoever holds a session token, read from the database."""
        if not token:
            return None
        found, now = token_digest(token), self.clock.now()
        if self._near is not None:
            try:
                return standing(self._near, found, now)
            except DBAPIError:  # locked, or the disk does not answer: waiting is for the readers
                log.debug("no answer at once")
        return await self.read(lambda connection: standing(connection, found, now))

    async def seat(self, cookie: bytes | None) -> Seat:
        """The seat of a session with a started attempt, by the request's Cookie header, which a browser sends unchanged.

        :raises Refused: no session, nothing started, or no paper.
        """
        if cookie is None:
            raise Refused("session")
        seat = self.seats.get(cookie)
        if seat is None:
            who = await self.who(self.cookies.parse(cookie).get(self.cookies.session))
            if who is None:
                raise Refused("session")
            if who.attempt_id is None:
                raise Refused("not_started")
            questions = self.papers.paper(who.sitting_id, who.form).questions
            bucket = Bucket(SAVE_BURST, SAVE_RATE)
            csrf = who.csrf.encode()
            seat = Seat(who.token_digest, csrf, who.entry_id, who.attempt_id, who.sitting_id, questions, bucket, who.room_ranges)
            self.seats[cookie] = seat
            if len(self.seats) > MAX_SEATS:
                self.seats.popitem(last=False)
        return seat

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
        closed = await self.write(lambda connection: close_overdue(connection, now), aside=True)
        if closed:
            log.info("time is up: %d attempts closed", closed)

    async def _beat(self) -> None:
        """Store that answers can be stored; what was lost since the last time is given back (:mod:`exams.stalls`)."""
        starting = not self._beating
        given = await self.write(lambda connection: keep_beat(connection, self.clock.now(), starting=starting), aside=True)
        self._beating = True
        if given:
            log.warning("the hall stood still for %d ms; every open attempt got the time back", given)

    def _leave(self, connection: Connection) -> None:
        if os.getppid() == self._parent:  # else pufa serve was killed, and the kernel has ended us with it: nobody meant the silence that follows
            last_beat(connection, self.clock.now())
        leave(connection, self._process)

    async def _tell(self) -> None:
        """Tell the office how this process is; that it could be stored shows that answers can be."""
        facts = self.vitals.report() | {"queue": self._writer.waiting(), "drift_ms": self.clock.drift_ms()}
        now = self.clock.now()
        await self.write(lambda connection: tell(connection, self._process, now, facts), aside=True)
        self.told_at = time.monotonic()

    def well(self) -> bool:
        """Whether something could be stored within the last quarter of a minute."""
        return time.monotonic() - self.told_at < SILENT_MS / 1000

    async def _expire(self) -> None:
        """Tell whoever waits too long that nothing is sure; one look a second is cheaper than a timer for each."""
        now = asyncio.get_running_loop().time()
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] < now):
            ticket = self._waiting.popleft()[1]
            if not ticket.done():
                ticket.set_exception(Unavailable("no commit in time"))

    async def _touch(self) -> None:
        self.presence.seen(self.streams.attempts())
        taken, now = self.presence.take(), self.clock.now()
        if not taken.seen and taken.unsaved is None:
            return
        try:
            stored = await self.write(lambda connection: store(connection, taken, now), aside=True)
        except Unavailable:
            self.presence.put_back(taken)
            raise
        if stored is not None:
            self.presence.keep(stored)

    async def _checkpoint(self) -> None:
        """Move the log into the database file beside the commits, not within them.

        Commits go on meanwhile, so that under load the log never begins anew and grows without end: once it is long, the little that
        is left is moved while the writer waits, and the next commit begins at the front again.
        """
        try:
            frames = await asyncio.get_running_loop().run_in_executor(self._readers, self._move_log)
        except DBAPIError as error:
            log.warning("checkpoint: %s", db_message(error))
            return
        if frames > LONG_LOG:
            await self.write(lambda _connection: self._move_log(), aside=True)

    def _move_log(self) -> int:
        """Frames (pages) in the log, all of which are in the database file too now but for those that are being written."""
        with self.home.exam.connect() as connection:
            ((_busy, frames, _moved),) = on_driver(connection, "PRAGMA wal_checkpoint(PASSIVE)", ())
            return int(frames)


def prepare(connection: object, _record: object) -> None:
    """Settings of every SQLite connection of this process.

    Checkpoints run beside the commits; statement journals stay in memory, for a confined process reaches no
    folder for temporary files.
    """
    for pragma in ("wal_autocheckpoint=0", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()  # type: ignore[attr-defined]


def _connect_near(engine: Engine) -> Connection:
    """A connection for the event loop's own thread, where nothing is begun: a prepared read sees what is committed and waits for no lock.

    To hand such a read to another thread takes longer than the read.
    """
    connection = engine.connect()
    connection.detach()  # it is not given back, and nobody else may get these settings
    on_driver(connection, "PRAGMA busy_timeout=0", ())
    return connection
