"""What a process told the kernel, from ``strace``; and what a disk that loses power would hold of it.

The tracer stops the process at the begin and at the end of each call, and writes its lines in that order; so that "the call A
had ended before the call B began" is read from line numbers, whatever the threads did.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

CALLS = "pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync,ftruncate,unlink,rename"
SECTOR = 512
_WHOLE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)")
_BEGUN = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
_ENDED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)")
_QUOTED = re.compile(r'"([^"]*)"')
_PLACE = re.compile(r"^\d+<([^>]*)>")
SENDS = frozenset({"write", "writev", "sendto", "sendmsg"})
SYNCS = frozenset({"fdatasync", "fsync"})


def strace(out: Path) -> list[str]:
    """The command before the command: every thread, paths of descriptors, all bytes."""
    return ["strace", "-D", "-f", "-y", "-xx", "-s", "70000", "--seccomp-bpf", "-e", f"trace={CALLS}", "-o", str(out)]


@dataclass(frozen=True)
class Call:
    """``begun`` and ``ended`` are line numbers; ``offset`` that of a write, or the length of a cut."""

    name: str
    path: str
    data: bytes
    offset: int
    begun: int
    ended: int
    result: int


def read_trace(path: Path) -> list[Call]:
    """All calls that ended, in the order in which they began."""
    found: list[Call] = []
    open_calls: dict[str, tuple[str, str, int]] = {}
    for number, line in enumerate(path.read_text(encoding="latin-1").splitlines()):
        if whole := _WHOLE.match(line):
            found.append(_call(whole[2], whole[3], number, number, int(whole[4])))
        elif begun := _BEGUN.match(line):
            open_calls[begun[1]] = (begun[2], begun[3], number)
        elif ended := _ENDED.match(line):
            name, arguments, start = open_calls.pop(ended[1])
            assert name == ended[2]
            found.append(_call(name, arguments + ended[3], start, number, int(ended[4])))
    return sorted(found, key=lambda call: call.begun)


def _call(name: str, arguments: str, begun: int, ended: int, result: int) -> Call:
    place = _PLACE.match(arguments)
    texts = [_bytes(text) for text in _QUOTED.findall(arguments)]
    path = _bytes(place[1]).decode() if place else texts[0].decode()
    last = arguments.rpartition(", ")[2]
    offset = int(last) if name in ("pwrite64", "ftruncate") else 0
    return Call(name, path, b"".join(texts) if place else b"", offset, begun, ended, result)


def _bytes(text: str) -> bytes:
    assert text.startswith("\\x") or not text, text[:80]
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass
class _File:
    safe: bytearray
    pending: list[Call] = field(default_factory=list)


@dataclass
class Disk:
    """Two files as a disk holds them: ``safe`` survives, ``pending`` is in the cache. Starts from what lay there before."""

    files: dict[str, _File]

    @classmethod
    def of(cls, before: Mapping[Path, bytes]) -> Disk:
        """The disk as it was when the trace began: {path: bytes}."""
        return cls({str(path): _File(bytearray(content)) for path, content in before.items()})

    def replay(self, calls: Sequence[Call], until: int) -> None:
        """Take in every call that touches the files and began before line ``until``; each call once."""
        for call in calls:
            known = self.files.get(call.path)
            if known is None or call.begun >= until or call.result < 0:
                continue
            if call.name in SYNCS:
                if call.ended < until:  # else the power went before the disk had answered
                    self._sync(known, call)
            elif call.name in ("pwrite64", "ftruncate", "unlink"):
                known.pending.append(call if call.name == "ftruncate" else replace(call, data=call.data[: call.result or None]))

    def _sync(self, known: _File, sync: Call) -> None:
        for call in known.pending:
            if call.ended < sync.begun:
                _apply(known.safe, call)
        known.pending = [call for call in known.pending if call.ended >= sync.begun]

    def images(self, draw: random.Random | None) -> Iterator[tuple[str, bytes]]:
        """(path, bytes) of every file after the power is back.

        ``draw`` None: nothing that was not synced has reached the disk. Else any of it has, and one write only in part.
        """
        for path, known in self.files.items():
            image = bytearray(known.safe)
            kept = [call for call in known.pending if draw.random() < 0.5] if draw else []
            if draw and kept:
                place = draw.randrange(len(kept))
                sectors = draw.randrange(len(kept[place].data) // SECTOR + 1)
                kept[place] = replace(kept[place], data=kept[place].data[: sectors * SECTOR])
            for call in kept:
                _apply(image, call)
            yield path, bytes(image)

    def whole(self) -> dict[str, bytes]:
        """Everything, as the running system sees the files: safe and pending."""
        images = {}
        for path, known in self.files.items():
            image = bytearray(known.safe)
            for call in known.pending:
                _apply(image, call)
            images[path] = bytes(image)
        return images


def _apply(image: bytearray, call: Call) -> None:
    if call.name == "unlink":
        image.clear()
    elif call.name == "ftruncate":
        del image[call.offset :]
        image.extend(bytes(call.offset - len(image)))
    else:
        if len(image) < call.offset:
            image.extend(bytes(call.offset - len(image)))
        image[call.offset : call.offset + len(call.data)] = call.data
