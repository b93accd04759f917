"""What a workbook from a stranger may hold before any library opens it: every XML part is walked once, nothing is kept.

A few kilobytes of ZIP can unpack to millions of empty cells, strings or styles, for each of which openpyxl makes objects: minutes
and gigabytes. The size of the unpacked parts says nothing of that; so elements are counted, at the speed of expat.
"""

from __future__ import annotations

import zipfile
from typing import BinaryIO
from xml.parsers import expat

MAX_PARTS = 1_000
MAX_UNPACKED = 60 * 1024 * 1024
#: elements that a table consists of (a roster of 20,000 rows and 60 columns has 4 million), and all others (styles, merged cells …)
MAX_CONTENT, MAX_OTHER = 6_000_000, 200_000
MAX_ROWS, MAX_CELLS, MAX_CELLS_IN_ROW, MAX_STRINGS, MAX_DEPTH = 1_050_000, 2_000_000, 16_384, 400_000, 64
_CONTENT = frozenset(
    ("row", "c", "v", "f", "is", "t", "si", "r", "rPr", "rFont", "sz", "color", "family", "charset", "scheme", "phoneticPr", "b", "i", "u", "strike", "vertAlign")
)  # fmt: skip
_PIECE = 1 << 16


class WorkbookRefused(Exception):
    """The workbook is not opened. ``too_large``: it holds more than any table here; otherwise what no spreadsheet writes."""

    def __init__(self, *, too_large: bool) -> None:
        super().__init__("too large" if too_large else "not allowed")
        self.too_large = too_large


def check_workbook(file: BinaryIO, most_unpacked: int = MAX_UNPACKED) -> None:
    """Walk an XLSX file.

    :raises WorkbookRefused: it is beyond a bound, or declares a document type (entities).
    :raises zipfile.BadZipFile: (and what else :mod:`zipfile` raises) it is no readable ZIP file.
    """
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > most_unpacked:
            raise WorkbookRefused(too_large=True)
        count = _Count()
        for part in parts:
            with archive.open(part) as stream:
                _walk(stream, count)


def _walk(stream: object, count: _Count) -> None:
    """One part, whatever its name; what is no XML ends where it stops being some, as it would for whoever reads it later."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = count.start, count.end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    count.depth = count.cells_in_row = 0
    try:
        while piece := stream.read(_PIECE):  # type: ignore[attr-defined]
            parser.Parse(piece)
    except expat.ExpatError:
        return
    except (LookupError, ValueError):  # an encoding that does not exist, or that no spreadsheet has
        raise zipfile.BadZipFile("unknown encoding") from None


def _refuse_doctype(*_declared: object) -> None:
    raise WorkbookRefused(too_large=False)


class _Count:
    """How many elements of each sort there have been, over all parts; the depth and the cells of the row at hand."""

    def __init__(self) -> None:
        self.content = self.other = self.rows = self.cells = self.strings = self.cells_in_row = self.depth = 0

    def start(self, name: str, _attributes: object) -> None:
        local = name.rpartition(":")[2]
        self.depth += 1
        if local in _CONTENT:
            self.content += 1
            if local == "c":
                self.cells += 1
                self.cells_in_row += 1
            elif local == "row":
                self.rows += 1
                self.cells_in_row = 0
            elif local == "si":
                self.strings += 1
        else:
            self.other += 1
        if (
            self.content > MAX_CONTENT or self.other > MAX_OTHER or self.cells > MAX_CELLS or self.strings > MAX_STRINGS
            or self.rows > MAX_ROWS or self.cells_in_row > MAX_CELLS_IN_ROW or self.depth > MAX_DEPTH
        ):  # fmt: skip
            raise WorkbookRefused(too_large=True)

    def end(self, _name: str) -> None:
        self.depth -= 1
