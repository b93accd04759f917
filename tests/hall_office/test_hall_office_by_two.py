"""What changes a result takes two: misconduct entered or taken back afterwards, time taken back; a request can be withdrawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from office_room import Office, notice, opened
from sqlalchemy import event, select, update
from test_hall_office_control import ROOM, approval_of, colleague, formal, path_of, states, two_at_work
from test_hall_office_room import Seat, seats, write

from exams import policy
from exams.control import grant_time, pause_one
from exams.events import record_event
from exams.sheets import SHEETS
from exams.sittings import get_sitting
from exams.tables import attempt, candidate, candidate_event, entry, sitting
from home import EXAM, OFFICE, now_ms, transaction, verify_audit
from people.approvals import ask
from people.tables import approval, document

PDF = b"%PDF-1.7 decision"
MINUTE = 60_000
SHIPPED = Path(policy.__file__).with_name("profiles")


def limits(office: Office) -> list[int]:
    with office.home.exam.connect() as connection:
        return list(connection.execute(select(attempt.c.limit_at).order_by(attempt.c.entry_id)).scalars())


def events(office: Office) -> list[tuple[str, bool, int | None]]:
    with office.home.office.connect() as connection:
        rows = connection.execute(select(candidate_event).order_by(candidate_event.c.id)).all()
    return [(row.kind, row.revoked_at is not None, row.document_id) for row in rows]


def barred(office: Office, seat: Seat) -> bool:
    with office.home.exam.connect() as connection:
        return bool(connection.execute(select(entry.c.barred).where(entry.c.admission_no == seat.number)).scalar_one())


def audits_hold(office: Office) -> None:
    for engine, metadata in ((office.home.office, OFFICE), (office.home.exam, EXAM)):
        with engine.connect() as connection:
            assert verify_audit(connection, metadata) is None


# ------------------------------------------------------------------ misconduct after the exam, and taking it back


def test_misconduct_found_afterwards_is_entered_and_taken_back_by_two(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other, office.staff("hr") as hr:
        one, two = two_at_work(office, officer)
        with transaction(office.home.office) as connection:
            connection.execute(update(sitting).values(state="closed"))
        path = f"/sittings/s-1/records/{one.number}"
        sent = {"attachment": ("决定.pdf", PDF, "application/pdf")}
        page = hr.done(f"{path}/event", sent, kind="misconduct", reason="录像证实抄袭", document_no="纪〔2026〕3 号")
        assert "已提交申请" in notice(page) and "正等另一人审批" in page and events(office) == [], "asked for, not done"
        assert "正等另一人审批" in hr.refused_with(f"{path}/event", sent, kind="void", reason="录像证实抄袭"), "one decision at a time"
        shown = other.page("/approvals")
        link = re.search(r'href="(/approvals/\d+/document)"', shown)[1]
        assert other.get(link).content == PDF and "纪〔2026〕3 号" in shown
        assert "已登记：违纪" in notice(other.done(approval_of(shown), decision="grant"))
        assert other.get(link).status_code == 404, "what is decided is the record's matter"
        ((kind, revoked, filed),) = [one for one in events(office) if not one[1]][:1]
        assert (kind, revoked) == ("misconduct", False) and filed and barred(office, one) and not barred(office, two)
        number = re.search(r"/event/(\d+)/revoke", hr.page(path))[1]
        assert "撤销（提交审批）" in hr.page(path)
        assert "已提交申请" in notice(hr.done(f"{path}/event/{number}/revoke", reason="认错了人"))
        assert events(office)[0][1] is False
        shown = officer.page("/approvals")
        assert "录像证实抄袭" in shown and "认错了人" in shown, "what is taken back is shown"
        assert "已撤销该条登记" in notice(officer.done(approval_of(shown), decision="grant"))
        assert events(office)[0][1] is True and not barred(office, one)
    audits_hold(office)


def test_what_cannot_be_entered_is_not_asked_for(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        one, _ = two_at_work(office, officer)
        assert "没有这一级处理" in officer.refused(f"{path_of(one)}/void", kind="void:none", reason="冒名")
        with transaction(office.home.office) as connection:
            connection.execute(update(sitting).values(state="closed"))
        sent = {"attachment": ("决定.pdf", PDF, "application/pdf")}
        assert "没有这一级处理" in officer.refused_with(f"{path_of(one)}/event", sent, kind="void:none", reason="冒名")
        assert "没有等待审批" in officer.page("/approvals")
        with office.home.office.connect() as connection:
            assert connection.execute(select(document)).all() == []
    assert list((office.home.secret / "documents").glob("*")) == []


def test_whoever_has_no_paper_is_kept_out_by_one(office: Office) -> None:
    """At the door there is no time for two, and no result that could change."""
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        formal(office)
        (one,) = seats(office)
        assert "已登记：取消资格" in notice(officer.done(f"{path_of(one)}/event", kind="void", reason="冒名"))
        assert barred(office, one)
        number = re.search(r"/event/(\d+)/revoke", officer.page(path_of(one)))[1]
        officer.done(f"{path_of(one)}/event/{number}/revoke", reason="核实为本人")
        assert not barred(office, one)


@pytest.mark.parametrize("kind", ["deferred", "exempt:approved_by_authority"])
def test_whoever_has_begun_is_not_let_off_by_one(office: Office, kind: str) -> None:
    """A deferral or an exemption takes the place of the marks: entered before the scripts are collected it would save a bad paper."""
    with office.staff("exam_officer") as officer, colleague(office) as other:
        one, _ = two_at_work(office, officer)
        sent = {"attachment": ("批件.pdf", PDF, "application/pdf")}
        page = officer.done(f"{path_of(one)}/event", sent, kind=kind, reason="突发疾病", document_no="批〔2026〕3 号")
        assert "已提交申请" in notice(page) and events(office) == [] and not barred(office, one)
        shown = other.page("/approvals")
        assert ("缓考" if kind == "deferred" else "免试") in shown and "批〔2026〕3 号" in shown
        assert "已登记" in notice(other.done(approval_of(shown), decision="grant")) and barred(office, one)
        number = re.search(r"/event/(\d+)/revoke", officer.page(path_of(one)))[1]
        assert "撤销（提交审批）" in officer.page(path_of(one))
        assert "已提交申请" in notice(officer.done(f"{path_of(one)}/event/{number}/revoke", reason="批件有误")) and barred(office, one)


@pytest.mark.parametrize("state", ["closed", "marked"])
def test_after_the_exam_it_takes_two_also_without_a_paper_in_the_hall(office: Office, state: str) -> None:
    """Paper sheets are not typed in yet, and an absence has its result too."""
    with office.staff("exam_officer") as officer, office.staff("hr") as hr:
        opened(office, officer, n=1)
        formal(office)
        with transaction(office.home.office) as connection:
            connection.execute(update(sitting).values(state=state))
        (one,) = seats(office)
        assert "已提交申请" in notice(hr.done(f"/sittings/s-1/records/{one.number}/event", kind="void", reason="冒名"))
        assert events(office) == []
        assert "已登记：缓考" in notice(hr.done(f"/sittings/s-1/records/{one.number}/event", kind="deferred", reason="住院", document_no="1"))


def test_the_step_that_is_asked_for_is_shown_to_whoever_decides(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        one, _ = two_at_work(office, officer)
        with transaction(office.home.office) as connection:
            connection.execute(update(sitting).values(profile=(SHIPPED / "county_npc.toml").read_text(encoding="utf-8")))
        value = re.search(r'value="(void:[^"]+)"', officer.page(path_of(one)))[1]
        officer.done(f"{path_of(one)}/void", kind=value, reason="冒名")
        shown = other.page("/approvals")
        assert "取消本次考试资格，记录五年" in shown and "不得补考" in shown and "60 个月" in shown


def test_one_decision_about_the_end_of_an_attempt_at_a_time(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        one, _ = two_at_work(office, officer)
        officer.done(f"{path_of(one)}/void", kind="misconduct", reason="传递纸条")
        assert "正等另一人审批" in other.refused(f"{path_of(one)}/void", kind="void", reason="冒名")
        assert officer.page("/approvals").count("终止作答") == 1


def test_a_heavier_end_than_what_stands_is_entered(office: Office) -> None:
    """What the second person agreed to is what is on record, though something lighter stands already."""
    with office.staff("exam_officer") as officer, colleague(office) as other:
        one, _ = two_at_work(office, officer)
        with transaction(office.home.office) as connection:
            person = connection.execute(select(candidate.c.person_id).where(candidate.c.admission_no == one.number)).scalar_one()
            record_event(connection, "s-1", person, "misconduct", by="test", reason="x")
        officer.done(f"{path_of(one)}/void", kind="void", reason="冒名")
        other.done(approval_of(other.page("/approvals")), decision="grant")
        assert [kind for kind, *_ in events(office)] == ["misconduct", "void"] and states(office)[0] == "void"


def test_the_paper_of_a_request_that_ran_out_is_not_handed_out(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        one, _ = two_at_work(office, officer)
        with transaction(office.home.office) as connection:
            connection.execute(update(sitting).values(state="closed"))
        sent = {"attachment": ("决定.pdf", PDF, "application/pdf")}
        officer.done(f"{path_of(one)}/event", sent, kind="misconduct", reason="录像证实抄袭")
        link = re.search(r'href="(/approvals/\d+/document)"', other.page("/approvals"))[1]
        assert other.get(link).status_code == 200
        with transaction(office.home.office) as connection:
            connection.execute(update(approval).values(expires_at=now_ms() - 1))
        assert other.get(link).status_code == 404 and link not in other.page("/approvals")


def test_whoever_writes_on_paper_has_a_paper_too(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=2)
        formal(office)
        one, two = seats(office)
        officer.done("/sittings/s-1/paper/register", numbers=one.number, reason="停电")
        for seat, says in ((one, "已提交申请"), (two, "已登记：取消资格")):
            assert says in notice(officer.done(f"{path_of(seat)}/event", kind="void", reason="冒名"))
        assert events(office) == [("void", False, None)]


# ------------------------------------------------------------------ a request thought better of


def test_whoever_waits_for_a_decision_does_not_go_on_until_it_is_withdrawn(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        one, _ = two_at_work(office, officer)
        officer.done(f"{path_of(one)}/void", kind="misconduct", reason="点错了人")
        for person in (officer, other):
            assert "批准或不批准以前不能恢复" in person.page(path_of(one))
            assert "正等另一人审批" in person.refused(f"{path_of(one)}/resume")
        request = approval_of(officer.page("/approvals").replace("/take-back", ""))
        assert "不是您申请的" in other.refused(f"{request}/take-back")
        assert "已撤回申请" in notice(officer.done(f"{request}/take-back"))
        assert "还暂停着" in officer.page("/sittings/s-1/live"), "it is on the worklist"
        assert "申请人撤回" in other.page("/approvals") and "已有人审批" in other.refused(request, decision="grant")
        assert "已恢复" in notice(officer.done(f"{path_of(one)}/resume")) and states(office) == ["open", "open"]
    audits_hold(office)


def test_whoever_goes_on_in_the_moment_in_which_the_end_is_asked_for_does_not(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        one, _ = two_at_work(office, officer)
        officer.done(f"{path_of(one)}/pause", reason="核实")

        done: list[str] = []

        @event.listens_for(office.home.exam, "before_cursor_execute")
        def asks(_connection, _cursor, statement: str, *_) -> None:
            if statement.startswith("UPDATE attempt") and not done:
                done.append(statement)
                with transaction(office.home.office) as connection:
                    ask(connection, "attempt.void", one.number, by="li", reason="冒名", sitting="s-1")

        assert "正等另一人审批" in officer.refused(f"{path_of(one)}/resume")
    with office.home.exam.connect() as connection:
        assert connection.execute(select(attempt.c.paused_at).order_by(attempt.c.entry_id)).scalars().first() is not None


# ------------------------------------------------------------------ time


def test_time_given_by_mistake_is_taken_back_by_two(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        one, _ = two_at_work(office, officer)
        before = limits(office)
        assert "加错了" not in officer.page(path_of(one)), "there is nothing to take back"
        seen = re.search(r'name="seen" value="(\d+)"', officer.page(path_of(one)))[1]
        page = officer.done(f"{path_of(one)}/time", minutes="60", seen=seen, reason="死机，应为 6 分钟")
        seen = re.search(r'name="seen" value="(\d+)"', page)[1]
        assert "加错了，收回" in page
        assert "已提交申请" in notice(officer.done(f"{path_of(one)}/time/back", minutes="54", seen=seen, reason="多按了 0"))
        assert limits(office) == [before[0] + 60 * MINUTE, before[1]]
        shown = other.page("/approvals")
        assert "54 分 00 秒" in shown
        assert "已从 1 人收回" in notice(other.done(approval_of(shown), decision="grant"))
        assert limits(office) == [before[0] + 6 * MINUTE, before[1]]
        page = officer.page(path_of(one))
        assert "收回加时 54 分 00 秒" in page and "多按了 0（李考务 批准）" in page
        assert "申请以后又加过时" not in page
    audits_hold(office)


def test_time_for_the_room_is_taken_back_only_from_whom_it_was_given(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=3)
        one, two, late = seats(office)
        now = now_ms()
        write(office, one, now, limit_at=now + 30 * MINUTE)
        write(office, two, now, limit_at=now + 30 * MINUTE)
        before = limits(office)
        seen = re.search(r'name="seen" value="(\d+)"', officer.page(f"{ROOM}/time"))[1]
        assert "没有可以收回" in officer.refused(f"{ROOM}/take_time", minutes="5", seen=seen, reason="没加过")
        officer.done(f"{ROOM}/time", minutes="50", seen=seen, reason="停电")
        write(office, late, now, limit_at=now + 30 * MINUTE)
        assert "又加过时" in officer.refused(f"{ROOM}/take_time", minutes="45", seen=seen, reason="应为 5 分钟"), "an old page"
        page = officer.page(f"{ROOM}/take_time")
        seen = re.search(r'name="seen" value="(\d+)"', page)[1]
        assert "2 人收回" in notice(officer.done(f"{ROOM}/take_time", minutes="45", seen=seen, reason="应为 5 分钟"))
        assert limits(office) == [before[0] + 5 * MINUTE, before[1] + 5 * MINUTE, now + 30 * MINUTE]
        assert "又加过时" in officer.refused(f"{ROOM}/take_time", minutes="45", seen=seen, reason="应为 5 分钟"), "a second click"
        seen = re.search(r'name="seen" value="(\d+)"', officer.page(path_of(one)))[1]
        officer.done(f"{path_of(one)}/time/back", minutes="5", seen=seen, reason="他不用加")
        with transaction(office.home.exam) as connection:
            connection.execute(update(attempt).values(state="closed", closed_at=now, closed_by="officer"))
        with office.home.office.connect() as connection:
            known = get_sitting(connection, "s-1")
        assert SHEETS["closing"].data(office.home, known, now_ms())["extra"] == 1, "what was taken back was not given"


@pytest.mark.parametrize("paused_min", [0, 20])
def test_five_minutes_are_left_also_to_whoever_stands(office: Office, paused_min: int) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        (one,) = seats(office)
        now = now_ms()
        write(office, one, now - 60 * MINUTE, limit_at=now + 2 * MINUTE)
        with transaction(office.home.exam) as connection:
            grant_time(connection, one.number, 60 * 60, reason="x", by="test", now=now)
            if paused_min:
                pause_one(connection, one.number, reason="x", by="test", now=now - paused_min * MINUTE)
        seen = re.search(r'name="seen" value="(\d+)"', officer.page(path_of(one)))[1]
        officer.done(f"{path_of(one)}/time/back", minutes="60", seen=seen, reason="加错")
        (limit,) = limits(office)
        stood = now - paused_min * MINUTE
        assert stood + 5 * MINUTE <= limit <= max(now_ms() - paused_min * MINUTE + 5 * MINUTE + 1000, now + 2 * MINUTE)
        if paused_min == 0:
            assert "没有可以收回" in officer.refused(
                f"{path_of(one)}/time/back", minutes="1", seen=re.search(r'name="seen" value="(\d+)"', officer.page(path_of(one)))[1], reason="再收"
            )
