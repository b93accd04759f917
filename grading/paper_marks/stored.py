"""The entries as they lie in ``paper_entry``: who typed what, and where two entries differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from grading.paper_marks.fields import Typed
from grading.paper_marks.register import REGISTERED
from grading.tables import paper_entry
from home import now_ms

BLANK = Typed("", "", None)


@dataclass(frozen=True)
class Entry:
    """One entry of one sheet."""

    by: str
    rows: Mapping[str, Typed]       # by question, the form among them


def typed_entries(connection: Connection, sitting_id: str, person_id: int | None = None) -> dict[int, dict[int, Entry]]:
    """{person: {entry number: what was typed}}."""
    query = select(paper_entry).where(paper_entry.c.sitting_id == sitting_id, paper_entry.c.entry_no != REGISTERED)
    if person_id is not None:
        query = query.where(paper_entry.c.person_id == person_id)
    gathered: dict[tuple[int, int], tuple[str, dict[str, Typed]]] = {}
    for row in connection.execute(query):
        by, rows = gathered.setdefault((row.person_id, row.entry_no), (row.by, {}))
        rows[row.question] = Typed(row.question, row.answer or "", row.points)
    found: dict[int, dict[int, Entry]] = {}
    for (person, number), (by, rows) in gathered.items():
        found.setdefault(person, {})[number] = Entry(by, rows)
    return found


def differing(first: Entry, second: Entry) -> list[str]:
    """Questions (and the form) that were not typed alike."""
    questions = dict.fromkeys([*first.rows, *second.rows])
    return [one for one in questions if (a := first.rows.get(one, BLANK)).answer != (b := second.rows.get(one, BLANK)).answer or a.points != b.points]


def store_entry(connection: Connection, sitting_id: str, person_id: int, number: int, typed: Sequence[Typed], by: str) -> None:
    """Write one entry down, in the caller's transaction."""
    moment = now_ms()
    connection.execute(paper_entry.insert(), [
        {"sitting_id": sitting_id, "person_id": person_id, "entry_no": number, "question": one.question, "answer": one.answer,
         "points": one.points, "by": by, "at": moment}
        for one in typed
    ])  # fmt: skip
