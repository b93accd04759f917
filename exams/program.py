"""The bounds that every form must keep, in exact fractions: what the solver is given, and what verification checks again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exams.blueprint import Blueprint, Part
from exams.eligible import counts_for, expected
from question_bank.item import Item


@dataclass(frozen=True)
class Slot:
    """An item that a part may draw: one variable of the program."""

    part: Part
    item: Item


@dataclass(frozen=True)
class Row:
    """A bound on one form: ``low <= sum of weight x drawn <= high``. ``title`` names it to people, ``unit`` is 题 or 分."""

    title: str
    unit: str
    weights: Mapping[int, Fraction]    # slot number -> weight
    low: Fraction
    high: Fraction

    def value(self, drawn: Sequence[int]) -> Fraction:
        """What a set of drawn slots reaches."""
        return sum((self.weights.get(number, Fraction(0)) for number in drawn), Fraction(0))


def target_score(blueprint: Blueprint, pools: Mapping[str, Sequence[Item]]) -> Fraction:
    """Expected score that every form must meet, in marks: the blueprint's own, else the mean of what may be drawn.

    ``pools``: part id -> items, none empty.
    """
    if blueprint.expected_share is not None:
        return blueprint.expected_share * blueprint.total
    total = Fraction(0)
    for part in blueprint.parts:
        items = pools[part.id]
        total += part.count * sum((expected(part, item) for item in items), Fraction(0)) / len(items)
    return Fraction(round(total, 2))


def rows_of(blueprint: Blueprint, slots: Sequence[Slot], target: Fraction) -> list[Row]:
    """All bounds on one form except that forms are disjoint and near-duplicates keep apart."""
    rows = []
    for part in blueprint.parts:
        mine = {number: slot for number, slot in enumerate(slots) if slot.part.id == part.id}
        count = Fraction(part.count)
        rows.append(Row(f"“{part.title}”题数", "题", dict.fromkeys(mine, Fraction(1)), count, count))
        for share in part.shares:
            weights = {number: part.points for number, slot in mine.items() if counts_for(share, slot.item)}
            title = f"“{part.title}”中{share.title}的分值"
            rows.append(Row(title, "分", weights, share.least * part.marks, share.most * part.marks))
    for share in blueprint.shares:
        weights = {number: slot.part.points for number, slot in enumerate(slots) if counts_for(share, slot.item)}
        rows.append(Row(f"{share.title}的分值", "分", weights, share.least * blueprint.total, share.most * blueprint.total))
    weights = {number: expected(slot.part, slot.item) for number, slot in enumerate(slots)}
    rows.append(Row("预计平均分", "分", weights, target - blueprint.tolerance, target + blueprint.tolerance))
    return rows


def decimal_text(value: Fraction) -> str:
    """Four decimals, rounded half to even.

    >>> decimal_text(Fraction(125, 2))
    '62.5000'
    """
    return f"{float(round(value, 4)):.4f}"


def seed_hash(seed: int) -> str:
    """What a manifest says of its seed before the seed is disclosed: SHA-256 of its 32 hex digits."""
    return hashlib.sha256(f"{seed:032x}".encode()).hexdigest()
