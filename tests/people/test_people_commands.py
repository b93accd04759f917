from __future__ import annotations

import os
import pty
import subprocess
import sys

from people_fixture import number_of, person_line, roster_xlsx
from sqlalchemy import func, select
from typer.testing import CliRunner

from people.accounts import authenticate
from people.commands import commands
from people.tables import person

PASSWORD = "correct horse battery"


def run(*arguments, text=None):
    return CliRunner().invoke(commands, [str(one) for one in arguments], input=text, env={"COLUMNS": "200"})


def persons(home) -> int:
    with home.office.connect() as connection:
        return connection.execute(select(func.count()).select_from(person)).scalar_one()


def test_importing_a_roster(home_folder, tmp_path):
    file = tmp_path / "名单.xlsx"
    file.write_bytes(roster_xlsx([person_line(1), person_line(2)]))
    trial = run("import", file, "--home", home_folder.root, "--dry-run")
    assert trial.exit_code == 0 and "没有写入" in trial.output and persons(home_folder) == 0
    done = run("import", file, "--home", home_folder.root)
    assert done.exit_code == 0 and "新增 2 人" in done.output and persons(home_folder) == 2
    file.write_bytes(roster_xlsx([(*person_line(1)[:11], "13900000000", "")]))
    assert "13900000000" in run("import", file, "--home", home_folder.root).output


def test_a_bad_roster_lists_every_fault_and_writes_nothing(home_folder, tmp_path):
    file = tmp_path / "a.xlsx"
    file.write_bytes(roster_xlsx([person_line(1), (2, "[red]李四", "4.40524E+17", *person_line(2)[3:]), (3, "", number_of(3), *person_line(3)[3:])]))
    result = run("import", file, "--home", home_folder.root)
    assert result.exit_code == 1 and persons(home_folder) == 0
    assert f"{file}:名单:3: 身份证号" in result.output and f"{file}:名单:4: 姓名" in result.output and "共 2 处" in result.output
    file.write_bytes(b"nonsense\xff\xfe\x00")
    assert run("import", file, "--home", home_folder.root).exit_code == 1


def test_wrong_usage_is_two(home_folder, tmp_path):
    file = tmp_path / "a.xlsx"
    file.write_bytes(b"")
    for arguments in (("import", tmp_path / "none.xlsx", "--home", home_folder.root), ("import", file), ("import", file, "--home", tmp_path)):
        assert run(*arguments).exit_code == 2


def test_staff_by_standard_input(home_folder):
    arguments = ("add-staff", "wangfang", "--name", "王芳", "--role", "exam_officer", "--role", "hr", "--home", home_folder.root)
    assert run(*arguments, "--password-stdin", text="short\n").exit_code == 1
    assert run(*arguments, text=PASSWORD).exit_code == 1, "not a terminal"
    assert run(*arguments, "--password-stdin", text=PASSWORD + "\n").exit_code == 0
    assert run(*arguments, "--password-stdin", text=PASSWORD + "\n").exit_code == 1
    listed = run("list-staff", "--home", home_folder.root).output
    assert "wangfang" in listed and "考务、人事" in listed and "在用" in listed
    reset = ("set-password", "wangfang", "--home", home_folder.root, "--password-stdin")
    assert run(*reset, text="short\n").exit_code == 1 and run(*reset, text="another long sentence\n").exit_code == 0
    with home_folder.office.connect() as connection:
        assert authenticate(connection, "wangfang", "another long sentence").name == "王芳"
    assert run("set-password", "nobody", "--home", home_folder.root, "--password-stdin", text=PASSWORD).exit_code == 1
    assert run("disable-staff", "wangfang", "--home", home_folder.root).exit_code == 0
    assert "停用" in run("list-staff", "--home", home_folder.root).output
    assert run("disable-staff", "nobody", "--home", home_folder.root).exit_code == 1


def test_a_terminal_asks_twice(home_folder):
    def typed(first: str, second: str) -> tuple[int, str]:
        code = "from people.commands import commands; commands()"
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", code, "add-staff", "liming", "--name", "李明", "--role", "hr", "--home", str(home_folder.root)],
            stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
        )  # fmt: skip
        os.close(follower)
        seen = ""
        for prompt, answer in (("口令：", first), ("再输一次：", second)):
            while prompt not in seen:
                seen += os.read(leader, 4096).decode(errors="replace")
            os.write(leader, answer.encode() + b"\n")
        code_ = process.wait(30)
        seen += os.read(leader, 4096).decode(errors="replace")
        os.close(leader)
        return code_, seen

    code, seen = typed(PASSWORD, PASSWORD + "x")
    assert code == 1 and "两次输入的口令不同" in seen and PASSWORD not in seen
    code, seen = typed(PASSWORD, PASSWORD)
    assert code == 0 and "已建立工作账号" in seen and PASSWORD not in seen
