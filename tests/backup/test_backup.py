from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
import tarfile
import threading
from datetime import date
from pathlib import Path

import pytest
from sitting_fixture import KEY, enter_at_office, open_demo
from sqlalchemy import create_engine, insert, select, text, update
from typer.testing import CliRunner

from backup.archive import BackupError, known_backups, make_backup, make_key
from backup.restoring import restore
from backup.schedule import DAY_MS, backup_due, backup_now, live_copy
from backup.snapshot import fingerprint, owner_engine
from exams.attempts import start
from exams.sessions import log_in, standing, token_digest
from exams.tables import attempt, entry
from home import EXAM, OFFICE, Home, audit, now_ms, transaction
from people.tables import person, unit
from pufa import app

AT = 1_790_000_000_000
BACKUP_TABLE = '\n# 备份盘\n[backup]\nto = "/media/usb/pufa"\nkeep = 14\n'


def furnish(home: Home) -> None:
    """Rows of every awkward kind: a tree of units with the child first, two that point to one another, bytes, dates, rare characters, a sitting, two chains."""
    open_demo(home)
    enter_at_office(home)
    with transaction(home.office) as connection:
        connection.execute(insert(unit).values(id=2, name="县人民政府"))
        connection.execute(insert(unit).values(id=1, name="办公室", parent_id=2))
        connection.execute(insert(unit).values(id=3, name="城关镇"))
        connection.execute(insert(unit).values(id=4, name="城关街道", parent_id=3))
        connection.execute(update(unit).where(unit.c.id == 3).values(merged_into=4, valid_to=date(2026, 1, 1)))  # each points to the other
        connection.execute(
            insert(person).values(
                name="张\U0002b5af·三", document="居民身份证", identity_cipher=b"\x00\xff\x01", identity_mac="m", identity_masked="34********1234",
                unit_id=1, created_at=AT,
            )
        )  # fmt: skip
        audit(connection, OFFICE, "officer", "test.act", "x", note="备份")
    with transaction(home.exam) as connection:
        audit(connection, EXAM, "officer", "test.act", "x")
    (home.secret / "bank" / "item.md").write_text("题目", encoding="utf-8")
    with sqlite3.connect(home.secret / "nbgrader" / "gradebook.db") as gradebook:
        gradebook.execute("CREATE TABLE t (x)")
    gradebook.close()


def contents(home: Home) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in ("office", "exam"):
        with owner_engine(home, name) as engine, engine.connect() as connection:
            found[name] = fingerprint(connection)
    return found


def test_a_backup_comes_back_the_same_on_either_database(any_home: Home, tmp_path: Path) -> None:
    furnish(any_home)
    settings = any_home.root / "home.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + BACKUP_TABLE, encoding="utf-8")
    before = contents(any_home)
    key = make_key(any_home)
    done = make_backup(any_home, tmp_path / "stick", AT)
    assert done.encrypted and done.path.stat().st_mode & 0o777 == 0o600
    assert b"SQLite format" not in done.path.read_bytes()
    restored = restore(done.path, tmp_path / "new", key)
    assert contents(restored.home) == before
    assert restored.home.settings == {name: value for name, value in any_home.settings.items() if name != "exam_url"}
    assert restored.made_at == AT and restored.rows["office.unit"] == 4
    for name in ("identity", "code", "record"):
        assert restored.home.key(name) == any_home.key(name)
    assert (restored.home.secret / "bank" / "item.md").read_text(encoding="utf-8") == "题目"
    assert restored.home.office.dialect.name == "sqlite" and (restored.home.secret).stat().st_mode & 0o777 == 0o700
    restored.home.close()


def test_a_backup_of_files_comes_back_in_postgresql_and_goes_on(home_folder: Home, tmp_path: Path, postgres_url: str) -> None:
    admin = create_engine(postgres_url)
    with admin.begin() as connection:
        for schema in ("exam", "office"):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
    admin.dispose()
    furnish(home_folder)
    settings = home_folder.root / "home.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + BACKUP_TABLE, encoding="utf-8")
    before = contents(home_folder)
    done = make_backup(home_folder, tmp_path, AT)
    restored = restore(done.path, tmp_path / "new", db_url=postgres_url)
    assert restored.home.office.dialect.name == "postgresql" and contents(restored.home) == before
    assert restored.home.settings == {**home_folder.settings, "exam_url": restored.home.exam_url}
    with transaction(restored.home.office) as connection:  # the counters go on behind the restored rows
        assert connection.execute(insert(unit).values(name="新单位").returning(unit.c.id)).scalar_one() == 5
    restored.home.close()
    with pytest.raises(BackupError, match="另一个数据文件夹使用"):
        restore(done.path, tmp_path / "again", db_url=postgres_url)
    assert not (tmp_path / "again").exists()


def test_a_backup_during_an_exam_holds_every_start_acknowledged_before_it(home_folder: Home, tmp_path: Path) -> None:
    people = open_demo(home_folder, 40)
    started: list[str] = []
    halfway = threading.Event()

    def begin() -> None:
        for one in people:
            with transaction(home_folder.exam) as connection:
                token = log_in(connection, KEY, one.admission_no, one.code, "d", now_ms()).token
            with transaction(home_folder.exam) as connection:
                who = standing(connection, token_digest(token), now_ms())
                assert who is not None
                start(connection, who, (), now_ms())
            started.append(one.admission_no)
            if len(started) == 10:
                halfway.set()

    busy = threading.Thread(target=begin)
    busy.start()
    halfway.wait(30)
    sure = list(started)
    done = make_backup(home_folder, tmp_path / "b", now_ms())
    busy.join()
    restored = restore(done.path, tmp_path / "new")
    with restored.home.exam.connect() as connection:
        there = set(connection.execute(select(entry.c.admission_no).join(attempt, attempt.c.entry_id == entry.c.id)).scalars())
    assert set(sure) <= there
    restored.home.close()


def _altered(path: Path, change: object) -> Path:
    """The same archive with its members passed through ``change(name, data) -> data``."""
    out = path.with_name("altered.tar.gz")
    with tarfile.open(path) as old, tarfile.open(out, "w:gz") as new:
        for member in old:
            data = change(member.name, old.extractfile(member).read())  # type: ignore[operator, union-attr]
            if data is not None:
                entry = tarfile.TarInfo(member.name)
                entry.size = len(data)
                new.addfile(entry, io.BytesIO(data))
    return out


def _flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda name, data: _flip(data) if name == "office.db" else data, "office.db"),
        (lambda name, data: None if name == "home.toml" else data, "home.toml"),
        (lambda name, data: None if name == "manifest.json" else data, "缺少清单"),
        (lambda name, data: data.replace(b'"format": 1', b'"format": 9') if name == "manifest.json" else data, "只认"),
    ],
)  # fmt: skip
def test_an_altered_backup_is_refused_and_leaves_nothing(home_folder: Home, tmp_path: Path, change: object, told: str) -> None:
    furnish(home_folder)
    bad = _altered(make_backup(home_folder, tmp_path, AT).path, change)
    with pytest.raises(BackupError, match=told):
        restore(bad, tmp_path / "new")
    assert not (tmp_path / "new").exists() and not list(tmp_path.glob(".restore*"))


def test_foreign_and_hostile_files_are_refused(home_folder: Home, tmp_path: Path) -> None:
    evil = tmp_path / "evil.tar.gz"
    for name in ("../../escaped", "/tmp/escaped"):
        with tarfile.open(evil, "w:gz") as tar:
            tar.addfile(tarfile.TarInfo(name))
        with pytest.raises(BackupError, match="不该有的内容"):
            restore(evil, tmp_path / "new")
    link = tarfile.TarInfo("home.toml")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(evil, "w:gz") as tar:
        tar.addfile(link)
    with pytest.raises(BackupError, match="不该有的内容"):
        restore(evil, tmp_path / "new")
    for content in (b"", b"no archive", gzip.compress(b"no tar"), make_backup(home_folder, tmp_path, AT).path.read_bytes()[:5000]):
        evil.write_bytes(content)
        with pytest.raises(BackupError):
            restore(evil, tmp_path / "new")
    key = make_key(home_folder)
    sealed = make_backup(home_folder, tmp_path / "s", AT)
    other = key[:-6] + "QQQQQQ"
    for wrong in (None, "", other, make_key(home_folder)):
        with pytest.raises(BackupError, match="密钥"):
            restore(sealed.path, tmp_path / "new", wrong)
    sealed.path.write_bytes(_flip(sealed.path.read_bytes()))
    with pytest.raises(BackupError, match="密钥不对，或者文件已损坏"):
        restore(sealed.path, tmp_path / "new", key)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(BackupError, match="不为空"):
        restore(sealed.path, tmp_path / "full", key)
    assert not (tmp_path / "new").exists()


def test_daily_backups_keep_their_number_and_live_copies_bring_the_last_minute_back(home_folder: Home, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    settings = home_folder.root / "home.toml"
    assert live_copy(home_folder, now_ms()) is None  # no place outside the home: nothing is pretended
    settings.write_text(settings.read_text(encoding="utf-8") + f'\n[backup]\nto = "{stick}"\nkeep = 2\n', encoding="utf-8")
    furnish(home_folder)
    for day in range(4):
        assert backup_due(home_folder, AT + day * DAY_MS)
        backup_now(home_folder, AT + day * DAY_MS)
        assert not backup_due(home_folder, AT + day * DAY_MS + 1000)
    left = sorted(path.name for path in stick.iterdir())
    assert len(left) == 2 and len(known_backups(home_folder)) == 4
    with transaction(home_folder.exam) as connection:
        audit(connection, EXAM, "officer", "after.backup", "x")
    copy = live_copy(home_folder, now_ms())
    assert copy is not None and live_copy(home_folder, now_ms()) is None
    restored = restore(stick / left[-1], tmp_path / "new", exam=copy)
    assert contents(restored.home) == contents(home_folder)
    restored.home.close()
    settings.write_text(settings.read_text(encoding="utf-8").replace("keep = 2", 'keep = "two"'), encoding="utf-8")
    with pytest.raises(BackupError, match="keep"):
        backup_now(home_folder, AT)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_full_stick_is_told_and_leaves_no_half_file(home_folder: Home, tmp_path: Path, sealed: bool) -> None:
    furnish(home_folder)
    if sealed:
        make_key(home_folder)
    small = tmp_path / "small"
    small.mkdir()
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=4k none {small} 2>/dev/null") != 0:
        pytest.skip("a file system of a given size needs root")
    try:
        with pytest.raises(BackupError, match=r"磁盘已满.*足够空间"):
            make_backup(home_folder, small, AT)
        assert list(small.iterdir()) == [] and known_backups(home_folder) == []
    finally:
        os.system(f"umount {small}")


def test_the_commands_and_the_drill(home_folder: Home, tmp_path: Path) -> None:
    furnish(home_folder)
    run = CliRunner()
    made = run.invoke(app, ["backup", "--home", str(home_folder.root), "--to", str(tmp_path / "b"), "--new-key"])
    assert made.exit_code == 0, made.output
    key = next(line for line in made.output.splitlines() if line.startswith("AGE-SECRET-KEY"))
    archive = next((tmp_path / "b").iterdir())
    (tmp_path / "key").write_text(key)
    drill = run.invoke(app, ["restore", str(archive), "--drill", "--key-file", str(tmp_path / "key")])
    assert drill.exit_code == 0 and "全部相符" in drill.output, drill.output
    real = run.invoke(app, ["restore", str(archive), "--home", str(tmp_path / "new")], env={"PUFA_BACKUP_KEY": key})
    assert real.exit_code == 0 and (tmp_path / "new" / "office.db").is_file(), real.output
    assert run.invoke(app, ["restore", str(archive)]).exit_code == 2
    assert run.invoke(app, ["restore", str(tmp_path / "none"), "--drill"]).exit_code == 1
    with transaction(home_folder.office) as connection:  # a row that somebody changed: the drill names it
        connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE n = 1"))
    run.invoke(app, ["backup", "--home", str(home_folder.root), "--to", str(tmp_path / "c")])
    bad = run.invoke(app, ["restore", str(next((tmp_path / "c").iterdir())), "--drill", "--key-file", str(tmp_path / "key")])
    assert bad.exit_code == 1 and "从第 1 条起对不上" in bad.output, bad.output
    assert json.loads((home_folder.root / "backups" / "index.jsonl").read_text(encoding="utf-8").splitlines()[0])["encrypted"] is True
