"""Every form and address of the office, by whoever may use it, with hostile fields, files, parts and queries (cases E1, E8 to E10).

Forms are read off the pages and pages off the route table, so that a new page is tried as soon as it is there. Whatever is sent, no
fault of ours; and afterwards both audit chains and the chain of saves verify, and every page still opens.
"""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
from forms import Field, Form, forms_of
from grading_fixture import RIGHT, add_script, make_sitting
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_room import PASSWORD, Office, Person, import_people, new_sitting, opened, people, roster
from payloads import EVERYTHING, ODD, PATHS, SCRIPTS, TEXTS
from sqlalchemy import func, select
from starlette.testclient import TestClient

from exams.anchors import verify_home
from exams.tables import attempt, candidate, entry, sitting
from grading.errors import GradingError
from grading.jobs import grade_sitting
from grading.records import issue_records
from grading.tables import record
from hall.office.pages import HERE
from hall.office.routes import ROUTES
from hall.office.way import Way
from home import Home, now_ms, transaction
from people.accounts import ROLES
from people.tables import person

#: these would end the session under test
NOT_TRIED = {"logout", "set_password"}
#: names of parts -> what there is in this home; others are 1
PARTS = {"sitting": "s1", "number": "261110000001", "question": "q006", "item": "item-q006", "file": "x.csv", "act": "pause", "sheet": "room"}
NUMBERS = ("0", "-1", "1", "9" * 30, "1e9", "１２", "१२", "1.5", "0x10", " 7 ", "1_0", "²", "nan", "00", "2026-13-45", "99:99")


class Town:
    """An office with one sitting open and one marked, and somebody of each role who is logged in."""

    def __init__(self, folder: Path) -> None:
        self.home = Home.create(folder / "home", "某县考试办公室")
        self.office = Office(self.home)
        self.stack = ExitStack()
        self.staff = {role: self._log_in(role) for role in ROLES}
        officer = self.staff["exam_officer"]
        opened(self.office, officer, "s-1", 4)
        new_sitting(officer, "s-2")
        import_people(officer, "s-2", people(2, 20))
        with transaction(self.home.exam) as connection:  # somebody writes
            ident, now = connection.execute(select(func.min(entry.c.id))).scalar_one(), now_ms()
            connection.execute(attempt.insert().values(
                entry_id=ident, sitting_id="s-1", form="A", display_order="[]", started_at=now, limit_at=now + 3_600_000, state="open", writer=1))  # fmt: skip
        persons = make_sitting(self.home, "s1", people=3)
        add_script(self.home, "s1", persons[0], RIGHT | {"q006": SCRIPTS[0]})
        grade_sitting(self.home, "s1", "exam-officer1", lambda _percent: None)
        (self.home.exports / "x.csv").write_bytes(b"x")
        with self.home.office.connect() as connection:
            rows = connection.execute(select(candidate.c.sitting_id, candidate.c.admission_no).order_by(candidate.c.admission_no.desc()))
            self.numbers = {row.sitting_id: row.admission_no for row in rows}
        self.counts = self.count()

    def _log_in(self, role: str) -> Person:
        one = Person(self.stack.enter_context(TestClient(self.office.app, self.office.base, follow_redirects=False, raise_server_exceptions=False)))
        one.log_in(self.office.hire(role), PASSWORD)
        return one

    def count(self) -> dict[str, int]:
        with self.home.office.connect() as connection:
            return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (sitting, candidate, record, person)}

    def close(self) -> None:
        self.stack.close()
        self.home.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("town"))
    yield made
    made.close()


def path_of(way: Way, sitting_id: str = "s1", **parts: str) -> str:
    known = {name: quote(value, safe="") for name, value in {**PARTS, "sitting": sitting_id, **parts}.items()}
    return re.sub(r"{(\w+)}", lambda found: known.get(found[1], "1"), way.path)


def clean(text: str) -> str:
    """As a form can carry it."""
    return text.encode("utf-8", "replace").decode()


def hostile_files() -> dict[str, bytes]:
    climbing = io.BytesIO()
    with zipfile.ZipFile(climbing, "w") as archive:
        for name in PATHS[:6]:
            archive.writestr(name.replace("\n", ""), b"x")
        link = zipfile.ZipInfo("xl/workbook.xml")
        link.external_attr = 0o120777 << 16  # a symbolic link
        archive.writestr(link, "/etc/passwd")
    return {
        "empty": b"", "script": SCRIPTS[0].encode(), "html": b"<html><script>hit(1)</script>", "pdf": b"%PDF-1.4 <script>hit(1)</script>", "zip": climbing.getvalue(), "toml": b"title = " + b"[" * 3_000,
        "digits": b'title = "x"\nminutes = 0x' + b"f" * 3_900, "json": b"[" * 100_000, "csv": '姓名,身份证号,单位\n"=1+1",１,\n'.encode(), "utf-16": "姓名,身份证号".encode("utf-16"), "nul": bytes(5_000), "random": random.Random(1).randbytes(9_000),
        "roster": roster([(SCRIPTS[n], "11", SCRIPTS[n + 1], *SCRIPTS[n + 2 : n + 6]) for n in range(9)]), "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='hit(1)'/>",
    }  # fmt: skip


FILES = hostile_files()


def filled(form: Form, rng: random.Random, hostile: float) -> tuple[dict[str, str], dict[str, tuple[str, bytes, str]]]:
    """What is sent: free text is hostile, everything else with a likelihood."""
    data: dict[str, str] = {}
    files: dict[str, tuple[str, bytes, str]] = {}
    for one in form.fields:
        if one.kind == "file":
            name, content = rng.choice(list(FILES.items()))
            files[one.name] = (clean(rng.choice((*PATHS, *SCRIPTS, f"{name}.xlsx")))[:150].replace("\n", ""), content, rng.choice(("text/html", "application/pdf", SCRIPTS[0])))
        elif one.name != "csrf":
            data[one.name] = value_of(one, rng, hostile)
    return data, files


def value_of(one: Field, rng: random.Random, hostile: float) -> str:
    offered = [value for value in one.values if value]
    if one.kind in ("hidden", "select", "button", "radio", "checkbox", "number", "date", "time") and rng.random() > hostile:
        return rng.choice(offered) if offered else "1"
    return clean(rng.choice((rng.choice(SCRIPTS), rng.choice(TEXTS), rng.choice(NUMBERS), rng.choice(ODD))))[:60_000]


def test_every_form_of_every_page_takes_anything(town: Town) -> None:
    rng, tried, faults = random.Random(20261128), set(), []
    posts = [(way, re.compile(re.sub(r"{\w+}", "[^/]+", way.path))) for way in ROUTES if way.method == "POST"]
    for way in ROUTES:
        if way.method != "GET":
            continue
        for role in sorted(way.roles):
            for sitting_id in town.numbers if "{sitting}" in way.path else ("s1",):
                shown = town.staff[role].get(path_of(way, sitting_id, number=town.numbers[sitting_id]))
                for form in forms_of(shown.text) if "html" in shown.headers.get("content-type", "") else ():
                    name = next((post.name for post, pattern in posts if pattern.fullmatch(form.action)), "")
                    key = name, sitting_id, tuple(one.name for one in form.fields)
                    if name in NOT_TRIED or key in tried:
                        continue
                    tried.add(key)
                    for hostile in (0.0, 0.1, 0.7):
                        data, files = filled(form, rng, hostile)
                        answer = town.staff[role].post(form.action, files=files or None, **data)
                        if answer.status_code >= 500 or "<script>hit" in answer.text:
                            faults.append((name, role, answer.status_code, {field: value[:60] for field, value in data.items()}, [(file[0], file[1][:20]) for file in files.values()]))
    assert not faults, faults[:5]
    names = {name for name, *_ in tried}
    missing = {way.name for way, _ in posts} - names - NOT_TRIED
    assert len(missing) * 2 < len(posts), f"forms that no page showed: {sorted(missing)}"


#: every name of a field or query that the office's code asks for
ASKED = sorted({name for path in HERE.glob("*.py") for name in re.findall(r"(?:form|query)\.get\(\"(\w+)\"|visit\.(?:text|whole)\(\"(\w+)\"", path.read_text(encoding="utf-8")) for name in name if name})


def test_every_route_takes_any_part_query_and_field(town: Town) -> None:
    rng, faults = random.Random(7), []
    for way in ROUTES:
        person_ = town.staff[sorted(way.roles)[0]]
        parts = re.findall(r"{(\w+)}", way.path)
        for part in parts or [""]:
            for value in rng.sample((*NUMBERS, *(line for line in PATHS if line.strip(".")), "a" * 3_000, "甲", "\u202e", "%00", "x\ny", "' or 1=1 --", "__proto__"), 8):
                path = path_of(way, **({part: value} if part else {}))
                values = {name: clean(rng.choice(EVERYTHING))[:5_000] for name in rng.sample(ASKED, 8)}
                if way.method == "GET":
                    answer = person_.client.get(path, params=values)
                elif way.name in NOT_TRIED:
                    continue
                else:
                    answer = person_.post(path, **{**values, **{name: rng.choice(NUMBERS) for name in rng.sample(ASKED, 4)}})
                if answer.status_code >= 500 or "<script>hit" in answer.text:
                    faults.append((way.name, answer.status_code, path[:100], {name: value[:40] for name, value in values.items()}))
    assert not faults, faults[:5]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Starlette leaves the file of a part without an end to the collector
@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(
    boundary=st.sampled_from(["x", "x" * 200, "", "甲", "x y"]), names=st.lists(st.sampled_from(["csrf", "file", "file", "attachment", "", *SCRIPTS[:9], *PATHS[:6]]), max_size=8),
    content=st.one_of(st.binary(max_size=200), st.sampled_from(list(FILES.values()))), tail=st.sampled_from([b"--", b"", b"\r\n--x", b"\0" * 99]), encoding=st.sampled_from(["", "base64", "quoted-printable", "x"]),
)
def test_any_multipart_is_a_form_or_refused(town: Town, boundary: str, names: list[str], content: bytes, tail: bytes, encoding: str) -> None:
    officer = town.staff["exam_officer"]
    lines = [f'--{boundary}\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{officer.csrf}\r\n'.encode()]
    for name in names:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.xlsx"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
        lines.append(head.encode("utf-8") + content + b"\r\n")
    body = b"".join(lines) + f"--{boundary}".encode() + tail
    headers = {"content-type": f"multipart/form-data; boundary={boundary}".encode()}
    for path in ("/sittings/s-1/roster/upload", "/sittings/s-1/answer-file"):
        assert officer.client.post(path, content=body, headers=headers).status_code in (200, 303, 400, 403, 413, 422)


def test_afterwards_everything_can_be_explained(town: Town) -> None:
    """Last in the file: the chains verify, nobody and nothing is gone, jobs end in words, every page opens, no file lies where none belongs."""
    town.office.work()
    assert verify_home(town.home) == []
    now = town.count()
    assert all(now[name] >= before for name, before in town.counts.items() if name != "candidate") and now["candidate"] >= 3
    for way in ROUTES:
        if way.method == "GET":
            answer = town.staff[sorted(way.roles)[0]].get(path_of(way))
            assert answer.status_code < 500, (way.name, answer.text[-300:])
    try:
        issue_records(town.home, "s1", "hr1")
    except GradingError as refusal:  # what was entered above keeps it from being ready, and that is told
        assert "不能签发" in str(refusal)
    strays = [path for path in town.home.root.parent.rglob("*") if path.name in ("passwd", "win.ini", "boot.ini") or "hit(" in path.name]
    assert not strays
