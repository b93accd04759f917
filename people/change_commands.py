"""``pufa people rename-unit | merge-units | leave``: what becomes of units and persons, with the ground it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy import Connection

from home import Home, HomeError, transaction
from people.changes import find_unit, leave, merge_units, rename_unit
from people.errors import PeopleError

console = Console(markup=False, highlight=False, soft_wrap=True)
HomeOption = Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹（pufa init 所建）")]
ReasonOption = Annotated[str, typer.Option("--reason", help="依据：文号、原因")]
DayOption = Annotated[str, typer.Option("--on", help="哪一天，如 2026-03-01；不写为今天")]
BY = "command"


@contextmanager
def _work(folder: Path) -> Iterator[Connection]:
    """One transaction on office.db; what is wrong is told, exit code 1."""
    try:
        home = Home.open(folder)
    except HomeError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    try:
        with transaction(home.office) as connection:
            yield connection
    except PeopleError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    finally:
        home.close()


def _day(text: str) -> date:
    if not text:
        return date.today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PeopleError(f"日期“{text[:20]}”应写成 2026-03-01 的样子") from None


def rename(
    old: Annotated[str, typer.Argument(help="现在的名称")], new: Annotated[str, typer.Argument(help="新名称")], home: HomeOption, reason: ReasonOption
) -> None:
    """单位更名：旧名称仍指向这个单位，以前的名册和成绩记录不变。"""
    with _work(home) as connection:
        rename_unit(connection, find_unit(connection, old), new, by=BY, reason=reason)
    console.print(f"“{old}”已更名为“{new.strip()}”。", markup=False)


def merge(
    old: Annotated[str, typer.Argument(help="被合并的单位")], into: Annotated[str, typer.Argument(help="并入的单位")], home: HomeOption,
    reason: ReasonOption, on: DayOption = "",
) -> None:  # fmt: skip
    """单位合并：人员、职务、下级单位转到并入的单位，以前的名册和成绩记录不变。"""
    with _work(home) as connection:
        moved = merge_units(connection, find_unit(connection, old), find_unit(connection, into), on_day=_day(on), by=BY, reason=reason)
    console.print(f"“{old}”已并入“{into}”，转移 {moved} 人。户数、常住人口、网格数、在岗人数两边都登记过的已相加；请核对，不对的用“单位”表重报。", markup=False)


def leaving(
    person: Annotated[int, typer.Option("--person", help="人员编号（个人页面地址里的数字）")], home: HomeOption, reason: ReasonOption, on: DayOption = ""
) -> None:
    """人员离开（退休、辞职、调出）：不再提醒到期，成绩和证书记录保留。"""
    with _work(home) as connection:
        leave(connection, person, _day(on), by=BY, reason=reason)
    console.print("已登记离开。")


def mount(commands: typer.Typer) -> None:
    """Add these commands to ``pufa people``."""
    for name, work in (("rename-unit", rename), ("merge-units", merge), ("leave", leaving)):
        commands.command(name)(work)
