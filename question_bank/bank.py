"""A bank: all items of one or more folders, by slug; and the hash by which a version of an item is known.

    >>> bank = Bank.read()                                  # the items shipped with pufa
    >>> all(slug == item.slug for slug, item in bank.items())
    True
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from home import digest
from question_bank.errors import ERROR, BankFault, CitationFault, Fault
from question_bank.item import Item
from question_bank.item_file import read_item
from question_bank.registry import Registry

__all__ = ["SHIPPED", "Bank", "BankFault", "Fault", "content_of", "item_hash"]

#: The items that ship beside the code; public by nature.
SHIPPED = Path(__file__).parent / "items"


class Bank(Mapping[str, Item]):
    """Items by slug, in the order of their slugs. ``warnings`` are the faults that do not keep an item from being used."""

    def __init__(self, items: Iterable[Item], warnings: Iterable[Fault] = ()) -> None:
        self._items = {item.slug: item for item in sorted(items, key=lambda item: item.slug)}
        self.warnings = tuple(warnings)

    @classmethod
    def read(cls, folder: Path | Iterable[Path] | None = None, pools: Iterable[str] | None = None) -> Bank:
        """Read every item of a folder (default: the shipped ones) or of several; ``pools`` limits which are kept.

        :raises BankFault: with every fault of every file, warnings included, if any of them is an error.
        """
        items, faults = read_all(folder)
        if any(fault.severity == ERROR for fault in faults):
            raise BankFault(faults)
        wanted = None if pools is None else frozenset(pools)
        return cls((item for item in items if wanted is None or item.pool in wanted), faults)

    def __getitem__(self, slug: str) -> Item:
        return self._items[slug]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<Bank: {len(self)} items>"

    @property
    def digest(self) -> str:
        """SHA-256 over all that the items say and where they lie, independent of the folder's own place."""
        return digest([[item.slug, item.pool, item.subject, *_about(item), content_of(item)] for item in self.values()])

    def item_hash(self, slug: str, registry: Registry, as_of: date | None = None) -> str:
        """:func:`item_hash` of one item of this bank."""
        return item_hash(self[slug], registry, as_of)


def read_all(folder: Path | Iterable[Path] | None = None) -> tuple[list[Item], list[Fault]]:
    """Every item that could be read, and every fault; a slug that occurs twice is an error at each further place."""
    folders = [SHIPPED] if folder is None else [folder] if isinstance(folder, Path) else list(folder)
    items: dict[str, Item] = {}
    faults: list[Fault] = []
    for root in folders:
        if not root.is_dir():
            faults.append(Fault(root, 1, ERROR, "没有这个题库文件夹；请检查路径"))
        for path in sorted(_item_files(root)):
            item, found = read_item(path, root)
            faults += found
            if item and item.slug in items:
                faults.append(Fault(path, 1, ERROR, f"题号 {item.slug} 已用于 {items[item.slug].path}；请改文件名，题号不能重复"))
            elif item:
                items[item.slug] = item
    return list(items.values()), faults


def _item_files(root: Path) -> Iterator[Path]:
    for path in root.rglob("*.md"):
        inside = path.relative_to(root).parts
        if path.name != "README.md" and not any(part.startswith(".") for part in inside):   # Jupyter keeps copies in dot folders
            yield path


def _about(item: Item) -> list[object]:
    return [item.topic, list(item.audience), item.level, repr(item.difficulty), item.author]


def content_of(item: Item) -> list[object]:
    """What a candidate or a marker sees of an item, as plain data: kind, stem, options with key, order, rationale,
    model answer, scoring points, citations."""
    return [
        item.kind, item.stem, [[option.text, option.right] for option in item.options], item.fixed_order, item.rationale,
        item.model_answer, [[str(point.weight), point.text] for point in item.scoring_points],
        [[citation.act, citation.article] for citation in item.law],
    ]  # fmt: skip


def item_hash(item: Item, registry: Registry, as_of: date | None = None) -> str:
    """SHA-256 (hex) over :func:`content_of` and the digests of the cited articles as they stand on ``as_of``.

    None stands for the newest edition held. A citation that does not resolve counts as such, so that a law which is
    repealed or changed gives another hash from its effective date on; sign-offs of the old hash are void by themselves.
    """
    return digest([content_of(item), [_article_digest(item, n, registry, as_of) for n in range(len(item.law))]])


def _article_digest(item: Item, number: int, registry: Registry, as_of: date | None) -> str:
    try:
        return registry.resolve(item.law[number], as_of).digest
    except CitationFault:
        return "unresolved"
