"""How an answer file (答案文件) is sealed and opened; :mod:`exams.answer_files` tells what is done with one.

The paper's page makes it (``hall/candidate/static/answer-file.js``) when saving has failed for more than a minute. It is one
JSON object; bytes are base64::

    {"pufa": "answer-file", "version": 1, "mode": "aes-gcm" | "hmac", "sitting": …, "attempt": 17, "number": …,
     "writer": 2, "made_at": ms, "nonce": 12 bytes, "body": …, "mac": 32 bytes, only in mode "hmac"}

The body is ``[[question, answer, page's clock in ms], …]``, oldest first. Every field before it is authenticated with it
(:func:`_header`), so that one changed character anywhere, a cut file or another candidate's name is refused.

**Mode.** The key of an attempt is derived on the server from the code key (:func:`attempt_keys`) and given to that attempt's page
alone. Where the browser has WebCrypto (HTTPS or loopback, that is every way in which the hall may be served), the body is
encrypted by AES-256-GCM. Where it has none (a proxy that speaks plain HTTP inside the room), the body is readable and
authenticated by HMAC-SHA-256 in plain JavaScript: what must not fail is that nobody alters answers on the way, and a
cipher of our own making would promise more than it keeps. Source: NIST SP 800-38D, RFC 2104.

**What the file proves.** That the page of this attempt made it; not that the candidate did not: whoever takes a browser
apart has its key. Therefore a merge is an officer's act with a reason and, where the profile says so, a second person, and the
page's times are shown as what they are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta, Struct

from exams.answers import MAX_TEXT
from exams.errors import AttemptError
from exams.saves import MAX_SEQ

MAX_FILE = 8 * 1024 * 1024


class AnswerFileError(AttemptError):
    """The file cannot be taken; the message says why and what to do."""


@dataclass(frozen=True)
class FileChange:
    """One change of one answer as the page kept it. ``client_at``: the page's clock, ms; it follows the server's."""

    question: str
    answer: str
    client_at: int


@dataclass(frozen=True)
class AnswerFile:
    """A file whose key fits: it was made by a page of this attempt and is whole. ``made_at`` ms, by the page's clock."""

    sha256: str
    sitting_id: str
    attempt_id: int
    admission_no: str
    writer: int
    made_at: int
    changes: tuple[FileChange, ...]


def attempt_keys(code_key: bytes, sitting_id: str, attempt_id: int, admission_no: str) -> bytes:
    """64 bytes that only the server and this attempt's page know: 32 for AES-256-GCM, 32 for HMAC-SHA-256."""
    bound = f"answer file\n{sitting_id}\n{attempt_id}\n{admission_no}".encode()
    return hmac.new(code_key, bound, hashlib.sha512).digest()


class _Envelope(Struct, forbid_unknown_fields=True):
    pufa: str
    version: int
    mode: str
    sitting: Annotated[str, Meta(max_length=40)]
    attempt: Annotated[int, Meta(ge=1, le=2**31)]
    number: Annotated[str, Meta(max_length=20)]
    writer: Annotated[int, Meta(ge=1, le=10**6)]
    made_at: Annotated[int, Meta(ge=0, le=2**53)]
    nonce: Annotated[str, Meta(max_length=16)]
    body: Annotated[str, Meta(max_length=MAX_FILE)]
    mac: Annotated[str, Meta(max_length=44)] = ""


_Body = Annotated[
    list[tuple[Annotated[str, Meta(max_length=12)], Annotated[str, Meta(max_length=MAX_TEXT)], Annotated[int, Meta(ge=0, le=2**53)]]],
    Meta(max_length=MAX_SEQ),
]
_envelope = msgspec.json.Decoder(_Envelope)
_body = msgspec.json.Decoder(_Body)
_FORM = "这不是本系统的答案文件，或者文件不完整；请在考生电脑上重新下载一次"
_SEAL = "文件内容与封存时不一致（被改动、不完整，或不是本单位考场的）；请在考生电脑上重新下载，原文件留作证据"


def read_answer_file(raw: bytes, key: bytes) -> AnswerFile:
    """Check and open a file. ``key``: the code key (``home.key("code")``).

    :raises AnswerFileError: not such a file, altered, cut off, from elsewhere, or it holds what no page of ours writes.
    """
    if len(raw) > MAX_FILE:
        raise AnswerFileError(f"文件超过 {MAX_FILE // 2**20} MB，不是答案文件；请核对选的文件")
    try:
        found = _envelope.decode(raw)
        nonce, body, mac = (base64.b64decode(text, validate=True) for text in (found.nonce, found.body, found.mac))
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError, RecursionError):
        raise AnswerFileError(_FORM) from None
    if found.pufa != "answer-file" or found.version != 1 or found.mode not in ("aes-gcm", "hmac") or len(nonce) != 12:
        raise AnswerFileError(_FORM)
    keys = attempt_keys(key, found.sitting, found.attempt, found.number)
    plain = _open(found, keys, nonce, body, mac)
    try:
        changes = tuple(FileChange(*change) for change in _body.decode(plain))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AnswerFileError(_FORM) from None
    return AnswerFile(
        hashlib.sha256(raw).hexdigest(), found.sitting, found.attempt, found.number, found.writer, found.made_at, changes
    )


def _header(found: _Envelope) -> bytes:
    """What is authenticated besides the body, one field a line."""
    fields = (found.mode, found.sitting, found.attempt, found.number, found.writer, found.made_at, found.nonce)
    return "\n".join(("pufa answer-file 1", *map(str, fields))).encode()


def _open(found: _Envelope, keys: bytes, nonce: bytes, body: bytes, mac: bytes) -> bytes:
    if found.mode == "hmac":
        expected = hmac.new(keys[32:], _header(found) + b"\n" + body, hashlib.sha256).digest()
        if not hmac.compare_digest(expected, mac):
            raise AnswerFileError(_SEAL)
        return body
    try:
        return AESGCM(keys[:32]).decrypt(nonce, body, _header(found))
    except InvalidTag:
        raise AnswerFileError(_SEAL) from None
