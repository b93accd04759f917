"""The hash chain over a sitting's saves: what two people sign on the closing sheet, and how it is checked again.

Each stored save is one link. Its head covers the head before it and every stored field, so that changing, dropping,
adding or moving a save after the fact breaks the chain at that place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, select

from exams.tables import attempt, open_sitting, save

_encode = msgspec.json.Encoder().encode
#: fields of ``save`` that a link covers, in this order
FIELDS = ("chain_n", "attempt_id", "writer", "seq", "question", "answer", "client_at", "received_at", "late")


def link(previous: str, values: tuple[object, ...]) -> str:
    """SHA-256 (hex) of the JSON array (compact, UTF-8) of the head before and the values of :data:`FIELDS`, ``late`` as 0 or 1."""
    return hashlib.sha256(_encode((previous, *values))).hexdigest()


def link_of_row(previous: str, row: Mapping[str, object]) -> str:
    """:func:`link` of a stored save."""
    return link(previous, (*(row[name] for name in FIELDS[:-1]), int(bool(row["late"]))))


def verify_chain(connection: Connection, sitting_id: str) -> int | None:
    """Number of the first save that does not fit the sitting's chain, or None if the chain is whole.

    A chain cut short at its end is found by ``open_sitting``, which holds the length and the last head. Of a sitting whose
    answers were erased by policy only the head is left: what the closing sheet says.
    """
    end = connection.execute(
        select(open_sitting.c.chain_n, open_sitting.c.chain_head, open_sitting.c.erased_at).where(open_sitting.c.id == sitting_id)
    ).one()
    ids = select(attempt.c.id).where(attempt.c.sitting_id == sitting_id)
    rows = connection.execute(select(save).where(save.c.attempt_id.in_(ids)).order_by(save.c.chain_n)).mappings()
    previous, expected = "", 1
    for row in rows:
        if row["chain_n"] != expected or row["chain_head"] != link_of_row(previous, row):  # type: ignore[arg-type]
            return expected
        previous, expected = row["chain_head"], expected + 1
    erased = end.erased_at is not None and expected == 1
    return None if erased or (end.chain_n, end.chain_head) == (expected - 1, previous) else expected
