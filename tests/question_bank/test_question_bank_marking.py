"""Marking one answer: against a tiny independent reference, and against everything that may arrive instead of an answer."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from question_bank.errors import MarkingError
from question_bank.item import KIND_TITLES
from question_bank.kinds import KINDS
from question_bank.marking import LETTERS, RULES, Marked, mark_answer, read_choice, rule_fault

letter_sets = st.sets(st.sampled_from(LETTERS))
keys = st.sets(st.sampled_from(LETTERS), min_size=1)
points = st.fractions(min_value=Fraction(1, 2), max_value=20, max_denominator=4)


def text(letters: set[str]) -> str:
    return "".join(sorted(letters))


def reference(rule: str, key: set[str], chosen: set[str], worth: Fraction) -> Fraction:
    """By counting, option by option, unlike the code under test."""
    missed = sum(1 for letter in LETTERS if letter in key and letter not in chosen)
    wrong = sum(1 for letter in LETTERS if letter in chosen and letter not in key)
    if missed == 0 and wrong == 0:
        return worth
    if rule == "half_each" and wrong == 0:
        return Fraction(len(key) - missed, 2)
    return Fraction(0)


@given(st.sampled_from(["exact", "all_or_nothing", "half_each"]), keys, letter_sets, points)
def test_equals_the_reference(rule: str, key: set[str], chosen: set[str], worth: Fraction) -> None:
    if rule_fault(rule, len(key), worth):
        with pytest.raises(MarkingError):
            mark_answer(rule, text(key), text(chosen), worth)
        return
    marked = mark_answer(rule, text(key), text(chosen), worth)
    assert marked.points == reference(rule, key, chosen, worth)
    assert marked.state == ("marked" if chosen else "unanswered")


@given(st.sampled_from(["exact", "all_or_nothing", "half_each"]), keys, letter_sets, points)
def test_only_the_key_earns_full_marks(rule: str, key: set[str], chosen: set[str], worth: Fraction) -> None:
    if not rule_fault(rule, len(key), worth):
        marked = mark_answer(rule, text(key), text(chosen), worth)
        assert marked.points is not None and 0 <= marked.points <= worth
        assert (marked.points == worth) == (chosen == key)


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.binary(), st.text(), st.text(alphabet="abcABCＡＢ ,、1"),
    st.lists(st.sampled_from("ABC")), st.dictionaries(st.text(), st.text(), max_size=2),
)  # fmt: skip


@given(anything, st.sampled_from(list(RULES)))
def test_anything_may_arrive(answer: object, rule: str) -> None:
    key = "" if rule == "manual" else "AC"
    marked = mark_answer(rule, key, answer, Fraction(2))
    if marked.state == "needs_person":
        assert marked.points is None
    elif marked.state == "unanswered":
        assert marked.points == 0
        assert isinstance(answer, str) and not any(char.isalnum() for char in answer)
    else:
        assert rule != "manual" and read_choice(answer)


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ("", ""), ("  \n", ""), ("AC", "AC"), ("ca", "AC"), (" A , C ", "AC"), ("A、C", "AC"), ("Ａｃ", "AC"),
        ("AA", None), ("AK", None), ("1", None), ("A.C", None), ("正确", None), (None, None), (3, None), (b"A", None),
        (["A"], None), (True, None), ("A" * 65, None), (" " * 65, None), ("A\x00", None), ("Α", None),   # a Greek alpha
    ],
)  # fmt: skip
def test_what_is_read(answer: object, read: str | None) -> None:
    assert read_choice(answer) == read
    state = {None: "needs_person", "": "unanswered"}.get(read, "marked")
    assert mark_answer("all_or_nothing", "AC", answer, Fraction(2)).state == state


def test_a_letter_that_the_question_has_not_needs_a_person() -> None:
    assert mark_answer("exact", "A", "E", Fraction(1), letters="ABCD") == Marked(None, "needs_person")
    assert mark_answer("exact", "A", "E", Fraction(1)) == Marked(Fraction(0), "marked")


def test_two_letters_for_a_single_choice_are_wrong() -> None:
    assert mark_answer("exact", "A", "AB", Fraction(1)) == Marked(Fraction(0), "marked")


def test_half_each_in_the_case_that_the_field_uses() -> None:
    marks = [mark_answer("half_each", "ABD", answer, Fraction(2)).points for answer in ("ABD", "AB", "D", "ABC", "ABCD", "")]
    assert marks == [2, 1, Fraction(1, 2), 0, 0, 0]


@pytest.mark.parametrize(
    ("rule", "key", "worth"),
    [
        ("half_each", "ABC", Fraction(1)), ("half_each", "ABCDE", Fraction(2)), ("exact", "", Fraction(1)),
        ("exact", "a", Fraction(1)), ("exact", "CA", Fraction(1)), ("exact", "AA", Fraction(1)), ("exact", "A", Fraction(0)),
        ("exact", "A", Fraction(-1)), ("guess", "A", Fraction(1)), ("manual", "", Fraction(0)),
    ],
)  # fmt: skip
def test_an_unusable_rule_or_key_is_refused_even_for_a_blank(rule: str, key: str, worth: Fraction) -> None:
    for answer in ("", "A", None):
        with pytest.raises(MarkingError):
            mark_answer(rule, key, answer, worth)


def test_free_text_is_for_a_person_unless_blank() -> None:
    assert mark_answer("manual", "", "答：应当告知。", Fraction(5)) == Marked(None, "needs_person")
    assert mark_answer("manual", "", " \n", Fraction(5)) == Marked(Fraction(0), "unanswered")
    assert mark_answer("manual", "", None, Fraction(5)) == Marked(None, "needs_person")


def test_the_table_of_kinds() -> None:
    assert {name: kind.title for name, kind in KINDS.items()} == KIND_TITLES
    assert list(KINDS) == list(KIND_TITLES)
    assert all(rule in RULES for kind in KINDS.values() for rule in kind.rules)


def test_a_kind_refuses_a_rule_that_is_not_its_own() -> None:
    assert KINDS["multiple"].mark("half_each", "AB", "A", Fraction(2)).points == Fraction(1, 2)
    with pytest.raises(MarkingError, match="单选题不能用"):
        KINDS["single"].mark("half_each", "A", "A", Fraction(1))


@pytest.mark.parametrize(("answer", "normal"), [("a\r\nb\rc", "a\nb\nc"), ("", ""), (None, None), ("x" * 20_001, None), ("a\x00", None)])
def test_free_text_is_bounded(answer: object, normal: str | None) -> None:
    assert KINDS["case"].normalise(answer) == normal
