"""A fifth of the candidates on bad lines: 300 ms there and back, 5 % of packets lost, 256 kbit/s each (J7).

They log in, start, fetch the paper and save beside four fifths on good lines. Nobody may run into the page's own patience (15 s), and those on
good lines must not pay for the others. The lines are real packets through TUN devices (:mod:`bench._bad_line`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench._bad_line import NEAR, NET, Line, bad_lines, far
from bench._book import Book
from bench._hall import QUESTIONS, ROOT, SITTING, Hall, Seat, Visitor, Wire, furnish
from bench.starts import percentiles
from home import Home

SLOW, FAST, SAVES, EVERY_S, PATIENCE_S = 60, 240, 15, 2.0, 15.0


class Results:
    """Seconds of starts and saves, acknowledgements as [attempt, writer, seq, question, answer, head], faults."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.saves: list[float] = []
        self.acks: list[tuple[int, int, int, str, str, str]] = []
        self.faults: list[str] = []


async def sit(port: int, seat: Seat, source: str | None, saves: int, found: Results) -> None:
    """One candidate; a request that takes longer than the page waits is a fault."""
    visitor, loop = Visitor(Wire(port, host=NEAR, source=source), seat), asyncio.get_running_loop()
    await asyncio.sleep(seat.entry_id % 50 / 10)
    try:
        begun = loop.time()
        assert (await visitor.log_in()).status == 303, "log-in"
        page = await visitor.start()
        found.starts.append(loop.time() - begun)
        assert page.page().count(b'<section class="question"') == QUESTIONS, "the paper is not whole"
        attempt_id, writer = int(str(visitor.state["attempt"])), int(str(visitor.state["writer"]))
        for seq in range(1, saves + 1):
            await asyncio.sleep(EVERY_S)
            change = (seq, f"q{seq:03d}", "ABCD"[seq % 4], 0)
            begun = loop.time()
            state, head = (
                await visitor.send("/api/save", {"writer": writer, "acked": seq - 1, "changes": [change]})
            ).ack()
            took = loop.time() - begun
            found.saves.append(took)
            found.acks.append((attempt_id, writer, seq, change[1], change[2], head if state == "saved" else state))
            assert took < PATIENCE_S, f"a save took {took:.1f} s"
    except (OSError, AssertionError) as error:
        found.faults.append(f"{seat.number}: {error!r}"[:200])
    finally:
        visitor.wire.close()


async def everybody(port: int, seats: Sequence[Seat], saves: int, *, far_side: bool) -> Results:
    """All of one side."""
    found = Results()
    await asyncio.gather(*(sit(port, seat, far(n) if far_side else None, saves, found) for n, seat in enumerate(seats)))
    return found


def on_the_far_side(name: str, port: int, seats: Sequence[Seat], saves: int) -> subprocess.Popen[str]:
    """This module once more, in the namespace; seats on stdin, results on stdout."""
    command = [
        "ip",
        "netns",
        "exec",
        name,
        sys.executable,
        "-m",
        "bench.slow_links",
        "--far",
        str(port),
        "--saves",
        str(saves),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    process.stdin.write(json.dumps([asdict(seat) for seat in seats]))
    process.stdin.close()
    process.stdin = None
    return process


def play(folder: Path, slow: int, fast: int, saves: int, line: Line) -> tuple[Results, Results, list[str]]:
    """Both sides at once on a new home; what each saw, and what is lost."""
    home = Home.create(folder / "home", "bench")
    _, seats = furnish(home, 0, slow + fast)
    with bad_lines(slow, line) as name:
        hall = Hall(home, folder / "log", ("--host", NEAR, "--behind-proxy", NET), host=NEAR).start()
        try:
            process = on_the_far_side(name, hall.port, seats[:slow], saves)
            near = asyncio.run(everybody(hall.port, seats[slow:], saves, far_side=False))
            beyond = Results()
            beyond.__dict__.update(json.loads(process.communicate(timeout=300)[0]))
        finally:
            hall.stop()
    book = Book()
    for attempt_id, writer, seq, question, answer, head in (*near.acks, *beyond.acks):
        book.saved((attempt_id, writer, seq), question, answer, head)
    with home.exam.connect() as connection:
        lost = book.check(connection, SITTING)
    home.close()
    return near, beyond, lost


def main(arguments: list[str] | None = None) -> None:
    """Good lines beside bad ones."""
    parser = argparse.ArgumentParser(prog="bench.slow_links")
    parser.add_argument("--far", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--saves", type=int, default=SAVES)
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    if given.far:
        seats = [Seat(**one) for one in json.load(sys.stdin)]
        print(json.dumps(asyncio.run(everybody(given.far, seats, given.saves, far_side=True)).__dict__))
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            near, beyond, lost = play(Path(folder), SLOW, FAST, given.saves, Line())
        except PermissionError as error:
            print(f"not measured: no right to make network devices ({error})")
            return
    wrong = [*near.faults, *beyond.faults, *lost]
    for fault in wrong[:20]:
        print(f"FAULT {fault}")
    (g50, g99, _), (b50, b99, most) = percentiles(near.saves), percentiles(beyond.saves)
    s50, _, slowest = percentiles(beyond.starts)
    print(f"good lines: {len(near.saves):,} saves, p50 {g50:.0f} ms, p99 {g99:.0f} ms")
    print(
        f"bad lines: {len(beyond.saves):,} saves, p50 {b50:.0f} ms, p99 {b99:.0f} ms, longest {most / 1000:.1f} s; start p50 {s50 / 1000:.1f} s, longest {slowest / 1000:.1f} s"
    )
    print(
        f"RATIO longest save on a bad line / the page's patience of {PATIENCE_S:.0f} s: {most / 1000 / PATIENCE_S:.2f} (budget 1)"
    )
    print(
        f"RATIO timeouts, faults and losses with {SLOW} of {SLOW + FAST} on bad lines: {len(wrong)} (budget 0); p99 of the others / 50 ms: {g99 / 50:.2f}"
    )


if __name__ == "__main__":
    main()
