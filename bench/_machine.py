"""Whether the machine ran at its own pace while something was measured on it.

A host takes time away from its guests and tells them nothing of it: on one virtual machine both processors fell to a tenth of their
pace for 30 to 80 ms every second or two, also when nothing ran. A probe on each processor counts for a tenth of a millisecond every
four, at a real-time priority: no other process of this machine can hold it up, so whatever does comes from outside.
"""

from __future__ import annotations

import os
import select
import statistics
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import msgspec

#: seconds between two counts, and how many times its median a count takes when the processor is held up
EVERY_S, SLOW = 0.004, 3.0
_COUNT = 1500

Spell = tuple[float, float]
Count = tuple[float, float, float]


@dataclass
class Machine:
    """Watches while it is entered. ``slow``: begin and end (``time.monotonic``, s) of the spells in which a processor was held up, in order.

    ``known``: False where nothing can be said, for a real-time priority needs root.
    """

    slow: list[Spell] = field(default_factory=list)
    known: bool = True
    _probes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Machine:
        for processor in sorted(os.sched_getaffinity(0)):
            command = [sys.executable, "-m", "bench._machine", str(processor)]
            self._probes.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)
            )
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        told = [msgspec.json.decode(probe.communicate()[0], type=list[Spell] | None) for probe in self._probes]
        self.known = None not in told
        self.slow = merged(spell for spells in told if spells for spell in spells)

    def disturbed(self, moment: float) -> bool:
        """Whether a processor was held up at a moment (``time.monotonic``, s)."""
        place = bisect_left(self.slow, (moment, moment))
        return any(begin <= moment <= end for begin, end in self.slow[max(0, place - 1) : place + 1])


def merged(spells: Iterable[Spell]) -> list[Spell]:
    """In order, those that touch or overlap as one.

    >>> merged([(5, 6), (1, 3), (2, 4)])
    [(1, 4), (5, 6)]
    """
    made: list[Spell] = []
    for begin, end in sorted(spells):
        if made and begin <= made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]))
        else:
            made.append((begin, end))
    return made


def spells(counts: Sequence[Count]) -> list[Spell]:
    """From when each count was due, its begin and its end: the spells in which they came or took too long; a spell reaches to the good counts around it.

    >>> spells([(0, 0, 1), (4, 4, 5), (8, 8, 12), (14, 14, 18), (20, 20, 21)])
    [(5, 20)]
    """
    if not counts:
        return []
    most = SLOW * statistics.median(end - begin for _due, begin, end in counts)
    places = [place for place, (due, begin, end) in enumerate(counts) if end - begin > most or begin - due > EVERY_S]
    last = len(counts) - 1
    return merged((counts[max(0, place - 1)][2], counts[min(last, place + 1)][1]) for place in places)


def _probe(processor: int) -> list[Spell] | None:
    """Count until the standard input ends; None without a real-time priority."""
    os.sched_setaffinity(0, {processor})
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    counts: list[Count] = []
    due = time.monotonic()
    while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        begin, total = time.monotonic(), 0
        for number in range(_COUNT):
            total += number * number
        counts.append((due, begin, time.monotonic()))
        due = max(due, begin) + EVERY_S
    return spells(counts) if os.sched_getscheduler(0) == os.SCHED_FIFO else None


if __name__ == "__main__":
    print(msgspec.json.encode(_probe(int(sys.argv[1]))).decode())
