from __future__ import annotations

import json
from fractions import Fraction

import pytest
from grading_fixture import PROFILE, RIGHT, add_script, make_sitting
from sqlalchemy import select, text, update

from exams.events import record_event, revoke_event
from exams.tables import attempt, entry, open_sitting
from grading.errors import RecordError
from grading.manual import set_manual_mark
from grading.marks import mark_sitting
from grading.records import damaged_records, genuine, issue_records, public_key
from grading.tables import mark, record, record_payload
from home import OFFICE, transaction, verify_audit

WRONG = {"q001": "A", "q002": "B", "q003": "A", "q004": "B", "q005": "A"}


def standing_records(home, sitting: str = "s1"):
    newer = record.alias()
    with home.office.connect() as connection:
        rows = connection.execute(
            select(record, record_payload.c.columns)
            .join(record_payload, record_payload.c.record_id == record.c.id)
            .outerjoin(newer, newer.c.supersedes == record.c.id)
            .where(record.c.sitting_id == sitting, newer.c.id.is_(None))
            .order_by(record.c.person_id)
        ).all()
    return {row.person_id: row for row in rows}


def event(home, person: int, kind: str, sitting: str = "s1") -> int:
    with transaction(home.office) as connection:
        return record_event(connection, sitting, person, kind, by="li", reason="有证明", document_no="某组〔2026〕3号")


def test_every_candidate_gets_one_signed_record(any_home):
    a, b, c, d = make_sitting(any_home, essay=False)
    add_script(any_home, "s1", a, RIGHT)
    add_script(any_home, "s1", b, WRONG)
    event(any_home, c, "deferred")
    mark_sitting(any_home, "s1", "li")
    result = issue_records(any_home, "s1", "hr")
    assert (result.issued, result.superseded, result.unchanged) == (4, 0, 0)
    found = standing_records(any_home)
    assert [found[one].outcome for one in (a, b, c, d)] == ["passed", "failed", "deferred", "absent"]
    assert [found[one].total for one in (a, b, c, d)] == ["70", "0", None, None]
    columns = json.loads(found[a].columns)
    assert columns["总分"] == "70" and columns["公共部分"] == "50" and columns["专业部分"] == "20" and columns["用时"] == "43分05秒"
    assert columns["姓名"] == "李四" and columns["身份证号"] == "340221********0001" and columns["有效期至"] == "2028-11-23"
    assert columns["等次"] == "合格" and columns["存档号"] == found[a].id
    assert json.loads(found[c].columns)["缺考缓考违纪"] == "缓考" and "某组〔2026〕3号" in json.loads(found[c].columns)["备注"]
    key = public_key(any_home)
    for row in found.values():
        assert genuine(row.statement, row.digest, row.signature, key)
        assert not any(word in row.statement for word in (*columns["姓名"].split(), "340221", columns["准考证号"], "街道"))
    assert damaged_records(any_home, "s1") == ()
    with any_home.office.connect() as connection:
        assert verify_audit(connection, OFFICE) is None


def test_the_statement_tells_where_a_mark_comes_from(home_folder):
    a, *_ = make_sitting(home_folder)
    add_script(home_folder, "s1", a, RIGHT | {"q006": "答"})
    mark_sitting(home_folder, "s1", "li")
    with transaction(home_folder.office) as connection:
        set_manual_mark(connection, "s1", a, "q006", Fraction(59, 2), by="wang")
    issue_records(home_folder, "s1", "hr")
    body = json.loads(standing_records(home_folder)[a].statement)["body"]
    provenance = body["provenance"]
    assert body["result"]["total"] == "199/2"
    assert provenance["markers"] == ["machine", "wang"] and provenance["law_as_of"] == "2026-11-23" and provenance["form"] == "A"
    assert provenance["rules"] == ["all_or_nothing", "exact", "half_each", "manual"]
    assert all(len(provenance[name]) == 64 for name in ("paper", "blueprint", "profile", "keys", "marks"))


def test_nothing_is_issued_while_a_mark_needs_a_person_and_it_is_named(home_folder):
    a, b, *_ = make_sitting(home_folder)
    add_script(home_folder, "s1", a, RIGHT)
    add_script(home_folder, "s1", b, RIGHT | {"q006": "答", "q001": "CC"})
    mark_sitting(home_folder, "s1", "li")
    with pytest.raises(RecordError, match="2611100002 第 q001 题、2611100002 第 q006 题"):
        issue_records(home_folder, "s1", "hr")
    assert standing_records(home_folder) == {}


def test_an_unmarked_script_or_an_open_sitting_is_refused(home_folder):
    a, *_ = make_sitting(home_folder)
    add_script(home_folder, "s1", a, RIGHT)
    with pytest.raises(RecordError, match="没有阅卷"):
        issue_records(home_folder, "s1", "hr")
    with transaction(home_folder.office) as connection:
        connection.execute(text("UPDATE sitting SET state = 'open'"))
    with pytest.raises(RecordError, match="还没有收卷"):
        issue_records(home_folder, "s1", "hr")


def test_an_absence_beside_a_script_must_be_cleared_up(home_folder):
    a, *_ = make_sitting(home_folder, essay=False)
    number = event(home_folder, a, "absent")
    add_script(home_folder, "s1", a, RIGHT)
    mark_sitting(home_folder, "s1", "li")
    with pytest.raises(RecordError, match="却有答卷：2611100001"):
        issue_records(home_folder, "s1", "hr")
    with transaction(home_folder.office) as connection:
        revoke_event(connection, number, by="li", reason="登记错人")
    assert issue_records(home_folder, "s1", "hr").outcomes == {"passed": 1, "absent": 3}


def test_a_correction_supersedes_and_what_did_not_change_stays(home_folder):
    a, b, *_ = make_sitting(home_folder, essay=False)
    for one in (a, b):
        add_script(home_folder, "s1", one, RIGHT)
    mark_sitting(home_folder, "s1", "li")
    issue_records(home_folder, "s1", "hr")
    before = standing_records(home_folder)
    assert issue_records(home_folder, "s1", "hr").issued == 0
    event(home_folder, b, "misconduct")
    result = issue_records(home_folder, "s1", "hr")
    after = standing_records(home_folder)
    assert (result.issued, result.superseded, result.unchanged) == (1, 1, 3)
    assert after[a].id == before[a].id and after[b].supersedes == before[b].id
    assert (after[b].outcome, after[b].total) == ("misconduct", None)
    with home_folder.office.connect() as connection:
        old = connection.execute(select(record).where(record.c.id == before[b].id)).one()
    assert (old.statement, old.outcome) == (before[b].statement, "passed")
    assert damaged_records(home_folder, "s1") == ()


@pytest.mark.parametrize(
    "change",
    [
        {"total": "100"},
        {"outcome": "final_fail"},
        {"statement": "{}"},
        {"signature": b"0" * 64},
        {"digest": "0" * 64},
        {"valid_until": None},
        {"issued_by": "somebody"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_record_is_found(home_folder, change):
    a, *_ = make_sitting(home_folder, essay=False, people=2)
    add_script(home_folder, "s1", a, RIGHT)
    mark_sitting(home_folder, "s1", "li")
    issue_records(home_folder, "s1", "hr")
    ident = standing_records(home_folder)[a].id
    with transaction(home_folder.office) as connection:
        connection.execute(update(record).where(record.c.id == ident).values(**change))
    assert damaged_records(home_folder, "s1") == (ident,)


def test_erasing_the_personal_side_leaves_the_record_verifiable(home_folder):
    a, *_ = make_sitting(home_folder, essay=False, people=1)
    add_script(home_folder, "s1", a, RIGHT)
    mark_sitting(home_folder, "s1", "li")
    issue_records(home_folder, "s1", "hr")
    with transaction(home_folder.office) as connection:
        connection.execute(record_payload.delete())
    assert damaged_records(home_folder, "s1") == ()


def test_a_resit_counts_on_the_first_sitting(home_folder):
    people = make_sitting(home_folder, "s1", essay=False, people=3)
    for one in people:
        add_script(home_folder, "s1", one, WRONG)
    make_sitting(home_folder, "s2", essay=False, resit_of="s1", persons=people)
    add_script(home_folder, "s2", people[0], RIGHT)
    add_script(home_folder, "s2", people[1], WRONG)
    mark_sitting(home_folder, "s2", "li")
    with pytest.raises(RecordError, match=r"首考.*还有考生没有成绩记录"):
        issue_records(home_folder, "s2", "hr")
    mark_sitting(home_folder, "s1", "li")
    issue_records(home_folder, "s1", "hr")
    issue_records(home_folder, "s2", "hr")
    found = standing_records(home_folder, "s2")
    assert [found[one].outcome for one in people] == ["passed", "final_fail", "absent"]
    columns = json.loads(found[people[0]].columns)
    assert (columns["补考次数"], columns["补考成绩"], columns["最终结果"]) == ("1", "70", "合格")
    assert "处理：不得正式任命" in json.loads(found[people[1]].columns)["备注"]


def test_a_mark_changed_behind_our_back_changes_the_record(home_folder):
    a, *_ = make_sitting(home_folder, essay=False, people=1)
    add_script(home_folder, "s1", a, RIGHT)
    mark_sitting(home_folder, "s1", "li")
    issue_records(home_folder, "s1", "hr")
    with transaction(home_folder.office) as connection:
        connection.execute(update(mark).where(mark.c.question == "q001").values(points="0"))
    assert issue_records(home_folder, "s1", "hr").superseded == 1
    assert standing_records(home_folder)[a].outcome == "failed"


def test_profile_rounding_is_only_for_show(home_folder):
    make_sitting(home_folder, people=1, profile=PROFILE.replace("digits = 1", "digits = 0"))
    with home_folder.office.connect() as connection:
        person = connection.execute(text("SELECT person_id FROM candidate")).scalar_one()
    add_script(home_folder, "s1", person, {"q001": "C", "q002": "A", "q004": "AC", "q005": "B", "q006": "答"})
    mark_sitting(home_folder, "s1", "li")
    with transaction(home_folder.office) as connection:
        set_manual_mark(connection, "s1", person, "q006", Fraction(3, 5), by="wang")
    issue_records(home_folder, "s1", "hr")
    row = standing_records(home_folder)[person]
    assert (row.outcome, row.total, json.loads(row.columns)["总分"]) == ("failed", "298/5", "60")
    assert "总分 59.6，低于合格线 60" in json.loads(row.columns)["备注"]


def test_what_hr_prints_is_covered_by_the_signature(home_folder):
    people = make_sitting(home_folder, people=2, essay=False)
    for one in people:
        add_script(home_folder, "s1", one, RIGHT)
    mark_sitting(home_folder, "s1", "li")
    issue_records(home_folder, "s1", "hr")
    assert damaged_records(home_folder, "s1") == ()
    with transaction(home_folder.office) as connection:
        row = connection.execute(select(record_payload)).first()
        changed = json.dumps({**json.loads(row.columns), "总分": "100", "是否合格": "合格", "姓名": "别人"}, ensure_ascii=False)
        here = record_payload.c.record_id == row.record_id
        connection.execute(record_payload.update().where(here).values(columns=changed))
    assert damaged_records(home_folder, "s1") == (row.record_id,)
    with transaction(home_folder.office) as connection:
        connection.execute(record_payload.delete().where(here))
    assert damaged_records(home_folder, "s1") == (), "erased by policy, the rest stays verifiable"


def test_nothing_is_issued_while_an_attempt_is_not_collected(home_folder):
    people = make_sitting(home_folder, people=2, essay=False)
    for one in people:
        add_script(home_folder, "s1", one, RIGHT)
    mark_sitting(home_folder, "s1", "li")
    with transaction(home_folder.exam) as connection:
        connection.execute(open_sitting.insert().values(
            id="s1", title="x", kind="mock", opens_at=0, closes_at=1, minutes=1, grace_s=1, chain_n=0, chain_head=""))  # fmt: skip
        for number_of in ("2611100001", "2611100002", "2611100003"):
            number = connection.execute(entry.insert().values(
                sitting_id="s1", admission_no=number_of, name="x", unit_label="x", form="A", code_mac="x", failures=0, barred=False,
            )).inserted_primary_key[0]  # fmt: skip
            connection.execute(attempt.insert().values(
                entry_id=number, sitting_id="s1", form="A", display_order="[]", started_at=0, limit_at=1, state="closed",
                closed_by="time", closed_at=1, writer=1))  # fmt: skip
    with pytest.raises(RecordError, match="还有 1 份答卷没有收上来"):
        issue_records(home_folder, "s1", "hr")
