"""The whole way of a sitting through the office's pages, with the real worker."""

from __future__ import annotations

import re

from office_room import Office, opened
from sqlalchemy import select

from home import AUDIT, OFFICE, Home


def test_from_roster_to_records(any_home: Home) -> None:
    office = Office(any_home)
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=4)
        page = officer.page("/sittings/s-1/slips")
        number = re.search(r'name="issue" value="(\d+)"', page)[1]
        assert number == "0"
        sheet = officer.post("/sittings/s-1/slips", agreed="yes", issue=number)
        codes = re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", sheet.text)
        assert sheet.status_code == 200 and len(set(codes)) == 4
        assert "未开始" in officer.page("/sittings/s-1/live")
        seen = officer.get("/sittings/s-1/live.json").json()
        assert seen["due"] == 4 and seen["counts"]["not_started"] == 4 and len(seen["lines"]) == 4
        assert "两个字" in officer.refused("/sittings/s-1/close", word="")
        officer.done("/sittings/s-1/close", word="收卷")
        assert office.work() == [True, True], "closing is followed by marking"
    with office.staff("hr") as hr:
        hr.done("/sittings/s-1/issue")
        assert office.work() == [True]
        page = hr.page("/sittings/s-1/records")
        assert "应考 4 人 = 已考 0 人" in page and page.count("缺考</span>") == 4
        for form in ("xlsx", "csv", "json"):
            hr.done("/sittings/s-1/export", format=form)
            assert office.work() == [True]
        listed = re.findall(r'href="/exports/([^"]+)"', hr.page("/exports"))
        assert {name.rpartition(".")[2] for name in listed} == {"xlsx", "csv", "json"}
        for name in listed:
            answer = hr.get(f"/exports/{name}")
            assert answer.status_code == 200 and "attachment" in answer.headers["content-disposition"] and len(answer.content) > 100
    with office.home.office.connect() as connection:
        acts = set(connection.execute(select(AUDIT[OFFICE].c.action)).scalars())
    assert {"office.login", "sitting.create", "people.import", "sitting.roster", "job.ask", "export.download"} <= acts
