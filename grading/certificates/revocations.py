"""The list of certificates that no longer stand, for those who check without us: a dated, signed text file.

::

    {"format": "pufa-revocations-1", "office": "…", "key": "8 hex", "made_at": ms, "numbers": {"C…": ["superseded", "2026-12-01"]}}
    <signature, hex>

It names certificates by their number only. What was revoked after its date it cannot know; whoever reads it is told the date.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from grading.certificates.statement import key_id, raw_public
from grading.errors import CertificateError
from home import canonical_json

FORMAT = "pufa-revocations-1"
PURPOSE = b"pufa revocations 1\n"
#: why a certificate does not stand any more, in the file -> in words
REASONS = {"superseded": "成绩已更正，由新的记录代替", "revoked": "已由签发单位撤销", "replaced": "已遗失或损坏，另行补发"}
LARGEST = 50_000_000


@dataclass(frozen=True)
class Revocations:
    """A checked list. ``numbers``: certificate number -> (key of :data:`REASONS`, ISO day); ``made_at`` ms UTC."""

    office: str
    made_at: int
    numbers: Mapping[str, tuple[str, str]]


def write_list(known: Revocations, private: Ed25519PrivateKey) -> str:
    """The signed file."""
    body = canonical_json({
        "format": FORMAT, "office": known.office, "key": key_id(raw_public(private)), "made_at": known.made_at,
        "numbers": {number: list(why) for number, why in known.numbers.items()},
    })  # fmt: skip
    return f"{body}\n{private.sign(PURPOSE + body.encode()).hex()}\n"


def read_list(text: str, key: bytes) -> Revocations:
    """The list in a file, if it is whole and signed with ``key``.

    :raises CertificateError: it is no such list, another office's, or changed.
    """
    body, _, signature = text.strip().partition("\n")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(signature.strip()), PURPOSE + body.encode())
        found = json.loads(body)
    except (ValueError, InvalidSignature, RecursionError):
        raise CertificateError("停用清单不是本单位签发的，或被改动过；请向签发单位重新索取") from None
    if found.get("format") != FORMAT:
        raise CertificateError("停用清单是本版软件不认识的格式；请用更新的版本核验")
    return Revocations(found["office"], found["made_at"], {number: (why, day) for number, (why, day) in found["numbers"].items()})
