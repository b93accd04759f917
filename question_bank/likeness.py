"""Which texts are nearly the same: items among themselves, and items that copy statute text. By runs of characters, so
that no dictionary is needed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from question_bank.item import Item
from question_bank.registry import plain_text

#: Length of the runs that are compared, and the share of common runs (Jaccard) from which two items count as one question.
GRAM, ALIKE = 4, 0.5
#: Characters in a row that may equal statute text (``craft.md`` 6).
STATUTE_RUN = 48


def grams(item: Item) -> frozenset[str]:
    """Runs of :data:`GRAM` characters of stem and options; the options of a 判断题 say nothing."""
    parts = [item.stem, *(option.text for option in item.options if item.kind != "true_false")]
    return frozenset(gram for part in parts for gram in _runs(plain_text(part), GRAM))


def _runs(text: str, length: int) -> Iterator[str]:
    return (text[at : at + length] for at in range(len(text) - length + 1))


def near_duplicates(bank: Mapping[str, Item], other: Mapping[str, Item] | None = None) -> list[tuple[str, str]]:
    """Pairs of slugs whose questions are nearly the same: within one bank, or (first of ``bank``, second of ``other``)."""
    theirs = bank if other is None else other
    their_grams = {slug: grams(item) for slug, item in theirs.items()}
    where: dict[str, list[str]] = defaultdict(list)
    for slug, found in their_grams.items():
        for gram in found:
            where[gram].append(slug)
    pairs = []
    for slug, item in bank.items():
        mine = their_grams[slug] if other is None else grams(item)
        shared = Counter(candidate for gram in mine for candidate in where.get(gram, ()))
        for candidate, common in shared.items():
            if (other is not None or slug < candidate) and common >= ALIKE * (len(mine) + len(their_grams[candidate]) - common):
                pairs.append((slug, candidate))
    return sorted(pairs)


def statute_runs(texts: Mapping[str, str], statutes: Iterable[tuple[str, str]], length: int = STATUTE_RUN) -> dict[str, tuple[str, str]]:
    """Texts (by any name) that share ``length`` characters in a row with a statute: name -> (statute, the run).

    ``statutes``: (name, text) pairs. Punctuation and white space do not count on either side.
    """
    wanted: dict[str, str] = {}
    for name, text in texts.items():
        for run in _runs(plain_text(text), length):
            wanted.setdefault(run, name)
    found: dict[str, tuple[str, str]] = {}
    for statute, text in statutes:
        for run in _runs(plain_text(text), length):
            if run in wanted:
                found.setdefault(wanted[run], (statute, run))
    return found
