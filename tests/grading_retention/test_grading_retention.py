"""Erasure by policy: two people, nothing while a hold stands, and afterwards no trace in any byte of the home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from grading_fixture import RIGHT, add_script, make_sitting
from sqlalchemy import insert, update

from backup.archive import BackupError, known_backups
from backup.schedule import backup_now
from exams.anchors import verify_home
from exams.chain import verify_chain
from exams.events import record_event
from exams.saves import Change, SaveRequest, store
from exams.tables import attempt, candidate, entry, incident, open_sitting, session
from grading.exports import export_list
from grading.lists.scope import Scope
from grading.marks import mark_sitting
from grading.records import genuine, issue_records, public_key
from grading.retention.erasing import erase
from grading.retention.holds import lift_hold, place_hold
from grading.retention.plan import make_plan
from grading.retention.policy import RetentionError, read_policy
from grading.tables import record
from home import EXAM, OFFICE, Home, audit, now_ms, transaction, verify_audit
from people.approvals import ask, decide, use
from people.documents import file_document
from people.errors import PeopleError
from people.tables import alias, person

NAME, ANSWER, UNIT, FORMER, REASON = "欧阳慧敏绝无仅有", "我的简答内容独一无二", "石门坎街道办事处特有", "欧阳曾用名独有", "住院证明事由独有"
YEAR_MS = 366 * 86_400_000


def old_sitting(home: Home) -> int:
    """A sitting of long ago with everything that a person leaves behind; returns the person."""
    ids = make_sitting(home, essay=False, people=2)
    one = ids[0]
    document = b"%PDF-1.7 " + NAME.encode()
    with transaction(home.office) as connection:
        connection.execute(update(person).where(person.c.id == one).values(name=NAME, identity_masked="530628********0031", phone="13987600031"))
        connection.execute(insert(alias).values(person_id=one, name=FORMER))
        connection.execute(update(candidate).where(candidate.c.person_id == one).values(unit_label=UNIT))
        file_document(home, connection, one, f"{NAME}.pdf", document, "kaowu")
        record_event(connection, "s1", ids[1], "deferred", by="kaowu", reason=REASON, document_no="证1")
        with pytest.MonkeyPatch.context() as past:  # an entry of a year ago
            past.setattr("home.now_ms", lambda: now_ms() - YEAR_MS)
            audit(connection, OFFICE, "kaowu", "test.note", "s1", text=NAME)
    add_script(home, "s1", one, RIGHT | {"q006": ANSWER})
    mark_sitting(home, "s1", "worker")
    with transaction(home.exam) as connection:
        connection.execute(insert(open_sitting).values(
            id="s1", title="x", kind="mock", opens_at=1, closes_at=now_ms() + 10**7, minutes=60, grace_s=30, chain_n=0, chain_head=""))  # fmt: skip
        connection.execute(insert(entry).values(
            id=1, sitting_id="s1", admission_no="2611100001", name=NAME, unit_label=UNIT, form="A", code_mac="0", failures=0, barred=False))  # fmt: skip
        connection.execute(insert(session).values(token_digest="t", entry_id=1, csrf="c", device="device-of-one", created_at=1))
        connection.execute(insert(incident).values(sitting_id="s1", entry_id=1, kind="other", at=1, by="kaowu", detail=REASON))
        connection.execute(insert(attempt).values(
            id=1, entry_id=1, sitting_id="s1", form="A", display_order="[]", started_at=1, limit_at=now_ms() + 10**7, state="open", writer=1, device="device-of-one"))  # fmt: skip
        saved = store(connection, [SaveRequest("t", 1, "s1", 1, 0, (Change(1, "q006", ANSWER, 0),), now_ms())])
        assert saved[0].acks[0].state == "saved", saved  # type: ignore[union-attr]
        connection.execute(update(open_sitting).values(closed_at=2))
    issue_records(home, "s1", "renshi")
    export_list(home, "scores", Scope(("s1",)), "csv", home.exports / "s1.csv", "renshi")
    course = home.secret / "nbgrader" / "s1" / "submitted"
    course.mkdir(parents=True)
    (course / "x.ipynb").write_text(ANSWER, encoding="utf-8")
    backup_now(home, now_ms())
    return one


def traces(root: Path, *texts: str) -> list[str]:
    """Files of the home, free pages and journals included, in which a text can still be read."""
    return [
        f"{path.relative_to(root)}: {text}" for path in root.rglob("*") if path.is_file() for text in texts
        if text.encode() in path.read_bytes() or text in path.name
    ]  # fmt: skip


def approved(home: Home) -> tuple[int, str, int]:
    plan = make_plan(home, now_ms())
    with transaction(home.office) as connection:
        number = ask(connection, "record.erase", "*", by="a", reason="到期", plan=plan.digest, at=plan.at)
    with transaction(home.office) as connection:
        decide(connection, number, by="b", grant=True)
    return plan.at, plan.digest, number


def shorten(home: Home, **months: int) -> None:
    """A policy under which the sitting of the fixture is due already; kept without end where nothing is said."""
    kept = dict.fromkeys(("sessions", "exports", "answers", "documents", "personal", "audit"), 0) | months
    lines = "".join(f"{name} = {value}\n" for name, value in kept.items())
    text = (home.root / "home.toml").read_text(encoding="utf-8").partition("[retention]")[0]
    (home.root / "home.toml").write_text(f"{text}[retention]\n{lines}", encoding="utf-8")


ALL = dict.fromkeys(("sessions", "exports", "answers", "documents", "personal"), 1) | {"audit": 13}


def test_what_is_due_goes_from_every_byte_and_the_proofs_stay(home_folder: Home) -> None:
    home = home_folder
    old_sitting(home)
    texts = (NAME, ANSWER, UNIT, FORMER, REASON, "530628********0031", "13987600031", "device-of-one")
    places = {one.partition(":")[0].split("/")[0].removesuffix("-wal") for one in traces(home.root, *texts)}
    assert places >= {"office.db", "exam", "secret", "exports"}
    shorten(home, **ALL)
    when = now_ms() + YEAR_MS
    for path in home.exports.iterdir():
        os.utime(path, (1, 1))
    plan = make_plan(home, when)
    assert {piece.kind for piece in plan.due} == set(ALL) and not plan.held
    with transaction(home.office) as connection:
        number = ask(connection, "record.erase", "*", by="a", reason="到期", plan=plan.digest, at=plan.at)
    with pytest.raises(PeopleError, match="没有得到另一人的批准"):
        erase(home, plan.at, plan.digest, number, "a")
    assert traces(home.root, NAME), "nothing goes without the second person"
    with transaction(home.office) as connection:
        decide(connection, number, by="b", grant=True)
    before = [one.path for one in known_backups(home)]
    done = erase(home, plan.at, plan.digest, number, "a")
    assert done.pieces == len(plan.due) and done.backups == len(before) and not any(path.exists() for path in before if path != known_backups(home)[-1].path)
    home.close()
    assert traces(home.root, *texts) == []
    with home.office.connect() as office, home.exam.connect() as exam:
        assert verify_audit(office, OFFICE) is None and verify_audit(exam, EXAM) is None
        assert verify_chain(exam, "s1") is None
    assert verify_home(home) == [], "what was erased by policy is no gap"
    with home.office.connect() as office, home.exam.connect() as exam:
        rows = office.execute(record.select()).all()
    assert rows and all(genuine(row.statement, row.digest, row.signature, public_key(home)) for row in rows)
    assert make_plan(home, when).due == ()
    with pytest.raises(PeopleError), transaction(home.office) as connection:
        use(connection, number, "record.erase", "*", plan=plan.digest, at=plan.at)


def test_nothing_is_erased_while_no_backup_can_be_made(home_folder: Home, tmp_path: Path) -> None:
    """The backups of before, which hold it all, would stay, and no plan would ever list it again."""
    old_sitting(home_folder)
    shorten(home_folder, exports=1)
    for path in home_folder.exports.iterdir():
        os.utime(path, (1, 1))
    kept = backup_now(home_folder, now_ms() - 60_000).path
    (tmp_path / "stick").write_bytes(b"")
    settings = home_folder.root / "home.toml"
    settings.write_text(f'{settings.read_text(encoding="utf-8")}\n[backup]\nto = "{tmp_path / "stick"}"\nkeep = 1\n', encoding="utf-8")
    approval = approved(home_folder)
    with pytest.raises(BackupError, match="备份没有做成"):
        erase(home_folder, *approval, "a")
    assert make_plan(home_folder, now_ms()).due and kept.exists() and any(home_folder.exports.iterdir())
    (tmp_path / "stick").unlink()
    erase(home_folder, *approval, "a")
    assert not kept.exists() and not any(home_folder.exports.iterdir())
    assert len(list((tmp_path / "stick").iterdir())) == 1


def test_on_postgresql_as_well(any_home: Home) -> None:
    old_sitting(any_home)
    shorten(any_home, **ALL)
    when = now_ms() + YEAR_MS
    plan = make_plan(any_home, when)
    with transaction(any_home.office) as connection:
        number = ask(connection, "record.erase", "*", by="a", reason="到期", plan=plan.digest, at=plan.at)
        decide(connection, number, by="b", grant=True)
    erase(any_home, plan.at, plan.digest, number, "a")
    assert make_plan(any_home, when).due == ()


@pytest.mark.parametrize("subject", ["*", "sitting/s1", "person/{person}"])
def test_a_hold_keeps_what_it_names_until_it_is_lifted(home_folder: Home, subject: str) -> None:
    one = old_sitting(home_folder)
    shorten(home_folder, answers=1, personal=1, documents=1)
    with transaction(home_folder.office) as connection:
        number = place_hold(connection, subject.format(person=one), reason="行政复议", document_no="复〔2026〕1号", by="renshi")
    plan = make_plan(home_folder, now_ms() + YEAR_MS)
    assert {piece.kind for piece in plan.held} >= {"answers", "personal"} and {piece.kind for piece in plan.due} <= {"documents"}
    if not subject.startswith("sitting"):
        assert plan.due == ()
    with pytest.raises(RetentionError, match="事由"), transaction(home_folder.office) as connection:
        lift_hold(connection, number, reason=" ", by="renshi")
    with transaction(home_folder.office) as connection:
        lift_hold(connection, number, reason="诉讼已结", by="renshi")
    assert {piece.kind for piece in make_plan(home_folder, now_ms() + YEAR_MS).due} == {"answers", "personal", "documents"}
    with pytest.raises(RetentionError, match="已经解除"), transaction(home_folder.office) as connection:
        lift_hold(connection, number, reason="诉讼已结", by="renshi")


def test_what_changed_after_the_approval_or_runs_now_is_not_erased(home_folder: Home) -> None:
    old_sitting(home_folder)
    shorten(home_folder, exports=1)
    for path in home_folder.exports.iterdir():
        os.utime(path, (1, 1))
    approval = approved(home_folder)
    extra = home_folder.exports / "another.csv"
    extra.write_text("x")
    os.utime(extra, (1, 1))
    with pytest.raises(RetentionError, match="不一样"):
        erase(home_folder, *approval, "a")
    extra.unlink()
    with transaction(home_folder.office) as connection:
        connection.exec_driver_sql("UPDATE sitting SET state = 'open'")
    with pytest.raises(RetentionError, match="正在进行"):
        erase(home_folder, *approval, "a")
    with transaction(home_folder.office) as connection:
        connection.exec_driver_sql("UPDATE sitting SET state = 'marked'")
    assert erase(home_folder, *approval, "a").pieces == 1


def test_a_wrong_policy_is_refused_with_every_fault(home_folder: Home) -> None:
    with (home_folder.root / "home.toml").open("a", encoding="utf-8") as settings:
        settings.write('[retention]\nanswer = 3\nsessions = "6"\naudit = -1\n')
    with pytest.raises(RetentionError) as told:
        read_policy(home_folder)
    for part in ("answer", "sessions", "audit"):
        assert part in str(told.value)
    for subject in ("person", "person/x", "sitting/", "all", "sitting/../x"):
        with pytest.raises(RetentionError), transaction(home_folder.office) as connection:
            place_hold(connection, subject, reason="x", document_no="", by="a")
