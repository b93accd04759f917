"""Full identity numbers leave only with a second person's word, encrypted, and not for long."""

from __future__ import annotations

import hashlib
import io
import json

import msoffcrypto
import openpyxl
import pytest
from grading_fixture import RIGHT, add_script, make_sitting
from sqlalchemy import select, update

from grading.errors import ExportError
from grading.exports import FORMATS, export_list
from grading.identity_export import Request, ask_numbers, delete_expired, file_of, hand_over_password, make_file
from grading.jobs import KINDS, ask
from grading.lists.kinds import LISTS
from grading.lists.layout import save_columns
from grading.lists.scope import Scope
from grading.marks import mark_sitting
from grading.records import issue_records
from grading.tables import job
from grading.worker import claim, run
from home import AUDIT, OFFICE, now_ms, transaction
from people import approvals
from people.errors import PeopleError
from people.identity import check_digit, seal_number
from people.tables import person

DAY_MS = 86_400_000


def number_of(n: int) -> str:
    body = f"34022119{60 + n}0101{n:03d}"
    return body + check_digit(body)


@pytest.fixture
def issued(home_folder):
    return furnish(home_folder)


def furnish(any_home):
    """Four candidates with real sealed numbers; two passed."""
    people = make_sitting(any_home, people=4, essay=False)
    for one in people[:2]:
        add_script(any_home, "s1", one, RIGHT)
    key = any_home.key("identity")
    with transaction(any_home.office) as connection:
        for n, one in enumerate(people, 1):
            sealed = seal_number(key, "居民身份证", number_of(n))
            connection.execute(update(person).where(person.c.id == one).values(identity_cipher=sealed))
    mark_sitting(any_home, "s1", "li")
    issue_records(any_home, "s1", "hr")
    return any_home


def asked(home, kind="scores", **more) -> int:
    wanted = {"columns": "标准", "recipient": "某县组织部干部科", "days": 7, **more}
    with transaction(home.office) as connection:
        return ask_numbers(connection, Request(LISTS[kind], Scope(("s1",)), **wanted), "hr", "任前公示报审")


def granted(home, **more) -> int:
    ident = asked(home, **more)
    with transaction(home.office) as connection:
        approvals.decide(connection, ident, by="chief", grant=True)
    return ident


def everything(home) -> str:
    """Every text of office.db that a job, an approval or the trail holds."""
    with home.office.connect() as connection:
        tables = (job, approvals.approval, AUDIT[OFFICE])
        return "\n".join(str(tuple(row)) for table in tables for row in connection.execute(select(table)))


def test_the_file_opens_with_the_password_and_has_the_whole_numbers(any_home):
    issued = furnish(any_home)
    ident = granted(issued)
    password = hand_over_password(issued, ident, "hr")
    with transaction(issued.office) as connection:
        ask(connection, "export_numbers", {"approval": ident}, "hr")
    assert run(issued, claim(issued))
    with issued.office.connect() as connection:
        known = approvals.get(connection, ident)
        entry = connection.execute(select(AUDIT[OFFICE]).where(AUDIT[OFFICE].c.action == "identity.export")).one()
    path = file_of(issued, known, now_ms())
    assert path is not None and path.stat().st_mode & 0o077 == 0
    raw = path.read_bytes()
    with pytest.raises(Exception, match="zip"):
        openpyxl.load_workbook(io.BytesIO(raw))
    sealed, plain = msoffcrypto.OfficeFile(io.BytesIO(raw)), io.BytesIO()
    sealed.load_key(password=password, verify_password=True)
    sealed.decrypt(plain)
    book = openpyxl.load_workbook(plain)
    sheet = book.active
    heading = [cell.value for cell in sheet[2]]
    assert "身份证号" in heading and not any("脱敏" in text for text in heading)
    place = heading.index("身份证号")
    assert [sheet.cell(row, place + 1).value for row in range(3, 7)] == [number_of(n) for n in range(1, 5)]
    foot = sheet.cell(7, 1).value
    for told in ("任前公示报审", "某县组织部干部科", "申请人：hr", "批准人：chief", "用毕销毁"):
        assert told in foot
    assert "hr 申请 chief 批准" in sheet.oddFooter.center.text
    book.close()
    payload = json.loads(entry.payload)
    assert payload["rows"] == 4 and payload["sha256"] == hashlib.sha256(raw).hexdigest() and payload["approved_by"] == "chief"
    written = everything(issued)
    assert password not in written and not any(number_of(n) in written for n in range(1, 5))
    assert [one.name for one in path.parent.iterdir()] == [path.name], "no password lies beside the file"


def test_without_another_persons_word_there_is_no_file(issued):
    ident = asked(issued)
    with pytest.raises(ExportError, match="还没有得到另一人的批准"):
        hand_over_password(issued, ident, "hr")
    with transaction(issued.office) as connection, pytest.raises(PeopleError, match="不能审批自己的申请"):
        approvals.decide(connection, ident, by="hr", grant=True)
    with pytest.raises(ExportError, match="没有收到口令"):
        make_file(issued, ident, "hr")
    with transaction(issued.office) as connection:
        approvals.decide(connection, ident, by="chief", grant=False)
    with pytest.raises(ExportError, match="还没有得到另一人的批准"):
        hand_over_password(issued, ident, "hr")
    for number in (0, ident, 999):
        with transaction(issued.office) as connection:
            ask(connection, "export_numbers", {"approval": number}, "hr")
        assert not run(issued, claim(issued))
    assert not list((issued.exports / "identity").glob("*"))


def test_an_approval_is_good_for_one_file_and_for_who_asked(issued):
    ident = granted(issued)
    with pytest.raises(ExportError, match="谁申请，谁制作"):
        hand_over_password(issued, ident, "chief")
    first = hand_over_password(issued, ident, "hr")
    second = hand_over_password(issued, ident, "hr")
    assert first != second and len(first) == 19
    made = make_file(issued, ident, "hr")
    assert made.rows == 4
    with pytest.raises(ExportError, match="已用过"):
        hand_over_password(issued, ident, "hr")


def test_the_file_goes_when_its_time_is_over(issued):
    ident = granted(issued, kind="passed", days=2)
    hand_over_password(issued, ident, "hr")
    made = make_file(issued, ident, "hr")
    assert made.rows == 2
    now = now_ms()
    assert delete_expired(issued, now + DAY_MS) == 0 and made.path.exists()
    with issued.office.connect() as connection:
        known = approvals.get(connection, ident)
    assert file_of(issued, known, now + 3 * DAY_MS) is None, "it cannot be had even where no worker runs"
    (made.path.parent / "stray.xlsx").write_bytes(b"x")
    assert delete_expired(issued, now + 3 * DAY_MS) == 2 and not list(made.path.parent.iterdir())


def test_what_was_allowed_is_fixed_when_it_is_asked_for(issued):
    """Neither a column set edited afterwards nor a sitting held afterwards widens what another person agreed to."""
    kind = LISTS["scores"]
    with transaction(issued.office) as connection:
        save_columns(connection, "scores", kind.shipped, kind.columns, "我的", [["姓名", "姓名", 9], ["身份证号", "证件", 20]], "hr")
        ident = ask_numbers(connection, Request(kind, Scope(), "我的", "某县组织部", 7), "hr", "报审")
        save_columns(connection, "scores", kind.shipped, kind.columns, "我的", [["身份证号", "证件", 20], ["备注", "备注", 20]], "hr")
        approvals.decide(connection, ident, by="chief", grant=True)
        people = connection.execute(select(person.c.id)).scalars().all()
    make_sitting(issued, "s2", essay=False, persons=list(people))
    password = hand_over_password(issued, ident, "hr")
    made = make_file(issued, ident, "hr")
    assert made.rows == 4
    sealed, plain = msoffcrypto.OfficeFile(io.BytesIO(made.path.read_bytes())), io.BytesIO()
    sealed.load_key(password=password)
    sealed.decrypt(plain)
    book = openpyxl.load_workbook(plain)
    assert [cell.value for cell in book.active[2]] == ["姓名", "证件"]
    book.close()


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("summary", {}, "没有证件号码"), ("expiry", {}, "没有证件号码"), ("scores", {"columns": "简表"}, "没有身份证号一列"),
        ("scores", {"recipient": " "}, "接收单位"), ("scores", {"days": 31}, "保存天数"), ("scores", {"columns": "没有的"}, "没有名为"),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_granted_is_refused_at_once(home_folder, kind, more, said):
    make_sitting(home_folder, people=1)
    with pytest.raises(ExportError, match=said):
        asked(home_folder, kind, **more)


def test_no_other_route_shows_a_whole_number(issued, tmp_path):
    people = {number_of(n) for n in range(1, 5)}
    for key, kind in LISTS.items():
        with issued.office.connect() as connection:
            who = connection.execute(select(person.c.id)).scalars().first()
        scope = Scope(person_id=who) if kind.asks == "person" else Scope(("s1",)) if kind.of_sittings else Scope(rule="gansu" if kind.asks == "month" else "")
        for form in ("csv", "json"):
            text = export_list(issued, key, scope, form, tmp_path / f"{key}.{form}", "hr").path.read_text(encoding="utf-8")
            assert not any(number in text for number in people), (key, form)
    assert {"csv", "json"} <= FORMATS.keys() and "export_numbers" in KINDS
