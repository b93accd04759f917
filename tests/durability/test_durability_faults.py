"""kill -9, SIGTERM, a full disk, a locked database, while candidates work: refused honestly, nothing acknowledged lost (A1, A3, A4, A11)."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench._book import Book
from bench._crowd import Crowd
from bench._hall import SITTING, Hall, Seat, Wire, furnish, save_request
from home import Home, transaction

SEATED, VISITORS = 12, 2
Act = Callable[[Hall, Crowd], Coroutine[Any, Any, None]]


@pytest.fixture
def hall(home_folder: Home, tmp_path: Path) -> Iterator[tuple[Hall, list[Seat], list[Seat]]]:
    seats = furnish(home_folder, SEATED, 300)
    made = Hall(home_folder, tmp_path / "log").start()
    yield made, *seats
    made.stop()


def under_load(hall: Hall, seated: list[Seat], fresh: list[Seat], act: Act, pause_s: float = 0.02) -> Crowd:
    """Candidates work while ``act`` goes on; then everything they were told is compared with what is stored."""
    crowd = Crowd(hall.port, Book(), pause_s)

    async def run() -> None:
        seats = iter(fresh)
        tasks = [asyncio.create_task(crowd.saving(seat)) for seat in seated]
        tasks += [asyncio.create_task(crowd.visiting(seats)) for _ in range(VISITORS)]
        try:
            await act(hall, crowd)
        finally:
            crowd.stopped = True
            await asyncio.gather(*tasks)

    asyncio.run(run())
    with hall.home.exam.connect() as connection:
        assert crowd.book.check(connection, SITTING) == []
    return crowd


async def next_save(crowd: Crowd, patience_s: float) -> float:
    """Seconds until a save is acknowledged that was not yet when this was called."""
    begun = time.monotonic()
    crowd.on_save.clear()
    await asyncio.wait_for(crowd.on_save.wait(), patience_s)
    return time.monotonic() - begun


def test_kill_9_at_random_moments_loses_nothing_and_the_hall_is_back_within_five_seconds(hall):
    draw, away = random.Random(3), []

    async def act(server: Hall, crowd: Crowd) -> None:
        for _ in range(5):
            await next_save(crowd, 20)
            await asyncio.sleep(draw.uniform(0.1, 0.8))
            server.kill()
            killed = time.monotonic()
            await asyncio.sleep(0.05)
            await asyncio.to_thread(server.start)
            await next_save(crowd, 20)
            away.append(time.monotonic() - killed)
        while len(crowd.book.receipts) <= 3 and time.monotonic() < killed + 30:  # a busy machine: until some have handed in
            await asyncio.sleep(0.1)

    crowd = under_load(*hall, act)
    assert len(crowd.book.saves) > 200 and crowd.broken >= 5, "clients were at work when it was killed"
    assert len(crowd.book.receipts) > 3
    assert max(away) < 5, away


def test_sigterm_drains_and_the_next_process_goes_on(hall):
    codes = []

    async def act(server: Hall, crowd: Crowd) -> None:
        for _ in range(2):
            await next_save(crowd, 20)
            await asyncio.sleep(0.4)
            codes.append(await asyncio.to_thread(server.stop))
            await asyncio.to_thread(server.start)
            await next_save(crowd, 20)

    crowd = under_load(*hall, act, pause_s=0.0)
    assert codes == [0, 0] and "Traceback" not in hall[0].log.read_text()
    assert len(crowd.book.saves) > 200


# ------------------------------------------------------------------ no room


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "4m") -> Iterator[Path]:
    """Few megabytes of a file system of its own; only root may mount one."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no right to mount: {done.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def refused_and_recovered(hall: Hall, seats: list[Seat], book: Book, fill: Callable[[], None], free: Callable[[], None]) -> None:
    """Saves until the room ends, then B01 again and again; with room again the same process stores."""
    wires, text = [Wire(hall.port) for _ in seats], "A"
    sent = dict.fromkeys((seat.attempt_id for seat in seats), 0)

    async def save(place: int) -> int:
        seat, seq = seats[place], sent[seats[place].attempt_id] + 1
        told = await wires[place].ask(save_request(seat.token, seat.csrf, seq, f"q{seq % 80 + 1:03d}", text))
        assert told.status == 200 or (told.status == 503 and told.json()["code"] == "B01" and told.header("retry-after")), told
        if told.status == 200:
            book.saved((seat.attempt_id, 1, seq), f"q{seq % 80 + 1:03d}", text, told.json()["acks"][0][3])
            sent[seat.attempt_id] = seq  # what was refused is sent again under its number
        return told.status

    async def everyone() -> list[int]:
        return await asyncio.gather(*(save(place) for place in range(len(seats))))

    for _ in range(5):
        assert await everyone() == [200] * len(seats)
    fill()
    end = time.monotonic() + 30
    while 200 in await everyone():
        assert time.monotonic() < end, "the room did not end"
    for _ in range(5):
        assert await everyone() == [503] * len(seats), "refused, and not forgotten"
    free()
    for _ in range(5):
        assert await everyone() == [200] * len(seats), "the same process, at once"
    for wire in wires:
        wire.close()


def fill_up(path: Path) -> None:
    """Not one block is left."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(4096))


def test_a_full_disk_is_refused_and_recovers_without_a_restart(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        home, book = Home.create(disk / "home", "某县考试办公室"), Book()
        seated, _ = furnish(home, 4)
        hall, ballast = Hall(home, tmp_path / "log").start(), disk / "ballast"
        try:
            asyncio.run(refused_and_recovered(hall, seated, book, lambda: fill_up(ballast), ballast.unlink))
        finally:
            assert hall.stop() == 0
        with home.exam.connect() as connection:
            assert book.check(connection, SITTING) == [] and len(book.saves) >= 40
        home.close()
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_file_that_may_not_grow_is_refused_and_recovers_without_a_restart(hall):
    """As a quota: the kernel refuses the write with another error than a full disk."""
    server, seated, _ = hall
    book, pid = Book(), server.process.pid
    log = server.home.root / "exam" / "exam.db-wal"

    def limit(most: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    asyncio.run(refused_and_recovered(server, seated[:4], book, lambda: limit(log.stat().st_size + 8192), lambda: limit(resource.RLIM_INFINITY)))
    with server.home.exam.connect() as connection:
        assert book.check(connection, SITTING) == []


# ------------------------------------------------------------------ locked


@pytest.mark.parametrize("seconds", [11, pytest.param(35, marks=pytest.mark.long)])
def test_a_locked_database_is_never_acknowledged_and_everything_converges(hall, seconds):
    """Longer than the hall waits for a commit (10 s), and longer than SQLite waits for the lock (30 s)."""

    async def act(server: Hall, crowd: Crowd) -> None:
        await next_save(crowd, 20)
        with transaction(server.home.exam):
            await asyncio.sleep(0.3)
            held = len(crowd.book.saves)
            await asyncio.sleep(seconds)
            assert len(crowd.book.saves) == held, "nothing is acknowledged that is not committed"
            assert crowd.refused > 0, "and the page is told"
        for _ in range(SEATED):
            await next_save(crowd, 20)

    crowd = under_load(*hall, act)
    assert {place[0] for place in crowd.book.saves} >= {seat.attempt_id for seat in hall[1]}
    assert hall[0].process.poll() is None
