"""The whole life of one candidate in a sitting: attempts, events, marks question by question, every record and who made it.

What HR shows to whoever asks how a result came about. Nothing here is computed anew: it is what is on file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import Connection, select

from exams.events import CandidateEvent, events_of
from exams.sittings import Sitting
from exams.tables import candidate, script, sitting
from grading.outcome import OUTCOMES
from grading.records import REASON, genuine, public_key
from grading.tables import certificate, job, mark, mark_change, record, record_payload
from home import Home
from people.tables import alias, person


@dataclass(frozen=True)
class Attempt:
    """One sitting that the person was due for. ``outcome`` "" while no record stands."""

    sitting_id: str
    title: str
    kind: str
    opens_at: int
    admission_no: str
    resit_of: str | None
    outcome: str
    title_of_outcome: str
    total: Fraction | None
    final: str
    started_at: int | None
    finished_at: int | None
    closed_by: str


@dataclass(frozen=True)
class MarkLine:
    """One question's mark with what it rests on."""

    question: str
    part: str
    item: str
    points: Fraction | None
    most: Fraction
    state: str
    rule: str
    key_hash: str
    by: str
    at: int
    comment: str


@dataclass(frozen=True)
class ChangeLine:
    """A mark that a person changed after it had been given."""

    question: str
    old: Fraction | None
    new: Fraction | None
    by: str
    at: int
    reason: str


@dataclass(frozen=True)
class RecordLine:
    """One record, the newest first. ``corrected``: names of columns that it corrects; ``columns`` None: erased by policy."""

    id: str
    issued_at: int
    issued_by: str
    outcome: str
    total: Fraction | None
    supersedes: str | None
    superseded_by: str | None
    genuine: bool
    corrected: tuple[str, ...]
    reason: str
    columns: Mapping[str, str] | None
    certificates: tuple[tuple[str, str, int, str, int | None], ...]   # number, kind, made at, made by, revoked at


@dataclass(frozen=True)
class Life:
    """All of it. ``events`` are of all sittings, with the sitting's id and title; the newest first."""

    name: str
    former: tuple[str, ...]
    masked: str
    attempts: Sequence[Attempt]
    events: Sequence[tuple[str, str, CandidateEvent]]
    marks: Sequence[MarkLine]
    changes: Sequence[ChangeLine]
    records: Sequence[RecordLine]
    failed_issue: tuple[int, str] | None     # when, and why the newest issue of this sitting did not go through


def life_of(home: Home, connection: Connection, known: Sitting, person_id: int) -> Life:
    """Everything on file about one candidate of a sitting."""
    who = connection.execute(select(person.c.name, person.c.identity_masked).where(person.c.id == person_id)).one()
    former = connection.execute(select(alias.c.name).where(alias.c.person_id == person_id).order_by(alias.c.id)).scalars()
    attempts = _attempts(connection, person_id)
    events = [
        (one.sitting_id, one.title, event) for one in attempts for event in events_of(connection, one.sitting_id, person_id).get(person_id, ())
    ]
    return Life(
        who.name, tuple(former), who.identity_masked, attempts, sorted(events, key=lambda found: -found[2].at),
        _marks(connection, known.id, person_id), _changes(connection, known.id, person_id),
        _records(home, connection, known.id, person_id), failed_issue(connection, known.id),
    )  # fmt: skip


def _attempts(connection: Connection, person_id: int) -> list[Attempt]:
    newer = record.alias("newer")
    rows = connection.execute(
        select(
            sitting.c.id, sitting.c.title, sitting.c.kind, sitting.c.opens_at, sitting.c.resit_of, candidate.c.admission_no,
            record.c.outcome, record.c.total, record.c.statement, script.c.started_at, script.c.finished_at, script.c.closed_by,
        )
        .join(candidate, candidate.c.sitting_id == sitting.c.id)
        .outerjoin(script, (script.c.sitting_id == sitting.c.id) & (script.c.person_id == candidate.c.person_id))
        .outerjoin(record, (record.c.sitting_id == sitting.c.id) & (record.c.person_id == candidate.c.person_id))
        .outerjoin(newer, newer.c.supersedes == record.c.id)
        .where(candidate.c.person_id == person_id, newer.c.id.is_(None))
        .order_by(sitting.c.opens_at, sitting.c.id)
    )  # fmt: skip
    return [
        Attempt(
            row.id, row.title, row.kind, row.opens_at, row.admission_no, row.resit_of, row.outcome or "",
            OUTCOMES[row.outcome].title if row.outcome else "待定", None if row.total is None else Fraction(row.total),
            OUTCOMES[json.loads(row.statement)["body"]["result"]["final"]].title if row.statement else "",
            row.started_at, row.finished_at, row.closed_by or "",
        )
        for row in rows
    ]  # fmt: skip


def _marks(connection: Connection, sitting_id: str, person_id: int) -> list[MarkLine]:
    rows = connection.execute(
        select(mark).where(mark.c.sitting_id == sitting_id, mark.c.person_id == person_id).order_by(mark.c.question)
    )
    return [
        MarkLine(
            row.question, row.part, row.item, None if row.points is None else Fraction(row.points), Fraction(row.max_points),
            row.state, row.rule, row.key_hash, row.by, row.at, row.comment or "",
        )
        for row in rows
    ]  # fmt: skip


def _changes(connection: Connection, sitting_id: str, person_id: int) -> list[ChangeLine]:
    rows = connection.execute(
        select(mark_change).where(mark_change.c.sitting_id == sitting_id, mark_change.c.person_id == person_id).order_by(mark_change.c.id)
    )
    return [
        ChangeLine(
            row.question, None if row.old_points is None else Fraction(row.old_points),
            None if row.new_points is None else Fraction(row.new_points), row.by, row.at, row.reason,
        )
        for row in rows
    ]  # fmt: skip


def _records(home: Home, connection: Connection, sitting_id: str, person_id: int) -> list[RecordLine]:
    key = public_key(home)
    rows = connection.execute(
        select(record, record_payload.c.columns)
        .outerjoin(record_payload, record_payload.c.record_id == record.c.id)
        .where(record.c.sitting_id == sitting_id, record.c.person_id == person_id)
        .order_by(record.c.issued_at.desc(), record.c.id)
    ).all()
    newer = {row.supersedes: row.id for row in rows if row.supersedes}
    made: dict[str, list[tuple[str, str, int, str, int | None]]] = {}
    for row in connection.execute(
        select(certificate).where(certificate.c.record_id.in_([row.id for row in rows])).order_by(certificate.c.made_at)
    ):
        made.setdefault(row.record_id, []).append((row.id, row.kind, row.made_at, row.made_by, row.revoked_at))
    lines = []
    for row in rows:
        columns = json.loads(row.columns) if row.columns else None
        lines.append(
            RecordLine(
                row.id, row.issued_at, row.issued_by, row.outcome, None if row.total is None else Fraction(row.total), row.supersedes,
                newer.get(row.id), genuine(row.statement, row.digest, row.signature, key),
                tuple(json.loads(row.statement).get("corrected", ())), (columns or {}).get(REASON, ""), columns, tuple(made.get(row.id, ())),
            )
        )  # fmt: skip
    # the chain decides about the order, for two may be of the same millisecond
    order, here = [], next((line for line in lines if line.superseded_by is None), None)
    by_id = {line.id: line for line in lines}
    while here is not None:
        order.append(here)
        here = by_id.get(here.supersedes or "")
    return order


def failed_issue(connection: Connection, sitting_id: str) -> tuple[int, str] | None:
    """(when, why) where the newest issue of a sitting's records did not go through."""
    rows = connection.execute(
        select(job).where(job.c.kind == "issue_records").order_by(job.c.id.desc()).limit(200)
    )
    for row in rows:
        if json.loads(row.arguments).get("sitting") == sitting_id:
            return (row.ended_at or row.asked_at, row.message or "") if row.state == "failed" else None
    return None

