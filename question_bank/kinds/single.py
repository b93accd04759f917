"""单选题: exactly one option is right."""

from __future__ import annotations

from collections.abc import Iterator

from question_bank.item import Item
from question_bank.kinds.choice import check_options, read_choice
from question_bank.kinds.kind import Kind, Problem


def _check(item: Item) -> Iterator[Problem]:
    yield from check_options(item)
    if len(item.key) > 1:
        yield Problem("options", f"单选题标了 {len(item.key)} 个正确选项；请只留一个，或把 kind 改为 multiple")


KIND = Kind("single", "单选题", ("exact",), ("解析",), _check, read_choice)
