"""The rehearsal plays a real sitting, and it can fail: what is tampered with from outside is named."""

from __future__ import annotations

import os
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from hall.rehearsal import command
from hall.rehearsal.cast import BEHAVIOURS, cast
from hall.rehearsal.checks import Finding
from hall.rehearsal.stage import write_roster
from home import Home
from people.identity import check_digit
from pufa import app


def test_with_faults_everything_holds() -> None:
    before = set(Path("/tmp").glob("pufa-rehearsal*/disk/home"))
    found = command.run(11, 7, faults=True)
    assert [one for one in found if one.held is False] == []
    tried = {one.case for one in found if one.held}
    assert tried >= {"A1", "A14", "B6", "B8", "C1", "C2", "C3", "C5", "F10", "G1", "I1", "J1", "K3"} | ({"A3"} if os.geteuid() == 0 else set())
    assert set(Path("/tmp").glob("pufa-rehearsal*/disk/home")) <= before, "nothing is left behind"


def test_on_postgresql_without_faults(postgres_url: str) -> None:
    admin = create_engine(postgres_url)
    with admin.begin() as connection:
        for schema in ("exam", "office"):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
    admin.dispose()
    found = command.run(3, 1, faults=False, db=postgres_url)
    assert [one for one in found if one.held is False] == []


def _sql(home: Home, which: str, statement: str) -> None:
    with getattr(home, which).begin() as connection:
        assert connection.exec_driver_sql(statement).rowcount


def _lose_a_save(home: Home) -> None:
    _sql(home, "exam", "DELETE FROM save WHERE chain_n = 5")


def _change_a_script(home: Home) -> None:
    _sql(home, "office", '''UPDATE script SET answers = replace(answers, '"A"', '"B"') WHERE answers LIKE '%"A"%' ''')


def test_what_was_tampered_with_is_found() -> None:
    def tamper(home: Home) -> None:
        _lose_a_save(home)
        _change_a_script(home)

    found = command.run(3, 2, faults=False, tamper=tamper)
    wrong = {one.title for one in found if one.held is False}
    assert wrong >= {"得到确认的答案都在", "保存记录和操作记录的校验链完整", "收上来的答卷与考生最后看到的一致"}


def test_the_command_says_it_in_one_sentence_and_by_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "考场被强行结束以后自动恢复，得到确认的答案一个不少地都在，考生接着答"
    held, broken = Finding("A1", long, True, "确认 9 次"), Finding("A1", "得到确认的答案都在", False, "丢失 1 次")
    for findings, code, words in (([held], 0, "可以开考"), ([held, broken], 1, "先不要开考")):
        monkeypatch.setattr(command, "run", lambda *_given, result=findings, **_more: result)
        shown = CliRunner().invoke(app, ["rehearse", "--candidates", "5", "--seed", "3"])
        assert shown.exit_code == code and words in shown.output and "种子 3" in shown.output
        assert "[" not in shown.output and "符合" in shown.output, "what the table's style is made of is not shown"
        assert long in "".join(line.split("│")[2].strip() for line in shown.output.splitlines() if line.count("│") == 5), "nothing is cut off"


def test_a_machine_that_cannot_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command.Server, "start", lambda _self: (_ for _ in ()).throw(command.StageError("服务没有启动起来")))
    shown = CliRunner().invoke(app, ["rehearse", "--candidates", "3"])
    assert shown.exit_code == 1 and "没有进行下去" in shown.output


def test_the_cast_is_the_same_for_a_seed_and_has_everybody(tmp_path: Path) -> None:
    people = cast(22, 5, faults=True)
    assert people == cast(22, 5, faults=True) and {one.behaviour for one in people} == set(BEHAVIOURS)
    assert len({one.identity for one in cast(3000, 1, faults=False)}) == 3000
    assert all(check_digit(one.identity[:17]) == one.identity[17] for one in people)
    write_roster(tmp_path / "r.xlsx", people)
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert book.active is not None and book.active.max_row == 23
    book.close()
