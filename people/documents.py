"""Papers on file: a stamped leave note, a certificate's scan. The bytes lie in ``secret/documents`` under their digest.

The name that was uploaded is only shown, never used as a path; what the bytes are is read off the bytes, not off the name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, select

from home import OFFICE, PRIVATE, Home, audit, now_ms, write_atomically
from people.errors import DocumentError, PeopleError
from people.tables import document

LARGEST = 10 * 1024 * 1024
#: first bytes -> media type; nothing that a browser would run
_KNOWN = (
    (b"%PDF-", "application/pdf"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"PK\x03\x04", "application/zip"),
)  # fmt: skip
TITLES = {"application/pdf": "PDF", "image/png": "PNG 图片", "image/jpeg": "JPG 图片", "application/zip": "DOCX 或 OFD 文件"}


@dataclass(frozen=True)
class Document:
    """One paper on file; ``size`` in bytes, ``added_at`` ms UTC."""

    id: int
    person_id: int | None
    sha256: str
    name: str
    media_type: str
    size: int
    added_by: str
    added_at: int
    erased: bool


def file_document(home: Home, connection: Connection, person_id: int | None, name: str, data: bytes, by: str) -> int:
    """Keep a paper; returns its id. The bytes are on the disk before the row is committed.

    :raises DocumentError: empty, larger than :data:`LARGEST`, or none of the kinds that are kept.
    """
    media_type = next((kind for start, kind in _KNOWN if data.startswith(start)), None)
    shown = name.replace("\\", "/").rpartition("/")[2].strip()[-200:] or "附件"
    if media_type is None:
        raise DocumentError(f"附件“{shown}”不是 PDF、PNG、JPG、DOCX 或 OFD 文件，没有保存；请转换格式后再上传")
    if len(data) > LARGEST:
        raise DocumentError(f"附件“{shown}”超过 {LARGEST // 1024 // 1024} MB，没有保存；请缩小后再上传")
    sha256 = hashlib.sha256(data).hexdigest()
    path = home.secret / "documents" / sha256
    if not path.exists():
        write_atomically(path, data, PRIVATE)
    number = connection.execute(
        document.insert().values(
            person_id=person_id, sha256=sha256, name=shown, media_type=media_type, size=len(data), added_by=by, added_at=now_ms()
        )
    ).inserted_primary_key[0]  # type: ignore[index]
    audit(connection, OFFICE, by, "document.file", f"person/{person_id}" if person_id else "-", document=number, sha256=sha256)
    return int(number)


def forget_unfiled(home: Home, data: bytes) -> None:
    """Take bytes off the disk again that no document names: what they were uploaded for was refused."""
    sha256 = hashlib.sha256(data).hexdigest()
    with home.office.connect() as connection:
        if connection.execute(select(document.c.id).where(document.c.sha256 == sha256)).first() is None:
            (home.secret / "documents" / sha256).unlink(missing_ok=True)


def get_document(connection: Connection, ident: int) -> Document:
    """What is known of a paper.

    :raises PeopleError: there is none of this number.
    """
    row = connection.execute(select(document).where(document.c.id == ident)).first()
    if row is None:
        raise PeopleError(f"没有编号为 {ident} 的附件")
    return Document(
        row.id, row.person_id, row.sha256, row.name, row.media_type, row.size, row.added_by, row.added_at, row.erased_at is not None
    )  # fmt: skip


def read_document(home: Home, known: Document) -> bytes:
    """The bytes of a paper, checked against their digest.

    :raises PeopleError: erased, missing or changed on the disk.
    """
    if known.erased:
        raise DocumentError(f"附件“{known.name}”已按规定删除")
    try:
        data = (home.secret / "documents" / known.sha256).read_bytes()
    except OSError:
        raise DocumentError(f"附件“{known.name}”读不出来；请从备份恢复") from None
    if hashlib.sha256(data).hexdigest() != known.sha256:
        raise DocumentError(f"附件“{known.name}”在磁盘上被改动过，不能作为依据；请从备份恢复")
    return data
