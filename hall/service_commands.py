"""``pufa upgrade`` and ``pufa share``: what the system services need before they start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grading.worker import lock_home
from hall.sharing import service_ids
from hall.sharing import share as share_home
from home import Home, HomeError

console = Console(markup=False, highlight=False, soft_wrap=True)
HomeOption = Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹（pufa init 所建）")]


def upgrade(home: HomeOption) -> None:
    """把数据库升级到本版软件；已是最新的不变。服务须停着。"""
    try:
        where = Home.open(home)
        with lock_home(where):
            where.migrate()
        where.close()
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None
    console.print(f"{where.root}：数据库已是本版")


def share(home: HomeOption) -> None:
    """装成系统服务时用：让考场、办公、后台三个系统用户各得其所（要 root，服务须停着）。"""
    try:
        where = Home.open(home)
        with lock_home(where):
            count = share_home(where, service_ids())
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None
    console.print(f"{where.root}：{count} 个文件和文件夹已设好属主和权限")
