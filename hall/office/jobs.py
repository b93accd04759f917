"""Long work: asked for here, done by the worker."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select
from starlette.responses import JSONResponse, Response

from grading import jobs as work
from grading.tables import job
from hall.office.pages import page
from hall.office.visit import Refused, Visit
from home import transaction

STATES = {"waiting": "排队等候", "running": "正在进行", "done": "已完成", "failed": "没有成功"}
SHOWN = 50
#: A job that waits longer than this: the worker is probably not running.
PATIENCE_MS = 20_000


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
