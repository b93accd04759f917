"""``pufa bank``: check, look, count, review, import and export. Exit codes: 0 done, 1 content is wrong, 2 wrong usage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from home import BEIJING, write_atomically
from question_bank.bank import SHIPPED, Bank, read_all
from question_bank.checks import Checking, check
from question_bank.counts import GROUPS, count, title_of
from question_bank.errors import ERROR, WARNING, BankError
from question_bank.registry import SHIPPED as SHIPPED_REGISTRY
from question_bank.registry import Registry, write_text
from question_bank.registry_build import build_registry, compare
from question_bank.review_commands import freeze_command, review_command
from question_bank.signoff import SignOffs
from question_bank.statutes import Statute, read_statutes
from question_bank.terminal import item_panel

commands = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

BankOption = Annotated[Path | None, typer.Option("--bank", help="题库文件夹；不写则用随软件提供的题库", metavar="文件夹")]
StatutesOption = Annotated[Path, typer.Option("--statutes", help="法规正文文件夹（含 INDEX.tsv）", metavar="文件夹")]
MaybeStatutes = Annotated[Path | None, typer.Option("--statutes", help="法规正文文件夹，用来核对照抄和摘要", metavar="文件夹")]
JsonOption = Annotated[bool, typer.Option("--json", help="以 JSON 输出，供其他程序使用")]


@contextmanager
def told() -> Iterator[None]:
    """Turn this room's errors into a message and exit code 1."""
    try:
        yield
    except BankError as error:
        fail(str(error))


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong and leave: 1 for content, 2 for usage."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def day_of(text: str | None) -> date:
    """An ISO day from the command line; today in Beijing if none is given."""
    try:
        return date.fromisoformat(text) if text else datetime.now(BEIJING).date()
    except ValueError:
        fail(f"日期“{text}”应写成 2026-11-23 的样子", 2)


@commands.command("check")
def check_command(
    bank: BankOption = None,
    statutes: MaybeStatutes = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="按哪一天的法律核对，如 2027-01-01；不写则为今天", metavar="日期")] = None,
    as_json: JsonOption = False,
) -> None:
    """检查题库：一次列出所有问题。有错误时退出码为 1，提醒不影响。"""
    day = day_of(as_of)
    with told():
        items, faults = read_all(bank)
        texts: tuple[Statute, ...] = tuple(read_statutes(statutes)) if statutes else ()
        checking = Checking(Bank(items), Registry.read(), day, SignOffs.read(bank), bank or SHIPPED, texts)
        faults = sorted([*faults, *check(checking)], key=lambda fault: (fault.severity != ERROR, fault))
    if not items and not faults:
        fail(f"{bank or SHIPPED}：里面一道题也没有（题目是 .md 文件）；请核对 --bank 写的是不是题库文件夹")
    errors, warnings = (sum(fault.severity == severity for fault in faults) for severity in (ERROR, WARNING))
    if as_json:
        listed = [{"path": str(one.path), "line": one.line, "severity": one.severity, "message": one.message} for one in faults]
        typer.echo(json.dumps({"items": len(items), "errors": errors, "warnings": warnings, "faults": listed}, ensure_ascii=False))
    else:
        for fault in faults:
            typer.echo(str(fault))
        typer.echo(f"读出 {len(items)} 题，按 {day} 的法律核对：{errors} 个错误，{warnings} 个提醒。")
    raise typer.Exit(1 if errors else 0)


@commands.command()
def show(
    slug: Annotated[str, typer.Argument(help="题号", metavar="题号")],
    bank: BankOption = None,
    with_key: Annotated[bool, typer.Option("--with-key/--blind", help="连同答案、解析和依据一起显示／只显示考生看到的")] = False,
) -> None:
    """显示一道题；默认与考生看到的一样，不含答案。"""
    with told():
        known = Bank.read(bank)
    if slug not in known:
        near = "、".join([name for name in known if slug.lower() in name][:5])
        fail(f"题库里没有 {slug[:60]}；{f'是否指 {near}' if near else '请核对题号'}")
    Console(markup=False).print(item_panel(known[slug], with_key))


@commands.command()
def stats(bank: BankOption = None, as_json: JsonOption = False) -> None:
    """统计题数：按池、题型、科目、依据、层次、适用、主题、难度。"""
    with told():
        counts = count(Bank.read(bank))
    if as_json:
        typer.echo(json.dumps(counts, ensure_ascii=False))
        return
    console = Console(markup=False)
    console.print(f"共 {counts['total']} 题")
    for key, (title, _) in GROUPS.items():
        group = counts[key]
        assert isinstance(group, dict)
        most = max(group.values(), default=1)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading, justify in ((title, "left"), ("题数", "right"), ("", "left")):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        for name, number in group.items():
            table.add_row(Text(title_of(key, name)), str(number), "█" * max(1, round(24 * number / most)))
        console.print(table)
        console.print()


commands.command("review")(review_command)
commands.command("freeze")(freeze_command)


@commands.command()
def registry(
    statutes: StatutesOption,
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件；不写则更新随软件的登记册", metavar="文件")] = SHIPPED_REGISTRY,
) -> None:
    """由法规正文重新生成法规登记册（版本、施行日期、每条的摘要）。"""
    with told():
        built = build_registry(statutes)
    try:
        write_atomically(out, write_text(built))
    except OSError as error:
        fail(f"{out}：写不了（{error.strerror}）；请换一个位置，原文件没有改动")
    articles = sum(len(edition.articles) for edition in built.editions)
    typer.echo(f"已登记 {len(built.acts)} 部、{len(built.editions)} 个版本、{articles} 条：{out}")


@commands.command()
def amended(statutes: StatutesOption, bank: BankOption = None) -> None:
    """拿较新的法规正文与登记册比较，列出应当考虑冻结的题目；只提建议，不写任何文件。"""
    with told():
        known = Bank.read(bank)
        cited = [citation for item in known.values() for citation in item.law]
        changes = compare(Registry.read(), build_registry(statutes), cited)
    for change in changes:
        typer.echo(f"{change.citation}：{f'自 {change.since} 起，' if change.since else ''}{change.what}")
        for item in known.values():
            if change.citation in item.law:
                since = f" --from {change.since}" if change.since else " --from 日期"
                typer.echo(f"    {item.path}:1: 请核对；确需停用：pufa bank freeze {item.slug}{since} --reason 理由")
    touched = sum(any(change.citation in item.law for change in changes) for item in known.values())
    typer.echo(f"{len(changes)} 条有变化，涉及 {touched} 题。以前的成绩不受影响。")


@commands.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="按模板填写的 XLSX", metavar="文件")],
    out: Annotated[Path, typer.Option("--out", help="新题库文件夹，应不存在或为空", metavar="文件夹")],
    pool: Annotated[str, typer.Option("--pool", help="池")] = "local",
    subject: Annotated[str, typer.Option("--subject", help="没有“科目”列时归入的科目")] = "general",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写文件")] = False,
) -> None:
    """由电子表格导入试题：先全部检查，有一行不对就一题也不写。"""
    from question_bank.spreadsheet import import_items, write_items  # openpyxl is not needed by the other commands

    with told():
        items, warnings = import_items(file, pool, subject)
        if not dry_run:
            write_items(items, out)
    for warning in warnings:
        typer.echo(warning)
    done = "检查通过，没有写文件" if dry_run else f"已写入 {out}；请再运行 pufa bank check --bank {out}"
    typer.echo(f"{len(items)} 题{done}。")


@commands.command("export")
def export_command(
    out: Annotated[Path, typer.Option("--out", help="写到哪个 XLSX 文件", metavar="文件")],
    bank: BankOption = None,
) -> None:
    """把题库导出为电子表格（含答案，注意保管）。"""
    from question_bank.spreadsheet import export_items  # XlsxWriter is not needed by the other commands

    with told():
        known = Bank.read(bank)
    try:
        write_atomically(out, export_items(known.values()), 0o600)
    except OSError as error:
        fail(f"{out}：写不了（{error.strerror}）；请换一个位置")
    typer.echo(f"已导出 {len(known)} 题：{out}（含答案，请妥善保管）")
