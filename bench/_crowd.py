"""Candidates who save, start and hand in without end, whatever happens to the server; what they are told goes into a book."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench._book import Book
from bench._hall import QUESTIONS, Answer, Seat, Visitor, Wire, save_request

#: what a page does with these: it asks again
_LATER = frozenset({429, 503, 502, 504})


@dataclass
class Crowd:
    """Clients on one port. ``pause_s``: mean time between two saves of one candidate; ``answered``: when (monotonic) the last save was."""

    port: int
    book: Book
    pause_s: float = 0.0
    answered: float = 0.0
    refused: int = 0
    broken: int = 0
    stopped: bool = False
    times: list[float] = field(default_factory=list)
    on_save: asyncio.Event = field(default_factory=asyncio.Event)

    async def saving(self, seat: Seat, seq: int = 0, last: int = 20_000) -> int:
        """Save one change after another, each until it is acknowledged; the last sequence number."""
        wire, draw = Wire(self.port), random.Random(seat.entry_id)
        while not self.stopped and seq < last:
            seq += 1
            question, answer = f"q{draw.randrange(1, QUESTIONS + 1):03d}", "ABCD"[seq % 4]
            told = await self._insist(wire, save_request(seat.token, seat.csrf, seq, question, answer))
            if told is None:
                return seq - 1
            self._note(seat.attempt_id, 1, question, answer, told)
            if self.pause_s:
                await asyncio.sleep(draw.random() * 2 * self.pause_s)
        wire.close()
        return seq

    def _note(self, attempt_id: int, writer: int, question: str, answer: str, told: Answer) -> None:
        for seq, state, _n, head, _at in told.json()["acks"]:  # type: ignore[attr-defined]
            if state == "saved":
                self.book.saved((attempt_id, writer, seq), question, answer, head)
            else:
                self.book.faults.append(f"attempt {attempt_id} seq {seq}: {state}")
        self.answered = time.monotonic()
        self.on_save.set()

    async def _insist(self, wire: Wire, raw: bytes) -> Answer | None:
        """Ask until it is answered 200; None when the crowd has stopped, or for a refusal that is final (noted as a fault)."""
        while not self.stopped:
            begun = time.perf_counter()
            try:
                told = await wire.ask(raw, 20)
            except OSError:
                self.broken += 1
                await asyncio.sleep(0.05)
                continue
            if told.status == 200:
                self.times.append(time.perf_counter() - begun)
                return told
            if told.status not in _LATER:
                self.book.faults.append(f"refused: {told.status} {told.body.decode()[:200]}")
                return None
            self.refused += 1
            await asyncio.sleep(0.2)
        return None

    async def visiting(self, seats: Iterator[Seat]) -> None:
        """One candidate after another logs in, starts, saves a little and hands in."""
        for seat in seats:
            jar: dict[
                str, str
            ] = {}  # it is the same browser after a fault: a new one would wait for the officer's release
            while not self.stopped and not await self._visit(seat, jar):
                await asyncio.sleep(0.1)
            if self.stopped:
                return

    async def _visit(self, seat: Seat, jar: dict[str, str]) -> bool:
        """Whether the visit came to its end; after a fault it begins anew, as a candidate does who reloads the page."""
        visitor = Visitor(Wire(self.port), seat, jar)
        try:
            if (await visitor.log_in()).status != 303:
                return False
            page = await visitor.start()
            if not visitor.state:
                return (
                    page.status == 303 and page.header("location") == "/done"
                )  # handed in, but the answer was lost with the server
            return await self._answer_and_hand_in(visitor)
        except (OSError, AssertionError):
            self.broken += 1
            return False
        finally:
            visitor.wire.close()

    async def _answer_and_hand_in(self, visitor: Visitor) -> bool:
        attempt_id, writer = int(str(visitor.state["attempt"])), int(str(visitor.state["writer"]))
        self.book.started(visitor.seat.entry_id, attempt_id)
        for seq in range(1, 6):
            change = (seq, f"q{seq:03d}", "ABCD"[(seq + writer) % 4], 0)
            told = await visitor.send("/api/save", {"writer": writer, "acked": seq - 1, "changes": [change]})
            if told.status != 200:
                return False
            self._note(attempt_id, writer, change[1], change[2], told)
        body = {"writer": writer, "acked": 5, "changes": [], "unanswered": QUESTIONS - 5}
        told = await visitor.send("/api/handin", body)
        if told.status != 200:
            return False
        self.book.handed_in(visitor.seat.entry_id, attempt_id, str(told.json()["receipt"]))
        return True
