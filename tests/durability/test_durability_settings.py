"""A database that was told to be forgetful gets no hall (A2 on PostgreSQL, whose own log is not ours to trace)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, event, text

from bench._hall import Hall, furnish
from exams.durability import refuse_forgetful
from home import Home, HomeError, connect

MOST_CAREFUL = ("on", "remote_apply", "local")


def test_both_databases_as_pufa_makes_them_keep_their_word(any_home):
    refuse_forgetful(any_home.exam)


@pytest.mark.parametrize(("pragma", "word"), [("synchronous=OFF", "synchronous"), ("synchronous=NORMAL", "synchronous"), ("journal_mode=MEMORY", "journal_mode")])
def test_a_forgetful_sqlite_is_refused(home_folder, pragma, word):
    home_folder.close()
    engine = connect(f"sqlite:///{home_folder.root / 'exam' / 'exam.db'}", "exam")
    event.listen(engine, "connect", lambda connection, _record: connection.execute(f"PRAGMA {pragma}").close())
    with pytest.raises(HomeError, match=word):
        refuse_forgetful(engine)


@pytest.fixture
def owner(any_home: Home) -> Iterator[Connection]:
    """The owner of the PostgreSQL, outside transactions."""
    engine = create_engine(str(any_home.office_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
        connection.execute(text("ALTER ROLE pufa_hall RESET ALL"))
        connection.execute(text("ALTER SYSTEM RESET full_page_writes"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.mark.parametrize("any_home", ["postgresql"], indirect=True)
def test_a_role_that_does_not_wait_for_the_disk_gets_no_hall(any_home, owner, tmp_path):
    furnish(any_home, 1)
    for value in MOST_CAREFUL:
        owner.execute(text(f"ALTER ROLE pufa_hall SET synchronous_commit = {value}"))
        refuse_forgetful(any_home.exam)
    owner.execute(text("ALTER ROLE pufa_hall SET synchronous_commit = off"))
    hall = Hall(any_home, tmp_path / "log")
    hall.spawn()
    assert hall.process.wait(60) == 1
    said = hall.log.read_text(encoding="utf-8")
    assert "synchronous_commit 现在是 off" in said and "已保存" in said and "Traceback" not in said


@pytest.mark.parametrize("any_home", ["postgresql"], indirect=True)
def test_a_server_whose_pages_may_be_torn_is_refused(any_home, owner):
    owner.execute(text("ALTER SYSTEM SET full_page_writes = off"))
    owner.execute(text("SELECT pg_reload_conf()"))
    while True:
        with any_home.exam.connect() as connection:
            if connection.exec_driver_sql("SHOW full_page_writes").scalar_one() == "off":
                break
        any_home.exam.dispose()
    with pytest.raises(HomeError, match="full_page_writes 现在是 off"):
        refuse_forgetful(any_home.exam)


def test_a_database_that_is_not_there_is_said_so():
    with pytest.raises(HomeError, match="现在不能用"):
        refuse_forgetful(connect("postgresql+psycopg://nobody@127.0.0.1:1/none", "exam"))
