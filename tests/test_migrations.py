"""The revisions in migrations/ make exactly the tables that the code declares."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import exams.tables  # noqa: F401  (these four: the tables must be known)
import grading.tables  # noqa: F401
import people.tables  # noqa: F401
import question_bank.tables  # noqa: F401
from home import EXAM, OFFICE, connect


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
