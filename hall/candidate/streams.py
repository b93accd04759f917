"""Open pages are told at once: one stream of server-sent events a page, one look at the database a second for all of them.

Source: WHATWG HTML, "Server-sent events". A stream's own task sleeps until its browser goes away; what is sent is sent by short
tasks, so that one slow link holds up nobody. A ``beat`` goes out every :data:`BEAT_S` seconds: it keeps proxies from closing
the connection, and a page that misses it knows that its link is dead (a comment would keep the proxy but tell the page nothing).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.types import Send

from exams.clock import Clock
from exams.news import Found, News, decode_news, read_news

BEAT_S = 15
#: beats that are sent in one go; between two goes the event loop has time for answers
GO = 16
#: streams of one attempt: an older page is stale, and a browser that opens them without end gets no more
MOST_EACH = 3
MOST = 20_000
#: a link that does not take a hundred bytes within this time is dead
SEND_S = 10.0

_encode = msgspec.json.Encoder().encode
_BEAT = b"event: beat\ndata: 1\n\n"
Read = Callable[[Callable[[Connection], Any]], Coroutine[Any, Any, Any]]


@dataclass(slots=True, eq=False)
class Stream:
    """One page's stream."""

    attempt_id: int
    session: str
    send: Send
    slot: int
    sending: bool = False


class Streams:
    """The streams of one process. ``read`` runs a query on a reading connection."""

    def __init__(self, read: Read, clock: Clock) -> None:
        self._read, self._clock = read, clock
        self._of: dict[int, list[Stream]] = {}
        self._known: dict[int, News] = {}
        self._fresh: set[int] = set()
        self._found: Found | None = None
        self._slots: list[set[Stream]] = [set() for _ in range(BEAT_S)]
        self._next = cycle(range(BEAT_S))
        self._due = cycle(range(BEAT_S))
        self._tasks: set[asyncio.Task[None]] = set()
        self.count = 0
        self.closed = False

    def attempts(self) -> set[int]:
        """Attempts with a page that is connected now."""
        return set(self._of)

    def full(self) -> bool:
        """Whether no further stream is taken."""
        return self.closed or self.count >= MOST

    def message(self, news: News) -> bytes:
        """What a page reads: ``now``, ``limit``, ``paused`` (ms UTC), ``state`` (open, closed, void) and ``writer``."""
        facts = {"now": self._clock.now(), "limit": news.limit_at, "paused": news.paused_at, "state": news.state, "writer": news.writer}
        return b"data: %b\n\n" % _encode(facts)

    def add(self, news: News, session: str, send: Send) -> Stream:
        """Take a stream up; from now on it hears whatever differs from ``news``."""
        stream = Stream(news.attempt_id, session, send, next(self._next))
        mine = self._of.setdefault(news.attempt_id, [])
        mine.append(stream)
        self._slots[stream.slot].add(stream)
        self._known[news.attempt_id] = news
        self._fresh.add(news.attempt_id)
        self._found = None  # what this page knows may be newer
        self.count += 1
        for old in mine[:-MOST_EACH]:
            self._post(old, b"", last=True)
        return stream

    def remove(self, stream: Stream) -> None:
        """Its browser has gone."""
        mine = self._of[stream.attempt_id]
        mine.remove(stream)
        self._slots[stream.slot].discard(stream)
        self.count -= 1
        if not mine:
            del self._of[stream.attempt_id], self._known[stream.attempt_id]

    async def look(self) -> None:
        """Once a second: read how the connected attempts stand and wake the pages concerned."""
        await self._beat(self._slots[next(self._due)])
        if not self._of:
            return
        self._fresh.clear()
        attempts, sessions = list(self._of), [stream.session for mine in self._of.values() for stream in mine]
        before = self._found

        def read(connection: Connection) -> tuple[Found, tuple[list[News], list[str]] | None]:
            found = read_news(connection, attempts, sessions)
            return found, None if found == before else decode_news(found)

        found, changed = await self._read(read)
        if changed is not None:
            self._tell(*changed)
        self._found = None if self._fresh else found

    async def _beat(self, due: set[Stream]) -> None:
        for place, stream in enumerate(tuple(due), 1):
            if stream in due:  # nobody waits for one that has gone meanwhile
                self._post(stream, _BEAT)
            if place % GO == 0:
                await asyncio.sleep(0)

    def _tell(self, facts: Sequence[News], ended: Sequence[str]) -> None:
        for news in facts:
            if news.attempt_id in self._fresh:
                continue  # a page came while this was being read, and knows better
            if self._known.get(news.attempt_id, news) != news:
                self._known[news.attempt_id] = news
                body = self.message(news)
                for stream in self._of[news.attempt_id]:
                    self._post(stream, body)
        if ended:
            out, gone = b'data: {"state":"out"}\n\n', set(ended)
            for stream in [one for mine in self._of.values() for one in mine if one.session in gone]:
                self._post(stream, out, last=True)

    async def close(self) -> None:
        """The process stops: end all streams, so that it need not wait for them; the pages come back to whoever serves next."""
        self.closed = True
        for stream in [one for mine in self._of.values() for one in mine]:
            self._post(stream, b"", last=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)

    def _post(self, stream: Stream, body: bytes, *, last: bool = False) -> None:
        if stream.sending and not last:
            return  # the link is stuck; it is cut by the task that waits for it, and the page asks anew
        stream.sending = True
        task = asyncio.get_running_loop().create_task(self._send(stream, body, last))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, stream: Stream, body: bytes, last: bool) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await stream.send({"type": "http.response.body", "body": body, "more_body": not last})
            stream.sending = last
        except (TimeoutError, RuntimeError, OSError):  # stuck, or ended already
            if not last:
                self._post(stream, b"", last=True)
