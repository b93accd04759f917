from __future__ import annotations

import pytest
from sitting_fixture import open_demo
from sqlalchemy import func, select, text, update

from exams.attempts import effective_answers, hand_in, open_page, verify_receipt
from exams.chain import verify_chain
from exams.control import grant_time, release_device
from exams.refusals import Refused
from exams.saves import store
from exams.tables import attempt, open_sitting, save
from home import now_ms, transaction


def answers_of(desk):
    with desk.home.exam.connect() as connection:
        return effective_answers(connection, desk.attempt_id)


def rows_of(desk):
    with desk.home.exam.connect() as connection:
        return connection.execute(select(func.count()).select_from(save).where(save.c.attempt_id == desk.attempt_id)).scalar_one()


def chain_fault(desk):
    with desk.home.exam.connect() as connection:
        return verify_chain(connection, desk.who.sitting_id)


def test_a_save_is_acknowledged_with_the_chain_head_and_counts(desk):
    saved = desk.save((1, "q001", "B"), (2, "q005", "ACD"), (3, "q009", "依法　公开\n<script>"))
    assert [ack.state for ack in saved.acks] == ["saved"] * 3
    assert (saved.chain_n, saved.chain_head) == (3, saved.acks[-1].chain_head)
    assert answers_of(desk) == {"q001": "B", "q005": "ACD", "q009": "依法　公开\n<script>"}
    assert chain_fault(desk) is None


def test_the_same_save_twice_gets_the_same_ack_and_another_answer_is_refused(desk):
    first = desk.save((1, "q001", "B"))
    desk.save((2, "q001", "C"))
    again = desk.save((1, "q001", "B"))
    assert again.acks == first.acks
    other = desk.save((1, "q001", "D"))
    assert [ack.state for ack in other.acks] == ["conflict"]
    assert desk.save((1, "q002", "B")).acks[0].state == "conflict", "the same number for another question"
    assert answers_of(desk) == {"q001": "C"} and rows_of(desk) == 2


def test_the_same_save_twice_in_one_batch(desk):
    with transaction(desk.home.exam) as connection:
        one, two, three = store(connection, [desk.request((1, "q001", "A")), desk.request((1, "q001", "A")), desk.request((1, "q001", "B"))])
    assert one.acks == two.acks and three.acks[0].state == "conflict"
    assert rows_of(desk) == 1 and chain_fault(desk) is None


def test_saves_out_of_order_all_stay_and_the_highest_number_wins(desk):
    for seq, answer in ((5, "D"), (3, "A"), (4, "B")):
        desk.save((seq, "q001", answer))
    assert answers_of(desk) == {"q001": "D"} and rows_of(desk) == 3
    assert chain_fault(desk) is None


def test_a_thousand_saves_of_one_value_are_one_row(desk):
    desk.save((1, "q001", "A"))
    for seq in range(2, 1001):
        assert desk.save((seq, "q001", "A"), acked=seq - 1).acks[0].state == "saved"
    assert rows_of(desk) == 1
    desk.save((1001, "q001", "B"), acked=1000)
    desk.save((1002, "q001", "A"), acked=1001)
    assert answers_of(desk) == {"q001": "A"} and rows_of(desk) == 3


def test_a_repeated_value_is_stored_while_something_may_still_come_between(desk):
    desk.save((1, "q001", "A"))
    desk.save((3, "q001", "A"), acked=1)  # 2 is on its way
    desk.save((2, "q001", "B"), acked=1)
    assert answers_of(desk) == {"q001": "A"}


def test_an_older_page_is_stale_and_overwrites_nothing(desk):
    desk.save((1, "q001", "A"))
    with transaction(desk.home.exam) as connection:
        page = open_page(connection, desk.who, now_ms())
    assert page.writer == desk.writer + 1 and page.answers == {"q001": "A"}
    with pytest.raises(Refused, match="另一个页面") as refusal:
        desk.save((2, "q001", ""))
    assert refusal.value.reason == "stale"
    desk.save((1, "q001", "C"), writer=page.writer)
    assert answers_of(desk) == {"q001": "C"}


def test_a_save_for_anothers_attempt_is_refused(desks):
    mine, yours, _ = desks
    forged = mine.request((1, "q001", "A"))._replace(session="0" * 64)
    elsewhere = mine.request((1, "q001", "A"))._replace(sitting_id="another")
    nowhere = mine.request((1, "q001", "A"))._replace(attempt_id=999_999)
    with transaction(mine.home.exam) as connection:
        results = store(connection, [forged, elsewhere, nowhere, yours.request((1, "q001", "B"))])
    assert [getattr(one, "reason", "") for one in results] == ["session", "session", "session", ""]
    assert answers_of(mine) == {} and answers_of(yours) == {"q001": "B"}


@pytest.mark.parametrize(("after_limit_ms", "state"), [(-1000, "saved"), (0, "saved"), (1000, "saved"), (10_000, "saved"), (11_000, "late")])
def test_what_arrives_around_the_limit(desk, after_limit_ms, state):
    saved = desk.save((1, "q001", "A"), at=desk.limit_at + after_limit_ms)
    assert saved.acks[0].state == state
    assert rows_of(desk) == 1, "never dropped"
    assert answers_of(desk) == ({} if state == "late" else {"q001": "A"})
    assert desk.save((1, "q001", "A"), at=desk.limit_at + 20_000).acks == saved.acks, "asked again, the same answer"
    assert chain_fault(desk) is None


def test_a_late_save_of_the_same_value_is_still_kept_as_evidence(desk):
    desk.save((1, "q001", "A"))
    desk.save((2, "q001", "A"), acked=1, at=desk.limit_at + 60_000)
    assert rows_of(desk) == 2


def test_more_time_granted_counts_in_the_same_moment(desk):
    with transaction(desk.home.exam) as connection:
        limit = grant_time(connection, desk.candidate.admission_no, 600, kind="extra", reason="停电", by="kaowu", now=now_ms())
    assert limit == desk.limit_at + 600_000
    saved = desk.save((1, "q001", "A"), at=desk.limit_at + 500_000)
    assert saved.acks[0].state == "saved" and saved.limit_at == limit


def test_after_hand_in_nothing_is_stored(desk):
    desk.save((1, "q001", "A"))
    with transaction(desk.home.exam) as connection:
        hand_in(connection, desk.attempt_id, desk.writer, 8, now_ms())
    with pytest.raises(Refused) as refusal:
        desk.save((2, "q002", "A"))
    assert refusal.value.reason == "handed_in" and rows_of(desk) == 1


@pytest.mark.parametrize(
    ("state", "by", "reason"), [("closed", "officer", "closed"), ("void", None, "void"), ("closed", "handin", "handed_in")]
)
def test_a_closed_attempt_takes_nothing_and_says_why(desk, state, by, reason):
    with transaction(desk.home.exam) as connection:
        connection.execute(update(attempt).where(attempt.c.id == desk.attempt_id).values(state=state, closed_by=by, closed_at=now_ms()))
    with pytest.raises(Refused) as refusal:
        desk.save((1, "q001", "A"))
    assert refusal.value.reason == reason and rows_of(desk) == 0


def test_a_save_stamped_in_time_counts_though_the_sweep_came_first(desk):
    with transaction(desk.home.exam) as connection:
        connection.execute(
            update(attempt).where(attempt.c.id == desk.attempt_id).values(state="closed", closed_by="time", closed_at=desk.limit_at)
        )
    assert desk.save((1, "q001", "A"), at=desk.limit_at - 1).acks[0].state == "saved"
    assert desk.save((2, "q001", "B"), at=desk.limit_at + 60_000).acks[0].state == "late"
    assert answers_of(desk) == {"q001": "A"}


def test_after_a_release_the_old_computer_saves_nothing(desk, sit):
    with transaction(desk.home.exam) as connection:
        release_device(connection, desk.candidate.admission_no, reason="电脑坏了", by="kaowu", now=now_ms())
    with pytest.raises(Refused) as refusal:
        desk.save((1, "q001", "A"))
    assert refusal.value.reason == "session"
    new = sit(desk.candidate, device="pc-2")
    assert new.attempt_id == desk.attempt_id
    new.save((1, "q001", "B"))
    assert answers_of(desk) == {"q001": "B"}


ODD = ["\x01\x1f\x7f", "𫚯龘\U0010ffff", '"\\', "\u2028\u2029", "\r\n\t", "null", "1e5", "[1]", "é", "e\u0301", "\ufeffx", "x" * 20_000, "%s ? :x"]


@pytest.mark.parametrize("answer", ODD, ids=ascii)
def test_odd_text_is_stored_to_the_byte_and_fits_the_chain(desk, answer):
    desk.save((1, "q009", answer), (2, "q008", answer))
    assert answers_of(desk) == {"q009": answer, "q008": answer}
    assert desk.save((2, "q008", answer)).acks[0].state == "saved"
    assert desk.save((3, "q008", answer), acked=2).acks[0].chain_n == 2, "read back, it is the same"
    assert chain_fault(desk) is None


def test_two_sittings_have_two_chains(desk, sit):
    (other,) = open_demo(desk.home, 1, sitting="second", first_no=500)
    there = sit(other)
    with transaction(desk.home.exam) as connection:
        results = store(connection, [desk.request((1, "q001", "A")), there.request((1, "q001", "B")), desk.request((2, "q002", "A"))])
    assert [(one.chain_n) for one in results] == [1, 1, 2]
    assert chain_fault(desk) is None and chain_fault(there) is None


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE save SET answer = 'D' WHERE chain_n = 3",
        "UPDATE save SET received_at = received_at - 1 WHERE chain_n = 3",
        "DELETE FROM save WHERE chain_n = 3",
        "UPDATE save SET attempt_id = (SELECT max(id) FROM attempt), seq = 77 WHERE chain_n = 3",
    ],
)
def test_the_chain_names_the_first_save_that_was_tampered_with(desks, harm):
    for desk in desks:
        desk.save((1, "q001", "A"), (2, "q001", "B"))
    assert chain_fault(desks[0]) is None
    with transaction(desks[0].home.exam) as connection:
        connection.execute(text(harm))
    assert chain_fault(desks[0]) == 3


def test_a_chain_cut_short_is_found(desk):
    desk.save((1, "q001", "A"), (2, "q001", "B"))
    with transaction(desk.home.exam) as connection:
        connection.execute(text("DELETE FROM save WHERE chain_n = 2"))
    assert chain_fault(desk) == 2
    with desk.home.exam.connect() as connection:
        assert connection.execute(select(open_sitting.c.chain_n)).scalar_one() == 2


def test_a_receipt_fits_what_is_stored_and_nothing_else(desk):
    desk.save((1, "q001", "A"), (2, "q009", "公开"))
    with transaction(desk.home.exam) as connection:
        finish = hand_in(connection, desk.attempt_id, desk.writer, 7, now_ms())
        assert len(finish.receipt) == 64 and verify_receipt(connection, desk.attempt_id)
        connection.execute(text("UPDATE save SET answer = '公 开' WHERE seq = 2"))
        assert not verify_receipt(connection, desk.attempt_id)
