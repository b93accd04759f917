"""Three system users on one home: each process works as its own user, and the kernel keeps the hall out of what is not its business."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from sitting_fixture import open_demo
from sqlalchemy import insert, select

from grading.tables import job
from hall.sharing import Ids, service_ids, share
from home import Home, HomeError, now_ms, transaction

ROOT = Path(__file__).parent.parent.parent
HALL, OFFICE, WORKER, GROUP, STAFF = 47101, 47102, 47103, 47110, 47111
UNITS = ROOT / "deploy" / "systemd"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changing owners needs root")


def run_as(uid: int, gid: int, *groups: int, code: str | None = None, arguments: tuple[str, ...] = (), **how: object) -> subprocess.Popen[str]:
    more = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    who = ["setpriv", "--reuid", str(uid), "--regid", str(gid), *more, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    command = [sys.executable, *(("-c", code) if code else arguments)]
    return subprocess.Popen([*who, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def shared(tmp_path: Path) -> Home:
    """A home with an open sitting, shared; the way to it open for everybody, as /var/lib is."""
    if os.geteuid() != 0:
        pytest.skip("changing owners needs root")
    home = Home.create(tmp_path / "home", "某县考试办公室")
    open_demo(home, 2)
    (home.secret / "bank" / "item.md").write_text("密", encoding="utf-8")
    home.close()
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    assert share(home, Ids(WORKER, GROUP, STAFF)) > 10
    return Home.open(home.root)


def test_the_halls_user_opens_nothing_but_its_own(shared: Home) -> None:
    closed = [shared.root / "office.db", shared.secret / "keys" / "identity.key", shared.secret / "bank" / "item.md", shared.secret, shared.exports, shared.root / "backups"]
    tried = "\n".join(f"attempt({str(path)!r}, 'r')" for path in closed)
    code = f"""
def attempt(path, mode):
    import os
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, mode)
        print('OPENED', path, mode)
    except PermissionError:
        print('closed', path)
{tried}
attempt({str(shared.release / 'demo' / 'A.json')!r}, 'r')
attempt({str(shared.release / 'demo' / 'A.json')!r}, 'a')
attempt({str(shared.root / 'exam' / 'exam.db')!r}, 'r+b')
"""
    told = run_as(HALL, GROUP, code=code).communicate(timeout=60)[0]
    opened = re.findall(r"OPENED (\S+) (\S+)", told)
    assert opened == [(str(shared.release / "demo" / "A.json"), "r"), (str(shared.root / "exam" / "exam.db"), "r+b")], told
    assert told.count("closed") == len(closed) + 1


def test_three_users_play_a_sitting_together(shared: Home, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"  # as systemd hands them over
    credentials.mkdir()
    (credentials / "code-key").write_bytes(shared.key("code"))
    for path in (credentials, credentials / "code-key"):
        os.chown(path, HALL, GROUP)
    environment = {key: value for key, value in os.environ.items() if key != "PUFA_CODE_KEY"}
    hall = run_as(HALL, GROUP, arguments=("-m", "hall.candidate.serve", "--home", str(shared.root), "--port", "0"), env=environment | {"CREDENTIALS_DIRECTORY": str(credentials)})
    office = run_as(OFFICE, STAFF, GROUP, STAFF, arguments=("-m", "hall.office.serve", "--home", str(shared.root), "--port", str(free_port())), env=environment)
    worker = run_as(WORKER, STAFF, GROUP, STAFF, arguments=("-m", "grading.worker", "--home", str(shared.root), "--alone"), env=environment)
    try:
        port = ready_port(hall)
        wait_for(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz").text == "ok")
        with transaction(shared.office) as connection:
            number = connection.execute(insert(job).values(kind="export", arguments='{"format": "csv"}', state="waiting", progress=0, asked_by="x", asked_at=now_ms()).returning(job.c.id)).scalar_one()
        wait_for(lambda: state_of(shared, number) in ("done", "failed"))
        second = run_as(WORKER, STAFF, GROUP, STAFF, arguments=("-m", "grading.worker", "--home", str(shared.root), "--alone"), env=environment)
        assert "已有一个" in second.communicate(timeout=60)[0] and second.returncode == 1
        wait_for(lambda: any((shared.root / "backups").glob("*.tar.gz")))
        made = next((shared.root / "backups").glob("*.tar.gz"))
        assert (made.stat().st_uid, made.stat().st_gid, made.stat().st_mode & 0o777) == (WORKER, STAFF, 0o660)
        journal = shared.root / "exam" / "exam.db-wal"
        assert journal.stat().st_gid == GROUP and journal.stat().st_mode & 0o777 == 0o660
    finally:
        for process in (hall, office, worker):
            process.terminate()
            process.communicate(timeout=60)
    assert hall.returncode == 0 and worker.returncode == 0


def ready_port(hall: subprocess.Popen[str]) -> int:
    lines = []
    assert hall.stdout is not None
    for line in hall.stdout:
        lines.append(line)
        if found := re.search(r"考场已就绪 [^ ]+:(\d+)", line):
            return int(found[1])
    raise AssertionError("".join(lines))


def state_of(home: Home, number: int) -> str:
    with home.office.connect() as connection:
        return str(connection.execute(select(job.c.state).where(job.c.id == number)).scalar_one())


def wait_for(condition, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_without_the_users_it_is_told_what_to_run(home_folder: Home) -> None:
    with pytest.raises(HomeError, match="install-services"):
        service_ids()


def test_the_units_are_valid_and_name_what_exists() -> None:
    names = {path.name for path in UNITS.iterdir()}
    assert {"pufa-hall.service", "pufa-office.service", "pufa-worker.service", "pufa-upgrade.service", "pufa.target"} <= names
    users = {}
    for path in UNITS.glob("*.service"):
        text = path.read_text(encoding="utf-8")
        users[path.stem] = re.findall(r"^User=(\S+)$", text, re.M)
        for module in re.findall(r"python3 -m (\S+)", text):
            assert subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True).returncode == 0
    assert users == {"pufa-hall": ["pufa-hall"], "pufa-office": ["pufa-office"], "pufa-worker": ["pufa-worker"], "pufa-upgrade": ["pufa-worker"]}
    assert "secret" not in re.findall(r"^ReadWritePaths=(.*)$", (UNITS / "pufa-hall.service").read_text(encoding="utf-8"), re.M)[0]


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_another_user_is_told_who_may_use_the_home(tmp_path: Path, mode: int) -> None:
    Home.create(tmp_path / "home", "某县考试办公室").close()
    for folder in (tmp_path, *tmp_path.parents):
        if folder not in (Path("/"), Path("/tmp")):
            folder.chmod(folder.stat().st_mode | 0o011)
    (tmp_path / "home").chmod(mode)
    for command in (["serve"], ["metrics"], ["backup"], ["audit", "verify"]):
        stranger = run_as(OFFICE, STAFF, arguments=("-m", "pufa", *command, "--home", str(tmp_path / "home")))
        told = stranger.communicate(timeout=60)[0]
        assert stranger.returncode in (1, 2) and "Traceback" not in told and "readable" not in told, told
        assert told.replace("\n", "") == f"{tmp_path / 'home'}：没有读写权限；请换成建立它的用户运行，例如 sudo -u root pufa …", told


def test_a_stranger_to_the_staff_is_told_who_may_use_a_shared_home(shared: Home) -> None:
    """home.toml is open to everybody there; the databases are not."""
    stranger = run_as(WORKER + 10, STAFF + 10, arguments=("-m", "pufa", "audit", "verify", "--home", str(shared.root)))
    told = stranger.communicate(timeout=60)[0]
    assert stranger.returncode == 2 and "没有读写权限" in told and f"sudo -u '#{WORKER}'" in told and "Traceback" not in told, told


def test_a_single_file_that_is_closed_to_this_user_ends_no_command_in_a_fault(shared: Home) -> None:
    """As after somebody ran a command as root in between."""
    for path in (shared.secret / "bank" / "item.md", shared.secret / "keys" / "code.key"):
        os.chown(path, 0, 0)
        path.chmod(0o600)
    for command, name in ((["backup"], "item.md"), (["metrics", "--token"], "code.key")):
        worker = run_as(WORKER, STAFF, GROUP, STAFF, arguments=("-m", "pufa", *command, "--home", str(shared.root)))
        told = worker.communicate(timeout=60)[0]
        assert worker.returncode == 1 and f"{name}：没有读写权限" in told and "sudo -u root" in told and "Traceback" not in told, told
