"""Saves by a timetable over thousands of open connections; nothing is done for one but to send it, and to note when it was acknowledged.

The client shares two cores with what it measures: a task, a timer and a timeout for each save would take as much of a processor as the
hall takes to store it, and while the hall catches up after a hold-up the client would hold it up once more.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from bench._hall import LENGTH, Answer, Wire

#: when a save was due (``time.monotonic``, s), and the seconds until its acknowledgement
Saved = tuple[float, float]
TICK_S, PATIENCE_S = 0.001, 60.0


class Page(Protocol):
    """Who saves over a connection of its own."""

    wire: Wire

    def request(self) -> bytes:
        """The next change."""

    def take(self, answer: Answer) -> None:
        """What was said to it.

        :raises ConnectionError: it was not stored.
        """


class _Line(asyncio.Protocol):
    """One page's connection, taken over from its reader and given back; a save that is due waits for the acknowledgement before it."""

    def __init__(self, page: Page, times: list[Saved], ended: asyncio.Future[None]) -> None:
        self._page, self._times, self._ended = page, times, ended
        self._transport = page.wire.transport()
        self._before = self._transport.get_protocol()
        self._transport.set_protocol(self)
        self._waiting: deque[float] = deque()
        self._come = b""

    def due(self, moment: float) -> None:
        self._waiting.append(moment)
        if len(self._waiting) == 1:
            self._transport.write(self._page.request())

    def data_received(self, data: bytes) -> None:
        self._come += data
        end = self._come.find(b"\r\n\r\n") + 4
        found = LENGTH.search(self._come, 0, end) if end > 3 else None
        if found is None or len(self._come) < end + int(found[1]):
            return
        head, body, self._come = self._come[:end], self._come[end:], b""
        now, due = time.monotonic(), self._waiting.popleft()
        try:
            self._page.take(Answer(int(head[9:12]), head, body))
        except OSError as error:
            self.connection_lost(error)
            return
        self._times.append((due, now - due))
        if self._waiting:
            self._transport.write(self._page.request())

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_exception(error or ConnectionError("hung up"))

    def give_back(self) -> None:
        self._transport.set_protocol(self._before)


async def steady(pages: Sequence[Page], rate: float, seconds: float) -> list[Saved]:
    """So many saves a second, evenly over all pages, each of which has an open connection.

    :raises OSError: one was not stored, or not within :data:`PATIENCE_S` after the end.
    """
    loop = asyncio.get_running_loop()
    apart, rounds = len(pages) / rate, max(1, round(seconds * rate / len(pages)))
    times: list[Saved] = []
    ended = loop.create_future()
    lines = [_Line(page, times, ended) for page in random.Random(2).sample(pages, len(pages))]
    begun, sent = time.monotonic() + 0.5, 0

    async def tick() -> None:
        nonlocal sent
        while sent < rounds * len(lines):
            while sent < rounds * len(lines) and (due := begun + sent / len(lines) * apart) <= time.monotonic():
                lines[sent % len(lines)].due(due)
                sent += 1
            await asyncio.sleep(TICK_S)
        while len(times) < sent:
            await asyncio.sleep(0.01)

    ticking = loop.create_task(tick())
    done, _ = await asyncio.wait((ticking, ended), timeout=seconds + PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    ticking.cancel()
    for line in lines:
        line.give_back()
    if ended in done:
        ended.result()
    if ticking not in done:
        raise ConnectionError(f"{sent - len(times)} saves were not acknowledged")
    return times
