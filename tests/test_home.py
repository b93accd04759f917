from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from home import DATABASES, EXAM, OFFICE, Home, HomeError, audit, transaction, verify_audit
from pufa import app

ROOT = Path(__file__).parent.parent
COMMANDS = (["serve"], ["metrics"], ["backup"], ["upgrade"], ["audit", "verify"], ["sitting", "status", "s1"], ["people", "list-staff"])


def test_a_folder_with_content_is_refused_and_left_alone(tmp_path):
    (tmp_path / "note.txt").write_text("keep")
    with pytest.raises(HomeError, match="不为空"):
        Home.create(tmp_path, "x")
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]


def test_audit_chain_names_the_first_bad_entry(any_home):
    with transaction(any_home.office) as connection:
        for n in range(4):
            audit(connection, OFFICE, "zhang", "test", f"s{n}", n=n)
        assert verify_audit(connection, OFFICE) is None
        connection.execute(text("UPDATE audit SET payload = NULL, salt = NULL WHERE n = 2"))
        assert verify_audit(connection, OFFICE) is None, "an erased payload leaves the chain verifiable"
        connection.execute(text("UPDATE audit SET actor = 'li' WHERE n = 3"))
        assert verify_audit(connection, OFFICE) == 3
        connection.execute(text("DELETE FROM audit WHERE n = 1"))
        assert verify_audit(connection, OFFICE) == 1


def test_the_two_databases_are_apart(any_home):
    with any_home.exam.connect() as connection, pytest.raises(Exception, match="person"):
        connection.execute(text("SELECT * FROM person"))
    with transaction(any_home.exam) as connection:
        audit(connection, EXAM, "a", "b", "c")


@pytest.mark.parametrize("place", DATABASES.values())
def test_a_home_that_lost_a_database_is_refused_and_gets_no_empty_one(home_folder, place):
    home_folder.close()
    for path in (home_folder.root / place).parent.glob("*.db*"):
        path.rename(home_folder.root.parent / path.name)
    with pytest.raises(HomeError, match=f"{place}：这个文件不见了.*放回.*pufa restore"):
        Home.open(home_folder.root)
    for command in COMMANDS:
        shown = CliRunner().invoke(app, [*command, "--home", str(home_folder.root)])
        assert shown.exit_code == 2 and "不见了" in shown.output, (command, shown.output)
    for module in ("grading.worker", "hall.office.serve"):
        done = subprocess.run([sys.executable, "-m", module, "--home", str(home_folder.root)], capture_output=True, text=True, cwd=ROOT, timeout=60)
        assert done.returncode in (1, 2) and "不见了" in done.stdout + done.stderr, done
    with pytest.raises(HomeError, match="不能直接改用 PostgreSQL"):  # the other database is still there
        Home.use_postgres(home_folder.root, "postgresql+psycopg://127.0.0.1:1/none")
    assert not (home_folder.root / place).exists()
    (home_folder.root.parent / place.rpartition("/")[2]).rename(home_folder.root / place)
    Home.open(home_folder.root)


@pytest.mark.parametrize("place", DATABASES.values())
def test_a_database_that_is_an_empty_file_is_no_database(home_folder, place):
    home_folder.close()
    (home_folder.root / place).write_bytes(b"")
    with pytest.raises(HomeError, match=f"{place}：这个文件不见了，或者是空的.*pufa restore"):
        Home.open(home_folder.root)
    shown = CliRunner().invoke(app, ["upgrade", "--home", str(home_folder.root)])
    assert shown.exit_code == 2 and "是空的" in shown.output, shown.output
    assert (home_folder.root / place).read_bytes() == b"", "no tables are made in it"


def test_the_hall_asks_for_its_own_database_alone(home_folder):
    home_folder.close()
    (home_folder.root / "office.db").unlink()
    assert Home.open(home_folder.root, ("exam",)).exam.connect().execute(text("SELECT count(*) FROM open_sitting")).scalar() == 0
    (home_folder.root / "exam" / "exam.db").unlink()
    with pytest.raises(HomeError, match=r"exam\.db"):
        Home.open(home_folder.root, ("exam",))


@pytest.mark.parametrize("any_home", ["postgresql"], indirect=True)
def test_a_home_on_postgresql_without_the_offices_address_does_not_fall_back_to_a_file(any_home):
    (any_home.secret / "database.toml").unlink()
    with pytest.raises(HomeError, match=r"database\.toml"):
        Home.open(any_home.root)
    assert not (any_home.root / "office.db").exists()


def test_no_connection_makes_a_file_that_went_away_meanwhile(tmp_path):
    home = Home.create(tmp_path / "县 50% #1?a=b", "x")  # whatever the folder is called
    for engine, place in ((home.office, DATABASES["office"]), (home.exam, DATABASES["exam"])):
        assert (home.root / place).stat().st_size > 0
        engine.dispose()
        (home.root / place).rename(tmp_path / "aside")
        with pytest.raises(OperationalError, match="unable to open"):
            engine.connect()
        assert not (home.root / place).exists()
        (tmp_path / "aside").rename(home.root / place)
        with engine.connect() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    home.close()
