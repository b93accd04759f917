"""``pufa audit verify``: whether anything on file was changed, taken away or moved since it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from exams.anchors import verify_home
from home import Home, HomeError

commands = typer.Typer(help="操作记录：核验是否被改动。", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


@commands.callback()
def _group() -> None:
    """操作记录：核验是否被改动。"""


@commands.command("verify")
def verify(home: Annotated[Path, typer.Option("--home", help="数据文件夹（pufa init 所建），或恢复出来的备份")]) -> None:
    """核验两份操作记录、每场考试的保存记录和交卷回执；不需要服务在运行。"""
    try:
        where = Home.open(home)
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(2) from None
    found = verify_home(where)
    where.close()
    for one in found:
        console.print(str(one), style="red")
    if found:
        console.print("请立即封存数据文件夹，报告主管单位；不要再在上面办事。", style="bold red")
        raise typer.Exit(1)
    console.print("完整：两份操作记录、各场保存记录和交卷回执都对得上。", style="green")
