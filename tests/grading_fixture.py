"""A closed sitting with a hand-made paper, in a real home: for tests of marking, records and exports."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from exams.course_folder import write_course
from exams.forms import write_key_form, write_public_form
from exams.paper import KeyEntry, KeyForm, Paper, PublicForm, PublicOption, PublicPart, PublicQuestion
from exams.tables import candidate, paper, script, sitting
from home import Home, digest, instant_of, transaction
from people.tables import person

BLUEPRINT = """
title = "任前法律知识考试（小卷）"
minutes = 60
pools = ["sample_exam"]
[[parts]]
id = "single"
title = "单项选择题"
section = "公共部分"
kind = "single"
count = 2
points = 20
[[parts]]
id = "multiple"
title = "多项选择题"
section = "公共部分"
kind = "multiple"
count = 1
points = 10
[[parts]]
id = "half"
title = "多项选择题（少选得分）"
section = "专业部分"
kind = "multiple"
count = 1
points = 2
rule = "half_each"
[[parts]]
id = "true_false"
title = "判断题"
section = "专业部分"
kind = "true_false"
count = 1
points = 18
[[parts]]
id = "short"
title = "简答题"
section = "专业部分"
kind = "short"
count = 1
points = 30
"""
OBJECTIVE = BLUEPRINT[: BLUEPRINT.index('[[parts]]\nid = "short"')]
PROFILE = (Path(__file__).parent.parent / "exams" / "profiles" / "small_office.toml").read_text(encoding="utf-8")
#: id, kind, part, points, rule, key, number of options
QUESTIONS = (
    ("q001", "single", "single", "20", "exact", "C", 4),
    ("q002", "single", "single", "20", "exact", "A", 4),
    ("q003", "multiple", "multiple", "10", "all_or_nothing", "ABD", 4),
    ("q004", "multiple", "half", "2", "half_each", "ACE", 5),
    ("q005", "true_false", "true_false", "18", "exact", "B", 2),
    ("q006", "short", "short", "30", "manual", "", 0),
)
RIGHT = {"q001": "C", "q002": "A", "q003": "ABD", "q004": "ACE", "q005": "B"}
NAMES = ("张三", "李四", "王五", "赵六", "孙七", "周八", "𫚥九·买买提", "=cmd|'/c calc'!A1")


def forms(paper_id: str, *, essay: bool = True, form: str = "A") -> tuple[PublicForm, KeyForm]:
    """The public and the secret face of the hand-made form."""
    asked = [row for row in QUESTIONS if essay or row[1] != "short"]
    parts = tuple(PublicPart(one, one, "") for one in dict.fromkeys(row[2] for row in asked))
    questions, entries = [], []
    for ident, kind, part, points, rule, key, n in asked:
        options = tuple(PublicOption("ABCDE"[k], f"选项{k + 1}") for k in range(n))
        text = f"{form} 卷 {ident} 的题干：某街道的做法，下列说法正确的是？"
        questions.append(
            PublicQuestion(ident, kind, part, points, f"<p>{text}</p>", options, False, text, tuple(o.html for o in options))
        )
        entries.append(
            KeyEntry(ident, f"item-{ident}", "0" * 64, kind, part, points, rule, key, "abcde"[:n], "解析", ("《民法典》第278条",),
                     "参考答案" if kind == "short" else "", (("30", "要点"),) if kind == "short" else ())
        )  # fmt: skip
    return (
        PublicForm(paper_id, form, "任前法律知识考试（小卷）", 60, parts, tuple(questions)),
        KeyForm(paper_id, form, tuple(entries)),
    )


def add_person(connection, number: int, name: str) -> int:
    return connection.execute(
        person.insert().values(
            name=name, document="居民身份证", identity_cipher=b"x", identity_mac=f"{number:064d}",
            identity_masked=f"340221********{number:04d}", gender="男" if number % 2 else "女", created_at=0,
        )
    ).inserted_primary_key[0]  # fmt: skip


def make_sitting(
    home: Home, ident: str = "s1", *, essay: bool = True, people: int = 4, profile: str = PROFILE,
    resit_of: str | None = None, state: str = "closed", persons: list[int] | None = None,
) -> list[int]:  # fmt: skip
    """A sitting with its paper in the safe and ``people`` candidates without scripts; returns the persons' ids."""
    public, keys = forms(f"{ident}-paper", essay=essay)
    folder = home.secret / "papers" / f"{ident}-paper"
    write_public_form(folder / "public" / "A.json", public)
    write_key_form(folder / "keys" / "A.json", keys)
    opens = instant_of("2026-11-23 09:00")
    with transaction(home.office) as connection:
        connection.execute(paper.insert().values(
            id=f"{ident}-paper", digest=digest(ident), manifest="{}", as_of=date(2026, 11, 23), built_at=0, built_by="zhang"))
        connection.execute(sitting.insert().values(
            id=ident, title=f"2026年任前法律知识考试 {ident}", kind="mock", place="一楼机房", blueprint=BLUEPRINT if essay else OBJECTIVE,
            profile=profile, profile_digest=digest(profile), paper_id=f"{ident}-paper", resit_of=resit_of, opens_at=opens,
            closes_at=opens + 7_200_000, state=state, created_at=0, created_by="zhang"))
        if persons is None:
            persons = [add_person(connection, n, NAMES[n % len(NAMES)]) for n in range(1, people + 1)]
        for n, ident_ in enumerate(persons, 1):
            connection.execute(candidate.insert().values(
                sitting_id=ident, person_id=ident_, admission_no=f"2611{ident[-1]}{n:05d}", pseudonym=f"c{ident}{n:012d}", form="A",
                unit_label="某某街道办事处", post_label="科员", proposed_post="+副主任", rank_label="乡科级副职"))
    return persons


def add_script(home: Home, ident: str, person_id: int, answers: object, *, raw: str | None = None, form: str = "A") -> None:
    """Hand in a script: what the worker would have copied up."""
    opens = instant_of("2026-11-23 09:00")
    text = json.dumps(answers, ensure_ascii=False) if raw is None else raw
    with transaction(home.office) as connection:
        connection.execute(script.insert().values(
            sitting_id=ident, person_id=person_id, form=form, answers=text, display_order="[]", started_at=opens,
            finished_at=opens + 2_585_000, closed_by="handin", copied_at=opens))


def write_test_course(folder: Path, *, essay: bool = True) -> tuple[PublicForm, KeyForm]:
    """An nbgrader course folder of the hand-made form."""
    public, keys = forms("p1", essay=essay)
    manifest = Paper("p1", "0" * 64, "0" * 64, "2026-11-23", "0" * 64, ())
    write_course(folder, manifest, [public], [keys])
    return public, keys
