"""Pauses and stalls of the server: nothing ends by time that did not run, and what was lost comes back once."""

from __future__ import annotations

import pytest
from sitting_fixture import MINUTE, open_demo
from sqlalchemy import func, insert, select, update

from exams.attempts import SWEEP_AFTER_MS, close_overdue, effective_answers, hand_in, may_start
from exams.refusals import Refused
from exams.saves import PAUSE_REACHES_MS, Change, store
from exams.stalls import LONGEST_MS, keep_beat, last_beat, silence_ms
from exams.tables import attempt, entry, grant, incident, open_sitting, stall
from home import EXAM, now_ms, transaction, verify_audit

WHOLE_ROOM, ALONE = open_sitting, attempt


def pause(home, table, at):
    with transaction(home.exam) as connection:
        connection.execute(update(table).values(paused_at=at))


def limits(home):
    with home.exam.connect() as connection:
        return connection.execute(select(attempt.c.limit_at).order_by(attempt.c.id)).scalars().all()


def typed(desk, seq, question, answer, typed_at, arrived):
    with transaction(desk.home.exam) as connection:
        request = desk.request(at=arrived)._replace(changes=(Change(seq, question, answer, typed_at),))
        return store(connection, [request])[0]


def beats(home, *instants, starting=False):
    given = []
    for at in instants:
        with transaction(home.exam) as connection:
            given.append(keep_beat(connection, at, starting=starting))
    return given


# ---------------------------------------------------------------- pauses


@pytest.mark.parametrize("who", [WHOLE_ROOM, ALONE], ids=["room", "alone"])
def test_in_a_pause_what_was_typed_before_is_in_time_and_what_is_typed_after_waits(desk, who):
    began = desk.limit_at - 30_000
    pause(desk.home, who, began)
    saved = typed(desk, 1, "q001", "A", began - 1000, desk.limit_at + 10 * MINUTE)
    assert saved.acks[0].state == "saved" and saved.paused_at == began
    refused = typed(desk, 2, "q001", "B", began + PAUSE_REACHES_MS + 1, began + 60_000)
    assert refused.reason == "paused"
    with desk.home.exam.connect() as connection:
        assert effective_answers(connection, desk.attempt_id) == {"q001": "A"}
    pause(desk.home, who, None)
    with transaction(desk.home.exam) as connection:
        connection.execute(update(attempt).values(limit_at=attempt.c.limit_at + 60_000))
    assert typed(desk, 2, "q001", "B", began + PAUSE_REACHES_MS + 1, began + 60_000).acks[0].state == "saved", "kept for the end of the pause"


def test_of_two_pauses_the_earlier_counts(desk):
    pause(desk.home, ALONE, desk.limit_at - 1000)
    pause(desk.home, WHOLE_ROOM, desk.limit_at + 5 * MINUTE)
    assert typed(desk, 1, "q001", "A", 0, desk.limit_at + 9 * MINUTE).acks[0].state == "saved"


@pytest.mark.parametrize("who", [WHOLE_ROOM, ALONE], ids=["room", "alone"])
def test_nobody_is_closed_or_handed_in_during_a_pause(desks, who):
    home, long_after = desks[0].home, desks[0].limit_at + 60 * MINUTE
    pause(home, who, desks[0].limit_at - 1000)
    with transaction(home.exam) as connection:
        assert close_overdue(connection, long_after) == 0
    for shown in (9, None):
        with pytest.raises(Refused) as refusal, transaction(home.exam) as connection:
            hand_in(connection, desks[0].attempt_id, 1, shown, long_after if shown is None else now_ms())
        assert refusal.value.reason == "paused"
    pause(home, who, None)
    with transaction(home.exam) as connection:
        assert close_overdue(connection, long_after) == 3


def test_a_pause_that_began_after_the_end_holds_nothing_open(desk):
    pause(desk.home, WHOLE_ROOM, desk.limit_at + 5000)
    with transaction(desk.home.exam) as connection:
        assert hand_in(connection, desk.attempt_id, 1, None, desk.limit_at + 2000).closed_by == "time"
        assert close_overdue(connection, desk.limit_at + 10 * MINUTE) == 2


def test_a_start_waits_for_the_end_of_the_pause(any_home, sit):
    one, _ = open_demo(any_home, 2)
    pause(any_home, WHOLE_ROOM, now_ms())
    with pytest.raises(Refused) as refusal:
        sit(one)
    assert refusal.value.reason == "paused"
    pause(any_home, WHOLE_ROOM, None)
    assert sit(one).attempt_id


def test_an_officer_lets_a_late_candidate_in_until_a_time(any_home, sit):
    now = now_ms()
    one, other = open_demo(any_home, 2, opens=now - 40 * MINUTE, late_entry=30)
    with transaction(any_home.exam) as connection:
        connection.execute(update(entry).where(entry.c.id == one.entry_id).values(late_until=now + MINUTE))
    who = sit(one, now=now).who
    assert may_start(who, now + 2 * MINUTE).reason == "late_entry"
    with pytest.raises(Refused):
        sit(other, now=now)


# ---------------------------------------------------------------- stalls


def test_a_beat_a_second_gives_nothing_and_a_late_one_gives_all_once(desks):
    home, before, now = desks[0].home, limits(desks[0].home), now_ms()
    assert beats(home, now, now + 1000, now + 2100, now + 5000) == [0, 0, 0, 0]
    assert beats(home, now + 12_500, now + 13_500) == [7500, 0]
    assert [after - old for after, old in zip(limits(home), before, strict=True)] == [8000] * 3, "whole seconds, rounded up"
    with home.exam.connect() as connection:
        assert connection.execute(select(stall.c.to_at - stall.c.from_at, stall.c.attempts)).all() == [(7500, 3)]
        assert connection.execute(select(func.sum(grant.c.seconds)).where(grant.c.kind == "stall")).scalar_one() == 24
        assert "停止应答" in connection.execute(select(incident.c.detail)).scalar_one()
        assert verify_audit(connection, EXAM) is None


def test_after_a_crash_the_first_beat_gives_the_time_back_and_after_a_stop_it_does_not(desk):
    home, now = desk.home, now_ms()
    beats(home, now, now + 1000)
    assert beats(home, now + 61_000, starting=True) == [60_000]
    with transaction(home.exam) as connection:
        last_beat(connection, now + 62_000)
    assert beats(home, now + 3_600_000, starting=True) == [0]
    assert limits(home)[0] == desk.limit_at + 60_000


def test_while_one_process_beats_the_stall_of_another_gives_nothing_and_together_they_give_once(desk):
    home, now = desk.home, now_ms()
    beats(home, now)
    assert beats(home, *range(now + 1000, now + 30_000, 1000)) == [0] * 29, "one process; the other stands still"
    assert beats(home, now + 29_500) == [0], "and comes back"
    assert beats(home, now + 60_000, now + 60_001, now + 60_002) == [30_500, 0, 0], "all stood still; whoever is first gives it"
    with transaction(home.exam) as connection:
        last_beat(connection, now + 61_000)  # one of two is told to stop, the other goes on
    assert beats(home, now + 61_500, now + 90_000) == [0, 28_500]


def test_closed_attempts_and_pauses_get_nothing_twice(desks):
    home, now = desks[0].home, now_ms()
    with transaction(home.exam) as connection:
        hand_in(connection, desks[0].attempt_id, 1, 9, now)
        connection.execute(update(attempt).where(attempt.c.id == desks[1].attempt_id).values(paused_at=now + 10_000))
        # the third was paused and let on again while the hall was down: 20 s are given back already
        connection.execute(insert(grant).values(attempt_id=desks[2].attempt_id, seconds=20, kind="pause", reason="x", by="x", at=now + 40_000))
    beats(home, now, now + 60_000)
    before = [desk.limit_at for desk in desks]
    assert [after - old for after, old in zip(limits(home), before, strict=True)] == [0, 10_000, 40_000]


def test_what_is_too_long_or_runs_backwards_is_left_to_the_officer(desk):
    home, now = desk.home, now_ms()
    assert beats(home, now, now + LONGEST_MS + 1001) == [0, 0]
    assert limits(home) == [desk.limit_at, *limits(home)[1:]]
    with home.exam.connect() as connection:
        assert "没有自动补时" in connection.execute(select(incident.c.detail)).scalar_one()
        assert silence_ms(connection, now) == 0
    assert beats(home, now, now + 1000) == [0, 0], "the clock was set back: counted from there"
    assert beats(home, now + 11_000) == [10_000]


def test_nobodys_time_ends_while_the_hall_stands_still(desks):
    home, end = desks[0].home, desks[0].limit_at
    beats(home, end - 5000)
    over = end + 10_000 + SWEEP_AFTER_MS + 60_000
    with transaction(home.exam) as connection:
        assert silence_ms(connection, over) == over - end + 5000
        assert close_overdue(connection, over) == 0, "the worker asks this too"
    with pytest.raises(Refused) as refusal, transaction(home.exam) as connection:
        hand_in(connection, desks[0].attempt_id, 1, None, over)
    assert refusal.value.reason == "unsaved", "the page tries again, and has time by then"
    assert typed(desks[0], 1, "q001", "A", 0, over).acks[0].state == "saved"
    assert beats(home, over) == [over - end + 5000]
    assert limits(home)[0] == end + over - (end - 5000), "what was left before is left again"
    with transaction(home.exam) as connection:
        assert close_overdue(connection, over) == 0
        assert close_overdue(connection, over + 2000) == 0, "the beat is fresh"
    beats(home, over + 1000)
    with transaction(home.exam) as connection:
        last_beat(connection, over + 60_000)
        assert close_overdue(connection, over + 60_000) == 3
