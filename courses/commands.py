"""``pufa course``: begin a module, check modules, see one as a learner does, list them. Exit codes: 0 done, 1 content is wrong, 2 wrong usage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from courses.errors import CellFault, CourseError, ModuleFault
from courses.module import MODULES, Module, courses, learner_copy, module_paths, read_module, to_text
from courses.module_checks import Checking, check_module
from courses.preview import render
from courses.skeleton import new_module
from home import BEIJING, write_atomically
from question_bank.bank import Bank
from question_bank.errors import BankError
from question_bank.registry import Registry
from question_bank.statutes import read_statutes

commands = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

_NAME = re.compile(r"\d\d-[a-z0-9]+(?:-[a-z0-9]+)*")
FolderOption = Annotated[Path, typer.Option("--modules", help="课程文件夹；不写则用随软件提供的课程", metavar="文件夹", show_default=False)]
StatutesOption = Annotated[Path | None, typer.Option("--statutes", help="法规正文文件夹，用来查照抄", metavar="文件夹")]


@contextmanager
def told() -> Iterator[None]:
    """Turn errors of this room and of the bank into a message and exit code 1."""
    try:
        yield
    except (CourseError, BankError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or ''}：不能读写（{error.strerror}）；请核对路径、权限和磁盘空间")


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong and leave: 1 for content, 2 for usage."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


@commands.command()
def new(
    course: Annotated[str, typer.Argument(help="课程，如 community-law", metavar="课程")],
    name: Annotated[str, typer.Argument(help="序号和英文短名，如 03-owners-vote", metavar="NN-短名")],
    title: Annotated[str, typer.Option("--title", help="课名", metavar="课名")],
    modules: FolderOption = MODULES,
) -> None:
    """新建一课：写好各部分的骨架，要写的地方标着“待写”。"""
    if course not in courses():
        fail(f"没有课程 {course[:40]}；可选：{'、'.join(courses())}", 2)
    if not _NAME.fullmatch(name):
        fail(f"短名“{name[:40]}”应是两位数字加英文小写，如 03-owners-vote", 2)
    if not 2 <= len(title.strip()) <= 40:
        fail("课名应是 2 到 40 字", 2)
    path = modules / course / f"{name}.ipynb"
    if path.exists():
        fail(f"{path}：已经有这一课，没有改动；请换一个短名")
    with told():
        write_atomically(path, to_text(new_module(course, title.strip())))
    typer.echo(f"已新建 {path}\n在 JupyterLab 里写完后运行：pufa course check {path}")


@commands.command("check")
def check_command(
    paths: Annotated[list[Path] | None, typer.Argument(help="要查的课；不写则查全部", metavar="[文件…]")] = None,
    statutes: StatutesOption = None,
    modules: FolderOption = MODULES,
) -> None:
    """检查课程：结构、题目、依据、输出。问题写成 文件:格子:什么问题，0 指整课。"""
    with told():
        bank, registry = Bank.read(), Registry.read()
        texts = tuple((one.row["law"], "\n".join(one.articles.values())) for one in read_statutes(statutes)) if statutes else ()
    today = datetime.now(BEIJING).date()
    chosen = paths or module_paths(modules)
    faults: list[CellFault] = []
    for path in chosen:
        module, found = read_module(path)
        faults += found
        if module:
            faults += check_module(Checking(module, bank, registry, today, texts))
    for fault in faults:
        typer.echo(str(fault))
    typer.echo(f"查了 {len(chosen)} 课，按 {today} 的法律核对：{len(faults)} 个问题。")
    raise typer.Exit(1 if faults else 0)


@commands.command()
def preview(
    path: Annotated[Path, typer.Argument(help="一课的文件", metavar="文件")],
    out: Annotated[Path | None, typer.Option("--out", help="写到哪里：.html 为网页，.ipynb 为学员用的副本", metavar="文件")] = None,
) -> None:
    """看一课给学员的样子：运行全课，写成一个网页；讲师备注不在其中。"""
    target = out or Path(f"{path.stem}.html")
    if target.suffix not in (".html", ".ipynb"):
        fail(f"{target}：文件名应以 .html 或 .ipynb 结尾", 2)
    if target.resolve() == path.resolve():
        fail(f"{target}：不能写回原来的课；请换一个文件名", 2)
    with told():
        module = _read(path)
        if target.suffix == ".html":
            with Console(markup=False, stderr=True).status("正在运行全课……"):
                text = render(module)
        else:
            text = to_text(learner_copy(module))
        write_atomically(target, text)
    typer.echo(f"已写好 {target}")


@commands.command("list")
def list_command(modules: FolderOption = MODULES) -> None:
    """列出各门课程的课。"""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("课程", "文件", "课名", "分钟", "题数"):
        table.add_column(heading, justify="right" if heading in ("分钟", "题数") else "left")
    titles = courses()
    faults: list[CellFault] = []
    for path in module_paths(modules):
        module, found = read_module(path)
        faults += found
        if module:
            items = module.about.get("items")
            count = len(items) if isinstance(items, list) else 0
            table.add_row(titles[module.course], path.name, Text(module.title), Text(str(module.about.get("minutes", ""))[:4]), str(count))
    Console(markup=False).print(table)
    if faults:
        fail("\n".join(map(str, faults)))


def _read(path: Path) -> Module:
    module, faults = read_module(path)
    if module is None:
        raise ModuleFault(faults)
    return module
