"""Acknowledged saves a second through the real hall over HTTP, against a bare handler (:mod:`bench._bare`); one run, client included.

One process each, asked in turns by the same client over the same number of connections, so that a busy machine disturbs both alike;
the ratio is the median over the turns.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from bench._bare import ATTEMPTS
from bench._hall import LENGTH, QUESTIONS, SITTING, Hall, Seat, furnish, save_request
from exams.chain import verify_chain
from exams.tables import save
from home import Home

CONNECTIONS, TURNS, SAVES = ATTEMPTS, 8, 4_000


@dataclass
class Server:
    """One of the two, running; rates and 99th percentiles (ms) of its turns."""

    name: str
    hall: Hall
    seats: Sequence[Seat]
    sent: int = 0
    rates: list[float] = field(default_factory=list)
    tails: list[float] = field(default_factory=list)

    def turn(self, saves: int, *, count: bool = True) -> None:
        """Send ``saves`` saves, as many over each connection."""
        each = saves // len(self.seats)
        seconds, times = asyncio.run(self._drive([self._requests(seat, each) for seat in self.seats]))
        self.sent += each
        if count:
            self.rates.append(len(times) / seconds)
            self.tails.append(statistics.quantiles(times, n=100)[98] * 1000)

    def _requests(self, seat: Seat, each: int) -> list[bytes]:
        numbers = range(self.sent + 1, self.sent + each + 1)
        return [save_request(seat.token, seat.csrf, seq, f"q{seq % QUESTIONS + 1:03d}", "ABCD"[seq % 4]) for seq in numbers]

    async def _drive(self, requests: list[list[bytes]]) -> tuple[float, list[float]]:
        """Send each connection's requests one after another; seconds in all, and of each acknowledgement.

        Nothing is done for a request but to send it and to read the answer: the client takes its time from both servers.
        """
        times: list[float] = []

        async def one(mine: list[bytes]) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.hall.port)
            for raw in mine:
                begun = time.perf_counter()
                writer.write(raw)
                head = await reader.readuntil(b"\r\n\r\n")
                found = LENGTH.search(head)
                assert head.startswith(b"HTTP/1.1 200") and found, head
                await reader.readexactly(int(found[1]))
                times.append(time.perf_counter() - begun)
            writer.close()

        begun = time.perf_counter()
        await asyncio.gather(*(one(mine) for mine in requests))
        return time.perf_counter() - begun, times


def _start(name: str, folder: Path) -> Server:
    folder.mkdir()
    home = Home.create(folder / "home", "bench")
    seats, _ = furnish(home, CONNECTIONS)
    module = ("-m", "bench._bare" if name == "bare" else "hall.candidate.serve")
    return Server(name, Hall(home, folder / "log", module=module).start(), seats)


def main() -> None:
    """Measure both in turns and print the median ratio."""
    with tempfile.TemporaryDirectory() as folder:
        servers = [_start(name, Path(folder) / name) for name in ("bare", "hall")]
        try:
            for server in servers:
                server.turn(SAVES // 4, count=False)
            for _ in range(TURNS):
                for server in servers:
                    server.turn(SAVES)
        finally:
            for server in servers:
                server.hall.stop()
        bare, ours = servers
        with ours.hall.home.exam.connect() as connection:
            stored = connection.execute(select(func.count()).select_from(save)).scalar_one()
            assert stored == ours.sent * CONNECTIONS and verify_chain(connection, SITTING) is None
        for server in servers:
            server.hall.home.close()
    for server in servers:
        rate, tail = statistics.median(server.rates), statistics.median(server.tails)
        print(
            f"{server.name}: {rate:,.0f} acknowledged saves/s over {CONNECTIONS} connections (best turn {max(server.rates):,.0f}); p99 {tail:.0f} ms"
        )
    ratio = statistics.median(one / other for one, other in zip(ours.rates, bare.rates, strict=True))
    best = max(ours.rates) / max(bare.rates)
    print(f"RATIO acknowledged saves/s, hall / bare handler: {ratio:.2f} (best turns {best:.2f}; budget 0.6)")


if __name__ == "__main__":
    main()
