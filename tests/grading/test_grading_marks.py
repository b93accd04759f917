from __future__ import annotations

import json
from fractions import Fraction

import pytest
from grading_fixture import RIGHT, add_script, forms, make_sitting
from sqlalchemy import select, text

from exams.errors import SittingError
from exams.sittings import get_sitting
from grading.errors import MarkError
from grading.manual import manual_questions, marking_queue, pending_names, read_points, set_manual_mark
from grading.marks import FormMarker, mark_sitting
from grading.tables import mark
from home import OFFICE, transaction, verify_audit
from people.tables import account
from question_bank.marking import mark_answer


def stored(home, person_id: int) -> dict[str, tuple[str | None, str, str]]:
    with home.office.connect() as connection:
        rows = connection.execute(select(mark).where(mark.c.person_id == person_id).order_by(mark.c.question)).all()
    return {row.question: (row.points, row.state, row.by) for row in rows}


def test_right_wrong_blank_partial(any_home):
    a, b, c, d = make_sitting(any_home, essay=False)
    add_script(any_home, "s1", a, RIGHT)
    add_script(any_home, "s1", b, {"q001": "B", "q002": "", "q003": "AB", "q004": "AC", "q005": "A", "q999": "X"})
    add_script(any_home, "s1", c, {})
    result = mark_sitting(any_home, "s1", "li")
    assert (result.scripts, result.newly_marked, result.unanswered, result.needs_person) == (3, 3, 6, 0)
    assert [row[0] for row in stored(any_home, a).values()] == ["20", "20", "10", "2", "18"]
    assert stored(any_home, b) == {
        "q001": ("0", "marked", "machine"), "q002": ("0", "unanswered", "machine"), "q003": ("0", "marked", "machine"),
        "q004": ("1", "marked", "machine"), "q005": ("0", "marked", "machine"),
    }  # fmt: skip
    assert {row[1] for row in stored(any_home, c).values()} == {"unanswered"}
    assert stored(any_home, d) == {}
    with any_home.office.connect() as connection:
        assert get_sitting(connection, "s1").state == "marked"
        assert verify_audit(connection, OFFICE) is None


@pytest.mark.parametrize("raw", ["", "[1,2]", "{", "null", '"C"', "[" * 3000], ids=["empty", "list", "cut", "null", "text", "deep"])
def test_a_script_that_cannot_be_read_goes_to_a_person_whole(home_folder, raw):
    (a,) = make_sitting(home_folder, people=1)
    add_script(home_folder, "s1", a, None, raw=raw)
    result = mark_sitting(home_folder, "s1", "li")
    assert result.needs_person == 6
    assert {row for row in stored(home_folder, a).values()} == {(None, "needs_person", "machine")}


@pytest.mark.parametrize("answer", [3, None, True, ["C"], {"a": 1}, "CC", "F", "C?", "C" * 500, 1.5])
def test_an_answer_in_doubt_never_earns_and_never_silently_fails(home_folder, answer):
    (a,) = make_sitting(home_folder, people=1, essay=False)
    add_script(home_folder, "s1", a, RIGHT | {"q001": answer})
    mark_sitting(home_folder, "s1", "li")
    assert stored(home_folder, a)["q001"] == (None, "needs_person", "machine")
    assert stored(home_folder, a)["q002"] == ("20", "marked", "machine")


def test_a_second_run_marks_only_what_is_new_and_overwrites_nothing(home_folder):
    a, b = make_sitting(home_folder, people=2)
    add_script(home_folder, "s1", a, RIGHT | {"q006": "须事先告知"})
    mark_sitting(home_folder, "s1", "li")
    with transaction(home_folder.office) as connection:
        set_manual_mark(connection, "s1", a, "q006", Fraction(25, 2), by="wang", comment="漏听证")
    before = stored(home_folder, a)
    add_script(home_folder, "s1", b, RIGHT)
    result = mark_sitting(home_folder, "s1", "li")
    assert (result.newly_marked, result.needs_person) == (1, 0)
    assert stored(home_folder, a) == before and before["q006"] == ("25/2", "marked", "wang")


def test_marking_killed_between_batches_goes_on(home_folder, monkeypatch):
    people = make_sitting(home_folder, people=5, essay=False)
    for one in people:
        add_script(home_folder, "s1", one, RIGHT)
    monkeypatch.setattr("grading.marks.BATCH", 2)

    class Killed(BaseException):
        pass

    def stop(done: int, _whole: int) -> None:
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        mark_sitting(home_folder, "s1", "li", stop)
    assert stored(home_folder, people[3]) and not stored(home_folder, people[4])
    assert mark_sitting(home_folder, "s1", "li").newly_marked == 1
    with home_folder.office.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM mark")).scalar() == 25


@pytest.mark.parametrize("state", ["draft", "open"])
def test_a_sitting_that_goes_on_is_not_marked(home_folder, state):
    make_sitting(home_folder, state=state)
    with pytest.raises(MarkError, match="还没有收卷"):
        mark_sitting(home_folder, "s1", "li")
    with pytest.raises(SittingError, match="没有编号"):
        mark_sitting(home_folder, "nowhere", "li")


def test_missing_keys_and_a_foreign_form_are_said_and_nothing_is_marked(home_folder):
    a, b = make_sitting(home_folder, people=2)
    add_script(home_folder, "s1", a, RIGHT)
    add_script(home_folder, "s1", b, RIGHT, form="Z")
    with pytest.raises(MarkError, match="属于 Z 卷"):
        mark_sitting(home_folder, "s1", "li")
    assert stored(home_folder, a) == {}
    (home_folder.secret / "papers" / "s1-paper" / "keys" / "A.json").unlink()
    with pytest.raises(MarkError, match="答案文件不在"):
        mark_sitting(home_folder, "s1", "li")


@pytest.mark.parametrize("points", [Fraction(-1), Fraction(61, 2), Fraction(1, 3), Fraction(1, 1000)])
def test_manual_points_are_bounded(home_folder, points):
    (a,) = make_sitting(home_folder, people=1)
    add_script(home_folder, "s1", a, RIGHT | {"q006": "答"})
    mark_sitting(home_folder, "s1", "li")
    with transaction(home_folder.office) as connection, pytest.raises(MarkError, match="分数"):
        set_manual_mark(connection, "s1", a, "q006", points, by="wang")
    assert stored(home_folder, a)["q006"] == (None, "needs_person", "machine")


@pytest.mark.parametrize("question", ["q001", "q999"])
def test_a_machine_mark_is_not_open_to_persons(home_folder, question):
    (a,) = make_sitting(home_folder, people=1)
    add_script(home_folder, "s1", a, RIGHT | {"q006": "答"})
    mark_sitting(home_folder, "s1", "li")
    with transaction(home_folder.office) as connection, pytest.raises(MarkError):
        set_manual_mark(connection, "s1", a, question, Fraction(1), by="wang")


def test_nobody_marks_their_own_script(home_folder):
    (a,) = make_sitting(home_folder, people=1)
    add_script(home_folder, "s1", a, {"q006": "答"})
    mark_sitting(home_folder, "s1", "li")
    with transaction(home_folder.office) as connection:
        connection.execute(account.insert().values(login="zhang3", name="张三", password_hash="", person_id=a, created_at=0))
        with pytest.raises(MarkError, match="您是本场考生"):
            set_manual_mark(connection, "s1", a, "q006", Fraction(30), by="zhang3")


def test_the_queue_is_blind_and_complete(home_folder):
    a, b, c = make_sitting(home_folder, people=3)
    add_script(home_folder, "s1", a, RIGHT | {"q006": "告知事实、理由、依据"})
    add_script(home_folder, "s1", b, RIGHT | {"q006": "<script>alert(1)</script>", "q001": "CC"})
    add_script(home_folder, "s1", c, RIGHT)
    mark_sitting(home_folder, "s1", "li")
    with transaction(home_folder.office) as connection:
        set_manual_mark(connection, "s1", a, "q006", Fraction(30), by="wang", comment="全")
        queue = marking_queue(connection, "s1", "q006", "item-q006")
        loads = {(load.question, load.waiting, load.done) for load in manual_questions(connection, "s1")}
        assert list(pending_names(connection, "s1")) == ["2611100002 第 q001 题", "2611100002 第 q006 题"]
    assert [(one.answer, one.points, one.by) for one in queue] == [
        ("告知事实、理由、依据", 30, "wang"), ("<script>alert(1)</script>", None, "machine")
    ]  # fmt: skip
    assert loads == {("q001", 1, 0), ("q006", 1, 1)}
    told = json.dumps([str(vars(one)) for one in queue], ensure_ascii=False)
    assert not any(word in told for word in ("张三", "李四", "2611100001", "街道办", "340221"))


@pytest.mark.parametrize(("typed", "points"), [("2", 2), (" 1.5 ", Fraction(3, 2)), ("３．５", Fraction(7, 2)), ("3/2", Fraction(3, 2))])
def test_points_as_typed(typed, points):
    assert read_points(typed) == points


@pytest.mark.parametrize("typed", ["", "两分", "1e9", "1/0", "nan", "inf", "1_0", "9" * 50])
def test_what_is_no_number_of_points(typed):
    with pytest.raises(MarkError, match="不是数字"):
        read_points(typed)


def test_remembered_marks_are_those_of_mark_answer():
    _, keys = forms("p")
    marker = FormMarker(keys)
    for answer in ("", "A", "C", "ABD", "AC", "ACE", "B", "A" * 11, " c ", 5, "aceb"):
        for given, entry in zip(marker.mark({entry.id: answer for entry in keys.entries}), keys.entries, strict=True):
            letters = "ABCDEFGHIJ"[: len(entry.anchors)] or "ABCDEFGHIJ"
            plain = mark_answer(entry.rule, entry.key, answer, entry.max_points, letters)
            assert (given.points, given.state) == (None if plain.points is None else str(plain.points), plain.state)
