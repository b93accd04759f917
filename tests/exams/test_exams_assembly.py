"""Parallel forms from generated banks: they meet the blueprint, share nothing, and an impossible wish is told what is lacking."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from bank_fixture import write_generated_bank, write_small_bank
from paper_fixture import ALL_KINDS, AS_OF, blueprint_text, draw, generated_bank, hashes_of
from scipy.stats import chi2

from exams.assembly import assemble
from exams.blueprint import Blueprint
from exams.errors import ContentError
from exams.program import seed_hash
from exams.verify import spread, verify
from question_bank.bank import Bank
from question_bank.item import Citation, Item, Option


def test_two_forms_of_a_hundred_marks(tmp_path: Path) -> None:
    bank = generated_bank(tmp_path, 240)
    text = Blueprint.read(Path("county_100")).source.replace("forms = 1 ", "forms = 2 ")
    blueprint = Blueprint.parse(text)
    paper = draw(blueprint, bank)
    assert verify(paper, blueprint, bank) == []
    assert [len(form.questions) for form in paper.forms] == [80, 80]
    assert spread(paper, blueprint, bank).width <= 2 * blueprint.tolerance
    assert paper.seed_hash == seed_hash(7) and paper.seed_hash != seed_hash(8)


def test_ten_forms_that_use_every_item_of_the_bank(tmp_path: Path) -> None:
    bank = generated_bank(tmp_path, 160)
    blueprint = Blueprint.parse(blueprint_text(forms=10))
    paper = draw(blueprint, bank)
    assert verify(paper, blueprint, bank) == []
    assert {question.item for form in paper.forms for question in form.questions} == set(bank)


def test_shares_hold_in_every_form(tmp_path: Path) -> None:
    bank = generated_bank(tmp_path, 400)
    extra = (
        '[shares.subject]\nlabour = {min = 0.2, max = 0.3}\n[shares.act]\n"民法典" = {max = 0.1}\n'
        '[shares.level]\n"应用" = {min = 0.6}\n"识记" = {max = 0.1}\n[difficulty]\nexpected_share = 0.6\n'
    )
    blueprint = Blueprint.parse(blueprint_text(12, 6, 6, forms=3, extra=extra))
    paper = draw(blueprint, bank)
    assert verify(paper, blueprint, bank) == []
    for form in paper.forms:
        marks = Counter[str]()
        for question in form.questions:
            marks[bank[question.item].subject] += int(question.points)
        assert 6 <= marks["labour"] <= 9 and marks["civil_code"] <= 3
        assert abs(float(form.expected_score) - 0.6 * 30) <= 0.05


def test_the_same_seed_gives_the_same_paper_and_another_seed_another(tmp_path: Path) -> None:
    bank = generated_bank(tmp_path, 200)
    blueprint = Blueprint.parse(blueprint_text())
    assert draw(blueprint, bank, 1) == draw(blueprint, bank, 1)
    one, other = draw(blueprint, bank, 1), draw(blueprint, bank, 2)
    assert {q.item for q in one.forms[0].questions} != {q.item for q in other.forms[0].questions}


def test_only_given_items_are_drawn_and_near_duplicates_keep_apart(tmp_path: Path) -> None:
    bank = generated_bank(tmp_path, 60)
    blueprint = Blueprint.parse(blueprint_text(forms=1))
    singles = sorted(slug for slug, item in bank.items() if item.kind == "single")
    enemies = [(one, other) for one in singles[:20] for other in singles[:20] if one < other]
    first = draw(blueprint, bank)
    barred = {question.item for question in first.forms[0].questions}
    paper = draw(blueprint, bank, exclude=barred, enemies=enemies)
    drawn = {question.item for question in paper.forms[0].questions}
    assert not drawn & barred and len(drawn & set(singles[:20])) <= 1
    assert verify(paper, blueprint, bank, enemies=enemies) == []
    kept = set(sorted(bank)[:40])
    hashes = {slug: value for slug, value in hashes_of(bank).items() if slug in kept}
    limited = assemble(blueprint, bank, paper_id="p", seed=1, as_of=AS_OF, hashes=hashes)
    assert {question.item for question in limited.forms[0].questions} <= kept


def test_enemies_that_cannot_be_kept_apart_are_refused(tmp_path: Path) -> None:
    bank = generated_bank(tmp_path, 16)
    singles = sorted(slug for slug, item in bank.items() if item.kind == "single")
    with pytest.raises(ContentError, match="近似题"):
        draw(Blueprint.parse(blueprint_text(forms=1)), bank, enemies=[(singles[0], singles[1])])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("count = 8", "count = 90"), "“single题”（single）：2 份卷共需 180 题，题库中可用 50 题（sample_exam），缺 130 题"),
        (('kind = "multiple"', 'kind = "case"'), "共需 8 题，题库中可用 0 题"),
        (('pools = ["sample_exam"]', 'pools = ["secret_bank"]'), "题库中可用 0 题（secret_bank）"),
        (("\n\n", '\n[shares.subject]\nspace_law = {min = 0.5}\n\n'), "科目“space_law”：2 份卷至少要 20 分，可用的题最多 0 分，缺 20 分（至少 10 题）"),
        (("\n\n", "\n[difficulty]\nexpected_share = 0.99\n\n"), "预计平均分：要求 19.80 分"),
    ],
)  # fmt: skip
def test_what_counting_shows_is_named(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    text = blueprint_text()
    assert change[0] in text
    with pytest.raises(ContentError) as caught:
        draw(Blueprint.parse(text.replace(change[0], change[1], 1)), generated_bank(tmp_path, 100))
    assert any(told in fault for fault in caught.value.faults), caught.value.faults


def test_a_ceiling_that_leaves_too_few_other_items_is_named() -> None:
    items = [_item(f"s-{n}", 0.5, "land" if n < 12 else "labour") for n in range(20)]
    text = blueprint_text(8, 0, 0, extra="[shares.subject]\nland = {max = 0.25}\n")
    with pytest.raises(ContentError, match="科目“land”：2 份卷至多 4 分，其余的题不够，至少要占 8 分，多出 4 分"):
        draw(Blueprint.parse(text), Bank(items))


def test_bounds_that_only_clash_together_are_named_by_the_elastic_program() -> None:
    easy = [_item(f"easy-{n:02d}", 0.9, "land") for n in range(10)]
    hard = [_item(f"hard-{n:02d}", 0.3, "labour") for n in range(10)]
    text = blueprint_text(10, 0, 0, forms=1, extra="[shares.subject]\nland = {min = 0.8}\n[difficulty]\nexpected_share = 0.5\n")
    with pytest.raises(ContentError) as caught:
        draw(Blueprint.parse(text), Bank(easy + hard))
    assert len(caught.value.faults) == 1 and "和其他要求合在一起还差" in caught.value.faults[0]


def test_half_each_is_refused_where_an_incomplete_answer_would_earn_all(tmp_path: Path) -> None:
    text = ALL_KINDS.replace("points = 2\nrule", "points = 1\nrule")
    with pytest.raises(ContentError, match="committee-powers"):
        draw(Blueprint.parse(text), Bank.read(write_small_bank(tmp_path)))


def test_fixed_order_is_kept_and_shuffled_keys_lie_anywhere() -> None:
    """Pearson's chi-square over 400 shuffled questions of four options; seeded, so it cannot flicker."""
    items = [_item(f"s-{n:03d}", 0.5, "land") for n in range(400)]
    items += [replace(_item(f"f-{n:03d}", 0.5, "land"), fixed_order=True) for n in range(50)]
    paper = draw(Blueprint.parse(blueprint_text(450, 0, 0, forms=1)), Bank(items), seed=20261123)
    positions = Counter(q.anchors.index("a") for q in paper.forms[0].questions if q.item.startswith("s-"))
    assert sum(positions.values()) == 400
    statistic = sum((positions[place] - 100) ** 2 / 100 for place in range(4))
    assert statistic < chi2.ppf(0.99, 3)
    assert {q.anchors for q in paper.forms[0].questions if q.item.startswith("f-")} == {"abcd"}
    # order of questions: the slugs must not come in their own order
    order = [q.item for q in paper.forms[0].questions]
    assert order != sorted(order)


def test_every_item_has_the_same_chance(tmp_path: Path) -> None:
    """Exposure of 30 equal items over 100 seeds, six drawn each time."""
    bank = Bank([_item(f"s-{n:02d}", 0.5, "land") for n in range(30)])
    blueprint = Blueprint.parse(blueprint_text(6, 0, 0, forms=1))
    times = Counter(q.item for seed in range(100) for q in draw(blueprint, bank, seed).forms[0].questions)
    assert sum(times.values()) == 600
    statistic = sum((times[slug] - 20) ** 2 / (20 * (1 - 6 / 30)) for slug in bank)
    assert statistic < chi2.ppf(0.999, 29)


def test_verification_finds_every_tampering(tmp_path: Path) -> None:
    bank = generated_bank(tmp_path / "bank", 120)
    blueprint = Blueprint.parse(blueprint_text(extra='[shares.level]\n"应用" = {min = 0.3}\n'))
    paper = draw(blueprint, bank)
    assert verify(paper, blueprint, bank) == []
    form, other = paper.forms
    first, second, *rest = form.questions

    def told(*questions: object, **changes: object) -> str:
        changed = replace(form, questions=questions or form.questions, **changes)  # type: ignore[arg-type]
        return "\n".join(map(str, verify(replace(paper, forms=(changed, other)), blueprint, bank)))

    assert "出现 2 次" in told(replace(first, item=other.questions[0].item), second, *rest)
    assert "不在题库" in told(replace(first, item="nobody"), second, *rest)
    assert "题数或次序" in told(*form.questions[:-1])
    assert "连续编排" in told(replace(first, id="q999"), second, *rest)
    assert "题型或分值" in told(replace(first, points="5"), second, *rest)
    assert "题型或分值" in told(replace(first, points="一分"), second, *rest)
    assert "选项次序" in told(replace(first, anchors="aacd"), second, *rest)
    assert "选项次序" in told(*form.questions[:-1], replace(form.questions[-1], anchors="ba"))
    assert "预计平均分写为" in told(expected_score="19.0000")
    assert "预计平均分写为" in told(expected_score="nan")
    judge = next(slug for slug, item in bank.items() if item.kind == "true_false" and slug not in str(paper))
    assert "抽题范围" in told(replace(first, item=judge, anchors="ab"), second, *rest)
    assert "平行卷" in str(verify(replace(paper, forms=(form,)), blueprint, bank)[0])
    strict = Blueprint.parse(blueprint.source.replace("min = 0.3", "min = 1"))
    assert any("能力层次“应用”占" in fault.message for fault in verify(paper, strict, bank))
    assert any("蓝图与组卷时不同" in fault.message for fault in verify(paper, strict, bank))
    grown = Bank.read([tmp_path / "bank", write_generated_bank(tmp_path / "more", 4, 9)])
    assert any("题库与组卷时不同" in fault.message for fault in verify(paper, blueprint, grown))


def _item(slug: str, difficulty: float, subject: str) -> Item:
    options = tuple(Option(anchor, f"选项{anchor}", anchor == "a") for anchor in "abcd")
    return Item(
        slug, "sample_exam", subject, "single", "题干", options, "解析", (Citation("民法典", "1"),), "题", ("社区",), "应用",
        difficulty, False, "测试员", Path("x.md"),
    )  # fmt: skip
