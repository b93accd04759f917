"""Two halls on one PostgreSQL behind the shipped nginx configuration: kill one in mid-exam, and its candidates go on at the other (A1, A13)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from proxied import Place, wait_for
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.engine import make_url

from bench._book import Book
from bench._hall import QUESTIONS, SITTING, Seat, Visitor, Wire, furnish, listens
from bench._stream import Stream
from exams.attempts import effective_answers
from exams.tables import attempt, save, stall
from home import Home, now_ms

PEOPLE, PAUSE_S, BACK_S = 100, 0.4, 5.0
#: after this time nginx asks a hall again that has come back (``fail_timeout`` counts whole seconds)
RESTED_S = 2.5


@pytest.fixture(scope="module")
def place(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, list[Seat]]]:
    """A database of its own on the session's server, a sitting with its codes, two halls, nginx."""
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS several WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE several"))
    folder = tmp_path_factory.mktemp("scale")
    home = Home.create(folder / "home", "某市考试办公室", make_url(postgres_url).set(database="several").render_as_string(hide_password=False))
    _, seats = furnish(home, 0, PEOPLE + 1)
    found = Place(home, folder)
    yield found, seats
    found.stop()
    home.close()
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE several WITH (FORCE)"))
    admin.dispose()


@dataclass
class Room:
    """What its candidates were told; ``acks`` by the monotonic clock, ``clocks`` ms by which the hall's time lay outside question and answer."""

    port: int
    tls: ssl.SSLContext
    book: Book = field(default_factory=Book)
    acks: dict[int, list[float]] = field(default_factory=dict)
    limits: dict[int, set[int]] = field(default_factory=dict)
    clocks: list[int] = field(default_factory=list)
    streams_open: set[int] = field(default_factory=set)
    broken: int = 0
    seated: int = 0
    stopped: bool = False

    async def sit(self, seat: Seat) -> None:
        """Log in, start, listen, save until told to stop."""
        visitor = Visitor(Wire(self.port, self.tls), seat)
        assert (await visitor.log_in()).status == 303
        page = await visitor.start()
        assert page.page().count(b'<section class="question"') == QUESTIONS
        attempt_id = int(str(visitor.state["attempt"]))
        self.book.started(seat.entry_id, attempt_id)
        self.limits[attempt_id], self.acks[attempt_id] = {int(str(visitor.state["limit"]))}, []
        self.seated += 1
        listening = asyncio.create_task(self.listen(attempt_id, visitor.cookie()))
        await self.save(visitor, attempt_id)
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        visitor.wire.close()

    async def listen(self, attempt_id: int, cookie: str) -> None:
        """As the page does: a stream that breaks is opened again after half a second to a second."""
        stream, draw = Stream(self.port, cookie, self.tls), random.Random(attempt_id)
        try:
            while True:
                try:
                    news = await stream.open()
                    self.streams_open.add(attempt_id)
                    while True:
                        if news is not None:
                            assert (news["state"], news["writer"]) == ("open", 1)
                            self.limits[attempt_id].add(int(str(news["limit"])))
                        news = await stream.next()
                except OSError:
                    self.streams_open.discard(attempt_id)
                    await asyncio.sleep(draw.uniform(0.5, 1.0))
        finally:
            stream.close()

    async def save(self, visitor: Visitor, attempt_id: int) -> None:
        draw, seq = random.Random(attempt_id), 0
        while not self.stopped:
            seq += 1
            change = (seq, f"q{draw.randrange(1, QUESTIONS + 1):03d}", "ABCD"[seq % 4], 0)  # the same once more would need no row
            while not await self.stored(visitor, attempt_id, change):
                await asyncio.sleep(0.1)
            await asyncio.sleep(draw.uniform(0, 2 * PAUSE_S))

    async def stored(self, visitor: Visitor, attempt_id: int, change: tuple[int, str, str, int]) -> bool:
        """Whether it is acknowledged; a page asks again after 502, 503, 504 and a broken connection, and after nothing else."""
        writer, sent = int(str(visitor.state["writer"])), now_ms()
        try:
            told = await visitor.send("/api/save", {"writer": writer, "acked": change[0] - 1, "changes": [change]})
        except OSError:
            self.broken += 1
            return False
        if told.status in (502, 503, 504):
            self.broken += 1
            return False
        assert told.status == 200, told
        facts = told.json()
        state, head = told.ack()
        assert state == "saved"
        self.book.saved((attempt_id, writer, change[0]), change[1], change[2], head)
        self.acks[attempt_id].append(time.monotonic())
        self.limits[attempt_id].add(int(str(facts["limit"])))
        now = int(str(facts["now"]))
        self.clocks.append(max(sent - now, now - now_ms()))
        return True

    def longest_wait(self, since: float, until: float) -> float:
        """The longest that any candidate was without an acknowledgement between two instants, s."""
        gaps = [0.0]
        for times in self.acks.values():
            around = [since, *(one for one in times if since < one < until), until]
            gaps += [after - before for before, after in pairwise(around)]
        return max(gaps)


async def until(condition, seconds: float) -> float:
    """Wait for a condition; how long it took, s."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "not in time"
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def lose_a_hall(room: Room, place: Place, port: int) -> float:
    """kill -9; everybody goes on at the other while nobody listens here; then it is back. Seconds until all streams stood again."""
    killed = time.monotonic()
    os.kill(place.pid(port), signal.SIGKILL)
    await until(lambda: not listens(port), 2)
    before = time.monotonic()
    await until(lambda: sum(bool(times and times[-1] > before) for times in room.acks.values()) > PEOPLE // 4, BACK_S)
    assert not listens(port), "they have saved again, and it was the other hall that stored it"
    streams = await until(lambda: len(room.streams_open) == PEOPLE, 30)
    await until(lambda: place.well(port), 30)
    await asyncio.sleep(RESTED_S)
    assert room.longest_wait(killed - 1, time.monotonic()) < BACK_S
    return streams


def test_a_hall_that_is_killed_takes_nothing_with_it(place: tuple[Place, list[Seat]]) -> None:
    halls, seats = place
    room = Room(halls.ports.nginx, halls.tls)

    async def exam() -> None:
        tasks = [asyncio.create_task(room.sit(seat)) for seat in seats[:PEOPLE]]
        await until(lambda: room.seated == PEOPLE and len(room.streams_open) == PEOPLE and all(room.acks.values()), 40)
        for port in halls.ports.halls:
            await lose_a_hall(room, halls, port)
        room.stopped = True
        await asyncio.gather(*tasks)

    asyncio.run(exam())
    assert room.broken == 0, "nginx asked the other hall: no page saw a fault"
    with halls.home.exam.connect() as connection:
        assert room.book.check(connection, SITTING) == [], "every acknowledged answer, one attempt each, one whole chain"
        stored = connection.execute(select(save.c.attempt_id, save.c.seq)).all()
        assert {(one.attempt_id, one.seq) for one in stored} == {(place[0], place[2]) for place in room.book.saves}, "and nothing else"
        ends = {row.id: row.limit_at for row in connection.execute(select(attempt.c.id, attempt.c.limit_at))}
        stalls = connection.execute(select(func.count()).select_from(stall)).scalar_one()  # none, but on a machine that others have brought to its knees
    assert all(end in room.limits[number] and len(room.limits[number]) == 1 + stalls for number, end in ends.items()), "both halls and every stream tell the same end"
    assert max(room.clocks) < 100, "and the same time: between the question and its answer"


@pytest.mark.browser
def test_a_real_browser_notices_nothing_but_a_moment(place: tuple[Place, list[Seat]], tmp_path: Path) -> None:
    halls, seats = place
    one = seats[PEOPLE]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_context(ignore_https_errors=True, viewport={"width": 1366, "height": 768}).new_page()
        page.set_default_timeout(20_000)
        page.goto(halls.url)
        page.fill("#number", one.number)
        page.fill("#code", one.code)
        page.press("#code", "Enter")
        page.check("[name=confirm]")
        page.click("#start")
        for turn, port in enumerate(halls.ports.halls, 1):
            page.locator(f".question[data-number='{turn}'] .option").first.click()
            page.wait_for_selector("#save[data-state=saved]")
            before = halls.pid(port)
            os.kill(before, signal.SIGKILL)
            page.locator(f".question[data-number='{turn + 2}'] .option").last.click()
            page.wait_for_selector("#save[data-state=saved]")
            wait_for(lambda port=port: halls.well(port))
        shown = page.evaluate("() => [...document.querySelectorAll('.question input:checked')].map((i) => [i.name, i.value]).sort()")
        page.reload()
        page.wait_for_selector("#save[data-state=saved]")
        assert page.evaluate("() => [...document.querySelectorAll('.question input:checked')].map((i) => [i.name, i.value]).sort()") == shown
        chromium.close()
    with halls.home.exam.connect() as connection:
        number = connection.execute(select(attempt.c.id).where(attempt.c.entry_id == one.entry_id)).scalar_one()
        stored = sorted(effective_answers(connection, number).items())
    assert len(shown) == 4 and stored == [tuple(pair) for pair in shown]
