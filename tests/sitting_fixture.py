"""A small opened sitting, as the office leaves it for the hall: rows in exam.db and public papers in ``release/``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sqlalchemy import insert

from exams.admission import code_mac, new_code
from exams.paper import PublicForm, PublicOption, PublicPart, PublicQuestion
from exams.tables import entry, open_sitting, sitting
from home import Home, now_ms, transaction

KEY = bytes(range(32))
MINUTE = 60_000


def enter_at_office(home: Home, ident: str = "demo") -> None:
    """The office's row of a sitting, without which the hall's would be one that nobody knows."""
    with transaction(home.office) as connection:
        connection.execute(insert(sitting).values(
            id=ident, title=ident, kind="demo", blueprint="", profile="", profile_digest="", opens_at=0, closes_at=0, state="open",
            created_at=0, created_by="kaowu",
        ))  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """One entry of the roster with the code of its slip."""

    entry_id: int
    admission_no: str
    code: str
    name: str


def public_form(name: str = "A", *, singles: int = 4, multiples: int = 2, judgements: int = 2, texts: int = 1) -> PublicForm:
    """A form with every kind of answer; the stems say nothing of a key, for there is none."""
    questions: list[PublicQuestion] = []
    plan = (("single", "p1", singles, "ABCD"), ("multiple", "p2", multiples, "ABCD"), ("true_false", "p3", judgements, "AB"), ("short", "p4", texts, ""))
    for kind, part, count, letters in plan:
        for _ in range(count):
            n = len(questions) + 1
            options = tuple(PublicOption(letter, f"<p>第 {n} 题的选项 {letter}，某县某镇</p>") for letter in letters)
            if kind == "true_false":
                options = (PublicOption("A", "<p>正确</p>"), PublicOption("B", "<p>错误</p>"))
            questions.append(
                PublicQuestion(
                    f"q{n:03d}", kind, part, "2" if kind == "multiple" else "1", f"<p>第 {n} 道题干：村民委员会应当怎样办理？</p>",
                    options, kind == "true_false", "题干", tuple(letters),
                )
            )  # fmt: skip
    parts = (
        PublicPart("p1", "一、单项选择题", "每题 1 分，只有一个选项正确。"), PublicPart("p2", "二、多项选择题", "每题 2 分，至少有两个选项正确。"),
        PublicPart("p3", "三、判断题", "每题 1 分。"), PublicPart("p4", "四、简答题", "每题 1 分，请写要点。"),
    )  # fmt: skip
    return PublicForm("paper-1", name, "某县任前法律知识考试（演练）", 60, parts, tuple(questions))


def open_demo(
    home: Home, count: int = 3, *, sitting: str = "demo", opens: int | None = None, minutes: int = 60, window: int = 120,
    grace_s: int = 10, late_entry: int | None = None, form: PublicForm | None = None, first_no: int = 1,
) -> list[Candidate]:  # fmt: skip
    """Open a sitting for ``count`` candidates whose window began a minute ago (or at ``opens``, ms UTC)."""
    opens = now_ms() - MINUTE if opens is None else opens
    folder = home.release / sitting
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "A.json").write_text(json.dumps(asdict(form or public_form()), ensure_ascii=False))
    notice = {
        "title": "某县任前法律知识考试（演练）", "minutes": minutes, "office_name": "某县考试办公室", "contact": "0000-0000000",
        "rules": ["请独立作答，不得交谈。", "答案自动保存，不必手动保存。", "到时自动收卷。"],
    }  # fmt: skip
    (folder / "sitting.json").write_text(json.dumps(notice, ensure_ascii=False))
    people = [Candidate(0, f"2611230{n:05d}", new_code(), f"考生{n:03d}") for n in range(first_no, first_no + count)]
    with transaction(home.exam) as connection:
        connection.execute(
            insert(open_sitting).values(
                id=sitting, title=notice["title"], kind="demo", place="二楼机房", opens_at=opens, closes_at=opens + window * MINUTE,
                minutes=minutes, grace_s=grace_s, late_entry_minutes=late_entry, chain_n=0, chain_head="",
            )
        )  # fmt: skip
        return [
            Candidate(
                connection.execute(
                    insert(entry).values(
                        sitting_id=sitting, admission_no=one.admission_no, name=one.name, unit_label="某镇人民政府", form="A",
                        code_mac=code_mac(KEY, sitting, one.admission_no, one.code), failures=0, barred=False,
                    )
                ).inserted_primary_key[0],
                one.admission_no, one.code, one.name,
            )
            for one in people
        ]  # fmt: skip
