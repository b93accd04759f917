from __future__ import annotations

import re

from office_room import Office, Person, identity, import_people, new_sitting, notice, people
from sqlalchemy import select
from typer.testing import CliRunner

from exams.tables import candidate
from people.identity import check_digit
from people.tables import person
from pufa import app


def two_entries(office: Office) -> tuple[str, str]:
    """One man on two rosters, the second time under a mistyped number."""
    wrong = identity(1)[:14] + "777"
    wrong += check_digit(wrong)
    with office.staff("exam_officer") as officer:
        for ident, rows in (("s-1", people(2)), ("s-2", [(people(1)[0][0], wrong, *people(1)[0][2:])])):
            new_sitting(officer, ident)
            import_people(officer, ident, rows)
    return identity(1), wrong


def names(office: Office) -> list[str]:
    with office.home.office.connect() as connection:
        return list(connection.execute(select(person.c.name).order_by(person.c.id)).scalars())


def compared(hr: Person, stays: str, goes: str) -> dict[str, str]:
    shown = hr.post("/persons/merge/compare", stays=stays, goes=goes)
    assert shown.status_code == 200 and "不能撤销" in shown.text and stays not in shown.text, "numbers are masked"
    return dict(re.findall(r'name="((?:stays|goes)_id)" value="(\d+)"', shown.text))


def test_two_people_make_one_of_two_entries(office: Office) -> None:
    stays, goes = two_entries(office)
    with office.staff("hr") as hr, office.staff("exam_officer") as second:
        strange = hr.post("/persons/merge/compare", stays=identity(900), goes=goes)
        assert strange.status_code == 422 and "“保留的证件号码”在人员库里没有登记" in strange.text
        assert "同一个人，不用合并" in hr.post("/persons/merge/compare", stays=stays, goes=stays).text
        both = hr.post("/persons/merge/compare", stays=stays, goes=identity(2)).text
        assert "都在场次 s-1 的名单上" in both and 'action="/persons/merge"' not in both
        ids = compared(hr, stays, goes)
        assert "勾选" in hr.refused("/persons/merge", **ids, reason="核对过")
        assert "核对依据" in hr.refused("/persons/merge", **ids, agreed="on", reason="")
        assert "没有编号" in hr.refused("/persons/merge", stays_id=ids["stays_id"], goes_id="99", agreed="on", reason="x")
        assert "已提交申请" in notice(hr.done("/persons/merge", **ids, agreed="on", reason="与身份证核对"))
        assert len(names(office)) == 3
        own = re.search(r'action="(/approvals/\d+)"', second.page("/approvals"))
        assert own and "申请人不能审批" in hr.refused(own[1], decision="grant")
        shown = second.page("/approvals")
        assert "合并重复登记的人员" in shown and "与身份证核对" in shown and "考试 1 场" in shown and goes not in shown
        assert "已把" in notice(second.page(second.post(own[1], decision="grant").headers["location"]))
        assert len(names(office)) == 2
        assert "没有登记" in hr.post("/persons/merge/compare", stays=stays, goes=goes).text
    with office.home.office.connect() as connection:
        one = connection.execute(select(candidate.c.sitting_id).where(candidate.c.person_id == int(ids["stays_id"]))).scalars().all()
    assert sorted(one) == ["s-1", "s-2"]


def test_the_command_asks_and_the_page_decides(office: Office) -> None:
    stays, goes = two_entries(office)
    home = str(office.home.root)
    run = CliRunner()
    assert "人员库里没有" in run.invoke(app, ["people", "merge", "--home", home, "--reason", "x"], input=f"{stays}\n{identity(900)}\n").output
    asked = run.invoke(app, ["people", "merge", "--home", home, "--reason", "与身份证核对"], input=f"{stays}\n{goes}\n")
    assert asked.exit_code == 0 and "待审批" in asked.output and goes not in asked.output and len(names(office)) == 3
    assert run.invoke(app, ["people", "merge", "--home", home, "--reason", "与身份证核对"], input=f"{stays}\n{goes}\n").exit_code == 1
    assert run.invoke(app, ["people", "merge", "--home", "/nonexistent", "--reason", "x"]).exit_code == 2
    with office.staff("hr") as hr:
        own = re.search(r'action="(/approvals/\d+)"', hr.page("/approvals"))
        assert own and "已把" in notice(hr.page(hr.post(own[1], decision="grant").headers["location"]))
    assert len(names(office)) == 2
