"""The order in which one candidate sees a form: questions within their part, options within their question.

Stored with the attempt as ``[["q014", "CABD"], …]``: question ids as shown, and per question the canonical letters in the
order in which they stand on this screen. What is stored as an answer is always canonical.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache
from itertools import groupby, permutations

import msgspec

from exams.paper import PublicForm, PublicQuestion

Order = tuple[tuple[str, str], ...]
_decode = msgspec.json.Decoder(Order).decode
#: up to so many options all arrangements are kept (720), and one draw picks one
_FEW = 6


class Arranger:
    """Draws orders of one form; what does not depend on the draw is prepared once."""

    def __init__(self, form: PublicForm) -> None:
        self._parts = [
            [(question.id, *_letters(question)) for question in members]
            for _part, members in groupby(form.questions, key=lambda question: question.part)
        ]

    def order(self, seed: int, *, shuffle_questions: bool = True) -> Order:
        """A random order from ``seed``: questions move within a run of the same part, options unless ``fixed_order``."""
        draw = random.Random(seed).random
        shown: list[tuple[str, str]] = []
        for part in self._parts:
            members = sorted(part, key=lambda _question: draw()) if shuffle_questions else part
            for question, letters, arranged in members:
                moved = arranged[int(draw() * len(arranged))] if arranged else "".join(sorted(letters, key=lambda _letter: draw()))
                shown.append((question, moved))
        return tuple(shown)


def _letters(question: PublicQuestion) -> tuple[str, tuple[str, ...]]:
    """Canonical letters, and the arrangements to choose from: none if they are too many to be kept."""
    letters = "".join(option.letter for option in question.options)
    if question.fixed_order:
        return letters, (letters,)
    return letters, _arrangements(letters) if len(letters) <= _FEW else ()


@cache
def _arrangements(letters: str) -> tuple[str, ...]:
    return tuple("".join(one) for one in permutations(letters))


def order_to_json(order: Iterable[tuple[str, str]]) -> str:
    """As ``attempt.display_order`` stores it."""
    return msgspec.json.encode(list(order)).decode()


def order_from_json(text: str) -> Order:
    """The stored order, as pairs."""
    return _decode(text)
