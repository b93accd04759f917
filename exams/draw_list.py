"""Which items of a bank may be drawn for a day, and why the others may not: law, freezes and returns; and near-duplicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from question_bank.bank import Bank
from question_bank.errors import CitationFault
from question_bank.item import Item
from question_bank.likeness import near_duplicates
from question_bank.registry import Registry
from question_bank.signoff import SignOffs


@dataclass(frozen=True)
class DrawList:
    """``hashes``: slug -> item hash of what may be drawn; ``left_out``: slug -> why not; ``enemies``: pairs of near-duplicates."""

    hashes: Mapping[str, str]
    left_out: Mapping[str, str]
    enemies: tuple[tuple[str, str], ...]


def draw_list(bank: Bank, registry: Registry, sign_offs: SignOffs, as_of: date, pools: tuple[str, ...]) -> DrawList:
    """The items of ``pools`` that may be drawn for a sitting on ``as_of``."""
    items = {slug: item for slug, item in bank.items() if item.pool in pools}
    frozen = sign_offs.frozen(as_of)
    hashes, left_out = {}, {}
    for slug, item in items.items():
        hash_ = bank.item_hash(slug, registry, as_of)
        back = sign_offs.returned(slug, hash_)
        why = _bad_citation(item, registry, as_of)
        why = why or (f"自 {frozen[slug].start} 起冻结：{frozen[slug].reason}" if slug in frozen else "")
        why = why or (f"被审题人退回：{back.reason}" if back else "")
        if why:
            left_out[slug] = why
        else:
            hashes[slug] = hash_
    return DrawList(hashes, left_out, tuple(near_duplicates({slug: items[slug] for slug in hashes})))


def _bad_citation(item: Item, registry: Registry, as_of: date) -> str:
    for citation in item.law:
        try:
            registry.resolve(citation, as_of)
        except CitationFault as fault:
            return str(fault)
    return ""
