"""The start bell: 10,000 start at 100 a second while 1,000 answers a second are saved; then 3,000 start in the same moment (J1, J2).

A start is everything from the first request to the last byte of the paper: the log-in form, number and code, the rules, the
confirmation, the paper (gzip, as browsers take it), each candidate on a connection of its own. Starts and saves come when the
timetable says, whether the hall keeps up or not, and their time runs from that instant: waiting in the client counts. Every
paper is looked at: all questions are in it, each once (C6).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench._book import Book
from bench._hall import QUESTIONS, SITTING, Hall, Seat, Visitor, Wire, furnish, measure_undisturbed, save_request
from home import Home

STARTS, A_SECOND, WRITERS, SAVES_A_SECOND, AT_ONCE = 10_000, 100, 1_000, 1_000, 3_000
#: budgets: p50 and p99 of a start, ms; the last of those who start at once, s
P50_MS, P99_MS, ALL_S = 20.0, 250.0, 10.0
_ONE = b'<section class="question" id="q'


@dataclass
class Times:
    """Seconds of each, and what went wrong."""

    starts: list[float] = field(default_factory=list)
    saves: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


async def start(port: int, seat: Seat, due: float, times: Times, book: Book) -> None:
    """One candidate, who should have begun at ``due`` (loop time)."""
    visitor = Visitor(Wire(port), seat)
    try:
        if (await visitor.log_in()).status != 303:
            raise AssertionError("log-in")
        page = await visitor.start()
        times.starts.append(asyncio.get_running_loop().time() - due)
        shown = {piece[:3] for piece in page.page().split(_ONE)[1:]}
        if len(shown) != QUESTIONS or page.page().count(_ONE) != QUESTIONS:
            raise AssertionError(f"a paper of {len(shown)} questions")
        book.started(seat.entry_id, int(str(visitor.state["attempt"])))
    except (OSError, AssertionError) as error:
        times.faults.append(f"start: {error!r}"[:200])
    finally:
        visitor.wire.close()


async def keep_saving(port: int, seats: Sequence[Seat], seconds: float, times: Times, book: Book) -> None:
    """``SAVES_A_SECOND`` saves by all writers in turn, each on its own connection and at its own instants."""
    loop = asyncio.get_running_loop()
    begun, apart = loop.time(), len(seats) / SAVES_A_SECOND

    async def write(place: int, seat: Seat) -> None:
        wire = Wire(port)
        for seq in range(1, int(seconds / apart) + 1):
            due = begun + place / SAVES_A_SECOND + (seq - 1) * apart
            await _at(due)
            question, answer = f"q{seq % QUESTIONS + 1:03d}", "ABCD"[seq % 4]
            try:
                state, head = (await wire.ask(save_request(seat.token, seat.csrf, seq, question, answer))).ack()
            except OSError as error:
                times.faults.append(f"save: {error!r}"[:200])
                continue
            times.saves.append(loop.time() - due)
            book.saved((seat.attempt_id, 1, seq), question, answer, head if state == "saved" else state)
        wire.close()

    await asyncio.gather(*(write(place, seat) for place, seat in enumerate(seats)))


async def _at(due: float) -> None:
    wait = due - asyncio.get_running_loop().time()
    if wait > 0:
        await asyncio.sleep(wait)


async def bell(port: int, fresh: Sequence[Seat], times: Times, book: Book) -> None:
    """One after another, a hundred a second."""
    begun, tasks = asyncio.get_running_loop().time() + 1, []
    draw = random.Random(1)
    for n, seat in enumerate(fresh):
        due = begun + (n + draw.random()) / A_SECOND
        await _at(due)
        tasks.append(asyncio.create_task(start(port, seat, due, times, book)))
    await asyncio.gather(*tasks)


async def both(port: int, seats: Sequence[Seat], fresh: Sequence[Seat], book: Book) -> Times:
    """The steady saves and the bell."""
    times = Times()
    await asyncio.gather(
        keep_saving(port, seats, len(fresh) / A_SECOND + 1, times, book), bell(port, fresh, times, book)
    )
    return times


async def at_once(port: int, fresh: Sequence[Seat], book: Book) -> tuple[Times, float]:
    """All in the same moment; times of each, and until the last had the paper (s)."""
    times, begun = Times(), asyncio.get_running_loop().time()
    work: list[Awaitable[None]] = [start(port, seat, begun, times, book) for seat in fresh]
    await asyncio.gather(*work)
    return times, asyncio.get_running_loop().time() - begun


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """p50, p99 and the longest, ms."""
    ranks = statistics.quantiles(seconds, n=100)
    return 1000 * ranks[49], 1000 * ranks[98], 1000 * max(seconds)


def main(arguments: list[str] | None = None) -> None:
    """Both, on one hall and one home; then everything acknowledged is compared with what is stored."""
    parser = argparse.ArgumentParser(prog="bench.starts")
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    with tempfile.TemporaryDirectory() as folder:
        home = Home.create(Path(folder) / "home", "bench")
        seats, fresh = furnish(home, WRITERS, given.starts + given.at_once)
        hall, book = Hall(home, Path(folder) / "log").start(), Book()
        measure_undisturbed()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                times = runner.run(both(hall.port, seats, fresh[: given.starts], book))
                spent = _processor_s(hall.process.pid)
                time.sleep(2)
                crowd, whole = runner.run(at_once(hall.port, fresh[given.starts :], book))
        finally:
            hall.stop()
        with home.exam.connect() as connection:
            lost = book.check(connection, SITTING)
        home.close()
    _tell(times, crowd, whole, spent, lost)


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _tell(times: Times, crowd: Times, whole: float, spent: float, lost: list[str]) -> None:
    faults = [*times.faults, *crowd.faults, *lost]
    for line in faults[:20]:
        print(f"FAULT {line}")
    p50, p99, most = percentiles(times.starts)
    s50, s99, _ = percentiles(times.saves)
    client = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{len(times.starts):,} starts at {A_SECOND}/s: p50 {p50:.1f} ms, p99 {p99:.0f} ms, longest {most:.0f} ms")
    print(f"{len(times.saves):,} saves at {SAVES_A_SECOND:,}/s meanwhile: p50 {s50:.1f} ms, p99 {s99:.0f} ms")
    print(
        f"processor time: hall {spent:.0f} s, client {client.ru_utime + client.ru_stime:.0f} s of {len(times.starts) // A_SECOND} s"
    )
    c50, c99, _ = percentiles(crowd.starts)
    print(
        f"{len(crowd.starts):,} starts at once: p50 {c50 / 1000:.1f} s, p99 {c99 / 1000:.1f} s, the last after {whole:.1f} s; errors and losses {len(faults)}"
    )
    print(
        f"RATIO p50 of a start / {P50_MS:.0f} ms: {p50 / P50_MS:.2f}; p99 / {P99_MS:.0f} ms: {p99 / P99_MS:.2f} (budget 1 each)"
    )
    print(f"RATIO {len(crowd.starts):,} at once, the last paper / {ALL_S:.0f} s: {whole / ALL_S:.2f} (budget 1)")
    print(
        f"RATIO errors of {len(times.starts) + len(crowd.starts):,} starts and {len(times.saves):,} saves: {len(faults)} (budget 0)"
    )


if __name__ == "__main__":
    main()
