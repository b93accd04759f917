"""A village merged into another: what was entered there counts at the successor from that day on, its old name stays to be seen."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy import select
from workforce_room import HEADINGS, KINDS, TODAY, add_people, add_unit, take, workbook

from grading.errors import WorkforceError
from grading.exports import export_list
from grading.lists.scope import Scope
from grading.statistics.places import read_places
from grading.statistics.rules import rules_of
from grading.tables import certification
from grading.workforce.communities import communities
from grading.workforce.coverage import coverage
from grading.workforce.entering import add_certification, end_certification, resume_certification
from grading.workforce.holdings import read_entries
from home import AUDIT, OFFICE, transaction
from people.changes import merge_units
from people.errors import RosterError
from people.successors import counts_for, successors
from people.tables import unit

LITERATE, DAY, LATER = KINDS["law_literate"], date(2026, 3, 1), date(2026, 6, 1)


def villages(home, kind: str = "村", **numbers: int) -> dict[str, int]:
    town = add_unit(home, "城关镇", kind="乡镇")
    return {name: add_unit(home, name, kind=kind, parent_id=town, **numbers) for name in ("柳河村", "石桥村", "东山村")}


def holders(home, ids, n: int = 4) -> list[tuple[int, str, str]]:
    """Three exercise it at 柳河村, one at 石桥村."""
    people = add_people(home, n)
    places = ["柳河村"] * 3 + ["石桥村"] * (n - 3)
    take(home, workbook(资格=[(name, number, "法律明白人", "2025-01-10", "", "", place, "") for (_, name, number), place in zip(people, places, strict=True)],
                        办理=[(name, number, "法律明白人", "发证", "2025-03-01", "", place) for (_, name, number), place in zip(people, places, strict=True)]))  # fmt: skip
    return people


def merge(home, source: int, into: int, on: date = DAY) -> None:
    with transaction(home.office) as connection:
        merge_units(connection, source, into, on_day=on, by="hr", reason="某政〔2026〕5号")


def counted(home, on: date) -> dict[str, int]:
    with home.office.connect() as connection:
        found = coverage(connection, KINDS, LITERATE, on)
    assert found.nowhere == 0
    return {one.unit: one.have for one in found.units}


def test_the_target_of_a_village_counts_at_the_successor_from_that_day_on(any_home):
    ids = villages(any_home)
    holders(any_home, ids)
    assert counted(any_home, TODAY) == {"柳河村": 3, "石桥村": 1, "东山村": 0}
    merge(any_home, ids["柳河村"], ids["石桥村"])
    assert counted(any_home, DAY) == {"石桥村": 4, "东山村": 0}
    assert counted(any_home, date(2026, 2, 28)) == {"柳河村": 3, "石桥村": 1, "东山村": 0}, "the day before"
    merge(any_home, ids["石桥村"], ids["东山村"], LATER)
    assert counted(any_home, LATER) == {"东山村": 4}, "through two mergers"
    assert counted(any_home, date(2026, 5, 31)) == {"石桥村": 4, "东山村": 0}
    with any_home.office.connect() as connection:
        assert successors(connection) == {ids["柳河村"]: ids["东山村"], ids["石桥村"]: ids["东山村"]}
        assert dict(connection.execute(counts_for(LATER)).all())[ids["柳河村"]] == ids["东山村"]


def test_the_old_name_stays_to_be_seen_and_leads_on(home_folder):
    ids = villages(home_folder)
    people = holders(home_folder, ids)
    merge(home_folder, ids["柳河村"], ids["石桥村"])
    with home_folder.office.connect() as connection:
        assert {one.at for one in read_entries(connection)} == {"柳河村（已并入石桥村）", "石桥村"}
    for under in ("柳河", "石桥", "城关"):
        out = home_folder.root / "held.json"
        export_list(home_folder, "held", Scope(on=TODAY, under=under), "json", out, "hr")
        assert len(json.loads(out.read_text(encoding="utf-8"))["records"]) == 4, under
    with transaction(home_folder.office) as connection, pytest.raises(WorkforceError, match="已经登记了"):
        add_certification(connection, LITERATE, people[0][0], date(2026, 5, 5), by="hr", today=TODAY, unit_id=ids["石桥村"])


def test_the_old_file_does_not_bring_the_village_back(home_folder):
    ids = villages(home_folder)
    people = holders(home_folder, ids)
    merge(home_folder, ids["柳河村"], ids["石桥村"])
    name, number = people[0][1:]
    for place in ("柳河村", "石桥村"):
        take(home_folder, workbook(资格=[(name, number, "法律明白人", "2025-01-10", "", "", place, "")]))
    with home_folder.office.connect() as connection:
        assert len(connection.execute(select(certification.c.id)).all()) == 4, "no second certification"
        assert len(connection.execute(select(unit.c.id)).all()) == 4
    with pytest.raises(RosterError) as told:
        take(home_folder, workbook(HEADINGS, 单位=[("柳河村", "村", "城关镇", "", "", 900, "", "", "")]))
    assert "已更名或并入“石桥村”；请改写成现在的名称" in str(told.value.faults[0])


def test_staffing_counts_people_and_reported_numbers_at_the_successor(home_folder):
    ids = villages(home_folder, "社区", households=1000, residents=2500, workers=2)
    with transaction(home_folder.office) as connection:
        connection.execute(unit.update().where(unit.c.id == ids["石桥村"]).values(workers=None, households=1500))
    add_people(home_folder, 2, unit_id=ids["柳河村"], category="社区工作者", employed_from=date(2020, 1, 1))
    merge(home_folder, ids["柳河村"], ids["石桥村"])
    with home_folder.office.connect() as connection:
        known = {one.name: one for one in communities(connection, TODAY)}
        trail = json.loads(connection.execute(select(AUDIT[OFFICE].c.payload).where(AUDIT[OFFICE].c.action == "unit.merge")).scalar_one())
    assert set(known) == {"石桥村", "东山村"}
    one = known["石桥村"]
    assert (one.households, one.residents, one.workers, one.staff["社区工作者"]) == (2500, 5000, None, 2)
    assert trail["numbers"] == {"households": [1500, 2500], "residents": [2500, 5000]}, "what they were stays on the trail"


def test_units_of_another_kind_add_no_numbers(home_folder):
    ids = villages(home_folder, "社区", households=1000)
    town = add_unit(home_folder, "街道", kind="街道", households=9000)
    merge(home_folder, ids["柳河村"], town)
    with home_folder.office.connect() as connection:
        assert connection.execute(select(unit.c.households).where(unit.c.id == town)).scalar_one() == 9000


def test_statistics_place_the_old_name_at_the_successor(home_folder):
    ids = villages(home_folder)
    merge(home_folder, ids["柳河村"], ids["石桥村"])
    merge(home_folder, ids["石桥村"], ids["东山村"], LATER)
    with home_folder.office.connect() as connection:
        places = read_places(connection, rules_of(home_folder), TODAY)
    assert places.at(None, "柳河村").id == places.at(ids["东山村"], "石桥村").id == ids["东山村"]
    assert {ids["柳河村"], ids["石桥村"]} <= places.closed


def test_an_ending_at_the_old_village_is_not_taken_back_while_the_same_runs_at_its_successor(home_folder):
    ids = villages(home_folder)
    person_id = holders(home_folder, ids)[0][0]
    with transaction(home_folder.office) as connection:
        old = next(one for one in read_entries(connection) if one.holder.id == person_id)
        end_certification(connection, LITERATE, old, date(2026, 1, 10), by="hr", today=TODAY, reason="离任")
    merge(home_folder, ids["柳河村"], ids["石桥村"])
    with transaction(home_folder.office) as connection:
        ended = next(one for one in read_entries(connection) if one.id == old.id)
        add_certification(connection, LITERATE, person_id, date(2026, 5, 5), by="hr", today=TODAY, unit_id=ids["石桥村"])
        with pytest.raises(WorkforceError, match="另外登记"):
            resume_certification(connection, LITERATE, ended, by="hr", reason="登记错了")
