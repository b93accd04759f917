"""What a candidate's marks and events come to under a profile: a pure function, and the table of outcomes.

State machine of domain.md A.11: 应考 → (免试 | 缓考 | 缺考 | 已考); 已考 → 合格 | 不合格 → 补考 → 合格 | 终不合格; any → 违纪.
Which event may follow which is ``exams.events.MOVES``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction

from exams.blueprint import Blueprint
from exams.events import CandidateEvent, part_exemption, standing
from exams.policy import add_months as add_months
from exams.profile import Profile
from grading.cut import Cut, PartMarks, band_of, cut_of, rounding_notes, section_points, shortfalls
from grading.cut import exact_text as exact_text


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
class Earlier:
    """How an earlier sitting of the same exam (first or resit) ended for this person."""

    sitting_id: str
    outcome: str
    total: Fraction | None
    day: date
    valid_until: date | None = None
    may_resit: bool = True          # whether a further sitting was open to this person then


@dataclass(frozen=True)
class Outcome:
    """The result of one candidate in one sitting. Totals are exact; ``valid_until`` None: the term, or without end.

    ``final`` and ``final_total`` are over all attempts as the profile keeps them (best, last or first).
    """

    code: str
    total: Fraction | None = None
    parts: tuple[PartMarks, ...] = ()
    sections: Mapping[str, Fraction] = field(default_factory=dict)
    band: str = ""
    attempt: int = 1                # 1 is the first sitting, 2 the first resit
    resits_left: int = 0
    may_resit: bool = False
    final: str = ""
    final_total: Fraction | None = None
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
    birth: date | None = None,
) -> Outcome:
    """The outcome of one candidate.

    ``marks``: by part, None if no script was handed in; ``events``: the candidate's; ``earlier``: from the first sitting on;
    ``day``: when this sitting took place; ``birth`` decides about books where age does.
    """
    events = tuple(events)
    event = standing(events)
    if event is not None:
        known = _by_event(event, profile, earlier)
    elif marks is None:
        known = _absent("没有开始作答，无答卷", "", profile, earlier)
    else:
        skipped = part_exemption(events)
        cut = cut_of(profile, blueprint, profile.skipped_section if skipped else "")
        book = ("按年龄开卷应考",) if profile.book == "closed" and profile.open_book(birth, day) else ()
        known = _sat(marks, earlier, profile, blueprint, cut, day)
        known = replace(known, reasons=(*known.reasons, *cut.notes, *book), document_no=(skipped and skipped.document_no) or "")
    return _over_all(known, earlier, profile)


def _by_event(event: CandidateEvent, profile: Profile, earlier: Sequence[Earlier]) -> Outcome:
    document = event.document_no or ""
    if event.kind == "absent":
        return _absent(event.reason, document, profile, earlier)
    ground = f"（{event.ground_title}）" if event.kind == "exempt" and event.ground_title else ""
    reasons = [f"{event.title}{ground}：{event.reason}"]
    left, again = resits_left(profile, earlier, failed=False), event.kind == "deferred"
    if event.penal:
        step = profile.step(event.ground, event.kind)
        left = resits_left(profile, earlier, failed=True) if step.may_resit else 0
        again = left > 0
        reasons += [f"处理：{step.title or event.title}"]
        reasons += [f"记录保留至 {event.until.isoformat()}"] if event.until else []
    return Outcome(event.kind, resits_left=left, may_resit=again, reasons=tuple(reasons), document_no=document)


def _absent(reason: str, document: str, profile: Profile, earlier: Sequence[Earlier]) -> Outcome:
    rule = profile.absence
    left = resits_left(profile, earlier, failed=rule.counts_as_failure)
    again = rule.may_resit and left > 0
    reasons = (f"缺考：{reason}", f"处理：{rule.unexcused}")
    zero = Fraction(0) if rule.counts_as_failure else None
    return Outcome("absent", zero, resits_left=left, may_resit=again, reasons=reasons, document_no=document)


def _sat(
    marks: Sequence[PartMarks], earlier: Sequence[Earlier], profile: Profile, blueprint: Blueprint, cut: Cut, day: date
) -> Outcome:
    counted = [part for part in marks if part.part in cut.parts]
    total = sum((part.points for part in counted), Fraction(0))
    sections = section_points(counted, blueprint)
    known = Outcome("passed", total, tuple(counted), sections)
    late = late_resit(earlier, profile, day)
    short = shortfalls(total, counted, sections, cut, blueprint)
    void = _not_counted(earlier, profile, late)
    notes = (*rounding_notes(total, cut, profile), *late)
    if void or short:
        left = 0 if void else resits_left(profile, earlier, failed=True)
        code = "failed" if left else "final_fail"
        handling = (f"处理：{profile.on_final_fail}",) if code == "final_fail" else ()
        return replace(known, code=code, resits_left=left, may_resit=left > 0, reasons=(*short, *void, *notes, *handling))
    better = profile.keep == "best" and 1 + len(earlier) < profile.attempts
    until, ended = _valid_until(profile, day)
    return replace(known, band=band_of(total, cut), may_resit=better, valid_until=until, reasons=(*notes, *ended))


def _valid_until(profile: Profile, day: date) -> tuple[date | None, tuple[str, ...]]:
    """Until when a pass of that day stands, and what is odd about it."""
    rule = profile.validity
    if rule.months:
        return add_months(day, rule.months), ()
    if rule.term and rule.term_ends and rule.term_ends < day:
        return None, (f"考试办法所填本届届满日 {rule.term_ends.isoformat()} 早于考试日；请更新",)
    return (rule.term_ends if rule.term else None), ()


def _failures(profile: Profile, earlier: Sequence[Earlier]) -> list[Earlier]:
    """Earlier sittings that used up an attempt: not passed, found cheating, or absent where that is a paper of 0 marks."""
    uses = {"failed", "final_fail", "misconduct"} | ({"absent"} if profile.absence.counts_as_failure else set())
    return [one for one in earlier if one.outcome in uses]


def resits_left(profile: Profile, earlier: Sequence[Earlier], *, failed: bool) -> int:
    """Sittings that are still open after this one; ``failed``: this one used up an attempt too."""
    used = len(_failures(profile, earlier)) + failed
    return max(0, profile.attempts - 1 + profile.resit.most - max(0, used - 1))


def deadline(profile: Profile, earlier: Sequence[Earlier]) -> date | None:
    """The last day on which a resit is in time, by the days or months after the first failure; None: no such limit."""
    failures = _failures(profile, earlier)
    if not failures:
        return None
    if profile.resit.within_months is not None:
        return add_months(failures[0].day, profile.resit.within_months)
    return failures[0].day + timedelta(days=profile.resit.within_days) if profile.resit.within_days is not None else None


def late_resit(earlier: Sequence[Earlier], profile: Profile, day: date) -> tuple[str, ...]:
    """Told where a resit on that day is outside the time that the profile gives; nothing for whoever has not failed yet."""
    if not _failures(profile, earlier):
        return ()
    rule, last = profile.resit, deadline(profile, earlier)
    notes = []
    if last is not None and day > last:
        span = f"{rule.within_months} 个月" if rule.within_months is not None else f"{rule.within_days} 日"
        notes.append(f"补考日期超过首考后 {span}")
    if (rule.opens and day < rule.opens) or (rule.closes and day > rule.closes):
        notes.append("补考日期不在规定的补考时段内")
    return tuple(notes)


def _not_counted(earlier: Sequence[Earlier], profile: Profile, late: Sequence[str]) -> tuple[str, ...]:
    """Why these marks do not count whatever they are: no sitting was left to this person, or it came too late."""
    if not earlier or earlier[-1].outcome in ("passed", "exempt"):
        return ()
    last = earlier[-1]
    used_up = len(_failures(profile, earlier)) >= profile.attempts + profile.resit.most
    if used_up or (last.outcome in ("final_fail", "misconduct", "void") and not last.may_resit):
        return (f"上一场结果为{OUTCOMES[last.outcome].title}，按办法不得再考，本场成绩不计",)
    return ("逾期补考，按办法成绩不计",) if late and profile.resit.late == "does_not_count" else ()


def _over_all(known: Outcome, earlier: Sequence[Earlier], profile: Profile) -> Outcome:
    """Add what all attempts come to as the profile keeps them; a pass that is kept keeps its validity."""
    known = replace(known, attempt=1 + len(earlier), final=known.code, final_total=known.total)
    if known.code in ("misconduct", "void"):
        return known
    sat = [one for one in earlier if OUTCOMES[one.outcome].sat]
    passes = [one for one in sat if one.outcome == "passed"]
    if profile.keep == "first" and sat:
        return replace(known, final=sat[0].outcome, final_total=sat[0].total, valid_until=sat[0].valid_until)
    if profile.keep != "best":
        return known
    if passes and known.code != "passed":
        until = passes[-1].valid_until
        return replace(known, final="passed", final_total=max(one.total or Fraction(0) for one in passes), valid_until=until)
    if known.kind.sat:
        same = [one.total or Fraction(0) for one in sat if OUTCOMES[one.outcome].passed == known.kind.passed]
        return replace(known, final_total=max([known.total or Fraction(0), *same]))
    return known
