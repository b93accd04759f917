"""Blind marking: nothing tells who wrote, nothing typed does harm, two markers do not overwrite each other."""

from __future__ import annotations

import re

import pytest
from grading_fixture import NAMES, RIGHT, add_script, make_sitting
from office_room import PASSWORD, Office, field, notice
from sqlalchemy import select, update

from grading.marks import mark_sitting
from grading.tables import mark
from home import AUDIT, OFFICE, transaction
from people.accounts import add_account
from people.tables import account

QUEUE = "/sittings/s1/marking/q006/item-q006"
HOSTILE = "</div><script>alert(1)</script><img src=x onerror=alert(1)>\n{{ 7*7 }} ${7*7} javascript:alert(1)"


def to_mark(office: Office, n: int = 3, answer: str = "应当召开村民会议讨论决定。") -> list[int]:
    persons = make_sitting(office.home, "s1", people=n)
    for who in persons:
        add_script(office.home, "s1", who, {**RIGHT, "q006": answer})
    mark_sitting(office.home, "s1", "test")
    return persons


def given(office: Office) -> list[tuple[str | None, str]]:
    with office.home.office.connect() as connection:
        query = select(mark.c.points, mark.c.by).where(mark.c.question == "q006").order_by(mark.c.person_id)
        return [tuple(row) for row in connection.execute(query)]


def give(person, page: str, points: str, **more: str):
    form = {"who": field(page, "who"), "state": field(page, "state"), "points": points, "comment": "", **more}
    return person.post(QUEUE, **form)


def test_marking_to_the_end(office: Office) -> None:
    to_mark(office)
    with office.staff("marker") as marker:
        assert "还有 <b>3</b> 处" in marker.page("/sittings/s1")
        page = marker.page("/sittings/s1/marking")
        assert QUEUE in page
        page = marker.page(QUEUE)
        for n, points in enumerate(("24.5", "0", "30")):
            assert f"还有 <b>{3 - n}</b> 份没评" in page
            answer = give(marker, page, points, comment=f"第{n}份")
            assert answer.status_code == 303
            page = marker.page(answer.headers["location"])
        assert "已全部评完" in notice(page)
    assert given(office) == [("49/2", "marker1"), ("0", "marker1"), ("30", "marker1")]
    with office.staff("hr") as hr:
        assert "下一步：签发成绩" in hr.page("/sittings/s1")


def test_nothing_tells_who_wrote(office: Office) -> None:
    to_mark(office, n=8)
    with office.staff("marker") as marker:
        pages = [marker.page(path) for path in ("/", "/sittings/s1", "/sittings/s1/marking", QUEUE, f"{QUEUE}?who=cs1000000000003", "/jobs")]
        for page in pages:
            for word in (*NAMES, "某某街道办事处", "340221", "+副主任", "26111", 'value="1"'):
                assert word not in page, word
        for path in ("roster", "live", "live.json", "records", "candidates/26111000001", "slips"):
            assert marker.get(f"/sittings/s1/{path}").status_code == 403


def test_a_hostile_answer_is_a_text(office: Office) -> None:
    to_mark(office, n=1, answer=HOSTILE)
    with office.staff("marker") as marker:
        page = marker.page(QUEUE)
        assert "&lt;script&gt;alert(1)" in page and "<script>alert" not in page and "<img src=x" not in page and "{{ 7*7 }}" in page
        answer = give(marker, page, "<b>1</b>")
        assert answer.status_code == 422 and "&lt;b&gt;" in answer.text and "<b>1</b>」" not in answer.text


@pytest.mark.parametrize("points, told", [("30.01", "0 至 30"), ("-1", "0 至 30"), ("1/3", "百分之一"), ("", "不是数字"), ("三", "不是数字"), ("1e1", "不是数字"), ("nan", "不是数字"), ("9" * 40, "不是数字"), ("1/0", "不是数字")])
def test_points_out_of_bounds_come_back_as_typed(office: Office, points: str, told: str) -> None:
    to_mark(office, n=1)
    with office.staff("marker") as marker:
        answer = give(marker, marker.page(QUEUE), points, comment="评语在此")
        assert answer.status_code == 422 and told in answer.text and "评语在此" in answer.text
        long = give(marker, marker.page(QUEUE), "1", comment="长" * 1001)
        assert long.status_code == 422 and "评语" in long.text
    assert given(office) == [(None, "machine")]


def test_two_markers_do_not_overwrite_each_other_unseen(office: Office) -> None:
    to_mark(office, n=1)
    with transaction(office.home.office) as connection:
        add_account(connection, "second", "阅卷乙", PASSWORD, ["marker"], "test")
    with office.staff("marker") as first, office.visitor() as second:
        second.log_in("second", PASSWORD)
        seen_by_second = second.page(QUEUE)
        assert give(first, first.page(QUEUE), "20").status_code == 303
        answer = give(second, seen_by_second, "5")
        assert answer.status_code == 422 and "刚由 阅卷人甲 评为 20 分" in answer.text
        assert given(office) == [("20", "marker1")]
        assert give(second, second.page(QUEUE), "21").status_code == 303, "having seen it, a marker may change it"
    assert given(office) == [("21", "second")]


def test_nobody_marks_their_own_paper(office: Office) -> None:
    persons = to_mark(office, n=2)
    with office.staff("marker") as marker:
        shown = marker.page(QUEUE)
        with transaction(office.home.office) as connection:
            connection.execute(update(account).values(person_id=persons[0]))
        for answer in (give(marker, shown, "30"), marker.get(QUEUE)):
            assert answer.status_code in (422, 409)
        assert "您是本场考生" in marker.get(QUEUE).text
    assert given(office) == [(None, "machine")] * 2


@pytest.mark.parametrize("path", [
    "/sittings/s1/marking/q001/item-q001", "/sittings/s1/marking/q006/item-q001", "/sittings/s1/marking/q999/x", "/sittings/s9/marking/q006/item-q006",
    "/sittings/s1/marking/..%2f/item-q006",
])  # fmt: skip
def test_questions_that_are_not_for_persons(office: Office, path: str) -> None:
    to_mark(office, n=1)
    with office.staff("marker") as marker:
        assert marker.get(path).status_code == 404
        assert marker.post(path, who="cs1000000000001", points="1", state="waiting").status_code == 404


def test_a_pseudonym_of_another_queue_is_unknown(office: Office) -> None:
    to_mark(office, n=1)
    with office.staff("marker") as marker:
        page = marker.page(f"{QUEUE}?who=cs2000000000001")
        assert field(page, "who") == "cs1000000000001"
        assert give(marker, page, "1", who="cs2000000000001").status_code == 404
    assert given(office) == [(None, "machine")]


def test_missing_keys_are_told_not_crashed(office: Office) -> None:
    to_mark(office, n=1)
    for path in (office.home.secret / "papers" / "s1-paper" / "keys").iterdir():
        path.unlink()
    with office.staff("marker") as marker:
        answer = marker.get(QUEUE)
        assert answer.status_code == 409 and "备份" in answer.text


@pytest.mark.parametrize("profile, refused", [("county_npc", True), ("small_office", False)])
def test_officer_and_marker_are_kept_apart_unless_the_profile_waives_it(office: Office, profile: str, refused: bool) -> None:
    from exams.profile import SHIPPED

    persons = make_sitting(office.home, "s1", people=2, profile=(SHIPPED / f"{profile}.toml").read_text(encoding="utf-8"))
    add_script(office.home, "s1", persons[0], {"q006": "作答"})
    mark_sitting(office.home, "s1", "test")
    with transaction(office.home.office) as connection:
        add_account(connection, "both", "一人两岗", PASSWORD, ["exam_officer", "marker", "hr"], "test")
    with office.visitor() as person:
        person.log_in("both", PASSWORD)
        number = list(dict.fromkeys(re.findall(r"/candidates/(\w+)", person.page("/sittings/s1/roster"))))[1]
        person.done(f"/sittings/s1/candidates/{number}/event", kind="absent", reason="未到")
        answer = give(person, person.page(QUEUE), "10")
        if refused:
            assert "考务与阅卷人不得由一人兼任" in notice(answer.text)
            assert given(office) == [(None, "machine")]
        else:
            assert given(office) == [("10", "both")]
            assert "人事不得由一人兼任" in person.refused("/sittings/s1/issue"), "that pair is not waived"


def test_marks_by_hand_are_on_the_trail(office: Office) -> None:
    to_mark(office, n=1)
    with office.staff("marker") as marker:
        give(marker, marker.page(QUEUE), "7")
    with office.home.office.connect() as connection:
        acts = connection.execute(select(AUDIT[OFFICE]).where(AUDIT[OFFICE].c.action == "mark.manual")).all()
    assert len(acts) == 1 and acts[0].actor == "marker1" and '"points":"7"' in acts[0].payload
