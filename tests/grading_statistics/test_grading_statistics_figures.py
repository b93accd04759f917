"""The tables against an independent reckoning in pandas, over a county of some hundred people; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pandas as pd
import pytest
from sqlalchemy import insert, select, update
from statistics_fixture import NOW, SITTINGS, TODAY, UNITS, furnish

from bench._sitting import PROFILE
from exams.tables import candidate, sitting
from grading.errors import ExportError
from grading.lists.expiry import passes_due
from grading.lists.made import Wanted
from grading.lists.scope import Scope
from grading.statistics import kept
from grading.statistics.asking import Asked, read_asked
from grading.statistics.figures import VIEWS, Statistics, statistics
from grading.statistics.held import OUR_PASS, count_held
from grading.statistics.kept import keep
from grading.statistics.rules import parse_rules, read_rules
from grading.statistics.tables import HIGH, LOW, NOT_SHOWN, Table
from grading.tables import certification, certification_step, kept_counts, record
from grading.workforce.due import due
from grading.workforce.kinds import read_kinds
from grading.workforce.reckoning import reckon
from home import Home, digest, transaction
from people.tables import person, unit

CELLS = ("合格", "不合格", "未参考", "免试", "待定")
CELL_OF = {"passed": "合格", "failed": "不合格", "final_fail": "不合格", "exempt": "免试", "": "待定"}


def told(home: Home, asked: Asked | None = None, views: tuple[str, ...] = tuple(VIEWS)) -> Statistics:
    with home.office.connect() as connection:
        return statistics(home, connection, asked or Asked(), NOW, views)


def table(known: Statistics, ident: str) -> pd.DataFrame:
    one = next(one for one in known.tables if one.id == ident)
    return pd.DataFrame(list(one.rows), columns=list(one.columns))


def read(home: Home, what) -> pd.DataFrame:
    with home.office.connect() as connection:
        return pd.DataFrame(connection.execute(select(what)).mappings().all())


def sat(home: Home, since: str = "", formal: bool = True) -> pd.DataFrame:
    """Every person due once, by the last sitting: unit, rank group, channel, cell. Nothing of ours is used but the tables."""
    due, sittings, records = read(home, candidate), read(home, sitting), read(home, record)
    standing = records[~records["id"].isin(records["supersedes"].dropna())][["sitting_id", "person_id", "outcome"]]
    due = due.merge(sittings[["id", "kind", "opens_at"]], left_on="sitting_id", right_on="id").merge(standing, how="left", on=["sitting_id", "person_id"])
    if formal:
        due = due[due["kind"] == "formal"]
    if since:
        due = due[due["opens_at"] >= pd.Timestamp(since, tz="Asia/Shanghai").timestamp() * 1000]
    due = due.sort_values("opens_at").groupby("person_id").tail(1).copy()
    due["cell"] = due["outcome"].fillna("").map(lambda one: CELL_OF.get(one, "未参考"))
    due["unit"] = due["unit_label"].replace("县公安分局", "县公安局")
    ranks = {"县处级副职": "县处级", "乡科级正职": "乡科级", "乡科级副职": "乡科级", "科员级": "科员及以下", "一级主任科员": "一级主任科员"}
    due["rank"] = due["rank_label"].map(ranks).fillna("未填层级")
    due["channel"] = due["channel"].fillna("未填渠道")
    return due


def agrees(shown: pd.DataFrame, key: str, true: pd.DataFrame, due: str, cells: tuple[str, ...], least: int) -> None:
    """Every row of the table is that of the true one: what is shown is equal, what is hidden is where its words say."""
    seen = 0
    for row in shown.to_dict("records"):
        if row[key] not in true.index:
            continue
        real, seen = true.loc[row[key]], seen + 1
        assert row[due] == real.sum(), row
        for cell in cells:
            count = int(real.get(cell, 0))
            assert row[cell] == count or (row[cell] == "少于 5 人" and count < 5) or (row[cell] == NOT_SHOWN and count >= 5), (row, cell, count)
            assert not (isinstance(row[cell], int) and 0 < row[cell] < 5)
        part, whole = int(real.get(cells[0], 0)), int(real.get(cells[0], 0) + real.get(cells[1], 0))
        low, high = row[LOW], row[HIGH]
        if whole and low is not None and low == low:
            assert low - 0.051 <= 100 * part / whole <= high + 0.051, row
    assert seen >= least


def counted(people: pd.DataFrame, by: str, cells: tuple[str, ...], column: str) -> pd.DataFrame:
    return pd.crosstab(people[by], people[column]).reindex(columns=list(cells), fill_value=0)


def test_pass_rates_agree_with_pandas(any_home: Home) -> None:
    furnish(any_home)
    known, people = told(any_home, views=("pass",)), sat(any_home)
    whole = table(known, "pass_by_rank").iloc[0]
    assert whole["应考"] == len(people) and whole["合格"] == (people["cell"] == "合格").sum()
    agrees(table(known, "pass_by_rank"), "层级", counted(people, "rank", CELLS, "cell"), "应考", CELLS, 5)
    agrees(table(known, "pass_by_channel"), "任免渠道", counted(people, "channel", CELLS, "cell"), "应考", CELLS, 3)
    units = table(known, "pass_by_unit")
    agrees(units, "单位", counted(people, "unit", CELLS, "cell"), "应考", CELLS, 9)
    assert units["应考"].sum() == len(people), "nobody is lost on the way"


def test_a_unit_written_behind_the_one_above_counts_as_that_unit(home_folder: Home) -> None:
    """As rosters tell two units of one name apart (people.unit_names)."""
    furnish(home_folder)
    before = table(told(home_folder, views=("pass",)), "pass_by_unit")
    with transaction(home_folder.office) as connection:
        connection.execute(update(candidate).where(candidate.c.unit_label == "南村").values(unit_label="城关镇南村"))
    assert table(told(home_folder, views=("pass",)), "pass_by_unit").equals(before)


def test_days_units_and_formal_only(home_folder: Home) -> None:
    furnish(home_folder)
    since = table(told(home_folder, Asked(since=date(2026, 3, 20)), ("pass",)), "pass_by_channel")
    agrees(since, "任免渠道", counted(sat(home_folder, "2026-03-20"), "channel", CELLS, "cell"), "应考", CELLS, 3)
    every = table(told(home_folder, Asked(formal=False), ("pass",)), "pass_by_channel")
    agrees(every, "任免渠道", counted(sat(home_folder, formal=False), "channel", CELLS, "cell"), "应考", CELLS, 3)
    town = told(home_folder, Asked(unit=6), ("pass",))
    people = sat(home_folder)
    people = people[people["unit"].isin(["城关镇", "南村", "北村"])]
    assert town.unit == "城关镇" and table(town, "pass_by_rank").iloc[0]["应考"] == len(people)
    assert not told(home_folder, Asked(until=date(2024, 1, 1)), ("pass",)).tables[0].rows


def certified(home: Home) -> pd.DataFrame:
    """Persons on file, and whether anything they hold is valid today, by pandas alone."""
    people, held, steps = read(home, person), read(home, certification), read(home, certification_step)
    people = people[people["left_on"].isna() | (pd.to_datetime(people["left_on"]) > pd.Timestamp(TODAY))].copy()
    held = held[held["ended_on"].isna() & (held["kind"] != "appraisal") & held["person_id"].isin(people["id"])].copy()
    starts = steps[steps["kind"].isin(["registered", "appointed", "certified"])].set_index("certification_id")["on_day"]
    held["start"] = pd.to_datetime(held["id"].map(starts))
    held["until"] = held["start"] + pd.DateOffset(months=36)
    held.loc[held["kind"] == "mediator", "until"] -= pd.Timedelta(days=1)
    today = pd.Timestamp(TODAY)
    held["valid"] = (held["kind"] == "pre_appointment") | (held["start"].notna() & ((held["until"] >= today) | (held["kind"] == "law_literate")))
    people["cell"] = people["id"].isin(held.loc[held["valid"], "person_id"]).map({True: "持证", False: "未持证"})
    people["unit"] = people["unit_id"].map({n: one[0] for n, one in enumerate(UNITS, 1)})
    people["category"] = people["category"].fillna("未填类别")
    people.attrs["held"] = held
    return people


def test_certifications_agree_with_pandas(any_home: Home) -> None:
    furnish(any_home)
    known, people = told(any_home, views=("held", "expiry")), certified(any_home)
    cells = ("持证", "未持证")
    agrees(table(known, "held_by_category"), "人员类别", counted(people, "category", cells, "cell"), "登记人数", cells, 4)
    agrees(table(known, "held_by_unit"), "单位", counted(people, "unit", cells, "cell"), "登记人数", cells, 8)
    held = people.attrs["held"]
    valid = held[held["valid"]]
    best = valid[valid["kind"].str.startswith("social")].copy()
    best["level"] = best["kind"].map({"social_worker_senior": 3, "social_worker": 2, "social_worker_assistant": 1})
    levels = best.groupby("person_id")["level"].max().value_counts()
    structure = table(known, "structure").set_index(["队伍", "等级或状态"])["人数"]
    for level, title in ((3, "高级社会工作师"), (2, "社会工作师"), (1, "助理社会工作师")):
        assert structure["社会工作者", title] == levels[level]
    due = held[(held["until"] >= pd.Timestamp(TODAY)) & (held["kind"] == "social_worker_assistant")]["until"].dt.strftime("%Y-%m").value_counts()
    calendar = table(known, "expiry").set_index("种类").loc["助理社会工作师"]
    months = [name for name in calendar.index if name.startswith("20")]
    waiting = held[(held["kind"] == "social_worker_assistant") & held["start"].isna()].copy()
    ends = (pd.to_datetime(waiting["obtained_on"]) + pd.DateOffset(months=12)).loc[lambda one: one >= pd.Timestamp(TODAY)]
    due = due.add(ends.dt.strftime("%Y-%m").value_counts(), fill_value=0)
    for month in months:
        count = int(due.get(month, 0))
        assert calendar[month] == count or (calendar[month] == "少于 5 件" and count < 5) or (calendar[month] == NOT_SHOWN and count >= 5), (month, count)
    assert calendar["合计"] == sum(int(due.get(month, 0)) for month in months)


def test_the_calendar_counts_the_passes_that_the_list_of_warnings_tells(any_home: Home) -> None:
    """Whoever left is in neither; who renewed a pass under a profile that the office has edited since is in both once."""
    furnish(any_home)
    edited = PROFILE.replace("小单位示例", "小单位示例，2026 年修订")
    people, records, sat_in = read(any_home, person).set_index("id"), read(any_home, record), {}
    passed = records[(records["outcome"] == "passed") & ~records["id"].isin(records["supersedes"].dropna())]
    for one in passed.to_dict("records"):
        sat_in.setdefault(one["person_id"], {})[one["sitting_id"]] = one["id"]
    here = people["left_on"].isna()
    renewed = next(who for who, held in sorted(sat_in.items()) if here[who] and {"s1", "s2"} <= held.keys() and "s3" not in held)
    left = next(who for who, held in sorted(sat_in.items()) if not here[who] and {"s1", "s2", "s3"} & held.keys())
    rested = next(who for who, held in sorted(sat_in.items()) if here[who] and held.keys() == {"s1"})
    ends = {sat_in[renewed]["s1"]: 10, sat_in[renewed]["s2"]: 50, sat_in[rested]["s1"]: 30} | dict.fromkeys(sat_in[left].values(), 20)
    with transaction(any_home.office) as connection:
        for ident, days in ends.items():
            connection.execute(update(record).where(record.c.id == ident).values(valid_until=TODAY + timedelta(days=days)))
        connection.execute(update(sitting).where(sitting.c.id == "s2").values(profile=edited, profile_digest=digest(edited)))
        connection.execute(insert(certification).values(
            id=9000, person_id=rested, kind="pre_appointment", obtained_on=TODAY - timedelta(days=90), record_id=sat_in[rested]["s1"], created_at=0, created_by="t"))  # fmt: skip
        reckon(connection, read_kinds())
    with any_home.office.connect() as connection:
        listed = [one for one in passes_due(Wanted(any_home, connection, Scope(days=90), (), TODAY))]
        calendar = count_held(connection, read_kinds(), read_rules(), TODAY, TODAY + timedelta(days=90)).due
        kinds = {key: one for key, one in read_kinds().items() if key.startswith("social") or one.records}  # no hours that fall due at the year's end
        rest = due(connection, kinds, TODAY, 90, where=(certification.c.record_id.is_(None), certification.c.kind.in_(list(kinds))))
    assert edited != PROFILE and sum(count for (_, what, *_), count in calendar.items() if what == OUR_PASS) == len(listed) >= 20
    assert [one.paper for one in listed if one.person_id in (renewed, left)] == [sat_in[renewed]["s2"]]
    by_month = Counter((OUR_PASS, one.until.year, one.until.month) for one in listed)
    by_month += Counter((one.kind.title, one.due_on.year, one.due_on.month) for one in rest)
    told_by_month = Counter[tuple[str, int, int]]()
    for (_, what, year, month), count in calendar.items():
        told_by_month[what, year, month] += count if what in {OUR_PASS, *(one.title for one in kinds.values())} else 0
    assert +told_by_month == by_month and by_month["助理社会工作师", 2026, 12]


def test_gaps_lie_between_level_setting_and_department(home_folder: Home) -> None:
    furnish(home_folder)
    known, people = told(home_folder, views=("gaps",)), sat(home_folder)
    kinds = {one[0]: one for one in UNITS}
    level = {"机关": "县级机关", "街道": "乡镇街道", "乡镇": "乡镇街道", "村": "村和社区", "社区": "村和社区"}
    people["class"] = [f"{level.get(kinds.get(one, (0, 0, '', ''))[2], '未登记级别')}{kinds.get(one, (0, 0, '', None))[3] or '未登记城乡'}" for one in people["unit"]]
    rows = table(known, "gap_pass")
    rows["class"] = rows["级别"] + rows["城乡"]
    agrees(rows[(rows["部门"] == "") & (rows["级别"] != "全部")], "class", counted(people, "class", CELLS, "cell"), "应考", CELLS, 5)
    overall, other = rows.iloc[0], rows[rows["与总体相差（百分点）"].str.match(r"[+-]") & (rows[LOW] == rows[HIGH])].iloc[1]
    assert float(other["与总体相差（百分点）"]) == pytest.approx(other[LOW] - overall[LOW], abs=0.05)


def test_units_without_anybody_are_named(home_folder: Home) -> None:
    furnish(home_folder)
    with transaction(home_folder.office) as connection:
        south = select(person.c.id).where(person.c.unit_id == 10)
        connection.execute(update(certification).where(certification.c.person_id.in_(south)).values(ended_on=date(2026, 1, 1)))
        connection.execute(update(record).where(record.c.person_id.in_(south)).values(outcome="failed", valid_until=None))
        connection.execute(insert(unit).values(id=90, name="已撤销村", parent_id=6, kind="村", valid_to=date(2020, 1, 1)))
        connection.execute(insert(unit).values(id=91, name="新设街道", parent_id=1, kind="街道"))
        connection.execute(insert(unit).values(id=92, name="新设社区", parent_id=91, kind="社区"))
    spots = table(told(home_folder, views=("gaps",)), "blind_spots")
    named = set(zip(spots["情况"], spots["单位"], strict=True))
    assert {("没有登记人员", "无人村"), ("没有登记人员", "新设街道"), ("期内应考，没有一人合格", "南村"), ("有登记人员，没有一人持证", "南村")} <= named
    assert not {"已撤销村", "新设社区"} & set(spots["单位"]), "closed ones are not gaps; below an empty unit nothing is repeated"
    held = certified(home_folder)
    none = held.groupby("unit")["cell"].agg(lambda cells: (cells == "持证").sum() == 0 and len(cells) >= 5)
    assert set(spots.loc[spots["情况"] == "有登记人员，没有一人持证", "单位"]) <= set(none[none].index)


def test_what_the_clock_has_not_kept_is_reckoned(home_folder: Home) -> None:
    """A changed rule, or a step dated ahead, leaves what is kept without meaning: the clock is asked, up to a bound that is told."""
    furnish(home_folder)
    before = told(home_folder, views=("held", "expiry"))
    with transaction(home_folder.office) as connection:
        few = select(certification.c.id).where(certification.c.person_id.between(100, 200))
        connection.execute(update(certification).where(certification.c.id.in_(few)).values(reckoned=None, phase=None, valid_until=None, due_on=None))
    after = told(home_folder, views=("held", "expiry"))
    assert after.tables == before.tables and not after.uncounted
    with transaction(home_folder.office) as connection:
        connection.execute(update(certification).values(reckoned="0"))
    from grading.statistics import held

    bound, held.MOST_BY_CLOCK = held.MOST_BY_CLOCK, 10
    try:
        assert told(home_folder, views=("held",)).uncounted > 50
    finally:
        held.MOST_BY_CLOCK = bound


def test_a_large_home_shows_what_the_worker_kept(home_folder: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(home_folder)
    assert keep(home_folder, NOW) == [], "a small home counts when it is asked"
    monkeypatch.setattr(kept, "SMALL", 10)
    live = told(home_folder)
    assert live.kept_at is None
    assert keep(home_folder, NOW) == ["sat/formal", "sat/all", "held"]
    again, town = told(home_folder), told(home_folder, Asked(unit=6))
    assert again.kept_at == NOW and again.tables == live.tables
    with transaction(home_folder.office) as connection:
        connection.execute(update(kept_counts).values(rules="other"))
    assert told(home_folder, Asked(unit=6)).tables == town.tables and told(home_folder).kept_at is None, "other rules: not used"
    keep(home_folder, NOW)
    with transaction(home_folder.office) as connection:
        connection.execute(update(record).values(outcome="passed"))
    assert told(home_folder).tables == live.tables and keep(home_folder, NOW + 1000) == [], "no audit entry, nothing has changed"
    with transaction(home_folder.office) as connection:
        connection.execute(update(sitting).where(sitting.c.id == "m1").values(state="open"))
    assert keep(home_folder, NOW + 90_000_000) == [], "while an exam is on, the worker keeps its hands off"


@pytest.mark.parametrize(("query", "fault"), [
    ({"since": "2026-13-01"}, "2026-11-23 的样子"), ({"since": "1800-01-01"}, "年份"), ({"since": "2026-02-01", "until": "2026-01-01"}, "早于"),
    ({"unit": "99999"}, "没有这个单位"), ({"unit": "1 or 1=1"}, "没有这个单位"), ({"unit": "9" * 40}, "没有这个单位"),
])  # fmt: skip
def test_what_cannot_be_asked_is_told(home_folder: Home, query: dict[str, str], fault: str) -> None:
    with home_folder.office.connect() as connection, pytest.raises(ExportError, match=fault):
        read_asked(connection, {"asked": "1", **query})


def test_a_question_survives_its_address(home_folder: Home) -> None:
    furnish(home_folder, 20)
    for asked in (Asked(), Asked(date(2026, 1, 1), date(2026, 2, 1), 3, False)):
        with home_folder.office.connect() as connection:
            assert read_asked(connection, asked.query()) == asked


def test_rules_tell_every_fault() -> None:
    from exams.errors import ContentError

    shipped = read_rules()
    assert shipped.n >= 3 and shipped.source and all(kind in read_kinds() for kind in shipped.left_out)
    bad = '[small_cells]\nn = 2\nsource = "x"\nm = 1\n[[level]]\ntitle = "甲"\nunit_kinds = ["村"]\n[[level]]\ntitle = "乙"\nunit_kinds = ["村"]\n'
    with pytest.raises(ContentError) as told_:
        parse_rules(bad, "statistics.toml")
    assert all(part in str(told_.value) for part in ("statistics.toml:2", "statistics.toml:4", "写在两处"))


def test_no_table_ranks_people(home_folder: Home) -> None:
    """Rows are groups in the order of their names or levels, never of their results; no table has a column of names (domain.md 0.6)."""
    furnish(home_folder)
    for one in told(home_folder).tables:
        assert isinstance(one, Table) and not {"姓名", "名次", "积分", "时长"} & set(one.columns)
    units = [row[:2] for row in next(one for one in told(home_folder).tables if one.id == "held_by_unit").rows]
    assert len(SITTINGS) == 4 and units[:3] == [("县公安局",) * 2, ("县司法局",) * 2, ("县民政局",) * 2]
