"""How many items a bank has of what: the numbers behind ``pufa bank stats``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from question_bank.item import KIND_TITLES, Item

#: key in the JSON -> (Chinese title, what of an item is counted). An item counts once for each of its laws.
GROUPS: dict[str, tuple[str, Callable[[Item], Iterable[str]]]] = {
    "pool": ("池", lambda item: [item.pool]),
    "kind": ("题型", lambda item: [item.kind]),
    "subject": ("科目", lambda item: [item.subject]),
    "law": ("依据", lambda item: sorted({citation.act for citation in item.law})),
    "level": ("层次", lambda item: [item.level]),
    "audience": ("适用", lambda item: item.audience),
    "topic": ("主题", lambda item: [item.topic]),
    "difficulty": ("难度", lambda item: [f"{int(item.difficulty * 10) / 10:.1f}"]),
}


def count(bank: Mapping[str, Item]) -> dict[str, object]:
    """``{"total": n, "pool": {name: n}, "kind": …}`` with each group from most to fewest; difficulty in steps of 0.1."""
    counts: dict[str, object] = {"total": len(bank)}
    for key, (_, of) in GROUPS.items():
        tally = Counter(name for item in bank.values() for name in of(item))
        counts[key] = dict(sorted(tally.items(), key=lambda pair: (0, pair[0]) if key == "difficulty" else (-pair[1], pair[0])))
    return counts


def title_of(group: str, name: str) -> str:
    """A name as people read it: the kinds have Chinese titles."""
    return KIND_TITLES.get(name, name) if group == "kind" else name


