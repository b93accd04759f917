"""What the code says, and that nothing but the office's own words gets through."""

from __future__ import annotations

import io
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from grading.certificates.revocations import Revocations, read_list, write_list
from grading.certificates.sheets import qr_png
from grading.certificates.statement import PREFIX, Statement, raw_public, seal, unseal
from grading.certificates.verify import check, read_image
from grading.errors import CertificateError

OURS = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
THEIRS = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEY = raw_public(OURS)
DAY = date(2026, 11, 24)
KNOWN = Statement(
    "certificate", "C261124-ABCDEFGH", "0" * 32, "𫚥*提", "002X", "某县领导干部任前法律知识考试", "合格", "", "2026-11-23", "2028-11-23",
    "2026-11-24", "某县领导干部任前法律知识考试领导小组办公室", "",
)  # fmt: skip
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def test_what_was_sealed_is_read_back_however_it_was_typed():
    code = seal(KNOWN, OURS)
    assert unseal(code, KEY) == KNOWN
    assert unseal("\ufeff " + code.lower()[:40] + " \r\n" + code.lower()[40:] + "\n", KEY) == KNOWN
    wide = code.translate({ord(char): ord(char) + 0xFEE0 for char in ALPHABET + "-1"})
    assert unseal(wide, KEY) == KNOWN
    assert check(code, KEY, DAY).good


def test_a_change_of_any_single_character_is_refused():
    code = seal(KNOWN, OURS)
    for place in range(len(code)):
        for other in ("A", "7", "Q"):
            if other != code[place]:
                assert not check(code[:place] + other + code[place + 1 :], KEY, DAY).good, place


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_cut_swap_or_addition_gets_through(data):
    code = seal(KNOWN, OURS)
    at = data.draw(st.integers(0, len(code) - 1))
    how = data.draw(st.sampled_from(("cut", "insert", "swap")))
    swapped = code[:at] + code[at + 1 : at + 2] + code[at] + code[at + 2 :]
    made = {"cut": code[:at], "insert": code[:at] + data.draw(st.sampled_from(ALPHABET)) + code[at:], "swap": swapped}[how]
    if made != code:
        assert not check(made, KEY, DAY).good


@given(st.text(max_size=400) | st.text(alphabet=ALPHABET, max_size=400).map(PREFIX.__add__))
def test_whatever_is_scanned_gets_an_answer_in_words(text):
    verdict = check(text, KEY, DAY)
    assert not verdict.good and verdict.why


def test_another_office_is_named_as_such_and_a_forgery_under_our_name_as_changed():
    assert "可能由其他单位签发" in check(seal(KNOWN, THEIRS), KEY, DAY).why
    forged = seal(KNOWN, THEIRS)
    import base64

    raw = base64.b32decode(forged.removeprefix(PREFIX) + "=" * (-len(forged.removeprefix(PREFIX)) % 8))
    ours = base64.b32decode((code := seal(KNOWN, OURS).removeprefix(PREFIX)) + "=" * (-len(code) % 8))
    mixed = PREFIX + base64.b32encode(ours[:-64] + raw[-64:]).decode().rstrip("=")
    assert "内容被改动过，或系伪造" in check(mixed, KEY, DAY).why


def test_a_signed_record_or_list_is_no_certificate():
    """One key, three purposes: what is signed for one counts for none of the others."""
    import base64

    body = b'["00000000"]'
    for purpose in (b"", b"pufa revocations 1\n"):
        code = PREFIX + base64.b32encode(body + OURS.sign(purpose + body)).decode().rstrip("=")
        assert not check(code, KEY, DAY).good


def test_it_stands_on_its_last_day_and_not_on_the_next():
    code = seal(KNOWN, OURS)
    assert check(code, KEY, date(2028, 11, 23)).good
    late = check(code, KEY, date(2028, 11, 24))
    assert not late.good and "2028-11-23，已经过期" in late.why and late.statement == KNOWN


def test_the_revocation_list_is_obeyed_and_cannot_be_edited():
    listed = Revocations("某县", 1_795_500_000_000, {KNOWN.number: ("superseded", "2026-12-01")})
    text = write_list(listed, OURS)
    assert read_list(text, KEY) == listed
    gone = check(seal(KNOWN, OURS), KEY, DAY, listed)
    assert not gone.good and "2026-12-01 起停用：成绩已更正" in gone.why
    for bad in (text.replace("12-01", "12-02"), text.replace(KNOWN.number, "C261124-ZZZZZZZZ"), "", "{}", text.split("\n")[0], write_list(listed, THEIRS)):
        with pytest.raises(CertificateError, match="停用清单不是本单位签发的"):
            read_list(bad, KEY)


def test_the_code_fits_version_20_and_reads_at_three_centimetres():
    longest = Statement(**{**KNOWN.__dict__, "exam": "考" * 40, "office": "县" * 30, "total": "100.00", "mode": "演示"})
    for known in (KNOWN, longest):
        code = seal(known, OURS)
        with Image.open(io.BytesIO(qr_png(code))) as picture:
            modules = picture.width - 8
            assert (modules - 17) / 4 <= 20
            # 3 cm printed and scanned at 300 dpi (354 dots), a little turned and blurred as a scanner leaves it
            page = Image.new("L", (900, 900), 255)
            page.paste(picture.convert("L").resize((354, 354), Image.Resampling.NEAREST), (250, 260))
            scanned = page.rotate(3, Image.Resampling.BICUBIC, fillcolor=255)
        assert read_image(scanned) == [code]


def test_a_code_that_is_too_long_is_refused_in_words():
    with pytest.raises(CertificateError, match="二维码装不下"):
        qr_png(PREFIX + "A" * 1200)
    with pytest.raises(CertificateError, match="二维码装不下"):
        qr_png(PREFIX + "A" * 9000)
