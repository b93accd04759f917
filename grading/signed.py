"""Signed records as a file that anyone can check without this home: ``pufa records archive`` writes it, ``verify`` reads it.

``{"format": "pufa-records/1", "office", "public_key": hex, "records": [{"statement", "digest", "signature": hex, "columns"}]}``.
The key in the file shows only that the file is of one piece; whose it is is known by the key that the office published.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from grading.errors import RecordError
from grading.records import genuine, public_key
from grading.tables import record, record_payload
from home import OFFICE, Home, audit, digest, transaction, write_atomically

FORMAT = "pufa-records/1"
LARGEST = 512 * 1024 * 1024


@dataclass(frozen=True)
class Checked:
    """What a file of records came to. ``superseded``: {record: its successor}; ``bad``: (record, why)."""

    records: int
    key: str
    own_key: bool                   # checked by the key in the file itself
    bad: Sequence[tuple[str, str]] = ()
    superseded: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[str] = ()     # predecessors that the file does not hold
    erased: int = 0                 # records whose personal side was erased by policy


def signed_records(home: Home, sitting_id: str | None, person_id: int | None = None) -> bytes:
    """All records (superseded ones too) of a sitting, of all sittings, or of one person in a sitting, with their signatures."""
    query = (
        select(record, record_payload.c.columns)
        .outerjoin(record_payload, record_payload.c.record_id == record.c.id)
        .order_by(record.c.sitting_id, record.c.issued_at, record.c.id)
    )
    if sitting_id is not None:
        query = query.where(record.c.sitting_id == sitting_id)
    if person_id is not None:
        query = query.where(record.c.person_id == person_id)
    with home.office.connect() as connection:
        rows = [
            {
                "statement": row.statement, "digest": row.digest, "signature": row.signature.hex(),
                "columns": json.loads(row.columns) if row.columns else None,
            }
            for row in connection.execute(query)
        ]  # fmt: skip
    head = {"format": FORMAT, "office": str(home.settings.get("office_name", "")), "public_key": public_key(home).hex(), "records": rows}
    return json.dumps(head, ensure_ascii=False, indent=1).encode()


def archive_records(home: Home, sitting_id: str | None, out: Path, by: str) -> int:
    """Write :func:`signed_records` to a file; returns how many. Who took them is audited.

    :raises RecordError: there is none, or the place cannot be written.
    """
    data = signed_records(home, sitting_id)
    count = len(json.loads(data)["records"])
    if not count:
        raise RecordError("还没有签发成绩记录，没有可存档的内容")
    try:
        write_atomically(out, data, 0o600)
    except OSError as error:
        raise RecordError(f"{out}：写不进去（{error.strerror or error}）；请检查文件夹权限和磁盘空间") from None
    with transaction(home.office) as connection:
        audit(connection, OFFICE, by, "records.archive", sitting_id or "*", records=count, sha256=hashlib.sha256(data).hexdigest())
    return count


def check_file(data: bytes, key: str | None = None) -> Checked:
    """Check a file of records by ``key`` (hex), or by the key that it carries itself.

    :raises RecordError: it is no such file, holds no record, or the key is none.
    """
    body = _read(data)
    used = (key or str(body.get("public_key", ""))).strip().lower()
    try:
        raw = bytes.fromhex(used)
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise RecordError("公钥应为 64 位十六进制数；向签发单位索取")
    rows = body["records"]
    if not isinstance(rows, list) or not rows:
        raise RecordError("文件里没有成绩记录，什么也没有核验；请重新导出")
    bad, erased = [], 0
    successor: dict[str, str] = {}
    seen: set[str] = set()
    for n, row in enumerate(rows, 1):
        ident, previous, why = _check(row, n, raw)
        if ident in seen:
            why = why or "同一存档号出现两次"
        seen.add(ident)
        if why:
            bad.append((ident, why))
        elif previous:
            successor[previous] = ident
        erased += isinstance(row, dict) and row.get("columns") is None
    missing = sorted(set(successor) - seen)
    known = {old: new for old, new in successor.items() if old in seen}
    return Checked(len(rows), used, key is None, tuple(bad), known, missing, erased)


def _read(data: bytes) -> dict[str, object]:
    try:
        body = json.loads(data.decode("utf-8-sig")) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or body.get("format") != FORMAT or "records" not in body:
        raise RecordError("这不是带签名的成绩记录文件（pufa records archive 所写）；成绩册的 Excel、CSV、JSON 不带签名，不能核验")
    return body


def _check(row: object, number: int, key: bytes) -> tuple[str, str, str]:
    """(record, the one it supersedes or "", what is wrong or "")."""
    name = f"第 {number} 份"
    if not isinstance(row, dict):
        return name, "", "格式不对"
    statement, stated, signature, columns = (row.get(part) for part in ("statement", "digest", "signature", "columns"))
    try:
        told = json.loads(statement) if isinstance(statement, str) else None
        raw = bytes.fromhex(signature) if isinstance(signature, str) else b""
    except (ValueError, RecursionError):
        return name, "", "格式不对"
    if not isinstance(told, dict) or not isinstance(told.get("record"), str) or not isinstance(stated, str):
        return name, "", "格式不对"
    name, previous = told["record"][:40], told.get("supersedes")
    if not genuine(str(statement), stated, raw, key):
        return name, "", "与签名不符：内容被改动过，或不是这个单位签发的"
    if columns is not None and digest(columns) != told.get("columns"):
        return name, "", "姓名、单位、分数等内容与签名不符：被改动过"
    return name, previous if isinstance(previous, str) else "", ""
