"""Pass records: issued, signed, immutable; a correction is a new record that supersedes the old one.

The signature (Ed25519 over the statement's digest) shows that nothing was changed since; it has no legal effect of its own:
the stamped sheet decides. The statement names no person: pseudonym, result and provenance. The personal side is
``record_payload``, which can be erased by policy while the signed statement stays verifiable.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Connection, Row, select

from exams.decisions import voided
from exams.events import standing
from exams.opening import uncollected
from exams.sittings import Sitting, get_sitting
from exams.tables import script, sitting
from grading.columns import payload_columns
from grading.errors import RecordError
from grading.manual import pending_names
from grading.outcome import Earlier, Outcome, pass_record
from grading.paper_marks.register import names_of, unfinished
from grading.roll import Candidate, PaperFacts, chain_of, current, day_of, earlier_attempts, paper_facts, read_roll
from grading.tables import mark, record, record_payload
from home import BEIJING, OFFICE, Home, audit, canonical_json, digest, now_ms, transaction

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


#: In a record's personal columns: what keeps their signed digest from telling anything once they are erased.
SALT = "校验盐"
#: ... and why a correction was made
REASON = "更正事由"
#: ... and what 备注 says of corrections: all of it, and nothing else
CORRECTED = "更正备注"


@dataclass(frozen=True)
class IssueResult:
    """What one issue did. ``superseded`` are corrections, included in ``issued``."""

    sitting_id: str
    issued: int
    superseded: int
    unchanged: int
    outcomes: Mapping[str, int]


def new_record_id(at: int) -> str:
    """The file number of a record: the day and 40 random bits, so that it tells nothing and is not guessed."""
    day = datetime.fromtimestamp(at / 1000, UTC).astimezone(BEIJING).strftime("%y%m%d")
    return f"R{day}-" + "".join(secrets.choice(_CROCKFORD) for _ in range(8))


def public_key(home: Home) -> bytes:
    """The 32 raw bytes with which anyone can check this home's records."""
    return _private(home).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _private(home: Home) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(home.key("record"))


def genuine(statement: str, stated_digest: str, signature: bytes, key: bytes) -> bool:
    """Whether a statement is the one that was signed: its digest fits, and the signature fits the digest."""
    try:
        if digest(json.loads(statement)) != stated_digest:
            return False
        Ed25519PublicKey.from_public_bytes(key).verify(signature, stated_digest.encode())
    except (ValueError, RecursionError, InvalidSignature):
        return False
    return True


def issue_records(home: Home, sitting_id: str, by: str) -> IssueResult:
    """Issue a record for every candidate of a marked sitting; all in one transaction.

    Who has a standing record with the same result and provenance keeps it; where either changed, a new record supersedes it.

    :raises SittingError: there is no such sitting.
    :raises RecordError: the sitting is not closed, something is not marked (whose and which question is named), events
        and scripts contradict each other, or an earlier sitting of a resit has no records yet.
    """
    moment = now_ms()
    missing = uncollected(home, sitting_id)
    if missing:
        raise RecordError(f"还有 {missing} 份答卷没有收上来，不能签发成绩记录；请在本场页面重新收卷、阅卷后再签发")
    with transaction(home.office) as connection:
        # two issues at once (a button and a command) go one after the other
        connection.execute(select(sitting.c.id).where(sitting.c.id == sitting_id).with_for_update())
        known = get_sitting(connection, sitting_id)
        _refuse_unready(connection, known)
        roll = read_roll(connection, sitting_id)
        _refuse_contradictions(roll, voided(home, sitting_id))
        paper = paper_facts(connection, known)
        earlier = earlier_attempts(connection, chain_of(connection, known))
        present = {row.person_id: row for row in connection.execute(current(sitting_id))}
        issue = _Issue(known, paper, by, moment, _private(home))
        rows, payloads, outcomes = [], [], Counter[str]()
        for one in roll:
            before = earlier.get(one.person_id, ())
            outcome = _outcome(known, one, before)
            outcomes[outcome.code] += 1
            old = present.get(one.person_id)
            body = _body(known, paper, one, outcome, before)
            if old is not None and json.loads(old.statement)["body"] == body:
                continue
            ident = new_record_id(moment)
            columns = {**payload_columns(known, one, outcome, before, ident), SALT: secrets.token_hex(16)}
            rows.append(issue.row(ident, one, outcome, body, old.id if old else None, digest(columns)))
            payloads.append({"record_id": ident, "columns": canonical_json(columns)})
        if rows:
            connection.execute(record.insert(), rows)
            connection.execute(record_payload.insert(), payloads)
        superseded = sum(1 for row in rows if row["supersedes"])
        audit(connection, OFFICE, by, "records.issue", sitting_id, issued=len(rows), superseded=superseded,
              digests=digest([row["digest"] for row in rows]))  # fmt: skip
    return IssueResult(sitting_id, len(rows), superseded, len(roll) - len(rows), dict(outcomes))


def _outcome(known: Sitting, one: Candidate, before: Sequence[Earlier]) -> Outcome:
    parts = one.marks.parts if one.marks else None
    return pass_record(parts, one.events, before, known.profile, known.blueprint, day_of(known.opens_at), one.birth)


@dataclass(frozen=True)
class _Issue:
    """What the records of one issue have in common."""

    known: Sitting
    paper: PaperFacts
    by: str
    at: int
    key: Ed25519PrivateKey

    def row(
        self, ident: str, one: Candidate, outcome: Outcome, body: Mapping[str, object], supersedes: str | None, columns: str
    ) -> dict[str, object]:
        statement = {
            "record": ident, "supersedes": supersedes, "issued_at": self.at, "issued_by": self.by,
            "sitting": self.known.id, "kind": self.known.kind, "body": body, "columns": columns,
        }  # fmt: skip
        facts = {
            "sitting_id": self.known.id, "person_id": one.person_id, "outcome": outcome.code,
            "total": None if outcome.total is None else str(outcome.total), "valid_until": outcome.valid_until,
        }  # fmt: skip
        return _signed(self.key, facts, statement)


def signed_row(home: Home, facts: Mapping[str, Any], statement: Mapping[str, Any]) -> dict[str, object]:
    """A row of ``record`` for a statement, signed; ``facts`` has sitting, person, outcome, total and validity."""
    return _signed(_private(home), facts, statement)


def _signed(key: Ed25519PrivateKey, facts: Mapping[str, Any], statement: Mapping[str, Any]) -> dict[str, object]:
    signed = digest(statement)
    kept = {name: facts[name] for name in ("sitting_id", "person_id", "outcome", "total", "valid_until")}
    return kept | {
        "id": statement["record"], "supersedes": statement["supersedes"], "statement": canonical_json(statement), "digest": signed,
        "signature": key.sign(signed.encode()), "issued_at": statement["issued_at"], "issued_by": statement["issued_by"],
    }  # fmt: skip


def _body(
    known: Sitting, paper: PaperFacts, one: Candidate, outcome: Outcome, before: Sequence[Earlier]
) -> dict[str, object]:
    """Result and provenance, pseudonymous: what decides whether a new record is needed."""
    marks, script_ = one.marks, one.script
    result = {
        "candidate": one.pseudonym, "outcome": outcome.code, "final": outcome.final, "attempt": outcome.attempt,
        "total": None if outcome.total is None else str(outcome.total), "band": outcome.band,
        "parts": [[part.part, str(part.points), str(part.most)] for part in outcome.parts],
        "valid_until": outcome.valid_until.isoformat() if outcome.valid_until else None,
        "resits_left": outcome.resits_left, "may_resit": outcome.may_resit,
        "final_total": None if outcome.final_total is None else str(outcome.final_total),
        "events": [[event.kind, event.at, event.ground] for event in one.events if not event.revoked],
        "earlier": [[before_.sitting_id, before_.outcome, None if before_.total is None else str(before_.total)] for before_ in before],
    }  # fmt: skip
    provenance = {
        "paper": paper.digest, "law_as_of": paper.as_of.isoformat(), "blueprint": known.blueprint.digest,
        "profile": known.profile_digest, "form": script_.form if script_ else None,
        "started_at": script_.started_at if script_ else None, "finished_at": script_.finished_at if script_ else None,
        "keys": marks.keys_digest if marks else None, "marks": marks.marks_digest if marks else None,
        "rules": list(marks.rules) if marks else [], "markers": list(marks.markers) if marks else [],
    }  # fmt: skip
    if script_ and script_.hands:
        provenance |= dict(zip(("typed_by", "checked_by", "settled_by"), script_.hands, strict=True), medium="paper")
        if script_.source:
            provenance["hall_answers"] = script_.source
    return {"result": result, "provenance": provenance}


def _refuse_unready(connection: Connection, known: Sitting) -> None:
    if known.state not in ("closed", "marked"):
        raise RecordError(f"“{known.title}”还没有收卷，不能签发成绩记录")
    on_paper = unfinished(connection, known.id)
    if on_paper:
        raise RecordError(f"登记为纸笔作答的还没有录完两遍并入库，不能签发：{names_of(on_paper)}；请到“纸笔考试”页办理，没有来考的取消登记")
    waiting = pending_names(connection, known.id, 21)
    if waiting:
        more = " 等" if len(waiting) > 20 else ""
        raise RecordError(f"还有答案需要人工评阅，不能签发成绩记录：{'、'.join(waiting[:20])}{more}；评完后再签发")
    marked = select(mark.c.person_id).where(mark.c.sitting_id == known.id)
    left = connection.execute(
        select(script.c.person_id).where(script.c.sitting_id == known.id, script.c.person_id.not_in(marked)).limit(1)
    ).first()
    if left is not None:
        raise RecordError("还有答卷没有阅卷；请先运行 pufa grade")


def _refuse_contradictions(roll: Sequence[Candidate], ended: frozenset[str]) -> None:
    """Who sat is no absentee: an absence on file, or an attempt ended for good (``ended``) whose ground was revoked, is for people to clear up."""
    wrong = [one.admission_no for one in roll if one.script and (event := standing(one.events)) and event.kind == "absent"]
    if wrong:
        raise RecordError(f"登记为缺考、却有答卷：{'、'.join(wrong[:20])}；请撤销缺考登记，或改登记其他事件")
    bare = [one.admission_no for one in roll if one.admission_no in ended and not one.script and ((event := standing(one.events)) is None or event.kind == "absent")]
    if bare:
        raise RecordError(
            f"来考过、作答被终止，终止的登记却已撤销：{'、'.join(bare[:20])}。直接签发会误记为缺考；请考务核实后重新登记违纪或取消资格，确属误办的登记缓考、另行安排"
        )


def damaged_records(home: Home, sitting_id: str) -> tuple[str, ...]:
    """Ids of a sitting's records whose statement, digest, columns or signature no longer fit; empty: all are genuine."""
    key = public_key(home)
    bad = []
    with home.office.connect() as connection:
        rows = connection.execute(
            select(record, record_payload.c.columns)
            .outerjoin(record_payload, record_payload.c.record_id == record.c.id)
            .where(record.c.sitting_id == sitting_id)
            .order_by(record.c.id)
        )
        for row in rows:
            if not genuine(row.statement, row.digest, row.signature, key) or not _fits(row):
                bad.append(row.id)
    return tuple(bad)


def _fits(row: Row[Any]) -> bool:
    """Whether a row and what HR prints of it say what the signed statement says; an erased payload fits."""
    statement = json.loads(row.statement)
    try:
        if row.columns is not None and digest(json.loads(row.columns)) != statement["columns"]:
            return False
    except ValueError:
        return False
    result = statement["body"]["result"]
    until = row.valid_until.isoformat() if row.valid_until else None
    stated = [statement["record"], statement["supersedes"], statement["sitting"], statement["issued_at"], statement["issued_by"],
              result["outcome"], result["total"], result["valid_until"]]  # fmt: skip
    return stated == [row.id, row.supersedes, row.sitting_id, row.issued_at, row.issued_by, row.outcome, row.total, until]
