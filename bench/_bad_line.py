"""A bad line for real: two TUN devices, one in a network namespace of its own, and between them packets that are late, lost and slow.

The kernel's own netem is not everywhere; here the packets themselves are dropped and held back, so that it is the kernel's TCP on both
sides that has to cope, as on a real line. Each address on the far side has a line of its own. Needs root.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_TUNSETIFF, _IFF_TUN_NO_PI = 0x400454CA, 0x1001
NEAR, NET = "10.99.0.1", "10.99.0.0/16"


@dataclass(frozen=True)
class Line:
    """One way: ``delay_s`` s, ``loss`` as a share of packets, ``rate`` bit/s."""

    delay_s: float = 0.150
    loss: float = 0.05
    rate: float = 256_000.0


def far(n: int) -> str:
    """Address of the n-th client on the far side."""
    return f"10.99.{1 + n // 200}.{1 + n % 200}"


@contextmanager
def bad_lines(clients: int, line: Line, seed: int = 1) -> Iterator[str]:
    """The name of a namespace in which ``clients`` addresses reach :data:`NEAR` over such lines.

    :raises PermissionError: no right to make devices or namespaces.
    """
    name = f"pufa{os.getpid() % 100_000}"
    near, beyond = _tun(f"{name}n"), _tun(f"{name}f")
    try:
        _ip("netns", "add", name)
        _ip("addr", "add", f"{NEAR}/16", "dev", f"{name}n")
        _ip("link", "set", f"{name}n", "up")
        _ip("link", "set", f"{name}f", "netns", name)
        for n in range(clients):
            _ip("-n", name, "addr", "add", f"{far(n)}/16", "dev", f"{name}f")
        _ip("-n", name, "link", "set", f"{name}f", "up")
        stopped, relay = threading.Event(), _Relay(near, beyond, line, seed)
        thread = threading.Thread(target=asyncio.run, args=(relay.run(stopped),), daemon=True)
        thread.start()
        yield name
        stopped.set()
        thread.join(5)
    finally:
        os.close(near)
        os.close(beyond)
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _tun(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI))
    return device


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise PermissionError(done.stderr.strip())


class _Relay:
    """Packets of IPv4 from one device to the other."""

    def __init__(self, near: int, beyond: int, line: Line, seed: int) -> None:
        self._near, self._beyond, self._line = near, beyond, line
        self._draw, self._free = random.Random(seed), dict[tuple[int, bytes], float]()

    async def run(self, stopped: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._near, self._take, loop, self._near, self._beyond, slice(16, 20))
        loop.add_reader(self._beyond, self._take, loop, self._beyond, self._near, slice(12, 16))
        while not stopped.is_set():
            await asyncio.sleep(0.1)

    def _take(self, loop: asyncio.AbstractEventLoop, source: int, target: int, client: slice) -> None:
        while True:
            try:
                packet = os.read(source, 65_535)
            except BlockingIOError:
                return
            if packet[0] >> 4 != 4 or self._draw.random() < self._line.loss:
                continue
            place = (target, packet[client])
            sent = max(loop.time(), self._free.get(place, 0.0)) + len(packet) * 8 / self._line.rate
            self._free[place] = sent
            loop.call_at(sent + self._line.delay_s, _put, target, packet)


def _put(target: int, packet: bytes) -> None:
    try:
        os.write(target, packet)
    except OSError:
        return  # the device is being taken away, or its queue is full: lost, as on a line
