"""What a candidate process does beside answering: news for open pages, and SQLite's log that must not grow for ever."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from sitting_fixture import KEY
from sqlalchemy import select, update
from test_hall_candidate_presence import seated

from exams.news import News
from exams.saves import Change, SaveRequest
from exams.sessions import token_digest
from exams.tables import attempt
from hall.candidate import state
from hall.candidate.state import Hall
from hall.candidate.streams import BEAT_S
from home import Home, now_ms, transaction


def pause(home: Home, number: int, since: int | None) -> None:
    with transaction(home.exam) as connection:
        connection.execute(update(attempt).where(attempt.c.id == number).values(paused_at=since))


def as_they_stand(home: Home) -> dict[int, News]:
    """All attempts."""
    with home.exam.connect() as connection:
        rows = connection.execute(select(attempt)).all()
    return {row.id: News(row.id, row.state, row.writer, row.limit_at, row.paused_at) for row in rows}


class Page:
    """What arrives at one stream."""

    def __init__(self) -> None:
        self.got: list[str] = []

    async def send(self, message: dict[str, object]) -> None:
        self.got.append(bytes(message["body"]).decode())

    def news(self) -> list[str]:
        """Whatever came since the last look and is no beat."""
        got, self.got = [body for body in self.got if body and not body.startswith("event: beat")], []
        return got


def told(body: str) -> bool:
    """Whether a page is told that it is paused."""
    return '"paused":null' not in body


def test_a_page_hears_of_what_changed_and_only_of_that(any_home):
    (_, one), (_, two) = seated(any_home, 2)
    hall, pages = Hall(any_home, KEY, secure=False), {one: Page(), two: Page()}

    async def look() -> dict[int, list[bool]]:
        await hall.streams.look()
        await asyncio.sleep(0.05)
        return {number: [told(body) for body in page.news()] for number, page in pages.items()}

    async def run() -> None:
        await hall.open()
        for task in hall._tasks:
            task.cancel()  # the looks are ours
        facts = as_they_stand(any_home)
        for number, page in pages.items():
            hall.streams.add(facts[number], "x", page.send)
        assert await look() == await look() == {one: [], two: []}
        pause(any_home, one, 5_000)
        assert await look() == {one: [True], two: []}
        assert await look() == {one: [], two: []}, "told once"
        pause(any_home, one, None)
        assert await look() == {one: [False], two: []}

        pause(any_home, two, 7_000)  # a page that comes while it is paused knows it, and the pause ends before the next look
        hall.streams.add(facts[two]._replace(paused_at=7_000), "x", pages[two].send)
        pause(any_home, two, None)
        assert await look() == {one: [], two: [False, False]}, "both of its pages"
        await hall.close()

    asyncio.run(run())


def test_each_page_gets_one_beat_in_a_round(any_home):
    numbers = [number for _token, number in seated(any_home, 3)]
    hall, beats = Hall(any_home, KEY, secure=False), Counter()

    async def run() -> None:
        await hall.open()
        for task in hall._tasks:
            task.cancel()
        for place in range(20 * BEAT_S):  # more in a slot than go out in one go

            async def send(message: dict[str, object], place: int = place) -> None:
                beats[place] += message["body"].startswith(b"event: beat")

            hall.streams.add(News(numbers[0], "open", 1, 1, None), str(place), send)
            hall.streams._of[numbers[0]] = hall.streams._of[numbers[0]][-1:]  # a page more than three would be sent away
        for _ in range(BEAT_S):
            await hall.streams.look()
        await asyncio.sleep(0.05)
        await hall.close()

    asyncio.run(run())
    assert beats == Counter(dict.fromkeys(range(20 * BEAT_S), 1))


@pytest.mark.parametrize("any_home", ["sqlite"], indirect=True)
def test_the_log_does_not_grow_for_ever_though_nobody_ever_stops_saving(any_home, monkeypatch):
    monkeypatch.setattr(state, "LONG_LOG", 200)
    people = seated(any_home, 4)
    with any_home.exam.connect() as connection:
        ((sitting, writer),) = set(connection.execute(select(attempt.c.sitting_id, attempt.c.writer)).all())
    hall, log, sizes = Hall(any_home, KEY, secure=False), any_home.root / "exam" / "exam.db-wal", []

    async def save(token: str, number: int, last: int) -> None:
        for seq in range(1, last + 1):
            change = Change(seq, "q1", "ABCD"[seq % 4], 0)
            saved = await hall.write(SaveRequest(token_digest(token), number, sitting, writer, seq - 1, (change,), now_ms()))
            assert saved.acks[0].state == "saved"

    async def run() -> None:
        await hall.open()
        savers = asyncio.gather(*(save(token, number, 1200) for token, number in people))
        while not savers.done():
            await hall._checkpoint()
            sizes.append(log.stat().st_size)
            await asyncio.sleep(0.1)
        await savers
        await hall.close()

    asyncio.run(run())
    written = 4 * 1200 * 4096  # a page for each save at least
    assert len(sizes) > 5 and max(sizes) < written / 3, sizes
