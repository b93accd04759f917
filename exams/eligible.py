"""Which items a part of a blueprint may draw, what an item counts for, and what a form is expected to score."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

from exams.blueprint import Blueprint, Part, Share
from question_bank.item import Item
from question_bank.marking import rule_fault


def facility(item: Item) -> Fraction:
    """Expected share of officials who answer the item right, exactly as the file writes it."""
    return Fraction(Decimal(repr(item.difficulty)))


def expected(part: Part, item: Item) -> Fraction:
    """Marks that officials get on average for this item in this part."""
    return part.points * facility(item)


def may_draw(blueprint: Blueprint, part: Part, item: Item) -> bool:
    """Whether the part may draw the item: kind, pool, audience, subject, exclusions."""
    return (
        item.kind == part.kind
        and item.pool in blueprint.pools
        and (not blueprint.audience or bool(set(item.audience) & set(blueprint.audience)))
        and (not part.subjects or item.subject in part.subjects)
        and item.slug not in blueprint.exclude
    )


def counts_for(share: Share, item: Item) -> bool:
    """Whether the item's marks count towards a share."""
    return {
        "subject": lambda: item.subject == share.name,
        "act": lambda: any(citation.act == share.name for citation in item.law),
        "level": lambda: item.level == share.name,
    }[share.of]()


def pools_of_parts(
    blueprint: Blueprint, bank: Mapping[str, Item], slugs: Collection[str]
) -> dict[str, tuple[Item, ...]]:
    """part id -> the items among ``slugs`` that it may draw, by slug."""
    items = [bank[slug] for slug in sorted(slugs) if slug in bank]
    return {part.id: tuple(item for item in items if may_draw(blueprint, part, item)) for part in blueprint.parts}


def unmarkable(part: Part, items: Iterable[Item]) -> list[tuple[Item, str]]:
    """Items that the part's rule cannot mark fairly, and why (``half_each`` where an incomplete answer would earn all)."""
    found = [(item, rule_fault(part.rule, len(item.key), part.points)) for item in items]
    return [(item, why) for item, why in found if why]
