"""统计汇总表 (domain.md A.7): due, sat, absent …, rates and the average, for all and by sitting, unit, rank and channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from grading.distribution import decimal_text
from grading.errors import ExportError
from grading.listing import CHANNEL, PENDING, Line, lines, reconciliation, refuse_uneven
from grading.lists.layout import NUMBER
from grading.lists.made import Columns, Made, Wanted
from grading.outcome import OUTCOMES
from grading.roll import fraction

BY, NAME, DUE, SAT, RATE_SAT, RATE_PASSED, RATE_BEST, AVERAGE, BEST, RESITS = (
    "分类", "名称", "应考", "已考", "参考率", "合格率", "优秀率", "平均分", "优秀", "补考人次",
)  # fmt: skip
COLUMNS = (
    NUMBER, BY, NAME, DUE, SAT, *(kind.title for kind in OUTCOMES.values() if not kind.sat), PENDING, RATE_SAT,
    *(kind.title for kind in OUTCOMES.values() if kind.sat), RATE_PASSED, BEST, RATE_BEST, AVERAGE, RESITS,
)  # fmt: skip
WHOLE, BLANK = "合计", "（未填）"
#: how groups are made -> the column that names a line's group
GROUPS = {"场次": "考试名称", "单位": "单位", "层级": "层级", CHANNEL: CHANNEL}


@dataclass
class Group:
    """What is counted of a group of candidates. ``marks``: the sum of the totals of those who sat."""

    counts: Counter[str] = field(default_factory=Counter)
    best: int = 0
    resits: int = 0
    marks: Fraction = Fraction(0)

    def add(self, line: Line, *, best: bool, resit: bool) -> None:
        self.counts[line.code] += 1
        if line.code and OUTCOMES[line.code].sat:
            self.marks += fraction(line.total or "0")
            self.best += best
            self.resits += resit

    @property
    def due(self) -> int:
        return sum(self.counts.values())

    @property
    def sat(self) -> int:
        return sum(self.counts[code] for code, kind in OUTCOMES.items() if kind.sat)

    def columns(self, by: str, name: str, not_due: frozenset[str]) -> Columns:
        """As a row; a rate without a denominator is a dash."""
        expected = self.due - sum(self.counts[code] for code in not_due)
        shown = {kind.title: str(self.counts[code]) for code, kind in OUTCOMES.items()}
        return {
            **shown, PENDING: str(self.counts[""]), BY: by, NAME: name, DUE: str(self.due), SAT: str(self.sat), BEST: str(self.best),
            RESITS: str(self.resits), RATE_SAT: rate(self.sat, expected), RATE_PASSED: rate(self.counts["passed"], self.sat),
            RATE_BEST: rate(self.best, self.sat), AVERAGE: decimal_text(self.marks / self.sat, 2) if self.sat else "—",
        }  # fmt: skip


def rate(part: int, whole: int) -> str:
    """Per cent with one decimal, rounded half up.

    >>> rate(2, 3), rate(3, 3), rate(0, 0)
    ('66.7%', '100%', '—')
    """
    return f"{decimal_text(Fraction(100 * part, whole), 1)}%" if whole else "—"


def summary(wanted: Wanted) -> Made:
    """Rows: all together, then each group of each kind, by name."""
    best = frozenset(wanted.values["excellent"])
    not_due = frozenset(wanted.values["not_expected"])
    again = {one.id for one in wanted.sittings if one.resit_of}
    whole, groups = Group(), {by: dict[str, Group]() for by in GROUPS}

    def rows() -> Iterator[Columns]:
        for line in lines(wanted.connection, wanted.idents):
            facts = {"best": line.columns.get("等次", "") in best, "resit": line.sitting_id in again}
            whole.add(line, **facts)
            for by, column in GROUPS.items():
                groups[by].setdefault(line.columns.get(column, "") or BLANK, Group()).add(line, **facts)
        yield whole.columns(WHOLE, WHOLE, not_due)
        for by, named in groups.items():
            yield from (named[name].columns(by, name, not_due) for name in sorted(named))

    def close() -> list[str]:
        refuse_uneven(wanted.connection, wanted.idents, whole.counts)
        _refuse_unequal_groups(whole, groups)
        return [reconciliation(whole.counts, wanted.unit)]

    return Made(rows(), close, whole.counts)


def _refuse_unequal_groups(whole: Group, groups: Mapping[str, Mapping[str, Group]]) -> None:
    for by, named in groups.items():
        if sum((group.counts for group in named.values()), Counter[str]()) != whole.counts:
            raise ExportError(f"按{by}的合计与总计对不上，没有导出；请把这段话交给技术人员")
