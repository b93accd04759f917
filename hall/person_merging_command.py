"""``pufa people merge``: asks for two entries of one person to become one; the second person grants it on the office's page."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grading.errors import GradingError
from grading.person_merging import ask_to_merge, read_entry
from home import Home, HomeError, transaction
from people.account_links import find_person
from people.errors import PeopleError

console = Console(markup=False, highlight=False, soft_wrap=True)


def merge(
    home: Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹（pufa init 所建）")],
    reason: Annotated[str, typer.Option(help="核对依据")],
) -> None:
    """申请合并重复登记的人员。从标准输入读两行证件号码：先是保留的，再是并入的；号码不写在命令里，以免留在命令历史中。"""
    try:
        where = Home.open(home)
    except HomeError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    try:
        with transaction(where.office) as connection:
            ids = [find_person(connection, where.key("identity"), sys.stdin.readline(), date.today()).id for _ in range(2)]
            stays, goes = (read_entry(connection, one) for one in ids)
            ask_to_merge(connection, stays.id, goes.id, by="command", reason=reason)
    except (PeopleError, GradingError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    finally:
        where.close()
    console.print(f"把 {goes.name}（{goes.masked}；{goes.what}）并入 {stays.name}（{stays.masked}）。", markup=False)
    console.print("已提交申请。请一位工作人员在办公页面“待审批”核对、批准；批准后立即合并，不能撤销。")
