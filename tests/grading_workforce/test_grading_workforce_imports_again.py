"""Lines of an import that are about another time or another place than what is on file: none is dropped or taken for the present one."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select
from workforce_room import KINDS, TODAY, add_people, add_unit, take, workbook

from grading.tables import certification, certification_step
from grading.workforce.entering import end_certification
from grading.workforce.holdings import read_entries
from grading.workforce.norms import read_staffing
from grading.workforce.stipend_roll import roll
from grading.workforce.stipend_rules import read_rules
from home import transaction
from people.changes import merge_units
from people.errors import RosterError
from people.tables import person, unit


def refused(home, data: bytes) -> list[str]:
    with pytest.raises(RosterError) as told:
        take(home, data)
    return [str(fault) for fault in told.value.faults]


@pytest.mark.parametrize("number", [20190610140000001234, 2.01906101400000e19])
def test_a_certificate_number_that_excel_damaged_is_not_taken_over(home_folder, number):
    ((_, a, x),) = add_people(home_folder, 1)
    told = refused(home_folder, workbook(资格=[(a, x, "社会工作师", "2023-09-15", number, "", "", "")]))
    assert told == ["资格:2: 证书编号：这一格是数字格式，位数太多，已被 Excel 改坏；请把这一列设为文本后重新填写"]
    take(home_folder, workbook(资格=[(a, x, "社会工作师", "2023-09-15", "20190610140000001234", "", "", "")]))
    with home_folder.office.connect() as connection:
        assert connection.execute(select(certification.c.certificate_no)).scalars().all() == ["20190610140000001234"]


def steps(home) -> list[tuple[str, str, str]]:
    with home.office.connect() as connection:
        query = (
            select(unit.c.name, certification_step.c.on_day, certification_step.c.document_no)
            .select_from(certification_step).join(certification, certification.c.id == certification_step.c.certification_id)
            .join(unit, unit.c.id == certification.c.unit_id).order_by(unit.c.name, certification_step.c.id)
        )  # fmt: skip
        return [(name, str(day), number) for name, day, number in connection.execute(query)]


def test_the_same_step_on_the_same_day_at_a_second_school_is_new(any_home):
    ((_, a, x),) = add_people(any_home, 1)
    schools = ("乙小学", "甲小学")
    for name in schools:
        add_unit(any_home, name, kind="学校")
    held = [(a, x, "法治副校长", "2025-09-01", "", "", name, "") for name in schools]
    appointed = [(a, x, "法治副校长", "聘任", "2025-09-01", number, name) for number, name in (("文1", "甲小学"), ("文2", "乙小学"))]
    data = workbook(资格=held, 办理=appointed)
    assert take(any_home, data).new["steps"] == 2
    assert steps(any_home) == [("乙小学", "2025-09-01", "文2"), ("甲小学", "2025-09-01", "文1")]
    again = take(any_home, data)
    assert (again.new["steps"], again.same["steps"]) == (0, 2), "the same file twice changes nothing"
    unplaced = take(any_home, workbook(办理=[(a, x, "法治副校长", "聘任", "2025-09-01", "文1", "")]))
    assert (unplaced.new["steps"], unplaced.same["steps"]) == (0, 1), "a line that names no school is on file already"
    told = refused(any_home, workbook(办理=[(a, x, "法治副校长", "聘任", "2025-09-01", "文1", "丙小学")]))
    assert "单位“丙小学”还没有登记" in told[0]


DAY = "2025-01-10"


def held_then_ended(home, place: str) -> tuple[str, str]:
    """Somebody who was 法律明白人 there since DAY, ended since; the villages."""
    ((_, a, x),) = add_people(home, 1)
    for name in ("柳河村", "石桥村", "东山村"):
        add_unit(home, name, kind="村")
    take(home, workbook(资格=[(a, x, "法律明白人", DAY, "", "", place, "")]))
    with transaction(home.office) as connection:
        (entry,) = read_entries(connection)
        end_certification(connection, KINDS["law_literate"], entry, date(2026, 1, 10), by="hr1", today=TODAY, reason="离任")
    return a, x


def holding(home, who: tuple[str, str], place: str, day: str = DAY, number: str = "") -> tuple[int, int]:
    """How many lines are (new, on file already)."""
    done = take(home, workbook(资格=[(*who, "法律明白人", day, number, "", place, "")]))
    return done.new["holdings"], done.same["holdings"]


def on_file(home) -> list[tuple[str | None, str, bool, str | None]]:
    """(place, since, running, number) of all certifications."""
    with home.office.connect() as connection:
        query = (
            select(unit.c.name, certification.c.obtained_on, certification.c.ended_on.is_(None), certification.c.certificate_no)
            .select_from(certification).outerjoin(unit, unit.c.id == certification.c.unit_id).order_by(certification.c.id)
        )  # fmt: skip
        return [(name, str(day), bool(running), number) for name, day, running, number in connection.execute(query)]


def test_what_ended_at_one_village_does_not_swallow_the_same_at_another(any_home):
    who = held_then_ended(any_home, "柳河村")
    assert holding(any_home, who, "石桥村") == (1, 0)
    assert on_file(any_home) == [("柳河村", DAY, False, None), ("石桥村", DAY, True, None)]
    assert holding(any_home, who, "石桥村") == holding(any_home, who, "柳河村") == (0, 1), "neither comes twice, nor comes back"
    assert holding(any_home, who, "", number="明1") == (0, 1), "without a place it is the one that runs"
    assert on_file(any_home) == [("柳河村", DAY, False, None), ("石桥村", DAY, True, "明1")]


def test_an_old_line_without_a_place_neither_brings_back_what_ended_nor_changes_what_runs(home_folder):
    who = held_then_ended(home_folder, "柳河村")
    assert holding(home_folder, who, "") == (0, 1)
    assert holding(home_folder, who, "石桥村", "2026-02-01") == (1, 0)
    assert holding(home_folder, who, "") == (0, 1)
    assert on_file(home_folder) == [("柳河村", DAY, False, None), ("石桥村", "2026-02-01", True, None)]


def test_what_ended_without_a_place_is_not_brought_back_by_naming_one(home_folder):
    who = held_then_ended(home_folder, "")
    assert holding(home_folder, who, "石桥村") == (0, 1)


def test_what_ended_at_a_merged_village_ended_at_its_successor(any_home):
    who = held_then_ended(any_home, "柳河村")
    with transaction(any_home.office) as connection:
        ids = {name: ident for ident, name in connection.execute(select(unit.c.id, unit.c.name))}
        merge_units(connection, ids["柳河村"], ids["石桥村"], on_day=date(2026, 3, 1), by="hr", reason="某政〔2026〕5号")
    assert holding(any_home, who, "石桥村") == holding(any_home, who, "柳河村") == (0, 1)
    assert holding(any_home, who, "东山村") == (1, 0)


NOW, BEFORE = ("2021-03-01", ""), ("2015-03-01", "2020-02-01")
NOBODY = "（没有离职）"
#: a spell that is over, and the one on file: how a clerk is told
TOLD = "这是以前的一段任职（2015-03-01 至 2020-02-01），系统里记的是后来的一段（2021-03-01 入职）；每人只记最近一段，请删去这一行"


def worker(home) -> tuple[str, str]:
    """A registered 社会工作师 whose employment is not on file yet."""
    ((_, a, x),) = add_people(home, 1)
    take(home, workbook(资格=[(a, x, "社会工作师", "2023-09-15", "", "", "", "")], 办理=[(a, x, "社会工作师", "首次登记", "2024-03-10", "", "")]))
    return a, x


def spells(who: tuple[str, str], *lines: tuple[str, str]) -> bytes:
    return workbook(任职=[(*who, "社区工作者", began, left, "", "") for began, left in lines])


def days(home) -> tuple[str, str]:
    """(入职, 离职), and nobody who serves goes without a stipend for having left."""
    with home.office.connect() as connection:
        began, left = connection.execute(select(person.c.employed_from, person.c.left_on)).one()
        (line,) = roll(connection, KINDS, read_rules(KINDS)["gansu"], read_staffing().grades, date(2026, 11, 1))
    assert (line.due.reason == "left") == (left is not None)
    return str(began), "" if left is None else str(left)


def changes(done) -> list[tuple[str, str, str]]:
    return [(one.what, one.old, one.new) for one in done.changed]


def test_an_earlier_spell_does_not_mark_a_serving_worker_as_gone(any_home):
    who = worker(any_home)
    take(any_home, spells(who, NOW))
    assert refused(any_home, spells(who, BEFORE)) == [f"任职:2: {TOLD}"]
    assert refused(any_home, spells(who, ("2015-03-01", "2021-03-01")))[0].startswith("任职:2: 这是以前的一段任职"), "it ended as the present one began"
    assert days(any_home) == NOW


def test_both_spells_in_one_sheet_newest_first_are_told(any_home):
    who = worker(any_home)
    assert refused(any_home, spells(who, NOW, BEFORE)) == [f"任职:3: {TOLD}"]


def test_both_spells_in_one_sheet_oldest_first_leave_the_later_one(any_home):
    who = worker(any_home)
    data = spells(who, ("2010-01-01", "2014-05-01"), BEFORE, NOW)
    take(any_home, data)
    assert days(any_home) == NOW
    again = take(any_home, data)
    assert (again.new["employment"], again.same["employment"], again.changed) == (0, 3, []), "the same file twice changes nothing"
    assert days(any_home) == NOW


@pytest.mark.parametrize("since", ["2021-03-01", "2020-02-01"])
def test_who_was_employed_again_serves_again_and_it_is_shown(any_home, since):
    who = worker(any_home)
    take(any_home, spells(who, BEFORE))
    assert days(any_home) == BEFORE
    done = take(any_home, spells(who, (since, "")))
    assert changes(done) == [("入职日期", "2015-03-01", since), ("离职日期", "2020-02-01", NOBODY)]
    assert days(any_home) == (since, "")


def test_a_day_of_leaving_is_always_shown_and_a_blank_one_takes_none_back(any_home):
    who = worker(any_home)
    left = ("2021-03-01", "2026-05-06")
    take(any_home, spells(who, NOW))
    for dry in (True, False):
        assert changes(take(any_home, spells(who, left), dry=dry)) == [("离职日期", NOBODY, "2026-05-06")]
    assert changes(take(any_home, spells(who, NOW))) == [] and days(any_home) == left
    assert changes(take(any_home, spells(who, ("2021-03-01", "2026-05-07")))) == [("离职日期", "2026-05-06", "2026-05-07")]


def test_a_later_spell_that_is_over_too_takes_the_place_of_the_earlier(home_folder):
    who = worker(home_folder)
    assert changes(take(home_folder, spells(who, BEFORE))) == [("离职日期", NOBODY, "2020-02-01")]
    assert changes(take(home_folder, spells(who, ("2021-03-01", "2024-01-01")))) == [
        ("入职日期", "2015-03-01", "2021-03-01"), ("离职日期", "2020-02-01", "2024-01-01")]  # fmt: skip
    assert refused(home_folder, spells(who, BEFORE)) == [f"任职:2: {TOLD}"]
