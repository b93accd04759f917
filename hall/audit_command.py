"""``pufa audit verify``: whether anything on file was changed, taken away or moved since it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from exams.anchors import TITLES, Noted, ends, verify_home
from home import Home, HomeError

commands = typer.Typer(help="操作记录：核验是否被改动。", no_args_is_help=True)
console = Console(markup=False, highlight=False, soft_wrap=True)


@commands.callback()
def _group() -> None:
    """操作记录：核验是否被改动。"""


@commands.command("verify")
def verify(
    home: Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹（pufa init 所建），或恢复出来的备份")],
    noted: Annotated[list[str] | None, typer.Option(help="以前抄下的末条，如 office:120:3fa9…；可多次给出")] = None,
) -> None:
    """核验两份操作记录、每场考试的保存记录和交卷回执；不需要服务在运行。最后打印两份记录的末条，抄下来以后可核对。"""
    try:
        where = Home.open(home)
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(2) from None
    found, ended = verify_home(where, [_noted(text) for text in noted or ()]), ends(where)
    where.close()
    for one in found:
        console.print(str(one), style="red")
    if found:
        console.print("请立即封存数据文件夹，报告主管单位；不要再在上面办事。", style="bold red")
        raise typer.Exit(1)
    console.print("完整：两份操作记录、各场保存记录和交卷回执都对得上。", style="green")
    console.print("请把末条抄在本机以外（如收卷单上），以后用 --noted 核对；两份记录一起被截短，只有这样才看得出来：")
    for name, (number, head) in ended.items():
        console.print(f"{name}:{number}:{head}")


def _noted(text: str) -> Noted:
    chain, _, rest = text.strip().partition(":")
    number, _, head = rest.partition(":")
    if chain not in TITLES or not (number.isascii() and number.isdigit()) or len(head) != 64:
        console.print(f"--noted {text[:40]}：应写成 office:条数:校验值（64 位），照当时打印的抄", style="red", markup=False)
        raise typer.Exit(2)
    return Noted(chain, int(number), head.lower())
