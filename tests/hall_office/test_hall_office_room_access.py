"""Networks and Config Keys by form: told what is wrong without losing what was typed, carried down, put right while the room sits."""

from __future__ import annotations

from office_room import Office, new_sitting, notice, opened
from sqlalchemy import select
from test_hall_office_room import seats, write

from exams.tables import incident, open_sitting, sitting
from home import AUDIT, EXAM

KEY = "4fa9af8ec8759eb7c680752ef4ee5eaf1a860628608fccae2715d519849f9292"
WRONG = "192.168.10.7/24\n机房"


def stored(office: Office) -> list[tuple[str | None, str | None]]:
    found = []
    for engine, table in ((office.home.office, sitting), (office.home.exam, open_sitting)):
        with engine.connect() as connection:
            found += [tuple(row) for row in connection.execute(select(table.c.room_ranges, table.c.seb_keys))]
    return found


def test_what_is_wrong_is_told_where_it_was_typed(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        form = {"title": "任前考试", "kind": "demo", "blueprint": "county_100", "profile": "small_office", "day": "2026-12-01", "opens": "09:00", "closes": "10:30"}
        answer = officer.post("/sittings/new", **form, ranges=WRONG, seb_keys="abc")
        assert answer.status_code == 422 and stored(office) == []
        for part in ("192.168.10.0/24，单台电脑请写成", "“机房”不是网段", "现在 3 位", "192.168.10.7/24\n机房</textarea>", "abc</textarea>"):
            assert part in answer.text
        new_sitting(officer, ranges="192.168.10.0/24，10.0.0.5", seb_keys=KEY.upper())
        assert stored(office) == [("192.168.10.0/24,10.0.0.5", KEY)]
        assert "192.168.10.0/24、10.0.0.5" in officer.page("/sittings/s-1")
        edit = {"title": "改过的名称", "place": "一楼", "opens": "2026-12-01T09:00", "closes": "2026-12-01T10:30"}
        answer = officer.post("/sittings/s-1/edit", **edit, ranges=WRONG, seb_keys="")
        assert answer.status_code == 422 and "改过的名称" in answer.text and "机房</textarea>" in answer.text
        officer.done("/sittings/s-1/edit", **edit, ranges="172.16.0.0/16", seb_keys="")
        assert stored(office) == [("172.16.0.0/16", None)]


def test_an_open_rooms_networks_are_put_right(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=2)
        assert stored(office) == [(None, None)] * 2
        write(office, seats(office)[0])
        assert "<b>1</b> 人正在考试" in officer.page("/sittings/s-1/room/access")
        answer = officer.post("/sittings/s-1/room/access", ranges=WRONG, seb_keys="", reason="机房换了交换机")
        assert answer.status_code == 422 and "机房</textarea>" in answer.text and 'value="机房换了交换机"' in answer.text
        assert "请填写" in officer.refused("/sittings/s-1/room/access", ranges="10.1.0.0/16", seb_keys="", reason=" ")
        told = officer.done("/sittings/s-1/room/access", ranges="10.1.0.0/16", seb_keys=KEY, reason="机房换了交换机")
        assert "已改好" in notice(told) and "考场网段……" in told
        assert stored(office) == [("10.1.0.0/16", KEY)] * 2
        assert "没有改动" in notice(officer.done("/sittings/s-1/room/access", ranges="10.1.0.0/16", seb_keys=KEY, reason="机房换了交换机"))
        assert "机房换了交换机" in officer.page("/sittings/s-1/incidents")
    with office.home.exam.connect() as connection:
        assert list(connection.execute(select(incident.c.kind).where(incident.c.kind == "room_access")).scalars()) == ["room_access"]
        payload = connection.execute(select(AUDIT[EXAM].c.payload).where(AUDIT[EXAM].c.action == "sitting.access")).scalar_one()
    assert "10.1.0.0/16" in payload and KEY not in payload
