"""Long work that gives way: a sitting may be going on on the same machine, and its candidates wait for nobody's spreadsheet."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")


def giving_way(work: Callable[[], Result]) -> Result:
    """Do ``work`` in a thread that has the processor only while nobody else wants it, and wait for it.

    On Linux a thread's scheduling class is its own: the rest of the process keeps what it has. Niceness is not enough: beside
    a busy loop at niceness 19 the p99 of a save was 15 % longer, beside one of the idle class 1 % (``bench.export_beside`` has the
    export's own figure). Where all processors are busy the work stands still, and so does whoever needs Python's lock while it has it:
    no lock on a database may be held in here, nor over several statements by another thread of the process. Whatever ``work`` raises
    is raised.
    """
    with ThreadPoolExecutor(1, "giving-way", initializer=_step_back) as pool:
        return pool.submit(work).result()


def _step_back() -> None:
    """Where the system has or allows no such class, all goes on as it was."""
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
