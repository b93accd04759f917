"""Public papers from ``release/``, cut into fragments when they are read and joined in one candidate's order per page.

Nothing is escaped or rendered per start: stems and options are safe HTML already, everything else is escaped once, here.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from html import escape
from pathlib import Path

import msgspec

from exams.answers import MAX_TEXT, ONE_OPTION
from exams.display import Arranger, Order
from exams.paper import LETTERS, PublicForm, PublicPart, PublicQuestion
from exams.refusals import Refused

#: a hall that runs for months serves one sitting after another; a form takes some hundred kilobytes
MOST_KEPT = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_LETTERS = tuple(letter.encode() for letter in LETTERS)
#: an answer to a question without options: rows of the text field by kind
_ROWS = {"short": 6}


class Notice(msgspec.Struct, frozen=True):
    """``sitting.json``: what candidates read before they start."""

    title: str
    minutes: int
    rules: tuple[str, ...] = ()
    contact: str = ""
    office_name: str = ""
    shuffle_questions: bool = True


@dataclass(frozen=True)
class _Fragment:
    """One question: ``head`` number ``stem`` (option letter option …) ``tail``; a number goes in twice."""

    part: str
    head: tuple[bytes, bytes, bytes]
    options: dict[str, tuple[bytes, bytes]]
    tail: bytes


@dataclass(frozen=True)
class Paper:
    """A form ready to be served."""

    form: PublicForm
    questions: dict[str, PublicQuestion]
    fragments: dict[str, _Fragment]
    parts: dict[str, bytes]
    arranger: Arranger

    def body(self, order: Order) -> bytes:
        """The questions as HTML in one candidate's order."""
        pieces: list[bytes] = []
        part = ""
        for number, (question, letters) in enumerate(order, 1):
            fragment = self.fragments[question]
            if fragment.part != part:
                part = fragment.part
                pieces.append(self.parts[part])
            shown = b"%d" % number
            first, second, third = fragment.head
            pieces += (first, shown, second, shown, third)
            for place, letter in enumerate(letters):
                before, after = fragment.options[letter]
                pieces += (before, _LETTERS[place], after)
            pieces.append(fragment.tail)
        return b"".join(pieces)


def cut(form: PublicForm) -> Paper:
    """Escape and cut a form once."""
    return Paper(
        form,
        {question.id: question for question in form.questions},
        {question.id: _fragment(question) for question in form.questions},
        {part.id: _part(part) for part in form.parts},
        Arranger(form),
    )


def _part(part: PublicPart) -> bytes:
    return (
        f'<header class="part"><h2>{escape(part.title)}</h2><p>{escape(part.instructions)}</p></header>\n'
    ).encode()


def _fragment(question: PublicQuestion) -> _Fragment:
    mark, points = escape(question.id), escape(_points(question.points))
    head = (
        f'<section class="question" id="{mark}" data-kind="{escape(question.kind)}" data-number="'.encode(),
        f'" tabindex="-1" aria-labelledby="{mark}-n"><div class="question-head"><h3 id="{mark}-n">第 '.encode(),
        f' 题<small>（{points} 分）</small></h3><button type="button" class="flag" aria-pressed="false">'
        f'<span aria-hidden="true">⚑</span> <span class="flag-text">标记</span></button></div>'
        f'<div class="stem" id="{mark}-s">{question.html}</div>{_open(question)}'.encode(),
    )
    kind = "radio" if question.kind in ONE_OPTION else "checkbox"
    options = {
        option.letter: (
            f'<label class="option"><input type="{kind}" name="{mark}" value="{escape(option.letter)}">'
            f'<span class="letter">'.encode(),
            f'</span><span class="option-text">{option.html}</span></label>'.encode(),
        )
        for option in question.options
    }
    return _Fragment(question.part, head, options, _close(question).encode())


def _points(points: str) -> str:
    """A fraction as people read it.

    >>> _points("3/2"), _points("2"), _points("1/3")
    ('1.5', '2', '1/3')
    """
    above, _, below = points.partition("/")
    if not below:
        return above
    value = int(above) / int(below)
    return f"{value:g}" if f"{value:g}" == f"{value:.2f}".rstrip("0") else points


def _open(question: PublicQuestion) -> str:
    mark = escape(question.id)
    if question.options:
        return f'<div class="options" role="group" aria-labelledby="{mark}-n {mark}-s">'
    rows = _ROWS.get(question.kind, 14)
    return f'<textarea name="{mark}" rows="{rows}" maxlength="{MAX_TEXT}" spellcheck="false" aria-labelledby="{mark}-n {mark}-s">'


def _close(question: PublicQuestion) -> str:
    if not question.options:
        return f'</textarea><p class="written">已写 <span>0</span> 字，最多 {MAX_TEXT} 字</p></section>\n'
    hint = "" if question.kind in ONE_OPTION else "可选多项。"
    return f'</div><p class="below">{hint}<button type="button" class="clear">清除本题答案</button></p></section>\n'


class Papers:
    """Forms and notices of the sittings under ``release/``, kept until their file changes or :data:`MOST_KEPT` newer ones were asked for."""

    def __init__(self, release: Path) -> None:
        self._release = release
        self._kept: OrderedDict[tuple[str, str], tuple[Path, int, Paper | Notice]] = OrderedDict()

    def paper(self, sitting_id: str, form: str) -> Paper:
        """:raises Refused: there is no such paper, or its file is damaged."""
        found = self._get(sitting_id, form)
        assert isinstance(found, Paper)
        return found

    def notice(self, sitting_id: str) -> Notice:
        """:raises Refused: as :meth:`paper`."""
        found = self._get(sitting_id, "sitting")
        assert isinstance(found, Notice)
        return found

    def _get(self, sitting_id: str, name: str) -> Paper | Notice:
        kept = self._kept.get((sitting_id, name))
        try:
            if kept is None or kept[0].stat().st_mtime_ns != kept[1]:
                kept = self._kept[sitting_id, name] = self._read(sitting_id, name)
                if len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        except (OSError, msgspec.DecodeError) as error:
            raise Refused("no_paper") from error
        self._kept.move_to_end((sitting_id, name))
        return kept[2]

    def _read(self, sitting_id: str, name: str) -> tuple[Path, int, Paper | Notice]:
        if not (_NAME.fullmatch(sitting_id) and _NAME.fullmatch(name)):
            raise Refused("no_paper")
        path = self._release / sitting_id / f"{name}.json"
        stamp, raw = path.stat().st_mtime_ns, path.read_bytes()
        return path, stamp, msgspec.json.decode(raw, type=Notice) if name == "sitting" else cut(msgspec.json.decode(raw, type=PublicForm))
