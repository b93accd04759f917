"""Exports of lists: XLSX and PDF for print, CSV for other systems, JSON for programs; each written aside and renamed.

What candidates or rosters supplied is text everywhere: no spreadsheet may take it for a formula (cases.md E2).
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, func, select

from exams.tables import candidate
from grading.errors import ExportError
from grading.lists.kinds import ListKind, list_of
from grading.lists.layout import NUMBER, Layout
from grading.lists.made import Columns, Made, Wanted
from grading.lists.scope import Listing, Scope, describe, sittings_of
from grading.priority import giving_way
from grading.tables import certification, record
from home import OFFICE, PRIVATE, Home, audit, local_text, now_ms, transaction
from people.tables import person

#: A cell that begins like this may be taken for a formula by a spreadsheet; full-width signs are folded by some of them.
RISKY = "=+-@\t\r\n＝＋－＠"
#: ... except a lone dash and plain signed numbers, which stay as they are.
_HARMLESS = re.compile(r"[-－]|[+-]?\d{1,15}(\.\d+)?")


@dataclass(frozen=True)
class Sheet:
    """A list on its way to a file. ``made.rows`` is read once, ``made.close`` called after it.

    ``most_rows``: it surely has no more. ``seal``: a line in the footer.
    """

    name: str
    layout: Layout
    listing: Listing
    made: Made
    most_rows: int
    seal: str = "内部资料，注意保管"

    def closing(self) -> list[str]:
        """Lines below the rows: the numbers first, then what the list and its sittings have to say."""
        return [*self.made.close(), *self.layout.notes, *self.listing.notes]


@dataclass(frozen=True)
class Exported:
    """What was written: the file, how many rows, the counts (by outcome code, ``""``: pending), the reconciliation line."""

    path: Path
    rows: int
    counts: Mapping[str, int]
    line: str
    sha256: str


Writer = Callable[[BinaryIO, Sheet], None]


def safe_text(text: str) -> str:
    """Text for a CSV cell: an apostrophe before what a spreadsheet would take for a formula.

    >>> safe_text("=1+1"), safe_text("-"), safe_text("+8613800138000"), safe_text("@x")
    ("'=1+1", '-', '+8613800138000', "'@x")
    """
    return f"'{text}" if text[:1] in RISKY and text and not _HARMLESS.fullmatch(text) else text


def cells(layout: Layout, number: int, columns: Columns) -> Sequence[str]:
    """One row's texts in the layout's order; ``number`` from 1."""
    return [str(number) if name == NUMBER else columns.get(name, "") for name in layout.names]


def write_csv(out: BinaryIO, sheet: Sheet) -> None:
    """UTF-8 with BOM (Excel needs it), CRLF, header row, no title: other systems read this."""
    out.write(b"\xef\xbb\xbf")
    writer = csv.writer(_Lines(out), lineterminator="\r\n")
    writer.writerow([safe_text(column.title) for column in sheet.layout.columns])
    writer.writerows([safe_text(cell) for cell in cells(sheet.layout, n, one)] for n, one in enumerate(sheet.made.rows, 1))
    sheet.closing()  # the numbers must come out even here too, although nothing but rows is written


@dataclass
class _Lines:
    """What csv writes to: text into a binary file."""

    out: BinaryIO

    def write(self, text: str) -> int:
        return self.out.write(text.encode())


def write_json(out: BinaryIO, sheet: Sheet) -> None:
    """``{"title", "list", "office", "columns", "records": [{column name: text}], "counts", "lines"}``; one record a line."""
    names = sheet.layout.names
    head = {"title": sheet.listing.title, "list": sheet.name, "office": sheet.listing.office, "columns": names}
    out.write(json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "records": [')
    for n, one in enumerate(sheet.made.rows, 1):
        named = dict(zip(names, cells(sheet.layout, n, one), strict=True))
        out.write((",\n" if n > 1 else "\n").encode() + json.dumps(named, ensure_ascii=False).encode())
    foot = {"lines": sheet.closing(), "counts": dict(sheet.made.counts)}
    out.write(b"\n], " + json.dumps(foot, ensure_ascii=False)[1:].encode() + b"\n")


def write_xlsx(out: BinaryIO, sheet: Sheet) -> None:
    """See :mod:`grading.export_xlsx`."""
    from grading import export_xlsx  # brings XlsxWriter in: only whoever writes a spreadsheet pays for it

    export_xlsx.write(out, sheet)


def write_pdf(out: BinaryIO, sheet: Sheet) -> None:
    """See :mod:`grading.export_pdf`."""
    from grading import export_pdf

    out.write(export_pdf.render(sheet))


#: format -> writer
FORMATS: dict[str, Writer] = {"xlsx": write_xlsx, "csv": write_csv, "pdf": write_pdf, "json": write_json}


def export_list(
    home: Home, name: str, scope: Scope, form: str, out: Path, by: str, columns: str | None = None, layout: Layout | None = None,
    *, gently: bool = False,
) -> Exported:  # fmt: skip
    """Write a list (by key or Chinese name) under a column set to ``out``; who took how many rows is audited.

    ``gently``: it gives way to everything else on the machine (:mod:`grading.priority`), for a sitting may be going on.

    :raises SittingError: there is no such sitting.
    :raises ExportError: unknown list, format or column set, a file name that ends in another format, nothing to list, numbers
        that do not come out even (whom it is about is named), or a place that cannot be written.
    """
    if form not in FORMATS:
        raise ExportError(f"没有“{form}”这种导出格式；可用：{'、'.join(FORMATS)}")
    if (named := out.suffix.removeprefix(".").lower()) in FORMATS and named != form:
        raise ExportError(f"文件名“{out.name}”以 .{named} 结尾，要写的格式却是 {form}；请改成一样的")
    kind = list_of(name)

    def make() -> tuple[Exported, Layout]:
        with snapshot(home) as connection:
            sheet = sheet_of(home, connection, kind, scope, layout or kind.layout(connection, columns))
            return write(sheet, form, out, needs_rows=kind.of_sittings), sheet.layout

    done, used = giving_way(make) if gently else make()
    with transaction(home.office) as connection:
        audit(connection, OFFICE, by, "records.export", ",".join(scope.sittings)[:128] or "*", list=kind.key, rows=done.rows, format=form,
              file=out.name, set=used.name, columns=[column.name for column in used.columns], sha256=done.sha256)  # fmt: skip
    return done


def export_records(home: Home, sitting_id: str | None, form: str, out: Path, by: str, layout: Layout | None = None) -> Exported:
    """The 成绩册 of one sitting, or of all (``None``); raises as :func:`export_list`."""
    return export_list(home, "scores", Scope((sitting_id,) if sitting_id else ()), form, out, by, layout=layout)


@contextmanager
def snapshot(home: Home) -> Iterator[Connection]:
    """A connection that sees one state of office.db from its first query to its last."""
    level = {"isolation_level": "REPEATABLE READ"} if home.office.dialect.name == "postgresql" else {}
    with home.office.connect().execution_options(**level) as connection:
        yield connection


def sheet_of(
    home: Home, connection: Connection, kind: ListKind, scope: Scope, layout: Layout, numbers: Mapping[int, str] | None = None
) -> Sheet:
    """A list ready to be written.

    :raises SittingError, ExportError: as :func:`export_list`.
    """
    found = sittings_of(connection, scope) if kind.of_sittings else ()
    listing = describe(home, connection, layout.heading, scope, found, whatever_sitting=not kind.of_sittings)
    today = date.fromisoformat(local_text(now_ms(), "%Y-%m-%d"))
    made = kind.make(Wanted(home, connection, scope, found, today, kind.shipped.values, numbers))
    return Sheet(kind.title, layout, listing, made, _most_rows(connection, [one.id for one in found]))


def _most_rows(connection: Connection, sittings: Sequence[str]) -> int:
    """A list of sittings has at most their candidates; any other at most what is on file of persons, passes and certifications."""
    if sittings:
        return connection.scalar(select(func.count()).select_from(candidate).where(candidate.c.sitting_id.in_(sittings))) or 0
    return sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in (person, record, certification))


def write(sheet: Sheet, form: str, out: Path, *, needs_rows: bool = True) -> Exported:
    """Write a list to its place, whole or not at all.

    :raises ExportError: nothing to list, numbers that are not even, or a place that cannot be written.
    """
    counted = 0

    def counting() -> Iterator[Columns]:
        nonlocal counted
        for row in sheet.made.rows:
            counted += 1
            yield row

    told: list[str] = []

    def close() -> Sequence[str]:
        told[:] = sheet.made.close()
        return told

    with aside(out) as target:
        made = Made(counting(), close, sheet.made.counts)
        FORMATS[form](target, replace(sheet, made=made))
        if needs_rows and not made.counts:
            raise ExportError("没有可导出的考生；请先导入名单")
    with out.open("rb") as written:
        sha256 = hashlib.file_digest(written, "sha256").hexdigest()
    return Exported(out, counted, dict(made.counts), told[0], sha256)


def default_path(home: Home, name: str, scope: Scope, form: str) -> Path:
    """Where an export goes when nobody says: ``exports/<what it is about>-<list>-<time>.<format>``."""
    about = scope.sittings[0] if len(scope.sittings) == 1 else f"{len(scope.sittings)}场" if scope.sittings else "全部"
    if scope.person_id is not None:
        about = "个人"
    about = scope.month or about
    return home.exports / f"{about}-{list_of(name).title}-{local_text(now_ms(), '%Y%m%d-%H%M%S')}.{form}"


@contextmanager
def aside(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only when it is whole and on the disk; readable by its owner alone.

    :raises ExportError: the place cannot be written.
    """
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE), "w+b") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ExportError(f"{path}：写不进去（{error.strerror or error}）；请检查文件夹权限和磁盘空间，原有文件没有改动") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
