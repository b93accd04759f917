"""What the processes tell the operator: one JSON object a line, or plain lines on a terminal.

No answer, name, number, code or key belongs into a message, and no query string: what is logged is logged by our own words, never by
passing a request on. A fault carries the number that the person in front of the page was shown.
"""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

#: libraries that tell more than an operator wants at this level
QUIET = {"alembic": logging.WARNING, "uvicorn.access": logging.CRITICAL, "fontTools": logging.WARNING, "matplotlib": logging.WARNING}


def configure(process: str) -> None:
    """Log to stderr as ``process`` (hall, office, worker) from INFO on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_plain(process) if sys.stderr.isatty() else _json(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)


def _plain(process: str) -> logging.Formatter:
    return logging.Formatter(f"%(asctime)s {process} %(levelname)s %(message)s")


def _json(process: str) -> logging.Formatter:
    names = {"levelname": "level", "name": "logger"}
    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s", rename_fields=names, static_fields={"process": process}, json_ensure_ascii=False, timestamp="at"
    )  # fmt: skip
