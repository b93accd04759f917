"""What the clock makes of each certification, kept beside it so that lists over 100,000 people are plain SQL.

Kept are only dates that do not move with the calendar: since when, until when, when the window opens, the next deadline. With them
stands the digest of the rules they come from; who reads them asks for that digest (:func:`fresh`), and what does not have it,
because a rule was changed or an entry has come, is left to the clock. So the columns save time and never decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from grading.tables import certification, certification_step
from grading.workforce.clock import standing
from grading.workforce.holdings import Entry, read_entries
from grading.workforce.kinds import Kind

#: Raised whenever :mod:`grading.workforce.clock` comes to other dates from the same rules.
CLOCK = 1
BATCH = 2000
PENDING, HELD = "pending", "held"


@lru_cache(256)
def rules_digest(kind: Kind) -> str:
    """16 hexadecimal digits that change with any rule of a kind."""
    return hashlib.sha256(f"{CLOCK}\0{kind!r}".encode()).hexdigest()[:16]


def by_these_rules(kinds: Mapping[str, Kind]) -> ColumnElement[bool]:
    """Over certification: what is kept comes from the rules as they are now."""
    return func.coalesce(certification.c.reckoned, "").in_([rules_digest(one) for one in kinds.values()])  # a digest is of one kind


def fresh(kinds: Mapping[str, Kind], on_day: date) -> ColumnElement[bool]:
    """Over certification: what is kept holds on ``on_day`` (no step lies after it)."""
    later = select(certification_step.c.certification_id).where(certification_step.c.on_day > on_day, certification_step.c.revoked_at.is_(None))
    return and_(by_these_rules(kinds), certification.c.id.not_in(later))


def reckon(connection: Connection, kinds: Mapping[str, Kind], *where: ColumnElement[bool], most: int | None = None) -> int:
    """Bring what is kept up to date, in the caller's transaction; returns how many were reckoned. ``most``: stop after so many."""
    done = 0
    stale = and_(certification.c.kind.in_(list(kinds)), or_(certification.c.reckoned.is_(None), ~by_these_rules(kinds)))
    while most is None or done < most:
        some = select(certification.c.id).where(stale, *where).limit(min(BATCH, (most or BATCH) - done if most else BATCH))
        entries = read_entries(connection, certification.c.id.in_(list(connection.execute(some).scalars())))
        if not entries:
            break
        columns = ("phase", "valid_from", "valid_until", "window_opens", "due_on", "reckoned")
        keep = update(certification).where(certification.c.id == bindparam("ident")).values({name: bindparam(f"new_{name}") for name in columns})
        connection.execute(keep, [{"ident": one.id, **{f"new_{name}": value for name, value in _kept(kinds[one.kind], one).items()}} for one in entries])
        done += len(entries)
    return done


def _kept(kind: Kind, entry: Entry) -> dict[str, object]:
    """The columns: how it stands once all its steps are taken, whatever has ended it since."""
    held = replace(entry.held, ended_on=None)
    got = standing(kind, held, (), max([held.obtained_on, *(step.on_day for step in held.steps)]))
    waiting = got.valid_from is None
    return {
        "phase": PENDING if waiting else HELD, "valid_from": got.valid_from, "valid_until": got.valid_until, "window_opens": got.window_opens,
        "due_on": got.due_on if waiting else got.valid_until, "reckoned": rules_digest(kind),
    }  # fmt: skip
