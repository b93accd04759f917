"""The county lives its five years inside the product: files through the importers, sittings held, marked and signed on their day.

Everything done is written into a diary (plain JSON): that, the spreadsheets and the answers are all that the recount reads.
"""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from county_exams import TARGETS, Paper, Plan, Question, questions_of, write_paper
from county_mess import Mess, Table, write_csv, write_xlsx
from county_people import Person
from county_rosters import HEADINGS, roster_row
from sqlalchemy import select

import exams.paper_store
import home as house
from exams.attempts import hand_in, open_page, start
from exams.display import Arranger
from exams.events import record_event, revoke_event
from exams.forms import read_public_form
from exams.opening import close_sitting, issue_codes, open_sitting_for_candidates, set_barred
from exams.paper_store import build_papers
from exams.saves import Change, SaveRequest, store
from exams.sessions import log_in, standing, token_digest
from exams.sittings import NewSitting, add_candidates, create_sitting, enrolments, get_sitting
from exams.tables import candidate, script
from grading.entitlement import refuse_not_entitled
from grading.errors import RecordError
from grading.exports import export_list
from grading.lists.scope import Scope
from grading.marks import mark_sitting
from grading.paper_marks.entry import progress, read_forms, settle
from grading.paper_marks.register import register
from grading.paper_marks.taking import take_paper_points
from grading.paper_marks.workbook import import_rows, read_rows, template
from grading.records import issue_records
from grading.workforce.import_sheets import Imported, read_book
from grading.workforce.imports import import_book
from grading.workforce.kinds import read_kinds
from home import Home, instant_of, now_ms, transaction
from people.errors import RosterError
from people.persons import import_roster, rehearsal
from people.roster import read_roster
from question_bank.bank import Bank
from question_bank.likeness import near_duplicates
from question_bank.registry import Registry

MINUTE = 60_000


class Calendar:
    """The clock of the home, set by hand: each look at it is a millisecond later."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ns = 0
        patch.setattr(house, "time", self)

    def at(self, text: str) -> int:
        """Now it is that moment (Beijing)."""
        self.ns = instant_of(text) * 1_000_000
        return self.ns // 1_000_000

    def time_ns(self) -> int:
        self.ns += 1_000_000
        return self.ns

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def today() -> date:
    return date.fromisoformat(house.local_text(now_ms(), "%Y-%m-%d"))


@dataclass
class Office:
    """The home, the folder of everything that went in, and the diary."""

    home: Home
    folder: Path
    calendar: Calendar
    seed: int = 7
    diary: list[dict[str, Any]] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)            # number -> person id in the product
    papers: dict[str, dict[str, Paper]] = field(default_factory=dict)
    numbers: dict[str, dict[int, str]] = field(default_factory=dict)     # sitting -> person id -> admission number

    def note(self, act: str, **facts: Any) -> None:
        self.diary.append({"act": act, "day": str(today()), **facts})

    # ------------------------------------------------ people

    def take_roster(self, path: Path) -> None:
        """A roster of persons; every row must be fit."""
        roster = read_roster(path.read_bytes(), path.name, today())
        with transaction(self.home.office) as connection:
            done = import_roster(connection, self.home.key("identity"), roster, "hr")
        self.ids |= {one.row.number: one.person_id for one in done.people}
        self.note("roster", file=str(path.relative_to(self.folder)))

    def refused(self, path: Path) -> list[tuple[str, int, str, str]]:
        """What is said of a roster that cannot be taken."""
        with pytest.raises(RosterError) as told, transaction(self.home.office) as connection:
            import_roster(connection, self.home.key("identity"), read_roster(path.read_bytes(), path.name, today()), "hr")
        return [(fault.sheet, fault.row, fault.column, fault.message) for fault in told.value.faults]

    # ------------------------------------------------ certifications

    def take_workforce(self, path: Path, *, note: bool = True) -> Imported:
        """A workbook of certifications."""
        book = read_book(path.read_bytes(), path.name, today())
        with transaction(self.home.office) as connection:
            done = import_book(connection, self.home.key("identity"), read_kinds(), book, "hr", today())
        if note:
            self.note("workforce", file=str(path.relative_to(self.folder)))
        return done

    def refused_workforce(self, path: Path) -> list[tuple[str, int, str]]:
        """(sheet, row, what is said) of a workbook that cannot be taken."""
        with pytest.raises(RosterError) as told, rehearsal(self.home.office) as connection:
            import_book(connection, self.home.key("identity"), read_kinds(), read_book(path.read_bytes(), path.name, today()), "hr", today())
        return [(fault.sheet, fault.row, str(fault)) for fault in told.value.faults]

    # ------------------------------------------------ a sitting

    def hold(self, plan: Plan, people: Sequence[Person], *, before: Mapping[str, tuple[str, str, str]]) -> None:
        """From the draft to marked scripts. ``before``: events known beforehand, {number: (kind, reason, ground)}."""
        opens = self.calendar.at(plan.opens) - 3 * 86_400_000
        self.calendar.ns = opens * 1_000_000
        new = NewSitting(plan.id, plan.title, plan.kind, plan.blueprint, plan.rules, instant_of(plan.opens), instant_of(plan.opens) + 150 * MINUTE,
                         "县委党校", plan.resit_of or None)  # fmt: skip
        with transaction(self.home.office) as connection:
            create_sitting(connection, new, "kaowu")
        self.note("sitting", **{name: value for name, value in asdict(plan).items()})
        self.enrol(plan, people)
        build_papers(self.home, plan.id, "kaowu", seed=None if plan.kind == "formal" else 5)
        for number, (kind, reason, ground) in before.items():
            self.event(plan.id, number, kind, reason, ground)
        self.calendar.at(plan.opens)
        open_sitting_for_candidates(self.home, plan.id, "kaowu")
        self.write_papers(plan, people, before)
        if plan.way == "hall":
            self.sit_in_hall(plan)
        self.calendar.at(f"{plan.opens[:10]} 11:45")
        close_sitting(self.home, plan.id, "kaowu")
        if plan.way == "script":
            self.copy_up(plan)
        if plan.way == "paper":
            self.type_in(plan)
        self.save_answers(plan)

    def enrol(self, plan: Plan, people: Sequence[Person]) -> None:
        """The sitting's own roster, as a file of its own."""
        csv = len(people) % 2 == 0
        mess, draw = Mess(hash_of(plan.id), csv=csv), random.Random(hash_of(plan.id))
        posts = ("副局长", "=副镇长", "党组成员、副局长", "+二级主任科员", "审判员")
        rows = [roster_row(mess, n, one, proposed=draw.choice(posts) if plan.group != "officials" else "",
                           remark=draw.choice(("-", "@补报", "")) if n % 11 == 0 else "") for n, one in enumerate(people, 1)]  # fmt: skip
        table = Table(plan.title[:28], HEADINGS, rows)
        path = self.folder / "rosters" / f"{plan.id}.{'csv' if csv else 'xlsx'}"
        path.parent.mkdir(exist_ok=True)
        write_csv(path, table, "gb18030" if len(people) % 4 else "utf-8-sig") if csv else write_xlsx(path, table)
        roster = read_roster(path.read_bytes(), path.name, today())
        with transaction(self.home.office) as connection:
            done = import_roster(connection, self.home.key("identity"), roster, "kaowu")
            if plan.resit_of:
                refuse_not_entitled(connection, get_sitting(connection, plan.id), get_sitting(connection, plan.resit_of), done.person_ids)
            add_candidates(connection, plan.id, enrolments(done), "kaowu")
            self.numbers[plan.id] = dict(connection.execute(select(candidate.c.person_id, candidate.c.admission_no).where(candidate.c.sitting_id == plan.id)).all())
        self.ids |= {one.row.number: one.person_id for one in done.people}
        self.note("enrol", sitting=plan.id, file=str(path.relative_to(self.folder)))

    def may_resit(self, sitting: str, day: str) -> list[str]:
        """Admission numbers of the product's own 补考名单 as of a day, taken from the file that HR hands on."""
        self.calendar.at(f"{day} 08:00")
        out = self.folder / f"{sitting}-补考名单.csv"
        export_list(self.home, "resit", Scope((sitting,)), "csv", out, "hr")
        lines = out.read_text(encoding="utf-8-sig").splitlines()[1:]
        return [line.split(",")[1] for line in lines]

    def event(self, sitting: str, number: str, kind: str, reason: str, ground: str = "", *, revoked: bool = False, **more: Any) -> None:
        document = f"临组〔{today().year}〕{len(self.diary)}号" if kind in ("deferred", "exempt", "exempt_part", "void") else ""
        with transaction(self.home.office) as connection:
            ident = record_event(connection, sitting, self.ids[number], kind, by="kaowu", reason=reason, document_no=document, ground=ground, **more)
            if revoked:
                revoke_event(connection, ident, by="kaowu", reason="登记错了人")
            if get_sitting(connection, sitting).state == "open":
                set_barred(self.home, connection, sitting, self.ids[number], "kaowu")
        if not revoked:
            self.note("event", sitting=sitting, number=number, kind=kind, reason=reason, ground=ground, document=document)

    # ------------------------------------------------ answers

    def write_papers(self, plan: Plan, people: Sequence[Person], before: Mapping[str, tuple[str, str, str]]) -> None:
        """What everybody who comes will answer; about three in a hundred do not come."""
        forms = self.questions(plan.id)
        with self.home.office.connect() as connection:
            given = dict(connection.execute(select(candidate.c.person_id, candidate.c.form).where(candidate.c.sitting_id == plan.id)).all())
        opens, made = instant_of(plan.opens), {}
        for n, one in enumerate(people):
            draw = random.Random(hash_of(f"{plan.id}/{one.number}"))
            kind = before.get(one.number, ("",))[0]
            if kind in ("deferred", "exempt", "absent", "void") or draw.random() < 0.03:
                continue
            form = given[self.ids[one.number]]
            target = TARGETS[n // 4] if n % 4 == 0 and n // 4 < len(TARGETS) else ""
            paper = write_paper(draw, form, forms[form], draw.gauss(0.86 if "annual" in plan.id or "disc" in plan.id else 0.72, 0.12), target)
            paper.started = opens + draw.randrange(60) * 1000
            paper.finished = paper.started + draw.randrange(20 * MINUTE, 58 * MINUTE) // 1000 * 1000
            if plan.way == "paper":
                paper.started, paper.finished = opens, opens + 150 * MINUTE
            made[one.number] = paper
        self.papers[plan.id] = made

    def questions(self, sitting: str) -> dict[str, list[Question]]:
        """By form, from the safe: who writes a paper here must know how to be right."""
        with self.home.office.connect() as connection:
            folder = self.home.secret / "papers" / str(get_sitting(connection, sitting).paper_id)
        read = {path.stem: path for path in (folder / "keys").glob("*.json")}
        (self.folder / "keys").mkdir(exist_ok=True)
        for form, path in read.items():
            (self.folder / "keys" / f"{sitting}-{form}.json").write_bytes(path.read_bytes())
        return {form: questions_of(json.loads(path.read_text()), json.loads((folder / "public" / path.name).read_text())) for form, path in read.items()}

    def save_answers(self, plan: Plan) -> None:
        """The answers given, beside the spreadsheets; of paper only what stands on the sheets."""
        (self.folder / "answers").mkdir(exist_ok=True)
        body = {number: asdict(paper) for number, paper in self.papers[plan.id].items()}
        (self.folder / "answers" / f"{plan.id}.json").write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")

    def sit_in_hall(self, plan: Plan) -> None:
        """Log in, start, save every answer, hand in: the hall's own functions, all in one transaction of its database."""
        slips = {slip.admission_no: slip.code for slip in issue_codes(self.home, plan.id, "kaowu")}
        key, forms = self.home.key("code"), {}
        for path in (self.home.release / plan.id).glob("?.json"):
            forms[path.stem] = read_public_form(path)
        with transaction(self.home.exam) as connection:
            for number, paper in self.papers[plan.id].items():
                admission, form = self.numbers[plan.id][self.ids[number]], forms[paper.form]
                session = log_in(connection, key, admission, slips[admission], "d" * 64, paper.started)
                mark = token_digest(session.token)
                who = standing(connection, mark, paper.started)
                assert who is not None
                attempt = start(connection, who, Arranger(form).order(attempt_seed(number)), paper.started)
                page = open_page(connection, who, paper.started)
                changes = tuple(Change(n, one, answer, paper.started) for n, (one, answer) in enumerate(paper.answers.items(), 1) if answer)
                if changes:
                    (saved,) = store(connection, [SaveRequest(mark, attempt, plan.id, page.writer, 0, changes, paper.started + MINUTE)])
                    assert {ack.state for ack in saved.acks} == {"saved"}
                blank = sum(not paper.answers.get(one.id, "").strip() for one in form.questions)
                hand_in(connection, attempt, page.writer, blank, paper.finished)

    def copy_up(self, plan: Plan) -> None:
        """Scripts of years ago, as the worker would have copied them up."""
        with transaction(self.home.office) as connection:
            connection.execute(script.insert(), [
                {"sitting_id": plan.id, "person_id": self.ids[number], "form": paper.form, "answers": json.dumps(paper.answers, ensure_ascii=False),
                 "display_order": "[]", "started_at": paper.started, "finished_at": paper.finished, "closed_by": "handin", "copied_at": now_ms()}
                for number, paper in self.papers[plan.id].items()
            ])  # fmt: skip

    def type_in(self, plan: Plan) -> None:
        """Answer sheets by the product's own workbook, typed by two people; where they differ a third act settles it by the sheet."""
        wrong = random.Random(hash_of(plan.id))
        with transaction(self.home.office) as connection:
            known = get_sitting(connection, plan.id)
            forms = read_forms(self.home, connection, known)
            sat = [self.numbers[plan.id][self.ids[number]] for number in self.papers[plan.id]]
            register(connection, plan.id, sat, "停电，改纸笔", "kaowu")
            blank = template(connection, forms, known)
        sheets = {self.numbers[plan.id][self.ids[number]]: paper for number, paper in self.papers[plan.id].items()}
        for typist, slips in (("luru", 0), ("fuhe", 3)):
            data = self._filled(blank, forms, sheets, wrong.sample(sorted(sheets), min(slips, len(sheets))))
            (self.folder / f"{plan.id}-{typist}.xlsx").write_bytes(data)
            rows = read_rows(data, f"{plan.id}.xlsx")
            with transaction(self.home.office) as connection:
                import_rows(connection, forms, plan.id, rows, typist)
        with transaction(self.home.office) as connection:
            for one in progress(connection, plan.id):
                if one.state == "differs":
                    paper = sheets[one.candidate.admission_no]
                    settle(connection, forms, plan.id, one.candidate.person_id, as_typed(paper), "按答题纸核定", "kaowu")

    def _filled(self, blank: bytes, forms: Mapping[str, Any], sheets: Mapping[str, Paper], slips: Sequence[str]) -> bytes:
        book = openpyxl.load_workbook(io.BytesIO(blank))
        for form, fields in forms.items():
            sheet = book[f"{form}卷"]
            for line in range(2, sheet.max_row + 1):
                number = sheet.cell(line, 1).value
                if number not in sheets:
                    continue
                texts = as_typed(sheets[number])
                if number in slips:
                    first = next(one for one in fields if one.letters)
                    texts = {**texts, first.question: "A" if texts.get(first.question) != "A" else "B"}
                for place, one in enumerate(fields, 3):
                    sheet.cell(line, place, texts.get(one.question) or None)
        out = io.BytesIO()
        book.save(out)
        book.close()
        return out.getvalue()

    # ------------------------------------------------ marks and records

    def mark(self, sitting: str) -> None:
        """The machine's marks, and the markers' points from paper."""
        mark_sitting(self.home, sitting, "yuejuan")
        take_paper_points(self.home, sitting)

    def issue(self, sitting: str) -> None:
        issue_records(self.home, sitting, "hr")
        self.note("issue", sitting=sitting)

    def not_entitled(self, plan: Plan, people: Sequence[Person]) -> str:
        """What is said of a resit's roster with somebody on it who may not come."""
        with self.home.office.connect() as connection, pytest.raises(RecordError) as told:
            refuse_not_entitled(connection, get_sitting(connection, plan.id), get_sitting(connection, plan.resit_of), [self.ids[one.number] for one in people])
        return str(told.value)


def as_typed(paper: Paper) -> dict[str, str]:
    """What stands on an answer sheet: letters, and the marker's points instead of free text."""
    return {one: paper.manual.get(one, "") if one in paper.manual or answer.startswith("依照") else answer for one, answer in paper.answers.items()}


def hash_of(text: str) -> int:
    """The same on every run, unlike ``hash``."""
    return int.from_bytes(text.encode()[-12:], "big")


def attempt_seed(number: str) -> int:
    return int(number[6:14])


def formal_bank(home: Home, plans: Iterable[Plan], patch: pytest.MonkeyPatch) -> None:
    """A bank of the office's own, signed by its reviewer for each day's law. Reading banks is remembered: 27 papers are drawn."""
    from bank_fixture import write_generated_bank

    folder = home.secret / "bank"
    write_generated_bank(folder, 240, 11, pool="formal")
    short = folder / "formal" / "administration"
    for n in range(8):
        (short / f"short-{n}.md").write_text(SHORT.format(n="一二三四五六七八"[n]), encoding="utf-8")
    bank, shipped = Bank.read(folder), Bank.read()
    registry, seen, lines = Registry.read(), set(), []
    for day in sorted({plan.opens[:10] for plan in plans}):
        for slug in bank:
            hash_ = bank.item_hash(slug, registry, date.fromisoformat(day))
            if (slug, hash_) not in seen:
                seen.add((slug, hash_))
                lines.append(json.dumps({"item": slug, "hash": hash_, "kind": "office", "by": "shenti", "at": 0, "note": ""}))
    (folder / "signoff.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    alike = list(near_duplicates(bank, shipped))
    patch.setattr(exams.paper_store, "near_duplicates", lambda one, other: alike if one is bank and other is shipped else near_duplicates(one, other))
    patch.setattr(Bank, "read", classmethod(lambda _cls, where=None: bank if where else shipped))


SHORT = """---
kind: short
law:
  - {{act: 行政处罚法, article: 44}}
topic: 告知
audience: [街道, 社区]
level: 理解
difficulty: 0.5
order: fixed
author: 命题员
---

简答题之{n}：行政机关作出处罚决定之前，应当怎样告知当事人？第{n}种情形下又如何？

## 参考答案

告知拟作出的处罚内容及事实、理由、依据，并告知依法享有的权利。

## 采分点

- (12) 内容及事实、理由、依据
- (8) 陈述、申辩等权利

## 解析

没有告知的，不得作出处罚决定。
"""
