"""A closed sitting of any size for benchmarks: 40 single, 20 multiple, 20 true/false, scripts answered at random."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path

from exams.course_folder import write_course
from exams.forms import write_key_form, write_public_form
from exams.paper import KeyEntry, KeyForm, Paper, PublicForm, PublicOption, PublicPart, PublicQuestion
from exams.tables import candidate, paper, script, sitting
from grading import tables
from home import Home, digest, instant_of, transaction
from people.tables import person

PARTS = (("single", 40, 1, 4, "exact"), ("multiple", 20, 2, 4, "all_or_nothing"), ("true_false", 20, 1, 2, "exact"))
ROOT = Path(__file__).parent.parent
PROFILE = (ROOT / "exams" / "profiles" / "small_office.toml").read_text(encoding="utf-8")
BLUEPRINT = (ROOT / "exams" / "papers" / "county_100.toml").read_text(encoding="utf-8")
ID = "bench"
assert tables.mark is not None  # the tables of every room must be known before a home is made


def forms(seed: int = 1) -> tuple[PublicForm, KeyForm]:
    """An 80-item form with stems of usual length."""
    rng = random.Random(seed)
    questions: list[PublicQuestion] = []
    entries: list[KeyEntry] = []
    for kind, count, points, size, rule in PARTS:
        for _ in range(count):
            ident = f"q{len(questions) + 1:03d}"
            texts = tuple(f"第 {n} 种做法：由居民会议讨论决定并公布结果" for n in range(size))
            stem = f"{ident} 某街道拟调整社区规模，居民对程序有不同意见。下列说法正确的是？" * 2
            options = tuple(PublicOption("ABCDE"[n], text) for n, text in enumerate(texts))
            questions.append(
                PublicQuestion(ident, kind, kind, str(points), f"<p>{stem}</p>", options, False, stem, texts)
            )
            right = rng.sample("ABCD"[:size], 3 if kind == "multiple" else 1)
            entries.append(KeyEntry(ident, f"item-{ident}", "0" * 64, kind, kind, str(points), rule, "".join(sorted(right)),
                                    "abcde"[:size], "解析", ("《民法典》第278条",), "", ()))  # fmt: skip
    parts = tuple(PublicPart(kind, kind, "") for kind, *_ in PARTS)
    return PublicForm("bench-paper", "A", "基准", 60, parts, tuple(questions)), KeyForm(
        "bench-paper", "A", tuple(entries)
    )


def answers(keys: KeyForm, rng: random.Random) -> dict[str, str]:
    """Three in four right, some blank, the rest any letter."""
    given = {}
    for entry in keys.entries:
        draw = rng.random()
        given[entry.id] = entry.key if draw < 0.75 else "" if draw < 0.8 else rng.choice("ABCD"[: len(entry.anchors)])
    return given


def make_home(folder: Path, people: int) -> Home:
    """A home with one closed sitting of ``people`` scripts, its paper in the safe and its course folder."""
    home = Home.create(folder, "基准")
    public, keys = forms()
    place = home.secret / "papers" / "bench-paper"
    write_public_form(place / "public" / "A.json", public)
    write_key_form(place / "keys" / "A.json", keys)
    write_course(home.secret / "nbgrader" / ID, Paper("bench-paper", "", "", "2026-11-23", "", ()), [public], [keys])
    opens, rng = instant_of("2026-11-23 09:00"), random.Random(7)
    with transaction(home.office) as connection:
        connection.execute(
            paper.insert().values(
                id="bench-paper", digest=digest(1), manifest="{}", as_of=date(2026, 11, 23), built_at=0, built_by="x"
            )
        )
        connection.execute(
            sitting.insert().values(
                id=ID,
                title="2026年第二批任前法律知识考试",
                kind="mock",
                blueprint=BLUEPRINT,
                profile=PROFILE,
                profile_digest=digest(PROFILE),
                paper_id="bench-paper",
                opens_at=opens,
                closes_at=opens + 7_200_000,
                state="closed",
                created_at=0,
                created_by="x",
            )
        )
    for start in range(0, people, 1000):
        numbers = range(start + 1, min(start + 1000, people) + 1)
        with transaction(home.office) as connection:
            connection.execute(
                person.insert(),
                [
                    {
                        "id": n,
                        "name": f"张{n}",
                        "document": "居民身份证",
                        "identity_cipher": b"x",
                        "identity_mac": f"{n:064d}",
                        "identity_masked": "340221********1234",
                        "gender": "男",
                        "created_at": 0,
                    }
                    for n in numbers
                ],
            )
            connection.execute(
                candidate.insert(),
                [
                    {
                        "sitting_id": ID,
                        "person_id": n,
                        "admission_no": f"261123{n:08d}",
                        "pseudonym": f"c{n:016x}",
                        "form": "A",
                        "unit_label": "某某街道办事处",
                        "post_label": "科员",
                        "proposed_post": "副主任",
                        "rank_label": "乡科级副职",
                    }
                    for n in numbers
                ],
            )
            connection.execute(
                script.insert(),
                [
                    {
                        "sitting_id": ID,
                        "person_id": n,
                        "form": "A",
                        "answers": json.dumps(answers(keys, rng)),
                        "display_order": "[]",
                        "started_at": opens,
                        "finished_at": opens + 2_400_000,
                        "closed_by": "handin",
                        "copied_at": opens,
                    }
                    for n in numbers
                ],
            )
    return home
