"""What a list is about: one sitting, several, those of a span of days, or all; and what its title says of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from exams.duties import waivers_used
from exams.sittings import Sitting, get_sitting
from exams.tables import candidate, sitting
from grading.errors import ExportError
from grading.stale import stale_records
from grading.workforce.kinds import kinds_of
from grading.workforce.stipend_roll import month_text
from home import Home, instant_of
from people.tables import person

#: What a list of a sitting that decides nothing says in its title, so that it cannot be stamped by mistake.
NOT_FORMAL = {"demo": "（演示，不作依据）", "mock": "（模拟，不作依据）"}
DAY_MS = 86_400_000
DAYS = (30, 60, 90)


@dataclass(frozen=True)
class Scope:
    """What was asked for. ``sittings`` empty: those whose window opens between the two days, or all.

    ``formal``: only formal sittings; ``person_id``: one person's lines only; ``days``: how far a warning looks ahead.
    ``month`` (``2027-03``) and ``rule``: of a stipend; ``rule`` is also the name of a staffing norm. Blank: the usual one.
    ``on``, ``kind`` (of certification) and ``under`` (part of the name of a unit, with all below it) of who holds what; blank: today, all.
    """

    sittings: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    formal: bool = False
    person_id: int | None = None
    days: int = DAYS[-1]
    month: str = ""
    rule: str = ""
    on: date | None = None
    kind: str = ""
    under: str = ""

    def arguments(self) -> dict[str, object]:
        """As the arguments of a job."""
        named = {"sittings": list(self.sittings), "since": self.since and self.since.isoformat(), "until": self.until and self.until.isoformat(),
                 "formal": self.formal, "person": self.person_id, "days": self.days, "month": self.month, "rule": self.rule,
                 "on": self.on and self.on.isoformat(), "certification": self.kind, "under": self.under}  # fmt: skip
        return {key: value for key, value in named.items() if value}

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Scope:
        """From the arguments of a job.

        :raises ExportError: they are none.
        """
        try:
            one = arguments.get("sitting")
            listed = tuple(str(ident) for ident in arguments.get("sittings", ())) or ((str(one),) if one else ())
            since, until, on = (date.fromisoformat(text) if (text := arguments.get(name)) else None for name in ("since", "until", "on"))
            person = arguments.get("person")
            days = int(arguments.get("days", DAYS[-1]))
            return cls(listed, since, until, bool(arguments.get("formal")), None if person is None else int(person), days,
                       str(arguments.get("month", "")), str(arguments.get("rule", "")), on, str(arguments.get("certification", "")),
                       str(arguments.get("under", "")))  # fmt: skip
        except (TypeError, ValueError):
            raise ExportError("导出的范围读不出来；请从“名册与导出”页面重新提交") from None


@dataclass(frozen=True)
class Listing:
    """What a list says above and below its rows."""

    title: str
    office: str
    stamps: tuple[str, ...]
    notes: tuple[str, ...]          # printed conditions: waived conflicts of duty, records that are stale


def sittings_of(connection: Connection, scope: Scope) -> tuple[Sitting, ...]:
    """The sittings in scope, the earliest first.

    :raises SittingError: one that is named does not exist.
    :raises ExportError: there is none.
    """
    if scope.since and scope.until and scope.until < scope.since:
        raise ExportError("结束日期早于开始日期；请改正")
    if scope.sittings:
        found = [get_sitting(connection, ident) for ident in dict.fromkeys(scope.sittings)]
    else:
        query = select(sitting.c.id).order_by(sitting.c.opens_at, sitting.c.id)
        if scope.person_id is not None:
            query = query.join(candidate, candidate.c.sitting_id == sitting.c.id).where(candidate.c.person_id == scope.person_id)
        if scope.since:
            query = query.where(sitting.c.opens_at >= instant_of(scope.since.isoformat()))
        if scope.until:
            query = query.where(sitting.c.opens_at < instant_of(scope.until.isoformat()) + DAY_MS)
        if scope.formal:
            query = query.where(sitting.c.kind == "formal")
        found = [get_sitting(connection, ident) for ident in connection.execute(query).scalars().all()]
    if not found:
        raise ExportError("这个范围内没有考试；请改选场次或日期")
    return tuple(sorted(found, key=lambda one: (one.opens_at, one.id)))


def describe(home: Home, connection: Connection, heading: str, scope: Scope, found: Sequence[Sitting], *, whatever_sitting: bool) -> Listing:
    """Title and closing lines of a list of these sittings, or of one that is about no sitting in particular."""
    office = str(home.settings.get("office_name", ""))
    kinds = {one.kind for one in found}
    informal = NOT_FORMAL.get(next(iter(kinds)), "") if len(kinds) == 1 else "（含演示、模拟场次，不作依据）"
    if about := _about(home, connection, office, scope, whatever_sitting):
        return Listing(heading.format(title=about), office, ("填报单位",), ())
    alone = found[0] if len(found) == 1 else None
    notes = list(dict.fromkeys(waiver.note for one in found for waiver in waivers_used(connection, one)))
    if changed := sum(stale_records(connection, one.id) for one in found):
        notes.insert(0, f"注意：有 {changed} 人的登记或评分在签发之后有变动，本表仍是签发时的结果；请核对并重新签发后再用。")
    stamps = (alone.profile.stamps if alone else ()) or ("填报单位",)
    title = heading.format(title=alone.title if alone else f"{office}{scope_title(scope, len(found))}")
    return Listing(title + informal, office, stamps, tuple(notes))


def _about(home: Home, connection: Connection, office: str, scope: Scope, whatever_sitting: bool) -> str:
    if scope.on:
        kinds = kinds_of(home)
        return " ".join(part for part in (office, str(scope.on), scope.under, kinds[scope.kind].title if scope.kind in kinds else "") if part)
    if whatever_sitting:
        return f"{office} {month_text(date.fromisoformat(f'{scope.month}-01'))}".strip() if scope.month else office
    if scope.person_id is None:
        return ""
    return str(connection.execute(select(person.c.name).where(person.c.id == scope.person_id)).scalar() or "")


def scope_title(scope: Scope, count: int) -> str:
    """What several sittings are called together."""
    if scope.sittings:
        return f" {count} 场考试"
    if scope.since or scope.until:
        return f" {scope.since or '建档'} 至 {scope.until or '今'}"
    return "全部场次"


