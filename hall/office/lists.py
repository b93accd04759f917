"""名册与导出: choose a list, what it is about, its columns and format; the worker makes the file, which is taken from here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select
from starlette.responses import FileResponse, Response

from exams.tables import sitting
from grading.exports import FORMATS
from grading.lists.asking import scope_of
from grading.lists.kinds import LISTS, ListKind
from grading.lists.layout import saved_names
from grading.lists.scope import DAYS, Scope
from grading.workforce.kinds import kinds_of
from grading.workforce.norms import staffing_of
from grading.workforce.stipend_rules import PAYS, Rule, rules_of
from hall.office.jobs import STATES, ask, recent_jobs, title_of
from hall.office.pages import go, page
from hall.office.visit import NotHere, Refused, Visit
from home import AUDIT, OFFICE, audit, local_text, transaction

#: Names of files that may be downloaded: no folder, no dot file, nothing half-written.
_FILE = re.compile(r"[^\W_][\w.-]{0,119}\.(xlsx|csv|json|pdf|svg|png|zip)")
TITLES = {"xlsx": "Excel 表格（打印、盖章，可再编辑）", "pdf": "PDF（打印、归档，不能改）", "csv": "CSV（导入其他系统用）", "json": "JSON（程序用）"}
EXPORT_FORMATS = {form: TITLES[form] for form in FORMATS}
#: sittings offered by name; earlier ones are reached by their days
OFFERED, SHOWN_FILES = 30, 40
TICK = "s."


@dataclass(frozen=True)
class ExportFile:
    """One file in the home's exports; who made it, how many rows of which list, where that is known."""

    name: str
    size: int
    at: int
    by: str = ""
    rows: int | None = None
    title: str = ""


def export_files(folder: Path, known: Mapping[str, Mapping[str, object]] | None = None) -> Sequence[ExportFile]:
    """Files that may be downloaded, the newest first."""
    found = []
    for path in folder.iterdir():
        if _FILE.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            told = (known or {}).get(path.name, {})
            kind, rows, state = LISTS.get(str(told.get("list"))), told.get("rows"), path.stat()
            found.append(ExportFile(path.name, state.st_size, int(state.st_mtime * 1000), str(told.get("by", "")),
                                    rows if isinstance(rows, int) else None, kind.title if kind else str(told.get("title", ""))))  # fmt: skip
    return sorted(found, key=lambda one: (-one.at, one.name))


def _exports_on_record(connection: Connection) -> dict[str, dict[str, object]]:
    """File name -> what the trail says of it, of the newest exports."""
    trail = AUDIT[OFFICE]
    query = select(trail.c.actor, trail.c.payload).where(trail.c.action == "records.export", trail.c.payload.is_not(None))
    found: dict[str, dict[str, object]] = {}
    for row in connection.execute(query.order_by(trail.c.n.desc()).limit(200)):
        told = json.loads(row.payload)
        found.setdefault(str(told.get("file")), {**told, "by": row.actor})
    return found


def kind_of(name: str) -> ListKind:
    """A list by key; :raises NotHere: there is none."""
    if name not in LISTS:
        raise NotHere("没有这种名册；请从“名册与导出”页面选择")
    return LISTS[name]


def exports_page(visit: Visit) -> Response:
    """``GET /exports?list=&sitting=&set=``."""
    kind = kind_of(visit.query.get("list", "scores"))
    with visit.home.office.connect() as connection:
        jobs = [one for one in recent_jobs(connection, visit.now) if one.title in (title_of("export"), title_of("statistics"))][:5]
        files = export_files(visit.home.exports, _exports_on_record(connection))[:SHOWN_FILES]
        offered, own = offered_sittings(connection), saved_names(connection, kind.key)
    live = [one for one in jobs if one.live or one.state == "failed"][:3]
    return page(
        visit, "exports.html", lists=LISTS.values(), kind=kind, sittings=offered, chosen=visit.query.get("sitting", ""), own=own,
        wanted_set=visit.query.get("set", ""), files=files, jobs=live, STATES=STATES, formats=EXPORT_FORMATS, days=DAYS,
        rules=rules_for(visit, kind), month=local_text(visit.now, "%Y-%m"), day=local_text(visit.now, "%Y-%m-%d"),
    )  # fmt: skip


def rules_for(visit: Visit, kind: ListKind) -> list[tuple[str, str]]:
    """(key, title) of the stipend rules, staffing norms or kinds of certification that a list asks for."""
    if kind.asks == "held":
        return [(key, one.title) for key, one in kinds_of(visit.home).items()]
    if kind.asks == "norm":
        return [(key, one.title) for key, one in staffing_of(visit.home).norms.items()]
    return [(key, rule_title(one)) for key, one in rules_of(visit.home).items()] if kind.asks == "month" else []


def rule_title(one: Rule) -> str:
    """A rule as it is offered; examples say that they are."""
    return f"{one.title}　{PAYS[one.pays]}" + ("（示例）" if one.example else "")


@dataclass(frozen=True)
class Offered:
    """A sitting that can be chosen by name."""

    id: str
    title: str
    day: str
    kind: str


def offered_sittings(connection: Connection) -> list[Offered]:
    """The newest sittings."""
    query = select(sitting.c.id, sitting.c.title, sitting.c.opens_at, sitting.c.kind).order_by(sitting.c.opens_at.desc(), sitting.c.id)
    return [Offered(row.id, row.title, local_text(row.opens_at, "%Y-%m-%d"), row.kind) for row in connection.execute(query.limit(OFFERED))]


def asked_scope(visit: Visit, connection: Connection, kind: ListKind) -> Scope:
    """What the form says the list is about.

    :raises Refused: nothing is chosen.
    :raises ExportError: what is wrong with it, all at once.
    """
    way, form = visit.form.get("scope", "all"), visit.form
    ticked = tuple(name.removeprefix(TICK) for name in form if name.startswith(TICK)) if way == "some" else ()
    if kind.asks == "sittings" and way == "some" and not ticked:
        raise Refused("请至少勾选一场考试")
    since, until = (form.get("since", ""), form.get("until", "")) if way == "dates" else ("", "")
    if kind.asks == "sittings" and way == "dates" and not since.strip() and not until.strip():
        raise Refused("请填写开始日期或结束日期")
    days = visit.whole("days", "到期天数", DAYS[0], DAYS[-1]) if kind.asks == "days" else DAYS[-1]
    return scope_of(connection, kind, sittings=ticked, since=since, until=until, formal="formal" in form and way != "some",
                    admission_no=form.get("person", ""), days=days, month=form.get("month", ""), rule=form.get("rule", "")[:60],
                    on=form.get("on", ""), certification=form.get("kind", "")[:60], under=form.get("unit", "")[:100], kinds=kinds_of(visit.home))  # fmt: skip


def make_list(visit: Visit) -> Response:
    """``POST /exports``."""
    kind, form = kind_of(visit.form.get("list", "")), visit.form.get("format", "")
    if form not in EXPORT_FORMATS:
        raise Refused("请选择导出格式")
    with visit.home.office.connect() as connection:
        scope = asked_scope(visit, connection, kind)
        layout = kind.layout(connection, visit.form.get("set") or None)
    ask(visit, "export", None, list=kind.key, format=form, columns=layout.name, **scope.arguments())
    return go(visit, "exports", good=f"正在导出{kind.title}，完成后出现在下面的文件列表里。", query=f"list={kind.key}")


def ask_export(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/export``: the 成绩册 of one sitting, from its own page."""
    known = visit.sitting()
    form = visit.form.get("format", "")
    if form not in EXPORT_FORMATS:
        raise Refused("请选择导出格式")
    ask(visit, "export", known.id, format=form)
    return go(visit, "exports", good=f"正在导出“{known.title}”的成绩册，完成后出现在下面的文件列表里。", query=f"sitting={known.id}")


def download(visit: Visit) -> Response:
    """``GET /exports/{file}``; who took which file is recorded."""
    name = visit.path["file"]
    known = {one.name for one in export_files(visit.home.exports)}
    if name not in known:
        raise NotHere("没有这个文件；可能已被清理，请重新导出")
    with transaction(visit.home.office) as connection:
        audit(connection, OFFICE, visit.by, "export.download", name[:128])
    return FileResponse(visit.home.exports / name, filename=name, media_type="application/octet-stream")
