"""A formal sitting from draft to issued records, with canaries in every secret; both apps are walked in every phase.

The hall is the real process; the office and the worker run here, with everything that is logged kept.
"""

from __future__ import annotations

import io
import logging
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from pathlib import Path

import httpx
from hall_fixture import Browser, Server
from leaks import Secrets, canary
from office_room import PASSWORD, Office, Person, people
from office_room import field as field_of
from sitting_fixture import KEY, MINUTE, Candidate
from sqlalchemy import select, update
from starlette.testclient import TestClient

from exams.forms import read_key_form
from exams.opening import close_sitting, issue_codes, open_sitting_for_candidates
from exams.paper_store import build_papers, paper_of
from exams.sittings import Enrolment, NewSitting, add_candidates, create_sitting
from exams.tables import attempt, candidate, entry, open_sitting, sitting
from grading.exports import export_records
from grading.jobs import grade_sitting
from grading.manual import manual_questions, marking_queue, set_manual_mark
from grading.records import issue_records
from grading.roll import day_of
from hall.candidate.app import FAST, ROUTES
from hall.candidate.static import _FILES, static_url
from hall.office.routes import ROUTES as OFFICE_ROUTES
from hall.office.way import Way
from home import Home, now_ms, transaction
from people.identity import identity_mac, mask, seal_number
from people.tables import person
from question_bank.bank import Bank
from question_bank.registry import Registry
from question_bank.signoff import SignOffs, approve, record_blind

FORM_PARTS = (("single", 8), ("multiple", 3), ("true_false", 3), ("short", 1))
PROFILE = (Path(__file__).parents[2] / "exams" / "profiles" / "small_office.toml").read_text(encoding="utf-8")
PHASES = ("draft", "before", "during", "handed_in", "closed", "marked", "issued")
#: what somebody tries who looks for more than the pages link to
GUESSES = (
    "/release/s-1/A.json", "/release/s-1/B.json", "/secret/papers", "/exam/exam.db", "/office.db", "/home.toml", "/api", "/api/paper", "/api/save/",
    "/paper/A", "/paper?form=B", "/paper?attempt=2", "/paper/2", "/done/2", "/static/", "/static/x/..%2f..%2fapp.py", "/static/x/../../app.py",
    "/static/x/%2e%2e%2f%2e%2e%2fhome.toml", "/%2e%2e/%2e%2e/office.db", "/..%5c..%5coffice.db", "/openapi.json", "/docs", "/metrics", "/healthz",
    "/.git/config", "/login?number=1", "//paper", "/sittings/s-1", "/sittings/s-1/records", "/exports/x.csv", "/static/paper.js.map",
)  # fmt: skip
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH")


def blueprint(pool: str, forms: int) -> str:
    parts = "".join(f'[[parts]]\nid = "{kind}"\ntitle = "{kind}"\nkind = "{kind}"\ncount = {count}\npoints = 4\n' for kind, count in FORM_PARTS)
    return f'title = "任前法律知识考试"\nminutes = 60\nforms = {forms}\npools = ["{pool}"]\n{parts}'.replace(
        "count = 1\npoints = 4", "count = 1\npoints = 44"
    )


@dataclass(frozen=True)
class Seen:
    """One answer, or one file: in which phase, by whom, from where, and which secrets were in it."""

    phase: str
    who: str
    where: str
    status: int
    found: frozenset[str]
    headers: str = ""


@dataclass
class ExamDay:
    """Everything of the day; :meth:`play` fills ``seen``."""

    folder: Path
    texts: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    phase: str = "draft"

    def __post_init__(self) -> None:
        self.home = Home.create(self.folder / "home", "某县考试办公室")
        (self.home.secret / "keys" / "code.key").write_bytes(KEY)
        self.office = Office(self.home)
        self.log = io.StringIO()
        self._handler = logging.StreamHandler(self.log)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
        self._handler.addFilter(lambda record: not record.name.startswith("httpx"))  # what the test's own browser says of its way
        logging.getLogger().addHandler(self._handler)
        self.stems: dict[str, frozenset[str]] = {}      # form -> names of its stems
        self.forms: dict[str, str] = {}                 # candidate -> form
        self.browsers: dict[str, Browser] = {}
        self._staff: dict[str, Person] = {}
        self._contexts = ExitStack()

    def end(self) -> None:
        logging.getLogger().removeHandler(self._handler)
        self._contexts.close()
        for browser in self.browsers.values():
            browser.http.close()
        if hasattr(self, "server") and self.server.process.poll() is None:
            self.server.stop()
        self.home.close()

    # ------------------------------------------------------------ what must stay secret

    def _hide(self, name: str) -> str:
        made = canary()
        self.texts[made] = name
        return made

    def _write_bank(self) -> None:
        folder = self.home.secret / "bank"
        for pool, times in (("one", 2), ("two", 1)):
            for kind, count in FORM_PARTS:
                for number in range(count * times):
                    slug = self._hide(f"key/slug {pool} {kind} {number}")
                    path = folder / pool / "civil_code" / f"{slug}.md"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(self._item(slug, kind), encoding="utf-8")
        bank, registry = Bank.read(folder), Registry.read()
        for slug, item in bank.items():
            hashed = bank.item_hash(slug, registry, self.day)
            letters = "".join(sorted(item.key)).upper() or "见参考答案"
            record_blind(SignOffs.read(folder), item, hashed, "reviewer1", 1, letters, "民法典")
            approve(SignOffs.read(folder), item, hashed, "reviewer1", 2, "office")
            self.texts[hashed] = f"key/hash {slug}"

    def _item(self, slug: str, kind: str) -> str:
        head = (
            f"---\nkind: {kind}\nlaw:\n  - {{act: 民法典, article: 278}}\ntopic: 题目{slug[-4:]}\naudience: [街道]\nlevel: 应用\n"
            f"difficulty: 0.5\norder: {'fixed' if kind == 'true_false' else 'shuffle'}\nauthor: {self._hide(f'key/author {slug}')}\n---\n\n"
        )
        stem = f"某街道{self._hide(f'stem/{slug}')}应当怎样办理？\n\n"
        rationale = f"## 解析\n\n因为{self._hide(f'key/rationale {slug}')}。\n"
        if kind == "short":
            return (
                f"{head}{stem}## 参考答案\n\n应当{self._hide(f'key/model answer {slug}')}。\n\n"
                f"## 采分点\n\n- (2) 写出{self._hide(f'key/point {slug}')}\n\n{rationale}"
            )
        if kind == "true_false":
            right = secrets.randbelow(2)
            marks = [("正确", right == 0), ("错误", right == 1)]
        else:
            keys = set(secrets.SystemRandom().sample(range(4), 1 if kind == "single" else 2 + secrets.randbelow(2)))
            marks = [(f"办法{slug[-6:]}{n}", n in keys) for n in range(4)]
        options = "".join(f"- [{'x' if right else ' '}] {text}\n" for text, right in marks)
        return f"{head}{stem}{options}\n{rationale}"

    @property
    def day(self) -> date:
        return day_of(now_ms())

    def secrets(self) -> Secrets:
        """All that is hidden so far."""
        return Secrets(dict(self.texts), self.keys)

    # ------------------------------------------------------------ the day

    def play(self) -> None:
        self.keys: dict[str, tuple[tuple[str, str], ...]] = {}
        self._write_bank()
        self._set_up()
        self.server = Server(self.home, self.folder / "hall.log")
        for phase in PHASES:
            self.phase = phase
            getattr(self, f"_{phase}")()
            self._walk_hall()
            self._walk_office()
            self._look_at_files()
        self._press_every_button()
        self._fall_over()
        self._look_at_logs()

    def _set_up(self) -> None:
        home, now, key = self.home, now_ms(), self.home.key("identity")
        with transaction(home.office) as connection:
            for ident, pool, forms in (("s-1", "one", 2), ("s-2", "two", 1)):
                create_sitting(connection, NewSitting(
                    ident, f"任前法律知识考试 {ident}", "formal", blueprint(pool, forms), PROFILE, now + 60 * MINUTE, now + 240 * MINUTE, "机房"), "exam-officer1")  # fmt: skip
            for ident, first in (("s-1", 1), ("s-2", 11)):
                lines = []
                for name, number, unit, post, *_ in people(4, first):
                    self.texts[number] = f"identity/{name}"
                    lines.append(Enrolment(connection.execute(person.insert().values(
                        name=name, document="居民身份证", identity_cipher=seal_number(key, "居民身份证", number),
                        identity_mac=identity_mac(key, "居民身份证", number), identity_masked=mask(number), created_at=now)).inserted_primary_key[0], unit, post))  # fmt: skip
                add_candidates(connection, ident, lines, "exam-officer1")
        for ident in ("s-1", "s-2"):
            drawn = build_papers(home, ident, "exam-officer1")
            folder = paper_of(home, drawn.id)
            self.texts[(folder / "seed.txt").read_text().strip()] = f"key/seed {ident}"
            for form in drawn.forms:
                name = f"{ident}/{form.form}"
                entries = read_key_form(folder / "keys" / f"{form.form}.json").entries
                self.keys[name] = tuple((one.id, one.key) for one in entries if one.key)
                self.stems[name] = frozenset(f"stem/{one.item}" for one in form.questions)
        for name in ("identity", "code", "record"):
            self.texts[home.key(name).hex()] = f"material/{name}"

    def _draft(self) -> None:
        """Papers are built; nothing is open."""

    def _before(self) -> None:
        open_sitting_for_candidates(self.home, "s-1", "exam-officer1")
        for n, slip in enumerate(issue_codes(self.home, "s-1", "exam-officer1"), 1):
            name = f"c{n}"
            self.browsers[name] = Browser(self.server.url, Candidate(0, slip.admission_no, slip.code, slip.name))
            self.texts[slip.code] = self.texts[slip.code.replace("-", "")] = f"code/{name}"
            assert self.browsers[name].log_in().status_code == 200
            self.texts[self.browsers[name].http.cookies["pufa_hall"]] = f"session/{name}"
        with self.home.exam.connect() as connection:
            rows = connection.execute(select(entry.c.admission_no, entry.c.form)).all()
        forms = {row.admission_no: f"s-1/{row.form}" for row in rows}
        self.forms = {name: forms[one.candidate.admission_no] for name, one in self.browsers.items()}
        assert set(self.forms.values()) == {"s-1/A", "s-1/B"}
        officer = self.staff("exam_officer")
        shown = officer.page(f"/sittings/s-1/candidates/{slip.admission_no}")
        answer = officer.post(f"/sittings/s-1/candidates/{slip.admission_no}/slip", issue=field_of(shown, "issue"))
        code = re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", answer.text)[0]
        self.texts[code] = self.texts[code.replace("-", "")] = "code/anew"
        self._note_answer("exam_officer", "print_one POST", answer)

    def _during(self) -> None:
        with transaction(self.home.exam) as connection:  # the hour has come
            connection.execute(update(open_sitting).values(opens_at=now_ms() - MINUTE))
        for name in ("c1", "c2", "c3"):  # the fourth stays at the rules
            browser = self.browsers[name]
            browser.start()
            changes = [(n, q, letter) for n, (q, letter) in enumerate(sorted(self._wrong().items()), 1)]
            changes.append((len(changes) + 1, "q015", f"我认为{self._hide(f'answer/{name}')}"))
            assert browser.save(*changes).status_code == 200

    def _wrong(self) -> dict[str, str]:
        """An answer to each question that is no form's key, so that a right letter beside its number is never a candidate's own."""
        right: dict[str, set[str]] = {}
        for pairs in self.keys.values():
            for question, letters in pairs:
                right.setdefault(question, set()).add(letters)
        free = {question: [letter for letter in "ABCD" if letter not in letters] for question, letters in right.items()}
        return {question: letters[0] for question, letters in free.items() if not question.startswith(("q012", "q013", "q014"))}

    def _handed_in(self) -> None:
        assert self.browsers["c1"].reload().status_code == 200
        assert self.browsers["c1"].hand_in(14 - len(self._wrong())).status_code == 200

    def _closed(self) -> None:
        close_sitting(self.home, "s-1", "exam-officer1")

    def _marked(self) -> None:
        grade_sitting(self.home, "s-1", "exam-officer1", lambda _percent: None)

    def _issued(self) -> None:
        with transaction(self.home.office) as connection:
            for load in manual_questions(connection, "s-1"):
                for one in marking_queue(connection, "s-1", load.question, load.item):
                    set_manual_mark(connection, "s-1", one.person_id, one.question, one.max_points, by="marker1")
        issue_records(self.home, "s-1", "hr1")
        for form in ("csv", "xlsx", "json"):
            export_records(self.home, "s-1", form, self.home.exports / f"s-1-成绩册-20261124-090000.{form}", "hr1")

    # ------------------------------------------------------------ walking

    def _note(self, who: str, where: str, status: int, body: bytes, headers: str = "") -> None:
        self.seen.append(Seen(self.phase, who, where, status, self.secrets().found_in(headers.encode() + b"\n" + body), headers))

    def _note_answer(self, who: str, where: str, answer: httpx.Response) -> None:
        self._note(who, where, answer.status_code, answer.content, repr(answer.headers.multi_items()))

    def _walk_hall(self) -> None:
        with httpx.Client(base_url=self.server.url) as nobody:
            for who, http in [("nobody", nobody), *((name, one.http) for name, one in self.browsers.items())]:
                for method, path, body in hall_requests(METHODS if self.phase == "during" else METHODS[:2]):
                    with http.stream(method, path, content=body, follow_redirects=False) as answer:
                        endless = "event-stream" in answer.headers.get("content-type", "")
                        found = next(answer.iter_bytes(), b"") if endless else answer.read()
                        self._note(who, f"{method} {path}", answer.status_code, found, repr(answer.headers.multi_items()))

    def _walk_office(self) -> None:
        for role in ("exam_officer", "marker", "hr", "trainer", "reviewer", "auditor", "operator"):
            for way in OFFICE_ROUTES:
                if way.method == "GET" and (role in way.roles or self.phase == "marked"):
                    for path in self.paths(way):
                        self._note_answer(role, f"{way.name} {path}", self.staff(role).get(path))

    def staff(self, role: str) -> Person:
        """Logged in once for the day: a password is checked slowly on purpose."""
        if role not in self._staff:
            client = TestClient(self.office.app, self.office.base, follow_redirects=False, raise_server_exceptions=False)
            self._staff[role] = Person(self._contexts.enter_context(client))
            self._staff[role].log_in(self.office.hire(role), PASSWORD)
        return self._staff[role]

    def paths(self, way: Way) -> Iterator[str]:
        """Every address of a route that there is on this day; ids that the table below does not know are 1."""
        names = [name for name in known_ids(self) if "{" + name + "}" in way.path]
        found = known_ids(self)
        unknown = {piece[1:-1]: "1" for piece in way.path.split("/") if piece.startswith("{") and piece[1:-1] not in found}
        for values in product(*(found[name] for name in names)):
            yield way.path.format_map({**unknown, **dict(zip(names, values, strict=True))})

    def _press_every_button(self) -> None:
        """Every form of the office, sent empty by who may send it."""
        for way in OFFICE_ROUTES:
            if way.method == "POST" and way.name not in ("logout", "set_password"):
                for role in sorted(way.roles):
                    self._note_answer(role, f"{way.name} POST {way.path}", self.staff(role).post(next(iter(self.paths(way)))))

    def _fall_over(self) -> None:
        """Faults of ours in both apps: what is said of them, and what is logged."""
        with transaction(self.home.exam) as connection:
            connection.execute(update(open_sitting).values(closed_at=None))
            connection.execute(update(attempt).values(state="open", display_order='[["q999","AB"]]'))
        self._note_answer("c3", "fault /paper", self.browsers["c3"].http.get("/paper", follow_redirects=False))
        with self.home.office.connect() as connection:
            paper = connection.execute(select(sitting.c.paper_id).where(sitting.c.id == "s-1")).scalar_one()
        for path in (self.home.secret / "papers" / paper / "keys").iterdir():
            path.write_text(path.read_text(encoding="utf-8").replace('"scoring_points"', '"points_of"'), encoding="utf-8")
        for way in OFFICE_ROUTES:
            if way.name == "script":
                for path in self.paths(way):
                    self._note_answer("marker", f"fault {path}", self.staff("marker").get(path))

    def _look_at_files(self) -> None:
        """What the hall's user can read, and the notebooks that would be given out."""
        for place in ("exam", "release", "open"):
            for path in sorted((self.home.root / place).rglob("*")):
                if path.is_file():
                    self._note("hall's files", str(path.relative_to(self.home.root)), 0, path.name.encode() + path.read_bytes())
        for path in sorted((self.home.secret / "nbgrader").glob("*/release/**/*.ipynb")):
            self._note("released notebook", str(path.relative_to(self.home.secret)), 0, path.read_bytes())

    def _look_at_logs(self) -> None:
        self.server.stop()
        self._note("log", "hall", 0, (self.folder / "hall.log").read_bytes())
        self._note("log", "office and worker", 0, self.log.getvalue().encode())


def hall_requests(methods: Sequence[str]) -> Iterator[tuple[str, str, bytes | None]]:
    """Everything that is asked of the hall by each observer in each phase."""
    own = sorted({route.path for route in ROUTES if "{" not in route.path} | set(FAST))
    for path in own:
        for method in methods:
            yield method, path, b"{}" if method in ("POST", "PUT", "PATCH") else None
    for path in (*map(static_url, sorted(_FILES)), *GUESSES):
        yield "GET", path, None
    yield "POST", "/login", b"x" * 600_000
    for path in FAST:
        yield "POST", path, b"x" * 600_000
        yield "POST", path, b'{"writer":1,"acked":0,"changes":[[1,"q001","A",0]]}'


def known_ids(day: ExamDay) -> dict[str, list[str]]:
    """Name of a path's part -> its values on this day."""
    with day.home.office.connect() as connection:
        loads = manual_questions(connection, "s-1")
        numbers = connection.execute(select(candidate.c.admission_no).order_by(candidate.c.admission_no)).scalars().all()
    return {
        "sitting": ["s-1", "s-2"], "number": [*numbers[:1], *numbers[-1:]], "question": sorted({one.question for one in loads}) or ["q015"],
        "item": sorted({one.item for one in loads}) or ["none"], "file": sorted(path.name for path in day.home.exports.iterdir()) or ["none.csv"],
    }  # fmt: skip
