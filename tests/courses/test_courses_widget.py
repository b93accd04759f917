"""An item as a form in a notebook, driven without a browser."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from bank_fixture import write_small_bank

from question_bank.bank import Bank
from question_bank.widget import PracticeForm, plain_text


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank.read(write_small_bank(tmp_path))


def boxes(form: PracticeForm) -> list[object]:
    return [child for child in form.widget.children if type(child).__name__ in ("RadioButtons", "Checkbox", "Textarea")]


def press(form: PracticeForm, label: str) -> None:
    buttons = next(child for child in form.widget.children if type(child).__name__ == "HBox").children
    next(button for button in buttons if button.description == label).click()


def tick(form: PracticeForm, anchors: str) -> None:
    """Tick options by their place in the file, whatever letters they show."""
    wanted = {form.letters[anchor] for anchor in anchors}
    fields = boxes(form)
    if len(fields) == 1:
        fields[0].value = next(iter(wanted))  # type: ignore[attr-defined]
    for field in fields:
        if type(field).__name__ == "Checkbox":
            field.value = field.description[0] in wanted  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("slug", "right", "wrong"),
    [("mediation-agreement-regret", "a", "b"), ("committee-powers", "abd", "ab"), ("joint-confirmation", "b", "a")],
)
def test_form_marks_and_explains_with_the_letters_shown(bank: Bank, slug: str, right: str, wrong: str, seed: int) -> None:
    item = bank[slug]
    form = PracticeForm(item, seed)
    tick(form, right)
    press(form, "对答案")
    assert "答对了" in form.told and "解析" in form.told and str(item.law[0]) in form.told
    assert all(field.disabled for field in boxes(form))  # type: ignore[attr-defined]
    press(form, "再做一次")
    assert form.told == "" and form.answer == ""
    tick(form, wrong)
    press(form, "对答案")
    key = "".join(sorted(form.letters[anchor] for anchor in right))
    chosen = "".join(sorted(form.letters[anchor] for anchor in wrong))
    assert f"答错了。</strong>正确答案是 {key}，您选的是 {chosen}" in form.told
    if slug == "mediation-agreement-regret":
        assert f"选 {form.letters['a']}。" in form.told and "{a}" not in form.told


def test_an_unanswered_item_keeps_its_secret(bank: Bank) -> None:
    for item in bank.values():
        form = PracticeForm(item)
        press(form, "对答案")
        assert "还没有作答" in form.told and "解析" not in form.told


def test_free_text_shows_model_answer_and_scoring_points(bank: Bank) -> None:
    form = PracticeForm(bank["notice-before-fine"])
    boxes(form)[0].value = "理由和依据"  # type: ignore[attr-defined]
    press(form, "对答案")
    assert "采分点" in form.told and "（1.5 分）陈述、申辩" in form.told


def test_fixed_order_stays_and_shuffled_order_moves(bank: Bank) -> None:
    assert {tuple(PracticeForm(bank["owners-vote-parking"], seed).letters.items()) for seed in range(9)} == {
        (("a", "A"), ("b", "B"), ("c", "C"), ("d", "D"))
    }
    assert len({PracticeForm(bank["mediation-agreement-regret"], seed).letters["a"] for seed in range(20)}) == 4


def test_hostile_item_text_is_inert(bank: Bank) -> None:
    nasty = "<img src=x onerror=alert(1)><script>alert(1)</script>[x](javascript:alert(1))"
    item = bank["mediation-agreement-regret"]
    options = tuple(replace(option, text=f"{option.text}{nasty}") for option in item.options)
    form = PracticeForm(replace(item, stem=nasty, rationale=nasty, options=options), 1)
    tick(form, "a")
    press(form, "对答案")
    shown = form.widget.children[0].value + form.told
    assert "<img" not in shown and "<script" not in shown and "href" not in shown
    assert plain_text("**不**正确 <b>x</b>") == "不正确 <b>x</b>"


def test_item_displays_as_a_widget_and_the_bank_loads_no_widgets(bank: Bank) -> None:
    bundle = bank["committee-powers"]._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle and str(bundle["text/plain"]).startswith("多选题：")
    code = "import sys, question_bank.bank; question_bank.bank.Bank.read(); print('ipywidgets' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent.parent)
    assert said.stdout.strip() == "False"
