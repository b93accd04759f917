"""Proof, without the solver, that a manifest meets its blueprint. Shares nothing with the assembly but the blueprint's bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction

from exams.blueprint import Blueprint, Part
from exams.eligible import counts_for, expected, may_draw, unmarkable
from exams.paper import Paper, PaperForm, PaperQuestion
from exams.program import decimal_text
from exams.toml_source import Fault
from question_bank.bank import Bank
from question_bank.item import Item


@dataclass(frozen=True)
class Spread:
    """Expected scores of the forms of a paper, in marks."""

    scores: dict[str, Fraction]     # form -> expected score

    @property
    def width(self) -> Fraction:
        """Highest less lowest."""
        return max(self.scores.values()) - min(self.scores.values()) if self.scores else Fraction(0)


def verify(paper: Paper, blueprint: Blueprint, bank: Bank, *, enemies: Collection[tuple[str, str]] = ()) -> list[Fault]:
    """Everything in which the manifest falls short of the blueprint; empty: the paper is what was asked for.

    ``enemies``: pairs of items that no form may hold both.
    """
    where = f"试卷 {paper.id}"
    found = [Fault(where, 0, message) for message in _whole(paper, blueprint, bank)]
    for form in paper.forms:
        found += [Fault(f"{where} {form.form} 卷", 0, message) for message in _form(form, blueprint, bank, enemies)]
    return found


def spread(paper: Paper, blueprint: Blueprint, bank: Bank) -> Spread:
    """Expected scores computed anew from the items; questions that the bank or blueprint does not know count nothing."""
    parts = {part.id: part for part in blueprint.parts}
    return Spread({
        form.form: sum(
            (expected(parts[q.part], bank[q.item]) for q in form.questions if q.part in parts and q.item in bank), Fraction(0)
        )
        for form in paper.forms
    })  # fmt: skip


def _whole(paper: Paper, blueprint: Blueprint, bank: Bank) -> Iterator[str]:
    if paper.blueprint_digest != blueprint.digest:
        yield "蓝图与组卷时不同；请用组卷时的蓝图核对，或重新组卷"
    if paper.bank_digest != bank.digest:
        yield "题库与组卷时不同；请用组卷时的题库核对，或重新组卷"
    names = tuple(form.form for form in paper.forms)
    if names != blueprint.form_names:
        yield f"应有平行卷 {'、'.join(blueprint.form_names)}，实有 {'、'.join(names) or '无'}；请重新组卷"
    places = Counter(question.item for form in paper.forms for question in form.questions)
    for slug in sorted(slug for slug, n in places.items() if n > 1):
        yield f"题目 {slug} 出现 {places[slug]} 次；各卷之间和一卷之内都不能重题，请重新组卷"
    scores = spread(paper, blueprint, bank)
    if blueprint.expected_share is None and scores.width > 2 * blueprint.tolerance:
        yield f"各卷预计平均分相差 {_text(scores.width)} 分，超过 {_text(2 * blueprint.tolerance)} 分；请重新组卷"


def _form(form: PaperForm, blueprint: Blueprint, bank: Bank, enemies: Collection[tuple[str, str]]) -> Iterator[str]:
    ids = [question.id for question in form.questions]
    if ids != [f"q{number:03d}" for number in range(1, len(ids) + 1)]:
        yield "题号不是从 q001 起连续编排"
    order = [part.id for part in blueprint.parts for _ in range(part.count)]
    if [question.part for question in form.questions] != order:
        yield "各题型的题数或次序与蓝图不符"
    parts = {part.id: part for part in blueprint.parts}
    known = [(parts[q.part], bank[q.item], q) for q in form.questions if q.part in parts and q.item in bank]
    if len(known) != len(form.questions):
        yield f"有 {len(form.questions) - len(known)} 题不在题库或蓝图中"
    for part, item, question in known:
        yield from _question(blueprint, part, item, question)
    yield from _shares(blueprint, [(part, item) for part, item, _ in known])
    yield from _score(form, blueprint, sum((expected(part, item) for part, item, _ in known), Fraction(0)))
    here = {question.item for question in form.questions}
    for one, other in enemies:
        if one != other and one in here and other in here:
            yield f"题目 {one} 与 {other} 内容相近，不能同卷"


def _question(blueprint: Blueprint, part: Part, item: Item, question: PaperQuestion) -> Iterator[str]:
    if question.kind != part.kind or question.points != str(part.points):
        yield f"{question.id}（{item.slug}）的题型或分值与蓝图不符"
    if not may_draw(blueprint, part, item):
        yield f"{question.id}（{item.slug}）不合“{part.title}”的抽题范围（题库分区、题型、对象、科目或排除名单）"
    for _, why in unmarkable(part, [item]):
        yield f"{question.id}（{item.slug}）：{why}"
    file_order = "".join(option.anchor for option in item.options)
    fixed = item.fixed_order or item.kind == "true_false" or not blueprint.shuffle_options
    if sorted(question.anchors) != sorted(file_order) or (fixed and question.anchors != file_order):
        yield f"{question.id}（{item.slug}）的选项次序“{question.anchors}”不对"


def _shares(blueprint: Blueprint, drawn: list[tuple[Part, Item]]) -> Iterator[str]:
    scopes = [(blueprint.shares, blueprint.total, "", drawn)]
    scopes += [
        (part.shares, part.marks, f"“{part.title}”中", [one for one in drawn if one[0].id == part.id]) for part in blueprint.parts
    ]
    for shares, total, title, among in scopes:
        for share in shares:
            part_of = sum((part.points for part, item in among if counts_for(share, item)), Fraction(0)) / total
            if not share.least <= part_of <= share.most:
                yield f"{title}{share.title}占 {_percent(part_of)}，要求 {_percent(share.least)} 至 {_percent(share.most)}"


def _score(form: PaperForm, blueprint: Blueprint, score: Fraction) -> Iterator[str]:
    if form.expected_score != decimal_text(score):
        yield f"预计平均分写为 {form.expected_score[:20]}，按题目难度应为 {decimal_text(score)}"
    if blueprint.expected_share is not None:
        target = blueprint.expected_share * blueprint.total
        if abs(score - target) > blueprint.tolerance:
            yield f"预计平均分 {_text(score)}，要求 {_text(target)} 上下 {_text(blueprint.tolerance)}"


def _text(value: Fraction) -> str:
    return f"{float(value):.2f}"


def _percent(value: Fraction) -> str:
    return f"{float(value * 100):.1f}%"
