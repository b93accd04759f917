"""Pick an exported file, a table, and some of its rows: the figure and the table appear. The only module here that loads ipywidgets."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from courses.widget import CSS
from grading.statistics.lab.pictures import MOST_ROWS, picture
from grading.statistics.lab.reading import ReadingError, Told, frame, read_scores, read_statistics, tables_of
from grading.statistics.tables import Table

STATISTICS, SCORES = ("统计数据*.json", "统计数据*.xlsx"), ("*成绩册*.json",)


def files(folder: Path, patterns: tuple[str, ...]) -> list[str]:
    """Names of the files of a folder that look like exports, the newest first."""
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return [path.name for path in sorted(found, key=lambda path: (-path.stat().st_mtime, path.name))]


class StatisticsView:
    """The view. ``scores``: of a 成绩册 (counted here) instead of 统计数据 (counted by the office)."""

    def __init__(self, folder: str | Path = ".", *, scores: bool = False) -> None:
        self.folder, self.scores = Path(folder), scores
        self.tables: dict[str, Table] = {}
        self.note = ""
        wide = {"width": "34em"}
        self.file = widgets.Dropdown(description="文件", options=files(self.folder, SCORES if scores else STATISTICS), layout=wide)
        self.chosen = widgets.Dropdown(description="图表", layout=wide)
        self.wanted = widgets.Text(description="只看含有", placeholder="例如 城关镇；空着看全部", layout=wide, continuous_update=False)
        self.shown = widgets.HTML()
        self.file.observe(lambda _change: self.read(), "value")
        self.chosen.observe(lambda _change: self.show(), "value")
        self.wanted.observe(lambda _change: self.show(), "value")
        self.widget = widgets.VBox([widgets.HTML(f"<style>{CSS}</style>"), self.file, self.chosen, self.wanted, self.shown])
        self.widget.add_class("pufa")
        self.read()

    def read(self) -> None:
        """Read the chosen file; what is wrong with it is told in place of the figure."""
        self.tables, fault = {}, "这个文件夹里还没有导出的文件。请把办公页面导出的文件放进来，再按 ▶▶。"
        if self.file.value:
            try:
                self.tables, fault = self._tables(self.folder / self.file.value), ""
            except ReadingError as error:
                fault = f"读不出来：{error}"
        self.chosen.options = [(table.title, ident) for ident, table in self.tables.items()]
        self.chosen.value = next(iter(self.tables), None)
        if fault:
            self.shown.value = f'<div class="pufa-said pufa-bad" role="status">{html.escape(fault)}</div>'
        else:
            self.show()

    def _tables(self, path: Path) -> dict[str, Table]:
        if self.scores:
            self.note = f"按 {path.name} 统计"
            return {table.id: table for table in tables_of(read_scores(path))}
        told: Told = read_statistics(path)
        self.note = told.scope
        return dict(told.tables)

    def show(self) -> None:
        """The figure and the table, of the rows that contain what is wanted."""
        table = self.tables.get(self.chosen.value or "")
        if table is None:
            return
        wanted = self.wanted.value.strip()
        names = max(1, len(table.label))
        rows = tuple(row for row in table.rows if not wanted or any(wanted in str(one) for one in row[:names]))
        kept = Table(table.id, table.title, table.about, table.columns, rows, table.chart, table.label, table.value)
        drawn = picture(kept, self.note)
        more = f"<p>图上只画前 {MOST_ROWS} 行，其余见表。</p>" if drawn and len(rows) > MOST_ROWS else ""
        listed = frame(kept).to_html(index=False, escape=True, na_rep="", border=0) if rows else "<p>没有可以列出的行。</p>"
        self.shown.value = f"<p>{html.escape(table.about)}</p>{drawn._repr_html_() if drawn else ''}{more}{listed}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle: dict[str, Any] = dict(self.widget._repr_mimebundle_())
        bundle["text/html"] = self.shown.value
        bundle["text/plain"] = "请在 JupyterLab 里打开，选文件和图表"
        return bundle
