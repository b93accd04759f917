"""An item as a form in a notebook: answer it, see the mark and the explanation. The only module here that loads ipywidgets.

``Bank.read()["slug"]`` as the last line of a cell shows it (:meth:`question_bank.item.Item._repr_mimebundle_`).
"""

from __future__ import annotations

import html
import random
from fractions import Fraction
from typing import Any

import ipywidgets as widgets
import nh3

from question_bank.item import Item
from question_bank.kinds import KINDS
from question_bank.marking import LETTERS, mark_answer
from question_bank.rendering import markdown_html, option_html, rationale_html, stem_html

_WIDE = {"width": "auto", "max_width": "52em"}
#: Labels of options as large as the stem, wrapped as prose is.
_STYLE = """<style>
.pufa-item label { font-size: 16px; line-height: 1.6; white-space: normal; height: auto; }
.pufa-item .widget-radio-box { height: auto; }
.pufa-item .widget-radio-box label, .pufa-item .widget-checkbox label { margin: 0 0 6px 0; max-width: none; }
.pufa-item .widget-checkbox { height: auto; }
</style>"""


def plain_text(text: str) -> str:
    """An option's text without marks of emphasis, for labels that take no HTML."""
    return html.unescape(nh3.clean(option_html(text), tags=set()))


class PracticeForm:
    """One item as a form. ``seed`` fixes the order of options; None: another order each time.

    ``widget`` is what a notebook shows; ``letters`` leads from anchors to the letters shown (``{"c": "A", …}``).
    """

    def __init__(self, item: Item, seed: int | None = None) -> None:
        self.item = item
        options = list(item.options)
        if not item.fixed_order:
            random.Random(seed).shuffle(options)
        self.letters = {option.anchor: letter for option, letter in zip(options, LETTERS, strict=False)}
        labels = [(f"{self.letters[option.anchor]}. {plain_text(option.text)}", self.letters[option.anchor]) for option in options]
        self._boxes = _boxes(item.kind, labels)
        self._check = widgets.Button(description="对答案", button_style="primary", tooltip="评判并显示解析")
        self._again = widgets.Button(description="再做一次", tooltip="清除作答")
        self._check.on_click(lambda _button: self.check())
        self._again.on_click(lambda _button: self.clear())
        self._told = widgets.HTML(layout=_WIDE)
        head = f"<p><small>{KINDS[item.kind].title}</small></p>"
        self.widget = widgets.VBox(
            [widgets.HTML(_STYLE + _styled(head + stem_html(item)), layout=_WIDE), *self._boxes,
             widgets.HBox([self._check, self._again]), self._told],
            layout={"border": "1px solid #bbb", "padding": "8px 16px", "margin": "4px 0", "max_width": "56em"},
        )  # fmt: skip
        self.widget.add_class("pufa-item")

    @property
    def answer(self) -> str:
        """What is ticked, as the letters shown in ascending order; the text for free text."""
        if self.item.kind == "multiple":
            return "".join(box.description[0] for box in self._boxes if box.value)
        return str(self._boxes[0].value or "")

    @property
    def told(self) -> str:
        """The feedback shown at present, as HTML; empty before the first check."""
        return str(self._told.value)

    def check(self) -> None:
        """Mark the answer and show the explanation; an unanswered item keeps its secret."""
        if not self.answer.strip():
            self._told.value = _styled("<p>还没有作答。请先作答，再对答案。</p>")
            return
        for box in self._boxes:
            box.disabled = True
        self._told.value = _styled(self._verdict() + self._explanation())

    def clear(self) -> None:
        """Start again."""
        for box in self._boxes:
            box.disabled = False
            box.value = {"multiple": False, "single": None, "true_false": None}.get(self.item.kind, "")
        self._told.value = ""

    def _verdict(self) -> str:
        if not self.item.options:
            points = "".join(f"<li>（{float(point.weight):g} 分）{html.escape(point.text)}</li>" for point in self.item.scoring_points)
            return f"<p><strong>参考答案</strong></p>{markdown_html(self.item.model_answer)}<p><strong>采分点</strong>，请对照自评：</p><ul>{points}</ul>"
        key = "".join(sorted(self.letters[anchor] for anchor in self.item.key))
        marked = mark_answer(KINDS[self.item.kind].rules[0], key, self.answer, Fraction(1), LETTERS[: len(self.letters)])
        if marked.points == 1:
            return f"<p><strong>✔ 答对了。</strong>正确答案是 {key}。</p>"
        return f"<p><strong>✘ 答错了。</strong>正确答案是 {key}，您选的是 {self.answer}。</p>"

    def _explanation(self) -> str:
        law = "、".join(html.escape(str(citation)) for citation in self.item.law)
        return f"<p><strong>解析</strong></p>{rationale_html(self.item.rationale, self.letters)}<p><small>依据：{law}</small></p>"

    def mimebundle(self) -> dict[str, object]:
        """What a notebook displays; the plain text stands where widgets cannot be shown."""
        bundle: dict[str, object] = dict(self.widget._repr_mimebundle_())
        bundle["text/plain"] = f"{KINDS[self.item.kind].title}：{self.item.stem}"
        return bundle


def _boxes(kind: str, labels: list[tuple[str, str]]) -> list[Any]:
    """The input widgets of a kind: check boxes, one set of radio buttons, or a text field."""
    if kind == "multiple":
        return [widgets.Checkbox(description=label, indent=False, layout=_WIDE) for label, _ in labels]
    if labels:
        return [widgets.RadioButtons(options=labels, value=None, layout=_WIDE)]
    return [widgets.Textarea(placeholder="在这里作答", rows=8, layout={"width": "100%", "max_width": "52em"})]


def _styled(inner: str) -> str:
    return f'<div style="font-size: 16px; line-height: 1.7">{inner}</div>'
