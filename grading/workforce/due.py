"""What falls due within so many days: certifications that end, registrations whose time runs out, hours missing at the year's end.

SQL finds them by the dates that are kept (:mod:`grading.workforce.reckoning`); whatever is not kept, the clock reckons here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, Float, and_, cast, func, or_, select

from grading.tables import certification, certification_step, training_hours
from grading.workforce.clock import Standing
from grading.workforce.holdings import Entry, holders_of, read_entries, read_hours, stand
from grading.workforce.kinds import Kind, Requirement
from grading.workforce.reckoning import HELD, fresh, look
from people.tables import person

#: Hours have two decimals at most: half of the last one tells less from enough in floating point.
HALF = 0.005
BATCH = 500


@dataclass(frozen=True)
class DueRow:
    """Something that must be done by ``due_on``; ``entry`` and ``standing`` tell whose and why."""

    due_on: date
    what: str
    entry: Entry
    kind: Kind
    standing: Standing


def due(
    connection: Connection, kinds: Mapping[str, Kind], on_day: date, days: int, *, past: int = 0, where: Sequence[ColumnElement[bool]] = ()
) -> list[DueRow]:
    """What falls due from ``past`` days before ``on_day`` to ``days`` days after it, both included, the earliest first.

    ``where``: further conditions over certification and person. Who has left, and what has been ended, is not in it.
    """
    return details(connection, kinds, on_day, find_due(connection, kinds, on_day, days, past=past, where=where))


def find_due(
    connection: Connection, kinds: Mapping[str, Kind], on_day: date, days: int, *, past: int = 0, where: Sequence[ColumnElement[bool]] = ()
) -> list[tuple[date, int]]:
    """(day, certification id) of what :func:`due` tells at length, in its order."""
    first, last = on_day - timedelta(days=past), on_day + timedelta(days=days)
    seen = look(connection, kinds, on_day)
    alive = (*in_force(on_day), *(() if seen.all_known else (certification.c.kind.in_(list(kinds)),)), *where)
    kept = alive if seen.current else (*alive, fresh(kinds, on_day))
    source = certification.join(person, person.c.id == certification.c.person_id)
    ending = select(certification.c.id, certification.c.due_on).select_from(source).where(*kept, certification.c.due_on.between(first, last))
    found: dict[int, date] = {ident: day for ident, day in connection.execute(ending)}
    year_end = date(on_day.year, 12, 31)
    if first <= year_end <= last:
        lasting = and_(certification.c.phase == HELD, or_(certification.c.valid_until.is_(None), certification.c.valid_until >= on_day))
        for kind in kinds.values():
            short = [_short(one, on_day) for one in kind.requirements if one.per == "year"]
            if short:
                missing = select(certification.c.id).select_from(source).where(*kept, certification.c.kind == kind.id, lasting, or_(*short))
                for ident in connection.execute(missing).scalars():
                    found[ident] = min(found.get(ident, year_end), year_end)
    if not seen.current:
        for row in _reckoned_here(connection, kinds, on_day, (*alive, ~fresh(kinds, on_day))):
            if first <= row.due_on <= last:
                found[row.entry.id] = row.due_on
    return sorted((day, ident) for ident, day in found.items())


def in_force(on_day: date) -> tuple[ColumnElement[bool], ...]:
    """Over certification and person: the certification has neither ended nor been struck out, nor has the person left by ``on_day``."""
    return (
        certification.c.revoked_at.is_(None), or_(certification.c.ended_on.is_(None), certification.c.ended_on > on_day), or_(person.c.left_on.is_(None), person.c.left_on > on_day)
    )  # fmt: skip


def _short(one: Requirement, on_day: date) -> ColumnElement[bool]:
    """Over certification: less than ``one`` asks for was reached this year up to ``on_day``."""
    first = date(on_day.year, 1, 1)
    if one.step:
        steps = certification_step.c
        taken = select(func.count()).where(
            steps.certification_id == certification.c.id, steps.kind == one.step, steps.on_day.between(first, on_day), steps.revoked_at.is_(None)
        )  # fmt: skip
        return taken.scalar_subquery() < int(one.needed)
    hours = training_hours.c
    done = select(func.coalesce(func.sum(cast(hours.hours, Float)), 0.0)).where(
        hours.person_id == certification.c.person_id, hours.on_day.between(first, on_day), hours.source != "degree", hours.revoked_at.is_(None)
    )  # fmt: skip
    return done.scalar_subquery() < float(one.needed) - HALF


def _reckoned_here(
    connection: Connection, kinds: Mapping[str, Kind], on_day: date, where: Sequence[ColumnElement[bool]]
) -> Iterable[DueRow]:
    """Everything with a deadline that ``where`` selects, by the clock."""
    hours = read_hours(connection, holders_of(*where))
    for entry in read_entries(connection, *where):
        kind = kinds[entry.kind]
        stands = stand(kind, entry, hours.get(entry.holder.id, ()), on_day)
        if stands.due_on is not None:
            yield DueRow(stands.due_on, stands.due_what, entry, kind, stands)


def details(connection: Connection, kinds: Mapping[str, Kind], on_day: date, found: Sequence[tuple[date, int]]) -> list[DueRow]:
    """The rows of :func:`find_due`, or of some of them, at length and in their order."""
    rows: dict[int, DueRow] = {}
    idents = [ident for _, ident in found]
    for start in range(0, len(idents), BATCH):
        some = certification.c.id.in_(idents[start : start + BATCH])
        rows.update((row.entry.id, row) for row in _reckoned_here(connection, kinds, on_day, (some,)))
    return [rows[ident] for ident in idents]
