"""案例分析题: material and at least two numbered questions, answered in writing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from question_bank.item import Item
from question_bank.kinds.free_text import SECTIONS, check_text, normalise_text
from question_bank.kinds.kind import Kind, Problem

_NUMBERED = re.compile(r"^\s*(?:\d{1,2}\s*[.．、)]|[（(]\d{1,2}[）)])", re.MULTILINE)


def _check(item: Item) -> Iterator[Problem]:
    yield from check_text(item)
    questions = len(_NUMBERED.findall(item.stem))
    if questions < 2:
        yield Problem("stem", f"案例分析题有 {questions} 个编号的问题，至少要有两个；请在材料后逐行写“1. …”“2. …”")


KIND = Kind("case", "案例分析题", ("manual",), SECTIONS, _check, normalise_text)
