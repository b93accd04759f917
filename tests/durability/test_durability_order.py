"""No acknowledgement leaves before the disk has what it acknowledges; and after a power cut it is there (A2, A5)."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from disk_trace import SENDS, SYNCS, Call, Disk, read_trace, strace
from sqlalchemy import select

from bench._hall import SITTING, Hall, Seat, Visitor, Wire, furnish, save_request
from exams.chain import verify_chain
from exams.tables import attempt, handin, save, session
from home import Home, connect

ALTERED = (str(Path(__file__).parent / "altered_hall.py"),)
SEATED, FRESH, CUTS = 6, 3, 25
#: three times as long as the hall here waits between two checkpoints
BREAK_S = 1.2
HEADER, WAL_HEADER = 24, 32
ACK = re.compile(rb'\[\d+,"saved",\d+,"([0-9a-f]{64})"')
RECEIPT = re.compile(rb'"receipt":"([0-9a-f]{64})"')
TOKEN = re.compile(rb"set-cookie: pufa_hall=([\w-]{20,})")


@dataclass(frozen=True)
class Run:
    """A traced run, ended by kill -9. ``before``: what the files held when it began; ``acks``: (send, proof), in order."""

    calls: list[Call]
    database: Path
    before: dict[Path, bytes]
    acks: list[tuple[Call, bytes]]

    @property
    def log(self) -> Path:
        return self.database.with_name("exam.db-wal")

    def disk(self, until: int) -> Disk:
        disk = Disk.of(self.before)
        disk.replay(self.calls, until)
        return disk


def proofs(call: Call) -> list[bytes]:
    """64 hex digits of everything that a call tells a browser is done, as they are stored: chain heads, receipts, sessions."""
    if call.name not in SENDS or not call.path.startswith("socket:"):
        return []
    tokens = [hashlib.sha256(token).hexdigest().encode() for token in TOKEN.findall(call.data)]
    return [*ACK.findall(call.data), *RECEIPT.findall(call.data), *tokens]


async def at_work(port: int, seat: Seat, end: float, draw: random.Random) -> None:
    """Save again and again, each time another answer."""
    wire, seq = Wire(port), 0
    rest = end - BREAK_S - 0.5
    while (now := time.monotonic()) < end:
        if rest <= now < rest + BREAK_S:  # all rest together: a checkpoint then empties the log, and the next save begins it anew
            await asyncio.sleep(rest + BREAK_S - now)
        seq += 1
        answer = await wire.ask(save_request(seat.token, seat.csrf, seq, f"q{draw.randrange(1, 81):03d}", "ABCD"[seq % 4]))
        assert answer.status == 200, answer
        await asyncio.sleep(draw.random() * 0.06)
    wire.close()


async def whole_visit(port: int, seat: Seat) -> None:
    """Log in, start, save, hand in."""
    visitor = Visitor(Wire(port), seat)
    assert (await visitor.log_in()).status == 303 and (await visitor.start()).status == 200
    body = {"writer": visitor.state["writer"], "acked": 0, "changes": [[1, "q001", "A", 0]]}
    assert (await visitor.send("/api/save", body)).status == 200
    assert (await visitor.send("/api/handin", {**body, "changes": [], "unanswered": 79})).status == 200
    visitor.wire.close()


async def drive(port: int, seated: list[Seat], fresh: list[Seat], seconds: float) -> None:
    draw, end = random.Random(7), time.monotonic() + seconds
    await asyncio.gather(*(at_work(port, seat, end, random.Random(draw.random())) for seat in seated), *(whole_visit(port, seat) for seat in fresh))


def traced(folder: Path, seconds: float, **environment: str) -> Run:
    """Run the hall under strace while candidates work, kill it, read the trace."""
    home = Home.create(folder / "home", "某县考试办公室")
    seated, fresh = furnish(home, SEATED, FRESH)
    home.close()
    database = home.root / "exam" / "exam.db"
    before = {database: database.read_bytes(), database.with_name("exam.db-wal"): b""}
    assert list(database.parent.iterdir()) == [database]
    hall = Hall(home, folder / "log", prefix=strace(folder / "trace"), module=ALTERED, environment={"CHECKPOINT_S": "0.4", **environment})
    hall.start()
    try:
        asyncio.run(drive(hall.port, seated, fresh, seconds))
    finally:
        hall.kill()
    end = time.monotonic() + 10
    while not re.search(rf"^{hall.process.pid} +\+\+\+ killed", (folder / "trace").read_text(encoding="latin-1")[-20_000:], re.MULTILINE):
        assert time.monotonic() < end
        time.sleep(0.05)
    calls = read_trace(folder / "trace")
    return Run(calls, database, before, [(call, proof) for call in calls for proof in proofs(call)])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return traced(tmp_path_factory.mktemp("careful"), 2.5 + BREAK_S)


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return traced(tmp_path_factory.mktemp("careless"), 1.0 + BREAK_S, SYNCHRONOUS="OFF")


def commits(run: Run) -> list[tuple[bytes, int]]:
    """(what the log's frames hold, line at which the last of them was written) of each transaction."""
    found, pages = [], []
    ends = False
    for call in run.calls:
        if call.name != "pwrite64" or call.path != str(run.log) or call.offset < WAL_HEADER:
            continue
        if len(call.data) == HEADER:
            ends = call.data[4:8] != bytes(4)  # the size of the database: only the last frame of a transaction has it
        else:
            pages.append(call.data)
            if ends:
                found.append((b"".join(pages), call.ended))
                pages = []
    return found


def premature(run: Run) -> list[bytes]:
    """Proofs that were sent before a sync had ended that began after their transaction was in the log."""
    syncs = [call for call in run.calls if call.name in SYNCS and call.path == str(run.log) and call.result == 0]
    written = commits(run)
    found = []
    for send, proof in run.acks:
        line = next((line for pages, line in written if proof in pages), None)
        if line is None or not any(line < sync.begun and sync.ended < send.begun for sync in syncs):
            found.append(proof)
    return found


def test_no_acknowledgement_leaves_before_the_sync_that_covers_it(run):
    assert len(run.acks) > 100 and len({proof for _send, proof in run.acks}) == len(run.acks)
    assert premature(run) == []
    folder = next(call for call in run.calls if call.name in SYNCS and call.path == str(run.database.parent))
    assert folder.ended < run.acks[0][0].begun, "the log's name is in its folder on the disk too"


def test_the_proof_of_order_notices_a_hall_that_does_not_wait_for_the_disk(careless):
    assert len(careless.acks) > 20
    assert len(premature(careless)) == len(careless.acks)


def test_the_trace_tells_every_byte_of_the_files(run):
    until = run.calls[-1].ended + 1
    for path, content in run.disk(until).whole().items():
        assert content == Path(path).read_bytes(), path
    assert sum(call.path == str(run.database) and call.name in SYNCS for call in run.calls) >= 2, "checkpoints were part of it"
    assert sum(call.path == str(run.log) and call.offset == 0 and call.name == "pwrite64" for call in run.calls) >= 2, "the log began anew"


def lost_after_power_cut(run: Run, folder: Path, until: int, draw: random.Random | None) -> list[bytes]:
    """What had been acknowledged before line ``until`` and is not in the database that the product opens then."""
    folder.mkdir()
    for path, content in run.disk(until).images(draw):
        if content:
            (folder / Path(path).name).write_bytes(content)
    engine = connect(f"sqlite:///{folder / 'exam.db'}", "exam")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert verify_chain(connection, SITTING) is None
        entries = connection.execute(select(attempt.c.entry_id)).scalars().all()
        assert len(entries) == len(set(entries))
        columns = (save.c.chain_head, handin.c.receipt, session.c.token_digest)
        there = {value.encode() for column in columns for value in connection.execute(select(column)).scalars()}
    engine.dispose()
    shutil.rmtree(folder)
    return [proof for send, proof in run.acks if send.begun < until and proof not in there]


@pytest.mark.parametrize("cache", ["lost", "torn"])
def test_a_power_cut_at_any_moment_loses_nothing_acknowledged(run, tmp_path, cache):
    draw = random.Random(11)
    moments = [send.begun + 1 for send, _proof in draw.sample(run.acks, CUTS)]
    moments += [draw.randrange(run.acks[0][0].begun, run.calls[-1].ended) for _ in range(CUTS)]
    for moment in moments:
        assert lost_after_power_cut(run, tmp_path / "cut", moment, draw if cache == "torn" else None) == []


def test_the_power_cut_notices_a_hall_that_does_not_wait_for_the_disk(careless, tmp_path):
    assert len(lost_after_power_cut(careless, tmp_path / "cut", careless.acks[-1][0].begun + 1, None)) == len(careless.acks)
