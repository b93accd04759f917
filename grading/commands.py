"""``pufa grade`` and ``pufa records``: marking, issuing and exporting from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from exams.errors import ExamsError
from exams.sittings import get_sitting
from grading.errors import GradingError
from grading.exports import FORMATS, export_list
from grading.jobs import grade_sitting, told
from grading.lists.asking import scope_of
from grading.lists.kinds import LISTS, list_of
from grading.outcome import OUTCOMES
from grading.records import damaged_records, issue_records, public_key
from home import Home, HomeError

records = typer.Typer(help="成绩记录：签发、导出、核验。", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)
HomeOption = Annotated[Path, typer.Option("--home", help="数据文件夹（pufa init 所建）")]
SittingArgument = Annotated[str, typer.Argument(help="考试编号；pufa sitting status 列出全部")]
BY = "command"


@contextmanager
def _home(folder: Path) -> Iterator[Home]:
    """An open home; what is wrong with content or data is told, exit code 1."""
    try:
        home = Home.open(folder)
    except HomeError as error:
        errors.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    try:
        yield home
    except (ExamsError, GradingError) as error:
        errors.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    finally:
        home.close()


def grade(sitting: SittingArgument, home: HomeOption) -> None:
    """阅卷：评阅已交的答卷，收回 formgrader 里的人工评分，写入 nbgrader 成绩册。"""
    with _home(home) as where, Progress(console=errors, transient=True) as progress:
        task = progress.add_task("阅卷", total=100)
        result, refused = grade_sitting(where, sitting, BY, lambda percent: progress.update(task, completed=percent))
        progress.update(task, completed=100)
    console.print(told(result, refused), markup=False)


@records.command("issue")
def issue(sitting: SittingArgument, home: HomeOption) -> None:
    """签发成绩记录：每名考生一份，签名后不可改；有变化的另发一份更正。"""
    with _home(home) as where:
        done = issue_records(where, sitting, BY)
    counts = "、".join(f"{OUTCOMES[code].title} {n}" for code, n in done.outcomes.items())
    console.print(f"已签发 {done.issued} 份（其中更正 {done.superseded} 份），未变 {done.unchanged} 份：{counts}")


@records.command("export")
def export(
    home: HomeOption,
    form: Annotated[str, typer.Option("--format", help=" / ".join(FORMATS))],
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件")],
    sitting: Annotated[list[str] | None, typer.Option("--sitting", help="只导出这一场，可以写几次；不写则全部")] = None,
    name: Annotated[str, typer.Option("--list", help="名册：" + "、".join(LISTS))] = "scores",
    columns: Annotated[str | None, typer.Option("--columns", help="列方案的名字；不写用标准方案")] = None,
    since: Annotated[str, typer.Option("--from", help="从哪天开考的起，如 2026-01-01")] = "",
    until: Annotated[str, typer.Option("--to", help="到哪天开考的止")] = "",
    formal: Annotated[bool, typer.Option("--formal", help="只要正式考试")] = False,
    person: Annotated[str, typer.Option("--person", help="个人成绩单：这个人的准考证号")] = "",
    days: Annotated[int, typer.Option("--days", help="到期预警表：30、60 或 90 天内")] = 90,
) -> None:
    """导出名册：成绩册、合格名册、补考名单、统计汇总表等，XLSX（A4 可打印）、CSV（带 BOM）、PDF 或 JSON。"""
    if form not in FORMATS:
        errors.print(f"没有“{form}”这种格式；可用：{'、'.join(FORMATS)}", style="red", markup=False)
        raise typer.Exit(2)
    with _home(home) as where:
        with where.office.connect() as connection:
            scope = scope_of(connection, list_of(name), sittings=sitting or (), since=since, until=until, formal=formal,
                             admission_no=person, days=days)  # fmt: skip
        done = export_list(where, name, scope, form, out, BY, columns)
    console.print(f"已写入 {done.path}：{done.rows} 行", markup=False)
    console.print(done.line, markup=False)


@records.command("verify")
def verify(sitting: SittingArgument, home: HomeOption) -> None:
    """核验签名：列出签发后被改动过的成绩记录。"""
    with _home(home) as where:
        with where.office.connect() as connection:
            get_sitting(connection, sitting)
        bad, key = damaged_records(where, sitting), public_key(where).hex()
    for ident in bad:
        errors.print(f"{ident}：签发后被改动；请从备份核对，并按更正程序重新签发", style="red", markup=False)
    if bad:
        raise typer.Exit(1)
    console.print(f"全部成绩记录与签名一致。公钥：{key}")
