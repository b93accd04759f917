"""Five thousand candidates connected at once: how quickly their saves are acknowledged, and how quickly they are all back (J2, J4).

First the hall's highest rate over a few busy connections (the median of four turns); then half of it, spread evenly over 5,000
connections that stay open and each of which has its stream of events besides; saves are sent when the timetable says, and their time
runs from that instant. Before that the bare handler (:mod:`bench._bare`) gets the same load, without streams, so that its p99 stands
beside the hall's; of both :mod:`bench._machine` tells how often the machine itself was held up from outside meanwhile.

Then the switch goes off and on: 3,000 candidates come in anew at the same moment (the hall still holds their old connections), each
opens a stream and saves. At the end the hall is killed with -9 under the same 3,000.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bench._bare import ATTEMPTS
from bench._book import Book
from bench._hall import QUESTIONS, SITTING, Answer, Hall, Seat, Wire, furnish, measure_undisturbed, save_request
from bench._machine import Machine
from bench._paced import Saved, steady
from bench._stream import Stream
from bench.starts import percentiles
from home import Home

CONNECTED, RETURNING, BUSY, SECONDS = 5_000, 3_000, 64, 30
P99_MS, BACK_S = 50.0, 60.0


class Bare:
    """A connection to the bare handler; sends what a page sends."""

    def __init__(self, port: int, seat: Seat) -> None:
        self.wire, self.seat, self.seq = Wire(port), seat, 0

    def request(self) -> bytes:
        """The next change."""
        self.seq += 1
        return save_request(self.seat.token, self.seat.csrf, self.seq, "q001", "A")

    def take(self, answer: Answer) -> None:
        """:raises ConnectionError: it was not stored."""
        if answer.status != 200:
            raise ConnectionError(str(answer))


class Candidate:
    """A page: one connection for saves, one for the stream; numbers its changes."""

    def __init__(self, port: int, seat: Seat, book: Book) -> None:
        self.port, self.seat, self.book, self.seq, self.writer = port, seat, book, 0, 1
        self.wire, self.stream = Wire(port), self._new_stream()

    def _new_stream(self) -> Stream:
        return Stream(self.port, f"pufa_hall={self.seat.token}")

    async def save(self) -> None:
        """One change.

        :raises OSError: it did not come to an answer, or was refused for now.
        """
        self.take(await self.wire.ask(self.request()))

    def request(self) -> bytes:
        """The next change; the same again until it is taken."""
        return save_request(self.seat.token, self.seat.csrf, self.seq + 1, *self._next(), writer=self.writer)

    def take(self, answer: Answer) -> None:
        """What was said to it.

        :raises ConnectionError: it was not taken now.
        """
        state, head = answer.ack()
        self.book.saved((self.seat.attempt_id, self.writer, self.seq + 1), *self._next(), head if state == "saved" else state)
        self.seq += 1

    def _next(self) -> tuple[str, str]:
        seq = self.seq + 1
        return f"q{seq % QUESTIONS + 1:03d}", "ABCD"[seq % 4]

    async def come_back(self, draw: random.Random) -> None:
        """As the page does after a loss: a stream and a save, again and again, with a pause of up to a second."""
        self.wire, self.stream = Wire(self.port), self._new_stream()
        while True:
            try:
                await self.stream.open()
                await self.save()
                return
            except OSError:
                await asyncio.sleep(0.5 + draw.random() / 2)


async def highest_rate(people: Sequence[Candidate], each: int) -> float:
    """Saves a second, each connection asking as soon as it is answered."""

    async def one(person: Candidate) -> None:
        for _ in range(each):
            await person.save()

    begun = time.perf_counter()
    await asyncio.gather(*(one(person) for person in people))
    return len(people) * each / (time.perf_counter() - begun)


async def connect(people: Sequence[Candidate]) -> None:
    """Streams and save connections of all, a few hundred at a time."""
    gate = asyncio.Semaphore(200)

    async def one(person: Candidate) -> None:
        async with gate:
            await person.stream.open()
            await person.save()

    await asyncio.gather(*(one(person) for person in people))


async def storm(people: Sequence[Candidate]) -> list[float]:
    """All come back in the same moment; seconds until each had a stream and an acknowledgement. The old ones hang up only then."""
    old = [(person.wire, person.stream) for person in people]
    loop, begun, times = asyncio.get_running_loop(), asyncio.get_running_loop().time(), []

    async def one(person: Candidate) -> None:
        await person.come_back(random.Random(person.seat.entry_id))
        times.append(loop.time() - begun)

    await asyncio.gather(*(one(person) for person in people))
    for wire, stream in old:
        wire.close()
        stream.close()
    return times


def main(arguments: list[str] | None = None) -> None:
    """Rate, acknowledgements, two storms; then everything acknowledged is compared with what is stored."""
    parser = argparse.ArgumentParser(prog="bench.connections")
    parser.add_argument("--connected", type=int, default=CONNECTED)
    parser.add_argument("--returning", type=int, default=RETURNING)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    with tempfile.TemporaryDirectory() as folder:
        home = Home.create(Path(folder) / "home", "bench")
        seats, _ = furnish(home, given.connected)
        hall, book = Hall(home, Path(folder) / "log").start(), Book()
        measure_undisturbed()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                people = [Candidate(hall.port, seat, book) for seat in seats]
                rates = [runner.run(highest_rate(people[n * BUSY : (n + 1) * BUSY], 150)) for n in range(1, 5)]
                rate = statistics.median(rates) / 2  # as in bench.saves: the luckiest second is no rate
                print(f"highest rate {2 * rate:,.0f} saves/s; from now on half of it over {len(people):,} connections", flush=True)
                least = _bare_p99_ms(runner, seats, rate, given.seconds)
                runner.run(connect(people))
                with Machine() as machine:
                    saves = runner.run(steady(people, rate, given.seconds))
                _tell_steady(saves, machine, least, len(people))
                back = people[: given.returning]
                _tell_storm(runner.run(storm(back)), "the switch was off")
                hall.kill()
                hall.spawn()
                _tell_storm(runner.run(storm(back)), "kill -9, the start of the process included")
        finally:
            hall.stop()
        with home.exam.connect() as connection:
            lost = book.check(connection, SITTING)
        home.close()
    for line in lost[:20]:
        print(f"LOST {line}")
    print(f"RATIO acknowledged answers lost of {len(book.saves):,}: {len(lost)} (budget 0)")


def _bare_p99_ms(runner: asyncio.Runner, seats: Sequence[Seat], rate: float, seconds: float) -> float:
    """The same load on the bare handler, in a home of its own."""

    async def warm(people: Sequence[Bare]) -> None:
        for person in people:
            person.take(await person.wire.ask(person.request()))

    with tempfile.TemporaryDirectory() as folder:
        home = Home.create(Path(folder) / "home", "bench")
        furnish(home, ATTEMPTS)
        server = Hall(home, Path(folder) / "log", module=("-m", "bench._bare")).start()
        people = [Bare(server.port, seat) for seat in seats]
        try:
            runner.run(warm(people))
            with Machine() as machine:
                saves = runner.run(steady(people, rate, seconds))
        finally:
            for person in people:
                person.wire.close()
            server.stop()
            home.close()
    return _tell("bare handler", saves, machine)


def _tell_steady(saves: Sequence[Saved], machine: Machine, least_ms: float, connected: int) -> None:
    p99 = _tell("hall, with streams", saves, machine)
    print(f"RATIO p99 of an acknowledgement over {connected:,} connections / {P99_MS:.0f} ms: {p99 / P99_MS:.2f} (budget 1)")
    print(f"RATIO p99 of an acknowledgement, hall / bare handler under the same load: {p99 / least_ms:.2f}", flush=True)


def _tell(what: str, saves: Sequence[Saved], machine: Machine) -> float:
    """p99, ms."""
    p50, p99, most = percentiles([seconds for _due, seconds in saves])
    lost = sum(machine.disturbed(due) for due, _seconds in saves) / len(saves)
    outside = f"{len(machine.slow)} times, {lost:.1%} of the time" if machine.known else "not known, that needs root"
    print(f"{what}: {len(saves):,} saves, p50 {p50:.1f} ms, p99 {p99:.0f} ms, longest {most:.0f} ms; machine held up from outside: {outside}", flush=True)
    return p99


def _tell_storm(times: Sequence[float], after: str) -> None:
    p50, _, most = percentiles(times)
    print(
        f"{len(times):,} candidates back after {after}: half of them in {p50 / 1000:.1f} s, the last in {most / 1000:.1f} s"
    )
    print(
        f"RATIO {len(times):,} candidates back after {after} / {BACK_S:.0f} s: {most / 1000 / BACK_S:.2f} (budget 1)",
        flush=True,
    )


if __name__ == "__main__":
    main()
