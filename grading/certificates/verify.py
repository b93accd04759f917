"""Checking a certificate without the office's database: text, picture or scan against a public key, a day and a revocation list."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from grading.certificates.revocations import REASONS, Revocations
from grading.certificates.statement import PREFIX, Statement, unseal
from grading.errors import CertificateError

MOST_PAGES = 2000
#: what a page is rendered at: a code of 3 cm gets more than four dots a module; at 200 one in three is not read
DPI = 300
LARGEST = 200 * 1024 * 1024


@dataclass(frozen=True)
class Verdict:
    """What checking came to. ``good``: it stands today; ``statement`` None where nothing signed was found."""

    good: bool
    why: str
    statement: Statement | None = None


def check(text: str, key: bytes, today: date, revoked: Revocations | None = None) -> Verdict:
    """Check one scanned text against the office's public key (32 bytes)."""
    try:
        known = unseal(text, key)
    except CertificateError as error:
        return Verdict(False, str(error))
    if revoked and known.number in revoked.numbers:
        reason, day = revoked.numbers[known.number]
        return Verdict(False, f"{day} 起停用：{REASONS.get(reason, reason)}", known)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", known.valid_until) and known.valid_until < today.isoformat():
        return Verdict(False, f"有效期至 {known.valid_until}，已经过期", known)
    return Verdict(True, "签名有效，内容未被改动" + (f"；系{known.mode}考试，不作依据" if known.mode else ""), known)


def read_texts(path: Path) -> list[str]:
    """The codes in a file: a text file with one a line, a picture, or a PDF (every page).

    :raises CertificateError: the file cannot be read, or holds no code of ours.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise CertificateError(f"{path.name}：文件过大；请分开核验")
        data = path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path}：读不出来（{error.strerror or error}）") from None
    found = list(codes_in(data, path.name))
    if not found:
        raise CertificateError(f"{path.name}：没有找到证书的核验码；扫描件请用 300 dpi 以上，二维码要完整、平整")
    return found


def codes_in(data: bytes, name: str) -> Iterator[str]:
    """Our codes in the bytes of a text, picture or PDF; ``name`` is for messages.

    :raises CertificateError: it is none of these.
    """
    if data.startswith(b"%PDF-"):
        for image in _pages(data, name):
            yield from read_image(image)
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield from read_image(_open(data, name))
        return
    yield from (line.strip() for line in text.splitlines() if line.strip().upper().startswith(PREFIX))


def read_image(image: Any) -> list[str]:
    """All our codes in a picture (a Pillow image or an array)."""
    import zxingcpp  # a compiled library: only for those who read pictures

    wanted = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    return [one.text for one in zxingcpp.read_barcodes(image, formats=wanted) if one.text.startswith(PREFIX)]


def _open(data: bytes, name: str) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.convert("L")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise CertificateError(f"{name}：不是文本、图片（PNG、JPG）或 PDF，打不开") from None


def _pages(data: bytes, name: str) -> Iterator[Any]:
    import pypdfium2

    try:
        book = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        raise CertificateError(f"{name}：这个 PDF 打不开，可能已损坏或加了密码") from None
    try:
        for n in range(min(len(book), MOST_PAGES)):
            page = book[n]
            yield page.render(scale=DPI / 72, grayscale=True).to_pil()
            page.close()
    finally:
        book.close()
