"""What every item kind tells about itself. A kind is a module with one constant ``KIND``; the table is in ``kinds/__init__``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from question_bank.errors import ERROR, MarkingError
from question_bank.item import Item
from question_bank.marking import LETTERS, RULES, Marked, mark_answer


@dataclass(frozen=True)
class Problem:
    """Something wrong with an item. ``where`` names a place in the file (``options``, ``order``, ``stem``, a section title)."""

    where: str
    message: str
    severity: str = ERROR


@dataclass(frozen=True)
class Kind:
    """An item kind: ``title`` in Chinese, the marking ``rules`` that fit it, the body ``sections`` its file must have,
    its own field ``check``, and ``normalise``: the canonical spelling of an answer, or None if it cannot be read."""

    name: str
    title: str
    rules: tuple[str, ...]
    sections: tuple[str, ...]
    check: Callable[[Item], Iterator[Problem]]
    normalise: Callable[[object], str | None]

    @property
    def free_text(self) -> bool:
        """Whether the answer is written, not ticked."""
        return self.rules == ("manual",)

    def mark(self, rule: str, key: str, answer: object, points: Fraction, letters: str = LETTERS) -> Marked:
        """Mark one answer to a question of this kind.

        :raises MarkingError: the rule does not fit the kind, or :func:`~question_bank.marking.mark_answer` refuses.
        """
        if rule not in self.rules:
            fitting = "、".join(f"{name}（{RULES[name].title}）" for name in self.rules)
            raise MarkingError(f"{self.title}不能用评分办法“{rule}”；可用：{fitting}")
        return mark_answer(rule, key, answer, points, letters)
