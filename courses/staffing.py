"""How many grids and workers a community needs: the arithmetic of the module ``governance-data/01-grid-staffing``.

Norms and their arithmetic are :mod:`courses.norms`; this is what a notebook does with them on a ledger. Only notebooks import this
module (pandas).
"""

from __future__ import annotations

import csv
import random
import zlib
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from courses.norms import grids_for, norms, workers_for
from workbooks import WorkbookRefused, check_workbook

LEDGER = Path(__file__).parent / "modules" / "governance-data" / "grid-ledger.csv"
COLUMNS = ["社区", "网格", "户数", "常住人口", "在岗人数"]
COUNTS = COLUMNS[2:]
#: Bounds of a ledger of one's own: bytes, rows, and the largest number in a cell.
LARGEST, MOST_ROWS, MOST = 5 * 1024 * 1024, 20_000, 1_000_000
#: The row of the shipped ledger that carries a typing error (3120 for 312), for learners to find.
WRONG_GRID, WRONG_HOUSEHOLDS, RIGHT_HOUSEHOLDS = "丙03", 3120, 312


class StaffingError(Exception):
    """A ledger or a number cannot be used; Chinese, and shown in a notebook without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"算不了：{self}"]


# ---------------------------------------------------------------- the ledger


def make_ledger(seed: int = 20261123) -> pd.DataFrame:
    """A synthetic street: 8 communities, one row a grid, one typing error. No line stands for a real place or person."""
    generator, rows = random.Random(seed), []
    grids = {"甲": 6, "乙": 9, "丙": 7, "丁": 5, "戊": 11, "己": 8, "庚": 4, "辛": 12}
    for name, count in grids.items():
        for number in range(1, count + 1):
            households = generator.choice([generator.randint(200, 400)] * 5 + [generator.randint(410, 620), generator.randint(110, 190)])
            workers = generator.choice([0, 0, 1, 1, 1, 1, 1, 2])
            rows.append([f"{name}社区", f"{name}{number:02d}", households, round(households * generator.uniform(2.3, 2.9)), workers])
    ledger = pd.DataFrame(rows, columns=COLUMNS)
    wrong = ledger["网格"] == WRONG_GRID
    ledger.loc[wrong, ["户数", "常住人口"]] = [WRONG_HOUSEHOLDS, 808]
    return ledger

#: what zipfile, zlib, the XML parsers (SyntaxError), openpyxl and pandas raise on damaged, encrypted or foreign files
_UNREADABLE = (BadZipFile, zlib.error, SyntaxError, RuntimeError, EOFError, LookupError, ValueError, TypeError, AttributeError, OverflowError)


def read_ledger(path: str | Path = LEDGER) -> pd.DataFrame:
    """A ledger (CSV, XLSX): one row a grid with the columns 社区, 网格, 户数, 常住人口, 在岗人数; others are left out.

    :raises StaffingError: no such file, too large, a column or a number is missing, a grid occurs twice; all bad rows are named.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise StaffingError(f"{path.name} 超过 {LARGEST // 1024 // 1024} MB；一行一个网格的台账没有这么大，请核对文件")
        if path.suffix.lower() == ".xlsx":
            with path.open("rb") as data:
                check_workbook(data)
            table = pd.read_excel(path, dtype=str, nrows=MOST_ROWS + 1)
        else:
            table = _csv_table(path)
    except OSError as error:
        raise StaffingError(f"读不出 {path.name}（{error.strerror or '不是 XLSX 文件'}）；请把台账放在本课同一文件夹，写对文件名") from None
    except WorkbookRefused:
        raise StaffingError(f"{path.name} 里的内容太多或不是表格；请把台账复制到新建的表格") from None
    except (*_UNREADABLE, csv.Error) as error:
        raise StaffingError(f"{path.name} 不是可读的表格；请在 WPS 里另存为“CSV UTF-8”或 XLSX") from error
    return _checked(table, path.name)


def _csv_table(path: Path) -> pd.DataFrame:
    """As it stands, all text. pandas would shift a row with more cells than the header; here that is an error."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in islice(csv.reader(file, strict=True), MOST_ROWS + 2) if line]
    if not lines:
        raise ValueError("empty")
    uneven = [number for number, line in enumerate(lines, 1) if len(line) != len(lines[0])]
    if uneven:
        raise StaffingError(f"{path.name} 第 {uneven[0]} 行的格数与表头不同；请核对有没有多余或缺少的逗号")
    return pd.DataFrame(lines[1:], columns=lines[0], dtype=str)


def _checked(table: pd.DataFrame, name: str) -> pd.DataFrame:
    missing = [column for column in COLUMNS if list(table.columns).count(column) != 1]
    if missing:
        raise StaffingError(f"{name} 缺少（或重复）列：{'、'.join(missing)}；表头应有 {'、'.join(COLUMNS)}")
    if table.empty or len(table) > MOST_ROWS:
        raise StaffingError(f"{name} 应有 1 到 {MOST_ROWS} 行")
    ledger = table[COLUMNS].copy()
    faults = []
    for column in COLUMNS[:2]:
        ledger[column] = ledger[column].fillna("").str.strip()
        faults += [f"第 {row + 2} 行没有填{column}" for row in ledger.index[ledger[column] == ""]]
    for column in COUNTS:
        numbers = pd.to_numeric(ledger[column], errors="coerce")
        bad = ~(numbers.between(0, MOST) & (numbers % 1 == 0))
        faults += [f"第 {row + 2} 行{column}“{str(table[column][row])[:20]}”不是整数" for row in ledger.index[bad]]
        ledger[column] = numbers.where(~bad, 0).astype(int)
    faults += [f"第 {row + 2} 行网格 {ledger['网格'][row]} 重复" for row in ledger.index[ledger.duplicated(["社区", "网格"])]]
    if faults:
        raise StaffingError(f"{name}：" + "；".join(faults[:20]) + ("……" if len(faults) > 20 else "") + "。请改正后再读")
    return ledger


# ---------------------------------------------------------------- the arithmetic, for whole numbers


def city_workers(population: int, per_10000: int | None = None) -> int:
    """Community workers for an urban population by the city norm, rounded up; ``per_10000``: None for ``staffing.toml``."""
    rule = norms()["city"]
    return workers_for(rule if per_10000 is None else {**rule, "per_10000": per_10000}, residents=population)[0]


def taiyuan_workers(households: int) -> int:
    """专职社工 of one community by the bands of Taiyuan, 2020."""
    return workers_for(norms()["taiyuan"], households)[0]


def jilin_workers(households: int) -> tuple[int, int]:
    """Fewest and most workers of one community as Jilin set them in 2020."""
    return workers_for(norms()["jilin"], households)


# ---------------------------------------------------------------- tables


def by_community(ledger: pd.DataFrame) -> pd.DataFrame:
    """Sums over each community, in the ledger's order: 网格数, 户数, 常住人口, 在岗人数."""
    groups = ledger.groupby("社区", sort=False)
    table = groups[COUNTS].sum()
    table.insert(0, "网格数", groups.size())
    return table


def need(ledger: pd.DataFrame, per_grid: int = 300, workers_per_grid: int = 1) -> pd.DataFrame:
    """What each community needs: 应设网格 = households / ``per_grid`` rounded up, 应配 = that × ``workers_per_grid``, 缺口 = 应配 - 在岗.

    :raises StaffingError: the numbers lie outside the norm of ``staffing.toml``.
    """
    rule = norms()["grid"]
    for name, value, (low, high) in (("每格户数", per_grid, rule["households"]), ("每格人数", workers_per_grid, rule["workers"])):
        if not isinstance(value, int) or not low <= value <= high:
            raise StaffingError(f"{name}是 {value!s:.20}，应是 {low} 到 {high} 之间的整数；要用别的标准，请改 staffing.toml 并写明依据")
    table = by_community(ledger)
    table["应设网格"] = [grids_for(households, per_grid) for households in table["户数"]]
    table["应配"] = table["应设网格"] * workers_per_grid
    table["缺口"] = table["应配"] - table["在岗人数"]
    return table


def compare(ledger: pd.DataFrame) -> pd.DataFrame:
    """One community, several rules: lowest and highest grid norm, city norm, Taiyuan, Jilin (low and high)."""
    rule = norms()["grid"]
    table = by_community(ledger)[["户数", "常住人口"]]
    table["网格·低"], table["网格·高"] = zip(*(workers_for(rule, households) for households in table["户数"]), strict=True)
    table["每万人18人"] = [city_workers(people) for people in table["常住人口"]]
    table["太原"] = [taiyuan_workers(households) for households in table["户数"]]
    table["吉林·低"], table["吉林·高"] = zip(*(jilin_workers(households) for households in table["户数"]), strict=True)
    return table
