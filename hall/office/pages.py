"""Pages from templates, escaped without exception; notices; the way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from exams.sittings import KINDS, STATE_TITLES
from hall.office.alarms import Alarm, raised_now
from hall.office.sessions import Session, leave_notice, take_notice
from hall.office.visit import Visit
from home import Home, HomeError, local_text
from people.accounts import ROLES, names_of
from people.approvals import waiting

HERE = Path(__file__).parent

#: who is shown what is wrong with the service
WATCHERS = frozenset(("exam_officer", "operator"))

#: name of a route -> its path, filled by the route table when the app is made
_PATHS: dict[str, str] = {}
_ROLES: dict[str, frozenset[str]] = {}


def know_route(name: str, path: str, roles: frozenset[str]) -> None:
    """Make a route known to :func:`url` and to the templates' ``may``."""
    _PATHS[name], _ROLES[name] = path, roles


def url(name: str, /, **parts: object) -> str:
    """The address of a page; every part is quoted.

    >>> know_route("x", "/x/{a}", frozenset())
    >>> url("x", a="甲/乙")
    '/x/%E7%94%B2%2F%E4%B9%99'
    """
    return _PATHS[name].format_map({part: quote(str(value), safe="") for part, value in parts.items()})


def span_text(seconds: int) -> str:
    """How long: ``1 小时 05 分``, ``4 分 30 秒``."""
    hours, rest = divmod(max(0, seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours} 小时 {minutes:02d} 分" if hours else f"{minutes} 分 {rest:02d} 秒"


def role_titles(roles: frozenset[str]) -> str:
    """Roles as people call them, in the table's order."""
    return "、".join(role.title for name, role in ROLES.items() if name in roles) or "没有岗位"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(when=local_text, clock=lambda at: local_text(at, "%H:%M:%S"), span=span_text)
    made.globals.update(url=url, KINDS=KINDS, STATE_TITLES=STATE_TITLES, role_titles=role_titles)
    return made


ENVIRONMENT = _environment()


def page(visit: Visit, template: str, status: int = 200, **context: object) -> Response:
    """An office page for who is logged in; tells a waiting notice."""
    notice = take_notice(visit.home, visit.session)
    return _render(visit.home, visit.session, template, status, notice=notice, alarms=alarms_for(visit), now=visit.now, **context)


def alarms_for(visit: Visit) -> list[Alarm]:
    """What is wrong with the service now, for those who can do something about it."""
    return raised_now(visit.home, visit.now) if visit.staff.roles & WATCHERS else []


def _render(home: Home, session: Session | None, template: str, status: int, **context: object) -> Response:
    roles = session.staff.roles if session else frozenset[str]()
    text = ENVIRONMENT.get_template(template).render(
        staff=session.staff if session else None, csrf=session.csrf if session else "",
        waiting_approvals=waiting_approvals(home, session),
        called=_names(home), office_name=_office_name(home), may=lambda name: bool(_ROLES[name] & roles), **context,
    )  # fmt: skip
    return HTMLResponse(text, status)


def _office_name(home: Home) -> object:
    """What stands above the page; nothing where somebody broke ``home.toml`` while the office runs: its work goes on."""
    try:
        return home.settings.get("office_name", "")
    except HomeError:
        return ""


def _names(home: Home) -> Callable[[str], str]:
    """How people are called by what is on file of who did something: the account's name; the accounts are read when first wanted."""
    known: dict[str, str] = {}

    def called(login: str) -> str:
        if not known:
            with home.office.connect() as connection:
                known.update(names_of(connection))
        return known.get(login, login)

    return called


def waiting_approvals(home: Home, session: Session | None) -> int:
    """How many requests this person could decide now."""
    if session is None or not session.staff.roles & _ROLES["approvals"]:
        return 0
    with home.office.connect() as connection:
        return sum(one.granted is None and one.asked_by != session.staff.login for one in waiting(connection))


def plain_page(home: Home, template: str, status: int, notice: tuple[str, str] | None, **context: object) -> Response:
    """A page for nobody in particular: the login."""
    return _render(home, None, template, status, notice=notice, **context)


def error_page(status: int, title: str, text: str, home: Home, session: Session | None = None) -> Response:
    """What went wrong and what to do; never a stack trace."""
    return _render(home, session, "error.html", status, notice=None, title=title, text=text)


def go(visit: Visit, name: str, *, good: str = "", bad: str = "", query: str = "", **parts: object) -> Response:
    """Answer to a form: on to a page, which tells how it went."""
    for tone, text in (("good", good), ("bad", bad)):
        if text:
            leave_notice(visit.home, visit.session, tone, text)
    wanted = {part: value for part, value in parts.items() if "{" + part + "}" in _PATHS[name]}
    return RedirectResponse(url(name, **wanted) + (f"?{query}" if query else ""), 303)
