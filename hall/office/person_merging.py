"""重复登记: HR names two entries of one person, sees them side by side, and asks for them to become one."""

from __future__ import annotations

from starlette.responses import Response

from grading.errors import GradingError
from grading.person_merging import ACT, Entry, ask_to_merge, obstacles, read_entry
from grading.roll import day_of
from hall.office.pages import go, page
from hall.office.visit import Refused, Visit
from home import transaction
from people.account_links import find_person
from people.approvals import ACTS
from people.errors import AccountError


def merge_page(visit: Visit) -> Response:
    """``GET /persons/merge``: asks for the two document numbers; with ``stays_id`` and ``goes_id`` both entries side by side."""
    ids = [visit.query.get(name, "") for name in ("stays_id", "goes_id")]
    if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in ids):
        return page(visit, "merge.html", entries=None, wrong=())
    with visit.home.office.connect() as connection:
        found = [read_entry(connection, int(text)) for text in ids]
        return page(visit, "merge.html", entries=found, wrong=obstacles(connection, found[0].id, found[1].id))


def compare(visit: Visit) -> Response:
    """``POST /persons/merge/compare``: both side by side. By POST, so that no number stands in an address."""
    found: list[Entry] = []
    faults: list[str] = []
    with visit.home.office.connect() as connection:
        for name, title in (("stays", "保留的证件号码"), ("goes", "并入的证件号码")):
            number = visit.text(name, title, 40)
            try:
                found.append(read_entry(connection, find_person(connection, visit.home.key("identity"), number, day_of(visit.now)).id))
            except (AccountError, GradingError):
                faults.append(f"“{title}”在人员库里没有登记；请核对")
        if faults:
            raise Refused("；".join(faults))
        wrong = obstacles(connection, found[0].id, found[1].id)
    return page(visit, "merge.html", entries=found, wrong=wrong)


def ask(visit: Visit) -> Response:
    """``POST /persons/merge``: asks for a second person's word."""
    if visit.form.get("agreed") != "on":
        raise Refused("没有提交：请先核对两条登记是同一个人，并勾选确认")
    stays, goes = (visit.whole(name, "人员编号", 1, 10**9 - 1) for name in ("stays_id", "goes_id"))
    reason = visit.text("reason", "核对依据", 500)
    with transaction(visit.home.office) as connection:
        ask_to_merge(connection, stays, goes, by=visit.by, reason=reason)
    return go(visit, "merge", good=f"已提交申请“{ACTS[ACT]}”。请另一位工作人员登录后，到上方“待审批”核对、批准；批准后立即合并。")
