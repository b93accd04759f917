"""Who acted in which role in a sitting, as the audit trail has it; what counts is what a person did, not what roles he holds."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, MetaData, or_, select

from exams.policy import Waiver
from exams.sittings import Sitting
from home import AUDIT, OFFICE

#: audited act -> the role in which it was done; its subject is the sitting, or begins with the sitting and a slash
ACTS = {
    "sitting.create": "exam_officer", "sitting.roster": "exam_officer", "sitting.roster.remove": "exam_officer",
    "paper.build": "exam_officer", "sitting.open": "exam_officer", "sitting.close": "exam_officer", "codes.issue": "exam_officer",
    "candidate.event": "exam_officer", "candidate.event.revoke": "exam_officer", "mark.manual": "marker",
    "paper.print": "exam_officer", "paper.register": "exam_officer", "paper.source": "exam_officer", "paper.enter": "marker",
    "paper.settle": "marker", "records.issue": "hr",
}  # fmt: skip


def roles_played(connection: Connection, metadata: MetaData, sitting_id: str) -> dict[str, frozenset[str]]:
    """{actor: roles} of everybody who acted in a sitting, from one database's trail."""
    table = AUDIT[metadata]
    here = or_(table.c.subject == sitting_id, table.c.subject.startswith(f"{sitting_id}/", autoescape=True))
    query = select(table.c.actor, table.c.action).where(table.c.action.in_(ACTS), here).distinct()
    found: dict[str, set[str]] = defaultdict(set)
    for actor, action in connection.execute(query):
        found[actor].add(ACTS[action])
    return {actor: frozenset(roles) for actor, roles in found.items()}


def waivers_used(office: Connection, known: Sitting) -> tuple[Waiver, ...]:
    """Waivers of the profile that this sitting made use of: their notes are printed on its documents."""
    played = roles_played(office, OFFICE, known.id).values()
    return tuple(waiver for waiver in known.profile.duties.waivers if any(waiver.roles <= roles for roles in played))
