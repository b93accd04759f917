"""Kinds of certification, read from TOML: what must be done, by when, how long it is valid, how many hours it takes.

A kind is a row of stages, of which one starts the validity; then periods that renewals prolong; requirements that are counted
per period, per year or before the start; marks that are only noted (a rank, a lecture). Every date and number is a value.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeVar

from exams.errors import ContentError
from exams.toml_source import Section, TomlSource
from home import Home

SHIPPED = Path(__file__).parent / "kinds"
#: The last day of a period: the corresponding day (民法典 202), or the day before it, as some certificates are printed.
ENDS = ("corresponding_day", "day_before")
#: per when a requirement is counted
PERS = ("period", "year", "before_start")


@dataclass(frozen=True)
class Stage:
    """One step of the way to a certification. ``within_months`` after the stage before it; None: no deadline."""

    step: str
    title: str
    do: str
    within_months: int | None = None
    starts: bool = False


@dataclass(frozen=True)
class Exam:
    """Subjects that must all be passed within so many consecutive exam years."""

    subjects: tuple[tuple[str, str], ...]     # (step, title)
    within_years: int


@dataclass(frozen=True)
class Validity:
    """How long a period lasts. ``months`` 0: without end. ``restart``: a step after the lapse begins anew."""

    months: int = 0
    ends: str = ENDS[0]
    restart: bool = True


@dataclass(frozen=True)
class Renewal:
    """How a period is prolonged: in the last ``window_months``; the new one follows the old one or runs from the step."""

    step: str
    title: str
    window_months: int
    from_expiry: bool
    do: str


@dataclass(frozen=True)
class Requirement:
    """What must be reached. With ``step`` it counts those steps, else hours; ``degree``: hours a degree is worth, once in a life."""

    title: str
    per: str
    needed: Fraction
    unit: str
    step: str = ""
    degree: Fraction = Fraction(0)


@dataclass(frozen=True)
class Mark:
    """A step that changes no date: a rank (the newest holds), or something counted."""

    step: str
    title: str
    count: bool = False


@dataclass(frozen=True)
class Target:
    """How many active holders each unit of a kind should have."""

    unit_kind: str
    least: int


@dataclass(frozen=True)
class Kind:
    """One kind of certification; ``id`` is the name of its file, ``obtained`` what the first date means."""

    id: str
    title: str
    group: str
    level: int
    order: int
    aliases: tuple[str, ...]
    owner: str
    source: str
    obtained: str
    ended: str
    records: bool
    exam: Exam | None
    stages: tuple[Stage, ...]
    validity: Validity
    renewal: Renewal | None
    age_most: int | None
    requirements: tuple[Requirement, ...]
    marks: tuple[Mark, ...]
    target: Target | None

    @property
    def steps(self) -> Mapping[str, str]:
        """step -> title, in the order of their use."""
        found = dict(self.exam.subjects) if self.exam else {}
        found.update((one.step, one.title) for one in self.stages)
        if self.renewal:
            found[self.renewal.step] = self.renewal.title
        found.update((one.step, one.title) for one in self.marks)
        return found

    @property
    def start(self) -> Stage | None:
        """The stage that begins the validity; None: valid from the day it was obtained."""
        return next((one for one in self.stages if one.starts), None)

    def step_named(self, text: str) -> str | None:
        """The step that a clerk calls so, by title or by code."""
        wanted = spelled(text)
        return next((step for step, title in self.steps.items() if wanted in (spelled(step), spelled(title))), None)


@lru_cache(8192)
def spelled(text: str) -> str:
    """One spelling of a name for look-ups: NFKC, no white space, no quotation marks.

    >>> spelled(" 乡村“法律 明白人” "), spelled("社会工作者（初级）")
    ('乡村法律明白人', '社会工作者(初级)')
    """
    text = unicodedata.normalize("NFKC", text)
    return "".join(char for char in text if not char.isspace() and char not in "“”\"'‘’《》")


# ---------------------------------------------------------------- reading


def read_kind(path: Path) -> Kind:
    """One kind from its file.

    :raises ContentError: every fault, with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        text = "\0"  # is no TOML, and told so
    source = TomlSource(text, path.name)
    root = source.root
    made = Kind(
        path.stem, root.text("title", limit=40), root.text("group", limit=40), root.whole("level", 0, least=0, most=9),
        root.whole("order", 100, least=0, most=999), root.texts("aliases", ()), root.text("owner", ""), root.text("source"),
        root.text("obtained", limit=40), root.text("ended", "终止", limit=20), root.flag("records", False), _exam(root), _stages(root),
        _validity(root), _renewal(root), _age(root), _requirements(root), _marks(root), _target(root),
    )  # fmt: skip
    _agree(root, made)
    root.finish()
    source.finish()
    return made


T = TypeVar("T")


def _closed(section: Section, made: T) -> T:
    """What was read from a section, after whatever is left over in it has been told."""
    section.finish()
    return made


def _age(root: Section) -> int | None:
    section = root.table("age")
    return _closed(section, section.maybe_whole("most", least=18, most=120))


def _exam(root: Section) -> Exam | None:
    section = root.table("exam")
    subjects = tuple(_closed(one, (_code(one), one.text("title", limit=40))) for one in _each(section, "subject"))
    return _closed(section, Exam(subjects, section.whole("within_years", least=1, most=10))) if section.values else None


def _each(root: Section, key: str) -> list[Section]:
    return root.tables(key, most=40)


def _code(section: Section, key: str = "step", *, needed: bool = True) -> str:
    code = section.text(key, None if needed else "", limit=20)
    if code and not (code.isascii() and code.replace("_", "").isalnum() and code == code.lower()):
        section.fault(key, f"“{key}”应为小写字母、数字和下划线（20 个以内）")
    return code


def _stages(root: Section) -> tuple[Stage, ...]:
    return tuple(
        _closed(one, Stage(
            _code(one), one.text("title", limit=40), one.text("do"), one.maybe_whole("within_months", least=1, most=600), one.flag("starts", False)
        ))
        for one in _each(root, "stage")
    )  # fmt: skip


def _validity(root: Section) -> Validity:
    section = root.table("validity")
    months = section.whole("months", 0, least=0, most=600)
    ends = section.text("ends", ENDS[0], choices=ENDS)
    restart = section.text("after_lapse", "restart", choices=("restart", "refuse")) == "restart"
    return _closed(section, Validity(months, ends, restart))


def _renewal(root: Section) -> Renewal | None:
    section = root.table("renewal")
    if not section.values:
        return None
    return _closed(section, Renewal(
        _code(section), section.text("title", limit=40), section.whole("window_months", least=0, most=120),
        section.text("runs_from", "expiry", choices=("expiry", "renewal")) == "expiry", section.text("do"),
    ))  # fmt: skip


def _requirements(root: Section) -> tuple[Requirement, ...]:
    return tuple(
        _closed(one, Requirement(
            one.text("title", limit=40), one.text("per", choices=PERS), one.fraction("needed"), one.text("unit", limit=10),
            _code(one, needed=False), one.fraction("degree", Fraction(0)),
        ))
        for one in _each(root, "requirement")
    )  # fmt: skip


def _marks(root: Section) -> tuple[Mark, ...]:
    return tuple(_closed(one, Mark(_code(one), one.text("title", limit=40), one.flag("count", False))) for one in _each(root, "mark"))


def _target(root: Section) -> Target | None:
    section = root.table("target")
    if not section.values:
        return None
    return _closed(section, Target(section.text("unit_kind", limit=20), section.whole("least", least=1, most=1000)))


def _agree(root: Section, made: Kind) -> None:
    """Faults between the parts of one kind."""
    named = [step for step, _ in (made.exam.subjects if made.exam else ())]
    named += [one.step for one in made.stages] + [one.step for one in made.marks] + ([made.renewal.step] if made.renewal else [])
    for step in sorted({one for one in named if named.count(one) > 1}):
        root.fault(None, f"步骤“{step}”写了两次；请改成不同的名字")
    if sum(one.starts for one in made.stages) != (1 if made.stages else 0):
        root.fault("stage", "各步骤里要有一步、也只能有一步写 starts = true（从这一步起有效）")
    if made.renewal and not made.validity.months:
        root.fault("renewal", "没有有效期（[validity] months）就谈不上续期；请补上或删去 [renewal]")
    counted = {one.step for one in made.marks if one.count}
    for one in made.requirements:
        if one.step and one.step not in counted:
            root.fault("requirement", f"“{one.title}”按步骤“{one.step}”计数，但没有写 count = true 的 [[mark]] 叫这个名字")
        if one.degree and one.per != "period":
            root.fault("requirement", f"“{one.title}”不按有效期计算，不能写学位抵学时（degree）")
        if one.per == "period" and not made.validity.months:
            root.fault("requirement", f"“{one.title}”按有效期计算，但没有写有效期（[validity] months）")


def read_kinds(folder: Path = SHIPPED, own: Path | None = None) -> Mapping[str, Kind]:
    """id -> kind, in their order; a file in ``own`` takes the place of the shipped one of the same name.

    :raises ContentError: every fault of every file, and names that two kinds claim.
    """
    paths = {path.name: path for path in sorted(folder.glob("*.toml"))}
    if own is not None:
        paths.update((path.name, path) for path in sorted(own.glob("*.toml")))
    kinds: list[Kind] = []
    faults: list[object] = []
    for path in paths.values():
        try:
            kinds.append(read_kind(path))
        except ContentError as error:
            faults += error.faults
    claimed: dict[str, Kind] = {}
    for kind in kinds:
        for name in (kind.title, *kind.aliases):
            other = claimed.setdefault(spelled(name), kind)
            if other is not kind:
                faults.append(f"{kind.id}.toml: 名称“{name}”已被 {other.id}.toml（{other.title}）使用；请改掉一处")
    if faults:
        raise ContentError(faults)
    return {kind.id: kind for kind in sorted(kinds, key=lambda one: (one.order, one.id))}


@cache
def _shipped_kinds() -> Mapping[str, Kind]:
    return read_kinds()


def kinds_of(home: Home) -> Mapping[str, Kind]:
    """The kinds that count in a home: the shipped ones, and its own ``secret/workforce/kinds``."""
    own = home.secret / "workforce" / "kinds"
    return read_kinds(SHIPPED, own) if own.is_dir() else _shipped_kinds()


def kind_source(home: Home, kind: Kind) -> tuple[str, bool]:
    """(text of the file that a kind was read from, whether it is the home's own)."""
    own = home.secret / "workforce" / "kinds" / f"{kind.id}.toml"
    path = own if own.is_file() else SHIPPED / f"{kind.id}.toml"
    return path.read_text(encoding="utf-8"), path is own


def kind_named(kinds: Mapping[str, Kind], text: str) -> Kind | None:
    """The kind that a clerk calls so, by title, alias or id."""
    wanted = spelled(text)
    return next((one for one in kinds.values() if wanted in {spelled(name) for name in (one.id, one.title, *one.aliases)}), None)
