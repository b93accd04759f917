"""kill -9 at random moments of a hall under ``pufa serve``, while candidates save, start and hand in without end.

Runs in rounds of several halls beside each other, each with a home of its own, for a hall that was killed leaves the machine idle
while it waits to be started: after a round everything that clients were told is stored is compared with the databases, to the
last byte and link of the chain, and the round is written to ``FOLDER/kills.json``. With ``--folder`` an interrupted run goes on where it
stopped; ``--minutes`` ends it earlier and says so. Recovery is counted from the kill to the next acknowledged save, the
supervisor's own delay included; one kill in seven comes while the process is still starting.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

from bench._book import Book
from bench._crowd import Crowd
from bench._hall import ROOT, SITTING, Seat, free_port, furnish, listens
from home import Home, write_atomically

SEATED, VISITORS, FRESH, BUDGET_S = 64, 2, 4_000, 5.0
#: halls beside each other; kills of each in one round; mean pause of a candidate between two saves, s
LANES, KILLS_A_ROUND, PAUSE_S = 4, 17, 0.02


@dataclass
class Tally:
    """Over all rounds; ``recoveries`` in seconds."""

    kills: int = 0
    saves: int = 0
    starts: int = 0
    hand_ins: int = 0
    broken: int = 0
    recoveries: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Tally:
        """What an earlier run left, or nothing."""
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls()

    def add(self, book: Book, crowd: Crowd, lost: list[str]) -> None:
        """One round."""
        self.saves += len(book.saves)
        self.starts += len(book.attempts)
        self.hand_ins += len(book.receipts)
        self.broken += crowd.broken
        self.lost += lost


class Served:
    """``pufa serve`` on a home, and its hall's process."""

    def __init__(self, home: Home, log: Path) -> None:
        self.home, self.port = home, _port_pair()
        with log.open("ab") as out:
            command = [sys.executable, "-m", "pufa", "serve", "--home", str(home.root), "--port", str(self.port)]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
        while not listens(self.port):
            if self.process.poll() is not None:
                raise SystemExit(log.read_text(encoding="utf-8"))
            time.sleep(0.05)

    def hall(self) -> int | None:
        """Process id of the hall, or None while there is none."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next((int(child) for child in children if _is_hall(int(child))), None)

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self.process.terminate()
        self.process.wait(60)


def _is_hall(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return (
            b"hall.candidate.serve" in words
            and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False


def _port_pair() -> int:
    while True:
        port = free_port()
        if not listens(port + 1):
            return port


async def _kill(served: Served, crowd: Crowd, draw: random.Random) -> float:
    """Kill the hall, perhaps once more while it starts; seconds from the last kill to the next acknowledged save."""
    starting = draw.random() < 1 / 7
    killed = await _kill_hall(served)
    if starting:
        await asyncio.sleep(draw.random() * 0.5)
        killed = await _kill_hall(served)
    await asyncio.sleep(0.05)  # acknowledgements that were on their way are read by now
    crowd.on_save.clear()
    await asyncio.wait_for(crowd.on_save.wait(), 120)
    return crowd.answered - killed


async def _kill_hall(served: Served) -> float:
    while (pid := served.hall()) is None:
        await asyncio.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return time.monotonic()


async def _load(
    served: Served, book: Book, seats: tuple[list[Seat], list[Seat]], kills: int, tally: Tally, seed: int
) -> Crowd:
    crowd, draw = Crowd(served.port, book, PAUSE_S), random.Random(seed)
    fresh: Iterator[Seat] = iter(seats[1])
    tasks: list[asyncio.Task[object]] = [asyncio.create_task(crowd.saving(seat)) for seat in seats[0]]
    tasks += [asyncio.create_task(crowd.visiting(fresh)) for _ in range(VISITORS)]
    for _ in range(kills):
        await asyncio.sleep(draw.uniform(0.2, 4.0))
        tally.recoveries.append(await _kill(served, crowd, draw))
        tally.kills += 1
    await asyncio.sleep(2.0)
    crowd.stopped = True
    await asyncio.gather(*tasks)
    return crowd


def play_round(folder: Path, kills: int, tally: Tally, seed: int) -> None:
    """A home and a hall for each lane, so many kills of each; adds to the tally what held and what did not."""
    homes = [Home.create(folder / f"home{lane}", "bench") for lane in range(LANES)]
    seats = [furnish(home, SEATED, FRESH, minutes=600) for home in homes]
    books, halls = [Book() for _ in homes], [Served(home, folder / "log") for home in homes]

    async def all_lanes() -> list[Crowd]:
        lanes = zip(halls, books, seats, strict=True)
        return await asyncio.gather(*(_load(*lane, kills, tally, seed + number) for number, lane in enumerate(lanes)))

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            crowds = runner.run(all_lanes())
    except TimeoutError:
        raise SystemExit(
            f"no save for two minutes after a kill; the log ends:\n{(folder / 'log').read_text(encoding='utf-8')[-4000:]}"
        ) from None
    finally:
        for hall in halls:
            hall.stop()
    for home, book, crowd in zip(homes, books, crowds, strict=True):
        with home.exam.connect() as connection:
            tally.add(book, crowd, book.check(connection, SITTING))
        home.close()


def _tell(tally: Tally) -> None:
    spread = sorted(tally.recoveries)
    print(
        f"{tally.kills} kills -9, {tally.saves:,} acknowledged saves, {tally.starts:,} starts, {tally.hand_ins:,} hand-ins; "
        f"requests that the kills broke and clients repeated: {tally.broken:,}; lost={len(tally.lost)}"
    )
    print(
        f"back after kill -9: p50 {statistics.median(spread):.2f} s, p99 {spread[int(len(spread) * 0.99)]:.2f} s, max {spread[-1]:.2f} s"
    )
    for line in tally.lost[:20]:
        print(f"LOST {line}")
    print(
        f"RATIO acknowledged answers lost over {tally.kills} kills and {tally.saves:,} saves: {len(tally.lost)} (budget 0)"
    )
    print(
        f"RATIO longest recovery after kill -9 / 5 s: {spread[-1] / BUDGET_S:.2f} (p50 {statistics.median(spread) / BUDGET_S:.2f}; budget 1)"
    )


def main(arguments: list[str] | None = None) -> None:
    """Rounds until both counts are reached or the time is over; exit 1 if anything acknowledged is lost."""
    parser = argparse.ArgumentParser(prog="bench.kills")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--saves", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=15.0, help="stop after the round that ends later than this")
    parser.add_argument("--folder", type=Path, help="keep progress here and go on from it")
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder, end = given.folder or Path(scratch), time.monotonic() + given.minutes * 60
        progress = folder / "kills.json"
        tally = Tally.read(progress)
        while (tally.kills < given.kills or tally.saves < given.saves) and time.monotonic() < end:
            with tempfile.TemporaryDirectory() as place:
                play_round(Path(place), min(KILLS_A_ROUND, -(-given.kills // LANES)), tally, seed=tally.kills)
            write_atomically(progress, json.dumps(asdict(tally)))
            print(f"  {tally.kills} kills, {tally.saves:,} saves, lost {len(tally.lost)}", flush=True)
    if tally.kills < given.kills or tally.saves < given.saves:
        print(f"stopped by --minutes {given.minutes:g}")
    _tell(tally)
    if tally.lost:
        sys.exit(1)


if __name__ == "__main__":
    main()
