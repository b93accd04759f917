"""The order in which one candidate sees a form: questions within their part, options within their question.

Stored with the attempt as ``[["q014", "CABD"], …]``: question ids as shown, and per question the canonical letters in the
order in which they stand on this screen. What is stored as an answer is always canonical.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from itertools import groupby

from exams.paper import PublicForm, PublicQuestion

Order = tuple[tuple[str, str], ...]


def display_order(form: PublicForm, seed: int, *, shuffle_questions: bool = True) -> Order:
    """A random order from ``seed``: questions move within a run of the same part, options unless ``fixed_order``."""
    draw = random.Random(seed)
    shown: list[tuple[str, str]] = []
    for _part, members in groupby(form.questions, key=lambda question: question.part):
        questions = list(members)
        if shuffle_questions:
            draw.shuffle(questions)
        shown.extend((question.id, _letters(question, draw)) for question in questions)
    return tuple(shown)


def _letters(question: PublicQuestion, draw: random.Random) -> str:
    letters = [option.letter for option in question.options]
    if not question.fixed_order:
        draw.shuffle(letters)
    return "".join(letters)


def order_to_json(order: Iterable[tuple[str, str]]) -> str:
    """As ``attempt.display_order`` stores it."""
    return json.dumps([list(place) for place in order], separators=(",", ":"))


def order_from_json(text: str) -> Order:
    """The stored order, as pairs."""
    return tuple((question, letters) for question, letters in json.loads(text))
