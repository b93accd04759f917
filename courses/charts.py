"""Charts of the staffing module, good enough for a report: Noto Sans CJK SC, 300 dpi, with a link that saves the picture.

Only notebooks import this module (matplotlib). Nothing is written to the disk: the picture lies in the page.
"""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

#: The first that is installed is used. With none of them Chinese would show as boxes (fonts-noto-cjk is the cure).
FONTS = ("Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "SimHei", "WenQuanYi Zen Hei")
_INSTALLED = set(font_manager.get_font_names())
DPI = 300
BLUE, ORANGE, GREY = "#2b5c9e", "#c4601c", "#6b7280"
STYLE: Any = {
    "font.family": next((font for font in FONTS if font in _INSTALLED), "DejaVu Sans"),
    "font.size": 12, "axes.unicode_minus": False, "axes.spines.top": False, "axes.spines.right": False,
}


class Chart:
    """A figure with its file name. A notebook shows it as a picture with a link to save it."""

    def __init__(self, figure: Figure, name: str) -> None:
        self.figure, self.name = figure, name

    def png(self, dpi: int = DPI) -> bytes:
        """The picture; 300 dpi is what printed reports need."""
        out = io.BytesIO()
        with mpl.rc_context(STYLE):
            self.figure.savefig(out, format="png", dpi=dpi, bbox_inches="tight", facecolor="white")
        return out.getvalue()

    def _repr_html_(self) -> str:
        data = f"data:image/png;base64,{base64.b64encode(self.png()).decode()}"
        name = html.escape(self.name)
        return (
            f'<img src="{data}" alt="{name}" style="max-width: 56em; width: 100%">'
            f'<p><a download="{name}.png" href="{data}">保存图片（{DPI} dpi，可直接贴进汇报）</a></p>'
        )


def shortage_chart(need: pd.DataFrame, note: str = "") -> Chart:
    """在岗 and 应配 of each community side by side, the gap written above. ``need``: of :func:`courses.staffing.need`; ``note``:
    what stands under the picture, as a rule the date and the norm."""
    shortage = int(need["缺口"].clip(lower=0).sum())
    with mpl.rc_context(STYLE):
        figure, axes = _axes(f"各社区网格人员配备（合计缺 {shortage} 人）", list(need.index), note)
        places = range(len(need))
        axes.bar([place - 0.2 for place in places], need["在岗人数"], 0.38, label="在岗", color=BLUE)
        axes.bar([place + 0.2 for place in places], need["应配"], 0.38, label="应配", color=ORANGE)
        tops = need[["在岗人数", "应配"]].max(axis=1)
        for place, (gap, top) in enumerate(zip(need["缺口"], tops, strict=True)):
            axes.annotate(_gap_text(int(gap)), (place, top), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=11)
        axes.set_ylim(0, float(tops.max()) * 1.1 + 1)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1), frameon=False, ncols=2)
    return Chart(figure, "各社区网格人员配备")


def _gap_text(gap: int) -> str:
    return f"缺 {gap}" if gap > 0 else f"多 {-gap}" if gap < 0 else "相符"


def rules_chart(comparison: pd.DataFrame, note: str = "") -> Chart:
    """Each community by each rule: ranges as bars, single figures as marks. ``comparison``: of :func:`courses.staffing.compare`."""
    with mpl.rc_context(STYLE):
        figure, axes = _axes("同一个社区，几种口径算出的人数", list(comparison.index), note)
        places = list(range(len(comparison)))
        for shift, name, color in ((-0.17, "网格", BLUE), (0.17, "吉林", GREY)):
            low, high = comparison[f"{name}·低"], comparison[f"{name}·高"]
            axes.bar([place + shift for place in places], high - low, 0.26, low, label=f"{name}（低—高）", color=color, alpha=0.75)
        axes.plot(places, comparison["每万人18人"], "D", color=ORANGE, label="每万人18人", markersize=9)
        axes.plot(places, comparison["太原"], "o", color="black", label="太原", markersize=8)
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1), frameon=False, ncols=4)
    return Chart(figure, "几种口径比较")


def _axes(title: str, names: list[str], note: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=16, loc="left", pad=36)
    axes.set_xticks(range(len(names)), names)
    if len(names) > 10:
        axes.tick_params(axis="x", rotation=60)
    axes.set_ylabel("人", rotation=0, labelpad=12)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#e2e5ea")
    axes.set_axisbelow(True)
    figure.supxlabel(note or "合成数据，只作练习", fontsize=10, color=GREY, x=0.01, ha="left")
    return figure, axes
