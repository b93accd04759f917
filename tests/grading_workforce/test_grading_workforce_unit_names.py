"""How a workbook says which unit it means: as rosters do (:mod:`people.unit_names`)."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select
from workforce_room import add_people, add_unit, take, two_towns, workbook

from grading.tables import certification
from home import Home
from people.errors import RosterError
from people.finding import units_under
from people.tables import person, unit

WHICH = "“东街社区”可能是 2 个单位：“甲镇”下的“东街社区”、“乙镇”下的“东街社区”；请写成“甲镇东街社区”或“乙镇东街社区”"


@pytest.fixture
def towns(any_home: Home) -> tuple[Home, dict[str, int]]:
    return any_home, two_towns(any_home)


def told_of(home: Home, data: bytes) -> list[str]:
    with pytest.raises(RosterError) as told:
        take(home, data)
    return [str(one) for one in told.value.faults]


def test_places_of_service_and_of_work_are_named_as_on_rosters(towns) -> None:
    home, at = towns
    people = add_people(home, 5)
    named = [(name, number) for _, name, number in people]
    written = {
        "乙镇东街社区": "乙镇/东街社区", "乙镇/北街社区": "乙镇/北门社区", "乙镇北门社区": "乙镇/北门社区", "甲镇西街社区": "甲镇/东街社区", "甲镇／东街社区": "甲镇/东街社区",
    }  # fmt: skip
    take(home, workbook(
        资格=[(*one, "法律明白人", "2026-04-01", "", "", place, "") for one, place in zip(named, written, strict=True)],
        任职=[(*one, "社区工作者", "2026-04-01", "", place, "") for one, place in zip(named, written, strict=True)]))  # fmt: skip
    with home.office.connect() as connection:
        served = dict(connection.execute(select(certification.c.person_id, certification.c.unit_id)).all())
        works = dict(connection.execute(select(person.c.id, person.c.unit_id)).all())
    assert served == works == {ident: at[path] for (ident, _, _), path in zip(people, written.values(), strict=True)}


def test_a_place_that_several_are_called_is_a_fault_of_its_line(towns) -> None:
    home, _ = towns
    (_, name, number), *_ = add_people(home, 1)
    first, second = told_of(home, workbook(资格=[(name, number, "法律明白人", "2026-04-01", "", "", place, "") for place in ("东街社区", "丙镇/东街社区")]))
    assert first.startswith(f"资格:2: 服务单位：{WHICH}") and second.startswith("资格:3: 服务单位：“丙镇/东街社区”可能是 2 个单位") and "请写成“甲镇东街社区”" in second


def test_a_line_about_a_unit_written_behind_the_one_above_makes_no_second_unit(towns) -> None:
    home, at = towns
    done = take(home, workbook(单位=[("乙镇东街社区", "社区", "", "", "", 700, 1500), ("甲镇/东街社区", "社区", "甲镇", "", "", 900, 2100)]))
    assert (done.new["units"], done.same["units"]) == (0, 2)
    with home.office.connect() as connection:
        households = dict(connection.execute(select(unit.c.id, unit.c.households)).all())
    assert (households[at["乙镇/东街社区"]], households[at["甲镇/东街社区"]]) == (700, 900)
    assert take(home, workbook(单位=[("乙镇东街社区", "社区", "甲镇", "", "", 5, 5)])).new["units"] == 1, "of that name below another: another unit"


@pytest.mark.parametrize(("name", "above", "said"), [
    ("东街社区", "", f"{WHICH}，上级单位和名称之间也可以加“/”；或填“上级单位”列"),
    ("乙镇北街社区", "", "“乙镇北街社区”已更名或并入“北门社区”；请改写成现在的名称"),
    ("乙镇/北街社区", "乙镇", "“乙镇/北街社区”已更名或并入“北门社区”"),
    ("北街社区", "丙镇", "“北街社区”已更名或并入“北门社区”"),
    ("甲镇西街社区", "", "“甲镇西街社区”已更名或并入“甲镇东街社区”；请改写成现在的名称"),
    ("乙镇/南街社区", "", "“乙镇”下还没有登记“南街社区”；要登记新单位，请在“单位名称”列只写“南街社区”，“上级单位”列写“乙镇”"),
    ("丙镇/东街社区", "", "“丙镇”下还没有登记“东街社区”；要登记新单位"),
    ("乙镇东街社区", "乙镇东街社区", "上级单位不能是它自己"),
])  # fmt: skip
def test_a_line_about_a_unit_that_cannot_be_told_is_refused(towns, name: str, above: str, said: str) -> None:
    home, _ = towns
    add_unit(home, "丙镇", kind="乡镇")
    (told,) = told_of(home, workbook(单位=[(name, "社区", above, "", "", 1, 1)]))
    assert told.startswith(f"单位:2: 单位名称：{said}")


def test_a_unit_made_or_placed_by_one_line_is_found_behind_the_one_above_by_others(towns) -> None:
    home, at = towns
    loose = add_unit(home, "河口村", kind="村")
    (ident, name, number), *_ = add_people(home, 1)
    take(home, workbook(单位=[("一组", "其他", "乙镇新村", "", "", "", ""), ("河口村", "村", "甲镇", "", "", 1, 1), ("新村", "村", "乙镇", "", "", 1, 1), ("乙镇", "乡镇", "", "", "", "", "")],
                        任职=[(name, number, "村干部", "2026-04-01", "", "甲镇河口村", "")]))  # fmt: skip
    with home.office.connect() as connection:
        assert connection.execute(select(person.c.unit_id).where(person.c.id == ident)).scalar_one() == loose
        new = connection.execute(select(unit.c.id, unit.c.parent_id).where(unit.c.name == "新村")).one()
        assert new.parent_id == at["乙镇"] and connection.execute(select(unit.c.parent_id).where(unit.c.name == "一组")).scalar_one() == new.id


@pytest.mark.parametrize(("text", "found"), [
    ("乙镇东街社区", ["乙镇/东街社区"]), ("乙镇/东街社区", ["乙镇/东街社区"]), (" 甲镇／东街社区 ", ["甲镇/东街社区", "甲镇/西街社区"]),
    ("东街", ["甲镇/东街社区", "乙镇/东街社区", "甲镇/西街社区"]), ("乙镇", ["乙镇", "乙镇/东街社区", "乙镇/北门社区"]), ("北街", ["乙镇/北门社区"]), ("镇东街", []),
    ("丙镇东街社区", []), ("乙镇%", []),
])  # fmt: skip
def test_a_list_is_narrowed_to_one_of_two_units_of_one_name(towns, text: str, found: list[str]) -> None:
    """With what was merged into it, and what lies below it; a part that reaches over two names finds nothing."""
    home, at = towns
    with home.office.connect() as connection:
        assert set(connection.execute(units_under(text)).scalars()) == {at[path] for path in found}


def test_lines_of_known_names_cost_no_query_each(home_folder: Home) -> None:
    """The same workbook with ten times the lines about known units asks the database as often."""
    for town in ("甲镇", "乙镇"):
        above = add_unit(home_folder, town)
        for n in range(30):
            add_unit(home_folder, f"第{n}村", kind="村", parent_id=above)

    def asked(count: int) -> int:
        seen: list[str] = []
        listener = lambda _c, _cur, statement, *_: seen.append(statement)  # noqa: E731
        event.listen(home_folder.office, "before_cursor_execute", listener)
        done = take(home_folder, workbook(单位=[(f"乙镇第{n}村", "村", "", "", "", "", "") for n in range(count)]))
        event.remove(home_folder.office, "before_cursor_execute", listener)
        assert done.same["units"] == count
        return len(seen)

    assert asked(3) == asked(30)
