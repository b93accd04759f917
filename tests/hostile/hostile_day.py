"""A formal sitting from draft to issued records in which every text that anybody writes is hostile.

What has an entrance goes in by it (item files, the roster's workbook, the office's forms, a candidate's page); then every column of
both databases that holds people's words is overwritten, so that a page that trusts what its entrance let in is found as well.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from fractions import Fraction

from exam_day import OFFICE_ROUTES, PROFILE, ExamDay, known_ids
from hall_fixture import Browser, Server
from office_room import HEADINGS, Person, field, identity, roster
from payloads import FORMULAS, PATHS, SCRIPTS, packs
from sitting_fixture import MINUTE, Candidate
from sqlalchemy import Engine, MetaData, String, select, update

from exams.opening import close_sitting, issue_codes, open_sitting_for_candidates
from exams.paper_store import build_papers
from exams.print.printing import print_sitting
from exams.sheets import SHEETS
from exams.sittings import NewSitting, create_sitting
from exams.tables import candidate_event, open_sitting
from grading.certificates.issue import make as make_certificates
from grading.certificates.statement import KINDS
from grading.exports import export_records
from grading.jobs import grade_sitting
from grading.manual import manual_questions, marking_queue, set_manual_mark
from grading.paper_marks.register import register
from grading.records import issue_records
from grading.roll import day_of
from grading.workforce.entering import add_certification, add_hours, add_step, find_entry
from grading.workforce.kinds import read_kinds
from hall.office.control import ACTS
from hall.office.way import Way
from home import EXAM, OFFICE, now_ms, transaction
from people.tables import alias, person, post, unit

OFFICE_NAME = '某县考试办公室"><script>hit(900)</script>'
#: words of people by their columns' names; besides these every text column of 100 characters or more
WORDS = frozenset(("name", "title", "kind_title", "ethnic", "phone", "education", "political", "channel", "rank_label", "rank", "grade", "certificate_no"))
#: columns of that length that machines write and read
MACHINES = frozenset((("sitting", "room_ranges"), ("open_sitting", "room_ranges"), ("approval", "subject"), ("legal_hold", "subject")))

#: tables whose rows are links of a hash chain: what people write gets there by itself
CHAINED = frozenset(("audit", "save"))


def is_words(table: str, name: str, length: int | None) -> bool:
    """Whether a column holds what people write."""
    return (name in WORDS or (length or 0) >= 100) and (table, name) not in MACHINES


class HostileDay(ExamDay):
    """The day; :meth:`play` goes as far as issued records and leaves both halls serving."""

    def __post_init__(self) -> None:
        super().__post_init__()
        settings = self.home.root / "home.toml"
        settings.write_text(settings.read_text(encoding="utf-8").replace('"某县考试办公室"', json.dumps(OFFICE_NAME)), encoding="utf-8")
        self._stems, self._options = itertools.cycle(packs(800)), itertools.cycle(packs(250, " "))
        self._rationales = itertools.cycle(packs(2500))
        self._short = itertools.cycle(line for line in SCRIPTS if len(line) <= 40)
        self.dirtied = 0

    # ------------------------------------------------------------ by the entrances

    def _item(self, slug: str, kind: str) -> str:
        head = (
            f"---\nkind: {kind}\nlaw:\n  - {{act: 民法典, article: 278}}\ntopic: {json.dumps(self.short())}\naudience: [街道]\nlevel: 应用\n"
            f"difficulty: 0.5\norder: {'fixed' if kind == 'true_false' else 'shuffle'}\nauthor: {json.dumps(self.short())}\n---\n\n"
        )
        stem = f"题干 {slug}\n\n{harmless(next(self._stems))}\n\n题干完 {slug}。\n\n"
        rationale = f"## 解析\n\n因为 {slug} {harmless(next(self._rationales)).translate(NO_ANCHORS)}\n"
        if kind == "short":
            return f"{head}{stem}## 参考答案\n\n应当 {harmless(next(self._rationales))}\n\n## 采分点\n\n- (2) {one_line(next(self._options))}\n\n{rationale}"
        if kind == "true_false":
            marks = [("正确", True), ("错误", False)]
        else:
            keys = {0} if kind == "single" else {0, 1}
            marks = [(f"{slug[-6:]}{n} {one_line(next(self._options))}", n in keys) for n in range(4)]
        return f"{head}{stem}" + "".join(f"- [{'x' if right else ' '}] {text}\n" for text, right in marks) + f"\n{rationale}"

    def short(self) -> str:
        """The next payload of at most 40 characters."""
        return next(self._short)

    def _set_up(self) -> None:
        now = now_ms()
        paper = PAPER.format(title=json.dumps(SCRIPTS[0] + FORMULAS[0]), part=json.dumps(SCRIPTS[1]))
        with transaction(self.home.office) as connection:
            create_sitting(connection, NewSitting(
                "s-1", f"任前考试 {SCRIPTS[48]}", "formal", paper, PROFILE.replace("certificate = false", "certificate = true"), now + 60 * MINUTE, now + 240 * MINUTE, SCRIPTS[49]), "exam-officer1")  # fmt: skip
        officer = self.staff("exam_officer")
        rows = [
            (f"王{self.short()}", identity(n), f"{self.short()}局", FORMULAS[n], SCRIPTS[60 + n], self.short(), "党委管理", f"{PATHS[n]} {SCRIPTS[80 + n]}"[:200])
            for n in range(1, 5)
        ]
        files = {"file": ("<img src=x onerror=hit(901)>.xlsx", roster(rows, (*HEADINGS, "备注")), "application/octet-stream")}
        self.answers = [officer.post("/sittings/s-1/roster/upload", files=files)]
        token = self.answers[0].text.split('name="token" value="')[1].split('"')[0]
        officer.done("/sittings/s-1/roster/confirm", token=token)
        build_papers(self.home, "s-1", "exam-officer1")

    def play(self, look: Callable[[str], None]) -> None:
        """From the bank to the records; ``look`` is called with the name of the phase while people write and at the end."""
        self._write_bank()
        self._set_up()
        self.dirty(self.home.office, OFFICE)
        self.server = Server(self.home, self.folder / "hall.log")
        self._open()
        self._sit()
        self._in_the_room()
        self.dirty(self.home.office, OFFICE)
        self.dirty(self.home.exam, EXAM)
        look("during")
        close_sitting(self.home, "s-1", "exam-officer1")
        self._mark()
        self._afterwards()
        self.dirty(self.home.office, OFFICE)
        self.dirty(self.home.exam, EXAM)
        look("after")

    def _open(self) -> None:
        open_sitting_for_candidates(self.home, "s-1", "exam-officer1")
        for n, slip in enumerate(issue_codes(self.home, "s-1", "exam-officer1"), 1):
            self.browsers[f"c{n}"] = Browser(self.server.url, Candidate(0, slip.admission_no, slip.code, slip.name))
            assert self.browsers[f"c{n}"].log_in().status_code == 200
        with transaction(self.home.exam) as connection:
            connection.execute(update(open_sitting).values(opens_at=now_ms() - MINUTE))

    def _sit(self) -> None:
        """The fourth stays away."""
        for browser in (self.browsers[name] for name in ("c1", "c2", "c3")):
            browser.start()
            essay = "\n".join((browser.candidate.name, *SCRIPTS, *FORMULAS))
            assert browser.save((1, "q001", "A"), (2, "q015", essay)).status_code == 200
        assert self.browsers["c1"].reload().status_code == 200
        assert self.browsers["c1"].hand_in(13).status_code == 200

    def _in_the_room(self) -> None:
        officer, number = self.staff("exam_officer"), self.browsers["c4"].candidate.admission_no
        lines = packs(480)
        for n, line in enumerate(lines):
            officer.done("/sittings/s-1/incidents", kind="paper_query", detail=line)
            if n < 4:
                officer.done(f"/sittings/s-1/candidates/{number}/note", kind="paper_query", detail=line)
        event = f"/sittings/s-1/candidates/{number}/event"
        paper = {"attachment": ("<svg onload=hit(902)>.pdf", b"%PDF-1.4 <script>hit(903)</script>", "text/html")}
        officer.done(event, paper, kind="deferred", reason=lines[0], document_no=SCRIPTS[2])
        with self.home.office.connect() as connection:
            ident = connection.execute(select(candidate_event.c.id)).scalar_one()
        officer.done(f"{event}/{ident}/revoke", reason=lines[1])
        officer.done(event, kind="deferred", reason=lines[2], document_no=FORMULAS[1])
        for browser in (self.browsers["c2"], self.browsers["c3"]):
            there = f"/sittings/s-1/candidates/{browser.candidate.admission_no}"
            officer.done(f"{there}/time", minutes="5", reason=lines[3], seen=field(officer.page(there), "seen"))

    def _mark(self) -> None:
        grade_sitting(self.home, "s-1", "exam-officer1", lambda _percent: None)
        with transaction(self.home.office) as connection:
            for load in manual_questions(connection, "s-1"):
                for n, one in enumerate(marking_queue(connection, "s-1", load.question, load.item)):
                    set_manual_mark(connection, "s-1", one.person_id, one.question, one.max_points, by="marker1", comment=packs(900)[n])
        issue_records(self.home, "s-1", "hr1")

    def _afterwards(self) -> None:
        """Lists, certificates, what a second person is asked, holds, and somebody in the workforce."""
        for form in FORMATS:
            export_records(self.home, "s-1", form, self.home.exports / f"s-1-成绩册-20261124-090000.{form}", "hr1")
        for kind in ("certificate", "score_sheet"):
            make_certificates(self.home, "s-1", kind, "hr1")
        self.printed = print_sitting(self.home, "s-1", "exam-officer1")
        hr, operator = self.staff("hr"), self.staff("operator")
        hr.done("/numbers", list="scores", purpose=packs(190)[0], recipient=packs(90)[0], keep="3")
        operator.done("/retention/hold", subject="*", reason=packs(480)[4], document_no=SCRIPTS[3])
        hr.done("/columns", list="scores", act="save", name=SCRIPTS[0][:30], order="0,1", t0=SCRIPTS[1][:40], w0="9", t1=FORMULAS[2][:40], w1="9")
        with transaction(self.home.office) as connection:
            unit_id = connection.execute(unit.insert().values(name="单位", kind="社区")).inserted_primary_key[0]
            connection.execute(alias.insert().values(unit_id=unit_id, name="别名"))
            post_id = connection.execute(post.insert().values(unit_id=unit_id, title="职务", rank="乡科级正职")).inserted_primary_key[0]
            connection.execute(update(person).values(unit_id=unit_id, post_id=post_id, phone="1", education="1", political="1", ethnic="1"))
            kind, who = read_kinds()["mediator"], connection.execute(select(person.c.id).order_by(person.c.id)).scalars().first()
            today = day_of(now_ms())
            register(connection, "s-1", [self.browsers["c4"].candidate.admission_no], packs(480)[5], "exam-officer1")
            ident = add_certification(
                connection, kind, who, today.replace(year=today.year - 1), by="hr1", today=today, certificate_no="1", issuer="1", unit_id=unit_id, note="1"
            )
            add_step(connection, kind, find_entry(connection, ident), next(iter(kind.steps)), today, by="hr1", today=today, document_no="1", note="1")
            add_hours(connection, who, today, Fraction(8), "training", "培训", by="hr1", today=today, provider="1")

    # ------------------------------------------------------------ past the entrances

    def dirty(self, engine: Engine, tables: MetaData) -> None:
        """Write the corpus over every column of people's words, another text in every row."""
        with transaction(engine) as connection:
            for table in (one for one in tables.sorted_tables if one.name not in CHAINED):
                columns = [one for one in table.columns if isinstance(one.type, String) and not one.foreign_keys and not one.primary_key]
                words = [one for one in columns if is_words(table.name, one.name, one.type.length)]
                for row in connection.execute(select(table)).all() if words else ():
                    here = [one == row._mapping[one] for one in table.primary_key]
                    values = {one: self._dirt(one.type.length or 200) for one in words if row._mapping[one] is not None}
                    self.dirtied += len(values)
                    if values:
                        connection.execute(update(table).where(*here).values(values))

    def _dirt(self, length: int) -> str:
        self._all = getattr(self, "_all", None) or itertools.cycle((*SCRIPTS, *FORMULAS))
        return next(line for line in self._all if 0 < len(line) <= length)

    # ------------------------------------------------------------ who looks

    def pages(self) -> Iterator[tuple[str, Person, str]]:
        """Name and address of every GET route there is, for every id of this day, with somebody who may open it."""
        for way in OFFICE_ROUTES:
            if way.method == "GET":
                for path in sorted(set(self.paths(way))):
                    yield way.name, self.staff(sorted(way.roles)[0]), path

    def paths(self, way: Way) -> Iterator[str]:
        """Every address of a route; a part that is the name of a table stands for its rows."""
        parts = re.findall(r"{(\w+)}", way.path)
        for values in itertools.product(*(self._known(part) for part in parts)):
            yield way.path.format_map(dict(zip(parts, values, strict=True)))

    def _known(self, part: str) -> list[str]:
        known = known_ids(self) | {
            "sitting": ["s-1"], "act": list(ACTS), "sheet": list(SHEETS), "kind": list(KINDS), "number": [self.browsers[name].candidate.admission_no for name in ("c1", "c4")],
        }  # fmt: skip
        table = next((TABLES[name] for name in ({"event": "candidate_event", "request": "approval", "hold": "legal_hold"}.get(part, part),) if name in TABLES), None)
        if part in known or table is None:
            return known.get(part, ["1"])
        with self.home.office.connect() as connection:
            return [str(row[0]) for row in connection.execute(select(*table.primary_key).limit(2))] or ["1"]


TABLES = OFFICE.tables
FORMATS = ("csv", "xlsx", "json", "pdf")
PAPER = """
title = {title}
minutes = 60
forms = 1
pools = ["one"]
[[parts]]
id = "single"
title = {part}
kind = "single"
count = 8
points = 4
[[parts]]
id = "multiple"
title = "多选"
kind = "multiple"
count = 3
points = 4
[[parts]]
id = "true_false"
title = "判断"
kind = "true_false"
count = 3
points = 4
[[parts]]
id = "short"
title = "简答"
kind = "short"
count = 1
points = 44
"""


NO_ANCHORS = str.maketrans("{}", "()")


def one_line(text: str) -> str:
    """For places where an item file has one line."""
    return " ".join(text.split())


def harmless(text: str) -> str:
    """Without what would end the section of an item file: headings."""
    return "\n\n".join(line for line in text.split("\n\n") if not line.startswith("#"))
