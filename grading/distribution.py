"""How scores of a sitting are distributed: numbers, and one chart as plain SVG text (its text stays text: no font needed)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape

BINS = 10


@dataclass(frozen=True)
class Distribution:
    """Scores in marks. ``counts[i]`` are those in the i-th tenth of ``full``; full marks belong to the last tenth.

    ``mean``, ``median``, ``low``, ``high`` are exact; None without scores. ``deviation`` is that of the population.
    """

    full: Fraction
    cut: Fraction
    n: int
    passed: int
    counts: tuple[int, ...]
    mean: Fraction | None
    median: Fraction | None
    low: Fraction | None
    high: Fraction | None
    deviation: float | None


def distribution(totals: Sequence[Fraction], full: Fraction, cut: Fraction) -> Distribution:
    """Describe totals out of ``full`` marks against the pass mark ``cut`` (both in marks).

    >>> distribution([Fraction(60), Fraction(100)], Fraction(100), Fraction(60)).counts
    (0, 0, 0, 0, 0, 0, 1, 0, 0, 1)
    """
    counts = [0] * BINS
    for total in totals:
        counts[min(BINS - 1, max(0, int(total * BINS / full)))] += 1
    passed = sum(1 for total in totals if total >= cut)
    if not totals:
        return Distribution(full, cut, 0, 0, tuple(counts), None, None, None, None, None)
    ordered, n = sorted(totals), len(totals)
    mean = sum(totals, Fraction(0)) / n
    median = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    variance = sum(((total - mean) ** 2 for total in totals), Fraction(0)) / n
    return Distribution(full, cut, n, passed, tuple(counts), mean, median, ordered[0], ordered[-1], float(variance) ** 0.5)


def decimal_text(value: Fraction, digits: int = 1) -> str:
    """A number as it is shown: rounded half up to ``digits`` decimals, without trailing zeros.

    >>> decimal_text(Fraction(119, 2)), decimal_text(Fraction(60)), decimal_text(Fraction(-1, 20))
    ('59.5', '60', '-0.1')
    """
    scale = 10**digits
    units = int(abs(value) * scale + Fraction(1, 2))
    sign = "-" if value < 0 and units else ""
    whole, rest = divmod(units, scale)
    fraction = f"{rest:0{digits}d}".rstrip("0") if digits else ""
    return f"{sign}{whole}" + (f".{fraction}" if fraction else "")


WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 380, 48, 74, 74


def chart_svg(title: str, known: Distribution) -> str:
    """A bar chart of tenths with the pass line, 720 x 380, readable in black and white; bars carry their counts."""
    plot_w, plot_h = WIDTH - LEFT - 16, HEIGHT - TOP - BOTTOM
    step, most = plot_w / BINS, max(1, *known.counts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{escape(_spoken(title, known))}" font-family="sans-serif" font-size="14" fill="#1a1a1a">',
        f'<text x="{LEFT}" y="24" font-size="18">{escape(title)}</text>',
        f'<text x="{LEFT}" y="44" fill="#444">{escape(_summary(known))}</text>',
    ]
    for n, count in enumerate(known.counts):
        tall = plot_h * count / most
        x, y = LEFT + n * step, TOP + plot_h - tall
        low, high = (decimal_text(known.full * k / BINS) for k in (n, n + 1))
        parts.append(f'<rect x="{x + 4:.1f}" y="{y:.1f}" width="{step - 8:.1f}" height="{tall:.1f}" fill="#2f6690"/>')
        if count:
            parts.append(f'<text x="{x + step / 2:.1f}" y="{y - 5:.1f}" text-anchor="middle">{count}</text>')
        parts.append(f'<text x="{x + step / 2:.1f}" y="{TOP + plot_h + 18}" text-anchor="middle" font-size="12">{low}–{high}</text>')
    cut_x = LEFT + plot_w * float(known.cut / known.full)
    parts += [
        f'<line x1="{LEFT}" y1="{TOP + plot_h}" x2="{LEFT + plot_w}" y2="{TOP + plot_h}" stroke="#1a1a1a"/>',
        f'<line x1="{cut_x:.1f}" y1="{TOP}" x2="{cut_x:.1f}" y2="{TOP + plot_h}" stroke="#a23b23" stroke-width="2" '
        'stroke-dasharray="6 4"/>',
        f'<text x="{cut_x:.1f}" y="{HEIGHT - 34}" text-anchor="middle" fill="#a23b23">合格线 {decimal_text(known.cut)} 分</text>',
        f'<text x="{LEFT + plot_w}" y="{HEIGHT - 10}" text-anchor="end" font-size="12">分数段（每段含下限，最后一段含满分）；柱上为人数</text>',
        "</svg>\n",
    ]
    return "\n".join(parts)


def _summary(known: Distribution) -> str:
    if known.mean is None or known.median is None or known.low is None or known.high is None:
        return "尚无成绩"
    share = decimal_text(Fraction(100 * known.passed, known.n))
    return (
        f"{known.n} 人，平均 {decimal_text(known.mean)} 分，中位数 {decimal_text(known.median)} 分，"
        f"最低 {decimal_text(known.low)} 分，最高 {decimal_text(known.high)} 分，达到合格线 {known.passed} 人（{share}%）"
    )


def _spoken(title: str, known: Distribution) -> str:
    tenths = "；".join(
        f"{decimal_text(known.full * n / BINS)} 至 {decimal_text(known.full * (n + 1) / BINS)} 分 {count} 人"
        for n, count in enumerate(known.counts)
        if count
    )
    return f"{title}：{_summary(known)}。{tenths}"
