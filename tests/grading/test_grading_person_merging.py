"""Registered twice, renamed, transferred: one person, one record, the history as it was."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from grading_fixture import RIGHT, add_script, make_sitting
from sqlalchemy import func, inspect, select, update

from exams.tables import candidate, script
from grading.errors import GradingError
from grading.marks import mark_sitting
from grading.person_merging import merge_persons, obstacles
from grading.records import damaged_records, issue_records
from grading.retention.holds import place_hold, standing_holds
from grading.tables import certification, mark, record, training_hours
from home import AUDIT, OFFICE, Home, transaction, verify_audit
from people.accounts import add_account, find_account
from people.approvals import ask
from people.tables import alias, person

PASSWORD = "一句够长的口令-2026"


def certify(connection, person_id: int, kind: str = "mediator") -> None:
    connection.execute(certification.insert().values(
        person_id=person_id, kind=kind, obtained_on=date(2025, 1, 1), created_at=0, created_by="hr", reckoned="as before"))  # fmt: skip


@pytest.fixture
def twice(any_home: Home) -> tuple[int, int]:
    """李四 sat s1 and, under a mistyped number, s2; records are issued, a certificate hangs on each, hours on the second."""
    stays, *_ = make_sitting(any_home, "s1", essay=False, people=2)
    with transaction(any_home.office) as connection:
        goes = connection.execute(person.insert().values(
            name="李思", document="居民身份证", identity_cipher=b"x", identity_mac="f" * 64, identity_masked="340221********9999",
            phone="13800000000", gender="女", created_at=0)).inserted_primary_key[0]  # fmt: skip
    make_sitting(any_home, "s2", essay=False, persons=[goes])
    for ident, one in (("s1", stays), ("s2", goes)):
        add_script(any_home, ident, one, RIGHT)
        mark_sitting(any_home, ident, "li")
        issue_records(any_home, ident, "hr")
    with transaction(any_home.office) as connection:
        certify(connection, stays)
        certify(connection, goes, "lecturer")
        connection.execute(training_hours.insert().values(person_id=goes, on_day=date(2026, 3, 1), hours="8", source="training", title="调解实务", at=0, by="hr"))
        connection.execute(alias.insert().values(person_id=goes, name="李小四"))
        place_hold(connection, f"person/{goes}", reason="申诉", document_no="", by="hr")
        add_account(connection, "lisi", "李四", PASSWORD, ["hr"], "test", person_id=goes)
    return stays, goes


def kept_of(home: Home) -> list[tuple[object, ...]]:
    with home.office.connect() as connection:
        return [tuple(row) for row in connection.execute(select(record.c.id, record.c.digest, record.c.signature, record.c.statement).order_by(record.c.id))]


def test_everything_follows_and_nothing_signed_changes(any_home: Home, twice: tuple[int, int]) -> None:
    stays, goes = twice
    before = kept_of(any_home)
    with transaction(any_home.office) as connection:
        told = merge_persons(connection, stays, goes, by="hr1", second="kaowu", reason="与身份证核对")
    assert "李思（340221********9999）并入 李四（340221********0001）" in told and "考试 1 场、成绩记录 1 条、证书 1 项、学时 1 条" in told
    assert kept_of(any_home) == before and damaged_records(any_home, "s2") == ()
    with any_home.office.connect() as connection:
        for table in (candidate, script, mark, record, certification, training_hours):
            assert connection.execute(select(func.count()).select_from(table).where(table.c.person_id == goes)).scalar_one() == 0, table.name
        assert connection.execute(select(candidate.c.sitting_id).where(candidate.c.person_id == stays).order_by(candidate.c.sitting_id)).scalars().all() == ["s1", "s2"]
        assert connection.execute(select(certification.c.reckoned).where(certification.c.person_id == stays)).scalars().all() == [None, None]
        row = connection.execute(select(person).where(person.c.id == stays)).one()
        assert (row.name, row.gender, row.phone) == ("李四", "男", "13800000000"), "blanks are filled, nothing is overwritten"
        assert connection.execute(select(person.c.id).where(person.c.id == goes)).first() is None
        assert set(connection.execute(select(alias.c.name).where(alias.c.person_id == stays)).scalars()) == {"李思", "李小四"}
        assert [one.subject for one in standing_holds(connection)] == [f"person/{stays}"]
        assert find_account(connection, "lisi").person_id == stays
        entry = connection.execute(select(AUDIT[OFFICE]).where(AUDIT[OFFICE].c.action == "person.merge")).one()
        assert entry.subject == f"person/{stays}" and "kaowu" in entry.payload and '"record":1' in entry.payload
        assert verify_audit(connection, OFFICE) is None
        for name in inspect(connection).get_table_names():
            assert not [key for key in inspect(connection).get_foreign_keys(name) if key["referred_table"] == "person" and len(key["constrained_columns"]) != 1]
    with transaction(any_home.office) as connection, pytest.raises(GradingError, match="已经并入别人"):
        merge_persons(connection, stays, goes, by="hr1", second="kaowu", reason="again")


def test_a_merge_that_cannot_be_is_refused_whole_with_what_to_do(any_home: Home, twice: tuple[int, int]) -> None:
    stays, goes = twice
    with transaction(any_home.office) as connection:
        connection.execute(candidate.insert().values(sitting_id="s1", person_id=goes, admission_no="261119999999", pseudonym="cx", unit_label="某镇"))
        add_account(connection, "lisi2", "李四", PASSWORD, ["hr"], "test", person_id=stays)
        certify(connection, goes)
        ask(connection, "attempt.void", "261119999999", by="li", reason="作弊", person=goes, sitting="s1")
    with transaction(any_home.office) as connection:
        wrong = "；".join(obstacles(connection, stays, goes))
        for part in ("场次 s1", "lisi、lisi2", "同一种、还没终止", "等待审批"):
            assert part in wrong
        with pytest.raises(GradingError, match="没有合并"):
            merge_persons(connection, stays, goes, by="hr1", second="kaowu", reason="x")
        assert "同一个人" in obstacles(connection, stays, stays)[0]
    with any_home.office.connect() as connection:
        assert connection.execute(select(person.c.name).where(person.c.id == goes)).scalar_one() == "李思"


def test_two_merges_at_once_end_in_one(any_home: Home, twice: tuple[int, int]) -> None:
    done, gate = [], threading.Barrier(2)

    def go() -> None:
        gate.wait()
        try:
            with transaction(any_home.office) as connection:
                done.append(merge_persons(connection, *twice, by="hr1", second="kaowu", reason="x"))
        except GradingError as error:
            done.append(str(error))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(told.startswith("已把") for told in done) == [False, True]


def test_renamed_and_transferred_the_old_papers_say_what_they_said(any_home: Home, twice: tuple[int, int]) -> None:
    stays, _ = twice
    before = kept_of(any_home)
    with transaction(any_home.office) as connection:
        connection.execute(update(person).where(person.c.id == stays).values(name="李新"))
        connection.execute(alias.insert().values(person_id=stays, name="李四"))
    assert kept_of(any_home) == before
    with any_home.office.connect() as connection:
        assert connection.execute(select(candidate.c.unit_label).where(candidate.c.person_id == stays)).scalar_one() == "某某街道办事处"
