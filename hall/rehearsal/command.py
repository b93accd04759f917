"""``pufa rehearse``: play a sitting, print what held, exit 1 if anything did not."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table
from rich.text import Text
from sqlalchemy.exc import OperationalError

from hall.rehearsal.cast import cast
from hall.rehearsal.checks import Finding, findings
from hall.rehearsal.play import play
from hall.rehearsal.stage import SITTING, Server, StageError, do_job, furnish, small_disk
from home import Home, HomeError
from logs import db_message

console = Console(markup=False, highlight=False)
SIGNS = {True: ("符合", "green"), False: ("不符合", "bold red"), None: ("未做", "dim")}


def rehearse(
    candidates: Annotated[int, typer.Option(help="多少人应考", min=2, max=5000)] = 30,
    faults: Annotated[bool, typer.Option("--faults", help="加上故障：强行结束考场、断线、慢网、硬盘满、换电脑、两个页面、全场暂停……")] = False,
    db: Annotated[str | None, typer.Option(help="在这个空的 PostgreSQL 上演练；不给则用 SQLite")] = None,
    seed: Annotated[int | None, typer.Option(help="重演某一次：那次显示的种子")] = None,
) -> None:
    """考前演练：在临时文件夹里用真的服务办一场考试，逐项核对，不碰任何正式数据。"""
    seed = secrets.randbelow(2**32) if seed is None else seed
    console.print(f"演练 {candidates} 人{'，带故障' if faults else ''}，种子 {seed}")
    try:
        found = run(candidates, seed, faults=faults, db=db)
    except (StageError, HomeError, OSError, OperationalError) as error:
        console.print(f"演练没有进行下去：{db_message(error) if isinstance(error, OperationalError) else error}", style="red", soft_wrap=True)
        raise typer.Exit(1) from None
    report(found)
    if any(one.held is False for one in found):
        raise typer.Exit(1)


def run(candidates: int, seed: int, *, faults: bool, db: str | None = None, tamper: Callable[[Home], None] = lambda _home: None) -> list[Finding]:
    """The whole rehearsal in a folder of its own; ``tamper`` is called before marking (tests show there that a fault is found).

    :raises StageError: this machine cannot run it.
    """
    people = cast(candidates, seed, faults=faults)
    with tempfile.TemporaryDirectory(prefix="pufa-rehearsal") as folder, small_disk(Path(folder) / "disk") as limited:
        home = Home.create(Path(folder) / "disk" / "home", "考前演练", db)
        server = Server(home, Path(folder) / "serve.log")
        try:
            slips = furnish(home, people)
            server.start()
            with _progress() as progress:
                task = progress.add_task("考生作答", total=candidates)
                played = asyncio.run(play(
                    home, server, people, slips, faults=faults, may_fill=limited and faults and db is None, told=lambda n: progress.update(task, completed=n)))  # fmt: skip
            console.print("收卷、阅卷、签发、导出……")
            do_job(home, "close", sitting=SITTING)
            tamper(home)
            do_job(home, "grade", sitting=SITTING)
            do_job(home, "issue_records", sitting=SITTING)
            do_job(home, "export", sitting=SITTING, format="xlsx")
            listing = max(home.exports.glob("*.xlsx"), key=lambda path: path.stat().st_mtime).name
            return findings(home, played, listing)
        finally:
            if hasattr(server, "process"):
                server.stop()
            home.close()


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console, transient=True)


def report(found: list[Finding]) -> None:
    """The table, and one sentence."""
    table = Table("编号", Column("核对什么", overflow="fold"), "结果", Column("数字", overflow="fold"))
    for one in found:
        word, style = SIGNS[one.held]
        table.add_row(one.case, one.title, Text(word, style), one.figures)
    console.print(table)
    wrong = [one.title for one in found if one.held is False]
    if wrong:
        console.print(f"有 {len(wrong)} 项不符合：{'、'.join(wrong)}。先不要开考，把这张表交给技术人员。", style="bold red")
    else:
        console.print("全部符合，可以开考。", style="bold green")
