"""Faults of disk, rights and database that a clerk meets: one sentence with what to do, exit code 1, never a trace."""

from __future__ import annotations

import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from faults import of_another_version, told
from grading.worker import lock_home
from home import Home, HomeError

ROOT = Path(__file__).parent.parent
NOWHERE = "postgresql+psycopg://u:p@127.0.0.1:1/x"


def run(*given: object, cwd: Path = ROOT) -> tuple[int, str]:
    """A real ``pufa`` command: its exit code and all it says."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "pufa.py"), *map(str, given)], capture_output=True, text=True, cwd=cwd, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    return done.returncode, said


@pytest.fixture
def database(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of its own on the session's server."""
    name = f"d{abs(hash(request.node.name)):x}"
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.mark.parametrize("url", ["foo", "sqlite:///x.db", "mysql://a/b", "postgresql+psycopg://u:p@h:port/x", "postgresql+nosuch://a/b"])
def test_an_address_that_is_no_postgresql(tmp_path, url):
    code, said = run("init", tmp_path / "home", "--db", url)
    assert code == 1 and "不是 PostgreSQL 的地址" in said and not (tmp_path / "home").exists()


def test_a_user_who_may_not_make_roles_leaves_no_half_made_home(tmp_path, database):
    admin = create_engine(database, hide_parameters=True)
    with admin.begin() as connection:
        connection.execute(text("CREATE ROLE plain LOGIN PASSWORD 'p'"))
    admin.dispose()
    try:
        code, said = run("init", tmp_path / "home", "--db", make_url(database).set(username="plain").render_as_string(hide_password=False))
        assert code == 1 and "CREATEROLE" in said and not (tmp_path / "home").exists()
    finally:
        with admin.begin() as connection:
            connection.execute(text("DROP ROLE plain"))
        admin.dispose()


@pytest.mark.parametrize(
    "command", [["serve"], ["upgrade"], ["backup", "--to", "盘"], ["metrics"], ["audit", "verify"], ["people", "list-staff"], ["sitting", "status"]], ids=" ".join
)
def test_a_server_that_is_gone(tmp_path, home_folder, command):
    root = home_folder.root
    settings = (root / "home.toml").read_text(encoding="utf-8")
    (root / "home.toml").write_text(f'exam_url = "{NOWHERE}"\n{settings}', encoding="utf-8")
    (root / "secret" / "database.toml").write_text(f'office_url = "{NOWHERE}"\n', encoding="utf-8")
    code, said = run(*command, "--home", root, cwd=tmp_path)
    assert code == 1 and "连不上 PostgreSQL" in said and "请核对地址" in said and not (tmp_path / "盘").exists()


def test_serve_with_an_address_that_does_not_answer_keeps_the_old_one(tmp_path, database):
    home = Home.create(tmp_path / "home", "某县", database)
    before = [(home.root / place).read_bytes() for place in ("home.toml", "secret/database.toml")]
    code, said = run("serve", "--home", home.root, "--db", NOWHERE)
    assert code == 1 and "连不上 PostgreSQL" in said
    assert [(home.root / place).read_bytes() for place in ("home.toml", "secret/database.toml")] == before
    home.close()
    home.office.dispose()
    admin = create_engine(database, hide_parameters=True)
    with admin.begin() as connection:
        connection.execute(text("DROP SCHEMA office CASCADE"))
    admin.dispose()
    code, said = run("serve", "--home", home.root, "--db", database)
    assert code == 1 and "这个 PostgreSQL 数据库是空的" in said, said
    assert [(home.root / place).read_bytes() for place in ("home.toml", "secret/database.toml")] == before
    home.close()


def test_a_second_home_on_a_server_leaves_the_first_ones_role_alone(tmp_path, database, postgres_url):
    first = Home.create(tmp_path / "first", "甲县", database)
    second_name = f"{make_url(database).database}b"
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    with admin.connect() as connection:
        kept = connection.execute(text("SELECT rolname, rolpassword FROM pg_authid")).all()
        connection.execute(text(f"CREATE DATABASE {second_name}"))
        try:
            second = Home.create(tmp_path / "second", "乙县", make_url(database).set(database=second_name).render_as_string(hide_password=False))
            with second.exam.connect() as hall:
                assert hall.execute(text("SELECT count(*) FROM open_sitting")).scalar() == 0
            with second.exam.connect() as hall, pytest.raises(Exception, match="office"):
                hall.execute(text("SELECT 1 FROM office.account"))
            again = Home.use_postgres(second.root, second.office_url)
            assert again.exam.url.username == second.exam.url.username != first.exam.url.username
            with pytest.raises(HomeError, match="另一个数据文件夹"):
                Home.use_postgres(second.root, database)
            assert set(kept) <= set(connection.execute(text("SELECT rolname, rolpassword FROM pg_authid")).all())
            second.close()
            again.close()
        finally:
            connection.execute(text(f"DROP DATABASE {second_name} WITH (FORCE)"))
    first.close()
    admin.dispose()


@pytest.mark.parametrize(("place", "data"), [
    ("home.toml", b"office_name = "), ("home.toml", b"\xff\xfe"), ("home.toml", b""), ("secret/database.toml", b"[x"), ("secret/database.toml", b""),
])  # fmt: skip
def test_settings_that_cannot_be_read(home_folder, place, data):
    (home_folder.root / place).write_bytes(data)
    with pytest.raises(HomeError, match="读不懂"):
        Home.open(home_folder.root)
    code, said = run("upgrade", "--home", home_folder.root)
    assert code == 2 and str(home_folder.root / place) in said.replace("\n", "")


@pytest.mark.parametrize("command", ["upgrade", "serve"])
def test_nothing_is_upgraded_beneath_a_running_service(home_folder, command):
    """Another version may hold an exam in these tables just now."""
    with sqlite3.connect(home_folder.root / "office.db") as earlier:
        earlier.execute("UPDATE alembic_version SET version_num = '0011'")
    with lock_home(home_folder):
        code, said = run(command, "--home", home_folder.root, *(("--port", 28000) if command == "serve" else ()))
    assert code == 1 and "已有一个 pufa serve 或后台服务在运行；请先停止它" in said and "http" not in said
    with home_folder.office.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "0011"


def test_a_database_of_a_later_version(home_folder):
    with sqlite3.connect(home_folder.root / "office.db") as later:
        later.execute("UPDATE alembic_version SET version_num = '9999'")
    code, said = run("upgrade", "--home", home_folder.root)
    assert code == 1 and "更新版本的程序" in said


def test_a_database_that_another_program_holds(home_folder):
    with sqlite3.connect(home_folder.root / "office.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        code, said = run("people", "disable-staff", "wang", "--home", home_folder.root)
    assert code == 1 and "数据库正被别的程序占用" in said and time.monotonic() - began > 25


def test_a_database_that_is_damaged(home_folder):
    home_folder.close()
    (home_folder.root / "office.db").write_bytes(b"not a database at all" * 500)
    for place in home_folder.root.glob("office.db-*"):
        place.unlink()
    code, said = run("people", "list-staff", "--home", home_folder.root)
    assert code == 1 and "数据库文件已损坏" in said and "pufa restore" in said


@pytest.mark.parametrize("command", [["records", "export", "--format", "csv"], ["workforce", "template"],
                                     ["certificates", "page"]], ids=lambda given: given[1])  # fmt: skip
@pytest.mark.parametrize("place", ["", "夹", "文件/a.json", "/proc/a.json"])
def test_a_place_where_nothing_can_be_written(tmp_path, home_folder, command, place):
    (tmp_path / "夹").mkdir()
    (tmp_path / "文件").touch()
    code, said = run(*command, "--home", home_folder.root, "--out", place, cwd=tmp_path)
    assert code == 1 and "；" in said and not re.search(r"\.[0-9a-f]{8}：", said), said
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "夹", "文件"] and not list((tmp_path / "夹").iterdir())


@pytest.mark.parametrize("form", ["xlsx", "json"])
def test_a_disk_that_fills_up_while_a_file_is_written(tmp_path, home_folder, form):
    """Stood for by the longest file that the process may write; the database's own files are there, for another has it open."""
    out = tmp_path / f"统计.{form}"
    with home_folder.office.connect() as other:
        other.execute(text("SELECT count(*) FROM person"))
        done = subprocess.run(
            [sys.executable, str(ROOT / "pufa.py"), "records", "statistics", "--home", str(home_folder.root), "--out", str(out)],
            capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
        )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "写不进去" in said and "Traceback" not in said, said
    assert [one.name for one in tmp_path.iterdir()] == ["home"]


BUILD = (sys.executable, str(ROOT / "pufa.py"), "exam", "build", "county_100", "--out", "卷")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[float, list[str]]:
    """How long building a paper takes here and now, s, and what it leaves."""
    folder, began = tmp_path_factory.mktemp("whole"), time.monotonic()
    subprocess.run(BUILD, cwd=folder, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return time.monotonic() - began, left_in(folder)


def left_in(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*"))


@pytest.mark.parametrize("part", [0.1, 0.3, 0.6, 0.9])
def test_ctrl_c_leaves_no_trace_and_nothing_half_done(tmp_path, built, part):
    asked = subprocess.Popen(
        BUILD, cwd=tmp_path, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    time.sleep(part * built[0])
    asked.send_signal(signal.SIGINT)
    said, _ = asked.communicate(timeout=60)
    late = part > 0.1  # by then it may be done, or all but its last words: what it took before, others were at work beside it
    assert "Traceback" not in said and asked.returncode in (130, -signal.SIGINT, *([0] if late else []))
    assert asked.returncode != 130 or "已中断" in said
    assert left_in(tmp_path) in ([], *([built[1]] if late else []))


def test_names_with_brackets_are_told_as_they_are(tmp_path):
    code, said = run("upgrade", "--home", tmp_path / "[/a] [backup]")
    assert code == 2 and "[/a] [backup]" in said


# ------------------------------------------------------------------ a database of another version


@pytest.mark.parametrize("statement", ["SELECT 1 FROM not_yet_there", "SELECT not_yet_there FROM audit"])
def test_a_database_of_another_version_is_said_to_be_one(any_home, statement: str) -> None:
    with any_home.office.connect() as connection, pytest.raises(Exception, match="not_yet_there") as raised:
        connection.execute(text(statement))
    said = of_another_version(raised.value)
    assert said is not None and "pufa upgrade" in said and "not_yet_there" in said
    assert told(raised.value) is None, "to the office it is a fault of ours"
    assert of_another_version(ValueError("no such table: x")) is None


def test_a_command_on_an_older_database_says_what_to_do(home_folder) -> None:
    with home_folder.office.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE legal_hold RENAME TO kept")
    home_folder.close()
    code, said = run("retention", "holds", "--home", home_folder.root)
    assert code == 1 and "pufa upgrade" in said and "Traceback" not in said
