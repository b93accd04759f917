"""What the benchmarks say of the machine itself: a processor that is held up from outside is noticed, the load of the machine is not."""

from __future__ import annotations

import doctest
import os
import signal
import subprocess
import sys
import time

import pytest

from bench import _machine
from bench._machine import Machine


def test_its_own_examples():
    assert doctest.testmod(_machine) == doctest.TestResults(failed=0, attempted=2)


def test_moments_within_and_between_spells():
    machine = Machine(slow=[(1.0, 2.0), (5.0, 6.0)])
    assert [machine.disturbed(moment) for moment in (0.5, 1.0, 1.5, 2.0, 3.0, 5.5, 7.0)] == [False, True, True, True, False, True, False]


def test_a_probe_that_is_held_up_tells_when():
    with Machine() as machine:
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
        time.sleep(1)
        stopped = time.monotonic()
        for probe in machine._probes:
            os.kill(probe.pid, signal.SIGSTOP)
        time.sleep(0.2)
        for probe in machine._probes:
            os.kill(probe.pid, signal.SIGCONT)
        gone_on = time.monotonic()
        time.sleep(0.5)
        for one in busy:
            one.kill()
            one.wait()
    if not machine.known:
        pytest.skip("a real-time priority needs root")
    assert machine.disturbed((stopped + gone_on) / 2)
    held_up = sum(end - begin for begin, end in machine.slow)
    assert 0.15 < held_up < 0.9, "four busy processes are no reason"
