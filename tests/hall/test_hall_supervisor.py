"""``pufa serve`` as a process: refusals before anything listens, one per home, and nothing left behind when it goes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from exams.tables import beat

ROOT = Path(__file__).parent.parent.parent


def pufa(*arguments: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pufa", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60, **more)


def port_pair() -> int:
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            try:
                two.bind(("127.0.0.1", one.getsockname()[1] + 1))
            except OSError:
                continue
            return int(one.getsockname()[1])


def processes_of(folder: Path) -> list[int]:
    """Processes whose command line names this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line and "-m" in line:
                found.append(int(entry.name))
    return found


def wait_until(condition, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/login").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def home_dir(home_folder) -> Path:
    return home_folder.root


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--host", "0.0.0.0"), "--tls"),
        (("--host", "office.local"), "--tls"),
        (("--behind-proxy", "not-a-network"), "网段"),
    ],
)
def test_a_bind_to_the_network_without_tls_is_refused(home_dir, options, says):
    done = pufa("serve", "--home", str(home_dir), *options)
    assert done.returncode == 2 and says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_folder_that_is_no_home_is_refused(tmp_path):
    done = pufa("serve", "--home", str(tmp_path))
    assert done.returncode == 2 and "pufa init" in done.stdout.replace("\n", "")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda number: number.name)
def test_one_supervisor_a_home_and_no_orphans(home_folder, home_dir, tmp_path, ending):
    port = port_pair()
    with (tmp_path / "log").open("wb") as log:
        first = subprocess.Popen(
            [sys.executable, "-m", "pufa", "serve", "--home", str(home_dir), "--port", str(port)],
            stdout=log, stderr=log, cwd=ROOT, start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    try:
        wait_until(lambda: answers(port) and answers(port + 1))
        assert len(processes_of(home_dir)) == 4
        second = pufa("serve", "--home", str(home_dir), "--port", str(port_pair()))
        assert second.returncode == 1 and "已有一个 pufa serve" in second.stdout.replace("\n", "")
    finally:
        first.send_signal(ending)
        first.wait(40)
    wait_until(lambda: not processes_of(home_dir))
    with home_folder.exam.connect() as connection:
        meant = bool(connection.execute(select(beat.c.stopped)).scalar_one())
    assert meant is (ending != signal.SIGKILL), "what a crash of the supervisor costs is given back"
