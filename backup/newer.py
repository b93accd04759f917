"""A copy of exam.db that is newer than the one in a backup, looked at before it takes that one's place.

Whoever restores in the middle of an exam has two files from one stick and little time. The wrong one of them would take away answers
that were acknowledged, so the copy must be whole, of the same home, and hold everything that the backup holds.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from backup.archive import BackupError
from backup.snapshot import copy_sqlite, file_engine
from migrations import upgrade

_BROKEN = "文件坏了，读不出完整的考试数据；没有恢复。请换一份 exam-live.db，或者去掉 --exam，只用备份恢复"
_OTHER = "不是这个数据文件夹的考试数据，与备份接不上；没有恢复。请换成与备份同一来源的 exam-live.db，或者去掉 --exam，只用备份恢复"
_OLDER = "比备份还旧，用它会丢掉备份里已有的作答；没有恢复。请去掉 --exam，只用备份恢复"
_LATER = "由更新版本的程序写成，本版本认不出；没有恢复。请用做备份时的版本恢复"


def put_newer(given: Path, name: Path, inside: Path, work: Path) -> None:
    """Replace ``inside``, the backup's exam.db, with ``given``, which people know as ``name``; ``given`` itself is only read.

    :raises BackupError: it is damaged, of another home, or older than the backup. ``inside`` holds what it held.
    """
    try:
        whole = _copied(given, work)
        _require_whole(whole, inside)
        for path in (inside, whole):
            with file_engine(path) as engine:
                upgrade("exam", engine)
        with closing(sqlite3.connect(inside)) as old, closing(sqlite3.connect(whole)) as new:
            _require_trail(old, new)
            _require_saves(old, new)
    except BackupError as error:
        raise BackupError(f"{name}：{error}") from None
    except CommandError:
        raise BackupError(f"{name}：{_LATER}") from None
    except (sqlite3.Error, DBAPIError) as error:
        if getattr(getattr(error, "orig", error), "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise  # the disk's fault, not the file's
        raise BackupError(f"{name}：{_BROKEN}") from None
    whole.replace(inside)


def _copied(given: Path, work: Path) -> Path:
    """One file of what was given; the journal beside the exam.db of a machine that went down holds its last answers."""
    aside, whole = work / "given-exam", work / "newer-exam"
    shutil.copyfile(given, aside)
    journal = given.with_name(f"{given.name}-wal")
    if journal.is_file():
        shutil.copyfile(journal, aside.with_name(f"{aside.name}-wal"))
    copy_sqlite(aside, whole)
    return whole


def _require_whole(whole: Path, inside: Path) -> None:
    with closing(sqlite3.connect(inside)) as old, closing(sqlite3.connect(whole)) as new:
        tables = _tables(new)
        if not tables or new.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
            raise BackupError(_BROKEN)
        if not _tables(old) <= tables:
            raise BackupError(_OTHER)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _require_trail(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """The last entry of the backup's audit chain stands in the copy at its number."""
    last = _last_entry(old)
    if last is None or _head_at(new, last[0]) == last[1]:
        return
    end = _last_entry(new)
    older = end is not None and end[0] < last[0] and _head_at(old, end[0]) == end[1]
    raise BackupError(_OLDER if older else _OTHER)


def _last_entry(connection: sqlite3.Connection) -> tuple[int, str] | None:
    found: tuple[int, str] | None = connection.execute("SELECT n, head FROM audit ORDER BY n DESC LIMIT 1").fetchone()
    return found


def _head_at(connection: sqlite3.Connection, number: int) -> str | None:
    row = connection.execute("SELECT head FROM audit WHERE n = ?", (number,)).fetchone()
    return row[0] if row else None


def _require_saves(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Every sitting of the backup is in the copy, with at least its saves, and the chain goes on from the backup's.

    Saves that were erased by policy after the backup are not missed; those that the backup knows as erased must not come back.
    """
    columns = "id, chain_n, chain_head, erased_at FROM open_sitting"
    there = {row[0]: row[1:] for row in new.execute(f"SELECT {columns}")}
    for ident, number, head, erased in old.execute(f"SELECT {columns}"):
        if ident not in there or there[ident][0] < number or (erased is not None and there[ident][2] is None):
            raise BackupError(_OLDER)
        if number == 0 or there[ident][2] is not None:
            continue
        row = new.execute(
            "SELECT save.chain_head FROM save JOIN attempt ON attempt.id = save.attempt_id WHERE attempt.sitting_id = ? AND save.chain_n = ?",
            (ident, number),
        ).fetchone()
        if row is None or row[0] != head:
            raise BackupError(_OTHER)
