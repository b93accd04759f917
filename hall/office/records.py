"""Pass records of a sitting: a list with filters, the reconciliation line, the distribution of scores."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from markupsafe import Markup
from starlette.responses import Response

from exams.sittings import Sitting
from grading.distribution import chart_svg, distribution
from grading.life import failed_issue
from grading.listing import PENDING, reconciliation, rows
from grading.outcome import OUTCOMES, exact_text
from grading.roll import current
from hall.office.jobs import STATES, recent_jobs
from hall.office.lists import EXPORT_FORMATS
from hall.office.pages import page
from hall.office.steps import read_facts
from hall.office.visit import Visit

PAGE = 100


@dataclass(frozen=True)
class Entry:
    """One candidate. ``columns``: the record's columns by name; ``parts``: marks by part; ``code`` "" while pending."""

    code: str
    title: str
    columns: Mapping[str, str]
    total: Fraction | None
    parts: Mapping[str, tuple[Fraction, Fraction]]


def read_entries(visit: Visit, sitting_id: str) -> list[Entry]:
    """Every candidate of a sitting once, by admission number."""
    with visit.home.office.connect() as connection:
        standing = {row.id: row for row in connection.execute(current(sitting_id))}
        listed = list(rows(connection, sitting_id))
    entries = []
    for code, columns in listed:
        row = standing.get(columns.get("存档号", ""))
        result = json.loads(row.statement)["body"]["result"] if row else {"parts": []}
        parts = {part: (Fraction(points), Fraction(most)) for part, points, most in result["parts"]}
        total = Fraction(row.total) if row and row.total is not None else None
        entries.append(Entry(code, OUTCOMES[code].title if code else PENDING, columns, total, parts))
    return entries


def records_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/records?unit=&outcome=&part=&page=``."""
    known = visit.sitting()
    entries = read_entries(visit, known.id)
    wanted = {name: visit.query.get(name, "")[:100] for name in ("unit", "outcome", "part")}
    part = next((one for one in known.blueprint.parts if one.id == wanted["part"]), None)
    shown = [one for one in entries if _fits(one, wanted)]
    if part is not None:
        shown = sorted((one for one in shown if part.id in one.parts), key=lambda one: one.parts[part.id][0])
    pages = max(1, -(-len(shown) // PAGE))
    text = visit.query.get("page", "1")
    number = min(pages, max(1, int(text))) if text.isascii() and text.isdigit() and len(text) < 7 else 1
    with visit.home.office.connect() as connection:
        facts = read_facts(connection, known.id)
        failed = failed_issue(connection, known.id)
        jobs = [one for one in recent_jobs(connection, visit.now, known.id) if one.live]
    return page(
        visit, "records.html", known=known, shown=shown[(number - 1) * PAGE : number * PAGE], found=len(shown), whole=len(entries),
        wanted=wanted, units=sorted({one.columns.get("单位", "") for one in entries}), part=part, exact=exact_text, facts=facts,
        outcomes=[(code, kind.title) for code, kind in OUTCOMES.items()] + [("pending", PENDING)], number=number, pages=pages,
        line=reconciliation(Counter(one.code for one in entries)), chart=_chart(known, shown), formats=EXPORT_FORMATS, jobs=jobs,
        STATES=STATES, failed=failed,
    )  # fmt: skip


def _fits(one: Entry, wanted: Mapping[str, str]) -> bool:
    return (not wanted["unit"] or one.columns.get("单位") == wanted["unit"]) and (
        not wanted["outcome"] or wanted["outcome"] == (one.code or "pending")
    )


def _chart(known: Sitting, shown: Sequence[Entry]) -> Markup | None:
    """The chart of whoever sat, of the rows that are listed; chart_svg escapes every text it is given."""
    totals = [one.total for one in shown if one.total is not None and one.code and OUTCOMES[one.code].sat]
    if not totals:
        return None
    return Markup(chart_svg("成绩分布", distribution(totals, known.blueprint.total, known.profile.pass_mark)))
