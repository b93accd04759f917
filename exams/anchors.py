"""Each database's audit chain remembers how far the other's had come: whoever cuts one short is found by the other.

A chain alone shows changes, gaps and insertions, but not that its newest entries were taken away. An anchor is an ordinary
audit entry that names number and head of the other chain's last entry. Both cut back together are found by what was noted outside of
the home (:func:`ends`, printed by ``pufa audit verify``). Details that are gone have to be covered by an erasure that the office's
chain tells of, or else whoever blanks an anchor could cut what it guards.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, MetaData, func, select

from exams.attempts import verify_receipt
from exams.chain import verify_chain
from exams.tables import attempt, handin, open_sitting, save, sitting
from home import AUDIT, EXAM, OFFICE, Home, audit, transaction, verify_audit

ACTION, ERASED = "chain.anchor", "retention.erase"
TITLES = {"office": "办公", "exam": "考场"}


@dataclass(frozen=True)
class Broken:
    """One thing that does not verify: where, and the number of the first bad entry (0: it is not about entries)."""

    place: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.place}：" + (f"从第 {self.number} 条起" if self.number else "") + self.what


@dataclass(frozen=True)
class Noted:
    """Entry ``n`` of a chain (``office`` or ``exam``) had this head when it was seen."""

    chain: str
    n: int
    head: str


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


def ends(home: Home) -> dict[str, tuple[int, str]]:
    """Number and head of each chain's last entry: what is noted outside, to be compared later."""
    found = {}
    for name, (engine, metadata) in {"office": (home.office, OFFICE), "exam": (home.exam, EXAM)}.items():
        with engine.connect() as connection:
            found[name] = _end(connection, metadata)
    return found


def verify_home(home: Home, noted: Sequence[Noted] = ()) -> list[Broken]:
    """:func:`verify_trails`, then every sitting's chain of saves, every receipt, and whether the office knows the sitting; empty: all is whole."""
    found = verify_trails(home, noted)
    with home.office.connect() as office:
        table = AUDIT[OFFICE]
        erased = set(office.execute(select(table.c.subject).where(table.c.action == ERASED)).scalars())
    with home.exam.connect() as exam:
        for ident in exam.execute(select(open_sitting.c.id).order_by(open_sitting.c.id)).scalars().all():
            found += _sitting_faults(exam, ident, f"sitting/{ident}" in erased)
    return found + _unknown_sittings(home)


def _unknown_sittings(home: Home) -> list[Broken]:
    """Sittings that the hall has and the office has not. The hall is asked first: a sitting is made at the office before it opens."""
    with home.exam.connect() as exam:
        opened = exam.execute(select(open_sitting.c.id).order_by(open_sitting.c.id)).scalars().all()
    with home.office.connect() as office:
        known = set(office.execute(select(sitting.c.id)).scalars())
    what = "考场数据里有，办公数据里没有，到时不会收卷；办公数据可能丢失或被换过"
    return [Broken(f"{ident} 的场次", 0, what) for ident in opened if ident not in known]


def verify_trails(home: Home, noted: Sequence[Noted] = ()) -> list[Broken]:
    """Both audit chains, each against the anchors in the other, against what is blank in it, and against what was ``noted``."""
    engines = {"office": (home.office, OFFICE), "exam": (home.exam, EXAM)}
    found = []
    for name, (engine, metadata) in engines.items():
        other, others = engines["exam" if name == "office" else "office"]
        with other.connect() as connection:  # the anchors first: while people work, what they name is there before them
            seen = [*_anchors(connection, others, name), *(one for one in noted if one.chain == name)]
        with home.office.connect() as connection:
            allowed = _erased_until(connection, name)
        with engine.connect() as connection:
            faults = (
                (verify_audit(connection, metadata), "对不上，被改动、删除或换过次序"),
                (_blanked(connection, metadata, allowed), "内容被抹去，却没有按期限删除的记录"),
                (_cut_short(connection, metadata, seen), "缺失，末尾被截去或整段被换过"),
            )
        found += [Broken(f"{TITLES[name]}操作记录", number, what) for number, what in faults if number is not None]
    return found


def _anchors(connection: Connection, metadata: MetaData, name: str) -> list[Noted]:
    """What this chain remembers of the one that is called ``name``, the oldest first."""
    table = AUDIT[metadata]
    mine = table.c.action == ACTION, table.c.subject == name, table.c.payload.is_not(None)
    known = [json.loads(text) for text in connection.execute(select(table.c.payload).where(*mine).order_by(table.c.n)).scalars()]
    return [Noted(name, int(one["n"]), str(one["head"])) for one in known]


def _cut_short(here: Connection, metadata: MetaData, seen: Sequence[Noted]) -> int | None:
    """Number of the first entry that was seen and that is not here as it was; None: all are."""
    table = AUDIT[metadata]
    for one in sorted(seen, key=lambda one: one.n):
        head = here.execute(select(table.c.head).where(table.c.n == one.n)).scalar()
        if head != one.head:
            return min(one.n, _end(here, metadata)[0] + 1)
    return None


def _erased_until(office: Connection, name: str) -> int:
    """Instant before which details of a chain were erased by policy, ms UTC; 0: never. Told by the office's chain."""
    table = AUDIT[OFFICE]
    mine = table.c.action == ERASED, table.c.subject == f"audit/{name}", table.c.payload.is_not(None)
    rows = office.execute(select(table.c.at, table.c.payload).where(*mine)).all()
    return max((int(json.loads(row.payload).get("cutoff") or row.at) for row in rows), default=0)


def _blanked(here: Connection, metadata: MetaData, allowed: int) -> int | None:
    """Number of the first entry without details that no erasure covers."""
    table = AUDIT[metadata]
    return here.execute(select(func.min(table.c.n)).where(table.c.payload.is_(None), table.c.at >= allowed)).scalar()


def _sitting_faults(exam: Connection, ident: str, erased_by_policy: bool) -> list[Broken]:
    here = exam.execute(select(open_sitting).where(open_sitting.c.id == ident)).one()
    if here.erased_at is not None:
        return [] if erased_by_policy else [Broken(f"{ident} 的保存记录", 1, "全部被抹去，却没有按期限删除的记录")]
    first = verify_chain(exam, ident)
    if first is None:
        first = _shorter_than_closed(exam, ident)
    found = [] if first is None else [Broken(f"{ident} 的保存记录", first, "对不上，被改动、删除或换过次序")]
    of = attempt.c.sitting_id == ident
    given = select(handin.c.attempt_id).join(attempt, attempt.c.id == handin.c.attempt_id).where(of).order_by(handin.c.attempt_id)
    bad = [one for one in exam.execute(given).scalars().all() if not verify_receipt(exam, one)]
    found += [Broken(f"{ident} 的交卷回执", one, "与存下的答案不符") for one in bad[:20]]
    lost = select(attempt.c.id).where(of, attempt.c.closed_by == "handin", attempt.c.id.not_in(select(handin.c.attempt_id))).order_by(attempt.c.id)
    return found + [Broken(f"{ident} 的交卷回执", one, "缺失，本人已交卷的答卷没有回执") for one in exam.execute(lost.limit(20)).scalars()]


def _shorter_than_closed(exam: Connection, ident: str) -> int | None:
    """Number of the save that the closing of the sitting wrote down in the audit chain and that is not there as it was."""
    table = AUDIT[EXAM]
    mine = table.c.action == "sitting.close", table.c.subject == ident, table.c.payload.is_not(None)
    for text in exam.execute(select(table.c.payload).where(*mine)).scalars().all():
        told = json.loads(text)
        if told.get("saves"):
            of = select(attempt.c.id).where(attempt.c.sitting_id == ident)
            head = exam.execute(select(save.c.chain_head).where(save.c.attempt_id.in_(of), save.c.chain_n == told["saves"])).scalar()
            if head != told["head"]:
                return int(told["saves"])
    return None
