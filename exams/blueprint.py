"""A blueprint (命题蓝图): everything about an exam until hand-in, as one TOML file under ``exams/papers``.

What happens after hand-in (pass mark, resits, bands …) is a profile's, see :mod:`exams.profile`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from exams.toml_source import MAX_BYTES, Section, TomlSource, refuse
from home import digest
from question_bank.item import AUDIENCES, KIND_TITLES, LEVELS
from question_bank.kinds import KINDS

#: What a share may count: the attribute of an item, and how a message names it.
SHARE_KINDS = {"subject": "科目", "act": "法律", "level": "能力层次"}
#: Names of parallel forms in their order.
FORM_NAMES = "ABCDEFGHIJKLMNOPQRST"
SHIPPED = Path(__file__).parent / "papers"

_ID = re.compile(r"[a-z][a-z0-9_]{0,29}")
_FORMS = re.compile(r"^forms[ \t]*=[ \t]*\d+", re.MULTILINE)
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{2,79}")


@dataclass(frozen=True)
class Share:
    """Bounds on the fraction of marks (0 to 1) that items of one subject, act or level carry.

    An item that cites two acts counts for both. The whole is the part, or the paper for a share of the blueprint.
    """

    of: str                         # a key of SHARE_KINDS
    name: str
    least: Fraction
    most: Fraction

    @property
    def title(self) -> str:
        return f"{SHARE_KINDS[self.of]}“{self.name}”"


@dataclass(frozen=True)
class Part:
    """A section of the paper: ``count`` items of one kind, ``points`` marks each."""

    id: str
    title: str
    kind: str
    count: int
    points: Fraction
    rule: str                       # question_bank.marking.RULES
    instructions: str = ""
    section: str = ""               # 公共部分, 专业部分 …: parts that a profile's minimum adds up
    subjects: tuple[str, ...] = ()  # only items of these subjects; empty: any
    shares: tuple[Share, ...] = ()

    @property
    def marks(self) -> Fraction:
        return self.points * self.count


@dataclass(frozen=True)
class Blueprint:
    """What is asked, for how long and in how many parallel forms.

    ``expected_share`` is the wanted fraction of all marks that officials get on average (None: what the pool gives);
    ``tolerance`` is in marks, on either side.
    """

    title: str
    minutes: int
    grace_s: int
    late_entry_minutes: int | None
    forms: int
    pools: tuple[str, ...]
    audience: tuple[str, ...]
    parts: tuple[Part, ...]
    shares: tuple[Share, ...]
    expected_share: Fraction | None
    tolerance: Fraction
    shuffle_questions: bool
    shuffle_options: bool
    exclude: frozenset[str]
    rules: tuple[str, ...]
    source: str                     # the TOML text

    @property
    def total(self) -> Fraction:
        """Marks of the whole paper."""
        return sum((part.marks for part in self.parts), Fraction(0))

    @property
    def digest(self) -> str:
        """SHA-256 of the TOML text."""
        return digest(self.source)

    @property
    def form_names(self) -> tuple[str, ...]:
        return tuple(FORM_NAMES[: self.forms])

    def with_forms(self, forms: int) -> Blueprint:
        """The same blueprint with another number of parallel forms, changed in its text too.

        :raises ContentError: the number is out of range.
        """
        text, changed = _FORMS.subn(f"forms = {forms}", self.source, count=1)
        return Blueprint.parse(text if changed else f"forms = {forms}\n{text}", "蓝图")

    @classmethod
    def read(cls, path: Path) -> Blueprint:
        """Read a file; a bare name (``county_100``) is one of those shipped.

        :raises ContentError: see :meth:`parse`; also when the file cannot be read.
        """
        return cls.parse(read_text(path, SHIPPED), str(path))

    @classmethod
    def parse(cls, text: str, name: str = "蓝图") -> Blueprint:
        """Read TOML text; ``name`` stands for the file in messages.

        :raises ContentError: every fault as ``name:line: what, and what to do``.
        """
        source = TomlSource(text, name)
        root = source.root
        difficulty = root.table("difficulty")
        known = cls(
            title=root.text("title", limit=100),
            minutes=root.whole("minutes", least=1, most=600),
            grace_s=root.whole("grace_s", 30, least=0, most=300),
            late_entry_minutes=root.maybe_whole("late_entry_minutes", least=0, most=600),
            forms=root.whole("forms", 1, least=1, most=len(FORM_NAMES)),
            pools=root.texts("pools"),
            audience=root.texts("audience", (), choices=AUDIENCES),
            parts=tuple(_part(section) for section in root.tables("parts", most=20)),
            shares=_shares(root),
            expected_share=difficulty.maybe_fraction("expected_share", most=Fraction(1)),
            tolerance=difficulty.fraction("tolerance", Fraction(1, 20), least=Fraction(1, 1000), most=Fraction(100)),
            shuffle_questions=root.flag("shuffle_questions", True),
            shuffle_options=root.flag("shuffle_options", True),
            exclude=frozenset(root.texts("exclude", ())),
            rules=root.texts("rules", ()),
            source=text,
        )
        difficulty.finish()
        root.finish()
        _check_whole(known, root)
        source.finish()
        return known


def read_text(path: Path, shipped: Path) -> str:
    """Text of a TOML file; a bare name is looked up in the ``shipped`` folder.

    :raises ContentError: there is no such file, or it is not UTF-8.
    """
    if not path.suffix and path.name == str(path):
        path = shipped / f"{path}.toml"
    try:
        if path.stat().st_size > MAX_BYTES:
            refuse(str(path), "文件过大，不像是配置文件；请检查是否选错文件")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        refuse(str(path), "文件不是 UTF-8 编码；请另存为 UTF-8 后再用")
    except OSError:
        names = "、".join(sorted(one.stem for one in shipped.glob("*.toml")))
        refuse(str(path), f"读不到这个文件；请检查路径，或用随软件提供的：{names}")


def _part(section: Section) -> Part:
    kind = section.text("kind", choices=KIND_TITLES)
    rules = KINDS[kind].rules
    part = Part(
        id=section.text("id", limit=30),
        title=section.text("title", limit=60),
        kind=kind,
        count=section.whole("count", least=1, most=500),
        points=section.fraction("points", least=Fraction(1, 10), most=Fraction(500)),
        rule=section.text("rule", rules[0], choices=rules),
        instructions=section.text("instructions", "", limit=500),
        section=section.text("section", "", limit=30),
        subjects=section.texts("subjects", ()),
        shares=_shares(section),
    )
    if part.id and not _ID.fullmatch(part.id):
        section.fault("id", f"“id”应为小写英文字母开头的短名（字母、数字、下划线），现为“{part.id}”")
    section.finish()
    return part


def _shares(section: Section) -> tuple[Share, ...]:
    found = []
    shares = section.table("shares")
    for of in SHARE_KINDS:
        table = shares.table(of)
        for name in table.names():
            bounds = table.table(name)
            one = Share(
                of, name, bounds.fraction("min", Fraction(0), most=Fraction(1)), bounds.fraction("max", Fraction(1), most=Fraction(1))
            )
            if one.least > one.most:
                table.fault(name, f"{one.title}的下限 {one.least} 高于上限 {one.most}；请改其中一个")
            if of == "level" and name not in LEVELS:
                table.fault(name, f"没有能力层次“{name[:40]}”；可用：{'、'.join(LEVELS)}")
            bounds.finish()
            found.append(one)
    shares.finish()
    return tuple(found)


def _check_whole(known: Blueprint, root: Section) -> None:
    """Faults that only the whole shows."""
    if root.values.get("parts") in (None, []):
        root.fault(None, "没有题型；请至少写一节 [[parts]]")
    if known.pools == () and "pools" in root.values:
        root.fault("pools", "“pools”至少写一个题库分区，例如 [\"sample_exam\"]")
    if "practice" in known.pools:
        root.fault("pools", "“practice”是公开的练习题，不能用来考试；请删去")
    for slug in sorted(known.exclude):
        if not _SLUG.fullmatch(slug):
            root.fault("exclude", f"“{slug[:60]}”不是题目编号（小写字母、数字、连字符）")
    _check_sums(known, root)


def _check_sums(known: Blueprint, root: Section) -> None:
    ids = [part.id for part in known.parts]
    for number, part in enumerate(known.parts):
        if ids.index(part.id) != number:
            root.source.fault(("parts", number, "id"), f"“{part.id}”已被前面的题型使用；请换一个")
    if sum(part.count for part in known.parts) > 999:
        root.fault(None, "一份试卷最多 999 题")
    for of in SHARE_KINDS:
        least = sum((share.least for share in known.shares if share.of == of), Fraction(0))
        if of != "act" and least > 1:
            root.source.fault(("shares", of), f"各{SHARE_KINDS[of]}的下限合计 {least}，超过全卷；请改小")
