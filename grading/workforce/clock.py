"""The clock of a certification: from its steps and hours to where it stands on a day. Pure; calendar rules of 民法典 200-202.

Nothing here knows a kind by name: every date comes from :class:`grading.workforce.kinds.Kind` and from what was entered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from grading.cut import exact_text
from grading.outcome import add_months
from grading.workforce.hours import NOT_COUNTED, Hours, Step, Tally, Window, closed_short, tally
from grading.workforce.kinds import Exam, Kind, Stage, Validity

#: state -> what staff read
STATES = {
    "pending": "办理中", "overdue": "逾期未办", "valid": "有效", "window": "有效（可办续期）", "lapsed": "已过期", "ended": "已终止",
}  # fmt: skip
#: states in which the certification counts
HOLDING = ("valid", "window")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Held:
    """What was entered about one certification of one person. ``until``: the last day by the pass record that it rests on."""

    obtained_on: date
    steps: tuple[Step, ...] = ()
    ended_on: date | None = None
    birth: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Standing:
    """Where a certification stands on a day. ``valid_from``: unbroken since; ``due_on``: the next day that something must be done by.

    ``why`` tells what the dates rest on, ``doubts`` what a clerk should look at; both Chinese sentences.
    """

    state: str
    valid_from: date | None = None
    valid_until: date | None = None         # None while valid: without end
    period: Window | None = None            # the newest registered period
    window_opens: date | None = None
    window_closes: date | None = None
    tallies: tuple[Tally, ...] = ()
    rank: str = ""
    due_on: date | None = None
    due_what: str = ""
    next_step: str = ""
    why: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return STATES[self.state]

    @property
    def holds(self) -> bool:
        return self.state in HOLDING

    @property
    def hours(self) -> Tally | None:
        """The requirement that decides next: the first one that is not reached, else the last."""
        return next((one for one in self.tallies if one.missing), self.tallies[-1] if self.tallies else None)

    @property
    def missing(self) -> str:
        """What is missing, in a few words; blank if nothing."""
        return "、".join(f"{one.title}缺 {exact_text(one.missing)} {one.unit}" for one in self.tallies if one.missing)


@dataclass(frozen=True)
class _Chain:
    """Periods without a gap: since when, and the newest of them. ``until`` None: without end."""

    since: date
    start: date
    until: date | None
    closed: tuple[Window, ...] = ()         # periods that a renewal ended


def standing(kind: Kind, held: Held, hours: Sequence[Hours], on_day: date) -> Standing:
    """Where a certification stands at the end of ``on_day``; what was entered for later days does not count yet."""
    known = replace(held, steps=tuple(sorted((one for one in held.steps if one.on_day <= on_day), key=lambda one: one.on_day)))
    rank = _rank(kind, known)
    if held.ended_on is not None and held.ended_on <= on_day:
        return Standing("ended", rank=rank, why=(f"{held.ended_on} {kind.ended}",))
    passed, why, doubts = _passed(kind, known)
    if passed is None:
        return Standing("pending", rank=rank, next_step=why[-1], why=tuple(why[:-1]), doubts=tuple(doubts))
    pending = _on_the_way(kind, known, passed, on_day, why, doubts)
    if pending is not None:
        tallies = tally(kind, known.steps, hours, None, None, on_day, doubts)
        return replace(pending, rank=rank, tallies=tallies, doubts=tuple(doubts))
    chain = _chain(kind, known, passed, why, doubts)
    doubts += closed_short(kind, chain.closed, hours)
    opens, until = _opens(kind, chain), _last(kind, held, chain, why)
    period = Window(chain.start, until) if kind.validity.months else None
    tallies = tally(kind, known.steps, hours, period, _start_day(kind, known, passed), on_day, doubts)
    renewable = opens is not None and until == chain.until
    made = Standing(
        "valid", chain.since, until, period, opens if renewable else None, until if renewable else None, tallies, rank,
        why=tuple(why), doubts=tuple(doubts),
    )  # fmt: skip
    return _in_force(kind, known, made, on_day)


def _rank(kind: Kind, held: Held) -> str:
    """The newest rank; marks that are only counted are none."""
    ranks = {one.step: one.title for one in kind.marks if not one.count}
    return next((ranks[one.step] for one in reversed(held.steps) if one.step in ranks), "")


def last_day(validity: Validity, start: date) -> date | None:
    """The last day of a period that begins on ``start``; None without end.

    >>> last_day(Validity(36), date(2024, 3, 10)), last_day(Validity(36, "day_before"), date(2024, 3, 10))
    (datetime.date(2027, 3, 10), datetime.date(2027, 3, 9))
    """
    if not validity.months:
        return None
    day = add_months(start, validity.months)
    return day if validity.ends == "corresponding_day" else day - DAY


# ---------------------------------------------------------------- the way to it


def _passed(kind: Kind, held: Held) -> tuple[date | None, list[str], list[str]]:
    """(the day it was obtained, why, doubts). Subjects that do not make an exam yet: None, and the last sentence says what to do."""
    exam = kind.exam
    taken: dict[str, list[date]] = {}
    for one in held.steps:
        if exam and one.step in dict(exam.subjects):
            taken.setdefault(one.step, []).append(one.on_day)
    if exam is None or not taken:
        return held.obtained_on, [f"{kind.obtained} {held.obtained_on}"], []
    done = _completed(exam, taken)
    if done is not None:
        return done, [f"{len(exam.subjects)} 个科目在 {exam.within_years} 个连续考试年度内全部合格（{done}）"], []
    newest = max(day.year for days in taken.values() for day in days)
    first = newest - exam.within_years + 1
    counting = {step for step, days in taken.items() if any(day.year >= first for day in days)}
    lost = [title for step, title in exam.subjects if step in taken and step not in counting]
    missing = [title for step, title in exam.subjects if step not in counting]
    oldest = min(day.year for days in taken.values() for day in days if day.year >= first)
    last = oldest + exam.within_years - 1
    doubts = [f"{title}：已超过 {exam.within_years} 个连续考试年度，成绩不再计入" for title in lost]
    return None, [f"已有 {len(counting)} 个科目合格", f"还差：{'、'.join(missing)}；最迟在 {last} 年度考完"], doubts


def _completed(exam: Exam, taken: dict[str, list[date]]) -> date | None:
    """The earliest day on which all subjects had been passed within the allowed years."""
    if len(taken) < len(exam.subjects):
        return None
    best: date | None = None
    for first in sorted({day.year for days in taken.values() for day in days}):
        inside = [[day for day in days if first <= day.year < first + exam.within_years] for days in taken.values()]
        if all(inside):
            day = max(min(days) for days in inside)
            best = min(best or day, day)
    return best


def _day_of(held: Held, step: str) -> date | None:
    return next((one.on_day for one in held.steps if one.step == step), None)


def _start_day(kind: Kind, held: Held, passed: date) -> date:
    day = _day_of(held, kind.start.step) if kind.start else passed
    assert day is not None
    return day


def _on_the_way(kind: Kind, held: Held, passed: date, on_day: date, why: list[str], doubts: list[str]) -> Standing | None:
    """The standing of what has not started yet; None once it has. Tells steps that are missing or came late."""
    started = kind.start is None or _day_of(held, kind.start.step) is not None
    before, waiting, absent = passed, None, []
    for stage in _until_start(kind):
        day = _day_of(held, stage.step)
        deadline = add_months(before, stage.within_months) if stage.within_months else None
        if day is None:
            absent.append(stage.title)
            waiting = waiting or (stage, deadline)
            continue
        why.append(f"{day} {stage.title}")
        if deadline and day > deadline:
            doubts.append(f"{stage.title}应在 {deadline} 以前，实际 {day}")
        before = day
    if started and absent:
        doubts.append(f"没有登记：{'、'.join(absent)}；请补登或核对")
    if started or waiting is None:
        return None
    stage, deadline = waiting
    late = deadline is not None and on_day > deadline
    do = f"{stage.do}{f'（{deadline} 以前）' if deadline and not late else ''}"
    if late:
        do = f"已超过期限（{deadline}）：能否补办请问办理机关；{stage.do}"
    return Standing(
        "overdue" if late else "pending", due_on=deadline, due_what=f"{stage.title}期限" if deadline else "", next_step=do,
        why=tuple(why), doubts=tuple(doubts),
    )  # fmt: skip


def _until_start(kind: Kind) -> list[Stage]:
    found: list[Stage] = []
    for stage in kind.stages:
        found.append(stage)
        if stage.starts:
            break
    return found


# ---------------------------------------------------------------- periods


def _chain(kind: Kind, held: Held, passed: date, why: list[str], doubts: list[str]) -> _Chain:
    """Periods one after another, as the steps made them."""
    start = _start_day(kind, held, passed)
    chain = _Chain(start, start, last_day(kind.validity, start))
    why += [f"有效期 {kind.validity.months} 个月，至 {chain.until}"] if chain.until else []
    begins = kind.start.step if kind.start else ""
    renews = kind.renewal.step if kind.renewal else ""
    limit, seen_first = _age_limit(kind, held), False
    for one in held.steps:
        if one.step not in (begins, renews) or not one.step:
            continue
        if limit is not None and one.on_day > limit:
            doubts.append(f"{one.on_day} {kind.steps[one.step]}时已满 {kind.age_most} 周岁（{limit}），{NOT_COUNTED}；请核对")
        elif one.step == begins and not seen_first:
            seen_first = True
        else:
            chain = _after(kind, chain, one, why, doubts)
    return chain


def _after(kind: Kind, chain: _Chain, one: Step, why: list[str], doubts: list[str]) -> _Chain:
    """One more registering step upon a chain of periods."""
    until, title = chain.until, kind.steps[one.step]
    if one.on_day < chain.since:
        doubts.append(f"{one.on_day} {title}早于开始日期 {chain.since}，{NOT_COUNTED}；请核对")
        return chain
    if until is not None and one.on_day > until:
        if not kind.validity.restart:
            doubts.append(f"{one.on_day} {title}在过期（{until}）之后，{NOT_COUNTED}；请核对")
            return chain
        doubts.append(f"{until} 过期后，{one.on_day} 才{title}，中间有间断")
        new = last_day(kind.validity, one.on_day)
        why.append(f"{one.on_day} {title}，重新计算，至 {new}")
        return _Chain(one.on_day, one.on_day, new)
    if kind.renewal is None or one.step != kind.renewal.step or until is None:
        doubts.append(f"{one.on_day} 重复登记了“{title}”，{NOT_COUNTED}")
        return chain
    opens = _opens(kind, chain)
    if opens is not None and one.on_day < opens:
        doubts.append(f"{one.on_day} {title}早于受理期（{opens} 起），{NOT_COUNTED}；请核对日期")
        return chain
    start = until + DAY if kind.renewal.from_expiry else one.on_day
    base = until if kind.renewal.from_expiry and kind.validity.ends == "corresponding_day" else start
    new = last_day(kind.validity, base)
    why.append(f"{one.on_day} {title}，延至 {new}")
    return _Chain(chain.since, start, new, (*chain.closed, Window(chain.start, until)))


def _opens(kind: Kind, chain: _Chain) -> date | None:
    """The first day of the renewal window of the newest period."""
    if chain.until is None or kind.renewal is None:
        return None
    if kind.validity.ends == "day_before":
        return add_months(chain.until + DAY, -kind.renewal.window_months)
    return add_months(chain.until, -kind.renewal.window_months)


def _age_limit(kind: Kind, held: Held) -> date | None:
    """The last day that the age bound allows."""
    return add_months(held.birth, 12 * kind.age_most) if kind.age_most is not None and held.birth is not None else None


def _last(kind: Kind, held: Held, chain: _Chain, why: list[str]) -> date | None:
    """The last day: of the newest period, or earlier by the age bound or by the pass record."""
    bounds = [(chain.until, "")] if chain.until is not None else []
    if (most := _age_limit(kind, held)) is not None:
        bounds.append((most, f"{most} 满 {kind.age_most} 周岁，任职至当日"))
    if held.until is not None:
        bounds.append((held.until, f"所依据的成绩有效期至 {held.until}"))
    until, told = min(bounds, default=(None, ""), key=lambda one: one[0])
    why += [told] if told else []
    return until


# ---------------------------------------------------------------- once it counts


def _in_force(kind: Kind, held: Held, made: Standing, on_day: date) -> Standing:
    if made.valid_until is not None and on_day > made.valid_until:
        again = "" if made.window_closes is None else "，需重新登记" if kind.validity.restart else "，需重新取得"
        return replace(made, state="lapsed", due_on=made.valid_until, due_what="已过期", next_step=f"已于 {made.valid_until} 过期{again}")
    if made.window_opens is not None and on_day >= made.window_opens:
        made = replace(made, state="window")
    return _with_next(kind, held, made, on_day)


def _with_next(kind: Kind, held: Held, made: Standing, on_day: date) -> Standing:
    """Add what is to be done next and by when: the earliest of renewal, yearly hours and a later stage."""
    due: list[tuple[date, str, str]] = []
    short = "、".join(f"{one.title} {exact_text(one.missing)} {one.unit}" for one in made.tallies if one.per == "period" and one.missing)
    if made.valid_until is not None:
        renewal = kind.renewal
        what = f"{renewal.title}截止" if renewal and made.window_closes else "期满"
        do = f"{made.window_opens} 至 {made.window_closes} {renewal.do}" if renewal and made.window_closes else f"{made.valid_until} 期满"
        due.append((made.valid_until, what, do + (f"；先补足：{short}" if short else "")))
    year_end = date(on_day.year, 12, 31)
    for one in made.tallies:
        if one.per == "year" and one.missing:
            due.append((year_end, f"{one.title}截止", f"{year_end} 以前补足{one.title} {exact_text(one.missing)} {one.unit}"))
    if not due:
        return replace(made, next_step=_later_stage(kind, held) or "无")
    day, what, do = min(due)
    return replace(made, due_on=day, due_what=what, next_step=_later_stage(kind, held) or do)


def _later_stage(kind: Kind, held: Held) -> str:
    """What is still to be done of the stages after the start."""
    return next((one.do for one in kind.stages[len(_until_start(kind)) :] if _day_of(held, one.step) is None), "")
