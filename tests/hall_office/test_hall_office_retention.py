from __future__ import annotations

import os

from office_room import Office, field
from typer.testing import CliRunner

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
        with transaction(home.office) as connection:
            decide(connection, waiting(connection, "record.erase")[0].id, by="another", grant=True)
        assert "不可恢复" in one.page("/retention")
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
    assert run.invoke(app, ["retention", "lift", str(number), "--home", home]).exit_code == 0
    assert run.invoke(app, ["retention", "lift", str(number), "--home", home]).exit_code == 1
    assert run.invoke(app, ["retention", "hold", "bad", "--reason", "x", "--home", home]).exit_code == 1
    assert "到期 0 项" in run.invoke(app, ["retention", "plan", "--home", home]).output
