"""The staffing norms of a home: ``courses/staffing.toml``, with what the office's ``secret/workforce/staffing.toml`` replaces or adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from courses.norms import FILE, SHAPES, Rule, reads_residents, workers_for
from exams.errors import ContentError
from exams.toml_source import Section, TomlSource
from grading.errors import WorkforceError
from grading.workforce.grades import Grades, Post
from grading.workforce.kinds import spelled
from home import Home

MOST = 10_000_000


@dataclass(frozen=True)
class Norm:
    """One norm. ``counts``: categories of persons who are the workers it is about; ``total``: it is meant for all communities together."""

    key: str
    title: str
    who: str
    counts: tuple[str, ...]
    total: bool
    source: str
    assumed: str
    rule: Rule

    @property
    def by_residents(self) -> bool:
        return reads_residents(self.rule)

    @property
    def by_grid(self) -> bool:
        return bool(self.rule["shape"] == "grid")

    def workers(self, households: int = 0, residents: int = 0) -> tuple[int, int]:
        """Fewest and most workers."""
        return workers_for(self.rule, households, residents)


@dataclass(frozen=True)
class Committee:
    """What the organic law says of a residents' committee: the usual number of households, and of members."""

    households: tuple[int, int]
    members: tuple[int, int]
    source: str


@dataclass(frozen=True)
class Staffing:
    """All that the files say."""

    norms: Mapping[str, Norm]
    committee: Committee
    grades: Grades

    def norm(self, name: str) -> Norm:
        """A norm by key or title.

        :raises WorkforceError: there is none.
        """
        found = next((one for one in self.norms.values() if spelled(name) in (spelled(one.key), spelled(one.title))), None)
        if found is None:
            known = "、".join(f"{one.title}（{key}）" for key, one in self.norms.items())
            raise WorkforceError(f"没有“{name[:40]}”这种配备口径；可用：{known}")
        return found


@dataclass(frozen=True)
class Supposed:
    """What one norm comes to for a supposed number; ``given``: ``户数 2,650``."""

    given: str
    norm: Norm
    least: int
    most: int

    @property
    def told(self) -> str:
        """``4 人`` or ``7 至 28 人``."""
        return f"{self.least} 人" if self.least == self.most else f"{self.least} 至 {self.most} 人"


def suppose(known: Staffing, households: int | None, residents: int | None) -> list[Supposed]:
    """What each norm that goes by a given number comes to; None: not given."""
    found = []
    for norm in known.norms.values():
        basis = residents if norm.by_residents else households
        if basis is not None:
            title = "常住人口" if norm.by_residents else "户数"
            found.append(Supposed(f"{title} {basis:,}", norm, *norm.workers(households or 0, residents or 0)))
    return found


def staffing_of(home: Home) -> Staffing:
    """What counts in a home.

    :raises ContentError: every fault of the office's file, with its line.
    """
    return read_staffing(home.secret / "workforce" / "staffing.toml")


def read_staffing(own: Path | None = None) -> Staffing:
    """The shipped file, and an office's own above it; raises as :func:`staffing_of`."""
    norms: dict[str, Norm] = {}
    committee: Committee | None = None
    grades: Grades | None = None
    for path in (FILE, own):
        if path is None or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            text = "\0"  # is no TOML, and told so
        source = TomlSource(text, path.name)
        for key in source.root.names():
            section = source.root.table(key)
            if key == "committee":
                committee = _committee(section)
            elif key == "grades":
                grades = _grades(section)
            else:
                norms[key] = _norm(key, section)
            section.finish()
        source.finish()
    if committee is None or grades is None:
        raise ContentError([f"{FILE.name}: 缺少 [committee] 或 [grades]；请恢复原文件"])
    return Staffing(norms, committee, grades)


def _norm(key: str, section: Section) -> Norm:
    shape = section.text("shape", choices=SHAPES)
    total = section.text("level", "community", choices=("community", "total")) == "total"
    rule = {"shape": shape, **RULES[shape](section)}
    return Norm(
        key, section.text("title", limit=40), section.text("who", limit=20), section.texts("counts"), total, section.text("source"),
        section.text("assumed", ""), rule,
    )  # fmt: skip


def _pair(section: Section, key: str, *, rising: bool = True) -> tuple[int, int]:
    value = section.raw(key)
    if not isinstance(value, list) or len(value) != 2 or not all(_number(one) for one in value) or (rising and value[0] > value[1]):
        section.fault(key, f"“{key}”应为两个整数{'，小的在前' if rising else ''}，例如 [200, 400]")
        return 1, 1
    return value[0], value[1]


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST


def _bands(section: Section) -> dict[str, Any]:
    bands = section.raw("bands")
    rising = (
        isinstance(bands, list) and bool(bands)
        and all(isinstance(one, list) and len(one) == 2 and all(_number(two) for two in one) for one in bands)
        and all(a[0] < b[0] for a, b in pairwise(bands))
    )  # fmt: skip
    if not rising:
        section.fault("bands", "“bands”应为若干对 [不超过的户数, 人数]，户数从小到大，例如 [[2000, 3], [3000, 4]]")
    return {"bands": bands if rising else [[1, 1]], "step": section.whole("step", least=1, most=MOST), "most": section.whole("most", least=1, most=MOST)}


RULES: Mapping[str, Callable[[Section], dict[str, Any]]] = {
    "grid": lambda section: {"households": _pair(section, "households"), "workers": _pair(section, "workers")},
    "per_10000": lambda section: {"per_10000": section.whole("per_10000", least=1, most=10_000)},
    "bands": _bands,
    "range": lambda section: {
        "households": section.whole("households", least=1, most=MOST), "workers": _pair(section, "workers"),
        "steps": _pair(section, "steps", rising=False),
    },
}  # fmt: skip


def _committee(section: Section) -> Committee:
    return Committee(_pair(section, "households"), _pair(section, "members"), section.text("source"))


def _grades(section: Section) -> Grades:
    posts = []
    for one in section.tables("post", most=10):
        lowest, highest = _pair(one, "range")
        posts.append(Post(one.text("title", limit=20), one.texts("words", ()), lowest, highest))
        one.finish()
    if not posts or posts[-1].words or any(not one.words for one in posts[:-1]):
        section.fault("post", "[[grades.post]] 的最后一类、也只有最后一类，words 写成空的 []（以上都不是的）")
        posts = [Post("其他", (), 1, 18)]
    return Grades(section.whole("years", least=1, most=20), tuple(posts), section.text("source"), section.text("assumed", ""))
