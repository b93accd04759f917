"""Made-up persons and roster files for tests: numbers are valid by GB 11643 but belong to nobody's real county sequence."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import date

import xlsxwriter

from people.identity import check_digit

TODAY = date(2026, 11, 23)
HEADINGS = ("序号", "姓名", "身份证号", "性别", "民族", "出生年月", "单位", "现任职务", "拟任职务", "职级", "任免渠道", "手机", "备注")


def number_of(n: int, birth: str = "19800215") -> str:
    """The n-th made-up identity number."""
    body = f"340221{birth}{n % 999 + 1:03d}"
    return body + check_digit(body)


def person_line(n: int, name: str | None = None, unit: str = "测试镇人民政府") -> tuple[object, ...]:
    """One line below :data:`HEADINGS`."""
    number = number_of(n)
    gender = "男" if int(number[16]) % 2 else "女"
    name = name or f"张{'一二三四五六七八九十'[n % 10]}{'甲乙丙丁戊己庚辛壬癸'[n // 10 % 10]}"
    return (n, name, number, gender, "汉族", "1980.02", unit, "科员", "副镇长", "乡科级副职", "党委管理", "13800138000", "")


def roster_xlsx(lines: Iterable[Sequence[object]], headings: Sequence[str] = HEADINGS, title: str | None = None) -> bytes:
    """An XLSX roster; text cells stay text."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("名单")
        row = 0
        if title:
            sheet.merge_range(0, 0, 0, len(headings) - 1, title)
            row = 2
        sheet.write_row(row, 0, headings)
        for n, line in enumerate(lines, start=row + 1):
            for column, value in enumerate(line):
                if isinstance(value, str):
                    sheet.write_string(n, column, value)
                else:
                    sheet.write(n, column, value)
    return out.getvalue()
