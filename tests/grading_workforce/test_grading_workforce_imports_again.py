"""Lines of an import that are about another time or another place than what is on file: none is dropped or taken for the present one."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from workforce_room import add_people, add_unit, take, workbook

from grading.tables import certification, certification_step
from people.errors import RosterError
from people.tables import unit


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
