"""A file between two requests: between the look at what it would do and the confirmation, or between a refused form and the next attempt.

Sealed in the home's secret folder, bound to who sent it, in which login and for what; good for an hour.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from hall.office.visit import Refused, Upload, Visit
from home import PRIVATE, PRIVATE_FOLDER, write_atomically
from people.errors import IdentityError
from people.sealing import seal, unseal

KEPT_MS = 3_600_000
_NAME = 200
_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Kept:
    """A file as it was uploaded; ``path`` is to be unlinked once it has been taken over."""

    name: str
    data: bytes = field(repr=False)
    path: Path


def _bound_to(visit: Visit, subject: str) -> str:
    return f"{subject}/{visit.staff.id}/{visit.session.digest}"


def keep_upload(visit: Visit, purpose: str, subject: str, file: Upload) -> str:
    """Seal an upload; returns the token by which the same person, in the same login, confirms it within the hour."""
    folder, token = visit.home.secret / "uploads", secrets.token_hex(16)
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    for old in folder.glob("*.sealed"):
        if _too_old(old, visit.now):
            old.unlink(missing_ok=True)
    name = file.name.encode()[-_NAME:].ljust(_NAME, b"\0")  # the end tells the kind of file
    sealed = seal(visit.home.key("identity"), purpose, name + file.data, _bound_to(visit, subject))
    write_atomically(folder / f"{token}.sealed", sealed, PRIVATE)
    return token


def _too_old(path: Path, now: int) -> bool:
    try:
        return now - path.stat().st_mtime * 1000 > KEPT_MS
    except FileNotFoundError:  # another request has just taken it over
        return True


def kept_upload(visit: Visit, purpose: str, subject: str, field_name: str = "token") -> Kept:
    """The file that the form's token names.

    :raises Refused: taken over already, too old, or not uploaded in this login for this.
    """
    token = visit.form.get(field_name, "")
    path = visit.home.secret / "uploads" / f"{token}.sealed"
    if not _TOKEN.fullmatch(token) or _too_old(path, visit.now):
        raise Refused("这份文件已经导入或过期；请重新选择文件")
    try:
        data = unseal(visit.home.key("identity"), purpose, path.read_bytes(), _bound_to(visit, subject))
    except IdentityError:
        raise Refused("这份文件不是本次登录上传的；请重新选择文件") from None
    return Kept(data[:_NAME].rstrip(b"\0").decode(errors="replace"), data[_NAME:], path)
