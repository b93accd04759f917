"""A paper: the forms drawn for a sitting. What candidates may see and what only markers may see are separate types.

The public side is built by copying named fields (:func:`public_form`), never by deleting secrets from a full copy.
Canonical letters: each form fixes one order of an item's options; ``A`` is the first option in that order. Answers and
keys are strings of canonical letters in ascending order (``"ACD"``); what a candidate's screen shows as A may differ and
is stored with the attempt. A blank answer is ``""``. Free text is stored as it was typed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction

LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True)
class PublicOption:
    """One option: its canonical letter and safe HTML."""

    letter: str
    html: str


@dataclass(frozen=True)
class PublicQuestion:
    """What a candidate may see of one question. ``id`` is opaque and ASCII (``q001``); ``html`` is safe HTML."""

    id: str
    kind: str
    part: str
    points: str                     # a fraction as text: "1", "3/2"
    html: str
    options: tuple[PublicOption, ...]
    fixed_order: bool
    text: str                       # the stem as Markdown, for the notebook
    option_texts: tuple[str, ...]   # Markdown, in canonical order


@dataclass(frozen=True)
class PublicPart:
    """A section of the paper: 一、单项选择题（每题 1 分，共 40 题）."""

    id: str
    title: str
    instructions: str


@dataclass(frozen=True)
class PublicForm:
    """One form as candidates get it: ``release/<sitting>/<form>.json``."""

    paper: str
    form: str
    title: str
    minutes: int
    parts: tuple[PublicPart, ...]
    questions: tuple[PublicQuestion, ...]
    shuffle_questions: bool = True  # whether each candidate sees an order of their own within a part


@dataclass(frozen=True)
class KeyEntry:
    """What only markers may see of one question: ``secret/papers/<paper>/<form>.json``."""

    id: str
    item: str                       # slug
    item_hash: str
    kind: str
    part: str
    points: str
    rule: str                       # question_bank.marking.RULES
    key: str                        # canonical letters; "" for free text
    anchors: str                    # anchors in canonical order: "cabd" means canonical A is the file's third option
    rationale: str
    law: tuple[str, ...]            # citations as text
    model_answer: str
    scoring_points: tuple[tuple[str, str], ...]   # (weight, text)

    @property
    def max_points(self) -> Fraction:
        return Fraction(self.points)


@dataclass(frozen=True)
class KeyForm:
    """The keys of one form."""

    paper: str
    form: str
    entries: tuple[KeyEntry, ...]


@dataclass(frozen=True)
class PaperQuestion:
    """One place of a form in the manifest."""

    id: str
    item: str
    item_hash: str
    part: str
    kind: str
    points: str
    anchors: str                    # option order of this form, as in KeyEntry


@dataclass(frozen=True)
class PaperForm:
    """One form of the manifest, its questions in paper order."""

    form: str
    questions: tuple[PaperQuestion, ...]
    expected_score: str             # sum of points x difficulty, as a decimal text


@dataclass(frozen=True)
class Paper:
    """The manifest of parallel forms: what was drawn, from which item versions, under which blueprint and seed."""

    id: str
    blueprint_digest: str
    bank_digest: str
    as_of: str                      # ISO date on which citations were resolved
    seed_hash: str                  # SHA-256 of the 128-bit seed; the seed itself lies beside the keys
    forms: tuple[PaperForm, ...]

    def to_json(self) -> dict[str, object]:
        """Plain data for the manifest file and its digest."""
        return asdict(self)
