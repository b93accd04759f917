"""What a hurried officer sees after the act: what is still to be done, nothing untrue, and no slip that cannot be taken back."""

from __future__ import annotations

import re

from office_room import Office, notice, opened
from sqlalchemy import select
from test_hall_office_control import ROOM, approval_of, colleague, formal, path_of, states, two_at_work
from test_hall_office_room import seats, write

from exams.tables import sitting
from grading.errors import RecordError
from grading.records import issue_records
from home import local_text, now_ms


def test_a_refused_end_says_that_the_candidate_is_still_stopped(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        one, two = two_at_work(office, officer)
        officer.done(f"{path_of(one)}/void", kind="misconduct", reason="疑似夹带")
        assert "还暂停着" in notice(other.done(approval_of(other.page("/approvals")), decision="refuse"))
        (work,) = officer.get("/sittings/s-1/live.json").json()["work"]
        assert "没有批准" in work["detail"] and "恢复" in work["detail"], "and what waited for the decision does not wait any more"
        officer.done(f"{path_of(one)}/resume")
        officer.done(f"{path_of(two)}/void", kind="misconduct", reason="夹带")
        other.done(approval_of(other.page("/approvals")), decision="grant")
        assert [line["detail"] for line in officer.get("/sittings/s-1/live.json").json()["work"]] == [work["detail"]]


def test_a_request_names_the_sitting_and_the_minutes(office: Office) -> None:
    with office.staff("exam_officer") as officer, colleague(office) as other:
        opened(office, officer, n=1)
        formal(office)
        (one,) = seats(office)
        write(office, one, state="closed", closed_at=now_ms(), closed_by="handin")
        officer.done(f"{path_of(one)}/reopen", minutes="20", reason="误点交卷")
        page = other.page("/approvals")
        assert "任前法律知识考试（s-1）" in page and "20 分 00 秒" in page and "1200" not in page


def test_who_was_ended_by_mistake_is_not_issued_as_an_absentee(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=2)
        one, _absent = seats(office)
        write(office, one)
        page = officer.done(f"{path_of(one)}/void", kind="void", reason="冒名")
        event = re.search(r"/event/(\d+)/revoke", page)[1]
        told = notice(officer.done(f"{path_of(one)}/event/{event}/revoke", reason="核实为本人"))
        assert "仍是终止状态" in told and "恢复作答" in told
        officer.done("/sittings/s-1/close", word="收卷")
        office.work()
        try:
            issue_records(office.home, "s-1", "hr1")
        except RecordError as refused:
            assert one.number in str(refused) and "误记为缺考" in str(refused)
        else:
            raise AssertionError("issued")
        officer.done(f"{path_of(one)}/event", kind="deferred", reason="误办终止，另行安排", document_no="会议纪要 1 号")
        assert dict(issue_records(office.home, "s-1", "hr1").outcomes) == {"deferred": 1, "absent": 1}


def test_a_slip_in_the_date_does_not_keep_the_room_open_for_a_day(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        with office.home.office.connect() as connection:
            closes = connection.execute(select(sitting.c.closes_at)).scalar_one()
        told = officer.refused(f"{ROOM}/window", closes=local_text(closes + 86_400_000, "%Y-%m-%dT%H:%M"), reason="停电")
        assert "填错" in told and "最多延长 3 小时" in told


def test_a_sitting_that_has_begun_offers_no_taking_back(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        assert "撤回本场" in officer.page("/sittings/s-1")
        write(office, seats(office)[0])
        assert "撤回本场" not in officer.page("/sittings/s-1") and states(office) == ["open"]


def test_the_room_knows_people_by_name(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        (one,) = seats(office)
        write(office, one)
        officer.done(f"{path_of(one)}/time", minutes="5", reason="电脑故障", seen="0")
        officer.done(f"{path_of(one)}/event", kind="misconduct", reason="夹带")
        for page in (officer.page(path_of(one)), officer.page("/sittings/s-1/incidents")):
            assert "考务甲" in page.partition("<main")[2] and "exam-officer1" not in page


def test_one_person_alone_does_not_put_out_whoever_has_begun(office: Office) -> None:
    with office.staff("exam_officer") as officer, office.staff("hr") as hr:
        opened(office, officer, n=2)
        formal(office)
        one, due = seats(office)
        write(office, one)
        for who, path in ((officer, path_of(one)), (hr, f"/sittings/s-1/records/{one.number}")):
            assert "要另一人批准" in who.refused(f"{path}/event", kind="misconduct", reason="夹带")
        assert 'value="absent"' in officer.page(path_of(one)).partition('id="events"')[2]
        assert "misconduct" not in officer.page(path_of(one)).partition('id="events"')[2]
        told = notice(officer.done(f"{path_of(due)}/event", kind="void", reason="冒名，没有进场"))
        assert "已经签发" not in told, "nothing was issued yet"
