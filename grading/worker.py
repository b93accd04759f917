"""The worker: ``python -m grading.worker --home DIR``. Long work outside the processes that serve people; no port.

One worker serves a home. Jobs are claimed one at a time by a conditional update. A job that was running when the worker was
killed is taken up again: every kind is safe to run twice. A sitting whose time is over is closed,
its scripts are copied up, and marking is asked for, without anybody having to think of it.
"""

from __future__ import annotations

import argparse
import fcntl
import gc
import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError, OperationalError

import logs
from backup.schedule import backup_due, backup_now, drop_live_copy, has_live_copy, live_copy, opened_since
from exams.anchors import drop_anchors
from exams.attempts import close_overdue
from exams.clock import Clock
from exams.errors import ExamsError
from exams.opening import close_sitting, ended
from exams.stalls import hall_time
from exams.tables import open_sitting, sitting
from exams.vitals import tell_alone
from grading.errors import GradingError
from grading.identity_export import delete_expired
from grading.jobs import KINDS, Asked, JobError, Report, ask, shorten
from grading.statistics.kept import keep
from grading.tables import job
from grading.workforce.kinds import kinds_of
from grading.workforce.reckoning import bring_up_to_date
from home import OFFICE, Home, HomeError, audit, now_ms, transaction
from people.errors import PeopleError
from question_bank.errors import BankError

PAUSE_S = 1.0
#: How often ended sittings are looked for.
WATCH_MS = 10_000
#: How often the day's backup and the live copy are looked after.
BACKUP_MS = 30_000
#: Errors that are about content or data: their message is for staff as it stands.
EXPLAINED = (ExamsError, GradingError, BankError, PeopleError, HomeError)

log = logging.getLogger("pufa.worker")


@dataclass(frozen=True)
class Claimed:
    """A job that this worker does now."""

    id: int
    kind: str
    arguments: str
    asked_by: str


def take_up_again(home: Home) -> int:
    """Set back what a killed worker left running; returns how many. Call once, at the start of the only worker."""
    with transaction(home.office) as connection:
        return connection.execute(update(job).where(job.c.state == "running").values(state="waiting")).rowcount


def claim(home: Home) -> Claimed | None:
    """The oldest waiting job, now ours; None if there is none, or another worker was faster."""
    with transaction(home.office) as connection:
        row = connection.execute(select(job).where(job.c.state == "waiting").order_by(job.c.id).limit(1)).first()
        if row is None:
            return None
        won = connection.execute(
            update(job).where(job.c.id == row.id, job.c.state == "waiting").values(state="running", progress=0, message=None)
        ).rowcount
    return Claimed(row.id, row.kind, row.arguments, row.asked_by) if won else None


def run(home: Home, claimed: Claimed) -> bool:
    """Do a claimed job and write down how it ended; returns whether it was done.

    What is wrong with content, data or files becomes the job's message. A fault of the program is written down too and then
    raised: the process ends with its trace in the log, and the supervisor starts a new one, which goes on with the next job.
    """
    try:
        message, state = _work(home, claimed), "done"
    except EXPLAINED as error:
        message, state = str(error), "failed"
    except OSError as error:
        log.exception("job %s", claimed.id)
        message, state = f"读写文件时出错（{error.strerror or error}）；请检查磁盘空间和权限后重新提交", "failed"
    except Exception:
        _finish(home, claimed, "failed", f"任务 {claimed.id} 因程序错误中断，已有数据没有改坏；请把运行日志交给技术人员")
        raise
    _finish(home, claimed, state, message)
    return state == "done"


def _work(home: Home, claimed: Claimed) -> str:
    if claimed.kind not in KINDS:
        raise JobError(f"没有“{claimed.kind}”这种任务；可用：{'、'.join(KINDS)}")
    try:
        arguments = json.loads(claimed.arguments)
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise JobError("任务的参数读不出来；请从页面重新提交")
    return KINDS[claimed.kind].work(Asked(home, arguments, claimed.asked_by, _reporter(home, claimed.id)))


def _finish(home: Home, claimed: Claimed, state: str, message: str) -> None:
    ended_ = {"state": state, "message": shorten(message), "ended_at": now_ms()} | ({"progress": 100} if state == "done" else {})
    with transaction(home.office) as connection:
        connection.execute(update(job).where(job.c.id == claimed.id).values(**ended_))
        audit(connection, OFFICE, "worker", f"job.{state}", f"{claimed.kind}/{claimed.id}")


def _reporter(home: Home, ident: int) -> Report:
    last = 0

    def report(percent: int) -> None:
        nonlocal last
        if percent >= last + 2:
            last = percent
            with transaction(home.office) as connection:
                connection.execute(update(job).where(job.c.id == ident).values(progress=min(99, percent)))

    return report


def watch(home: Home, now: int) -> list[str]:
    """Close sittings that nobody writes in any more, and ask for their marking; returns their ids.

    Their window is over, or an officer closed them and whoever did it for him was cut off.
    """
    with home.office.connect() as connection:
        opened = connection.execute(select(sitting.c.id).where(sitting.c.state == "open")).scalars().all()
    if not opened:
        return []
    now = hall_time(home.exam, now)
    with transaction(home.exam) as connection:
        close_overdue(connection, now)
    done = []
    for ident in opened:
        with home.exam.connect() as connection:
            there = connection.execute(select(open_sitting.c.id).where(open_sitting.c.id == ident)).first()
        if there is None or not ended(home, ident, now):
            continue
        with transaction(home.office) as connection:  # asked for first: killed in between, the sitting is closed next time
            ask(connection, "grade", {"sitting": ident}, "worker")
        close_sitting(home, ident, "worker")
        done.append(ident)
    return done


def look_after_backups(home: Home, now: int, *, ended_now: bool) -> None:
    """The day's backup, one when a sitting has been opened or has ended, and the live copy while one is open; a full stick stops no exam.

    The live copy goes when none is open and a backup was made that holds all of it; where it still lies there and none is open, an
    officer closed the sitting, and its backup is made now. A live copy does not wait for a backup that cannot be made.
    """
    writing, done = False, None
    with _stopping_nothing():
        with home.office.connect() as connection:
            writing = connection.execute(select(sitting.c.id).where(sitting.c.state == "open").limit(1)).first() is not None
        due = ended_now or (opened_since(home, now) if writing else has_live_copy(home)) or backup_due(home, now)
        if due:
            drop_anchors(home, "worker")
            done = backup_now(home, now)
        if done is not None:
            log.info("已备份：%s", done.path)
    with _stopping_nothing():
        if writing:
            live_copy(home, now)
        elif done is not None:
            drop_live_copy(home)


@contextmanager
def _stopping_nothing() -> Iterator[None]:
    """Whatever is wrong with backups is logged; closing and marking go on."""
    try:
        yield
    except HomeError as error:
        log.error("%s", error)
    except Exception:
        log.exception("备份时程序出错；收卷、阅卷照常进行，请把运行日志交给技术人员")


@contextmanager
def heard_of(home: Home) -> Iterator[None]:
    """Tell that this process is there, whatever job is in hand: who works for minutes is not dead, and nobody is to restart it."""
    over = threading.Event()

    def heart() -> None:
        clock = Clock()
        while True:
            try:
                tell_alone(home.exam, "worker", clock.now())
            except DBAPIError as error:
                log.warning("数据库暂时不可用，稍后再试：%s", logs.db_message(error))
            if over.wait(WATCH_MS / 1000):
                return

    thread = threading.Thread(target=heart, name="heart", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def loop(home: Home, stopping: threading.Event) -> None:
    """Work until told to stop; the job in hand is finished first."""
    if stopping.is_set():
        return
    again = take_up_again(home)
    if again:
        log.warning("上次中断的任务 %s 个，重新开始", again)
    clock = Clock()  # as the hall's: a step of the system clock ends nobody's exam
    watched = backed_up = -WATCH_MS
    while not stopping.is_set():
        try:
            if clock.now() - watched >= WATCH_MS:
                watched = clock.now()
                closed = watch(home, watched)
                for ident in closed:
                    log.info("%s 考试时间已过，已收卷并开始阅卷", ident)
                if closed or watched - backed_up >= BACKUP_MS:
                    backed_up = watched
                    look_after_backups(home, watched, ended_now=bool(closed))
                    delete_expired(home, watched)
                    keep(home, watched)
                bring_up_to_date(home, kinds_of(home))
            claimed = claim(home)
            if claimed is not None:
                done = run(home, claimed)
                log.info("%s %s：%s", claimed.kind, claimed.id, "完成" if done else "未完成")
                continue
        except OperationalError as error:
            log.warning("数据库暂时不可用，稍后再试：%s", logs.db_message(error))
        except EXPLAINED as error:
            log.warning("%s", error)
        stopping.wait(PAUSE_S)


def calm_collector() -> None:
    """Let Python's cycle collector run rarely: rows by the thousand live for one batch and hold no cycles."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def lock_home(home: Home) -> TextIO:
    """The lock that ``pufa serve`` holds: one worker a home, whoever starts it. Close the file to let go.

    :raises HomeError: somebody holds it.
    """
    lock = (home.secret / ".serve.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise HomeError(f"{home.root}：已有一个 pufa serve 或后台服务在运行；请先停止它") from None
    return lock


@contextmanager
def in_turn(home: Home, stopping: threading.Event) -> Iterator[None]:
    """Wait until an earlier worker has done the job in hand: whoever started it may be gone, and its jobs are not to be done twice."""
    with (home.secret / ".worker.lock").open("a") as lock:
        told = False
        while not stopping.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    log.warning("上一个后台进程还在做手里的任务，等它做完")
                told = True
                stopping.wait(PAUSE_S)
        yield


@contextmanager
def _until_told(stopping: threading.Event) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m grading.worker", description="pufa 后台：阅卷、签发、导出等")
    parser.add_argument("--home", type=Path, required=True, help="数据文件夹（pufa init 所建）")
    parser.add_argument("--alone", action="store_true", help="没有 pufa serve：自己占住数据文件夹，不让第二个后台启动")
    options = parser.parse_args(arguments)
    logs.configure("worker")
    try:
        home = Home.open(options.home)
    except HomeError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        lock = lock_home(home) if options.alone else None
    except HomeError as error:
        print(error, file=sys.stderr)
        return 1
    calm_collector()
    stopping = threading.Event()
    with _until_told(stopping):
        try:
            with in_turn(home, stopping), heard_of(home):
                loop(home, stopping)
        finally:
            home.close()
            if lock is not None:
                lock.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
