"""One consistent SQLite file of a database that is in use, whatever it runs on; and such a file back into PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, Row, RowMapping, Table, create_engine, insert, select, text

from home import Home, connect
from migrations import upgrade

CHUNK = 2000
#: Alembic's own table: it is made by the upgrade, not copied
REVISION = "alembic_version"


@contextmanager
def owner_engine(home: Home, name: str) -> Iterator[Engine]:
    """An engine on ``office`` or ``exam`` with the rights of the schema's owner (the hall's own role may not see everything)."""
    if name == "office":
        yield home.office
    elif home.office_url is None:
        yield home.exam
    else:
        engine = connect(home.office_url, "exam")
        yield engine
        engine.dispose()


@contextmanager
def file_engine(path: Path) -> Iterator[Engine]:
    """An engine on one SQLite file as it is: no journal is begun, no foreign key is enforced."""
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True)
    yield engine
    engine.dispose()


def snapshot(engine: Engine, name: str, path: Path) -> None:
    """Write the database behind ``engine`` (``exam`` or ``office``) to a new SQLite file at ``path``.

    SQLite: the online backup, which takes no lock that a save would wait for. PostgreSQL: one repeatable-read transaction.
    """
    if engine.dialect.name == "sqlite":
        copy_sqlite(Path(str(engine.url.database)), path)
        return
    reading = engine.connect().execution_options(isolation_level="REPEATABLE READ", stream_results=True)
    with file_engine(path) as target, reading as source:
        upgrade(name, target)
        _copy(source, target)


def _copy(source: Connection, target: Engine) -> None:
    with target.begin() as into:
        for table in tables_of(into):
            for chunk in source.execute(select(table)).mappings().partitions(CHUNK):
                into.execute(insert(table), [dict(row) for row in chunk])


def copy_sqlite(source: Path, path: Path) -> None:
    """SQLite's online backup of a file in use; the copy is one file without journals."""
    with closing(sqlite3.connect(source, timeout=30)) as here, closing(sqlite3.connect(path)) as there:
        here.backup(there)
        there.execute("PRAGMA journal_mode=DELETE")


def tables_of(connection: Connection) -> Sequence[Table]:
    """All tables of a database but Alembic's, in an order in which foreign keys find their target."""
    known = MetaData()
    known.reflect(connection)
    return [table for table in known.sorted_tables if table.name != REVISION]


def load(path: Path, target: Engine) -> None:
    """Rows of a snapshot into the empty, migrated schema of a PostgreSQL database; its counters go on behind them."""
    with file_engine(path) as source, source.connect() as rows_from, target.begin() as into:
        for table in tables_of(rows_from):
            rows = rows_from.execute(select(table)).all()
            for chunk in _chunks(_parents_first(table, rows)):
                into.execute(insert(table), [dict(row._mapping) for row in chunk])
            _set_counter(into, table)


def _parents_first(table: Table, rows: Sequence[Row[tuple[object, ...]]]) -> Iterator[Row[tuple[object, ...]]]:
    """Rows of a table that points to itself, each after the row it points to."""
    keys = [key for key in table.foreign_keys if key.column.table is table]
    if not keys:
        yield from rows
        return
    here, there = keys[0].parent.name, keys[0].column.name
    waiting, known = list(rows), {None}
    while waiting:
        ready = [row for row in waiting if row._mapping[here] in known]
        if not ready:
            raise ValueError(f"{table.name}: rows point to rows that are not there")
        yield from ready
        known |= {row._mapping[there] for row in ready}
        waiting = [row for row in waiting if row._mapping[there] not in known]


def _chunks(rows: Iterable[Row[tuple[object, ...]]]) -> Iterator[list[Row[tuple[object, ...]]]]:
    chunk: list[Row[tuple[object, ...]]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _set_counter(connection: Connection, table: Table) -> None:
    column = table.autoincrement_column
    if column is None or connection.dialect.name != "postgresql":
        return
    counter = connection.execute(text("SELECT pg_get_serial_sequence(:t, :c)"), {"t": table.name, "c": column.name}).scalar()
    if counter:
        most = connection.execute(text(f'SELECT max("{column.name}") FROM "{table.name}"')).scalar()
        if most:
            connection.execute(text("SELECT setval(CAST(:counter AS regclass), :most)"), {"counter": counter, "most": most})


def fingerprint(connection: Connection) -> Mapping[str, tuple[int, str]]:
    """{table: (number of rows, sum of the rows' SHA-256, hex)}: the same on SQLite and PostgreSQL, in whatever order rows come."""
    found = {}
    for table in tables_of(connection):
        names, count, total = sorted(column.name for column in table.columns), 0, 0
        for row in connection.execution_options(yield_per=CHUNK).execute(select(table)).mappings():
            count, total = count + 1, total + int.from_bytes(_digest(row, names))
        found[table.name] = count, f"{total % 2**256:064x}"
    return found


def _digest(row: RowMapping, names: Sequence[str]) -> bytes:
    return hashlib.sha256(json.dumps([_plain(row[name]) for name in names], ensure_ascii=False).encode()).digest()


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, date) else value
