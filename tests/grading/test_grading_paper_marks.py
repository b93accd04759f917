"""Answers from paper: typed twice, compared, settled, taken, marked as the hall's are; by page fields or by workbook."""

from __future__ import annotations

import io
import json

import openpyxl
import pytest
from grading_fixture import RIGHT, add_script, forms, make_sitting
from sqlalchemy import select, update

from exams.forms import write_key_form, write_public_form
from exams.opening import collect_scripts, uncollected
from exams.tables import attempt, candidate, entry, open_sitting, script, sitting
from grading.errors import PaperMarkError, RecordError
from grading.jobs import grade_sitting
from grading.marks import mark_sitting
from grading.paper_marks.entry import differences, discard_entry, enter, progress, read_forms, settle
from grading.paper_marks.fields import fields_of, read_field
from grading.paper_marks.register import decide_source, paper_hands, register, unfinished, unregister, without_script
from grading.paper_marks.taking import take_paper_points
from grading.paper_marks.workbook import import_rows, read_rows, template
from grading.records import damaged_records, issue_records
from grading.tables import mark, paper_entry, record
from home import AUDIT, OFFICE, transaction
from people.accounts import add_account
from people.persons import rehearsal
from people.tables import account

#: typed for the hand-made form: all right, 20 of 30 for the written answer
SHEET = {**RIGHT, "q006": "20"}


@pytest.fixture
def room(any_home):
    """Four candidates, forms A and B in the safe; the first two are registered for paper."""
    persons = make_sitting(any_home)
    public, key = forms("s1-paper", form="B")
    folder = any_home.secret / "papers" / "s1-paper"
    write_public_form(folder / "public" / "B.json", public)
    write_key_form(folder / "keys" / "B.json", key)
    with transaction(any_home.office) as connection:
        register(connection, "s1", ["2611100001", "2611100002"], "考场停电，改为纸笔", "kaowu")
    return any_home, persons


def type_in(home, person, texts, by, form="A"):
    with transaction(home.office) as connection:
        known = read_forms(home, connection, _sitting(connection))
        return enter(connection, known, "s1", person, form, texts, by)


def _sitting(connection):
    from exams.sittings import get_sitting

    return get_sitting(connection, "s1")


def settle_it(home, person, texts, reason, by):
    with transaction(home.office) as connection:
        settle(connection, read_forms(home, connection, _sitting(connection)), "s1", person, texts, reason, by)


def rows(home, table, *where):
    with home.office.connect() as connection:
        return connection.execute(select(table).where(*where)).all()


def test_two_like_entries_become_a_script_that_is_marked_as_the_halls_are(room):
    home, persons = room
    assert type_in(home, persons[0], SHEET, "li") == "once"
    assert rows(home, script) == [], "one entry is no script"
    assert type_in(home, persons[0], {**SHEET, "q003": " dba ", "q005": "ｂ"}, "wang") == "done"
    add_script(home, "s1", persons[2], {**RIGHT, "q006": "口头答了"})
    mark_sitting(home, "s1", "worker")
    assert take_paper_points(home, "s1") == 1 and take_paper_points(home, "s1") == 0
    by_person = {one: {row.question: row for row in rows(home, mark, mark.c.person_id == one)} for one in (persons[0], persons[2])}
    for question in RIGHT:
        on_paper, in_hall = by_person[persons[0]][question], by_person[persons[2]][question]
        assert (on_paper.points, on_paper.rule, on_paper.key_hash, on_paper.by) == (in_hall.points, in_hall.rule, in_hall.key_hash, "machine")
    written = by_person[persons[0]]["q006"]
    assert (written.points, written.state, written.by, written.comment) == ("20", "marked", "li", "纸笔答卷，录入 li，复核 wang")
    assert by_person[persons[2]]["q006"].state == "needs_person", "an answer from the hall waits for its marker"


def test_provenance_of_the_record_names_who_typed_and_who_checked(room):
    home, persons = room
    for person in persons[:2]:
        type_in(home, person, SHEET, "li")
        type_in(home, person, SHEET, "wang")
    mark_sitting(home, "s1", "worker")
    take_paper_points(home, "s1")
    issue_records(home, "s1", "hr")
    known = {row.person_id: json.loads(row.statement)["body"]["provenance"] for row in rows(home, record)}
    assert {key: known[persons[0]][key] for key in ("medium", "typed_by", "checked_by", "settled_by", "form")} == {
        "medium": "paper", "typed_by": "li", "checked_by": "wang", "settled_by": "", "form": "A",
    }  # fmt: skip
    assert "medium" not in known[persons[2]]
    assert damaged_records(home, "s1") == ()
    assert issue_records(home, "s1", "hr").issued == 0, "nothing changed, nothing is issued again"


def test_nobody_types_twice_or_his_own_and_nobody_is_forgotten(room):
    home, persons = room
    with transaction(home.office) as connection:
        add_account(connection, "kaosheng", "张三", "一句够长的口令-2026", ["exam_officer"], "test")
        connection.execute(update(account).where(account.c.login == "kaosheng").values(person_id=persons[0]))
    with pytest.raises(PaperMarkError, match="不能录入自己的答卷"):
        type_in(home, persons[0], SHEET, "kaosheng")
    type_in(home, persons[0], SHEET, "li")
    with pytest.raises(PaperMarkError, match="第二遍须由另一人录入"):
        type_in(home, persons[0], SHEET, "li")
    with transaction(home.office) as connection:  # one typist, two accounts
        for login in ("zhao", "zhao2"):
            add_account(connection, login, "赵六", "一句够长的口令-2026", ["marker"], "test", person_id=persons[2])
    type_in(home, persons[1], SHEET, "zhao")
    with pytest.raises(PaperMarkError, match="第二遍须由另一人录入"):
        type_in(home, persons[1], SHEET, "zhao2")
    with pytest.raises(PaperMarkError, match="没有登记为纸笔作答"):
        type_in(home, persons[2], SHEET, "li")
    with pytest.raises(RecordError, match="2611100001、2611100002"):
        issue_records(home, "s1", "hr")
    with home.office.connect() as connection:
        assert unfinished(connection, "s1") == ["2611100001", "2611100002"]
        assert [number for number, _name in without_script(connection, "s1")] == ["2611100003", "2611100004"]


def test_differences_are_listed_and_settled_by_a_third_act_with_a_reason(room):
    home, persons = room
    type_in(home, persons[0], SHEET, "li")
    assert type_in(home, persons[0], {**SHEET, "q001": "B", "q006": "", "q004": "AC"}, "wang") == "differs"
    with home.office.connect() as connection:
        known = read_forms(home, connection, _sitting(connection))
        found = differences(connection, known, "s1", persons[0])
        assert [(one.field.number, one.first.answer, one.second.answer) for one in found] == [(1, "C", "B"), (4, "ACE", "AC"), (6, "", "")]
        assert progress(connection, "s1")[0].differences == 3
    for texts, reason, why in (
        ({"q001": "C", "q004": "AC", "q006": "20"}, " ", "请写明核定的依据"), ({"q001": "C", "q004": "AC"}, "核对答题纸", "第 6 题：没有核定"),
        ({"q001": "Z", "q004": "AC", "q006": "31"}, "核对答题纸", "第 1 题.*\n第 6 题"),
    ):  # fmt: skip
        with pytest.raises(PaperMarkError, match=why):
            settle_it(home, persons[0], texts, reason, "zhao")
    assert rows(home, script) == []
    settle_it(home, persons[0], {"q001": "C", "q004": "AC", "q006": "20"}, "两人核对答题纸，以原件为准", "zhao")
    [taken] = rows(home, script)
    assert json.loads(taken.answers) | {"q006": ""} == {**RIGHT, "q004": "AC", "q006": ""} and taken.closed_by == "paper"
    with home.office.connect() as connection:
        assert paper_hands(connection, "s1") == {persons[0]: ("li", "wang", "zhao")}
        told = [row.payload for row in connection.execute(AUDIT[OFFICE].select()) if row.action == "paper.settle"]
    assert json.loads(told[0])["reason"] == "两人核对答题纸，以原件为准" and "AC" not in told[0], "no answer in the trail"
    mark_sitting(home, "s1", "worker")
    take_paper_points(home, "s1")
    [points] = rows(home, mark, mark.c.person_id == persons[0], mark.c.question == "q006")
    assert points.comment == "纸笔答卷，录入 li，复核 wang，核定 zhao"
    assert len(rows(home, paper_entry, paper_entry.c.person_id == persons[0], paper_entry.c.entry_no == 1)) == 7, "entries stay as typed"


def test_another_form_cannot_be_settled_only_typed_anew(room):
    home, persons = room
    type_in(home, persons[0], SHEET, "li")
    assert type_in(home, persons[0], SHEET, "wang", form="B") == "differs"
    with pytest.raises(PaperMarkError, match="试卷类型不同"):
        settle_it(home, persons[0], {"form": "A"}, "看了", "zhao")
    with transaction(home.office) as connection:
        discard_entry(connection, "s1", persons[0], "第一遍看错了试卷类型", "zhao")
    type_in(home, persons[0], SHEET, "wang", form="B")
    assert type_in(home, persons[0], SHEET, "li", form="B") == "done"
    assert rows(home, script)[0].form == "B"


def test_what_cannot_be_read_goes_to_a_person_and_blanks_are_blank(room):
    home, persons = room
    for by in ("li", "wang"):
        type_in(home, persons[0], {"q001": "?", "q002": "AB"}, by)
    mark_sitting(home, "s1", "worker")
    assert take_paper_points(home, "s1") == 0
    known = {row.question: (row.state, row.points) for row in rows(home, mark)}
    assert known == {
        "q001": ("needs_person", None), "q002": ("marked", "0"), "q003": ("unanswered", "0"), "q004": ("unanswered", "0"),
        "q005": ("unanswered", "0"), "q006": ("unanswered", "0"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("question", "text", "answer", "points"),
    [("q001", "ｃ", "C", None), ("q003", "d、A，b", "ABD", None), ("q005", "√", "A", None), ("q005", "错", "B", None), ("q005", "F", "B", None),
     ("q005", "b", "B", None), ("q005", "正确", "A", None), ("q001", "？", "?", None), ("q001", " ", "", None), ("q006", "12.5", "", "25/2"), ("q006", "", "", None),
     ("q006", "０", "", "0")],
)  # fmt: skip
def test_a_field_is_read_as_people_write(question, text, answer, points):
    public, key = forms("p")
    from dataclasses import replace

    questions = tuple(replace(one, option_texts=("正确", "错误")) if one.kind == "true_false" else one for one in public.questions)
    fields = {one.question: one for one in fields_of(replace(public, questions=questions), key)}
    typed = read_field(fields[question], text)
    assert (typed.answer, typed.points) == (answer, points)


@pytest.mark.parametrize(("question", "text"), [("q001", "E"), ("q001", "AA"), ("q005", "√√"), ("q006", "31"), ("q006", "-1"), ("q006", "1.001"), ("q006", "优"), ("q001", "1")])
def test_a_field_that_cannot_be_is_refused_by_its_number(question, text):
    fields = {one.question: one for one in fields_of(*forms("p"))}
    with pytest.raises(PaperMarkError, match=f"第 {int(question[1:])} 题"):
        read_field(fields[question], text)


def test_registered_while_it_runs_typed_in_only_when_it_is_closed(any_home):
    persons = make_sitting(any_home, state="open")
    with transaction(any_home.office) as connection:
        assert register(connection, "s1", ["2611100001"], "停电", "kaowu") == 1
    with pytest.raises(PaperMarkError, match="收卷以后"):
        type_in(any_home, persons[0], SHEET, "li")
    make_sitting(any_home, "s2", state="draft", persons=persons)
    with transaction(any_home.office) as connection, pytest.raises(PaperMarkError, match="开考以后"):
        register(connection, "s2", ["2611200001"], "停电", "kaowu")


def test_registration_names_every_wrong_number_and_can_be_taken_back(room):
    home, persons = room
    with transaction(home.office) as connection:
        with pytest.raises(PaperMarkError) as told:
            register(connection, "s1", ["2611100003", "999", "998"], "停电", "kaowu")
        assert len(told.value.faults) == 2
        assert register(connection, "s1", ["2611100001", "2611100003"], "停电", "kaowu") == 1
    type_in(home, persons[0], SHEET, "li")
    with transaction(home.office) as connection:
        unregister(connection, "s1", persons[0], "本人未到", "kaowu")
        unregister(connection, "s1", persons[2], "误登记", "kaowu")
        assert unfinished(connection, "s1") == ["2611100002"]
    for by in ("li", "wang"):
        type_in(home, persons[1], SHEET, by)
    with transaction(home.office) as connection, pytest.raises(PaperMarkError, match="已经入库"):
        unregister(connection, "s1", persons[1], "误登记", "kaowu")


def in_the_hall(home, person, answers=None):
    """An attempt that was collected, as a power cut leaves it: some questions saved, collected by an officer."""
    with transaction(home.exam) as connection:
        connection.execute(open_sitting.insert().values(
            id="s1", title="t", kind="mock", opens_at=0, closes_at=10, minutes=60, grace_s=0, chain_n=0, chain_head="", closed_at=5))  # fmt: skip
        with home.office.connect() as office:
            number = office.execute(select(candidate.c.admission_no).where(candidate.c.person_id == person)).scalar_one()
        ident = connection.execute(entry.insert().values(
            sitting_id="s1", admission_no=number, name="x", unit_label="y", form="A", code_mac="0", failures=0, barred=False)).inserted_primary_key[0]  # fmt: skip
        connection.execute(attempt.insert().values(
            entry_id=ident, sitting_id="s1", form="A", display_order="[]", started_at=0, limit_at=10, state="closed", closed_at=5,
            closed_by="officer", writer=1))  # fmt: skip
    collect_scripts(home, "s1")
    if answers is not None:
        with transaction(home.office) as connection:
            connection.execute(update(script).where(script.c.person_id == person).values(answers=json.dumps(answers)))


def decide(home, person, source, reason="停电后改用纸质卷"):
    with transaction(home.office) as connection:
        decide_source(connection, "s1", person, source, reason, "kaowu", "zuren")


def points_of(home, person):
    return {row.question: row.points for row in rows(home, mark, mark.c.person_id == person)}


#: saved before the cut: two right, one wrong, an essay; and what was then written on paper: the wrong one put right, two more
ONLINE = {"q001": "C", "q002": "B", "q003": "", "q004": "ACE", "q006": "停电前写的论述"}
ON_SHEET = {"q002": "A", "q003": "ABD", "q005": "B"}


def test_paper_counts_alone_only_by_a_decision_with_a_reason(room):
    home, persons = room
    in_the_hall(home, persons[0], ONLINE)
    mark_sitting(home, "s1", "worker")
    with pytest.raises(PaperMarkError, match="有机考答卷，请考务先决定怎样计分"):
        type_in(home, persons[0], ON_SHEET, "li")
    for source, reason, why in (("paper", " ", "请写明怎样计分的依据"), ("best", "x", "请选择怎样计分：接着考.*重新考")):
        with pytest.raises(PaperMarkError, match=why):
            decide(home, persons[0], source, reason)
    with pytest.raises(PaperMarkError, match="没有机考答卷需要处理"):
        decide(home, persons[1], "paper")
    decide(home, persons[0], "merge")
    decide(home, persons[0], "paper")
    assert [row.closed_by for row in rows(home, script)] == ["officer"], "nothing of the hall's is touched before the paper is in"
    with pytest.raises(RecordError, match="纸笔作答的还没有录完"):
        issue_records(home, "s1", "hr")
    type_in(home, persons[0], ON_SHEET, "li")
    with pytest.raises(PaperMarkError, match="已经开始录入，不能再改怎样计分"):
        decide(home, persons[0], "merge")
    assert type_in(home, persons[0], ON_SHEET, "wang") == "done"
    [taken] = rows(home, script)
    assert (taken.closed_by, json.loads(taken.answers)) == ("paper", {**dict.fromkeys(("q001", "q004", "q006"), ""), **ON_SHEET})
    assert collect_scripts(home, "s1") == 0 and uncollected(home, "s1") == 0, "and the hall's never comes back"
    mark_sitting(home, "s1", "worker")
    assert points_of(home, persons[0]) == {"q001": "0", "q002": "20", "q003": "10", "q004": "0", "q005": "18", "q006": "0"}
    with home.office.connect() as connection:
        told = [json.loads(row.payload) for row in connection.execute(AUDIT[OFFICE].select()) if row.action == "paper.source"]
    assert [(one["source"], one["second"], one["reason"]) for one in told] == [("merge", "zuren", "停电后改用纸质卷"), ("paper", "zuren", "停电后改用纸质卷")]


def test_going_on_on_paper_every_question_has_one_source(room):
    home, persons = room
    in_the_hall(home, persons[0], ONLINE)
    decide(home, persons[0], "merge")
    with pytest.raises(PaperMarkError, match="机考是 A 卷，纸质是 B 卷，题目不同"):
        type_in(home, persons[0], ON_SHEET, "li", form="B")
    for by in ("li", "wang"):
        type_in(home, persons[0], ON_SHEET, by)
    [taken] = rows(home, script)
    assert json.loads(taken.answers) == {"q001": "C", "q002": "A", "q003": "ABD", "q004": "ACE", "q005": "B", "q006": "停电前写的论述"}
    assert (taken.closed_by, taken.started_at, taken.form) == ("paper", 0, "A")
    mark_sitting(home, "s1", "worker")
    assert take_paper_points(home, "s1") == 0
    assert points_of(home, persons[0]) == {"q001": "20", "q002": "20", "q003": "10", "q004": "2", "q005": "18", "q006": None}, "its essay waits for a marker"
    with home.office.connect() as connection:
        [told] = [json.loads(row.payload) for row in connection.execute(AUDIT[OFFICE].select()) if row.action == "paper.joined"]
    assert told["from_hall"] == ["q001", "q004", "q006"] and told["source"] == "merge"


def test_a_mark_given_to_an_answer_that_still_counts_survives_the_joining(room):
    home, persons = room
    in_the_hall(home, persons[0], ONLINE)
    mark_sitting(home, "s1", "worker")
    given = mark.c.person_id == persons[0], mark.c.question == "q006"
    with transaction(home.office) as connection:
        connection.execute(update(mark).where(*given).values(points="25", state="marked", by="yuejuan", comment="要点齐"))
    decide(home, persons[0], "merge")
    for by in ("li", "wang"):
        type_in(home, persons[0], ON_SHEET, by)
    mark_sitting(home, "s1", "worker")
    assert take_paper_points(home, "s1") == 1
    [row] = rows(home, mark, *given)
    assert (row.points, row.state, row.by, row.comment) == ("25", "marked", "yuejuan", "要点齐")
    assert points_of(home, persons[0])["q002"] == "20", "and the rest is marked anew"


def test_an_essay_written_anew_on_paper_counts_as_it_stands_there(room):
    home, persons = room
    in_the_hall(home, persons[0], ONLINE)
    mark_sitting(home, "s1", "worker")
    with transaction(home.office) as connection:
        connection.execute(update(mark).where(mark.c.question == "q006").values(points="25", state="marked", by="yuejuan"))
    decide(home, persons[0], "merge")
    for by in ("li", "wang"):
        type_in(home, persons[0], {**ON_SHEET, "q006": "12"}, by)
    mark_sitting(home, "s1", "worker")
    take_paper_points(home, "s1")
    [row] = rows(home, mark, mark.c.person_id == persons[0], mark.c.question == "q006")
    assert (row.points, row.by, row.comment) == ("12", "li", "纸笔答卷，录入 li，复核 wang")


def test_a_registration_taken_back_leaves_the_halls_script_as_it_was(room):
    home, persons = room
    in_the_hall(home, persons[0], ONLINE)
    decide(home, persons[0], "merge")
    with transaction(home.office) as connection:
        unregister(connection, "s1", persons[0], "来电后接着机考，纸上没有作答", "kaowu")
    [kept] = rows(home, script)
    assert kept.closed_by == "officer" and json.loads(kept.answers) == ONLINE
    with home.office.connect() as connection:
        assert unfinished(connection, "s1") == ["2611100002"]


def test_scripts_from_paper_hide_no_missing_script_of_the_hall(room):
    home, persons = room
    for by in ("li", "wang"):
        type_in(home, persons[0], SHEET, by)
    with transaction(home.office) as connection:
        unregister(connection, "s1", persons[1], "到机房考", "kaowu")
        gone = connection.execute(select(script)).all()
    in_the_hall(home, persons[2])
    with transaction(home.office) as connection:
        connection.execute(script.delete().where(script.c.person_id == persons[2]))
    assert len(gone) == 1 and uncollected(home, "s1") == 1


# ------------------------------------------------------------------ the workbook


def filled(home, answers: dict[str, dict[int, object]], change=None) -> bytes:
    with home.office.connect() as connection:
        data = template(connection, read_forms(home, connection, _sitting(connection)), _sitting(connection))
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["A卷", "B卷", "填写说明"]
    sheet = book["A卷"]
    for line in sheet.iter_rows(min_row=2):
        for number, text in answers.get(str(line[0].value), {}).items():
            line[1 + number].value = text
    if change:
        change(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


NUMBERED = {int(question[1:]): text for question, text in SHEET.items()}


def take(home, data, by, *, dry=False):
    with (rehearsal(home.office) if dry else transaction(home.office)) as connection:
        known = read_forms(home, connection, _sitting(connection))
        return import_rows(connection, known, "s1", read_rows(data, "录入.xlsx"), by)


def test_a_workbook_counts_as_one_entry_and_a_page_as_the_other(room):
    home, persons = room
    data = filled(home, {"2611100001": {**NUMBERED, 6: 20.0}})
    assert take(home, data, "li", dry=True).states == {"once": 1}
    assert len(rows(home, paper_entry)) == 2, "a rehearsal leaves nothing but the registrations"
    done = take(home, data, "li")
    assert (done.rows, done.states, done.blank) == (1, {"once": 1}, ("2611100002",))
    with pytest.raises(PaperMarkError, match=r"A卷 第 2 行（2611100001）：第一遍是您录的"):
        take(home, data, "li")
    assert type_in(home, persons[0], SHEET, "wang") == "done"


def test_a_faulty_workbook_is_refused_row_by_row_and_leaves_nothing(room):
    home, _persons = room
    data = filled(home, {"2611100001": {**NUMBERED, 1: "X", 6: "99"}, "2611100002": NUMBERED})
    with pytest.raises(PaperMarkError) as told:
        take(home, data, "li")
    assert [one.partition("：")[0] for one in told.value.faults] == ["A卷 第 2 行（2611100001）"] * 2
    assert len(rows(home, paper_entry)) == 2

    def meddle(sheet):
        sheet["B2"], sheet["A3"], sheet["A4"], sheet["C4"], sheet["C5"] = "C", "2611100009", "2611100001", "A", "B"

    with pytest.raises(PaperMarkError) as told:
        take(home, filled(home, {"2611100001": NUMBERED, "2611100002": NUMBERED}, meddle), "li")
    assert "已经有一行" in str(told.value) and "没有准考证号" in str(told.value)

    def meddle_less(sheet):
        sheet["B2"], sheet["A3"] = "C", "2611100009"

    with pytest.raises(PaperMarkError) as told:
        take(home, filled(home, {"2611100001": NUMBERED, "2611100002": NUMBERED}, meddle_less), "li")
    assert "试卷类型“C”不对" in str(told.value) and "没有登记为纸笔作答" in str(told.value)
    with pytest.raises(PaperMarkError, match="第 3 题的列"):
        take(home, filled(home, {"2611100001": NUMBERED}, lambda sheet: sheet.__setitem__("E1", "x")), "li")
    for junk in (b"", b"PK\x03\x04junk", b"a,b\n1,2\n"):
        with pytest.raises(PaperMarkError):
            read_rows(junk, "录入.xlsx")


def test_the_grading_job_brings_paper_to_the_records(home_folder):
    """Through the same job as the hall's scripts, nbgrader's gradebook included."""
    persons = make_sitting(home_folder, people=2, essay=True)
    with transaction(home_folder.office) as connection:
        register(connection, "s1", ["2611100001"], "纸笔考场", "kaowu")
    for by in ("li", "wang"):
        type_in(home_folder, persons[0], SHEET, by)
    result, refused = grade_sitting(home_folder, "s1", "worker", lambda _percent: None)
    assert (result.scripts, result.needs_person, refused) == (1, 0, ())
    assert rows(home_folder, sitting)[0].state == "marked"
    issue_records(home_folder, "s1", "hr")
    [one] = rows(home_folder, record, record.c.person_id == persons[0])
    assert (one.outcome, one.total) == ("passed", "90")

