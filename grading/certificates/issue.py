"""Certificates of a sitting: made once for a standing record, listed with what became of them, revoked, replaced.

A certificate stands as long as nobody revoked it and its record is not superseded. Making again makes what is missing and hands
out what stands: a reprint is the same certificate under the same number.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Row, select, update

from exams.sittings import KINDS as SITTING_KINDS
from exams.sittings import Sitting, get_sitting
from exams.tables import sitting
from grading.certificates.revocations import REASONS, Revocations
from grading.certificates.statement import KINDS, Statement, mask_name, seal
from grading.errors import CertificateError
from grading.outcome import OUTCOMES
from grading.records import damaged_records
from grading.roll import current
from grading.stale import stale_records
from grading.tables import certificate, record, record_payload
from home import OFFICE, Home, audit, local_text, now_ms, transaction

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: how the number of a kind begins
LETTERS = {"certificate": "C", "score_sheet": "T"}
#: what became of a certificate -> in words; all but the first are :data:`REASONS` of the revocation list
STATES = {"stands": "有效", **REASONS}


@dataclass(frozen=True)
class Sheet:
    """One certificate or score sheet to print. ``columns`` are the record's; ``result`` is that of its signed statement."""

    number: str
    code: str                       # the text of the QR code
    made_at: int
    columns: Mapping[str, str]
    result: Mapping[str, Any]
    record_id: str
    fresh: bool                     # not entered yet, see keep()

    @property
    def whose(self) -> str:
        """The admission number, for messages."""
        return self.columns.get("准考证号", self.record_id)


@dataclass(frozen=True)
class Made:
    """What making came to: all sheets that stand or would, by admission number; whose were left out and why, a line each."""

    sitting_id: str
    kind: str
    sheets: tuple[Sheet, ...]
    left_out: tuple[str, ...]

    @property
    def new(self) -> int:
        return sum(sheet.fresh for sheet in self.sheets)


@dataclass(frozen=True)
class Listed:
    """One line of the list; ``state``: key of :data:`STATES`. Instants ms UTC; ``name`` is empty once erased."""

    number: str
    kind: str
    record_id: str
    name: str
    admission_no: str
    state: str
    made_at: int
    made_by: str
    revoked_at: int | None
    revoked_by: str
    reason: str


def private_key(home: Home) -> Ed25519PrivateKey:
    """The key that signs records signs certificates too, under a purpose of its own."""
    return Ed25519PrivateKey.from_private_bytes(home.key("record"))


def make(home: Home, sitting_id: str, kind: str, by: str) -> Made:
    """Make what is missing and enter it at once; :func:`prepare` and :func:`keep` in one.

    :raises SittingError, CertificateError: as those.
    """
    made = prepare(home, sitting_id, kind)
    with transaction(home.office) as connection:
        keep(connection, made, by)
    return made


def prepare(home: Home, sitting_id: str, kind: str, person_id: int | None = None) -> Made:
    """What would be made: score sheets for every standing record, certificates for those that passed. Nothing is written.

    ``person_id``: for this candidate only.

    :raises SittingError: there is no such sitting.
    :raises CertificateError: the profile gives no certificates, nothing was issued, records are stale or damaged.
    """
    _refuse_unready(home, sitting_id, kind)
    with home.office.connect() as connection:
        known = get_sitting(connection, sitting_id)
        existing = _by_record(connection, sitting_id, kind)
        issue = _Issue(home, known, kind, now_ms(), private_key(home))
        sheets, left_out = [], []
        for one in _records(connection, sitting_id, kind):
            if person_id not in (None, one.person_id):
                continue
            before = existing.get(one.id, [])
            columns = json.loads(one.columns) if one.columns else {}
            standing = next((old for old in before if old.revoked_at is None), None)
            if not columns or (before and standing is None):
                left_out.append(f"{columns.get('准考证号', one.id)}：" + ("已撤销，补发请在列表中逐个办理" if columns else "个人信息已按期限删除"))
                continue
            sheets.append(issue.sheet(one, columns, standing))
    sheets.sort(key=lambda sheet: sheet.columns.get("准考证号", ""))
    return Made(sitting_id, kind, tuple(sheets), tuple(left_out))


def keep(connection: Connection, made: Made, by: str) -> None:
    """Enter what was prepared, in the caller's transaction; done after it was set, so that no number is without its sheet.

    :raises CertificateError: a record or a certificate changed since; nothing may be entered or handed out.
    """
    connection.execute(select(sitting.c.id).where(sitting.c.id == made.sitting_id).with_for_update())
    valid = {row.id for row in connection.execute(current(made.sitting_id))}
    existing = _by_record(connection, made.sitting_id, made.kind)
    for sheet in made.sheets:
        standing = [old.id for old in existing.get(sheet.record_id, []) if old.revoked_at is None]
        if sheet.record_id not in valid or standing != ([] if sheet.fresh else [sheet.number]):
            raise CertificateError(f"{sheet.whose}：制作期间成绩记录或证书有变动，这一批没有保存；请再做一次")
    rows = [
        {"id": sheet.number, "record_id": sheet.record_id, "kind": made.kind, "statement": sheet.code, "made_at": sheet.made_at, "made_by": by}
        for sheet in made.sheets if sheet.fresh
    ]  # fmt: skip
    if rows:
        connection.execute(certificate.insert(), rows)
    audit(connection, OFFICE, by, "certificates.make", made.sitting_id, kind=made.kind, new=len(rows), sheets=len(made.sheets))


def _refuse_unready(home: Home, sitting_id: str, kind: str) -> None:
    if kind not in KINDS:
        raise CertificateError(f"没有“{kind}”这种；可用：{'、'.join(KINDS)}")
    with home.office.connect() as connection:
        known = get_sitting(connection, sitting_id)
        stale = stale_records(connection, sitting_id)
        issued = connection.execute(select(record.c.id).where(record.c.sitting_id == sitting_id).limit(1)).first()
    if kind == "certificate" and not known.profile.certificate:
        raise CertificateError("本场的考试办法不发合格证书，只发成绩通知单")
    if issued is None:
        raise CertificateError("本场还没有签发成绩；请先签发成绩，再制作证书、成绩通知单")
    if stale:
        raise CertificateError(f"有 {stale} 人的成绩签发后又有变动；请先“更正后重新签发”，再制作")
    damaged = damaged_records(home, sitting_id)
    if damaged:
        raise CertificateError(f"有成绩记录签发后被改动过，不能制作：{'、'.join(damaged[:20])}；请从备份核对")


def _records(connection: Connection, sitting_id: str, kind: str) -> list[Row[Any]]:
    query = current(sitting_id).outerjoin(record_payload, record_payload.c.record_id == record.c.id).add_columns(record_payload.c.columns)
    return list(connection.execute(query.where(record.c.outcome == "passed") if kind == "certificate" else query))


def _by_record(connection: Connection, sitting_id: str, kind: str) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    query = select(certificate).join(record, record.c.id == certificate.c.record_id)
    for row in connection.execute(query.where(record.c.sitting_id == sitting_id, certificate.c.kind == kind)):
        found.setdefault(row.record_id, []).append(row)
    return found


@dataclass(frozen=True)
class _Issue:
    """What the certificates of one making have in common."""

    home: Home
    known: Sitting
    kind: str
    at: int
    key: Ed25519PrivateKey

    def sheet(self, one: Row[Any], columns: Mapping[str, str], standing: Row[Any] | None) -> Sheet:
        """The sheet that stands, or a new one with its signed statement."""
        result = json.loads(one.statement)["body"]["result"]
        if standing is not None:
            return Sheet(standing.id, standing.statement, standing.made_at, columns, result, one.id, fresh=False)
        number = f"{LETTERS[self.kind]}{local_text(self.at, '%y%m%d')}-" + "".join(secrets.choice(_CROCKFORD) for _ in range(8))
        return Sheet(number, seal(self.statement(number, one, columns), self.key), self.at, columns, result, one.id, fresh=True)

    def statement(self, number: str, one: Row[Any], columns: Mapping[str, str]) -> Statement:
        shows_total = self.kind == "score_sheet" and self.known.profile.publish_score
        return Statement(
            kind=self.kind, number=number, record=one.digest[:32], name=mask_name(columns["姓名"]), tail=columns["身份证号"].rpartition("*")[2],
            exam=columns["考试名称"][:40], outcome=OUTCOMES[one.outcome].title, total=columns["总分"] if shows_total else "",
            day=columns["考试日期"], valid_until=columns["有效期至"], issued=local_text(self.at, "%Y-%m-%d"),
            office=str(self.home.settings["office_name"])[:30], mode="" if self.known.kind == "formal" else SITTING_KINDS[self.known.kind][0],
        )  # fmt: skip


# ------------------------------------------------------------------ what becomes of them


def listed(connection: Connection, sitting_id: str | None = None) -> tuple[Listed, ...]:
    """Certificates of a sitting (or of all), the newest first, with what became of each."""
    newer = record.alias("newer")
    query = (
        select(certificate, record_payload.c.columns, newer.c.id.label("newer"))
        .join(record, record.c.id == certificate.c.record_id)
        .outerjoin(record_payload, record_payload.c.record_id == record.c.id)
        .outerjoin(newer, newer.c.supersedes == record.c.id)
        .order_by(certificate.c.made_at.desc(), certificate.c.id)
    )
    rows = connection.execute(query.where(record.c.sitting_id == sitting_id) if sitting_id else query).all()
    standing = {(row.record_id, row.kind) for row in rows if row.revoked_at is None}
    lines = [_line(row, (row.record_id, row.kind) in standing) for row in rows]
    return tuple(sorted(lines, key=lambda one: (-one.made_at, one.admission_no, one.number)))


def _line(row: Row[Any], replaced: bool) -> Listed:
    columns = json.loads(row.columns) if row.columns else {}
    if row.revoked_at is not None:
        state = "replaced" if replaced else "revoked"
    else:
        state = "superseded" if row.newer else "stands"
    return Listed(
        row.id, row.kind, row.record_id, columns.get("姓名", ""), columns.get("准考证号", ""), state, row.made_at, row.made_by,
        row.revoked_at, row.revoked_by or "", row.revoke_reason or "",
    )  # fmt: skip


def revoke(connection: Connection, number: str, reason: str, by: str) -> None:
    """Take a certificate back, in the caller's transaction.

    :raises CertificateError: no reason, no such certificate, or revoked already.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= 500:
        raise CertificateError("请写明撤销的原因（1 至 500 字）")
    done = connection.execute(
        update(certificate)
        .where(certificate.c.id == number, certificate.c.revoked_at.is_(None))
        .values(revoked_at=now_ms(), revoked_by=by, revoke_reason=reason)
    ).rowcount
    if not done:
        raise CertificateError(f"没有编号为 {number[:40]} 的有效证书；可能已经撤销")
    audit(connection, OFFICE, by, "certificate.revoke", number, reason=reason)


def replace(home: Home, number: str, reason: str, by: str) -> str:
    """Revoke a certificate that was lost or spoilt and make another for the same record; returns its number.

    :raises CertificateError: as :func:`revoke`; or its record is superseded or erased, so that there is nothing to print.
    """
    with transaction(home.office) as connection:
        query = select(certificate.c.kind, record.c.id, record.c.sitting_id).join(record, record.c.id == certificate.c.record_id)
        old = connection.execute(query.where(certificate.c.id == number)).first()
        if old is None:
            raise CertificateError(f"没有编号为 {number[:40]} 的证书")
        known = get_sitting(connection, old.sitting_id)
        one = next((row for row in _records(connection, old.sitting_id, old.kind) if row.id == old.id), None)
        if one is None or not one.columns:
            raise CertificateError("这份证书所依据的成绩记录已被更正或已删除，不能补发；请制作新的证书")
        revoke(connection, number, reason, by)
        issue = _Issue(home, known, old.kind, now_ms(), private_key(home))
        sheet = issue.sheet(one, json.loads(one.columns), None)
        connection.execute(certificate.insert().values(
            id=sheet.number, record_id=one.id, kind=old.kind, statement=sheet.code, made_at=sheet.made_at, made_by=by))  # fmt: skip
        audit(connection, OFFICE, by, "certificate.replace", number, by_number=sheet.number)
    return sheet.number


def revocations(home: Home) -> Revocations:
    """Everything this office made that does not stand any more, as of now."""
    with home.office.connect() as connection:
        lines = [one for one in listed(connection) if one.state != "stands"]
        since = dict(connection.execute(select(record.c.supersedes, record.c.issued_at).where(record.c.supersedes.is_not(None))).all())
    numbers = {one.number: (one.state, local_text(one.revoked_at or since[one.record_id], "%Y-%m-%d")) for one in lines}
    return Revocations(str(home.settings["office_name"]), now_ms(), numbers)
