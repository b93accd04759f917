"""Who is there, and what their pages say they could not save yet: kept in memory, stored every quarter minute.

Not for all at once: to write five thousand rows keeps everybody's answers waiting. Each second the next fifteenth has its turn,
neighbours together: they share a page of the database, and a page is what a commit writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import cycle
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, Integer, bindparam, cast, select, text, update

from exams.tables import attempt

TURNS, NEIGHBOURS = 15, 8
#: a page's oldest unsaved answer is the same one while its age moves no more than this
_SAME_MS = 3_000

_SEEN = {
    "sqlite": text("UPDATE attempt SET last_seen_at = :now WHERE id IN (SELECT value FROM json_each(:ids))"),
    "postgresql": text("UPDATE attempt SET last_seen_at = :now WHERE id = ANY(:ids)"),
}
_UNSAVED = (
    update(attempt)
    .where(attempt.c.id == bindparam("ident"))
    .values(unsaved=cast(bindparam("count"), Integer), unsaved_since=cast(bindparam("since"), BigInteger))
)


#: how many answers, and since when (ms UTC; None: none)
Unsaved = tuple[int, int | None]


class Heard(NamedTuple):
    """Signs of life and unsaved answers by attempt. ``unsaved``: None until its turn comes."""

    seen: list[int]
    unsaved: dict[int, Unsaved] | None


class Presence:
    """What one process heard since it last stored it."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._heard: dict[int, Unsaved] = {}
        self._stored: dict[int, Unsaved] = {}
        self._turn = cycle(range(TURNS))

    def seen(self, attempts: Iterable[int]) -> None:
        """These pages gave a sign of life, or their streams stand."""
        self._seen.update(attempts)

    def unsaved(self, attempt_id: int, count: int, age_ms: int, now: int) -> None:
        """A page says that ``count`` answers are not saved, the oldest for ``age_ms``."""
        told = self._heard.get(attempt_id) or self._stored.get(attempt_id)
        if told is None and not count:
            return
        since = now - age_ms if count else None
        if told and told[0] == count and (told[1] is None or since is None or abs(told[1] - since) <= _SAME_MS):
            return
        self._heard[attempt_id] = (count, since)

    def take(self) -> Heard:
        """What is to be stored now."""
        turn = next(self._turn)
        seen = sorted(ident for ident in self._seen if ident // NEIGHBOURS % TURNS == turn)
        self._seen.difference_update(seen)
        if turn:
            return Heard(seen, None)
        taken, self._heard = Heard(seen, self._heard), {}
        return taken

    def put_back(self, taken: Heard) -> None:
        """It could not be stored; what was heard since is newer."""
        self._heard = (taken.unsaved or {}) | self._heard

    def keep(self, stored: dict[int, Unsaved]) -> None:
        """What the table says now, so that it can be taken back: also what other processes and earlier ones wrote."""
        self._stored = stored


def store(connection: Connection, taken: Heard, now: int) -> dict[int, Unsaved] | None:
    """Write it down; {attempt: what is unsaved} of all open attempts that have something unsaved, if that is their turn."""
    dialect = connection.dialect.name
    if taken.seen:
        connection.execute(_SEEN[dialect], {"now": now, "ids": json.dumps(taken.seen) if dialect == "sqlite" else taken.seen})
    if taken.unsaved is None:
        return None
    if taken.unsaved:
        connection.execute(_UNSAVED, [{"ident": ident, "count": count, "since": since} for ident, (count, since) in taken.unsaved.items()])
    rows = connection.execute(
        select(attempt.c.id, attempt.c.unsaved, attempt.c.unsaved_since).where(attempt.c.state == "open", attempt.c.unsaved > 0)
    )
    return {row.id: (row.unsaved, row.unsaved_since) for row in rows}
