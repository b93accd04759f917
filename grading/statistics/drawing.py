"""Charts as SVG whose text stays text: no font on the server, nothing that only a colour tells, a title and a description for screen readers.

What is only known to lie between two numbers is drawn so: full up to the lower one, hatched up to the higher one.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from grading.statistics.tables import NOT_SHOWN, Bar, Table, bars

WIDTH, NAMES, VALUES, ROW, TOP = 900, 330, 130, 30, 16
#: more rows than this make no picture
MOST_ROWS = 40
BAR, INK, SOFT, GRID = "#2f6690", "#1c2430", "#55606e", "#cfd6de"
SPOKEN = 12


def draw(table: Table, first: int = 0, most: int = MOST_ROWS) -> str:
    """A table of rates or counts as a bar chart of the rows from ``first`` on; a calendar as squares. Blank: nothing to be drawn."""
    if table.chart == "calendar":
        return _calendar(table) if table.rows else ""
    rows = bars(table)[first : first + most] if table.drawn else []
    return _bars(table, rows) if rows else ""


def _open(table: Table, height: float, spoken: str) -> list[str]:
    name = f"chart-{table.id}"
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" font-family="sans-serif" font-size="15" fill="{INK}">',
        f'<title id="{name}-title">{escape(table.title)}</title>',
        f'<desc id="{name}-desc">{escape(spoken)}</desc>',
        f'<defs><pattern id="{name}-hatch" width="7" height="7" patternUnits="userSpaceOnUse"><rect width="7" height="7" fill="#fff"/>'
        f'<path d="M0 7L7 0" stroke="{BAR}" stroke-width="1.4"/></pattern></defs>',
    ]


def _bars(table: Table, rows: Sequence[Bar]) -> str:
    percent = table.chart == "rates"
    most = 100.0 if percent else max([1.0, *(bar.high for bar in rows if bar.high is not None)])
    height, plot = TOP + ROW * len(rows) + 26, WIDTH - NAMES - VALUES
    told = "；".join(f"{bar.label} {bar.text}" for bar in rows[:SPOKEN]) + ("；其余见表" if len(rows) > SPOKEN else "")
    parts = _open(table, height, f"{table.about}{told}。")
    for mark in (0, 25, 50, 75, 100):
        x, value = NAMES + plot * mark / 100, most * mark / 100
        if percent or mark in (0, 100):
            parts.append(f'<line x1="{x:g}" y1="{TOP - 6}" x2="{x:g}" y2="{height - 24}" stroke="{GRID}"/>')
            parts.append(f'<text x="{x:g}" y="{height - 7}" text-anchor="middle" font-size="13" fill="{SOFT}">{value:g}{"%" if percent else ""}</text>')
    for n, bar in enumerate(rows):
        y = TOP + n * ROW
        parts.append(f'<text x="{NAMES - 10}" y="{y + 18}" text-anchor="end">{escape(_short(bar.label))}</text>')
        parts += _bar(table, bar, y, plot / most)
    return "\n".join([*parts, "</svg>"])


def _bar(table: Table, bar: Bar, y: float, scale: float) -> list[str]:
    end, made = float(NAMES), []
    if bar.low is not None and bar.high is not None:
        full, wide = bar.low * scale, (bar.high - bar.low) * scale
        end = NAMES + full + wide
        if full:
            made.append(f'<rect x="{NAMES}" y="{y + 4}" width="{full:.1f}" height="{ROW - 11}" fill="{BAR}"/>')
        if wide:
            made.append(
                f'<rect x="{NAMES + full:.1f}" y="{y + 4}" width="{wide:.1f}" height="{ROW - 11}" fill="url(#chart-{table.id}-hatch)" stroke="{BAR}"/>'
            )
    made.append(f'<text x="{end + 8:.1f}" y="{y + 18}" fill="{INK if bar.low is not None else SOFT}">{escape(bar.text)}</text>')
    return made


def _short(text: str, most: int = 20) -> str:
    """A name that fits beside its bar; the table has it whole.

    >>> _short("甲" * 30) == "甲" * 19 + "…"
    True
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def _calendar(table: Table) -> str:
    """Kinds down, months across: the count in figures, its square the larger the more."""
    names, months = 210, table.columns[2:]
    wide, tall, top = (WIDTH - names) / len(months), 50, 40
    height = top + tall * len(table.rows) + 8
    numbers = [one for row in table.rows for one in row[2:] if isinstance(one, int)]
    most, told = max([1, *numbers]), []
    parts = []
    for m, month in enumerate(months):
        year, _, number = month.partition("-")
        title = f"{int(number)} 月" if m and number != "01" else f"{year[2:]} 年 {int(number)} 月"
        parts.append(f'<text x="{names + wide * (m + 0.5):.1f}" y="{top - 14}" text-anchor="middle" font-size="{12 if "年" in title else 14}">{title}</text>')
    for n, row in enumerate(table.rows):
        y = top + n * tall
        parts.append(f'<line x1="0" y1="{y}" x2="{WIDTH}" y2="{y}" stroke="{GRID}"/>')
        parts.append(f'<text x="{names - 10}" y="{y + tall / 2 + 5:g}" text-anchor="end">{escape(_short(str(row[0]), 13))}</text>')
        for m, value in enumerate(row[2:]):
            x = names + wide * (m + 0.5)
            parts += _square(table, value, x, y + tall / 2, min(wide, tall) - 6, most)
        told.append(f"{row[0]} 合计 {row[1]}")
    opened = _open(table, height, f"{table.about}{'；'.join(told)}。")
    return "\n".join([*opened, *parts, "</svg>"])


def _square(table: Table, value: str | int | float | None, x: float, y: float, largest: float, most: int) -> list[str]:
    if value == 0 or value is None:
        return [f'<text x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle" fill="{SOFT}">0</text>']
    if not isinstance(value, int):
        text = "—" if value == NOT_SHOWN else str(value).replace("少于 ", "<").removesuffix("件").strip()
        return [f'<text x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle" fill="{SOFT}">{escape(text)}</text>']
    side = max(8.0, largest * (value / most) ** 0.5)
    light = side < largest * 0.62
    return [
        f'<rect x="{x - side / 2:.1f}" y="{y - side / 2 - (7 if light else 0):.1f}" width="{side:.1f}" height="{side:.1f}" fill="{BAR}"/>',
        f'<text x="{x:.1f}" y="{y + (side / 2 + 9 if light else 5):.1f}" text-anchor="middle" font-size="{13 if light else 15}" '
        f'fill="{INK if light else "#fff"}">{value}</text>',
    ]
