"""Long work: asked for here, done by the worker; and the files that came out of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select
from starlette.responses import FileResponse, JSONResponse, Response

from exams.tables import sitting
from grading import jobs as work
from grading.tables import job
from hall.office.pages import go, page
from hall.office.visit import NotHere, Refused, Visit
from home import OFFICE, audit, transaction

STATES = {"waiting": "排队等候", "running": "正在进行", "done": "已完成", "failed": "没有成功"}
SHOWN = 50
#: A job that waits longer than this: the worker is probably not running.
PATIENCE_MS = 20_000
#: Names of files that may be downloaded: no folder, no dot file, nothing half-written.
_FILE = re.compile(r"[^\W_][\w.-]{0,119}\.(xlsx|csv|json|svg)")
_STAMP = re.compile(r"-\d{8}-\d{6}.*")
EXPORT_FORMATS = {"xlsx": "Excel 表格（打印、盖章用）", "csv": "CSV（导入其他系统用）", "json": "JSON（程序用）"}


@dataclass(frozen=True)
class Job:
    """One line of the job list. ``stuck``: it waits although nothing is before it."""

    id: int
    title: str
    sitting: str
    state: str
    progress: int
    message: str
    asked_by: str
    asked_at: int
    ended_at: int | None
    stuck: bool

    @property
    def live(self) -> bool:
        return self.state in ("waiting", "running")


def ask(visit: Visit, kind: str, sitting_id: str | None, **arguments: object) -> int:
    """Have the worker do something; returns the job's number.

    :raises Refused: the same is waiting or being done already.
    """
    wanted = {**({"sitting": sitting_id} if sitting_id else {}), **arguments}
    with transaction(visit.home.office) as connection:
        alive = select(job.c.arguments).where(job.c.kind == kind, job.c.state.in_(("waiting", "running")))
        if any(json.loads(text) == wanted for text in connection.execute(alive).scalars()):
            raise Refused(f"“{work.KINDS[kind].title}”正在进行，请等它完成，不必再点")
        return work.ask(connection, kind, wanted, visit.by)


def title_of(kind: str) -> str:
    """What officers call a kind of job."""
    return work.KINDS[kind].title if kind in work.KINDS else kind


def recent_jobs(connection: Connection, now: int, sitting_id: str | None = None) -> list[Job]:
    """The newest jobs first; of one sitting or of all."""
    rows = connection.execute(select(job).order_by(job.c.id.desc()).limit(SHOWN * (4 if sitting_id else 1))).all()
    busy = any(row.state == "running" for row in rows)
    found = [
        Job(
            row.id, title_of(row.kind), _sitting_of(row.arguments), row.state, row.progress, row.message or "",
            row.asked_by, row.asked_at, row.ended_at, row.state == "waiting" and not busy and now - row.asked_at > PATIENCE_MS,
        )
        for row in rows
    ]  # fmt: skip
    return [one for one in found if sitting_id is None or one.sitting == sitting_id][:SHOWN]


def _sitting_of(arguments: str) -> str:
    try:
        known = json.loads(arguments)
    except ValueError:
        return ""
    return str(known.get("sitting") or "") if isinstance(known, dict) else ""


def jobs_page(visit: Visit) -> Response:
    """``GET /jobs``."""
    with visit.home.office.connect() as connection:
        found = recent_jobs(connection, visit.now)
    return page(visit, "jobs.html", jobs=found, STATES=STATES)


def jobs_json(visit: Visit) -> Response:
    """``GET /jobs.json``: states by number, for the small script that watches them."""
    with visit.home.office.connect() as connection:
        found = recent_jobs(connection, visit.now)
    return JSONResponse({str(one.id): [one.state, one.progress, one.stuck] for one in found})


# ---------------------------------------------------------------- files


@dataclass(frozen=True)
class ExportFile:
    """One file in the home's exports."""

    name: str
    sitting: str
    size: int
    at: int


def export_files(folder: Path) -> Sequence[ExportFile]:
    """Files that may be downloaded, the newest first."""
    found = [
        ExportFile(path.name, _STAMP.sub("", path.name), path.stat().st_size, int(path.stat().st_mtime * 1000))
        for path in folder.iterdir()
        if _FILE.fullmatch(path.name) and path.is_file() and not path.is_symlink()
    ]
    return sorted(found, key=lambda one: (-one.at, one.name))


def exports_page(visit: Visit) -> Response:
    """``GET /exports``."""
    with visit.home.office.connect() as connection:
        jobs = [one for one in recent_jobs(connection, visit.now) if one.title == title_of("export")][:5]
        titles = {row.id: row.title for row in connection.execute(select(sitting.c.id, sitting.c.title))}
    return page(visit, "exports.html", titles=titles | {"all": "全部场次"}, files=export_files(visit.home.exports), jobs=jobs, STATES=STATES)


def ask_export(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/export``."""
    known = visit.sitting()
    form = visit.form.get("format", "")
    if form not in EXPORT_FORMATS:
        raise Refused("请选择导出格式")
    ask(visit, "export", known.id, format=form)
    return go(visit, "exports", good=f"正在导出“{known.title}”的成绩册，完成后出现在下面的文件列表里。")


def download(visit: Visit) -> Response:
    """``GET /exports/{file}``; who took which file is recorded."""
    name = visit.path["file"]
    known = {one.name for one in export_files(visit.home.exports)}
    if name not in known:
        raise NotHere("没有这个文件；可能已被清理，请重新导出")
    with transaction(visit.home.office) as connection:
        audit(connection, OFFICE, visit.by, "export.download", name[:128])
    return FileResponse(visit.home.exports / name, filename=name, media_type="application/octet-stream")
