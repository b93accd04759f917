"""What happened to a candidate outside the paper: absent, deferred, exempt, misconduct, void; who decided it and why.

Which event may follow which is one table (:data:`MOVES`). An event is never deleted: it is revoked by a second entry with its
own author, instant and reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, exists, select, update

from exams.errors import SittingError
from exams.policy import EXEMPTIONS, add_months
from exams.sittings import Sitting, get_sitting
from exams.tables import candidate, candidate_event, script
from home import OFFICE, audit, local_text, now_ms
from people.tables import document


@dataclass(frozen=True)
class EventKind:
    """One kind of event. ``bars``: the candidate may not start (or go on with) the paper while it stands.

    ``rank``: of several that stand the highest decides, whatever came first; 0 decides nothing.
    """

    title: str
    bars: bool
    needs_document: bool
    rank: int


#: States of domain.md A.11; which document an office must name is the profile's matter, here only whether one is needed.
KINDS = {
    "absent": EventKind("缺考", bars=False, needs_document=False, rank=1),
    "deferred": EventKind("缓考", bars=True, needs_document=True, rank=2),
    "exempt": EventKind("免试", bars=True, needs_document=True, rank=3),
    "exempt_part": EventKind("免考部分", bars=False, needs_document=True, rank=0),
    "misconduct": EventKind("违纪（成绩无效）", bars=True, needs_document=False, rank=4),
    "void": EventKind("取消资格", bars=True, needs_document=False, rank=5),
}
#: what a candidate is before any event: on the list, or with a script in the office
STATES = {"due": "应考", "sat": "已考", **{code: kind.title for code, kind in KINDS.items()}}
#: what punishes
PENAL = frozenset(("misconduct", "void"))
#: state -> events that may be entered then; what is not here is refused
MOVES = {
    "due": frozenset(KINDS),
    "sat": PENAL,
    "absent": frozenset(("deferred",)) | PENAL,     # the stamped note came later
    "deferred": PENAL,
    "exempt": PENAL,                                # e.g. by a forged certificate
    "exempt_part": frozenset(KINDS) - {"exempt_part"},
    "misconduct": frozenset(("void",)),
    "void": frozenset[str](),
}
#: why a move is refused, where it can be said better than "revoke first"
_WHY = {
    ("sat", "absent"): "这名考生有答卷，不能登记缺考",
    ("sat", "deferred"): "这名考生已有答卷，不能再登记缓考",
    ("sat", "exempt"): "这名考生已有答卷，不能再登记免试",
    ("sat", "exempt_part"): "这名考生已有答卷，不能再登记免考部分",
}


@dataclass(frozen=True)
class CandidateEvent:
    """One standing or revoked event. Instants are ms UTC; ``ground`` and ``until`` are as in the table."""

    id: int
    person_id: int
    kind: str
    at: int
    by: str
    document_no: str | None
    reason: str
    revoked: bool
    ground: str | None = None
    until: date | None = None
    document_id: int | None = None
    document_name: str | None = None
    revoked_at: int | None = None
    revoked_by: str | None = None
    revoke_reason: str | None = None

    @property
    def title(self) -> str:
        return KINDS[self.kind].title

    @property
    def penal(self) -> bool:
        """Whether it punishes: misconduct or disqualification."""
        return self.kind in PENAL

    @property
    def ground_title(self) -> str:
        """The ground of an exemption in words."""
        return EXEMPTIONS[self.ground].title if self.ground in EXEMPTIONS else ""


@dataclass(frozen=True)
class Entry:
    """An event as staff enter it. ``ground``: a key of EXEMPTIONS, or a step of the profile's ladder."""

    kind: str
    reason: str
    document_no: str = ""
    ground: str = ""
    document_id: int | None = None


def record_event(
    connection: Connection, sitting_id: str, person_id: int, kind: str, *, by: str, reason: str, document_no: str | None = None,
    ground: str = "", document_id: int | None = None,
) -> int:  # fmt: skip
    """Enter an event in the caller's transaction on office.db; returns its id.

    :raises SittingError: unknown kind, no reason, a document or ground that is needed and missing or that the profile does
        not know, an event that may not follow what stands, or no such candidate. All that is wrong is told at once.
    """
    entry = Entry(kind, reason.strip(), (document_no or "").strip(), ground, document_id)
    known = check_event(connection, sitting_id, person_id, entry)
    months = known.profile.step(ground, kind).months if kind in PENAL else None
    moment = now_ms()
    until = add_months(date.fromisoformat(local_text(moment, "%Y-%m-%d")), months) if months else None
    number = connection.execute(
        candidate_event.insert().values(
            sitting_id=sitting_id, person_id=person_id, kind=kind, at=moment, by=by, document_no=entry.document_no or None,
            reason=entry.reason, ground=entry.ground or None, document_id=document_id, until=until,
        )
    ).inserted_primary_key[0]  # type: ignore[index]  # fmt: skip
    audit(connection, OFFICE, by, "candidate.event", f"{sitting_id}/{person_id}", kind=kind, document_no=entry.document_no,
          ground=entry.ground, attachment=document_id)  # fmt: skip
    return int(number)


def check_event(connection: Connection, sitting_id: str, person_id: int, entry: Entry) -> Sitting:
    """Whether an event may be entered as things stand now; returns the sitting. The candidate's row is locked.

    :raises SittingError: as :func:`record_event`.
    """
    if entry.kind not in KINDS:
        raise SittingError(f"没有“{entry.kind}”这种考生事件；可用：{'、'.join(k.title for k in KINDS.values())}")
    here = candidate.c.sitting_id == sitting_id, candidate.c.person_id == person_id
    if connection.execute(select(candidate.c.person_id).where(*here).with_for_update()).first() is None:
        raise SittingError("该考生不在本场名单内，未作登记")
    known = get_sitting(connection, sitting_id)
    faults = [*_faults(entry, known), *_forbidden(connection, known, person_id, entry.kind)]
    if faults:
        raise SittingError("；".join(faults))
    return known


def _faults(entry: Entry, known: Sitting) -> list[str]:
    """What is wrong with an entry by itself and under the sitting's profile."""
    kind, rules = KINDS[entry.kind], known.profile
    faults = []
    if not 1 <= len(entry.reason) <= 500:
        faults.append("请写明事由（1 至 500 字）")
    if kind.needs_document and not entry.document_no:
        faults.append(f"{kind.title}须填写批准文号或证明编号")
    if len(entry.document_no) > 100:
        faults.append("文号过长；请控制在 100 字以内")
    if entry.kind == "deferred" and rules.absence.deferral_attachment and entry.document_id is None:
        faults.append(f"按本场办法，缓考须上传{rules.absence.deferral_needs or '证明'}")
    if entry.kind in ("exempt", "exempt_part"):
        faults += _exemption_faults(entry, known)
    if entry.kind in PENAL and entry.ground and entry.ground not in {step.id for step in rules.ladder if step.event == entry.kind}:
        faults.append("本场考试办法没有这一级处理；请重新选择")
    return faults


def _exemption_faults(entry: Entry, known: Sitting) -> list[str]:
    rules = known.profile
    allowed = [key for key in rules.exemptions if EXEMPTIONS[key].event == entry.kind]
    if entry.ground not in allowed:
        titles = "；".join(EXEMPTIONS[key].title for key in allowed)
        return [f"请选择{KINDS[entry.kind].title}的情形；本场考试办法规定的有：{titles or '无（本场办法不设此项）'}"]
    faults = []
    if EXEMPTIONS[entry.ground].attachment and entry.document_id is None:
        faults.append(f"“{EXEMPTIONS[entry.ground].title}”须上传{EXEMPTIONS[entry.ground].needs}")
    if entry.kind == "exempt_part":
        sections = {part.section for part in known.blueprint.parts}
        if rules.skipped_section not in sections or len(sections) < 2:
            faults.append(f"本场试卷没有单列“{rules.skipped_section}”，不能登记免考部分")
    return faults


def _forbidden(connection: Connection, known: Sitting, person_id: int, kind: str) -> list[str]:
    """Why the event may not follow what stands; nothing if it may."""
    state = state_of(connection, known.id, person_id)
    if kind in MOVES[state]:
        return []
    title = KINDS[kind].title
    return [_WHY.get((state, kind)) or f"现为“{STATES[state]}”，不能登记{title}；登记错了的，请先写明事由撤销，再登记"]


def state_of(connection: Connection, sitting_id: str, person_id: int) -> str:
    """Where a candidate stands (:data:`STATES`): by the events that stand, otherwise whether there is a script."""
    live = [one for one in events_of(connection, sitting_id, person_id).get(person_id, ()) if not one.revoked]
    event = standing(live)
    if event is not None:
        return event.kind
    written = select(exists().where(script.c.sitting_id == sitting_id, script.c.person_id == person_id))
    if connection.execute(written).scalar():
        return "sat"
    return "exempt_part" if live else "due"


def attach_document(connection: Connection, event_id: int, document_id: int, *, by: str) -> None:
    """File the scan of an event that was entered without one; what is on file already is never replaced.

    :raises SittingError: there is no such event, or it has its paper.
    """
    row = connection.execute(
        update(candidate_event)
        .where(candidate_event.c.id == event_id, candidate_event.c.document_id.is_(None))
        .values(document_id=document_id)
        .returning(candidate_event.c.sitting_id, candidate_event.c.person_id)
    ).first()
    if row is None:
        raise SittingError("该登记不存在，或已有附件；附件不能替换，确需更换的请撤销后重新登记")
    audit(connection, OFFICE, by, "candidate.event.attach", f"{row.sitting_id}/{row.person_id}", event=event_id, attachment=document_id)


def revoke_event(connection: Connection, event_id: int, *, by: str, reason: str) -> None:
    """Revoke an event that was entered by mistake; it stays on file.

    :raises SittingError: there is no such standing event, or no reason is given.
    """
    if not reason.strip():
        raise SittingError("请写明撤销事由")
    row = connection.execute(
        update(candidate_event)
        .where(candidate_event.c.id == event_id, candidate_event.c.revoked_at.is_(None))
        .values(revoked_at=now_ms(), revoked_by=by, revoke_reason=reason.strip()[:500])
        .returning(candidate_event.c.sitting_id, candidate_event.c.person_id)
    ).first()
    if row is None:
        raise SittingError("该事件不存在或已撤销")
    audit(connection, OFFICE, by, "candidate.event.revoke", f"{row.sitting_id}/{row.person_id}", event=event_id, reason=reason)


def events_of(connection: Connection, sitting_id: str, person_id: int | None = None) -> dict[int, tuple[CandidateEvent, ...]]:
    """All events of a sitting (or of one person in it) by person, oldest first, revoked ones included."""
    query = (
        select(candidate_event, document.c.name.label("document_name"))
        .outerjoin(document, document.c.id == candidate_event.c.document_id)
        .where(candidate_event.c.sitting_id == sitting_id)
        .order_by(candidate_event.c.id)
    )
    if person_id is not None:
        query = query.where(candidate_event.c.person_id == person_id)
    found: dict[int, tuple[CandidateEvent, ...]] = {}
    for row in connection.execute(query):
        event = CandidateEvent(
            row.id, row.person_id, row.kind, row.at, row.by, row.document_no, row.reason, row.revoked_at is not None, row.ground,
            row.until, row.document_id, row.document_name, row.revoked_at, row.revoked_by, row.revoke_reason,
        )  # fmt: skip
        found[row.person_id] = (*found.get(row.person_id, ()), event)
    return found


def standing(events: Iterable[CandidateEvent]) -> CandidateEvent | None:
    """The event that decides: of those not revoked the one of the highest rank, whatever the order they came in."""
    live = [event for event in events if not event.revoked and KINDS[event.kind].rank]
    return max(live, key=lambda event: (KINDS[event.kind].rank, event.id)) if live else None


def part_exemption(events: Iterable[CandidateEvent]) -> CandidateEvent | None:
    """The standing exemption from one section, if there is one."""
    return next((event for event in events if event.kind == "exempt_part" and not event.revoked), None)


def barred(events: Iterable[CandidateEvent]) -> bool:
    """Whether the candidate may not sit the paper."""
    event = standing(events)
    return event is not None and KINDS[event.kind].bars


def on_record_until(connection: Connection, person_id: int, day: date) -> date | None:
    """Until when misconduct of any sitting stays on record, if it still does on that day."""
    rows = connection.execute(
        select(candidate_event.c.until).where(
            candidate_event.c.person_id == person_id, candidate_event.c.revoked_at.is_(None), candidate_event.c.until >= day
        )
    ).scalars()
    return max((one for one in rows if one), default=None)

