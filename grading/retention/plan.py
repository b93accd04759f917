"""What is due to be erased, piece by piece, and what a hold keeps: read, shown, approved, and only then done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from exams.tables import candidate, entry, open_sitting, script, session, sitting
from grading.retention.holds import Hold, held_sittings, standing_holds
from grading.retention.policy import CLASSES, Policy, read_policy
from grading.tables import certification, certification_step, record, record_payload, training_hours
from home import AUDIT, EXAM, OFFICE, Home, digest
from people.tables import document


@dataclass(frozen=True)
class Piece:
    """Something that goes as a whole. ``subject``: sitting/…, document/…, file/…, audit/…; ``rows``: how many it is."""

    kind: str
    subject: str
    title: str
    rows: int
    held: bool = False


@dataclass(frozen=True)
class Plan:
    """What is due at ``at`` (ms UTC), what of it is held, and the cutoffs (ms UTC) it was found with."""

    at: int
    due: tuple[Piece, ...]
    held: tuple[Piece, ...]

    @property
    def digest(self) -> str:
        """What an approval covers: exactly these pieces."""
        return digest([asdict(piece) for piece in self.due])


@dataclass(frozen=True)
class _View:
    home: Home
    office: Connection
    exam: Connection
    sittings: Sequence[tuple[str, str, int]]      # id, title, closes_at of those that are over


def make_plan(home: Home, now: int) -> Plan:
    """Look for everything that the policy no longer keeps.

    :raises RetentionError: the policy is wrong.
    """
    policy = read_policy(home)
    with home.office.connect() as office, home.exam.connect() as exam:
        over = [
            (row.id, row.title, row.closes_at)
            for row in office.execute(select(sitting.c.id, sitting.c.title, sitting.c.closes_at).where(sitting.c.state.in_(("closed", "marked", "withdrawn"))))
        ]  # fmt: skip
        view, holds = _View(home, office, exam, over), standing_holds(office)
        sittings = held_sittings(office, holds)
        pieces = [_judged(piece, view, holds, sittings) for piece in _pieces(view, policy, now)]
    return Plan(now, tuple(one for one in pieces if not one.held), tuple(one for one in pieces if one.held))


def _pieces(view: _View, policy: Policy, now: int) -> Iterator[Piece]:
    for kind in CLASSES:
        cutoff = policy.cutoff(kind, now)
        if cutoff is not None:
            yield from _FIND[kind](view, cutoff)


def _judged(piece: Piece, view: _View, holds: Sequence[Hold], sittings: set[str]) -> Piece:
    place, _, name = piece.subject.partition("/")
    held = any(one.subject == "*" for one in holds) or (place == "sitting" and name in sittings) or bool(holds and place in ("audit", "file"))
    if place == "document":
        owner = view.office.execute(select(document.c.person_id).where(document.c.id == int(name))).scalar()
        held = held or any(one.subject == f"person/{owner}" for one in holds)
    return Piece(piece.kind, piece.subject, piece.title, piece.rows, held)


def _of_sittings(view: _View, kind: str, cutoff: int, count: Callable[[str], int]) -> Iterator[Piece]:
    for ident, title, closes_at in view.sittings:
        if closes_at < cutoff:
            rows = count(ident)
            if rows:
                yield Piece(kind, f"sitting/{ident}", title, rows)


def _sessions(view: _View, cutoff: int) -> Iterator[Piece]:
    def count(ident: str) -> int:
        of = select(entry.c.id).where(entry.c.sitting_id == ident)
        return int(view.exam.execute(select(func.count()).select_from(session).where(session.c.entry_id.in_(of))).scalar_one())

    return _of_sittings(view, "sessions", cutoff, count)


def _answers(view: _View, cutoff: int) -> Iterator[Piece]:
    def count(ident: str) -> int:
        written = select(func.count()).select_from(script).where(script.c.sitting_id == ident, script.c.answers != "{}")
        there = select(open_sitting.c.chain_n).where(open_sitting.c.id == ident, open_sitting.c.erased_at.is_(None))
        return int(view.office.execute(written).scalar_one()) + int(view.exam.execute(there).scalar() or 0)

    return _of_sittings(view, "answers", cutoff, count)


def _personal(view: _View, cutoff: int) -> Iterator[Piece]:
    def count(ident: str) -> int:
        named = select(func.count()).select_from(candidate).where(candidate.c.sitting_id == ident, candidate.c.unit_label != "")
        told = (
            select(func.count()).select_from(record_payload)
            .join(record, record.c.id == record_payload.c.record_id).where(record.c.sitting_id == ident)
        )  # fmt: skip
        return sum(int(view.office.execute(query).scalar_one()) for query in (named, told))

    return _of_sittings(view, "personal", cutoff, count)


def _documents(view: _View, cutoff: int) -> Iterator[Piece]:
    query = select(document.c.id, document.c.name).where(document.c.added_at < cutoff, document.c.erased_at.is_(None), *_not_rested_on())
    for row in view.office.execute(query.order_by(document.c.id)):
        yield Piece("documents", f"document/{row.id}", row.name, 1)


def _not_rested_on() -> tuple[ColumnElement[bool], ...]:
    """Over document: no certification that still stands, nor its steps, nor hours of whoever holds one, rest on the paper."""
    stands = certification.c.ended_on.is_(None), certification.c.revoked_at.is_(None)
    steps, hours = certification_step.c, training_hours.c
    alive = select(certification.c.id).where(*stands)
    holders = select(certification.c.person_id).where(*stands)
    of = (
        select(certification.c.document_id).where(*stands, certification.c.document_id.is_not(None)),
        select(steps.document_id).where(steps.certification_id.in_(alive), steps.revoked_at.is_(None), steps.document_id.is_not(None)),
        select(hours.document_id).where(hours.person_id.in_(holders), hours.revoked_at.is_(None), hours.document_id.is_not(None)),
    )
    return tuple(document.c.id.not_in(one) for one in of)


def _exports(view: _View, cutoff: int) -> Iterator[Piece]:
    for path in sorted(view.home.exports.iterdir()):
        if path.is_file() and path.stat().st_mtime * 1000 < cutoff:
            yield Piece("exports", f"file/{path.name}", path.name, 1)


def _audit(view: _View, cutoff: int) -> Iterator[Piece]:
    for name, metadata, connection in (("office", OFFICE, view.office), ("exam", EXAM, view.exam)):
        table = AUDIT[metadata]
        rows = connection.execute(
            select(func.count()).select_from(table).where(table.c.at < cutoff, table.c.payload.is_not(None))
        ).scalar_one()
        if rows:
            yield Piece("audit", f"audit/{name}", "操作记录", int(rows))


_FIND = {
    "sessions": _sessions, "exports": _exports, "answers": _answers, "documents": _documents, "personal": _personal, "audit": _audit,
}  # fmt: skip
