"""What each running process last told of its health: one row a process in exam.db, rewritten every few seconds.

Figures only: no answer, name, number or code. The office reads them for its page, ``/metrics`` and the alarms.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, select, text

from exams.prepared import Prepared
from exams.tables import vital

#: a process that has told nothing for this long is taken for dead, ms
SILENT_MS = 15_000
#: ... and is forgotten after this long (an earlier machine, an earlier port)
FORGOTTEN_MS = 86_400_000

_PUT = text(
    "INSERT INTO vital (process, at, body) VALUES (:process, :at, :body)"
    " ON CONFLICT (process) DO UPDATE SET at = excluded.at, body = excluded.body"
)
_PUT_ALONE = Prepared(_PUT)


@dataclass(frozen=True)
class Vital:
    """The last word of one process; ``at`` ms UTC, ``facts`` as it wrote them."""

    process: str
    at: int
    facts: Mapping[str, object]


def tell(connection: Connection, process: str, at: int, facts: Mapping[str, object]) -> None:
    """Replace a process's row, in the caller's transaction."""
    connection.execute(_PUT, {"process": process[:60], "at": at, "body": json.dumps(dict(facts))})


def tell_alone(engine: Engine, process: str, at: int) -> None:
    """:func:`tell` by one statement that commits itself: between BEGIN and COMMIT a thread may wait for its turn beside work that
    gives way to everybody, and all answers would wait with it."""
    with engine.connect() as connection:
        _PUT_ALONE.all(connection, process=process[:60], at=at, body="{}")
        connection.connection.commit()  # PostgreSQL; SQLite has done so


def heard(connection: Connection, now: int) -> list[Vital]:
    """The last word of every process that is not forgotten, by name."""
    rows = connection.execute(select(vital).where(vital.c.at > now - FORGOTTEN_MS).order_by(vital.c.process))
    return [Vital(row.process, row.at, json.loads(row.body)) for row in rows]


def leave(connection: Connection, process: str) -> None:
    """Whoever is told to stop takes its row away: it is not missed then."""
    connection.execute(delete(vital).where(vital.c.process == process))
