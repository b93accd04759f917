"""Time is up for thousands in the same second: every page hands in at once, and whoever has gone is closed by the hall (B6, B11).

``pages`` save up to the end and then send the hand-in that a page sends by itself, again and again until it is answered;
``gone`` have closed the browser; ``others`` of the same sitting have time left and go on saving. Everybody whose time is up must be closed
within a minute, at the limit to the millisecond, with the last answer that was acknowledged in time.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import uvloop
from sqlalchemy import func, select, update

from bench._book import Book
from bench._hall import QUESTIONS, SITTING, Hall, Seat, Wire, furnish, post_json, save_request
from bench.starts import percentiles
from exams.attempts import effective_answers, finish_of
from exams.tables import attempt, grant, open_sitting
from home import Home, now_ms, transaction

PAGES, GONE, OTHERS, IN_S, GRACE_S, BUDGET_S = 5_000, 3_000, 100, 12.0, 10, 60.0
#: in which pages begin to hand in, as hall/candidate/static/paper.js
SPREAD_S = 3.0


@dataclass
class Closing:
    """What happened. Times in seconds; ``closed``: from the limit to when nobody of those concerned was open any more."""

    limit: int
    book: Book = field(default_factory=Book)
    told: dict[int, tuple[int, str, str]] = field(default_factory=dict)
    answers: dict[int, dict[str, str]] = field(default_factory=dict)
    handed_in: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    later: int = 0
    closed: float = 0.0
    given_back: float = 0.0
    over: bool = False


def set_limit(home: Home, attempts: Sequence[int], in_s: float, grace_s: int) -> int:
    """The same limit for these attempts, so many seconds from now; returned in ms UTC."""
    limit = now_ms() + int(in_s * 1000)
    with transaction(home.exam) as connection:
        connection.execute(update(open_sitting).values(grace_s=grace_s))
        for start in range(0, len(attempts), 500):
            connection.execute(
                update(attempt).where(attempt.c.id.in_(attempts[start : start + 500])).values(limit_at=limit)
            )
    return limit


async def save(wire: Wire, seat: Seat, seq: int, run: Closing) -> None:
    """One change; whether it counts is what the acknowledgement says.

    :raises OSError: to be asked again.
    """
    question, answer = f"q{(seat.entry_id + seq) % QUESTIONS + 1:03d}", "ABCD"[seq % 4]
    state, head = (await wire.ask(save_request(seat.token, seat.csrf, seq, question, answer))).ack()
    run.book.saved((seat.attempt_id, 1, seq), question, answer, head)
    if state == "saved":
        run.answers.setdefault(seat.attempt_id, {})[question] = answer


async def page(port: int, seat: Seat, run: Closing, saves: int) -> None:
    """Saves up to the end, then hands in."""
    wire, loop, draw = Wire(port), asyncio.get_running_loop(), random.Random(seat.entry_id)
    for seq in range(1, saves + 1):
        await asyncio.sleep((run.limit - now_ms()) / 1000 * draw.random() * (seq / saves))
        await _insist(partial(save, wire, seat, seq, run), run)
    await asyncio.sleep((run.limit - now_ms()) / 1000 + draw.random() * SPREAD_S)
    begun = loop.time()
    body = {"writer": 1, "acked": saves, "changes": [], "unanswered": None}

    async def hand_in() -> None:
        told = await wire.ask(post_json("/api/handin", f"pufa_hall={seat.token}", seat.csrf, body))
        if told.status != 200:
            raise ConnectionError(str(told.status))
        facts = told.json()
        run.told[seat.attempt_id] = (int(str(facts["at"])), str(facts["closed_by"]), str(facts["receipt"]))

    await _insist(hand_in, run)
    run.handed_in.append(loop.time() - begun)
    wire.close()


async def _insist(ask: Callable[[], Coroutine[None, None, None]], run: Closing) -> None:
    while True:
        try:
            await ask()
            return
        except OSError:
            run.later += 1
            await asyncio.sleep(0.3)


async def other(port: int, seat: Seat, run: Closing) -> None:
    """Somebody with time left."""
    wire, loop, seq = Wire(port), asyncio.get_running_loop(), 0
    while not run.over:
        seq += 1
        begun = loop.time()
        await _insist(partial(save, wire, seat, seq, run), run)
        run.others.append(loop.time() - begun)
        await asyncio.sleep(0.25)
    wire.close()


async def play(home: Home, port: int, run: Closing, pages: Sequence[Seat], others: Sequence[Seat], saves: int) -> None:
    """Until nobody is open whose time was up."""
    going = [asyncio.create_task(other(port, seat, run)) for seat in others]
    ending = asyncio.gather(*(page(port, seat, run, saves) for seat in pages))
    await asyncio.sleep((run.limit - now_ms()) / 1000)
    while len(others) < await asyncio.to_thread(_open, home):
        await asyncio.sleep(0.25)
        assert now_ms() - run.limit < 3 * BUDGET_S * 1000, "not closed"
    run.closed = (now_ms() - run.limit) / 1000
    await ending
    run.over = True
    await asyncio.gather(*going)


def _open(home: Home) -> int:
    with home.exam.connect() as connection:
        return connection.execute(
            select(func.count()).select_from(attempt).where(attempt.c.state == "open")
        ).scalar_one()


def wrong(home: Home, run: Closing, ended: Sequence[Seat], others: Sequence[Seat]) -> list[str]:
    """What is lost, or not so as it was told. A limit is later by what the hall gave back for a stall of its own."""
    with home.exam.connect() as connection:
        found = run.book.check(connection, SITTING)
        states = {row.id: row for row in connection.execute(select(attempt))}
        back = (
            select(grant.c.attempt_id, func.sum(grant.c.seconds))
            .where(grant.c.kind == "stall")
            .group_by(grant.c.attempt_id)
        )
        given = {ident: 1000 * int(seconds) for ident, seconds in connection.execute(back)}
        run.given_back = max(given.values(), default=0) / 1000
        for seat in ended:
            row, limit = states[seat.attempt_id], run.limit + given.get(seat.attempt_id, 0)
            if (row.state, row.closed_by, row.closed_at) != ("closed", "time", limit):
                found.append(f"{row.id}: {row.state} by {row.closed_by}, {row.closed_at} instead of {limit}")
            finish = finish_of(connection, row.id)
            if run.told.get(row.id, (limit, "time", finish.receipt)) != (limit, "time", finish.receipt):
                found.append(f"{row.id}: told {run.told[row.id]}, stored {finish}")
            if effective_answers(connection, row.id) != run.answers.get(row.id, {}):
                found.append(f"{row.id}: what counts is not what was acknowledged in time")
        found += [
            f"{seat.attempt_id}: closed, though it had time"
            for seat in others
            if states[seat.attempt_id].state != "open"
        ]
    return found


def close_all(
    folder: Path, pages: int, gone: int, others: int, *, in_s: float, grace_s: int, saves: int = 4
) -> tuple[Closing, list[str]]:
    """The whole of it on a new home and a real hall; how it went, and what was wrong."""
    home = Home.create(folder / "home", "bench")
    seats, _ = furnish(home, pages + gone + others)
    hall = Hall(home, folder / "log").start()
    ending, staying = seats[: pages + gone], seats[pages + gone :]
    try:
        run = Closing(set_limit(home, [seat.attempt_id for seat in ending], in_s, grace_s))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(play(home, hall.port, run, ending[:pages], staying, saves))
    finally:
        hall.stop()
    found = wrong(home, run, ending, staying)
    home.close()
    return run, found


def main(arguments: list[str] | None = None) -> None:
    """Eight thousand in one second."""
    parser = argparse.ArgumentParser(prog="bench.closing")
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--gone", type=int, default=GONE)
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    with tempfile.TemporaryDirectory() as folder:
        run, found = close_all(Path(folder), given.pages, given.gone, OTHERS, in_s=IN_S, grace_s=GRACE_S)
    p50, p99, most = percentiles(run.handed_in)
    print(f"{len(run.handed_in):,} pages hand in within {SPREAD_S:.0f} seconds: p50 {p50 / 1000:.1f} s, p99 {p99 / 1000:.1f} s, the last after "
          f"{most / 1000:.1f} s; {given.gone:,} without a page closed by the hall; told to ask again: {run.later:,}")  # fmt: skip
    o50, o99, _ = percentiles(run.others)
    print(f"{len(run.book.saves):,} saves; those with time left meanwhile: p50 {o50:.0f} ms, p99 {o99:.0f} ms; lost or wrong: {len(found)}; "
          f"given back to everybody for a stall of the hall: {run.given_back:.0f} s")  # fmt: skip
    for line in found[:20]:
        print(f"LOST {line}")
    print(
        f"RATIO {given.pages + given.gone:,} closed after their limit of the same second / {BUDGET_S:.0f} s: {run.closed / BUDGET_S:.2f} (grace {GRACE_S} s included; budget 1)"
    )
    print(f"RATIO answers lost or ends wrong: {len(found)} (budget 0)")


if __name__ == "__main__":
    main()
