"""The shipped profiles: each rule of the place it follows, and a paper it agrees with that the sample bank can fill."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from exams.assembly import assemble
from exams.blueprint import Blueprint
from exams.draw_list import DrawList, draw_list
from exams.policy import EXEMPTIONS
from exams.profile import SHIPPED, Profile, agree
from exams.verify import verify
from question_bank.bank import Bank
from question_bank.registry import Registry
from question_bank.signoff import SignOffs

REAL = ("county_npc", "npc_withdraw", "org_appointment", "org_theory_integrity", "discipline_80", "annual_80")
#: domain.md A.3 and A.8, as the table there has it: pass mark, minutes, resits, what failing means
RULES = {
    "county_npc": (60, {60, 120}, 1, "暂缓提请"),
    "npc_withdraw": (60, {120}, 1, "撤回提名"),
    "org_appointment": (60, {60}, 1, "不得正式任命"),
    "org_theory_integrity": (60, {90}, 20, "不得正式任命"),
    "discipline_80": (80, {120}, 1, "取消任用资格"),
    "annual_80": (80, {60}, 1, "年度不得评先"),
}


def profile(name: str) -> Profile:
    return Profile.read(Path(name))


@pytest.mark.parametrize("name", REAL)
def test_each_follows_a_real_rule_and_says_what_the_office_must_put_in(name: str) -> None:
    rules = profile(name)
    head = rules.source[: rules.source.index("profile =")]
    assert re.search(r"来源 ?A\d+", head) and "文号" in head and "复制本文件" in head
    assert rules.legal_basis.doc_no == "" and "请改为本地文件" in rules.legal_basis.title
    papers = [Blueprint.read(Path(paper)) for paper in rules.papers]
    assert papers and all(agree(paper, rules) == [] for paper in papers)
    told = (int(rules.pass_mark), {paper.minutes for paper in papers}, rules.resit.most, rules.on_final_fail)
    assert told == RULES[name]


def test_particular_rules_of_their_places() -> None:
    assert [(band.title, band.least) for band in profile("county_npc").bands] == [("优秀", 90), ("良好", 80), ("合格", 60)]
    assert profile("county_npc").notice_days == 3
    theory = profile("org_theory_integrity")
    assert {one.part: one.least for one in theory.minima} == {"理论部分": 40, "廉政部分": 20} and theory.validity.months == 24
    parts = Blueprint.read(Path("theory_integrity")).parts
    assert {s: sum((p.marks for p in parts if p.section == s), Fraction(0)) for s in ("理论部分", "廉政部分")} == {"理论部分": 70, "廉政部分": 30}
    assert profile("discipline_80").resit.within_months == 6 and profile("discipline_80").resit.late == "does_not_count"
    assert profile("discipline_80").book == "open" and profile("npc_withdraw").absence.unexcused == "不列入议程"
    annual = Blueprint.read(Path(profile("annual_80").papers[0]))
    assert [(p.kind, p.count, p.points) for p in annual.parts] == [("single", 40, 1), ("multiple", 20, 2), ("true_false", 20, 1)]


def test_books_by_age_on_the_day() -> None:
    rules = profile("org_theory_integrity")
    day = date(2026, 11, 23)
    assert [rules.open_book(birth, day) for birth in (date(1976, 11, 23), date(1976, 11, 24), None)] == [True, False, False]
    assert profile("discipline_80").open_book(None, day) and not profile("county_npc").open_book(date(1950, 1, 1), day)


@pytest.fixture(scope="module")
def bank() -> tuple[Bank, DrawList]:
    items = Bank.read(None)
    return items, draw_list(items, Registry.read(), SignOffs.read(None), date(2026, 11, 23), ("sample_exam",))


@pytest.mark.parametrize("paper", sorted({paper for name in REAL for paper in profile(name).papers}))
def test_the_sample_bank_fills_its_paper(paper: str, bank: tuple[Bank, DrawList]) -> None:
    known, (items, listed) = Blueprint.read(Path(paper)), bank
    drawn = assemble(known, items, paper_id="p", seed=11, as_of=date(2026, 11, 23), hashes=listed.hashes, enemies=listed.enemies)
    assert verify(drawn, known, items) == []
    assert [len(form.questions) for form in drawn.forms] == [sum(part.count for part in known.parts)] * known.forms
    told = " ".join(known.rules)
    assert f"共 {len(drawn.forms[0].questions)} 题" in told and f"{known.minutes} 分钟" in told and f"满分 {known.total} 分" in told


def test_the_ladder_and_what_it_says() -> None:
    rules = profile("county_npc")
    assert [(step.id, step.event, step.may_resit, step.months) for step in rules.ladder] == [
        ("paper", "misconduct", True, None), ("exam", "void", False, 60),
    ]  # fmt: skip
    assert rules.step(None, "void").id == "exam" and rules.step("nothing", "misconduct").id == "paper"
    bare = Profile.parse(re.sub(r"\[\[cheating.ladder\]\][^[]*", "", rules.source))
    assert [step.title for step in bare.ladder] == ["成绩无效"] and not bare.step(None, "void").may_resit


@pytest.mark.parametrize("words", ["", 'ladder = ["成绩无效", "取消本次考试资格"]\n'])
def test_sittings_of_the_first_version_are_read(words: str) -> None:
    """Their rules are kept as they were then: the office's pages stood still for one such sitting."""
    bare = re.sub(r"\[\[cheating.ladder\]\][^[]*", "", profile("county_npc").source)
    rules = Profile.parse(f'{bare}\n[cheating]\noutcome = "本场成绩无效"\n{words}')
    assert [(step.id, step.title, step.event, step.may_resit) for step in rules.ladder] == [("paper", "本场成绩无效", "misconduct", True)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("within_days = 180", "within_days = 180\nwithin_months = 6", "只能写一个"),
        ('late = "counts"', 'late = "maybe"', "可用：counts、does_not_count"),
        ('id = "exam"', 'id = "paper"', "已被前面一级使用"),
        ('event = "void"', 'event = "exempt"', "可用：misconduct、void"),
        ('"stays_on_at_term_change"', '"friend"', "“friend”不认识"),
        ("# ends = 2026-12-31", 'ends = "2026"', "应为日期"),
        ("may_resit = false  ", "may_resit = 1  ", "true 或 false"),
    ],
)
def test_faults_name_the_line(old: str, new: str, told: str) -> None:
    text = profile("county_npc").source
    assert old in text
    with pytest.raises(Exception, match=told) as caught:
        Profile.parse(text.replace(old, new), "办法.toml")
    assert re.match(r"办法\.toml:\d+", str(caught.value))


def test_every_ground_is_told_with_what_it_needs() -> None:
    assert all(one.title and one.needs and one.event in ("exempt", "exempt_part") for one in EXEMPTIONS.values())
    assert [key for key, one in EXEMPTIONS.items() if one.earlier_pass] == ["passed_this_term_lateral"]
    used = {key for path in SHIPPED.glob("*.toml") for key in Profile.read(path).exemptions}
    assert used == set(EXEMPTIONS)
