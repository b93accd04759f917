"""The candidates' app in OpenAPI 3.1: made from its route table and the structs that its bodies are decoded into.

``python -m hall.candidate.describe`` writes docs/openapi.json; a test holds the file to this module and this module to the routes,
another sends the running hall what the file describes and much that it does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from exams.refusals import REASONS
from hall.candidate.api import AwayBody, HandInBody, LoginBody, SaveBody
from hall.candidate.guard import MAX_BODY
from hall.candidate.visit import STATUS

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
_Instant = Annotated[int, Meta(description="ms UTC")]
_Hex = Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]


class SavedReply(Struct):
    """``acks``: [seq, what became of it, length and head of the chain then, arrival] of each change; ``chain``: the same now."""

    acks: list[tuple[int, Literal["saved", "late", "conflict"], int, _Hex, _Instant]]
    limit: _Instant
    paused: _Instant | None
    chain: tuple[int, _Hex]
    now: _Instant


class HandedInReply(Struct):
    """The receipt; with the facts of a save where changes came with the hand-in."""

    at: _Instant
    receipt: _Hex
    closed_by: Literal["handin", "time", "officer"]
    next: str


class PulseReply(Struct):
    """Where the attempt stands; nulls before it is started."""

    now: _Instant
    opens: _Instant
    limit: _Instant | None
    state: Literal["open", "closed", "void"] | None
    writer: int | None
    paused: _Instant | None


class Nothing(Struct):
    """It is noted."""


class FormReply(Struct):
    """A token that fits the form cookie set with it."""

    token: str


class LoginReply(Struct):
    """``csrf``: goes into the header ``x-csrf`` from now on."""

    csrf: str
    attempt: int | None


class Refusal(Struct):
    """``reason`` and the ``code`` that the candidate reads out; ``text`` for the screen."""

    reason: str
    code: Annotated[str, Meta(pattern="^[DSKPB][0-9]{2}$")]
    text: str


@dataclass(frozen=True)
class Operation:
    """One address and method. ``body``: JSON; ``fields``: of a form; ``reply`` None: a page, a file or a way to another page."""

    what: str
    body: type[Struct] | None = None
    fields: tuple[str, ...] = ()
    reply: type[Struct] | None = None
    kind: str = "text/html"
    session: bool = True
    csrf: bool = False
    query: tuple[str, ...] = ()


#: (address, method) -> what it is. Who adds a route adds its line here.
OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("/api/save", "POST"): Operation("保存答案；应答前已写入磁盘", SaveBody, reply=SavedReply, csrf=True),
    ("/api/handin", "POST"): Operation("交卷；重复提交得到同一回执", HandInBody, reply=HandedInReply, csrf=True),
    ("/api/away", "POST"): Operation("切换窗口的记录", AwayBody, reply=Nothing, csrf=True),
    ("/api/pulse", "GET"): Operation("服务器时间和作答状态", reply=PulseReply, query=("unsaved", "age")),
    ("/api/form", "GET"): Operation("就地重新登录用的令牌", reply=FormReply, session=False),
    ("/api/login", "POST"): Operation("就地重新登录", LoginBody, reply=LoginReply, session=False),
    ("/api/events", "GET"): Operation("时间、暂停和状态的推送", kind="text/event-stream"),
    ("/", "GET"): Operation("转到应去的页面", session=False),
    ("/login", "GET"): Operation("登录页", session=False),
    ("/login", "POST"): Operation("登录", fields=("token", "number", "code", "seb"), session=False),
    ("/rules", "GET"): Operation("考试须知"),
    ("/start", "POST"): Operation("开始考试", fields=("csrf", "confirm")),
    ("/paper", "GET"): Operation("试卷"),
    ("/done", "GET"): Operation("交卷回执"),
    ("/logout", "POST"): Operation("退出", fields=("csrf",)),
    ("/static/{digest}/{name}", "GET"): Operation("样式和脚本", kind="*/*", session=False),
    ("/healthz", "GET"): Operation("能否保存答案", kind="text/plain", session=False),
}


def describe() -> dict[str, Any]:
    """The whole description as JSON values."""
    structs = {struct for one in OPERATIONS.values() for struct in (one.body, one.reply) if struct} | {Refusal}
    ordered = sorted(structs, key=lambda struct: struct.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), one in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(path, one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "普法考场（考生端）", "version": "1",
            "description": f"供考场页面自己的脚本使用。请求正文不超过 {MAX_BODY // 1024} KB；拒绝一律给出原因、编号和下一步，编号见考务手册。",
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "__Host-pufa_hall"}}},
    }  # fmt: skip


def _operation(path: str, one: Operation) -> dict[str, Any]:
    parts = [piece[1:-1] for piece in path.split("/") if piece.startswith("{")]
    parameters = [{"name": part, "in": "path", "required": True, "schema": {"type": "string"}} for part in parts]
    parameters += [{"name": name, "in": "query", "schema": {"type": "integer", "minimum": 0}} for name in one.query]
    if one.csrf:
        parameters.append({"name": "x-csrf", "in": "header", "required": True, "schema": {"type": "string"}})
    made: dict[str, Any] = {"summary": one.what, "parameters": parameters, "responses": _responses(one)}
    if one.session:
        made["security"] = [{"session": []}]
    if one.body:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(one.body)}}}
    if one.fields:
        form = {"type": "object", "properties": {name: {"type": "string", "maxLength": 100} for name in one.fields}}
        made["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": form}}}
    return made


def _responses(one: Operation) -> dict[str, Any]:
    """What is answered when it is done, and each refusal's status with its reasons."""
    done = {"application/json": {"schema": _ref(one.reply)}} if one.reply else {one.kind: {}}
    answers: dict[str, Any] = {"200": {"description": "办好了", "content": done}}
    if one.kind == "text/html" and not one.reply:
        answers["303"] = {"description": "转到考生现在应在的页面"}
    refused = {"application/json": {"schema": _ref(Refusal)}} if one.reply or one.kind == "text/event-stream" else {"text/html": {}}
    for status, reasons in _by_status(REASONS):
        answers[str(status)] = {"description": "、".join(f"{REASONS[name].code} {name}" for name in reasons), "content": refused}
    answers["405"] = {"description": "没有这种请求方法", "content": refused}
    if one.kind == "text/plain":
        answers["503"] = {"description": "存不了答案", "content": {one.kind: {}}}
    return answers


def _by_status(reasons: Iterable[str]) -> list[tuple[int, list[str]]]:
    """Refusals by HTTP status; a fault of ours is none."""
    found: dict[int, list[str]] = {}
    for name in reasons:
        if name != "fault":
            found.setdefault(STATUS.get(name, 409), []).append(name)
    return sorted(found.items())


def _ref(struct: type[Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{struct.__name__}"}


def text() -> str:
    """The file's text."""
    return json.dumps(describe(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
