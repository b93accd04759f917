"""The roll of a sitting: every candidate once, with labels, events, script and marks by part, read in a few queries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import lru_cache

from sqlalchemy import Connection, select

from exams.events import CandidateEvent, events_of
from exams.sittings import Sitting
from exams.tables import candidate, paper, script, sitting
from grading.cut import PartMarks
from grading.errors import RecordError
from grading.outcome import Earlier
from grading.paper_marks.register import paper_hands, paper_sources
from grading.tables import mark, record
from home import BEIJING, digest
from people.tables import person

fraction = lru_cache(4096)(Fraction)


@dataclass(frozen=True)
class ScriptFacts:
    """When a script was written; instants ms UTC. ``closed_by``: handin | time | officer | paper.

    ``hands``: who typed a script from paper first, who second, who settled differences; ``source``: which answers count of somebody
    who had begun in the hall (grading.paper_marks.register.SOURCES).
    """

    form: str
    started_at: int
    finished_at: int
    closed_by: str
    hands: tuple[str, str, str] | None = None
    source: str = ""


@dataclass(frozen=True)
class MarkFacts:
    """What a script's marks come to, and the digest of what they rest on."""

    parts: tuple[PartMarks, ...]
    markers: tuple[str, ...]        # "machine" and logins
    rules: tuple[str, ...]
    keys_digest: str                # over question and key hash
    marks_digest: str               # over question, points, marker


@dataclass(frozen=True)
class Candidate:
    """One line of the roll. Labels are those of the roster of the day."""

    person_id: int
    pseudonym: str
    name: str
    gender: str
    birth: date | None
    identity_masked: str
    admission_no: str
    form: str
    unit_label: str
    post_label: str
    proposed_post: str
    rank_label: str
    channel: str
    remark: str
    events: tuple[CandidateEvent, ...]
    script: ScriptFacts | None
    marks: MarkFacts | None


@dataclass(frozen=True)
class PaperFacts:
    """Provenance of the paper."""

    digest: str
    as_of: date


def day_of(instant: int) -> date:
    """The calendar day of an instant (ms UTC) in Beijing."""
    return datetime.fromtimestamp(instant / 1000, UTC).astimezone(BEIJING).date()


def paper_facts(connection: Connection, known: Sitting) -> PaperFacts:
    """Digest and law date of the sitting's paper.

    :raises RecordError: it has none.
    """
    row = connection.execute(select(paper.c.digest, paper.c.as_of).where(paper.c.id == known.paper_id)).first()
    if row is None:
        raise RecordError(f"“{known.title}”没有试卷，不能签发成绩记录")
    return PaperFacts(row.digest, row.as_of)


def read_roll(connection: Connection, sitting_id: str) -> tuple[Candidate, ...]:
    """Every candidate of a sitting in the order of admission numbers."""
    rows = connection.execute(
        select(candidate, person.c.name, person.c.gender, person.c.birth, person.c.identity_masked)
        .join(person, person.c.id == candidate.c.person_id)
        .where(candidate.c.sitting_id == sitting_id)
        .order_by(candidate.c.admission_no)
    ).all()
    events = events_of(connection, sitting_id)
    hands, sources = paper_hands(connection, sitting_id), paper_sources(connection, sitting_id)
    scripts = {
        row.person_id: ScriptFacts(row.form, row.started_at, row.finished_at, row.closed_by, hands.get(row.person_id), sources.get(row.person_id, ""))
        for row in connection.execute(
            select(script.c.person_id, script.c.form, script.c.started_at, script.c.finished_at, script.c.closed_by).where(
                script.c.sitting_id == sitting_id
            )
        )
    }
    marks = _marks(connection, sitting_id)
    return tuple(
        Candidate(
            row.person_id, row.pseudonym, row.name, row.gender or "", row.birth, row.identity_masked, row.admission_no, row.form or "",
            row.unit_label, row.post_label or "", row.proposed_post or "", row.rank_label or "", row.channel or "",
            row.remark or "", events.get(row.person_id, ()), scripts.get(row.person_id), marks.get(row.person_id),
        )
        for row in rows
    )  # fmt: skip


def _marks(connection: Connection, sitting_id: str) -> dict[int, MarkFacts]:
    columns = (mark.c.person_id, mark.c.question, mark.c.part, mark.c.points, mark.c.max_points, mark.c.rule, mark.c.key_hash, mark.c.by)
    query = select(*columns).where(mark.c.sitting_id == sitting_id).order_by(mark.c.person_id, mark.c.question)
    found: dict[int, MarkFacts] = {}
    group: list[tuple[str, str, str | None, str, str, str, str]] = []
    current = -1
    for row in connection.execute(query, execution_options={"yield_per": 5000}):
        if row.person_id != current and group:
            found[current] = _facts(group)
            group = []
        current = row.person_id
        group.append(tuple(row)[1:])
    if group:
        found[current] = _facts(group)
    return found


def _facts(group: Sequence[tuple[str, str, str | None, str, str, str, str]]) -> MarkFacts:
    earned: dict[str, tuple[Fraction, Fraction]] = {}
    for _question, part, points, most, _rule, _key, _by in group:
        so_far, out_of = earned.get(part, (Fraction(0), Fraction(0)))
        earned[part] = (so_far + fraction(points or "0"), out_of + fraction(most))
    return MarkFacts(
        tuple(PartMarks(part, points, most) for part, (points, most) in earned.items()),
        tuple(sorted({row[6] for row in group})),
        tuple(sorted({row[4] for row in group})),
        digest([[row[0], row[5]] for row in group]),
        digest([[row[0], row[2], row[6]] for row in group]),
    )


def chain_of(connection: Connection, known: Sitting) -> tuple[str, ...]:
    """Ids of the earlier sittings that this one is a resit of, the first sitting first.

    :raises RecordError: the chain runs in a circle.
    """
    chain: list[str] = []
    previous = known.resit_of
    while previous is not None:
        if previous in chain or previous == known.id:
            raise RecordError(f"“{known.title}”的补考关系成环；请更正场次设置")
        chain.append(previous)
        previous = connection.execute(select(sitting.c.resit_of).where(sitting.c.id == previous)).scalar()
    return tuple(reversed(chain))


def earlier_attempts(connection: Connection, chain: Iterable[str]) -> Mapping[int, tuple[Earlier, ...]]:
    """Standing records of the sittings of ``chain`` by person, in the chain's order.

    :raises RecordError: an earlier sitting has a candidate without a record.
    """
    found: dict[int, tuple[Earlier, ...]] = {}
    for one in chain:
        opened = connection.execute(select(sitting.c.title, sitting.c.opens_at).where(sitting.c.id == one)).one()
        rows = connection.execute(current(one)).all()
        due = set(connection.execute(select(candidate.c.person_id).where(candidate.c.sitting_id == one)).scalars())
        if due - {row.person_id for row in rows}:
            raise RecordError(f"首考“{opened.title}”还有考生没有成绩记录；请先签发该场成绩")
        for row in rows:
            total = None if row.total is None else Fraction(row.total)
            open_still = json.loads(row.statement)["body"]["result"].get("may_resit", True)
            attempt = Earlier(one, row.outcome, total, day_of(opened.opens_at), row.valid_until, open_still)
            found[row.person_id] = (*found.get(row.person_id, ()), attempt)
    return found


def current(sitting_id: str):  # type: ignore[no-untyped-def]  # a Select over the whole table; its type says nothing
    """Select the standing records of a sitting: those that no other record supersedes."""
    newer = record.alias("newer")
    return (
        select(record)
        .outerjoin(newer, newer.c.supersedes == record.c.id)
        .where(record.c.sitting_id == sitting_id, newer.c.id.is_(None))
        .order_by(record.c.person_id)
    )
