"""What the processes tell the operator: one JSON object a line, or plain lines on a terminal.

No answer, name, number, code or key belongs into a message, and no query string: what is logged is logged by our own words, never by
passing a request on. A fault carries the number that the person in front of the page was shown.

Faults are told by frames and class; what an exception says of itself is left out, for it may repeat a row. Only databases, operating
system and interpreter say more, and of that only what names tables, files' faults and code. :func:`guard` holds this for every logger,
handler, thread and for a fault that ends the process, whoever logs it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import sqlite3
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonFormatter
from sqlalchemy.exc import DBAPIError

#: libraries that tell more than an operator wants at this level
QUIET = {"alembic": logging.WARNING, "uvicorn.access": logging.CRITICAL, "fontTools": logging.WARNING, "matplotlib": logging.WARNING}
#: faults whose own words are about code; a subclass may say anything
OF_CODE = (AttributeError, TypeError, NameError, UnboundLocalError, ImportError, ModuleNotFoundError, RecursionError, NotImplementedError)
#: classes of PostgreSQL's SQLSTATE whose first line names tables, columns and constraints, never what is in them
OF_NAMES = ("08", "0A", "23", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58", "XX")
LEFT_OUT = "…（内容不记入日志）"

#: where a library begins to repeat a row, a statement or an exception: what follows has no end that could be trusted
_ROW = re.compile(r"\s*(?:DETAIL:|CONTEXT:|\[SQL: |\[parameters: |Failing row contains|Key \([^)]*\)=|exception=\w+\().*", re.DOTALL)
_QUOTED = re.compile(r"\"[^\"]*\"|'.*'", re.DOTALL)
_TRACE = "Traceback (most recent call last)"
_FRAME = re.compile(r'\s+File ".+", line \d+(?:, in .+)?')
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
#: classes of PostgreSQL's SQLSTATE that are about the way to the server, not about a statement
_OF_SERVERS = ("08", "28", "3D", "53", "57", "58")
_CLASS = re.compile(r"((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Warning|Interrupt|Exit|Group))(?::|$)")


def configure(process: str) -> None:
    """Log to stderr as ``process`` (hall, office, worker) from INFO on."""
    guard()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_plain(process) if sys.stderr.isatty() else _json(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)


def guard() -> None:
    """From now on this process tells no fault but by :func:`trace`: no logger, no thread, and not when it ends by one."""
    logging.setLogRecordFactory(_Record)
    sys.excepthook = _ended
    threading.excepthook = lambda ended: _tell("a thread ended", None if ended.exc_type is SystemExit else ended.exc_value)
    sys.unraisablehook = _lost


def db_message(error: BaseException) -> str:
    """What a database says of a fault, for logs: tables and constraints, without the row that it repeats."""
    said = getattr(error, "orig", None) or error
    state = getattr(said, "sqlstate", None)
    first = str(getattr(getattr(said, "diag", None), "message_primary", None) or said)
    if isinstance(said, sqlite3.Error):
        name = getattr(said, "sqlite_errorname", None)
        words = first if name and name != "SQLITE_ERROR" else _QUOTED.sub("…", first) if name else name
    elif state:
        words = first if state.startswith(OF_NAMES) and state != "42601" else f"SQLSTATE {state}"
    else:  # the server did not answer: the driver's words are about the way to it
        words = " ".join(first.split()) if type(said).__name__ == "OperationalError" else None
    return cleaned(words or type(said).__name__)


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
    if _of_database(error):
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


def _told_of_database(said: BaseException) -> str | None:
    if isinstance(said, sqlite3.Error):
        kind = str(getattr(said, "sqlite_errorname", None) or "").removeprefix("SQLITE_").partition("_")[0]
        return _OF_SQLITE.get(kind)
    state = getattr(said, "sqlstate", None)
    lost = str(state).startswith(_OF_SERVERS) if state else type(said).__name__ == "OperationalError"
    words = db_message(said).partition(": ")[2] or db_message(said)
    return f"连不上 PostgreSQL（{words}）；请核对地址、口令和服务是否启动，再做一次" if lost else None


def trace(error: BaseException) -> str:
    """A fault with what led to it: frames and classes, as Python prints them, and of messages what :func:`_said` lets pass."""
    return "\n".join(_lines(error, set()))


def cleaned(text: str) -> str:
    """A message without what a library repeats of rows, statements and exceptions."""
    text, found, printed = text.partition(_TRACE)
    text = _ROW.sub(LEFT_OUT, text)
    if not found:
        return text
    kept = [_TRACE + ":"]
    for line in printed.splitlines():
        if _FRAME.fullmatch(line):
            kept.append(line)
        elif named := _CLASS.match(line):
            kept.append(named[1])
    return text + "\n".join(kept)


class _Record(logging.LogRecord):
    """A record that holds no exception, only what may be told of it: safe with whatever formatter."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if self.exc_info:
            error = self.exc_info[1]
            self.exc_text, self.exc_info = (trace(error) if error is not None else None), None

    def getMessage(self) -> str:
        """The message, without what it was given of exceptions from elsewhere."""
        if isinstance(self.args, tuple):
            self.args = tuple(db_message(one) if isinstance(one, Exception) and _of_database(one) else one for one in self.args)
        return cleaned(super().getMessage())


def _of_database(error: BaseException) -> bool:
    return isinstance(error, DBAPIError | sqlite3.Error) or hasattr(error, "sqlstate")


def _said(error: BaseException) -> str:
    if _of_database(error):
        return db_message(error)
    if isinstance(error, OSError):
        return error.strerror if error.errno and error.strerror else ""
    return cleaned(str(error)) if type(error) in OF_CODE else ""


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before, how = error.__cause__, "The above exception was the direct cause of the following exception:"
    if before is None and not error.__suppress_context__:
        before, how = error.__context__, "During handling of the above exception, another exception occurred:"
    if before is not None and id(before) not in seen:
        yield from (*_lines(before, seen), "", how, "")
    yield _TRACE + ":"
    yield from "".join(traceback.format_list(traceback.extract_tb(error.__traceback__))).rstrip("\n").splitlines()
    yield ": ".join(filter(None, (f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins."), _said(error))))
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            if id(one) not in seen:
                yield from ("", "of the group:", *_lines(one, seen))


def _ended(_class: type[BaseException], error: BaseException, _frames: TracebackType | None) -> None:
    _tell("the process ended by a fault", error)


def _lost(found: sys.UnraisableHookArgs) -> None:
    """A fault while something was thrown away. Of a ZIP (workbook) that could not be finished the reason was raised before this."""
    if getattr(found.object, "__qualname__", "") != "ZipFile.__del__":
        _tell("a fault that nobody could take", found.exc_value)


def _tell(what: str, error: BaseException | None) -> None:
    if error is not None:
        logging.getLogger("pufa").critical(what, exc_info=error)


def _plain(process: str) -> logging.Formatter:
    return logging.Formatter(f"%(asctime)s {process} %(levelname)s %(message)s")


def _json(process: str) -> logging.Formatter:
    names = {"levelname": "level", "name": "logger"}
    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s", rename_fields=names, static_fields={"process": process}, json_ensure_ascii=False, timestamp="at"
    )  # fmt: skip
