"""The printed list as PDF/A: what is stamped and filed, or sent where nobody should change it."""

from __future__ import annotations

from pathlib import Path

from exams.typesetting import set_pdf
from grading.errors import ExportError
from grading.export_xlsx import NARROW, UPRIGHT
from grading.exports import Sheet, cells
from home import local_text, now_ms

TEMPLATE = Path(__file__).parent / "lists" / "list.typ"
#: rows that one file takes; a longer one is a table for computers
MOST = 20_000


def render(sheet: Sheet) -> bytes:
    """The list as PDF/A-2b, upright or on its side as its columns need.

    :raises ExportError: too many rows, or the numbers are not even.
    :raises TypesettingError: the template cannot be set.
    """
    rows = []
    for number, columns in enumerate(sheet.made.rows, 1):
        if number > MOST:
            raise ExportError(f"PDF 最多 {MOST} 行，这张表更长；请缩小范围，或改用 Excel、CSV 格式")
        rows.append(cells(sheet.layout, number, columns))
    layout = sheet.layout
    return set_pdf(TEMPLATE, {
        "title": sheet.listing.title, "office": sheet.listing.office, "flipped": layout.width > UPRIGHT, "width": layout.width,
        "columns": [{"title": column.title, "width": column.width, "narrow": column.width < NARROW} for column in layout.columns],
        "rows": rows, "lines": sheet.closing(), "stamps": sheet.listing.stamps, "seal": sheet.seal,
        "made": local_text(now_ms()), "date": local_text(now_ms(), "%Y-%m-%d"),
    })  # fmt: skip
