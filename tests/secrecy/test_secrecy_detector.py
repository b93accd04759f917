"""The detector itself: a planted leak is found in every wrapping, and innocent pages raise no alarm."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest
from leaks import Secrets, canary

WORD = canary()
KEYS = {"A": (("q001", "C"), ("q002", "ABD"), ("q003", "B"), ("q004", "A"), ("q005", "D"), ("q006", "ACD"))}
SECRETS = Secrets({WORD: "rationale", "340210198001010011": "identity"}, KEYS)
FILLER = "<p>村民委员会应当怎样办理？</p>" * 30


def _zip(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sheet.xml", text)
    return out.getvalue()


WRAPPINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64, shifted": lambda text: base64.b64encode(b"x" + text.encode()),
    "base64, glued to a word": lambda text: b"ab" + base64.b64encode(text.encode()),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).rstrip(b"="),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()),
    "base64 in lines of JSON": lambda text: json.dumps(base64.encodebytes(text.encode()).decode()).encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "hex, upper case": lambda text: text.encode().hex().upper().encode(),
    "hex, shifted": lambda text: b"a" + text.encode().hex().encode(),
    "escaped hex": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()).encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
    "gzip within bytes": lambda text: b"\0\1\2" + gzip.compress(text.encode()) + b"tail",
    "zlib": lambda text: zlib.compress(text.encode(), 9),
    "zlib, quick": lambda text: zlib.compress(text.encode(), 1),
    "zip": _zip,
    "URL": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "URL of Chinese around it": lambda text: quote(text).encode(),
    "JSON": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text).encode(),
    "JSON twice": lambda text: json.dumps(json.dumps("解析" + text)).encode(),
    "HTML": lambda text: "".join(f"&#x{ord(sign):x};" for sign in text).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "gzip in base64": lambda text: base64.b64encode(gzip.compress(text.encode())),
    "zlib in hex": lambda text: zlib.compress(text.encode()).hex().encode(),
    "base64 of base64": lambda text: base64.b64encode(base64.b64encode(text.encode())),
    "URL of gzip in base64": lambda text: quote(base64.b64encode(gzip.compress(text.encode()))).encode(),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_planted_text_is_found(wrapping: str) -> None:
    body = FILLER.encode() + b'<i data-x="' + WRAPPINGS[wrapping](f"解析：{WORD}，选 C") + b'">' + FILLER.encode()
    assert SECRETS.found_in(body) == {"rationale"}


@pytest.mark.parametrize("body", [
    json.dumps({"q001": "C", "q002": "x"}), '[["q002","ABD"]]', "q002: ABD", "score(q004='A')", json.dumps(json.dumps({"q003": "B"})),
    base64.b64encode(json.dumps({"q006": "ACD", "more": FILLER}).encode()).decode(), "<td>q005</td>D".replace("</td>", " "),
])  # fmt: skip
def test_a_planted_key_is_found(body: str) -> None:
    assert any(name.startswith("key/A/q") for name in SECRETS.found_in(f"{FILLER}{body}{FILLER}".encode()))


@pytest.mark.parametrize("body", ["CABDBADACD", "C,ABD,B,A,D,ACD", '["C","ABD","B","A","D","ACD"]', "C\nABD\nB\nA\nD\nACD"])
def test_a_planted_row_of_keys_is_found(body: str) -> None:
    assert "key/A/all" in SECRETS.found_in(f"{FILLER}{body}{FILLER}".encode())


@pytest.mark.parametrize("body", [
    FILLER, json.dumps({"q001": "A", "q002": "AB", "q003": "A", "q004": "B"}), '[["q001","CABD"],["q002","ABDC"]]', '"q0010":"C"', "q001 的选项 C",
    '<input name="q001" value="C"><input name="q001" value="A">', base64.b64encode(bytes(range(256))).decode(),
])  # fmt: skip
def test_innocent_pages_raise_no_alarm(body: str) -> None:
    assert SECRETS.found_in(body.encode()) == frozenset()


def test_a_number_is_found() -> None:
    assert SECRETS.found_in(base64.b64encode("证件 340210198001010011 号".encode())) == {"identity"}


def test_canaries_differ() -> None:
    assert len({canary() for _ in range(1000)}) == 1000
