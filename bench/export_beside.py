"""A sitting beside HR's largest export: 500 candidates save while the worker writes 100,000 records.

Real processes on one home: ``hall.candidate.serve``, ``grading.worker``. Turns with and without an export alternate; nothing that was
acknowledged may be lost. First each candidate saves every five seconds, several times as often as people do who answer 80 questions
in an hour: p99 of an acknowledgement moves by no more than 10 %. Then all save at half of what the hall can take, which leaves
nothing of two cores: p99 stays below 50 ms.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import insert, select

from bench._book import Book
from bench._crowd import Crowd
from bench._hall import Hall, Seat, furnish
from bench._sitting import ID, ROOT, make_home
from bench.export import fill
from exams.tables import candidate
from grading.jobs import ask
from grading.tables import job
from home import Home, transaction
from people.tables import person

CANDIDATES, RECORDS = 500, 100_000
WARM_S, PROBE_S, QUIET_S = 3.0, 6.0, 20.0
#: seconds between two saves of a candidate; turns at that rate, and at half of the highest
EVERY_S, TURNS, BUSY_TURNS = 5.0, 8, 2
MOVES, P99_MS = 1.10, 50.0


def people(home: Home, count: int) -> None:
    """Persons and candidates of the office's sitting, without scripts: an export reads none."""
    for start in range(1, count + 1, 5000):
        numbers = range(start, min(start + 5000, count + 1))
        with transaction(home.office) as connection:
            connection.execute(insert(person), [
                {"id": n, "name": f"张{n}", "document": "居民身份证", "identity_cipher": b"x", "identity_mac": f"{n:064d}",
                 "identity_masked": "3402**********1234", "gender": "男", "created_at": 0} for n in numbers])  # fmt: skip
            connection.execute(insert(candidate), [
                {"sitting_id": ID, "person_id": n, "admission_no": f"261123{n:08d}", "pseudonym": f"c{n:016x}", "form": "A",
                 "unit_label": "某某街道办事处"} for n in numbers])  # fmt: skip


@dataclass
class Beside:
    """The turns on one home. ``with_`` and ``without``: seconds until each acknowledgement."""

    home: Home
    crowd: Crowd
    with_: list[float] = field(default_factory=list)
    without: list[float] = field(default_factory=list)

    async def run(self, seats: list[Seat]) -> None:
        """A sitting as it is, then half of the hall's highest rate; prints a ratio for each."""
        self.crowd.pause_s = EVERY_S
        savers = [asyncio.create_task(self.crowd.saving(seat)) for seat in seats]
        await self._turns(TURNS)
        ours, quiet = p99_ms(self.with_), p99_ms(self.without)
        print(f"RATIO p99 of a save with / without the export of {RECORDS:,} records, a save every {EVERY_S:.0f} s from each of {CANDIDATES}: "
              f"{ours / quiet:.2f} ({ours:.1f} / {quiet:.1f} ms; budget {MOVES:.2f})", flush=True)  # fmt: skip
        self.crowd.pause_s = 0
        await asyncio.sleep(EVERY_S + WARM_S)
        began = len(self.crowd.times)
        await asyncio.sleep(PROBE_S)
        most = (len(self.crowd.times) - began) / PROBE_S
        self.crowd.pause_s = len(seats) / (most / 2)
        print(f"as fast as it goes: {most:,.0f} saves/s; from now on {most / 2:,.0f}/s wanted", flush=True)
        await self._turns(BUSY_TURNS)
        ours, quiet = p99_ms(self.with_), p99_ms(self.without)
        print(f"RATIO p99 of a save beside the export at half of the hall's highest rate / {P99_MS:.0f} ms: {ours / P99_MS:.2f} "
              f"({ours:.1f} ms, without {quiet:.1f} ms; budget 1)", flush=True)  # fmt: skip
        self.crowd.stopped = True
        await asyncio.gather(*savers)

    async def _turns(self, count: int) -> None:
        self.with_.clear()
        self.without.clear()
        await asyncio.sleep(WARM_S + self.crowd.pause_s)
        for turn in range(count):
            for export in (turn % 2 == 0, turn % 2 == 1):
                await self._turn(export)

    async def _turn(self, export: bool) -> None:
        began, since = len(self.crowd.times), time.monotonic()
        if export:
            await self._export()
        else:
            await asyncio.sleep(QUIET_S)
        times, seconds = self.crowd.times[began:], time.monotonic() - since
        (self.with_ if export else self.without).extend(times)
        what = "with an export   " if export else "without an export"
        print(
            f"{what} {seconds:5.1f} s: {len(times) / seconds:6,.0f} saves/s, p50 {statistics.median(times) * 1000:.1f} ms, p99 {p99_ms(times):.1f} ms",
            flush=True,
        )

    async def _export(self) -> None:
        """Ask the worker for the largest list, and wait until it is there; in threads, so that no client waits for the office's database."""
        number, state, message = await asyncio.to_thread(self._ask), "", ""
        while state not in ("done", "failed"):
            await asyncio.sleep(0.5)
            state, message = await asyncio.to_thread(self._state, number)
        assert state == "done", message

    def _ask(self) -> int:
        with transaction(self.home.office) as connection:
            return ask(connection, "export", {"format": "xlsx", "list": "scores", "sittings": [ID]}, "bench")

    def _state(self, number: int) -> tuple[str, str]:
        with self.home.office.connect() as connection:
            row = connection.execute(select(job.c.state, job.c.message).where(job.c.id == number)).one()
        return row.state, row.message or ""


def p99_ms(times: list[float]) -> float:
    """Of times in seconds."""
    return statistics.quantiles(times, n=100)[98] * 1000


def main() -> None:
    """Both loads, then what was acknowledged is compared with what is stored."""
    with tempfile.TemporaryDirectory() as where:
        home = make_home(Path(where) / "home", 0)
        people(home, RECORDS)
        fill(home, RECORDS)
        seats, _ = furnish(home, CANDIDATES)
        hall = Hall(home, Path(where) / "hall.log").start()
        with (Path(where) / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "grading.worker", "--home", str(home.root), "--alone"],
                cwd=ROOT,
                stderr=log,
                env=dict(os.environ),
            )
        beside = Beside(home, Crowd(hall.port, Book()))
        try:
            asyncio.run(beside.run(seats))
        finally:
            worker.terminate()
            hall.stop()
            worker.wait()
        with home.exam.connect() as connection:
            lost = beside.crowd.book.check(connection, "bench")
        home.close()
    for line in lost[:20]:
        print(f"LOST {line}")
    print(f"RATIO acknowledged answers lost of {len(beside.crowd.book.saves):,} beside exports: {len(lost)} (budget 0)")


if __name__ == "__main__":
    main()
