"""The public key that backups are sealed to: where it is damaged nothing leaves in clear text, and nobody sees a trace."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from backup.archive import RECIPIENT, BackupError, make_backup, make_key
from backup.schedule import live_copy
from home import now_ms

ROOT = Path(__file__).parent.parent.parent
DAMAGED = [b"", b"age1", b"garbage\n", b"\xff\xfe\x00"]


def _spoil(home, data: bytes | None) -> Path:
    make_key(home)
    path = home.root / RECIPIENT
    if data is None:  # a folder in its place
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(data)
    return path


@pytest.mark.parametrize("data", [*DAMAGED, None])
def test_a_damaged_public_key_is_told_and_nothing_leaves_in_clear_text(home_folder, tmp_path, data):
    path = _spoil(home_folder, data)
    stick = tmp_path / "盘"
    with pytest.raises(BackupError, match=r"备份公钥损坏.*--new-key") as told:
        make_backup(home_folder, stick, now_ms())
    assert str(path) in str(told.value)
    with (home_folder.root / "home.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'[backup]\nto = "{stick}"\n')
    with pytest.raises(BackupError, match="备份公钥损坏"):
        live_copy(home_folder, now_ms())
    assert not stick.exists() or not list(stick.iterdir())
    assert [one.name for one in (home_folder.root / "backups").iterdir()] == []


def test_the_command_tells_it_and_a_new_key_mends_it(home_folder, tmp_path):
    _spoil(home_folder, b"age1\n")
    asked = [sys.executable, "-m", "pufa", "backup", "--home", str(home_folder.root), "--to", str(tmp_path / "盘")]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "备份公钥损坏" in done.stdout and "Traceback" not in done.stdout + done.stderr
    done = subprocess.run([*asked, "--new-key"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and "已加密" in done.stdout, done.stdout + done.stderr
