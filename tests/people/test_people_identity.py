from __future__ import annotations

import secrets
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from people.errors import IdentityError
from people.identity import (
    CHECK_DIGITS,
    DOCUMENTS,
    RESIDENT,
    check_digit,
    document_kind,
    identity_mac,
    mask,
    read_number,
    reveal,
    seal_number,
)

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize("number", ["11010519491231002X", "440524188001010014", "370101190102039973"])
def test_examples_of_the_standard_have_the_right_check_digit(number):
    assert check_digit(number[:17]) == number[17]


@pytest.mark.parametrize(
    "raw",
    [
        "11010519491231002X", "11010519491231002x", " 110105 19491231 002X\u3000", "１１０１０５１９４９１２３１００２Ｘ",
        "'11010519491231002X", '="11010519491231002X"', "110105\u200b19491231002X\t", "\ufeff11010519491231002X",
    ],
)  # fmt: skip
def test_spellings_of_one_number_are_one_number(raw):
    identity = read_number(RESIDENT, raw, TODAY)
    assert (identity.number, identity.birth, identity.gender) == ("11010519491231002X", date(1949, 12, 31), "女")


@given(st.integers(0, 10**17 - 1), st.sampled_from(CHECK_DIGITS))
def test_only_one_last_digit_passes_and_the_message_names_it(body, last):
    text = f"{body:017d}"
    if last == check_digit(text):
        return
    with pytest.raises(IdentityError) as caught:
        read_number(RESIDENT, text + last, TODAY)
    assert f"应为 {check_digit(text)}" in str(caught.value) or "Excel" in str(caught.value)


@pytest.mark.parametrize(
    "raw", ["4.40524E+17", "4.40524e17", 4.40524188001010e17, 440524188001010014, 440524188001010000, "440524188001010000"]
)
def test_what_excel_broke_is_explained(raw):
    with pytest.raises(IdentityError, match=r"被 Excel 改坏.*设为文本"):
        read_number(RESIDENT, raw, TODAY)


def test_a_true_number_that_ends_in_000_passes_with_a_warning():
    body = next(text for n in range(10, 1000) if check_digit(text := f"34022119{n % 90 + 10:02d}0101{100 * (n % 10):03d}") == "0")
    identity = read_number(RESIDENT, body + "0", TODAY)
    assert identity.number == body + "0" and any("000" in warning for warning in identity.warnings)


@pytest.mark.parametrize("raw", ["110105491231002", 110105491231002, 110105491231002.0])
def test_a_legacy_number_is_kept_in_its_18_digit_form(raw):
    identity = read_number("身份证", raw, TODAY)
    assert identity.number == "11010519491231002X" and "15 位" in identity.warnings[0]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("", "为空"), (None, "为空"), ("   ", "为空"), (True, "为空"), ("1234", "18 位.*4 位"), ("11010519491331002", "17 位"),
        ("110105194912310O2X", "证件类型"), ("110105王491231002X", "不该有的字符“王”"), (float("nan"), "18 位"),
        (float("inf"), "Excel"), ("1" * 10_000, "10000 位"), ("²²²", "18 位"),
    ],
)  # fmt: skip
def test_bad_numbers_are_refused_with_a_reason(raw, message):
    with pytest.raises(IdentityError, match=message):
        read_number(RESIDENT, raw, TODAY)


def test_impossible_birth_dates_are_refused_and_odd_ones_warned_of():
    for birth, message in (("19900230", "不存在"), ("20270101", "今天之后")):
        body = f"110105{birth}002"
        with pytest.raises(IdentityError, match=message):
            read_number(RESIDENT, body + check_digit(body), TODAY)
    body = "11010520150101002"
    assert "11 岁" in read_number(RESIDENT, body + check_digit(body), TODAY).warnings[0]


def test_an_abolished_or_unknown_address_code_is_never_refused():
    for code in ("340221", "990000"):
        body = code + "19700101003"
        assert read_number(RESIDENT, body + check_digit(body), TODAY).number.startswith(code)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("港澳居民来往内地通行证", "H12345678", "A12345678"), ("回乡证", "m1234567890", "M123"), ("台胞证", "12345678", "1234567"),
        ("护照", "e 1234 5678", "护照"), ("外国人永久居留身份证", "CHN110100010101", "CHN1"), ("其他", "军字(2020)1", "?"),
        ("军官证", "20201234", "ab"),
    ],
)  # fmt: skip
def test_other_documents(kind, good, bad):
    if kind == "其他":
        with pytest.raises(IdentityError, match="不该有的字符“军”"):
            read_number(kind, good, TODAY)
    else:
        assert read_number(kind, good, TODAY).document in DOCUMENTS
    with pytest.raises(IdentityError, match="请按证件重新填写"):
        read_number(kind, bad, TODAY)


def test_an_unknown_document_kind_lists_the_known_ones():
    with pytest.raises(IdentityError, match="居民身份证、港澳居民居住证"):
        document_kind("图书证")


def test_sealed_numbers_open_only_with_key_kind_and_bytes_unchanged():
    key, other = secrets.token_bytes(32), secrets.token_bytes(32)
    cipher = seal_number(key, RESIDENT, "11010519491231002X")
    assert cipher != seal_number(key, RESIDENT, "11010519491231002X") and b"110105" not in cipher
    assert reveal(key, RESIDENT, cipher) == "11010519491231002X"
    flipped = bytes([*cipher[:-1], cipher[-1] ^ 1])
    for bad in ((other, RESIDENT, cipher), (key, "护照", cipher), (key, RESIDENT, flipped), (key, RESIDENT, b"")):
        with pytest.raises(IdentityError):
            reveal(*bad)


def test_the_search_key_tells_persons_apart_and_homes_too():
    key, other = secrets.token_bytes(32), secrets.token_bytes(32)
    macs = {identity_mac(k, kind, number) for k in (key, other) for kind in ("护照", "其他") for number in ("E1234567", "E1234568")}
    assert len(macs) == 8
    assert identity_mac(key, "护照", "E1234567") == identity_mac(key, "护照", "E1234567")


@pytest.mark.parametrize(
    ("number", "shown"),
    [("340221199001011234", "3402**********1234"), ("E12345678", "E1*****78"), ("12345", "1***5"), ("ABC", "A*C"), ("AB", "A*B")],
)
def test_masks(number, shown):
    assert mask(number) == shown


def test_a_number_is_not_in_the_printed_form_of_an_identity():
    assert "1949" not in repr(read_number(RESIDENT, "11010519491231002X", TODAY)).replace("1949, 12, 31", "")
