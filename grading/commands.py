"""``pufa grade`` and ``pufa records``: marking, issuing and exporting from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from exams.sittings import get_sitting
from grading.errors import RecordError
from grading.exports import FORMATS, export_list
from grading.jobs import grade_sitting, told
from grading.lists.asking import scope_of
from grading.lists.kinds import LISTS, list_of
from grading.outcome import OUTCOMES
from grading.records import damaged_records, issue_records, public_key
from grading.roll import current
from grading.signed import archive_records, check_file
from grading.terminal import BY, HomeOption, SittingArgument, console, errors, open_home, told_of_faults
from grading.workforce.kinds import kinds_of
from home import Home

records = typer.Typer(help="成绩记录：签发、导出、核验。", no_args_is_help=True)


def grade(sitting: SittingArgument, home: HomeOption) -> None:
    """阅卷：评阅已交的答卷，收回 formgrader 里的人工评分，写入 nbgrader 成绩册。"""
    with open_home(home) as where, Progress(console=errors, transient=True) as progress:
        task = progress.add_task("阅卷", total=100)
        result, refused = grade_sitting(where, sitting, BY, lambda percent: progress.update(task, completed=percent))
        progress.update(task, completed=100)
    console.print(told(result, refused), markup=False)


@records.command("issue")
def issue(sitting: SittingArgument, home: HomeOption) -> None:
    """签发成绩记录：每名考生一份，签名后不可改；有变化的另发一份更正。"""
    with open_home(home) as where:
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
    month: Annotated[str, typer.Option("--month", help="津贴名册：哪个月，如 2026-11；不写是本月")] = "",
    rule: Annotated[str, typer.Option("--rule", help="津贴名册：哪个办法；人员配备表：哪种口径")] = "",
    certification: Annotated[str, typer.Option("--kind", help="持证名册：只要这种资格；不写则全部")] = "",
    unit: Annotated[str, typer.Option("--unit", help="持证名册：只要名称里有这几个字的单位，连同下属单位")] = "",
    on: Annotated[str, typer.Option("--on", help="持证名册：哪一天，如 2026-06-30；不写是今天")] = "",
) -> None:
    """导出名册：成绩册、合格名册、补考名单、统计汇总表等，XLSX（A4 可打印）、CSV（带 BOM）、PDF 或 JSON。"""
    if form not in FORMATS:
        errors.print(f"没有“{form}”这种格式；可用：{'、'.join(FORMATS)}", style="red", markup=False)
        raise typer.Exit(2)
    with open_home(home) as where:
        with where.office.connect() as connection:
            scope = scope_of(connection, list_of(name), sittings=sitting or (), since=since, until=until, formal=formal,
                             admission_no=person, days=days, month=month, rule=rule, on=on, certification=certification, under=unit, kinds=kinds_of(where))  # fmt: skip
        done = export_list(where, name, scope, form, out, BY, columns)
    console.print(f"已写入 {done.path}：{done.rows} 行", markup=False)
    console.print(done.line, markup=False)


@records.command("statistics")
def statistics(
    home: HomeOption,
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件（.xlsx 或 .json）")],
    since: Annotated[str, typer.Option("--since", help="考试日期从哪一天起，如 2026-01-01")] = "",
    until: Annotated[str, typer.Option("--until", help="考试日期到哪一天止")] = "",
    unit: Annotated[str, typer.Option("--unit", help="单位名称；连同下属单位，不写则全部")] = "",
    formal: Annotated[bool, typer.Option("--formal/--all", help="只算正式考试，或连同演示、模拟")] = True,
) -> None:
    """导出统计数据：合格率、差距与空白点、持证、到期日历；人数太少的不列。后缀 .xlsx 或 .json 决定格式。"""
    from grading.statistics.asking import read_asked, unit_named
    from grading.statistics.export import export_statistics

    with open_home(home) as where:
        with where.office.connect() as connection:
            query = {"asked": "1", "since": since, "until": until, "unit": unit_named(connection, unit), **({"formal": "1"} if formal else {})}
            asked = read_asked(connection, query)
        done = export_statistics(where, asked, out.suffix.removeprefix(".").lower(), out, BY)
    console.print(f"已写入 {done.path}：{done.tables} 张表，{done.rows} 行", markup=False)


@records.command("archive")
def archive(
    home: HomeOption,
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件（.json）")],
    sitting: Annotated[str | None, typer.Option("--sitting", help="只要这一场；不写则全部")] = None,
) -> None:
    """导出带签名的成绩记录（含已被代替的），存档或交别处核验；文件里有姓名、单位和成绩。"""
    with open_home(home) as where:
        if sitting is not None:
            with where.office.connect() as connection:
                get_sitting(connection, sitting)
        count = archive_records(where, sitting, out, BY)
    console.print(f"已写入 {out}：{count} 份成绩记录。", markup=False)


@records.command("key")
def key(home: HomeOption) -> None:
    """显示本单位的公钥：公布出去，别处用它核验成绩记录。"""
    with open_home(home) as where:
        console.print(public_key(where).hex())


@records.command("verify")
def verify(
    what: Annotated[list[str], typer.Argument(help="带签名的成绩记录文件（pufa records archive 所写）；或考试编号，连同 --home")],
    home: Annotated[Path | None, typer.Option("--home", readable=False, help="数据文件夹；核验文件时不需要")] = None,
    key: Annotated[str | None, typer.Option("--key", help="签发单位公布的公钥（64 位十六进制）；不写则用数据文件夹或文件里的")] = None,
) -> None:
    """核验签名：列出签发后被改动过的成绩记录。核验文件不需要数据文件夹，也不需要网络。"""
    if home is None:
        with told_of_faults():
            fine = [_verify_file(Path(one), key) for one in what]
    else:
        with open_home(home) as where:
            own = key or public_key(where).hex()
            fine = [_verify_file(Path(one), own) if Path(one).is_file() else _verify_sitting(where, one) for one in what]
    if not all(fine):
        raise typer.Exit(1)


def _verify_sitting(where: Home, sitting: str) -> bool:
    with where.office.connect() as connection:
        known = get_sitting(connection, sitting)
        if connection.execute(current(sitting).limit(1)).first() is None:
            raise RecordError(f"“{known.title}”还没有成绩记录，什么也没有核验")
    bad = damaged_records(where, sitting)
    for ident in bad:
        errors.print(f"{ident}：签发后被改动；请从备份核对，并按更正程序重新签发", style="red", markup=False)
    if not bad:
        console.print(f"“{known.title}”全部成绩记录与签名一致。公钥：{public_key(where).hex()}", markup=False)
    return not bad


def _verify_file(path: Path, key: str | None) -> bool:
    try:
        known = check_file(path.read_bytes(), key)
    except OSError as error:
        raise RecordError(f"{path}：读不出来（{error.strerror or error}）；核验场次请加 --home 数据文件夹") from None
    except RecordError as error:
        raise RecordError(f"{path}：{error}") from None
    for ident, why in known.bad:
        errors.print(f"{path}：{ident}：{why}", style="red", markup=False)
    for old, new in known.superseded.items():
        console.print(f"{path}：{old} 已被 {new} 代替，不再有效", markup=False)
    if known.missing:
        console.print(f"{path}：另有 {len(known.missing)} 份被代替的旧记录不在文件里：{'、'.join(known.missing[:5])}", markup=False)
    if known.erased:
        console.print(f"{path}：{known.erased} 份的个人信息已删除，只核验了结果", markup=False)
    if not known.bad:
        console.print(f"{path}：{known.records} 份成绩记录都与签名一致，其中现行 {known.records - len(known.superseded)} 份。公钥：{known.key}", markup=False)
    if known.own_key:
        console.print("注意：公钥是文件里自带的，只能说明文件前后一致；请与签发单位公布的公钥核对，或用 --key 指定。", style="yellow", markup=False)
    return not known.bad
