"""职业津贴: from a rule and what is on file about one person to what is due for one month, with reasons. Pure (``domain.md`` B.2).

Everything that a document leaves open is a value of the rule (:class:`grading.workforce.stipend_rules.Conventions`), never decided here.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache, partial

from grading.workforce.clock import Held, standing
from grading.workforce.grades import Grades, career
from grading.workforce.hours import Step
from grading.workforce.kinds import Kind, Validity
from grading.workforce.money import money_text
from grading.workforce.stipend_rules import Rule

DAY = timedelta(days=1)
#: verdict -> what staff read
VERDICTS = {"paid": "发放", "refused": "不发", "unclear": "待核"}
#: why nothing is due -> what staff read; of several the first one counts
REASONS = {
    "before": "不在施行期", "left": "已离职", "category": "不在发放范围", "not_yet": "还没有到岗", "ended": "资格已终止", "lapsed": "登记已过期",
    "unregistered": "还没有登记", "unqualified": "还没有取得资格", "none": "这种资格没有标准", "appraisal": "考核等次不够", "already": "已经兑现",
    "top": "已到岗位最高级", "no_employment": "任职没有登记", "no_appraisal": "考核没有登记", "no_grade": "岗位等级没有登记",
}  # fmt: skip
#: reasons that only say that something is not on file: nothing is decided then
UNCLEAR = frozenset(("no_employment", "no_appraisal", "no_grade"))
#: how long before a registration ends the list says so
SOON = timedelta(days=92)


@dataclass(frozen=True)
class Certificate:
    """One certification of the rule's group."""

    kind: Kind
    held: Held
    number: str = ""


@dataclass(frozen=True)
class Employment:
    """What is on file about the person's work; blank or None: nothing."""

    category: str = ""
    employed_from: date | None = None
    left_on: date | None = None
    post: str = ""


@dataclass(frozen=True)
class Case:
    """All that a rule may look at. ``paid``: what was paid once, or granted, by level (kind ``stipend_paid``)."""

    certificates: tuple[Certificate, ...]
    employment: Employment = Employment()
    appraisals: tuple[Step, ...] = ()
    grades: tuple[Step, ...] = ()
    paid: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Entitlement:
    """What is due. ``amount``: in the rule's unit; ``reason``: a key of :data:`REASONS`, blank if paid; ``because``: Chinese sentences."""

    verdict: str
    amount: Fraction
    certificate: Certificate | None
    reason: str
    because: tuple[str, ...]
    valid_until: date | None = None

    @property
    def title(self) -> str:
        return VERDICTS[self.verdict]


@dataclass(frozen=True)
class _Fault:
    reason: str
    told: str


def entitlement(rule: Rule, case: Case, month: date, grades: Grades) -> Entitlement:
    """What a person is due for the month in which ``month`` lies, as far as it is on file."""
    first = month.replace(day=1)
    last = last_of(month)
    ordered = sorted(case.certificates, key=lambda one: -one.kind.level)
    found = [(one, _of_month(rule, first, partial(_faults, rule, case, one), _events(rule, case, one.held))) for one in ordered]
    good = [one for one, faults in found if not faults]
    if not good:
        return _refused(found, last)
    counted = good[:1] if rule.highest_only else good
    amounts, faults, told = Fraction(0), list[_Fault](), list[str]()
    for one in counted:
        amount, fault, why = _worth(rule, case, one, last, grades)
        amounts += amount
        faults += [fault] if fault else []
        told += [why] if why else []
    if not amounts:
        return _refused([(counted[0], faults)], last)
    until = _valid_until(counted[0], last)
    if until is not None and rule.registered and until <= last + SOON:
        told.append(f"登记 {until} 到期，请提醒办理")
    return Entitlement("paid", amounts, counted[0], "", tuple([*told, *(one.told for one in faults)]), until)


def _refused(found: Sequence[tuple[Certificate, Sequence[_Fault]]], last: date) -> Entitlement:
    """Nothing is due, for the reasons of the certificate that comes nearest: the fewest faults, then the highest level."""
    certificate, faults = min(found, key=lambda pair: len(pair[1])) if found else (None, [_Fault("unqualified", "没有登记这一组的资格")])
    order = list(REASONS)
    reason = min((one.reason for one in faults), key=order.index)
    told = tuple(dict.fromkeys(one.told for one in sorted(faults, key=lambda one: order.index(one.reason))))
    until = _valid_until(certificate, last) if certificate else None
    return Entitlement("unclear" if reason in UNCLEAR else "refused", Fraction(0), certificate, reason, told, until)


def _valid_until(certificate: Certificate, day: date) -> date | None:
    """Until when the registration lasts, or lasted, as it stands on a day."""
    return standing(_dates_only(certificate.kind), certificate.held, (), day).valid_until


# ---------------------------------------------------------------- months


def last_of(day: date) -> date:
    """The last day of its month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _of_month(rule: Rule, first: date, check: Callable[[date], Sequence[_Fault]], events: Iterable[date | None]) -> Sequence[_Fault]:
    """The faults that keep a month from counting by the rule's convention; none: it counts. What is not monthly goes by the last day.

    ``events``: days on which anything on file changes. In a month without any, a registration can only run out: two days tell it.
    """
    last, how = last_of(first), rule.conventions.counts_on
    if rule.pays != "monthly" or how == "last_day":
        return check(last)
    if how == "first_day":
        return check(first)
    quiet = not any(day is not None and first - DAY <= day <= last for day in events)
    days = [first, last] if quiet else [first + DAY * n for n in range(last.day)]
    if how == "whole_month":
        return next((faults for day in days if (faults := check(day))), [])
    return [] if any(not check(day) for day in days) else check(last)


def _events(rule: Rule, case: Case, held: Held) -> Iterable[date | None]:
    work = case.employment
    yield from (held.obtained_on, held.ended_on, work.employed_from, work.left_on, rule.effective_from, rule.effective_until)
    yield from (one.on_day for one in held.steps)


def _from(rule: Rule, day: date) -> str:
    """Since when it is paid if something is fulfilled from ``day`` on: ``，当月起发``."""
    if rule.pays != "monthly":
        return ""
    return "，当月起发" if day.day == 1 or rule.conventions.counts_on in ("last_day", "any_day") else "，次月起发"


def _until(rule: Rule, last_good: date) -> str:
    """Since when it is no longer paid if something is fulfilled up to ``last_good``: ``，当月起不发``."""
    if rule.pays != "monthly":
        return ""
    same = rule.conventions.counts_on in ("last_day", "whole_month") and last_good != last_of(last_good)
    return "，当月起不发" if same else "，次月起不发"


# ---------------------------------------------------------------- what is required, on one day


def _faults(rule: Rule, case: Case, certificate: Certificate, day: date) -> list[_Fault]:
    found = [_in_effect(rule, day), _certified(rule, certificate, day)]
    if rule.employed:
        found.append(_employed(rule, case.employment, day))
    if rule.appraisal:
        found.append(_appraised(rule, case, day))
    return [one for one in found if one]


def _in_effect(rule: Rule, day: date) -> _Fault | None:
    if rule.effective_from and day < rule.effective_from:
        return _Fault("before", f"办法 {rule.effective_from} 起施行{_from(rule, rule.effective_from)}")
    if rule.effective_until and day > rule.effective_until:
        return _Fault("before", f"办法 {rule.effective_until} 以后不再施行{_until(rule, rule.effective_until)}")
    return None


def _certified(rule: Rule, certificate: Certificate, day: date) -> _Fault | None:
    kind, held = certificate.kind, certificate.held
    if kind.id not in rule.amounts:
        return _Fault("none", f"“{rule.title}”没有写{kind.title}的标准")
    if held.ended_on is not None and held.ended_on <= day:
        return _Fault("ended", f"{kind.title} {held.ended_on} {kind.ended}{_until(rule, held.ended_on - DAY)}")
    if rule.registered and kind.start:
        return _registered(rule, kind, held, day)
    if _qualified(kind, held, day):
        return None
    return _Fault("unqualified", f"还没有取得{kind.title}：{standing(kind, held, (), day).next_step}")


@lru_cache(64)
def _dates_only(kind: Kind) -> Kind:
    """The kind without its hours, which decide no date."""
    return replace(kind, requirements=())


def _registered(rule: Rule, kind: Kind, held: Held, day: date) -> _Fault | None:
    stands = standing(_dates_only(kind), held, (), day)
    if stands.holds:
        return None
    if stands.state == "lapsed" and stands.valid_until is not None:
        return _Fault("lapsed", f"{kind.title}登记 {stands.valid_until} 到期{_until(rule, stands.valid_until)}{_later(rule, kind, held, day)}")
    assert kind.start is not None
    if not _qualified(kind, held, day):
        return _Fault("unqualified", f"还没有取得{kind.title}：{stands.next_step}")
    then = _from(rule, day + DAY).replace("，", "，登记后") if rule.pays == "monthly" else ""
    return _Fault("unregistered", f"{kind.title}还没有{kind.start.title}{_later(rule, kind, held, day) or then}")


@lru_cache(64)
def _without_registering(kind: Kind) -> Kind:
    """The kind as if it were held from the step before the one that starts it: qualified, registered or not."""
    before = kind.stages[: next((n for n, one in enumerate(kind.stages) if one.starts), 0)]
    stages = (*before[:-1], replace(before[-1], starts=True)) if before else ()
    return replace(kind, stages=stages, validity=Validity(), renewal=None, requirements=())


def _qualified(kind: Kind, held: Held, day: date) -> bool:
    """Whether everything before the registration has been done; who was registered has, whatever old files leave out."""
    if kind.start and any(one.step == kind.start.step and one.on_day <= day for one in held.steps):
        return True
    return held.obtained_on <= day and standing(_without_registering(kind), held, (), day).holds


def _later(rule: Rule, kind: Kind, held: Held, day: date) -> str:
    """A registering step on file that lies after ``day``."""
    steps = {one.step for one in (kind.start, kind.renewal) if one}
    later = min((one.on_day for one in held.steps if one.step in steps and one.on_day > day), default=None)
    return f"；{later} 登记{_from(rule, later)}" if later else ""


def _employed(rule: Rule, work: Employment, day: date) -> _Fault | None:
    if work.employed_from is None or not work.category:
        missing = "、".join(name for name, value in (("入职日期", work.employed_from), ("人员类别", work.category)) if not value)
        return _Fault("no_employment", f"没有登记{missing}，不能核定；请在“任职”表补登")
    if work.category not in rule.posts:
        return _Fault("category", f"人员类别“{work.category}”不在发放范围（{'、'.join(rule.posts)}）")
    if day < work.employed_from:
        return _Fault("not_yet", f"{work.employed_from} 入职{_from(rule, work.employed_from)}")
    if work.left_on is not None and work.employed_from <= work.left_on <= day:
        return _Fault("left", f"{work.left_on} 离职{_until(rule, work.left_on - DAY)}")
    return None


def _appraised(rule: Rule, case: Case, day: date) -> _Fault | None:
    wanted, said = rule.appraisal, rule.conventions
    assert wanted is not None
    year = day.year - (1 if day.month >= said.from_month else 2)
    results = [one for one in case.appraisals if one.on_day.year == year and one.step in wanted.scale]
    if results:
        newest = max(enumerate(results), key=lambda pair: (pair[1].on_day, pair[0]))[1].step
        return None if newest in wanted.enough else _Fault("appraisal", f"{year} 年度考核{wanted.scale[newest]}，要求{wanted.least}以上")
    began = case.employment.employed_from
    if not said.hold_missing or (said.exempt_new and began is not None and began.year >= year):
        return None
    return _Fault("no_appraisal", f"{year} 年度考核没有登记；请补登后再核定")


# ---------------------------------------------------------------- what it is worth


def _worth(rule: Rule, case: Case, certificate: Certificate, day: date, grades: Grades) -> tuple[Fraction, _Fault | None, str]:
    """(amount, why it is nothing, how it comes about)."""
    kind, amount = certificate.kind, rule.amounts[certificate.kind.id]
    if rule.pays == "monthly":
        return amount, None, f"{kind.title}每月 {money_text(amount)} 元"
    told = f"{kind.title} {money_text(amount)} {rule.unit}"
    before = _paid_before(rule, case, kind)
    if before is not None:
        level, when = before
        title, given = rule.levels.get(level, (f"{level} 级资格", Fraction(0)))
        if level >= kind.level:
            return Fraction(0), _Fault("already", f"{when} 已按{title}兑现"), ""
        if rule.conventions.difference:
            amount = max(Fraction(0), amount - given)
            told += f"，{when} 已按{title}兑现 {money_text(given)} {rule.unit}，补差 {money_text(amount)} {rule.unit}"
            if not amount:
                return amount, _Fault("already", told), ""
    if rule.pays == "grade_step":
        return _within(rule, case, amount, day, grades, told)
    return amount, None, told


def _paid_before(rule: Rule, case: Case, kind: Kind) -> tuple[int, date] | None:
    """The highest level that was paid, whenever that was; where each certification counts by itself, only its own level."""
    found = [(int(one.step.rpartition("_")[2]), one.on_day) for one in case.paid if one.step.startswith("paid_")]
    return max((one for one in found if rule.highest_only or one[0] == kind.level), default=None)


def _within(rule: Rule, case: Case, amount: Fraction, day: date, grades: Grades, told: str) -> tuple[Fraction, _Fault | None, str]:
    """Grades on top of the present one, not beyond the highest of the post where the rule says so."""
    here = career(grades, case.grades, case.employment.post, day)
    if here.grade is None:
        return Fraction(0), _Fault("no_grade", f"{told}；没有登记岗位等级，不能核定"), ""
    room = here.post.highest - here.grade
    if rule.conventions.within_range and room <= 0:
        return Fraction(0), _Fault("top", f"{told}；现为 {here.grade} 级，已是{here.post.title}的最高级"), ""
    if rule.conventions.within_range and amount > room:
        told += f"，{here.post.title}最高 {here.post.highest} 级，只加 {room} 级"
        amount = Fraction(room)
    return amount, None, f"{told}：现为 {here.grade} 级，加到 {here.grade + int(amount)} 级"
