"""A disk that fills up, and a fault in making backups: told in plain words, and the worker goes on with its jobs."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from grading_fixture import make_sitting
from sitting_fixture import open_demo
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

import grading.worker as worker
from backup.archive import BackupError, known_backups, make_backup, make_key
from backup.schedule import LIVE, live_copy
from grading.jobs import ask
from grading.tables import job
from home import Home, now_ms, transaction
from pufa import app

FULL = sqlite3.OperationalError("database or disk is full")
FULL.sqlite_errorcode = sqlite3.SQLITE_FULL
FAULTS = (FULL, sqlite3.DatabaseError("malformed"), OperationalError("INSERT", None, FULL), OSError(28, "No space left on device"))


@pytest.fixture
def stick(home_folder: Home, tmp_path: Path) -> Path:
    settings = home_folder.root / "home.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + f'\n[backup]\nto = "{tmp_path / "stick"}"\n', encoding="utf-8")
    return tmp_path / "stick"


@pytest.fixture
def full_disk(home_folder: Home, stick: Path) -> Iterator[Home]:
    """A home whose disk has less room than its databases need; the stick has enough."""
    folder = home_folder.root / "backups"
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=32k none {folder} 2>/dev/null") != 0:
        pytest.skip("a file system of a given size needs root")
    yield home_folder
    os.system(f"umount {folder}")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_what_a_database_says_becomes_a_plain_message(home_folder: Home, stick: Path, fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: object) -> None:
        raise fault

    monkeypatch.setattr("backup.archive.snapshot", fail)
    monkeypatch.setattr("backup.schedule.snapshot", fail)
    with pytest.raises(BackupError, match=r"备份没有做成.*磁盘"):
        make_backup(home_folder, stick, now_ms())
    with pytest.raises(BackupError, match=r"考试数据没有抄到.*磁盘"):
        live_copy(home_folder, now_ms())
    told = CliRunner().invoke(app, ["backup", "--home", str(home_folder.root)])
    assert told.exit_code == 1 and "备份没有做成" in told.output and isinstance(told.exception, SystemExit)
    assert not stick.exists() and known_backups(home_folder) == []


def test_a_disk_that_is_really_full_is_told(full_disk: Home, stick: Path) -> None:
    with pytest.raises(BackupError, match="磁盘已满"):
        make_backup(full_disk, stick, now_ms())
    with pytest.raises(BackupError, match="磁盘已满"):
        live_copy(full_disk, now_ms())


def test_no_fault_of_a_backup_keeps_the_worker_from_its_jobs(home_folder: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = threading.Event()

    def fail(*_given: object) -> None:
        stopping.set()
        raise RuntimeError("a fault of the program")

    for name in ("drop_anchors", "backup_now", "live_copy"):
        monkeypatch.setattr(worker, name, fail)
    with transaction(home_folder.office) as connection:
        ask(connection, "grade", {"sitting": "none"}, "li")
    worker.loop(home_folder, stopping)
    with home_folder.office.connect() as connection:
        assert connection.execute(select(job.c.state)).scalar_one() == "failed", "it was taken up"


def test_the_live_copy_does_not_wait_for_a_backup_that_fails(
    home_folder: Home, stick: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_given: object) -> None:
        raise BackupError("备份没有做成")

    monkeypatch.setattr(worker, "backup_now", fail)
    make_sitting(home_folder, "s1", state="open", people=1)
    open_demo(home_folder, 1, sitting="s1")
    with caplog.at_level(logging.ERROR, "pufa.worker"):
        worker.look_after_backups(home_folder, now_ms(), ended_now=False)
    assert (stick / LIVE).is_file() and [record.getMessage() for record in caplog.records] == ["备份没有做成"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x01", "AGE-SECRET-KEY-1QQQQ".encode("utf-16"), b"", b"no key"])
def test_a_key_file_without_a_key_is_told(home_folder: Home, tmp_path: Path, content: bytes) -> None:
    make_key(home_folder)
    archive = make_backup(home_folder, tmp_path / "b", now_ms()).path
    key_file = tmp_path / "key"
    key_file.write_bytes(content)
    told = CliRunner().invoke(app, ["restore", str(archive), "--drill", "--key-file", str(key_file)])
    assert told.exit_code == 1 and isinstance(told.exception, SystemExit), told.exception
    assert "AGE-SECRET-KEY-1" in told.output
