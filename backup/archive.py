"""The backup file: a compressed tar of the whole home, encrypted for a key that lies printed in the safe.

``pufa-<instant>.tar.gz.age`` with the key of :func:`make_key` in place, ``.tar.gz`` without. The last member, ``manifest.json``,
names every file with its SHA-256 and every table with its number of rows and digest.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import logging
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import pyrage
from sqlalchemy.exc import DBAPIError

from backup.snapshot import copy_sqlite, file_engine, fingerprint, owner_engine, snapshot
from faults import no_right, told, why
from home import DATABASES, PRIVATE, PRIVATE_FOLDER, Home, HomeError, local_text, write_atomically

FORMAT = 1
MANIFEST = "manifest.json"
RECIPIENT = "backup.pub"
INDEX = "index.jsonl"
_AGE = b"age-encryption.org/"
#: not in a backup: databases (taken as snapshots), what can be made again, what belongs to one machine
_LEFT_OUT = ("exam", "exports", "backups", "secret/database.toml", "secret/.serve.lock", "secret/.worker.lock")

log = logging.getLogger("pufa.backup")


class BackupError(HomeError):
    """A backup cannot be made, read or restored; nothing that was there has changed."""


@dataclass(frozen=True)
class Backup:
    """One backup file: where, when (ms UTC), how large in bytes, and whether it can only be read with the key."""

    path: Path
    at: int
    size: int
    sha256: str
    encrypted: bool


def make_key(home: Home) -> str:
    """Make the key pair of this home's backups; returns the secret half, to be printed and put into the safe.

    It is kept nowhere. A second call makes a new pair: older backups still need the older key.
    """
    identity = pyrage.x25519.Identity.generate()
    place = home.root / RECIPIENT
    if place.is_dir():
        raise BackupError(f"{place}：这里有一个同名的文件夹；请先把它移走，再生成密钥")
    write_atomically(place, f"{identity.to_public()}\n", 0o640)
    return str(identity)


def make_backup(home: Home, folder: Path, now: int) -> Backup:
    """Write a backup of a home that may be in use; returns it when it is whole and on the disk.

    :raises BackupError: the folder cannot be written, the disk is full, or a database or the key cannot be read.
    """
    _recipient(home)  # before the work, not after it
    try:
        with tempfile.TemporaryDirectory(prefix=".backup", dir=own_folder(home)) as work:
            plain = Path(work) / "home.tar.gz"
            _pack(home, plain, Path(work), now)
            path = seal(home, plain, folder / f"pufa-{local_text(now, '%Y%m%d-%H%M%S')}.tar.gz")
            done = Backup(path, now, path.stat().st_size, sha256_of(path), path.suffix == ".age")
            note(home, {"file": str(path), "at": now, "size": done.size, "sha256": done.sha256, "encrypted": done.encrypted})
            return done
    except PermissionError as error:
        raise BackupError(f"备份没有做成：{no_right(Path(error.filename or folder))}") from None
    except (OSError, sqlite3.Error, DBAPIError) as error:
        raise failed("备份没有做成", error, folder) from None


def failed(what: str, error: OSError | sqlite3.Error | DBAPIError, folder: Path) -> BackupError:
    """What is told where something could not be written to ``folder``, or read from the databases."""
    server = told(error) if isinstance(error, DBAPIError) and not isinstance(error.orig, sqlite3.Error) else None
    return BackupError(f"{what}：{server}" if server else f"{what}（{reason(error)}）；请检查 {folder} 和数据文件夹的磁盘是否插好、可写、有足够空间")


def reason(error: OSError | sqlite3.Error | DBAPIError) -> str:
    """Why something could not be read or written, in a few words; of a database never what is in its rows."""
    if isinstance(error, OSError):
        return why(error)
    found = error.orig if isinstance(error, DBAPIError) else error
    full = getattr(found, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return "磁盘已满" if full else f"数据库读写出错：{getattr(found, 'sqlite_errorname', None) or type(found).__name__}"


def seal(home: Home, source: Path, target: Path) -> Path:
    """Put a file in its place, encrypted (``.age`` is added to its name) where the home has a backup key; returns the place.

    Written aside, synced and renamed: what was there before stays until the new file is whole.
    """
    recipient = _recipient(home)
    if recipient is not None:
        target = target.with_name(f"{target.name}.age")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}")
    try:
        with source.open("rb") as data, os.fdopen(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, PRIVATE), "w+b") as out:
            if recipient is not None:
                _encrypt(data, out, recipient, aside)
            else:
                shutil.copyfileobj(data, out)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return target


def _encrypt(data: BinaryIO, out: BinaryIO, recipient: pyrage.x25519.Recipient, place: Path) -> None:
    try:
        pyrage.encrypt_io(data, out, [recipient])
    except pyrage.EncryptError:  # all that it says of a disk; a key that is none has been refused before
        full = shutil.disk_usage(place.parent).free < os.fstat(data.fileno()).st_size
        raise OSError(errno.ENOSPC if full else errno.EIO, "", str(place)) from None


def _recipient(home: Home) -> pyrage.x25519.Recipient | None:
    """Whom backups are encrypted for; None: no key was ever made. Where one was made, nothing leaves in clear text.

    :raises BackupError: the file is damaged.
    """
    path = home.root / RECIPIENT
    if not os.path.lexists(path):
        return None
    try:
        return pyrage.x25519.Recipient.from_str(path.read_text(encoding="utf-8").strip())
    except (pyrage.RecipientError, UnicodeDecodeError, IsADirectoryError, FileNotFoundError):
        raise BackupError(
            f"{path}：备份公钥损坏，备份没有做。请从以前的备份里取回这个文件，或用 pufa backup --new-key 换新密钥（以前的备份仍用旧密钥打开）"
        ) from None


def own_folder(home: Home) -> Path:
    """``backups/`` of the home: work in progress and the index, even where the backups go elsewhere."""
    folder = home.root / "backups"
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    return folder


def _pack(home: Home, target: Path, work: Path, now: int) -> None:
    files: dict[str, dict[str, object]] = {}
    tables: dict[str, Mapping[str, tuple[int, str]]] = {}
    with tarfile.open(target, "w:gz", compresslevel=1) as tar:
        for name, place in DATABASES.items():
            with owner_engine(home, name) as engine:
                snapshot(engine, name, work / name)
            with file_engine(work / name) as copy, copy.connect() as connection:
                tables[name] = fingerprint(connection)
            files[place] = _add(tar, place, work / name, 0o600)
        for place, path in _files(home.root):
            if path.suffix == ".db":  # nbgrader's gradebooks: databases in use as well
                copy_sqlite(path, work / "gradebook")
                path = work / "gradebook"
            files[place] = _add(tar, place, path, path.stat().st_mode & 0o777)
            (work / "gradebook").unlink(missing_ok=True)
        manifest = {"format": FORMAT, "made_at": now, "office": home.settings["office_name"], "files": files, "tables": tables}
        body = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(body)
        tar.addfile(entry, io.BytesIO(body))


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root).as_posix()
        left_out = any(place == one or place.startswith(f"{one}/") for one in _LEFT_OUT)
        journal = path.name.startswith("office.db") or path.name.endswith((".db-wal", ".db-shm", ".db-journal"))
        if path.is_file() and not path.is_symlink() and not left_out and not journal:
            yield place, path


def _add(tar: tarfile.TarFile, place: str, path: Path, mode: int) -> dict[str, object]:
    data = path.read_bytes()
    entry = tarfile.TarInfo(place)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))
    return {"sha256": hashlib.sha256(data).hexdigest(), "mode": mode}


def is_sealed(path: Path) -> bool:
    """Whether reading the file needs the key from the safe."""
    with path.open("rb") as data:
        return data.read(len(_AGE)) == _AGE


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def note(home: Home, row: Mapping[str, object]) -> None:
    """Append a line to the index, on the disk when this returns; a line that a power cut left torn does not spoil the next one."""
    with (own_folder(home) / INDEX).open("a+b") as index:
        size = index.seek(0, os.SEEK_END)
        torn = size > 0 and os.pread(index.fileno(), 1, size - 1) != b"\n"
        index.write((b"\n" if torn else b"") + json.dumps(row, ensure_ascii=False).encode() + b"\n")
        index.flush()
        os.fsync(index.fileno())


def known_backups(home: Home) -> list[Backup]:
    """What the index tells of backups made so far, the newest last; lines that are notes of another kind are passed over.

    A line that cannot be read is passed over too: the index is a convenience, and nobody's work is to stop for it.
    """
    index = own_folder(home) / INDEX
    lines = index.read_bytes().split(b"\n") if index.is_file() else []
    found = []
    for number, line in enumerate(lines, 1):
        if line:
            try:
                row = json.loads(line)
                if "sha256" in row:
                    found.append(Backup(Path(row["file"]), int(row["at"]), int(row["size"]), row["sha256"], row["encrypted"]))
            except (ValueError, TypeError, KeyError):
                _tell_unreadable(index, number)
    return found


@lru_cache(maxsize=1000)
def _tell_unreadable(index: Path, number: int) -> None:
    """Once a process: every page of the office reads the index."""
    log.warning("%s 第 %d 行读不出来，已跳过；其余备份记录照常使用", index, number)
