"""What happened in the room: the hall's own notes and the officers', one table, with kinds that an office may rename.

Kinds are ``exams/incidents.toml``; an office's own copy in ``<home>/templates/incidents.toml`` replaces it. A kind with
``work = true`` stays on top of the officer's screen until somebody has seen to it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from exams.errors import AttemptError, SittingError
from exams.tables import entry, incident
from home import EXAM, Home, audit

SHIPPED = Path(__file__).with_name("incidents.toml")


@dataclass(frozen=True)
class IncidentKind:
    """One kind of incident. ``office``: staff may enter it; ``work``: somebody has to see to it; ``advice``: what to do."""

    title: str
    office: bool = False
    work: bool = False
    advice: str = ""


@dataclass(frozen=True)
class Incident:
    """One line of the room's record; ``admission_no`` and ``name`` are empty for the whole room. Instants ms UTC."""

    id: int
    kind: str
    at: int
    by: str
    detail: str
    admission_no: str
    name: str
    handled_at: int | None
    handled_by: str | None


def incident_kinds(home: Home | None = None) -> Mapping[str, IncidentKind]:
    """{kind: what it is}, the office's own file first.

    :raises SittingError: the office's file cannot be read.
    """
    own = home.root / "templates" / SHIPPED.name if home else SHIPPED
    path = own if own.is_file() else SHIPPED
    try:
        return {name: IncidentKind(**values) for name, values in tomllib.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError) as error:
        raise SittingError(f"{path}：考场记录种类读不出来（{error}）；请改正文件，或删去它以用随附的文件") from None


def note_by_staff(
    connection: Connection, sitting_id: str, kind: str, detail: str, *, by: str, now: int, admission_no: str | None = None
) -> int:
    """Enter what an officer saw, of one candidate or of the room; returns its id. The caller has checked the kind.

    :raises AttemptError: nothing is written down, or there is no such candidate in this sitting.
    """
    detail = detail.strip()
    if not 1 <= len(detail) <= 500:
        raise AttemptError("请写明情况（1 至 500 字）")
    who = None
    if admission_no is not None:
        who = connection.execute(
            select(entry.c.id).where(entry.c.sitting_id == sitting_id, entry.c.admission_no == admission_no)
        ).scalar()
        if who is None:
            raise AttemptError(f"本场没有准考证号 {admission_no}")
    number = record(connection, sitting_id, who, kind, detail, by=by, now=now)
    audit(connection, EXAM, by, "incident.note", admission_no or sitting_id, kind=kind, incident=number)
    return number


def record(
    connection: Connection, sitting_id: str, entry_id: int | None, kind: str, detail: str, *, by: str, now: int
) -> int:
    """One line of the room's record, without an audit entry of its own: the act that it tells of has one."""
    number = connection.execute(
        insert(incident).values(sitting_id=sitting_id, entry_id=entry_id, kind=kind, at=now, by=by, detail=detail[:500])
    ).inserted_primary_key[0]  # type: ignore[index]
    return int(number)


def see_to(connection: Connection, sitting_id: str, incident_id: int, *, by: str, now: int) -> bool:
    """Take an incident off the worklist; False if somebody did already.

    :raises AttemptError: there is no such incident in this sitting.
    """
    here = incident.c.id == incident_id, incident.c.sitting_id == sitting_id
    if connection.execute(select(incident.c.id).where(*here)).first() is None:
        raise AttemptError("本场没有这条考场记录")
    done = connection.execute(
        update(incident).where(*here, incident.c.handled_at.is_(None)).values(handled_at=now, handled_by=by)
    ).rowcount
    if done:
        audit(connection, EXAM, by, "incident.handled", sitting_id, incident=incident_id)
    return bool(done)


def see_to_all_of(connection: Connection, entry_id: int, kinds: Sequence[str], *, by: str, now: int) -> None:
    """What an act has settled of one candidate, e.g. the second device once it was released."""
    connection.execute(
        update(incident)
        .where(incident.c.entry_id == entry_id, incident.c.kind.in_(kinds), incident.c.handled_at.is_(None))
        .values(handled_at=now, handled_by=by)
    )


def worklist(connection: Connection, sitting_id: str, kinds: Mapping[str, IncidentKind], most: int = 20) -> tuple[int, list[Incident]]:
    """(how many wait, the newest ``most`` of them)."""
    waiting = (
        incident.c.sitting_id == sitting_id, incident.c.handled_at.is_(None),
        incident.c.kind.in_([name for name, kind in kinds.items() if kind.work]),
    )  # fmt: skip
    whole = connection.execute(select(func.count()).select_from(incident).where(*waiting)).scalar_one()
    return int(whole), _read(connection, *waiting, newest=most)


def incidents_of(
    connection: Connection, sitting_id: str, *, admission_no: str | None = None, newest: int | None = None
) -> list[Incident]:
    """The room's record or one candidate's: the ``newest`` few with the newest first, or all with the oldest first."""
    mine = (entry.c.admission_no == admission_no,) if admission_no is not None else ()
    return _read(connection, incident.c.sitting_id == sitting_id, *mine, newest=newest)


def _read(connection: Connection, *conditions: ColumnElement[bool], newest: int | None) -> list[Incident]:
    query = (
        select(incident, entry.c.admission_no, entry.c.name)
        .outerjoin(entry, entry.c.id == incident.c.entry_id)
        .where(*conditions)
        .order_by(incident.c.id if newest is None else incident.c.id.desc())
    )
    return [_incident(row) for row in connection.execute(query if newest is None else query.limit(newest))]


def _incident(row: Row[tuple[object, ...]]) -> Incident:
    return Incident(
        row.id, row.kind, row.at, row.by, row.detail, row.admission_no or "", row.name or "", row.handled_at, row.handled_by
    )
