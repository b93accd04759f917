"""Time as a sitting counts it: the wall clock read once, carried on by a clock that nobody can set.

A step of the system clock (a person, an NTP correction) changes nothing within the process: nobody loses or gains a second.
"""

from __future__ import annotations

import time

# CLOCK_BOOTTIME goes on while the machine sleeps; where it does not exist, the monotonic clock has to do.
_SOURCE = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _steady_ns() -> int:
    return time.clock_gettime_ns(_SOURCE)


class Clock:
    """Milliseconds since the epoch (UTC), anchored when the object is made; one per process."""

    def __init__(self) -> None:
        self._anchor_ns = time.time_ns() - _steady_ns()

    def now(self) -> int:
        """The instant now, ms UTC; never runs backwards."""
        return (self._anchor_ns + _steady_ns()) // 1_000_000

    def drift_ms(self) -> int:
        """How far the system clock has been set since, ms; positive if it is ahead of this one. For the operator's log."""
        return time.time_ns() // 1_000_000 - self.now()
