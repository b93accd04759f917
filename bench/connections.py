"""Five thousand candidates connected at once: how quickly their saves are acknowledged, and how quickly they are all back (J2, J4).

First the hall's highest rate over a few busy connections; then half of it, spread evenly over 5,000 connections that stay open
and each of which has its stream of events besides; saves are sent when the timetable says, and their time runs from that instant.
Their p99 is told twice: of all, and of those that were due while the machine ran at its own pace (:mod:`bench._machine`). Then the
switch goes off and on: 3,000 candidates come in anew at the same moment (the hall still holds their old connections), each opens a stream and
saves. At the end the hall is killed with -9 under the same 3,000.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bench._book import Book
from bench._hall import QUESTIONS, SITTING, Hall, Seat, Wire, furnish, measure_undisturbed, save_request
from bench._machine import Machine
from bench._stream import Stream
from bench.starts import percentiles
from home import Home

CONNECTED, RETURNING, BUSY, SECONDS = 5_000, 3_000, 64, 30
P99_MS, BACK_S = 50.0, 60.0


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
        seq, seat = self.seq + 1, self.seat
        question, answer = f"q{seq % QUESTIONS + 1:03d}", "ABCD"[seq % 4]
        told = await self.wire.ask(save_request(seat.token, seat.csrf, seq, question, answer, writer=self.writer))
        state, head = told.ack()
        self.book.saved((seat.attempt_id, self.writer, seq), question, answer, head if state == "saved" else state)
        self.seq = seq

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


async def steady(people: Sequence[Candidate], rate: float, seconds: float) -> list[tuple[float, float]]:
    """So many saves a second, evenly over all; when each was due (``time.monotonic``, s), and the seconds until its acknowledgement."""
    loop, apart = asyncio.get_running_loop(), len(people) / rate
    times: list[tuple[float, float]] = []
    begun, rounds = loop.time() + 0.5, max(1, round(seconds * rate / len(people)))
    places = random.Random(2).sample(range(len(people)), len(people))

    async def one(person: Candidate, place: int) -> None:
        for turn in range(rounds):
            due = begun + place / rate + turn * apart
            await asyncio.sleep(due - loop.time())
            await person.save()
            times.append((due, loop.time() - due))

    await asyncio.gather(*(one(person, place) for person, place in zip(people, places, strict=True)))
    return times


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
                rate = max(rates) / 2
                runner.run(connect(people))
                with Machine() as machine:
                    saves = runner.run(steady(people, rate, given.seconds))
                _tell_steady(saves, machine, max(rates), len(people))
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


def _tell_steady(saves: Sequence[tuple[float, float]], machine: Machine, highest: float, connected: int) -> None:
    print(f"highest rate {highest:,.0f} saves/s; {len(saves):,} saves at half of it over {connected:,} connections", flush=True)
    _tell_p99([seconds for _due, seconds in saves], f"over {connected:,} connections")
    if not machine.known:
        print("whether the machine ran at its own pace is not known: that needs root")
        return
    calm = [seconds for due, seconds in saves if not machine.disturbed(due)]
    longest = max((end - begin for begin, end in machine.slow), default=0.0)
    print(f"the machine itself was held up from outside {len(machine.slow)} times, for up to {longest * 1000:.0f} ms: "
          f"{1 - len(calm) / len(saves):.1%} of the saves were due in such a spell")  # fmt: skip
    _tell_p99(calm, f"over {connected:,} connections, due while the machine ran at its own pace")


def _tell_p99(times: Sequence[float], what: str) -> None:
    p50, p99, most = percentiles(times)
    print(f"p50 {p50:.1f} ms, p99 {p99:.0f} ms, longest {most:.0f} ms {what}")
    print(f"RATIO p99 of an acknowledgement {what} / {P99_MS:.0f} ms: {p99 / P99_MS:.2f} (budget 1)", flush=True)


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
