"""A clock that was ahead and is set back: what was dated in the future keeps nobody from making the next backup."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backup.archive import make_backup
from backup.schedule import DAY_MS, MINUTE_MS, backup_due, backup_now, live_copy
from hall.office.alarms import raised
from hall.office.health import metrics_text, read_health
from home import Home, now_ms

HOUR_MS = 60 * MINUTE_MS


@pytest.mark.parametrize(("ahead_ms", "made"), [(9 * HOUR_MS, True), (30 * 1000, True), (MINUTE_MS, True), (0, False), (-40_000, False), (-56_000, True)])
def test_a_live_copy_from_the_future_is_not_fresh(home_folder: Home, tmp_path: Path, ahead_ms: int, made: bool) -> None:
    settings = home_folder.root / "home.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + f'\n[backup]\nto = "{tmp_path / "stick"}"\n', encoding="utf-8")
    now = now_ms()
    copy = live_copy(home_folder, now)
    assert copy is not None
    os.utime(copy, ((now + ahead_ms) / 1000,) * 2)
    assert (live_copy(home_folder, now) is not None) is made


def test_a_backup_from_the_future_is_of_unknown_age(home_folder: Home, tmp_path: Path) -> None:
    now = now_ms()
    make_backup(home_folder, tmp_path, now + 9 * HOUR_MS)
    assert backup_due(home_folder, now)
    assert read_health(home_folder, now).gauges["pufa_backup_age_seconds"] < 60, "no older than the home is what no backup has"
    make_backup(home_folder, tmp_path, now - 2 * DAY_MS)
    assert backup_due(home_folder, now)
    assert read_health(home_folder, now).gauges["pufa_backup_age_seconds"] == 2 * DAY_MS / 1000
    backup_now(home_folder, now)
    assert not backup_due(home_folder, now + 1000)
    assert read_health(home_folder, now + 5000).gauges["pufa_backup_age_seconds"] == 5
    assert read_health(home_folder, now - 30_000).gauges["pufa_backup_age_seconds"] == 0, "half a minute is no wrong clock"


def test_a_home_without_any_backup_is_told(home_folder: Home) -> None:
    now = now_ms()
    assert "PufaNoBackup" not in {alarm.name for alarm in raised(read_health(home_folder, now).gauges)}
    assert "PufaNoBackup" in {alarm.name for alarm in raised(read_health(home_folder, now + 2 * DAY_MS).gauges)}


def test_a_key_that_is_gone_does_not_take_the_figures_with_it(home_folder: Home) -> None:
    (home_folder.secret / "keys" / "record.key").unlink()
    assert read_health(home_folder, now_ms()).gauges["pufa_backup_age_seconds"] == float("inf")


def test_where_even_the_home_is_dated_ahead_the_age_is_neither_nought_nor_left_out(home_folder: Home, tmp_path: Path) -> None:
    """The clock was wrong when the office was set up, and is set back; the worker cannot make a backup."""
    now = now_ms()
    make_backup(home_folder, tmp_path, now)
    before = now - 400 * DAY_MS
    gauges = read_health(home_folder, before).gauges
    assert gauges["pufa_backup_age_seconds"] == float("inf") and "PufaNoBackup" in {alarm.name for alarm in raised(gauges)}
    assert b"pufa_backup_age_seconds +Inf" in metrics_text(home_folder, before)
    backup_now(home_folder, before)
    assert read_health(home_folder, before + 1000).gauges["pufa_backup_age_seconds"] == 1
