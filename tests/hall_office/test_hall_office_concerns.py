"""Nobody acts on himself: every POST says whose matter it is, and the person behind the account is refused where it is his own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from community_fixture import furnish
from grading_fixture import PROFILE, RIGHT, add_person, add_script, make_sitting
from office_room import PASSWORD, Office, Person, field, new_sitting, notice, opened, people, roster
from sqlalchemy import func, select, update
from workforce_room import add_people, workbook

from exams.tables import candidate, sitting
from grading.certificates.issue import listed
from grading.marks import mark_sitting
from grading.records import issue_records
from grading.retention.plan import Piece, Plan
from grading.roll import day_of
from grading.tables import certification
from hall.office import concerns
from hall.office.concerns import ABOUT, ALIKE, BY_ROW, NOBODYS
from hall.office.routes import ROUTES
from hall.office.way import Way
from home import AUDIT, OFFICE, now_ms, transaction
from people.accounts import add_account, disable_account
from people.approvals import ACTS, ask, decide
from people.errors import PeopleError
from people.persons import import_roster
from people.roster import read_roster
from people.tables import account, document, person

ALL = ["exam_officer", "marker", "hr", "operator"]
CERTIFYING = PROFILE.replace("certificate = false", "certificate = true")
#: a place of an address that names a person, or a sitting's answers -> what its line must say
BY_PLACE = {
    "candidates/{number}": concerns.CANDIDATE, "records/{number}": concerns.CANDIDATE, "paper/{number}": concerns.CANDIDATE,
    "people/{person}": concerns.PERSON, "staff/{login}": concerns.ACCOUNT, "certificates/{certificate}": concerns.CERTIFICATE,
    "marking/{question}": concerns.ROSTER, "approvals/{approval}": concerns.REQUEST, "hold/{hold}": concerns.HELD,
}  # fmt: skip
#: the only acts that the gate asks nothing about. A line added here needs a reason that an auditor would accept.
ASKED_NOTHING = {
    "logout", "set_password", "create", "add_note", "export", "make_staffing", "edit_columns", "ask_statistics", "compare_persons", "add_staff",
    "check", "try_template", "template_specimen", "use_template", "use_shipped_template", *(ALIKE_ONES := {"build", "open", "close", "grade", "issue", "make_certificates"}),
    *(BY_ROW_ONES := {"upload", "confirm", "print_all", "enrol_resit", "check_workforce", "confirm_workforce", "check_people", "confirm_people"}),
}  # fmt: skip
POSTS = [way for way in ROUTES if way.method == "POST"]


@pytest.mark.parametrize("way", POSTS, ids=lambda way: way.name)
def test_every_post_says_whose_matter_it_is(way: Way) -> None:
    assert way.concerns is not None, f"{way.name}: say in the route table whose matter it is"
    for place, wanted in BY_PLACE.items():
        if place in way.path:
            assert way.concerns is wanted, way.name
    assert (way.concerns.asks is None) == (way.name in ASKED_NOTHING)
    assert (way.concerns is ALIKE) == (way.name in ALIKE_ONES) and (way.concerns is BY_ROW) == (way.name in BY_ROW_ONES)
    assert way.concerns.asks is not None or way.concerns in (NOBODYS, ALIKE, BY_ROW)


def test_every_act_of_a_second_person_says_whom_it_concerns() -> None:
    assert ABOUT.keys() == ACTS.keys()


@contextmanager
def working(office: Office, me: int | None, login: str = "wangfang", roles: list[str] = ALL) -> Iterator[Person]:
    """Somebody of a small office at work, tied to a person or to nobody."""
    with transaction(office.home.office) as connection:
        add_account(connection, login, "王芳", PASSWORD, roles, "test", person_id=me)
    with office.visitor() as one:
        one.log_in(login, PASSWORD)
        yield one


def refusals(office: Office) -> list[str]:
    table = AUDIT[OFFICE]
    with office.home.office.connect() as connection:
        return list(connection.execute(select(table.c.subject).where(table.c.action == "own.refused").order_by(table.c.n)).scalars())


def said(one: Person, way: Way, parts: dict[str, str], **form: str) -> str:
    """What the way answers: the notice (on whatever page comes next), or the page."""
    path = way.path.format_map({name: "1" for name in re.findall(r"{(\w+)}", way.path)} | {"act": "pause"} | parts)
    answer = one.post(path, **form) if way.method == "POST" else one.get(path)
    shown = one.get("/").text if answer.status_code == 303 else answer.text
    return notice(shown) if 'class="notice' in shown else shown


def test_own_matters_are_refused_by_the_gate_and_others_are_not(office: Office) -> None:
    me, other = make_sitting(office.home, "s1", people=2)
    make_sitting(office.home, "s2", persons=[other])
    with transaction(office.home.office) as connection:
        add_account(connection, "lihua", "李华", PASSWORD, ["marker"], "test", person_id=other)
    own = {"sitting": "s1", "number": "2611100001", "person": str(me), "login": "wangfang"}
    form = {"numbers": "2611100009，2611100001", "stays_id": str(other), "goes_id": str(me), "person": "2611100001", "subject": f"person/{me}"}
    strange = {"sitting": "s2", "number": "2611200001", "person": str(other), "login": "lihua"}
    elsewhere = {"numbers": "2611100002", "stays_id": str(other), "goes_id": "9999", "person": "2611100002", "subject": f"person/{other}"}
    asked = [concerns.CANDIDATE, concerns.ROSTER, concerns.NUMBERS, concerns.PERSON, concerns.ACCOUNT, concerns.MERGED, concerns.ALONE]
    walked = [way for way in ROUTES if way.concerns in asked or way.name == "hold"]
    assert len(walked) > 50
    with working(office, me) as one:
        for way in walked:
            told = said(one, way, own, **form)
            assert "按回避规定您不能办理" in told and way.concerns is not None and way.concerns.what in told, (way.name, told[-300:])
        refused = refusals(office)
        assert [line.partition("/")[0] for line in refused] == [way.name for way in walked]
        for way in walked:
            assert "按回避规定" not in said(one, way, strange, **elsewhere), way.name
    assert refusals(office) == refused


def test_an_account_that_is_tied_to_nobody_is_refused_nothing(office: Office) -> None:
    make_sitting(office.home, "s1", people=1)
    with working(office, None) as one:
        assert "按回避规定" not in said(one, next(way for way in ROUTES if way.name == "correct"), {"sitting": "s1", "number": "2611100001"})
    assert refusals(office) == []


def test_an_own_certificate_is_not_revoked(office: Office) -> None:
    persons = make_sitting(office.home, essay=False, people=2, profile=CERTIFYING)
    for one in persons:
        add_script(office.home, "s1", one, RIGHT)
    mark_sitting(office.home, "s1", "test")
    issue_records(office.home, "s1", "hr9")
    with working(office, persons[0]) as hr:
        hr.done("/sittings/s1/certificates", kind="certificate", form="pdf")
        assert office.work() == [True]
        with office.home.office.connect() as connection:
            mine, other = sorted(listed(connection, "s1"), key=lambda one: one.admission_no)
        assert "这是您本人的证书" in hr.refused(f"/sittings/s1/certificates/{mine.number}", act="revoke", reason="x")
        hr.done(f"/sittings/s1/certificates/{other.number}", act="revoke", reason="x")
        with office.home.office.connect() as connection:
            assert {one.number: one.state for one in listed(connection, "s1")}[mine.number] == "stands"


def test_a_hold_on_himself_is_not_lifted(office: Office) -> None:
    me, other = make_sitting(office.home, "s1", people=2)
    with office.staff("hr") as hr:
        for one in (me, other):
            hr.done("/retention/hold", subject=f"person/{one}", reason="申诉")
    with working(office, me) as one:
        assert "暂缓删除的是您本人的内容" in one.refused("/retention/hold/1/lift")
        one.done("/retention/hold/2/lift", reason="诉讼已结")


def test_own_papers_are_not_erased_by_himself(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    me, other = make_sitting(office.home, "s1", people=2)
    with transaction(office.home.office) as connection:
        for ident, owner in ((1, me), (2, other)):
            connection.execute(document.insert().values(
                id=ident, person_id=owner, sha256="0" * 64, name="病假条", media_type="application/pdf", size=1, added_by="hr1", added_at=0))  # fmt: skip
    due = [Piece("documents", "document/2", "病假条", 1)]
    monkeypatch.setattr(concerns, "make_plan", lambda _home, at: Plan(at, tuple(due), {}))  # what is due is the clock's; the question is ours
    with working(office, me) as one:
        assert "本人" not in one.refused("/retention/ask", reason="到期", plan="x", at="0")
        due.append(Piece("documents", "document/1", "病假条", 1))
        assert "到期清单里有您本人的材料" in one.refused("/retention/ask", reason="到期", plan="x", at="0")
        with transaction(office.home.office) as connection:
            number = ask(connection, "record.erase", "*", by="chief", reason="到期", plan="x", at=0)
        assert "到期清单里有您本人的材料" in one.refused("/retention/erase")
        assert "这项申请关系到您本人" in one.refused(f"/approvals/{number}", decision="grant")


def test_a_stipend_roster_with_himself_is_made_by_another(office: Office) -> None:
    furnish(office.home)
    with office.home.office.connect() as connection:
        me = connection.execute(select(certification.c.person_id).where(certification.c.kind == "social_worker")).scalars().first()
        nobody = connection.execute(
            select(person.c.id).where(person.c.id.not_in(select(certification.c.person_id)))
        ).scalars().first()  # fmt: skip
    form = {"list": "stipend", "format": "csv", "rule": "gansu", "month": "2026-11"}
    with working(office, me) as hr:
        assert "名册里有您本人" in hr.refused("/workforce/stipends", **form) and "名册里有您本人" in hr.refused("/exports", **form)
        hr.done("/exports", list="passed", format="csv", scope="all")
    with working(office, nobody, "lihua") as hr:
        hr.done("/workforce/stipends", **form)


REQUESTS = {
    "attempt.reopen": lambda n, me: (f"261110000{n}", {"sitting": "s1", "seconds": 60}),
    "attempt.void": lambda n, me: (f"261110000{n}", {"sitting": "s1", "person": me, "kind": "void"}),
    "attempt.take_time": lambda n, me: (f"s{n}", {"sitting": f"s{n}", "seconds": 60, "after": 1}),
    "candidate.event": lambda n, me: (f"261110000{n}", {"sitting": "s1", "person": me, "kind": "void"}),
    "candidate.event.revoke": lambda n, me: (f"261110000{n}", {"sitting": "s1", "person": me, "event": 9}),
    "answer_file.merge": lambda n, me: (f"261110000{n}", {"sitting": "s1", "sha256": "x"}),
    "paper.source": lambda n, me: (f"261110000{n}", {"sitting": "s1", "person": me, "source": "paper"}),
    "mark.change": lambda n, me: (f"s{n}/c1", {"question": "q1"}),
    "sitting.withdraw": lambda n, me: (f"s{n}", {}),
    "account.unlink": lambda n, me: (f"staff{n}", {"person": me}),
    "account.grant": lambda n, me: (f"staff{n}", {"role": "hr"}),
    "account.password": lambda n, me: (f"staff{n}", {}),
    "person.merge": lambda n, me: (f"person/{me}", {"stays": me, "goes": 9999}),
    "identity.export": lambda n, me: (f"list/person{n}", {"scope": {"person": me}}),
}


def test_nobody_decides_a_request_about_himself(office: Office) -> None:
    """Number 1 and sitting s1 are his, number 2 and sitting s2 another's."""
    me, other = make_sitting(office.home, "s1", people=2)
    make_sitting(office.home, "s2", persons=[other])
    assert REQUESTS.keys() == ABOUT.keys() - {"record.erase", "paper.print", "account.add"}
    with transaction(office.home.office) as connection:
        add_account(connection, "staff2", "某", PASSWORD, ["marker"], "test", person_id=other)
        numbers = {(act, n): ask(connection, act, (of := make(n, (me, other)[n - 1]))[0], by="chief", reason="事由", **of[1])
                   for act, make in REQUESTS.items() for n in (1, 2)}  # fmt: skip
    with working(office, me, "staff1") as one:
        for (act, n), number in numbers.items():
            if n == 1:
                assert "这项申请关系到您本人" in one.refused(f"/approvals/{number}", decision="refuse"), act
            else:
                assert "不批准" in one.done(f"/approvals/{number}", decision="refuse"), act


def test_two_accounts_of_one_person_are_one_person(any_home) -> None:
    with transaction(any_home.office) as connection:
        me = add_person(connection, 1, "王芳")
        for login, tied in (("old", me), ("new", me), ("other", None)):
            add_account(connection, login, "王芳", PASSWORD, ["hr"], "test", person_id=tied)
        disable_account(connection, "old", "test")
        number = ask(connection, "sitting.withdraw", "s1", by="old", reason="事由")
        with pytest.raises(PeopleError, match="换一个账号不算"):
            decide(connection, number, by="new", grant=True)
        assert decide(connection, number, by="other", grant=True).granted


# ------------------------------------------------------------------ lists


def test_a_roster_that_names_him_is_anothers_to_import(office: Office) -> None:
    with transaction(office.home.office) as connection:
        known = import_roster(connection, office.home.key("identity"), read_roster(roster(people(3)), "名单.xlsx", day_of(now_ms())), "test")
    files = {"file": ("名单.xlsx", roster(people(3)), "application/octet-stream")}
    with working(office, known.person_ids[1]) as one:
        new_sitting(one)
        assert "名单 第 3 行是您本人" in one.refused_with("/sittings/s-1/roster/upload", files)
        assert "名单 第 3 行是您本人" in one.refused_with("/workforce/import/people", files)
        others = {"file": ("名单.xlsx", roster(people(3)[:1]), "application/octet-stream")}
        seen = one.post("/sittings/s-1/roster/upload", files=others)
        with transaction(office.home.office) as connection:  # tied to a person of the list between the look and the word
            connection.execute(update(account).where(account.c.login == "wangfang").values(person_id=known.person_ids[0]))
        assert "第 2 行是您本人" in one.refused("/sittings/s-1/roster/confirm", token=field(seen.text, "token"))
    assert len(refusals(office)) == 3
    with office.home.office.connect() as connection:
        assert connection.execute(select(func.count()).select_from(candidate)).scalar() == 0


def test_a_workbook_that_certifies_him_is_anothers_to_import(office: Office) -> None:
    (_, a, x), (me, b, y), _ = add_people(office.home)
    with working(office, me) as hr:
        book = workbook(资格=[(a, x, "社工师", "2025-05-01", "A1", "", "", ""), (b, y, "法律明白人", "2025-05-01", "", "", "", "")])
        assert "资格 第 3 行是您本人" in hr.refused_with("/workforce/import", {"file": ("资格.xlsx", book, "application/octet-stream")})
        book = workbook(资格=[(a, x, "社工师", "2025-05-01", "A1", "", "", "")])
        assert hr.post("/workforce/import", files={"file": ("资格.xlsx", book, "application/octet-stream")}).status_code == 200


def test_his_own_slip_is_not_among_those_he_prints(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        opened(office, officer, n=3)
    with office.home.office.connect() as connection:
        rows = connection.execute(select(candidate.c.person_id, candidate.c.admission_no).order_by(candidate.c.admission_no)).all()
    me, mine = rows[1]
    with working(office, me) as one:
        page = one.page("/sittings/s-1/slips")
        sheet = one.post("/sittings/s-1/slips", agreed="yes", issue=field(page, "issue")).text
        slips = re.findall(r'准考证号</dt><dd class="code">(\d+)</dd>', sheet)
        assert slips == [number for _, number in rows if number != mine]
        assert f"您本人（{mine}）也是本场考生，您的考试码没有生成" in sheet
        assert "这是您本人的考试" in one.refused(f"/sittings/s-1/candidates/{mine}/slip", issue="0")


def test_he_does_not_enter_himself_for_a_resit(office: Office) -> None:
    persons = make_sitting(office.home, "s1", people=2, essay=False)
    mark_sitting(office.home, "s1", "test")
    issue_records(office.home, "s1", "hr1")
    make_sitting(office.home, "s2", essay=False, persons=[], resit_of="s1", profile=PROFILE)
    with transaction(office.home.office) as connection:
        connection.execute(update(sitting).where(sitting.c.id == "s2").values(state="draft"))
    with working(office, persons[0]) as one:
        told = one.done("/sittings/s1/resit", target="s2")
        assert "已把 1 人列入" in told and "您本人按回避规定没有列入" in told
        assert "只有您本人" in one.refused("/sittings/s1/resit", target="s2")
    with office.home.office.connect() as connection:
        assert connection.execute(select(candidate.c.person_id).where(candidate.c.sitting_id == "s2")).scalars().all() == [persons[1]]
