"""The rules of which a profile (考试办法) is made, each a value; how they are read is :mod:`exams.profile`.

Nothing here decides about a candidate: that is ``grading.outcome``, a pure function of these values.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

AUTHORITIES = ("人大常委会", "组织部+司法局", "纪委", "司法局(年度)", "自定义")
UNEXCUSED = ("不列入议程", "暂缓任用", "记0分")
ON_FINAL_FAIL = ("撤回提名", "暂缓提请", "不得正式任命", "取消任用资格", "年度不得评先", "不产生后果")
KEEP = ("best", "last", "first")
ROUNDING = ("half_up", "half_even", "down")
LATE = ("counts", "does_not_count")
#: officer's act as a profile names it -> act of people.approvals that a second person grants
SECOND_PERSON = {
    "void": "attempt.void", "reopen": "attempt.reopen", "merge": "answer_file.merge", "withdraw": "sitting.withdraw",
    "print": "paper.print", "source": "paper.source", "take_time": "attempt.take_time",
    "event": "candidate.event", "revoke": "candidate.event.revoke",
}  # fmt: skip
#: Pairs of roles that one person must not hold in the same sitting, whatever a profile says.
NEVER_WAIVED = (frozenset(("author", "reviewer")), frozenset(("marker", "candidate")))


@dataclass(frozen=True)
class Exemption:
    """One ground on which a candidate is let off (domain.md A.1), and what it needs beside the document's number.

    ``event``: the event it leads to, ``exempt`` from all of the paper or ``exempt_part``; ``earlier_pass``: a standing pass
    in our own records; ``attachment``: the paper itself, scanned.
    """

    title: str
    event: str = "exempt"
    earlier_pass: bool = False
    attachment: bool = False
    needs: str = ""


#: key in a profile -> ground
EXEMPTIONS = {
    "passed_this_term_lateral": Exemption("本届内已考试合格，平级转任", earlier_pass=True, needs="成绩记录里有本届内合格、仍在有效期的记录"),
    "stays_on_at_term_change": Exemption("换届留任", needs="留任文件的文号"),
    "judicial_cert_skips_professional": Exemption("持初任法官、检察官统一考试合格证，免考专业部分", event="exempt_part", needs="合格证编号"),
    "near_retirement_on_application": Exemption("临近退休，本人书面申请", attachment=True, needs="本人书面申请和身份证复印件（扫描上传）"),
    "approved_by_authority": Exemption("其他情形，经有权机关批准", needs="批准文件的文号"),
}


@dataclass(frozen=True)
class LegalBasis:
    """The document an authority acts under."""

    title: str
    doc_no: str
    url: str
    effective: date | None


@dataclass(frozen=True)
class Band:
    """A grade (优秀, 良好, 合格): from ``least`` marks on."""

    title: str
    least: Fraction


@dataclass(frozen=True)
class Minimum:
    """Marks that one part, or one section of parts, needs on its own."""

    part: str                       # id of a part, or name of a section of the blueprint
    least: Fraction


@dataclass(frozen=True)
class Resit:
    """How often and when a failed candidate may sit again; the time runs from the day of the first failure.

    ``late``: whether a resit outside that time counts (it is noted in the record) or does not.
    """

    most: int
    within_days: int | None
    within_months: int | None
    opens: date | None
    closes: date | None
    late: str                       # LATE


@dataclass(frozen=True)
class Absence:
    """What an unexcused absence means, whether the absent may come to the resit, and what a deferral needs."""

    unexcused: str                  # UNEXCUSED
    may_resit: bool
    deferral_needs: str
    deferral_attachment: bool

    @property
    def counts_as_failure(self) -> bool:
        """Whether an absence is a paper of 0 marks, which uses up an attempt."""
        return self.unexcused == "记0分"


@dataclass(frozen=True)
class LadderStep:
    """One step of the misconduct ladder (domain.md A.5).

    ``event``: ``misconduct`` (this paper is void) or ``void`` (out of the whole exam); ``months``: how long it stays on
    record, None: not put on record.
    """

    id: str
    title: str
    event: str
    may_resit: bool
    months: int | None


@dataclass(frozen=True)
class Validity:
    """How long a pass stands: ``months``, until the ``term`` of office ends (``term_ends``, where known), or without end."""

    months: int | None
    term: bool
    term_ends: date | None


@dataclass(frozen=True)
class Rounding:
    """How totals are shown. The cut compares unrounded totals, whatever is shown."""

    digits: int
    mode: str                       # ROUNDING


@dataclass(frozen=True)
class Waiver:
    """Two incompatible roles that one named person may hold in this office, and on what ground."""

    roles: frozenset[str]
    reason: str
    countersign: str                # who countersigns
    note: str                       # printed on the sitting's documents


@dataclass(frozen=True)
class Duties:
    """Separation of duties: ``separate`` lists pairs of roles; a waiver lifts one of them."""

    separate: tuple[frozenset[str], ...]
    waivers: tuple[Waiver, ...]

    def conflicts(self, roles: frozenset[str]) -> tuple[frozenset[str], ...]:
        """Pairs among ``roles`` that stay forbidden for one person."""
        waived = {waiver.roles for waiver in self.waivers}
        return tuple(pair for pair in (*NEVER_WAIVED, *self.separate) if pair <= roles and pair not in waived)


def age_on(birth: date, day: date) -> int:
    """Full years of age.

    >>> age_on(date(1976, 2, 29), date(2026, 2, 28)), age_on(date(1976, 2, 28), date(2026, 2, 28))
    (49, 50)
    """
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def add_months(day: date, months: int) -> date:
    """The corresponding day that many months later, or the last day of that month (民法典 202).

    >>> add_months(date(2026, 8, 31), 6)
    datetime.date(2027, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
