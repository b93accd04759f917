"""Five years of exams as they were held: which office, which rules, which day, who sat how; and what was answered."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

PROFILES = Path(__file__).parents[2] / "exams" / "profiles"


def _part(ident: str, title: str, kind: str, count: int, points: object, rule: str, section: str = "") -> str:
    where = f'section = "{section}"\n' if section else ""
    return f'[[parts]]\nid = "{ident}"\ntitle = "{title}"\nkind = "{kind}"\ncount = {count}\npoints = "{points}"\nrule = "{rule}"\n{where}'


def _blueprint(title: str, minutes: int, *parts: str, forms: int = 2, pool: str = "formal") -> str:
    return f'title = "{title}"\nminutes = {minutes}\ngrace_s = 30\nforms = {forms}\npools = ["{pool}"]\n[difficulty]\ntolerance = 3\n' + "".join(parts)


_PLAIN = (_part("single", "单项选择题", "single", 20, 3, "exact"), _part("multiple", "多项选择题", "multiple", 5, 4, "all_or_nothing"),
          _part("judge", "判断题", "true_false", 10, 2, "exact"))  # fmt: skip
ANNUAL = _blueprint("年度学法用法考试", 60, *_PLAIN)
ORG = _blueprint("任前法律知识考试", 60, *_PLAIN, forms=1)
INTEGRITY = _blueprint("任前廉政法规知识考试", 120, *_PLAIN[:2], _part("judge", "判断题", "true_false", 8, "5/2", "exact"), forms=1)
NPC = _blueprint(
    "人大任前法律知识考试", 120, _part("single", "单项选择题", "single", 10, 3, "exact", "公共部分"),
    _part("multiple", "多项选择题", "multiple", 5, 4, "all_or_nothing", "公共部分"), _part("judge", "判断题", "true_false", 5, 2, "exact", "公共部分"),
    _part("special", "单项选择题（专业）", "single", 5, 4, "exact", "专业部分"), _part("short", "简答题（专业）", "short", 1, 20, "manual", "专业部分"),
)  # fmt: skip
THEORY = _blueprint(
    "理论暨廉政知识任职资格考试", 90, _part("t_single", "单项选择题（理论）", "single", 15, 2, "exact", "理论部分"),
    _part("t_multiple", "多项选择题（理论）", "multiple", 8, 5, "half_each", "理论部分"), _part("i_single", "单项选择题（廉政）", "single", 10, 2, "exact", "廉政部分"),
    _part("i_judge", "判断题（廉政）", "true_false", 4, "5/2", "exact", "廉政部分"),
)  # fmt: skip
MOCK = _blueprint("模拟考试", 60, _part("single", "单项选择题", "single", 40, "5/2", "exact"), pool="sample_exam", forms=1)


def profile(name: str, **changes: str) -> str:
    """A shipped profile with some of its lines changed, as an office does: {what stands there: what it becomes}."""
    text = (PROFILES / f"{name}.toml").read_text(encoding="utf-8")
    for old, new in (one.split(" => ") for one in changes.values()):
        assert old in text, (name, old)
        text = text.replace(old, new)
    return text


def annual(year: int) -> str:
    """The annual exam's rules of one year: the window of the resit is filled in anew each time."""
    return profile("annual_80", opens=f"# from = 2026-12-01 => from = {year}-12-01", closes=f"# to = 2026-12-31 => to = {year}-12-31")


NPC_RULES = profile("county_npc", ends="# ends = 2026-12-31 => ends = 2026-12-31")
ROUND_UP = profile("discipline_80", digits="digits = 1 => digits = 0")     # 79.5 is shown as 80, and does not pass


@dataclass(frozen=True)
class Plan:
    """One sitting. ``way``: how answers came in: hall (attempts and saves), script (as copied up), paper (typed twice)."""

    id: str
    title: str
    rules: str
    blueprint: str
    opens: str
    way: str
    group: str                      # whom the roster takes
    share: float = 1.0
    resit_of: str = ""
    kind: str = "formal"
    issue: bool = True


def plans() -> list[Plan]:
    """Every sitting, in the order of its day."""
    made = []
    for year, way in ((2022, "script"), (2023, "script"), (2024, "script"), (2025, "hall"), (2026, "hall")):
        made.append(Plan(f"annual-{year}", f"{year}年度国家工作人员学法用法考试", annual(year), ANNUAL, f"{year}-11-12 09:00", way, "officials", 0.2 if year < 2025 else 0.3))
        if 2022 < year < 2026:
            made.append(Plan(f"annual-{year}-r", f"{year}年度学法用法补考", annual(year), ANNUAL, f"{year}-12-17 09:00", "paper" if year == 2023 else "script",
                             "", resit_of=f"annual-{year}"))  # fmt: skip
    made += [
        Plan("npc-2022", "2022年人大任前法律知识考试", NPC_RULES, NPC, "2022-09-10 09:00", "paper", "npc", 0.12),
        Plan("npc-2024", "2024年人大任前法律知识考试", NPC_RULES, NPC, "2024-05-18 09:00", "paper", "npc", 0.12),
        Plan("npc-2024-r", "2024年人大任前考试补考", NPC_RULES, NPC, "2024-12-21 09:00", "paper", "", resit_of="npc-2024"),
        Plan("npc-2026", "2026年人大任前法律知识考试", NPC_RULES, NPC, "2026-06-06 09:00", "paper", "npc", 0.12),
        Plan("org-2024", "2024年拟任领导干部任前考试", profile("org_appointment"), ORG, "2024-12-07 09:00", "hall", "party", 0.2),
        Plan("org-2024-r", "2024年拟任领导干部任前补考", profile("org_appointment"), ORG, "2025-01-20 09:00", "script", "", resit_of="org-2024"),
        Plan("org-2025", "2025年拟任领导干部任前考试", profile("org_appointment"), ORG, "2025-02-15 09:00", "script", "party", 0.2),
        Plan("org-2026", "2026年拟任领导干部任前考试", profile("org_appointment"), ORG, "2026-11-21 09:00", "hall", "party", 0.15, issue=False),
        Plan("disc-2023", "2023年任前廉政法规考试", ROUND_UP, INTEGRITY, "2023-03-04 09:00", "script", "leaders", 0.15),
        Plan("disc-2023-r", "2023年任前廉政法规补考", ROUND_UP, INTEGRITY, "2023-10-14 09:00", "script", "", resit_of="disc-2023"),
        Plan("theory-2023", "2023年第一轮理论暨廉政考试", profile("org_theory_integrity"), THEORY, "2023-04-15 09:00", "script", "leaders", 0.2),
        Plan("theory-2023-b", "2023年第二轮理论暨廉政考试", profile("org_theory_integrity"), THEORY, "2023-10-21 09:00", "script", "leaders", 0.05, resit_of="theory-2023"),
        Plan("mock-2026", "2026年模拟演练", profile("small_office"), MOCK, "2026-09-01 09:00", "script", "party", 0.05, kind="mock"),
    ]  # fmt: skip
    return sorted(made, key=lambda one: (one.opens, one.id))


# ---------------------------------------------------------------- what a candidate writes


@dataclass(frozen=True)
class Question:
    """What an answer is held against, as the sealed key has it."""

    id: str
    part: str
    rule: str
    key: str
    points: Fraction
    options: int


@dataclass
class Paper:
    """What one candidate handed in: letters by question, points that the marker wrote beside free text, and the times (ms UTC)."""

    form: str
    answers: dict[str, str]
    manual: dict[str, str] = field(default_factory=dict)
    started: int = 0
    finished: int = 0


#: totals that some candidates of every sitting end at: at the cut, a hair below it, and the bands
TARGETS = ("60", "59", "80", "79", "90", "89", "79.5", "59.5", "100", "0")


def write_paper(draw: random.Random, form: str, questions: Sequence[Question], ability: float, target: str = "") -> Paper:
    """Answers of somebody who knows the share ``ability``, or who ends as near at ``target`` as the questions allow."""
    paper, wanted = Paper(form, {}), Fraction(target or "0")
    for one in sorted(questions, key=lambda one: -one.points):
        if one.rule == "manual":
            paper.answers[one.id] = "依照有关规定办理。" if target or draw.random() < 0.9 else ""
            if paper.answers[one.id]:
                most = int(one.points * 2)
                points = min(most, int(wanted * 2)) if target else min(most, int(draw.gauss(ability, 0.15) * most))
                paper.manual[one.id] = str(Fraction(max(0, points), 2))
                wanted -= Fraction(paper.manual[one.id])
            continue
        earns = one.points <= wanted if target else draw.random() < ability
        half = Fraction(len(one.key) - 1, 2)
        if earns:
            paper.answers[one.id] = one.key
            wanted -= one.points
        elif one.rule == "half_each" and len(one.key) > 1 and (half <= wanted if target else draw.random() < 0.5):
            paper.answers[one.id] = one.key[:-1]
            wanted -= half
        else:
            paper.answers[one.id] = _wrong(draw, one)
    return paper


def _wrong(draw: random.Random, one: Question) -> str:
    """Blank, one letter too many or too few, or another letter: nothing for it under any rule."""
    letters = "ABCDEFGHIJ"[: one.options]
    others = [letter for letter in letters if letter not in one.key]
    if draw.random() < 0.2 or not others:
        return ""
    if len(one.key) > 1:
        return "".join(sorted({*one.key[:1], others[0]}))
    return draw.choice(others)


def questions_of(key: Mapping[str, object], public: Mapping[str, object]) -> list[Question]:
    """From the files of the safe, as JSON."""
    options = {one["id"]: len(one["options"]) for one in public["questions"]}  # type: ignore[index, union-attr]
    return [Question(one["id"], one["part"], one["rule"], one["key"], Fraction(one["points"]), options[one["id"]]) for one in key["entries"]]  # type: ignore[index, union-attr]
