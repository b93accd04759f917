"""Long work that gives way: a sitting may be going on on the same machine, and its candidates wait for nobody's spreadsheet."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

#: what work that gives way sets its niceness to; a process has 0, and ten steps are a factor of ten
NICER = 10
Result = TypeVar("Result")


def giving_way(work: Callable[[], Result]) -> Result:
    """Do ``work`` in a thread that gets a tenth of what another process gets where both want the processor, and wait for it.

    On Linux a thread's priority is its own: the rest of the process keeps what it has. Nothing that holds a lock on a database
    belongs in here, for whoever waits for the lock would wait with it: so not the idle class either, which may never be let in.
    Whatever ``work`` raises is raised.
    """
    with ThreadPoolExecutor(1, "giving-way", initializer=_step_back) as pool:
        return pool.submit(work).result()


def _step_back() -> None:
    """More niceness, and no waking up before others; where the system has or allows neither, all goes on as it was."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICER)
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
