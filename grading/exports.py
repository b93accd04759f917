"""Exports of pass records: XLSX for print, CSV for other systems, JSON for programs; each written aside and renamed.

What candidates or rosters supplied is text everywhere: no spreadsheet may take it for a formula (cases.md E2).
"""

from __future__ import annotations

import csv
import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from grading.errors import ExportError
from grading.listing import Layout, Listing, Tally, cells, describe, read_layout, reconciliation, rows
from home import OFFICE, Home, audit, local_text, now_ms, transaction

#: A cell that begins like this may be taken for a formula by a spreadsheet; full-width signs are folded by some of them.
RISKY = "=+-@\t\r\n＝＋－＠"
#: ... except a lone dash and plain signed numbers, which stay as they are.
_HARMLESS = re.compile(r"[-－]|[+-]?\d{1,15}(\.\d+)?")


@dataclass(frozen=True)
class Exported:
    """What was written: the file, how many rows, and the counts by outcome code (``""``: pending)."""

    path: Path
    rows: int
    counts: Mapping[str, int]


Writer = Callable[[BinaryIO, Layout, Listing, Iterator[Mapping[str, str]], Tally], None]


def safe_text(text: str) -> str:
    """Text for a CSV cell: an apostrophe before what a spreadsheet would take for a formula.

    >>> safe_text("=1+1"), safe_text("-"), safe_text("+8613800138000"), safe_text("@x")
    ("'=1+1", '-', '+8613800138000', "'@x")
    """
    return f"'{text}" if text[:1] in RISKY and text and not _HARMLESS.fullmatch(text) else text


def write_csv(out: BinaryIO, layout: Layout, listing: Listing, found: Iterator[Mapping[str, str]], tally: Tally) -> None:
    """UTF-8 with BOM (Excel needs it), CRLF, header row, no title: other systems read this."""
    out.write(b"\xef\xbb\xbf")
    text = _Lines(out)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.title for column in layout.columns])
    writer.writerows([safe_text(cell) for cell in cells(layout, n, one)] for n, one in enumerate(found, 1))


@dataclass
class _Lines:
    """What csv writes to: text into a binary file."""

    out: BinaryIO

    def write(self, text: str) -> int:
        return self.out.write(text.encode())


def write_json(out: BinaryIO, layout: Layout, listing: Listing, found: Iterator[Mapping[str, str]], tally: Tally) -> None:
    """``{"title", "columns", "records": [{column name: text}], "counts"}``; one record a line."""
    head = {"title": listing.title, "office": listing.office, "columns": [column.name for column in layout.columns]}
    out.write(json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "records": [')
    for n, one in enumerate(found, 1):
        named = dict(zip([column.name for column in layout.columns], cells(layout, n, one), strict=True))
        out.write((",\n" if n > 1 else "\n").encode() + json.dumps(named, ensure_ascii=False).encode())
    out.write(b'\n], "counts": ' + json.dumps(dict(tally.counts), ensure_ascii=False).encode() + b"}\n")


def write_xlsx(out: BinaryIO, layout: Layout, listing: Listing, found: Iterator[Mapping[str, str]], tally: Tally) -> None:
    """See :mod:`grading.export_xlsx`."""
    from grading import export_xlsx  # brings XlsxWriter in: only whoever writes a spreadsheet pays for it

    export_xlsx.write(out, layout, listing, found, tally)


#: format -> writer
FORMATS: dict[str, Writer] = {"xlsx": write_xlsx, "csv": write_csv, "json": write_json}


def export_records(home: Home, sitting_id: str | None, form: str, out: Path, by: str, layout: Layout | None = None) -> Exported:
    """Write the list of one sitting (or of all, ``None``) to ``out``; who took how many rows is audited.

    :raises SittingError: there is no such sitting.
    :raises ExportError: unknown format, faulty layout, nothing to list, or a place that cannot be written.
    """
    if form not in FORMATS:
        raise ExportError(f"没有“{form}”这种导出格式；可用：{'、'.join(FORMATS)}")
    layout = layout or read_layout()
    tally = Tally(Counter())
    with home.office.connect() as connection:
        listing = describe(home, connection, sitting_id, layout)
        with aside(out) as target:
            FORMATS[form](target, layout, listing, tally.watch(rows(connection, sitting_id)), tally)
            if not tally.counts:
                raise ExportError("没有可导出的考生；请先导入名单")
    done = Exported(out, sum(tally.counts.values()), dict(tally.counts))
    with transaction(home.office) as connection:
        audit(connection, OFFICE, by, "records.export", sitting_id or "*", rows=done.rows, format=form, file=out.name,
              columns=[column.name for column in layout.columns])  # fmt: skip
    return done


def default_path(home: Home, sitting_id: str | None, form: str) -> Path:
    """Where an export goes when nobody says: ``exports/<sitting>-<time>.<format>``."""
    return home.exports / f"{sitting_id or 'all'}-{local_text(now_ms(), '%Y%m%d-%H%M%S')}.{form}"


@contextmanager
def aside(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only when it is whole and on the disk; readable by its owner alone.

    :raises ExportError: the place cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ExportError(f"{path}：写不进去（{error.strerror or error}）；请检查文件夹权限和磁盘空间，原有文件没有改动") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


__all__ = ["FORMATS", "Exported", "default_path", "export_records", "reconciliation", "safe_text"]
