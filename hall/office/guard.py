"""The gate of every office page: session, role, CSRF token, bounded form; then the handler, in a thread of its own.

Default deny: a route of the table names its roles; who holds none of them gets 403, whatever the handler would say. An act in
a sitting by a role of its own also passes :mod:`hall.office.duties`; nobody acts on himself (:mod:`hall.office.concerns`).
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hall.office.concerns import refuse_own
from hall.office.duties import refuse_conflict
from hall.office.lapsed import keep_form
from hall.office.pages import error_page
from hall.office.refusals import REFUSALS, Posted, let_go, posted, shown_again, stood_on, with_kept_files
from hall.office.sessions import find_lapsed, find_session
from hall.office.visit import NotHere, Recused, Upload, Visit
from hall.office.way import Pages, Way
from home import OFFICE, Home, audit, now_ms, transaction

#: A roster of 10,000 rows is under 2 MB.
LARGEST_BODY = 12 * 1024 * 1024
#: The editor of a list's columns has two fields a column; an answer sheet one a question.
MOST_FIELDS = 320
MOST_FILES = 2
LONGEST_FIELD = 64 * 1024

Endpoint = Callable[[Request], Awaitable[Response]]


def cookie_name(secure: bool) -> str:
    """The session cookie; over TLS with the prefix that binds it to this host and to https."""
    return "__Host-office" if secure else "office"


def guarded(way: Way, home: Home, pages: Pages, log_in: Callable[[str], Response], *, secure: bool) -> Endpoint:
    """The endpoint of one route of a table with these pages; ``log_in``: the log-in page that carries a form (:mod:`hall.office.lapsed`)."""

    async def endpoint(request: Request) -> Response:
        session = await run_in_threadpool(find_session, home, request.cookies.get(cookie_name(secure)), now_ms())
        if session is None:
            kept = await _kept(way, request, home, secure) if way.method == "POST" else ""
            return log_in(kept) if kept else _log_in_again(way)
        if not session.staff.roles & way.roles:
            return await run_in_threadpool(
                error_page, 403, "您的岗位不能使用本页", "请由有权限的工作人员办理；岗位由系统管理员分配。", home, session
            )
        form, uploads = await read_form(request) if way.method == "POST" else ({}, {})
        if way.method == "POST" and not _same_site(request, form, session.csrf):
            return await run_in_threadpool(
                error_page, 403, "页面已过期", "本次操作没有执行。请返回上一页，刷新后重新操作。", home, session
            )
        path = {name: str(value) for name, value in request.path_params.items()}
        query = dict(request.query_params)
        if any("\0" in value for group in (path, query, form) for value in (*group, *group.values())):
            raise HTTPException(400)
        visit = Visit(home, session, now_ms(), path, query, form, uploads)
        if way.method == "POST":
            return await run_in_threadpool(_handle_form, way, posted(request, visit), pages)
        return await run_in_threadpool(_handle, way, visit)

    return endpoint


def _handle(way: Way, visit: Visit) -> Response:
    try:
        refuse_own(visit, way.concerns)
        return way.handler(visit)
    except NotHere as error:
        return error_page(404, "没有找到", str(error), visit.home, visit.session)
    except REFUSALS as error:
        _note(way, visit, error)
        return error_page(409, "没有执行", str(error), visit.home, visit.session)


def _handle_form(way: Way, sent: Posted, pages: Pages) -> Response:
    visit = sent.visit
    try:
        refuse_own(visit, way.concerns)
        if len(way.roles) == 1 and "sitting" in visit.path:
            refuse_conflict(visit, visit.sitting(), next(iter(way.roles)))
        sent = with_kept_files(sent)
        answer = way.handler(sent.visit)
    except NotHere as error:
        return error_page(404, "没有找到", str(error), visit.home, visit.session)
    except REFUSALS as error:
        _note(way, visit, error)
        return shown_again(sent, way, pages, error)
    if answer.status_code < 400:
        let_go(sent)
    return answer


def _note(way: Way, visit: Visit, error: Exception) -> None:
    """That somebody wanted to act on himself is on record."""
    if isinstance(error, Recused):
        with transaction(visit.home.office) as connection:
            audit(connection, OFFICE, visit.by, "own.refused", "/".join((way.name, *visit.path.values()))[:128])


def _log_in_again(way: Way) -> Response:
    if way.path.endswith(".json"):
        return Response("{}", 401, media_type="application/json")
    return RedirectResponse("/login" if way.method == "GET" else "/login?expired=1", 303)


async def _kept(way: Way, request: Request, home: Home, secure: bool) -> str:
    """A form of a log-in that has run out, for the log-in page to carry; empty if it is none."""
    lapsed = await run_in_threadpool(find_lapsed, home, request.cookies.get(cookie_name(secure)))
    if lapsed is None:
        return ""
    account_id, csrf = lapsed
    form, uploads = await read_form(request)
    if not _same_site(request, form, csrf):
        return ""
    sent = {
        "action": request.scope["path"], "path": {name: str(value) for name, value in request.path_params.items()},
        "stood_on": stood_on(request, form), "fields": form, "files": bool(uploads),
    }  # fmt: skip
    return await run_in_threadpool(keep_form, home, account_id, way, sent, now_ms())


def _same_site(request: Request, form: Mapping[str, str], csrf: str) -> bool:
    """Whether the form came from one of our own pages of the session with this token."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    return hmac.compare_digest(form.get("csrf", "").encode(), csrf.encode())


async def read_form(request: Request) -> tuple[dict[str, str], dict[str, Upload]]:
    """Read a bounded form; anything malformed or beyond the bounds ends in HTTP 400.

    The last of equal names counts; a file field without a chosen file is not there.
    """
    uploads: dict[str, Upload] = {}
    fields: dict[str, str] = {}
    async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD) as form:
        for name, value in _items(form):
            if isinstance(value, UploadFile):
                if value.filename:
                    uploads[name] = Upload(value.filename[-200:], await value.read())
            elif len(value) > LONGEST_FIELD:
                raise HTTPException(400)
            else:
                fields[name] = value
    return fields, uploads


def _items(form: FormData) -> list[tuple[str, UploadFile | str]]:
    if len(form.multi_items()) > MOST_FIELDS + MOST_FILES:
        raise HTTPException(400)
    return form.multi_items()
