"""到期预警表: passes that end and certifications that fall due within 30, 60 or 90 days, from any number of sources."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, exists, func, or_, select

from exams.tables import candidate, sitting
from grading.errors import ExportError
from grading.lists.layout import NUMBER
from grading.lists.made import Columns, Made, Wanted
from grading.lists.scope import DAYS
from grading.tables import certification, record
from home import local_text
from people.tables import person, post, unit

WHAT, PAPER, SINCE, UNTIL, LEFT, SPAN, TODO = "种类", "证书或存档号", "取得日期", "到期日", "剩余天数", "期限", "应办事项"
COLUMNS = (NUMBER, "姓名", "性别", "身份证号", "单位", "职务", WHAT, PAPER, SINCE, UNTIL, LEFT, SPAN, TODO)


@dataclass(frozen=True)
class Due:
    """Something of a person that ends: what it is, its number, since when, its last day, and what is to be done before.

    ``record``: it is one of our own pass records.
    """

    person_id: int
    what: str
    paper: str
    since: date | None
    until: date
    todo: str
    record: bool = False


#: what ends from today to so many days ahead, both included
Source = Callable[[Wanted], Iterable[Due]]


def passes_due(wanted: Wanted) -> Iterator[Due]:
    """Standing passes of formal sittings that end, unless the person holds one that ends later under the same rules.

    The same rules are those of one name (``profile = …``): an office fills in a new date each year. Of two that end on the same day
    (a term of office) the newer one is told; whoever has left is in no warning.
    """
    rules, last = _rules(wanted.connection), _last(wanted)
    ending = _passes(record.c.person_id).where(record.c.valid_until.between(wanted.today, last), _still_here(wanted.today)).distinct()
    people = list(wanted.connection.execute(ending).scalars())
    best: dict[tuple[int, str], Row[Any]] = {}
    columns = (record.c.person_id, record.c.id, record.c.valid_until, sitting.c.title, sitting.c.opens_at, sitting.c.profile_digest)
    for start in range(0, len(people), 500):
        held = _passes(*columns).where(record.c.valid_until.is_not(None), record.c.person_id.in_(people[start : start + 500]))
        for row in wanted.connection.execute(held.order_by(record.c.valid_until, sitting.c.opens_at, record.c.id)):
            best[row.person_id, rules[row.profile_digest]] = row
    for row in best.values():
        if wanted.today <= row.valid_until <= last:
            since = date.fromisoformat(local_text(row.opens_at, "%Y-%m-%d"))
            yield Due(row.person_id, row.title, row.id, since, row.valid_until, "到期前重新参加考试", record=True)


def passes_ending(wanted: Wanted) -> int:
    """How many :func:`passes_due` should give, counted another way: the last day of each person under each set of rules."""
    ends = last_days(wanted.connection, wanted.today).subquery()
    query = select(func.count()).select_from(ends).where(ends.c.until.between(wanted.today, _last(wanted)))
    return int(wanted.connection.execute(query).scalar_one())


def last_days(connection: Connection, today: date) -> Select[Any]:
    """(``person_id``, ``unit_id``, ``until``): the last day of each person's passes under each set of rules, of those who are still here.

    One row for each pass that a warning is about sooner or later; whoever counts passes that end counts these.
    """
    rules = _rules(connection)
    names = Counter(rules.values())
    first = {name: digest for digest, name in sorted(rules.items(), reverse=True)}
    same = {digest: first[name] for digest, name in rules.items() if names[name] > 1}  # profiles that an office has edited since
    place = case(same, value=sitting.c.profile_digest, else_=sitting.c.profile_digest) if same else sitting.c.profile_digest
    return (
        _passes(record.c.person_id, person.c.unit_id, func.max(record.c.valid_until).label("until"))
        .join(person, person.c.id == record.c.person_id)
        .where(record.c.valid_until.is_not(None), or_(person.c.left_on.is_(None), person.c.left_on > today))
        .group_by(record.c.person_id, person.c.unit_id, place)
    )


def _passes(*columns: ColumnElement[Any]) -> Select[Any]:
    """These columns of standing passes of formal sittings."""
    newer = record.alias("newer")
    return (
        select(*columns)
        .join(sitting, sitting.c.id == record.c.sitting_id)
        .where(sitting.c.kind == "formal", record.c.outcome == "passed", ~exists().where(newer.c.supersedes == record.c.id))
    )


def _rules(connection: Connection) -> dict[str, str]:
    """{digest of a profile: the name its rules have}."""
    known = connection.execute(select(sitting.c.profile_digest, func.min(sitting.c.profile)).group_by(sitting.c.profile_digest))
    return {digest: str(tomllib.loads(text).get("profile", digest)) for digest, text in known}


def _still_here(today: date) -> ColumnElement[bool]:
    """Over record: its person has not left by that day."""
    return ~exists().where(person.c.id == record.c.person_id, person.c.left_on <= today)


def certifications_due(wanted: Wanted) -> Iterator[Due]:
    """What the clock of the workforce's certifications says: expiry, first registration, renewal, hours.

    A certification that rests on a pass of ours is not told again: :func:`passes_due` tells the pass.
    """
    from grading.workforce.due import due
    from grading.workforce.kinds import kinds_of

    for row in due(wanted.connection, kinds_of(wanted.home), wanted.today, wanted.scope.days, where=(certification.c.record_id.is_(None),)):
        since = row.standing.valid_from or row.entry.obtained_on
        yield Due(row.entry.holder.id, row.kind.title, row.entry.certificate_no, since, row.due_on, row.what)


def _last(wanted: Wanted) -> date:
    return wanted.today + timedelta(days=wanted.scope.days)


SOURCES: tuple[Source, ...] = (passes_due, certifications_due)


def expiry(wanted: Wanted, sources: Sequence[Source] | None = None) -> Made:
    """Rows by last day.

    :raises ExportError: an unknown span of days.
    """
    days, counts = wanted.scope.days, Counter[str]()
    if days not in DAYS:
        raise ExportError(f"到期预警的天数应为 {'、'.join(map(str, DAYS))} 之一")
    found = [one for source in sources or SOURCES for one in source(wanted)]
    people = set[int]()

    def rows() -> Iterator[Columns]:
        known = _people(wanted.connection, {one.person_id for one in found})
        for one in sorted(found, key=lambda one: (one.until, one.person_id, one.what)):
            left = (one.until - wanted.today).days
            counts[span_of(left)] += 1
            people.add(one.person_id)
            yield {
                **known.get(one.person_id, {}), WHAT: one.what, PAPER: one.paper, SINCE: one.since.isoformat() if one.since else "",
                UNTIL: one.until.isoformat(), LEFT: str(left), SPAN: span_of(left), TODO: one.todo,
            }  # fmt: skip

    def close() -> list[str]:
        ours = sum(1 for one in found if one.record)
        expected = passes_ending(wanted)
        if ours != expected or sum(counts.values()) != len(found):
            raise ExportError(f"件数对不上，没有导出：考试合格到期应有 {expected} 件，表内 {ours} 件；请把这段话交给技术人员核对数据")
        spans = " + ".join(f"{name} {counts[name]} 件" for most, name in SPANS.items() if most <= days)
        return [f"{wanted.today} 至 {_last(wanted)}（{days} 天内）到期 {len(found)} 件 = {spans}；涉及 {len(people)} 人"]

    return Made(rows(), close, counts)


#: last day of a span -> its name
SPANS = {30: "30 天内", 60: "31 至 60 天", 90: "61 至 90 天"}


def span_of(left: int) -> str:
    """
    >>> span_of(0), span_of(30), span_of(31), span_of(90)
    ('30 天内', '30 天内', '31 至 60 天', '61 至 90 天')
    """
    return next(name for most, name in SPANS.items() if left <= most)


def _people(connection: Connection, idents: set[int]) -> dict[int, Columns]:
    """Name, masked number, unit and post as they are now (a warning is about today, not about the day of the exam)."""
    listed, found = sorted(idents), dict[int, Columns]()
    for start in range(0, len(listed), 500):
        query = (
            select(person.c.id, person.c.name, person.c.gender, person.c.identity_masked, unit.c.name.label("unit"), post.c.title)
            .outerjoin(unit, unit.c.id == person.c.unit_id)
            .outerjoin(post, post.c.id == person.c.post_id)
            .where(person.c.id.in_(listed[start : start + 500]))
        )
        for row in connection.execute(query):
            found[row.id] = {"姓名": row.name, "性别": row.gender or "", "身份证号": row.identity_masked, "单位": row.unit or "",
                             "职务": row.title or ""}  # fmt: skip
    missing = [ident for ident, columns in found.items() if not columns["单位"]]
    if missing:
        _last_labels(connection, missing, found)
    return found


def _last_labels(connection: Connection, idents: Sequence[int], found: dict[int, Columns]) -> None:
    """Whose unit is not on file is shown with the unit of the newest roster."""
    query = (
        select(candidate.c.person_id, candidate.c.unit_label, candidate.c.post_label)
        .join(sitting, sitting.c.id == candidate.c.sitting_id)
        .where(candidate.c.person_id.in_(idents))
        .order_by(sitting.c.opens_at)
    )
    for row in connection.execute(query):
        found[row.person_id] = {**found[row.person_id], "单位": row.unit_label, "职务": row.post_label or ""}
