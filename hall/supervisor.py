"""``pufa serve``: hall, office and worker for one home, each its own process; one that dies is started again.

The admission-code key goes to the hall in its environment, never in a file that the hall could read. The hall is told
nothing else of ``secret/``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

from grading.worker import lock_home
from home import Home

#: a process that dies is started again this many seconds after its last start at the earliest; twice as long each time, if it did
#: not live for a minute. The longest pause keeps what is promised: back within 5 s after a crash, the start itself included.
PR_SET_PDEATHSIG = 1
RESTART_PAUSE_S, LONGEST_PAUSE_S, LIVED_S = 1.0, 3.0, 60.0
STOP_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Listening:
    """Where the two apps listen and how their transport is secured. ``halls``: candidate processes, behind one proxy."""

    host: str
    port: int
    office_port: int
    tls: bool
    behind_proxy: str | None = None
    halls: int = 1

    def hall_ports(self) -> list[int]:
        """The candidate processes' ports: the first is ``port``, the others follow the office's.

        >>> Listening("127.0.0.1", 8000, 8001, False, halls=3).hall_ports()
        [8000, 8002, 8003]
        """
        return [self.port, *(self.office_port + n for n in range(1, self.halls))]

    def options(self, home: Home, port: int) -> list[str]:
        """Command-line options for one app."""
        found = ["--host", self.host, "--port", str(port)]
        if self.tls:
            found += ["--certfile", str(home.root / "tls" / "server.pem"), "--keyfile", str(home.root / "tls" / "server.key")]
        if self.behind_proxy:
            found += ["--behind-proxy", self.behind_proxy]
        return found


@dataclass
class _Child:
    name: str
    command: Sequence[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = field(default=0.0)
    pause: float = RESTART_PAUSE_S

    def due(self, now: float) -> bool:
        """Whether it is dead and has waited long enough to be started again."""
        dead = self.process is not None and self.process.poll() is not None
        return dead and now - self.started > self.pause

    def start_again(self) -> None:
        lived = time.monotonic() - self.started - self.pause > LIVED_S
        self.pause = RESTART_PAUSE_S if lived else min(2 * self.pause, LONGEST_PAUSE_S)
        self.start()

    def start(self) -> None:
        self.started = time.monotonic()
        # its own group: Ctrl-C in the terminal reaches only the supervisor, which then stops the children in order
        self.process = subprocess.Popen(self.command, env=self.environment, start_new_session=True, preexec_fn=_end_with_parent)


def _end_with_parent() -> None:
    """In the child: the kernel sends SIGTERM when the supervisor is gone, however it went (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _children(home: Home, listening: Listening) -> list[_Child]:
    python, root = [sys.executable, "-m"], ["--home", str(home.root)]
    plain = dict(os.environ)
    plain.pop("PUFA_CODE_KEY", None)
    hall = {**plain, "PUFA_CODE_KEY": home.key("code").hex()}
    return [
        *(_Child("hall", [*python, "hall.candidate.serve", *root, *listening.options(home, port)], hall) for port in listening.hall_ports()),
        _Child("office", [*python, "hall.office.serve", *root, *listening.options(home, listening.office_port)], plain),
        _Child("worker", [*python, "grading.worker", *root], plain),
    ]


def supervise(home: Home, listening: Listening) -> None:
    """Run until SIGTERM, SIGINT or SIGHUP (the terminal is closed); then stop the hall last, so that saves drain.

    :raises HomeError: another supervisor runs on this home.
    """
    with lock_home(home):
        _run(home, listening)


def _run(home: Home, listening: Listening) -> None:
    children = _children(home, listening)
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    for child in children:
        child.start()
    while not stopping:
        time.sleep(0.2)
        for child in children:
            if child.due(time.monotonic()):
                print(f"pufa: {child.name} 意外退出，正在重新启动", file=sys.stderr, flush=True)
                child.start_again()
    for child in reversed(children):
        _stop(child)


def _stop(child: _Child) -> None:
    if child.process is None or child.process.poll() is not None:
        return
    child.process.terminate()
    try:
        child.process.wait(STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait()
