"""Many rows at once: plain tuples under one statement, the same on SQLite and PostgreSQL.

SQLAlchemy's own executemany builds a dictionary and a tuple for each row; at 80 rows a script that is half of marking.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """Insert ``rows``, whose values stand in the order of ``columns``; nothing if there are none."""
    if not rows:
        return
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(table.c[column].name) for column in columns)
    place = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    values = ", ".join([place] * len(columns))
    connection.exec_driver_sql(f"INSERT INTO {quote(table.name)} ({names}) VALUES ({values})", list(rows))
