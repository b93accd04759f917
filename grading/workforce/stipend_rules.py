"""Rules of 职业津贴, read from TOML: what kind, how much by level, what it requires, and the conventions an office must settle.

Shipped files (``stipends/*.toml``, after ``domain.md`` B.2) are examples; an office's own lie in ``secret/workforce/stipends``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

from exams.errors import ContentError
from exams.toml_source import Section, TomlSource
from grading.errors import WorkforceError
from grading.workforce.kinds import Kind, kind_named, kinds_of, spelled
from home import PRIVATE, PRIVATE_FOLDER, Home, write_atomically

SHIPPED = Path(__file__).parent / "stipends"
#: pays -> what staff read
PAYS = {"monthly": "按月发放", "once": "一次性发放", "grade_step": "晋升岗位等级"}
#: which day of a month must fulfil the requirements -> what staff read
COUNTS_ON = {
    "last_day": "按月末：当月起发、当月起不发", "first_day": "按月初：次月起发、次月起不发",
    "whole_month": "按整月：次月起发、当月起不发", "any_day": "按任何一天：当月起发、次月起不发",
}  # fmt: skip
#: kinds of certification that a rule looks at besides its own group
APPRAISALS, GRADES, PAID = "appraisal", "community_grade", "stipend_paid"
_APPRAISAL = re.compile(r"appraisal\s*>=\s*(\S{1,20})")
_MONEY = re.compile(r"\d{1,6}(\.\d{1,2})?", re.ASCII)


@dataclass(frozen=True)
class Appraisal:
    """``enough``: step -> title of the results that do; ``scale``: all of them, the best first; ``least``: the title asked for."""

    scale: Mapping[str, str]
    enough: Mapping[str, str]
    least: str


@dataclass(frozen=True)
class Conventions:
    """What documents leave open and an office settles; each is explained in the shipped files."""

    counts_on: str
    difference: bool
    within_range: bool
    from_month: int
    hold_missing: bool
    exempt_new: bool


@dataclass(frozen=True)
class Rule:
    """One rule; ``id`` is the name of its file, ``amounts``: kind of certification -> yuan, or grades where ``pays`` is grade_step."""

    id: str
    title: str
    place: str
    source: str
    pays: str
    group: str
    amounts: Mapping[str, Fraction]
    levels: Mapping[int, tuple[str, Fraction]]      # level of the kind -> (its title, amount)
    registered: bool
    employed: bool
    posts: tuple[str, ...]
    appraisal: Appraisal | None
    highest_only: bool
    effective_from: date | None
    effective_until: date | None
    conventions: Conventions
    example: bool

    @property
    def unit(self) -> str:
        return "级" if self.pays == "grade_step" else "元"

    @property
    def settled(self) -> tuple[str, ...]:
        """The conventions that bear on it, for the notes of a list."""
        said = self.conventions
        told = [COUNTS_ON[said.counts_on]] if self.pays == "monthly" else ["升级补差额" if said.difference else "升级按全额"]
        told += ["不超过所在岗位的最高级"] if said.within_range else []
        if self.appraisal:
            missing = "考核没有登记的待核" if said.hold_missing else "考核没有登记的照发"
            told += [f"{said.from_month} 月起看上一年度考核（{self.appraisal.least}以上），{missing}"]
        return (*told, "几项资格只按有效的最高级别" if self.highest_only else "几项资格各算各的")


def read_rule(path: Path, kinds: Mapping[str, Kind], *, example: bool = False) -> Rule:
    """One rule from its file.

    :raises ContentError: every fault, with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        text = "\0"  # is no TOML, and told so
    source = TomlSource(text, path.name)
    root = source.root
    requires = root.texts("requires", ())
    pays, group = root.text("pays", choices=PAYS), root.text("group", limit=40)
    amounts = _amounts(root, kinds, group, pays)
    levels = {kinds[ident].level: (kinds[ident].title, amount) for ident, amount in amounts.items()}
    made = Rule(
        path.stem, root.text("title", limit=40), root.text("place", limit=40), root.text("source"), pays, group,
        amounts, levels, "registered_valid" in requires, "employed_in_post" in requires, root.texts("posts", ()),
        _appraisal(root, requires, kinds), root.text("stack", "highest_only", choices=("highest_only", "each")) == "highest_only",
        root.day("effective_from"), root.day("effective_until"), _conventions(root), example,
    )  # fmt: skip
    if made.employed and not made.posts:
        root.fault("posts", "写了 employed_in_post，就要在 posts 里写明哪些人员类别算在岗")
    if made.effective_from and made.effective_until and made.effective_until < made.effective_from:
        root.fault("effective_until", "effective_until 早于 effective_from；请改正")
    root.finish()
    source.finish()
    return made


def _conventions(root: Section) -> Conventions:
    section = root.table("conventions")
    made = Conventions(
        section.text("counts_on", "last_day", choices=COUNTS_ON),
        section.text("upgrade", "difference", choices=("difference", "full")) == "difference",
        section.flag("within_range", False), section.whole("appraisal_from_month", 1, least=1, most=12),
        section.text("appraisal_missing", "hold", choices=("hold", "pay")) == "hold",
        section.text("new_hires", "exempt", choices=("exempt", "hold")) == "exempt",
    )  # fmt: skip
    section.finish()
    return made


def _appraisal(root: Section, requires: tuple[str, ...], kinds: Mapping[str, Kind]) -> Appraisal | None:
    scale = {one.step: one.title for one in kinds[APPRAISALS].marks} if APPRAISALS in kinds else {}
    titles = list(scale.values())
    found: Appraisal | None = None
    for one in requires:
        match = _APPRAISAL.fullmatch(one)
        if match and match[1] in titles:
            found = Appraisal(scale, dict(list(scale.items())[: titles.index(match[1]) + 1]), match[1])
        elif one not in ("registered_valid", "employed_in_post"):
            root.fault("requires", f"不认识“{one[:40]}”；可用：registered_valid、employed_in_post、appraisal>=等次（{'、'.join(titles)}）")
    return found


def _amounts(root: Section, kinds: Mapping[str, Kind], group: str, pays: str) -> dict[str, Fraction]:
    """Kind -> amount, for certifications of the group."""
    section = root.table("by_level")
    found: dict[str, Fraction] = {}
    for name in section.names():
        kind = kind_named(kinds, name)
        if kind is None or kind.group != group:
            names = "、".join(one.title for one in kinds.values() if one.group == group)
            section.fault(name, f"“{name[:40]}”不是“{group}”组的资格；可用：{names or '没有这一组，请改 group'}")
            continue
        spelled_out = str(value) if isinstance(value := section.values[name], str | int) and not isinstance(value, bool) else ""
        if not _MONEY.fullmatch(spelled_out) or (pays == "grade_step" and not spelled_out.isdigit()):
            what = "加几级，写整数，例如 2" if pays == "grade_step" else "元，最多两位小数，例如 \"200\" 或 \"150.50\""
            section.fault(name, f"“{name}”应为{what}")
            continue
        found[kind.id] = Fraction(spelled_out)
    if not found and not section.values:
        root.fault("by_level", "没有写 [by_level]：每种资格各是多少")
    return found


def read_rules(kinds: Mapping[str, Kind], own: Path | None = None) -> Mapping[str, Rule]:
    """id -> rule: an office's own first, then the shipped examples; an own file hides the example of the same name.

    :raises ContentError: every fault of every file.
    """
    mine = sorted(own.glob("*.toml")) if own is not None and own.is_dir() else []
    paths = [(path, False) for path in mine]
    paths += [(path, True) for path in sorted(SHIPPED.glob("*.toml")) if path.name not in {one.name for one in mine}]
    rules: dict[str, Rule] = {}
    faults: list[object] = []
    for path, example in paths:
        try:
            rules[path.stem] = read_rule(path, kinds, example=example)
        except ContentError as error:
            faults += error.faults
    if faults:
        raise ContentError(faults)
    return rules


def rules_of(home: Home) -> Mapping[str, Rule]:
    """The rules of a home; raises as :func:`read_rules`."""
    return read_rules(kinds_of(home), _folder(home))


def rule_of(home: Home, name: str = "") -> Rule:
    """A rule by id or title; without a name the office's own, if it has exactly one.

    :raises WorkforceError: there is none, or it must be said which.
    """
    rules = rules_of(home)
    own = [one for one in rules.values() if not one.example]
    if not name and len(own) == 1:
        return own[0]
    found = next((one for one in rules.values() if name and spelled(name) in (spelled(one.id), spelled(one.title))), None)
    if found is None:
        known = "、".join(f"{one.title}（{one.id}）" for one in rules.values())
        raise WorkforceError(f"{f'没有“{name[:40]}”这个津贴办法' if name else '请指明按哪个津贴办法'}；可用：{known}")
    return found


def adopt(home: Home, name: str) -> Path:
    """Copy a shipped example into the home for the office to edit; returns its place.

    :raises WorkforceError: there is no such example, or the office has a file of that name.
    """
    known = {path.stem: path for path in SHIPPED.glob("*.toml")}
    if name not in known:
        raise WorkforceError(f"没有“{name[:40]}”这个示例；可用：{'、'.join(sorted(known))}")
    target = _folder(home) / f"{name}.toml"
    if target.exists():
        raise WorkforceError(f"{target} 已经有了，没有改动；请直接编辑它")
    target.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_atomically(target, known[name].read_bytes(), PRIVATE)
    return target


def _folder(home: Home) -> Path:
    return home.secret / "workforce" / "stipends"
