"""Saved answers: append-only, idempotent, chained; judged and stored for a whole batch of requests in one transaction.

The page numbers its changes 1, 2, 3 … per writer; ``(attempt, writer, seq)`` is a save's identity. What counts is read from the
database inside the transaction that stores (SQLite: the write lock is held; PostgreSQL: the rows of sitting and attempt are
locked), never from memory. SQL differs by dialect here and nowhere else: many rows at once are handed over as one JSON text
or as arrays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection

from exams.chain import link
from exams.refusals import Refused

MAX_SEQ = 20_000
#: who closed an attempt that takes nothing more -> reason of the refusal
_CLOSED = {"handin": "handed_in", "officer": "closed"}


class Change(NamedTuple):
    """One change of one answer, as the page numbered it. ``client_at``: the page's own clock, ms; kept, never trusted."""

    seq: int
    question: str
    answer: str
    client_at: int


class SaveRequest(NamedTuple):
    """Changes of one page, oldest first. ``acked``: every seq up to it was acknowledged. ``arrived``: ms UTC, on receipt."""

    session: str
    attempt_id: int
    sitting_id: str
    writer: int
    acked: int
    changes: tuple[Change, ...]
    arrived: int


class Ack(NamedTuple):
    """A change that is on the disk. ``state``: saved, late (kept, not counted) or conflict (not stored)."""

    seq: int
    state: str
    chain_n: int
    chain_head: str
    received_at: int


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer to a :class:`SaveRequest`: an ack per change, the attempt's limit (ms UTC) and the sitting's chain now."""

    acks: tuple[Ack, ...]
    limit_at: int
    chain_n: int
    chain_head: str


class _Last(NamedTuple):
    writer: int
    seq: int
    question: str
    answer: str
    late: bool
    chain_n: int
    chain_head: str
    received_at: int


@dataclass(slots=True)
class _Attempt:
    sitting_id: str
    state: str
    closed_by: str | None
    writer: int
    limit_at: int
    grace_s: int
    last: _Last | None


@dataclass(slots=True)
class _Batch:
    """What one transaction knows and has decided so far."""

    chains: dict[str, tuple[int, str]]
    attempts: dict[int, _Attempt]
    sessions: frozenset[str]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    new: dict[tuple[int, int, int], tuple[str, str, Ack]] = field(default_factory=dict)


def store(connection: Connection, requests: Sequence[SaveRequest]) -> list[Saved | Refused]:
    """Judge and store a batch inside the caller's transaction; one result per request, in order."""
    batch = _load(connection, requests)
    before = dict(batch.chains)
    results = [_take(connection, batch, request) for request in requests]
    _write(connection, batch, before)
    return results


def _take(connection: Connection, batch: _Batch, request: SaveRequest) -> Saved | Refused:
    known = batch.attempts.get(request.attempt_id)
    if request.session not in batch.sessions or known is None or known.sitting_id != request.sitting_id:
        return Refused("session")
    late = request.arrived > known.limit_at + known.grace_s * 1000
    refusal = _refusal(known, request.writer)
    if refusal:
        return Refused(refusal)
    acks = tuple(_take_change(connection, batch, known, request, change, late) for change in request.changes)
    return Saved(acks, known.limit_at, *batch.chains[known.sitting_id])


def _refusal(known: _Attempt, writer: int) -> str | None:
    """Reason of :mod:`exams.refusals` why nothing of a page is stored, or None.

    An attempt closed by time goes on taking: what arrived in time still counts, what arrived later is evidence.
    """
    if known.state == "void":
        return "void"
    if known.closed_by in _CLOSED:
        return _CLOSED[known.closed_by]
    return None if known.writer == writer else "stale"


def _take_change(
    connection: Connection, batch: _Batch, known: _Attempt, request: SaveRequest, change: Change, late: bool
) -> Ack:
    place = (request.attempt_id, request.writer, change.seq)
    stored = batch.new.get(place) or _stored(connection, known.last, place)
    if stored:
        same = stored[:2] == (change.question, change.answer)
        return stored[2] if same else stored[2]._replace(state="conflict")
    last = known.last
    if (
        last is not None and not late and not last.late and last.writer == request.writer
        and request.acked >= change.seq - 1 and (last.question, last.answer) == (change.question, change.answer)
    ):  # fmt: skip  # nothing can come between: the same value again needs no second row
        return Ack(change.seq, "saved", last.chain_n, last.chain_head, last.received_at)
    return _append(batch, known, request, change, late)


def _append(batch: _Batch, known: _Attempt, request: SaveRequest, change: Change, late: bool) -> Ack:
    n, head = batch.chains[known.sitting_id]
    values = (
        n + 1, request.attempt_id, request.writer, change.seq, change.question, change.answer, change.client_at,
        request.arrived, int(late),
    )  # fmt: skip
    head = link(head, values)
    batch.chains[known.sitting_id] = (n + 1, head)
    batch.rows.append((*values, head))
    ack = Ack(change.seq, "late" if late else "saved", n + 1, head, request.arrived)
    batch.new[(request.attempt_id, request.writer, change.seq)] = (change.question, change.answer, ack)
    if known.last is None or (request.writer, change.seq) > known.last[:2]:
        known.last = _Last(request.writer, change.seq, change.question, change.answer, late, n + 1, head, request.arrived)
    return ack


# ------------------------------------------------------------------ SQL


_ATTEMPTS = """
SELECT a.id, a.sitting_id, a.state, a.closed_by, a.writer, a.limit_at, o.grace_s,
       s.writer, s.seq, s.question, s.answer, s.late, s.chain_n, s.chain_head, s.received_at
"""
_STORED = (
    "SELECT question, answer, late, chain_n, chain_head, received_at FROM save"
    " WHERE attempt_id = {p} AND writer = {p} AND seq = {p}"
)
_COLUMNS = "chain_n, attempt_id, writer, seq, question, answer, client_at, received_at, late, chain_head"


class _Dialect(NamedTuple):
    """The statements of one database; each takes one list."""

    sittings: str
    attempts: str
    sessions: str
    stored: str
    insert: str
    chain: str


_LAST = "SELECT {what} FROM save x WHERE x.attempt_id = a.id ORDER BY x.writer DESC, x.seq DESC LIMIT 1"
_DIALECTS = {
    "sqlite": _Dialect(
        "SELECT id, chain_n, chain_head FROM open_sitting WHERE id IN (SELECT value FROM json_each(?))",
        _ATTEMPTS
        + "FROM json_each(?) v CROSS JOIN attempt a ON a.id = v.value JOIN open_sitting o ON o.id = a.sitting_id"
        + f" LEFT JOIN save s ON s.rowid = ({_LAST.format(what='x.rowid')})",
        "SELECT token_digest FROM session WHERE ended_at IS NULL AND token_digest IN (SELECT value FROM json_each(?))",
        _STORED.format(p="?"),
        f"INSERT INTO save ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "UPDATE open_sitting SET chain_n = ?, chain_head = ? WHERE id = ?",
    ),
    "postgresql": _Dialect(
        "SELECT id, chain_n, chain_head FROM open_sitting WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        _ATTEMPTS
        + "FROM attempt a JOIN open_sitting o ON o.id = a.sitting_id"
        + f" LEFT JOIN LATERAL ({_LAST.format(what='*')}) s ON true"
        + " WHERE a.id = ANY(%s) ORDER BY a.id FOR NO KEY UPDATE OF a",
        "SELECT token_digest FROM session WHERE ended_at IS NULL AND token_digest = ANY(%s)",
        _STORED.format(p="%s"),
        f"INSERT INTO save ({_COLUMNS}) SELECT n, a, w, s, q, t, c, r, l::bool, h FROM unnest(%s::bigint[], %s::int[], %s::int[],"
        " %s::int[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::int[], %s::text[])"
        " AS given(n, a, w, s, q, t, c, r, l, h)",
        "UPDATE open_sitting SET chain_n = %s, chain_head = %s WHERE id = %s",
    ),
}


def _rows_of(connection: Connection, statement: str, wanted: list[Any]) -> Sequence[Any]:
    given: Any = json.dumps(wanted) if connection.dialect.name == "sqlite" else wanted
    return connection.exec_driver_sql(statement, (given,)).all()


def _load(connection: Connection, requests: Sequence[SaveRequest]) -> _Batch:
    """Read, and on PostgreSQL lock, what the batch touches: sittings first, then attempts, each in order."""
    sql = _DIALECTS[connection.dialect.name]
    sittings = _rows_of(connection, sql.sittings, sorted({request.sitting_id for request in requests}))
    attempts = _rows_of(connection, sql.attempts, sorted({request.attempt_id for request in requests}))
    sessions = _rows_of(connection, sql.sessions, sorted({request.session for request in requests}))
    return _Batch(
        {row[0]: (row[1], row[2]) for row in sittings},
        {row[0]: _attempt_of(row) for row in attempts},
        frozenset(row[0] for row in sessions),
    )


def _attempt_of(row: Any) -> _Attempt:
    _id, sitting_id, state, closed_by, writer, limit_at, grace_s, *last = row
    return _Attempt(sitting_id, state, closed_by, writer, limit_at, grace_s, None if last[0] is None else _Last(*last))


def _stored(connection: Connection, last: _Last | None, place: tuple[int, int, int]) -> tuple[str, str, Ack] | None:
    """A save that is there already; asked only if the attempt has one at or after this place."""
    if last is None or place[1:] > last[:2]:
        return None
    row = connection.exec_driver_sql(_DIALECTS[connection.dialect.name].stored, place).first()
    if row is None:
        return None
    return row[0], row[1], Ack(place[2], "late" if row[2] else "saved", row[3], row[4], row[5])


def _write(connection: Connection, batch: _Batch, before: dict[str, tuple[int, str]]) -> None:
    if not batch.rows:
        return
    sql = _DIALECTS[connection.dialect.name]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(sql.insert, batch.rows)
    else:
        connection.exec_driver_sql(sql.insert, tuple(list(column) for column in zip(*batch.rows, strict=True)))
    for sitting_id, (n, head) in batch.chains.items():
        if before[sitting_id] != (n, head):
            connection.exec_driver_sql(sql.chain, (n, head, sitting_id))
