from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import exams.admission
from exams.admission import ALPHABET, code_fits, code_mac, new_code, normalise_admission_no, normalise_code

KEY = bytes(range(32))


def test_codes_are_twelve_crockford_characters_in_groups_and_differ():
    codes = {new_code() for _ in range(500)}
    assert len(codes) == 500
    for code in codes:
        assert [len(group) for group in code.split("-")] == [4, 4, 4]
        assert set(code) - {"-"} <= set(ALPHABET)
    assert set("".join(codes)) - {"-"} == set(ALPHABET), "every character is drawn"


@pytest.mark.parametrize(
    "typed",
    ["7KQ2-M9XD-4TB0", "7kq2m9xd4tbo", " ７ＫＱ２－Ｍ９ＸＤ－４ＴＢＯ ", "7KQ2 M9XD 4TB0", "7KQ2—M9XD—4TB0", "7KQ2_M9XD_4TB0\n"],
)
def test_typing_slips_are_forgiven(typed):
    assert normalise_code(typed) == "7KQ2M9XD4TB0"
    assert code_fits(KEY, "s", "1", typed, code_mac(KEY, "s", "1", "7KQ2-M9XD-4TB0"))


def test_lookalikes_are_the_digits():
    assert normalise_code("iIlL-oO00-1111") == "111100001111"


@pytest.mark.parametrize("typed", ["", "7KQ2-M9XD-4TB", "7KQ2-M9XD-4TB00", "7KQ2-M9XD-4TBU", "x" * 10_000, "七KQ2-M9XD-4TB0", "\0" * 12])
def test_what_cannot_be_a_code_never_fits(typed):
    assert normalise_code(typed) == ""
    assert not code_fits(KEY, "s", "1", typed, code_mac(KEY, "s", "1", typed))


@given(st.text(max_size=80))
def test_any_text_is_taken_without_a_fault_and_normalising_twice_changes_nothing(typed):
    once = normalise_code(typed)
    assert normalise_code(once) == once
    assert normalise_admission_no(normalise_admission_no(typed)) == normalise_admission_no(typed)


def test_the_mac_is_bound_to_sitting_number_and_key():
    mac = code_mac(KEY, "s1", "1001", "7KQ2-M9XD-4TB0")
    others = [
        code_mac(KEY, "s2", "1001", "7KQ2-M9XD-4TB0"),
        code_mac(KEY, "s1", "1002", "7KQ2-M9XD-4TB0"),
        code_mac(KEY, "s1", "1001", "7KQ2-M9XD-4TB1"),
        code_mac(bytes(32), "s1", "1001", "7KQ2-M9XD-4TB0"),
    ]
    assert mac not in others and len(set(others)) == 4


def test_examples_in_the_docstrings_run():
    assert doctest.testmod(exams.admission).failed == 0
