"""``pufa people``: rosters and staff accounts from the command line."""

from __future__ import annotations

import getpass
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from home import Home, HomeError, transaction
from people.account_links import find_person, link_account, linked_persons, unlink_account
from people.accounts import (
    ROLES,
    add_account,
    check_password,
    disable_account,
    find_account,
    grant_role,
    list_accounts,
    revoke_role,
    set_password,
)
from people.change_commands import mount
from people.errors import AccountError, PeopleError, RosterError
from people.persons import ImportResult, import_roster, rehearsal
from people.roster import Roster, read_roster_file

commands = typer.Typer(help="人员、名单与工作账号。", no_args_is_help=True)
mount(commands)
console = Console(markup=False, highlight=False, soft_wrap=True)
HomeOption = Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹（pufa init 所建）")]
_SHOWN = 50


def _home(folder: Path) -> Home:
    try:
        return Home.open(folder)
    except HomeError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None


def _refuse(error: PeopleError) -> typer.Exit:
    console.print(str(error), style="red", markup=False)
    return typer.Exit(1)


@commands.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="名单：.xlsx 或 .csv", exists=True, dir_okay=False, readable=True)],
    home: HomeOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只核对，不写入")] = False,
) -> None:
    """导入人员名单；有任何一处错误就整份不导入，并列出全部错误。"""
    where = _home(home)
    try:
        roster = read_roster_file(file, date.today())
        with rehearsal(where.office) if dry_run else transaction(where.office) as connection:
            result = import_roster(connection, where.key("identity"), roster, "command")
    except RosterError as error:
        for fault in error.faults:
            console.print(_placed(file, fault), style="red", markup=False)
        console.print(f"共 {len(error.faults)} 处错误，没有写入任何内容。")
        raise typer.Exit(1) from None
    finally:
        where.close()
    _show(file, roster, result, dry_run)


def _placed(file: Path, fault: object) -> str:
    """A fault with its file before it; the one table of a CSV file is named like the file."""
    return f"{file}:{str(fault).removeprefix(f'{file.name}:')}"


def _show(file: Path, roster: Roster, result: ImportResult, dry_run: bool) -> None:
    for warning in roster.warnings[:_SHOWN]:
        console.print(f"提醒 {_placed(file, warning)}", style="yellow", markup=False)
    if len(roster.warnings) > _SHOWN:
        console.print(f"……另有 {len(roster.warnings) - _SHOWN} 条提醒")
    if result.changed:
        table = Table("姓名", "证件号码", "变化", "原来", "现在", title="已登记人员的变化")
        for change in result.changed[:_SHOWN]:
            table.add_row(change.name, change.masked, change.what, change.old, change.new)
        console.print(table)
    done = "核对无误，没有写入（--dry-run）" if dry_run else "已导入"
    console.print(f"{done}：新增 {result.new} 人，已登记 {result.known} 人，变化 {len(result.changed)} 处，新单位 {len(result.new_units)} 个")


@commands.command("add-staff")
def add_staff(
    login: Annotated[str, typer.Argument(help="登录名：小写字母、数字，以字母开头")],
    name: Annotated[str, typer.Option(help="姓名")],
    role: Annotated[list[str], typer.Option(help="角色，可多次给出：" + "、".join(f"{key} {one.title}" for key, one in ROLES.items()))],
    home: HomeOption,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="从标准输入读一行作口令")] = False,
) -> None:
    """新建工作账号。口令在终端上输入两次，不显示，至少 12 个字符。"""
    where = _home(home)
    try:
        password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _ask_password(login)
        with transaction(where.office) as connection:
            add_account(connection, login, name, password, role, "command")
    except AccountError as error:
        raise _refuse(error) from None
    finally:
        where.close()
    console.print(f"已建立工作账号“{login}”（{name}）。", markup=False)


def _ask_password(login: str) -> str:
    if not sys.stdin.isatty():
        raise AccountError("这里不是终端，无法输入口令；请用 --password-stdin")
    password = getpass.getpass("口令：")
    check_password(login, password)
    if getpass.getpass("再输一次：") != password:
        raise AccountError("两次输入的口令不同，没有建立账号")
    return password


@commands.command("set-password")
def set_password_(
    login: str,
    home: HomeOption,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="从标准输入读一行作口令")] = False,
) -> None:
    """为忘记口令的工作人员重设口令；他在各处的登录随即退出。"""
    where = _home(home)
    try:
        with where.office.connect() as connection:
            known = find_account(connection, login)
        password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _ask_password(known.login)
        with transaction(where.office) as connection:
            set_password(connection, known.id, password, "command")
    except AccountError as error:
        raise _refuse(error) from None
    finally:
        where.close()
    console.print(f"已重设“{known.login}”的口令。", markup=False)


@commands.command("list-staff")
def list_staff(home: HomeOption) -> None:
    """列出工作账号。"""
    where = _home(home)
    table = Table("登录名", "姓名", "角色", "关联人员", "状态")
    with where.office.connect() as connection:
        persons = linked_persons(connection)
        for one in list_accounts(connection):
            linked = persons.get(one.id)
            table.add_row(one.login, one.name, one.role_titles, f"{linked.name} {linked.masked}" if linked else "", "停用" if one.disabled else "在用")
    where.close()
    console.print(table)


@commands.command("disable-staff")
def disable_staff(login: str, home: HomeOption) -> None:
    """停用工作账号；它做过的事仍留在记录里。"""
    where = _home(home)
    try:
        with transaction(where.office) as connection:
            disable_account(connection, login, "command")
    except AccountError as error:
        raise _refuse(error) from None
    finally:
        where.close()
    console.print(f"已停用“{login}”。", markup=False)


@commands.command("grant-role")
def grant_role_(login: str, role: str, home: HomeOption) -> None:
    """给工作账号加一个角色。"""
    where = _home(home)
    try:
        with transaction(where.office) as connection:
            grant_role(connection, login, role, "command")
    except AccountError as error:
        raise _refuse(error) from None
    finally:
        where.close()
    console.print(f"已授予“{login}”{ROLES[role].title}。", markup=False)


@commands.command("revoke-role")
def revoke_role_(login: str, role: str, home: HomeOption) -> None:
    """收回工作账号的一个角色；以前用它做过的事仍留在记录里。"""
    where = _home(home)
    try:
        with transaction(where.office) as connection:
            revoke_role(connection, login, role, "command")
    except AccountError as error:
        raise _refuse(error) from None
    finally:
        where.close()
    console.print(f"已收回“{login}”的{ROLES[role].title if role in ROLES else role}。", markup=False)


@commands.command("link-staff")
def link_staff(
    login: str,
    home: HomeOption,
    person: Annotated[int | None, typer.Option(help="人员编号")] = None,
    identity_stdin: Annotated[bool, typer.Option("--identity-stdin", help="从标准输入读一行证件号码，按号码找人")] = False,
    none: Annotated[bool, typer.Option("--none", help="取消关联")] = False,
) -> None:
    """说明工作账号是谁在用：本人参加的考试，本人不能阅卷。证件号码不写在命令里，以免留在命令历史中。"""
    if sum((person is not None, identity_stdin, none)) != 1:
        console.print("请在 --person、--identity-stdin、--none 中写一个", style="red")
        raise typer.Exit(2)
    where = _home(home)
    try:
        with transaction(where.office) as connection:
            if none:
                unlink_account(connection, login, "command")
                told = f"已取消“{login}”的关联。"
            else:
                found = person
                if found is None:
                    found = find_person(connection, where.key("identity"), sys.stdin.readline(), date.today()).id
                linked = link_account(connection, login, found, "command")
                told = f"“{login}”已关联 {linked.name}（{linked.masked}）。"
    except AccountError as error:
        raise _refuse(error) from None
    finally:
        where.close()
    console.print(told, markup=False)
