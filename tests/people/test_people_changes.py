"""Units renamed and merged, people who leave: what goes on, and what stays as it was."""

from __future__ import annotations

from datetime import date

import pytest
from people_fixture import TODAY, person_line, roster_xlsx
from sqlalchemy import select
from typer.testing import CliRunner

from home import OFFICE, transaction, verify_audit
from people.changes import find_unit, leave, merge_units, rename_unit
from people.commands import commands
from people.errors import PeopleError
from people.persons import import_roster
from people.roster import read_roster
from people.tables import person, post, unit

DAY = date(2026, 3, 1)


def take(home, *lines):
    with transaction(home.office) as connection:
        return import_roster(connection, home.key("identity"), read_roster(roster_xlsx(lines), "名单.xlsx", TODAY), "hr")


def test_a_renamed_unit_is_found_by_its_former_name(any_home):
    take(any_home, person_line(1, "甲某", unit="城关镇人民政府"))
    with transaction(any_home.office) as connection:
        ident = find_unit(connection, "城关镇人民政府")
        rename_unit(connection, ident, "城关街道办事处", by="hr", reason="撤镇设街道")
        rename_unit(connection, ident, "老城街道办事处", by="hr", reason="更名")
        assert find_unit(connection, "城关镇人民政府") == find_unit(connection, "老城街道办事处") == ident
    done = take(any_home, person_line(2, "乙某", unit="城关镇人民政府"), person_line(3, "丙某", unit="老城街道办事处"))
    assert done.new_units == ()
    with any_home.office.connect() as connection:
        assert set(connection.execute(select(person.c.unit_id)).scalars()) == {ident}
        assert verify_audit(connection, OFFICE) is None


def test_one_of_two_units_of_one_name_is_renamed_by_writing_the_unit_above(home_folder):
    with transaction(home_folder.office) as connection:
        for town in ("甲镇", "乙镇"):
            above = connection.execute(unit.insert().values(name=town)).inserted_primary_key[0]
            connection.execute(unit.insert().values(name="东街社区", parent_id=above))
        with pytest.raises(PeopleError, match="“甲镇”下的“东街社区”、“乙镇”下的“东街社区”；请写成“甲镇东街社区”或“乙镇东街社区”"):
            find_unit(connection, "东街社区")
        rename_unit(connection, find_unit(connection, "乙镇/东街社区"), "东门社区", by="hr", reason="更名")
        assert find_unit(connection, "东街社区") == 2 and find_unit(connection, "乙镇东门社区") == 4


def test_merged_units_bring_people_posts_and_their_names_together(any_home):
    take(any_home, person_line(1, "甲某", unit="统计局"), person_line(2, "乙某", unit="发改局"))
    with transaction(any_home.office) as connection:
        old, new = find_unit(connection, "统计局"), find_unit(connection, "发改局")
        below = connection.execute(unit.insert().values(name="调查队", parent_id=old)).inserted_primary_key[0]
        assert merge_units(connection, old, new, on_day=DAY, by="hr", reason="机构改革") == 1
        rows = connection.execute(select(person.c.unit_id, post.c.unit_id.label("at")).join(post, post.c.id == person.c.post_id)).all()
        assert {tuple(row) for row in rows} == {(new, new)}
        assert connection.execute(select(unit.c.parent_id).where(unit.c.id == below)).scalar_one() == new
        assert connection.execute(select(unit.c.valid_to).where(unit.c.id == old)).scalar_one() == DAY
        assert find_unit(connection, "统计局") == new
        with pytest.raises(PeopleError, match="已经合并"):
            merge_units(connection, old, new, on_day=DAY, by="hr", reason="再来一次")
        with pytest.raises(PeopleError, match="不能并入下级"):
            merge_units(connection, new, below, on_day=DAY, by="hr", reason="反了")
    assert take(any_home, person_line(3, "丙某", unit="统计局")).new_units == ()


@pytest.mark.parametrize(("name", "reason", "said"), [("统计局", "x", "不同的新名称"), ("发改局", "x", "请用合并"), ("", "x", "不同的新名称"), ("新局", " ", "依据")])
def test_a_rename_that_makes_no_sense_is_refused(home_folder, name, reason, said):
    take(home_folder, person_line(1, unit="统计局"), person_line(2, unit="发改局"))
    with pytest.raises(PeopleError, match=said), transaction(home_folder.office) as connection:
        rename_unit(connection, find_unit(connection, "统计局"), name, by="hr", reason=reason)
    with home_folder.office.connect() as connection:
        assert sorted(connection.execute(select(unit.c.name)).scalars()) == ["发改局", "统计局"]


def test_who_leaves_leaves_once(home_folder):
    (ident,) = take(home_folder, person_line(1)).person_ids
    with transaction(home_folder.office) as connection:
        leave(connection, ident, DAY, by="hr", reason="退休")
        with pytest.raises(PeopleError, match="已登记离开"):
            leave(connection, ident, DAY, by="hr", reason="退休")
        assert connection.execute(select(person.c.left_on)).scalar_one() == DAY


def test_one_unit_typed_in_many_ways_is_one(home_folder):
    done = take(home_folder, *(person_line(n, unit=text) for n, text in enumerate(("城东街道第4社区", "城东街道 第４社区 ", "　城东街道第 4 社区", "城东街道第4\n社区"), 1)))
    assert done.new_units == ("城东街道第4社区",)


def test_a_csv_is_told_by_its_file_and_by_the_rows_that_excel_shows():
    text = '姓名,"身份证号\n（18位）",单位,备注\r\n甲某,11010519491231002X,某局,"第一行\n第二行"\r\n\r\n乙某,1101051949123100,某局,\r\n'
    for form in ("gb18030", "utf-8-sig"):
        (fault,) = read_roster(text.encode(form), "名单.csv", TODAY).faults
        assert (fault.sheet, fault.row) == ("名单.csv", 4), "a line break in a cell begins no row, an empty line is one"


def test_the_commands_do_the_same(home_folder):
    (ident,) = take(home_folder, person_line(1, unit="统计局")).person_ids

    def run(*arguments, code=0):
        done = CliRunner().invoke(commands, [*arguments, "--home", str(home_folder.root), "--reason", "某编〔2026〕3号"])
        assert done.exit_code == code, done.output
        return done.output

    assert "已更名为“数据局”" in run("rename-unit", "统计局", "数据局")
    assert "没有单位“没有局”" in run("merge-units", "没有局", "数据局", code=1)
    take(home_folder, person_line(2, unit="发改局"))
    assert "转移 1 人" in run("merge-units", "统计局", "发改局", "--on", "2026-03-01")
    assert "应写成" in run("leave", "--person", str(ident), "--on", "明天", code=1)
    assert "已登记离开" in run("leave", "--person", str(ident), "--on", "2026-03-01")
    with home_folder.office.connect() as connection:
        assert connection.execute(select(person.c.left_on).where(person.c.id == ident)).scalar_one() == DAY
