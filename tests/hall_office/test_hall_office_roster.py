"""Rosters through the browser: look first, then take over; whose upload it is; hostile names; the list."""

from __future__ import annotations

import re

import pytest
from office_room import Office, Person, field, identity, import_people, new_sitting, notice, people, roster
from sqlalchemy import func, select

from exams.profile import SHIPPED
from exams.tables import candidate
from hall.office import kept_uploads
from home import transaction
from people.tables import person, unit

HOSTILE = ("<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'; DROP TABLE person; --", "{{ 7*7 }}", "=cmd|'/c calc'!A1")


def upload(officer: Person, data: bytes, name: str = "名单.xlsx", sitting: str = "s-1"):
    return officer.post(f"/sittings/{sitting}/roster/upload", files={"file": (name, data, "application/octet-stream")})


def count(office: Office, table=candidate) -> int:
    with office.home.office.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_looking_changes_nothing_and_confirming_does(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        seen = upload(officer, roster(people(5)))
        assert "确认导入 5 人" in seen.text and count(office) == count(office, person) == 0
        sealed = list((office.home.secret / "uploads").iterdir())
        assert len(sealed) == 1 and sealed[0].stat().st_mode & 0o77 == 0
        assert identity(1).encode() not in sealed[0].read_bytes() and b"PK" not in sealed[0].read_bytes()[:4]
        page = officer.done("/sittings/s-1/roster/confirm", token=field(seen.text, "token"))
        assert "已导入名单：共 5 人" in notice(page) and count(office) == 5
        assert not list((office.home.secret / "uploads").iterdir())
        assert "已经导入或过期" in officer.refused("/sittings/s-1/roster/confirm", token=field(seen.text, "token"))
        for one in people(5):
            assert one[1] not in page and one[0] in page
        assert page.count("**********") == 5, "identity numbers are masked"


def test_faults_are_listed_by_row_and_nothing_is_kept(office: Office) -> None:
    rows = [list(row) for row in people(4)]
    rows[1][1] = rows[1][1][:17] + ("0" if rows[1][1][17] != "0" else "1")
    rows[2][1] = "4.40524E+17"
    rows[3] = rows[0]
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        seen = upload(officer, roster(rows))
        assert seen.status_code == 422 and "名单有 3 处错误，没有导入" in seen.text
        for text in ("第 3 行", "第 4 行", "第 5 行", "Excel 改坏", "校验不通过"):
            assert text in seen.text
        assert 'name="token"' not in seen.text and not list((office.home.secret).glob("uploads/*"))
        missing = upload(officer, roster([["王建国", "某县司法局"]], ("姓名", "单位")))
        assert missing.status_code == 422 and "身份证号" in missing.text


def test_a_unit_that_several_are_called_is_told_by_row_before_anything_is_written(office: Office) -> None:
    with transaction(office.home.office) as connection:
        for town in ("甲镇", "乙镇"):
            above = connection.execute(unit.insert().values(name=town)).inserted_primary_key[0]
            connection.execute(unit.insert().values(name="东街社区", parent_id=above))
    rows = [list(row) for row in people(3)]
    rows[1][2] = "东街社区"
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        seen = upload(officer, roster(rows))
        assert seen.status_code == 422 and "名单有 1 处错误，没有导入" in seen.text and 'name="token"' not in seen.text
        assert "第 3 行" in seen.text and "请写成“甲镇东街社区”或“乙镇东街社区”" in seen.text
        assert count(office) == count(office, person) == 0
        rows[1][2] = "乙镇/东街社区"
        seen = upload(officer, roster(rows))
        officer.done("/sittings/s-1/roster/confirm", token=field(seen.text, "token"))
    with office.home.office.connect() as connection:
        labels = connection.execute(select(candidate.c.unit_label).order_by(candidate.c.admission_no)).scalars().all()
        assert labels[1] == "乙镇东街社区" and connection.execute(select(func.count()).where(person.c.unit_id == 4)).scalar_one() == 1


@pytest.mark.parametrize("data, name", [(b"not a workbook", "名单.xlsx"), (b"PK\x03\x04" + b"\0" * 100, "名单.xlsx"), (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "名单.xls"), (b"\xff\xfe\0", "../../x.csv"), ("甲,乙\n".encode("gb18030"), "名单.csv"), (b"a" * 3000, "<b>.xlsx")])
def test_files_that_are_no_roster(office: Office, data: bytes, name: str) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        seen = upload(officer, data, name)
        assert seen.status_code == 422 and "没有导入" in seen.text and "<b>.xlsx" not in seen.text
        assert "请先选择" in officer.refused("/sittings/s-1/roster/upload")
        assert "请先选择" in notice(upload(officer, b"").text)


def test_an_upload_belongs_to_who_sent_it_and_to_its_sitting(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        new_sitting(officer, "s-2")
        token = field(upload(officer, roster(people(2))).text, "token")
        for bad in ("../" + token, token.upper() + "x", "", "0" * 32):
            assert "重新选择文件" in officer.refused("/sittings/s-1/roster/confirm", token=bad)
        assert "不是本次登录上传的" in officer.refused("/sittings/s-2/roster/confirm", token=token)
        with office.staff("exam_officer") as again:
            assert "不是本次登录上传的" in again.refused("/sittings/s-1/roster/confirm", token=token)
        assert count(office) == 0


def test_an_old_upload_is_removed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        token = field(upload(officer, roster(people(2))).text, "token")
        monkeypatch.setattr(kept_uploads, "KEPT_MS", -1)
        upload(officer, roster(people(2)))
        assert not (office.home.secret / "uploads" / f"{token}.sealed").exists()


def test_a_second_roster_tells_what_it_would_change(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        import_people(officer, "s-1", people(4))
        rows = [list(row) for row in people(5)[1:]]
        rows[0][2] = "某县应急管理局"
        seen = upload(officer, roster(rows)).text
        assert people(1)[0][0] in seen and "不在这份文件里" in seen
        assert "某县应急管理局" in seen and "会改动已登记的信息 1 处" in seen and "新单位 2 个" in seen
        officer.done("/sittings/s-1/roster/confirm", token=field(seen, "token"))
        assert count(office) == 5, "who is left out stays"


def test_a_number_under_another_name_is_refused(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        import_people(officer, "s-1", people(2))
        rows = [list(row) for row in people(2)]
        rows[1][0] = "赵某某"
        seen = upload(officer, roster(rows))
        assert seen.status_code == 422 and "曾用名" in seen.text


def test_hostile_texts_are_texts_everywhere(office: Office) -> None:
    rows = [(f"张{n}某", identity(n), text, text, text[:30], "科员", "") for n, text in enumerate(HOSTILE, 1)]
    rows = [("张某", *row[1:]) for row in rows]
    with office.staff("exam_officer") as officer:
        new_sitting(officer, title="<i>考试</i>", place='"><b>x')
        seen = upload(officer, roster(rows))
        assert seen.status_code == 200
        page = officer.done("/sittings/s-1/roster/confirm", token=field(seen.text, "token"))
        pages = [seen.text, page, officer.page("/"), officer.page("/sittings/s-1"), *(officer.page(link) for link in links(page))]
        for text in pages:
            assert not re.search(r"<script>alert|<img src=x|<i>考试|<b>x", text)
            assert "49" not in re.findall(r"<td>(.*?)</td>", text)
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert count(office) == len(HOSTILE)


def links(page: str) -> list[str]:
    return re.findall(r'href="(/sittings/s-1/candidates/\d+)"', page)


def test_filters_of_the_list(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        import_people(officer, "s-1", people(10))
        whole = officer.page("/sittings/s-1/roster")
        numbers = [link.rpartition("/")[2] for link in links(whole)]
        assert len(numbers) == 10
        officer.done(f"/sittings/s-1/candidates/{numbers[3]}/event", kind="exempt:approved_by_authority", reason="平级转任", document_no="组函 1 号")
        for query, n in (("q=" + numbers[2], 1), ("unit=某县司法局", 2), ("event=exempt", 1), ("event=none", 9), ("q=没有这个人", 0), ("unit=%27", 0)):
            assert len(links(officer.page(f"/sittings/s-1/roster?{query}"))) == n, query


def test_taking_somebody_off_a_draft(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        import_people(officer, "s-1", people(3))
        first = links(officer.page("/sittings/s-1/roster"))[0]
        assert "已从本场名单移出" in notice(officer.done(f"{first}/remove"))
        assert count(office) == 2 and officer.get(first).status_code == 404


@pytest.mark.parametrize("change, told", [
    ({"title": ""}, "考试名称"), ({"title": "长" * 101}, "100 字以内"), ({"kind": "real"}, "不认识"), ({"day": "32"}, "日期"),
    ({"opens": "25:00"}, "日期或时间不对"), ({"closes": "00:00"}, "须晚于"), ({"blueprint": "../../etc"}, "请选择试卷"),
    ({"profile": ""}, "请选择考试办法"), ({"id": "中文"}, "不合要求"), ({"place": "长" * 101}, "地点"), ({"resit_of": "none"}, "找不到首考"),
    ({"blueprint": "short_demo"}, "及格分"),
])  # fmt: skip
def test_a_new_sitting_with_a_fault_comes_back_as_filled_in(office: Office, change: dict[str, str], told: str) -> None:
    form = {"title": "秋季考试", "kind": "mock", "blueprint": "county_100", "profile": "small_office", "day": "2030-12-01", "opens": "09:00",
            "closes": "10:30", "place": "三楼", "id": "", "resit_of": ""}  # fmt: skip
    with office.staff("exam_officer") as officer:
        seen = officer.post("/sittings/new", **{**form, **change})
        assert seen.status_code == 422 and told in seen.text
        kept = {**form, **change}
        if kept["title"]:
            assert f'value="{kept["title"]}"' in seen.text
        assert "还没有考试" in officer.page("/")


def test_numbers_of_sittings_are_made_up_if_none_is_given(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        for _ in range(2):
            new_sitting(officer, "", day="2030-12-01")
        page = officer.page("/")
        assert "/sittings/2030-12-01-a" in page and "/sittings/2030-12-01-b" in page


def own_files(office: Office, **files: bytes):
    form = {"title": "本县考试", "kind": "mock", "blueprint": "county_100", "profile": "small_office", "day": "2030-12-01", "opens": "09:00",
            "closes": "10:30", "id": "own"}  # fmt: skip
    with office.staff("exam_officer") as officer:
        sent = {name: (f"本县{name}.toml", data, "application/toml") for name, data in files.items()}
        answer = officer.post("/sittings/new", files=sent, **form)
        return answer.text if answer.status_code == 422 else officer.page(answer.headers["location"])


def test_an_office_uses_its_own_rules(office: Office) -> None:
    own = (SHIPPED / "small_office.toml").read_text(encoding="utf-8").replace("total = 60", "total = 70").replace('"合格" = 60', '"合格" = 70')
    page = own_files(office, profile_file=b"\xef\xbb\xbf" + own.encode())
    assert "及格 70 分" in page


@pytest.mark.parametrize("data, told", [(b"\xff\xfe", "UTF-8"), (b"x = [", "考试办法:1"), (b'profile = "x"', "考试办法"), (b"a=1\n" * 100_000, "考试办法")])
def test_own_rules_with_faults_are_told_by_line(office: Office, data: bytes, told: str) -> None:
    assert told in own_files(office, profile_file=data)


def test_a_long_file_name_keeps_its_kind(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        seen = upload(officer, roster(people(2)), "名" * 150 + ".xlsx")
        officer.done("/sittings/s-1/roster/confirm", token=field(seen.text, "token"))
    assert count(office) == 2
