"""Counting what was reached: hours of continuing education, days of training, lectures; per period, per year or before the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from grading.cut import exact_text
from grading.workforce.kinds import Kind, Requirement

#: how a doubt about an entry without effect reads
NOT_COUNTED = "没有计入"
#: source of hours -> what staff read
SOURCES = {"training": "培训（按实际学时）", "course": "学历教育课程（按授课学时）", "degree": "取得学位（一生抵一次）"}


@dataclass(frozen=True)
class Step:
    """One step that was taken: its code in the kind, and the day."""

    step: str
    on_day: date


@dataclass(frozen=True)
class Hours:
    """Hours that were completed on a day. ``hours`` of a degree are what the kind says, whatever was entered."""

    on_day: date
    hours: Fraction
    source: str = "training"


@dataclass(frozen=True)
class Window:
    """Days from ``first`` to ``last``, both counted; None: without end."""

    first: date
    last: date | None

    def holds(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True)
class Tally:
    """A requirement as it stands: what was counted between two days, and what is missing."""

    title: str
    per: str
    unit: str
    needed: Fraction
    done: Fraction
    window: Window

    @property
    def missing(self) -> Fraction:
        return max(Fraction(0), self.needed - self.done)


def tally(
    kind: Kind, steps: Sequence[Step], hours: Sequence[Hours], period: Window | None, start: date | None, on_day: date, doubts: list[str]
) -> tuple[Tally, ...]:
    """Every requirement that can be counted now. ``start`` None: not started, so only what comes before the start counts.

    Adds to ``doubts`` what was entered and does not count.
    """
    known = [one for one in hours if one.on_day <= on_day]
    found = []
    for one in kind.requirements:
        window = _window(one.per, period, start, on_day)
        if window is not None:
            done = _steps(one, steps, window) if one.step else _hours(one, known, window, doubts)
            found.append(Tally(one.title, one.per, one.unit, one.needed, done, window))
    return tuple(found)


def _window(per: str, period: Window | None, start: date | None, on_day: date) -> Window | None:
    if per == "before_start":
        return Window(date.min, start or on_day)
    if start is None:
        return None
    return period if per == "period" else Window(date(on_day.year, 1, 1), date(on_day.year, 12, 31))


def closed_short(kind: Kind, closed: Sequence[Window], hours: Sequence[Hours]) -> list[str]:
    """Doubts about periods that were renewed although what is on file does not reach what the kind asks for."""
    found = []
    for window in closed:
        for one in kind.requirements:
            done = _hours(one, hours, window, []) if one.per == "period" and not one.step else one.needed
            if done < one.needed:
                found.append(f"{window.first} 至 {window.last} 的{one.title}只登记了 {exact_text(done)}/{exact_text(one.needed)} {one.unit}，却已续期；请核对")
    return found


def _steps(one: Requirement, steps: Sequence[Step], window: Window) -> Fraction:
    return Fraction(sum(step.step == one.step and window.holds(step.on_day) for step in steps))


def _hours(one: Requirement, known: Sequence[Hours], window: Window, doubts: list[str]) -> Fraction:
    done = sum((row.hours for row in known if row.source != "degree" and window.holds(row.on_day)), Fraction(0))
    degrees = sorted(row.on_day for row in known if row.source == "degree")
    if not degrees:
        return done
    if one.degree and window.holds(degrees[0]):
        done += one.degree
    if one.degree and len(degrees) > 1:
        doubts.append(f"学位抵学时一生只有一次：计入 {degrees[0]} 的，{'、'.join(map(str, degrees[1:]))} 的{NOT_COUNTED}")
    return done
