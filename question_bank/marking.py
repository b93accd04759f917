"""Marking ONE answer, in exact fractions, failing closed.

An answer is either read without doubt or goes to a person: never full marks by accident, never a silent 0.
Keys and answers are strings of canonical letters in ascending order (``"ACD"``); a blank answer is ``""``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from question_bank.errors import MarkingError

LETTERS = "ABCDEFGHIJ"
HALF = Fraction(1, 2)

MARKED, UNANSWERED, NEEDS_PERSON = "marked", "unanswered", "needs_person"

#: Longest raw answer that is looked at; whatever is longer was not made by ticking ten options.
LONGEST_CHOICE = 64
_SEPARATORS = frozenset(",，、;；")


@dataclass(frozen=True)
class Marked:
    """What one answer is worth. ``points`` is None until a person has marked it; ``state`` as in this module's constants."""

    points: Fraction | None
    state: str


@dataclass(frozen=True)
class Rule:
    """A way to mark. ``score(key, chosen, points)`` works on sets of letters; None means that only a person can mark."""

    title: str
    score: Callable[[frozenset[str], frozenset[str], Fraction], Fraction] | None


def _same(key: frozenset[str], chosen: frozenset[str], points: Fraction) -> Fraction:
    return points if chosen == key else Fraction(0)


def _half_each(key: frozenset[str], chosen: frozenset[str], points: Fraction) -> Fraction:
    if chosen == key:
        return points
    return HALF * len(chosen) if chosen < key else Fraction(0)


#: rule -> how it marks. A blueprint names one for each part.
RULES = {
    "exact": Rule("与答案一致得分，否则不得分", _same),
    "all_or_nothing": Rule("全部选对得分，多选、少选、错选均不得分", _same),
    "half_each": Rule("全部选对得满分；少选且无错的，每个选项得 0.5 分；有错选的不得分", _half_each),
    "manual": Rule("由阅卷人按采分点评分", None),
}


def read_choice(answer: object, letters: str = LETTERS) -> str | None:
    """The letters of a choice in ascending order (``""`` if blank), or None if it cannot be read without doubt.

    Lower case, full width, white space and list separators do no harm; a repeated letter, anything else, or a letter
    that is not among ``letters`` is doubt.

    >>> read_choice(" c, a ")
    'AC'
    >>> read_choice("AAC") is None
    True
    """
    if not isinstance(answer, str) or len(answer) > LONGEST_CHOICE:
        return None
    plain = unicodedata.normalize("NFKC", answer).upper()
    chosen = [char for char in plain if not char.isspace() and char not in _SEPARATORS]
    if len(set(chosen)) != len(chosen) or any(char not in letters for char in chosen):
        return None
    return "".join(sorted(chosen))


def rule_fault(rule: str, keys: int, points: Fraction) -> str | None:
    """Why a question with ``keys`` right options worth ``points`` cannot be marked by ``rule``; None if it can.

    ``half_each`` needs 0.5 x (keys - 1) < points, or an incomplete answer could earn what the complete one earns.
    """
    if rule not in RULES:
        return f"没有“{rule}”这种评分办法；可用的有：{'、'.join(RULES)}"
    if points <= 0:
        return f"分值 {points} 不是正数"
    if RULES[rule].score is None:
        return None
    if keys < 1:
        return f"评分办法 {rule} 需要答案，而本题没有答案"
    if rule == "half_each" and HALF * (keys - 1) >= points:
        return f"本题 {keys} 个正确选项、{points} 分：少选一个就能得 {HALF * (keys - 1)} 分，不低于满分；请提高分值或改用 all_or_nothing"
    return None


def mark_answer(rule: str, key: str, answer: object, points: Fraction, letters: str = LETTERS) -> Marked:
    """Mark one answer of any type.

    ``key``: canonical letters, ``""`` for ``manual``; ``letters``: those that the question has.
    A blank is 0 and ``unanswered``; what cannot be read, and free text, ``needs_person`` with no points yet.

    :raises MarkingError: the rule is unknown, or the key or the points do not fit it.
    """
    fault = rule_fault(rule, len(key), points)
    if fault or (RULES[rule].score is not None and read_choice(key, letters) != key):
        raise MarkingError(fault or f"答案“{key}”不是按次序排列的选项字母")
    score = RULES[rule].score
    if score is None:
        blank = isinstance(answer, str) and not answer.strip()
        return Marked(Fraction(0), UNANSWERED) if blank else Marked(None, NEEDS_PERSON)
    chosen = read_choice(answer, letters)
    if chosen is None:
        return Marked(None, NEEDS_PERSON)
    if not chosen:
        return Marked(Fraction(0), UNANSWERED)
    return Marked(score(frozenset(key), frozenset(chosen), points), MARKED)
