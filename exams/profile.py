"""A policy profile (考试办法): everything about an exam after hand-in, as one TOML file under ``exams/profiles``.

No national rule fixes these, so each authority has its own file with its document number (domain.md A.11). Every rule is a
value. What this version does not act on yet is read, checked and kept, so that a record can quote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

from exams.blueprint import Blueprint, read_text
from exams.policy import (
    AUTHORITIES,
    EXEMPTIONS,
    KEEP,
    LATE,
    NEVER_WAIVED,
    ON_FINAL_FAIL,
    ROUNDING,
    SECOND_PERSON,
    UNEXCUSED,
    Absence,
    Band,
    Duties,
    LadderStep,
    LegalBasis,
    Minimum,
    Resit,
    Rounding,
    Validity,
    Waiver,
    age_on,
)
from exams.toml_source import Fault, Section, TomlSource
from home import digest

SHIPPED = Path(__file__).parent / "profiles"

@dataclass(frozen=True)
class Profile:
    """The rules of one authority. ``pass_mark``, minima and bands are in marks of the paper."""

    id: str
    title: str
    authority: str
    legal_basis: LegalBasis
    pass_mark: Fraction
    minima: tuple[Minimum, ...]
    bands: tuple[Band, ...]         # highest first
    attempts: int
    keep: str                       # KEEP: which of several attempts counts
    resit: Resit
    absence: Absence
    on_final_fail: str
    validity: Validity
    rounding: Rounding
    exemptions: tuple[str, ...]     # keys of EXEMPTIONS
    skipped_section: str            # what a part exemption leaves out: a section of the blueprint
    categories: tuple[str, ...]     # who sits, as the document says
    ladder: tuple[LadderStep, ...]  # misconduct, the mildest step first; never empty
    papers: tuple[str, ...]         # shipped blueprints that it was written for
    publish_to: tuple[str, ...]
    publish_score: bool             # False: only whether passed
    stamps: tuple[str, ...]         # who stamps the score sheet
    dossier_class: int | None
    certificate: bool
    after: str                      # 公示期满 | 收到提请报告
    before: str                     # 正式任命 | 常委会会议
    notice_days: int | None
    list_due_days: int | None
    book: str                       # closed | open
    open_book_age: int | None
    venue: str                      # supervised | self
    network: str
    bank_review_months: int | None
    duties: Duties
    second_person: tuple[str, ...] | None   # acts that need one (policy.SECOND_PERSON); None: by the sitting's kind
    source: str                     # the TOML text

    @property
    def digest(self) -> str:
        """SHA-256 of the TOML text."""
        return digest(self.source)

    def step(self, ident: str | None, event: str) -> LadderStep:
        """The step of the ladder that an event names, or the mildest one of that kind (a default where there is none)."""
        fitting = [step for step in self.ladder if step.event == event]
        named = next((step for step in fitting if step.id == ident), None)
        return named or (fitting[0] if fitting else LadderStep(event, "", event, False, None))

    def open_book(self, birth: date | None, day: date) -> bool:
        """Whether somebody born on ``birth`` sits this exam with books on ``day``."""
        if self.book == "open":
            return True
        return self.open_book_age is not None and birth is not None and age_on(birth, day) >= self.open_book_age

    @classmethod
    def read(cls, path: Path) -> Profile:
        """Read a file; a bare name (``county_npc``) is one of those shipped.

        :raises ContentError: see :meth:`parse`; also when the file cannot be read.
        """
        return cls.parse(read_text(path, SHIPPED), str(path))

    @classmethod
    def parse(cls, text: str, name: str = "考试办法") -> Profile:
        """Read TOML text; ``name`` stands for the file in messages.

        :raises ContentError: every fault as ``name:line: what, and what to do``.
        """
        source = TomlSource(text, name)
        known = _profile(source.root, text)
        source.root.finish()
        source.finish()
        return known


def _profile(root: Section, text: str) -> Profile:
    passing, attempts = root.table("pass"), root.table("attempts")
    candidates, publish = root.table("candidates"), root.table("publish")
    record, timing, mode = root.table("record"), root.table("timing"), root.table("mode")
    known = Profile(
        id=root.text("profile", limit=60),
        title=root.text("title", limit=100),
        authority=root.text("authority", choices=AUTHORITIES),
        legal_basis=_legal_basis(root.table("legal_basis")),
        pass_mark=passing.fraction("total"),
        minima=_minima(passing.table("minimums")),
        bands=_bands(root.table("bands")),
        attempts=attempts.whole("max", 1, least=1, most=20),
        keep=attempts.text("keep", "best", choices=KEEP),
        resit=_resit(root.table("resit")),
        absence=_absence(root.table("absence")),
        on_final_fail=root.text("on_final_fail", choices=ON_FINAL_FAIL),
        validity=_validity(root),
        rounding=_rounding(root.table("rounding")),
        exemptions=candidates.texts("exemptions", (), choices=EXEMPTIONS),
        skipped_section=candidates.text("skipped_section", "专业部分", limit=30),
        categories=candidates.texts("categories", ()),
        ladder=_ladder(root.table("cheating")),
        papers=root.texts("papers", ()),
        publish_to=publish.texts("to", ()),
        publish_score=publish.text("show", "score", choices=("score", "pass_only")) == "score",
        stamps=record.texts("score_sheet_stamps", ()),
        dossier_class=record.maybe_whole("dossier_class", least=1, most=10),
        certificate=record.flag("certificate", False),
        after=timing.text("after", "", limit=60),
        before=timing.text("before", "", limit=60),
        notice_days=timing.maybe_whole("notice_days", least=0, most=365),
        list_due_days=timing.maybe_whole("list_due_days_before_session", least=0, most=365),
        book=mode.text("book", "closed", choices=("closed", "open")),
        open_book_age=mode.maybe_whole("open_if_age_ge", least=18, most=100),
        venue=mode.text("venue", "supervised", choices=("supervised", "self")),
        network=mode.text("network", "intranet_only", limit=60),
        bank_review_months=root.maybe_whole("bank_review_months", least=1, most=120),
        duties=_duties(root.table("duties")),
        second_person=_second_person(root.table("control")),
        source=text,
    )
    for section in (passing, attempts, candidates, publish, record, timing, mode):
        section.finish()
    return known


def _legal_basis(section: Section) -> LegalBasis:
    basis = LegalBasis(
        section.text("title", "", limit=200), section.text("doc_no", "", limit=100), section.text("url", "", limit=300),
        section.day("effective"),
    )  # fmt: skip
    section.finish()
    return basis


def _minima(section: Section) -> tuple[Minimum, ...]:
    return tuple(Minimum(part, section.fraction(part)) for part in section.names())


def _bands(section: Section) -> tuple[Band, ...]:
    bands = [Band(title, section.fraction(title)) for title in section.names()]
    if len({band.least for band in bands}) != len(bands):
        section.fault(None, "两个等次从同一分数开始；请改其中一个")
    return tuple(sorted(bands, key=lambda band: band.least, reverse=True))


def _resit(section: Section) -> Resit:
    resit = Resit(
        section.whole("max", 0, least=0, most=20), section.maybe_whole("within_days", least=1, most=3660),
        section.maybe_whole("within_months", least=1, most=120), section.day("from"), section.day("to"),
        section.text("late", "counts", choices=LATE),
    )  # fmt: skip
    if resit.opens and resit.closes and resit.closes < resit.opens:
        section.fault("to", "补考截止日期早于开始日期；请改正")
    if resit.within_days and resit.within_months:
        section.fault("within_months", "“within_days”和“within_months”只能写一个；请删去其中一个")
    section.finish()
    return resit


def _absence(section: Section) -> Absence:
    unexcused = section.text("unexcused", choices=UNEXCUSED)
    absence = Absence(
        unexcused, section.flag("may_resit", unexcused == "记0分"), section.text("deferral_needs", "", limit=100),
        section.flag("deferral_attachment", False),
    )  # fmt: skip
    section.finish()
    return absence


def _ladder(section: Section) -> tuple[LadderStep, ...]:
    """Without a ladder: one step, by which this paper is void and a resit stays open."""
    if "outcome" in section.values:
        return _first_ladder(section)
    steps: list[LadderStep] = []
    for table in section.tables("ladder", most=10):
        step = LadderStep(
            table.text("id", limit=40), table.text("title", limit=60), table.text("event", choices=("misconduct", "void")),
            table.flag("may_resit", False), table.maybe_whole("record_months", least=1, most=1200),
        )  # fmt: skip
        if step.id in {before.id for before in steps}:
            table.fault("id", f"“{step.id}”已被前面一级使用；请换一个")
        table.finish()
        steps.append(step)
    section.finish()
    return tuple(steps) or (LadderStep("paper", "成绩无效", "misconduct", True, None),)


def _first_ladder(section: Section) -> tuple[LadderStep, ...]:
    """As sittings of the program's first version still have it: what becomes of the paper, and words that were not acted on."""
    section.texts("ladder", ())
    step = LadderStep("paper", section.text("outcome", limit=100), "misconduct", True, None)
    section.finish()
    return (step,)


def _validity(root: Section) -> Validity:
    section, office_term = root.table("validity"), root.table("term")
    validity = Validity(section.maybe_whole("months", least=1, most=600), section.flag("term", False), office_term.day("ends"))
    if validity.months is not None and validity.term:
        section.fault("term", "“months”和“term = true”只能写一个；请删去其中一个")
    section.finish()
    office_term.finish()
    return validity


def _rounding(section: Section) -> Rounding:
    rounding = Rounding(section.whole("digits", 1, least=0, most=3), section.text("mode", "half_up", choices=ROUNDING))
    section.finish()
    return rounding


def _duties(section: Section) -> Duties:
    separate = _pairs(section)
    waivers = []
    for table in section.tables("waivers", most=20):
        roles = frozenset(table.texts("roles"))
        waiver = Waiver(
            roles, table.text("reason", limit=200), table.text("countersign", limit=60), table.text("note", limit=200)
        )
        if len(roles) != 2:
            table.fault("roles", "“roles”须写两个不同的岗位")
        elif roles in NEVER_WAIVED:
            table.fault("roles", f"“{'、'.join(sorted(roles))}”任何情况下不得由一人兼任；请删去这一节")
        table.finish()
        waivers.append(waiver)
    section.finish()
    return Duties(separate, tuple(waivers))


def _second_person(section: Section) -> tuple[str, ...] | None:
    named = section.texts("second_person", choices=SECOND_PERSON) if "second_person" in section.values else None
    section.finish()
    return named


def _pairs(section: Section) -> tuple[frozenset[str], ...]:
    """``separate = ["exam_officer / marker", …]``."""
    pairs = []
    for line in section.texts("separate", ()):
        pair = frozenset(piece.strip() for piece in line.split("/"))
        if len(pair) != 2 or "" in pair:
            section.fault("separate", f"“{line[:60]}”应写成“岗位 / 岗位”")
        pairs.append(pair)
    return tuple(pairs)


def agree(blueprint: Blueprint, profile: Profile) -> list[Fault]:
    """What keeps a blueprint and a profile from being used together; empty: nothing."""
    faults: list[str] = []
    total = blueprint.total
    if profile.pass_mark > total:
        faults.append(f"及格分 {profile.pass_mark} 高于蓝图满分 {total}；请改考试办法或蓝图")
    for minimum in profile.minima:
        parts = [part for part in blueprint.parts if minimum.part in (part.id, part.section)]
        marks = sum((part.marks for part in parts), Fraction(0))
        if not parts:
            names = "、".join(part.id for part in blueprint.parts)
            faults.append(f"单项最低分写给了“{minimum.part}”，蓝图没有这个题型或部分；蓝图有：{names}")
        elif minimum.least > marks:
            faults.append(f"“{minimum.part}”最低 {minimum.least} 分，高于它的满分 {marks}；请改考试办法或蓝图")
    for band in profile.bands:
        if band.least > total:
            faults.append(f"等次“{band.title}”从 {band.least} 分起，高于蓝图满分 {total}；请改考试办法或蓝图")
    return [Fault("考试办法与蓝图不一致", 0, message) for message in faults]
