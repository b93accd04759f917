"""The revisions in migrations/ make exactly the tables that the code declares."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

import exams.tables  # noqa: F401  (these four: the tables must be known)
import grading.tables  # noqa: F401
import people.tables  # noqa: F401
import question_bank.tables  # noqa: F401
from home import EXAM, OFFICE, connect, transaction
from migrations import configuration, upgrade


@pytest.mark.parametrize("name", ["exam", "office"])
def test_revisions_make_the_declared_tables(any_home, name):
    engine = any_home.exam if name == "exam" and not any_home.office_url else connect(
        any_home.office_url or str(any_home.office.url), name
    )
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), {"exam": EXAM, "office": OFFICE}[name])
    engine.dispose()
    assert not found, "run: python -m migrations.draft " + name


def test_migrating_again_changes_nothing(any_home):
    any_home.migrate()


def test_tables_that_others_point_at_are_made_anew_with_all_that_is_in_them(tmp_path):
    """As an office of an earlier version has it: certifications with steps, which a later revision rebuilds on SQLite."""
    engine = connect(f"sqlite:///{tmp_path / 'office.db'}", "office")
    with transaction(engine) as connection:
        command.upgrade(configuration("office", connection), "0002")
        connection.exec_driver_sql("INSERT INTO person (id, name, document, identity_cipher, identity_mac, identity_masked, created_at) VALUES (1, '张三', 'x', x'00', 'm', '*', 1)")
        connection.exec_driver_sql("INSERT INTO certification (id, person_id, kind, obtained_on, created_at, created_by) VALUES (7, 1, 'mediator', '2025-01-05', 1, 'hr')")
        connection.exec_driver_sql("INSERT INTO certification_step (id, certification_id, kind, on_day, at, \"by\") VALUES (9, 7, 'appointed', '2025-02-01', 1, 'hr')")
    upgrade("office", engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT certification_id FROM certification_step").scalar_one() == 7
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    with pytest.raises(IntegrityError), transaction(engine) as connection:
        connection.exec_driver_sql("DELETE FROM certification")
    engine.dispose()


def test_mergers_of_an_earlier_version_are_taken_from_the_trail(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'office.db'}", "office")
    with transaction(engine) as connection:
        command.upgrade(configuration("office", connection), "0010")
        connection.exec_driver_sql("INSERT INTO unit (id, name, valid_to) VALUES (1, '柳河村', '2026-03-01'), (2, '石桥村', NULL), (3, '东山村', '2026-01-01')")
        connection.exec_driver_sql("INSERT INTO post (id, unit_id, title) VALUES (5, 2, '主任')")
        for n, subject, payload in ((1, "unit/1", '{"into":2}'), (2, "unit/3", None)):
            connection.exec_driver_sql("INSERT INTO audit VALUES (?, 1, 'hr', 'unit.merge', ?, 's', ?, 'd', 'h')", (n, subject, payload))
    upgrade("office", engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT merged_into FROM unit ORDER BY id").scalars().all() == [2, None, None]
        assert connection.exec_driver_sql("SELECT unit_id FROM post").scalar_one() == 2
    engine.dispose()
