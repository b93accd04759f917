"""Lists with full identity numbers: asked for here, granted by another person, made by the worker, taken by whoever asked."""

from __future__ import annotations

from starlette.responses import FileResponse, Response

from grading import identity_export as numbers
from grading.errors import ExportError
from grading.identity_export import ALLOWED, LONGEST_DAYS
from grading.lists.kinds import LISTS
from grading.lists.layout import saved_names
from grading.lists.scope import DAYS
from hall.office.jobs import STATES, ask, recent_jobs, title_of
from hall.office.lists import asked_scope, kind_of, offered_sittings
from hall.office.pages import go, page
from hall.office.visit import NotHere, Visit
from home import OFFICE, Home, audit, transaction
from people import approvals
from people.errors import PeopleError


def numbers_page(visit: Visit) -> Response:
    """``GET /numbers?list=``."""
    return _page(visit, "")


def _page(visit: Visit, password: str) -> Response:
    kind = kind_of(visit.query.get("list", "passed"))
    if kind.key not in ALLOWED:
        raise NotHere("这种名册没有证件号码；请另选一种")
    with visit.home.office.connect() as connection:
        asked = [(one, _state(visit.home, one, visit.now)) for one in numbers.requests_of(connection, visit.by)]
        offered, own = offered_sittings(connection), saved_names(connection, kind.key)
        jobs = [one for one in recent_jobs(connection, visit.now) if one.title == title_of("export_numbers") and one.asked_by == visit.by][:2]
    return page(
        visit, "numbers.html", lists=[LISTS[key] for key in ALLOWED], kind=kind, sittings=offered, own=own, asked=asked, jobs=jobs,
        STATES=STATES, days=DAYS, password=password, LONGEST_DAYS=LONGEST_DAYS, delete_at=numbers.delete_at,
    )  # fmt: skip


def _state(home: Home, one: approvals.Approval, now: int) -> str:
    if one.used_at is not None:
        return "made" if numbers.file_of(home, one, now) else "gone"
    if one.granted is False:
        return "refused"
    if one.expires_at <= now:
        return "expired"
    return "granted" if one.granted else "waiting"


def ask_numbers(visit: Visit) -> Response:
    """``POST /numbers``."""
    kind = kind_of(visit.form.get("list", ""))
    purpose = visit.text("purpose", "用途", 200)
    recipient = visit.text("recipient", "接收单位", 100)
    days = visit.whole("keep", "保存天数", 1, LONGEST_DAYS)
    with transaction(visit.home.office) as connection:
        scope = asked_scope(visit, connection, kind)
        numbers.ask_numbers(connection, numbers.Request(kind, scope, visit.form.get("set", ""), recipient, days), visit.by, purpose)
    return go(visit, "numbers", good="已提交申请。请另一位工作人员在“待审批”里批准，批准后回到本页制作文件。", query=f"list={kind.key}")


def make_numbers(visit: Visit) -> Response:
    """``POST /numbers/{request}/make``: the page that answers shows the password, this once."""
    ident = _request(visit)
    password = numbers.hand_over_password(visit.home, ident, visit.by)
    ask(visit, "export_numbers", None, approval=ident)
    return _page(visit, password)


def take_numbers(visit: Visit) -> Response:
    """``GET /numbers/{request}/file``: only for whoever asked, while its time lasts; recorded."""
    ident = _request(visit)
    try:
        with visit.home.office.connect() as connection:
            known = approvals.get(connection, ident)
    except PeopleError:
        known = None
    mine = known is not None and known.asked_by == visit.by and known.act == numbers.ACT
    path = numbers.file_of(visit.home, known, visit.now) if known is not None and mine else None
    if known is None or path is None:
        raise NotHere("没有这个文件；可能已到期删除，需要时请重新申请")
    with transaction(visit.home.office) as connection:
        audit(connection, OFFICE, visit.by, "identity.download", known.subject, approval=ident)
    return FileResponse(path, filename=f"{numbers.Allowed.read(known).kind.title}-完整证件号码-{ident}.xlsx",
                        media_type="application/octet-stream", headers={"cache-control": "no-store"})  # fmt: skip


def _request(visit: Visit) -> int:
    text = visit.path["request"]
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise ExportError("没有这项申请")
    return int(text)
