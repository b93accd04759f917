"""What stands on the printed sheets of a form: numbering, part headings, options in columns. Pure; no file format.

The paper and the answer sheet are laid out from the public form alone; only :func:`key_rows` sees a key.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from exams.paper import KeyEntry, KeyForm, PublicForm, PublicQuestion
from exams.print.blocks import Block, Run, printable, read_blocks
from question_bank.rendering import markdown_html, rationale_text

NUMERALS = (*"一二三四五六七八九十", *(f"十{one}" for one in "一二三四五六七八九"), "二十")   # a blueprint has at most 20 parts
#: options stand in so many columns while the longest, in full-width characters, is no longer than this (12 pt, 16 cm)
COLUMNS = ((4, 6.5), (2, 15.5))
_NUMBERED = re.compile(rf"^[{''.join(NUMERALS[:10])}]+、\s*")


@dataclass(frozen=True)
class PrintedOption:
    """One option with its letter."""

    letter: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class PrintedQuestion:
    """One question. ``number`` counts through the whole paper; ``columns``: how many options stand side by side."""

    number: int
    id: str
    blocks: tuple[Block, ...]
    options: tuple[PrintedOption, ...]
    columns: int
    points: str

    @property
    def size(self) -> float:
        """How much room a written answer wants, as its marks tell."""
        return float(self.points)


@dataclass(frozen=True)
class PrintedPart:
    """One part: ``heading`` as printed (一、单项选择题（共 6 题，每题 1 分，共 6 分）)."""

    numeral: str
    heading: str
    instructions: str
    questions: tuple[PrintedQuestion, ...]
    marks: str

    @property
    def objective(self) -> bool:
        """Answered by letters, not by writing."""
        return all(question.options for question in self.questions)


@dataclass(frozen=True)
class PrintedForm:
    """One form as it is printed; ``total`` in marks."""

    title: str
    form: str
    minutes: int
    total: str
    parts: tuple[PrintedPart, ...]


def points_text(value: Fraction) -> str:
    """Marks as printed.

    >>> points_text(Fraction(3, 2)), points_text(Fraction(2))
    ('1.5', '2')
    """
    return f"{float(value):g}"


def width(text: str) -> float:
    """How wide text is, in full-width characters.

    >>> width("村民A")
    2.5
    """
    return sum(1.0 if unicodedata.east_asian_width(char) in "WFA" else 0.5 for char in text)


def columns_for(options: Sequence[str]) -> int:
    """4, 2 or 1: how many of these options stand side by side."""
    longest = max((width(text) for text in options), default=0)
    return next((columns for columns, most in COLUMNS if longest <= most), 1)


def lay_out(form: PublicForm) -> PrintedForm:
    """The printed form: parts in their order, questions numbered through, options lettered as marks are given."""
    parts, number = [], 0
    used = [part for part in form.parts if any(question.part == part.id for question in form.questions)]
    for numeral, part in zip(NUMERALS, used, strict=False):
        members = [question for question in form.questions if question.part == part.id]
        questions = []
        for question in members:
            number += 1
            questions.append(_question(number, question))
        marks = sum((Fraction(question.points) for question in members), Fraction(0))
        each = {question.points for question in members}
        every = f"每题 {points_text(Fraction(each.pop()))} 分，" if len(each) == 1 else ""
        heading = f"{numeral}、{_NUMBERED.sub('', part.title)}（共 {len(members)} 题，{every}共 {points_text(marks)} 分）"
        parts.append(PrintedPart(numeral, heading, printable(part.instructions), tuple(questions), points_text(marks)))
    total = sum((Fraction(question.points) for question in form.questions), Fraction(0))
    return PrintedForm(printable(form.title), form.form, form.minutes, points_text(total), tuple(parts))


def numbers_of(form: PublicForm) -> dict[str, int]:
    """{question id: number on the printed paper}, in printed order."""
    return {question.id: question.number for part in lay_out(form).parts for question in part.questions}


def _question(number: int, question: PublicQuestion) -> PrintedQuestion:
    options = tuple(
        PrintedOption(option.letter, tuple(run for block in read_blocks(option.html) for run in block.runs))
        for option in question.options
    )
    texts = ["".join(run.text for run in option.runs) for option in options]
    blocks = read_blocks(question.html)
    return PrintedQuestion(number, question.id, blocks, options, columns_for(texts), points_text(Fraction(question.points)))


# ------------------------------------------------------------------ the key


@dataclass(frozen=True)
class KeyRow:
    """The key of one printed question; ``answer`` is empty for free text."""

    number: int
    points: str
    answer: str
    law: str
    model_answer: tuple[Block, ...]
    scoring: tuple[tuple[str, str], ...]    # (marks, text)
    rationale: tuple[Block, ...]


def key_rows(form: PublicForm, key: KeyForm) -> dict[str, KeyRow]:
    """{question id: its key}, with the letters and numbers of the printed paper.

    :raises ValueError: the key is not that of this form.
    """
    if (form.paper, form.form, [one.id for one in form.questions]) != (key.paper, key.form, [one.id for one in key.entries]):
        raise ValueError("key and form do not belong together")
    numbers = numbers_of(form)
    return {entry.id: _key_row(numbers[entry.id], entry) for entry in key.entries}


def _key_row(number: int, entry: KeyEntry) -> KeyRow:
    letters = {anchor: chr(ord("A") + place) for place, anchor in enumerate(entry.anchors)}
    rationale = rationale_text(entry.rationale, letters)
    scoring = tuple((points_text(Fraction(weight)), text) for weight, text in entry.scoring_points)
    return KeyRow(
        number, points_text(entry.max_points), entry.key, "；".join(entry.law), read_blocks(markdown_html(entry.model_answer)),
        scoring, read_blocks(markdown_html(rationale)),
    )  # fmt: skip
