"""Activities in which something is put in its place: steps in order, cards into bins."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from courses.widget import Activity, bullets, button, note
from question_bank.rendering import inline_html, markdown_html


class Arrangement(Activity):
    """Steps to be put in order with buttons; the keyboard's focus follows the step that is moved."""

    def __init__(self, prompt: str, steps: Sequence[str], feedback: str, seed: int | None) -> None:
        self._feedback, self._right = feedback, tuple(range(len(steps)))
        self._html = [inline_html(step) for step in steps]
        self.order = _shuffled(self._right, seed)
        self._texts = [widgets.HTML(layout={"flex": "1 1 auto"}) for _ in steps]
        self.ups = [self._mover(place, -1) for place in self._right]
        self.downs = [self._mover(place, 1) for place in self._right]
        self.said = widgets.HTML()
        rows = [widgets.HBox(list(row)) for row in zip(self.ups, self.downs, self._texts, strict=True)]
        for row in rows:
            row.add_class("pufa-row")
        self._draw()
        super().__init__(
            "排一排", markdown_html(prompt) + bullets(steps[place] for place in self.order),
            widgets.HTML(markdown_html(prompt)), *rows, button("检查次序", self.check, primary=True), self.said,
        )  # fmt: skip

    def _mover(self, place: int, by: int) -> Any:
        word = "上移" if by < 0 else "下移"
        return button("↑" if by < 0 else "↓", lambda: self.move(place, by), tooltip=f"把第 {place + 1} 步{word}")

    def move(self, place: int, by: int) -> None:
        """Swap the step at ``place`` (from 0) with the one ``by`` = -1 above or 1 below it; nothing moves past an end."""
        target = place + by
        if not 0 <= target < len(self.order):
            return
        self.order[place], self.order[target] = self.order[target], self.order[place]
        self.said.value = ""
        self._draw()
        at_end = target in (0, len(self.order) - 1)
        ((self.downs if by < 0 else self.ups) if at_end else (self.ups if by < 0 else self.downs))[target].focus()

    def _draw(self, marks: Sequence[str] = ()) -> None:
        for row, place in enumerate(self.order):
            mark = f"{marks[row]} " if marks else ""
            self._texts[row].value = f"{mark}{row + 1}. {self._html[place]}"
            self.ups[row].disabled = row == 0
            self.downs[row].disabled = row == len(self.order) - 1

    def check(self) -> None:
        """Mark every place, and explain once the order is right; a wrong order is told where it goes wrong first."""
        if tuple(self.order) == self._right:
            self._draw(["✔"] * len(self.order))
            self.said.value = note(f"**✔ 次序对了。**\n\n{self._feedback}", "good")
            return
        self._draw(["✔" if place == row else "✘" for row, place in enumerate(self.order)])
        first = next(row for row, place in enumerate(self.order) if place != row)
        self.said.value = note(f"**从第 {first + 1} 步起次序不对。** 带 ✘ 的都不在自己的位置上，想想哪一步必须在前，再调整。", "bad")


class Sorting(Activity):
    """Cards, each with one bin to be chosen."""

    def __init__(self, prompt: str, bins: Sequence[str], cards: Sequence[tuple[str, str, str]], seed: int | None) -> None:
        self._cards = [cards[place] for place in _shuffled(range(len(cards)), seed)]
        self.choices = [widgets.RadioButtons(options=list(bins), value=None, orientation="horizontal") for _ in cards]
        self.said = widgets.HTML()
        rows = [
            widgets.VBox([widgets.HTML(f"{number}. {inline_html(card[0])}"), choice])
            for number, (card, choice) in enumerate(zip(self._cards, self.choices, strict=True), 1)
        ]
        for row in rows:
            row.add_class("pufa-row")
        super().__init__(
            "分一分", markdown_html(prompt) + f"<p>{'／'.join(map(inline_html, bins))}</p>" + bullets(card[0] for card in self._cards),
            widgets.HTML(markdown_html(prompt)), *rows, button("检查", self.check, primary=True), self.said,
        )  # fmt: skip

    def check(self) -> None:
        """Say of every card whether it lies right and why; nothing is told while one is left over."""
        left = [str(number) for number, choice in enumerate(self.choices, 1) if choice.value is None]
        if left:
            self.said.value = note(f"第 {'、'.join(left)} 张还没有归类。")
            return
        told = []
        for number, ((_, right, why), choice) in enumerate(zip(self._cards, self.choices, strict=True), 1):
            good = choice.value == right
            told.append(note(f"**{'✔' if good else '✘'} {number}. {right}** {why}", "good" if good else "bad"))
        self.said.value = "".join(told)


def _shuffled(places: Sequence[int], seed: int | None) -> list[int]:
    """Another order than the right one."""
    generator, order = random.Random(seed), list(places)
    while order == list(places):
        generator.shuffle(order)
    return order
