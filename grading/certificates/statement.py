"""What the QR code of a certificate or score sheet says: a short signed statement, whole in the code itself.

``PUFA1-`` and base32 of *body* + *signature*: the body is canonical JSON (UTF-8), the signature 64 bytes of Ed25519 (RFC 8032)
over :data:`PURPOSE` + body with the office's record key. Upper-case letters, digits 2 to 7 and one hyphen only: QR's
alphanumeric mode holds them densely, and a handheld scanner types them whatever input method is on.

Of the person it carries a masked name and the last four characters of the masked document number: enough to hold the paper in
hand against it, less than the paper itself shows. The record's digest leads back to the signed record in the office.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import unicodedata
from dataclasses import astuple, dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from grading.errors import CertificateError
from home import canonical_json

PREFIX = "PUFA1-"
PURPOSE = b"pufa certificate 1\n"
#: kinds of sheets, and their titles
KINDS = {"certificate": "合格证书", "score_sheet": "成绩通知单"}
LONGEST = 2000
_FIELDS = 13
_SPACE = re.compile(r"[\s\u200b\ufeff]+")


@dataclass(frozen=True)
class Statement:
    """The fields in the order in which they stand in the code. Days are ISO dates; ``valid_until`` may be 本届 or empty."""

    kind: str                       # KINDS
    number: str                     # of the certificate
    record: str                     # first 32 hex digits of the record's digest
    name: str                       # masked
    tail: str                       # last characters of the masked document number
    exam: str
    outcome: str                    # 合格, 不合格 …
    total: str                      # on score sheets whose profile shows the score
    day: str                        # when the exam was sat
    valid_until: str
    issued: str
    office: str
    mode: str                       # "" for a formal exam, 模拟 or 演示 otherwise


def mask_name(name: str) -> str:
    """A name of which the first and the last character are shown.

    >>> mask_name("张三"), mask_name("张小三"), mask_name("买买提·吐尔逊")
    ('张*', '张*三', '买*逊')
    """
    return name[:1] + "*" + (name[-1] if len(name) > 2 else "")


def key_id(key: bytes) -> str:
    """Eight hex digits by which a public key (32 bytes) is told from others."""
    return hashlib.sha256(key).hexdigest()[:8]


def raw_public(private: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public key that belongs to ``private``."""
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def seal(known: Statement, private: Ed25519PrivateKey) -> str:
    """The signed text of a statement, for the QR code."""
    body = canonical_json([key_id(raw_public(private)), *astuple(known)]).encode()
    return PREFIX + base64.b32encode(body + private.sign(PURPOSE + body)).decode().rstrip("=")


def unseal(text: str, key: bytes) -> Statement:
    """The statement in a text that was scanned or typed, if it is whole and signed with ``key``.

    White space, full width and lower case come from keyboards and scanners and do no harm.

    :raises CertificateError: no statement, another office's, or changed.
    """
    plain = _SPACE.sub("", unicodedata.normalize("NFKC", text[:LONGEST])).upper()
    body, signature = _unpack(plain)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, PURPOSE + body)
    except InvalidSignature:
        raise CertificateError(_why(body, key)) from None
    return _read(body)


def _unpack(plain: str) -> tuple[bytes, bytes]:
    damaged = CertificateError("核验码不完整或有误：请重新扫描，确认扫到的是证书或成绩通知单上的二维码")
    if not plain.startswith(PREFIX):
        raise damaged
    code = plain.removeprefix(PREFIX)
    try:
        raw = base64.b32decode(code + "=" * (-len(code) % 8))
    except binascii.Error:
        raise damaged from None
    if base64.b32encode(raw).decode().rstrip("=") != code or len(raw) <= 64:
        raise damaged  # unused bits must be zero: one statement has one spelling
    return raw[:-64], raw[-64:]


def _why(body: bytes, key: bytes) -> str:
    try:
        signer = str(json.loads(body)[0])
    except (ValueError, RecursionError, LookupError, TypeError):
        signer = ""
    if re.fullmatch(r"[0-9a-f]{8}", signer) and signer != key_id(key):
        return f"签名不是用本单位的密钥做的（对方密钥编号 {signer}，本单位 {key_id(key)}）：可能由其他单位签发，或系伪造；请向签发单位核实"
    return "签名与内容不符：内容被改动过，或系伪造"


def _read(body: bytes) -> Statement:
    """The fields of a body whose signature has been checked."""
    fields = json.loads(body)
    if not isinstance(fields, list) or len(fields) != _FIELDS + 1 or not all(isinstance(one, str) for one in fields):
        raise CertificateError("签名有效，但内容是本版软件不认识的格式；请用更新的版本核验")
    return Statement(*fields[1:])
