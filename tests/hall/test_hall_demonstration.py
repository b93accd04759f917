"""``make serve`` a second time, or where its ports are taken: told, without a trace."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from grading.worker import lock_home
from hall import demonstration
from home import Home

app = typer.Typer()
app.command()(demonstration.main)


def test_a_taken_port_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8001))
            taken.listen()
        except OSError:
            pass  # taken already: as good
        shown = CliRunner().invoke(app, [str(tmp_path / "demo")])
    assert shown.exit_code == 1 and "已被占用，演示没有启动" in shown.output and not (tmp_path / "demo").exists()


def test_a_demonstration_that_runs_already_is_told(home_folder: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "port_problem", lambda *_: None)
    with lock_home(home_folder):
        shown = CliRunner().invoke(app, [str(home_folder.root.parent)])
    assert shown.exit_code == 1 and "请先停止它" in shown.output
