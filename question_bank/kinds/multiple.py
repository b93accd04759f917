"""多选题: each option is right or wrong by itself; a single right one is allowed but doubted (a candidate expects two)."""

from __future__ import annotations

from collections.abc import Iterator

from question_bank.errors import WARNING
from question_bank.item import Item
from question_bank.kinds.choice import check_options, read_choice
from question_bank.kinds.kind import Kind, Problem


def _check(item: Item) -> Iterator[Problem]:
    yield from check_options(item)
    if len(item.key) == 1:
        yield Problem("options", "多选题只有一个正确选项；考生会以为至少有两个，请核对", WARNING)


KIND = Kind("multiple", "多选题", ("all_or_nothing", "half_each"), ("解析",), _check, read_choice)
