"""``pufa bank sign``: the office's own sign-off from the command line, behind the same login as the office's page."""

from __future__ import annotations

import getpass
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from home import BEIJING, Home, HomeError, now_ms, transaction
from people.accounts import authenticate
from people.errors import LoginRefused
from question_bank.account_signoff import Signer, answer_blind, return_item, sign
from question_bank.bank import Bank
from question_bank.errors import BankError, SignOffError
from question_bank.registry import Registry
from question_bank.signoff import SignOffs
from question_bank.terminal import item_panel

console = Console(markup=False, highlight=False, soft_wrap=True)


def _log_in(home: Home, login: str, from_stdin: bool) -> Signer:
    password = sys.stdin.readline().rstrip("\r\n") if from_stdin else getpass.getpass("口令：")
    with home.office.connect() as connection:
        known = authenticate(connection, login, password)
    if "reviewer" not in known.roles:
        raise SignOffError(f"“{known.login}”没有审题人岗位，不能审签；请系统管理员授予")
    return Signer(known.login, known.name)


def sign_command(
    item: Annotated[str, typer.Argument(help="题号", metavar="题号")],
    login: Annotated[str, typer.Option(help="审题人的登录名")],
    home: Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹（题库在其 secret/bank 里）")],
    answer: Annotated[str, typer.Option(help="先遮住答案作答，如 AC；主观题写要点", metavar="作答")] = "",
    basis: Annotated[str, typer.Option(help="作答依据，如：民法典第278条", metavar="文字")] = "",
    approve: Annotated[bool, typer.Option("--approve", help="审签，可用于正式考试")] = False,
    return_: Annotated[str, typer.Option("--return", help="退回，写明理由", metavar="理由")] = "",
    note: Annotated[str, typer.Option(help="审签说明", metavar="文字")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="从标准输入读一行作口令")] = False,
) -> None:
    """本单位审定一道题：登录后先作答，再看答案，然后审签或者退回。记在题库旁和操作日志里。"""
    if sum(map(bool, (answer, approve, return_))) != 1:
        console.print("请在 --answer、--approve、--return 中写一个", style="red")
        raise typer.Exit(2)
    try:
        where = Home.open(home)
    except HomeError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    try:
        signer = _log_in(where, login, password_stdin)
        folder = where.secret / "bank"
        bank, known = Bank.read(folder), SignOffs.read(folder)
        if item not in bank:
            raise SignOffError(f"题库里没有 {item[:60]}；请核对题号")
        hash_ = bank.item_hash(item, Registry.read(), datetime.now(BEIJING).date())
        if answer:
            answer_blind(known, bank[item], hash_, signer, now_ms(), answer, basis)
            console.print(item_panel(bank[item], with_key=True))
            return
        with transaction(where.office) as connection:
            if approve:
                sign(connection, known, bank[item], hash_, signer, now_ms(), note)
            else:
                return_item(connection, known, bank[item], hash_, signer, now_ms(), return_)
    except (BankError, LoginRefused) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    finally:
        where.close()
    console.print(f"{signer.name}（{signer.login}）已{'审签' if approve else '退回'} {item}。", markup=False)
