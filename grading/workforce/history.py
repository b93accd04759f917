"""Everything that was ever entered about one person's certifications and hours, struck out or not: who, when, on which paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from grading.tables import certification, certification_step, training_hours
from grading.workforce.hours import SOURCES
from grading.workforce.kinds import Kind
from people.tables import document


@dataclass(frozen=True)
class Struck:
    """Who struck an entry out, when (ms UTC), and why."""

    by: str
    at: int
    reason: str


@dataclass(frozen=True)
class Happened:
    """One entry. ``on_day`` is when it happened, ``at`` (ms UTC) and ``by`` when and by whom it was entered (``at`` 0: the trail knows)."""

    on_day: date
    about: str
    what: str
    document_no: str
    document_id: int | None
    document: str
    note: str
    at: int
    by: str
    struck: Struck | None


def history(connection: Connection, kinds: Mapping[str, Kind], person_id: int) -> list[Happened]:
    """The newest day first; what was entered later comes first on one day."""
    held = {row.id: row for row in connection.execute(select(certification).where(certification.c.person_id == person_id))}
    steps = connection.execute(select(certification_step).where(certification_step.c.certification_id.in_(list(held)))).all()
    hours = connection.execute(select(training_hours).where(training_hours.c.person_id == person_id)).all()
    papers = {ident for row in (*steps, *hours) for ident in (row.document_id,) if ident}
    papers |= {ident for row in held.values() for ident in (row.document_id, row.end_document_id) if ident}
    names = {row.id: row.name for row in connection.execute(select(document.c.id, document.c.name).where(document.c.id.in_(papers)))}
    found = [one for row in held.values() for one in _of_holding(kinds.get(row.kind), row, names)]
    for row in steps:
        kind = kinds.get(held[row.certification_id].kind)
        what = kind.steps.get(row.kind, row.kind) if kind else row.kind
        found.append(_happened(row, row.on_day, kind.title if kind else held[row.certification_id].kind, what, row.note or "", names))
    for row in hours:
        told = "；".join(one for one in (SOURCES.get(row.source, row.source), row.provider, row.note) if one)
        found.append(_happened(row, row.on_day, "学时", f"{row.title} {row.hours} 学时", told, names))
    return sorted(found, key=lambda one: (one.on_day, one.at), reverse=True)


def _of_holding(kind: Kind | None, row: Any, names: Mapping[int, str]) -> Iterator[Happened]:
    """The entry of a certification and, if there is one, its end."""
    title, obtained, ended = (kind.title, kind.obtained, kind.ended) if kind else (row.kind, "取得日期", "终止")
    told = "；".join(one for one in (row.issuer, row.note) if one)
    struck = _struck(row)
    yield Happened(row.obtained_on, title, obtained, row.certificate_no or "", row.document_id, names.get(row.document_id, ""), told, row.created_at, row.created_by, struck)
    if row.ended_on is not None:
        yield Happened(
            row.ended_on, title, ended, row.end_document_no or "", row.end_document_id, names.get(row.end_document_id, ""), row.end_reason or "",
            0, row.ended_by or "", struck,
        )  # fmt: skip


def _happened(row: Any, on_day: date, about: str, what: str, note: str, names: Mapping[int, str]) -> Happened:
    return Happened(on_day, about, what, row.document_no or "", row.document_id, names.get(row.document_id, ""), note, row.at, row.by, _struck(row))


def _struck(row: Any) -> Struck | None:
    return Struck(row.revoked_by or "", row.revoked_at, row.revoke_reason or "") if row.revoked_at is not None else None


def evidence_of(connection: Connection, person_id: int) -> set[int]:
    """Documents that entries about this person name, struck out or not."""
    of = select(certification.c.id).where(certification.c.person_id == person_id)
    queries = (
        select(certification.c.document_id).where(certification.c.person_id == person_id),
        select(certification.c.end_document_id).where(certification.c.person_id == person_id),
        select(certification_step.c.document_id).where(certification_step.c.certification_id.in_(of)),
        select(training_hours.c.document_id).where(training_hours.c.person_id == person_id),
    )
    return {ident for query in queries for ident in connection.execute(query).scalars() if ident is not None}
