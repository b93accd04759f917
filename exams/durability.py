"""Whether a database keeps its word: what it has committed is on the disk, and a power cut does not take it away again.

Asked before a hall serves. SQLite's settings are ours (:func:`home.connect`); a PostgreSQL is set up by others, and one
that somebody once made "faster" looks the same until the power fails.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from home import HomeError
from logs import db_message

#: setting -> (values that lose acknowledged answers in a power cut, what to do)
_POSTGRES = {
    "fsync": (("off",), "在 postgresql.conf 里改为 fsync = on，重启 PostgreSQL"),
    "full_page_writes": (("off",), "在 postgresql.conf 里改为 full_page_writes = on，重新加载 PostgreSQL"),
    "synchronous_commit": (
        ("off",), "在 postgresql.conf 里改为 synchronous_commit = on，并用 ALTER ROLE pufa_hall RESET synchronous_commit 去掉单独的设置"
    ),
}  # fmt: skip
#: pragma -> (values that keep what is committed, ...); 2 is FULL, 3 EXTRA
_SQLITE = {"synchronous": ("2", "3"), "journal_mode": ("wal",)}


def refuse_forgetful(engine: Engine) -> None:
    """Returns if what ``engine`` commits survives a power cut.

    :raises HomeError: it does not, naming each setting and the way out; or the database cannot be asked.
    """
    try:
        with engine.connect() as connection:
            faults = (_sqlite_faults if connection.dialect.name == "sqlite" else _postgres_faults)(connection)
    except DBAPIError as error:
        raise HomeError(f"考场数据库现在不能用：{db_message(error)}；请核对数据库是否已启动、硬盘是否已满") from None
    finally:
        engine.dispose()
    if faults:
        raise HomeError("数据库的设置会在断电时丢失已经告诉考生“已保存”的答案，不能开考。请改正：" + "；".join(faults))


def _postgres_faults(connection: Connection) -> list[str]:
    found = {name: str(connection.exec_driver_sql(f"SHOW {name}").scalar_one()) for name in _POSTGRES}
    return [f"{name} 现在是 {found[name]}，{remedy}" for name, (bad, remedy) in _POSTGRES.items() if found[name] in bad]


def _sqlite_faults(connection: Connection) -> list[str]:
    found = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in _SQLITE}
    return [
        f"SQLite 的 {name} 现在是 {found[name]}；数据文件夹须放在本机硬盘上，不能放在网络盘、共享文件夹"
        for name, good in _SQLITE.items() if found[name] not in good
    ]  # fmt: skip
