from __future__ import annotations

import random
import threading
import time
from concurrent.futures import Future
from queue import SimpleQueue

import pytest
from sitting_fixture import open_demo
from sqlalchemy import create_engine, event, func, insert, select, text

from exams.attempts import effective_answers, finish_of, verify_receipt
from exams.chain import verify_chain
from exams.clock import Clock
from exams.refusals import Refused
from exams.tables import attempt, incident, save
from exams.writer import HandIn, Unavailable, Writer
from home import Home, now_ms, transaction


@pytest.fixture
def writer(any_home):
    made = Writer(any_home.exam)
    made.start()
    yield made
    made.stop()


def ask(writer, work):
    ticket = Future()
    writer.submit(work, ticket)
    return ticket


def saves_in(home):
    with home.exam.connect() as connection:
        return connection.execute(select(func.count()).select_from(save)).scalar_one()


def test_what_is_acknowledged_is_committed(desks, writer):
    home = desks[0].home
    tickets = [ask(writer, desk.request((seq, f"q{seq % 9 + 1:03d}", "A"))) for seq in range(1, 101) for desk in desks]
    acked = [ticket.result(20).acks[0] for ticket in tickets]
    assert saves_in(home) == 300
    assert sorted(ack.chain_n for ack in acked) == list(range(1, 301))
    with home.exam.connect() as connection:
        assert verify_chain(connection, "demo") is None


def test_a_ticket_is_answered_only_after_the_commit(desk, writer):
    seen = []

    class Looking(Future):
        def set_result(self, result):
            seen.append(saves_in(desk.home))
            super().set_result(result)

    for seq in range(1, 6):
        ticket = Looking()
        writer.submit(desk.request((seq, "q001", "AB"[seq % 2])), ticket)
        ticket.result(10)
    assert seen == [1, 2, 3, 4, 5]


def test_a_refusal_and_a_fault_touch_only_their_own_work(desks, writer):
    one, two, _ = desks
    entries = [desk.who.entry_id for desk in desks]

    def note(connection, n):
        connection.execute(insert(incident).values(sitting_id="demo", entry_id=entries[n], kind="t", at=1, by="t", detail=""))

    def refusing(connection):
        note(connection, 0)
        raise Refused("early", opens="")

    def faulty(connection):
        note(connection, 1)
        return 1 / 0

    def good(connection):
        note(connection, 2)
        return "done"

    hold = threading.Event()
    first = ask(writer, lambda _connection: hold.wait(10))  # so that the rest are one batch
    time.sleep(0.05)
    tickets = [ask(writer, work) for work in (one.request((1, "q001", "A")), refusing, faulty, good, two.request((1, "q001", "B"))._replace(session="x"))]
    hold.set()
    assert first.result(10)
    assert tickets[0].result(10).acks[0].state == "saved"
    for ticket, kind in ((tickets[1], Refused), (tickets[2], ZeroDivisionError), (tickets[4], Refused)):
        assert isinstance(ticket.exception(10), kind)
    assert tickets[3].result(10) == "done"
    with one.home.exam.connect() as connection:
        assert connection.execute(select(incident.c.entry_id)).scalars().all() == [entries[2]]
    assert saves_in(one.home) == 1


def test_last_changes_and_hand_in_are_one_step_and_repeat_the_same(desk, writer):
    work = HandIn(desk.request((1, "q001", "A"), (2, "q002", "B")), 7)
    first = ask(writer, work).result(10)
    again = ask(writer, work).result(10)
    assert first.finish == again.finish and first.finish.unanswered == 7
    assert [ack.state for ack in first.saved.acks] == ["saved", "saved"] and again.saved is None
    assert saves_in(desk.home) == 2


def test_a_hand_in_with_a_conflict_leaves_the_attempt_open(desk, writer):
    ask(writer, desk.request((1, "q001", "A"))).result(10)
    refused = ask(writer, HandIn(desk.request((1, "q001", "B")), 8)).exception(10)
    assert refused.reason == "conflict"
    with desk.home.exam.connect() as connection:
        assert connection.execute(select(attempt.c.state).where(attempt.c.id == desk.attempt_id)).scalar_one() == "open"


def test_saves_racing_with_the_hand_in_are_in_it_or_refused(any_home, sit, writer):
    draw = random.Random(7)
    for one in open_demo(any_home, 15):
        desk = sit(one)
        works = [desk.request((seq, "q001", "ABCD"[seq % 4])) for seq in range(1, 9)]
        works.insert(draw.randrange(1, 9), HandIn(desk.request(), 8))
        gate = threading.Barrier(3)
        tickets = []

        def push(part, gate=gate, tickets=tickets):
            gate.wait()
            tickets.extend((work, ask(writer, work)) for work in part)

        threads = [threading.Thread(target=push, args=(works[n::3],)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stored = {work.changes[0].seq for work, ticket in tickets if not isinstance(work, HandIn) and ticket.exception(20) is None}
        with any_home.exam.connect() as connection:
            there = connection.execute(select(save.c.seq).where(save.c.attempt_id == desk.attempt_id)).scalars().all()
            closed = connection.execute(select(attempt.c.state).where(attempt.c.id == desk.attempt_id)).scalar_one() == "closed"
            assert set(there) == stored
            assert not closed or verify_receipt(connection, desk.attempt_id)
            assert not closed or finish_of(connection, desk.attempt_id).unanswered == 8


def test_a_full_disk_is_refused_honestly_and_recovers_without_a_restart(home_folder, sitting_desk):
    desk = sitting_desk(home_folder)
    allowed = {"pages": 10**9}

    @event.listens_for(home_folder.exam, "checkout")
    def bound(connection, _record, _proxy):
        connection.execute(f"PRAGMA max_page_count={allowed['pages']}")

    writer = Writer(home_folder.exam)
    writer.start()
    text_ = "依法行政" * 4000
    assert ask(writer, desk.request((1, "q009", text_))).result(10).acks[0].state == "saved"
    allowed["pages"] = 1  # SQLite takes the present size as the least bound: no page can be added
    failed = [ask(writer, desk.request((seq, "q009", text_ + str(seq)))).exception(10) for seq in range(2, 12)]
    assert any(isinstance(one, Unavailable) for one in failed) and all(one is None or isinstance(one, Unavailable) for one in failed)
    stored = 1 + sum(one is None for one in failed)
    assert saves_in(home_folder) == stored, "what was acknowledged is there, what was refused is not"
    allowed["pages"] = 10**9
    for seq in range(2, 12):
        assert ask(writer, desk.request((seq, "q009", text_ + str(seq)))).result(10).acks[0].state == "saved"
    assert saves_in(home_folder) == 11
    with home_folder.exam.connect() as connection:
        assert verify_chain(connection, "demo") is None
        assert effective_answers(connection, desk.attempt_id) == {"q009": text_ + "11"}
    assert writer.stop()


@pytest.mark.parametrize("any_home", ["sqlite"], indirect=True)
def test_a_locked_database_holds_the_answer_back_until_it_is_free(desk, writer):
    with transaction(desk.home.exam):
        ticket = ask(writer, desk.request((1, "q001", "A")))
        with pytest.raises(TimeoutError):
            ticket.result(0.5)
    assert ticket.result(10).acks[0].state == "saved"


@pytest.mark.parametrize("any_home", ["postgresql"], indirect=True)
def test_a_server_that_drops_its_connections_is_survived(desk, writer, request):
    ask(writer, desk.request((1, "q001", "A"))).result(10)
    admin = create_engine(request.getfixturevalue("postgres_url"))
    with admin.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pufa_hall'"))
    admin.dispose()
    results = [ask(writer, desk.request((2, "q001", "B"))).exception(20) for _ in range(3)]
    assert results[-1] is None and all(one is None or isinstance(one, Unavailable) for one in results)
    assert saves_in(desk.home) == 2


def test_a_fault_of_the_database_tells_no_log_what_was_written(desk, writer, caplog):
    secret = "绝密的答案"
    for number in (None, desk.attempt_id):  # a missing value, a row that there is already: PostgreSQL repeats the row
        broken = ask(writer, lambda connection, number=number: connection.execute(insert(attempt).values(
            id=number or 999, entry_id=None if number is None else 1, sitting_id="demo", form="A", display_order=secret, started_at=0, limit_at=0,
            state="open", writer=0)))  # fmt: skip
        fault = broken.exception(10)
        assert isinstance(fault, Unavailable) and str(fault) and secret not in str(fault)
    assert "refused by the database" in caplog.text and secret not in caplog.text


def test_stopping_stores_what_waits_and_refuses_what_comes(desk):
    writer = Writer(desk.home.exam)
    tickets = [ask(writer, desk.request((seq, "q001", "AB"[seq % 2]))) for seq in range(1, 300)]
    writer.start()
    assert writer.stop(30)
    assert all(ticket.result(0).acks for ticket in tickets) and saves_in(desk.home) == 299
    with pytest.raises(Unavailable):
        writer.submit(desk.request((300, "q001", "C")), Future())


def test_the_clock_starts_with_the_wall_and_never_runs_back():
    clock = Clock()
    assert abs(clock.now() - now_ms()) < 1000 and abs(clock.drift_ms()) < 1000
    readings = [clock.now() for _ in range(1000)]
    assert readings == sorted(readings)


def test_a_step_of_the_system_clock_changes_nothing(monkeypatch):
    clock = Clock()
    before = clock.now()
    wall = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: wall() - 30_000_000_000)
    assert 0 <= clock.now() - before < 1000
    assert -31_000 < clock.drift_ms() < -29_000


def test_two_processes_writing_to_one_sitting_keep_one_whole_chain(any_home, sit):
    desks = [sit(one) for one in open_demo(any_home, 4)]
    second = Home.open(any_home.root)
    writers = [Writer(any_home.exam), Writer(second.exam)]
    for writer in writers:
        writer.start()
    tickets = [
        ask(writers[(seq + n) % 2], desk.request((seq, "q001", "ABCD"[seq % 4]))) for seq in range(1, 81) for n, desk in enumerate(desks)
    ]
    acked = [ticket.result(60).acks[0] for ticket in tickets]
    tickets = [ask(writers[n % 2], HandIn(desk.request(), 8)) for n, desk in enumerate(desks * 2)]
    receipts = [ticket.result(60).finish.receipt for ticket in tickets]
    assert receipts[:4] == receipts[4:], "whichever process is asked"
    assert all(writer.stop() for writer in writers)
    second.close()
    assert sorted(ack.chain_n for ack in acked) == list(range(1, 321))
    with any_home.exam.connect() as connection:
        assert verify_chain(connection, "demo") is None


class Loop:
    """A thread that runs what is posted, as an event loop does."""

    def __init__(self):
        self._posted = SimpleQueue()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def post(self, what):
        self._posted.put(what)

    def _run(self):
        while (what := self._posted.get()) is not None:
            what()

    def end(self):
        self._posted.put(None)
        self.thread.join(10)


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.end()


def test_statements_run_where_tickets_are_answered_on_sqlite_and_beside_it_on_postgresql(any_home, loop):
    writer = Writer(any_home.exam, loop.post)
    writer.start()
    ran = ask(writer, lambda _connection: threading.current_thread().name).result(10)
    assert (ran == loop.thread.name) is (any_home.exam.dialect.name == "sqlite") and (ran == "writer") is not (ran == loop.thread.name)
    assert writer.stop()


def test_work_aside_runs_in_the_writers_thread_in_a_commit_of_its_own(desk, loop):
    writer = Writer(desk.home.exam, loop.post)
    tickets, names, seen = [], [], []
    for n in range(3):
        tickets.append(ask(writer, desk.request((n + 1, "q001", "ABC"[n]))))
    aside = Future()
    writer.submit(lambda connection: (names.append(threading.current_thread().name), seen.append(saves_in(desk.home))), aside, aside=True)
    tickets.append(ask(writer, desk.request((4, "q001", "D"))))
    writer.start()
    aside.result(10)
    assert names == ["writer"] and seen == [4], "what waited was committed before"
    assert all(ticket.result(10).acks for ticket in tickets) and writer.stop()
    broken, other = Future(), Future()
    writer = Writer(desk.home.exam, loop.post)
    writer.start()
    writer.submit(lambda _connection: 1 // 0, broken, aside=True)
    writer.submit(lambda _connection: "on", other, aside=True)
    assert isinstance(broken.exception(10), ZeroDivisionError) and other.result(10) == "on", "a fault ends neither the thread nor what follows"
    assert writer.stop()


@pytest.mark.parametrize("any_home", ["sqlite"], indirect=True)
def test_what_comes_while_the_lock_is_waited_for_shares_the_commit(desk, loop):
    writer, commits = Writer(desk.home.exam, loop.post), []

    @event.listens_for(desk.home.exam, "commit")
    def count(_connection):
        commits.append(threading.current_thread().name)

    with transaction(desk.home.exam):
        writer.start()
        tickets = [ask(writer, desk.request((1, "q001", "A")))]
        time.sleep(0.3)
        tickets += [ask(writer, desk.request((seq, "q001", "AB"[seq % 2]))) for seq in range(2, 50)]
    assert all(ticket.result(10).acks for ticket in tickets)
    assert commits == [threading.current_thread().name, "writer"], "the one that held the lock, and one for all"
    with transaction(desk.home.exam):
        tickets = [ask(writer, lambda _connection: "done") for _ in range(100)]
    assert all(ticket.result(10) == "done" for ticket in tickets)
    assert 4 <= len(commits) - 3 <= 5, "what takes longer is not done for a hundred in one go: the loop would stand still"
    assert writer.stop()


def test_without_an_event_loop_what_waits_is_stored_all_the_same(desk):
    def closed(_what):
        raise RuntimeError("Event loop is closed")

    writer, ticket = Writer(desk.home.exam, closed), Future()
    writer.submit(desk.request((1, "q001", "A")), ticket)
    writer.start()
    assert writer.stop() and saves_in(desk.home) == 1 and not ticket.done()
