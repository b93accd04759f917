"""What a candidate's marks and events come to under a profile: a pure function, and the table of outcomes.

State machine of domain.md A.11: 应考 → (免试 | 缓考 | 缺考 | 已考); 已考 → 合格 | 不合格 → 补考 → 合格 | 终不合格; any → 违纪.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from exams.blueprint import Blueprint
from exams.events import CandidateEvent, standing
from exams.profile import Profile
from grading.distribution import decimal_text


@dataclass(frozen=True)
class OutcomeKind:
    """One outcome. ``sat``: counted as having sat; ``passed``: None where that is not a question."""

    title: str
    sat: bool
    passed: bool | None


#: code -> outcome, in the order in which the reconciliation line names them
OUTCOMES = {
    "passed": OutcomeKind("合格", True, True),
    "failed": OutcomeKind("不合格", True, False),
    "final_fail": OutcomeKind("终不合格", True, False),
    "absent": OutcomeKind("缺考", False, None),
    "deferred": OutcomeKind("缓考", False, None),
    "exempt": OutcomeKind("免试", False, None),
    "misconduct": OutcomeKind("违纪", False, None),
    "void": OutcomeKind("取消资格", False, None),
}


@dataclass(frozen=True)
class PartMarks:
    """Marks of one part of the paper: what was earned, and out of what."""

    part: str
    points: Fraction
    most: Fraction


@dataclass(frozen=True)
class Earlier:
    """How an earlier sitting of the same exam (first or resit) ended for this person."""

    sitting_id: str
    outcome: str
    total: Fraction | None
    day: date
    valid_until: date | None = None


@dataclass(frozen=True)
class Outcome:
    """The result of one candidate in one sitting. Totals are exact; ``valid_until`` None: the term, or without end.

    ``final`` is the outcome over all attempts as the profile keeps them (best, last or first).
    """

    code: str
    total: Fraction | None = None
    parts: tuple[PartMarks, ...] = ()
    sections: Mapping[str, Fraction] = field(default_factory=dict)
    band: str = ""
    attempt: int = 1                # 1 is the first sitting, 2 the first resit
    resits_left: int = 0
    final: str = ""
    valid_until: date | None = None
    reasons: tuple[str, ...] = ()   # why it is so, in Chinese, for record and appeal
    document_no: str = ""

    @property
    def kind(self) -> OutcomeKind:
        return OUTCOMES[self.code]


def pass_record(
    marks: Sequence[PartMarks] | None,
    events: Iterable[CandidateEvent],
    earlier: Sequence[Earlier],
    profile: Profile,
    blueprint: Blueprint,
    day: date,
) -> Outcome:
    """The outcome of one candidate.

    ``marks``: by part, None if no script was handed in; ``events``: the candidate's, in order; ``earlier``: from the first
    sitting on; ``day``: when this sitting took place. Comparisons are made on unrounded totals.
    """
    event = standing(events)
    attempt = 1 + len(earlier)
    if event is not None:
        return _by_event(event, profile, earlier, attempt)
    if marks is None:
        return _absent("未到考，无答卷", "", profile, earlier, attempt)
    return _sat(marks, earlier, profile, blueprint, day)


def _by_event(event: CandidateEvent, profile: Profile, earlier: Sequence[Earlier], attempt: int) -> Outcome:
    if event.kind == "absent":
        return _absent(event.reason, event.document_no or "", profile, earlier, attempt)
    reasons = [f"{event.title}：{event.reason}"]
    if event.kind == "misconduct":
        reasons.append(f"处理：{profile.misconduct}")
    left = resits_left(profile, earlier, failed=False)
    penal = event.kind in ("misconduct", "void")
    kept = None if penal else _best_pass(earlier, profile)
    return Outcome(event.kind, attempt=attempt, resits_left=left, final="passed" if kept else event.kind,
                   valid_until=kept.valid_until if kept else None, reasons=tuple(reasons), document_no=event.document_no or "")  # fmt: skip


def _absent(reason: str, document: str, profile: Profile, earlier: Sequence[Earlier], attempt: int) -> Outcome:
    zero = profile.unexcused == "记0分"
    left = resits_left(profile, earlier, failed=zero)
    reasons = (f"缺考：{reason}", f"处理：{profile.unexcused}")
    kept = _best_pass(earlier, profile)
    return Outcome("absent", Fraction(0) if zero else None, attempt=attempt, resits_left=left, final="passed" if kept else "absent",
                   valid_until=kept.valid_until if kept else None, reasons=reasons, document_no=document)  # fmt: skip


def _sat(
    marks: Sequence[PartMarks], earlier: Sequence[Earlier], profile: Profile, blueprint: Blueprint, day: date
) -> Outcome:
    total = sum((part.points for part in marks), Fraction(0))
    sections = section_points(marks, blueprint)
    short = shortfalls(total, marks, sections, profile, blueprint)
    notes = _late_resit(earlier, profile, day)
    if short:
        left = resits_left(profile, earlier, failed=True)
        code = "failed" if left > 0 else "final_fail"
        reasons = (*short, *notes, *((f"处理：{profile.on_final_fail}",) if code == "final_fail" else ()))
        final = _kept(code, earlier, profile)
        kept = _best_pass(earlier, profile)
        until = kept.valid_until if kept else None
        return Outcome(code, total, tuple(marks), sections, "", 1 + len(earlier), left, final, until, reasons)
    band = next((band.title for band in profile.bands if total >= band.least), "")
    final = _kept("passed", earlier, profile)
    until = add_months(day, profile.validity.months) if profile.validity.months else None
    return Outcome("passed", total, tuple(marks), sections, band, 1 + len(earlier), 0, final, until, notes)


def section_points(marks: Iterable[PartMarks], blueprint: Blueprint) -> dict[str, Fraction]:
    """Marks by section (公共部分, 专业部分): the sums of the parts that the blueprint puts into it."""
    section_of = {part.id: part.section for part in blueprint.parts}
    found: dict[str, Fraction] = {}
    for part in marks:
        section = section_of.get(part.part, "")
        if section:
            found[section] = found.get(section, Fraction(0)) + part.points
    return found


def shortfalls(
    total: Fraction, marks: Iterable[PartMarks], sections: Mapping[str, Fraction], profile: Profile, blueprint: Blueprint
) -> tuple[str, ...]:
    """Why these marks do not pass; nothing if they do."""
    short = []
    if total < profile.pass_mark:
        short.append(f"总分 {exact_text(total)}，低于合格线 {exact_text(profile.pass_mark)}")
    earned = {part.part: part.points for part in marks} | dict(sections)
    titles = {part.id: part.title for part in blueprint.parts}
    for minimum in profile.minima:
        here = earned.get(minimum.part, Fraction(0))
        if here < minimum.least:
            short.append(f"{titles.get(minimum.part, minimum.part)} {exact_text(here)} 分，低于该部分最低 {exact_text(minimum.least)} 分")
    return tuple(short)


def resits_left(profile: Profile, earlier: Sequence[Earlier], *, failed: bool) -> int:
    """Resits that are still open after this sitting; each failure uses one (an absence does where it counts as 0 marks)."""
    uses = {"failed", "final_fail"} | ({"absent"} if profile.unexcused == "记0分" else set())
    failures = sum(1 for one in earlier if one.outcome in uses) + failed
    return max(0, profile.resit.most - max(0, failures - 1))


def _late_resit(earlier: Sequence[Earlier], profile: Profile, day: date) -> tuple[str, ...]:
    """A note when a resit was held outside the time that the profile gives; whether it counts is for persons to decide."""
    if not earlier:
        return ()
    resit, first = profile.resit, earlier[0].day
    notes = []
    if resit.within_days is not None and day > first + timedelta(days=resit.within_days):
        notes.append(f"补考日期超过首考后 {resit.within_days} 日")
    if (resit.opens and day < resit.opens) or (resit.closes and day > resit.closes):
        notes.append("补考日期不在规定的补考时段内")
    return tuple(notes)


def _best_pass(earlier: Sequence[Earlier], profile: Profile) -> Earlier | None:
    """The newest pass that a later sitting does not take away, where the best attempt counts."""
    passes = [one for one in earlier if one.outcome == "passed"]
    return passes[-1] if passes and profile.keep == "best" else None


def _kept(code: str, earlier: Sequence[Earlier], profile: Profile) -> str:
    """The outcome over all attempts that were sat."""
    sat = [one.outcome for one in earlier if OUTCOMES[one.outcome].sat] + [code]
    if profile.keep == "best":
        return "passed" if "passed" in sat else code
    return sat[0] if profile.keep == "first" else sat[-1]


def add_months(day: date, months: int) -> date:
    """The corresponding day that many months later, or the last day of that month (民法典 202).

    >>> add_months(date(2026, 8, 31), 6)
    datetime.date(2027, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def exact_text(value: Fraction) -> str:
    """Marks without rounding: a decimal where it is one, otherwise the fraction.

    >>> exact_text(Fraction(119, 2)), exact_text(Fraction(1, 3))
    ('59.5', '1/3')
    """
    shown = decimal_text(value, 4)
    return shown if Fraction(shown) == value else str(value)


def shown_text(value: Fraction, digits: int, mode: str) -> str:
    """Marks as a profile shows them; ``mode`` is one of ``exams.profile.ROUNDING``.

    >>> [shown_text(Fraction(2395, 40), 1, mode) for mode in ("half_up", "half_even", "down")]
    ['59.9', '59.9', '59.8']
    """
    scale = 10**digits
    scaled = value * scale
    units = {"half_up": int(scaled + Fraction(1, 2)), "half_even": round(scaled), "down": int(scaled)}[mode]
    return decimal_text(Fraction(units, scale), digits)
