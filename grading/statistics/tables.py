"""A table of the statistics as it leaves the house: shown counts and rates, with nothing behind them. Page, picture and file are made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from grading.statistics.suppression import Cell, Shown

NOT_SHOWN, NOBODY = "不列", "—"
#: a rate that is only known to lie within so many points is not shown
WIDEST = 40.0
#: names of the two columns that give a rate in figures, for whoever draws it
LOW, HIGH = "下限", "上限"


@dataclass(frozen=True)
class Table:
    """``columns``: names; ``rows``: texts, whole numbers, rates in per cent, None: blank. ``chart``: how it is drawn, by column names.

    ``chart``: ``rates`` (a bar from 0 to 100 per row), ``counts`` (a bar per row), ``calendar`` (a square per cell), or blank.
    The last two columns of the first two are LOW and HIGH: between what the number lies; they are for drawing.
    """

    id: str
    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]
    chart: str = ""
    label: tuple[str, ...] = ()
    value: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "title": self.title, "about": self.about, "chart": self.chart, "label": list(self.label), "value": self.value,
            "columns": list(self.columns), "rows": [list(row) for row in self.rows],
        }  # fmt: skip

    @property
    def drawn(self) -> bool:
        return self.chart in ("rates", "counts")

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that a person reads."""
        return self.columns[:-2] if self.drawn else self.columns


@dataclass(frozen=True)
class Bar:
    """One row as it is drawn: ``low`` to ``high`` is all that is known; None: nothing is. ``text``: what the table says."""

    label: str
    text: str
    low: float | None
    high: float | None


def bars(table: Table) -> list[Bar]:
    """The rows of a table of rates or counts, to be drawn."""
    place = {name: n for n, name in enumerate(table.columns)}
    made = []
    for row in table.rows:
        label = " · ".join(dict.fromkeys(str(row[place[name]]) for name in table.label if row[place[name]]))
        low, high = row[-2:]
        made.append(Bar(label, str(row[place[table.value]]), *(None if one is None or isinstance(one, str) else float(one) for one in (low, high))))
    return made


# ---------------------------------------------------------------- from what is shown to words and figures


def few(n: int, unit: str = "人") -> str:
    """What stands in place of a small count."""
    return f"少于 {n} {unit}"


def count_text(cell: Cell, n: int, unit: str = "人") -> str | int:
    """A count, or the words in its place."""
    return cell.low if not cell.hidden else few(n, unit) if cell.high < n else NOT_SHOWN


def between(row: Shown, columns: Iterable[int]) -> tuple[int, int]:
    """Between what the sum of some cells of a row lies, by all that the row shows."""
    assert row.total is not None
    wanted = set(columns)
    hidden = [j for j, cell in enumerate(row.cells) if cell.hidden]
    rest = row.total - sum(cell.low for cell in row.cells if not cell.hidden)
    seen = sum(row.cells[j].low for j in wanted if not row.cells[j].hidden)
    ours, others = [row.cells[j] for j in hidden if j in wanted], [row.cells[j] for j in hidden if j not in wanted]
    low = max(sum(cell.low for cell in ours), rest - sum(cell.high for cell in others))
    high = min(sum(cell.high for cell in ours), rest - sum(cell.low for cell in others))
    return seen + low, seen + high


@dataclass(frozen=True)
class Rate:
    """A rate in per cent, one decimal, or between what it lies; None: nobody to be counted."""

    low: float | None
    high: float | None

    @property
    def text(self) -> str:
        if self.low is None or self.high is None:
            return NOBODY
        if self.low == self.high:
            return f"{self.low:g}%"
        if self.high - self.low > WIDEST:
            return NOT_SHOWN
        if self.high >= 100:
            return f"{self.low:g}% 以上"
        return f"{self.high:g}% 以下" if self.low <= 0 else f"{self.low:g}%—{self.high:g}%"

    @property
    def figures(self) -> tuple[float | None, float | None]:
        """Between what it is drawn."""
        return (None, None) if self.text in (NOT_SHOWN, NOBODY) else (self.low, self.high)

    def against(self, other: Rate) -> str:
        """How many points more or less than another, where both are known."""
        if None in (self.low, other.low) or self.low != self.high or other.low != other.high:
            return NOBODY
        return f"{(self.low or 0) - (other.low or 0):+.1f}"


def rate_of(row: Shown, part: Sequence[int], rest: Sequence[int]) -> Rate:
    """The share of the cells ``part`` among ``part`` and ``rest``."""
    (part_low, part_high), (rest_low, rest_high) = between(row, part), between(row, rest)
    low, high = _per_cent(part_low, rest_high), _per_cent(part_high, rest_low)
    if low is None or high is None:
        return Rate(None, None) if part_high + rest_high == 0 else Rate(0.0, 100.0)
    return Rate(low, high)


def _per_cent(part: int, rest: int) -> float | None:
    """Rounded half up to one decimal, as the lists do it."""
    whole = part + rest
    return (2000 * part + whole) // (2 * whole) / 10 if whole else None
