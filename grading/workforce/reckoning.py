"""What the clock makes of each certification, kept beside it so that lists over 100,000 people are plain SQL.

Kept are only dates that do not move with the calendar: since when, until when, when the window opens, the next deadline. With them
stands the digest of the rules they come from; who reads them asks for that digest (:func:`fresh`), and what does not have it,
because a rule was changed or an entry has come, is left to the clock. So the columns save time and never decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, or_, select, update

from grading.tables import certification, certification_step
from grading.workforce.clock import standing
from grading.workforce.holdings import Entry, read_entries
from grading.workforce.kinds import Kind
from home import Home, transaction
from people.tables import person

#: Raised whenever :mod:`grading.workforce.clock` comes to other dates from the same rules.
CLOCK = 1
BATCH = 1000
PENDING, HELD = "pending", "held"
#: in place of a digest: struck out, there is nothing to reckon
STRUCK = ""


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
    return and_(by_these_rules(kinds), certification.c.id.not_in(later), certification.c.person_id.not_in(_moved()))


def _moved() -> Select[tuple[int]]:
    """Persons whose birth date was corrected since: what was reckoned from the old one holds no longer."""
    return select(person.c.id).where(person.c.birth_moved.is_(True))


def _reckon_births_again(connection: Connection) -> None:
    """Have everything that rests on a birth date corrected since reckoned again."""
    if connection.execute(_moved().limit(1)).first() is not None:
        known = certification.c.revoked_at.is_(None), certification.c.person_id.in_(_moved())
        connection.execute(update(certification).where(*known).values(reckoned=None))
        connection.execute(update(person).where(person.c.birth_moved.is_(True)).values(birth_moved=None))


@dataclass(frozen=True)
class Look:
    """What a query over everybody may leave out, which makes it several times faster.

    ``current``: what is kept holds for everything on file, so nothing needs :func:`fresh`; ``all_known``: no certification is of
    a kind that is not among the kinds.
    """

    current: bool
    all_known: bool


def look(connection: Connection, kinds: Mapping[str, Kind], on_day: date) -> Look:
    """Asked before such a query; three look-ups in indexes."""
    by_rules = _by_rules(connection)
    steps = certification_step.c
    later = select(steps.id).where(steps.on_day > on_day, steps.revoked_at.is_(None)).limit(1)
    odd = any(connection.execute(one).first() is not None for one in (later, _moved().limit(1)))
    return Look(_kept(by_rules, kinds) and not odd, all(kind in kinds for kind, _ in by_rules))


def _by_rules(connection: Connection) -> set[tuple[str, str | None]]:
    """(kind, digest) as they occur."""
    return {(kind, digest) for kind, digest in connection.execute(select(certification.c.kind, certification.c.reckoned).distinct())}


def _kept(by_rules: set[tuple[str, str | None]], kinds: Mapping[str, Kind]) -> bool:
    return all(digest in (rules_digest(kinds[kind]), STRUCK) for kind, digest in by_rules if kind in kinds)


def bring_up_to_date(home: Home, kinds: Mapping[str, Kind], most: int = 10 * BATCH) -> int:
    """What the worker does when rules or birth dates have changed: a batch a transaction, so that nobody at a page waits long; how many were done."""
    with home.office.connect() as connection:
        if _kept(_by_rules(connection), kinds) and connection.execute(_moved().limit(1)).first() is None:
            return 0
    with transaction(home.office) as connection:
        _reckon_births_again(connection)
        struck = certification.c.revoked_at.is_not(None), certification.c.reckoned.is_(None)
        connection.execute(update(certification).where(*struck).values(reckoned=STRUCK))
    done = 0
    while done < most:
        with transaction(home.office) as connection:
            some = reckon(connection, kinds, most=BATCH)
        if not some:
            break
        done += some
    return done


def _stale(kinds: Mapping[str, Kind]) -> ColumnElement[bool]:
    """Over certification: to be reckoned again."""
    known = certification.c.revoked_at.is_(None), certification.c.kind.in_(list(kinds))
    return and_(*known, or_(certification.c.reckoned.is_(None), ~by_these_rules(kinds)))


def reckon(connection: Connection, kinds: Mapping[str, Kind], *where: ColumnElement[bool], most: int | None = None) -> int:
    """Bring what is kept up to date, in the caller's transaction; returns how many were reckoned. ``most``: stop after so many."""
    _reckon_births_again(connection)
    done, stale = 0, _stale(kinds)
    while most is None or done < most:
        some = select(certification.c.id).where(stale, *where).limit(min(BATCH, (most or BATCH) - done if most else BATCH))
        entries = read_entries(connection, certification.c.id.in_(list(connection.execute(some).scalars())))
        if not entries:
            break
        columns = ("phase", "valid_from", "valid_until", "window_opens", "due_on", "reckoned")
        keep = update(certification).where(certification.c.id == bindparam("ident")).values({name: bindparam(f"new_{name}") for name in columns})
        connection.execute(keep, [{"ident": one.id, **{f"new_{name}": value for name, value in _columns(kinds[one.kind], one).items()}} for one in entries])
        done += len(entries)
    return done


def _columns(kind: Kind, entry: Entry) -> dict[str, object]:
    """The columns: how it stands once all its steps are taken, whatever has ended it since."""
    held = replace(entry.held, ended_on=None)
    got = standing(kind, held, (), max([held.obtained_on, *(step.on_day for step in held.steps)]))
    waiting = got.valid_from is None
    return {
        "phase": PENDING if waiting else HELD, "valid_from": got.valid_from, "valid_until": got.valid_until, "window_opens": got.window_opens,
        "due_on": got.due_on if waiting else got.valid_until, "reckoned": rules_digest(kind),
    }  # fmt: skip
