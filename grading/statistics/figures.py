"""Which tables there are, and how each is made. Every count has passed through :mod:`grading.statistics.suppression` before."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection

from grading.statistics.asking import Asked
from grading.statistics.blind import UnitRow, blind_spots
from grading.statistics.held import Held, group_titles
from grading.statistics.kept import held_counts, local_day, months, sat_counts
from grading.statistics.places import Place, Places, read_places
from grading.statistics.rules import Rules, rules_of
from grading.statistics.sat import COLUMNS
from grading.statistics.suppression import Group, Shown, protect
from grading.statistics.tables import HIGH, LOW, NOT_SHOWN, Rate, Table, count_text, few, rate_of
from grading.statistics.trees import BY_CATEGORY, BY_CHANNEL, BY_RANK, BY_UNIT, SPLIT, WHOLE, exam_tree, people_tree
from grading.workforce.kinds import Kind, kinds_of
from home import Home

#: views of the page -> title
VIEWS = {"pass": "考试合格率", "gaps": "差距与空白点", "held": "持证情况", "expiry": "到期日历"}
#: a unit in which nobody has passed, or is certified, is to be found: zeros of the first column stay
ZEROS = frozenset({0})
#: beside a small number 未参考 is hidden first: the pass rate stays
BESIDE = (2, 0, 1, 3, 4)
NOT_BROKEN_DOWN = "（不再细分）"
ONCE = "每人只算一次，取期内最后一场；单位、层级、渠道按那场的名单。合格率 = 合格 ÷（合格 + 不合格），参考率 = 已考 ÷（应考 − 免试）。"
ON_FILE = "按今天在册的人。持证 = 至少有一种有效的证书或聘任（不含年度事项、岗位等级）。"

Row = tuple[str | int | float | None, ...]


@dataclass(frozen=True)
class Statistics:
    """What is told of one question. ``unit``: name, blank for all; ``uncounted``: persons whose dates are being reckoned anew.

    ``kept_at``: ms UTC at which the worker counted; None: counted just now.
    """

    asked: Asked
    unit: str
    today: date
    n: int
    tables: tuple[Table, ...]
    uncounted: int = 0
    kept_at: int | None = None


@dataclass
class _Facts:
    """What tables are made from. ``sat``, ``certified``: releases; ``due``, ``on_file``: units with anybody."""

    places: Places
    rules: Rules
    kinds: Mapping[str, Kind]
    today: date
    sat: Shown = field(default_factory=lambda: Shown(WHOLE, None, ()))
    certified: Shown = field(default_factory=lambda: Shown(WHOLE, None, ()))
    due: Iterable[Place] = ()
    on_file: Iterable[Place] = ()
    held: Held = field(default_factory=Held)

    @property
    def n(self) -> int:
        return self.rules.n


def statistics(home: Home, connection: Connection, asked: Asked, now: int, views: Iterable[str] = tuple(VIEWS)) -> Statistics:
    """The tables of some views, in their order; ``now``: ms UTC.

    :raises ContentError: the rules or the kinds of certification cannot be read.
    """
    rules, today, wanted = rules_of(home), local_day(now), frozenset(views)
    facts = _Facts(read_places(connection, rules, today, asked.unit), rules, kinds_of(home), today)
    times: list[int | None] = []
    if wanted & {"pass", "gaps"}:
        counted, at = sat_counts(connection, rules, asked)
        tree, units = exam_tree(facts.places, counted)
        facts.sat, facts.due = protect(tree, rules.n, ZEROS, BESIDE), units
        times.append(at)
    if wanted & {"gaps", "held", "expiry"}:
        facts.held, at = held_counts(connection, facts.kinds, rules, today)
        if asked.unit is not None:
            facts.held = facts.held.within(frozenset(one.id for one in facts.places.inside if one.id is not None))
        tree, on_file = people_tree(facts.places, facts.held)
        facts.certified, facts.on_file = protect(tree, rules.n, ZEROS), on_file
        times.append(at)
    tables = tuple(table for view in VIEWS if view in wanted for table in _VIEWS[view](facts))
    return Statistics(asked, facts.places.top.name if facts.places.top else "", today, rules.n, tables, facts.held.uncounted, min((at for at in times if at), default=None))


# ---------------------------------------------------------------- rows of a release


def _part(root: Shown, place: int) -> tuple[Shown, ...]:
    return root.breakdowns[place] if place < len(root.breakdowns) else ()


def _level_and_setting(row: Shown) -> tuple[str, str]:
    level, split, setting = row.name.partition(SPLIT)
    return (row.name, "") if row.pooled or not split else (level, setting)


def unit_rows(root: Shown) -> Iterator[UnitRow]:
    """The lowest rows that are shown: units, or what is not broken down further. Together they are the whole."""
    if root.total is None:
        return
    if not _part(root, BY_UNIT):
        yield ("", "", WHOLE, NOT_BROKEN_DOWN), root
    for top in _part(root, BY_UNIT):
        level, setting = _level_and_setting(top)
        if not _part(top, 0):
            yield (level, setting, top.name, NOT_BROKEN_DOWN), top
        for department in _part(top, 0):
            leaves = _part(department, 0)
            if not leaves:
                yield (level, setting, department.name, NOT_BROKEN_DOWN), department
            for leaf in leaves:
                yield (level, setting, department.name, leaf.name), leaf


def gap_rows(root: Shown) -> Iterator[tuple[tuple[str, str, str], Shown]]:
    """The whole, each level with its setting, and the departments in it."""
    if root.total is None:
        return
    yield (WHOLE, "", ""), root
    for top in _part(root, BY_UNIT):
        level, setting = _level_and_setting(top)
        yield (level, setting, ""), top
        for department in _part(top, 0):
            yield (level, setting, department.name), department


# ---------------------------------------------------------------- exams


AGAINST, APART = "与总体相差（百分点）", "相差是该行合格率减去总体合格率，两者都能列出时才算。"
SAT_COLUMNS = ("应考", *COLUMNS, "参考率", "合格率")


def pass_rate(row: Shown) -> Rate:
    """合格 ÷ 已考."""
    return rate_of(row, (0,), (1,))


def _sat_cells(row: Shown, n: int) -> Row:
    return (row.total, *(count_text(cell, n) for cell in row.cells), rate_of(row, (0, 1), (2, 4)).text, pass_rate(row).text)


def exam_table(ident: str, title: str, heads: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], Shown]], n: int) -> Table:
    """A table of pass rates; ``heads``: names of the columns that name a row."""
    made = tuple((*names, *_sat_cells(row, n), *pass_rate(row).figures) for names, row in rows if row.total is not None)
    return Table(ident, title, ONCE, (*heads, *SAT_COLUMNS, LOW, HIGH), made, "rates", heads, "合格率")


def _passes(facts: _Facts) -> Iterator[Table]:
    root, n = facts.sat, facts.n
    for ident, title, head, place in (("pass_by_rank", "各层级合格率", "层级", BY_RANK), ("pass_by_channel", "各任免渠道合格率", "任免渠道", BY_CHANNEL)):
        yield exam_table(ident, title, (head,), [((WHOLE,), root), *(((one.name,), one) for one in _part(root, place))], n)
    yield exam_table("pass_by_unit", "各单位合格率", ("部门", "单位"), ((names[2:], row) for names, row in unit_rows(root)), n)


# ---------------------------------------------------------------- gaps


def _gaps(facts: _Facts) -> Iterator[Table]:
    n, whole = facts.n, facts.sat
    heads = ("级别", "城乡", "部门")
    overall = pass_rate(whole) if whole.total is not None else Rate(None, None)
    rows = tuple((*names, *_sat_cells(row, n), pass_rate(row).against(overall), *pass_rate(row).figures) for names, row in gap_rows(whole))
    columns = (*heads, *SAT_COLUMNS, AGAINST, LOW, HIGH)
    yield Table("gap_pass", "合格率差距：级别 × 城乡 × 部门", ONCE + APART, columns, rows, "rates", heads, "合格率")
    yield _held_table("gap_held", "持证率差距：级别 × 城乡 × 部门", heads, gap_rows(facts.certified), facts)
    yield blind_spots(facts.places, facts.on_file, facts.due, unit_rows(whole), unit_rows(facts.certified))


# ---------------------------------------------------------------- certifications


def _held_table(
    ident: str, title: str, heads: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], Shown]], facts: _Facts
) -> Table:
    overall = _held_rate(facts.certified) if facts.certified.total is not None else Rate(None, None)
    made = []
    for names, row in rows:
        if row.total is not None:
            rate = _held_rate(row)
            counts = (count_text(cell, facts.n) for cell in row.cells)
            made.append((*names, row.total, *counts, rate.text, rate.against(overall), *rate.figures))
    return Table(ident, title, ON_FILE, (*heads, "登记人数", "持证", "未持证", "持证率", AGAINST, LOW, HIGH), tuple(made), "rates", heads, "持证率")


def _held_rate(row: Shown) -> Rate:
    return rate_of(row, (0,), (1,))


def _held(facts: _Facts) -> Iterator[Table]:
    root = facts.certified
    yield _held_table("held_by_category", "各类人员持证率", ("人员类别",), [((WHOLE,), root), *(((one.name,), one) for one in _part(root, BY_CATEGORY))], facts)
    yield _structure(facts)
    yield _held_table("held_by_unit", "各单位持证率", ("部门", "单位"), ((names[2:], row) for names, row in unit_rows(root)), facts)


def _structure(facts: _Facts) -> Table:
    """Each group of kinds is a whole of its own: nobody is twice in one, many are in two."""
    rows: list[Row] = []
    counts = Counter[tuple[str, str]]()
    for (_, group, title), people in facts.held.structure.items():
        counts[group, title] += people
    for group, titles in group_titles(facts.kinds, facts.rules).items():
        cells = tuple(counts[group, title] for title in titles)
        if not sum(cells):
            continue
        row = protect(Group(group, cells), facts.n)
        if row.total is None:
            rows.append((group, WHOLE, few(facts.n), "", 0, facts.n - 1))
            continue
        rows.append((group, WHOLE, row.total, "", row.total, row.total))
        for j, (title, cell) in enumerate(zip(titles, row.cells, strict=True)):
            if cell.high:
                share = rate_of(row, (j,), [k for k in range(len(cells)) if k != j])
                text = count_text(cell, facts.n)
                drawn = (None, None) if text == NOT_SHOWN else (cell.low, cell.high)
                rows.append((group, title, text, share.text, *drawn))
    about = "按今天。每支队伍里一人只算一次，按其最高的一种；没有有效证书的，算在办理中、逾期未办或已过期。"
    return Table("structure", "队伍结构：各级各类人数", about, ("队伍", "等级或状态", "人数", "占本队伍", LOW, HIGH), tuple(rows), "counts", ("队伍", "等级或状态"), "人数")


# ---------------------------------------------------------------- calendar


def _expiry(facts: _Facts) -> Iterator[Table]:
    ahead = months(facts.rules, facts.today)
    of: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
    for (_, kind, year, month), count in facts.held.due.items():
        of[kind][year, month] += count
    rows: list[Row] = []
    order = {kind.title: n for n, kind in enumerate(facts.kinds.values())}
    for kind in sorted(of, key=lambda title: order.get(title, len(order))):
        row = protect(Group(kind, tuple(of[kind][first.year, first.month] for first, _ in ahead)), facts.n)
        if row.total is None:
            rows.append((kind, few(facts.n, "件"), *[NOT_SHOWN] * len(ahead)))
        else:
            rows.append((kind, row.total, *(count_text(cell, facts.n, "件") for cell in row.cells)))
    about = f"从今天起 {len(ahead)} 个月内，按月：证书到期、登记或续期截止，以及本系统签发的合格到期。第一个月从今天算起。要名单的，导出“到期预警表”。"
    columns = ("种类", "合计", *(f"{first.year}-{first.month:02d}" for first, _ in ahead))
    yield Table("expiry", "到期日历：哪个月有多少件", about, columns, tuple(rows), "calendar", ("种类",))


_VIEWS: Mapping[str, Callable[[_Facts], Iterator[Table]]] = {"pass": _passes, "gaps": _gaps, "held": _held, "expiry": _expiry}
