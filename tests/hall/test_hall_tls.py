"""The certificate and the ports of a server: what cannot work is said before anything is started, and a certificate is made anew in time."""

from __future__ import annotations

import os
import pty
import signal
import socket
import ssl
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from sitting_fixture import open_demo
from test_hall_supervisor import ROOT, answers, port_pair, processes_of, pufa, wait_until

from hall.binding import port_problem
from hall.local_tls import SOON, VALID, ends_soon, make_certificate, names_in, tls_problem, valid_until
from hall.office.alarms import raised
from hall.office.health import read_health
from home import Home, now_ms


def ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


@pytest.fixture
def tls(home_folder: Home) -> Path:
    folder = home_folder.root / "tls"
    make_certificate(folder, "某县", ("192.0.2.10", "exam.county"))
    return folder


def flat(done: subprocess.CompletedProcess[str]) -> str:
    said = done.stdout + done.stderr
    assert "Traceback" not in said and "意外退出" not in said, said
    return said.replace("\n", "")


@pytest.mark.parametrize("spoil", ["server.pem cut", "server.pem gone", "server.key of another"])
def test_a_certificate_that_cannot_work_is_told_once_with_what_to_do(home_folder: Home, tls: Path, tmp_path: Path, spoil: str) -> None:
    name, _, how = spoil.partition(" ")
    if how == "cut":
        (tls / name).write_bytes((tls / name).read_bytes()[:200])
    elif how == "gone":
        (tls / name).unlink()
    else:
        make_certificate(tmp_path, "别处")
        (tls / name).write_bytes((tmp_path / name).read_bytes())
    done = pufa("serve", "--home", str(home_folder.root), "--tls", "--port", str(port_pair()))
    assert done.returncode == 1
    assert "pufa tls renew" in flat(done) and ("不见了" in flat(done)) == (how == "gone")
    assert processes_of(home_folder.root) == []
    files = ["--certfile", str(tls / "server.pem"), "--keyfile", str(tls / "server.key"), "--home", str(home_folder.root), "--port", str(port_pair())]
    for module in ("hall.candidate.serve", "hall.office.serve"):  # as services start them
        done = subprocess.run([sys.executable, "-m", module, *files], capture_output=True, text=True, cwd=ROOT, timeout=60)
        assert done.returncode == 1 and "没有启动" in flat(done), module


@pytest.mark.parametrize("which", [0, 1])
def test_a_port_in_use_is_told_before_anything_is_started(home_folder: Home, which: int) -> None:
    port = port_pair()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + which))
        taken.listen()
        done = pufa("serve", "--home", str(home_folder.root), "--port", str(port))
        assert done.returncode == 1 and f"端口 {port + which} 已被占用" in flat(done)
        module = ("hall.candidate.serve", "hall.office.serve")[which]
        command = [sys.executable, "-m", module, "--home", str(home_folder.root), "--port", str(port + which)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, timeout=60, env={"PUFA_CODE_KEY": "00" * 32, "PATH": "/usr/bin:/bin"}
        )
        assert done.returncode == 1 and f"端口 {port + which} 已被占用" in flat(done)
    assert processes_of(home_folder.root) == []


def test_several_halls_on_sqlite_are_refused_before_any_address_is_shown(home_folder: Home) -> None:
    done = pufa("serve", "--home", str(home_folder.root), "--halls", "3", "--port", str(port_pair()))
    assert done.returncode == 1 and "PostgreSQL" in flat(done) and "http" not in done.stdout


def test_a_port_that_there_is_not(home_folder: Home) -> None:
    """As services are started, and the last of several halls."""
    command = [sys.executable, "-m", "hall.candidate.serve", "--home", str(home_folder.root), "--port", "70000"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, env={"PUFA_CODE_KEY": "00" * 32, "PATH": "/usr/bin:/bin"})
    assert done.returncode == 1 and "端口 70000 不在 1 至 65535 之间" in flat(done)
    assert "65536" in str(port_problem("127.0.0.1", 65_536))


@pytest.mark.parametrize("address", ["考场.local", "192.0.2.10:8000", "https://192.0.2.10", "192.0.2.300", "a b", ""])
def test_an_address_that_no_browser_would_accept_is_refused(home_folder: Home, tls: Path, address: str) -> None:
    before = (tls / "server.pem").read_bytes()
    done = pufa("tls", "renew", "--home", str(home_folder.root), "--address", "198.51.100.4", f"--address={address}")
    assert done.returncode == 2 and f"--address {address}：" in flat(done) and (tls / "server.pem").read_bytes() == before
    folder = home_folder.root.parent / "another"
    assert pufa("init", str(folder), f"--address={address}").returncode == 2 and not folder.exists()


def test_a_key_with_a_passphrase_is_told_and_nobody_is_asked_for_it(tls: Path) -> None:
    key = serialization.load_pem_private_key((tls / "server.key").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    (tls / "server.key").write_bytes(locked)
    script = f"from pathlib import Path; from hall.local_tls import tls_problem; print(tls_problem(Path({str(tls / 'server.pem')!r}), Path({str(tls / 'server.key')!r})))"
    asked, answers_to = pty.openpty()
    try:
        done = subprocess.run([sys.executable, "-c", script], stdin=answers_to, capture_output=True, text=True, cwd=ROOT, timeout=20, start_new_session=True)
    finally:
        os.close(asked)
        os.close(answers_to)
    assert "口令" in done.stdout and "pass phrase" not in done.stderr


@pytest.mark.parametrize(("port", "halls", "code"), [("65535", "1", 2), ("0", "1", 2), ("-5", "1", 2), ("65520", "32", 1)])
def test_ports_that_cannot_all_be_are_told_before_anything_is_started(home_folder: Home, port: str, halls: str, code: int) -> None:
    done = pufa("serve", "--home", str(home_folder.root), f"--port={port}", "--halls", halls)
    assert done.returncode == code and "http" not in flat(done) and processes_of(home_folder.root) == []


def test_an_address_that_is_not_this_machines(home_folder: Home, tls: Path) -> None:
    done = pufa("serve", "--home", str(home_folder.root), "--tls", "--host", "203.0.113.7", "--port", str(port_pair()))
    assert done.returncode == 1 and "本机没有 203.0.113.7" in flat(done)


def test_a_new_certificate_keeps_the_addresses_and_serves(home_folder: Home, tls: Path) -> None:
    before = (tls / "server.pem").read_bytes()
    home = str(home_folder.root)
    assert "还有 729 天" in flat(pufa("tls", "show", "--home", home))
    done = pufa("tls", "renew", "--home", home, "--address", "198.51.100.4")
    assert done.returncode == 0 and "ca.pem" in flat(done) and (tls / "server.pem").read_bytes() != before
    assert {"192.0.2.10", "exam.county", "198.51.100.4", "127.0.0.1"} <= set(names_in(tls / "server.pem"))
    assert tls_problem(tls / "server.pem", tls / "server.key") is None and (tls / "server.key").stat().st_mode & 0o777 == 0o600
    port = port_pair()
    serving = subprocess.Popen(
        [sys.executable, "-m", "pufa", "serve", "--home", home, "--tls", "--port", str(port)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        with httpx.Client(verify=ssl.create_default_context(cafile=str(tls / "ca.pem"))) as client:
            wait_until(lambda: _answers(client, port))
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.communicate(timeout=40)
    assert not answers(port)


def _answers(client: httpx.Client, port: int) -> bool:
    try:
        return client.get(f"https://127.0.0.1:{port}/login").status_code == 200
    except httpx.TransportError:
        return False


def test_no_certificate_is_changed_while_candidates_sit_behind_it(home_folder: Home, tls: Path) -> None:
    open_demo(home_folder)
    before = (tls / "server.pem").read_bytes()
    done = pufa("tls", "renew", "--home", str(home_folder.root))
    assert done.returncode == 1 and "考试正在进行" in flat(done) and (tls / "server.pem").read_bytes() == before
    (tls / "server.pem").write_bytes(b"")
    assert pufa("tls", "renew", "--home", str(home_folder.root)).returncode == 0, "one that works no more is changed at any time"


def test_a_damaged_certificate_is_made_anew(home_folder: Home, tls: Path) -> None:
    (tls / "server.pem").write_bytes(b"")
    assert pufa("tls", "show", "--home", str(home_folder.root)).returncode == 1
    done = pufa("tls", "renew", "--home", str(home_folder.root))
    assert done.returncode == 0 and "--address" in flat(done)
    assert tls_problem(tls / "server.pem", tls / "server.key") is None


def test_its_end_is_told_in_time(home_folder: Home, tls: Path) -> None:
    now = now_ms()
    assert abs(valid_until(tls / "server.pem") - now - ms(VALID)) < 2 * 3_600_000
    for moment, says in ((now, None), (now + ms(VALID - SOON) + 3_600_000, "将于"), (now + ms(VALID), "已于")):
        told = ends_soon(tls / "server.pem", moment)
        assert (told is None) if says is None else (told is not None and says in told and "pufa tls renew" in told)
        names = {alarm.name for alarm in raised(read_health(home_folder, moment).gauges)}
        assert ("PufaCertificateEnds" in names) is (says is not None)
    (tls / "server.pem").unlink()
    assert "pufa_certificate_ends_soon" not in read_health(home_folder, now).gauges
