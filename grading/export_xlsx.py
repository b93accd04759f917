"""The printed list: an A4 sheet in constant memory, every cell text, header on each page, lines for stamps."""

from __future__ import annotations

from math import ceil
from typing import Any, BinaryIO

import xlsxwriter

from grading.exports import Sheet, cells
from grading.scratch import scratch
from home import local_text, now_ms

FONT = "宋体"                       # on every office PC here; where it is not, the reader's own serif stands in
#: What a person typed could be 32,767 characters at most in a cell; columns are bounded far below.
OPTIONS = {
    "constant_memory": True, "in_memory": False, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
}  # fmt: skip
CELL_BYTES = 256                    # of a cell in XlsxWriter's two temporary files together; 115 measured for the widest list
A4, TITLE_ROW, HEADER_ROW = 9, 0, 1
NARROW = 6.5                        # columns narrower than this are centred
LINE = 13.0                         # points that a line of 10 points takes
MARGIN = 0.6                        # characters of a column's width that no text gets
UPRIGHT = 100.0                     # characters that an A4 page takes upright; wider lists lie on their side
TALLEST = 400.0                     # points of a row; a spreadsheet takes 409


def write(out: BinaryIO, sheet: Sheet, *, on_disk: bool = True) -> int:
    """Title, header, one row a candidate, the reconciliation line, notes, the stamp line; returns how many rows.

    ``on_disk``: rows go to temporary files, so that memory does not grow (:mod:`grading.scratch`); not where nothing may touch
    the disk in plain.
    """
    if not on_disk:
        with xlsxwriter.Workbook(out, {**OPTIONS, "constant_memory": False, "in_memory": True}) as book:
            return _fill(book, sheet)
    with scratch(sheet.most_rows * len(sheet.layout.columns) * CELL_BYTES) as folder, xlsxwriter.Workbook(out, {**OPTIONS, "tmpdir": str(folder)}) as book:
        return _fill(book, sheet)


def _fill(book: Any, known: Sheet) -> int:
    layout = known.layout
    sheet = book.add_worksheet(known.name)
    last = len(layout.columns) - 1
    cell = {"font_name": FONT, "font_size": 10, "border": 1, "text_wrap": True, "valign": "vcenter", "num_format": "@"}
    plain, narrow = book.add_format(cell), book.add_format({**cell, "align": "center"})
    heading = book.add_format({**cell, "bold": True, "align": "center", "bg_color": "#EEEEEE"})
    _page(sheet, known)
    title = book.add_format({"font_name": FONT, "font_size": 18, "bold": True, "align": "center", "valign": "vcenter", "text_wrap": True})
    sheet.set_row(TITLE_ROW, 10 + 24 * _lines(known.listing.title, layout.width / 1.8))
    _across(sheet, TITLE_ROW, last, known.listing.title, title)
    sheet.set_row(HEADER_ROW, max(24.0, LINE * max(_lines(column.title, column.width - 0.6) for column in layout.columns) + 6))
    for n, column in enumerate(layout.columns):
        sheet.write_string(HEADER_ROW, n, column.title, heading)
    row = _rows(sheet, known, [narrow if column.width < NARROW else plain for column in layout.columns])
    sheet.autofilter(HEADER_ROW, 0, max(HEADER_ROW, row - 1), last)
    foot = book.add_format({"font_name": FONT, "font_size": 12, "text_wrap": True, "valign": "top"})
    lines = _closing(known)
    sheet.set_row(row, min(TALLEST, 20.0 * sum(_lines(line, layout.width / 1.25) for line in lines) + 12))
    _across(sheet, row, last, "\n".join(lines), foot)
    sheet.print_area(0, 0, row, last)
    return row - HEADER_ROW - 1


def _rows(sheet: Any, known: Sheet, styles: list[Any]) -> int:
    row, write_string, write_blank, layout = HEADER_ROW + 1, sheet.write_string, sheet.write_blank, known.layout
    places = [(column.width, (column.width - MARGIN) / 2) for column in layout.columns]  # so many characters surely take one line
    for number, columns in enumerate(known.made.rows, 1):
        texts = cells(layout, number, columns)
        lines = max([_lines(text, width) for text, (width, few) in zip(texts, places, strict=True) if len(text) > few], default=1)
        sheet.set_row(row, LINE * lines + 4)
        for place, text in enumerate(texts):
            if text:
                write_string(row, place, text, styles[place])
            else:
                write_blank(row, place, None, styles[place])
        row += 1
    return row


def _page(sheet: Any, known: Sheet) -> None:
    for n, column in enumerate(known.layout.columns):
        sheet.set_column(n, n, column.width)
    if known.layout.width > UPRIGHT:
        sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.set_margins(left=0.3, right=0.3, top=0.5, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(HEADER_ROW)
    sheet.freeze_panes(HEADER_ROW + 1, 0)
    sheet.center_horizontally()
    office, seal = (text.replace("&", "&&") for text in (known.listing.office, known.seal))
    sheet.set_footer(f"&L{office[:60]}  导出时间 {local_text(now_ms())}&C{seal[:120]}&R第 &P 页 共 &N 页")


def _across(sheet: Any, row: int, last: int, text: str, style: Any) -> None:
    """One text over the whole width; ``merge_range`` would guess types, so the text is written by itself."""
    if last > 0:
        sheet.merge_range(row, 0, row, last, "", style)
    sheet.write_string(row, 0, text, style)


def _closing(known: Sheet) -> list[str]:
    """What stands below the list: one tall row, so that no page break parts the numbers from the stamps."""
    return [
        *known.closing(),
        "",
        "制表人：                    复核人：                    负责人：                    日期：      年    月    日",
        "",
        "                    ".join(f"{stamp}（盖章）：" for stamp in known.listing.stamps),
        "",
    ]


def _lines(text: str, width: float) -> int:
    """How many lines a text takes in a column; a Chinese character, three bytes of UTF-8, is as wide as two digits."""
    room, wide = width - MARGIN, (len(text) + len(text.encode())) / 2
    return max(1, ceil(wide / room)) + (wide > 4 * room)  # long text breaks unevenly
