"""Finding a secret in bytes, whatever it was wrapped in: base64, hex, gzip, zlib, zip, URL, JSON and HTML escapes, UTF-16.

A secret text is a canary: unlike any other text of the day, so that a hit is certain. Keys of questions with options are only
letters; what betrays them is a question's number beside its right letters, or all right letters of a form in their order.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import io
import re
import secrets
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

#: every canary begins like this, so that one quick search finds them all
MARK = "kqzw"
_LETTERS = "ghjkmnpqrstvwxyz"  # none of them is a hex digit
DEPTH = 4
LONGEST_UNPACKED = 8_000_000

_CANARY = re.compile(MARK.encode() + b"[" + _LETTERS.encode() + b"]{12}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{20,}={0,2}")
_WIDE = re.compile(rb"(?:[\x20-\x7e]\0){8,}|(?:\0[\x20-\x7e]){8,}")
_WRAPPED = re.compile(rb"(?:\\n|\\r|\s)+")
_HEX = re.compile(rb"(?:[0-9a-f]{2}){12,}|(?:[0-9A-F]{2}){12,}")
_ESCAPED_HEX = re.compile(rb"(?:\\+x[0-9a-fA-F]{2}){4,}")
_JSON = re.compile(rb"\\+u([0-9a-fA-F]{4})")
_PERCENT = re.compile(rb"%[0-9a-fA-F]{2}")
_ENTITY = re.compile(rb"&#?[0-9a-zA-Z]{1,8};")
_PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")


def canary() -> str:
    """A text that occurs nowhere else."""
    return MARK + "".join(secrets.choice(_LETTERS) for _ in range(12))


@dataclass(frozen=True)
class Secrets:
    """What must not be seen. ``texts``: canary or number -> what it is; ``keys``: form -> [(question, right letters)]."""

    texts: Mapping[str, str]
    keys: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    def found_in(self, data: bytes) -> frozenset[str]:
        """Names of all secrets that are in there."""
        return frozenset(name for view in views(data) for name in self._plain(view))

    def _plain(self, view: bytes) -> Iterator[str]:
        for hit in set(_CANARY.findall(view)):
            if hit.decode() in self.texts:
                yield self.texts[hit.decode()]
        for text, name in self.texts.items():
            if not text.startswith(MARK) and text.encode() in view:
                yield name
        if self.keys:
            yield from self._keys(view)

    def _keys(self, view: bytes) -> Iterator[str]:
        letters = re.sub(rb"[^A-Z]+", b"", view)
        for form, pairs in self.keys.items():
            row = "".join(right for _, right in pairs).encode()
            if len(row) >= 8 and row in letters:
                yield f"key/{form}/all"
            if b"q0" in view:
                for question, right in pairs:
                    if re.search(rf"{question}\W{{1,8}}{right}(?![A-Za-z0-9])".encode(), view):
                        yield f"key/{form}/{question}"


def views(data: bytes, depth: int = DEPTH) -> Iterator[bytes]:
    """The bytes, and whatever they become when something in them is unwrapped; each once."""
    seen: set[bytes] = set()
    level = [data]
    for _ in range(depth + 1):
        following: list[bytes] = []
        for view in level:
            known = hashlib.sha256(view).digest()
            if known in seen or len(view) < 4:
                continue
            seen.add(known)
            yield view
            following += unwrap(view)
        level = following


def unwrap(view: bytes) -> Iterable[bytes]:
    """One layer less, by every way that fits."""
    found: list[bytes] = []
    for way in (_texts, _base64, _hexes, _packed, _zip):
        found += way(view)
    return found


def _texts(view: bytes) -> Iterator[bytes]:
    if _WIDE.search(view):
        yield b"\n".join(run.replace(b"\0", b"") for run in _WIDE.findall(view))
    if _JSON.search(view):
        yield _JSON.sub(lambda unit: chr(int(unit[1], 16)).encode("utf-8", "surrogatepass"), view)
    if _PERCENT.search(view):
        yield unquote_to_bytes(view)
    if _ENTITY.search(view):
        yield html.unescape(view.decode("latin-1")).encode("latin-1", "replace")


def _base64(view: bytes) -> Iterator[bytes]:
    for whole in {view, _WRAPPED.sub(b"", view)}:
        pieces = []
        for run in set(_BASE64.findall(whole)):
            plain = run.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
            for start in range(4):  # the run may begin within a group
                part = plain[start:]
                part = part[: len(part) - (len(part) % 4 == 1)]
                pieces.append(base64.b64decode(part + b"=" * (-len(part) % 4)))
        yield from _joined(pieces)


def _hexes(view: bytes) -> Iterator[bytes]:
    runs = list(_HEX.findall(view))
    runs += [re.sub(rb"\\+x", b"", run) for run in _ESCAPED_HEX.findall(view)]
    runs += [run[1:-1] for run in runs if len(run) > 26]  # begun within a byte
    yield from _joined([binascii.unhexlify(run) for run in runs])


def _joined(pieces: list[bytes]) -> Iterator[bytes]:
    """Short pieces as one view, packed ones as views of their own."""
    if pieces:
        yield b"\n".join(pieces)
    yield from (piece for piece in pieces if _PACKED.match(piece) or piece[:2] == b"PK")


def _packed(view: bytes) -> Iterator[bytes]:
    for start in [hit.start() for hit in _PACKED.finditer(view)][:200]:
        engine = zlib.decompressobj(wbits=47)
        try:
            plain = engine.decompress(view[start:], LONGEST_UNPACKED)
        except zlib.error:
            continue
        if len(plain) >= 8:
            yield plain


def _zip(view: bytes) -> Iterator[bytes]:
    start = view.find(b"PK\x03\x04")
    if start < 0:
        return
    try:
        with zipfile.ZipFile(io.BytesIO(view[start:])) as archive:
            yield "\n".join(archive.namelist()).encode()
            for one in archive.infolist():
                if one.file_size < LONGEST_UNPACKED:
                    yield archive.read(one)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError, zlib.error):
        return
