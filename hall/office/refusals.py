"""A refused form: its own page again with the reason on top and everything as it was typed, HTTP 422; a readable file is kept.

Which page: the one that the form stood on (the browser says so, later attempts carry it), else the page at the same address,
else the route's ``back``. What was sent stands in for the page's query where that says nothing, so that the page is about the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from exams.answer_files import AnswerFileError
from exams.errors import ContentError, ExamsError
from grading.errors import GradingError
from hall.office.concerns import refuse_own
from hall.office.kept_uploads import Kept, keep_upload, kept_upload
from hall.office.pages import error_page
from hall.office.refill import DROPPED, KEPT, STOOD_ON, Sent, refill
from hall.office.sessions import LONGEST_NOTICE
from hall.office.visit import NotHere, Refused, Upload, Visit
from hall.office.way import Pages, Way
from people.errors import DocumentError, PeopleError, RosterError

#: What a handler may raise to refuse; anything else is a defect and ends in the page for those.
REFUSALS = (Refused, ExamsError, PeopleError, GradingError)
#: These are about the file itself: it is not kept, another is to be chosen.
_OF_THE_FILE = (DocumentError, RosterError, ContentError, AnswerFileError)
LONGEST_ADDRESS = 2000
PURPOSE = "refused-form"


@dataclass(frozen=True)
class Posted:
    """A POST on its way to the handler: from where, and which of its files were kept at an earlier attempt."""

    visit: Visit
    action: str
    stood_on: str
    kept: tuple[Kept, ...] = ()


def posted(request: Request, visit: Visit) -> Posted:
    """What was posted."""
    return Posted(visit, request.scope["path"], stood_on(request, visit.form))


def stood_on(request: Request, form: Mapping[str, str]) -> str:
    """The page that a form stood on: an address of our own, or empty."""
    named = form.get(STOOD_ON, "")
    if not named:
        told = urlsplit(request.headers.get("referer", "")[:LONGEST_ADDRESS])
        named = told._replace(scheme="", netloc="", fragment="").geturl() if told.netloc == request.headers.get("host") else ""
    ours = named.startswith("/") and not named.startswith("//") and len(named) <= LONGEST_ADDRESS
    return named if ours else ""


def with_kept_files(sent: Posted) -> Posted:
    """The same with the files of an earlier attempt where no other was chosen and they are still wanted.

    :raises Refused: it is kept no more.
    """
    visit, kept = sent.visit, dict[str, Kept]()
    for field in visit.form:
        name = field.removeprefix(KEPT)
        if name != field and name not in visit.uploads and not visit.form.get(DROPPED + name):
            kept[name] = kept_upload(visit, PURPOSE, f"{sent.action}#{name}", field)
    uploads = {**visit.uploads, **{name: Upload(one.name, one.data) for name, one in kept.items()}}
    return replace(sent, visit=replace(visit, uploads=uploads), kept=tuple(kept.values()))


def let_go(sent: Posted) -> None:
    """Remove what was kept at an earlier attempt: it was taken over, or is kept anew."""
    for one in sent.kept:
        one.path.unlink(missing_ok=True)


def shown_again(sent: Posted, way: Way, pages: Pages, error: Exception) -> Response:
    """The answer to a refused form."""
    reason = f"没有执行：{error}"[:LONGEST_NOTICE]
    files = {} if isinstance(error, _OF_THE_FILE) else _keep(sent)
    let_go(sent)
    plain: str | None = None
    for page, address, path, query in _candidates(sent, way, pages):
        text = _shown(sent.visit, page, path, query, reason)
        filled = text and refill(text, Sent(sent.action, sent.visit.form, files, address))
        if filled:
            return HTMLResponse(filled, 422)
        plain = text or plain
    if plain is not None:
        return HTMLResponse(plain, 422)
    return error_page(409, "没有执行", str(error), sent.visit.home, sent.visit.session)


def _keep(sent: Posted) -> dict[str, tuple[str, str]]:
    """{file field: (name, token)}; nothing where a file is all that the form asks for."""
    if not any(name not in ("csrf", STOOD_ON) and not name.startswith((KEPT, DROPPED)) for name in sent.visit.form):
        return {}
    return {name: (file.name, keep_upload(sent.visit, PURPOSE, f"{sent.action}#{name}", file)) for name, file in sent.visit.uploads.items() if file.data}


Candidate = tuple[Way, str, dict[str, str], dict[str, str]]


def _candidates(sent: Posted, way: Way, pages: Pages) -> Iterator[Candidate]:
    """(page, its address, what the path names, its query), the likeliest first; the last without the query, should that be refused."""
    told = urlsplit(sent.stood_on)
    query = {**sent.visit.form, **dict(parse_qsl(told.query, keep_blank_values=True, errors="replace"))}
    for address in (told.path, quote(sent.action)):
        if address and (found := pages.at(address)):
            yield found[0], sent.stood_on if address == told.path else address, found[1], query
    back = pages.named(way.back)
    if back is not None:
        for asked in (query, {}):
            yield back, "", dict(sent.visit.path), asked


def _shown(visit: Visit, page: Way, path: dict[str, str], query: dict[str, str], reason: str) -> str | None:
    """The page's HTML with the reason; None: it is not for this person, or cannot be shown."""
    if not visit.staff.roles & page.roles or any("\0" in text for text in (*path.values(), *query, *query.values())):
        return None
    asking = replace(visit, session=replace(visit.session, notice=("bad", reason)), path=path, query=query, form={}, uploads={})
    try:
        refuse_own(asking, page.concerns)
        answer = page.handler(asking)
    except (NotHere, *REFUSALS):
        return None
    if answer.status_code != 200 or not isinstance(answer, HTMLResponse):
        return None
    return bytes(answer.body).decode()
