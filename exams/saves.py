"""Saved answers: append-only, idempotent, chained; judged and stored for a whole batch of requests in one transaction.

The page numbers its changes 1, 2, 3 … per writer; ``(attempt, writer, seq)`` is a save's identity. What counts is read from the
database inside the transaction that stores (SQLite: the write lock is held; PostgreSQL: the rows of sitting and attempt are
locked), never from memory. SQL differs by dialect here and nowhere else: many rows at once are handed over as one JSON text
(SQLite) or as arrays (PostgreSQL).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from exams.chain import link
from exams.prepared import on_driver
from exams.refusals import Refused
from exams.stalls import silence_ms

MAX_SEQ = 20_000
#: a pause is on every page within this time; until then a page cannot know of it
PAUSE_REACHES_MS = 5_000
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


class Saved(NamedTuple):
    """The answer to a :class:`SaveRequest`: an ack per change, the attempt's limit (ms UTC) and the sitting's chain now.

    ``paused_at``: since when the attempt is paused, or None.
    """

    acks: tuple[Ack, ...]
    limit_at: int
    chain_n: int
    chain_head: str
    paused_at: int | None = None


class _Attempt(msgspec.Struct, array_like=True):
    """An attempt as the transaction finds it, with its newest save (``last_writer`` 0: there is none)."""

    id: int
    sitting_id: str
    state: str
    closed_by: str | None
    writer: int
    limit_at: int
    grace_s: int
    paused_at: int | None
    last_writer: int
    last_seq: int
    last_question: str
    last_answer: str
    last_late: bool | int


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
    end = known.limit_at + known.grace_s * 1000
    late = request.arrived > end and _too_late(connection, known, request.arrived, end)
    refusal = _refusal(known, request)
    if refusal:
        return Refused(refusal)
    acks = tuple(_take_change(connection, batch, known, request, change, late) for change in request.changes)
    return Saved(acks, known.limit_at, *batch.chains[known.sitting_id], known.paused_at)


def _too_late(connection: Connection, known: _Attempt, arrived: int, end: int) -> bool:
    """Past its end by the clock: also by the time that counts? A pause and a stall of the server move the end when they are over."""
    moment = arrived if known.paused_at is None else min(arrived, known.paused_at)
    return moment - silence_ms(connection, moment) > end


def _refusal(known: _Attempt, request: SaveRequest) -> str | None:
    """Reason of :mod:`exams.refusals` why nothing of a page is stored, or None.

    An attempt closed by time goes on taking: what arrived in time still counts, what arrived later is evidence. During a pause
    what was typed before it is taken; what a page says it typed after waits for the end of the pause.
    """
    if known.state == "void":
        return "void"
    if known.closed_by in _CLOSED:
        return _CLOSED[known.closed_by]
    if known.writer != request.writer:
        return "stale"
    if known.paused_at is not None and any(change.client_at > known.paused_at + PAUSE_REACHES_MS for change in request.changes):
        return "paused"
    return None


def _take_change(
    connection: Connection, batch: _Batch, known: _Attempt, request: SaveRequest, change: Change, late: bool
) -> Ack:
    seq, question, answer, _client_at = change
    if (request.writer, seq) <= (known.last_writer, known.last_seq):  # nothing newer can be there already
        stored = _stored(connection, batch, (request.attempt_id, request.writer, seq))
        if stored:
            return stored[2] if stored[:2] == (question, answer) else stored[2]._replace(state="conflict")
    if (
        answer == known.last_answer and question == known.last_question and known.last_writer == request.writer
        and request.acked >= seq - 1 and not late and not known.last_late
    ):  # fmt: skip  # nothing can come between: the same value again needs no second row
        stored = _stored(connection, batch, (request.attempt_id, known.last_writer, known.last_seq))
        if stored:
            return stored[2]._replace(seq=seq)
    return _append(batch, known, request, change, late)


def _append(batch: _Batch, known: _Attempt, request: SaveRequest, change: Change, late: bool) -> Ack:
    seq, question, answer, client_at = change
    writer, arrived = request.writer, request.arrived
    n, head = batch.chains[known.sitting_id]
    n += 1
    values = (n, request.attempt_id, writer, seq, question, answer, client_at, arrived, int(late))
    head = link(head, values)
    batch.chains[known.sitting_id] = (n, head)
    batch.rows.append((*values, head))
    ack = Ack(seq, "late" if late else "saved", n, head, arrived)
    batch.new[(request.attempt_id, writer, seq)] = (question, answer, ack)
    if (writer, seq) > (known.last_writer, known.last_seq):
        known.last_writer, known.last_seq, known.last_question = writer, seq, question
        known.last_answer, known.last_late = answer, late
    return ack


# ------------------------------------------------------------------ SQL


_LAST = "SELECT {what} FROM save x WHERE x.attempt_id = a.id ORDER BY x.writer DESC, x.seq DESC LIMIT 1"
_FACTS = (
    "a.id, a.sitting_id, a.state, a.closed_by, a.writer, a.limit_at, o.grace_s, {paused}, coalesce(s.writer, 0), coalesce(s.seq, 0),"
    " coalesce(s.question, ''), coalesce(s.answer, ''), coalesce(s.late, {no})"
)
_COLUMNS = "chain_n, attempt_id, writer, seq, question, answer, client_at, received_at, late, chain_head"
_STORED = (
    "SELECT question, answer, late, chain_n, chain_head, received_at FROM save"
    " WHERE attempt_id = {p} AND writer = {p} AND seq = {p}"
)


_Found = tuple[list[tuple[str, int, str]], list[_Attempt], list[str]]


class _Sqlite:
    """What is read comes as one row of JSON: every row that crosses would cost the thread its turn once more."""

    _EARLIER = "coalesce(min(a.paused_at, o.paused_at), a.paused_at, o.paused_at)"
    stored = _STORED.format(p="?")
    chain = "UPDATE open_sitting SET chain_n = ?, chain_head = ? WHERE id = ?"
    _load = (
        "SELECT (SELECT json_group_array(json_array(id, chain_n, chain_head)) FROM open_sitting"
        "        WHERE id IN (SELECT value FROM json_each(?))),"
        f"      (SELECT json_group_array(json_array({_FACTS.format(no=0, paused=_EARLIER)})) FROM json_each(?) v CROSS JOIN attempt a ON a.id = v.value"
        "        JOIN open_sitting o ON o.id = a.sitting_id"
        f"       LEFT JOIN save s ON s.rowid = ({_LAST.format(what='x.rowid')})),"
        "       (SELECT json_group_array(token_digest) FROM json_each(?) v CROSS JOIN session t"
        "        ON t.token_digest = v.value WHERE t.ended_at IS NULL)"
    )
    _insert = f"INSERT INTO save ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

    def load(self, connection: Connection, sittings: list[str], attempts: list[int], sessions: list[str]) -> _Found:
        given = (_encode(sittings).decode(), _encode(attempts).decode(), _encode(sessions).decode())
        (row,) = on_driver(connection, self._load, given)
        return _decode_sittings(row[0]), _decode_attempts(row[1]), _decode_sessions(row[2])

    def insert(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        on_driver(connection, self._insert, rows, many=True)


class _Postgres:
    """Arrays in; the rows of sittings, then attempts, are locked, each in order."""

    stored = _STORED.format(p="%s")
    chain = "UPDATE open_sitting SET chain_n = %s, chain_head = %s WHERE id = %s"
    _load = (
        "SELECT id, chain_n, chain_head FROM open_sitting WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        f"SELECT {_FACTS.format(no='false', paused='least(a.paused_at, o.paused_at)')} FROM attempt a JOIN open_sitting o ON o.id = a.sitting_id LEFT JOIN LATERAL ({_LAST.format(what='*')}) s"
        " ON true WHERE a.id = ANY(%s) ORDER BY a.id FOR NO KEY UPDATE OF a",
        "SELECT token_digest FROM session WHERE ended_at IS NULL AND token_digest = ANY(%s)",
    )
    _insert = (
        f"INSERT INTO save ({_COLUMNS}) SELECT n, a, w, s, q, t, c, r, l::bool, h FROM unnest(%s::bigint[], %s::int[], %s::int[],"
        " %s::int[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::int[], %s::text[])"
        " AS given(n, a, w, s, q, t, c, r, l, h)"
    )

    def load(self, connection: Connection, sittings: list[str], attempts: list[int], sessions: list[str]) -> _Found:
        first, second, third = (
            on_driver(connection, statement, (values,))
            for statement, values in zip(self._load, (sittings, attempts, sessions), strict=True)
        )
        return [(row[0], row[1], row[2]) for row in first], [_Attempt(*row) for row in second], [row[0] for row in third]

    def insert(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        on_driver(connection, self._insert, tuple(list(column) for column in zip(*rows, strict=True)))


_encode = msgspec.json.Encoder().encode
_decode_sittings = msgspec.json.Decoder(list[tuple[str, int, str]]).decode
_decode_attempts = msgspec.json.Decoder(list[_Attempt]).decode
_decode_sessions = msgspec.json.Decoder(list[str]).decode
_DIALECTS: dict[str, _Sqlite | _Postgres] = {"sqlite": _Sqlite(), "postgresql": _Postgres()}


def _load(connection: Connection, requests: Sequence[SaveRequest]) -> _Batch:
    """Read, and on PostgreSQL lock, what the batch touches."""
    sittings, attempts, sessions = _DIALECTS[connection.dialect.name].load(
        connection,
        sorted({request.sitting_id for request in requests}),
        sorted({request.attempt_id for request in requests}),
        sorted({request.session for request in requests}),
    )
    return _Batch({row[0]: (row[1], row[2]) for row in sittings}, {known.id: known for known in attempts}, frozenset(sessions))


def _stored(connection: Connection, batch: _Batch, place: tuple[int, int, int]) -> tuple[str, str, Ack] | None:
    """A save that is there already, from this batch or from the table."""
    if place in batch.new:
        return batch.new[place]
    rows = on_driver(connection, _DIALECTS[connection.dialect.name].stored, place)
    if not rows:
        return None
    row = rows[0]
    return row[0], row[1], Ack(place[2], "late" if row[2] else "saved", row[3], row[4], row[5])


def _write(connection: Connection, batch: _Batch, before: dict[str, tuple[int, str]]) -> None:
    if not batch.rows:
        return
    sql = _DIALECTS[connection.dialect.name]
    sql.insert(connection, batch.rows)
    for sitting_id, (n, head) in batch.chains.items():
        if before[sitting_id] != (n, head):
            on_driver(connection, sql.chain, (n, head, sitting_id))
