"""Counts that take long are made by the worker beforehand; a page takes them, and tells when they were made.

A home is small as a rule: then everything is counted when it is asked for. In a large one the page has what the worker kept: the
exams of all days, formal or all, and the certifications; a span of days is still counted when it is asked for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from exams.tables import candidate, sitting
from grading.outcome import add_months
from grading.statistics.asking import Asked
from grading.statistics.held import Held, count_held
from grading.statistics.rules import Rules, rules_of
from grading.statistics.sat import Sat, count_sat
from grading.tables import certification, kept_counts
from grading.workforce.kinds import Kind, kinds_of
from grading.workforce.reckoning import rules_digest
from home import AUDIT, OFFICE, Home, digest, local_text, transaction
from people.tables import person

#: up to so many rows (persons, candidates, certifications) everything is counted when it is asked for
SMALL = 10_000
#: in a large home, how long what is kept may be older than the newest entry
KEEP_MS = 600_000
FORMAL, ALL, HELD = "sat/formal", "sat/all", "held"


def local_day(now: int) -> date:
    """The day here at an instant, ms UTC."""
    return date.fromisoformat(local_text(now, "%Y-%m-%d"))


def months(rules: Rules, today: date) -> list[tuple[date, date]]:
    """First and last day of each month from this one on; the first begins today."""
    found, first = [], today
    for _ in range(rules.months):
        following = add_months(first.replace(day=1), 1)
        found.append((first, following - timedelta(days=1)))
        first = following
    return found


def sat_counts(connection: Connection, rules: Rules, asked: Asked) -> tuple[list[Sat], int | None]:
    """Exams as asked, of all units; and when they were counted, None: now."""
    kept = None if asked.since or asked.until else _kept(connection, FORMAL if asked.formal else ALL, _of_ranks(rules))
    if kept is None:
        return count_sat(connection, rules, asked), None
    return [Sat(*one) for one in json.loads(kept[1])], kept[0]


def held_counts(connection: Connection, kinds: Mapping[str, Kind], rules: Rules, today: date) -> tuple[Held, int | None]:
    """Persons and certifications today, of all units; and when they were counted, None: now."""
    kept = _kept(connection, HELD, _of_kinds(kinds, rules))
    if kept is None or local_day(kept[0]) != today:
        return count_held(connection, kinds, rules, today, months(rules, today)[-1][1]), None
    people, structure, due, uncounted = json.loads(kept[1])
    return Held(_counter(people), _counter(structure), _counter(due), uncounted), kept[0]


def _counter(rows: list[tuple[list[Any], int]]) -> Counter[Any]:
    return Counter({tuple(key): count for key, count in rows})


def _of_ranks(rules: Rules) -> str:
    return digest(repr(rules.ranks))


def _of_kinds(kinds: Mapping[str, Kind], rules: Rules) -> str:
    return digest([[rules_digest(one) for one in kinds.values()], list(rules.left_out), rules.months])


def _kept(connection: Connection, name: str, rules: str) -> tuple[int, str] | None:
    """(when, content) of what the worker kept, if it was counted by these rules and the home is large."""
    row = connection.execute(select(kept_counts).where(kept_counts.c.name == name, kept_counts.c.rules == rules)).first()
    return (row.at, row.content) if row and not is_small(connection) else None


def is_small(connection: Connection) -> bool:
    """Whether counting takes no time worth mentioning."""
    tables = (candidate, certification, person)
    return all(connection.execute(select(func.count()).select_from(one)).scalar_one() <= SMALL for one in tables)


def keep(home: Home, now: int) -> list[str]:
    """Count anew what is older than it may be; returns the names. For the worker: in a large home, and while no sitting is open."""
    rules, kinds, today = rules_of(home), kinds_of(home), local_day(now)
    with home.office.connect() as connection:
        newest = int(connection.execute(select(func.max(AUDIT[OFFICE].c.n))).scalar() or 0)
        rows = {row.name: row for row in connection.execute(select(kept_counts.c.name, kept_counts.c.at, kept_counts.c.audit_n, kept_counts.c.rules))}
        wanted = {FORMAL: _of_ranks(rules), ALL: _of_ranks(rules), HELD: _of_kinds(kinds, rules)}
        stale = [
            name
            for name, by in wanted.items()
            if (row := rows.get(name)) is None or row.rules != by or local_day(row.at) != today or (row.audit_n != newest and now - row.at >= KEEP_MS)
        ]
        busy = connection.execute(select(sitting.c.id).where(sitting.c.state == "open").limit(1)).first() is not None
        if not stale or busy or is_small(connection):
            return []
        made = {name: _count(connection, name, kinds, rules, today) for name in stale}
    with transaction(home.office) as connection:
        for name, content in made.items():
            connection.execute(delete(kept_counts).where(kept_counts.c.name == name))
            connection.execute(insert(kept_counts).values(name=name, at=now, audit_n=newest, rules=wanted[name], content=json.dumps(content, ensure_ascii=False)))
    return stale


def _count(connection: Connection, name: str, kinds: Mapping[str, Kind], rules: Rules, today: date) -> list[object]:
    if name != HELD:
        return [list(one) for one in count_sat(connection, rules, Asked(formal=name == FORMAL))]
    held = count_held(connection, kinds, rules, today, months(rules, today)[-1][1])
    return [*([[list(key), count] for key, count in one.items()] for one in (held.people, held.structure, held.due)), held.uncounted]
