"""Each database's audit chain remembers how far the other's had come: whoever cuts one short is found by the other.

A chain alone shows changes, gaps and insertions, but not that its newest entries were taken away. An anchor is an ordinary
audit entry that names number and head of the other chain's last entry.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, MetaData, select

from exams.attempts import verify_receipt
from exams.chain import verify_chain
from exams.tables import attempt, handin, open_sitting
from home import AUDIT, EXAM, OFFICE, Home, audit, transaction, verify_audit

ACTION = "chain.anchor"
TITLES = {"office": "办公", "exam": "考场"}


@dataclass(frozen=True)
class Broken:
    """One thing that does not verify: where, and the number of the first bad entry."""

    place: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.place}：从第 {self.number} 条起{self.what}"


def drop_anchors(home: Home, by: str) -> None:
    """Write into each chain how far the other has come; nothing is written where nothing happened since the last time."""
    with home.office.connect() as office, home.exam.connect() as exam:
        ends = {"office": _end(office, OFFICE), "exam": _end(exam, EXAM)}
        known = {"office": _newest(exam, EXAM), "exam": _newest(office, OFFICE)}
    for name, (engine, metadata) in {"office": (home.exam, EXAM), "exam": (home.office, OFFICE)}.items():
        number, head = ends[name]
        if number > known[name] + 1:  # the entry after the last anchor may be nothing but the other side's anchor
            with transaction(engine) as connection:
                audit(connection, metadata, by, ACTION, name, n=number, head=head)


def _end(connection: Connection, metadata: MetaData) -> tuple[int, str]:
    table = AUDIT[metadata]
    row = connection.execute(select(table.c.n, table.c.head).order_by(table.c.n.desc()).limit(1)).first()
    return (row.n, row.head) if row else (0, "")


def _newest(connection: Connection, metadata: MetaData) -> int:
    table = AUDIT[metadata]
    row = connection.execute(
        select(table.c.payload).where(table.c.action == ACTION, table.c.payload.is_not(None)).order_by(table.c.n.desc()).limit(1)
    ).scalar()
    return int(json.loads(row)["n"]) if row else 0


def verify_home(home: Home) -> list[Broken]:
    """Both audit chains, their anchors, every sitting's chain of saves and every receipt; empty: all is whole."""
    found = []
    with home.office.connect() as office, home.exam.connect() as exam:
        for name, connection, metadata in (("office", office, OFFICE), ("exam", exam, EXAM)):
            first = verify_audit(connection, metadata)
            if first is not None:
                found.append(Broken(f"{TITLES[name]}操作记录", first, "对不上，被改动、删除或换过次序"))
        for name, here, other, metadata, others in (("office", office, exam, OFFICE, EXAM), ("exam", exam, office, EXAM, OFFICE)):
            lost = _cut_short(here, metadata, other, others, name)
            if lost is not None:
                found.append(Broken(f"{TITLES[name]}操作记录", lost, "缺失，末尾被截去或整段被换过"))
        for ident in exam.execute(select(open_sitting.c.id).order_by(open_sitting.c.id)).scalars().all():
            found += _sitting_faults(exam, ident)
    return found


def _cut_short(here: Connection, metadata: MetaData, other: Connection, others: MetaData, name: str) -> int | None:
    """Number of the first entry that the other chain has seen and that is not here as it was; None: all are."""
    table, theirs = AUDIT[metadata], AUDIT[others]
    anchors = other.execute(
        select(theirs.c.payload).where(theirs.c.action == ACTION, theirs.c.subject == name, theirs.c.payload.is_not(None)).order_by(theirs.c.n)
    ).scalars()
    for text in anchors.all():
        seen = json.loads(text)
        head = here.execute(select(table.c.head).where(table.c.n == seen["n"])).scalar()
        if head != seen["head"]:
            last = _end(here, metadata)[0]
            return min(int(seen["n"]), last + 1)
    return None


def _sitting_faults(exam: Connection, ident: str) -> list[Broken]:
    first = verify_chain(exam, ident)
    found = [] if first is None else [Broken(f"{ident} 的保存记录", first, "对不上，被改动、删除或换过次序")]
    erased = exam.execute(select(open_sitting.c.erased_at).where(open_sitting.c.id == ident)).scalar()
    given = select(handin.c.attempt_id).join(attempt, attempt.c.id == handin.c.attempt_id).where(attempt.c.sitting_id == ident)
    if erased is None:
        bad = [one for one in exam.execute(given.order_by(handin.c.attempt_id)).scalars().all() if not verify_receipt(exam, one)]
        found += [Broken(f"{ident} 的交卷回执", one, "与存下的答案不符") for one in bad[:20]]
    return found
