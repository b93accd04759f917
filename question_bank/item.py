"""An item: one question with its key, rationale and citations, as one Markdown file (``items/<pool>/<subject>/<slug>.md``)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

#: kind -> Chinese name, in the order in which papers ask them. A kind is one module in ``question_bank.kinds``.
KIND_TITLES = {"single": "单选题", "multiple": "多选题", "true_false": "判断题", "short": "简答题", "case": "案例分析题"}
LEVELS = ("识记", "理解", "应用")
AUDIENCES = ("机关", "乡镇", "街道", "村", "社区")
ANCHORS = "abcdefghij"


@dataclass(frozen=True, order=True)
class Citation:
    """An article of an act: ``Citation("民法典", "278")``, ``Citation("刑法", "120之一")``."""

    act: str
    article: str

    def __str__(self) -> str:
        base, _, sub = self.article.partition("之")
        return f"《{self.act}》第{base}条" + (f"之{sub}" if sub else "")


@dataclass(frozen=True)
class Option:
    """One option, named by its place in the file: the first is ``a``."""

    anchor: str
    text: str
    right: bool


@dataclass(frozen=True)
class ScoringPoint:
    """采分点 of a free-text item: what a marker looks for, and its weight in marks."""

    weight: Fraction
    text: str


@dataclass(frozen=True)
class Item:
    """An item as read. ``stem``, option texts, ``rationale`` and ``model_answer`` are Markdown.

    ``difficulty`` is the expected share of officials who answer it right (facility), 0 to 1.
    """

    slug: str
    pool: str
    subject: str
    kind: str
    stem: str
    options: tuple[Option, ...]
    rationale: str
    law: tuple[Citation, ...]
    topic: str
    audience: tuple[str, ...]
    level: str
    difficulty: float
    fixed_order: bool
    author: str
    path: Path
    model_answer: str = ""
    scoring_points: tuple[ScoringPoint, ...] = ()

    @property
    def key(self) -> frozenset[str]:
        """Anchors of the right options; empty for free text."""
        return frozenset(option.anchor for option in self.options if option.right)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        """In a notebook an item shows as a form that marks and explains."""
        from question_bank.widget import PracticeForm  # loads ipywidgets, which only notebooks need

        return PracticeForm(self).mimebundle()
