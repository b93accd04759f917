from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from grading_fixture import RIGHT, add_script, make_sitting
from sqlalchemy import select, text
from typer import Typer
from typer.testing import CliRunner

import grading.commands
from exams import opening
from exams.sittings import get_sitting
from exams.stalls import keep_beat
from exams.tables import attempt, entry, open_sitting, save, script, sitting
from exams.vitals import heard
from grading import worker
from grading.chart import sitting_distribution
from grading.jobs import JobError, ask
from grading.tables import job, mark, record
from grading.worker import claim, heard_of, run, take_up_again, watch
from home import EXAM, OFFICE, Home, now_ms, transaction, verify_audit

ROOT = Path(__file__).parent.parent.parent
app = Typer()
app.command("grade")(grading.commands.grade)
app.add_typer(grading.commands.records, name="records")


def put(home: Home, kind: str, **arguments: object) -> int:
    with transaction(home.office) as connection:
        return ask(connection, kind, arguments, "li")


def row_of(home: Home, ident: int):
    with home.office.connect() as connection:
        return connection.execute(select(job).where(job.c.id == ident)).one()


def work_off(home: Home) -> list[int]:
    done = []
    while (claimed := claim(home)) is not None:
        run(home, claimed)
        done.append(claimed.id)
    return done


@pytest.fixture
def closed(any_home):
    a, b, *_ = make_sitting(any_home, essay=False)
    add_script(any_home, "s1", a, RIGHT)
    add_script(any_home, "s1", b, {})
    open_in_hall(any_home)
    return any_home


def open_in_hall(home: Home, *, closed_at: int | None = 1, closes_at: int = 2) -> None:
    with transaction(home.exam) as connection:
        connection.execute(open_sitting.insert().values(
            id="s1", title="x", kind="mock", opens_at=1, closes_at=closes_at, minutes=60, grace_s=30, closed_at=closed_at, chain_n=0,
            chain_head=""))  # fmt: skip


def test_a_sitting_goes_through_the_jobs_in_order(closed):
    jobs = [put(closed, "grade", sitting="s1"), put(closed, "issue_records", sitting="s1"), put(closed, "chart", sitting="s1"),
            put(closed, "export", sitting="s1", format="xlsx"), put(closed, "export", sitting=None, format="csv")]  # fmt: skip
    assert work_off(closed) == jobs
    rows = [row_of(closed, ident) for ident in jobs]
    assert {(row.state, row.progress) for row in rows} == {("done", 100)}, [row.message for row in rows]
    assert "已评阅 2 份答卷（本次 2 份）" in rows[0].message and "已签发成绩记录 4 份" in rows[1].message
    files = {path.name for path in closed.exports.iterdir()}
    assert len(files) == 3 and {row.message.splitlines()[0].rpartition("：")[2] for row in rows[2:]} == files
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in closed.exports.iterdir() if path.stat().st_mode & 0o077} == {}, "only the owner reads exports"
    with closed.office.connect() as connection:
        assert verify_audit(connection, OFFICE) is None
        _, numbers = sitting_distribution(connection, "s1")
    assert (numbers.n, numbers.passed, numbers.full) == (2, 1, 70)


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        ("grade", {"sitting": "nowhere"}, "没有编号为“nowhere”"),
        ("grade", {}, "没有指明场次"),
        ("grade", {"sitting": ["s1"]}, "没有指明场次"),
        ("export", {"sitting": "s1", "format": "docx"}, "没有“docx”这种导出格式"),
        ("issue_records", {"sitting": "s1"}, "还有答卷没有阅卷"),
    ],
)
def test_a_job_that_cannot_be_done_says_why(home_folder, kind, arguments, said):
    a, *_ = make_sitting(home_folder)
    add_script(home_folder, "s1", a, RIGHT)
    ident = put(home_folder, kind, **arguments)
    assert work_off(home_folder) == [ident]
    assert row_of(home_folder, ident).state == "failed" and said in row_of(home_folder, ident).message


@pytest.mark.parametrize(("kind", "arguments"), [("dance", "{}"), ("grade", "[]"), ("grade", "{"), ("export", "null")])
def test_a_hand_made_row_is_refused(home_folder, kind, arguments):
    with transaction(home_folder.office) as connection:
        connection.execute(job.insert().values(kind=kind, arguments=arguments, state="waiting", progress=0, asked_by="x", asked_at=0))
        with pytest.raises(JobError, match="没有“dance”"):
            ask(connection, "dance", {}, "li")
    assert work_off(home_folder) == [1]
    assert row_of(home_folder, 1).state == "failed"


def test_a_fault_of_the_program_ends_the_process_but_not_the_queue(home_folder):
    make_sitting(home_folder)
    with transaction(home_folder.office) as connection:
        connection.execute(text("DROP TABLE record_payload"))
    ident = put(home_folder, "export", sitting=None, format="csv")
    with pytest.raises(Exception, match="record_payload"):
        run(home_folder, claim(home_folder))
    assert row_of(home_folder, ident).state == "failed" and "技术人员" in row_of(home_folder, ident).message
    assert claim(home_folder) is None


def test_an_interrupted_job_is_taken_up_again_and_done_once(closed):
    ident = put(closed, "grade", sitting="s1")
    assert claim(closed).id == ident
    assert claim(closed) is None, "a claimed job is nobody else's"
    assert take_up_again(closed) == 1
    assert work_off(closed) == [ident]
    with closed.office.connect() as connection:
        assert connection.execute(select(text("count(*)")).select_from(mark)).scalar() == 10


def test_an_ended_sitting_is_closed_collected_and_marked_by_itself(any_home):
    """The window is over and the last attempt is beyond its limit: nobody has to think of closing."""
    people = make_sitting(any_home, essay=False, people=1, state="open")
    open_in_hall(any_home, closed_at=None, closes_at=1_000)
    with transaction(any_home.office) as connection:
        connection.execute(sitting.update().values(closes_at=1_000))
    with transaction(any_home.exam) as connection:
        connection.execute(entry.insert().values(
            id=1, sitting_id="s1", admission_no="2611100001", name="李四", unit_label="x", form="A", code_mac="", failures=0, barred=False))
        connection.execute(attempt.insert().values(
            id=1, entry_id=1, sitting_id="s1", form="A", display_order="[]", started_at=1, limit_at=900, state="open", writer=1))
        for n, (question, answer) in enumerate(RIGHT.items(), 1):
            connection.execute(save.insert().values(
                attempt_id=1, writer=1, seq=n, question=question, answer=answer, client_at=0, received_at=5, late=False, chain_n=n,
                chain_head=""))  # fmt: skip
    assert watch(any_home, 900) == [], "the window is still open"
    assert watch(any_home, 10_000_000) == ["s1"]
    assert watch(any_home, 10_000_000) == []
    work_off(any_home)
    with any_home.office.connect() as connection:
        assert get_sitting(connection, "s1").state == "marked"
        assert connection.execute(select(script.c.finished_at, script.c.closed_by)).one() == (900, "time")
        assert sum(int(p) for p in connection.execute(select(mark.c.points).where(mark.c.person_id == people[0])).scalars()) == 70


def test_the_real_worker_survives_kill_and_stops_gracefully(home_folder):
    people = make_sitting(home_folder, essay=False, people=3)
    for one in people:
        add_script(home_folder, "s1", one, RIGHT)
    open_in_hall(home_folder)
    jobs = [put(home_folder, kind, sitting="s1") for kind in ("grade", "issue_records", "chart")]
    command = [sys.executable, "-m", "grading.worker", "--home", str(home_folder.root)]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)

    def until(ident: int, states: tuple[str, ...]) -> None:
        limit = time.monotonic() + 60
        while row_of(home_folder, ident).state not in states:
            assert time.monotonic() < limit, row_of(home_folder, ident)
            time.sleep(0.02)

    with start() as first:
        until(jobs[0], ("running", "done"))
        first.kill()
        first.wait()
    with start() as second:
        until(jobs[-1], ("done", "failed"))
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
    assert {row_of(home_folder, ident).state for ident in jobs} == {"done"}
    with home_folder.office.connect() as connection:
        assert connection.execute(select(text("count(*)")).select_from(mark)).scalar() == 15
        assert connection.execute(select(text("count(*)")).select_from(record)).scalar() == 3
    with home_folder.exam.connect() as connection:
        assert verify_audit(connection, EXAM) is None


def test_the_commands(closed, tmp_path):
    where = ["--home", str(closed.root)]
    call = CliRunner().invoke
    graded = call(app, ["grade", "s1", *where])
    assert graded.exit_code == 0 and "全部评完" in graded.output
    assert "已签发 4 份" in call(app, ["records", "issue", "s1", *where]).output
    out = tmp_path / "册.xlsx"
    exported = call(app, ["records", "export", *where, "--sitting", "s1", "--format", "xlsx", "--out", str(out)])
    assert exported.exit_code == 0 and out.stat().st_size > 5000 and "应考 4 人 = 已考 2 人" in exported.output
    assert "全部成绩记录与签名一致" in call(app, ["records", "verify", "s1", *where]).output
    with transaction(closed.office) as connection:
        connection.execute(record.update().values(total="100"))
    assert call(app, ["records", "verify", "s1", *where]).exit_code == 1
    for bad, code in [
        (["grade", "nowhere", *where], 1), (["records", "issue", "nowhere", *where], 1), (["grade", "s1", "--home", str(tmp_path)], 2),
        (["records", "export", *where, "--format", "docx", "--out", str(out)], 2), (["records", "verify", "nowhere", *where], 1),
    ]:  # fmt: skip
        assert call(app, bad).exit_code == code, bad


def test_a_worker_with_a_long_job_is_heard_of_all_the_time(any_home, monkeypatch):
    monkeypatch.setattr(worker, "WATCH_MS", 50)

    def last() -> int:
        with any_home.exam.connect() as connection:
            return next((one.at for one in heard(connection, now_ms()) if one.process == "worker"), 0)

    with heard_of(any_home):   # and the loop is not even begun, as in the middle of a job
        told = set()
        for _ in range(200):
            told.add(last())
            if len(told) > 3:
                break
            time.sleep(0.02)
        assert len(told) > 3
    silent = last()
    time.sleep(0.2)
    assert last() == silent, "a worker that has ended is not heard of"


@contextmanager
def beating(home: Home) -> Iterator[None]:
    """A hall that stands by the right time."""
    over = threading.Event()

    def beat() -> None:
        while not over.is_set():
            with transaction(home.exam) as connection:
                keep_beat(connection, now_ms())
            over.wait(0.3)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("hours", [9, -9])
def test_a_worker_that_began_by_a_wrong_clock_ends_nobodys_exam(any_home, monkeypatch, hours):
    """The system clock is a time zone off and the worker is started anew; the hall goes on by the clock that it began with."""
    make_sitting(any_home, essay=False, people=2, state="open")
    now, wrong = now_ms(), hours * 3_600_000
    open_in_hall(any_home, closed_at=None, closes_at=now + 3_600_000)
    with transaction(any_home.exam) as connection:
        for n, limit_at in ((1, now + 1_800_000), (2, now - 600_000)):   # one writes, one's time is over
            connection.execute(entry.insert().values(
                id=n, sitting_id="s1", admission_no=f"261110000{n}", name="李四", unit_label="x", form="A", code_mac="", failures=0, barred=False))
            connection.execute(attempt.insert().values(
                id=n, entry_id=n, sitting_id="s1", form="A", display_order="[]", started_at=now - 3_600_000, limit_at=limit_at, state="open", writer=1))  # fmt: skip

    def states() -> list[tuple[str, str | None]]:
        with any_home.exam.connect() as connection:
            return [tuple(row) for row in connection.execute(select(attempt.c.state, attempt.c.closed_by).order_by(attempt.c.id))]

    with beating(any_home):
        time.sleep(0.5)
        assert watch(any_home, now_ms() + wrong) == []
        assert states() == [("open", None), ("closed", "time")], "by the hall's time"
        monkeypatch.setattr(opening, "now_ms", lambda: now_ms() + wrong)
        opening.close_sitting(any_home, "s1", "li")
        assert states() == [("closed", "officer"), ("closed", "time")], "who is cut off takes no more saves"
        with any_home.exam.connect() as connection:
            assert abs(connection.execute(select(attempt.c.closed_at).where(attempt.c.id == 1)).scalar_one() - now_ms()) < 10_000


def test_a_worker_waits_until_an_earlier_one_has_done_its_job(home_folder):
    """``pufa serve`` was killed; its worker still does the job in hand when the next one is started."""
    make_sitting(home_folder)
    ident = put(home_folder, "chart", sitting="s1")
    with (home_folder.secret / ".worker.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with transaction(home_folder.office) as connection:
            connection.execute(job.update().values(state="running"))
        second = subprocess.Popen([sys.executable, "-m", "grading.worker", "--home", str(home_folder.root)], cwd=ROOT, stderr=subprocess.DEVNULL)
        time.sleep(4)
        assert row_of(home_folder, ident).state == "running" and second.poll() is None, "not taken up again"
    for _ in range(200):
        if row_of(home_folder, ident).state not in ("waiting", "running"):
            break
        time.sleep(0.1)
    second.terminate()
    assert second.wait(20) == 0 and row_of(home_folder, ident).state in ("done", "failed")
