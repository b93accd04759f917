"""The tables as pictures for a report: Noto Sans CJK SC, 300 dpi, hatched where only a range is known. Only notebooks import this."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from courses.charts import BLUE, GREY, STYLE, Chart
from grading.statistics.tables import NOT_SHOWN, Table, bars

MOST_ROWS = 40


def picture(table: Table, note: str = "", first: int = 0, most: int = MOST_ROWS) -> Chart | None:
    """A table as the page draws it; None: there is nothing to draw. ``note`` stands below, as a rule what the figures are about."""
    if not table.chart or not table.rows[first : first + most]:
        return None
    with mpl.rc_context(STYLE):
        figure = _calendar(table) if table.chart == "calendar" else _bars(table, first, most)
        figure.supxlabel(note, fontsize=9, color=GREY, x=0.01, ha="left")
    return Chart(figure, table.title.partition("：")[0])


def _bars(table: Table, first: int, most: int) -> Figure:
    rows = bars(table)[first : first + most]
    figure = Figure(figsize=(10, 1.6 + 0.36 * len(rows)), layout="constrained")
    axes = figure.subplots()
    places, rates = range(len(rows)), table.chart == "rates"
    low, high = [bar.low or 0.0 for bar in rows], [bar.high or 0.0 for bar in rows]
    axes.barh(places, low, 0.62, color=BLUE)
    axes.barh(places, [b - a for a, b in zip(low, high, strict=True)], 0.62, low, facecolor="white", edgecolor=BLUE, hatch="////")
    axes.set_yticks(places, [bar.label for bar in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 100 if rates else max(1.0, *high) * 1.02)
    if rates:
        axes.set_xticks([0, 25, 50, 75, 100], ["0", "25%", "50%", "75%", "100%"])
    for place, bar in enumerate(rows):
        axes.annotate(bar.text, (bar.high or 0.0, place), xytext=(5, 0), textcoords="offset points", va="center", annotation_clip=False)
    _finish(axes, table)
    return figure


def _calendar(table: Table) -> Figure:
    months = table.columns[2:]
    figure = Figure(figsize=(12, 1.8 + 0.6 * len(table.rows)), layout="constrained")
    axes = figure.subplots()
    counts = [(m, k, value) for k, row in enumerate(table.rows) for m, value in enumerate(row[2:])]
    most = max([1, *(value for _, _, value in counts if isinstance(value, int))])
    for m, k, value in counts:
        if isinstance(value, int) and value:
            axes.scatter([m], [k], s=900 * value / most, marker="s", color=BLUE, alpha=0.35)
        text = "—" if value == NOT_SHOWN else str(value).replace("少于 ", "<").removesuffix("件").strip()
        axes.annotate(text, (m, k), ha="center", va="center")
    axes.set_xticks(range(len(months)), months, rotation=35, ha="right")
    axes.set_yticks(range(len(table.rows)), [str(row[0]) for row in table.rows])
    axes.set_xlim(-0.6, len(months) - 0.4)
    axes.set_ylim(len(table.rows) - 0.4, -0.6)
    _finish(axes, table)
    return figure


def _finish(axes: Any, table: Table) -> None:
    axes.set_title(table.title, fontsize=15, loc="left", pad=12)
    axes.grid(axis="x", color="#e2e5ea")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
