"""What the kinds that are answered in writing have in common: a model answer and scoring points; a person marks them."""

from __future__ import annotations

from collections.abc import Iterator

from question_bank.item import Item
from question_bank.kinds.kind import Problem

#: Longest answer that is taken, in characters; a case answer in the field is under 2,000.
LONGEST_TEXT = 20_000
SECTIONS = ("参考答案", "采分点", "解析")


def normalise_text(answer: object) -> str | None:
    """The text as typed with one kind of line end, or None if it is no text, too long or carries NUL."""
    if not isinstance(answer, str) or len(answer) > LONGEST_TEXT or "\x00" in answer:
        return None
    return answer.replace("\r\n", "\n").replace("\r", "\n")


def check_text(item: Item) -> Iterator[Problem]:
    """Problems of a free-text item: options, no model answer, no or empty scoring points."""
    if item.options:
        yield Problem("options", "这种题由考生书写作答，不应有选项；请删去选项，或改正 kind")
    if not item.model_answer:
        yield Problem("参考答案", "没有参考答案；请在“## 参考答案”下写出")
    if not item.scoring_points:
        yield Problem("采分点", "没有采分点；请在“## 采分点”下逐行写“- (2) 要点”，括号内为分值")
    for point in item.scoring_points:
        if not point.text:
            yield Problem("采分点", "有一个采分点只有分值没有文字；请写明要点")
