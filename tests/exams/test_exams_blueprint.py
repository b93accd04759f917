"""Blueprints and profiles: the shipped ones are right, wrong ones are told every fault with its line."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from exams import blueprint as blueprints
from exams import profile as profiles
from exams.blueprint import Blueprint
from exams.errors import ContentError
from exams.profile import Profile, agree

PAPERS = sorted(blueprints.SHIPPED.glob("*.toml"))
PROFILES = sorted(profiles.SHIPPED.glob("*.toml"))


def faults_of(kind: type[Blueprint] | type[Profile], text: str) -> list[str]:
    with pytest.raises(ContentError) as caught:
        kind.parse(text, "x.toml")
    return list(caught.value.faults)


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.name)
def test_shipped_files_read_and_small_files_agree_on_parts(path: Path, profile: Path) -> None:
    known, rules = Blueprint.read(path), Profile.read(profile)
    assert known.parts and known.rules and known.digest == Blueprint.parse(known.source).digest
    assert rules.digest == Profile.parse(rules.source).digest
    named = {part.id for part in known.parts} | {part.section for part in known.parts}
    fits = known.total >= max(rules.pass_mark, *(band.least for band in rules.bands)) and named >= {one.part for one in rules.minima}
    assert (agree(known, rules) == []) == fits


def test_county_paper_is_what_the_issue_asks() -> None:
    known = Blueprint.read(Path("county_100"))
    asked = [(part.kind, part.count, part.points, part.rule) for part in known.parts]
    assert asked == [
        ("single", 40, 1, "exact"), ("multiple", 20, 2, "all_or_nothing"), ("true_false", 20, 1, "exact"),
    ]  # fmt: skip
    assert (known.total, known.minutes, known.pools, known.forms) == (100, 60, ("sample_exam",), 2)


def test_every_fault_is_listed_with_its_line() -> None:
    text = """title = "卷"
minute = 60
pools = ["practice"]

[[parts]]
id = "A"
title = "单选"
kind = "singl"
count = "forty"
points = 0

[[parts]]
id = "b"
title = "多选"
kind = "multiple"
count = 3
points = "3/2"
rule = "exact"

[shares.level]
"应用" = { min = 0.9, max = 0.1 }
"会用" = { min = 0.1 }
"""
    found = faults_of(Blueprint, text)
    for start in (
        "x.toml:1: 缺少“minutes”", "x.toml:2: 不认识“minute”；是否想写“minutes”", "x.toml:3: “practice”", "x.toml:6: “id”",
        "x.toml:8: “kind”不能是“singl”", "x.toml:9: “count”应为", "x.toml:10: “points”应为", "x.toml:18: “rule”不能是“exact”",
        "x.toml:21: 能力层次“应用”的下限", "x.toml:22: 没有能力层次“会用”",
    ):  # fmt: skip
        assert any(line.startswith(start) for line in found), (start, found)
    assert len(found) == 10


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('title = "卷\nminutes = 6', "x.toml:1:"),
        ("a = 1\na = 2\n", "x.toml:2:"),
        ("a = " + "[" * 5000, "x.toml:"),
        ("#" * 300_000, "x.toml: 文件超过"),
        ("parts = 3\ntitle = 1\nminutes = true\npools = 'x'", "x.toml:1: “parts”应为若干节"),
        ("", "x.toml:1: 没有题型"),
    ],
)
def test_text_that_is_no_blueprint_is_refused_with_a_place(text: str, place: str) -> None:
    assert faults_of(Blueprint, text)[0].startswith(place)


def test_a_part_id_used_twice_and_shares_over_the_whole_are_faults() -> None:
    part = '[[parts]]\nid = "p"\ntitle = "题"\nkind = "single"\ncount = 5\npoints = 1\n'
    head = 'title = "卷"\nminutes = 10\npools = ["sample_exam"]\n'
    shares = "[shares.subject]\nland = {min = 0.6}\nlabour = {min = 0.6}\n"
    found = faults_of(Blueprint, head + part + part + shares)
    assert [line.split(":")[1] for line in found] == ["11", "16"]


def test_missing_and_binary_files_name_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="county_100、integrity_120、npc_120、short_demo"):
        Blueprint.read(tmp_path / "none.toml")
    (tmp_path / "gbk.toml").write_bytes("title = '卷'".encode("gbk"))
    with pytest.raises(ContentError, match="UTF-8"):
        Profile.read(tmp_path / "gbk.toml")


def test_profile_keeps_exact_values_and_orders_bands() -> None:
    rules = Profile.read(Path("county_npc"))
    assert rules.pass_mark == 60 and [band.title for band in rules.bands] == ["优秀", "良好", "合格"]
    text = rules.source.replace("total = 60", 'total = "119/2"')
    assert Profile.parse(text).pass_mark == Fraction(119, 2)


def test_profile_faults() -> None:
    text = Profile.read(Path("small_office")).source
    for old, new, place in [
        ('roles = ["exam_officer", "marker"]', 'roles = ["candidate", "marker"]', "任何情况下不得由一人兼任"),
        ("months = 24", "months = 24\nterm = true", "只能写一个"),
        ('"良好" = 80', '"良好" = 90', "同一分数"),
        ("[resit]\nmax = 1", "[resit]\nmax = 1\nfrom = 2026-02-01\nto = 2026-01-01", "早于开始日期"),
        ('separate = ["exam_officer / marker"', 'separate = ["exam_officer"', "岗位 / 岗位"),
        ('unexcused = "暂缓任用"', 'unexcused = "算了"', "可用：不列入议程"),
        ("[pass]\ntotal = 60", "[pass]\ntotal = -1", "“total”应为"),
        ("[pass]\ntotal = 60", "[pass]\ntotal = nan", "“total”应为"),
    ]:
        assert old in text
        found = faults_of(Profile, text.replace(old, new))
        assert len(found) == 1 and place in found[0] and found[0].startswith("x.toml:"), found


def test_small_office_waives_named_pairs_only() -> None:
    duties = Profile.read(Path("small_office")).duties
    assert duties.conflicts(frozenset(("exam_officer", "marker"))) == ()
    assert duties.conflicts(frozenset(("hr", "marker"))) == (frozenset(("hr", "marker")),)
    assert duties.conflicts(frozenset(("author", "reviewer"))) == (frozenset(("author", "reviewer")),)


def test_disagreement_names_each_difference() -> None:
    short = Blueprint.read(Path("short_demo"))
    text = Profile.read(Path("county_npc")).source + '\n[pass.minimums]\nspecial = 20\nsingle = 7\n'
    rules = Profile.parse(text)
    told = [fault.message for fault in agree(short, rules)]
    assert len(told) == 6
    assert told[0].startswith("及格分 60 高于蓝图满分 15")
    assert any("“special”，蓝图没有" in line for line in told) and any("“single”最低 7 分" in line for line in told)
    agreeing = Profile.parse(text.replace("special = 20\nsingle = 7", "single = 20"))
    assert agree(Blueprint.read(Path("county_100")), agreeing) == []
