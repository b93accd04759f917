"""判断题: a statement, and the two options 正确 and 错误 in this order."""

from __future__ import annotations

from collections.abc import Iterator

from question_bank.item import Item
from question_bank.kinds.choice import read_choice
from question_bank.kinds.kind import Kind, Problem

OPTIONS = ("正确", "错误")


def _check(item: Item) -> Iterator[Problem]:
    if tuple(option.text for option in item.options) != OPTIONS:
        yield Problem("options", "判断题的选项只能依次是“正确”“错误”")
    elif len(item.key) != 1:
        yield Problem("options", f"判断题标了 {len(item.key)} 个正确选项；请只标一个 - [x]")
    if not item.fixed_order:
        yield Problem("order", "判断题的选项次序不能打乱；请写 order: fixed")


KIND = Kind("true_false", "判断题", ("exact",), ("解析",), _check, read_choice)
