"""The exam on paper by the pages: printed, registered, typed twice by two people, settled, joined with the hall's, marked."""

from __future__ import annotations

import io
import json
import re
import zipfile
from contextlib import contextmanager

import openpyxl
import pytest
from grading_fixture import RIGHT, add_script, forms, make_sitting
from office_room import PASSWORD, Office, field
from sqlalchemy import select, update

from exams.forms import write_key_form, write_public_form
from exams.tables import script, sitting
from grading.records import issue_records
from grading.tables import mark, record
from home import AUDIT, OFFICE, transaction
from people.accounts import add_account
from people.tables import account

P = "/sittings/s1/paper"
N = "2611100001"
SHEET = {**RIGHT, "q006": "20"}


@pytest.fixture
def room(office: Office) -> Office:
    """Four candidates of a closed mock sitting, forms A and B in the safe; the first had begun in the hall."""
    persons = make_sitting(office.home)
    public, key = forms("s1-paper", form="B")
    folder = office.home.secret / "papers" / "s1-paper"
    write_public_form(folder / "public" / "B.json", public)
    write_key_form(folder / "keys" / "B.json", key)
    add_script(office.home, "s1", persons[2], {**RIGHT, "q006": "机考作答"})
    return office


@contextmanager
def marker(office: Office, login: str):
    with transaction(office.home.office) as connection:
        if login not in {row.login for row in connection.execute(select(account))}:
            add_account(connection, login, f"阅卷{login}", PASSWORD, ["marker"], "test")
    with office.visitor() as person:
        person.log_in(login, PASSWORD)
        yield person


def registered(office: Office, *numbers: str) -> None:
    with office.staff("exam_officer") as officer:
        officer.done(f"{P}/register", numbers="\n".join(numbers), reason="10:42 停电，改用纸笔")


def typed(office: Office, login: str, number: str, texts: dict[str, str], form: str = "A") -> str:
    with marker(office, login) as person:
        return person.done(f"{P}/{number}/type", form=form, **texts)


def answers(office: Office) -> dict[str, str]:
    with office.home.office.connect() as connection:
        return json.loads(connection.execute(select(script.c.answers).where(script.c.closed_by == "paper")).scalar_one())


def acts(office: Office, prefix: str) -> list[tuple[str, str]]:
    with office.home.office.connect() as connection:
        return [(row.actor, row.action) for row in connection.execute(AUDIT[OFFICE].select()) if row.action.startswith(prefix)]


def test_printed_by_the_worker_and_the_key_only_for_markers_after_closing(room: Office) -> None:
    with room.staff("exam_officer") as officer:
        assert officer.get(f"{P}/files.zip").status_code == 404
        assert "请填写“用途和份数”" in officer.refused(P, reason=" ")
        assert "已开始印制" in officer.done(P, reason="备用卷 A、B 各 30 份")
        assert room.work() == [True]
        assert "A卷-试卷" in officer.page(P)
        taken = officer.get(f"{P}/files.zip")
        with zipfile.ZipFile(io.BytesIO(taken.content)) as book:
            names = book.namelist()
            assert len(names) == 8 and "B卷-答题纸.docx" in names and not any("答案" in name for name in names)
            assert all("参考答案" not in book.read(name).decode("utf-8", "replace") for name in names)
        assert officer.get(f"{P}/keys.zip").status_code == 403
    with transaction(room.home.office) as connection:
        connection.execute(update(sitting).values(state="open"))
    with marker(room, "li") as li:
        assert li.get(f"{P}/files.zip").status_code == 403
        refused = li.get(f"{P}/keys.zip")
        assert refused.status_code == 409 and "收卷以后" in refused.text
        with transaction(room.home.office) as connection:
            connection.execute(update(sitting).values(state="closed"))
        with zipfile.ZipFile(io.BytesIO(li.get(f"{P}/keys.zip").content)) as book:
            assert sorted(book.namelist()) == [f"{form}卷-参考答案及评分标准.{kind}" for form in "AB" for kind in ("docx", "pdf")]
    assert acts(room, "paper.take") == [("exam-officer1", "paper.take"), ("li", "paper.take_key")]


def test_a_formal_paper_is_printed_only_when_another_agrees(room: Office) -> None:
    with transaction(room.home.office) as connection:
        connection.execute(update(sitting).values(kind="formal"))
    with room.staff("exam_officer") as officer, room.staff("hr") as hr:
        assert "提交审批" in officer.page(P) and "待审批" in officer.done(P, reason="备用卷 30 份")
        assert room.work() == []
        number = re.search(r"/approvals/(\d+)", hr.page("/approvals"))[1]
        assert "已开始印制" in hr.done(f"/approvals/{number}", decision="grant")
        assert room.work() == [True] and officer.get(f"{P}/files.zip").status_code == 200


def test_typed_twice_by_two_settled_and_marked(room: Office) -> None:
    registered(room, N, "2611100002")
    with marker(room, "li") as li:
        page = li.page(P)
        assert "李四" not in page and "某某街道办事处" not in page, "whoever marks learns no name"
        assert li.get(f"{P}?find={N}").headers["location"].endswith(f"/paper/{N}")
        assert "没有登记为纸笔作答" in li.page(f"{P}?find=2611100009")
        sheet = li.page(f"{P}/{N}/type")
        assert all(f'name="{question}"' in sheet for question in SHEET) and "第 1 遍" in sheet and "李四" not in sheet
        bad = li.post(f"{P}/{N}/type", form="A", **{**SHEET, "q001": "Z", "q006": "31"})
        assert bad.status_code == 422 and "有 2 处要改" in bad.text and 'value="ABD"' in bad.text, "what was typed is not lost"
        assert "已录一遍" in li.done(f"{P}/{N}/type", form="A", **SHEET)
        assert "第一遍是您录的" in li.refused(f"{P}/{N}/type", form="A", **SHEET)
    with marker(room, "wang") as wang:
        assert 'value="ABD"' not in wang.page(f"{P}/{N}/type"), "the second does not see the first"
        shown = wang.done(f"{P}/{N}/type", form="A", **{**SHEET, "q001": "B", "q006": ""})
        assert "两遍有不一致" in shown and "20 分" in shown and "未作答" in shown
        assert "没有核定" in wang.refused(f"{P}/{N}/differences", pick_q001="1", reason="看原件")
        assert "请写明核定的依据" in wang.refused(f"{P}/{N}/differences", pick_q001="1", pick_q006="1", reason="")
        assert "答卷已入库" in wang.done(f"{P}/{N}/differences", pick_q001="other", q001="c", pick_q006="1", reason="两人核对原件")
    assert {**answers(room), "q006": ""} == {**RIGHT, "q006": ""}
    for login in ("li", "wang"):
        typed(room, login, "2611100002", {"q002": "A"}, form="B")
    with room.staff("exam_officer") as officer:
        page = officer.page(P)
        assert "纸质答卷已全部入库" in page and "李四" in page
        assert "下一步：阅卷" in officer.page("/sittings/s1")
        assert room.work() == [True]
    with room.home.office.connect() as connection:
        known = {row.question: row for row in connection.execute(mark.select().join(script, script.c.person_id == mark.c.person_id).where(script.c.form == "A", script.c.closed_by == "paper"))}
    assert known["q001"].points == "20" and known["q006"].points == "20" and known["q006"].comment == "纸笔答卷，录入 li，复核 wang，核定 wang"


def test_wrong_sheet_is_typed_anew_and_another_form_cannot_be_settled(room: Office) -> None:
    registered(room, N)
    typed(room, "li", N, SHEET)
    with marker(room, "wang") as wang:
        assert "试卷类型不同" in wang.done(f"{P}/{N}/type", form="B", **SHEET)
        assert "重录的原因" in wang.refused(f"{P}/{N}/discard", reason="")
        assert "都已作废" in wang.done(f"{P}/{N}/discard", reason="第一遍看错类型")
        assert "录第一遍" in wang.page(f"{P}/{N}")


def test_by_workbook_with_a_dry_run_every_fault_with_its_place(room: Office) -> None:
    registered(room, N, "2611100002")
    with marker(room, "li") as li, marker(room, "wang") as wang:
        book = openpyxl.load_workbook(io.BytesIO(li.get(f"{P}/workbook.xlsx").content))
        for line in book["A卷"].iter_rows(min_row=2, max_row=2):
            for question, text in SHEET.items():
                line[1 + int(question[1:])].value = text
        good = io.BytesIO()
        book.save(good)
        book["A卷"]["C2"], book["A卷"]["H2"] = "X", "99"
        faulty = io.BytesIO()
        book.save(faulty)

        def upload(person, data):
            return person.post(f"{P}/workbook", files={"file": ("录入.xlsx", data.getvalue(), "application/octet-stream")})

        seen = upload(li, faulty)
        assert seen.status_code == 422 and "有 2 处错误" in seen.text and seen.text.count(f"A卷 第 2 行（{N}）") == 2 and "第 6 题" in seen.text
        seen = upload(li, good)
        assert seen.status_code == 200 and "现在还没有录入" in seen.text and "2611100002" in seen.text
        assert "未录入" in li.page(f"{P}/{N}"), "a look stores nothing"
        assert "已导入 1 人：1 人录了一遍" in li.done(f"{P}/workbook/confirm", token=field(seen.text, "token"))
        assert "已经导入或过期" in li.refused(f"{P}/workbook/confirm", token=field(seen.text, "token"))
        again = upload(li, good)
        assert again.status_code == 422 and "第一遍是您录的" in again.text
        seen = upload(wang, good)
        assert "不是本次登录上传的" in li.refused(f"{P}/workbook/confirm", token=field(seen.text, "token"))
        assert "两遍一致、已入库" in wang.done(f"{P}/workbook/confirm", token=field(seen.text, "token"))
    assert answers(room)["q003"] == "ABD"


def test_a_power_cut_who_began_in_the_hall_goes_on_by_a_decision_that_another_agrees_to(room: Office) -> None:
    """K4: two minutes at the page. Online q001 to q005 right; on paper q001 changed for the worse and the essay."""
    third = "2611100003"
    with transaction(room.home.office) as connection:
        connection.execute(update(sitting).values(kind="formal"))
    registered(room, third)
    with marker(room, "li") as li:
        assert "请考务先决定怎样计分" in li.page(f"{P}/{third}")
        assert "请考务先决定怎样计分" in li.refused(f"{P}/{third}/type", form="A", **SHEET)
        assert li.post(f"{P}/{third}/source", source="merge", reason="x").status_code == 403
    with room.staff("exam_officer") as officer, room.staff("hr") as hr:
        page = officer.page(f"{P}/{third}")
        assert "已答 6 题" in page and "整题以纸为准" in page and "一律不算" in page and "只按机考答卷计分" in page
        assert "请选择怎样计分" in officer.refused(f"{P}/{third}/source", source="best", reason="x")
        assert "待审批" in officer.done(f"{P}/{third}/source", source="merge", reason="主考宣布接着答")
        assert "待决定" in officer.page(f"{P}/{third}")
        page = hr.page("/approvals")
        assert "接着考：纸上写了的题以纸为准" in page
        number = re.search(r"/approvals/(\d+)", page)[1]
        hr.done(f"/approvals/{number}", decision="grant")
        assert "待决定" not in officer.page(f"{P}/{third}")
    for login in ("li", "wang"):
        typed(room, login, third, {"q001": "B", "q006": "25"})
    assert answers(room) == {**RIGHT, "q001": "B", "q006": "（纸笔作答，见答题纸）"}
    assert room.work() == [True], "marking is asked for by itself once the last sheet is in"
    issue_records(room.home, "s1", "hr1")
    with room.home.office.connect() as connection:
        totals = [row.total for row in connection.execute(record.select()) if row.total is not None]
        [provenance] = [known for row in connection.execute(record.select()) if (known := json.loads(row.statement)["body"]["provenance"]).get("medium")]
    assert totals == ["75"] and (provenance["hall_answers"], provenance["typed_by"], provenance["checked_by"]) == ("merge", "li", "wang")
    with room.staff("hr") as hr:
        assert "接着考：纸上写了的题以纸为准" in hr.page(f"/sittings/s1/records/{third}")
    assert ("exam-officer1", "paper.source") in acts(room, "paper.source")


def test_who_finished_in_the_hall_after_all_is_taken_off_the_list(room: Office) -> None:
    registered(room, "2611100003", "2611100004")
    with room.staff("exam_officer") as officer:
        assert "只按机考答卷计分" in officer.done(f"{P}/2611100003/unregister", reason="来电后机考答完")
        assert "记为缺考" in officer.done(f"{P}/2611100004/unregister", reason="没有来")
        assert "999：不在本场名单里" in officer.refused(f"{P}/register", numbers=f"999，{N}", reason="x")
        assert "还没有登记" in officer.page(P)
        assert "2611100004" in officer.page(f"{P}?fill=1"), "those without a script can be filled in"


def test_whoever_built_the_paper_types_nothing_where_the_rules_keep_the_two_apart(room: Office) -> None:
    with transaction(room.home.office) as connection:
        known = connection.execute(select(sitting.c.profile)).scalar_one()
        strict = re.sub(r"\[\[duties\.waivers\]\]\nroles = \[\"exam_officer\", \"marker\"\].*?\n\n", "", known, flags=re.S)
        assert strict != known
        connection.execute(update(sitting).values(profile=strict))
        add_account(connection, "both", "两岗", PASSWORD, ["exam_officer", "marker"], "test")
    with room.visitor() as both:
        both.log_in("both", PASSWORD)
        both.done(f"{P}/register", numbers=N, reason="停电")
        assert "不得由一人兼任" in both.refused(f"{P}/{N}/type", form="A", **SHEET)
