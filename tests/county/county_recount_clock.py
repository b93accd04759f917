"""Where certifications stand, reckoned again from the workbook and the kinds' TOML (B.1-B.6). Imports nothing of the product."""

from __future__ import annotations

import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
from county_recount import Recount, birth_of, id_number, label, months_later

KINDS = Path(__file__).parents[2] / "grading" / "workforce" / "kinds"
ONE = timedelta(days=1)


def spelt(text: object) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", str(text)) if not c.isspace() and c not in "“”\"")


def whole_day(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    text = unicodedata.normalize("NFKC", str(value))
    for mark in "年月./":
        text = text.replace(mark, "-")
    text = text.rstrip("日")
    if len(text) == 8 and text.isdigit():
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    year, month, day = (int(piece) for piece in text.split("-"))
    return date(year, month, day)


@dataclass
class Holding:
    number: str
    kind: str
    obtained: date
    paper: str
    place: str
    steps: list[tuple[str, date]] = field(default_factory=list)


class Certifications(Recount):
    """A recount that also reads the workbook of certifications."""

    def do_workforce(self, entry: dict[str, Any]) -> None:
        self.kinds = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(KINDS.glob("*.toml"))}
        called = {spelt(name): ident for ident, kind in self.kinds.items() for name in (ident, kind["title"], *kind.get("aliases", ()))}
        book = openpyxl.load_workbook(self.folder / entry["file"], data_only=True)
        self.holdings: list[Holding] = []
        self.hours: dict[str, list[tuple[date, Fraction, str]]] = defaultdict(list)
        for row in book["资格"].iter_rows(min_row=2, values_only=True):
            self.holdings.append(Holding(id_number(row[2]), called[spelt(row[3])], whole_day(row[4]), label(row[5]), label(row[7])))
        owned: dict[tuple[str, str], list[Holding]] = defaultdict(list)
        for one in self.holdings:
            owned[one.number, one.kind].append(one)
        for row in book["办理"].iter_rows(min_row=2, values_only=True):
            ident = called[spelt(row[2])]
            (here,) = [one for one in owned[id_number(row[1]), ident] if not row[6] or one.place == label(row[6])]
            here.steps.append((step_of(self.kinds[ident], row[3]), whole_day(row[4])))
        for row in book["学时"].iter_rows(min_row=2, values_only=True):
            self.hours[id_number(row[1])].append((whole_day(row[2]), Fraction(str(row[3])), "degree" if row[4] == "学位" else "training"))
        book.close()

    def falling_due(self, day: date, days: int) -> Iterable[tuple[str, str, str, date, date, str]]:
        """(number, kind, certificate, since, last day, what) of everything that falls due from ``day`` on."""
        for one in getattr(self, "holdings", ()):
            found = due_of(self.kinds[one.kind], one, self.hours[one.number], day)
            if found is not None and self.people[one.number]["left"] is None and day <= found[0] <= day + timedelta(days=days):
                yield one.number, self.kinds[one.kind]["title"], one.paper, found[2], found[0], found[1]


def step_of(kind: dict[str, Any], name: object) -> str:
    """A step by the name that staff use."""
    listed = [*kind.get("exam", {}).get("subject", ()), *kind.get("stage", ()), *([kind["renewal"]] if "renewal" in kind else ()), *kind.get("mark", ())]
    return next(one["step"] for one in listed if spelt(name) == spelt(one.get("title", "再次登记")))


def due_of(kind: dict[str, Any], one: Holding, hours: list[tuple[date, Fraction, str]], day: date) -> tuple[date, str, date] | None:
    """(the next day that something must be done by, what, since when it is held); None where nothing presses."""
    steps = sorted((step for step in one.steps if step[1] <= day), key=lambda step: step[1])
    passed = exam_day(kind, steps) if any(name in subjects(kind) for name, _ in steps) else one.obtained
    if passed is None:
        return None
    begins = next((stage["step"] for stage in kind.get("stage", ()) if stage.get("starts")), None)
    started = passed if begins is None else next((when for name, when in steps if name == begins), None)
    if started is None:
        return waiting(kind, steps, passed, one.obtained)
    since, until, renewable = periods(kind, one, steps, started)
    if until is not None and day > until:
        return until, "已过期", since
    due = yearly(kind, steps, hours, day)
    if until is not None:
        due.append((until, f"{kind['renewal'].get('title', '再次登记')}截止" if renewable else "期满"))
    return (*min(due), since) if due else None


def subjects(kind: dict[str, Any]) -> list[str]:
    return [one["step"] for one in kind.get("exam", {}).get("subject", ())]


def exam_day(kind: dict[str, Any], steps: list[tuple[str, date]]) -> date | None:
    """When all subjects had been passed within the allowed consecutive years."""
    names, years = subjects(kind), kind["exam"]["within_years"]
    days = []
    for first in {when.year for name, when in steps if name in names}:
        inside = [[when for name, when in steps if name == one and first <= when.year < first + years] for one in names]
        if all(inside):
            days.append(max(min(one) for one in inside))
    return min(days, default=None)


def waiting(kind: dict[str, Any], steps: list[tuple[str, date]], passed: date, obtained: date) -> tuple[date, str, date] | None:
    """The first stage that is missing, by its time limit if it has one."""
    before = passed
    for stage in kind["stage"]:
        when = next((day for name, day in steps if name == stage["step"]), None)
        if when is None:
            return (months_later(before, stage["within_months"]), f"{stage['title']}期限", obtained) if "within_months" in stage else None
        before = when
    return None


def periods(kind: dict[str, Any], one: Holding, steps: list[tuple[str, date]], started: date) -> tuple[date, date | None, bool]:
    """(unbroken since, until, whether it can be renewed)."""
    renewal = kind.get("renewal")
    limit = months_later(birth_of(one.number), 12 * kind["age"]["most"]) if "age" in kind else None
    begins = next((stage["step"] for stage in kind.get("stage", ()) if stage.get("starts")), None)
    counting = [(name, when) for name, when in steps if name in (begins, renewal and renewal["step"]) and not (limit and when > limit)]
    first = next((n for n, (name, _) in enumerate(counting) if name == begins), None)
    since, until = started, last_of(kind, started)
    for n, (name, when) in enumerate(counting):
        if n == first or when < since:
            continue
        if until is not None and when > until:
            if kind["validity"].get("after_lapse") == "restart":
                since, until = when, last_of(kind, when)
        elif renewal and name == renewal["step"] and until is not None and when >= opening(kind, until):
            base = (until if kind["validity"].get("ends") != "day_before" else until + ONE) if renewal["runs_from"] == "expiry" else when
            until = last_of(kind, base)
    if limit and (until is None or until > limit):
        return since, limit, False
    return since, until, renewal is not None and until is not None


def last_of(kind: dict[str, Any], start: date) -> date | None:
    months = kind.get("validity", {}).get("months", 0)
    if not months:
        return None
    return months_later(start, months) - (ONE if kind["validity"].get("ends") == "day_before" else timedelta(0))


def opening(kind: dict[str, Any], until: date) -> date:
    """The first day on which a renewal is taken."""
    end = until + ONE if kind["validity"].get("ends") == "day_before" else until
    return months_later(end, -kind["renewal"]["window_months"])


def yearly(kind: dict[str, Any], steps: list[tuple[str, date]], hours: list[tuple[date, Fraction, str]], day: date) -> list[tuple[date, str]]:
    """What of this calendar year is still missing."""
    found = []
    for one in kind.get("requirement", ()):
        if one["per"] != "year":
            continue
        if "step" in one:
            done = Fraction(sum(name == one["step"] and when.year == day.year for name, when in steps))
        else:
            done = sum((amount for when, amount, source in hours if when.year == day.year and when <= day and source != "degree"), Fraction(0))
        if done < Fraction(one["needed"]):
            found.append((date(day.year, 12, 31), f"{one['title']}截止"))
    return found
