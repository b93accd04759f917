"""One consistent SQLite file of a database that is in use, whatever it runs on; and such a file back into PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    RowMapping,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL

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
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
    yield engine
    engine.dispose()


def snapshot(engine: Engine, name: str, path: Path) -> None:
    """Write the database behind ``engine`` (``exam`` or ``office``) to a new SQLite file at ``path``.

    SQLite: the online backup, which takes no lock that a save would wait for. PostgreSQL: one repeatable-read transaction.
    """
    if engine.dialect.name == "sqlite":
        with engine.connect() as here:
            _copy_file(here.connection.driver_connection, path)  # type: ignore[arg-type]
        return
    reading = engine.connect().execution_options(isolation_level="REPEATABLE READ", stream_results=True)
    with file_engine(path) as target, reading as source:
        upgrade(name, target)
        _copy(source, target)


def _copy(source: Connection, target: Engine) -> None:
    with target.begin() as into:
        for table in tables_of(into):
            with source.execute(select(table)) as rows:
                _fill(into, table, rows.mappings().partitions(CHUNK))


def _fill(into: Connection, table: Table, chunks: Iterable[Sequence[RowMapping]]) -> None:
    """All rows of a table, in whatever order they come; where they point to others of their table, that is entered last.

    No order would do: through two columns two rows may point to one another.
    """
    own = sorted({key.parent.name for key in table.foreign_keys if key.column.table is table})
    pointing: dict[str, list[dict[str, object]]] = {column: [] for column in own}
    for chunk in chunks:
        into.execute(insert(table), [{**row, **dict.fromkeys(own)} for row in chunk])
        for column in own:
            pointing[column] += [{"row": row["id"], "to": row[column]} for row in chunk if row[column] is not None]
    for column, pairs in pointing.items():
        if pairs:
            into.execute(update(table).where(table.c.id == bindparam("row")).values({column: bindparam("to")}), pairs)


def copy_sqlite(source: Path, path: Path) -> None:
    """SQLite's online backup of a file in use; the copy is one file without journals."""
    with closing(sqlite3.connect(source, timeout=30)) as here:
        _copy_file(here, path)


def _copy_file(here: sqlite3.Connection, path: Path) -> None:
    with closing(sqlite3.connect(path)) as there:
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
            with rows_from.execute(select(table)) as rows:
                _fill(into, table, rows.mappings().partitions(CHUNK))
            _set_counter(into, table)


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
