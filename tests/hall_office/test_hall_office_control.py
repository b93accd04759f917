"""Acts on the room and on one candidate by form: once, with a reason, by a second person where the profile wants one."""

from __future__ import annotations

import re
from contextlib import contextmanager

import pytest
from office_room import PASSWORD, Office, Person, field, import_people, new_sitting, notice, opened, people
from sqlalchemy import func, select, update
from test_hall_office_room import Seat, seats, write

from exams.decisions import needs_second
from exams.sittings import get_sitting
from exams.tables import attempt, candidate_event, entry, grant, incident, open_sitting, sitting
from home import AUDIT, EXAM, OFFICE, instant_of, local_text, now_ms, transaction, verify_audit
from people.accounts import add_account

ROOM = "/sittings/s-1/room"


def formal(office: Office) -> None:
    """The sitting counts: its profile says nothing of second persons, so that all four acts need one."""
    with transaction(office.home.office) as connection:
        connection.execute(update(sitting).where(sitting.c.id == "s-1").values(kind="formal"))


def two_at_work(office: Office, officer: Person) -> tuple[Seat, Seat]:
    """Both candidates of a formal sitting, answering."""
    opened(office, officer, n=2)
    formal(office)
    one, two = seats(office)
    write(office, one)
    write(office, two)
    return one, two


@contextmanager
def colleague(office: Office):
    """A second exam officer."""
    with transaction(office.home.office) as connection:
        add_account(connection, "li", "李考务", PASSWORD, ["exam_officer"], "test")
    with office.visitor() as person:
        person.log_in("li", PASSWORD)
        yield person


def path_of(seat: Seat) -> str:
    return f"/sittings/s-1/candidates/{seat.number}"


def states(office: Office) -> list[str]:
    with office.home.exam.connect() as connection:
        return list(connection.execute(select(attempt.c.state).order_by(attempt.c.entry_id)).scalars())


def approval_of(page: str) -> str:
    found = re.search(r'action="/approvals/(\d+)"', page)
    assert found, page[-900:]
    return f"/approvals/{found[1]}"


def test_a_room_is_paused_and_goes_on(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        opened(office, officer, n=3)
        limits = [write(office, seat) for seat in seats(office)[:2]]
        assert "涉及 <b>2</b> 名" in officer.page(f"{ROOM}/pause")
        assert "请填写" in officer.refused(f"{ROOM}/pause", reason=" ")
        assert "已全场暂停" in notice(officer.done(f"{ROOM}/pause", usual="停电"))
        assert "没有重复办理" in notice(other.done(f"{ROOM}/pause", reason="停电"))
        with transaction(office.home.exam) as connection:  # seven minutes pass
            connection.execute(update(open_sitting).values(paused_at=open_sitting.c.paused_at - 420_000))
            connection.execute(update(attempt).values(started_at=attempt.c.started_at - 500_000))
        assert "全场已暂停" in officer.page("/sittings/s-1/live")
        told = notice(officer.done(f"{ROOM}/resume", usual="已恢复正常"))
        assert "7 分" in told and "给 2 名" in told
        assert "没有重复办理" in notice(other.done(f"{ROOM}/resume", usual="已恢复正常"))
        with office.home.exam.connect() as connection:
            moved = connection.execute(select(attempt.c.limit_at).order_by(attempt.c.entry_id)).scalars().all()
            assert [round((new - old) / 60_000) for old, new in zip(limits, moved, strict=True)] == [7, 7]
            assert connection.execute(select(func.count()).select_from(grant)).scalar_one() == 2


def test_time_for_all_once(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        opened(office, officer, n=3)
        limits = [write(office, seat) for seat in seats(office)[:2]]
        seen = field(officer.page(f"{ROOM}/time"), "seen")
        assert "2 人各加时 10 分钟" in notice(officer.done(f"{ROOM}/time", minutes="10", seen=seen, reason="停电"))
        for person in (officer, other):
            assert "已经加过时" in person.refused(f"{ROOM}/time", minutes="10", seen=seen, reason="停电")
        with office.home.exam.connect() as connection:
            assert connection.execute(select(attempt.c.limit_at).order_by(attempt.c.entry_id)).scalars().all() == [n + 600_000 for n in limits]


def test_a_longer_window_leaves_started_papers_alone_unless_it_is_said(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=2)
        one, _two = seats(office)
        with office.home.exam.connect() as connection:
            closes = connection.execute(select(open_sitting.c.closes_at)).scalar_one()
        limit = write(office, one, closes - 30 * 60_000, limit_at=closes)  # of sixty minutes the window leaves thirty
        for wrong in ("2026-13-01 10:00", "x", "2000-01-01 09:00", local_text(closes)):
            assert officer.refused(f"{ROOM}/window", closes=wrong, reason="晚点")
        new = closes + 20 * 60_000
        officer.done(f"{ROOM}/window", closes=local_text(new, "%Y-%m-%dT%H:%M"), reason="晚点")
        assert limit_of(office) == limit
        newer = closes + 40 * 60_000
        officer.done(f"{ROOM}/window", closes=local_text(newer, "%Y-%m-%dT%H:%M"), started="yes", reason="晚点")
        with office.home.office.connect() as connection:
            assert get_sitting(connection, "s-1").closes_at == newer
        assert limit_of(office) == limit + 30 * 60_000, "the sixty minutes of the paper, no more"


def limit_of(office: Office) -> int:
    with office.home.exam.connect() as connection:
        return connection.execute(select(attempt.c.limit_at)).scalar_one()


def test_a_sitting_opened_by_mistake_is_withdrawn_before_the_first_start(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        opened(office, officer, n=2)
        formal(office)
        assert "要另一人批准" in officer.page(f"{ROOM}/withdraw")
        assert "待审批" in notice(officer.done(f"{ROOM}/withdraw", reason="试卷不对"))
        assert "已经提交" in officer.refused(f"{ROOM}/withdraw", reason="试卷不对"), "asked for once"
        asked = approval_of(other.page("/approvals"))
        assert "您是申请人" in officer.page("/approvals") and "不能审批自己" in officer.refused(asked, decision="grant")
        attempt_id = write(office, seats(office)[0]) and 1
        assert "已有 1 人开始" in other.refused(asked, decision="grant"), "granted and done together, or neither"
        with transaction(office.home.exam) as connection:
            connection.execute(attempt.delete().where(attempt.c.id == attempt_id))
        assert "已撤回" in notice(other.done(asked, decision="grant"))
        assert "本场已撤回" in officer.page("/sittings/s-1") and "已撤回" in officer.page("/")
        with office.home.exam.connect() as connection:
            assert connection.execute(select(open_sitting.c.closed_at)).scalar_one()
        for path in ("build", "open", "grade", "issue"):
            assert officer.post(f"/sittings/s-1/{path}").status_code in (422, 403)
        with office.home.office.connect() as connection:
            assert get_sitting(connection, "s-1").state == "withdrawn"


def test_a_draft_is_put_right(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        import_people(officer, "s-1", people(2))
        officer.done("/sittings/s-1/build")
        assert office.work() == [True]
        page = officer.page("/sittings/s-1/edit")
        assert field(page, "title") == "任前法律知识考试"
        day = local_text(now_ms(), "%Y-%m-%d")
        form = {"title": "第四季度考试", "place": "二楼", "opens": f"{day}T00:30", "closes": f"{day}T23:50"}
        for wrong in ({"title": " "}, {"closes": f"{day}T00:10"}, {"opens": "明天"}, {"place": "长" * 101}):
            assert officer.refused("/sittings/s-1/edit", **{**form, **wrong})
        assert "重新组卷" not in notice(officer.done("/sittings/s-1/edit", **form))
        with office.home.office.connect() as connection:
            known = get_sitting(connection, "s-1")
            assert (known.title, known.place, known.opens_at, known.paper_id is not None) == ("第四季度考试", "二楼", instant_of(f"{day} 00:30"), True)
        later = {"opens": "2027-03-01T09:00", "closes": "2027-03-01T10:30"}
        assert "重新组卷" in notice(officer.done("/sittings/s-1/edit", **{**form, **later}))
        with office.home.office.connect() as connection:
            assert get_sitting(connection, "s-1").paper_id is None, "the paper cites the law of the former day"
        opened_ = officer.refused("/sittings/s-1/open")
        assert "还没有组卷" in opened_


def test_pause_of_one(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=2)
        one, two = seats(office)
        limit = write(office, one)
        assert "没有正在进行" in officer.refused(f"{path_of(two)}/pause", reason="头晕")
        page = officer.done(f"{path_of(one)}/pause", reason="头晕")
        assert "已单独暂停" in page
        assert officer.get("/sittings/s-1/live.json").json()["counts"]["paused"] == 1
        with transaction(office.home.exam) as connection:
            connection.execute(update(attempt).values(paused_at=attempt.c.paused_at - 60_000))
        page = officer.done(f"{path_of(one)}/resume")
        assert "补回 1 分" in notice(page) and "暂停补时" in page
        assert "没有重复补" in notice(officer.done(f"{path_of(one)}/resume"))
        assert 60_000 <= limit_of(office) - limit <= 65_000


def test_misconduct_stops_at_once_and_ends_by_two(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        one, _ = two_at_work(office, officer)
        assert "请选择处理" in officer.refused(f"{path_of(one)}/void", kind="absent", reason="x")
        page = officer.done(f"{path_of(one)}/void", kind="misconduct", reason="查看手机", document_no="记录 1 号")
        assert "已先暂停" in notice(page) and states(office) == ["open", "open"]
        live = officer.get("/sittings/s-1/live.json").json()
        assert (live["counts"]["paused"], live["waiting"]) == (1, 1) and "等待另一人审批" in live["work"][0]["detail"]
        shown = other.page("/approvals")
        assert 'class="count-badge">1' in shown and "查看手机" in shown and "违纪（成绩无效）" in shown and "记录 1 号" in shown
        assert "已批准" in notice(other.done(approval_of(shown), decision="grant", note="属实"))
        assert states(office) == ["void", "open"]
        live = officer.get("/sittings/s-1/live.json").json()
        assert live["counts"]["void"] == 1 and live["counts"]["at_work"] == 1, "who is out does not count as writing"
        with office.home.office.connect() as connection:
            event = connection.execute(select(candidate_event)).one()
            assert (event.kind, event.reason, event.document_no, event.by) == ("misconduct", "查看手机", "记录 1 号", "exam-officer1")
            assert verify_audit(connection, OFFICE) is None
        with office.home.exam.connect() as connection:
            table = AUDIT[EXAM]
            payload = connection.execute(select(table.c.payload).where(table.c.action == "attempt.void")).scalar_one()
            assert '"second":"li"' in payload
        assert "属实" in other.page("/approvals")
        assert "先撤销登记" in officer.page(path_of(one))


def test_a_refused_end_leaves_the_candidate_paused_until_he_goes_on(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        opened(office, officer, n=1)
        formal(office)
        (one,) = seats(office)
        write(office, one)
        officer.done(f"{path_of(one)}/void", kind="misconduct", reason="疑似夹带")
        assert "不批准" in notice(other.done(approval_of(other.page("/approvals")), decision="refuse", note="查无实据"))
        assert states(office) == ["open"] and "恢复，如数补时" in officer.page(path_of(one))
        officer.done(f"{path_of(one)}/resume")
        with office.home.office.connect() as connection:
            assert connection.execute(select(func.count()).select_from(candidate_event)).scalar_one() == 0


def test_a_mock_needs_no_second_person(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        (one,) = seats(office)
        write(office, one, device="pc-1")
        assert "已终止" in notice(officer.done(f"{path_of(one)}/void", kind="void", reason="冒名"))
        assert states(office) == ["void"]
        page = officer.page(path_of(one))
        event = re.search(r"/event/(\d+)/revoke", page)[1]
        assert "先撤销登记" in officer.refused(f"{path_of(one)}/reopen", minutes="10", reason="弄错了")
        officer.done(f"{path_of(one)}/event/{event}/revoke", reason="核实为本人")
        page = officer.done(f"{path_of(one)}/reopen", minutes="10", reason="弄错了")
        assert "已恢复作答" in notice(page) and states(office) == ["open"]
        with office.home.exam.connect() as connection:
            assert connection.execute(select(entry.c.barred)).scalar_one() is False


def test_a_hand_in_by_mistake_is_taken_back_by_two(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        opened(office, officer, n=1)
        formal(office)
        (one,) = seats(office)
        now = now_ms()
        write(office, one, now - 600_000, state="closed", closed_at=now, closed_by="handin", limit_at=now + 1_800_000)
        page = officer.page(path_of(one))
        assert 'value="30"' in page and "恢复作答（提交审批）" in page, "what was left is offered"
        for wrong in ("0", "181", "x"):
            assert "1 至 180" in officer.refused(f"{path_of(one)}/reopen", minutes=wrong, reason="误点")
        assert "待审批" in notice(officer.done(f"{path_of(one)}/reopen", minutes="30", reason="误点交卷"))
        assert states(office) == ["closed"]
        assert "已恢复作答到" in notice(other.done(approval_of(other.page("/approvals")), decision="grant"))
        assert states(office) == ["open"] and "恢复过" not in other.page(path_of(one))


def test_a_late_candidate(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=2)
        one, two = seats(office)
        with transaction(office.home.exam) as connection:
            connection.execute(update(open_sitting).values(late_entry_minutes=0))
        page = officer.done(f"{path_of(one)}/late", minutes="15", reason="大雪，经主任同意")
        assert "前登录并开始" in notice(page) and "已准许在" in page
        write(office, two)
        assert "已经开始" in officer.refused(f"{path_of(two)}/late", minutes="15", reason="大雪")
        assert "准许" in next(line["note"] for line in officer.get("/sittings/s-1/live.json").json()["lines"] if line["admission_no"] == one.number)


def test_the_rooms_record(office: Office) -> None:
    with office.staff("exam_officer") as officer, office.staff("auditor") as auditor:
        opened(office, officer, n=1)
        (one,) = seats(office)
        assert "请选择" in officer.refused("/sittings/s-1/incidents", kind="grant", detail="x"), "what the system notes is not typed"
        officer.done("/sittings/s-1/incidents", kind="power_cut", detail="10:20 <b>停电</b>")
        page = officer.done(f"{path_of(one)}/note", kind="wrong_person", detail="坐到 3 号")
        assert "坐到 3 号" in page
        live = officer.page("/sittings/s-1/live")
        post = re.search(r'action="(/sittings/s-1/incidents/\d+)"', live)[1]
        assert "已处理" in notice(officer.done(post)) and "刚刚处理" in notice(officer.done(post))
        assert officer.post("/sittings/s-1/incidents/999").status_code == 422
        page = auditor.page("/sittings/s-1/incidents")
        assert "10:20 &lt;b&gt;停电" in page and "考务甲" in page
        with office.home.exam.connect() as connection:
            assert connection.execute(select(func.count()).select_from(incident)).scalar_one() == 2


@pytest.mark.parametrize("named, wanted", [(None, True), ((), False), (("void",), True), (("reopen",), False)])
def test_who_needs_a_second_person_is_a_value(office: Office, named, wanted) -> None:
    line = "" if named is None else f"\n[control]\nsecond_person = [{', '.join(repr(one) for one in named)}]\n".replace("'", '"')
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
    with transaction(office.home.office) as connection:
        text = connection.execute(select(sitting.c.profile)).scalar_one()
        connection.execute(update(sitting).values(profile=text + line, kind="formal"))
        assert needs_second(get_sitting(connection, "s-1"), "void") is wanted


def test_acts_find_no_closed_or_foreign_sitting(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        (one,) = seats(office)
        assert officer.get(f"{ROOM}/nonsense").status_code == 404
        with transaction(office.home.office) as connection:
            connection.execute(update(sitting).values(state="closed"))
        assert officer.get(f"{ROOM}/pause").status_code == 404
        for path in (f"{ROOM}/pause", f"{path_of(one)}/pause", f"{path_of(one)}/reopen", f"{path_of(one)}/late", f"{path_of(one)}/void"):
            assert "不在考试中" in officer.refused(path, reason="停电", minutes="5", usual="停电", kind="void"), path


def test_an_officer_whose_session_is_over_does_nothing_half(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        write(office, seats(office)[0])
        officer.client.cookies.clear()
        answer = officer.post(f"{ROOM}/pause", usual="停电")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?expired=1")
    with office.home.exam.connect() as connection:
        assert connection.execute(select(open_sitting.c.paused_at)).scalar_one() is None
        assert connection.execute(select(func.count()).select_from(incident)).scalar_one() == 0


def person_pages(person: Person) -> str:
    return person.page("/sittings/s-1/live")


def test_ten_thousand_are_a_page_at_a_time(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        with transaction(office.home.exam) as connection:
            row = {"sitting_id": "s-1", "name": "考生", "unit_label": "某局", "form": "A", "code_mac": "x", "failures": 0, "barred": False}
            connection.execute(entry.insert(), [{**row, "admission_no": f"99{n:06d}"} for n in range(10_000)])
        seen = officer.get("/sittings/s-1/live.json?page=3")
        assert (len(seen.json()["lines"]), seen.json()["fitting"], seen.json()["pages"]) == (50, 10_001, 201)
        assert len(seen.content) < 40_000 and len(person_pages(officer)) < 60_000
        last = officer.page("/sittings/s-1/live?page=201")
        assert "99009999" in last and "下一页" not in last and "第 201 页，共 201 页" in last
