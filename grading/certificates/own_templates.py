"""Which template is used: the one that comes with pufa, or the office's own in ``<home>/templates/``; every change is recorded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from exams.typesetting import own_template
from grading.certificates.sheets import shipped_template
from grading.certificates.specimen import try_template
from grading.certificates.statement import KINDS
from grading.errors import CertificateError
from home import OFFICE, Home, audit, local_text, now_ms, transaction, write_atomically

_MODE = 0o660


@dataclass(frozen=True)
class InUse:
    """``own_since``: when (ms UTC) the office's own was put there; None: the shipped one."""

    kind: str
    title: str
    own_since: int | None


def in_use(home: Home) -> list[InUse]:
    """What is used for each kind."""
    found = []
    for kind, title in KINDS.items():
        own = _own(home, kind)
        found.append(InUse(kind, title, int(own.stat().st_mtime * 1000) if own.is_file() else None))
    return found


def put_into_use(home: Home, kind: str, template: bytes, by: str) -> None:
    """From now on sheets are set by ``template``; the office's former one is kept under ``templates/earlier/``.

    :raises CertificateError: it does not pass its trial, or the folder cannot be written.
    """
    try_template(home, kind, template)
    with transaction(home.office) as connection:
        audit(connection, OFFICE, by, "template.use", kind, sha256=hashlib.sha256(template).hexdigest())
        _replace(home, kind, template)


def back_to_shipped(home: Home, kind: str, by: str) -> None:
    """The shipped template again; the office's own is kept under ``templates/earlier/``.

    :raises CertificateError: there is no own one, or the folder cannot be written.
    """
    if not _own(home, kind).is_file():
        raise CertificateError(f"{KINDS[kind]}现在用的就是随软件附带的版式")
    with transaction(home.office) as connection:
        audit(connection, OFFICE, by, "template.shipped", kind)
        _replace(home, kind, None)


def _replace(home: Home, kind: str, template: bytes | None) -> None:
    own = _own(home, kind)
    earlier = own.parent / "earlier" / f"{own.stem}-{local_text(now_ms(), '%Y%m%d-%H%M%S')}{own.suffix}"
    try:
        earlier.parent.mkdir(parents=True, exist_ok=True)
        if own.is_file():
            write_atomically(earlier, own.read_bytes(), _MODE)
        if template is None:
            own.unlink()
        else:
            write_atomically(own, template, _MODE)
    except OSError as error:
        raise CertificateError(f"{own}：写不进去（{error.strerror or error}）；请系统管理员检查权限和磁盘空间，版式没有更换") from None


def _own(home: Home, kind: str) -> Path:
    return own_template(home, shipped_template(kind))
