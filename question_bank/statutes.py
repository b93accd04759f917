"""Reading a folder of statute texts (``INDEX.tsv`` and one Markdown file per act), defensively.

An article starts at a line ``第X条　`` and ends before the next one or a heading; ``第一百二十条之一`` is article ``120之一``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from question_bank.errors import RegistryError

#: Largest text that is read, in bytes; the environmental code, the longest, has 0.5 MB.
LARGEST_TEXT = 4 * 1024 * 1024
MOST_ACTS = 5_000
COLUMNS = ("law", "full_title", "file", "articles", "version_date", "effective_date", "status", "newer_version_known_or_uncertainty")
REPEALED_FOLDER = "已废止"

_ARTICLE = re.compile(r"第([零〇一二三四五六七八九十百千]{1,12})条(?:之([一二三四五六七八九十]{1,3}))?[\s　]")
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0}
_UNITS = {"十": 10, "百": 100, "千": 1000}


@dataclass(frozen=True)
class Statute:
    """One text: its row of the index, and its articles' text by number (``"278"``, ``"120之一"``)."""

    row: Mapping[str, str]
    articles: Mapping[str, str]


def chinese_number(text: str) -> int:
    """The value of a Chinese numeral below ten thousand.

    >>> chinese_number("一千二百四十二"), chinese_number("十六"), chinese_number("一百零三")
    (1242, 16, 103)
    """
    total = pending = 0
    for char in text:
        if char in _UNITS:
            total += (pending or 1) * _UNITS[char]
            pending = 0
        else:
            pending = _DIGITS[char]
    return total + pending


def parse_articles(text: str) -> dict[str, str]:
    """Articles of one text by number. The first of two with the same number counts (a preamble may quote one)."""
    articles: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.splitlines():
        start = _ARTICLE.match(line)
        if line.startswith("#"):
            current = None
        elif start:
            number = str(chinese_number(start[1])) + (f"之{start[2]}" if start[2] else "")
            current = [line[start.end() :]]
            articles.setdefault(number, current)
        elif current is not None:
            current.append(line)
    return {number: "\n".join(lines).strip() for number, lines in articles.items()}


def read_statutes(folder: Path) -> list[Statute]:
    """Every text that the index names.

    :raises RegistryError: no index, a wrong index, or texts that are missing or do not have the articles the index says;
        all of them are named.
    """
    faults: list[str] = []
    statutes: list[Statute] = []
    for number, row in enumerate(_rows(folder), 2):
        path = folder / row["file"]
        if not path.resolve().is_relative_to(folder.resolve()):
            faults.append(f"INDEX.tsv:{number}: 文件 {row['file']} 不在法规文件夹之内；请改正路径")
            continue
        try:
            raw = path.read_bytes()[: LARGEST_TEXT + 1]
            articles = parse_articles(raw.decode("utf-8"))
        except OSError as error:
            faults.append(f"INDEX.tsv:{number}: 读不出 {row['file']}（{error.strerror}）")
            continue
        except UnicodeDecodeError:
            faults.append(f"{row['file']}:1: 不是 UTF-8 编码；请另存")
            continue
        whole = sum(1 for name in articles if "之" not in name)
        if len(raw) > LARGEST_TEXT or str(whole) != row["articles"]:
            faults.append(f"{row['file']}:1: 读出 {whole} 条，索引说有 {row['articles']} 条；请核对正文")
        statutes.append(Statute(row, articles))
    if faults:
        raise RegistryError("\n".join(faults))
    return statutes


def _rows(folder: Path) -> list[dict[str, str]]:
    path = folder / "INDEX.tsv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            rows = [{key: row.get(key) or "" for key in COLUMNS} for row, _ in zip(reader, range(MOST_ACTS + 1), strict=False)]
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RegistryError(f"{path}：读不出法规索引；--statutes 应指向含 INDEX.tsv 的法规文件夹") from error
    if missing or not rows or len(rows) > MOST_ACTS:
        raise RegistryError(f"{path}：法规索引不合格式{f'，缺列 {missing}' if missing else ''}；请用原样的 INDEX.tsv")
    return rows
