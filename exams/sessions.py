"""Logging in with an admission code, and what the hall must know of whoever is logged in.

A session is a random token in a cookie; only its digest is stored. A wrong code is counted on the entry, in the database, so
that every process sees the count; ten in a row pause that admission number, nobody else's. The right code opens at any time: 60
random bits are not guessed, and nobody can lock another person out by typing wrong codes on purpose.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, Row, bindparam, case, func, insert, select, update

from exams.admission import code_fits
from exams.prepared import Prepared
from exams.refusals import Refused
from exams.room_access import UNKNOWN, Origin, inside, seb_way
from exams.tables import attempt, entry, incident, open_sitting, session

TRIES = 10
LOCK_MS = 5 * 60_000
#: a session older than this has to log in again, in place; no exam day is longer
SESSION_MS = 16 * 3_600_000
#: the same thing is not noted twice within this time, so that a hostile browser cannot fill the table
INCIDENT_PAUSE_MS = 60_000


@dataclass(frozen=True)
class NewSession:
    """``token`` goes to the browser and nowhere else."""

    token: str
    csrf: str
    entry_id: int
    attempt_id: int | None


class Standing(NamedTuple):
    """A live session with its entry, sitting and attempt, as of one read. Instants ms UTC; ``attempt_*`` None before the start.

    ``paused_at``: since when the room or this candidate is paused; None while the exam goes on.
    """

    token_digest: str
    csrf: str
    device: str | None
    entry_id: int
    admission_no: str
    name: str
    unit_label: str
    form: str
    barred: bool
    sitting_id: str
    title: str
    kind: str
    place: str | None
    opens_at: int
    closes_at: int
    minutes: int
    grace_s: int
    late_entry_minutes: int | None
    sitting_closed_at: int | None
    attempt_id: int | None
    attempt_state: str | None
    limit_at: int | None
    writer: int | None
    late_until: int | None
    paused_at: int | None
    room_ranges: str | None
    seb_keys: str | None
    seb: str | None


def token_digest(token: str) -> str:
    """What is stored of a session token or a device cookie."""
    return hashlib.sha256(token.encode()).hexdigest()


def log_in(
    connection: Connection, key: bytes, admission_no: str, code: str, device: str, now: int, origin: Origin = UNKNOWN
) -> NewSession | Refused:
    """Check a code and open a session; the entry's earlier sessions end. ``device``: digest of the browser's cookie.

    A refusal is returned, not raised: the count of failures has to be committed.
    """
    row = _ENTRY.first(connection, number=admission_no)
    if row is None:
        code_fits(key, "", admission_no, code, "")  # an unknown number takes as long as a wrong code
        return Refused("wrong_code")
    if not code_fits(key, row.sitting_id, admission_no, code, row.code_mac):
        if row.locked_until is not None and row.locked_until > now:
            return Refused("locked")
        return _count_failure(connection, row, now)
    refusal = _closed_to(row, now) or _out_of_place(connection, row, origin, now) or _elsewhere(connection, row, device, now)
    if refusal:
        return refusal
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    _END_EARLIER.all(connection, of_entry=row.id, at=now)
    _NEW_SESSION.all(
        connection, token_digest=token_digest(token), entry_id=row.id, csrf=csrf, device=device, created_at=now,
        seb=seb_way(row.seb_keys, origin) or None,
    )  # fmt: skip
    if row.failures or row.locked_until is not None:
        connection.execute(update(entry).where(entry.c.id == row.id).values(failures=0, locked_until=None))
    return NewSession(token, csrf, row.id, row.attempt_id)


_ENTRY = Prepared(
    select(entry, open_sitting.c.closes_at, open_sitting.c.closed_at, open_sitting.c.room_ranges, open_sitting.c.seb_keys,
           attempt.c.id.label("attempt_id"),
           attempt.c.state, attempt.c.device.label("attempt_device"))
    .join(open_sitting, open_sitting.c.id == entry.c.sitting_id)
    .outerjoin(attempt, attempt.c.entry_id == entry.c.id)
    .where(entry.c.admission_no == bindparam("number"))
    .with_for_update(of=entry)
)  # fmt: skip
_END_EARLIER = Prepared(
    update(session).where(session.c.entry_id == bindparam("of_entry"), session.c.ended_at.is_(None)).values(ended_at=bindparam("at"))
)
_NEW_SESSION = Prepared(insert(session).inline(), "token_digest", "entry_id", "csrf", "device", "created_at", "seb")


def _count_failure(connection: Connection, row: Row[tuple[object, ...]], now: int) -> Refused:
    full = entry.c.failures + 1 >= TRIES
    counted = connection.execute(
        update(entry)
        .where(entry.c.id == row.id)
        .values(
            failures=case((full, 0), else_=entry.c.failures + 1),
            locked_until=case((full, now + LOCK_MS), else_=None),
        )
        .returning(entry.c.locked_until)
    ).one()
    if counted.locked_until is None:
        return Refused("wrong_code")
    note_incident(connection, row.sitting_id, row.id, "code_locked", f"考试码连续输错 {TRIES} 次，暂停登录", now)
    return Refused("locked")


def _closed_to(row: Row[tuple[object, ...]], now: int) -> Refused | None:
    if row.barred:
        return Refused("barred")
    if row.closed_at is not None or (row.closes_at <= now and row.state != "open"):
        return Refused("over")
    return None


def _out_of_place(connection: Connection, row: Row[tuple[object, ...]], origin: Origin, now: int) -> Refused | None:
    """Whether the right code was typed outside the room or in another browser than the sitting's, which is noted for the officer."""
    refusal = misplaced(row.room_ranges, row.seb_keys, None, origin)
    if refusal is not None:
        note_misplaced(connection, row.sitting_id, row.id, refusal, now)
    return refusal


def misplaced(ranges: str | None, seb_keys: str | None, before: str | None, origin: Origin) -> Refused | None:
    """Why a sitting is not to be had from there: ``place``, ``seb``, or None. ``before``: see :func:`exams.room_access.seb_way`."""
    if not inside(ranges, origin.address):
        return Refused("place", address=origin.address[:45] or "不明")
    return Refused("seb") if seb_way(seb_keys, origin, before) is None else None


def note_misplaced(connection: Connection, sitting_id: str, entry_id: int, refusal: Refused, now: int) -> None:
    """Tell the officer of somebody who was turned away by :func:`misplaced`."""
    kind, detail = {
        "place": ("outside", f"从 {refusal.facts.get('address')} 进入，不在考场网段内，已拒绝"),
        "seb": ("no_seb", "没有用本场指定的考试浏览器和配置，已拒绝"),
    }[refusal.reason]
    note_incident(connection, sitting_id, entry_id, kind, detail, now)


def note_moved(connection: Connection, sitting_id: str, entry_id: int, address: str, now: int) -> None:
    """An answer came from outside the room: it is stored all the same, and the officer is told where it came from."""
    ranges = connection.execute(select(open_sitting.c.room_ranges).where(open_sitting.c.id == sitting_id)).scalar()
    if not inside(ranges, address):
        note_incident(connection, sitting_id, entry_id, "moved", f"作答中换到 {address[:45] or '不明'}，不在考场网段内；答案已照常保存", now)


def _elsewhere(connection: Connection, row: Row[tuple[object, ...]], device: str, now: int) -> Refused | None:
    """Whether the attempt is being written on another device, which is noted for the officer."""
    if row.state != "open" or row.attempt_device in (None, device):
        return None
    note_incident(connection, row.sitting_id, row.id, "second_device", "在另一台电脑上登录，已拒绝，等待办理换电脑", now)
    return Refused("device")


def note_incident(connection: Connection, sitting_id: str, entry_id: int, kind: str, detail: str, now: int) -> None:
    """A line in the officer's list of incidents; the same kind for the same entry at most once a minute."""
    recent = connection.execute(
        select(incident.c.id).where(
            incident.c.entry_id == entry_id, incident.c.kind == kind, incident.c.at > now - INCIDENT_PAUSE_MS
        )
    ).first()
    if recent is None:
        connection.execute(
            insert(incident).values(sitting_id=sitting_id, entry_id=entry_id, kind=kind, at=now, by="hall", detail=detail)
        )


#: since when an attempt is paused, with its room or alone (of both, the earlier); null while it goes on
PAUSED_SINCE = case(
    (attempt.c.paused_at < open_sitting.c.paused_at, attempt.c.paused_at),
    else_=func.coalesce(open_sitting.c.paused_at, attempt.c.paused_at),
)

_STANDING = Prepared(
    select(
        session.c.token_digest, session.c.csrf, session.c.device, entry.c.id.label("entry_id"), entry.c.admission_no,
        entry.c.name, entry.c.unit_label, entry.c.form, entry.c.barred, open_sitting.c.id.label("sitting_id"),
        open_sitting.c.title, open_sitting.c.kind, open_sitting.c.place, open_sitting.c.opens_at, open_sitting.c.closes_at,
        open_sitting.c.minutes, open_sitting.c.grace_s, open_sitting.c.late_entry_minutes,
        open_sitting.c.closed_at.label("sitting_closed_at"), attempt.c.id.label("attempt_id"),
        attempt.c.state.label("attempt_state"), attempt.c.limit_at, attempt.c.writer, entry.c.late_until,
        PAUSED_SINCE.label("paused_at"), open_sitting.c.room_ranges, open_sitting.c.seb_keys, session.c.seb, session.c.created_at,
    )
    .join(entry, entry.c.id == session.c.entry_id)
    .join(open_sitting, open_sitting.c.id == entry.c.sitting_id)
    .outerjoin(attempt, attempt.c.entry_id == entry.c.id)
    .where(session.c.ended_at.is_(None), session.c.token_digest == bindparam("digest"))
)  # fmt: skip


def standing(connection: Connection, digest_: str, now: int) -> Standing | None:
    """Who is logged in under a token's digest, or None if nobody is (unknown, ended, too old)."""
    row = _STANDING.first(connection, digest=digest_)
    if row is None or now - row.created_at > SESSION_MS:
        return None
    return Standing(*row[:-1])


def end_session(connection: Connection, digest_: str, now: int) -> None:
    """Log out."""
    connection.execute(
        update(session).where(session.c.token_digest == digest_, session.c.ended_at.is_(None)).values(ended_at=now)
    )
