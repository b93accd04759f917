"""补考名单: who may sit again, as :mod:`grading.entitlement` decides; whoever failed and may not is named below with the reason."""

from __future__ import annotations

from collections.abc import Sequence

from grading.entitlement import Claim, resit_claims
from grading.listing import NAMED, Line
from grading.lists.candidates import OF_RECORD, made
from grading.lists.made import Columns, Made, Wanted
from grading.roll import current

LEFT, UNTIL, KIND = "可补考次数", "补考期限", "补考类别"
OF_RESIT = (*OF_RECORD, KIND, LEFT, UNTIL)


def resit(wanted: Wanted) -> Made:
    """Rows of those who are entitled today. Sittings without records have none: the line below says who is pending."""
    claims = {
        (known.id, claim.person_id): claim
        for known in wanted.sittings
        if wanted.connection.execute(current(known.id).limit(1)).first()
        for claim in resit_claims(wanted.connection, known, wanted.today)
    }
    outcomes = frozenset(wanted.values["outcomes"])
    refused: list[Claim] = []

    def choose(line: Line) -> Columns | None:
        claim = claims.get((line.sitting_id, line.person_id))
        if claim is None or claim.outcome not in outcomes:
            return None
        if not claim.entitled:
            refused.append(claim)
            return None
        left = "" if claim.outcome == "deferred" else str(claim.left)
        return {**line.columns, KIND: claim.why, LEFT: left, UNTIL: claim.until.isoformat() if claim.until else "没有规定"}

    return made(wanted, choose, lambda: _told(refused))


def _told(refused: Sequence[Claim]) -> list[str]:
    if not refused:
        return []
    more = " 等" if len(refused) > NAMED else ""
    return [f"没有列入的 {len(refused)} 人：" + "；".join(f"{one.name}（{one.why}）" for one in refused[:NAMED]) + f"{more}。"]
