"""A hostile hand at the databases of an exam that is over: what it takes away, blanks or moves is named, on both databases."""

from __future__ import annotations

import pytest
from desk_fixture import sit_down
from grading_fixture import make_sitting
from sitting_fixture import open_demo
from sqlalchemy import text, update
from typer.testing import CliRunner

from exams.anchors import Noted, drop_anchors, ends, verify_home, verify_trails
from exams.attempts import hand_in
from exams.opening import close_sitting
from exams.tables import candidate
from home import EXAM, OFFICE, Home, audit, transaction
from pufa import app


@pytest.fixture
def over(any_home: Home) -> Home:
    """A sitting with three saves and a hand-in, closed; both chains have acts before and after the anchors."""
    make_sitting(any_home, "s1", state="open", people=1)
    (one,) = open_demo(any_home, 1, sitting="s1")
    with transaction(any_home.office) as connection:
        connection.execute(update(candidate).values(admission_no=one.admission_no))
    desk = sit_down(any_home, one)
    for seq in (1, 2, 3):
        desk.save((seq, f"q00{seq}", "A"))
    with transaction(any_home.exam) as connection:
        hand_in(connection, desk.attempt_id, desk.writer, 6, desk.limit_at - 1000)
    close_sitting(any_home, "s1", "kaowu")
    for _ in range(3):
        with transaction(any_home.office) as office, transaction(any_home.exam) as exam:
            audit(office, OFFICE, "kaowu", "test.act", "x", why="details")
            audit(exam, EXAM, "kaowu", "test.act", "x", why="details")
    drop_anchors(any_home, "worker")
    assert verify_home(any_home) == []
    return any_home


def did(home: Home, which: str, *statements: str) -> list[str]:
    with getattr(home, which).begin() as connection:
        for one in statements:
            connection.execute(text(one))
    return [str(one) for one in verify_home(home)]


@pytest.mark.parametrize(("statements", "told"), [
    (("DELETE FROM handin",), "s1 的交卷回执：从第 1 条起缺失"),
    (("DELETE FROM save WHERE chain_n = 3", "UPDATE open_sitting SET chain_n = 2, chain_head = (SELECT chain_head FROM save WHERE chain_n = 2)"), "s1 的保存记录：从第 3 条起"),
    (("DELETE FROM save", "UPDATE open_sitting SET erased_at = 1"), "s1 的保存记录：从第 1 条起全部被抹去，却没有按期限删除的记录"),
    (("UPDATE save SET answer = 'B' WHERE chain_n = 2",), "s1 的保存记录：从第 2 条起"),
    (("UPDATE save SET chain_n = 99 WHERE chain_n = 1", "UPDATE save SET chain_n = 1 WHERE chain_n = 2", "UPDATE save SET chain_n = 2 WHERE chain_n = 99"), "s1 的保存记录：从第 1 条起"),
    (("UPDATE attempt SET closed_at = closed_at + 1",), "s1 的交卷回执：从第 1 条起与存下的答案不符"),
], ids=lambda value: value[:30] if isinstance(value, str) else "")  # fmt: skip
def test_what_was_done_to_the_answers_is_named(over: Home, statements: tuple[str, ...], told: str) -> None:
    assert any(told in one for one in did(over, "exam", *statements))


@pytest.mark.parametrize(("which", "name"), [("office", "办公"), ("exam", "考场")])
def test_details_that_are_blanked_without_a_policy_are_named(over: Home, which: str, name: str) -> None:
    found = did(over, which, "UPDATE audit SET payload = NULL, salt = NULL WHERE n = 2")
    assert found == [f"{name}操作记录：从第 2 条起内容被抹去，却没有按期限删除的记录"]


def test_an_anchor_that_is_blanked_does_not_hide_the_cut_that_it_guards(over: Home) -> None:
    with over.office.begin() as connection:
        connection.execute(text("DELETE FROM audit WHERE n > 3"))
    found = did(over, "exam", "UPDATE audit SET payload = NULL, salt = NULL WHERE action = 'chain.anchor'")
    assert any("考场" in one and "抹去" in one for one in found)


def test_both_chains_cut_back_together_are_found_by_what_was_noted_outside(over: Home) -> None:
    noted = [Noted(name, number, head) for name, (number, head) in ends(over).items()]
    lines = [f"--noted={one.chain}:{one.n}:{one.head}" for one in noted]
    run, home = CliRunner(), str(over.root)
    whole = run.invoke(app, ["audit", "verify", "--home", home, *lines])
    assert whole.exit_code == 0 and all(line.removeprefix("--noted=") in whole.output for line in lines)
    for engine in (over.office, over.exam):
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM audit WHERE n > (SELECT min(n) - 1 FROM audit WHERE action = 'chain.anchor')"))
            connection.execute(text("DELETE FROM audit WHERE n = (SELECT max(n) FROM audit)"))
    assert verify_trails(over) == [], "from inside nothing is to be seen"
    assert {one.place for one in verify_trails(over, noted)} == {"办公操作记录", "考场操作记录"}
    cut = run.invoke(app, ["audit", "verify", "--home", home, *lines])
    assert cut.exit_code == 1 and "末尾被截去" in cut.output
    for wrong in ("office:1", "x:1:" + "0" * 64, "office:-1:" + "0" * 64, ""):
        assert run.invoke(app, ["audit", "verify", "--home", home, "--noted", wrong]).exit_code == 2


def test_a_chain_written_anew_from_somewhere_on_is_found_by_the_other(over: Home) -> None:
    from home import AUDIT, _link

    table, previous = AUDIT[OFFICE], ""
    with over.office.begin() as connection:
        for row in connection.execute(table.select().order_by(table.c.n)).mappings().all():
            changed = {**row, "actor": "nobody" if row["n"] == 3 else row["actor"]}
            previous = _link(previous, changed)
            connection.execute(table.update().where(table.c.n == row["n"]).values(actor=changed["actor"], head=previous))
    found = verify_trails(over)
    assert found and found[0].place == "办公操作记录" and "整段被换过" in found[0].what
