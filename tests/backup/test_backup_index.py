"""The index of the backups: a torn line costs one line, not the office."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from backup.archive import INDEX, known_backups, make_backup
from backup.schedule import backup_due
from grading.worker import look_after_backups
from hall.office.app import create_app
from hall.office.health import metrics_token, read_health
from home import Home, now_ms

TORN = (b'{"file": "/media/usb/pufa-2026', b"\xff\xfe\x00\x00", b"[1, 2]", b"7", b'{"sha256": "x"}', '{"file": "备'.encode()[:-1])


@pytest.mark.parametrize("torn", TORN)
def test_a_torn_line_is_passed_over_and_told_once(home_folder: Home, tmp_path: Path, torn: bytes, caplog: pytest.LogCaptureFixture) -> None:
    first = make_backup(home_folder, tmp_path / "a", now_ms() - 1000)
    index = home_folder.root / "backups" / INDEX
    with index.open("ab") as out:
        out.write(torn)
    with caplog.at_level(logging.WARNING, "pufa.backup"):
        assert known_backups(home_folder) == [first] == known_backups(home_folder)
    unreadable = torn != b"[1, 2]"  # a list is readable and simply no note of a backup
    assert [f"{index} 第 2 行" in record.getMessage() for record in caplog.records] == [True] * unreadable
    second = make_backup(home_folder, tmp_path / "b", now_ms())
    assert known_backups(home_folder) == [first, second], "the next line begins on its own"
    assert json.loads(index.read_bytes().split(b"\n")[2])["file"] == str(second.path)


def test_the_office_and_the_worker_go_on_with_a_torn_index(home_folder: Home) -> None:
    (home_folder.root / "backups" / INDEX).write_bytes(TORN[0])
    assert read_health(home_folder, now_ms()).gauges["pufa_backup_age_seconds"] < 60, "as old as the home"
    office = TestClient(create_app(home_folder, secure=False))
    assert office.get("/metrics", headers={"authorization": f"Bearer {metrics_token(home_folder)}"}).status_code == 200
    assert backup_due(home_folder, now_ms())
    look_after_backups(home_folder, now_ms(), ended_now=False)
    assert not backup_due(home_folder, now_ms()) and len(known_backups(home_folder)) == 1
