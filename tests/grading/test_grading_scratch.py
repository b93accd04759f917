from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from grading_fixture import make_sitting

from grading import scratch
from grading.exports import export_records

ROOT = Path(__file__).parents[2]
HOLD = "from grading.scratch import scratch\nwith scratch(0) as folder:\n    (folder / 'x').write_text('y')\n    print(folder, flush=True)\n    input()"


def held_by_another() -> tuple[subprocess.Popen[str], Path]:
    """A process that works in a scratch folder until it is told to stop."""
    other = subprocess.Popen([sys.executable, "-c", HOLD], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout
    return other, Path(other.stdout.readline().strip())


def test_what_fits_lies_in_memory_for_its_owner_alone_and_is_gone_afterwards():
    with scratch.scratch(1) as folder:
        assert folder.parent == scratch.MEMORY
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "sheet").write_text("张三")
    assert not folder.exists()


def test_what_does_not_fit_lies_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(scratch.tempfile, "tempdir", None)
    with scratch.scratch(scratch.free_memory() // scratch.SPARE + 2**30) as folder:
        assert folder.parent == tmp_path
    assert not list(tmp_path.iterdir())


def test_without_a_memory_file_system_all_goes_to_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "MEMORY", tmp_path / "none")
    assert scratch.free_memory() == 0
    with scratch.scratch(1) as folder:
        assert folder.parent != tmp_path / "none"


def test_a_killed_processs_folder_is_removed_by_the_next_and_a_living_ones_is_not():
    dead, left = held_by_another()
    living, kept = held_by_another()
    os.kill(dead.pid, signal.SIGKILL)
    dead.communicate(timeout=20)
    assert left.exists()
    with scratch.scratch(1):
        assert not left.exists()
        assert (kept / "x").read_text() == "y"
    living.communicate("\n", timeout=20)
    assert living.returncode == 0
    assert not kept.exists()


def test_a_sweep_follows_no_link_and_leaves_other_names_alone(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / f"{scratch.PREFIX}link").symlink_to(tmp_path / "precious")
    (tmp_path / f"{scratch.PREFIX}file").write_text("x")
    (tmp_path / f"{scratch.PREFIX}left").mkdir()
    assert scratch.sweep(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", f"{scratch.PREFIX}file", f"{scratch.PREFIX}link"]


def test_a_list_leaves_nothing_behind_and_needs_no_more_than_it_said(home_folder, monkeypatch):
    make_sitting(home_folder, people=8, essay=False)
    asked: list[int] = []
    used: list[int] = []
    whole = scratch.scratch

    @contextmanager
    def watched(need):
        asked.append(need)
        with whole(need) as folder:
            yield folder
            used.append(sum(path.stat().st_size for path in folder.iterdir()))

    monkeypatch.setattr("grading.export_xlsx.scratch", watched)
    before = set(scratch.MEMORY.glob(f"{scratch.PREFIX}*"))
    done = export_records(home_folder, "s1", "xlsx", home_folder.exports / "a.xlsx", "li")
    assert done.rows == 8
    assert asked and asked[0] >= 8 * 20 * 100
    assert used
    assert set(scratch.MEMORY.glob(f"{scratch.PREFIX}*")) == before


@pytest.mark.parametrize("broken", ["", "MemAvailable: many kB\n", "MemTotal: 1 kB\n"])
def test_an_unreadable_memory_reading_means_the_disk(tmp_path, monkeypatch, broken):
    told = tmp_path / "meminfo"
    told.write_text(broken)
    monkeypatch.setattr(scratch, "MEMINFO", told)
    assert scratch.free_memory() == 0
