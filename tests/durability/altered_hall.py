"""The hall as it is, but for what the environment says; only tests start it.

``CHECKPOINT_S``: seconds between checkpoints, so that a short test sees some. ``SYNCHRONOUS``: value of SQLite's pragma, so
that the tests of order and of power loss can be shown to notice a hall that does not wait for the disk. ``CLOCK_SET_S``: at
SIGUSR1 the system clock, as this process reads it, is set by so many seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from sqlalchemy import event
from sqlalchemy.pool import Pool

import hall.candidate.serve
import hall.candidate.state

hall.candidate.state.CHECKPOINT_S = float(os.environ.get("CHECKPOINT_S", hall.candidate.state.CHECKPOINT_S))
if "SYNCHRONOUS" in os.environ:
    hall.candidate.serve.refuse_forgetful = lambda _engine: None  # type: ignore[attr-defined]  # it would not let this one serve

    @event.listens_for(Pool, "checkout")
    def _careless(connection, _record, _proxy):
        connection.execute(f"PRAGMA synchronous={os.environ['SYNCHRONOUS']}")

if "CLOCK_SET_S" in os.environ:
    _read = time.time_ns

    def _set(_number: int, _frame: object) -> None:
        time.time_ns = lambda: _read() + int(os.environ["CLOCK_SET_S"]) * 1_000_000_000

    signal.signal(signal.SIGUSR1, _set)

sys.exit(hall.candidate.serve.main())
