"""What falls due within so many days. SQL finds whose dates could fall into them; the clock decides.

A deadline is a day some months after an entry, so the entries that matter lie in an interval of days that is known before
anything is read: :func:`anchors` turns the deadlines round. What SQL finds may be a little too much, never too little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from grading.outcome import add_months
from grading.tables import certification, certification_step
from grading.workforce.clock import Standing
from grading.workforce.holdings import Entry, holders_of, read_entries, read_hours, stand
from grading.workforce.kinds import Kind
from people.tables import person

#: A day earlier or later than the calendar gives is cheap to look at; the clock throws it away again.
SLACK = timedelta(days=4)


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

    ``where``: further conditions over certification and person. Who has left or been ended is not in it.
    """
    first, last = on_day - timedelta(days=past), on_day + timedelta(days=days)
    rows: list[DueRow] = []
    for kind in kinds.values():
        rows += _of_kind(connection, kind, on_day, first, last, where)
    return sorted(rows, key=lambda row: (row.due_on, row.kind.order, row.entry.holder.unit, row.entry.holder.name, row.entry.id))


def _of_kind(
    connection: Connection, kind: Kind, on_day: date, first: date, last: date, where: Sequence[ColumnElement[bool]]
) -> Iterator[DueRow]:
    could = could_be_due(kind, on_day, first, last)
    if could is None:
        return
    conditions = (
        certification.c.kind == kind.id, or_(certification.c.ended_on.is_(None), certification.c.ended_on > on_day),
        or_(person.c.left_on.is_(None), person.c.left_on > on_day), could, *where,
    )  # fmt: skip
    hours = read_hours(connection, holders_of(*conditions)) if kind.requirements else {}
    for entry in read_entries(connection, *conditions):
        stands = stand(kind, entry, hours.get(entry.holder.id, ()), on_day)
        if stands.due_on is not None and first <= stands.due_on <= last:
            yield DueRow(stands.due_on, stands.due_what, entry, kind, stands)


def could_be_due(kind: Kind, on_day: date, first: date, last: date) -> ColumnElement[bool] | None:
    """Over certification and person: whose next deadline could lie between two days. None: nobody's could."""
    year_end = date(on_day.year, 12, 31)
    if first <= year_end <= last and any(one.per == "year" for one in kind.requirements):
        return certification.c.id.is_not(None)
    found = [*_validity(kind, first, last), *_stages(kind, first, last)]
    if kind.age_most is not None:
        found.append(person.c.birth.between(*anchors(12 * kind.age_most, first, last)))
    return or_(*found) if found else None


def anchors(months: int, first: date, last: date, later: int = 0) -> tuple[date, date]:
    """The days from which ``months`` (up to ``months + later``) later lies between two days, a little widened.

    >>> anchors(36, date(2027, 3, 1), date(2027, 3, 31))
    (datetime.date(2024, 2, 26), datetime.date(2024, 4, 4))
    """
    return add_months(first, -months - later) - SLACK, add_months(last, -months) + SLACK


def _validity(kind: Kind, first: date, last: date) -> list[ColumnElement[bool]]:
    months, renewal = kind.validity.months, kind.renewal
    if not months:
        return []
    begins = kind.start.step if kind.start else ""
    later = renewal.window_months if renewal and renewal.from_expiry else 0
    found: list[ColumnElement[bool]] = []
    if begins:
        found.append(_step_in((begins,), anchors(months, first, last)))
    else:
        found.append(certification.c.obtained_on.between(*anchors(months, first, last)))
    if renewal:
        found.append(_step_in((renewal.step,), anchors(months, first, last, later)))
    return found


def _step_in(steps: Sequence[str], days: tuple[date, date]) -> ColumnElement[bool]:
    """A standing step of ``steps`` lies in the days. It need not be the newest: the clock sees to that."""
    here = certification_step
    return certification.c.id.in_(
        select(here.c.certification_id).where(here.c.kind.in_(steps), here.c.on_day.between(*days), here.c.revoked_at.is_(None))
    )


def _stages(kind: Kind, first: date, last: date) -> list[ColumnElement[bool]]:
    """Whose first registration (or review …) could run out: the step before lies so far back, and it has not started."""
    if kind.start is None:
        return []
    here, found, before = certification_step, [], [one for one, _ in (kind.exam.subjects if kind.exam else ())]
    for stage in kind.stages:
        if stage.within_months:
            days = anchors(stage.within_months, first, last)
            found.append(or_(certification.c.obtained_on.between(*days), _step_in(before, days) if before else certification.c.id.is_(None)))
        before.append(stage.step)
        if stage.starts:
            break
    started = exists().where(here.c.certification_id == certification.c.id, here.c.kind == kind.start.step, here.c.revoked_at.is_(None))
    return [and_(~started, or_(*found))] if found else []
