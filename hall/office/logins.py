"""Log in, log out, change one's password. The only pages that somebody without a session can reach."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hall.office.guard import cookie_name, read_form
from hall.office.lapsed import NOTICE
from hall.office.pages import page, plain_page
from hall.office.sessions import begin_session, end_session, find_session
from hall.office.visit import Refused, Visit
from home import OFFICE, Home, audit, now_ms, transaction
from people.accounts import MAX_PASSWORD, Throttle, authenticate, change_password
from people.errors import LoginRefused

LONGEST_LOGIN = 40
#: what a redirect to the login may ask it to say
REASONS = {
    "expired": ("bad", "登录已失效，刚才的操作没有执行。请重新登录后再办理。"),
    "changed": ("good", "口令已修改，所有电脑上的登录都已退出。请用新口令登录。"),
    "out": ("good", "已退出登录。"),
}


@dataclass(frozen=True)
class Door:
    """The login of one office app; failures are counted here, in memory.

    ``again``: from what a log-in page carried and the new session's token to the form as it was filled in, or None.
    """

    home: Home
    secure: bool
    again: Callable[[str, str], Response | None]
    throttle: Throttle = field(default_factory=Throttle)

    @property
    def _form_cookie(self) -> str:
        """Must come back with the login form, so that nobody can log you in to an account of theirs."""
        return "__Host-office-login" if self.secure else "office-login"

    async def login_page(self, request: Request) -> Response:
        """``GET /login``."""
        session = await run_in_threadpool(find_session, self.home, request.cookies.get(cookie_name(self.secure)), now_ms())
        if session is not None:
            return RedirectResponse("/", 303)
        reason = next((REASONS[name] for name in request.query_params if name in REASONS), None)
        return self._form(reason)

    async def log_in(self, request: Request) -> Response:
        """``POST /login``."""
        form, _ = await read_form(request)
        sent, kept = request.cookies.get(self._form_cookie, ""), form.get("kept", "")
        if not sent or not hmac.compare_digest(form.get("token", "").encode(), sent.encode()):
            return self._form(("bad", "页面已过期，请重新输入。"), status=403, kept=kept)
        address = request.client.host if request.client else ""
        return await run_in_threadpool(self._try, form.get("login", "").strip()[:LONGEST_LOGIN], form.get("password", ""), address, kept)

    def carrying(self, kept: str) -> Response:
        """The log-in page after a form was sent too late."""
        return self._form(NOTICE, status=401, kept=kept)

    def _form(self, notice: tuple[str, str] | None, login: str = "", status: int = 200, kept: str = "") -> Response:
        token = secrets.token_urlsafe(24)
        answer = plain_page(self.home, "login.html", status, notice, login=login, token=token, kept=kept)
        self._set_cookie(answer, self._form_cookie, token)
        return answer

    def _set_cookie(self, answer: Response, name: str, value: str) -> None:
        answer.set_cookie(name, value, httponly=True, secure=self.secure, samesite="strict", path="/")

    def _try(self, login: str, password: str, address: str, kept: str) -> Response:
        try:
            self.throttle.attempt(login, address, now_ms())
        except LoginRefused as error:
            return self._form(("bad", f"{error}。"), login, 429, kept)
        try:
            if "\0" in login + password:
                raise LoginRefused("登录名或口令不对")
            with self.home.office.connect() as connection:
                known = authenticate(connection, login, password)
        except LoginRefused as error:
            with transaction(self.home.office) as connection:
                audit(connection, OFFICE, "nobody", "office.login.refused", login.replace("\0", ""), address=address)
            return self._form(("bad", f"{error}。请核对大小写和中英文输入法；忘记口令请找系统管理员重设。"), login, 401, kept)
        self.throttle.succeeded(login, address)
        with transaction(self.home.office) as connection:
            token = begin_session(connection, known.id, now_ms())
            audit(connection, OFFICE, known.login, "office.login", known.login, address=address)
        answer = (self.again(kept, token) if kept else None) or RedirectResponse("/", 303)
        self._set_cookie(answer, cookie_name(self.secure), token)
        answer.delete_cookie(self._form_cookie, path="/", secure=self.secure, httponly=True, samesite="strict")
        return answer


def log_out(visit: Visit) -> Response:
    """``POST /logout``."""
    with transaction(visit.home.office) as connection:
        end_session(connection, visit.session, visit.now)
        audit(connection, OFFICE, visit.by, "office.logout", visit.by)
    return RedirectResponse("/login?out=1", 303)


def password_page(visit: Visit) -> Response:
    """``GET /password``."""
    return page(visit, "password.html")


def set_password(visit: Visit) -> Response:
    """``POST /password``: ends every login of the account, this one too."""
    old, new, again = (visit.form.get(name, "") for name in ("old", "new", "again"))
    if max(map(len, (old, new, again))) > MAX_PASSWORD:
        raise Refused(f"口令过长；请控制在 {MAX_PASSWORD} 个字符以内")
    if new != again:
        raise Refused("两次输入的新口令不一致；请重新输入")
    with transaction(visit.home.office) as connection:
        change_password(connection, visit.staff.id, old, new)
    return RedirectResponse("/login?changed=1", 303)
