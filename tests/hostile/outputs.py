"""What leaves the system as a file: whether anything in it would act when it is opened."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib

import openpyxl
import pypdfium2

#: first characters by which a spreadsheet takes a cell for a formula, the full-width ones that an input method makes among them
ACTIVE = "=+-@\t\r＝＋－＠"
_PARTS = re.compile(rb"externalLink|vbaProject|oleObject|activeX|attachedTemplate|TargetMode=\"External\"|w:instrText|DDEAUTO|altChunk")
_PDF = re.compile(rb"/JavaScript|/JS\b|/Launch|/OpenAction|/AA\b|/URI|/GoToR|/SubmitForm|/EmbeddedFile|/RichMedia")

_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.S)


def faults_of(name: str, data: bytes) -> list[str]:
    """What would act in a file, by its kind; a kind that is not known here is a fault as well."""
    kind = name.rpartition(".")[2].lower()
    judge = {"xlsx": _xlsx, "csv": _csv, "json": _json, "pdf": _pdf, "docx": _docx, "html": _html, "txt": _plain, "typ": _plain}.get(kind)
    return [f"{name}: {fault}" for fault in judge(data)] if judge else [f"{name}: unknown kind"]


def _xlsx(data: bytes) -> list[str]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    found = [f"formula {cell.coordinate}" for cell in cells if cell.data_type == "f"] + [f"link {cell.coordinate}" for cell in cells if cell.hyperlink]
    book.close()
    return found + _package(data)


def _plain(_data: bytes) -> list[str]:
    """Text, as it was shipped or signed."""
    return []


def _docx(data: bytes) -> list[str]:
    return _package(data)


def _package(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [f"part {name}" for name in archive.namelist() if _PARTS.search(name.encode()) or _PARTS.search(archive.read(name))]


def _csv(data: bytes) -> list[str]:
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    found = [f"cell {cell[:40]!r}" for row in rows for cell in row if cell and cell[0] in ACTIVE and not re.fullmatch(r"[+-][\d ]*", cell)]
    return found + [f"{len(row)} cells in a row" for row in rows if len(row) not in (len(rows[0]), 1)]


def _json(data: bytes) -> list[str]:
    json.loads(data)
    return []


def _pdf(data: bytes) -> list[str]:
    found = [f"action {one!r}" for one in _PDF.findall(_objects_of_pdf(data))]
    document = pypdfium2.PdfDocument(data)
    for page in document:
        found += ["annotation"] * pypdfium2.raw.FPDFPage_GetAnnotCount(page.raw)
        page.close()
    document.close()
    return found


def _objects_of_pdf(data: bytes) -> bytes:
    """Dictionaries alone: what stands outside streams and in object streams. In the packed bytes of a font any three letters come up by chance."""
    pieces = _STREAM.split(data)
    outside, inside = pieces[::2], pieces[1::2]
    packed = [body for before, body in zip(outside, inside, strict=False) if b"/ObjStm" in before.rpartition(b" obj")[2]]
    return b"".join([*outside, *(zlib.decompressobj().decompress(body) for body in packed)])


def _html(data: bytes) -> list[str]:
    """The offline page alone: its policy names its own script by digest. That it runs nothing else is tried in Chromium."""
    text = data.decode()
    return [] if "default-src 'none'; script-src 'sha256-" in text and "<script>hit(" not in text else ["a page without its policy, or with a script of others"]


def text_of_pdf(data: bytes) -> str:
    """All that can be read in a PDF."""
    document = pypdfium2.PdfDocument(data)
    text = "".join(page.get_textpage().get_text_bounded() for page in document)
    document.close()
    return text
