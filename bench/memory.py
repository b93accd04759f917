"""Memory of the hall for each candidate at work: paper fetched, a connection kept, a stream of events open, answers saved (J2).

Counted is what the process has for itself (``Private_*`` of ``/proc/PID/smaps_rollup``); sockets lie in the kernel. 1,000
candidates come, then more; how the growth of the first step compares with that of the last says whether it is linear.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import uvloop

from bench._book import Book
from bench._hall import Hall, Seat, furnish, request
from bench.connections import Candidate
from home import Home

STEPS = (1_000, 4_000, 7_000, 10_000)
BUDGET_KB = 25.0
#: files a process needs besides the two connections of each candidate
_OTHERS = 300


def private_kb(pid: int) -> int:
    """Memory that would come free if the process ended."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))


async def take_seats(people: Sequence[Candidate]) -> None:
    """Each fetches the paper, opens the stream, saves."""
    gate = asyncio.Semaphore(100)

    async def one(person: Candidate) -> None:
        async with gate:
            page = await person.wire.ask(
                request("GET", "/paper", cookie=f"pufa_hall={person.seat.token}", headers="accept-encoding: gzip\r\n")
            )
            assert page.status == 200, page
            person.writer = 2
            await person.stream.open()
            for _ in range(3):
                await person.save()

    await asyncio.gather(*(one(person) for person in people))


async def grow(hall: Hall, seats: Sequence[Seat], steps: Sequence[int]) -> list[int]:
    """Private memory (kB) when so many candidates are there and all has settled."""
    book, here, found = Book(), 0, []
    everybody: list[Candidate] = []
    for step in steps:
        people = [Candidate(hall.port, seat, book) for seat in seats[here:step]]
        await take_seats(people)
        everybody += people
        here = step
        await asyncio.sleep(3)
        found.append(private_kb(hall.process.pid))
        print(f"{step:,} candidates: {found[-1] / 1024:.1f} MB", flush=True)
    for person in everybody:
        person.wire.close()
        person.stream.close()
    return found


def main() -> None:
    """Grow step by step; as far as the limit of open files lets two connections each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = min(STEPS[-1], (hard - _OTHERS) // 2)
    steps = [*(step for step in STEPS if step < most), most]
    gc.disable()
    with tempfile.TemporaryDirectory() as folder:
        home = Home.create(Path(folder) / "home", "bench")
        seats, _ = furnish(home, most)
        hall = Hall(home, Path(folder) / "log").start()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                found = runner.run(grow(hall, seats, steps))
        finally:
            hall.stop()
        home.close()
    each = [
        (after - before) / (many - few)
        for (few, many), (before, after) in zip(pairwise(steps), pairwise(found), strict=True)
    ]
    whole = (found[-1] - found[0]) / (steps[-1] - steps[0])
    print(f"kB each from step to step: {', '.join(f'{one:.1f}' for one in each)}")
    print(
        f"RATIO memory of a candidate, connection and stream included / {BUDGET_KB:.0f} kB: {whole / BUDGET_KB:.2f} ({whole:.1f} kB up to {most:,}; budget 1)"
    )
    print(
        f"RATIO growth for each of the last {steps[-1] - steps[-2]:,} candidates / of the first: {each[-1] / each[0]:.2f} (1 is linear)"
    )


if __name__ == "__main__":
    main()
