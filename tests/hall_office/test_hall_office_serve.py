"""``python -m hall.office.serve``: where it may listen, and that it really serves."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from hall.local_tls import make_certificate
from hall.office.serve import main
from home import Home

ROOT = Path(__file__).parent.parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("options, told", [
    (["--host", "0.0.0.0"], "明文"), (["--host", "192.168.1.5"], "明文"), (["--host", "考场"], "明文"), (["--behind-proxy", "x"], "不是网段"),
    (["--certfile", "server.pem"], "同时给出"), (["--keyfile", "server.key"], "同时给出"),
])  # fmt: skip
def test_unsafe_binds_are_refused(home_folder: Home, options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(home_folder.root), *options]) == 2
    assert told in capsys.readouterr().err


def test_a_folder_that_is_no_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path)]) == 1
    assert "pufa init" in capsys.readouterr().err


@pytest.mark.parametrize("tls", [False, True])
def test_it_serves_and_stops_when_told(home_folder: Home, tls: bool) -> None:
    port, options, verify = free_port(), [], True
    if tls:
        folder = home_folder.root / "tls"
        make_certificate(folder, "某县", ())
        options = ["--certfile", str(folder / "server.pem"), "--keyfile", str(folder / "server.key")]
        verify = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    command = [sys.executable, "-m", "hall.office.serve", "--home", str(home_folder.root), "--port", str(port), *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        base = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        with httpx.Client(base_url=base, verify=verify) as client:
            answer = wait_for(client, process)
            assert answer.status_code == 200 and "工作人员登录" in answer.text and "server" not in answer.headers
            cookie = answer.headers["set-cookie"].lower()
            assert ("secure" in cookie) is tls and ("strict-transport-security" in answer.headers) is tls
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM) and "Traceback" not in said


def wait_for(client: httpx.Client, process: subprocess.Popen[str]) -> httpx.Response:
    for _ in range(200):
        assert process.poll() is None, process.communicate()[0]
        try:
            return client.get("/login")
        except httpx.ConnectError:
            time.sleep(0.1)
    raise AssertionError("it never listened")
