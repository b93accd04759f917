"""What the office exported, read again: 统计数据 as JSON or XLSX, and the list 成绩册 as JSON. Only notebooks import this (pandas)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import pandas as pd

from grading.statistics.export import INDEX, KIND, VERSION
from grading.statistics.figures import BESIDE, ZEROS, exam_table
from grading.statistics.rules import Rules, shipped_rules
from grading.statistics.sat import COLUMNS
from grading.statistics.suppression import Group, protect
from grading.statistics.tables import HIGH, LOW, Table
from grading.statistics.trees import NO_CHANNEL, WHOLE

LARGEST, MOST_TABLES, MOST_ROWS, MOST_COLUMNS = 100 * 1024 * 1024, 40, 200_000, 60
CHANNEL = "任免渠道"


class ReadingError(Exception):
    """A file cannot be used; Chinese, and shown in a notebook without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"读不出来：{self}"]


@dataclass(frozen=True)
class Told:
    """A file of statistics: what it is about, the rule about small numbers, its tables by id."""

    title: str
    scope: str
    rule: str
    n: int
    tables: Mapping[str, Table]

    def table(self, ident: str) -> Table:
        """One table.

        :raises ReadingError: there is none of that id.
        """
        if ident not in self.tables:
            raise ReadingError(f"没有“{ident}”这张表；可用：{'、'.join(self.tables)}")
        return self.tables[ident]


def frame(table: Table) -> pd.DataFrame:
    """A table as a person reads it."""
    return pd.DataFrame([row[: len(table.read)] for row in table.rows], columns=list(table.read))


def read_statistics(path: str | Path) -> Told:
    """A file that 统计图表 → 导出统计数据 wrote.

    :raises ReadingError: no such file, too large, or not one of ours; nothing of it is used.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise ReadingError(f"{path.name} 超过 {LARGEST // 1024 // 1024} MB，不像是统计数据；请核对文件")
        if path.suffix.lower() == ".xlsx":
            return _from_xlsx(path)
        return _from_json(json.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise ReadingError(f"{path.name}（{error.strerror or '不是 XLSX 文件'}）；请把文件放到本文件夹，写对文件名") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, BadZipFile, RecursionError):
        raise ReadingError(f"{path.name} 不是办公页面导出的统计数据，或者被改动过；请在“统计图表”重新导出") from None


def _from_json(known: Any) -> Told:
    if known["kind"] != KIND or known["version"] != VERSION or len(known["tables"]) > MOST_TABLES:
        raise ValueError("none of ours")
    tables = [
        _table(one["id"], one["title"], one["about"], one["chart"], one["label"], one["value"], one["columns"], one["rows"]) for one in known["tables"]
    ]
    return Told(f"{known['office']} {known['title']}", str(known["scope"]), str(known["rule"]), int(known["n"]), {one.id: one for one in tables})


def _table(
    ident: object, title: object, about: object, chart: object, label: Sequence[object], value: object, columns: Sequence[object], rows: Sequence[Any]
) -> Table:
    names = tuple(str(name) for name in columns)
    if len(names) > MOST_COLUMNS or len(rows) > MOST_ROWS or any(len(row) != len(names) for row in rows):
        raise ValueError("no table")
    if any(cell is not None and not isinstance(cell, str | int | float) for row in rows for cell in row):
        raise ValueError("no cell")
    made = Table(str(ident), str(title), str(about), names, tuple(tuple(row) for row in rows), str(chart), tuple(str(one) for one in label), str(value))
    if made.drawn and (names[-2:] != (LOW, HIGH) or not {*made.label, made.value} <= set(names)):
        raise ValueError("no chart")
    return made


def _from_xlsx(path: Path) -> Told:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        first = [list(row) for row in book["说明"].iter_rows(max_row=6 + MOST_TABLES, max_col=len(INDEX), values_only=True)]
        if first[3][:2] != [KIND, str(VERSION)] or tuple(first[5]) != INDEX:
            raise ValueError("none of ours")
        tables = []
        for ident, title, chart, label, value, count, about in first[6:]:
            rows = list(book[str(ident)].iter_rows(min_row=3, max_row=3 + min(int(str(count)), MOST_ROWS), max_col=MOST_COLUMNS, values_only=True))
            names = [str(name) for name in rows[0] if name is not None]
            labels = str(label).split("、") if label else []
            cells = [[_cell(one, name in (LOW, HIGH)) for one, name in zip((*row, *[None] * len(names)), names, strict=False)] for row in rows[1:]]
            tables.append(_table(ident, title, about, chart or "", labels, value or "", names, cells))
        return Told(str(first[0][0]), str(first[1][0]), str(first[2][0]), int(str(first[3][2])), {one.id: one for one in tables})
    finally:
        book.close()


def _cell(value: object, figure: bool) -> object:
    return (None if figure else "") if value in (None, "") else value


# ---------------------------------------------------------------- 成绩册


def read_scores(path: str | Path) -> pd.DataFrame:
    """The list 成绩册 in JSON, one line a candidate and sitting, all text; it needs the columns that name unit, rank and result.

    :raises ReadingError: it is none, or columns are missing.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise ReadingError(f"{path.name} 太大；请按日期分几次导出")
        known = json.loads(path.read_text(encoding="utf-8-sig"))
        if known["list"] != "成绩册":
            raise ReadingError(f"{path.name} 是“{str(known['list'])[:20]}”，不是成绩册；请在“名册与导出”选“成绩册”、格式选 JSON")
        rows = pd.DataFrame(known["records"], columns=[str(name) for name in known["columns"]], dtype=str).fillna("")
    except OSError as error:
        raise ReadingError(f"{path.name}（{error.strerror}）；请把文件放到本文件夹，写对文件名") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ReadingError(f"{path.name} 不是办公页面导出的 JSON；请重新导出") from None
    missing = [name for name in ("姓名", "身份证号", "单位", "层级", "考试批次", "考试日期", "是否合格", "缺考缓考违纪") if name not in rows]
    if missing:
        raise ReadingError(f"{path.name} 缺少列：{'、'.join(missing)}；导出时请用列方案“标准”，或自己存的、有这些列的方案")
    return rows


def tables_of(scores: pd.DataFrame, rules: Rules | None = None) -> list[Table]:
    """Pass rates by rank, channel (where the list has that column) and unit, with small numbers left out: as the page counts them."""
    rules = rules or shipped_rules()
    named = scores["身份证号"] != ""
    person = (scores["姓名"] + " " + scores["身份证号"]).where(named, "行 " + scores.index.astype(str))
    last = scores.assign(person=person).sort_values(["考试日期", "考试批次"], kind="stable").groupby("person").tail(1)
    cell = [_cell_of(*row) for row in zip(last["是否合格"], last["缺考缓考违纪"], strict=True)]
    ranks = [rules.rank(text) for text in last["层级"]]
    by = {"层级": sorted(set(ranks), key=rules.rank_order), "单位": sorted(set(last["单位"]))}
    keys = {"层级": ranks, "单位": list(last["单位"])}
    if CHANNEL in last:
        keys[CHANNEL] = [text or NO_CHANNEL for text in last[CHANNEL]]
        by[CHANNEL] = sorted(set(keys[CHANNEL]), key=lambda one: (one == NO_CHANNEL, one))
    breakdowns = []
    for head, names in by.items():
        table = pd.crosstab(pd.Series(keys[head]), pd.Series(cell)).reindex(columns=range(len(COLUMNS)), fill_value=0)
        breakdowns.append(tuple(Group(name or "未填单位", tuple(int(count) for count in table.loc[name])) for name in names))
    whole = Group(WHOLE, tuple(cell.count(j) for j in range(len(COLUMNS))), tuple(breakdowns))
    shown = protect(whole, rules.n, ZEROS, BESIDE)
    parts = shown.breakdowns or ((),) * len(by)
    ids = {"层级": "pass_by_rank", "单位": "pass_by_unit", CHANNEL: "pass_by_channel"}
    return [
        exam_table(ids[head], f"各{head}合格率", (head,), [((WHOLE,), shown), *(((one.name,), one) for one in part)], rules.n)
        for head, part in zip(by, parts, strict=True)
    ]


def _cell_of(passed: str, event: str) -> int:
    """Into which of the columns a line of the list falls."""
    if passed:
        return 0 if passed == "合格" else 1
    return COLUMNS.index("免试" if event == "免试" else "未参考" if event else "待定")
