"""The room: codes, live picture, more time, another computer, events; and that no number reaches into another sitting."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from office_room import Office, Person, import_people, new_sitting, notice, opened, people
from sqlalchemy import select, update

from exams.admission import code_fits
from exams.tables import attempt, candidate_event, entry, grant, session
from home import now_ms, transaction


@dataclass(frozen=True)
class Seat:
    number: str
    entry_id: int


def seats(office: Office, sitting: str = "s-1") -> list[Seat]:
    with office.home.exam.connect() as connection:
        rows = connection.execute(select(entry).where(entry.c.sitting_id == sitting).order_by(entry.c.admission_no)).all()
    return [Seat(row.admission_no, row.id) for row in rows]


def write(office: Office, seat: Seat, started: int | None = None, **more: object) -> int:
    """The candidate of this seat has started, as the hall writes it; returns the limit."""
    started = started or now_ms()
    row = {
        "entry_id": seat.entry_id, "sitting_id": "s-1", "form": "A", "display_order": "[]", "started_at": started,
        "limit_at": started + 3_600_000, "state": "open", "writer": 1, "last_seen_at": started, "device": "pc-1", **more,
    }  # fmt: skip
    with transaction(office.home.exam) as connection:
        connection.execute(attempt.insert().values(**row))
    return row["limit_at"]


def issue_number(officer: Person, path: str = "/sittings/s-1/slips") -> str:
    return re.search(r'name="issue" value="(\d+)"', officer.page(path))[1]


def codes_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'<dd class="code">(\d+)</dd>\s*<dt>考试码</dt><dd class="code">([0-9A-Z-]+)</dd>', page))


def fits(office: Office, number: str, code: str) -> bool:
    with office.home.exam.connect() as connection:
        mac = connection.execute(select(entry.c.code_mac).where(entry.c.admission_no == number)).scalar_one()
    return code_fits(office.home.key("code"), "s-1", number, code, mac)


def test_codes_are_shown_once_and_a_reload_makes_none(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=4)
        number = issue_number(officer)
        assert "勾选" in officer.refused("/sittings/s-1/slips", issue=number)
        sheet = officer.post("/sittings/s-1/slips", agreed="yes", issue=number)
        codes = codes_of(sheet.text)
        assert len(codes) == 4 and all(fits(office, *one) for one in codes.items())
        assert sheet.headers["cache-control"] == "no-store"
        assert "刷新过" in officer.refused("/sittings/s-1/slips", agreed="yes", issue=number)
        assert all(fits(office, *one) for one in codes.items()), "what was printed still holds"
        stored = "".join(officer.page(f"/sittings/s-1/{name}") for name in ("slips", "live", "roster"))
        assert not any(code in stored for code in codes.values())
        again = codes_of(officer.post("/sittings/s-1/slips", agreed="yes", issue=issue_number(officer)).text)
        assert len(again) == 4 and not any(fits(office, *one) for one in codes.items())


def test_who_has_started_or_is_out_gets_no_slip(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=4)
        first, second, *_ = seats(office)
        write(office, first)
        officer.done(f"/sittings/s-1/candidates/{second.number}/event", kind="deferred", reason="住院", document_no="证明 3 号")
        sheet = officer.post("/sittings/s-1/slips", agreed="yes", issue=issue_number(officer))
        assert set(codes_of(sheet.text)) == {seat.number for seat in seats(office)[2:]}


def test_one_new_code_for_one_candidate(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=3)
        codes = codes_of(officer.post("/sittings/s-1/slips", agreed="yes", issue=issue_number(officer)).text)
        one, *others = codes
        path = f"/sittings/s-1/candidates/{one}"
        fresh = codes_of(officer.post(f"{path}/slip", issue=issue_number(officer, path)).text)
        assert set(fresh) == {one} and fits(office, one, fresh[one]) and not fits(office, one, codes[one])
        assert all(fits(office, number, codes[number]) for number in others)


def test_codes_only_while_open(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        import_people(officer, "s-1", people(2))
        assert "开考后才能打印" in officer.page("/sittings/s-1/slips")
        assert "开考后才能打印" in officer.refused("/sittings/s-1/slips", agreed="yes", issue="0")


def test_the_live_picture(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer, "s-2")
        assert officer.get("/sittings/s-2/live.json").json() == {"open": False}
        assert "还没有开考" in officer.page("/sittings/s-2/live")
        opened(office, officer, n=9)
        here, now = seats(office), now_ms()
        write(office, here[0])
        write(office, here[1], now - 100_000, last_seen_at=now)
        write(office, here[7], now - 600_000, unsaved=3, unsaved_since=now - 65_000)
        write(office, here[2], state="closed", closed_at=now, closed_by="handin")
        write(office, here[3], state="closed", closed_at=now, closed_by="time")
        write(office, here[4], state="closed", closed_at=now, closed_by="officer")
        officer.done(f"/sittings/s-1/candidates/{here[5].number}/event", kind="absent", reason="未到")
        officer.done(f"/sittings/s-1/candidates/{here[6].number}/event", kind="exempt:approved_by_authority", reason="平级转任", document_no="1 号")
        seen = officer.get("/sittings/s-1/live.json").json()
        once = ("writing", "quiet", "lost", "handed_in", "timed_out", "closed", "barred", "unsaved")
        assert {name: n for name, n in seen["counts"].items() if n} == {**dict.fromkeys(once, 1), "not_started": 2, "at_work": 3}
        page = officer.page("/sittings/s-1/live")
        for line in seen["lines"]:
            assert line["admission_no"] in page and line["name"] in page
        (lost,) = officer.get("/sittings/s-1/live.json?state=unsaved").json()["lines"]
        assert (lost["state"], lost["unsaved"]) == ("lost", "3 题，已 1 分 05 秒") and lost["unsaved"] in page
        assert [line["note"] for line in seen["lines"] if line["state"] == "not_started"] == ["缺考", ""]
        assert officer.get("/sittings/s-1/live.json?q=%25").json()["fitting"] == 0, "a search text is no pattern"
        found = officer.get(f"/sittings/s-1/live.json?q={here[3].number}&state=nonsense&page=x").json()
        assert [line["admission_no"] for line in found["lines"]] == [here[3].number]


def test_more_time_for_one(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=2)
        one, other = seats(office)
        path = f"/sittings/s-1/candidates/{one.number}"
        assert "没有正在进行的作答" in officer.refused(f"{path}/time", minutes="5", reason="电脑故障", seen="0")
        limits = [write(office, one), write(office, other)]
        for minutes in ("0", "-5", "181", "5.5", "", "９" * 20, "1e9"):
            assert "1 至 180" in officer.refused(f"{path}/time", minutes=minutes, reason="电脑故障", seen="0")
        assert "请填写" in officer.refused(f"{path}/time", minutes="5", reason="  ", seen="0")
        assert "过长" in officer.refused(f"{path}/time", minutes="5", reason="长" * 501, seen="0")
        page = officer.done(f"{path}/time", minutes="5", reason="电脑故障，耽误 5 分钟", seen="0")
        assert "已经加过时" in officer.refused(f"{path}/time", minutes="5", reason="电脑故障，耽误 5 分钟", seen="0"), "the second click"
        assert "加时 5 分钟" in notice(page) and "电脑故障，耽误 5 分钟" in page
        with office.home.exam.connect() as connection:
            now_limits = connection.execute(select(attempt.c.limit_at).order_by(attempt.c.entry_id)).scalars().all()
            rows = connection.execute(select(grant)).all()
        assert now_limits == [limits[0] + 300_000, limits[1]] and len(rows) == 1 and rows[0].by == "exam-officer1"


def test_another_computer(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        one = seats(office)[0]
        write(office, one)
        with transaction(office.home.exam) as connection:
            connection.execute(session.insert().values(token_digest="d", entry_id=one.entry_id, csrf="c", created_at=0))
        page = officer.done(f"/sittings/s-1/candidates/{one.number}/release", reason="12 号机死机")
        assert "另一台电脑" in notice(page) and "12 号机死机" in page
        with office.home.exam.connect() as connection:
            assert connection.execute(select(attempt.c.device)).scalar() is None
            assert connection.execute(select(session.c.ended_at)).scalar() is not None


def test_events_reach_the_hall_and_can_be_revoked(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=2)
        one = seats(office)[0]
        path = f"/sittings/s-1/candidates/{one.number}"

        def barred() -> bool:
            with office.home.exam.connect() as connection:
                return connection.execute(select(entry.c.barred).where(entry.c.id == one.entry_id)).scalar_one()

        assert "文号" in officer.refused(f"{path}/event", kind="deferred", reason="住院")
        assert "请选择" in officer.refused(f"{path}/event", kind="none", reason="住院")
        assert "请填写" in officer.refused(f"{path}/event", kind="misconduct", reason="")
        assert "过长" in officer.refused(f"{path}/event", kind="misconduct", reason="x", document_no="长" * 101)
        assert not barred()
        page = officer.done(f"{path}/event", kind="misconduct", reason="携带<b>手机</b>", document_no="监考记录 2 号")
        assert barred() and "携带&lt;b&gt;手机" in page
        event = re.search(r"/event/(\d+)/revoke", page)[1]
        assert "请填写" in officer.refused(f"{path}/event/{event}/revoke", reason="")
        page = officer.done(f"{path}/event/{event}/revoke", reason="查无此事")
        assert not barred() and "已撤销" in page and "携带" in page, "what was entered stays on file"
        assert "已撤销" in officer.refused(f"{path}/event/{event}/revoke", reason="再撤一次")


def test_no_number_reaches_another_sitting_or_person(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=2)
        new_sitting(officer, "s-2")
        import_people(officer, "s-2", people(2, 50))
        mine, other = seats(office)
        page = officer.done(f"/sittings/s-1/candidates/{mine.number}/event", kind="void", reason="不符合条件")
        event = re.search(r"/event/(\d+)/revoke", page)[1]
        for path in (f"/sittings/s-2/candidates/{mine.number}", "/sittings/s-1/candidates/1", f"/sittings/s-1/candidates/{mine.number} "):
            assert officer.get(path).status_code == 404, path
        for path, form in (
            (f"/sittings/s-2/candidates/{mine.number}/event", {"kind": "void", "reason": "x"}),
            (f"/sittings/s-2/candidates/{mine.number}/remove", {}),
            (f"/sittings/s-2/candidates/{mine.number}/event/{event}/revoke", {"reason": "x"}),
            (f"/sittings/s-1/candidates/{other.number}/event/{event}/revoke", {"reason": "x"}),
            (f"/sittings/s-1/candidates/{mine.number}/event/{'9' * 30}/revoke", {"reason": "x"}),
            (f"/sittings/s-1/candidates/{mine.number}/event/-1/revoke", {"reason": "x"}),
            (f"/sittings/s-2/candidates/{mine.number}/slip", {"issue": "0"}),
        ):
            assert officer.post(path, **form).status_code == 404, path
        with office.home.office.connect() as connection:
            assert connection.execute(select(candidate_event.c.revoked_at)).scalars().all() == [None]


@pytest.mark.parametrize("path, told", [("build", "开考后不能"), ("open", "已经开考"), ("grade", "还没有收卷"), ("roster/upload", "开考前修改")])
def test_what_an_open_sitting_does_not_do(office: Office, path: str, told: str) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=1)
        assert told in officer.refused(f"/sittings/s-1/{path}")


def test_order_of_things_before_the_bell(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        assert officer.get("/sittings/s-1/close").status_code == 404
        assert "不在考试中" in officer.refused("/sittings/s-1/close", word="收卷")
        assert "还没有组卷" in officer.refused("/sittings/s-1/open")
        officer.done("/sittings/s-1/build")
        assert "正在进行" in officer.refused("/sittings/s-1/build"), "the same job is not asked for twice"
        assert office.work() == [True]
        officer.done("/sittings/s-1/open")
        assert office.work() == [False], "no candidates"
        assert "名单为空" in officer.page("/sittings/s-1")
        with office.home.office.begin() as connection:
            connection.exec_driver_sql("UPDATE sitting SET closes_at = 1")
        assert "考试时间已过" in officer.refused("/sittings/s-1/open")


def test_a_job_that_nobody_takes_up_is_told(office: Office) -> None:
    from grading.tables import job

    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        officer.done("/sittings/s-1/build")
        stuck = '<div class="job-stuck notice bad" hidden>'
        assert stuck in officer.page("/sittings/s-1")
        with transaction(office.home.office) as connection:
            connection.execute(update(job).values(asked_at=now_ms() - 60_000))
        assert stuck not in officer.page("/sittings/s-1") and "后台程序没有响应" in officer.page("/jobs")
        assert list(officer.get("/jobs.json").json().values()) == [["waiting", 0, True]]
