"""How offices really write it down: spaces, dots, dates, full-width digits, damaged numbers; XLSX and CSV as programs save them."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import xlsxwriter
from county_people import Person, number_of

Value = str | int | float | date | None
WIDE = str.maketrans("0123456789Xx", "０１２３４５６７８９ＸＸ")
DOTS = "·•・．‧"
#: what a clerk leaves in a cell that a spreadsheet might compute
FORMULAS = ("=1+1", "+补报", "@县委组织部", "-2+3", "＝甲", "=HYPERLINK(\"http://x\",\"点\")")


class Mess:
    """Turns what is true into what is typed; everything it does must come out again."""

    def __init__(self, seed: int, *, csv: bool = False) -> None:
        self.draw, self.csv = random.Random(seed), csv

    def _one_in(self, n: int) -> bool:
        return self.draw.randrange(n) == 0

    def name(self, name: str) -> str:
        if "·" in name:
            return f" {name.replace('·', self.draw.choice(DOTS))}" if self._one_in(2) else name
        if len(name) == 2 and self._one_in(3):
            return f"{name[0]}{self.draw.choice((' ', '  ', '　'))}{name[1]}"
        return f"{name}{self.draw.choice((' ', '　', chr(0x200B), chr(0xA0)))}" if self._one_in(9) else name

    def number(self, one: Person) -> str:
        text = one.written15 if one.old15 else one.number
        way = self.draw.randrange(12)
        if way == 0:
            return text.translate(WIDE)
        if way == 1:
            return f"{text[:6]} {text[6:14]} {text[14:]}"
        if way == 2:
            return text.lower()
        if way == 3 and self.csv:
            return f'="{text}"'
        return f"'{text}" if way == 4 else f" {text}　" if way == 5 else text

    def birth(self, day: date) -> Value:
        shapes: tuple[Value, ...] = (
            f"{day:%Y%m%d}", f"{day:%Y.%m}", f"{day:%Y-%m}", f"{day.year}年{day.month}月", f"{day:%Y/%m/%d}", f"{day:%Y-%m-%d}", None,
            f"{day:%Y.%m}".translate(WIDE),
        )  # fmt: skip
        return day if not self.csv and self._one_in(6) else self.draw.choice(shapes)

    def gender(self, text: str) -> Value:
        return self.draw.choice((text, text, f"{text} ", {"男": "1", "女": "2"}[text], f"{text}性", {"男": "M", "女": "f"}[text], None))

    def place(self, text: str) -> str:
        """A unit or a post: spaces where none belong, full-width digits."""
        way = self.draw.randrange(10)
        if way == 0:
            return f" {text}　"
        if way == 1 and len(text) > 4:
            return f"{text[:3]} {text[3:]}"
        return text.translate(WIDE) if way == 2 else text

    def day(self, day: date) -> Value:
        """A whole day, as the workforce's sheets hold them."""
        if not self.csv and self._one_in(3):
            return day
        return self.draw.choice((f"{day:%Y-%m-%d}", f"{day.year}.{day.month}.{day.day}", f"{day:%Y%m%d}", f"{day.year}年{day.month}月{day.day}日",
                                 f"{day:%Y/%m/%d}", f"{day:%Y-%m-%d}".translate(WIDE)))  # fmt: skip


# ---------------------------------------------------------------- what no importer can take


@dataclass(frozen=True)
class Bad:
    """One cell that is wrong in the first delivery: which column, what stands there, and what the refusal has to say."""

    column: str
    cell: Value
    says: str


def bad_cells(one: Person) -> list[Bad]:
    """Every kind of damage that a clerk cannot have meant, for a person's row."""
    good = one.number
    wrong = good[:17] + ("0" if good[17] != "0" else "1")
    nowhere = number_of(good[:6], date(1980, 1, 1), 11)
    no_day = nowhere[:10] + "1341" + nowhere[14:17]
    no_day += "10X98765432"[sum(int(digit) * (2**n % 11) for digit, n in zip(no_day, range(17, 0, -1), strict=True)) % 11]
    return [
        Bad("身份证号", "4.40524E+17", "被 Excel 改坏"), Bad("身份证号", f"{good[:15]}000" if not good.endswith("000") else wrong, "被 Excel 改坏"),
        Bad("身份证号", wrong, "校验不通过"), Bad("身份证号", no_day, "出生日期“19801341”不存在"), Bad("身份证号", None, "证件号码为空"),
        Bad("身份证号", good[:17], "应为 18 位"), Bad("身份证号", float(good[:17] + "0"), "被 Excel 改坏"), Bad("身份证号", "无", "不该有的字符“无”"),
        Bad("姓名", "王\u202e明", "看不见的控制字符"), Bad("姓名", "——", "不像姓名"), Bad("单位", None, "没有填写"), Bad("性别", "不详", "请填男或女"),
        Bad("出生年月", "六八年", "不是日期"),
    ]  # fmt: skip


# ---------------------------------------------------------------- files


@dataclass
class Table:
    """One sheet as it is typed. ``above`` and ``below``: lines that are no rows."""

    title: str
    headings: Sequence[str]
    rows: list[list[Value]] = field(default_factory=list)
    above: Sequence[str] = ()
    below: Sequence[Sequence[Value]] = ()
    hidden: bool = False

    @property
    def first_row(self) -> int:
        """The spreadsheet's number of the first row below the headings."""
        return len(self.above) + 2

    def lines(self) -> list[list[Value]]:
        return [*([text] for text in self.above), list(self.headings), *self.rows, *(list(line) for line in self.below)]


def write_xlsx(path: Path, *tables: Table) -> Path:
    """A workbook as Excel saves it: text cells as text, date cells as dates, titles merged over the table."""
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for table in tables:
            sheet = book.add_worksheet(table.title)
            if table.hidden:
                sheet.hide()
            for n, line in enumerate(table.lines()):
                if n < len(table.above):
                    sheet.merge_range(n, 0, n, len(table.headings) - 1, str(line[0]))
                    continue
                for place, value in enumerate(line):
                    if isinstance(value, date):
                        sheet.write_datetime(n, place, value, day)
                    elif isinstance(value, str):
                        sheet.write_string(n, place, value)
                    elif value is not None:
                        sheet.write_number(n, place, value)
    return path


def write_csv(path: Path, table: Table, encoding: str, delimiter: str = ",") -> Path:
    """A CSV file as Excel or WPS saves it in that encoding."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    for line in table.lines():
        writer.writerow([f"{value:%Y-%m-%d}" if isinstance(value, date) else f"{value:.15g}" if isinstance(value, float) else value for value in line])
    path.write_bytes(out.getvalue().encode(encoding))
    return path
