"""``pufa retention``: what is due, and holds. Erasing itself needs two people and is done from the office's page."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from grading.retention.holds import lift_hold, place_hold, standing_holds
from grading.retention.plan import make_plan
from grading.retention.policy import CLASSES
from grading.terminal import BY, HomeOption, console, open_home
from home import now_ms, transaction

commands = typer.Typer(help="保存期限：看哪些内容到期，登记或解除暂缓删除。", no_args_is_help=True)


@commands.command("plan")
def plan(home: HomeOption) -> None:
    """列出到期的内容，什么也不删。"""
    with open_home(home) as where:
        found = make_plan(where, now_ms())
    table = Table("类别", "哪一场、哪一件", "数量", "")
    for piece in (*found.due, *found.held):
        table.add_row(CLASSES[piece.kind], piece.title, str(piece.rows), "暂缓删除" if piece.held else "到期")
    console.print(table)
    console.print(f"到期 {len(found.due)} 项，暂缓 {len(found.held)} 项。删除要两人在办公页面“保存期限”办理。")


@commands.command("hold")
def hold(
    subject: Annotated[str, typer.Argument(help="考试编号（sitting/编号）、准考证号（或 person/编号），或 * 表示全部")],
    reason: Annotated[str, typer.Option(help="事由")],
    home: HomeOption,
    document: Annotated[str, typer.Option(help="文号")] = "",
) -> None:
    """登记暂缓删除：解除之前，相关内容到期也不删。"""
    with open_home(home) as where, transaction(where.office) as connection:
        number = place_hold(connection, subject, reason=reason, document_no=document, by=BY)
    console.print(f"已登记，编号 {number}")


@commands.command("lift")
def lift(
    number: Annotated[int, typer.Argument(help="编号，见 pufa retention holds")],
    reason: Annotated[str, typer.Option(help="解除的事由")],
    home: HomeOption,
) -> None:
    """解除暂缓删除。"""
    with open_home(home) as where, transaction(where.office) as connection:
        lift_hold(connection, number, reason=reason, by=BY)
    console.print("已解除")


@commands.command("holds")
def holds(home: HomeOption) -> None:
    """列出还没有解除的暂缓删除。"""
    table = Table("编号", "对象", "事由", "文号", "谁登记")
    with open_home(home) as where, where.office.connect() as connection:
        for one in standing_holds(connection):
            table.add_row(str(one.id), one.subject, one.reason, one.document_no or "", one.by)
    console.print(table)
