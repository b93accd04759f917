"""Hand-in against save, start against start, under a scheduler that interrupts at random; receipts checked again (A14, C4, C5, C6, C7)."""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select, update

from bench._hall import QUESTIONS, SITTING, Hall, Seat, Visitor, Wire, furnish, public_form
from exams.attempts import finish_of, open_page, start, verify_receipt
from exams.chain import FIELDS, link, verify_chain
from exams.display import Arranger, order_from_json
from exams.refusals import Refused
from exams.saves import Change, Saved, SaveRequest
from exams.sessions import log_in, standing, token_digest
from exams.tables import attempt, open_sitting, save
from exams.writer import HandedIn, HandIn, Writer
from hall.rehearsal.cast import cast
from hall.rehearsal.stage import furnish as stage_furnish
from home import Home, now_ms, transaction

SAVES = 5


def change(seat: Seat, seq: int) -> SaveRequest:
    """The first question, another letter each time: how many are unanswered stays the same."""
    return SaveRequest(token_digest(seat.token), seat.attempt_id, SITTING, 1, 0, (Change(seq, "q001", "ABCD"[seq % 4], 0),), now_ms())


def end_of(seat: Seat) -> HandIn:
    return HandIn(SaveRequest(token_digest(seat.token), seat.attempt_id, SITTING, 1, 0, (), now_ms()), QUESTIONS - 1)


@contextmanager
def interrupted(home: Home, seed: int) -> Iterator[None]:
    """Every statement and every commit on this home may be held up, as by a scheduler that takes the processor away there."""
    draw = random.Random(seed)

    def hold_up(*_what: object, **_more: object) -> None:
        if draw.random() < 0.2:
            time.sleep(draw.random() * 0.001)

    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(home.exam, name, hold_up)
    try:
        yield
    finally:
        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.remove(home.exam, name, hold_up)


def raced(homes: list[Home], seats: list[Seat], seed: int) -> list[tuple[Seat, object, Future[object]]]:
    """All work of all seats, shuffled so that each hand-in stands somewhere among its saves, through one writer per home."""
    draw, writers = random.Random(seed), [Writer(home.exam) for home in homes]
    for writer in writers:
        writer.start()
    asked: list[tuple[Seat, object, Future[object]]] = []

    def push(part: list[tuple[Seat, object]]) -> None:
        mine = random.Random(draw.random())
        for seat, work in part:
            ticket: Future[object] = Future()
            asked.append((seat, work, ticket))
            mine.choice(writers).submit(work, ticket)
            if mine.random() < 0.05:
                time.sleep(mine.random() * 0.002)

    works = [(seat, work) for seat in seats for work in (*(change(seat, seq) for seq in range(2, SAVES + 2)), end_of(seat), end_of(seat))]
    places = [draw.random() + index // 200 for index in range(len(works))]  # neighbours meet, strangers do not
    works = [work for _place, work in sorted(zip(places, works, strict=True), key=lambda pair: pair[0])]
    threads = [threading.Thread(target=push, args=(works[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait([ticket for _seat, _work, ticket in asked], 300)
    assert all(writer.stop(60) for writer in writers)
    return asked


def judge(home: Home, seats: list[Seat], asked: list[tuple[Seat, object, Future[object]]]) -> int:
    """Hold what was told against what is stored; how many saves came too late for their hand-in."""
    told: dict[int, set[int]] = {seat.attempt_id: {1} for seat in seats}
    receipts: dict[int, set[str]] = {seat.attempt_id: set() for seat in seats}
    late = 0
    for seat, _work, ticket in asked:
        error = ticket.exception(0)
        if error is not None:
            assert isinstance(error, Refused) and error.reason == "handed_in", error
            late += 1
        elif isinstance(answer := ticket.result(0), HandedIn):
            receipts[seat.attempt_id].add(answer.finish.receipt)
        else:
            assert isinstance(answer, Saved)
            told[seat.attempt_id].update(ack.seq for ack in answer.acks)
    with home.exam.connect() as connection:
        assert verify_chain(connection, SITTING) is None
        stored: dict[int, set[int]] = {}
        for row in connection.execute(select(save.c.attempt_id, save.c.seq)):
            stored.setdefault(row.attempt_id, set()).add(row.seq)
        assert stored == told, "what is acknowledged is stored, what is refused is not"
        for seat in seats:
            finish = finish_of(connection, seat.attempt_id)
            assert receipts[seat.attempt_id] == {finish.receipt} and finish.unanswered == QUESTIONS - 1
            assert verify_receipt(connection, seat.attempt_id), "nothing was counted after the end"
    return late


@pytest.mark.parametrize("races", [150, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_hand_in_and_its_saves_are_one_or_the_other(any_home, races):
    seats, _ = furnish(any_home, races)
    writer, first = Writer(any_home.exam), [Future() for _ in seats]
    writer.start()
    for seat, ticket in zip(seats, first, strict=True):
        writer.submit(change(seat, 1), ticket)
    wait(first, 120)
    assert writer.stop(60)
    other = Home.open(any_home.root)
    with interrupted(any_home, 5), interrupted(other, 6):
        asked = raced([any_home, other], seats, 7)
    other.close()
    late = judge(any_home, seats, asked)
    assert races // 2 < late < races * SAVES, "saves came before and after"


def test_the_judge_of_races_notices_a_save_that_slipped_in_after_the_end(home_folder):
    (seat,), _ = furnish(home_folder, 1)
    writer, tickets = Writer(home_folder.exam), [Future() for _ in range(3)]
    writer.start()
    for work, ticket in zip((change(seat, 1), end_of(seat)), tickets, strict=False):
        writer.submit(work, ticket)
        ticket.result(10)
    with transaction(home_folder.exam) as connection:  # as a check before the act would leave it
        connection.execute(update(attempt).values(state="open", closed_by=None))
    writer.submit(change(seat, 2), tickets[2])
    tickets[2].result(10)
    with transaction(home_folder.exam) as connection:
        connection.execute(update(attempt).values(state="closed", closed_by="handin"))
        assert not verify_receipt(connection, seat.attempt_id)
    assert writer.stop()


def test_fifty_starts_at_once_are_one_attempt_and_every_paper_is_whole(any_home):
    _, fresh = furnish(any_home, 0, 4)
    other, form = Home.open(any_home.root), public_form()
    homes, now = [any_home, other], now_ms()
    writers = [Writer(home.exam) for home in homes]
    for writer in writers:
        writer.start()
    for seat in fresh:
        with transaction(any_home.exam) as connection:
            session = log_in(connection, any_home.key("code"), seat.number, seat.code, "pc", now)
        with any_home.exam.connect() as connection:
            who = standing(connection, token_digest(session.token), now)
        gate = threading.Barrier(50)

        def begin(n: int, who=who, gate=gate) -> int:
            gate.wait()
            ticket: Future[int] = Future()
            writers[n % 2].submit(lambda connection: start(connection, who, Arranger(form).order(n), now), ticket)
            return ticket.result(60)

        with ThreadPoolExecutor(50) as pool:
            assert len(set(pool.map(begin, range(50)))) == 1
        with transaction(any_home.exam) as connection:
            order = open_page(connection, who, now).order
        assert sorted(question for question, _letters in order) == [question.id for question in form.questions]
        assert all(sorted(letters) == list("ABCD") for _question, letters in order)
    assert all(writer.stop() for writer in writers)
    other.close()
    with any_home.exam.connect() as connection:
        assert connection.execute(select(attempt.c.entry_id).order_by(attempt.c.entry_id)).scalars().all() == [seat.entry_id for seat in fresh]
        shown = connection.execute(select(attempt.c.display_order)).scalars().all()
    assert all(len(order_from_json(text)) == QUESTIONS for text in shown)


@pytest.mark.parametrize("people", [200, pytest.param(5_000, marks=pytest.mark.long)])
def test_of_many_who_start_at_once_everybody_has_one_whole_paper(any_home, people):
    """C6, through two processes' writers; ``bench.starts`` does it with 13,000 over the network."""
    _, fresh = furnish(any_home, 0, people)
    other, form, now, key = Home.open(any_home.root), public_form(), now_ms(), any_home.key("code")
    writers = [Writer(home.exam) for home in (any_home, other)]
    for writer in writers:
        writer.start()

    def begin(connection, seat: Seat):
        session = log_in(connection, key, seat.number, seat.code, "pc", now)
        who = standing(connection, token_digest(session.token), now)
        start(connection, who, Arranger(form).order(seat.entry_id), now)
        return open_page(connection, who, now)

    with interrupted(any_home, 8), interrupted(other, 9):
        tickets = [Future() for _ in fresh]
        for n, (seat, ticket) in enumerate(zip(fresh, tickets, strict=True)):
            writers[n % 2].submit(lambda connection, seat=seat: begin(connection, seat), ticket)
        pages = [ticket.result(300) for ticket in tickets]
    assert all(writer.stop(60) for writer in writers)
    other.close()
    assert len({page.attempt_id for page in pages}) == people
    for page in pages:
        assert sorted(question for question, _letters in page.order) == [question.id for question in form.questions]
        assert {tuple(sorted(letters)) for _question, letters in page.order} == {tuple("ABCD")}


# ------------------------------------------------------------------ papers


def released(home: Home) -> set[frozenset[bytes]]:
    """The stems of each form as it was released."""
    forms = [json.loads(path.read_text(encoding="utf-8")) for path in (home.release / "rehearsal").glob("?.json")]
    return {frozenset(question["html"].encode() for question in form["questions"]) for form in forms}


def test_what_is_edited_while_candidates_start_changes_nobodys_paper(home_folder, tmp_path):
    """C7: a hall serves what the opening released; bank and safe may be turned upside down meanwhile."""
    slips = stage_furnish(home_folder, cast(4, 1, faults=False))
    hall = Hall(home_folder, tmp_path / "log").start()

    jars = {slip.admission_no: {} for slip in slips}  # the same browser when somebody comes again

    async def questions_of(slip) -> frozenset[bytes]:
        visitor = Visitor(Wire(hall.port), Seat(0, slip.admission_no, slip.code), jars[slip.admission_no])
        try:
            assert (await visitor.log_in()).status == 303
            page = (await visitor.start()).page()
        finally:
            visitor.wire.close()
        return frozenset(re.findall(rb'<div class="stem" id="[^"]*">(.*?)</div>', page))

    try:
        before = [asyncio.run(questions_of(slip)) for slip in slips[:2]]
        edited = [path for path in home_folder.secret.rglob("*") if path.is_file() and path.parent.name != "keys" and path.suffix in (".json", ".md", ".ipynb")]
        for path in edited:
            path.write_text("改坏了", encoding="utf-8")
        after = [asyncio.run(questions_of(slip)) for slip in slips[2:]]
        again = [asyncio.run(questions_of(slip)) for slip in slips[:2]]
    finally:
        hall.stop()
    assert len(edited) > 3 and before == again
    assert set(after) <= released(home_folder) and set(before) <= released(home_folder) and all(before)


# ------------------------------------------------------------------ receipts


def test_ten_thousand_acknowledgements_are_verified_offline_and_one_altered_byte_is_found(home_folder):
    """The verifier has the acknowledgements and a copy of the rows; neither the hall nor its memory is asked."""
    seats, _ = furnish(home_folder, 200)
    writer, draw = Writer(home_folder.exam), random.Random(1)
    writer.start()
    works = [change(seat, seq) for seq in range(1, 51) for seat in seats]
    tickets = [Future() for _ in works]
    for work, ticket in zip(works, tickets, strict=True):
        writer.submit(work, ticket)
    wait(tickets, 120)
    for seat in seats:
        ticket = Future()
        writer.submit(end_of(seat), ticket)
        ticket.result(20)
    assert writer.stop(60)
    with home_folder.exam.connect() as connection:
        rows = {row["chain_n"]: dict(row) for row in connection.execute(select(save)).mappings()}
        assert verify_chain(connection, SITTING) is None
    assert len(rows) == 10_000
    for work, ticket in zip(works, tickets, strict=True):
        (ack,), (made,) = ticket.result(0).acks, work.changes
        row = rows[ack.chain_n]
        assert (row["attempt_id"], row["seq"], row["question"], row["answer"]) == (work.attempt_id, made.seq, made.question, made.answer)
        previous = rows[ack.chain_n - 1]["chain_head"] if ack.chain_n > 1 else ""
        assert ack.chain_head == link(previous, (*(row[name] for name in FIELDS[:-1]), int(row["late"])))
    altered = {"answer": "D", "question": "q002", "received_at": 1, "client_at": 1, "seq": 777, "late": True, "chain_head": "0" * 64}
    for column, value in altered.items():
        number = draw.choice([n for n, row in rows.items() if row[column] != value])
        with home_folder.exam.connect() as connection:
            place = save.c.chain_n == number
            connection.execute(update(save).where(place).values(**{column: value}))
            assert verify_chain(connection, SITTING) == number, column
            connection.rollback()
    with home_folder.exam.connect() as connection:
        last = max(number for number, row in rows.items() if row["attempt_id"] == seats[3].attempt_id)
        connection.execute(update(save).where(save.c.chain_n == last).values(answer="A" if rows[last]["answer"] != "A" else "B"))
        assert [verify_receipt(connection, seat.attempt_id) for seat in seats[2:5]] == [True, False, True]
        connection.rollback()
        connection.execute(update(open_sitting).values(chain_n=9_999))
        assert verify_chain(connection, SITTING) == 10_001, "a chain cut short at its end"
        connection.rollback()
