"""What the hall's own silence cost the candidates, measured and given back.

Once a second every candidate process stores a **beat** through the same queue and commit as the answers. A beat that comes
late says all at once: the process was frozen, killed or without power, the queue stood, or the database took nothing. Where
more than :data:`FORGIVEN_MS` beyond the second is missing, the first process that can store again gives every open attempt the
whole time since the last beat (rounded up to a second), in the transaction that stores its beat: exactly once, whoever is first.

* **Told to stop** (SIGTERM): the last beat says so, and what follows is nobody's stall. An upgrade in mid-exam is therefore
  announced as a pause of the room, which gives the time back by itself.
* **Several processes** on one database share the one beat. While any of them stores, the service is there and a browser reaches
  it through the proxy, so that one process standing still credits nobody; all of them standing still credits everybody.
  Their clocks have to agree (NTP) to about a second.
* **Pauses** are given back on resuming; the part of a silence in which an attempt was paused is not given twice.
* **Longer than** :data:`LONGEST_MS` is no stall but a day that went wrong: noted for the officer, who decides.
* Until the time is given back nothing ends by it: see :func:`silence_ms`, which :mod:`exams.attempts` and :mod:`exams.saves` ask.
* The wall clock was set while the hall was down (an empty CMOS battery): what is kept is the time that was left at the last beat,
  if it went forward; if it went backward nothing is taken away.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, Engine, bindparam, case, cast, insert, select, text, update

from exams.sessions import PAUSED_SINCE
from exams.tables import attempt, beat, grant, incident, open_sitting, stall
from home import EXAM, audit, local_text

BEAT_MS = 1_000
FORGIVEN_MS = 2_000
LONGEST_MS = 4 * 3_600_000
#: two clocks that are no further apart are the same one
AGREES_MS = 5_000
#: a beat this far in the future was written before the clock was set back
_SET_BACK_MS = 60_000


class _Lost(NamedTuple):
    attempt_id: int
    sitting_id: str
    seconds: int


def silence_ms(connection: Connection, now: int) -> int:
    """How long the hall has stood still at ``now``, ms; 0 if it beats, was told to stop, never ran, or was left for good."""
    row = connection.execute(select(beat).where(beat.c.id == 1)).first()
    if row is None or row.stopped:
        return 0
    silent = now - row.at
    return silent if BEAT_MS + FORGIVEN_MS < silent <= LONGEST_MS else 0


def hall_time(engine: Engine, now: int) -> int:
    """Now as the candidate processes count it, ms UTC: ``now``, unless a hall is beating that counts otherwise.

    A process that is started after the system clock was set reads the wrong time; the hall goes on by the clock it began with, and
    only its time ends anything. Where the two differ, this waits to see the beat move.
    """
    first = _standing_beat(engine)
    if first is None or abs(now - first) <= AGREES_MS:
        return now
    time.sleep(2.5 * BEAT_MS / 1000)
    second = _standing_beat(engine)
    return second if second is not None and second > first else now


def _standing_beat(engine: Engine) -> int | None:
    with engine.connect() as connection:
        row = connection.execute(select(beat).where(beat.c.id == 1)).first()
    return None if row is None or row.stopped else int(row.at)


def keep_beat(connection: Connection, now: int, *, starting: bool = False) -> int:
    """Say that the hall stores; give back what was lost before. Returns the milliseconds given to every open attempt.

    ``starting``: the first beat of a process; after a stop that was asked for, nothing is given.
    """
    row = connection.execute(select(beat).where(beat.c.id == 1).with_for_update()).first()
    if row is None:
        connection.execute(text("INSERT INTO beat (id, at, stopped) VALUES (1, :now, :no) ON CONFLICT (id) DO NOTHING"), {"now": now, "no": False})
        return 0
    silent = now - row.at
    forward = silent > 0 or -silent > _SET_BACK_MS
    connection.execute(update(beat).where(beat.c.id == 1).values(at=now if forward else row.at, stopped=False))
    if silent <= BEAT_MS + FORGIVEN_MS or (starting and row.stopped):
        return 0
    return _give_back(connection, row.at, now)


def last_beat(connection: Connection, now: int) -> None:
    """This process was told to stop: the silence that follows is meant."""
    connection.execute(
        update(beat).where(beat.c.id == 1).values(at=case((beat.c.at < now, now), else_=beat.c.at), stopped=True)
    )


def _give_back(connection: Connection, from_at: int, to_at: int) -> int:
    lost = _lost_s(connection, from_at, to_at)
    if not lost:
        return 0
    span = f"{local_text(from_at, '%H:%M:%S')}—{local_text(to_at, '%H:%M:%S')}"
    if to_at - from_at > LONGEST_MS:
        _note(connection, lost, to_at, f"服务器停止应答 {span}，超过 {LONGEST_MS // 3_600_000} 小时，没有自动补时，请考试负责人决定")
        return 0
    reason = f"服务器停止应答 {span}，自动补时"
    connection.execute(
        update(attempt)
        .where(attempt.c.id == bindparam("ident"))
        .values(limit_at=attempt.c.limit_at + cast(bindparam("ms"), BigInteger)),
        [{"ident": one.attempt_id, "ms": one.seconds * 1000} for one in lost],
    )
    given = {"kind": "stall", "reason": reason, "by": "hall", "at": to_at}
    connection.execute(insert(grant), [{"attempt_id": one.attempt_id, "seconds": one.seconds, **given} for one in lost])
    connection.execute(insert(stall).values(from_at=from_at, to_at=to_at, attempts=len(lost), at=to_at))
    _note(connection, lost, to_at, reason)
    audit(connection, EXAM, "hall", "stall.credit", "hall", from_at=from_at, to_at=to_at, attempts=len(lost))
    return to_at - from_at


def _lost_s(connection: Connection, from_at: int, to_at: int) -> list[_Lost]:
    """The open attempts that lost time, each with its whole seconds."""
    rows = connection.execute(
        select(attempt.c.id, attempt.c.sitting_id, attempt.c.started_at, PAUSED_SINCE.label("paused_at"))
        .join(open_sitting, open_sitting.c.id == attempt.c.sitting_id)
        .where(attempt.c.state == "open", open_sitting.c.closed_at.is_(None))
        .order_by(attempt.c.id)
    ).all()
    paused = _given_by_pauses(connection, from_at, to_at)
    found = []
    for row in rows:
        end = to_at if row.paused_at is None else min(to_at, row.paused_at)
        lost = end - max(from_at, row.started_at) - paused[row.id]
        if lost > 0:
            found.append(_Lost(row.id, row.sitting_id, -(-lost // 1000)))
    return found


def _given_by_pauses(connection: Connection, from_at: int, to_at: int) -> dict[int, int]:
    """{attempt: ms of the span that pauses ended within it have already given back}."""
    given: dict[int, int] = defaultdict(int)
    rows = connection.execute(
        select(grant.c.attempt_id, grant.c.seconds, grant.c.at).where(grant.c.kind == "pause", grant.c.at > from_at, grant.c.at <= to_at)
    )
    for row in rows:
        given[row.attempt_id] += min(row.seconds * 1000, row.at - from_at)
    return given


def _note(connection: Connection, lost: list[_Lost], at: int, detail: str) -> None:
    """One line for the officer of each sitting concerned."""
    sittings = sorted({one.sitting_id for one in lost})
    connection.execute(
        insert(incident), [{"sitting_id": ident, "kind": "stall", "at": at, "by": "hall", "detail": detail} for ident in sittings]
    )
