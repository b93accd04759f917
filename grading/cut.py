"""The cut: pass mark, part minima and bands against exact marks; and how marks are written.

Comparisons are made on unrounded totals; what a list shows is rounded as the profile says, and where the two look different
that is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exams.blueprint import Blueprint
from exams.policy import Band, Minimum
from exams.profile import Profile
from grading.distribution import decimal_text


@dataclass(frozen=True)
class PartMarks:
    """Marks of one part of the paper: what was earned, and out of what."""

    part: str
    points: Fraction
    most: Fraction


@dataclass(frozen=True)
class Cut:
    """What one candidate's marks are held against. ``parts`` are those that count for this candidate."""

    pass_mark: Fraction
    bands: tuple[Band, ...]
    minima: tuple[Minimum, ...]
    parts: frozenset[str]
    notes: tuple[str, ...] = ()


def cut_of(profile: Profile, blueprint: Blueprint, skipped: str = "") -> Cut:
    """The cut of a profile; with a ``skipped`` section pass mark and bands shrink in proportion to the marks that are left."""
    counted = [part for part in blueprint.parts if not skipped or part.section != skipped]
    left = sum((part.marks for part in counted), Fraction(0))
    scale = left / blueprint.total
    names = {part.id for part in counted} | {part.section for part in counted}
    notes: tuple[str, ...] = ()
    if scale != 1:
        notes = (f"免考{skipped}：其余部分满分 {exact_text(left)}，合格线按比例为 {exact_text(profile.pass_mark * scale)}",)
    return Cut(
        profile.pass_mark * scale, tuple(Band(band.title, band.least * scale) for band in profile.bands),
        tuple(minimum for minimum in profile.minima if minimum.part in names), frozenset(part.id for part in counted), notes,
    )  # fmt: skip


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
    total: Fraction, marks: Iterable[PartMarks], sections: Mapping[str, Fraction], cut: Cut, blueprint: Blueprint
) -> tuple[str, ...]:
    """Why these marks do not pass; nothing if they do."""
    short = []
    if total < cut.pass_mark:
        short.append(f"总分 {exact_text(total)}，低于合格线 {exact_text(cut.pass_mark)}")
    earned = {part.part: part.points for part in marks} | dict(sections)
    titles = {part.id: part.title for part in blueprint.parts}
    for minimum in cut.minima:
        here = earned.get(minimum.part, Fraction(0))
        if here < minimum.least:
            short.append(f"{titles.get(minimum.part, minimum.part)} {exact_text(here)} 分，低于该部分最低 {exact_text(minimum.least)} 分")
    return tuple(short)


def band_of(total: Fraction, cut: Cut) -> str:
    """The highest band that the unrounded total reaches; ``""``: none."""
    return next((band.title for band in cut.bands if total >= band.least), "")


def rounding_notes(total: Fraction, cut: Cut, profile: Profile) -> Sequence[str]:
    """Told where the total as it is shown seems to reach a mark that the exact one misses."""
    shown = Fraction(shown_text(total, profile.rounding.digits, profile.rounding.mode))
    lines = {**{band.least: f"“{band.title}”" for band in cut.bands}, cut.pass_mark: "合格线"}
    crossed = [title for least, title in sorted(lines.items()) if total < least <= shown]
    return [f"总分未取整为 {exact_text(total)}，未达{'、'.join(crossed)}；按未取整的分数比较"] if crossed else []


def exact_text(value: Fraction) -> str:
    """Marks without rounding: a decimal where it is one, otherwise the fraction.

    >>> exact_text(Fraction(119, 2)), exact_text(Fraction(1, 3))
    ('59.5', '1/3')
    """
    shown = decimal_text(value, 4)
    return shown if Fraction(shown) == value else str(value)


def shown_text(value: Fraction, digits: int, mode: str) -> str:
    """Marks as a profile shows them; ``mode`` is one of ``exams.policy.ROUNDING``.

    >>> [shown_text(Fraction(2395, 40), 1, mode) for mode in ("half_up", "half_even", "down")]
    ['59.9', '59.9', '59.8']
    """
    scale = 10**digits
    scaled = value * scale
    units = {"half_up": int(scaled + Fraction(1, 2)), "half_even": round(scaled), "down": int(scaled)}[mode]
    return decimal_text(Fraction(units, scale), digits)
