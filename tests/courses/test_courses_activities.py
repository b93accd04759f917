"""The activities of a module, driven without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from bank_fixture import write_small_bank

from courses import activities
from courses.activities import ActivityError, arrange, bank, decide, practise, self_test, sort_into, write_then_compare
from question_bank.bank import Bank

OPTIONS = [("先记下来", "可以，但**不够**。"), ("当场答应", "你没有这个权限。"), ("转给街道", "对，并且要留痕。")]
CARDS = [("选举", "村民会议", "见第 1 条"), ("抄表", "物业", "合同约定"), ("罢免", "村民会议", "见第 2 条")]
NASTY = "<img src=x onerror=alert(1)><script>alert(1)</script>[x](javascript:alert(1))"


def choice_slugs(count: int) -> list[str]:
    return [slug for slug, item in bank.items() if item.pool == "practice" and item.options][:count]


def test_a_decision_gives_reasons_for_every_option_and_may_be_taken_again() -> None:
    decision = decide("怎么办？", OPTIONS, best=2)
    decision.settle()
    assert "请先选" in decision.said.value and "权限" not in decision.said.value
    assert decision.others_button.disabled
    for place, (text, _) in enumerate(OPTIONS):
        decision.choice.value = place
        decision.settle()
        assert text in decision.said.value
        assert ("✔ 较稳妥" in decision.said.value) == (place == 2) and ("✘ 有隐患" in decision.said.value) == (place != 2)
    decision.show_all()
    assert "<strong>不够</strong>" in decision.said.value and "权限" in decision.said.value and "留痕" in decision.said.value


def test_where_each_option_has_its_price_none_is_called_right_or_wrong() -> None:
    decision = decide("怎么办？", OPTIONS, best=None)
    decision.show_all()
    assert "✔" not in decision.said.value and "✘" not in decision.said.value


def test_steps_are_moved_by_buttons_and_explained_when_right() -> None:
    order = arrange("排好", ["公告", "登记", "投票", "公布"], "先公告后登记。", seed=3)
    assert order.order != [0, 1, 2, 3]
    order.check()
    assert "次序不对" in order.said.value and "先公告" not in order.said.value
    for target in range(4):
        for place in range(order.order.index(target), target, -1):
            order.ups[place].click()
    assert order.order == [0, 1, 2, 3] and order.ups[0].disabled and order.downs[3].disabled
    order.move(0, -1)
    order.move(3, 1)
    order.check()
    assert "次序对了" in order.said.value and "先公告后登记" in order.said.value


@pytest.mark.parametrize("seed", range(20))
def test_steps_never_begin_in_the_right_order(seed: int) -> None:
    assert arrange("排好", ["一", "二", "三"], "好", seed).order != [0, 1, 2]


def test_cards_are_judged_one_by_one_only_when_all_are_sorted() -> None:
    sorting = sort_into("分好", ["村民会议", "物业"], CARDS, seed=1)
    sorting.choices[0].value = "物业"
    sorting.check()
    assert "第 2、3 张还没有归类" in sorting.said.value and "✔" not in sorting.said.value
    for choice in sorting.choices:
        choice.value = "村民会议"
    sorting.check()
    assert sorting.said.value.count("✔") == 2 and sorting.said.value.count("✘") == 1
    assert all(why in sorting.said.value for _, _, why in CARDS)


def test_a_worked_answer_comes_after_ones_own() -> None:
    writing = write_then_compare("写一份告知书", "**要点**：时间、地点、事由。")
    writing.compare()
    assert "要点" not in writing.said.value
    writing.text.value = "我的"
    writing.compare()
    assert "<strong>要点</strong>" in writing.said.value and writing.text.value == "我的"
    assert "要点" not in writing.static


def answer_test(test: activities.SelfTest, wrong: int) -> None:
    """Answer all; the first ``wrong`` items wrongly."""
    for place, form in enumerate(test.forms):
        keys = {form.letters[anchor] for anchor in form.item.key}
        take = set(form.letters.values()) - keys if place < wrong else keys
        if form.item.kind == "multiple":
            for box in form.widget.children[1:-1]:
                box.value = box.description[0] in take
        else:
            form.widget.children[1].value = min(take)


@pytest.mark.parametrize(("wrong", "passed"), [(0, True), (1, True), (2, False), (5, False)])
def test_a_self_test_is_marked_together_against_its_share(wrong: int, passed: bool) -> None:
    test = self_test(choice_slugs(5))
    test.mark()
    assert "第 1、2、3、4、5 题还没有作答" in test.said.value and not any(form.told for form in test.forms)
    answer_test(test, wrong)
    test.mark()
    assert test.passed is passed and ("✔ 通过。" in test.said.value) is passed and ("未通过" in test.said.value) is not passed
    assert all("解析" in form.told for form in test.forms)
    assert ("全部答对" in test.said.value) is (wrong == 0)
    test.clear()
    assert test.said.value == "" and not test.passed and not any(form.answer or form.told for form in test.forms)


@pytest.mark.parametrize(("share", "needed"), [(0.8, 4), (0.6, 3), (1, 5), (0.61, 4)])
def test_the_share_is_counted_exactly(share: float, needed: int) -> None:
    assert f"共 5 题，答对 {needed} 题为通过" in self_test(choice_slugs(5), share).static


def test_practice_shows_the_item_and_keeps_its_key() -> None:
    slug = choice_slugs(1)[0]
    bundle = practise(slug)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    page = str(bundle["text/html"])
    assert "A. " in page and "解析" not in page and "答对" not in page


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: practise("no-such-item"), "没有题号 no-such-item"),
        (lambda: practise(["x"]), "没有题号"),  # type: ignore[arg-type]
        (lambda: decide("?", OPTIONS[:1], 0), "至少 2 项"),
        (lambda: decide("?", [("a", "b"), ("c", " ")], 0), "不能为空"),
        (lambda: decide("?", OPTIONS, 3), "0 到 2"),
        (lambda: decide("?", OPTIONS, -1), "0 到 2"),
        (lambda: arrange("?", ["a", "b"], "好"), "至少三步"),
        (lambda: arrange("?", ["a", "b", "a"], "好"), "一样"),
        (lambda: sort_into("?", ["甲"], CARDS), "至少两类"),
        (lambda: sort_into("?", ["甲", "乙"], CARDS), "不在 bins"),
        (lambda: sort_into("?", ["甲", "乙"], [("a", "甲", "")] * 2), "不能为空"),
        (lambda: write_then_compare("?", " "), "缺少参考答案"),
        (lambda: self_test([]), "至少一题"),
        (lambda: self_test(choice_slugs(1) * 2), "两次"),
        (lambda: self_test(choice_slugs(2), 0), "大于 0"),
        (lambda: self_test(choice_slugs(2), 1.01), "不超过 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line(make: object, message: str) -> None:
    with pytest.raises(ActivityError, match=message) as caught:
        make()  # type: ignore[operator]
    assert caught.value._render_traceback_() == [f"这个练习不能显示：{caught.value}"]


def test_free_text_items_are_refused_in_a_self_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Bank.read(write_small_bank(tmp_path))
    monkeypatch.setattr(activities, "_bank", lambda: small)
    with pytest.raises(ActivityError, match="notice-before-fine 要人评阅"):
        self_test(["notice-before-fine", "joint-confirmation"])


def test_hostile_text_is_inert_everywhere() -> None:
    decision = decide(NASTY, [(NASTY, NASTY), ("b", NASTY)], 0)
    decision.show_all()
    sorting = sort_into(NASTY, [NASTY, "乙"], [(NASTY, NASTY, NASTY), ("b", "乙", NASTY)])
    for choice in sorting.choices:
        choice.value = "乙"
    sorting.check()
    order = arrange(NASTY, [NASTY, "b", "c"], NASTY, seed=1)
    writing = write_then_compare(NASTY, NASTY)
    writing.text.value = NASTY
    writing.compare()
    shown = [decision.static, decision.said.value, sorting.static, sorting.said.value, order.static, *(text.value for text in order._texts),
             writing.static, writing.said.value]
    for html in shown:
        assert "<img" not in html and "<script" not in html and "href" not in html
