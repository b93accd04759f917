"""The real server as a process of its own, and a client that walks through its pages."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from sitting_fixture import KEY, Candidate

from home import Home

ROOT = Path(__file__).parent.parent
READY = re.compile(r"考场已就绪 [^ ]+:(\d+)")


class Server:
    """``python -m hall.candidate.serve`` on a home."""

    def __init__(self, home: Home, log: Path, *options: str) -> None:
        self.home, self.log, self.options, self.port = home, log, options, 0
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "PUFA_CODE_KEY": KEY.hex(), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "hall.candidate.serve", "--home", str(self.home.root), "--port", str(self.port), *self.options]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=out)
        for _ in range(200):
            found = READY.findall(self.log.read_text(encoding="utf-8"))
            if found and self.answers(int(found[-1])):
                self.port = int(found[-1])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(self.log.read_text(encoding="utf-8"))

    def answers(self, port: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return True
        except OSError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """As a crash: no chance to tidy up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and wait; the exit code."""
        self.process.terminate()
        return self.process.wait(30)


class Browser:
    """A candidate's browser without a screen: cookies, forms, and the script's requests."""

    def __init__(self, url: str, candidate: Candidate, http: Any = None) -> None:
        self.http = http or httpx.Client(base_url=url, follow_redirects=True)
        self.candidate = candidate
        self.state: dict[str, object] = {}

    def log_in(self, code: str | None = None) -> httpx.Response:
        page = self.http.get("/login")
        if page.url.path != "/login":
            return page  # logged in already
        return self.http.post("/login", data={"token": field(page, "token"), "number": self.candidate.admission_no, "code": code or self.candidate.code})

    def start(self) -> httpx.Response:
        """Log in, confirm, start; the paper's state is read."""
        rules = self.log_in()
        page = self.http.post("/start", data={"csrf": field(rules, "csrf"), "confirm": "on"})
        return self.read(page)

    def reload(self) -> httpx.Response:
        return self.read(self.http.get("/paper"))

    def read(self, page: httpx.Response) -> httpx.Response:
        found = re.search(r'<script type="application/json" id="state">(.*?)</script>', page.text, re.S)
        assert found, page.text
        self.state = json.loads(found.group(1))
        return page

    def post(self, path: str, body: object, **how: object) -> httpx.Response:
        headers = {"x-csrf": str(self.state["csrf"]), "content-type": "application/json", **how.pop("headers", {})}  # type: ignore[dict-item]
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(path, content=content, headers=headers)

    def save(self, *changes: tuple[int, str, str], acked: int = 0) -> httpx.Response:
        body = {"writer": self.state["writer"], "acked": acked, "changes": [[seq, question, answer, 0] for seq, question, answer in changes]}
        return self.post("/api/save", body)

    def hand_in(self, unanswered: int | None, *changes: tuple[int, str, str]) -> httpx.Response:
        body = {
            "writer": self.state["writer"], "acked": 0, "unanswered": unanswered,
            "changes": [[seq, question, answer, 0] for seq, question, answer in changes],
        }  # fmt: skip
        return self.post("/api/handin", body)


def field(page: httpx.Response, name: str) -> str:
    """Value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return found.group(1)
