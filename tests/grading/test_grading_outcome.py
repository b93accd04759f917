from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exams.blueprint import Blueprint
from exams.events import CandidateEvent
from exams.profile import Profile
from grading.cut import PartMarks, shown_text
from grading.outcome import OUTCOMES, Earlier, add_months, pass_record

BLUEPRINT = Blueprint.parse(
    """
title = "两部分"
minutes = 60
pools = ["sample_exam"]
[[parts]]
id = "common"
title = "公共题"
section = "公共部分"
kind = "single"
count = 70
points = 1
[[parts]]
id = "special"
title = "廉政题"
section = "专业部分"
kind = "multiple"
count = 15
points = 2
rule = "half_each"
"""
)
BASE = """
profile = "test"
title = "办法"
authority = "纪委"
on_final_fail = "取消任用资格"
[absence]
unexcused = "{unexcused}"
[pass]
total = 60
[pass.minimums]
"公共部分" = 40
special = 20
[bands]
"优秀" = 90
"良好" = 80
"合格" = 60
[attempts]
keep = "{keep}"
[resit]
max = {resits}
within_days = 30
[validity]
months = 24
"""
DAY = date(2026, 3, 31)


def profile(unexcused: str = "暂缓任用", keep: str = "best", resits: int = 1) -> Profile:
    return Profile.parse(BASE.format(unexcused=unexcused, keep=keep, resits=resits))


def marks(common: object, special: object) -> tuple[PartMarks, ...]:
    return (PartMarks("common", Fraction(common), Fraction(70)), PartMarks("special", Fraction(special), Fraction(30)))


def event(kind: str, *, revoked: bool = False) -> CandidateEvent:
    return CandidateEvent(1, 7, kind, 0, "li", "某组〔2026〕3号", "住院", revoked)


def earlier(outcome: str, total: object = 50) -> Earlier:
    return Earlier("first", outcome, None if total is None else Fraction(total), date(2026, 3, 1))


@pytest.mark.parametrize(
    ("common", "special", "code", "band"),
    [
        (70, 30, "passed", "优秀"),
        (60, 20, "passed", "良好"),
        (40, 20, "passed", "合格"),
        ("79/2", "41/2", "failed", ""),       # 60 in all, but the common part is half a mark short
        (70, "39/2", "failed", ""),
        ("119/3", "61/3", "failed", ""),      # 60 exactly; 39.67 would be shown as 39.7 and is not 40
    ],
)
def test_cut_minima_and_bands_on_exact_marks(common, special, code, band):
    outcome = pass_record(marks(common, special), (), (), profile(), BLUEPRINT, DAY)
    assert (outcome.code, outcome.band) == (code, band)
    assert bool(outcome.reasons) == (code != "passed")


def test_a_total_that_only_rounds_up_to_the_cut_fails():
    plain = Profile.parse(BASE.format(unexcused="暂缓任用", keep="best", resits=1).replace('"公共部分" = 40\nspecial = 20\n', ""))
    outcome = pass_record(marks("149/5", "901/30"), (), (), plain, BLUEPRINT, DAY)   # 59.8333… shows as 59.8
    assert outcome.code == "failed" and outcome.reasons == ("总分 1795/30，低于合格线 60".replace("1795/30", "359/6"),)
    nearly = pass_record(marks(30, "5999/200"), (), (), plain, BLUEPRINT, DAY)        # 59.995 shows as 60
    assert nearly.code == "failed" and shown_text(nearly.total, 1, "half_up") == "60"
    assert nearly.reasons == ("总分 59.995，低于合格线 60", "总分未取整为 59.995，未达合格线；按未取整的分数比较")


@pytest.mark.parametrize("kind", ["deferred", "exempt", "misconduct", "void"])
def test_a_standing_event_decides_whatever_the_marks(kind):
    outcome = pass_record(marks(70, 30), (event(kind),), (), profile(), BLUEPRINT, DAY)
    assert outcome.code == kind and outcome.total is None and outcome.kind.passed is None
    assert outcome.document_no == "某组〔2026〕3号" and "住院" in outcome.reasons[0]


def test_a_revoked_event_decides_nothing():
    assert pass_record(marks(70, 30), (event("misconduct", revoked=True),), (), profile(), BLUEPRINT, DAY).code == "passed"


def test_no_script_is_absence():
    outcome = pass_record(None, (), (), profile(), BLUEPRINT, DAY)
    assert outcome.code == "absent" and outcome.total is None and "处理：暂缓任用" in outcome.reasons
    zero = pass_record(None, (), (), profile(unexcused="记0分"), BLUEPRINT, DAY)
    assert zero.code == "absent" and zero.total == 0 and zero.resits_left == 1


@pytest.mark.parametrize(
    ("resits", "before", "unexcused", "code", "left"),
    [
        (1, [], "暂缓任用", "failed", 1),
        (0, [], "暂缓任用", "final_fail", 0),
        (1, ["failed"], "暂缓任用", "final_fail", 0),
        (2, ["failed"], "暂缓任用", "failed", 1),
        (2, ["failed", "failed"], "暂缓任用", "final_fail", 0),
        (1, ["deferred"], "暂缓任用", "failed", 1),
        (1, ["absent"], "暂缓任用", "failed", 1),
        (1, ["absent"], "记0分", "final_fail", 0),
    ],
)
def test_resits(resits, before, unexcused, code, left):
    chain = [earlier(one) for one in before]
    outcome = pass_record(marks(10, 10), (), chain, profile(unexcused, resits=resits), BLUEPRINT, DAY)
    assert (outcome.code, outcome.resits_left, outcome.attempt) == (code, left, len(before) + 1)
    assert ("处理：取消任用资格" in outcome.reasons) == (code == "final_fail")


def test_a_late_resit_is_noted():
    outcome = pass_record(marks(70, 30), (), [earlier("failed")], profile(), BLUEPRINT, date(2026, 4, 1))
    assert outcome.code == "passed" and outcome.reasons == ("补考日期超过首考后 30 日",)


@pytest.mark.parametrize(("keep", "final"), [("best", "passed"), ("last", "failed"), ("first", "passed")])
def test_which_attempt_counts(keep, final):
    assert pass_record(marks(1, 1), (), [earlier("passed", 90)], profile(keep=keep), BLUEPRINT, DAY).final == final


def test_validity_ends_on_the_corresponding_day():
    assert pass_record(marks(70, 30), (), (), profile(), BLUEPRINT, DAY).valid_until == date(2028, 3, 31)
    assert add_months(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert add_months(date(2026, 12, 31), 2) == date(2027, 2, 28)


halves = st.integers(0, 140).map(lambda n: Fraction(n, 2))


@given(halves, st.integers(0, 60).map(lambda n: Fraction(n, 2)))
def test_whoever_passes_meets_every_rule_and_the_other_way_round(common, special):
    outcome = pass_record(marks(common, special), (), (), profile(), BLUEPRINT, DAY)
    assert (outcome.code == "passed") == (common + special >= 60 and common >= 40 and special >= 20)
    assert outcome.total == common + special == sum(outcome.sections.values())
    assert outcome.code in OUTCOMES


@pytest.mark.parametrize(
    ("kind", "keep", "final"),
    [
        ("absent", "best", "passed"), ("deferred", "best", "passed"), ("exempt", "best", "passed"), ("absent", "last", "absent"),
        ("misconduct", "best", "misconduct"), ("void", "best", "void"),
    ],
)  # fmt: skip
def test_a_pass_is_not_lost_by_what_happens_at_a_later_sitting_but_by_misconduct(kind, keep, final):
    until = date(2028, 1, 31)
    before = [replace(earlier("passed", 90), valid_until=until)]
    known = pass_record(None, [event(kind)], before, profile(keep=keep), BLUEPRINT, DAY)
    assert (known.code, known.final, known.valid_until) == (kind, final, until if final == "passed" else None)
    failed = pass_record(marks(1, 1), (), before, profile(keep=keep), BLUEPRINT, DAY)
    assert failed.valid_until == (until if keep == "best" else None)
