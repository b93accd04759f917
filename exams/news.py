"""What an open page has to be told: how its attempt stands, read for all connected pages of a process at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection


class News(NamedTuple):
    """An attempt as it stands: ``state`` open, closed or void; the newest page's number; its limit; since when it is paused (ms UTC)."""

    attempt_id: int
    state: str
    writer: int
    limit_at: int
    paused_at: int | None


_FACTS = "a.id, a.state, a.writer, a.limit_at"
_SQLITE = (
    f"SELECT (SELECT json_group_array(json_array({_FACTS}, coalesce(min(a.paused_at, o.paused_at), a.paused_at, o.paused_at)))"
    "         FROM json_each(?) v CROSS JOIN attempt a ON a.id = v.value JOIN open_sitting o ON o.id = a.sitting_id),"
    "       (SELECT json_group_array(t.token_digest) FROM json_each(?) v CROSS JOIN session t ON t.token_digest = v.value"
    "        WHERE t.ended_at IS NOT NULL)"
)
_POSTGRES = (
    f"SELECT {_FACTS}, least(a.paused_at, o.paused_at) FROM attempt a JOIN open_sitting o ON o.id = a.sitting_id WHERE a.id = ANY(%s) ORDER BY a.id",
    "SELECT token_digest FROM session WHERE token_digest = ANY(%s) AND ended_at IS NOT NULL ORDER BY 1",
)
_encode = msgspec.json.Encoder().encode
_decode_news = msgspec.json.Decoder(list[News]).decode
_decode_ended = msgspec.json.Decoder(list[str]).decode
#: what :func:`read_news` found, as the driver gives it; equal if and only if nothing has changed
Found = tuple[Any, Any]


def read_news(connection: Connection, attempts: Collection[int], sessions: Collection[str]) -> Found:
    """How these attempts stand, and which of these sessions (token digests) have ended; :func:`decode_news` tells it.

    On SQLite both come as one row of JSON, for the same reason as in :mod:`exams.saves`: 5,000 rows that cross one by one
    would take the turn of the thread that stores answers 5,000 times.
    """
    if connection.dialect.name == "sqlite":
        given = (_encode(list(attempts)).decode(), _encode(list(sessions)).decode())
        row = connection.exec_driver_sql(_SQLITE, given).one()
        return row[0], row[1]
    facts, ended = (
        [tuple(row) for row in connection.exec_driver_sql(statement, (list(values),))]
        for statement, values in zip(_POSTGRES, (attempts, sessions), strict=True)
    )
    return facts, ended


def decode_news(found: Found) -> tuple[list[News], list[str]]:
    """Attempts, and digests of the sessions that have ended."""
    facts, ended = found
    if isinstance(facts, str):
        return _decode_news(facts), _decode_ended(ended)
    return [News(*row) for row in facts], [row[0] for row in ended]
