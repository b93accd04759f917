"""The house of a rehearsal: a temporary home, its roster, an open sitting, the server as ``pufa serve`` runs it, and its misfortunes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx
from sqlalchemy import Engine, select

from exams.blueprint import SHIPPED as PAPERS
from exams.opening import Slip, issue_codes, open_sitting_for_candidates
from exams.prepared import on_driver
from exams.profile import SHIPPED as PROFILES
from exams.sittings import NewSitting, add_candidates, create_sitting, enrolments
from grading.jobs import ask
from grading.tables import job
from hall.rehearsal.cast import Part
from home import Home, now_ms, transaction
from people.persons import import_roster
from people.roster import read_roster_file

SITTING, OFFICER = "rehearsal", "rehearsal"
READY_S, JOB_S = 60.0, 300.0
TMPFS_MB = 512


class StageError(Exception):
    """The rehearsal itself could not go on; the message says what is wrong with this machine."""


def furnish(home: Home, people: list[Part]) -> list[Slip]:
    """Roster as a workbook through the importer, papers, opening, codes: as an officer would; returns the slips."""
    from exams.paper_store import build_papers  # brings the solver in

    roster = home.root / "演练名单.xlsx"
    write_roster(roster, people)
    rows, now = read_roster_file(roster, date.today()), now_ms()
    with transaction(home.office) as connection:
        result = import_roster(connection, home.key("identity"), rows, OFFICER)
        create_sitting(connection, NewSitting(
            SITTING, "演练", "demo", (PAPERS / "short_demo.toml").read_text(encoding="utf-8"),
            (PROFILES / "rehearsal.toml").read_text(encoding="utf-8"), now - 1000, now + 3 * 3_600_000, "演练机房",
        ), OFFICER)  # fmt: skip
        add_candidates(connection, SITTING, enrolments(result), OFFICER)
    build_papers(home, SITTING, OFFICER)
    open_sitting_for_candidates(home, SITTING, OFFICER)
    return issue_codes(home, SITTING, OFFICER)


def write_roster(path: Path, people: list[Part]) -> None:
    """The cast as an office would send it."""
    import xlsxwriter  # heavy; once a rehearsal

    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("名单")
        text = book.add_format({"num_format": "@"})
        sheet.write_row(0, 0, ("姓名", "身份证号", "工作单位", "拟任职务"))
        for row, part in enumerate(people, 1):
            for column, value in enumerate((part.name, part.identity, f"演练单位{row % 7}", "副局长")):
                sheet.write_string(row, column, value, text)


class Server:
    """``pufa serve`` on the home, as a process of its own."""

    def __init__(self, home: Home, log: Path) -> None:
        self.home, self.log, self.port = home, log, _port_pair()
        self.base = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin, and wait until the hall can store something.

        :raises StageError: it does not come up.
        """
        command = [sys.executable, "-m", "pufa", "serve", "--home", str(self.home.root), "--port", str(self.port)]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)
        if not until(self.well, READY_S):
            raise StageError(f"服务没有启动起来；日志：\n{self.log.read_text(encoding='utf-8', errors='replace')[-2000:]}")

    def well(self) -> bool:
        """Whether the hall says that it can store answers."""
        try:
            return httpx.get(f"{self.base}/healthz", timeout=5).text == "ok"
        except httpx.TransportError:
            return False

    def kill_hall(self) -> None:
        """kill -9 of the candidate process; the supervisor is left to start another."""
        for pid in _processes(f"hall.candidate.serve --home {self.home.root}"):
            os.kill(pid, signal.SIGKILL)

    def stop(self) -> int:
        """As systemd does; the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _processes(words: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if words in line:
                found.append(int(entry.name))
    return found


def _port_pair() -> int:
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition; whether it came."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def do_job(home: Home, kind: str, **arguments: object) -> str:
    """Let the worker do something and wait for it; returns its message.

    :raises StageError: it failed, or nobody took it up.
    """
    with transaction(home.office) as connection:
        number = ask(connection, kind, arguments, OFFICER)

    def over() -> bool:
        return _job(home, number)[0] in ("done", "failed")

    ended = until(over, JOB_S)
    state, message = _job(home, number)
    if not ended or state != "done":
        raise StageError(f"后台任务“{kind}”没有做成：{message or '没有人接手'}")
    return message


def _job(home: Home, number: int) -> tuple[str, str]:
    with home.office.connect() as connection:
        row = connection.execute(select(job.c.state, job.c.message).where(job.c.id == number)).one()
    return row.state, row.message or ""


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of a given size at ``folder``, so that it can be filled; False where that needs rights we lack."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MB}m,mode=700", "pufa", str(folder)], capture_output=True
    ).returncode == 0  # fmt: skip
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def empty_log(engine: Engine) -> None:
    """Give the space of SQLite's log back: in what it holds already answers find room on a full disk too."""
    with engine.connect() as connection:
        on_driver(connection, "PRAGMA wal_checkpoint(TRUNCATE)", ())


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Not a byte is left in the file system of ``folder`` until the block is left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    out.write(b"\0" * size)
            except OSError:
                continue
    try:
        yield
    finally:
        ballast.unlink()
