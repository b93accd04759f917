"""Several halls as a province runs them: ``pufa serve --halls 2`` on PostgreSQL behind nginx with the configuration that ships.

The configuration is read from ``deploy/nginx/pufa.conf`` and only what its reader is told to change is changed, and has to be
there to be changed: ports, certificate, and nginx' own main file as the comment at its top has it.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench._hall import ROOT, listens
from hall.local_tls import make_certificate
from home import Home

SHIPPED = ROOT / "deploy" / "nginx" / "pufa.conf"
_MAIN = re.compile(r"^# 另外在 /etc/nginx/nginx\.conf 里：(.*)$", re.M)


@dataclass(frozen=True)
class Ports:
    """Where everybody listens: nginx for candidates and for the office, the two halls, the office."""

    nginx: int
    nginx_office: int
    halls: tuple[int, int]
    office: int


def free_ports() -> Ports:
    """``pufa serve`` takes three in a row."""
    while True:
        with socket.socket() as one, socket.socket() as two, socket.socket() as three:
            for probe in (one, two, three):
                probe.bind(("127.0.0.1", 0))
            first = int(one.getsockname()[1])
            nginx, other = int(two.getsockname()[1]), int(three.getsockname()[1])
        if not {nginx, other} & {first, first + 1, first + 2} and not listens(first + 1) and not listens(first + 2):
            return Ports(nginx, other, (first, first + 2), first + 1)


def adapted(ports: Ports, tls: Path) -> str:
    """The shipped configuration for these ports and this certificate; nothing else of it changes."""
    text = SHIPPED.read_text(encoding="utf-8")
    swaps = {
        "127.0.0.1:8000 ": (2, f"127.0.0.1:{ports.halls[0]} "), "127.0.0.1:8002 ": (2, f"127.0.0.1:{ports.halls[1]} "),
        "127.0.0.1:8001;": (1, f"127.0.0.1:{ports.office};"), "listen 443 ": (1, f"listen 127.0.0.1:{ports.nginx} "),
        "listen 8443 ": (1, f"listen 127.0.0.1:{ports.nginx_office} "), "/srv/pufa/home/tls/server.pem;": (2, f"{tls}/server.pem;"),
        "/srv/pufa/home/tls/server.key;": (2, f"{tls}/server.key;"),
    }  # fmt: skip
    for old, (times, new) in swaps.items():
        assert text.count(old) == times, f"{old} is in {SHIPPED.name} {text.count(old)} times"
        text = text.replace(old, new)
    return text


def main_file(site: Path, folder: Path) -> str:
    """nginx.conf: what the shipped file's comment says belongs there, and what keeps this run inside its folder."""
    told = _MAIN.search(SHIPPED.read_text(encoding="utf-8"))
    assert told, "the comment that says what belongs into nginx.conf"
    spools = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    me = "user root;\n" if os.geteuid() == 0 else ""
    return f"{me}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log warn;\n{told[1]}\nhttp {{\n{spools}include {site};\n}}\n"


class Nginx:
    """A real nginx in the foreground."""

    def __init__(self, ports: Ports, tls: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "site.conf").write_text(adapted(ports, tls), encoding="utf-8")
        (folder / "nginx.conf").write_text(main_file(folder / "site.conf", folder), encoding="utf-8")
        self.log = folder / "error.log"
        command = ["nginx", "-e", str(self.log), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert tried.returncode == 0 and "[warn]" not in tried.stderr, tried.stderr
        self.process = subprocess.Popen(command)
        wait_for(lambda: listens(ports.nginx))

    def stop(self) -> None:
        """As systemd stops it."""
        self.process.terminate()
        self.process.wait(20)


class Place:
    """``pufa serve --halls 2`` behind nginx. ``url``: where candidates come in; ``tls``: trusts the home's own authority."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home, self.ports, self.log = home, free_ports(), folder / "serve.log"
        make_certificate(home.root / "tls", "某市考试办公室")
        self.tls = ssl.create_default_context(cafile=str(home.root / "tls" / "ca.pem"))
        command = [
            sys.executable, "-m", "pufa", "serve", "--home", str(home.root), "--port", str(self.ports.halls[0]),
            "--behind-proxy", "127.0.0.1/32", "--halls", "2",
        ]  # fmt: skip
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
        try:
            for port in self.ports.halls:
                wait_for(lambda port=port: self.well(port))
            self.nginx = Nginx(self.ports, home.root / "tls", folder / "nginx")
        except BaseException:
            self.process.terminate()
            self.process.wait(60)
            raise
        self.url = f"https://127.0.0.1:{self.ports.nginx}"

    def well(self, port: int) -> bool:
        """Whether the hall on this port can store answers."""
        try:
            return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).text == "ok"
        except httpx.TransportError:
            return False

    def pid(self, port: int) -> int:
        """The process that serves on this port now."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if b"hall.candidate.serve" in words and str(port).encode() in words:
                return int(child)
        raise AssertionError(f"nobody on {port}: {self.log.read_text(encoding='utf-8')}")

    def stop(self) -> None:
        """First whom candidates reach, then the halls."""
        self.nginx.stop()
        self.process.terminate()
        self.process.wait(60)


def wait_for(condition, seconds: float = 60) -> None:
    """Until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
