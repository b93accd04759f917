"""The table of stipends that a clerk can read (stipend_cases.md) against the rules, and what holds whatever is on file."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exams.errors import ContentError
from grading.errors import WorkforceError
from grading.workforce.clock import Held
from grading.workforce.hours import Step
from grading.workforce.kinds import kind_named, read_kinds
from grading.workforce.money import capital_text, money_text
from grading.workforce.norms import read_staffing
from grading.workforce.stipend import REASONS, UNCLEAR, Case, Certificate, Employment, _faults, entitlement, last_of
from grading.workforce.stipend_rules import COUNTS_ON, SHIPPED, adopt, read_rule, read_rules, rule_of, rules_of

KINDS, GRADES = read_kinds(), read_staffing().grades
RULES = read_rules(KINDS)
TABLE = (Path(__file__).parent / "stipend_cases.md").read_text(encoding="utf-8")
LINES = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines() if line.startswith("|")]
CASES = [line for line in LINES if line[0] != "办法" and not line[0].startswith("---")]
#: how the column 另改 reads -> what it changes
CHANGES = {
    **{title.partition("：")[0]: {"counts_on": key} for key, title in COUNTS_ON.items()},
    "没有考核照发": {"hold_missing": False}, "新入职待核": {"exempt_new": False}, "按全额": {"difference": False},
}  # fmt: skip


def pieces(cell: str, by: str = "；") -> list[str]:
    return [] if cell == "—" else [one.strip() for one in cell.split(by)]


def certificate(text: str) -> Certificate:
    first, *rest = pieces(text, "，")
    title, _, obtained = first.rpartition(" ")
    kind = kind_named(KINDS, title)
    steps, ended = [], None
    for piece in rest:
        title, _, day = piece.rpartition(" ")
        if title == "终止":
            ended = date.fromisoformat(day)
            continue
        step = kind.step_named(title)
        assert step, title
        steps.append(Step(step, date.fromisoformat(day)))
    return Certificate(kind, Held(date.fromisoformat(obtained), tuple(steps), ended))


def employment(text: str) -> Employment:
    if text == "—":
        return Employment()
    found = re.fullmatch(r"(\S+) ([\d-]+)(?: 离职 ([\d-]+))?(?: (\S+))?", text)
    assert found, text
    category, began, left, post = found.groups()
    return Employment(category, date.fromisoformat(began), date.fromisoformat(left) if left else None, post or "")


def steps_of(cell: str, kind: str) -> tuple[Step, ...]:
    made = [piece.rpartition(" ") for piece in pieces(cell)]
    return tuple(Step(step, date.fromisoformat(day)) for title, _, day in made if (step := KINDS[kind].step_named(title)))


def rule_named(name: str, change: str):
    rule = next(one for one in RULES.values() if one.title.startswith(name))
    for one in pieces(change):
        if one in CHANGES:
            rule = replace(rule, conventions=replace(rule.conventions, **CHANGES[one]))
        elif one == "各算各的":
            rule = replace(rule, highest_only=False)
        elif one.endswith(" 起施行"):
            rule = replace(rule, effective_from=date.fromisoformat(one.removesuffix(" 起施行")))
        else:
            rule = replace(rule, effective_until=date.fromisoformat(one.removesuffix(" 止")))
    return rule


@pytest.mark.parametrize("line", CASES, ids=lambda line: f"{line[0]}-{line[1]}")
def test_a_case_of_the_table(line):
    name, _case, holds, works, more, month, change, result, words = line
    case = Case(
        tuple(certificate(one) for one in pieces(holds)), employment(works), steps_of(more, "appraisal"), steps_of(more, "community_grade"),
        steps_of(more, "stipend_paid"),
    )  # fmt: skip
    assert len(pieces(more)) == len(case.appraisals) + len(case.grades) + len(case.paid)
    got = entitlement(rule_named(name, change), case, date.fromisoformat(f"{month}-01"), GRADES)
    what, _, more = result.partition(" ")
    assert (got.title, f"{got.amount}" if got.verdict == "paid" else REASONS[got.reason]) == (what, more), got
    told = "；".join(got.because)
    for one in pieces(words):
        assert one in told, (one, told)


def test_the_table_names_every_rule_and_every_reason():
    assert len(CASES) >= 50
    assert {line[0] for line in CASES} == {rule.title.partition("（")[0] for rule in RULES.values()}
    seen = {line[7].partition(" ")[2] for line in CASES}
    assert set(REASONS.values()) - seen == {"这种资格没有标准"}, "shipped rules name every level"


def test_a_level_without_an_amount_is_told():
    rule = replace(RULES["gansu"], amounts={"social_worker": Fraction(300)})
    got = entitlement(rule, Case((certificate("助理社会工作师 2023-09-15，首次登记 2024-03-10"),), employment("社区工作者 2020-01-01")), date(2026, 11, 5), GRADES)
    assert (got.reason, got.because) == ("none", ("“甘肃（按月）”没有写助理社会工作师的标准",))


DAYS = st.dates(date(2018, 1, 1), date(2030, 12, 31))
GROUP = [kind for kind in KINDS.values() if kind.group == "社会工作者"]


@st.composite
def cases(draw):
    certificates = []
    for kind in draw(st.lists(st.sampled_from(GROUP), min_size=1, max_size=3, unique_by=lambda one: one.id)):
        steps = draw(st.lists(st.builds(Step, st.sampled_from(list(kind.steps)), DAYS), max_size=5))
        certificates.append(Certificate(kind, Held(draw(DAYS), tuple(steps), draw(st.none() | DAYS))))
    work = Employment(draw(st.sampled_from(["", "社区工作者", "领导干部"])), draw(st.none() | DAYS), draw(st.none() | DAYS), draw(st.sampled_from(["", "副主任"])))

    def history(kind):
        return tuple(draw(st.lists(st.builds(Step, st.sampled_from(list(KINDS[kind].steps)), DAYS), max_size=3)))

    return Case(tuple(certificates), work, history("appraisal"), history("community_grade"), history("stipend_paid"))


@given(cases(), DAYS, st.sampled_from(list(RULES.values())), st.sampled_from(list(COUNTS_ON)))
@settings(max_examples=60, deadline=None)
def test_whatever_is_on_file(case, month, rule, counts_on):
    rule = replace(rule, conventions=replace(rule.conventions, counts_on=counts_on))
    got = entitlement(rule, case, month, GRADES)
    assert (got.verdict == "paid") == (got.amount > 0) == (got.reason == "") and got.because
    assert (got.verdict == "unclear") == (got.reason in UNCLEAR)
    assert got.amount <= max(rule.amounts.values()) and got.amount.denominator == 1
    assert entitlement(rule, replace(case, certificates=case.certificates[::-1]), month, GRADES) == got, "order of entry"
    if got.verdict == "paid":
        assert case.employment.category in rule.posts and case.employment.employed_from is not None
        wider = entitlement(replace(rule, conventions=replace(rule.conventions, counts_on="any_day")), case, month, GRADES)
        assert wider.amount >= got.amount, "any day is the widest convention"


@given(st.data(), cases(), st.sampled_from(["whole_month", "any_day"]))
@settings(max_examples=40, deadline=None)
def test_two_days_of_a_quiet_month_tell_all_of_it(data, case, counts_on):
    """Against every day of the month, one by one; the month is one in which something happens, or three years later runs out."""
    when = [one.on_day for held in case.certificates for one in held.held.steps] or [date(2026, 11, 1)]
    month = data.draw(st.sampled_from(when))
    month = month.replace(year=month.year + data.draw(st.sampled_from([0, 3])), day=1)
    work = Employment("社区工作者", data.draw(st.sampled_from([date(2010, 1, 1), month.replace(day=15)])), data.draw(st.none() | st.just(month.replace(day=20))))
    case = replace(case, employment=work)
    rule = replace(RULES["gansu"], highest_only=False)
    days = [month.replace(day=1) + timedelta(days=n) for n in range(last_of(month).day)]
    fine = [not _faults(rule, replace(case, certificates=(one,)), one, day) for one in case.certificates for day in days]
    each = [fine[n : n + len(days)] for n in range(0, len(fine), len(days))]
    counted = sum(rule.amounts[one.kind.id] for one, good in zip(case.certificates, each, strict=True) if (all if counts_on == "whole_month" else any)(good))
    assert entitlement(replace(rule, conventions=replace(rule.conventions, counts_on=counts_on)), case, month, GRADES).amount == counted


# ---------------------------------------------------------------- files


def test_shipped_rules_are_examples_that_name_their_place_and_source():
    assert len(RULES) == 7
    for rule in RULES.values():
        assert rule.example and rule.place and rule.source and len(rule.amounts) == 3 and rule.effective_from is None
    assert [int(RULES["gansu"].amounts[one]) for one in ("social_worker_assistant", "social_worker", "social_worker_senior")] == [200, 300, 500]
    assert [int(one) for one in RULES["hengqin"].amounts.values()] == [2000, 5000, 10000]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('pays = "once"', 'pays = "one"', "是否想写“once”"),
        ('"appraisal>=合格"', '"appraisal>=称职"', "不认识“appraisal>=称职”；可用：registered_valid、employed_in_post、appraisal>=等次（优秀、合格"),
        ('"employed_in_post"', '"employed"', "不认识“employed”"),
        ('"社会工作师" = "3000"', '"社会工作师" = 3000.5', "“社会工作师”应为元，最多两位小数"),
        ('"社会工作师" = "3000"', '"社会工作师" = "3000.555"', "应为元，最多两位小数"),
        ('"社会工作师" = "3000"', '"社会工作师" = "-3000"', "应为元"),
        ('"社会工作师" = "3000"', '"人民调解员" = "3000"', "“人民调解员”不是“社会工作者”组的资格"),
        ('upgrade = "difference"', 'upgrad = "difference"', "不认识“upgrad”；是否想写“upgrade”"),
        ('appraisal_from_month = 4', 'appraisal_from_month = 13', "应为 1 至 12 的整数"),
        ('posts = ["社区工作者", "专职社工", "网格员", "网格社工", "专职网格员"]', "", "要在 posts 里写明"),
        ('# effective_from = 2024-01-01', 'effective_from = 2024-01-01\neffective_until = 2023-01-01 #', "effective_until 早于 effective_from"),
        ("[by_level]", "[by_levels]", "没有写 [by_level]"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line(tmp_path, old, new, told):
    text = (SHIPPED / "changning.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "changning.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ContentError) as refused:
        read_rule(path, KINDS)
    assert any(told in line and re.match(r"changning\.toml:\d+: ", line) for line in refused.value.faults), refused.value.faults


def test_an_office_takes_an_example_over_and_edits_it(home_folder):
    with pytest.raises(WorkforceError, match=r"请指明按哪个津贴办法；可用：.*甘肃（按月）（gansu）"):
        rule_of(home_folder)
    path = adopt(home_folder, "gansu")
    path.write_text(path.read_text(encoding="utf-8").replace('= "200"', '= "260.50"').replace('title = "甘肃（按月）"', 'title = "某县（按月）"'), encoding="utf-8")
    rule = rule_of(home_folder)
    assert (rule.title, rule.example, rule.amounts["social_worker_assistant"]) == ("某县（按月）", False, Fraction(521, 2))
    assert next(iter(rules_of(home_folder).values())) == rule and len(rules_of(home_folder)) == len(RULES)
    assert rule_of(home_folder, "龙口（按月）").example
    with pytest.raises(WorkforceError, match="已经有了，没有改动"):
        adopt(home_folder, "gansu")
    with pytest.raises(WorkforceError, match=r"没有“\.\./x”这个示例"):
        adopt(home_folder, "../x")
    path.write_text("title = 甘肃", encoding="utf-8")
    with pytest.raises(ContentError, match=r"gansu\.toml:1: "):
        rules_of(home_folder)


# ---------------------------------------------------------------- money


@given(st.integers(0, 10**14 - 1))
def test_capital_numerals_say_the_amount_and_can_be_read_back(cents):
    text = capital_text(Fraction(cents, 100))
    assert read_back(text) == cents and "零零" not in text
    assert Fraction(money_text(Fraction(cents, 100)).replace(",", "")) == Fraction(cents, 100)


def read_back(text: str) -> int:
    """Capital numerals as cents, by another way than they are written: from the great places down to the small ones."""
    whole, _, rest = text.rpartition("元") if "元" in text else ("", "", text)
    parts = re.fullmatch(r"(?:零?(.)角)?(?:零?(.)分)?整?", rest)
    yuan = sum(read_group(group) * scale for group, scale in zip(split_groups(whole), (10**8, 10**4, 1), strict=True))
    return yuan * 100 + sum("零壹贰叁肆伍陆柒捌玖".index(one or "零") * scale for one, scale in zip(parts.groups(), (10, 1), strict=True))


def split_groups(whole: str) -> tuple[str, str, str]:
    yi, _, whole = whole.rpartition("亿")
    wan, _, ones = whole.rpartition("万")
    return yi, wan, ones


def read_group(text: str) -> int:
    found = re.fullmatch("".join(f"(?:零?(.){place})?" for place in "仟佰拾") + "(?:零?(.))?", text)
    return sum("零壹贰叁肆伍陆柒捌玖".index(one or "零") * 10**n for one, n in zip(found.groups(), (3, 2, 1, 0), strict=True))
