"""Everybody who holds something of a rule's group, with what is due for a month: read in batches, reckoned by :mod:`grading.workforce.stipend`."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from sqlalchemy import ColumnElement, Connection, func, select

from grading.errors import WorkforceError
from grading.tables import certification
from grading.workforce.grades import Grades
from grading.workforce.holdings import Entry, Holder, read_entries
from grading.workforce.hours import Step
from grading.workforce.kinds import Kind
from grading.workforce.money import capital_text, money_text
from grading.workforce.stipend import (
    REASONS,
    UNCLEAR,
    VERDICTS,
    Case,
    Certificate,
    Employment,
    Entitlement,
    entitlement,
)
from grading.workforce.stipend_rules import APPRAISALS, GRADES, PAID, Rule
from people.tables import person, unit

BATCH = 500
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True)
class RollLine:
    """One person and what is due."""

    holder: Holder
    due: Entitlement


@dataclass
class Sum:
    """What a roll comes to, line by line. ``by_kind``: kind's title -> (persons, amount) of what is paid."""

    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    by_kind: dict[str, tuple[int, Fraction]] = field(default_factory=dict)

    def add(self, due: Entitlement) -> None:
        self.verdicts[due.verdict] += 1
        if due.reason:
            self.reasons[due.reason] += 1
        if due.verdict == "paid" and due.certificate:
            persons, amount = self.by_kind.get(due.certificate.kind.title, (0, Fraction(0)))
            self.by_kind[due.certificate.kind.title] = (persons + 1, amount + due.amount)

    @property
    def holders(self) -> int:
        return sum(self.verdicts.values())

    @property
    def amount(self) -> Fraction:
        return sum((amount for _, amount in self.by_kind.values()), Fraction(0))

    def line(self) -> str:
        """The reconciliation line: holders = paid + refused by reason + unclear by reason."""
        pieces = [f"发放 {self.verdicts['paid']} 人"]
        for verdict in ("refused", "unclear"):
            named = [f"{title} {self.reasons[key]}" for key, title in REASONS.items() if self.reasons[key] and (key in UNCLEAR) == (verdict == "unclear")]
            pieces.append(f"{VERDICTS[verdict]} {self.verdicts[verdict]} 人" + (f"（{'、'.join(named)}）" if named else ""))
        return f"登记有资格 {self.holders} 人 = " + " + ".join(pieces)

    def total(self, rule: Rule) -> str:
        """The sum, by level; in capital numerals where it is money."""
        levels = " + ".join(f"{title} {persons} 人 {money_text(amount)} {rule.unit}" for title, (persons, amount) in sorted(self.by_kind.items()))
        capital = f"（大写：{capital_text(self.amount)}）" if rule.unit == "元" else ""
        return f"合计 {money_text(self.amount)} {rule.unit}{capital}" + (f" = {levels}" if levels else "")


def read_month(text: str, today: date) -> date:
    """The first day of a month written ``2027-03``; blank: the present one.

    :raises WorkforceError: no month, or beyond the next one (what is not on file yet cannot be reckoned).
    """
    if not text:
        return today.replace(day=1)
    found = _MONTH.fullmatch(text.strip())
    if found is None:
        raise WorkforceError(f"月份“{text[:20]}”应写成 2026-11 的样子")
    first = date(int(found[1]), int(found[2]), 1)
    if (first.year - today.year) * 12 + first.month - today.month > 1:
        raise WorkforceError(f"{first:%Y 年 %m 月}还没有到；最多提前一个月造册")
    return first


def month_text(month: date) -> str:
    """
    >>> month_text(date(2027, 3, 1))
    '2027 年 3 月'
    """
    return f"{month.year} 年 {month.month} 月"


def count_holders(connection: Connection, kinds: Mapping[str, Kind], rule: Rule) -> int:
    """How many persons have anything of the rule's group on file, counted by the database."""
    query = select(func.count(func.distinct(certification.c.person_id))).where(certification.c.kind.in_(group_of(kinds, rule)), certification.c.revoked_at.is_(None))
    return int(connection.execute(query).scalar_one())


def roll(connection: Connection, kinds: Mapping[str, Kind], rule: Rule, grades: Grades, month: date) -> Iterator[RollLine]:
    """Everybody of the rule's group, by unit and name."""
    group = group_of(kinds, rule)
    who = (
        select(person.c.id)
        .outerjoin(unit, unit.c.id == person.c.unit_id)
        .where(person.c.id.in_(select(certification.c.person_id).where(certification.c.kind.in_(group), certification.c.revoked_at.is_(None))))
        .order_by(unit.c.name, person.c.name, person.c.id)
    )
    idents = list(connection.execute(who).scalars())
    wanted = certification.c.kind.in_([*group, APPRAISALS, GRADES, PAID])
    for start in range(0, len(idents), BATCH):
        some = idents[start : start + BATCH]
        entries: dict[int, list[Entry]] = defaultdict(list)
        for entry in read_entries(connection, certification.c.person_id.in_(some), wanted):
            entries[entry.holder.id].append(entry)
        for ident in some:
            yield RollLine(entries[ident][0].holder, entitlement(rule, case_of(kinds, rule.group, entries[ident]), month, grades))


def case_of(kinds: Mapping[str, Kind], group: str, entries: list[Entry]) -> Case:
    """What is on file about one person, as the rules look at it."""
    holder = entries[0].holder
    certificates = tuple(Certificate(kinds[one.kind], one.held, one.certificate_no) for one in entries if kinds[one.kind].group == group)
    work = Employment(holder.category, holder.employed_from, holder.left_on, holder.post)
    return Case(certificates, work, _steps(entries, APPRAISALS), _steps(entries, GRADES), _steps(entries, PAID))


def _steps(entries: list[Entry], kind: str) -> tuple[Step, ...]:
    return tuple(Step(step.step, step.on_day) for one in entries if one.kind == kind for step in one.steps)


def _standing(group: list[str]) -> tuple[ColumnElement[bool], ...]:
    """Over certification: one of these kinds, not struck out."""
    return certification.c.kind.in_(group), certification.c.revoked_at.is_(None)


def group_of(kinds: Mapping[str, Kind], rule: Rule) -> list[str]:
    """The kinds of certification that a rule looks at."""
    return [kind.id for kind in kinds.values() if kind.group == rule.group]
