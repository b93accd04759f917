"""Where backups lie on the disk of the home, or nowhere, the operator is told so: by serve, by metrics, on the office's first page."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from backup.archive import make_backup
from backup.restoring import restore
from backup.schedule import BackupError, beside_the_data, plan_of
from home import OFFICE, Home, audit, now_ms, transaction

ROOT = Path(__file__).parent.parent.parent


def _settings(home: Home, lines: str) -> None:
    with (home.root / "home.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"[backup]\n{lines}\n")


def test_no_place_is_set(home_folder: Home) -> None:
    told = beside_the_data(home_folder)
    assert told is not None and "硬盘坏了备份一起没有" in told and "[backup]" in told


def test_the_stick_is_not_there(home_folder: Home, tmp_path: Path) -> None:
    """What is written below its mount point then goes to the disk of the machine."""
    _settings(home_folder, f'to = "{tmp_path / "media" / "usb"}"')
    told = beside_the_data(home_folder)
    assert told is not None and "没有插好" in told and not (tmp_path / "media").exists()


@pytest.mark.skipif(not Path("/dev/shm").is_dir() or Path("/dev/shm").stat().st_dev == Path("/tmp").stat().st_dev, reason="no second disk")
def test_another_disk_is_quiet(home_folder: Home) -> None:
    _settings(home_folder, f'to = "/dev/shm/pufa-{os.getpid()}"')
    assert beside_the_data(home_folder) is None


@pytest.mark.parametrize("lines", ['to = "盘"', "to = 3", "keep = 0"])
def test_a_plan_that_cannot_be_followed(home_folder: Home, lines: str) -> None:
    _settings(home_folder, lines)
    with pytest.raises(BackupError, match=r"home.toml 的 \[backup\]"):
        plan_of(home_folder)
    told = beside_the_data(home_folder)
    assert told is not None and told.startswith("没有自动备份")


def test_serve_and_metrics_tell_it(home_folder: Home) -> None:
    shown = subprocess.run([sys.executable, "-m", "pufa", "metrics", "--home", str(home_folder.root)], capture_output=True, text=True, cwd=ROOT)
    assert "pufa_backup_beside_data 1.0" in shown.stdout and "提醒：自动备份只放在数据文件夹里" in shown.stdout
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "pufa", "serve", "--home", str(home_folder.root), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
    ) as serving:  # fmt: skip
        assert serving.stdout is not None
        said = "".join(serving.stdout.readline() for _ in range(2))
        serving.send_signal(signal.SIGTERM)
    assert "考场：" in said and "硬盘坏了备份一起没有" in said and "home.toml 的 [backup] 写上" in said


def test_a_path_with_marks_of_addresses_is_backed_up_with_its_rows(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "数 据?#%20", "某县")
    with transaction(home.office) as connection:
        audit(connection, OFFICE, "x", "y", "z")
    made = make_backup(home, tmp_path / "盘", now_ms())
    back = restore(made.path, tmp_path / "回?#")
    assert back.rows["office.audit"] == 1 and {one.name for one in tmp_path.iterdir()} == {"数 据?#%20", "盘", "回?#"}
    home.close()
    back.home.close()
