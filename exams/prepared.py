"""Statements of the hot paths: compiled once per dialect, run on the driver's own cursor.

Thousands log in and start in the same minute, and what SQLAlchemy does around a statement takes longer than a small database needs
to answer it. Only the execution is bypassed: statements are written with Core as everywhere, faults are its exceptions.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement

#: what a driver is given: SQL, constants of the statement by name, order of the parameters (None: it takes them by name)
_Compiled = tuple[str, dict[str, object], Sequence[str] | None]


def on_driver(connection: Connection, sql: str, given: Any, *, many: bool = False) -> list[tuple[Any, ...]]:
    """Run SQL of the driver's own dialect; its rows. ``many``: once for each of ``given``.

    Nothing is begun: it is part of the transaction that the caller began, or of none (a checkpoint).

    :raises DBAPIError: as SQLAlchemy would, without parameters.
    """
    dialect = connection.dialect
    try:
        with closing(connection.connection.cursor()) as cursor:
            (cursor.executemany if many else cursor.execute)(sql, given)
            return list(cursor.fetchall()) if cursor.description is not None else []
    except dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect) from error


class Prepared:
    """A statement whose parameters are all bound by name (``bindparam``, or the columns of an insert)."""

    def __init__(self, statement: Executable, *columns: str) -> None:
        """``columns``: what an insert is given (``inline()``: nothing comes back); other statements name their parameters themselves."""
        assert isinstance(statement, ClauseElement)
        self._statement, self._columns = statement, list(columns) or None
        self._compiled: dict[str, _Compiled] = {}
        names = [column.name for column in getattr(statement, "exported_columns", ())]
        self._row: Callable[[Sequence[Any]], Any] = partial(tuple.__new__, namedtuple("Row", names)) if names else tuple

    def all(self, connection: Connection, **values: object) -> list[Any]:
        """Rows as named tuples (of literal SQL: plain ones); booleans as the database keeps them (SQLite: 0 or 1). Faults as :func:`on_driver`."""
        sql, constants, order = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        named = {**constants, **values}
        return [self._row(row) for row in on_driver(connection, sql, named if order is None else [named[name] for name in order])]

    def first(self, connection: Connection, **values: object) -> Any:
        """The first row of :meth:`all`, or None."""
        rows = self.all(connection, **values)
        return rows[0] if rows else None

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        order = compiled.positiontup if compiled.positional else None  # type: ignore[attr-defined]
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._compiled[dialect.name] = made = (str(compiled), constants, order)
        return made
