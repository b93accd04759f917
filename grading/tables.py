"""Tables of what answers are worth: all on ``office.db``. Points are exact fractions written as text, e.g. ``3/2``."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from home import OFFICE

mark = Table(
    "mark", OFFICE,
    Column("sitting_id", ForeignKey("sitting.id"), primary_key=True),
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("question", String(12), primary_key=True),
    Column("item", String(80), nullable=False),
    Column("part", String(40), nullable=False),
    Column("points", String(20)),                     # null while a person is needed
    Column("max_points", String(20), nullable=False),
    Column("rule", String(20), nullable=False),       # question_bank.marking.RULES
    Column("key_hash", String(64), nullable=False),
    Column("state", String(12), nullable=False),      # marked | unanswered | needs_person
    Column("by", String(64), nullable=False),         # "machine" or an account
    Column("comment", Text),
    Column("at", BigInteger, nullable=False),
)  # fmt: skip

record = Table(
    "record", OFFICE,                                 # immutable once issued; a correction supersedes
    Column("id", String(40), primary_key=True),
    Column("sitting_id", ForeignKey("sitting.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("supersedes", ForeignKey("record.id")),
    Column("outcome", String(12), nullable=False),    # grading.records.OUTCOMES
    Column("total", String(20)),                      # null when nothing was sat
    Column("valid_until", Date),
    Column("statement", Text, nullable=False),        # canonical JSON of result and provenance, pseudonymous
    Column("digest", String(64), nullable=False),
    Column("signature", LargeBinary, nullable=False), # Ed25519 over the digest
    Column("issued_at", BigInteger, nullable=False),
    Column("issued_by", String(64), nullable=False),
)  # fmt: skip
Index("record_of", record.c.sitting_id, record.c.person_id)

record_payload = Table(
    "record_payload", OFFICE,                         # the personal side of a record; erasable by policy
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("columns", Text, nullable=False),          # JSON {column name: text}
)  # fmt: skip

job = Table(
    "job", OFFICE,                                    # long work, done by the worker
    Column("id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),       # grading.worker.KINDS
    Column("arguments", Text, nullable=False),        # JSON
    Column("state", String(10), nullable=False),      # waiting | running | done | failed
    Column("progress", Integer, nullable=False),      # per cent
    Column("message", Text),                          # result or error, in Chinese
    Column("asked_by", String(64), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)  # fmt: skip
