"""A running JupyterLab for trainers, shared by the browser tests of this room."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_fixture import TOKEN

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A running lab: its address and its folder."""
    folder = tmp_path_factory.mktemp("lab")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {name: str(folder / ".own" / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    command = [sys.executable, "-m", "courses.lab", "--dir", str(folder / "work"), "--no-browser", f"--port={port}",
               f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0"]  # fmt: skip
    with (folder / "log").open("w") as log, subprocess.Popen(command, cwd=ROOT, env={**os.environ, **own}, stdout=log, stderr=log) as server:
        try:
            _wait(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", server, folder / "log")
            yield f"http://127.0.0.1:{port}", folder / "work"
        finally:
            server.terminate()
            server.wait(30)


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, log.read_text()
            time.sleep(0.5)
    raise AssertionError(log.read_text())
