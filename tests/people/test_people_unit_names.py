"""Which unit a written name means, on a tree with renamed, merged, closed and equally named units."""

from __future__ import annotations

from datetime import date

import pytest
from people_fixture import person_line, roster_xlsx
from sqlalchemy import Connection, event, update

from home import Home, transaction
from people.changes import merge_units, rename_unit
from people.errors import PeopleError, RosterError
from people.persons import import_roster
from people.roster import read_roster
from people.tables import alias, unit
from people.unit_names import UnitNames

DAY = date(2026, 3, 1)
#: each unit as the way down to it
PATHS = ("甲县", "甲县/乙镇", "甲县/乙镇/东街社区", "甲县/乙镇/西街社区", "甲县/丙镇", "甲县/丙镇/东街社区", "甲县/丙镇/南街社区", "丁县", "丁县/戊镇", "丁县/戊镇/河口村")


def grown(connection: Connection, paths: tuple[str, ...] = PATHS) -> dict[str, int]:
    """The units of these paths; returns path -> id."""
    made: dict[str, int] = {}
    for path in paths:
        above, _, name = path.rpartition("/")
        made[path] = connection.execute(unit.insert().values(name=name, parent_id=made.get(above))).inserted_primary_key[0]
    return made


@pytest.fixture
def tree(any_home: Home) -> tuple[Home, dict[str, int]]:
    """南街社区 was 城南社区, 戊镇 was 老戊乡, 西街社区 was merged into 丙镇's 东街社区."""
    with transaction(any_home.office) as connection:
        at = grown(connection)
        rename_unit(connection, at["甲县/丙镇/南街社区"], "城南社区", by="hr", reason="更名")
        rename_unit(connection, at["甲县/丙镇/南街社区"], "南街社区", by="hr", reason="改回")
        rename_unit(connection, at["丁县/戊镇"], "新戊镇", by="hr", reason="更名")
        merge_units(connection, at["甲县/乙镇/西街社区"], at["甲县/丙镇/东街社区"], on_day=DAY, by="hr", reason="合并")
    return any_home, at


MEANT = {
    "甲县": "甲县", "乙镇东街社区": "甲县/乙镇/东街社区", "乙镇/东街社区": "甲县/乙镇/东街社区", "丙镇／东街社区": "甲县/丙镇/东街社区", "乙镇//东街社区": "甲县/乙镇/东街社区", " 丙镇 东街社区 ": "甲县/丙镇/东街社区",
    "甲县乙镇东街社区": "甲县/乙镇/东街社区", "甲县/乙镇东街社区": "甲县/乙镇/东街社区", "南街社区": "甲县/丙镇/南街社区", "城南社区": "甲县/丙镇/南街社区",
    "丙镇城南社区": "甲县/丙镇/南街社区", "戊镇": "丁县/戊镇", "戊镇河口村": "丁县/戊镇/河口村", "新戊镇/河口村": "丁县/戊镇/河口村", "丁县戊镇河口村": "丁县/戊镇/河口村",
    "西街社区": "甲县/丙镇/东街社区", "乙镇西街社区": "甲县/丙镇/东街社区", "丙镇西街社区": "甲县/丙镇/东街社区",
}  # fmt: skip


def test_a_name_means_one_unit(tree) -> None:
    home, at = tree
    with home.office.connect() as connection:
        names = UnitNames(connection)
    assert {name: names.called(name) for name in MEANT} == {name: [at[path]] for name, path in MEANT.items()}
    assert {names.one(name, "没有") for name in ("乙镇东街社区", "甲县/乙镇/东街社区")} == {at["甲县/乙镇/东街社区"]}


@pytest.mark.parametrize("name", ["", " ", "/", "／／", "镇", "街社区", "甲县东街社区", "乙镇南街社区", "东街社区乙镇", "甲县/乙镇/", "%", "东" * 5000, "乙镇\x00东街社区"])
def test_what_is_no_name_means_none(tree, name: str) -> None:
    home, _ = tree
    with home.office.connect() as connection:
        names = UnitNames(connection)
    assert names.called(name) == [] == names.called(name, closed=True)
    with pytest.raises(PeopleError, match=r"^没有这个单位$"):
        names.one(name, "没有这个单位")
    assert names.label(name) == name


def test_a_name_of_several_is_refused_and_told(tree) -> None:
    home, _ = tree
    with home.office.connect() as connection:
        names = UnitNames(connection)
    for name in ("东街社区", "己镇/东街社区"):
        with pytest.raises(PeopleError) as told:
            names.one(name, "没有")
        assert str(told.value) == (
            f"“{name}”可能是 2 个单位：“乙镇”下的“东街社区”、“丙镇”下的“东街社区”；请写成“乙镇东街社区”或“丙镇东街社区”，上级单位和名称之间也可以加“/”"
        )


def test_towns_of_one_name_are_told_apart_by_their_county(home_folder: Home) -> None:
    with transaction(home_folder.office) as connection:
        at = grown(connection, ("甲县", "甲县/城关镇", "甲县/城关镇/东街社区", "乙县", "乙县/城关镇", "乙县/城关镇/东街社区"))
        names = UnitNames(connection)
        with pytest.raises(PeopleError, match="“甲县城关镇”下的“东街社区”、“乙县城关镇”下的“东街社区”；请写成“甲县城关镇东街社区”或“乙县城关镇东街社区”"):
            names.one("城关镇东街社区", "没有")
    assert names.one("乙县/城关镇/东街社区", "没有") == at["乙县/城关镇/东街社区"]
    assert names.title(at["乙县/城关镇"]) == "乙县城关镇" and names.title(at["乙县"]) == "乙县"
    assert names.label("乙县/城关镇／东街社区") == "乙县城关镇东街社区"


def test_two_of_one_name_below_one_unit_cannot_be_written(home_folder: Home) -> None:
    with transaction(home_folder.office) as connection:
        at = grown(connection, ("甲镇", "甲镇/东街社区"))
        connection.execute(unit.insert().values(name="东街社区", parent_id=at["甲镇"]))
        with pytest.raises(PeopleError, match="连上级单位也同名的，请先由操作员更名") as told:
            UnitNames(connection).one("东街社区", "没有")
    assert "请写成" not in str(told.value)


def test_of_many_units_ten_are_listed(home_folder: Home) -> None:
    with transaction(home_folder.office) as connection:
        grown(connection, tuple(path for n in range(12) for path in (f"第{n}社区", f"第{n}社区/第一网格")))
        names = UnitNames(connection)
    told = names.which("第一网格", names.called("第一网格"))
    assert "可能是 12 个单位" in told and told.count("下的“第一网格”") == 10 and "“第9社区”下的“第一网格”等；请写成“第0社区第一网格”或" in told


def test_a_closed_unit_is_meant_only_by_lists_of_earlier_days(home_folder: Home) -> None:
    with transaction(home_folder.office) as connection:
        at = grown(connection, ("甲镇", "甲镇/老村"))
        connection.execute(update(unit).where(unit.c.id == at["甲镇/老村"]).values(valid_to=DAY))
        names = UnitNames(connection)
        for name in ("老村", "甲镇老村", "甲镇/老村"):
            assert names.called(name) == [] and names.called(name, closed=True) == [at["甲镇/老村"]]
        names.add(99, "老村", at["甲镇"])
    assert names.called("老村", closed=True) == [99] == names.called("甲镇/老村") == names.exactly("老村"), "a living one comes first"


def test_a_unit_made_or_placed_since_is_known(home_folder: Home) -> None:
    with transaction(home_folder.office) as connection:
        at = grown(connection, ("甲镇", "乙镇", "乙镇/东街社区"))
        names = UnitNames(connection)
    names.add(98, "东街社区")
    told = names.which("东街社区", names.called("东街社区"))
    assert "没有登记上级单位的“东街社区”；请写成“乙镇东街社区”" in told
    names.put_below(98, at["甲镇"])
    assert names.called("甲镇东街社区") == [98] and "请写成“乙镇东街社区”或“甲镇东街社区”" in names.which("东街社区", names.called("东街社区"))


def test_a_former_name_that_another_unit_has_now_means_that_one(home_folder: Home) -> None:
    with transaction(home_folder.office) as connection:
        at = grown(connection, ("甲镇", "甲镇/新区社区", "甲镇/城关社区"))
        connection.execute(alias.insert().values(unit_id=at["甲镇/新区社区"], name="城关社区"))
        names = UnitNames(connection)
    assert names.called("城关社区") == names.called("甲镇城关社区") == [at["甲镇/城关社区"]]
    assert names.could_mean("城关社区", at["甲镇/新区社区"]) and names.could_mean("甲镇/城关社区", at["甲镇/新区社区"]) and not names.could_mean("城关社区", at["甲镇"])
    assert names.formerly("甲镇城关社区", at["甲镇/新区社区"]) and not names.formerly("城关社区", at["甲镇/城关社区"])


def test_loops_of_parents_and_mergers_end(home_folder: Home) -> None:
    with transaction(home_folder.office) as connection:
        at = grown(connection, ("村", "镇", "甲", "乙"))
        for one, other in (("村", "镇"), ("镇", "村")):
            connection.execute(update(unit).where(unit.c.id == at[one]).values(parent_id=at[other]))
        for one, other in (("甲", "乙"), ("乙", "甲")):
            connection.execute(update(unit).where(unit.c.id == at[one]).values(merged_into=at[other], valid_to=DAY))
        names = UnitNames(connection)
    assert names.called("镇村" * 40) == [at["村"]] and names.above(at["村"]) == [at["镇"]]
    assert names.called("甲") == []


def test_no_name_costs_a_query(tree) -> None:
    home, at = tree
    with home.office.connect() as connection:
        asked: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda _c, _cur, statement, *_: asked.append(statement) if "SELECT" in statement else None)
        names = UnitNames(connection)
        assert len(asked) == 3
        for name in MEANT:
            names.one(name, "没有")
            names.label(name)
            names.title(at[MEANT[name]])
        names.which("东街社区", names.called("东街社区"))
        assert len(asked) == 3


def test_a_roster_puts_people_at_the_unit_that_an_old_name_has_become(tree) -> None:
    home, _ = tree

    def take(*units: str):
        with transaction(home.office) as connection:
            lines = [person_line(n, unit=name) for n, name in enumerate(units, 1)]
            return import_roster(connection, home.key("identity"), read_roster(roster_xlsx(lines), "名单.xlsx", DAY), "hr")

    done = take("乙镇西街社区", "戊镇/河口村", "丙镇城南社区", "甲县/乙镇/东街社区")
    assert done.new_units == (), "no second unit is made for an old name"
    assert [one.row.unit for one in done.people] == ["乙镇西街社区", "戊镇河口村", "丙镇城南社区", "甲县乙镇东街社区"], "lists keep the name of their day"
    with pytest.raises(RosterError, match="请写成“乙镇东街社区”或“丙镇东街社区”"):
        take("乙镇东街社区", "南街社区", "河口村", "甲县", "东街社区")
    moved = take("乙镇东街社区").changed[0]
    assert (moved.what, moved.old, moved.new) == ("单位", "丙镇东街社区", "乙镇东街社区")
