"""Tables of what answers are worth: all on ``office.db``. Points are exact fractions written as text, e.g. ``3/2``."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

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
Index("record_superseded", record.c.supersedes)       # every list asks of each record whether another one supersedes it

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

mark_change = Table(
    "mark_change", OFFICE,                            # a mark that a person changed after it had been given
    Column("id", Integer, primary_key=True),
    Column("sitting_id", ForeignKey("sitting.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("question", String(12), nullable=False),
    Column("old_points", String(20)),
    Column("new_points", String(20)),
    Column("by", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", String(500), nullable=False),
)  # fmt: skip

paper_entry = Table(
    "paper_entry", OFFICE,                            # answers and marks typed in from paper, each twice, by two people
    Column("sitting_id", ForeignKey("sitting.id"), primary_key=True),
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("entry_no", Integer, primary_key=True),    # 1 | 2
    Column("question", String(12), primary_key=True),
    Column("answer", Text),                           # objective questions: what was ticked
    Column("points", String(20)),                     # free text: the marker's points
    Column("by", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
)  # fmt: skip

kept_counts = Table(
    "kept_counts", OFFICE,                            # what the worker counted beforehand where counting takes long: grading.statistics.kept
    Column("name", String(20), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("audit_n", Integer, nullable=False),       # the newest audit entry then: nothing has changed while it is the newest
    Column("rules", String(64), nullable=False),      # digest of the rules it was counted by
    Column("content", Text, nullable=False),          # JSON
)  # fmt: skip

column_set = Table(
    "column_set", OFFICE,                             # how HR wants a list to look, kept under a name
    Column("id", Integer, primary_key=True),
    Column("list", String(40), nullable=False),       # key of the list
    Column("name", String(60), nullable=False),
    Column("columns", Text, nullable=False),          # JSON [[name, title, width], …]
    Column("by", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    UniqueConstraint("list", "name"),
)  # fmt: skip

certificate = Table(
    "certificate", OFFICE,                            # a certificate or score sheet that was made for a record
    Column("id", String(40), primary_key=True),
    Column("record_id", ForeignKey("record.id"), nullable=False),
    Column("kind", String(20), nullable=False),       # certificate | score_sheet
    Column("statement", Text, nullable=False),        # what the QR code carries
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("revoked_at", BigInteger),
    Column("revoked_by", String(64)),
    Column("revoke_reason", String(500)),
)  # fmt: skip

certification = Table(
    "certification", OFFICE,                          # who holds what; kinds are data (grading/workforce/kinds/*.toml)
    Column("id", Integer, primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("kind", String(40), nullable=False, index=True),
    Column("unit_id", ForeignKey("unit.id"), index=True),   # the village or school it is exercised at, if not the person's own unit
    Column("certificate_no", String(60)),
    Column("issuer", String(100)),
    Column("obtained_on", Date, nullable=False),      # passed the exam, or was appointed
    Column("record_id", ForeignKey("record.id")),     # the pass record it rests on, where it is ours
    Column("note", String(500)),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("ended_on", Date),                         # removed, revoked, resigned
    Column("ended_by", String(64)),
    Column("end_reason", String(500)),
    Column("end_document_no", String(100)),
    Column("end_document_id", ForeignKey("document.id")),
    Column("document_id", ForeignKey("document.id")), # the certificate's scan
    Column("revoked_at", BigInteger),                 # entered by mistake: never counted, never deleted
    Column("revoked_by", String(64)),
    Column("revoke_reason", String(500)),
    Column("phase", String(10)),                      # what the clock made of it: grading.workforce.reckoning; never read when stale
    Column("valid_from", Date),
    Column("valid_until", Date),
    Column("window_opens", Date),
    Column("due_on", Date, index=True),
    Column("reckoned", String(16)),                   # digest of the rules it was reckoned by; null: to be reckoned again, blank: struck out
)  # fmt: skip
Index("certification_rules", certification.c.kind, certification.c.reckoned)

certification_step = Table(
    "certification_step", OFFICE,                     # registered, renewed, filed …: the history of a certification
    Column("id", Integer, primary_key=True),
    Column("certification_id", ForeignKey("certification.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("on_day", Date, nullable=False, index=True),
    Column("document_no", String(100)),
    Column("document_id", ForeignKey("document.id")),
    Column("note", String(500)),
    Column("at", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("revoked_at", BigInteger),
    Column("revoked_by", String(64)),
    Column("revoke_reason", String(500)),
)  # fmt: skip

training_hours = Table(
    "training_hours", OFFICE,                         # continuing education, with its proof
    Column("id", Integer, primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("on_day", Date, nullable=False),           # when it was completed
    Column("hours", String(20), nullable=False),      # an exact fraction as text
    Column("source", String(20), nullable=False),     # training | course | degree
    Column("title", String(200), nullable=False),
    Column("provider", String(100)),
    Column("document_no", String(100)),
    Column("document_id", ForeignKey("document.id")),
    Column("note", String(500)),
    Column("at", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("revoked_at", BigInteger),
    Column("revoked_by", String(64)),
    Column("revoke_reason", String(500)),
)  # fmt: skip
