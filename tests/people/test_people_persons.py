from __future__ import annotations

from datetime import date

import pytest
from people_fixture import HEADINGS, TODAY, number_of, person_line, roster_xlsx
from sqlalchemy import func, select

from home import OFFICE, transaction, verify_audit
from people.errors import RosterError
from people.identity import reveal
from people.persons import import_roster, rehearsal
from people.roster import Roster, read_roster
from people.tables import alias, person, post, unit


def roster_of(*lines, headings=HEADINGS) -> Roster:
    return read_roster(roster_xlsx(lines, headings), "名单.xlsx", TODAY)


def take(home, roster):
    with transaction(home.office) as connection:
        return import_roster(connection, home.key("identity"), roster, "zhang")


def count(home, table) -> int:
    with home.office.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_roster_makes_persons_units_and_posts_once(any_home):
    roster = roster_of(*(person_line(n, unit=f"第{n % 3}镇") for n in range(1, 11)))
    result = take(any_home, roster)
    assert (result.new, result.known, result.changed, len(result.new_units)) == (10, 0, (), 3)
    assert [one.row.name for one in result.people] == [row.name for row in roster.rows]
    again = take(any_home, roster)
    assert (again.new, again.known, again.changed, again.new_units) == (0, 10, (), ())
    assert [one.person_id for one in again.people] == [one.person_id for one in result.people]
    assert (count(any_home, person), count(any_home, unit), count(any_home, post)) == (10, 3, 3)
    with any_home.office.connect() as connection:
        row = connection.execute(select(person).order_by(person.c.id)).first()
        assert verify_audit(connection, OFFICE) is None
    assert row.identity_masked.startswith("3402**********") and number_of(1).encode() not in row.identity_cipher
    assert reveal(any_home.key("identity"), row.document, row.identity_cipher) == number_of(1)
    assert row.birth == date(1980, 2, 15)


def test_no_number_in_clear_is_anywhere_in_the_home(home_folder):
    take(home_folder, roster_of(person_line(1)))
    home_folder.close()
    found = [path for path in home_folder.root.rglob("*") if path.is_file() and number_of(1).encode() in path.read_bytes()]
    assert found == []


def test_what_differs_is_listed_and_blanks_erase_nothing(any_home):
    take(any_home, roster_of(person_line(1), person_line(2)))
    line = list(person_line(1, unit="新镇"))
    line[7], line[11], line[4] = "副站长", "13900139000", ""
    result = take(any_home, roster_of(line))
    assert {(c.what, c.old, c.new) for c in result.changed} == {
        ("手机", "13800138000", "13900139000"), ("单位", "测试镇人民政府", "新镇"), ("职务", "科员", "副站长"),
    }  # fmt: skip
    with any_home.office.connect() as connection:
        row = connection.execute(select(person).where(person.c.id == result.people[0].person_id)).one()
    assert (row.ethnic, row.phone) == ("汉族", "13900139000")


def test_a_known_number_under_another_name_stops_everything(any_home):
    take(any_home, roster_of(person_line(1, "王秀英")))
    with pytest.raises(RosterError, match=r"名单:3: 姓名：证件号码 3402\*+\d{3}[\dX] 已登记为“王秀英”，名单上是“李秀英”"):
        take(any_home, roster_of(person_line(2), person_line(1, "李秀英")))
    assert count(any_home, person) == 1


def test_a_former_name_explains_a_change_of_name(any_home):
    take(any_home, roster_of(person_line(1, "王秀英")))
    headings = ("姓名", "身份证号", "单位", "曾用名")
    result = take(any_home, roster_of(("王晓英", number_of(1), "某村", "王秀英"), headings=headings))
    assert ("姓名", "王秀英", "王晓英") in {(c.what, c.old, c.new) for c in result.changed}
    old = take(any_home, roster_of(("王秀英", number_of(1), "某村", ""), headings=headings))
    assert old.known == 1 and old.changed == (), "an old list still finds the person, and does not turn the name back"
    assert count(any_home, alias) == 1


def test_a_roster_with_faults_is_refused(any_home):
    with pytest.raises(RosterError, match="Excel"):
        take(any_home, roster_of(person_line(1), (2, "李四", "4.40524E+17", *person_line(2)[3:])))
    assert count(any_home, person) == 0


def test_a_rehearsal_shows_the_result_and_leaves_nothing(any_home):
    with rehearsal(any_home.office) as connection:
        assert import_roster(connection, any_home.key("identity"), roster_of(person_line(1)), "zhang").new == 1
    assert (count(any_home, person), count(any_home, unit)) == (0, 0)


def test_a_thousand_rows_in_batches(any_home):
    lines = [(f"考生{'甲乙丙丁戊己庚辛壬癸'[n % 10]}", number_of(n, f"19{80 + n // 999}0101"), "某镇") for n in range(1100)]
    roster = roster_of(*lines, headings=("姓名", "身份证号", "单位"))
    assert roster.faults == ()
    assert take(any_home, roster).new == 1100 and take(any_home, roster).known == 1100


def two_of_one_name(home) -> dict[str, int]:
    """东街社区 below each of two towns; returns the ids of both by their town."""
    made = {}
    with transaction(home.office) as connection:
        for town in ("甲镇", "乙镇"):
            above = connection.execute(unit.insert().values(name=town)).inserted_primary_key[0]
            made[town] = connection.execute(unit.insert().values(name="东街社区", parent_id=above)).inserted_primary_key[0]
    return made


def unit_of(home, who: int) -> int:
    with home.office.connect() as connection:
        return connection.execute(select(person.c.unit_id).where(person.c.id == who)).scalar_one()


def test_a_unit_name_that_several_have_is_a_fault_of_its_row(any_home):
    two_of_one_name(any_home)
    with pytest.raises(RosterError) as told:
        take(any_home, roster_of(person_line(1), person_line(2, unit="东街社区"), person_line(3, unit="丙镇/东街社区")))
    first, second = told.value.faults
    assert (first.row, first.column, second.row) == (3, "单位", 4)
    for said in ("“甲镇”下的“东街社区”", "“乙镇”下的“东街社区”", "请写成“甲镇东街社区”或“乙镇东街社区”", "也可以加“/”"):
        assert said in first.message and said in second.message
    assert (count(any_home, person), count(any_home, unit)) == (0, 4), "nothing is half imported"


def test_the_unit_above_tells_units_of_one_name_apart(any_home):
    at = two_of_one_name(any_home)
    written = ("甲镇东街社区", "乙镇东街社区", "乙镇/东街社区", "乙镇／东街社区", "乙镇 东街社区")
    result = take(any_home, roster_of(*(person_line(n, unit=name) for n, name in enumerate(written, 1))))
    assert [unit_of(any_home, who) for who in result.person_ids] == [at["甲镇"], *[at["乙镇"]] * 4] and not result.new_units
    assert {one.row.unit for one in result.people} == {"甲镇东街社区", "乙镇东街社区"}, "rosters and records have one spelling of it"
    again = take(any_home, roster_of(*(person_line(n, unit="东街社区") for n in range(1, 6))))
    assert again.changed == () and [unit_of(any_home, who) for who in again.person_ids] == [at["甲镇"], *[at["乙镇"]] * 4]
    moved = take(any_home, roster_of(person_line(1, unit="乙镇东街社区")))
    assert ("单位", "甲镇东街社区", "乙镇东街社区") in {(one.what, one.old, one.new) for one in moved.changed}


def test_a_former_name_of_two_units_is_asked_about_too(any_home):
    with transaction(any_home.office) as connection:
        for name in ("城东社区", "城西社区"):
            ident = connection.execute(unit.insert().values(name=name)).inserted_primary_key[0]
            connection.execute(alias.insert().values(unit_id=ident, name="城关社区"))
    with pytest.raises(RosterError, match=r"“城关社区”可能是 2 个单位.*请写成“城东社区”或“城西社区”"):
        take(any_home, roster_of(person_line(1, unit="城关社区")))
    assert count(any_home, person) == 0
