"""Code slips (考试码凭条): made and shown once, as the answer to the request that makes them; kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from starlette.responses import Response

from exams.opening import Slip, admission_of, issue_codes
from exams.tables import entry
from hall.office.live import picture_of
from hall.office.pages import page
from hall.office.rosters import the_candidate
from hall.office.visit import Refused, Visit
from home import AUDIT, EXAM

#: What must be ticked: printing again makes every slip that was handed out worthless.
AGREED = "yes"


@dataclass(frozen=True)
class Issue:
    """When codes were last made. ``n`` comes back with the form: a reloaded page must not make codes anew."""

    n: int = 0
    at: int = 0
    by: str = ""


def last_issue(visit: Visit, sitting_id: str) -> Issue:
    """The newest issue of this sitting."""
    table = AUDIT[EXAM]
    mine = table.c.action == "codes.issue", table.c.subject == sitting_id
    with visit.home.exam.connect() as connection:
        row = connection.execute(select(table.c.n, table.c.at, table.c.actor).where(*mine).order_by(table.c.n.desc()).limit(1)).first()
    return Issue(row.n, row.at, row.actor) if row else Issue()


def _refuse_repeated(visit: Visit, sitting_id: str) -> None:
    if visit.form.get("issue") != str(last_issue(visit, sitting_id).n):
        raise Refused("没有重新生成：这一页刷新过，或别人刚生成过考试码。已打印的仍然有效；确要重新生成，请从本页再操作一次")


def slips_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/slips``: what printing means."""
    known = visit.sitting()
    return page(visit, "slips.html", known=known, picture=picture_of(visit, known), issue=last_issue(visit, known.id))


def print_all(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/slips``: new codes for everybody who has not started."""
    known = visit.sitting()
    if visit.form.get("agreed") != AGREED:
        raise Refused("请先勾选“我已知道”，再生成考试码")
    _refuse_repeated(visit, known.id)
    with visit.home.exam.connect() as connection:
        out = set(connection.execute(select(entry.c.admission_no).where(entry.c.sitting_id == known.id, entry.c.barred)).scalars())
    slips = issue_codes(visit.home, known.id, visit.by, without=visit.staff.person_id)
    with visit.home.office.connect() as connection:
        own = admission_of(connection, known.id, visit.staff.person_id)
    return _sheet(visit, [slip for slip in slips if slip.admission_no not in out], own or "")


def print_one(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/candidates/{number}/slip``: a new code for one candidate."""
    known = visit.sitting()
    one = the_candidate(visit, known.id)
    _refuse_repeated(visit, known.id)
    return _sheet(visit, issue_codes(visit.home, known.id, visit.by, [one.admission_no]))


def _sheet(visit: Visit, slips: list[Slip], own: str = "") -> Response:
    """``own``: the number of whoever prints, who has to get his slip from another."""
    if not slips:
        raise Refused("本场考生都已开始作答，没有需要打印的考试码；个别补发请到该考生页面")
    return page(visit, "slip_sheet.html", slips=slips, sitting=visit.path["sitting"], own=own)
