"""At which unit the figures count whoever stood on a roster under some name; for which unit they are asked (:mod:`people.unit_names`)."""

from __future__ import annotations

from datetime import date

import pytest
from workforce_room import add_unit, two_towns

from grading.statistics.asking import unit_named
from grading.statistics.places import read_places
from grading.statistics.rules import rules_of
from home import Home
from people.errors import PeopleError

DAY = date(2026, 3, 1)


@pytest.fixture
def towns(any_home: Home) -> tuple[Home, dict[str, int]]:
    return any_home, two_towns(any_home)


def test_statistics_take_no_ambiguous_label_for_the_oldest_unit(towns) -> None:
    home, at = towns
    with home.office.connect() as connection:
        places = read_places(connection, rules_of(home), DAY)
    for own in (None, at["乙镇"]):
        place = places.at(own, "东街社区")
        assert (place.id, place.name, place.path) == (None, "东街社区", ())
    assert places.at(at["乙镇/东街社区"], "东街社区").id == at["乙镇/东街社区"], "the unit on file tells which"
    for label, path in (("乙镇东街社区", "乙镇/东街社区"), ("乙镇/东街社区", "乙镇/东街社区"), ("乙镇北街社区", "乙镇/北门社区"), ("甲镇西街社区", "甲镇/东街社区")):
        assert places.at(None, label).id == places.at(at["甲镇"], label).id == at[path], label


def test_the_unit_on_file_comes_before_another_that_has_its_former_name_now(towns) -> None:
    home, at = towns
    again = add_unit(home, "北街社区", kind="社区", parent_id=at["甲镇"])
    closed = add_unit(home, "老村", kind="村", parent_id=at["甲镇"], valid_to=DAY)
    with home.office.connect() as connection:
        places = read_places(connection, rules_of(home), DAY)
    assert places.at(at["乙镇/北门社区"], "北街社区").id == at["乙镇/北门社区"]
    assert places.at(None, "北街社区").id == places.at(at["甲镇"], "北街社区").id == again
    assert places.at(None, "甲镇老村").id == closed, "rosters of earlier days name units that are closed since"


def test_statistics_are_asked_for_by_any_name_that_rosters_have(towns) -> None:
    home, at = towns
    with home.office.connect() as connection:
        for name, path in (("乙镇东街社区", "乙镇/东街社区"), (" 乙镇 / 东街社区", "乙镇/东街社区"), ("北街社区", "乙镇/北门社区"), ("西街社区", "甲镇/东街社区"), ("甲镇", "甲镇")):
            assert unit_named(connection, name) == str(at[path]), name
        assert unit_named(connection, "  ") == ""
        with pytest.raises(PeopleError, match="“东街社区”可能是 2 个单位：“甲镇”下的“东街社区”、“乙镇”下的“东街社区”；请写成“甲镇东街社区”或“乙镇东街社区”"):
            unit_named(connection, "东街社区")
        with pytest.raises(PeopleError, match="没有叫“没有的社区”的单位；请核对名称"):
            unit_named(connection, "没有的社区")
