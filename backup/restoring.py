"""A backup file back into a home: unpacked aside, checked against its manifest, and only then put in its place."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyrage
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from backup.archive import FORMAT, MANIFEST, BackupError, is_sealed, reason
from backup.newer import put_newer
from backup.snapshot import file_engine, fingerprint, load, owner_engine
from home import DATABASES, Home, HomeError, write_atomically
from migrations import upgrade
from migrations.postgres import refuse_used, settings_for

LARGEST_UNPACKED = 200 * 1024**3
_KEY = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]+")


@dataclass(frozen=True)
class Restored:
    """A home that was restored: when the backup was made (ms UTC) and how many rows came back by table."""

    home: Home
    made_at: int
    rows: Mapping[str, int]


def restore(archive: Path, target: Path, key: str | None = None, db_url: str | None = None, exam: Path | None = None) -> Restored:
    """Make a home at ``target`` (which must not exist or be empty) from a backup file.

    ``key``: the secret key from the safe, for an encrypted file; ``db_url``: restore into this empty PostgreSQL instead
    of SQLite files; ``exam``: a newer copy of exam.db alone (see :mod:`backup.schedule`), used in place of the one inside.

    :raises BackupError: no such file, wrong or missing key, a damaged or altered file, an ``exam`` that is not a newer copy of this
        home's, or a target that is in use. Nothing is left at ``target`` then.
    """
    target = target.resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(f"{target}：文件夹已存在且不为空；请换一个新文件夹，已有内容没有改动")
    try:
        if db_url:
            refuse_used(db_url)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restore", dir=target.parent) as work:
            staged = Path(work) / "home"
            manifest = _unpack(archive, staged, key, Path(work))
            _check(staged, manifest)
            _compare({name: _of_file(staged / place) for name, place in DATABASES.items()}, manifest["tables"])
            if exam is not None:
                with opened(exam, key, Path(work)) as plain:
                    put_newer(plain, exam, staged / DATABASES["exam"], Path(work))
            return _settle(staged, target, db_url, manifest)
    except BackupError:
        raise
    except HomeError as error:
        raise BackupError(str(error)) from None
    except CommandError:
        raise BackupError(f"{archive}：备份由更新版本的程序做成，本版本认不出；没有恢复。请用做备份时的版本恢复") from None
    except (sqlite3.Error, DBAPIError) as error:
        raise BackupError(f"{archive}：数据库读写出错，没有恢复（{reason(error)}）；请检查磁盘空间和数据库，或换一份备份") from None
    except OSError as error:
        raise BackupError(f"{archive}：恢复没有完成（{reason(error)}）；请检查文件、要恢复到的位置和磁盘空间") from None


@contextmanager
def opened(archive: Path, key: str | None, work: Path) -> Iterator[Path]:
    """The file as it was before encryption.

    :raises BackupError: the key is missing or wrong.
    """
    if not archive.is_file():
        raise BackupError(f"{archive}：没有这个备份文件")
    if not is_sealed(archive):
        yield archive
        return
    found = _KEY.search(key or "")
    if not found:
        raise BackupError(f"{archive}：备份已加密，请给出封存的备份密钥（AGE-SECRET-KEY-1 开头的一行）")
    plain = work / "plain"
    try:
        with archive.open("rb") as data, plain.open("w+b") as out:
            pyrage.decrypt_io(data, out, [pyrage.x25519.Identity.from_str(found.group())])
    except (pyrage.DecryptError, pyrage.IdentityError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the file's
        raise BackupError(f"{archive}：密钥不对，或者文件已损坏；请核对密钥是否属于这份备份") from None
    yield plain
    plain.unlink()


def _unpack(archive: Path, staged: Path, key: str | None, work: Path) -> dict[str, Any]:
    """Members that are plain files within the folder; anything else is refused. Returns the manifest."""
    size = 0
    with opened(archive, key, work) as plain:
        try:
            with tarfile.open(plain, "r:gz") as tar:
                for member in tar:
                    place = PurePosixPath(member.name)
                    size += member.size
                    if not member.isfile() or place.is_absolute() or ".." in place.parts or size > LARGEST_UNPACKED:
                        raise BackupError(f"{archive}：备份里有不该有的内容（{member.name[:80]}），没有恢复")
                    data = tar.extractfile(member)
                    assert data is not None
                    path = staged / place
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with path.open("wb") as out:
                        shutil.copyfileobj(data, out)
        except (tarfile.TarError, EOFError, ValueError):
            raise BackupError(f"{archive}：不是备份文件，或者不完整；请换一份备份") from None
    try:
        manifest: dict[str, Any] = json.loads((staged / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BackupError(f"{archive}：备份不完整，缺少清单；请换一份备份") from None
    if manifest.get("format") != FORMAT:
        raise BackupError(f"{archive}：备份格式为 {manifest.get('format')}，本版本只认 {FORMAT}；请用做备份时的版本恢复")
    (staged / MANIFEST).unlink()
    return manifest


def _check(staged: Path, manifest: Mapping[str, Any]) -> None:
    """Every file of the manifest is there, unchanged, and nothing else is; modes are set as they were."""
    present = {path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file()}
    stated = manifest["files"]
    wrong = sorted(present ^ set(stated))
    for place, facts in stated.items():
        if place in present:
            data = (staged / place).read_bytes()
            if hashlib.sha256(data).hexdigest() != facts["sha256"]:
                wrong.append(place)
            (staged / place).chmod(facts["mode"] & 0o777)
    if wrong:
        raise BackupError("备份与清单不符，没有恢复：" + "、".join(wrong[:10]))


def _settle(staged: Path, target: Path, db_url: str | None, manifest: Mapping[str, Any]) -> Restored:
    """The unpacked files made a home of this version aside; only when nothing can go wrong any more is it put in its place."""
    for name in ("exam", "release", "open", "exports", "backups", "secret/bank", "secret/papers", "secret/keys", "secret/nbgrader"):
        (staged / name).mkdir(parents=True, exist_ok=True)
    for name in ("exam", "secret", "exports", "backups"):
        (staged / name).chmod(0o700)
    settings = (staged / "home.toml").read_text(encoding="utf-8")
    write_atomically(staged / "home.toml", settings_for(settings, None), 0o640)
    for place in DATABASES.values():
        (staged / place).chmod(0o600)
    if db_url:
        _into_postgres(staged, db_url)
    else:
        for name, place in DATABASES.items():
            with file_engine(staged / place) as engine:
                upgrade(name, engine)
    if target.exists():
        target.rmdir()
    staged.rename(target)
    restored = Home.open(target)
    rows = {f"{name}.{table}": facts[0] for name, tables in manifest["tables"].items() for table, facts in tables.items()}
    return Restored(restored, manifest["made_at"], rows)


def _of_file(path: Path) -> Mapping[str, tuple[int, str]]:
    with file_engine(path) as engine, engine.connect() as connection:
        return fingerprint(connection)


def _compare(found: Mapping[str, Mapping[str, tuple[int, str]]], stated: Mapping[str, Mapping[str, Sequence[object]]]) -> None:
    """What is in the tables is what was in them when the backup was made."""
    for name, tables in stated.items():
        for table, facts in tables.items():
            if tuple(found[name].get(table, ())) != tuple(facts):
                raise BackupError(f"恢复出来的数据与备份时不一致（{name} 的 {table}），没有恢复；请换一份备份")


def _into_postgres(staged: Path, db_url: str) -> None:
    """Rows of both files, brought to this version's tables first, into the empty database; compared there again."""
    aside = {name: (staged / place).rename(staged.parent / name) for name, place in DATABASES.items()}
    for name, path in aside.items():
        with file_engine(path) as engine:
            upgrade(name, engine)
    home = Home.use_postgres(staged, db_url)
    try:
        for name, path in aside.items():
            with owner_engine(home, name) as engine:
                load(path, engine)
                with engine.connect() as connection:
                    _compare({name: fingerprint(connection)}, {name: _of_file(path)})
    finally:
        home.close()
