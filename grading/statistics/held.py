"""Who is certified, today: counted in SQL from what the clock has kept. Whom that does not tell of, the clock itself reckons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, case, extract, func, or_, select, true

from grading.lists.expiry import last_days
from grading.statistics.rules import Rules
from grading.tables import certification, certification_step
from grading.workforce.due import in_force
from grading.workforce.holdings import Entry, holders_of, read_entries, read_hours, stand
from grading.workforce.kinds import Kind
from grading.workforce.reckoning import HELD, fresh
from people.tables import person

#: so many persons are reckoned by the clock for one page; further ones are told as not counted
MOST_BY_CLOCK = 300
VALID, PENDING, OVERDUE, LAPSED = "有效", "办理中", "逾期未办", "已过期"
#: what is lowest counts only where a person has nothing better in the group
_PENDING, _OVERDUE, _LAPSED, _VALID = 3, 2, 1, 10
NO_RANK, NO_CATEGORY, OUR_PASS = "未评等级", "未填类别", "考试合格（本系统签发）"


@dataclass
class Held:
    """Each by the unit of the person. ``people``: (unit id, category, certified) -> persons on file; ``structure``: (unit id, group,

    how it stands) -> persons; ``due``: (unit id, kind, year, month) -> certifications and passes that end or fall due;
    ``uncounted``: persons left out, see the module.
    """

    people: Counter[tuple[int | None, str, bool]] = field(default_factory=Counter)
    structure: Counter[tuple[int | None, str, str]] = field(default_factory=Counter)
    due: Counter[tuple[int | None, str, int, int]] = field(default_factory=Counter)
    uncounted: int = 0

    def within(self, units: frozenset[int]) -> Held:
        """What belongs to some units."""
        return Held(
            Counter({key: count for key, count in self.people.items() if key[0] in units}),
            Counter({key: count for key, count in self.structure.items() if key[0] in units}),
            Counter({key: count for key, count in self.due.items() if key[0] in units}), self.uncounted,
        )  # fmt: skip


@dataclass(frozen=True)
class _Ladder:
    """The kinds that count, and what a person's best certification of a group is called by its place in the group."""

    kinds: Mapping[str, Kind]

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.group for one in self.kinds.values()))

    def ranks(self, kind: Kind) -> list[tuple[str, str]]:
        """(step, title), the highest first."""
        return [(one.step, one.title) for one in kind.marks if not one.count]

    def valid(self, kind: Kind, rank: str = "") -> int:
        """The place of a valid certification; ``rank``: the step of its rank."""
        steps = [step for step, _ in self.ranks(kind)]
        return _VALID * 100 + kind.level * 100 + (len(steps) - steps.index(rank) if rank in steps else 0)

    def titles(self, group: str) -> dict[int, str]:
        """place -> what it is called, the highest first."""
        made, inside = {}, sorted((one for one in self.kinds.values() if one.group == group), key=lambda one: -one.level)
        for kind in inside:
            ranks, name = self.ranks(kind), VALID if len(inside) == 1 else kind.title
            made.update({self.valid(kind, step): f"{name}，{title}" for step, title in ranks})
            made.setdefault(self.valid(kind), f"{name}，{NO_RANK}" if ranks else name)
        return {**made, _PENDING: PENDING, _OVERDUE: OVERDUE, _LAPSED: LAPSED}


def group_titles(kinds: Mapping[str, Kind], rules: Rules) -> dict[str, tuple[str, ...]]:
    """group -> how a person can stand in it, the highest first."""
    ladder = _Ladder({key: one for key, one in kinds.items() if key not in rules.left_out})
    return {group: tuple(ladder.titles(group).values()) for group in ladder.groups}


def count_held(connection: Connection, kinds: Mapping[str, Kind], rules: Rules, today: date, last: date) -> Held:
    """Persons on file today, their certifications, and what falls due from ``today`` to ``last``."""
    ladder = _Ladder({key: one for key, one in kinds.items() if key not in rules.left_out})
    made = Held()
    on_file = or_(person.c.left_on.is_(None), person.c.left_on > today)
    alive = and_(*in_force(today), certification.c.kind.in_(list(ladder.kinds)))
    odd = {int(row.person_id) for row in connection.execute(holders_of(alive, ~fresh(ladder.kinds, today)))}
    known = sorted(odd)[:MOST_BY_CLOCK]
    made.uncounted = len(odd) - len(known)
    normal = true() if not odd else person.c.id.not_in(holders_of(alive, ~fresh(ladder.kinds, today)))
    _count_people(connection, made, today, and_(on_file, normal), alive)
    _count_structure(connection, made, ladder, today, and_(alive, normal))
    _count_due(connection, made, ladder, today, last, and_(alive, normal))
    _count_passes(connection, made, today, last)
    _by_clock(connection, made, ladder, today, last, known)
    return made


def _valid(today: date) -> ColumnElement[bool]:
    """Over certification, where it is fresh."""
    return and_(
        certification.c.phase == HELD, or_(certification.c.valid_until.is_(None), certification.c.valid_until >= today)
    )  # fmt: skip


def _count_people(connection: Connection, made: Held, today: date, who: ColumnElement[bool], alive: ColumnElement[bool]) -> None:
    holders = holders_of(alive, _valid(today)).distinct().subquery()
    query = (
        select(person.c.unit_id, person.c.category, holders.c.person_id.is_not(None).label("certified"), func.count())
        .outerjoin(holders, holders.c.person_id == person.c.id)
        .where(who)
        .group_by(person.c.unit_id, person.c.category, holders.c.person_id.is_not(None))
    )
    for unit_id, category, certified, people in connection.execute(query):
        made.people[unit_id, category or NO_CATEGORY, bool(certified)] += people


def _count_structure(connection: Connection, made: Held, ladder: _Ladder, today: date, alive: ColumnElement[bool]) -> None:
    """Every person of a group once, by the best certification held."""
    groups = ladder.groups
    cert, source, ranked = certification.c, certification.join(person, person.c.id == certification.c.person_id), []
    if steps := {step for one in ladder.kinds.values() for step, _ in ladder.ranks(one)}:
        taken = certification_step.c
        newest = func.row_number().over(partition_by=taken.certification_id, order_by=(taken.on_day.desc(), taken.id.desc()))
        marks = (
            select(taken.certification_id, taken.kind, newest.label("n"))
            .where(taken.kind.in_(sorted(steps)), taken.on_day <= today, taken.revoked_at.is_(None))
            .subquery()
        )
        source = source.outerjoin(marks, and_(marks.c.certification_id == cert.id, marks.c.n == 1))
        ranked = [
            (and_(_valid(today), cert.kind == kind.id, marks.c.kind == step), ladder.valid(kind, step))
            for kind in ladder.kinds.values()
            for step, _ in ladder.ranks(kind)
        ]
    place = case(
        *ranked,
        *[(and_(_valid(today), cert.kind == kind.id), ladder.valid(kind)) for kind in ladder.kinds.values()],
        (and_(cert.phase == HELD, cert.valid_until < today), _LAPSED),
        (cert.due_on < today, _OVERDUE),
        else_=_PENDING,
    )  # fmt: skip
    group = case({kind.id: groups.index(kind.group) for kind in ladder.kinds.values()}, value=cert.kind)
    best = (
        select(person.c.unit_id, group.label("g"), func.max(place).label("best"))
        .select_from(source)
        .where(alive)
        .group_by(cert.person_id, person.c.unit_id, "g")
        .subquery()
    )
    titles = {group: ladder.titles(group) for group in groups}
    columns = (best.c.unit_id, best.c.g, best.c.best)
    for unit_id, number, found, people in connection.execute(select(*columns, func.count()).group_by(*columns)):
        made.structure[unit_id, groups[number], titles[groups[number]][found]] += people


def _count_due(connection: Connection, made: Held, ladder: _Ladder, today: date, last: date, alive: ColumnElement[bool]) -> None:
    cert = certification.c
    year, month = extract("year", cert.due_on), extract("month", cert.due_on)
    source = certification.join(person, person.c.id == cert.person_id)
    own = cert.record_id.is_(None)                         # what rests on a pass of ours is told as that pass
    query = select(person.c.unit_id, cert.kind, year, month, func.count()).select_from(source).where(alive, own, cert.due_on.between(today, last))
    for unit_id, kind, y, m, count in connection.execute(query.group_by(person.c.unit_id, cert.kind, year, month)):
        made.due[unit_id, ladder.kinds[kind].title, int(y), int(m)] += count


def _count_passes(connection: Connection, made: Held, today: date, last: date) -> None:
    """Passes of formal sittings that end, as the list of warnings counts them (:func:`grading.lists.expiry.last_days`)."""
    ends = last_days(connection, today).subquery()
    year, month = extract("year", ends.c.until), extract("month", ends.c.until)
    query = select(ends.c.unit_id, year, month, func.count()).where(ends.c.until.between(today, last)).group_by(ends.c.unit_id, year, month)
    for unit_id, y, m, count in connection.execute(query):
        made.due[unit_id, OUR_PASS, int(y), int(m)] += count


def _by_clock(connection: Connection, made: Held, ladder: _Ladder, today: date, last: date, people: Sequence[int]) -> None:
    """The same for a few persons, by the clock itself."""
    if not people:
        return
    mine = and_(certification.c.person_id.in_(people), certification.c.kind.in_(list(ladder.kinds)), *in_force(today))
    hours = read_hours(connection, holders_of(mine))
    of: dict[int, list[Entry]] = {}
    for entry in read_entries(connection, mine):
        of.setdefault(entry.holder.id, []).append(entry)
    for entries in of.values():
        best: dict[str, int] = {}
        for entry in entries:
            kind = ladder.kinds[entry.kind]
            stands = stand(kind, entry, hours.get(entry.holder.id, ()), today)
            step = next((step for step, title in ladder.ranks(kind) if title == stands.rank), "")
            place = ladder.valid(kind, step) if stands.holds else {"lapsed": _LAPSED, "overdue": _OVERDUE}.get(stands.state, _PENDING)
            best[kind.group] = max(place, best.get(kind.group, 0))
            ends = stands.valid_until if stands.holds else stands.due_on
            if ends and today <= ends <= last and entry.basis is None:
                made.due[entry.holder.unit_id, kind.title, ends.year, ends.month] += 1
        _add_person(made, ladder, entries[0], best)


def _add_person(made: Held, ladder: _Ladder, entry: Entry, best: Mapping[str, int]) -> None:
    holder = entry.holder
    made.people[holder.unit_id, holder.category or NO_CATEGORY, any(place >= _VALID for place in best.values())] += 1
    for group, place in best.items():
        made.structure[holder.unit_id, group, ladder.titles(group)[place]] += 1

