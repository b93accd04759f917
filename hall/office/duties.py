"""Separation of duties within one sitting: who acted in one role does not act in a role that its profile keeps apart.

What counts is what a person did, as the audit trail has it, not which roles an account holds. A pair that the profile waives (a
small office) is allowed; the waiver's note is printed on the sitting's documents.
"""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, or_, select

from exams.sittings import Sitting
from hall.office.visit import Refused, Visit
from home import AUDIT, EXAM, OFFICE
from people.accounts import ROLES

#: audited act -> the role in which it was done; its subject is the sitting, or begins with the sitting and a slash
ACTS = {
    "sitting.create": "exam_officer", "sitting.roster": "exam_officer", "sitting.roster.remove": "exam_officer",
    "paper.build": "exam_officer", "sitting.open": "exam_officer", "sitting.close": "exam_officer", "codes.issue": "exam_officer",
    "candidate.event": "exam_officer", "candidate.event.revoke": "exam_officer", "mark.manual": "marker", "records.issue": "hr",
}  # fmt: skip


def roles_played(visit: Visit, sitting_id: str) -> frozenset[str]:
    """Roles in which this person has acted in this sitting."""
    with visit.home.office.connect() as office, visit.home.exam.connect() as exam:
        acts = _acts(office, OFFICE, visit.by, sitting_id) | _acts(exam, EXAM, visit.by, sitting_id)
    return frozenset(ACTS[act] for act in acts)


def _acts(connection: Connection, metadata: MetaData, actor: str, sitting_id: str) -> set[str]:
    table = AUDIT[metadata]
    here = or_(table.c.subject == sitting_id, table.c.subject.startswith(f"{sitting_id}/", autoescape=True))
    query = select(table.c.action).where(table.c.actor == actor, table.c.action.in_(ACTS), here).distinct()
    return set(connection.execute(query).scalars())


def refuse_conflict(visit: Visit, known: Sitting, role: str) -> None:
    """:raises Refused: this person acted in a role that the sitting's profile keeps apart from ``role``."""
    for other in sorted(roles_played(visit, known.id) - {role}):
        if known.profile.duties.conflicts(frozenset((role, other))):
            raise Refused(
                f"按本场考试办法，{ROLES[other].title}与{ROLES[role].title}不得由一人兼任；您已以{ROLES[other].title}身份办理过本场，"
                f"请换一位{ROLES[role].title}办理"
            )
