"""Item text as paragraphs of runs, for print: read from the same safe HTML that a candidate's screen shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

#: tag -> (bold, italic) that it adds
_STYLES = {"strong": (True, False), "em": (False, True), "code": (False, False)}
_BLOCKS = frozenset({"p", "li", "blockquote"})
#: what no XML document may hold; a word processor would refuse the whole file
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")


@dataclass(frozen=True)
class Run:
    """A stretch of text in one style; a line break is ``"\\n"``."""

    text: str
    bold: bool = False
    italic: bool = False


@dataclass(frozen=True)
class Block:
    """One paragraph. ``marker`` is ``"1."`` or ``"•"`` before a list item; ``depth``: how many lists it lies in."""

    runs: tuple[Run, ...]
    marker: str = ""
    depth: int = 0

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)


def printable(text: str) -> str:
    """Text without control characters."""
    return _UNPRINTABLE.sub("", text)


class _Reader(HTMLParser):
    """Collects blocks; tags outside :data:`question_bank.rendering.TAGS` do not occur in safe HTML and count for nothing."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._runs: list[Run] = []
        self._lists: list[int | None] = []     # next number of each open list; None: bullets
        self._styles: list[tuple[bool, bool]] = []
        self._marker = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _STYLES:
            self._styles.append(_STYLES[tag])
        elif tag == "br":
            self._runs.append(Run("\n"))
        elif tag in ("ol", "ul"):
            self.end_block()
            start = dict(attrs).get("start") or "1"
            self._lists.append((int(start) if start.isdigit() else 1) if tag == "ol" else None)
        elif tag in _BLOCKS:
            self.end_block()
            if tag == "li" and self._lists:
                number = self._lists[-1]
                self._marker = "•" if number is None else f"{number}."
                self._lists[-1] = None if number is None else number + 1

    def handle_endtag(self, tag: str) -> None:
        if tag in _STYLES and self._styles:
            self._styles.pop()
        elif tag in ("ol", "ul"):
            self.end_block()
            if self._lists:
                self._lists.pop()
        elif tag in _BLOCKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        text = data if self._runs else data.lstrip()
        if text:
            bold = any(style[0] for style in self._styles)
            self._runs.append(Run(printable(text.replace("\n", "")), bold, any(style[1] for style in self._styles)))

    def end_block(self) -> None:
        if any(run.text.strip() for run in self._runs):
            self.blocks.append(Block(tuple(self._runs), self._marker, len(self._lists)))
            self._marker = ""
        self._runs = []


def read_blocks(html: str) -> tuple[Block, ...]:
    """Paragraphs of safe HTML (see :mod:`question_bank.rendering`), in their order.

    >>> [block.text for block in read_blocks("<p>一<strong>二</strong></p><ol><li>三</li></ol>")]
    ['一二', '三']
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.end_block()
    return tuple(reader.blocks)
