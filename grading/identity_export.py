"""Lists with full identity numbers (domain.md D.7): asked for with a purpose, granted by a second person, made once, encrypted, deleted.

The workbook is encrypted under a random password that WPS and Excel ask for (ECMA-376 agile encryption); whoever asked is
shown it once. It is kept in no database and no log: it lies sealed beside the file's place until the worker has used it. Neither
numbers nor password are in the job. The plain workbook never touches the disk. Nothing here is backed up (``exports/`` is not).
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from exams.tables import candidate
from grading.errors import ExportError
from grading.exports import Sheet, aside, sheet_of, snapshot
from grading.lists.candidates import IDENTITY
from grading.lists.kinds import LISTS, ListKind, list_of
from grading.lists.layout import Column, Layout, checked
from grading.lists.scope import Scope, sittings_of
from home import OFFICE, PRIVATE, PRIVATE_FOLDER, Home, audit, local_text, now_ms, transaction, write_atomically
from people import approvals
from people.errors import IdentityError, PeopleError
from people.identity import reveal
from people.sealing import seal, unseal
from people.tables import approval, person

ACT = "identity.export"
#: lists whose rows are candidates and have the column
ALLOWED = tuple(key for key, kind in LISTS.items() if IDENTITY in kind.columns and kind.of_sittings)
DAY_MS = 86_400_000
LONGEST_DAYS = 30
#: Crockford's letters, 80 bits: dictated over a telephone without mistakes
_LETTERS, _GROUPS, _GROUP = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 4, 4
_PURPOSE = "export password"
_TITLED = 5


@dataclass(frozen=True)
class Request:
    """What a second person is asked to allow. ``days``: how long the file may lie here before it is deleted."""

    kind: ListKind
    scope: Scope
    columns: str
    recipient: str
    days: int

    @property
    def subject(self) -> str:
        return f"list/{self.kind.key}"


@dataclass(frozen=True)
class Allowed:
    """What was allowed, read back from the approval: sittings and columns as they were then, whatever has changed since."""

    kind: ListKind
    scope: Scope
    layout: Layout
    recipient: str
    days: int

    @classmethod
    def read(cls, known: approvals.Approval) -> Allowed:
        """:raises ExportError: the list no longer has one of the columns."""
        told: Mapping[str, Any] = known.arguments
        kind = list_of(known.subject.removeprefix("list/"))
        columns, faults = checked(told["layout"], kind.columns, kind.title)
        if faults:
            raise ExportError("\n".join(faults))
        layout = Layout(kind.shipped.heading, columns, kind.shipped.notes, str(told["columns"]))
        return cls(kind, Scope.read(told["scope"]), layout, str(told["recipient"]), int(told["days"]))


@dataclass(frozen=True)
class NumbersFile:
    """An encrypted workbook that was made. ``delete_at``: ms UTC."""

    path: Path
    rows: int
    sha256: str
    delete_at: int


def ask_numbers(connection: Connection, wanted: Request, by: str, purpose: str) -> int:
    """Ask for a second person's word, in the caller's transaction; returns the request's number.

    :raises ExportError: a list or column set without identity numbers, no recipient, or a bad number of days.
    :raises SittingError, PeopleError: no such sitting; no purpose, or the same is asked for already.
    """
    if wanted.kind.key not in ALLOWED:
        raise ExportError(f"“{wanted.kind.title}”没有证件号码；可选：{'、'.join(LISTS[key].title for key in ALLOWED)}")
    layout = wanted.kind.layout(connection, wanted.columns)
    if IDENTITY not in {column.name for column in layout.columns}:
        raise ExportError(f"列方案“{layout.name}”里没有身份证号一列；请换一个列方案")
    if not 1 <= len(wanted.recipient.strip()) <= 100:
        raise ExportError("请填写接收单位（100 字以内）")
    if not 1 <= wanted.days <= LONGEST_DAYS:
        raise ExportError(f"文件保存天数应为 1 至 {LONGEST_DAYS}")
    found = sittings_of(connection, wanted.scope)
    more = f" 等 {len(found)} 场" if len(found) > _TITLED else ""
    return approvals.ask(
        connection, ACT, wanted.subject, by=by, reason=purpose, life_ms=approvals.LIFE_MS, list=wanted.kind.title, columns=layout.name,
        sitting="、".join(one.title for one in found[:_TITLED]) + more, recipient=wanted.recipient.strip(), days=wanted.days,
        expires=f"文件做好后 {wanted.days} 天，到期自动删除", layout=[[one.name, one.title, one.width] for one in layout.columns],
        scope=replace(wanted.scope, sittings=tuple(one.id for one in found), since=None, until=None, formal=False).arguments(),
    )  # fmt: skip


def hand_over_password(home: Home, ident: int, by: str) -> str:
    """A new password for an approved request; it is returned this once and lies sealed until the file is made.

    :raises ExportError: somebody else asked, or it is not approved, spent or expired.
    """
    with home.office.connect() as connection:
        _granted(connection, ident, by)
    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    sealed = seal(home.key("identity"), _PURPOSE, password.encode(), str(ident))
    write_atomically(_folder(home) / f"{ident}.key", sealed, PRIVATE)
    return password


def make_file(home: Home, ident: int, by: str) -> NumbersFile:
    """Write the encrypted workbook of an approved request and spend the approval; for the worker.

    :raises ExportError: not approved (any more), no password was handed over, or the list cannot be made.
    """
    key_file = _folder(home) / f"{ident}.key"
    try:
        password = unseal(home.key("identity"), _PURPOSE, key_file.read_bytes(), str(ident)).decode()
    except (OSError, IdentityError):
        raise ExportError("没有收到口令；请在“完整证件号码”页面重新点“制作加密文件”") from None
    try:
        return _make(home, ident, by, password)
    finally:
        key_file.unlink(missing_ok=True)


def _make(home: Home, ident: int, by: str, password: str) -> NumbersFile:
    from msoffcrypto.format.ooxml import OOXMLFile  # only for this

    from grading import export_xlsx

    with snapshot(home) as connection:
        granted = _granted(connection, ident, by)
        wanted = Allowed.read(granted)
        layout = replace(wanted.layout, columns=tuple(_unmasked(one) if one.name == IDENTITY else one for one in wanted.layout.columns))
        sheet = sheet_of(home, connection, wanted.kind, wanted.scope, layout, _numbers(home, connection, wanted.scope))
        moment = now_ms()
        delete_at = moment + wanted.days * DAY_MS
        plain = io.BytesIO()
        rows = export_xlsx.write(plain, _marked(sheet, granted, wanted, moment, delete_at), on_disk=False)
    path = _folder(home) / f"{ident}.xlsx"
    with aside(path) as out:
        OOXMLFile(plain).encrypt(password, out)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        with transaction(home.office) as connection:
            approvals.use(connection, ident, ACT, granted.subject, **granted.arguments)
            audit(connection, OFFICE, by, "identity.export", granted.subject, approval=ident, rows=rows, sha256=sha256, purpose=granted.reason,
                  recipient=wanted.recipient, approved_by=granted.decided_by, delete_at=delete_at)  # fmt: skip
    except PeopleError as error:
        path.unlink(missing_ok=True)
        raise ExportError(str(error)) from None
    return NumbersFile(path, rows, sha256, delete_at)


def _granted(connection: Connection, ident: int, by: str) -> approvals.Approval:
    try:
        known = approvals.get(connection, ident)
    except PeopleError:
        known = None
    if known is None or known.act != ACT or known.asked_by != by:
        raise ExportError("没有您提出的这项申请；谁申请，谁制作、谁领取")
    if not known.granted or known.used_at is not None or known.expires_at <= now_ms():
        raise ExportError("这项申请还没有得到另一人的批准，或者批准已过期、已用过；请重新申请")
    return known


def _unmasked(column: Column) -> Column:
    """The column of masked numbers, wide enough for whole ones, and not called masked."""
    return replace(column, title=column.title.replace("（脱敏）", "").strip() or column.name, width=max(column.width, 20.0))


def _marked(sheet: Sheet, granted: approvals.Approval, wanted: Allowed, moment: int, delete_at: int) -> Sheet:
    """Purpose, who and when stand below the list and at the foot of each page."""
    told = (
        f"含完整证件号码。用途：{granted.reason}；接收单位：{wanted.recipient}；申请人：{granted.asked_by}；批准人：{granted.decided_by}；"
        f"制作时间：{local_text(moment)}；限 {local_text(delete_at, '%Y-%m-%d')} 前使用，用毕销毁，不得转发。"
    )
    seal_ = f"含完整证件号码 严禁外传 {granted.asked_by} 申请 {granted.decided_by} 批准 {wanted.recipient[:20]}用"
    return replace(sheet, seal=seal_, listing=replace(sheet.listing, notes=(told, *sheet.listing.notes)))


def _numbers(home: Home, connection: Connection, scope: Scope) -> dict[int, str]:
    """Full numbers of everybody in scope; whose number cannot be opened (erased) is left out."""
    key = home.key("identity")
    idents = [one.id for one in sittings_of(connection, scope)]
    query = (
        select(person.c.id, person.c.document, person.c.identity_cipher)
        .where(person.c.id.in_(select(candidate.c.person_id).where(candidate.c.sitting_id.in_(idents))))
    )  # fmt: skip
    if scope.person_id is not None:
        query = query.where(person.c.id == scope.person_id)
    found = {}
    for row in connection.execute(query):
        try:
            found[row.id] = reveal(key, row.document, row.identity_cipher)
        except IdentityError:
            continue
    return found


# ---------------------------------------------------------------- afterwards


def requests_of(connection: Connection, by: str, most: int = 20) -> list[approvals.Approval]:
    """What somebody asked for, the newest first."""
    query = select(approval.c.id).where(approval.c.act == ACT, approval.c.asked_by == by).order_by(approval.c.id.desc()).limit(most)
    return [approvals.get(connection, ident) for ident in connection.execute(query).scalars().all()]


def file_of(home: Home, known: approvals.Approval, now: int) -> Path | None:
    """The file that was made of a request, while it may be had."""
    path = _folder(home) / f"{known.id}.xlsx"
    return path if known.used_at is not None and now < delete_at(known) and path.is_file() else None


def delete_at(known: approvals.Approval) -> int:
    """When the file of a request that was used is deleted, ms UTC."""
    return (known.used_at or 0) + Allowed.read(known).days * DAY_MS


def delete_expired(home: Home, now: int) -> int:
    """Delete files whose time is over, and whatever lies there without an approval; returns how many. For the worker."""
    gone = 0
    for path in sorted(_folder(home).iterdir()):
        if path.suffix == ".xlsx" and not path.name.startswith(".") and _still_allowed(home, path, now):
            continue
        if path.suffix != ".xlsx" and now - path.stat().st_mtime * 1000 < DAY_MS:
            continue  # a password on its way, or a file that is being written
        path.unlink(missing_ok=True)
        gone += 1
        with transaction(home.office) as connection:
            audit(connection, OFFICE, "worker", "identity.delete", path.name[:128])
    return gone


def _still_allowed(home: Home, path: Path, now: int) -> bool:
    if now - path.stat().st_mtime * 1000 < 60_000:
        return True  # just made; its approval is being spent
    try:
        with home.office.connect() as connection:
            return file_of(home, approvals.get(connection, int(path.stem)), now) is not None
    except (ValueError, PeopleError):
        return False


def _folder(home: Home) -> Path:
    folder = home.exports / "identity"
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    return folder
