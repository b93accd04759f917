"""What this candidate process counts of itself: saves, refusals, how long acknowledgements take. Figures only.

Counts run from the start of the process; the percentiles and the failure ratio are over the last minute.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque

#: upper bounds of the histogram of acknowledgement times, ms; the last bucket is everything above
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
#: the last minute is kept as this many slices, one a report
SLICES = 12


class Vitals:
    """Counted on the event loop, so without a lock."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS_MS) + 1)
        self.total_ms = 0.0
        self.failed = 0
        self.refused: Counter[str] = Counter()
        self._last = (list(self.buckets), 0)
        self._minute: deque[tuple[list[int], int]] = deque(maxlen=SLICES)

    def acknowledged(self, seconds: float) -> None:
        """A save request was answered after its commit."""
        self.buckets[bisect_left(BOUNDS_MS, seconds * 1000)] += 1
        self.total_ms += seconds * 1000

    def not_stored(self) -> None:
        """A save request could not be stored; the page was told so."""
        self.failed += 1

    def refuse(self, code: str) -> None:
        """A request was refused with one of ``exams.refusals``' codes."""
        self.refused[code] += 1

    def report(self) -> dict[str, object]:
        """Facts for ``exams.vitals``; call once every five seconds."""
        buckets, failed = self._last
        self._minute.append(([now - then for now, then in zip(self.buckets, buckets, strict=True)], self.failed - failed))
        self._last = (list(self.buckets), self.failed)
        recent = [sum(slices) for slices in zip(*(counts for counts, _failed in self._minute), strict=True)]
        lost, stored = sum(failed for _counts, failed in self._minute), sum(recent)
        return {
            "saves": sum(self.buckets), "saves_failed": self.failed, "ack_buckets": self.buckets, "ack_total_ms": round(self.total_ms, 1),
            "refused": dict(self.refused), "p50_ms": percentile(recent, 0.5), "p99_ms": percentile(recent, 0.99),
            "failure_ratio": lost / (lost + stored) if lost else 0.0,
        }  # fmt: skip


def percentile(counts: list[int], share: float) -> float:
    """Upper bound (ms) of the bucket in which that share of the counts is reached; 0 if there are none.

    >>> percentile([90, 9, 1] + [0] * 10, 0.5), percentile([90, 9, 1] + [0] * 10, 0.99)
    (1.0, 2.0)
    """
    need, seen = share * sum(counts), 0
    for bound, count in zip((*BOUNDS_MS, 10_000), counts, strict=True):
        seen += count
        if seen and seen >= need:
            return float(bound)
    return 0.0
