"""One exam after another under the same ``pufa serve``: what grows, and what is left behind (J10).

Each exam is a sitting of its own with its own paper file; its candidates log in, start, listen, save and hand in, some hang up in the middle. After
the first exams, memory for itself, open files and threads of hall, office and worker are read again and again; at the end no process may be left.
Minutes here; for 72 hours: ``python -m bench.soak --minutes 4320``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench._book import Book
from bench._hall import Seat, Visitor, Wire, furnish
from bench._stream import Stream
from bench.kills import Served
from bench.memory import private_kb
from home import Home

MINUTES, PEOPLE, WARM = 2.0, 60, 5
#: what a hall keeps on purpose, kB: the seat of somebody who has handed in (at most 20,000) and the form of an earlier sitting (at most 100)
SEAT_KB, FORM_KB = 4.0, 400.0


@dataclass(frozen=True)
class Census:
    """What a process holds."""

    memory_kb: int
    files: int
    threads: int


def census(pid: int) -> Census:
    """Read from /proc."""
    place = Path(f"/proc/{pid}")
    return Census(private_kb(pid), len(list((place / "fd").iterdir())), len(list((place / "task").iterdir())))


def children(served: Served) -> dict[str, int]:
    """{module: process id} of what the supervisor runs."""
    found = {}
    for child in Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
        found[words[words.index("-m") + 1]] = int(child)
    return found


async def exam(port: int, seats: Sequence[Seat], book: Book) -> None:
    """Everybody of one sitting; every fifth is gone in the middle."""

    async def sit(seat: Seat) -> None:
        visitor = Visitor(Wire(port), seat)
        assert (await visitor.log_in()).status == 303
        await visitor.start()
        attempt_id, writer = int(str(visitor.state["attempt"])), int(str(visitor.state["writer"]))
        stream = Stream(port, visitor.cookie())
        await stream.open()
        for seq in range(1, 11):
            change = (seq, f"q{seq:03d}", "ABCD"[seq % 4], 0)
            state, head = (
                await visitor.send("/api/save", {"writer": writer, "acked": seq - 1, "changes": [change]})
            ).ack()
            book.saved((attempt_id, writer, seq), change[1], change[2], head if state == "saved" else state)
            if seq == 5 and seat.entry_id % 5 == 0:
                break
        else:
            told = await visitor.send("/api/handin", {"writer": writer, "acked": 10, "changes": [], "unanswered": 70})
            assert told.status == 200, told
            await visitor.get("/done")
        stream.close()
        visitor.wire.close()

    await asyncio.gather(*(sit(seat) for seat in seats))


def soak(home: Home, served: Served, minutes: float) -> tuple[int, dict[str, list[Census]], list[str]]:
    """Exams until the time is over; how many, the census of each process after each, and what was lost."""
    end, exams, lost = time.monotonic() + minutes * 60, 0, []
    found: dict[str, list[Census]] = {}
    while time.monotonic() < end or exams < WARM + 3:
        sitting, book = f"s{exams}", Book()
        _, seats = furnish(home, 0, PEOPLE, sitting=sitting, first=1 + exams * PEOPLE)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(exam(served.port, seats, book))
        with home.exam.connect() as connection:
            lost += book.check(connection, sitting)
        exams += 1
        time.sleep(1)  # connections that were hung up are noticed
        for name, pid in children(served).items():
            found.setdefault(name, []).append(census(pid))
    return exams, found, lost


def kept_kb(exams: int) -> float:
    """What may be there after so many exams more."""
    return exams * (PEOPLE * SEAT_KB + FORM_KB)


def main(arguments: list[str] | None = None) -> None:
    """Print what grew after the first exams; exit 1 if anything acknowledged is lost or a process is left."""
    parser = argparse.ArgumentParser(prog="bench.soak")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    with tempfile.TemporaryDirectory() as folder:
        home = Home.create(Path(folder) / "home", "bench")
        served = Served(home, Path(folder) / "log")
        try:
            exams, found, lost = soak(home, served, given.minutes)
            pids = children(served)
        finally:
            served.stop()
        left = [name for name, pid in pids.items() if Path(f"/proc/{pid}").exists()]
        home.close()
    print(f"{exams} exams of {PEOPLE}; answers lost: {len(lost)}; processes left: {len(left)}")
    growth = 0.0
    for name, rows in found.items():
        first, last = rows[WARM], rows[-1]
        print(f"{name}: memory {first.memory_kb / 1024:.1f} → {last.memory_kb / 1024:.1f} MB over {len(rows) - 1 - WARM} exams, "
              f"files {first.files} → {last.files}, threads {first.threads} → {last.threads}")  # fmt: skip
        growth = max(growth, (last.memory_kb - first.memory_kb) / kept_kb(len(rows) - 1 - WARM))
    files = max(max(row.files for row in rows[-3:]) - max(row.files for row in rows[:WARM]) for rows in found.values())
    print(
        f"RATIO growth of memory over the exams / what may be kept of them ({kept_kb(1):.0f} kB each): {growth:.2f} (budget 1)"
    )
    print(f"RATIO open files and processes more than at the beginning: {max(0, files) + len(left)} (budget 0)")
    if lost or left:
        sys.exit(1)


if __name__ == "__main__":
    main()
