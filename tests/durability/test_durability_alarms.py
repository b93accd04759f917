"""A drill of the alarms (J9): the faults are brought about for real, and within a minute Prometheus would page whoever is on duty."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from itertools import count
from pathlib import Path

from test_durability_faults import fill_up, small_disk

from bench._hall import Hall, Seat, Wire, furnish, request, save_request
from hall.office.alarms import ALARMS, raised
from hall.office.health import read_health
from home import Home, now_ms

#: how often Prometheus asks (deploy/prometheus), and the minute of J9
SCRAPE_S, PAGE_S = 15, 60
_WAITS = {alarm.name: alarm.for_s for alarm in ALARMS}


class Duty:
    """Looks at the alarms as Prometheus does, and notes when each is first seen."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.seen: dict[str, float] = {}

    def look(self) -> set[str]:
        names = {alarm.name for alarm in raised(read_health(self.home, now_ms()).gauges)}
        for name in names:
            self.seen.setdefault(name, time.monotonic())
        return names

    def paged(self, name: str, since: float) -> None:
        """It is raised, and soon enough that the rule's own wait and two scrapes still end within the minute."""
        while name not in self.look():
            assert time.monotonic() - since < PAGE_S, f"{name} is not raised"
            time.sleep(0.5)
        assert self.seen[name] - since + _WAITS[name] + SCRAPE_S <= PAGE_S, name


async def ask(hall: Hall, *raw: bytes) -> list[int]:
    """The statuses of these requests, one after another."""
    wire = Wire(hall.port)
    try:
        return [(await wire.ask(one)).status for one in raw]
    finally:
        wire.close()


def saves(seats: list[Seat], seq: int) -> list[bytes]:
    """One answer of every candidate."""
    return [save_request(seat.token, seat.csrf, seq, f"q{seq:03d}", "A") for seat in seats]


def leave_room(disk: Path, ballast: Path, used: float) -> None:
    """Shorten the ballast until this share of the disk is used."""
    facts = os.statvfs(disk)
    free = facts.f_bavail * facts.f_frsize
    os.truncate(ballast, ballast.stat().st_size - int((1 - used) * facts.f_blocks * facts.f_frsize - free))


def test_each_fault_pages_within_a_minute(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        home = Home.create(disk / "home", "某县考试办公室")
        seats, _ = furnish(home, 20)
        altered = Path(__file__).parent / "altered_hall.py"
        hall = Hall(home, tmp_path / "log", module=[str(altered)], environment={"CLOCK_SET_S": "30"}).start()
        duty = Duty(home)
        try:
            assert set(asyncio.run(ask(hall, *saves(seats, 1)))) == {200}
            while duty.look():  # until the process has told of itself for the first time
                time.sleep(0.2)
            duty.seen.clear()
            begun = time.monotonic()
            pulse = request("GET", "/api/pulse?unsaved=3&age=31000", cookie=f"pufa_hall={seats[0].token}")
            assert asyncio.run(ask(hall, pulse)) == [200]
            hall.process.send_signal(signal.SIGUSR1)
            fill_up(disk / "ballast")
            passes = count(2)
            while 503 not in asyncio.run(ask(hall, *saves(seats[1:], next(passes)))):
                assert time.monotonic() - begun < 20, "the disk is full"
            leave_room(disk, disk / "ballast", 0.85)
            for name in ("PufaDiskFull", "PufaClockDrift", "PufaSavesFailing", "PufaUnsavedOld"):
                duty.paged(name, begun)
            hall.kill()
            duty.paged("PufaHallDown", time.monotonic())
        finally:
            hall.stop()
            home.close()
