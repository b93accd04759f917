"""What an officer does to a running sitting: each act once, with its reason, whoever clicks how often; on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sitting_fixture import KEY, MINUTE, Candidate, open_demo, public_form
from sqlalchemy import event, func, select, update

from exams.attempts import hand_in, open_page, start
from exams.control import (
    admit_late,
    grant_room,
    grant_time,
    newest_grant,
    pause_one,
    pause_room,
    release_device,
    resume_one,
    resume_room,
)
from exams.decisions import reopen_attempt, take_back_time, void_attempt
from exams.display import Arranger
from exams.errors import AttemptError
from exams.incidents import incident_kinds, incidents_of, note_by_staff, see_to, worklist
from exams.refusals import Refused
from exams.sessions import log_in, standing, token_digest
from exams.tables import attempt, entry, grant, handin, incident, open_sitting, reopening, session
from home import EXAM, Home, now_ms, transaction, verify_audit

BY = {"reason": "停电", "by": "kaowu"}


def enter(home: Home, who: Candidate, now: int, device: str = "pc-1"):
    """Log in; the standing, or the refusal raised."""
    with transaction(home.exam) as connection:
        made = log_in(connection, KEY, who.admission_no, who.code, device, now)
        if isinstance(made, Exception):
            raise made
        found = standing(connection, token_digest(made.token), now)
    assert found is not None
    return found


def sit(home: Home, who: Candidate, now: int, device: str = "pc-1") -> int:
    """Log in, start, open the page; the attempt's id."""
    found = enter(home, who, now, device)
    with transaction(home.exam) as connection:
        ident = start(connection, found, Arranger(public_form()).order(7), now)
        open_page(connection, found, now)
    return ident


def limits(home: Home) -> dict[int, int]:
    with home.exam.connect() as connection:
        return dict(connection.execute(select(attempt.c.id, attempt.c.limit_at)).all())


def act(home: Home, function, *given, **named):
    with transaction(home.exam) as connection:
        return function(connection, *given, **named)


def test_a_room_pause_gives_back_exactly_what_it_took_from_each(any_home):
    opens = now_ms() - 10 * MINUTE
    one, two, absent = open_demo(any_home, 3, opens=opens, late_entry=15)
    first = sit(any_home, one, opens + MINUTE)
    second = sit(any_home, two, opens + 2 * MINUTE)
    before = limits(any_home)
    t = opens + 5 * MINUTE
    assert act(any_home, pause_room, "demo", now=t, **BY) is True
    assert act(any_home, pause_room, "demo", now=t + MINUTE, **BY) is False
    done = act(any_home, resume_room, "demo", now=t + 7 * MINUTE, **BY)
    assert (done.ms, done.candidates) == (7 * MINUTE, 2)
    assert act(any_home, resume_room, "demo", now=t + 9 * MINUTE, **BY).ms == 0
    after = limits(any_home)
    assert {ident: after[ident] - before[ident] for ident in (first, second)} == {first: 7 * MINUTE, second: 7 * MINUTE}
    with any_home.exam.connect() as connection:
        room = connection.execute(select(open_sitting)).one()
        assert (room.paused_at, room.closes_at) == (None, opens + 127 * MINUTE)
        late = connection.execute(select(entry.c.late_until).where(entry.c.admission_no == absent.admission_no)).scalar_one()
        assert late == opens + 22 * MINUTE
        assert connection.execute(select(grant.c.kind, grant.c.seconds)).all() == [("pause", 420), ("pause", 420)]
        assert [(one.kind, one.by) for one in incidents_of(connection, "demo")] == [("pause", "kaowu"), ("resume", "kaowu")]
        assert verify_audit(connection, EXAM) is None


def test_an_entry_that_was_over_before_the_pause_stays_over(any_home):
    opens = now_ms() - 40 * MINUTE
    (late,) = open_demo(any_home, 1, opens=opens, late_entry=15)
    act(any_home, pause_room, "demo", now=opens + 20 * MINUTE, **BY)
    act(any_home, resume_room, "demo", now=opens + 30 * MINUTE, **BY)
    with pytest.raises(Refused, match="K02"):
        sit(any_home, late, opens + 31 * MINUTE)


@pytest.mark.parametrize(
    ("order", "stood"),
    [
        (("one", "room", "resume room", "resume one"), 3),
        (("one", "room", "resume one", "resume room"), 3),
        (("room", "one", "resume room", "resume one"), 3),
        (("room", "one", "resume one", "resume room"), 3),
        (("one", "resume one", "room", "resume room"), 2),
    ],
)
def test_pauses_that_overlap_give_each_minute_once(home_folder, order, stood):
    """A minute passes before each act; the candidate stood from the first pause to the last resumption, and gets just that."""
    opens = now_ms() - 30 * MINUTE
    (one,) = open_demo(home_folder, 1, opens=opens)
    ident = sit(home_folder, one, opens)
    before, t = limits(home_folder)[ident], opens
    acts = {
        "one": (pause_one, one.admission_no), "resume one": (resume_one, one.admission_no),
        "room": (pause_room, "demo"), "resume room": (resume_room, "demo"),
    }  # fmt: skip
    for name in order:
        t += MINUTE
        act(home_folder, acts[name][0], acts[name][1], now=t, **BY)
    assert limits(home_folder)[ident] - before == stood * MINUTE
    with home_folder.exam.connect() as connection:
        assert connection.execute(select(attempt.c.paused_at)).scalar_one() is None
        assert connection.execute(select(func.sum(grant.c.seconds))).scalar_one() == stood * 60


def _together(home: Home, function, *given, times: int = 4, **named) -> list[object]:
    """The same act by several officers at the same moment; results and refusals."""
    gate = threading.Barrier(times)

    def go(n: int) -> object:
        gate.wait()
        try:
            return act(home, function, *given, **{**named, "by": f"officer{n}"})
        except AttemptError as refused:
            return refused

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(go, range(times)))


def test_officers_who_resume_at_once_credit_once(any_home):
    opens = now_ms() - 10 * MINUTE
    one, two = open_demo(any_home, 2, opens=opens)
    for who in (one, two):
        sit(any_home, who, opens)
    before = limits(any_home)
    act(any_home, pause_room, "demo", now=opens + MINUTE, **BY)
    done = _together(any_home, resume_room, "demo", reason="来电", now=opens + 8 * MINUTE)
    assert sorted(one.candidates for one in done) == [0, 0, 0, 2]
    assert {after - before[ident] for ident, after in limits(any_home).items()} == {7 * MINUTE}


def test_officers_who_give_time_at_once_give_it_once(any_home):
    one, two = open_demo(any_home, 2)
    first, second = sit(any_home, one, now_ms()), sit(any_home, two, now_ms())
    before = limits(any_home)
    with any_home.exam.connect() as connection:
        seen = newest_grant(connection, "demo")
    done = _together(any_home, grant_room, "demo", 300, reason="停电", now=now_ms(), after=seen)
    assert sorted(str(one)[:4] for one in done) == ["2", "这一页打", "这一页打", "这一页打"]
    done = _together(any_home, grant_time, one.admission_no, 60, reason="死机", now=now_ms(), after=newest(any_home, one))
    assert sum(isinstance(one, AttemptError) for one in done) == 3
    assert limits(any_home) == {first: before[first] + 360_000, second: before[second] + 300_000}


def test_time_is_taken_back_once_and_never_more_than_was_given(any_home):
    now = now_ms()
    one, two = open_demo(any_home, 2)
    first, second = sit(any_home, one, now), sit(any_home, two, now)
    before = limits(any_home)
    act(any_home, grant_time, one.admission_no, 600, now=now, **BY)
    done = _together(any_home, take_back_time, "demo", one.admission_no, 500, reason="应为 100 秒", second=None, now=now, after=newest(any_home, one))
    assert sorted(str(one)[:4] for one in done) == ["1", "申请以后", "申请以后", "申请以后"]
    assert limits(any_home) == {first: before[first] + 100_000, second: before[second]}
    with any_home.exam.connect() as connection:
        seen = newest_grant(connection, "demo")
    assert act(any_home, take_back_time, "demo", None, 3600, second="li", now=now, after=seen, **BY) == 1
    assert limits(any_home) == before, "no more than was given, and from nobody else"
    with pytest.raises(AttemptError, match="没有可以收回"):
        act(any_home, take_back_time, "demo", None, 60, second=None, now=now, after=newest(any_home, one), **BY)
    with pytest.raises(AttemptError, match="没有可以收回"):
        act(any_home, take_back_time, "demo", two.admission_no, 60, second=None, now=now, after=0, **BY)


def test_time_from_before_a_reopening_is_not_taken_back(any_home):
    """A reopened attempt has the span that was agreed on; what was given before its end is in no limit any more."""
    now = now_ms()
    one, two = open_demo(any_home, 2)
    ident, other = sit(any_home, one, now), sit(any_home, two, now)
    untouched = limits(any_home)[other]
    for who in (one, two):
        act(any_home, grant_time, who.admission_no, 1800, now=now, **BY)
    act(any_home, void_attempt, one.admission_no, second="li", now=now, **BY)
    with transaction(any_home.exam) as connection:
        connection.execute(update(entry).values(barred=False))
    limit = act(any_home, reopen_attempt, one.admission_no, 1800, second="li", now=now + MINUTE, **BY)
    with pytest.raises(AttemptError, match="没有可以收回"):
        act(any_home, take_back_time, "demo", one.admission_no, 600, second="li", now=now + MINUTE, after=newest(any_home, one), **BY)
    act(any_home, grant_time, one.admission_no, 120, now=now + 2 * MINUTE, **BY)
    act(any_home, take_back_time, "demo", one.admission_no, 600, second="li", now=now + 2 * MINUTE, after=newest(any_home, one), **BY)
    act(any_home, take_back_time, "demo", two.admission_no, 1800, second="li", now=now + 2 * MINUTE, after=newest(any_home, two), **BY)
    assert limits(any_home) == {ident: limit, other: untouched}, "only his own reopening counts"


def test_time_given_to_one_while_it_is_taken_back_from_the_room(any_home):
    """Whoever gives holds the locks in the order in which whoever takes wants them: neither ends in a deadlock."""
    now = now_ms()
    (one,) = open_demo(any_home, 1)
    ident = sit(any_home, one, now)
    before = limits(any_home)[ident]
    act(any_home, grant_time, one.admission_no, 600, now=now, **BY)
    after, given = newest(any_home, one), threading.Event()

    @event.listens_for(any_home.exam, "before_cursor_execute")
    def slowly(_connection, _cursor, statement, *_):
        if statement.startswith("INSERT INTO grant_time") and not given.is_set():
            given.set()
            time.sleep(0.5)

    with ThreadPoolExecutor(2) as pool:
        giving = pool.submit(act, any_home, grant_time, one.admission_no, 60, now=now, **BY)
        assert given.wait(10)
        taking = pool.submit(act, any_home, take_back_time, "demo", None, 500, second="li", now=now, after=after, **BY)
        giving.result()
        with pytest.raises(AttemptError, match="申请以后又加过时"):
            taking.result()
    assert limits(any_home)[ident] == before + 660_000


def newest(home: Home, who: Candidate) -> int:
    with home.exam.connect() as connection:
        return newest_grant(connection, "demo", who.admission_no)


def test_the_second_click_on_another_computer_throws_nobody_out(any_home):
    (one,) = open_demo(any_home, 1)
    t = now_ms()
    sit(any_home, one, t)
    assert act(any_home, release_device, one.admission_no, now=t, **BY) is True
    sit(any_home, one, t + 1000, "pc-2")
    assert act(any_home, release_device, one.admission_no, now=t + 2000, **BY) is False
    with any_home.exam.connect() as connection:
        assert connection.execute(select(func.count()).select_from(session).where(session.c.ended_at.is_(None))).scalar_one() == 1
        assert connection.execute(select(attempt.c.device)).scalar_one() == "pc-2"


def test_a_released_device_settles_what_waits_on_the_worklist(any_home):
    (one,) = open_demo(any_home, 1)
    t = now_ms()
    sit(any_home, one, t)
    with transaction(any_home.exam) as connection:
        assert isinstance(log_in(connection, KEY, one.admission_no, one.code, "pc-2", t), Refused)
    kinds = incident_kinds()
    with any_home.exam.connect() as connection:
        whole, lines = worklist(connection, "demo", kinds)
        assert (whole, [(line.kind, line.name) for line in lines]) == (1, [("second_device", one.name)])
    act(any_home, release_device, one.admission_no, now=t, **BY)
    with any_home.exam.connect() as connection:
        assert worklist(connection, "demo", kinds) == (0, [])


def test_a_late_candidate_is_let_in_until_then_and_no_longer(any_home):
    opens = now_ms() - 40 * MINUTE
    one, two = open_demo(any_home, 2, opens=opens, late_entry=15)
    t = opens + 30 * MINUTE
    with pytest.raises(Refused, match="K02"):
        sit(any_home, one, t)
    act(any_home, admit_late, one.admission_no, t + 5 * MINUTE, now=t, **BY)
    sit(any_home, one, t + 4 * MINUTE)
    act(any_home, admit_late, two.admission_no, t + 5 * MINUTE, now=t, **BY)
    with pytest.raises(Refused, match="K02"):
        sit(any_home, two, t + 6 * MINUTE)
    with pytest.raises(AttemptError, match="已经开始"):
        act(any_home, admit_late, one.admission_no, t + 9 * MINUTE, now=t + 6 * MINUTE, **BY)
    with pytest.raises(AttemptError, match="之间"):
        act(any_home, admit_late, two.admission_no, opens + 121 * MINUTE, now=t, **BY)


def test_void_takes_nothing_more_and_reopening_goes_on(any_home):
    t = now_ms()
    (one,) = open_demo(any_home, 1)
    ident = sit(any_home, one, t)
    assert act(any_home, void_attempt, one.admission_no, second="li", now=t, **BY) is True
    assert act(any_home, void_attempt, one.admission_no, second="li", now=t, **BY) is False
    with pytest.raises(Refused, match="K06"), transaction(any_home.exam) as connection:
        hand_in(connection, ident, 1, 9, t)
    with pytest.raises(Refused, match="D04"):
        enter(any_home, one, t)
    with pytest.raises(AttemptError, match="先撤销登记"):
        act(any_home, reopen_attempt, one.admission_no, 600, second="li", now=t, **BY)
    with transaction(any_home.exam) as connection:
        connection.execute(update(entry).values(barred=False))
    assert act(any_home, reopen_attempt, one.admission_no, 600, second="li", now=t, **BY) == t + 600_000
    sit(any_home, one, t, "pc-9")
    assert limits(any_home) == {ident: t + 600_000}


def test_a_reopened_attempt_keeps_its_former_end_and_is_handed_in_anew(any_home):
    t = now_ms()
    (one,) = open_demo(any_home, 1)
    ident = sit(any_home, one, t)
    with transaction(any_home.exam) as connection:
        receipt = hand_in(connection, ident, 1, 9, t).receipt
    act(any_home, reopen_attempt, one.admission_no, 900, second="li", now=t + 1000, **BY)
    with pytest.raises(AttemptError, match="正在作答"):
        act(any_home, reopen_attempt, one.admission_no, 900, second="li", now=t + 2000, **BY)
    sit(any_home, one, t + 3000)
    with any_home.exam.connect() as connection:
        kept = connection.execute(select(reopening)).one()
        assert (kept.receipt, kept.closed_at, kept.closed_by, kept.by, kept.second) == (receipt, t, "handin", "kaowu", "li")
        assert connection.execute(select(func.count()).select_from(handin)).scalar_one() == 0
        writer = connection.execute(select(attempt.c.writer)).scalar_one()
    with transaction(any_home.exam) as connection:
        assert hand_in(connection, ident, writer, 9, t + 5000).receipt != receipt


@pytest.mark.parametrize(
    ("function", "given"),
    [(pause_room, ()), (resume_room, ()), (grant_room, (60,)), (void_attempt, None), (reopen_attempt, None), (admit_late, None),
     (take_back_time, (None, 60))],
)
def test_nothing_is_done_without_a_reason_or_after_the_close(any_home, function, given):
    t = now_ms()
    (one,) = open_demo(any_home, 1)
    sit(any_home, one, t)
    where = ("demo", *given) if given is not None else (one.admission_no, *({reopen_attempt: (60,), admit_late: (t + 1,)}.get(function, ())))
    more = {"second": None} if function in (void_attempt, reopen_attempt, take_back_time) else {}
    more |= {"after": 0} if function is take_back_time else {}
    with pytest.raises(AttemptError, match="请写明"):
        act(any_home, function, *where, reason=" ", by="kaowu", now=t, **more)
    with transaction(any_home.exam) as connection:
        connection.execute(update(open_sitting).values(closed_at=t))
    before = limits(any_home)
    with pytest.raises(AttemptError, match="已经收卷"):
        act(any_home, function, *where, now=t, **more, **BY)
    with any_home.exam.connect() as connection:
        assert limits(any_home) == before
        assert connection.execute(select(func.count()).select_from(incident)).scalar_one() == 0


def test_a_note_waits_until_one_officer_has_seen_to_it(any_home):
    (one,) = open_demo(any_home, 1)
    number = act(any_home, note_by_staff, "demo", "wrong_person", "坐到 12 号", by="kaowu", now=1, admission_no=one.admission_no)
    act(any_home, note_by_staff, "demo", "unwell", "头晕", by="kaowu", now=2)
    with any_home.exam.connect() as connection:
        assert worklist(connection, "demo", incident_kinds())[0] == 1
        assert [line.detail for line in incidents_of(connection, "demo")] == ["坐到 12 号", "头晕"]
    assert [act(any_home, see_to, "demo", number, by="kaowu", now=3), act(any_home, see_to, "demo", number, by="li", now=4)] == [True, False]
    with any_home.exam.connect() as connection:
        assert worklist(connection, "demo", incident_kinds())[0] == 0
        assert incidents_of(connection, "demo")[0].handled_by == "kaowu"
    with pytest.raises(AttemptError, match="没有这条"):
        act(any_home, see_to, "other", number, by="kaowu", now=5)


def test_an_office_names_its_own_kinds(home_folder):
    own = home_folder.root / "templates" / "incidents.toml"
    own.parent.mkdir()
    own.write_text('[cheating]\ntitle = "作弊"\noffice = true\n', encoding="utf-8")
    assert {name: kind.title for name, kind in incident_kinds(home_folder).items()} == {"cheating": "作弊"}
