"""A corrected birth date moves the age bound: dates kept for lists are reckoned again, and the page says what has changed."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from workforce_room import KINDS, TODAY, add_unit, take, workbook

from grading.tables import certification, certification_step
from grading.workforce.holdings import read_entries, read_hours, stand
from grading.workforce.listing import STALE, Filter, list_page
from grading.workforce.reckoning import bring_up_to_date, look
from home import transaction
from people.persons import import_roster
from people.roster import read_roster
from people.tables import person

HEADINGS = "姓名,证件类型,证件号码,工作单位,现任职务,出生年月"


def roster(home, birth: str) -> list[tuple[str, str, str]]:
    """Somebody with a passport: the roster tells the birth date, not the number."""
    text = f"{HEADINGS}\n安娜,护照,E12345678,第一中学,教师,{birth}\n"
    with transaction(home.office) as connection:
        done = import_roster(connection, home.key("identity"), read_roster(text.encode("utf-8-sig"), "名单.csv", TODAY), "hr")
    return [(one.what, one.old, one.new) for one in done.changed]


def furnished(home) -> None:
    add_unit(home, "第一中学", kind="学校")
    roster(home, "1962-03-01")
    with transaction(home.office) as connection:
        who = connection.execute(select(person.c.id)).scalar_one()
        connection.execute(certification.insert().values(person_id=who, kind="vice_principal", obtained_on=date(2026, 1, 5), created_at=0, created_by="hr"))
        held = connection.execute(select(certification.c.id)).scalar_one()
        connection.execute(certification_step.insert().values(certification_id=held, kind="appointed", on_day=date(2026, 1, 10), at=0, by="hr"))
    bring_up_to_date(home, KINDS)


def until(home) -> date | None:
    with home.office.connect() as connection:
        return connection.execute(select(certification.c.valid_until)).scalar_one()


def doubts(home) -> str:
    with home.office.connect() as connection:
        (entry,) = read_entries(connection)
        hours = read_hours(connection, select(person.c.id)).get(entry.holder.id, ())
        return "；".join(stand(KINDS[entry.kind], entry, hours, TODAY).doubts)


def test_the_age_bound_moves_with_a_corrected_birth_date(any_home):
    most = KINDS["vice_principal"].age_most
    furnished(any_home)
    assert until(any_home) == date(1962 + most, 3, 1) and "更正" not in doubts(any_home)
    assert roster(any_home, "1961-12-20") == [("出生日期", "1962-03-01", "1961-12-20")]
    with any_home.office.connect() as connection:
        assert not look(connection, KINDS, TODAY).current
        assert list_page(connection, KINDS, TODAY, Filter()).states == {STALE: 1}, "the old date is not shown as if it held"
    assert f"出生日期由 1962-03-01 更正为 1961-12-20，满 {most} 周岁的日子由 {1962 + most}-03-01 改为 {1961 + most}-12-20" in doubts(any_home)
    assert bring_up_to_date(any_home, KINDS) == 1 and bring_up_to_date(any_home, KINDS) == 0
    assert until(any_home) == date(1961 + most, 12, 20)
    with any_home.office.connect() as connection:
        assert look(connection, KINDS, TODAY).current
    assert "改为" in doubts(any_home), "it stays to be seen"


def test_the_same_birth_date_again_moves_nothing(home_folder):
    furnished(home_folder)
    assert roster(home_folder, "1962-03-01") == [] and "更正" not in doubts(home_folder)
    assert bring_up_to_date(home_folder, KINDS) == 0


def test_any_entry_reckons_what_has_moved(home_folder):
    furnished(home_folder)
    roster(home_folder, "1961-12-20")
    take(home_folder, workbook(单位=[("第二中学", "学校", "", "", "", "", "", "", "")]))
    assert until(home_folder) == date(1961 + KINDS["vice_principal"].age_most, 12, 20) and bring_up_to_date(home_folder, KINDS) == 0
