from __future__ import annotations

import pytest
from sitting_fixture import enter_at_office, open_demo
from sqlalchemy import text
from typer.testing import CliRunner

from exams.anchors import drop_anchors, verify_home
from home import EXAM, OFFICE, Home, audit, transaction
from pufa import app


def _acted(home: Home, acts: int = 6) -> None:
    open_demo(home)
    enter_at_office(home)
    for _ in range(acts):
        with transaction(home.office) as office, transaction(home.exam) as exam:
            audit(office, OFFICE, "kaowu", "test.act", "x", seconds=300)
            audit(exam, EXAM, "kaowu", "test.act", "x", seconds=300)
    drop_anchors(home, "worker")


def test_a_whole_home_verifies_and_anchors_do_not_breed(any_home: Home) -> None:
    _acted(any_home)
    for _ in range(5):
        drop_anchors(any_home, "worker")
    assert verify_home(any_home) == []
    with any_home.office.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit WHERE action = 'chain.anchor'")).scalar_one() <= 2


CHANGES: dict[str, tuple[str, int]] = {
    "edited": ("UPDATE audit SET actor = 'nobody' WHERE n = 3", 3),
    "deleted": ("DELETE FROM audit WHERE n = 2", 2),
    "cut short": ("DELETE FROM audit WHERE n > 4", 5),
    "emptied": ("DELETE FROM audit", 1),
    "payload edited": ("UPDATE audit SET payload = '{}' WHERE n = 5", 5),
}


@pytest.mark.parametrize("which", ["office", "exam"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_first_bad_entry_is_named(home_folder: Home, which: str, change: str) -> None:
    _acted(home_folder)
    statement, number = CHANGES[change]
    with getattr(home_folder, which).begin() as connection:
        connection.execute(text(statement))
    found = verify_home(home_folder)
    assert {one.number for one in found} == {number} and all({"office": "办公", "exam": "考场"}[which] in one.place for one in found)
    shown = CliRunner().invoke(app, ["audit", "verify", "--home", str(home_folder.root)])
    assert shown.exit_code == 1 and f"第 {number} 条" in shown.output and "封存" in shown.output


def test_reordered_entries_are_found(home_folder: Home) -> None:
    _acted(home_folder)
    with home_folder.office.begin() as connection:
        for a, b in ((3, 1003), (4, 3), (1003, 4)):
            connection.execute(text(f"UPDATE audit SET n = {b} WHERE n = {a}"))
    assert verify_home(home_folder)[0].number == 3


def test_the_command_says_that_all_is_whole(home_folder: Home) -> None:
    _acted(home_folder)
    shown = CliRunner().invoke(app, ["audit", "verify", "--home", str(home_folder.root)])
    assert shown.exit_code == 0 and "完整" in shown.output
    assert CliRunner().invoke(app, ["audit", "verify", "--home", "/nonexistent"]).exit_code == 2


def test_a_sitting_that_the_office_does_not_know_is_told(any_home: Home) -> None:
    """As it is where office.db was lost or put back from before: nobody would close the sitting."""
    _acted(any_home)
    open_demo(any_home, sitting="stray", first_no=10)
    (found,) = verify_home(any_home)
    assert str(found).startswith("stray 的场次：考场数据里有，办公数据里没有")
    shown = CliRunner().invoke(app, ["audit", "verify", "--home", str(any_home.root)])
    assert shown.exit_code == 1 and "stray 的场次" in shown.output and "完整" not in shown.output
