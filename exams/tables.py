"""Tables of papers and sittings (``office.db``) and of what candidates do (``exam.db``).

Nothing in the second group tells a key, a mark, an identity number or a rationale. Instants are ms UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from home import EXAM, OFFICE

# ------------------------------------------------------------------ office.db

paper = Table(
    "paper", OFFICE,
    Column("id", String(40), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("manifest", Text, nullable=False),         # exams.paper.Paper as canonical JSON
    Column("as_of", Date, nullable=False),
    Column("built_at", BigInteger, nullable=False),
    Column("built_by", String(64), nullable=False),
)  # fmt: skip

sitting = Table(
    "sitting", OFFICE,
    Column("id", String(40), primary_key=True),       # ASCII slug; also the nbgrader course id
    Column("title", String(200), nullable=False),
    Column("kind", String(10), nullable=False),       # demo | mock | formal
    Column("place", String(100)),
    Column("room_ranges", String(500)),               # networks in which it is taken (exams.room_access); null: any
    Column("seb_keys", String(500)),                  # Config Keys of Safe Exam Browser, one of which is needed; null: any browser
    Column("blueprint", Text, nullable=False),        # TOML text as it was when the sitting was made
    Column("profile", Text, nullable=False),          # TOML text, likewise
    Column("profile_digest", String(64), nullable=False),
    Column("paper_id", ForeignKey("paper.id")),
    Column("resit_of", ForeignKey("sitting.id")),
    Column("opens_at", BigInteger, nullable=False),
    Column("closes_at", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),      # exams.sittings.STATE_TITLES
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
)  # fmt: skip

candidate = Table(
    "candidate", OFFICE,
    Column("sitting_id", ForeignKey("sitting.id"), primary_key=True),
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("admission_no", String(20), nullable=False),
    Column("pseudonym", String(32), nullable=False),  # nbgrader's student id
    Column("form", String(4)),
    Column("unit_label", String(100), nullable=False),    # as on the roster of the day
    Column("post_label", String(100)),
    Column("proposed_post", String(100)),
    Column("rank_label", String(40)),
    Column("channel", String(20)),                    # 任免渠道: 人大任命 | 党委管理 | …
    Column("remark", String(200)),
    UniqueConstraint("sitting_id", "admission_no"),
    UniqueConstraint("sitting_id", "pseudonym"),
)  # fmt: skip

candidate_event = Table(
    "candidate_event", OFFICE,
    Column("id", Integer, primary_key=True),
    Column("sitting_id", ForeignKey("sitting.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("kind", String(12), nullable=False),       # exams.events.KINDS
    Column("at", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("document_no", String(100)),
    Column("document_id", ForeignKey("document.id", name="candidate_event_document")),  # the paper itself, scanned
    Column("reason", String(500), nullable=False),
    Column("ground", String(40)),                     # exempt: exams.policy.EXEMPTIONS; misconduct, void: a step of the ladder
    Column("until", Date),                            # how long misconduct stays on record
    Column("revoked_at", BigInteger),
    Column("revoked_by", String(64)),
    Column("revoke_reason", String(500)),
)  # fmt: skip

script = Table(
    "script", OFFICE,                                 # one candidate's closed attempt, copied up
    Column("sitting_id", ForeignKey("sitting.id"), primary_key=True),
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("form", String(4), nullable=False),
    Column("answers", Text, nullable=False),          # JSON {question id: answer}, counted saves only
    Column("display_order", Text, nullable=False),    # JSON, see attempt.display_order
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    Column("closed_by", String(10), nullable=False),
    Column("copied_at", BigInteger, nullable=False),
)  # fmt: skip

# ------------------------------------------------------------------ exam.db

open_sitting = Table(
    "open_sitting", EXAM,                             # what the hall must know of a sitting; papers are in release/<id>/
    Column("id", String(40), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("place", String(100)),
    Column("opens_at", BigInteger, nullable=False),
    Column("closes_at", BigInteger, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("grace_s", Integer, nullable=False),
    Column("late_entry_minutes", Integer),            # no start later than this after opens_at; null: until closes_at
    Column("room_ranges", String(500)),               # as in sitting
    Column("seb_keys", String(500)),                  # as in sitting
    Column("paused_at", BigInteger),                  # the whole room is paused since then
    Column("closed_at", BigInteger),                  # set when an officer closed it
    Column("chain_n", BigInteger, nullable=False),    # saves in the sitting's hash chain
    Column("chain_head", String(64), nullable=False),
    Column("erased_at", BigInteger),                  # its saves were erased by policy; the head stays
)  # fmt: skip

entry = Table(
    "entry", EXAM,
    Column("id", Integer, primary_key=True),
    Column("sitting_id", ForeignKey("open_sitting.id"), nullable=False),
    Column("admission_no", String(20), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("unit_label", String(100), nullable=False),
    Column("form", String(4), nullable=False),
    Column("code_mac", String(64), nullable=False),   # HMAC-SHA256 of sitting, admission number and code
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", BigInteger),
    Column("late_until", BigInteger),                 # an officer lets this candidate in until then, however late
    Column("barred", Boolean, nullable=False, default=False),  # exempt, deferred, void …: may not start
)  # fmt: skip

session = Table(
    "session", EXAM,
    Column("token_digest", String(64), primary_key=True),
    Column("entry_id", ForeignKey("entry.id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("device", String(64)),                     # digest of the browser's long-lived device cookie
    Column("seb", String(6)),                         # header | script: how Safe Exam Browser was shown at the log-in
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)  # fmt: skip

attempt = Table(
    "attempt", EXAM,
    Column("id", Integer, primary_key=True),
    Column("entry_id", ForeignKey("entry.id"), nullable=False, unique=True),
    Column("sitting_id", ForeignKey("open_sitting.id"), nullable=False, index=True),
    Column("form", String(4), nullable=False),
    Column("display_order", Text, nullable=False),    # JSON [[question id, "CABD"], …]: questions and options as shown
    Column("started_at", BigInteger, nullable=False),
    Column("limit_at", BigInteger, nullable=False),   # min(start + minutes, window end) + grants
    Column("state", String(8), nullable=False),       # open | closed | void
    Column("closed_at", BigInteger),
    Column("closed_by", String(10)),                  # handin | time | officer
    Column("writer", Integer, nullable=False),        # number of the newest page; older pages are stale
    Column("device", String(64)),
    Column("last_seen_at", BigInteger),
    Column("paused_at", BigInteger),                  # this candidate alone is paused since then
    Column("unsaved", Integer),                       # answers the page said it had not yet saved, when last heard
    Column("unsaved_since", BigInteger),              # since when, by the server's clock
)  # fmt: skip
Index("attempt_open", attempt.c.state, attempt.c.limit_at)

grant = Table(
    "grant_time", EXAM,
    Column("id", Integer, primary_key=True),
    Column("attempt_id", ForeignKey("attempt.id"), nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("kind", String(10), nullable=False),       # extra | pause | stall
    Column("reason", String(500), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
)  # fmt: skip

save = Table(
    "save", EXAM,                                     # append-only
    Column("attempt_id", ForeignKey("attempt.id"), primary_key=True),
    Column("writer", Integer, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("question", String(12), nullable=False),
    Column("answer", Text, nullable=False),
    Column("client_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),          # after limit + grace: kept as evidence, not counted
    Column("chain_n", BigInteger, nullable=False),
    Column("chain_head", String(64), nullable=False),
)  # fmt: skip

handin = Table(
    "handin", EXAM,
    Column("attempt_id", ForeignKey("attempt.id"), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("receipt", String(64), nullable=False),
    Column("unanswered", Integer, nullable=False),
)  # fmt: skip

incident = Table(
    "incident", EXAM,
    Column("id", Integer, primary_key=True),
    Column("sitting_id", ForeignKey("open_sitting.id"), nullable=False),
    Column("entry_id", ForeignKey("entry.id")),
    Column("kind", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("detail", String(500), nullable=False),
    Column("handled_at", BigInteger),                 # an officer has seen to it: off the worklist, still on the sheet
    Column("handled_by", String(64)),
)  # fmt: skip

reopening = Table(
    "reopening", EXAM,                                # a closed attempt went on; what its former end was
    Column("id", Integer, primary_key=True),
    Column("attempt_id", ForeignKey("attempt.id"), nullable=False),
    Column("closed_at", BigInteger, nullable=False),
    Column("closed_by", String(10), nullable=False),
    Column("receipt", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("second", String(64)),                     # who approved it
    Column("reason", String(500), nullable=False),
)  # fmt: skip

answer_file = Table(
    "answer_file", EXAM,                              # answers that came on a stick because the network did not return
    Column("id", Integer, primary_key=True),
    Column("attempt_id", ForeignKey("attempt.id"), nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("made_at", BigInteger, nullable=False),    # by the page's clock
    Column("at", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("second", String(64)),
    Column("decision", String(10), nullable=False),   # merged | refused
    Column("changes", Integer, nullable=False),
    Column("reason", String(500), nullable=False),
)  # fmt: skip

stall = Table(
    "stall", EXAM,                                    # the server did not answer; every open attempt got the time back
    Column("id", Integer, primary_key=True),
    Column("from_at", BigInteger, nullable=False),
    Column("to_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
)  # fmt: skip

beat = Table(
    "beat", EXAM,                                     # one row: the last second in which the hall could store something
    Column("id", Integer, primary_key=True, autoincrement=False),    # 1
    Column("at", BigInteger, nullable=False),
    Column("stopped", Boolean, nullable=False),       # the last process that spoke was told to stop
)  # fmt: skip

vital = Table(
    "vital", EXAM,                                    # what each running process last told of its health; no person in it
    Column("process", String(60), primary_key=True),  # hall@<machine>:<port> | worker
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),             # JSON, see exams.vitals
)  # fmt: skip
