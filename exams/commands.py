"""``pufa exam``: draw papers into an nbgrader course folder, and prove what is in such a folder."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from exams.blueprint import FORM_NAMES, Blueprint
from exams.course_folder import write_course
from exams.draw_list import DrawList, draw_list
from exams.errors import ExamsError
from exams.forms import key_form, public_form
from exams.paper import Paper
from exams.program import seed_hash
from exams.verify import spread
from exams.verify_folder import verify_folder
from home import Home, HomeError
from question_bank.bank import Bank
from question_bank.errors import BankError
from question_bank.registry import Registry
from question_bank.signoff import SignOffs

commands = typer.Typer(help="试卷：组卷、核验。", no_args_is_help=True)
console = Console(markup=False)
errors = Console(markup=False, stderr=True)

BankOption = Annotated[Path | None, typer.Option("--bank", help="题库文件夹；不写则用随软件提供的题库")]


@contextmanager
def _faults_told() -> Iterator[None]:
    """Content that is wrong is told fault by fault, exit code 1."""
    try:
        yield
    except (ExamsError, BankError, HomeError) as error:
        errors.print(str(error), style="red", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1) from None


@commands.command("build")
def build(
    paper: Annotated[Path, typer.Argument(help="蓝图：TOML 文件，或随软件提供的名称，如 county_100")],
    out: Annotated[Path, typer.Option("--out", help="写到哪个新文件夹；其中有答案，须保密")],
    seed: Annotated[int | None, typer.Option(help="随机种子（演示、模拟用）；不写则由系统产生", min=0, max=2**128 - 1)] = None,
    bank: BankOption = None,
    forms: Annotated[int | None, typer.Option(help="平行卷份数，代替蓝图所写", min=1, max=len(FORM_NAMES))] = None,
    as_of: Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="按哪一天的现行法组卷；不写为今天")] = None,
) -> None:
    """按蓝图从题库抽题，组成平行卷，写成 nbgrader 课程文件夹。"""
    from exams.assembly import assemble  # loads scipy: only for those who build

    day = as_of.date() if as_of else datetime.now().astimezone().date()
    number = secrets.randbits(128) if seed is None else seed
    with _faults_told(), console.status("正在组卷…"):
        blueprint = Blueprint.read(paper)
        blueprint = blueprint.with_forms(forms) if forms else blueprint
        items = Bank.read(bank)
        listed = _listed(items, blueprint, bank, day)
        drawn = assemble(
            blueprint, items, paper_id=f"paper-{seed_hash(number)[:12]}", seed=number, as_of=day,
            hashes=listed.hashes, enemies=listed.enemies,
        )  # fmt: skip
        names = [form.form for form in drawn.forms]
        write_course(
            out, drawn, [public_form(drawn, name, blueprint, items) for name in names],
            [key_form(drawn, name, blueprint, items) for name in names], blueprint, number,
        )  # fmt: skip
    if listed.left_out:
        console.print(f"有 {len(listed.left_out)} 题没有参与抽题：", highlight=False)
        for slug, why in listed.left_out.items():
            console.print(f"  {slug}：{why}", highlight=False, soft_wrap=True, markup=False)
    _show(drawn, blueprint, items)
    console.print(f"已写入 {out}。文件夹内有答案和随机种子，须保密；只有 release 可以给考生。", highlight=False, soft_wrap=True, markup=False)


def _home(folder: Path) -> Home:
    try:
        return Home.open(folder)
    except HomeError as error:
        errors.print(str(error), style="red", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(2) from None


def _listed(items: Bank, blueprint: Blueprint, folder: Path | None, day: date) -> DrawList:
    return draw_list(items, Registry.read(), SignOffs.read(folder), day, blueprint.pools)


@commands.command("verify")
def verify(
    folder: Annotated[Path, typer.Argument(help="pufa exam build 写出的文件夹")],
    bank: BankOption = None,
) -> None:
    """不用求解器，逐项核验试卷是否符合蓝图：题数、分值、比例、难度、不重题、答案和文件。"""
    with _faults_told(), console.status("正在核验…"):
        checked = verify_folder(folder, Bank.read(bank), Registry.read())
    if checked.faults:
        errors.print("\n".join(map(str, checked.faults)), style="red", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1)
    _show(checked.paper, checked.blueprint, checked.bank)
    console.print("核验通过：符合蓝图，各卷没有相同的题，文件与题目一致。", highlight=False)


@commands.command("print")
def print_(
    source: Annotated[str, typer.Argument(help="pufa exam build 写出的文件夹；写了 --home 的，是考试编号")],
    home: Annotated[Path | None, typer.Option("--home", readable=False, help="数据文件夹；打印其中一场考试的试卷")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="试卷、答题纸写到哪个文件夹；写了 --home 的可以不写")] = None,
    sealed: Annotated[Path | None, typer.Option("--sealed", help="参考答案写到哪个文件夹，不能和试卷在一起；不写就不印答案")] = None,
    bank: BankOption = None,
) -> None:
    """印纸质考试用的试卷、答题纸，另印密封的参考答案及评分标准：每套卷各一份 DOCX 和 PDF。"""
    from exams.print.printing import from_course, print_keys, print_papers, print_sitting

    if home is None and out is None:
        errors.print("请写明 --out 文件夹（试卷、答题纸写到哪里）", style="red", markup=False)
        raise typer.Exit(2)
    known = None if home is None else _home(home)
    with _faults_told(), console.status("正在排版…"):
        if known is not None:
            files = print_sitting(known, source, "command", out, sealed)
            known.close()
        else:
            assert out is not None
            asked = from_course(Path(source), Bank.read(bank))
            files = print_keys(asked, sealed, out) if sealed else []  # first: it refuses to lie beside the papers
            files = [*print_papers(asked, out), *files]
    for path in files:
        console.print(str(path), highlight=False, soft_wrap=True, markup=False)
    console.print("试卷、答案在启用前属于秘密：专人打印、清点、密封。", highlight=False)


def _show(drawn: Paper, blueprint: Blueprint, items: Bank) -> None:
    scores = spread(drawn, blueprint, items)
    console.print(f"{blueprint.title}：{drawn.id}，按 {drawn.as_of} 的现行法", highlight=False, markup=False)
    table = Table()
    for name in ("卷", "题数", "满分", "预计平均分"):
        table.add_column(name, justify="right")
    for form in drawn.forms:
        table.add_row(form.form, str(len(form.questions)), str(blueprint.total), f"{float(scores.scores[form.form]):.2f}")
    console.print(table)
    console.print(f"各卷预计平均分最多相差 {float(scores.width):.2f} 分。", highlight=False)
