"""A form that is sent after the log-in has run out: what was typed waits, sealed, in the log-in page, and stands in its own page again
when the same person has logged in. Nothing is done before he sends it once more.

Only a form of a page of that very log-in is kept (it has its CSRF token), so that nobody can have somebody else's form filled in
from outside; only for the same account, for an hour. Files are to be chosen anew.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from starlette.responses import Response

from hall.office.refusals import Posted, shown_again
from hall.office.sessions import find_session
from hall.office.visit import Refused, Visit
from hall.office.way import Pages, Way
from home import Home
from people.errors import IdentityError
from people.sealing import seal, unseal

PURPOSE, KEPT_MS = "lapsed-form", 3_600_000
#: what the log-in form takes back in one field
LONGEST = 64 * 1024
NOTICE = ("bad", "登录已失效，刚才填写的还没有提交，已经留着。请重新登录，系统会把它放回原来的页面。")
_TOLD = "登录失效后您已重新登录；刚才填写的在下面，请核对后再提交一次"
_FILES = "（文件要重新选择）"


def keep_form(home: Home, account_id: int, way: Way, sent: Mapping[str, object], now: int) -> str:
    """What the log-in page carries; empty if it is too much. ``sent``: action, path, stood_on, fields, files."""
    body = json.dumps({**sent, "way": way.name, "at": now}, ensure_ascii=False)
    sealed = urlsafe_b64encode(seal(home.key("identity"), PURPOSE, body.encode(), str(account_id))).decode()
    return sealed if len(sealed) <= LONGEST else ""


def kept_form(home: Home, ways: Mapping[str, Way], pages: Pages, kept: str, token: str, now: int) -> Response | None:
    """The page with the form as it was filled in, for whoever has just logged in with ``token``; None: nothing of his, or too old."""
    session = find_session(home, token, now)
    assert session is not None
    try:
        body = json.loads(unseal(home.key("identity"), PURPOSE, urlsafe_b64decode(kept), str(session.staff.id)))
    except (IdentityError, ValueError):
        return None
    way = ways.get(body["way"])
    if way is None or not 0 <= now - body["at"] <= KEPT_MS:
        return None
    visit = Visit(home, session, now, body["path"], {}, body["fields"])
    return shown_again(Posted(visit, body["action"], body["stood_on"]), way, pages, Refused(_TOLD + (_FILES if body["files"] else "")))
