"""Ids of another sitting, person or colleague in every address that has one: refused as if they did not exist, and nothing changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date

import pytest
from grading_fixture import RIGHT, add_script, make_sitting
from office_room import PASSWORD, Office, Person, identity, notice
from sqlalchemy import MetaData, insert, select

from exams.events import attach_document, record_event
from exams.tables import candidate, entry, incident, open_sitting
from grading.certificates.issue import make
from grading.marks import mark_sitting
from grading.paper_marks.register import register
from grading.records import issue_records
from grading.retention.holds import place_hold, standing_holds
from grading.tables import certification, certification_step, training_hours
from hall.office.routes import ROUTES
from hall.office.way import Way
from home import EXAM, OFFICE, Home, transaction
from people.accounts import add_account
from people.approvals import ask, decide, waiting
from people.documents import file_document

#: parts of an address that name nothing of somebody's: there is no other one's, only none
NOBODYS = {
    "sitting": "every role sees every sitting", "act": "a word", "sheet": "a word", "kind": "a word", "question": "a place on the paper",
    "item": "a place on the paper", "file": "all files of the folder are HR's", "hold": "every holder lifts every hold",
    "person": "HR sees everybody; what hangs on a person is swapped below", "login": "every operator changes every account but his own (test_hall_office_staff_accounts)",
}  # fmt: skip
#: what a form needs so that the handler comes to the id
FORM = {
    "reason": "理由充分", "kind": "score_sheet", "ground": "", "document_no": "某组〔2026〕1号", "detail": "情况", "minutes": "5", "seen": "0",
    "act": "revoke", "field_0": "改名", "who": "", "points": "1", "state": "waiting", "decision": "refuse", "form": "pdf",
}  # fmt: skip
FORMS = {"add_note_of": {"kind": "other"}, "add_event": {"kind": "absent"}, "add_event_by_hr": {"kind": "absent"}, "admit": {"until": "09:30"},
         "enter_step": {"step": "training", "on_day": "2026-01-10"}, "end_holding": {"on_day": "2026-01-10"}}  # fmt: skip
PDF = ("附件.pdf", b"%PDF-1.4\n%scan\n", "application/pdf")


@dataclass
class Ids:
    """What addresses may name: this sitting's first candidate; what is another's; and what there is not."""

    own: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, list[str]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    of_person: tuple[dict[str, str], dict[str, list[str]]] = ({}, {})

    def at(self, way: Way) -> tuple[dict[str, str], dict[str, list[str]]]:
        """Own and foreign ids of one route; papers of a person's certifications are not those of his events."""
        own, foreign = self.of_person if "{person}" in way.path else ({}, {})
        return {**self.own, **own, "question": "q001", "item": "q001"}, {**self.foreign, **foreign}


def furnish(home: Home) -> Ids:
    """Two sittings with marked scripts, records, certificates, events with papers, and notes of the room."""
    ids = Ids(own={"sitting": "s1"}, missing={"number": "269999999999", "event": "99999", "document": "99999", "incident": "99999", "certificate": "ZZZZ-ZZZZ-ZZZZ"})
    found: dict[str, dict[str, list[str]]] = {}
    for ident in ("s1", "s2"):
        persons = make_sitting(home, ident, essay=False, people=2) if ident == "s1" else make_sitting(home, ident, essay=False, persons=[1])
        for one in persons:
            add_script(home, ident, one, RIGHT)
        mark_sitting(home, ident, "test")
        issue_records(home, ident, "test")
        here = found[ident] = {"number": [], "event": [], "document": [], "incident": []}
        here["certificate"] = [sheet.number for sheet in make(home, ident, "score_sheet", "test").sheets]
        with transaction(home.office) as connection:
            for one in persons:
                paper = file_document(home, connection, one, "证明.pdf", f"%PDF-1.4\n{ident} {one}\n".encode(), "test")
                event = record_event(connection, ident, one, "misconduct", by="test", reason="抄袭", document_no="x")
                attach_document(connection, event, paper, by="test")
                here["event"].append(str(event))
                here["document"].append(str(paper))
            rows = connection.execute(select(candidate.c.admission_no).where(candidate.c.sitting_id == ident).order_by(candidate.c.admission_no))
            here["number"] = list(rows.scalars())
        here["incident"] = _room(home, ident, here["number"])
        with transaction(home.office) as connection:
            register(connection, ident, here["number"], "停电", "test")
    for name, mine in found["s1"].items():
        ids.own[name] = mine[0]
        ids.foreign[name] = found["s2"][name][:1] + (mine[1:] if name in ("event", "document") else [])
    hung = [_hang(home, one) for one in (1, 2)]
    ids.of_person = {"person": "1", **hung[0]}, {name: [value] for name, value in hung[1].items()}
    ids.missing |= dict.fromkeys(hung[0], "99999")
    return ids


def _hang(home: Home, one: int) -> dict[str, str]:
    """A certification with a step, and hours that rest on a paper."""
    with transaction(home.office) as connection:
        paper = file_document(home, connection, one, "学时证明.pdf", f"%PDF-1.4\nhours {one}\n".encode(), "test")
        held = connection.execute(insert(certification).values(
            person_id=one, kind="mediator", obtained_on=date(2025, 1, 1), created_at=0, created_by="test")).inserted_primary_key[0]  # fmt: skip
        step = connection.execute(insert(certification_step).values(
            certification_id=held, kind="training", on_day=date(2025, 2, 1), at=0, by="test")).inserted_primary_key[0]  # fmt: skip
        hours = connection.execute(insert(training_hours).values(
            person_id=one, on_day=date(2025, 3, 1), hours="8", source="training", title="培训", document_id=paper, at=0, by="test")).inserted_primary_key[0]  # fmt: skip
    return {"held": str(held), "step": str(step), "hours": str(hours), "document": str(paper)}


def _room(home: Home, ident: str, numbers: list[str]) -> list[str]:
    with transaction(home.exam) as connection:
        connection.execute(insert(open_sitting).values(
            id=ident, title="x", kind="mock", opens_at=0, closes_at=2**42, minutes=60, grace_s=10, chain_n=0, chain_head=""))  # fmt: skip
        for number in numbers:
            connection.execute(insert(entry).values(
                sitting_id=ident, admission_no=number, name="某", unit_label="某", form="A", code_mac="0" * 64, failures=0, barred=False))  # fmt: skip
        return [str(connection.execute(insert(incident).values(
            sitting_id=ident, kind="other", at=1, by="hall", detail="x")).inserted_primary_key[0])]  # fmt: skip


def everything(home: Home) -> str:
    """All rows of both databases but the sessions."""
    rows = []
    for engine, metadata in ((home.office, OFFICE), (home.exam, EXAM)):
        assert isinstance(metadata, MetaData)
        with engine.connect() as connection:
            rows += [(table.name, sorted(map(repr, connection.execute(select(table))))) for table in metadata.sorted_tables if table.name != "office_session"]
    return repr(rows)


def outcome(person: Person, way: Way, parts: dict[str, str], swapped: str) -> tuple[int, str]:
    """Status, and the whole page or the notice to which a form leads or with which it comes back, with the id in question taken out."""
    path = way.path.format_map(parts)
    if way.method == "GET":
        answer = person.get(path)
    else:
        files = {"attachment": PDF} if way.name == "attach" else None
        answer = person.post(path, files, **{**FORM, **FORMS.get(way.name, {})})
    text = answer.text
    if answer.status_code == 303:
        place = answer.headers["location"]
        shown = person.get(place)
        text = f"{place} {notice(shown.text) if shown.status_code == 200 else shown.text}"
    elif answer.status_code == 422:
        text = notice(text)  # the rest of the page tells the time
    return answer.status_code, re.sub(r'value="[\w-]{43}"', "", text).replace(swapped, "#")


@pytest.fixture
def ids(office: Office) -> Iterator[Ids]:
    yield furnish(office.home)


def test_every_part_of_an_address_is_thought_of(ids: Ids) -> None:
    parts = {part for way in ROUTES for part in re.findall(r"{(\w+)}", way.path)}
    assert parts <= {"request", "approval", *ids.foreign, *ids.of_person[1], *NOBODYS}, "say in this file whose it is, and swap it"


def test_what_belongs_to_another_is_as_if_it_were_not_there(office: Office, ids: Ids) -> None:
    refused: dict[tuple[str, str], tuple[int, str]] = {}
    with ExitStack() as doors:
        staff = {role: doors.enter_context(office.staff(role)) for role in sorted({doer(way) for way in ROUTES})}
        for way in ROUTES:
            own, foreign = ids.at(way)
            for part in (one for one in re.findall(r"{(\w+)}", way.path) if one in foreign):
                person, before = staff[doer(way)], everything(office.home)
                none = refused[way.name, part] = outcome(person, way, {**own, part: ids.missing[part]}, ids.missing[part])
                for other in foreign[part]:
                    assert outcome(person, way, {**own, part: other}, other) == none, (way.name, part)
                assert everything(office.home) == before, way.name
        assert len(refused) > 40 and {part for _, part in refused} == {*ids.foreign, *ids.of_person[1]}
        for way in sorted(ROUTES, key=lambda way: (way.method, "unregister" in way.name)):  # what looks first, what takes away last
            own, _ = ids.at(way)
            parts = [one for one in re.findall(r"{(\w+)}", way.path) if (way.name, one) in refused]
            told = outcome(staff[doer(way)], way, own, own[parts[0]]) if parts else None
            for part in parts:
                assert told != refused[way.name, part], (way.name, "the id is not what this one is refused for")


def doer(way: Way) -> str:
    """A role that may do it; not the auditor, who does nothing."""
    return sorted(way.roles - {"auditor"} or way.roles)[0]


def test_requests_and_approvals_of_colleagues(office: Office, ids: Ids) -> None:
    with transaction(office.home.office) as connection:
        for login, role in (("hr-b", "hr"), ("op-b", "operator")):
            add_account(connection, login, login, PASSWORD, [role], "test")
        place_hold(connection, "*", reason="审计", document_no="", by="test")
        erase = ask(connection, "record.erase", "office", by="operator1", reason="x", plan="p", at=1)
    with office.staff("hr") as hr, office.visitor() as other:
        other.log_in("hr-b", PASSWORD)
        hr.done("/numbers", list="passed", purpose="任前公示核对", recipient="组织部", keep="3", scope="all", set="")
        with office.home.office.connect() as connection:
            asked = waiting(connection, "identity.export")[0].id
        assert "批准" in hr.refused(f"/numbers/{asked}/make")
        with transaction(office.home.office) as connection:
            decide(connection, asked, by="operator1", grant=True)
        before = everything(office.home)
        foreign, missing = (other.refused(f"/numbers/{one}/make") for one in (asked, 99999))
        assert foreign == missing and everything(office.home) == before
        takes = [other.get(f"/numbers/{one}/file") for one in (asked, 99999, "x")]
        assert {(one.status_code, re.sub("value=.*?>", "", one.text)) for one in takes[:2]} == {(404, re.sub("value=.*?>", "", takes[0].text))}
        assert hr.post(f"/numbers/{asked}/make").status_code == 200
    with office.staff("operator") as operator:
        assert "申请人不能审批" in operator.refused(f"/approvals/{erase}", decision="grant")
        assert "没有这项" in operator.refused("/approvals/99999", decision="grant")
        for odd in ("0000000001", "9" * 12, "-1", "١"):
            assert operator.post(f"/retention/hold/{odd}/lift", reason="诉讼已结").status_code == 404
        with office.home.office.connect() as connection:
            assert len(standing_holds(connection)) == 1
    with office.staff("marker") as marker:
        assert marker.post(f"/approvals/{erase}", decision="grant").status_code == 403
    assert identity(1) not in everything(office.home)


@pytest.mark.parametrize("name", ["..%2foffice.db", "..%2f..%2fhome.toml", "%2e%2e%2foffice.db", ".hidden.csv", "none.csv", "s1%00.csv"])
def test_files_outside_the_folder_are_no_files(office: Office, name: str) -> None:
    with office.staff("hr") as hr:
        answer = hr.get(f"/exports/{name}")
        assert answer.status_code in (400, 404) and "office_name" not in answer.text and "SQLite" not in answer.text
