"""What the kinds that are answered by ticking have in common."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from question_bank.item import ANCHORS, Item
from question_bank.kinds.kind import Problem
from question_bank.marking import read_choice

__all__ = ["check_options", "read_choice"]


def bare(text: str) -> str:
    """Text without white space, width and case, to see whether two say the same."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def check_options(item: Item, fewest: int = 3) -> Iterator[Problem]:
    """Problems of an option list: too few or many, empty, the same twice, all written in but none right."""
    if not fewest <= len(item.options) <= len(ANCHORS):
        yield Problem("options", f"有 {len(item.options)} 个选项，应为 {fewest} 至 {len(ANCHORS)} 个")
    seen: dict[str, str] = {}
    for option in item.options:
        text = bare(option.text)
        if not text:
            yield Problem("options", f"选项 {option.anchor} 是空的；请写上内容或删去")
        elif text in seen:
            yield Problem("options", f"选项 {seen[text]} 和 {option.anchor} 文字相同；请改写其中一个")
        seen.setdefault(text, option.anchor)
    if not item.key:
        yield Problem("options", "没有答案；请把正确选项写成 - [x]")
