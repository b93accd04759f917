"""What a learner does in a module, as widgets: practise, decide, arrange, sort, write and compare, test oneself.

A module's code cells call one of these functions as their last line. Nothing here measures time, gives points or ranks.
Every text is Markdown without raw HTML, links and images (:mod:`question_bank.rendering`), so that a module can carry no script;
where widgets cannot be shown (``pufa course preview``), an activity shows as plain HTML without its answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import ceil

import ipywidgets as widgets

from courses.puzzles import Arrangement, Sorting
from courses.widget import Activity, ActivityError, bullets, button, note
from question_bank.bank import Bank
from question_bank.errors import BankError
from question_bank.item import Item
from question_bank.rendering import markdown_html, option_html, plain_letters, stem_html
from question_bank.widget import PracticeForm, plain_text

__all__ = ["Activity", "ActivityError", "arrange", "bank", "decide", "practise", "self_test", "sort_into", "write_then_compare"]

bank: Bank  # read when first asked for, see __getattr__


@cache
def _bank() -> Bank:
    try:
        return Bank.read()
    except BankError as error:
        raise ActivityError(f"题库有错，先用 pufa bank check 找出并改正：{str(error)[:300]}") from None


def __getattr__(name: str) -> Bank:
    """``bank``: the shipped items, read when first asked for."""
    if name == "bank":
        return _bank()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# ---------------------------------------------------------------- items of the bank


def practise(slug: str) -> Activity:
    """One item of the bank as a form that marks and explains.

    :raises ActivityError: no such item.
    """
    item = _item(slug)
    return Activity("练一练", _static_item(item), PracticeForm(item).widget)


def _item(slug: str) -> Item:
    try:
        return _bank()[slug]
    except (KeyError, TypeError):
        raise ActivityError(f"题库里没有题号 {str(slug)[:60]}；请用 pufa bank show 核对") from None


def _static_item(item: Item) -> str:
    letters = plain_letters(item)
    options = "".join(f"<p>{letters[option.anchor]}. {option_html(option.text)}</p>" for option in item.options)
    return stem_html(item) + options


# ---------------------------------------------------------------- decide


class Decision(Activity):
    """A decision. ``choice`` holds the place of the option ticked; :meth:`settle` shows what follows from it."""

    def __init__(self, prompt: str, options: Sequence[tuple[str, str]], best: int | None) -> None:
        self._options, self._best = tuple(options), best
        labels = [(plain_text(text), place) for place, (text, _) in enumerate(options)]
        self.choice = widgets.RadioButtons(options=labels, value=None)
        self.settle_button = button("就这么定", self.settle, primary=True)
        self.others_button = button("看看别的做法会怎样", self.show_all)
        self.others_button.disabled = True
        self.said = widgets.HTML()
        super().__init__(
            "做个决定", markdown_html(prompt) + bullets(text for text, _ in options),
            widgets.HTML(markdown_html(prompt)), self.choice, widgets.HBox([self.settle_button, self.others_button]), self.said,
        )  # fmt: skip

    def settle(self) -> None:
        """Show the feedback on the option ticked; another may be tried at once."""
        if self.choice.value is None:
            self.said.value = note("请先选一种做法。")
            return
        self.others_button.disabled = False
        self.said.value = self._feedback(self.choice.value)

    def show_all(self) -> None:
        """Show the feedback on every option."""
        self.said.value = "".join(self._feedback(place) for place in range(len(self._options)))

    def _feedback(self, place: int) -> str:
        text, feedback = self._options[place]
        tone = "" if self._best is None else "good" if place == self._best else "bad"
        mark = {"": "", "good": "✔ 较稳妥　", "bad": "✘ 有隐患　"}[tone]
        return note(f"**{mark}{plain_text(text)}**\n\n{feedback}", tone)


def decide(prompt: str, options: list[tuple[str, str]], best: int | None) -> Decision:
    """A decision to take now. ``options``: (text, reasoned feedback) each; ``best``: place of the soundest from 0, None where
    each has its price. It can be taken again; there is no score.

    :raises ActivityError: fewer than two options, one without text or feedback, or no such ``best``.
    """
    _pairs(options, 2, "decide", "（做法, 反馈）")
    if best is not None and not (isinstance(best, int) and 0 <= best < len(options)):
        raise ActivityError(f"decide：best 应是 0 到 {len(options) - 1} 之间的整数或 None")
    return Decision(prompt, options, best)


# ---------------------------------------------------------------- arrange


def arrange(prompt: str, steps: list[str], feedback: str, seed: int | None = None) -> Arrangement:
    """Steps to be put in order. ``steps``: in the right order; ``feedback``: why it is so, shown when it is right.

    :raises ActivityError: fewer than three steps, or two that read alike.
    """
    if len(steps) < 3 or len(set(steps)) != len(steps) or not all(isinstance(step, str) and step.strip() for step in steps):
        raise ActivityError("arrange：steps 至少三步，不能为空，也不能有两步一样")
    return Arrangement(prompt, steps, feedback, seed)


# ---------------------------------------------------------------- sort


def sort_into(prompt: str, bins: list[str], cards: list[tuple[str, str, str]], seed: int | None = None) -> Sorting:
    """Cards to be sorted. ``cards``: (text, its bin, why) each.

    :raises ActivityError: fewer than two bins or cards, an empty text, or a card whose bin does not exist.
    """
    if len(bins) < 2 or len(set(bins)) != len(bins):
        raise ActivityError("sort_into：bins 至少两类，不能重名")
    _pairs(cards, 2, "sort_into", "（内容, 类别, 理由）", width=3)
    stray = [text for text, bin_, _ in cards if bin_ not in bins]
    if stray:
        raise ActivityError(f"sort_into：卡片“{stray[0][:20]}”的类别不在 bins 里")
    return Sorting(prompt, bins, cards, seed)


# ---------------------------------------------------------------- write


class Writing(Activity):
    """A text of one's own, then a worked answer beside it."""

    def __init__(self, prompt: str, worked_answer: str) -> None:
        self._worked = worked_answer
        self.text = widgets.Textarea(placeholder="在这里写", layout={"width": "100%"})
        self.said = widgets.HTML()
        pair = widgets.HBox([self.text, self.said])
        pair.add_class("pufa-pair")
        super().__init__("写一写", markdown_html(prompt), widgets.HTML(markdown_html(prompt)), pair,
                         button("对照参考答案", self.compare, primary=True))  # fmt: skip

    def compare(self) -> None:
        """Show the worked answer; the learner's own text stays and can be mended. Nothing is shown before something is written."""
        if not self.text.value.strip():
            self.said.value = note("先写下自己的答案，哪怕只有两三行，再对照。")
            return
        self.said.value = note(f"**参考答案**（不是唯一写法；对照看要点是否齐全）\n\n{self._worked}")


def write_then_compare(prompt: str, worked_answer: str) -> Writing:
    """A task in writing with a worked answer (Markdown).

    :raises ActivityError: there is no worked answer.
    """
    if not worked_answer.strip():
        raise ActivityError("write_then_compare：缺少参考答案")
    return Writing(prompt, worked_answer)


# ---------------------------------------------------------------- self-test


class SelfTest(Activity):
    """Items answered together and marked together: passed or not, then every explanation."""

    def __init__(self, items: Sequence[Item], needed: int) -> None:
        self.forms = [_bare_form(item) for item in items]
        self._needed, self.passed = needed, False
        self.said = widgets.HTML()
        self._hand_in = button("交卷，看结果", self.mark, primary=True)
        self._again = button("再做一次", self.clear)
        static = "".join(f"<p><strong>第 {number} 题</strong></p>{_static_item(item)}" for number, item in enumerate(items, 1))
        rows = [row for number, form in enumerate(self.forms, 1) for row in (widgets.HTML(f"<strong>第 {number} 题</strong>"), form.widget)]
        rule = f"<p>共 {len(items)} 题，答对 {needed} 题为通过。不限时间，可以重做。</p>"
        super().__init__("结课自测", rule + static, widgets.HTML(rule), *rows, self.said, widgets.HBox([self._hand_in, self._again]))

    def mark(self) -> None:
        """Mark all at once; nothing is told while one is unanswered."""
        left = [str(number) for number, form in enumerate(self.forms, 1) if not form.answer.strip()]
        if left:
            self.said.value = note(f"第 {'、'.join(left)} 题还没有作答。全部作答后再交。")
            return
        wrong = [str(number) for number, form in enumerate(self.forms, 1) if not _right(form)]
        for form in self.forms:
            form.check()
        self.passed = len(self.forms) - len(wrong) >= self._needed
        result = "✔ 通过。" if self.passed else "✘ 未通过。"
        advice = f"第 {'、'.join(wrong)} 题答错了，" + ("看看解析。" if self.passed else "看懂解析、回到相应一节再学，然后重做。") if wrong else "全部答对。"
        self.said.value = note(f"**{result}** {advice}", "good" if self.passed else "bad")

    def clear(self) -> None:
        """Start again."""
        for form in self.forms:
            form.clear()
        self.passed, self.said.value = False, ""


def _bare_form(item: Item) -> PracticeForm:
    """A form without buttons of its own."""
    form = PracticeForm(item)
    form.widget.children = [child for child in form.widget.children if not isinstance(child, widgets.HBox)]
    return form


def _right(form: PracticeForm) -> bool:
    return form.answer == "".join(sorted(form.letters[anchor] for anchor in form.item.key))


def self_test(slugs: list[str], pass_share: float = 0.8) -> SelfTest:
    """The closing self-test. ``pass_share``: share of items to be right, above 0 and at most 1; the count is rounded up.

    :raises ActivityError: no item, one twice, one that is not in the bank or cannot be marked by itself, or no such share.
    """
    items = [_item(slug) for slug in slugs]
    if not items or len(set(slugs)) != len(slugs):
        raise ActivityError("self_test：至少一题，且同一题不能出现两次")
    free = [item.slug for item in items if not item.options]
    if free:
        raise ActivityError(f"self_test：{free[0]} 要人评阅，不能自动判；请换成选择题或判断题")
    if not 0 < pass_share <= 1:
        raise ActivityError("self_test：pass_share 应大于 0、不超过 1")
    return SelfTest(items, ceil(Fraction(str(pass_share)) * len(items)))


# ---------------------------------------------------------------- checks


def _pairs(rows: Sequence[Sequence[str]], least: int, name: str, form: str, width: int = 2) -> None:
    good = all(len(row) == width and all(isinstance(cell, str) and cell.strip() for cell in row) for row in rows)
    if len(rows) < least or not good:
        raise ActivityError(f"{name}：至少 {least} 项，每项写成{form}，都不能为空")
