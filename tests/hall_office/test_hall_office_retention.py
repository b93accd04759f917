from __future__ import annotations

import os

from office_room import Office, field, import_people, new_sitting, people
from sqlalchemy import select
from typer.testing import CliRunner

from exams.tables import candidate
from grading.retention.holds import standing_holds
from home import transaction
from people.approvals import decide, waiting
from pufa import app


def test_two_people_erase_what_is_due_and_nobody_else_can(office: Office) -> None:
    home = office.home
    old = home.exports / "old.csv"
    old.write_text("姓名\n", encoding="utf-8")
    os.utime(old, (1, 1))
    with office.staff("operator") as one:
        shown = one.page("/retention")
        assert "old.csv" in shown and "申请删除以上内容" in shown
        assert "正在等另一人批准" in one.done("/retention/ask", reason="满六个月", plan=field(shown, "plan"), at=field(shown, "at"))
        assert "还没有得到另一人的批准" in one.refused("/retention/erase")
        with office.staff("hr") as second:
            seen = second.page("/approvals")
            assert "到期的全部内容" in seen and "old.csv，1 条" in seen and "不能恢复" in seen, "nobody agrees to what he has not seen"
            second.done("/retention/hold", subject="全部", reason="审计")
            assert "到期清单有变化" in second.page("/approvals")
            second.done("/retention/hold/1/lift", reason="诉讼已结")
        with transaction(home.office) as connection:
            decide(connection, waiting(connection, "record.erase")[0].id, by="another", grant=True)
        assert "不可恢复" in one.page("/retention")
        with office.staff("hr") as second:
            assert "已批准，等系统管理员执行" in second.page("/retention")
        one.done("/retention/erase")
        assert office.work() == [True]
        assert not old.exists() and "没有到期的内容" in one.page("/retention")
    for role in ("exam_officer", "marker", "trainer"):
        with office.staff(role) as one:
            assert one.get("/retention").status_code == 403


def test_holds_from_the_page_and_the_command(office: Office) -> None:
    with office.staff("hr") as one:
        page = one.done("/retention/hold", subject="*", reason="<b>审计</b>", document_no="审〔2026〕3号")
        assert "&lt;b&gt;审计" in page and "审〔2026〕3号" in page
        assert "对象应写成" in one.refused("/retention/hold", subject="nobody", reason="x", document_no="")
    run, home = CliRunner(), str(office.home.root)
    with office.home.office.connect() as connection:
        number = standing_holds(connection)[0].id
    assert "审" in run.invoke(app, ["retention", "holds", "--home", home]).output
    assert run.invoke(app, ["retention", "lift", str(number), "--reason", "诉讼已结", "--home", home]).exit_code == 0
    assert run.invoke(app, ["retention", "lift", str(number), "--reason", "诉讼已结", "--home", home]).exit_code == 1
    assert run.invoke(app, ["retention", "hold", "bad", "--reason", "x", "--home", home]).exit_code == 1
    assert "到期 0 项" in run.invoke(app, ["retention", "plan", "--home", home]).output


def test_a_hold_names_what_is_there_in_words_that_staff_have(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        import_people(officer, "s-1", people(2))
    with office.home.office.connect() as connection:
        number, person_id = connection.execute(select(candidate.c.admission_no, candidate.c.person_id)).first()
    with office.staff("hr") as one:
        for nothing in ("sitting/s-9", "s-9", "person/999", "261130999999"):
            assert "查不到" in one.refused("/retention/hold", subject=nothing, reason="申诉")
        assert "任前法律知识考试" in one.done("/retention/hold", subject="s-1", reason="申诉")
        assert people(1)[0][0] in one.done("/retention/hold", subject=number, reason="申诉")
        one.done("/retention/hold", subject="全部", reason="审计")
    with office.home.office.connect() as connection:
        assert [held.subject for held in standing_holds(connection)] == ["sitting/s-1", f"person/{person_id}", "*"]
