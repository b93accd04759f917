"""Backups that nobody has to think of: one a day, one when a sitting has been opened and one when it has ended, and a live copy each
minute while one is open.

``[backup]`` in ``home.toml``: ``to`` (a folder, best on another disk or a stick), ``keep`` (how many daily ones). Without it they go
to ``backups/`` inside the home, which helps against a mishap but not against a dead disk.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from backup.archive import Backup, BackupError, failed, known_backups, make_backup, own_folder, seal
from backup.snapshot import owner_engine, snapshot
from home import AUDIT, OFFICE, Home, HomeError

DAY_MS, MINUTE_MS = 86_400_000, 60_000
#: how far the clock of a stick or a shared folder may be ahead: FAT stores even seconds only
SKEW_MS = 5_000
KEEP = 14
LIVE = "exam-live.db"


@dataclass(frozen=True)
class Plan:
    """Where backups go and how many stay; ``outside``: on a place of its own, not inside the home."""

    to: Path
    keep: int
    outside: bool


def plan_of(home: Home) -> Plan:
    """``[backup]`` of home.toml.

    :raises BackupError: a value of the wrong kind.
    """
    wanted = home.settings.get("backup", {})
    if not isinstance(wanted, Mapping):
        raise BackupError("home.toml 的 [backup] 写法不对；应有 to（文件夹）和 keep（份数）")
    to, keep = wanted.get("to", ""), wanted.get("keep", KEEP)
    if not isinstance(to, str) or not isinstance(keep, int) or isinstance(keep, bool) or not 1 <= keep <= 1000:
        raise BackupError("home.toml 的 [backup]：to 应为文件夹路径，keep 应为 1 至 1000 的整数")
    if to and not Path(to).is_absolute():
        raise BackupError(f"home.toml 的 [backup]：to = {to} 应写完整路径，如 /media/usb/pufa；不完整的路径每次可能指到不同的地方")
    return Plan(Path(to) if to else home.root / "backups", keep, bool(to))


def beside_the_data(home: Home) -> str | None:
    """What people are told where the backups would be lost together with the disk of the home; None: they go to another one."""
    try:
        plan = plan_of(home)
    except HomeError as error:  # also where home.toml cannot be read at all
        return f"没有自动备份：{error}"
    if not plan.outside:
        return (
            "自动备份只放在数据文件夹里，硬盘坏了备份一起没有，考试中也不每分钟抄出一份："
            "请准备一块移动硬盘或 U 盘，在 home.toml 的 [backup] 写上 to（见运行说明的“备份”）"
        )
    try:
        there = next(place for place in (plan.to, *plan.to.parents) if place.exists())
    except PermissionError:  # another user's stick: the worker may write to it, whoever asks may not look
        return None
    if there.stat().st_dev != home.root.stat().st_dev:
        return None
    return f"备份位置 {plan.to} 与数据文件夹在同一块盘上，硬盘坏了备份一起没有：请检查备份盘是不是没有插好，或把 to 改到另一块盘"


def backup_due(home: Home, now: int) -> bool:
    """Whether the newest backup that is still there is older than a day."""
    at = _newest_there(home, now)
    return at is None or now - at >= DAY_MS


def opened_since(home: Home, now: int) -> bool:
    """Whether a sitting was opened after the newest backup: a live copy is of use only beside a backup that knows its sitting,
    with the papers and who sits it. An opening that is dated ahead was written by a wrong clock, and asks for none."""
    trail = AUDIT[OFFICE]
    with home.office.connect() as connection:
        opened = connection.execute(select(func.max(trail.c.at)).where(trail.c.action == "sitting.open")).scalar()
    at = _newest_there(home, now)
    return opened is not None and opened <= now + MINUTE_MS and (at is None or at < opened)


def _newest_there(home: Home, now: int) -> int | None:
    """:func:`newest_at` of the backups whose file is still there."""
    return newest_at([one for one in known_backups(home) if one.path.is_file()], now)


def newest_at(made: Iterable[Backup], now: int) -> int | None:
    """When the newest of these backups was made, ms UTC; None: none is known.

    What is dated more than a minute ahead was made while the clock was wrong: nobody knows how old it is.
    """
    return max((one.at for one in made if one.at <= now + MINUTE_MS), default=None)


def uncovered_since(home: Home, now: int) -> int | None:
    """Since when, ms UTC, what is done in this home is in no backup of a known age: since the newest one, else since the home was made.

    None: nobody knows, for the home itself is dated ahead, or its oldest file is gone.
    """
    newest = newest_at(known_backups(home), now)
    if newest is not None:
        return newest
    try:
        made = (home.secret / "keys" / "record.key").stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:  # that a key is missing is told by what needs it; the pages go on
        return None
    return made if made <= now + MINUTE_MS else None


def backup_now(home: Home, now: int) -> Backup:
    """Make a backup where the plan says, and let the oldest go beyond the number that is kept."""
    plan = plan_of(home)
    done = make_backup(home, plan.to, now)
    here = dict.fromkeys(one.path for one in known_backups(home) if one.path.parent == plan.to and one.path.is_file())
    for old in list(here)[: -plan.keep]:  # a path once: two of one second have one file
        old.unlink()
    return done


def live_copy(home: Home, now: int) -> Path | None:
    """A copy of exam.db as of this minute beside the backups, encrypted as they are; None where no place outside is set.

    With it a machine whose disk dies in mid-exam loses at most a minute: ``pufa restore BACKUP --exam COPY``.
    """
    plan = plan_of(home)
    if not plan.outside or any(path.is_file() and _fresh(path, now) for path in _live_places(plan)):
        return None
    try:
        with tempfile.TemporaryDirectory(prefix=".live", dir=own_folder(home)) as work, owner_engine(home, "exam") as engine:
            copy = Path(work) / "exam"
            snapshot(engine, "exam", copy)
            return seal(home, copy, plan.to / LIVE)
    except (OSError, sqlite3.Error, DBAPIError) as error:
        raise failed(f"考试数据没有抄到 {plan.to}", error, plan.to) from None


def _fresh(path: Path, now: int) -> bool:
    """Whether the next minute's copy need not be made yet; a file that is dated ahead (clock set back) is not fresh."""
    return -SKEW_MS <= now - path.stat().st_mtime * 1000 < MINUTE_MS - 5_000


def has_live_copy(home: Home) -> bool:
    """Whether a live copy lies beside the backups."""
    return any(path.is_file() for path in _live_places(plan_of(home)))


def drop_live_copy(home: Home) -> None:
    """Remove the live copy: a backup that was just made holds all of it, and nobody is to take it for something newer."""
    plan = plan_of(home)
    try:
        for path in _live_places(plan):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise BackupError(f"{plan.to} 里过时的 {LIVE} 没有删掉（{error.strerror or error}）；请检查备份盘是否插好、可写") from None


def _live_places(plan: Plan) -> list[Path]:
    """Where the live copy is, plain or encrypted."""
    return [plan.to / f"{LIVE}{suffix}" for suffix in ("", ".age")]
