"""A TOML file that a clerk edits, read so that every fault is found at once and named by its line.

``tomllib`` gives values without places; :class:`TomlSource` finds the line of a key in the text. A reader takes the keys it
knows out of a :class:`Section`; what is left over at the end is a fault too, because a misspelt rule must not be ignored.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import NoReturn

from exams.errors import ContentError

#: A blueprint or profile is a page or two; anything larger is not one.
MAX_BYTES = 200_000
#: ``tomllib`` needs time that grows with the square of the pieces of a dotted key, and a line is no place for a page of text
MAX_LINE, MAX_DOTS = 4_000, 100

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")
_PIECE = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^.\s]+))\s*(?:\.|$)""")
_FRACTION = re.compile(r"\d{1,4}(?:\.\d{1,3}|/[1-9]\d{0,3})?")

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Fault:
    """One fault of a content file. ``line`` counts from 1; 0: the file as a whole."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


class TomlSource:
    """One TOML text, its values and the faults found in it so far.

    :raises ContentError: it is too long or not TOML; then nothing else can be said about it.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.faults: list[Fault] = []
        if len(text) > MAX_BYTES:
            raise ContentError([Fault(name, 0, f"文件超过 {MAX_BYTES // 1000} 千字符，不像是配置文件；请检查是否选错文件")])
        _refuse_boundless(text, name)
        try:
            values = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # ValueError: also of a number with thousands of digits
            found = re.search(r"at line (\d+)", str(error))
            line = int(found[1]) if found else (text.count("\n") + 1)
            raise ContentError([Fault(name, line, "这一行不合 TOML 格式；请检查引号、等号、方括号是否成对，键有没有写两次")]) from error
        self._lines = _lines_of_keys(text)
        self.root = Section(self, (), values)

    def line(self, path: KeyPath) -> int:
        """Line of a key, or of the nearest table around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def fault(self, path: KeyPath, message: str) -> None:
        self.faults.append(Fault(self.name, self.line(path), message))

    def finish(self) -> None:
        """:raises ContentError: any fault was found; all of them, in the order of the file."""
        if self.faults:
            raise ContentError(sorted(set(self.faults)))


def _refuse_boundless(text: str, name: str) -> None:
    """Refuse lines that would take minutes to read.

    :raises ContentError: every such line.
    """
    faults = [
        Fault(name, number, f"这一行超过 {MAX_LINE} 个字符或有 {MAX_DOTS} 个以上的点，不像是配置；请检查是否选错文件")
        for number, line in enumerate(text.splitlines(), 1) if len(line) > MAX_LINE or line.count(".") > MAX_DOTS
    ]  # fmt: skip
    if faults:
        raise ContentError(faults[:50])


def _shown(value: object) -> str:
    """A refused value as a message shows it; an integer of thousands of digits has no decimal text."""
    try:
        return str(value)[:40]
    except ValueError:
        return "一个过大的数"


def _lines_of_keys(text: str) -> dict[KeyPath, int]:
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    here: KeyPath = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            here = ()
            pieces = _pieces(header[2])
            for depth, piece in enumerate(pieces, 1):
                here = (*here, piece)
                if depth == len(pieces) and header[1] == "[[":
                    counts[here] = counts.get(here, -1) + 1
                if here in counts:
                    here = (*here, counts[here])
            found.setdefault(here, number)
        elif key := _KEY.match(line):
            found.setdefault((*here, *_pieces(key[1])), number)
    return found


def _pieces(dotted: str) -> list[str]:
    return [a or b or c for a, b, c in _PIECE.findall(dotted)]


class Section:
    """One table of a TOML text. Each reader returns a usable value even where it noted a fault."""

    def __init__(self, source: TomlSource, path: KeyPath, values: Mapping[str, object]) -> None:
        self.source, self.path, self.values = source, path, values
        self._known: set[str] = set()

    def fault(self, key: str | None, message: str) -> None:
        self.source.fault(self.path if key is None else (*self.path, key), message)

    def _take(self, key: str, required: bool) -> object:
        self._known.add(key)
        if required and key not in self.values:
            self.fault(None, f"{self.title}缺少“{key}”；请补上这一项")
        return self.values.get(key)

    @property
    def title(self) -> str:
        """The table's own name for messages: ``[pass] ``, ``[[parts]] 第 2 个 ``."""
        names = [f"第 {piece + 1} 个" if isinstance(piece, int) else piece for piece in self.path]
        return f"[{'.'.join(names)}] " if names else ""

    def text(self, key: str, default: str | None = None, *, choices: Iterable[str] = (), limit: int = 300) -> str:
        """A text; required without a default. With ``choices`` it is one of them."""
        value = self._take(key, default is None)
        allowed = tuple(choices)
        if value is None:
            return default if default is not None else (allowed[0] if allowed else "")
        if not isinstance(value, str) or len(value) > limit or (default is None and not value.strip()):
            self.fault(key, f"“{key}”应为文字（{limit} 字以内，加双引号）")
            return default or ""
        if allowed and value not in allowed:
            near = difflib.get_close_matches(value, allowed, 1)
            self.fault(key, f"“{key}”不能是“{value[:40]}”{f'，是否想写“{near[0]}”' if near else ''}；可用：{'、'.join(allowed)}")
            return allowed[0]
        return value

    def texts(self, key: str, default: Sequence[str] | None = None, *, choices: Iterable[str] = ()) -> tuple[str, ...]:
        """A list of different texts; required without a default."""
        value = self._take(key, default is None)
        allowed = tuple(choices)
        if value is None:
            return tuple(default or ())
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() and len(one) <= 300 for one in value):
            self.fault(key, f"“{key}”应为文字的列表，例如 [\"甲\", \"乙\"]")
            return tuple(default or ())
        for one in value:
            if allowed and one not in allowed:
                self.fault(key, f"“{key}”里的“{one[:40]}”不认识；可用：{'、'.join(allowed)}")
        if len(set(value)) != len(value):
            self.fault(key, f"“{key}”里有重复的内容；请删去重复的")
        return tuple(value)

    def whole(self, key: str, default: int | None = None, *, least: int, most: int) -> int:
        """A whole number between two bounds, both allowed; required without a default."""
        value = self._take(key, default is None)
        if value is None:
            return least if default is None else default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(key, f"“{key}”应为 {least} 至 {most} 的整数，现为 {_shown(value)}")
            return least if default is None else default
        return value

    def maybe_whole(self, key: str, *, least: int, most: int) -> int | None:
        """A whole number, or None where the key is not there."""
        self._known.add(key)
        return self.whole(key, least=least, most=most) if key in self.values else None

    def maybe_fraction(self, key: str, *, least: Fraction = Fraction(0), most: Fraction = Fraction(10_000)) -> Fraction | None:
        """An exact number, or None where the key is not there."""
        self._known.add(key)
        return self.fraction(key, least=least, most=most) if key in self.values else None

    def flag(self, key: str, default: bool) -> bool:
        """``true`` or ``false``."""
        value = self._take(key, False)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(key, f"“{key}”应为 true 或 false，现为 {_shown(value)}")
            return default
        return value

    def fraction(
        self, key: str, default: Fraction | None = None, *, least: Fraction = Fraction(0), most: Fraction = Fraction(10_000)
    ) -> Fraction:
        """An exact number: ``2``, ``0.5`` or ``"3/2"``, between two bounds, both allowed."""
        value = self._take(key, default is None)
        if value is None:
            return least if default is None else default
        spelled = "" if isinstance(value, bool) or not isinstance(value, int | float | str) else _shown(value)
        if not _FRACTION.fullmatch(spelled) or not least <= Fraction(spelled) <= most:
            self.fault(key, f"“{key}”应为 {least} 至 {most} 的数（如 2、0.5、\"3/2\"），现为 {_shown(value)}")
            return least if default is None else default
        return Fraction(spelled)

    def day(self, key: str) -> date | None:
        """A calendar day such as ``2026-01-01``, or None where the key is not there."""
        value = self._take(key, False)
        if value is None:
            return None
        if isinstance(value, datetime) or not isinstance(value, date):
            self.fault(key, f"“{key}”应为日期，例如 2026-01-01（不加引号）")
            return None
        return value

    def table(self, key: str) -> Section:
        """A table; an empty one where the key is not there."""
        value = self._take(key, False)
        if value is not None and not isinstance(value, dict):
            self.fault(key, f"“{key}”应为一节 [{key}]")
            value = None
        return Section(self.source, (*self.path, key), value or {})

    def tables(self, key: str, *, most: int) -> list[Section]:
        """Repeated tables ``[[key]]``, at most so many."""
        value = self._take(key, False)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.fault(key, f"“{key}”应为若干节 [[{key}]]")
            return []
        if len(value) > most:
            self.fault(key, f"[[{key}]] 最多 {most} 节，现有 {len(value)} 节")
        return [Section(self.source, (*self.path, key, number), one) for number, one in enumerate(value[:most])]

    def raw(self, key: str) -> object:
        """A value as TOML gives it, for a reader that checks it itself; None where the key is not there."""
        return self._take(key, False)

    def names(self) -> tuple[str, ...]:
        """Keys of a table whose keys are content (subjects, acts, bands), all taken as known."""
        self._known.update(self.values)
        return tuple(self.values)

    def finish(self) -> None:
        """Keys that nobody asked for are faults."""
        for key in self.values:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, 1)
                hint = f"是否想写“{near[0]}”？" if near else f"可用：{'、'.join(sorted(self._known))}"
                self.fault(key, f"{self.title}不认识“{key[:40]}”；{hint}")


def refuse(name: str, message: str) -> NoReturn:
    """Give up on a file as a whole.

    :raises ContentError: always.
    """
    raise ContentError([Fault(name, 0, message)])
