"""统计图表: pass rates, gaps, certifications and what falls due, as tables with charts; small numbers are not in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from markupsafe import Markup
from sqlalchemy import Connection, select
from starlette.responses import Response

from grading.errors import ExportError
from grading.statistics.asking import Asked, read_asked
from grading.statistics.drawing import MOST_ROWS, draw
from grading.statistics.export import FORMATS, rule_text, scope_text
from grading.statistics.figures import VIEWS, statistics
from grading.statistics.tables import Table
from hall.office.jobs import ask
from hall.office.pages import go, page
from hall.office.visit import Refused, Visit
from people.tables import unit

#: rows of a table on one page of it
PAGE = MOST_ROWS
TITLES = {"xlsx": "Excel 表格", "json": "JSON（JupyterLab 里的统计笔记本用）"}
EXPORT_FORMATS = {form: TITLES[form] for form in FORMATS}


@dataclass(frozen=True)
class Figure:
    """One table as it stands on the page, with its chart. ``pages`` > 1: only the rows of page ``number`` are here."""

    table: Table
    rows: Sequence[Sequence[str | int | float | None]]
    chart: Markup
    number: int
    pages: int


def figure(table: Table, wanted: str) -> Figure:
    """A page of a table; ``wanted``: its number as the address has it. The drawing escapes every text it is given."""
    pages = max(1, -(-len(table.rows) // PAGE))
    number = min(pages, max(1, int(wanted))) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else 1
    first = (number - 1) * PAGE
    rows = [row[: len(table.read)] for row in table.rows[first : first + PAGE]]
    return Figure(table, rows, Markup(draw(table, first, PAGE)), number, pages)


def statistics_page(visit: Visit) -> Response:
    """``GET /statistics?view=&since=&until=&unit=&formal=&asked=1&p.<table>=``; what cannot be asked is told, and nothing is shown."""
    view = visit.query.get("view", "pass")
    view = view if view in VIEWS else "pass"
    with visit.home.office.connect() as connection:
        units = choices(connection)
        try:
            asked, fault = read_asked(connection, visit.query), ""
        except ExportError as error:
            asked, fault = Asked(), str(error)
        told = statistics(visit.home, connection, asked, visit.now, () if fault else (view,))
    figures = [figure(table, visit.query.get(f"p.{table.id}", "")) for table in told.tables]
    given = {name: visit.query.get(name, "")[:40] for name in ("since", "until", "unit")} if fault else asked.query()
    return page(
        visit, "statistics.html", status=400 if fault else 200, view=view, views=VIEWS, told=told, figures=figures, units=units, asked=asked, given=given,
        fault=fault, scope=scope_text(told), rule=rule_text(told), formats=EXPORT_FORMATS, address=lambda **more: urlencode({**asked.query(), **more}),
    )  # fmt: skip


def choices(connection: Connection) -> list[tuple[int, str, int]]:
    """(id, name, depth) of every unit that has others below it or stands on top, in the order of the tree."""
    rows = connection.execute(select(unit.c.id, unit.c.name, unit.c.parent_id).order_by(unit.c.name, unit.c.id)).all()
    below: dict[int | None, list[tuple[int, str]]] = {}
    known = {row.id for row in rows}
    for row in rows:
        below.setdefault(row.parent_id if row.parent_id in known else None, []).append((row.id, row.name))
    found: list[tuple[int, str, int]] = []
    stack = [(ident, name, 0) for ident, name in reversed(below.get(None, []))]
    while stack:
        ident, name, depth = stack.pop()
        found.append((ident, name, depth))
        stack += [(inner, title, depth + 1) for inner, title in reversed(below.get(ident, []))]
    return found


def ask_statistics(visit: Visit) -> Response:
    """``POST /statistics``: the same as a file, by the worker."""
    form = visit.form.get("format", "")
    if form not in EXPORT_FORMATS:
        raise Refused("请选择导出格式")
    with visit.home.office.connect() as connection:
        asked = read_asked(connection, visit.form)
    ask(visit, "statistics", None, format=form, **asked.query())
    return go(visit, "exports", good="正在导出统计数据，完成后出现在下面的文件列表里。")
