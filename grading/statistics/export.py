"""统计数据: what the page shows, as a file that a notebook or another system reads. The same release: nothing more is in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from grading.errors import ExportError
from grading.exports import aside, snapshot
from grading.statistics.asking import Asked
from grading.statistics.figures import Statistics, statistics
from grading.statistics.tables import Table, few
from home import OFFICE, Home, audit, local_text, now_ms, transaction

TITLE, KIND, VERSION = "统计数据", "pufa-statistics", 1
#: how an XLSX names its tables, for whoever reads it by program
FACTS = ("kind", "version", "n", "made_on")
INDEX = ("编号", "表", "画法", "名称列", "数值列", "行数", "说明")


@dataclass(frozen=True)
class Written:
    """A file of statistics."""

    path: Path
    tables: int
    rows: int


def scope_text(told: Statistics) -> str:
    """What the figures are about, in words."""
    asked = told.asked
    days = f"{asked.since or '建档'} 至 {asked.until or '今'}" if asked.since or asked.until else "全部日期"
    kinds = "只算正式考试" if asked.formal else "含演示、模拟考试，不作依据"
    kept = f"（{local_text(told.kept_at)} 算好）" if told.kept_at else ""
    return f"{told.unit or '全部单位'}；考试：{days}，{kinds}；持证、到期：截至 {told.today}{kept}"


def rule_text(told: Statistics) -> str:
    """The rule about small numbers, in words."""
    return (
        f"{few(told.n)}的数不列出；为了不能由合计倒推，相邻的数有的也不列（写“不列”），{few(told.n)}的单位并在一起。"
        "比率里带“以上”“以下”的，是按列出的数能确定的范围。范围不同的两份、不同日子做的两份，相减都可能推出个别人数：一个时期对外只给一份，给出去的留底，要更新的等变动够多再给。"
    )


def as_json(home: Home, told: Statistics) -> dict[str, object]:
    """Everything that is released, as plain values."""
    return {
        "kind": KIND, "version": VERSION, "title": TITLE, "office": str(home.settings.get("office_name", "")), "n": told.n,
        "made_on": told.today.isoformat(), "scope": scope_text(told), "rule": rule_text(told), "uncounted": told.uncounted,
        "tables": [table.as_json() for table in told.tables],
    }  # fmt: skip


def _write_json(out: BinaryIO, content: Mapping[str, object], _tables: tuple[Table, ...]) -> None:
    out.write(json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n")


def _write_xlsx(out: BinaryIO, content: Mapping[str, object], tables: tuple[Table, ...]) -> None:
    """One sheet of explanations with the index of tables, then one sheet a table: title, what it says, headings, rows."""
    import xlsxwriter  # only whoever writes a spreadsheet pays for it

    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        styles = {
            "title": book.add_format({"bold": True, "font_size": 15}), "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
            "head": book.add_format({"bold": True, "border": 1, "text_wrap": True, "bg_color": "#E9EDF2", "valign": "vcenter"}),
            "cell": book.add_format({"border": 1, "text_wrap": True}), "right": book.add_format({"border": 1, "align": "right"}),
        }  # fmt: skip
        _explanations(book.add_worksheet("说明"), styles, content, tables)
        for table in tables:
            _sheet(book.add_worksheet(table.id), styles, table)


def _explanations(sheet: Any, styles: Mapping[str, Any], content: Mapping[str, object], tables: tuple[Table, ...]) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 5, 18)
    sheet.set_column(6, 6, 60)
    sheet.write_string(0, 0, f"{content['office']} {TITLE}", styles["title"])
    for row, name in enumerate(("scope", "rule"), 1):
        sheet.merge_range(row, 0, row, len(INDEX) - 1, str(content[name]), styles["wrap"])
        sheet.set_row(row, 36)
    for column, name in enumerate(FACTS):
        sheet.write_string(3, column, str(content[name]), styles["wrap"])
    for column, title in enumerate(INDEX):
        sheet.write_string(5, column, title, styles["head"])
    for row, table in enumerate(tables, 6):
        told = (table.id, table.title, table.chart, "、".join(table.label), table.value, str(len(table.rows)), table.about)
        for column, text in enumerate(told):
            sheet.write_string(row, column, text, styles["cell"])


def _sheet(sheet: Any, styles: Mapping[str, Any], table: Table) -> None:
    names = max(1, len(table.label))
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(2)
    sheet.set_footer("&L内部资料，注意保管&C第 &P 页，共 &N 页")
    sheet.set_column(0, names - 1, 22)
    sheet.set_column(names, len(table.columns) - 1, 13)
    sheet.set_row(2, 32)
    sheet.write_string(0, 0, table.title, styles["title"])
    sheet.write_string(1, 0, table.about)
    for column, title in enumerate(table.columns):
        sheet.write_string(2, column, title, styles["head"])
    for row, values in enumerate(table.rows, 3):
        for column, value in enumerate(values):
            style = styles["cell" if column < names else "right"]
            if isinstance(value, int | float):
                sheet.write_number(row, column, value, style)
            else:
                sheet.write_string(row, column, value or "", style)


#: format -> writer
FORMATS: dict[str, Callable[[BinaryIO, Mapping[str, object], tuple[Table, ...]], None]] = {"xlsx": _write_xlsx, "json": _write_json}


def export_statistics(home: Home, asked: Asked, form: str, out: Path, by: str) -> Written:
    """Write all tables about ``asked`` to ``out``; who took them is audited.

    :raises ExportError: an unknown format, or a place that cannot be written.
    :raises ContentError: the rules cannot be read.
    """
    if form not in FORMATS:
        raise ExportError(f"没有“{form}”这种格式；可用：{'、'.join(FORMATS)}")
    with snapshot(home) as connection:
        told = statistics(home, connection, asked, now_ms())
    with aside(out) as target:
        FORMATS[form](target, as_json(home, told), told.tables)
    rows = sum(len(table.rows) for table in told.tables)
    with out.open("rb") as written:
        sha256 = hashlib.file_digest(written, "sha256").hexdigest()
    with transaction(home.office) as connection:
        audit(connection, OFFICE, by, "records.export", "*", list="statistics", title=TITLE, rows=rows, format=form, file=out.name, sha256=sha256,
              **asked.query())  # fmt: skip
    return Written(out, len(told.tables), rows)


def default_path(home: Home, form: str) -> Path:
    """Where a file goes when nobody says."""
    return home.exports / f"{TITLE}-{local_text(now_ms(), '%Y%m%d-%H%M%S')}.{form}"
