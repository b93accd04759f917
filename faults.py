"""What a user is told of a fault of disk, rights or database, with what to do.

Whatever is not in these tables is the program's fault: it needs its trace (:mod:`logs`), and the user a number to report.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from pathlib import Path

from logs import db_message, of_database

_BUSY = "数据库正被别的程序占用，等了 30 秒还没有让出来，这一步没有做；请等正在做的事（备份、导入、杀毒扫描）做完，再做一次"
_FULL = "磁盘已满，这一步没有做完；请腾出空间，再做一次"
#: what the operating system says of a file -> what to do
_OF_FILES = {
    errno.ENOENT: "没有这个文件或文件夹；请核对路径",
    errno.ENOTDIR: "路径里有一段是文件，不是文件夹；请核对路径",
    errno.EISDIR: "这是文件夹，不是文件；请写明文件",
    errno.EEXIST: "已有同名的文件；请换一个名字",
    errno.ENAMETOOLONG: "名字太长；请换一个短些的",
    errno.EROFS: "这块盘是只读的；请换一个地方，或检查盘是不是出了错",
    errno.EBUSY: "这里写不成文件；请写明文件名，或换一个位置",
    errno.EIO: "硬盘读写出错，可能快坏了；请先备份，再换盘",
    errno.EMFILE: "打开的文件太多；请重新启动服务，再做一次",
}
#: the name under which a file is written before it takes its place (:func:`home.write_atomically`)
_ASIDE = re.compile(r"\.([^/]+)\.[0-9a-f]{8}\Z")
#: what SQLite says of a database -> what to do
_OF_SQLITE = {
    "BUSY": _BUSY,
    "LOCKED": _BUSY,
    "FULL": _FULL,
    "READONLY": "数据库写不进去，这一步没有做；请检查数据文件夹的权限，以及这块盘是不是变成了只读",
    "CANTOPEN": "数据库打不开；请检查数据文件夹的权限，以及这块盘是否插好",
    "IOERR": "读写数据库时硬盘出错，这一步没有做；请检查磁盘空间和硬盘",
    "CORRUPT": "数据库文件已损坏；请停止服务，用 pufa restore 从最近的备份恢复",
    "NOTADB": "数据库文件已损坏；请停止服务，用 pufa restore 从最近的备份恢复",
}
#: how SQLite and PostgreSQL (undefined column, undefined table) begin to say that a table or column is not there
_NO_SUCH, _UNDEFINED = ("no such table", "no such column"), ("42703", "42P01")
#: classes of PostgreSQL's SQLSTATE that are about the way to the server, not about a statement
_OF_SERVERS = ("08", "28", "3D", "53", "57", "58")


def no_right(path: Path) -> str:
    """What somebody is told who may not read or write ``path``: which user may."""
    place = next(place for place in (path, *path.absolute().parents) if os.access(place, os.F_OK))
    try:
        owner, own = place.owner(), place.stat().st_uid == os.geteuid()
    except KeyError:  # a user that this machine has no name for
        owner, own = f"'#{place.stat().st_uid}'", False
    advice = "请核对文件权限，以及这块盘是不是变成了只读" if own else f"请换成建立它的用户运行，例如 sudo -u {owner} pufa …"
    return f"{path}：没有读写权限；{advice}"


def told(error: BaseException) -> str | None:
    """What a user is told of a fault of disk, rights or database, with what to do; None: it is the program's, and needs its trace."""
    if of_database(error):
        return _told_of_database(getattr(error, "orig", None) or error)
    if not isinstance(error, OSError):
        return None
    named = error.filename2 or error.filename
    path = _ASIDE.sub(r"\1", os.fsdecode(named)) if isinstance(named, str | bytes | os.PathLike) else None
    if isinstance(error, PermissionError):
        return no_right(Path(path)) if path else "没有权限；请换成建立数据文件夹的用户运行"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path}：{_FULL}" if path else _FULL
    advice = _OF_FILES.get(error.errno or 0)
    return f"{path}：{advice}" if advice and path else None


def why(error: OSError) -> str:
    """Why a file could not be read or written, in a few words for a message that says what to do itself."""
    if isinstance(error, PermissionError):
        return "没有权限"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "磁盘已满"
    return _OF_FILES.get(error.errno or 0, "").partition("；")[0] or error.strerror or str(error)


def of_another_version(error: BaseException) -> str | None:
    """What whoever runs a command is told of a table or column that is not there: the database may be an earlier version's."""
    said = getattr(error, "orig", None) or error
    missing = getattr(said, "sqlstate", None) in _UNDEFINED or (isinstance(said, sqlite3.Error) and str(said).startswith(_NO_SUCH))
    if not missing:
        return None
    return f"数据库里没有本版程序要用的表或列（{db_message(said)}）；软件升级以后，请先停服务，运行 pufa upgrade --home 数据文件夹，再做一次"


def _told_of_database(said: BaseException) -> str | None:
    if isinstance(said, sqlite3.Error):
        kind = str(getattr(said, "sqlite_errorname", None) or "").removeprefix("SQLITE_").partition("_")[0]
        return _OF_SQLITE.get(kind)
    state = getattr(said, "sqlstate", None)
    lost = str(state).startswith(_OF_SERVERS) if state else type(said).__name__ == "OperationalError"
    words = db_message(said).partition(": ")[2] or db_message(said)
    return f"连不上 PostgreSQL（{words}）；请核对地址、口令和服务是否启动，再做一次" if lost else None
