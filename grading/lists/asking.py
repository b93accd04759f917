"""From what a person types or clicks to what a list is about: the admission number of one person, days, several sittings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, select

from exams.tables import candidate
from grading.errors import ExportError
from grading.lists.kinds import ListKind
from grading.lists.scope import DAYS, Scope
from grading.workforce.kinds import Kind, kind_named
from grading.workforce.stipend_roll import read_month
from home import local_text, now_ms
from people.finding import units_under

MOST_SITTINGS = 200
FIRST_YEAR, LAST_YEAR = 2000, 2099


def scope_of(
    connection: Connection, kind: ListKind, *, sittings: Sequence[str] = (), since: str = "", until: str = "", formal: bool = False,
    admission_no: str = "", days: int = DAYS[-1], month: str = "", rule: str = "", on: str = "", certification: str = "", under: str = "", kinds: Mapping[str, Kind] | None = None,
) -> Scope:  # fmt: skip
    """The scope of a list; all that is wrong is told at once. ``kinds``: those that ``certification`` may name.

    :raises ExportError: days that are none, an unknown admission number, a list of one person without one, an unknown kind or unit.
    """
    faults: list[str] = []
    begin, end = read_day(since, "开始日期", faults), read_day(until, "结束日期", faults)
    if begin and end and end < begin:
        faults.append("结束日期早于开始日期")
    if len(sittings) > MOST_SITTINGS:
        faults.append(f"一次最多选 {MOST_SITTINGS} 场；请按日期或全部导出")
    person = None
    if kind.asks == "person":
        person = _person(connection, admission_no.strip(), faults)
    if kind.asks == "days" and days not in DAYS:
        faults.append(f"到期天数应为 {'、'.join(map(str, DAYS))} 之一")
    held = _held(connection, on, certification, under, kinds or {}, faults) if kind.asks == "held" else None
    if faults:
        raise ExportError("；".join(faults) + "；请改正后再导出")
    if held is not None:
        return held
    if kind.asks == "days":
        return Scope(days=days)
    if not kind.of_sittings:
        return Scope(month=_month(month) if kind.asks == "month" else "", rule=rule.strip())
    return Scope((), None, None, False, person) if kind.asks == "person" else Scope(tuple(sittings), begin, end, formal)


def _held(connection: Connection, on: str, named: str, under: str, kinds: Mapping[str, Kind], faults: list[str]) -> Scope:
    """Who holds what: the day (today where none is given), the kind by key or name, the unit by part of its name."""
    day, under, named = read_day(on, "日期", faults), under.strip(), named.strip()
    found = kind_named(kinds, named) if named else None
    if named and found is None:
        faults.append(f"没有“{named[:40]}”这种资格；可用：{'、'.join(one.title for one in kinds.values())}")
    if under and connection.execute(units_under(under).limit(1)).first() is None:
        faults.append(f"没有名称里有“{under[:40]}”的单位")
    return Scope(on=day or date.fromisoformat(local_text(now_ms(), "%Y-%m-%d")), kind=found.id if found else "", under=under)


def _month(text: str) -> str:
    """``2027-03``; the present month where none is given.

    :raises WorkforceError: no month, or one too far ahead.
    """
    today = date.fromisoformat(local_text(now_ms(), "%Y-%m-%d"))
    return f"{read_month(text, today):%Y-%m}"


def read_day(text: str, title: str, faults: list[str]) -> date | None:
    """A day as a form or the command line has it; None: blank, or wrong, and then told in ``faults``."""
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        faults.append(f"{title}“{text[:20]}”应写成 2026-11-23 的样子")
        return None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        faults.append(f"{title}的年份应在 {FIRST_YEAR} 至 {LAST_YEAR} 之间")
        return None
    return day


def _person(connection: Connection, admission_no: str, faults: list[str]) -> int | None:
    if not admission_no:
        faults.append("个人成绩单要填写这个人任何一场的准考证号")
        return None
    found = set(connection.execute(select(candidate.c.person_id).where(candidate.c.admission_no == admission_no)).scalars())
    if len(found) != 1:
        faults.append(f"没有准考证号“{admission_no[:20]}”" if not found else f"准考证号“{admission_no[:20]}”不止一人")
        return None
    return int(found.pop())
