"""Lines of an import that are about another time or another place than what is on file: none is dropped or taken for the present one."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from workforce_room import add_people, take, workbook

from grading.tables import certification
from people.errors import RosterError


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
