"""100,000 pass records of 26 columns to XLSX, against XlsxWriter alone writing the same cells, both in constant memory.

Budgets: at most 1.3 times the processor time; growth of memory at most 20 MB. Each run is a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import xlsxwriter

from bench._sitting import ID, make_home
from grading.columns import COLUMNS
from grading.exports import cells, export_records
from grading.listing import rows
from grading.lists.kinds import LISTS
from grading.tables import record, record_payload
from home import Home, canonical_json, transaction

RECORDS, FEW = 100_000, 2_000
VALUES = {
    "考试批次": ID, "考试名称": "2026年第二批任前法律知识考试", "准考证号": "26112301{n:06d}", "姓名": "张{n}", "性别": "男",
    "身份证号": "340221********1234", "单位": "某某街道办事处", "职务": "科员", "拟任职务": "副主任", "层级": "乡科级副职", "试卷类别": "A 卷",
    "公共部分": "40", "专业部分": "38.5", "总分": "78.5", "等次": "合格", "是否合格": "合格", "考试日期": "2026-11-23", "用时": "43分05秒",
    "补考次数": "0", "补考成绩": "", "最终结果": "合格", "最终成绩": "78.5", "缺考缓考违纪": "", "有效期至": "2028-11-23", "存档号": "R261123-{n:08d}", "备注": "",
}  # fmt: skip


def fill(home: Home, people: int) -> None:
    """A standing record for each candidate."""
    assert set(VALUES) == set(COLUMNS)
    for start in range(1, people + 1, 5000):
        numbers = range(start, min(start + 5000, people + 1))
        with transaction(home.office) as connection:
            connection.execute(
                record.insert(),
                [
                    {
                        "id": f"R261123-{n:08d}",
                        "sitting_id": ID,
                        "person_id": n,
                        "outcome": "passed",
                        "total": "157/2",
                        "statement": "{}",
                        "digest": "0" * 64,
                        "signature": b"",
                        "issued_at": 0,
                        "issued_by": "x",
                    }
                    for n in numbers
                ],
            )
            connection.execute(
                record_payload.insert(),
                [
                    {
                        "record_id": f"R261123-{n:08d}",
                        "columns": canonical_json({k: v.format(n=n) for k, v in VALUES.items()}),
                    }
                    for n in numbers
                ],
            )


def bare(home: Home, out: Path) -> None:
    """XlsxWriter alone: the same texts in the same places, in one format, from a list that is read beforehand."""
    layout = LISTS["scores"].shipped.layout("标准")
    with home.office.connect() as connection:
        texts = [cells(layout, n, one) for n, (_, one) in enumerate(rows(connection, ID), 1)]
    started = time.process_time()
    with xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False}) as book:
        sheet, style = book.add_worksheet(), book.add_format({"border": 1, "text_wrap": True, "num_format": "@"})
        for row, line in enumerate(texts):
            for column, text in enumerate(line):
                sheet.write_string(row, column, text, style)
    print(f"{time.process_time() - started:.3f} 0")


def ours(home: Home, out: Path) -> None:
    """The export as HR asks for it, database included."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    export_records(home, ID, "xlsx", out, "bench")
    elapsed = time.process_time() - started
    print(f"{elapsed:.3f} {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.1f}")


def measure(way: str, root: Path) -> tuple[float, float]:
    """(seconds, megabytes of growth) of one way in a process of its own."""
    command = [sys.executable, "-m", "bench.export", way, str(root)]
    said = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent
    ).stdout.split()
    print(f"{way}, {root.name}: {float(said[0]):.1f} s, {said[1]} MB more", flush=True)
    return float(said[0]), float(said[1])


def main() -> None:
    if len(sys.argv) == 3:
        home = Home.open(Path(sys.argv[2]))
        {"bare": bare, "ours": ours}[sys.argv[1]](home, home.exports / f"{sys.argv[1]}.xlsx")
        home.close()
        return
    with tempfile.TemporaryDirectory() as where:
        roots = {}
        for people in (FEW, RECORDS):
            home = make_home(Path(where) / f"records-{people}", people)
            fill(home, people)
            home.close()
            roots[people] = home.root
        few = measure("ours", roots[FEW])
        many = measure("ours", roots[RECORDS])
        plain = measure("bare", roots[RECORDS])
    print(f"RATIO {RECORDS:,} records to XLSX against bare XlsxWriter: {many[0] / plain[0]:.2f} x (budget 1.3)")
    print(f"RATIO memory of {RECORDS:,} records over {FEW:,}: {many[1] - few[1]:.0f} MB (budget 20)")


if __name__ == "__main__":
    main()
