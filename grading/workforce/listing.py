"""Who holds what, as a list: filtered, counted and paged by SQL at 100,000 people; the clock tells the lines of one page at length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, not_, or_, select
from sqlalchemy.sql.selectable import FromClause

from grading.tables import certification
from grading.workforce.clock import STATES, Standing
from grading.workforce.due import find_due, in_force
from grading.workforce.holdings import Entry, holders_of, read_entries, read_hours, stand
from grading.workforce.kinds import Kind
from grading.workforce.reckoning import PENDING, fresh, look
from people.finding import named, units_under
from people.tables import person, unit

#: what is listed as a state beside the clock's: the rules have changed and the worker has not come to it yet
STALE = "stale"
TITLES = {**STATES, "ended": "已终止或离岗", STALE: "待重算"}
#: within how many days something falls due; ``overdue``: its day is past
DUE = {"30": 30, "60": 60, "90": 90}
OVERDUE = "overdue"
PAGE = 50


@dataclass(frozen=True)
class Filter:
    """What is asked for; blank: no matter. ``unit``: part of a name, its units with all below; ``name``: see :func:`people.finding.named`.

    ``state`` is one of :data:`TITLES`, ``due`` one of :data:`DUE` or :data:`OVERDUE`.
    """

    kind: str = ""
    unit: str = ""
    name: str = ""
    state: str = ""
    due: str = ""


@dataclass(frozen=True)
class Line:
    """One certification of one person and where it stands. ``left``: the person is no longer employed."""

    entry: Entry
    kind: Kind
    standing: Standing
    left: bool


@dataclass(frozen=True)
class Listing:
    """One page. ``states``: how many by state, ``due``: how many fall due within so many days or are overdue, of what the other
    filters leave; ``found``: how many lines all pages have; ``number`` from 1."""

    lines: tuple[Line, ...]
    found: int
    number: int
    states: Mapping[str, int]
    due: Mapping[str, int]

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // PAGE))

    @property
    def in_force(self) -> int:
        return sum(count for state, count in self.states.items() if state != "ended")


def list_page(connection: Connection, kinds: Mapping[str, Kind], on_day: date, wanted: Filter, number: int = 1) -> Listing:
    """A page of what is on file, by unit and name; with ``due`` by day. Without ``state`` nothing that has ended."""
    seen = look(connection, kinds, on_day)
    source, where = _selected(kinds, wanted, all_known=seen.all_known)
    state = state_of(kinds, on_day, current=seen.current)
    past = and_(certification.c.due_on < on_day, state.not_in(("ended", STALE)))
    counted = connection.execute(select(state, func.count(), func.sum(case((past, 1), else_=0))).select_from(source).where(*where).group_by(state)).all()
    states = {str(name): int(count) for name, count, _ in counted}
    late = sum(int(count) for _, _, count in counted)
    soon = find_due(connection, kinds, on_day, max(DUE.values()), where=where)
    due = {key: sum((day - on_day).days <= days for day, _ in soon) for key, days in DUE.items()} | {OVERDUE: late}
    if wanted.due in DUE:
        idents = [ident for day, ident in soon if (day - on_day).days <= DUE[wanted.due]]
        found = len(idents)
        number = _within(number, found)
        idents = idents[(number - 1) * PAGE : number * PAGE]
    else:
        chosen = past if wanted.due == OVERDUE else state == wanted.state if wanted.state else state != "ended"
        found = late if wanted.due == OVERDUE else states.get(wanted.state, 0) if wanted.state else sum(states.values()) - states.get("ended", 0)
        number = _within(number, found)
        order = (certification.c.due_on, certification.c.id) if wanted.due else (unit.c.name, person.c.name, certification.c.id)
        some = select(certification.c.id).select_from(source).where(*where, chosen).order_by(*order)
        idents = list(connection.execute(some.limit(PAGE).offset((number - 1) * PAGE)).scalars())
    return Listing(tuple(_lines(connection, kinds, on_day, idents)), found, number, states, due)


def _within(number: int, found: int) -> int:
    return min(max(1, number), max(1, -(-found // PAGE)))


def _selected(kinds: Mapping[str, Kind], wanted: Filter, *, all_known: bool) -> tuple[FromClause, list[ColumnElement[bool]]]:
    """(tables, conditions) of everything but state and due day."""
    source = certification.join(person, person.c.id == certification.c.person_id).outerjoin(unit, unit.c.id == person.c.unit_id)
    where: list[ColumnElement[bool]] = [certification.c.revoked_at.is_(None)]
    if not all_known:
        where.append(certification.c.kind.in_(list(kinds)))
    if wanted.kind:
        where.append(certification.c.kind == wanted.kind)
    if wanted.unit.strip():
        under = units_under(wanted.unit)
        where.append(or_(person.c.unit_id.in_(under), certification.c.unit_id.in_(under)))
    if wanted.name.strip():
        where.append(or_(named(wanted.name), certification.c.certificate_no == wanted.name.strip()))
    return source, where


def state_of(kinds: Mapping[str, Kind], on_day: date, *, current: bool) -> ColumnElement[str]:
    """Over certification and person: the state on a day as one of :data:`TITLES`; ``current``: nothing needs to be reckoned again."""
    held = certification.c
    stale = () if current else ((not_(fresh(kinds, on_day)), literal(STALE)),)
    return case(
        (not_(and_(*in_force(on_day))), literal("ended")),
        *stale,
        (and_(held.phase == PENDING, held.due_on < on_day), literal("overdue")),
        (held.phase == PENDING, literal("pending")),
        (held.valid_until < on_day, literal("lapsed")),
        (held.window_opens <= on_day, literal("window")),
        else_=literal("valid"),
    )


def _lines(connection: Connection, kinds: Mapping[str, Kind], on_day: date, idents: Sequence[int]) -> list[Line]:
    """The lines of these certifications, in this order."""
    some = certification.c.id.in_(idents)
    hours = read_hours(connection, holders_of(some))
    made = {}
    for entry in read_entries(connection, some):
        left = entry.holder.left_on is not None and entry.holder.left_on <= on_day
        kind = kinds[entry.kind]
        made[entry.id] = Line(entry, kind, stand(kind, entry, hours.get(entry.holder.id, ()), on_day), left)
    return [made[ident] for ident in idents]
