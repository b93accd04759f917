"""What counts as what in the statistics, read from TOML: small cells, levels of units, ranks, kinds that are no certification."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from exams.errors import ContentError
from exams.toml_source import TomlSource
from home import Home

SHIPPED = Path(__file__).parent / "rules.toml"
#: where an office keeps its own, within ``secret/``
OWN = "statistics.toml"
NO_LEVEL, NO_RANK = "未登记级别", "未填层级"


@dataclass(frozen=True)
class Rules:
    """``n``: groups of fewer people are not shown. ``levels``: (title, kinds of unit); ``ranks``: (title, how a rank's text begins)."""

    n: int
    source: str
    months: int
    left_out: tuple[str, ...]
    levels: tuple[tuple[str, tuple[str, ...]], ...]
    ranks: tuple[tuple[str, tuple[str, ...]], ...]

    def level(self, unit_kind: str) -> str:
        """The level of a kind of unit."""
        return next((title for title, kinds in self.levels if unit_kind in kinds), NO_LEVEL)

    def rank(self, text: str) -> str:
        """The group of a rank as a roster spells it."""
        text = text.strip()
        return next((title for title, begins in self.ranks if text.startswith(begins)), text) or NO_RANK

    def level_order(self, title: str) -> int:
        """Where a level stands, from above."""
        return next((n for n, (known, _) in enumerate(self.levels) if known == title), len(self.levels))

    def rank_order(self, title: str) -> tuple[int, str]:
        """Where a group of ranks stands, from above; unknown ones by their text, none last."""
        return next((n for n, (known, _) in enumerate(self.ranks) if known == title), len(self.ranks) + (title == NO_RANK)), title


def parse_rules(text: str, name: str) -> Rules:
    """Rules from TOML text.

    :raises ContentError: every fault, with its line.
    """
    source = TomlSource(text, name)
    root = source.root
    cells, expiry, kinds = root.table("small_cells"), root.table("expiry"), root.table("certifications")
    levels, ranks = root.tables("level", most=20), root.tables("rank", most=40)
    made = Rules(
        cells.whole("n", least=3, most=100), cells.text("source"), expiry.whole("months", 12, least=3, most=24), kinds.texts("left_out", ()),
        tuple((one.text("title", limit=20), one.texts("unit_kinds")) for one in levels),
        tuple((one.text("title", limit=20), one.texts("begins")) for one in ranks),
    )  # fmt: skip
    for known, what in ((levels, "unit_kinds"), (ranks, "begins")):
        named = [text for section in known for text in section.texts(what, ())]
        for text in sorted({one for one in named if named.count(one) > 1}):
            root.fault(None, f"“{text}”写在两处；请只留一处")
    for section in (*levels, *ranks, cells, expiry, kinds, root):
        section.finish()
    source.finish()
    return made


def read_rules(path: Path = SHIPPED) -> Rules:
    """Rules from a file.

    :raises ContentError: every fault, with its line.
    """
    try:
        return parse_rules(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError:
        raise ContentError([f"{path.name}: 不是 UTF-8 文本；请用 UTF-8 编码另存"]) from None


@cache
def shipped_rules() -> Rules:
    """The rules that come with the project."""
    return read_rules()


def rules_of(home: Home) -> Rules:
    """The office's own rules, or the shipped ones."""
    own = home.secret / OWN
    return read_rules(own) if own.is_file() else shipped_rules()
