"""What is on file: certifications with their steps, hours and holders, read in a few queries. Rows only; rules are the clock's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, select

from grading.outcome import add_months
from grading.tables import certification, certification_step, record, training_hours
from grading.workforce.clock import Held, Standing, standing
from grading.workforce.hours import Hours, Step
from grading.workforce.kinds import Kind
from people.tables import person, post, unit

fraction = lru_cache(4096)(Fraction)


@dataclass(frozen=True)
class Holder:
    """The person, as the lists show one. ``masked``: the identity number."""

    id: int
    name: str
    masked: str
    gender: str
    birth: date | None
    unit: str
    unit_id: int | None
    post: str
    category: str
    grade: str
    employed_from: date | None
    left_on: date | None
    birth_before: date | None = None        # before the last correction


@dataclass(frozen=True)
class StepRow:
    """One step on file; ``document_id``: its evidence."""

    id: int
    step: str
    on_day: date
    document_no: str
    document_id: int | None
    note: str
    at: int
    by: str


@dataclass(frozen=True)
class HoursRow:
    """Hours on file, with their evidence."""

    id: int
    on_day: date
    hours: Fraction
    source: str
    title: str
    provider: str
    document_id: int | None
    at: int
    by: str
    document_no: str = ""
    note: str = ""

    @property
    def counted(self) -> Hours:
        return Hours(self.on_day, self.hours, self.source)


@dataclass(frozen=True)
class Basis:
    """The pass record of ours that a certification rests on; ``replaced``: a correction has superseded it."""

    record_id: str
    valid_until: date | None
    replaced: bool


@dataclass(frozen=True)
class Entry:
    """One certification of one person. ``at``: the village or school where it is exercised, or blank."""

    id: int
    holder: Holder
    kind: str
    certificate_no: str
    issuer: str
    obtained_on: date
    at: str
    at_id: int | None
    note: str
    ended_on: date | None
    end_reason: str
    steps: tuple[StepRow, ...]
    basis: Basis | None = None

    @property
    def held(self) -> Held:
        until = self.basis.valid_until if self.basis else None
        return Held(self.obtained_on, tuple(Step(one.step, one.on_day) for one in self.steps), self.ended_on, self.holder.birth, until)


def stand(kind: Kind, entry: Entry, hours: Sequence[HoursRow], on_day: date) -> Standing:
    """The clock upon what is on file."""
    stands = standing(kind, entry.held, [one.counted for one in hours], on_day)
    if entry.basis is not None and entry.basis.replaced:
        told = f"所依据的成绩记录 {entry.basis.record_id} 已被更正后的记录代替；请核对，需要时转入新的记录"
        stands = replace(stands, doubts=(*stands.doubts, told))
    if moved := _age_moved(kind, entry.holder):
        stands = replace(stands, doubts=(*stands.doubts, moved))
    return stands


def _age_moved(kind: Kind, who: Holder) -> str:
    """What a corrected birth date has moved; blank if nothing."""
    if kind.age_most is None or who.birth is None or who.birth_before is None or who.birth == who.birth_before:
        return ""
    old, new = (add_months(day, 12 * kind.age_most) for day in (who.birth_before, who.birth))
    return f"出生日期由 {who.birth_before} 更正为 {who.birth}，满 {kind.age_most} 周岁的日子由 {old} 改为 {new}，已按更正后的重算；请核对原来按旧日期办的"


HOLDER = (
    person.c.id.label("person_id"), person.c.name, person.c.identity_masked, person.c.gender, person.c.birth, unit.c.name.label("unit_name"),
    person.c.unit_id.label("own_unit"), post.c.title.label("post_title"), person.c.category, person.c.grade, person.c.employed_from, person.c.left_on,
    person.c.birth_before,
)  # fmt: skip


def holder_of(row: Any) -> Holder:
    """A row that has the columns :data:`HOLDER`."""
    return Holder(
        row.person_id, row.name, row.identity_masked, row.gender or "", row.birth, row.unit_name or "", row.own_unit,
        row.post_title or "", row.category or "", row.grade or "", row.employed_from, row.left_on, row.birth_before,
    )  # fmt: skip


def read_holder(connection: Connection, person_id: int) -> Holder | None:
    """One person, or None."""
    query = select(*HOLDER).outerjoin(unit, unit.c.id == person.c.unit_id).outerjoin(post, post.c.id == person.c.post_id)
    row = connection.execute(query.where(person.c.id == person_id)).first()
    return holder_of(row) if row else None


def read_entries(connection: Connection, *where: ColumnElement[bool]) -> list[Entry]:
    """Certifications that ``where`` (over certification and person) selects, with their steps, by unit and name.

    What was struck out as entered by mistake is never among them.
    """
    at, into, newer, where = unit.alias("at"), unit.alias("into"), record.alias("newer"), (certification.c.revoked_at.is_(None), *where)
    source = (
        certification.join(person, person.c.id == certification.c.person_id)
        .outerjoin(unit, unit.c.id == person.c.unit_id)
        .outerjoin(post, post.c.id == person.c.post_id)
        .outerjoin(at, at.c.id == certification.c.unit_id)
        .outerjoin(into, into.c.id == at.c.merged_into)
        .outerjoin(record, record.c.id == certification.c.record_id)
    )
    query = (
        select(
            *HOLDER, certification.c.id, certification.c.kind, certification.c.certificate_no, certification.c.issuer,
            certification.c.obtained_on, certification.c.unit_id, certification.c.note, certification.c.ended_on, certification.c.end_reason,
            at.c.name.label("at_name"), into.c.name.label("into_name"), certification.c.record_id, record.c.valid_until.label("record_until"),
            exists().where(newer.c.supersedes == certification.c.record_id).label("replaced"),
        )
        .select_from(source)
        .where(*where)
        .order_by(unit.c.name, person.c.name, person.c.id, certification.c.id)
    )  # fmt: skip
    wanted = select(certification.c.id).join(person, person.c.id == certification.c.person_id).where(*where)
    steps = read_steps(connection, wanted)
    return [
        Entry(
            row.id, holder_of(row), row.kind, row.certificate_no or "", row.issuer or "", row.obtained_on, _place(row), row.unit_id,
            row.note or "", row.ended_on, row.end_reason or "", tuple(steps.get(row.id, ())),
            Basis(row.record_id, row.record_until, bool(row.replaced)) if row.record_id else None,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def _place(row: Any) -> str:
    """Where it is exercised; a unit that was merged keeps its name."""
    return f"{row.at_name}（已并入{row.into_name}）" if row.into_name else row.at_name or ""


def read_steps(connection: Connection, wanted: Select[tuple[int]]) -> Mapping[int, list[StepRow]]:
    """Standing steps of the certifications that ``wanted`` selects, by day."""
    found: dict[int, list[StepRow]] = defaultdict(list)
    columns = certification_step.c
    query = (
        select(columns.certification_id, columns.id, columns.kind, columns.on_day, columns.document_no, columns.document_id, columns.note, columns.at, columns.by)
        .where(columns.certification_id.in_(wanted), columns.revoked_at.is_(None))
        .order_by(columns.on_day, columns.id)
    )
    for owner, ident, kind, on_day, document_no, document_id, note, at, by in connection.execute(query):
        found[owner].append(StepRow(ident, kind, on_day, document_no or "", document_id, note or "", at, by))
    return found


def read_hours(connection: Connection, wanted: Select[tuple[int]]) -> Mapping[int, list[HoursRow]]:
    """Standing hours of the persons whom ``wanted`` selects, by day."""
    found: dict[int, list[HoursRow]] = defaultdict(list)
    here = training_hours.c
    columns = (here.person_id, here.id, here.on_day, here.hours, here.source, here.title, here.provider, here.document_id, here.at, here.by, here.document_no, here.note)
    query = select(*columns).where(here.person_id.in_(wanted), here.revoked_at.is_(None)).order_by(here.on_day, here.id)
    for owner, ident, on_day, hours, source, title, provider, document_id, at, by, number, note in connection.execute(query):
        row = HoursRow(ident, on_day, fraction(hours), source, title, provider or "", document_id, at, by, number or "", note or "")
        found[owner].append(row)
    return found


def holders_of(*where: ColumnElement[bool]) -> Select[tuple[int]]:
    """Persons who have a certification that ``where`` selects."""
    return select(certification.c.person_id).join(person, person.c.id == certification.c.person_id).where(*where)
