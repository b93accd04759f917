"""The corpus of ``payloads.toml`` and what no TOML can hold: directions, zero widths, NUL, lone surrogates, sheer size."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

TRAP = "trap.invalid"
_GROUPS = tomllib.loads((Path(__file__).parent / "payloads.toml").read_text(encoding="utf-8"))


def _made(group: str, call: Callable[[int], str]) -> tuple[str, ...]:
    lines = [line for lines in _GROUPS[group].values() for line in lines]
    return tuple(line.replace("HIT", call(n)).replace("TRAP", TRAP) for n, line in enumerate(lines))


def scripts(call: Callable[[int], str] = lambda n: f"hit({n})") -> tuple[str, ...]:
    """All that would run or fetch in a page that does not escape; ``call`` makes the JavaScript of number n."""
    return _made("script", call)


SCRIPTS = scripts()
TEXTS = _made("text", lambda n: f"hit({n})")
FORMULAS = tuple(_GROUPS["text"]["formulas"])
PATHS = tuple(_GROUPS["text"]["paths"])
#: text that is odd to store or to show; a lone surrogate is in no file and no form, but JSON can carry it
ODD = (
    "\u202e文件名\u202c", "\u2066甲\u2069", "\u200b\u200d\ufeff", "甲\u0000乙", "\x1b[2J\x1b]0;x\x07", "\x7f\x80\x9f", "\ud800", "\U0010ffff", "\uffff",
    "e" + "\u0301" * 300, "𫚥" * 50, "ﷺ" * 40, "\u2028\u2029", "\r\n\r\n", "\t", "", " ", "　", "0" * 5000, "9" * 5000, "a" * 100_000, "[" * 5000,
)  # fmt: skip
EVERYTHING = (*SCRIPTS, *TEXTS, *ODD)


def packs(size: int, joint: str = "\n\n", lines: tuple[str, ...] = SCRIPTS) -> list[str]:
    """The corpus joined into as few texts of at most ``size`` characters as hold it, in order; what is longer alone is left out."""
    found: list[str] = []
    for line in lines:
        if len(line) > size:
            continue
        if found and len(found[-1]) + len(joint) + len(line) <= size:
            found[-1] += joint + line
        else:
            found.append(line)
    return found
