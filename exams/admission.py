"""One-time admission codes (考试码): how they look, how typing slips are forgiven, and what is stored of them.

A code is 60 random bits, written as twelve Crockford base-32 characters (no I, L, O, U): ``7KQ2-M9XD-4TBA``. Only its MAC is
stored, under a key outside the database, bound to sitting and admission number. Source of the alphabet: Douglas
Crockford, "Base 32".
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 12
_LOOKALIKES = str.maketrans("OIL", "011")
#: what people type or paste between the groups; full-width forms are folded before
_SEPARATORS = str.maketrans("", "", " \t\r\n-_.‐‑‒–—―−·・ー一")


def new_code() -> str:
    """A fresh code as printed on the slip: ``XXXX-XXXX-XXXX``."""
    bits = secrets.randbits(5 * LENGTH)
    text = "".join(ALPHABET[bits >> 5 * place & 31] for place in range(LENGTH))
    return "-".join(text[start : start + 4] for start in range(0, LENGTH, 4))


def normalise_code(typed: str) -> str:
    """Twelve characters of the alphabet, or ``""`` if what was typed cannot be a code.

    >>> normalise_code(" ７kq2 m9xd—4tbo ")
    '7KQ2M9XD4TB0'
    >>> normalise_code("7KQ2-M9XD")
    ''
    """
    if len(typed) > 64:
        return ""
    text = unicodedata.normalize("NFKC", typed).upper().translate(_SEPARATORS).translate(_LOOKALIKES)
    return text if len(text) == LENGTH and all(character in ALPHABET for character in text) else ""


def normalise_admission_no(typed: str) -> str:
    """An admission number as stored: half-width, upper case, no white space; ``""`` if it cannot be one.

    >>> normalise_admission_no("２０２６ 0001")
    '20260001'
    """
    if len(typed) > 64:
        return ""
    text = "".join(unicodedata.normalize("NFKC", typed).upper().split())
    return text if len(text) <= 20 and text.isascii() and text.isprintable() else ""


def code_mac(key: bytes, sitting_id: str, admission_no: str, code: str) -> str:
    """HMAC-SHA256 (hex) of sitting, admission number and the normalised code; what ``entry.code_mac`` holds."""
    message = f"{sitting_id}\n{admission_no}\n{normalise_code(code)}"
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()


def code_fits(key: bytes, sitting_id: str, admission_no: str, code: str, mac: str) -> bool:
    """Whether ``code`` as typed is the one behind ``mac``; constant time, and a malformed code never fits."""
    return hmac.compare_digest(code_mac(key, sitting_id, admission_no, code), mac) and bool(normalise_code(code))
