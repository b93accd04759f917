"""Prepared statements say and refuse the same as SQLAlchemy's own execution, on both databases."""

from __future__ import annotations

import pytest
from sitting_fixture import open_demo
from sqlalchemy import bindparam, insert, or_, select, text, update
from sqlalchemy.exc import DBAPIError

from exams.prepared import Prepared, on_driver
from exams.tables import entry, incident
from home import transaction
from logs import db_message

_OF_NUMBER = (
    select(entry.c.id, entry.c.admission_no, entry.c.barred, entry.c.name.label("called"))
    .where(entry.c.admission_no == bindparam("number"), or_(entry.c.failures == 0, entry.c.failures > 3))
)  # fmt: skip


def test_rows_constants_and_names_are_those_of_the_statement(any_home):
    one, two = open_demo(any_home, 2)
    prepared = Prepared(_OF_NUMBER)
    with any_home.exam.connect() as connection:
        for candidate in (one, two, one):
            row, usual = prepared.first(connection, number=candidate.admission_no), connection.execute(_OF_NUMBER, {"number": candidate.admission_no}).one()
            assert tuple(row) == tuple(usual) and (row.called, bool(row.barred)) == (usual.called, False)
        assert prepared.first(connection, number="nobody") is None and prepared.all(connection, number="nobody") == []


def test_what_is_written_is_part_of_the_transaction_around_it(any_home):
    open_demo(any_home, 1)
    renamed = Prepared(update(entry).where(entry.c.barred.is_(False)).values(failures=entry.c.failures + 1, name=bindparam("called")).returning(entry.c.failures))
    noted = Prepared(insert(incident).inline(), "sitting_id", "entry_id", "kind", "at", "by", "detail")
    with pytest.raises(RuntimeError, match="undo"), transaction(any_home.exam) as connection:
        assert [row.failures for row in renamed.all(connection, called="甲")] == [1]
        raise RuntimeError("undo")
    with transaction(any_home.exam) as connection:
        assert [row.failures for row in renamed.all(connection, called="乙")] == [1], "nothing of the first is left"
        assert noted.all(connection, sitting_id="demo", entry_id=None, kind="x", at=5, by="hall", detail="丙") == []
    with any_home.exam.connect() as connection:
        assert connection.execute(select(entry.c.name)).scalar_one() == "乙" and connection.execute(select(incident.c.detail)).scalar_one() == "丙"


@pytest.mark.parametrize("sql", ["SELECT x FROM no_such_table", "INSERT INTO entry (id) VALUES (1)"])
def test_a_fault_is_sqlalchemys_and_tells_no_answer(any_home, sql):
    with transaction(any_home.exam) as connection, pytest.raises(DBAPIError) as usual, connection.begin_nested():
        connection.execute(text(sql))
    with transaction(any_home.exam) as connection, pytest.raises(DBAPIError) as ours, connection.begin_nested():
        on_driver(connection, sql, ())
    assert type(ours.value) is type(usual.value) and type(ours.value.orig) is type(usual.value.orig)
    place = {"sqlite": "?", "postgresql": "%s"}[any_home.exam.dialect.name]
    with transaction(any_home.exam) as connection, pytest.raises(DBAPIError) as told, connection.begin_nested():
        on_driver(connection, f"INSERT INTO entry (id, name) VALUES (1, {place})", ("绝密的答案",))
    assert "绝密的答案" not in db_message(told.value) and db_message(told.value) in str(told.value)


def test_a_missing_value_is_a_fault_of_ours(any_home):
    open_demo(any_home, 1)
    with any_home.exam.connect() as connection, pytest.raises((KeyError, DBAPIError)):
        Prepared(_OF_NUMBER).all(connection)
