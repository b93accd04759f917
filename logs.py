"""What the processes tell the operator: one JSON object a line, or plain lines on a terminal.

No answer, name, number, code or key belongs into a message, and no query string: what is logged is logged by our own words, never by
passing a request on. A fault carries the number that the person in front of the page was shown.

Faults are told by frames and class; what an exception says of itself is left out, for it may repeat a row. Only databases, operating
system and interpreter say more, and of that only what names tables, files' faults and code. :func:`guard` holds this for every logger,
handler, thread and for a fault that ends the process, whoever logs it.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import sys
import threading
import traceback
from collections.abc import Iterator
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
            self.args = tuple(db_message(one) if isinstance(one, Exception) and of_database(one) else one for one in self.args)
        return cleaned(super().getMessage())


def of_database(error: BaseException) -> bool:
    """Whether a fault is a database's, by SQLAlchemy or by its driver."""
    return isinstance(error, DBAPIError | sqlite3.Error) or hasattr(error, "sqlstate")


def _said(error: BaseException) -> str:
    if of_database(error):
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
