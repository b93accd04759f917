"""What happened to a candidate outside the paper: absent, deferred, exempt, misconduct, void; who decided it and why.

An event is never deleted: it is revoked by a second entry with its own author and instant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from exams.errors import SittingError
from exams.tables import candidate, candidate_event
from home import OFFICE, audit, now_ms


@dataclass(frozen=True)
class EventKind:
    """One kind of event. ``bars``: the candidate may not start (or go on with) the paper while it stands."""

    title: str
    bars: bool
    needs_document: bool


#: States of domain.md A.11; which document an office must name is the profile's matter, here only whether one is needed.
KINDS = {
    "absent": EventKind("缺考", bars=False, needs_document=False),
    "deferred": EventKind("缓考", bars=True, needs_document=True),
    "exempt": EventKind("免试", bars=True, needs_document=True),
    "misconduct": EventKind("违纪（成绩无效）", bars=True, needs_document=False),
    "void": EventKind("取消资格", bars=True, needs_document=False),
}


@dataclass(frozen=True)
class CandidateEvent:
    """One standing or revoked event. ``at`` is ms UTC."""

    id: int
    person_id: int
    kind: str
    at: int
    by: str
    document_no: str | None
    reason: str
    revoked: bool

    @property
    def title(self) -> str:
        return KINDS[self.kind].title


def record_event(
    connection: Connection, sitting_id: str, person_id: int, kind: str, *, by: str, reason: str, document_no: str | None = None
) -> int:
    """Enter an event in the caller's transaction on office.db; returns its id.

    :raises SittingError: unknown kind, no reason, a document that is needed and missing, or no such candidate.
    """
    if kind not in KINDS:
        raise SittingError(f"没有“{kind}”这种考生事件；可用：{'、'.join(k.title for k in KINDS.values())}")
    reason, document_no = reason.strip(), (document_no or "").strip() or None
    if not reason or len(reason) > 500:
        raise SittingError("请写明事由（1 至 500 字）")
    if KINDS[kind].needs_document and not document_no:
        raise SittingError(f"{KINDS[kind].title}须填写批准文号或证明编号")
    known = connection.execute(
        select(candidate.c.person_id).where(candidate.c.sitting_id == sitting_id, candidate.c.person_id == person_id)
    ).first()
    if known is None:
        raise SittingError("该考生不在本场名单内，未作登记")
    number = connection.execute(
        candidate_event.insert().values(
            sitting_id=sitting_id, person_id=person_id, kind=kind, at=now_ms(), by=by, document_no=document_no, reason=reason
        )
    ).inserted_primary_key[0]  # type: ignore[index]
    audit(connection, OFFICE, by, "candidate.event", f"{sitting_id}/{person_id}", kind=kind, document_no=document_no)
    return int(number)


def revoke_event(connection: Connection, event_id: int, *, by: str, reason: str) -> None:
    """Revoke an event that was entered by mistake; it stays on file.

    :raises SittingError: there is no such standing event, or no reason is given.
    """
    if not reason.strip():
        raise SittingError("请写明撤销事由")
    row = connection.execute(
        update(candidate_event)
        .where(candidate_event.c.id == event_id, candidate_event.c.revoked_at.is_(None))
        .values(revoked_at=now_ms(), revoked_by=by)
        .returning(candidate_event.c.sitting_id, candidate_event.c.person_id)
    ).first()
    if row is None:
        raise SittingError("该事件不存在或已撤销")
    audit(connection, OFFICE, by, "candidate.event.revoke", f"{row.sitting_id}/{row.person_id}", event=event_id, reason=reason)


def events_of(connection: Connection, sitting_id: str) -> dict[int, tuple[CandidateEvent, ...]]:
    """All events of a sitting by person, oldest first, revoked ones included."""
    rows = connection.execute(
        select(candidate_event).where(candidate_event.c.sitting_id == sitting_id).order_by(candidate_event.c.id)
    )
    found: dict[int, tuple[CandidateEvent, ...]] = {}
    for row in rows:
        event = CandidateEvent(
            row.id, row.person_id, row.kind, row.at, row.by, row.document_no, row.reason, row.revoked_at is not None
        )
        found[row.person_id] = (*found.get(row.person_id, ()), event)
    return found


def standing(events: Iterable[CandidateEvent]) -> CandidateEvent | None:
    """The event that counts: the newest that is not revoked."""
    live = [event for event in events if not event.revoked]
    return live[-1] if live else None


def barred(events: Iterable[CandidateEvent]) -> bool:
    """Whether the candidate may not sit the paper."""
    event = standing(events)
    return event is not None and KINDS[event.kind].bars
