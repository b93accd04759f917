"""The office: the staff's web app of one home. Everything a page may do stands in ``hall.office.routes``."""

from __future__ import annotations

import logging
import re
import secrets

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import faults
from hall.office import health
from hall.office.guard import LARGEST_BODY, guarded
from hall.office.lapsed import kept_form
from hall.office.logins import Door
from hall.office.pages import HERE, error_page
from hall.office.routes import ROUTES
from hall.office.way import Pages
from hall.web import HEADERS, BodyLimit, SecurityHeaders
from home import Home, HomeError, now_ms

log = logging.getLogger("pufa.office")

MESSAGES = {
    400: ("提交的内容不完整", "请返回上一页，刷新后重新填写。"),
    404: ("没有这个页面", "请从上方菜单进入；地址不要手工修改。"),
    405: ("没有这个页面", "请从上方菜单进入。"),
}


def _shape(path: str) -> str:
    """An address for the log, without the numbers of sittings and people."""
    return re.sub(r"[^/]*[0-9][^/]*", "#", path)


class _Files(StaticFiles):
    """CSS and scripts: kept by the browser, asked about each time, so that an upgrade shows at once."""

    def file_response(self, *given: object, **named: object) -> Response:
        answer = super().file_response(*given, **named)  # type: ignore[arg-type]
        answer.headers["cache-control"] = "no-cache"
        return answer

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Nothing but plain names: no folders, no dot files."""
        if "/" in path or path.startswith("."):
            raise HTTPException(404)
        return await super().get_response(path, scope)


def create_app(home: Home, *, secure: bool) -> Starlette:
    """The app over one home; ``secure``: it is reached by https only, so cookies and HSTS say so."""
    pages, forms = Pages(ROUTES), {way.name: way for way in ROUTES if way.method == "POST"}
    door = Door(home, secure, lambda kept, token: kept_form(home, forms, pages, kept, token, now_ms()))
    routes: list[BaseRoute] = [
        Route("/login", door.login_page, methods=["GET"]),
        Route("/login", door.log_in, methods=["POST"]),
        *(Route(way.path, guarded(way, home, pages, door.carrying, secure=secure), methods=[way.method], name=way.name) for way in ROUTES),
        *health.routes(home),
        Mount("/static", _Files(directory=HERE / "static"), name="static"),
    ]

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        title, text = MESSAGES.get(error.status_code, MESSAGES[400])
        return await run_in_threadpool(error_page, error.status_code, title, text, home)

    async def broken(request: Request, error: Exception) -> Response:
        number = secrets.token_hex(3)
        log.error("fault %s at %s %s", number, request.method, _shape(request.url.path), exc_info=error, extra={"fault": number})
        if isinstance(error, HomeError):  # somebody edited home.toml while the office runs
            status, title, text = 503, "数据文件夹的设置有问题", f"这一步没有做。请系统管理员改正：{error}"
        elif faults.told(error) is None:
            status, title, text = 500, "系统出了问题", f"没有丢失已保存的数据。请返回重试；再次出现时把编号 {number} 告诉系统管理员。"
        else:  # disk, rights, database: nobody's program is at fault, and it may be over in a moment
            status, title = 503, "数据库或硬盘暂时用不了"
            text = f"这一步没有做，以前保存的数据都在。请过一分钟重试；还是不行，请系统管理员看数据库是否启动、硬盘是否已满，日志里的编号是 {number}。"
        answer = await run_in_threadpool(error_page, status, title, text, home)
        answer.headers.update({**HEADERS, "cache-control": "no-store"})  # this answer is made outside the middleware
        return answer

    middleware = [Middleware(SecurityHeaders, secure=secure), Middleware(BodyLimit, most=LARGEST_BODY)]
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: refused, Exception: broken})
    app.router.redirect_slashes = False
    return app
