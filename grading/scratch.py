"""Room for the temporary files of a large export: in memory where it fits, so that the disk stays with the answers.

XlsxWriter in constant memory writes each row twice before it packs them: 300 MB for 100,000 records. On the disk of
exam.db every acknowledgement waits behind that (``bench.export_beside``).
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger("pufa.scratch")

#: Linux's memory file system for everybody; elsewhere there is none, and files go to the disk
MEMORY = Path("/dev/shm")
MEMINFO = Path("/proc/meminfo")
PREFIX = "pufa-scratch-"
#: so many times what is needed must be free, in the file system and in memory: the hall's own memory comes first
SPARE = 2


@contextmanager
def scratch(need: int) -> Iterator[Path]:
    """A folder of our own for about ``need`` bytes, gone afterwards; what killed processes left behind is removed on the way.

    :raises OSError: not even the disk's temporary folder can be written.
    """
    disk = Path(tempfile.gettempdir())
    for place in {MEMORY, disk}:
        sweep(place)
    place = MEMORY if free_memory() >= SPARE * need else disk
    log.info("scratch of %d MB in %s", need // 2**20, place)
    folder, held = _own_folder(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def free_memory() -> int:
    """Bytes that a memory file system may take: the less of its own room and what the system calls available; 0 without one."""
    try:
        room = os.statvfs(MEMORY)
        told = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
        available = int(told["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 0
    return min(room.f_bavail * room.f_frsize, available) if os.access(MEMORY, os.W_OK | os.X_OK) else 0


def sweep(place: Path) -> int:
    """Remove our user's folders that no living process holds; returns how many. A lock on the folder dies with its process."""
    removed = 0
    with suppress(OSError):
        for entry in os.scandir(place):
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid():
                removed += _remove_if_left(entry.path)
    return removed


def _remove_if_left(path: str) -> bool:
    with suppress(OSError):
        held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
            return True
        finally:
            os.close(held)
    return False


def _own_folder(place: Path) -> tuple[Path, int]:
    """A new folder and the descriptor that locks it; made again if a sweep took it between the two steps."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        with suppress(FileNotFoundError):
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(held, fcntl.LOCK_EX)
            if folder.exists():
                return folder, held
            os.close(held)
