"""Separation of duties within one sitting: who acted in one role does not act in a role that its profile keeps apart.

A pair that the profile waives (a small office) is allowed; where it was made use of, its note is printed on the sitting's documents.
"""

from __future__ import annotations

from exams.duties import roles_played
from exams.sittings import Sitting
from hall.office.visit import Refused, Visit
from home import EXAM, OFFICE
from people.accounts import ROLES


def own_roles(visit: Visit, sitting_id: str) -> frozenset[str]:
    """Roles in which this person has acted in this sitting."""
    with visit.home.office.connect() as office, visit.home.exam.connect() as exam:
        trails = (roles_played(office, OFFICE, sitting_id), roles_played(exam, EXAM, sitting_id))
    return frozenset().union(*(played.get(visit.by, frozenset()) for played in trails))


def refuse_conflict(visit: Visit, known: Sitting, role: str) -> None:
    """:raises Refused: this person acted in a role that the sitting's profile keeps apart from ``role``."""
    for other in sorted(own_roles(visit, known.id) - {role}):
        if known.profile.duties.conflicts(frozenset((role, other))):
            raise Refused(
                f"按本场考试办法，{ROLES[other].title}与{ROLES[role].title}不得由一人兼任；您已以{ROLES[other].title}身份办理过本场，"
                f"请换一位{ROLES[role].title}办理"
            )
