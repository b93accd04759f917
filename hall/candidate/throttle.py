"""Bounds on how often one browser may do something; all in memory, all small."""

from __future__ import annotations

import time
from collections import OrderedDict

MAX_SOURCES = 4096
#: wrong codes from one address: a whole computer room may err at once, a machine that guesses may not go on
WRONG_BURST, WRONG_RATE = 120, 0.5


class Bucket:
    """``burst`` at once, then ``rate`` a second."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, burst: float, rate: float) -> None:
        self._burst, self._rate, self._left, self._at = burst, rate, burst, time.monotonic()

    def take(self, amount: float = 1.0) -> bool:
        """Whether ``amount`` may pass now; if so it is taken."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True


class SourceThrottle:
    """Wrong codes by network address. Only wrong ones count and only they are turned away, so that behind one address
    (a room with one router) whoever types the right code always comes in."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def wrong(self, source: str) -> bool:
        """Count a wrong code; whether the source has had too many."""
        bucket = self._buckets.get(source)
        if bucket is None:
            bucket = self._buckets[source] = Bucket(WRONG_BURST, WRONG_RATE)
            if len(self._buckets) > MAX_SOURCES:
                self._buckets.popitem(last=False)
        return not bucket.take()
