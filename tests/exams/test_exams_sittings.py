"""A sitting from draft to collected scripts, on SQLite and PostgreSQL, with the shipped bank."""

from __future__ import annotations

import itertools
import json

import pytest
from sqlalchemy import select

from exams import opening, paper_store
from exams.admission import code_mac
from exams.blueprint import SHIPPED as PAPERS
from exams.errors import ContentError, SittingError
from exams.events import barred, events_of, record_event, revoke_event
from exams.opening import (
    close_sitting,
    collect_scripts,
    ended,
    issue_codes,
    open_sitting_for_candidates,
    set_barred,
    uncollected,
)
from exams.paper_store import build_papers, paper_of
from exams.profile import SHIPPED as PROFILES
from exams.sittings import Enrolment, NewSitting, add_candidates, create_sitting, get_sitting, remove_candidate
from exams.status import sitting_status
from exams.tables import attempt, candidate, entry, open_sitting, save, script
from home import EXAM, OFFICE, local_text, now_ms, transaction, verify_audit
from people.tables import person

HOUR = 3_600_000


def draft(home, ident="s1", *, people=5, kind="demo", **changes):
    now = now_ms()
    fields = {
        "id": ident, "title": "任前法律知识考试", "kind": kind, "opens_at": now - 1000, "closes_at": now + HOUR,
        "blueprint": (PAPERS / "short_demo.toml").read_text(encoding="utf-8").replace("forms = 1", "forms = 2"),
        "profile": (PROFILES / "rehearsal.toml").read_text(encoding="utf-8"),
    } | changes  # fmt: skip
    with transaction(home.office) as connection:
        ids = []
        for number in range(people):
            row = {"name": f"考生{number}", "document": "其他", "identity_cipher": b"x", "identity_mac": f"{ident}{number}",
                   "identity_masked": "*", "created_at": 0}  # fmt: skip
            ids.append(connection.execute(person.insert().values(**row)).inserted_primary_key[0])
        create_sitting(connection, NewSitting(**fields), "li")
        add_candidates(connection, ident, [Enrolment(one, "某局") for one in ids], "li")
    return ids


def test_from_draft_to_scripts(any_home):
    ids = draft(any_home)
    drawn = build_papers(any_home, "s1", "li", seed=5)
    with transaction(any_home.office) as connection:
        record_event(connection, "s1", ids[4], "exempt", by="li", reason="本届内平级转任", document_no="人任〔2026〕3号", ground="passed_this_term_lateral")
    assert open_sitting_for_candidates(any_home, "s1", "li") == 5
    served = "".join(path.read_text(encoding="utf-8") for path in sorted((any_home.release / "s1").glob("*.json")))
    keys = (paper_of(any_home, drawn.id) / "keys" / "A.json").read_text(encoding="utf-8")
    assert '"key"' in keys and '"rationale"' in keys
    assert not any(word in served for word in ('"key"', "rationale", "anchors", "model_answer", "item_hash"))

    slips = issue_codes(any_home, "s1", "li")
    assert [slip.admission_no[-4:] for slip in slips] == ["0001", "0002", "0003", "0004", "0005"]
    with any_home.exam.connect() as connection:
        rows = connection.execute(select(entry).order_by(entry.c.admission_no)).all()
    assert [row.barred for row in rows] == [False, False, False, False, True]
    assert {a.form != b.form for a, b in itertools.pairwise(rows)} == {True}, "neighbours have different forms"
    key = any_home.key("code")
    assert [row.code_mac for row in rows] == [code_mac(key, "s1", slip.admission_no, slip.code) for slip in slips]
    assert not any(slip.code in served for slip in slips)

    again = issue_codes(any_home, "s1", "li", [slips[0].admission_no])
    assert again[0].code != slips[0].code

    now = now_ms()
    with transaction(any_home.exam) as connection:
        number = connection.execute(attempt.insert().values(
            entry_id=rows[0].id, sitting_id="s1", form=rows[0].form, display_order="[]", started_at=now, limit_at=now + HOUR,
            state="open", writer=1)).inserted_primary_key[0]  # fmt: skip
        for seq, (answer, late) in enumerate([("A", False), ("C", False), ("B", True)], start=1):
            connection.execute(save.insert().values(
                attempt_id=number, writer=1, seq=seq, question="q001", answer=answer, client_at=now, received_at=now,
                late=late, chain_n=seq, chain_head=str(seq)))  # fmt: skip
    assert {state: n for state, n in sitting_status(any_home, "s1", now).counts.items() if n} == {"not_started": 3, "writing": 1, "barred": 1}
    assert not ended(any_home, "s1", now_ms()) and collect_scripts(any_home, "s1") == 0
    assert close_sitting(any_home, "s1", "li") == 1
    assert ended(any_home, "s1", now_ms()) and collect_scripts(any_home, "s1") == 0, "closing has copied it up already"
    with any_home.office.connect() as connection:
        one = connection.execute(select(script)).one()
        assert (one.person_id, json.loads(one.answers), one.closed_by) == (ids[0], {"q001": "C"}, "officer")
        assert get_sitting(connection, "s1").state == "closed"
        assert verify_audit(connection, OFFICE) is None
    with any_home.exam.connect() as connection:
        assert verify_audit(connection, EXAM) is None


def test_the_roster_is_kept_after_opening(home_folder):
    ids = draft(home_folder, people=2)
    with pytest.raises(SittingError, match="还没有组卷"):
        open_sitting_for_candidates(home_folder, "s1", "li")
    build_papers(home_folder, "s1", "li")
    open_sitting_for_candidates(home_folder, "s1", "li")
    with transaction(home_folder.office) as connection:
        with pytest.raises(SittingError, match="开考前"):
            add_candidates(connection, "s1", [Enrolment(ids[0], "某局")], "li")
        with pytest.raises(SittingError, match="考生事件"):
            remove_candidate(connection, "s1", ids[0], "li")
    with pytest.raises(SittingError, match="已经开考"):
        open_sitting_for_candidates(home_folder, "s1", "li")
    with pytest.raises(SittingError, match="不能重新组卷"):
        build_papers(home_folder, "s1", "li")
    with pytest.raises(SittingError, match="没有准考证号：9"):
        issue_codes(home_folder, "s1", "li", ["9"])


def test_adding_a_person_twice_keeps_the_number_and_takes_the_new_labels(home_folder):
    ids = draft(home_folder, people=2)
    with transaction(home_folder.office) as connection:
        assert add_candidates(connection, "s1", [Enrolment(ids[0], "另一局", "科员")], "li") == 0
        row = connection.execute(select(candidate).where(candidate.c.person_id == ids[0])).one()
        assert (row.admission_no[-4:], row.unit_label, row.post_label) == ("0001", "另一局", "科员")
        remove_candidate(connection, "s1", ids[1], "li")
        assert connection.execute(select(candidate.c.person_id)).scalars().all() == [ids[0]]


def test_two_sittings_of_a_day_have_different_numbers(home_folder):
    draft(home_folder, "s1", people=1)
    draft(home_folder, "s2", people=1)
    with home_folder.office.connect() as connection:
        numbers = connection.execute(select(candidate.c.admission_no).order_by(candidate.c.sitting_id)).scalars().all()
    assert [number[6:] for number in numbers] == ["010001", "020001"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"id": "S 1"}, "不合要求"),
        ({"title": " "}, "考试名称"),
        ({"kind": "exam"}, "考试性质"),
        ({"closes_at": 0}, "晚于开始"),
        ({"opens_at": -62_135_625_600_000, "closes_at": -62_135_600_000_000}, "考试日期不对"),
        ({"closes_at": 4_000_000_000_000}, "考试日期不对"),
        ({"resit_of": "nothing"}, "找不到首考"),
    ],
)
def test_a_wrong_sitting_is_refused(home_folder, change, fault):
    with pytest.raises(SittingError, match=fault):
        draft(home_folder, people=0, **({"ident": change.pop("id")} if "id" in change else {}), **change)


def test_a_wrong_blueprint_is_refused_with_its_faults(home_folder):
    with pytest.raises(ContentError, match="title"):
        draft(home_folder, people=0, blueprint="minutes = 5")


def test_a_formal_sitting_refuses_shipped_items(home_folder):
    draft(home_folder, kind="formal", people=1)
    with pytest.raises(ContentError):
        build_papers(home_folder, "s1", "li")
    with pytest.raises(SittingError, match="不能指定"):
        build_papers(home_folder, "s1", "li", seed=3)


def test_a_resit_asks_nothing_that_was_asked_before(home_folder):
    draft(home_folder, "first", people=1)
    first = build_papers(home_folder, "first", "li")
    draft(home_folder, "again", people=0, resit_of="first")
    second = build_papers(home_folder, "again", "li")
    asked = {question.item for form in first.forms for question in form.questions}
    assert asked.isdisjoint(question.item for form in second.forms for question in form.questions)


def test_events_bar_and_revoking_frees(any_home):
    ids = draft(any_home, people=2)
    build_papers(any_home, "s1", "li")
    open_sitting_for_candidates(any_home, "s1", "li")
    with transaction(any_home.office) as connection:
        with pytest.raises(SittingError, match="批准文号"):
            record_event(connection, "s1", ids[0], "deferred", by="li", reason="住院")
        with pytest.raises(SittingError, match="事由"):
            record_event(connection, "s1", ids[0], "absent", by="li", reason=" ")
        with pytest.raises(SittingError, match="不在本场名单"):
            record_event(connection, "s1", 99, "absent", by="li", reason="未到")
        number = record_event(connection, "s1", ids[0], "misconduct", by="li", reason="携带手机")
        set_barred(any_home, connection, "s1", ids[0], "li")
    with any_home.exam.connect() as connection:
        assert connection.execute(select(entry.c.barred).order_by(entry.c.id)).scalars().all() == [True, False]
    with transaction(any_home.office) as connection:
        revoke_event(connection, number, by="wang", reason="登记错人")
        assert not barred(events_of(connection, "s1")[ids[0]])
        with pytest.raises(SittingError, match="已撤销"):
            revoke_event(connection, number, by="wang", reason="再撤")
        set_barred(any_home, connection, "s1", ids[0], "li")
    with any_home.exam.connect() as connection:
        assert connection.execute(select(entry.c.barred)).scalars().all() == [False, False]


def test_a_paper_closed_by_time_is_copied_only_when_its_last_saves_are_in(home_folder):
    draft(home_folder, people=1)
    build_papers(home_folder, "s1", "li")
    open_sitting_for_candidates(home_folder, "s1", "li")
    now = now_ms()
    with transaction(home_folder.exam) as connection:
        row = connection.execute(select(entry)).one()
        number = connection.execute(attempt.insert().values(
            entry_id=row.id, sitting_id="s1", form=row.form, display_order="[]", started_at=now - HOUR, limit_at=now - 1000,
            state="closed", closed_by="time", closed_at=now - 1000, writer=1)).inserted_primary_key[0]  # fmt: skip
        connection.execute(open_sitting.update().values(closed_at=now))
    assert not ended(home_folder, "s1", now_ms()) and collect_scripts(home_folder, "s1") == 0
    with transaction(home_folder.exam) as connection:
        connection.execute(save.insert().values(attempt_id=number, writer=1, seq=1, question="q001", answer="B", client_at=now,
                                                received_at=now, late=False, chain_n=1, chain_head="x"))  # fmt: skip
        connection.execute(attempt.update().values(limit_at=now - HOUR))
    assert ended(home_folder, "s1", now_ms()) and collect_scripts(home_folder, "s1") == 1
    with home_folder.office.connect() as connection:
        assert json.loads(connection.execute(select(script.c.answers)).scalar_one()) == {"q001": "B"}


def cut_off(monkeypatch, module, metadata):
    """The process dies between the two databases: the audit of the second one never happens."""
    real = module.audit

    def dies(connection, which, *rest, **payload):
        if which is metadata:
            raise KeyboardInterrupt
        return real(connection, which, *rest, **payload)

    monkeypatch.setattr(module, "audit", dies)


def test_an_opening_that_is_cut_off_keeps_roster_and_paper_and_goes_on(any_home, monkeypatch):
    ids = draft(any_home, people=3)
    drawn = build_papers(any_home, "s1", "li")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        cut_off(patch, opening, OFFICE)
        open_sitting_for_candidates(any_home, "s1", "li")
    with transaction(any_home.office) as connection:
        assert get_sitting(connection, "s1").state == "opening"
        with pytest.raises(SittingError, match="开考后"):
            remove_candidate(connection, "s1", ids[2], "li")
    with pytest.raises(SittingError, match="不能重新组卷"):
        build_papers(any_home, "s1", "li")
    assert open_sitting_for_candidates(any_home, "s1", "li") == 3
    with any_home.office.connect() as connection:
        known = get_sitting(connection, "s1")
    assert (known.state, known.paper_id) == ("open", drawn.id)


def test_a_closing_that_is_cut_off_is_done_again_and_nothing_is_issued_before(any_home, monkeypatch):
    draft(any_home, people=2)
    build_papers(any_home, "s1", "li")
    open_sitting_for_candidates(any_home, "s1", "li")
    now = now_ms()
    with transaction(any_home.exam) as connection:
        row = connection.execute(select(entry).order_by(entry.c.id).limit(1)).one()
        connection.execute(attempt.insert().values(
            entry_id=row.id, sitting_id="s1", form=row.form, display_order="[]", started_at=now, limit_at=now + HOUR,
            state="open", writer=1))  # fmt: skip
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(opening, "collect_scripts", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        close_sitting(any_home, "s1", "li")
    assert uncollected(any_home, "s1") == 1
    with any_home.office.connect() as connection:
        assert get_sitting(connection, "s1").state == "open", "for the office it is not closed yet"
    assert ended(any_home, "s1", now_ms())
    close_sitting(any_home, "s1", "li")
    assert uncollected(any_home, "s1") == 0


def test_a_paper_drawn_while_the_sitting_opens_is_not_taken(any_home, monkeypatch):
    draft(any_home, people=1)
    first = build_papers(any_home, "s1", "li")
    real = paper_store.verify

    def opened_meanwhile(*arguments, **more):
        open_sitting_for_candidates(any_home, "s1", "wang")
        return real(*arguments, **more)

    monkeypatch.setattr(paper_store, "verify", opened_meanwhile)
    with pytest.raises(SittingError, match="仍用开考时的试卷"):
        build_papers(any_home, "s1", "li")
    with any_home.office.connect() as connection:
        assert get_sitting(connection, "s1").paper_id == first.id


def test_demo_and_mock_show_nothing_of_the_offices_own_bank(home_folder):
    own = home_folder.secret / "bank" / "formal" / "civil_code"
    own.mkdir(parents=True)
    (own / "own-item.md").write_text("anything", encoding="utf-8")
    assert [paper_store.bank_folder(home_folder, kind) for kind in ("demo", "mock")] == [None, None]
    assert paper_store.bank_folder(home_folder, "formal") == home_folder.secret / "bank"


def test_a_second_resit_repeats_nothing_of_the_first_sitting(home_folder):
    asked = []
    for ident, before in (("first", None), ("second", "first"), ("third", "second")):
        draft(home_folder, ident, people=0, resit_of=before)
        drawn = build_papers(home_folder, ident, "li")
        asked.append({question.item for form in drawn.forms for question in form.questions})
    assert asked[0].isdisjoint(asked[2]) and asked[1].isdisjoint(asked[2])


def test_the_command_line_takes_a_sitting_from_roster_to_slips(home_folder, tmp_path):
    from people_fixture import person_line, roster_xlsx
    from typer.testing import CliRunner

    from exams.sitting_commands import commands

    def run(*arguments, code=0):
        done = CliRunner().invoke(commands, [*arguments, "--home", str(home_folder.root)])
        assert done.exit_code == code, done.output
        return done.output.replace("\n", "")

    roster = tmp_path / "名单.xlsx"
    roster.write_bytes(roster_xlsx([person_line(1, "=李秀英"), person_line(2, "张志强")]))
    day = local_text(now_ms(), "%Y-%m-%d")
    run("create", "c1", "--title", "考试", "--opens", f"{day} 00:00", "--closes", f"{day} 23:59", "--kind", "mock")
    assert "已新建" in run("create", "c2", "--title", "考试", "--opens", f"{day} 00:00", "--closes", f"{day} 23:59")
    assert "时间请写成" in run("create", "c3", "--title", "考试", "--opens", "明天", "--closes", "后天", code=1)
    assert "本场新增 2 人" in run("enrol", "c1", str(roster))
    assert "读不出" in run("enrol", "c1", str(tmp_path / "none.xlsx"), code=1)
    assert "没有编号" in run("build", "none", code=1)
    assert "2 套" in run("build", "c1")
    assert "没有这个文件夹" in run("open", "c1", "--slips", str(tmp_path / "none" / "slips.csv"), code=1)
    run("open", "c1", "--slips", str(tmp_path / "slips.csv"))
    slips = (tmp_path / "slips.csv").read_text(encoding="utf-8-sig")
    assert "'=李秀英" in slips and len(slips.splitlines()) == 3
    assert "未到：2 人" in run("status", "c1") and "c1" in run("status")
    assert "0 人由监考收卷" in run("close", "c1")


def test_a_paper_file_that_was_changed_is_neither_released_nor_marked_by(home_folder):
    draft(home_folder, people=1)
    drawn = build_papers(home_folder, "s1", "li")
    for place in ("public/B.json", "keys/A.json"):
        path = paper_of(home_folder, drawn.id) / place
        before = path.read_bytes()
        path.write_bytes(before.replace(b"A", b"B", 1))
        with pytest.raises(SittingError, match=place):
            open_sitting_for_candidates(home_folder, "s1", "li")
        with home_folder.office.connect() as connection:
            assert get_sitting(connection, "s1").state == "draft"
        path.write_bytes(before)
    assert open_sitting_for_candidates(home_folder, "s1", "li") == 1


def test_a_resit_makes_do_with_fewer_forms_where_the_bank_is_too_small(home_folder):
    full = (PAPERS / "county_100.toml").read_text(encoding="utf-8")
    rules = (PROFILES / "small_office.toml").read_text(encoding="utf-8")
    for ident, before in (("first", None), ("again", "first")):
        draft(home_folder, ident, people=0, resit_of=before, blueprint=full, profile=rules)
    assert [len(build_papers(home_folder, ident, "li").forms) for ident in ("first", "again")] == [2, 1]
    draft(home_folder, "third", people=0, resit_of="again", blueprint=full, profile=rules)
    with pytest.raises(ContentError, match="已排除 240 题"):
        build_papers(home_folder, "third", "li")
