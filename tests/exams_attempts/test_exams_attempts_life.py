from __future__ import annotations

import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sitting_fixture import KEY, MINUTE, open_demo, public_form
from sqlalchemy import func, select, update

from exams.attempts import (
    SWEEP_AFTER_MS,
    close_overdue,
    effective_answers,
    finish_of,
    hand_in,
    limit_of,
    may_start,
    open_page,
    start,
)
from exams.control import grant_time, release_device
from exams.display import Arranger, order_from_json, order_to_json
from exams.errors import AttemptError
from exams.refusals import REASONS, Refused
from exams.sessions import TRIES, Standing, end_session, log_in, standing, token_digest
from exams.tables import attempt, entry, grant, handin, incident, open_sitting, session
from home import EXAM, now_ms, transaction, verify_audit


def try_code(home, number, code, device="pc-1", now=None):
    with transaction(home.exam) as connection:
        return log_in(connection, KEY, number, code, device, now or now_ms())


def count(home, table, *where):
    with home.exam.connect() as connection:
        return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


def session_of(home, one, device="pc-1", now=None):
    new = try_code(home, one.admission_no, one.code, device, now)
    assert not isinstance(new, Refused), new
    with home.exam.connect() as connection:
        return standing(connection, token_digest(new.token), now or now_ms())


# ---------------------------------------------------------------- codes


def test_a_right_code_opens_a_session_and_its_token_is_not_stored(any_home):
    (one,) = open_demo(any_home, 1)
    new = try_code(any_home, one.admission_no, one.code.lower().replace("-", " "))
    with any_home.exam.connect() as connection:
        stored = connection.execute(select(session)).one()
        who = standing(connection, token_digest(new.token), now_ms())
    assert new.token not in str(stored) and stored.token_digest == token_digest(new.token)
    assert (who.name, who.admission_no, who.attempt_id, who.csrf) == (one.name, one.admission_no, None, new.csrf)


def test_ten_wrong_codes_are_told_the_officer_and_the_right_code_still_opens(any_home):
    one, other = open_demo(any_home, 2)
    now = now_ms()
    reasons = [try_code(any_home, one.admission_no, "0000-0000-0000", now=now).reason for _ in range(TRIES)]
    assert reasons == ["wrong_code"] * (TRIES - 1) + ["locked"]
    refused = try_code(any_home, one.admission_no, "0000-0000-0000", now=now + 1)
    assert refused.reason == "locked" and "连续输错 10 次" in str(refused) and "D02" in str(refused)
    assert count(any_home, incident, incident.c.kind == "code_locked") == 1
    assert not isinstance(try_code(any_home, other.admission_no, other.code, now=now + 1), Refused)
    assert not isinstance(try_code(any_home, one.admission_no, one.code, now=now + 1), Refused), "nobody can lock another out"


def test_a_right_code_forgets_the_wrong_ones(any_home):
    (one,) = open_demo(any_home, 1)
    for _ in range(3):
        for _ in range(TRIES - 1):
            assert try_code(any_home, one.admission_no, "x").reason == "wrong_code"
        assert not isinstance(try_code(any_home, one.admission_no, one.code), Refused)


@pytest.mark.parametrize("number", ["", "9" * 20, "' OR 1=1 --", "２６"])
def test_an_unknown_number_is_refused_like_a_wrong_code(any_home, number):
    open_demo(any_home, 1)
    assert try_code(any_home, number, "0000-0000-0000").reason == "wrong_code"
    assert count(any_home, incident) == 0


def test_the_code_of_another_candidate_is_wrong(any_home):
    one, other = open_demo(any_home, 2)
    assert try_code(any_home, one.admission_no, other.code).reason == "wrong_code"


def test_a_code_is_dead_after_the_window_and_after_closing(any_home):
    one, other = open_demo(any_home, 2, window=30)
    end = now_ms() + 31 * MINUTE
    assert try_code(any_home, one.admission_no, one.code, now=end).reason == "over"
    with transaction(any_home.exam) as connection:
        connection.execute(update(open_sitting).values(closed_at=now_ms()))
    assert try_code(any_home, other.admission_no, other.code).reason == "over"


def test_a_barred_candidate_is_told_so(any_home):
    (one,) = open_demo(any_home, 1)
    with transaction(any_home.exam) as connection:
        connection.execute(update(entry).values(barred=True))
    assert try_code(any_home, one.admission_no, one.code).reason == "barred"


def test_logging_in_again_ends_the_session_before(any_home):
    (one,) = open_demo(any_home, 1)
    first, second = (session_of(any_home, one) for _ in range(2))
    with any_home.exam.connect() as connection:
        assert standing(connection, first.token_digest, now_ms()) is None
        assert standing(connection, second.token_digest, now_ms()) is not None
        assert standing(connection, second.token_digest, now_ms() + 17 * 60 * MINUTE) is None, "no session outlives the day"
    with transaction(any_home.exam) as connection:
        end_session(connection, second.token_digest, now_ms())
        assert standing(connection, second.token_digest, now_ms()) is None


# ---------------------------------------------------------------- start and resume


def test_fifty_parallel_starts_make_one_attempt(any_home):
    (one,) = open_demo(any_home, 1)
    who = session_of(any_home, one)
    gate = threading.Barrier(10)

    def go(n):
        if n < 10:
            gate.wait()
        with transaction(any_home.exam) as connection:
            return start(connection, who, Arranger(public_form()).order(n), now_ms())

    with ThreadPoolExecutor(10) as pool:
        ids = set(pool.map(go, range(50)))
    assert len(ids) == 1 and count(any_home, attempt) == 1


@pytest.mark.parametrize(
    ("opens_in", "late", "reason"), [(10, None, "early"), (-40, 30, "late_entry"), (-121, None, "over")], ids=lambda value: str(value)
)
def test_a_start_at_the_wrong_time_is_refused(any_home, opens_in, late, reason):
    now = now_ms()
    (one,) = open_demo(any_home, 1, opens=now + opens_in * MINUTE, late_entry=late)
    who = session_of(any_home, one, now=now + min(0, opens_in) * MINUTE)
    with pytest.raises(Refused) as refusal, transaction(any_home.exam) as connection:
        start(connection, who, (), now)
    assert refusal.value.reason == reason and count(any_home, attempt) == 0


def test_a_late_start_ends_with_the_window(any_home):
    now = now_ms()
    (one,) = open_demo(any_home, 1, opens=now - 115 * MINUTE, window=120, minutes=60)
    who = session_of(any_home, one)
    assert limit_of(who, now) == now + 5 * MINUTE
    with transaction(any_home.exam) as connection:
        start(connection, who, (), now)
        assert open_page(connection, who, now).limit_at == now + 5 * MINUTE


def test_each_new_page_is_the_writer(any_home, sit):
    (one,) = open_demo(any_home, 1)
    desk = sit(one)
    assert desk.writer == 1
    desk.save((1, "q001", "A"), (2, "q001", "B"), (3, "q002", ""))
    with transaction(any_home.exam) as connection:
        page = open_page(connection, desk.who, now_ms())
    assert (page.writer, page.answers) == (2, {"q001": "B", "q002": ""})
    assert [question for question, _ in page.order] == [question for question, _ in Arranger(public_form()).order(7)]


def test_a_page_before_the_start_and_after_the_end_is_refused(any_home, sit):
    one, other = open_demo(any_home, 2)
    who = session_of(any_home, other)
    with pytest.raises(Refused) as refusal, transaction(any_home.exam) as connection:
        open_page(connection, who, now_ms())
    assert refusal.value.reason == "not_started"
    desk = sit(one)
    with transaction(any_home.exam) as connection:
        hand_in(connection, desk.attempt_id, 1, 9, now_ms())
    with pytest.raises(Refused) as refusal, transaction(any_home.exam) as connection:
        open_page(connection, desk.who, now_ms())
    assert refusal.value.reason == "handed_in"


# ---------------------------------------------------------------- devices


def test_a_second_device_waits_for_the_release_and_both_are_noted(any_home, sit):
    (one,) = open_demo(any_home, 1)
    first = sit(one, device="pc-1")
    for _ in range(3):
        assert try_code(any_home, one.admission_no, one.code, "pc-2").reason == "device"
    assert count(any_home, incident, incident.c.kind == "second_device") == 1, "not one line per click"
    assert first.save((1, "q001", "A")).acks, "the first goes on undisturbed"
    with transaction(any_home.exam) as connection:
        release_device(connection, one.admission_no, reason="死机", by="kaowu", now=now_ms())
    second = sit(one, device="pc-2")
    assert second.attempt_id == first.attempt_id
    with any_home.exam.connect() as connection:
        assert effective_answers(connection, second.attempt_id) == {"q001": "A"}
        assert verify_audit(connection, EXAM) is None
    assert count(any_home, incident, incident.c.kind == "device_released") == 1
    assert try_code(any_home, one.admission_no, one.code, "pc-1").reason == "device", "now the first one is the second"


def test_the_same_device_may_log_in_again(any_home, sit):
    (one,) = open_demo(any_home, 1)
    desk = sit(one)
    assert not isinstance(try_code(any_home, one.admission_no, one.code, "pc-1"), Refused)
    with pytest.raises(Refused):
        desk.save((1, "q001", "A"))  # under the old session


# ---------------------------------------------------------------- hand-in and time-up


def test_handing_in_twice_gives_the_same_receipt(any_home, sit):
    (one,) = open_demo(any_home, 1)
    desk = sit(one)
    desk.save((1, "q001", "A"))
    with transaction(any_home.exam) as connection:
        first = hand_in(connection, desk.attempt_id, 1, 8, now_ms())
    with transaction(any_home.exam) as connection:
        assert hand_in(connection, desk.attempt_id, 1, 8, now_ms() + 5000) == first
        assert finish_of(connection, desk.attempt_id) == first
    assert count(any_home, handin) == 1 and first.unanswered == 8 and first.closed_by == "handin"


@pytest.mark.parametrize(("writer", "shown", "reason"), [(0, 9, "stale"), (2, 9, "stale"), (1, 8, "mismatch"), (1, None, "time_left")])
def test_a_hand_in_from_a_wrong_screen_is_refused(any_home, sit, writer, shown, reason):
    (one,) = open_demo(any_home, 1)
    desk = sit(one)
    with pytest.raises(Refused) as refusal, transaction(any_home.exam) as connection:
        hand_in(connection, desk.attempt_id, writer, shown, now_ms())
    assert refusal.value.reason == reason
    assert count(any_home, attempt, attempt.c.state == "open") == 1


def test_a_hand_in_after_the_limit_ends_at_the_limit(any_home, sit):
    (one,) = open_demo(any_home, 1)
    desk = sit(one)
    with transaction(any_home.exam) as connection:
        finish = hand_in(connection, desk.attempt_id, 1, None, desk.limit_at + 3000)
    assert (finish.at, finish.closed_by, finish.unanswered) == (desk.limit_at, "time", 9)
    assert count(any_home, handin) == 0


def test_the_sweep_closes_what_is_overdue_and_nothing_else(any_home, sit):
    one, two, three = open_demo(any_home, 3, grace_s=10)
    desks = [sit(one), sit(two), sit(three)]
    with transaction(any_home.exam) as connection:
        grant_time(connection, two.admission_no, 300, kind="pause", reason="停电", by="kaowu", now=now_ms())
        hand_in(connection, desks[2].attempt_id, 1, 9, now_ms())
    over = desks[0].limit_at + 10_000 + SWEEP_AFTER_MS
    with transaction(any_home.exam) as connection:
        assert close_overdue(connection, over) == 0
        assert close_overdue(connection, over + 1) == 1
        assert close_overdue(connection, over + 1) == 0
        states = connection.execute(select(attempt.c.state, attempt.c.closed_by, attempt.c.closed_at).order_by(attempt.c.id)).all()
    assert states[0] == ("closed", "time", desks[0].limit_at)
    assert states[1][:2] == ("open", None) and states[2][:2] == ("closed", "handin")


# ---------------------------------------------------------------- the officer's acts


def test_grants_add_up_and_are_on_file(any_home, sit):
    (one,) = open_demo(any_home, 1)
    desk = sit(one)
    with transaction(any_home.exam) as connection:
        grant_time(connection, one.admission_no, 60, kind="extra", reason="设备故障", by="kaowu", now=now_ms())
        limit = grant_time(connection, one.admission_no, 420, kind="pause", reason="停电", by="kaowu", now=now_ms())
        assert limit == desk.limit_at + 480_000
        assert connection.execute(select(func.sum(grant.c.seconds))).scalar_one() == 480
        assert verify_audit(connection, EXAM) is None


@pytest.mark.parametrize(
    ("number", "seconds", "kind", "reason"),
    [("x", 60, "extra", "停电"), (None, 0, "extra", "停电"), (None, 10**9, "extra", "停电"), (None, 60, "gift", "停电"), (None, 60, "extra", " ")],
)
def test_a_bad_grant_is_refused(any_home, sit, number, seconds, kind, reason):
    (one,) = open_demo(any_home, 1)
    sit(one)
    with pytest.raises(AttemptError), transaction(any_home.exam) as connection:
        grant_time(connection, number or one.admission_no, seconds, kind=kind, reason=reason, by="kaowu", now=now_ms())
    assert count(any_home, grant) == 0


def test_no_grant_and_no_release_after_the_end(any_home, sit):
    (one,) = open_demo(any_home, 1)
    desk = sit(one)
    with transaction(any_home.exam) as connection:
        hand_in(connection, desk.attempt_id, 1, 9, now_ms())
    with pytest.raises(AttemptError, match="不能加时"), transaction(any_home.exam) as connection:
        grant_time(connection, one.admission_no, 60, kind="extra", reason="停电", by="kaowu", now=now_ms())
    with pytest.raises(AttemptError, match="不用换电脑"), transaction(any_home.exam) as connection:
        release_device(connection, one.admission_no, reason="死机", by="kaowu", now=now_ms())


# ---------------------------------------------------------------- order


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**128 - 1))
def test_the_order_keeps_every_question_in_its_part_and_every_option(seed):
    form = public_form(singles=7, multiples=5, judgements=4, texts=2)
    order = Arranger(form).order(seed)
    by_id = {question.id: question for question in form.questions}
    assert sorted(dict(order)) == sorted(by_id) and len(order) == len(by_id)
    assert [by_id[question].part for question, _ in order] == [question.part for question in form.questions]
    for question, letters in order:
        own = "".join(option.letter for option in by_id[question].options)
        assert letters == own if by_id[question].fixed_order else sorted(letters) == sorted(own)
    assert order_from_json(order_to_json(order)) == order == Arranger(form).order(seed)
    assert json.loads(order_to_json(order))[0] == list(order[0])


def test_orders_differ_and_questions_stay_where_they_are_if_told_so():
    form = public_form()
    draws = {Arranger(form).order(random.getrandbits(64)) for _ in range(50)}
    assert len(draws) > 40
    kept = Arranger(form).order(5, shuffle_questions=False)
    assert [question for question, _ in kept] == [question.id for question in form.questions]


def test_every_reason_has_a_code_of_its_own_and_its_text_can_be_filled():
    codes = [reason.code for reason in REASONS.values()]
    assert len(set(codes)) == len(codes)
    for name in REASONS:
        refusal = Refused(name, until="9:00", seconds=5, opens="x", minutes=30, question=3, fault="x", server=4, number="x", address="10.0.0.1")
        assert "{" not in refusal.text and refusal.code in str(refusal)


@given(opens=st.integers(0, 10**12), window=st.integers(1, 600), minutes=st.integers(1, 300), late=st.integers(0, 600))
def test_of_two_limits_the_earlier_one_counts(opens: int, window: int, minutes: int, late: int) -> None:
    """B10: window and answering time conflict; the rules page shows what :func:`limit_of` says, and the start stores the same."""
    blank = Standing(*[None] * len(Standing._fields))
    who = blank._replace(opens_at=opens, closes_at=opens + window * MINUTE, minutes=minutes)
    start_at = opens + late * MINUTE
    if start_at >= who.closes_at:
        assert may_start(who, start_at).reason == "over"
        return
    limit = limit_of(who, start_at)
    assert limit in (who.closes_at, start_at + minutes * MINUTE) and start_at < limit <= who.closes_at
    assert limit_of(who, start_at + MINUTE) >= limit, "who starts later never has to end earlier"
    assert limit_of(who._replace(closes_at=who.closes_at + MINUTE), start_at) >= limit, "a longer window takes nothing away"
