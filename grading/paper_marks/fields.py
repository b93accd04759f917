"""What is typed for one answer sheet: the fields of a form, and how each is read. Pure.

Choices: the letters that stand on paper, nothing for a blank, ``?`` for what cannot be read (a person decides later).
Free text: the points that the marker wrote on the sheet, nothing where nothing was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from exams.paper import KeyForm, PublicForm
from exams.print.layout import numbers_of, points_text
from grading.errors import MarkError, PaperMarkError
from grading.manual import FINEST, read_points
from question_bank.marking import LETTERS, RULES, read_choice

FORM = "form"
UNREADABLE = "?"
#: how people write true and false on paper
_TRUTH = {"正确": "✓√对是TY正确", "错误": "×✗X错否FN错误"}
#: what stands in the script for an answer that is on paper only
ON_PAPER = "（纸笔作答，见答题纸）"


@dataclass(frozen=True)
class Field:
    """One place of the entry page: printed ``number``; ``letters`` that may be ticked, "" for free text; ``single``: one at most
    is usual, so that typing goes on by itself."""

    question: str
    number: int
    part: str
    letters: str
    single: bool
    points: str
    words: Mapping[str, str]        # letter -> 正确 | 错误, of true/false questions

    @property
    def free(self) -> bool:
        return not self.letters

    @property
    def title(self) -> str:
        return f"第 {self.number} 题"


@dataclass(frozen=True)
class Typed:
    """One field as typed: ``answer`` letters, ``?`` or ""; ``points`` a fraction as text, None where nothing was written."""

    question: str
    answer: str
    points: str | None


def fields_of(public: PublicForm, key: KeyForm) -> tuple[Field, ...]:
    """The fields of a form in printed order."""
    numbers = numbers_of(public)
    titles = {part.id: part.title for part in public.parts}
    rules = {entry.id: entry for entry in key.entries}
    made = []
    for question in public.questions:
        entry = rules[question.id]
        letters = "" if RULES[entry.rule].score is None else LETTERS[: len(question.options)]
        words = dict(zip(letters, question.option_texts, strict=False)) if question.kind == "true_false" else {}
        made.append(Field(
            question.id, numbers[question.id], titles.get(question.part, question.part), letters,
            question.kind in ("single", "true_false"), points_text(Fraction(question.points)), words,
        ))  # fmt: skip
    return tuple(sorted(made, key=lambda one: one.number))


def read_field(field: Field, text: str) -> Typed:
    """What was typed into one field.

    :raises PaperMarkError: it cannot be read; the message names the question.
    """
    text = text.strip()
    if field.free:
        return Typed(field.question, "", _points(field, text) if text else None)
    if text in (UNREADABLE, "？"):
        return Typed(field.question, UNREADABLE, None)
    chosen = read_choice(_letter_of(field, text), field.letters)
    if chosen is None:
        raise PaperMarkError(f"{field.title}：“{text[:20]}”读不懂；请填 {field.letters[0]} 至 {field.letters[-1]} 中的字母，没有作答留空，看不清填 ?")
    return Typed(field.question, chosen, None)


def _letter_of(field: Field, text: str) -> str:
    """The letter of a tick or a cross; anything else as it is. A letter that the question has is that letter."""
    if len(text) == 1 and text.upper() in field.letters:
        return text
    for letter, word in field.words.items():
        if text and text.upper() in _TRUTH.get(word.strip(), ()):
            return letter
        if text and text == word.strip():
            return letter
    return text


def _points(field: Field, text: str) -> str:
    try:
        points = read_points(text)
    except MarkError as error:
        raise PaperMarkError(f"{field.title}：{error}") from None
    if not 0 <= points <= Fraction(field.points) or FINEST % points.denominator:
        raise PaperMarkError(f"{field.title}：得分 {text[:12]} 不在 0 至 {field.points} 之间，或小数超过两位")
    return str(points)


def read_sheet(fields: Iterable[Field], texts: Mapping[str, str]) -> tuple[Typed, ...]:
    """A whole sheet, {question id: text}; a field that is missing is blank.

    :raises PaperMarkError: every fault of the sheet at once.
    """
    typed: list[Typed] = []
    faults: list[str] = []
    for field in fields:
        try:
            typed.append(read_field(field, texts.get(field.question, "")))
        except PaperMarkError as error:
            faults.extend(error.faults)
    if faults:
        raise PaperMarkError(*faults)
    return tuple(typed)


def shown(field: Field, answer: str | None, points: str | None) -> str:
    """What stands on paper by one entry, in words."""
    if field.free:
        return "未作答" if points is None else f"{points_text(Fraction(points))} 分"
    return {"": "未作答", UNREADABLE: "看不清"}.get(answer or "", answer or "")
