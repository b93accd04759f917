"""``pufa workforce stipend|staffing|rules|adopt``: what is due for a month, what communities need, and which rules there are."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from grading.exports import FORMATS, export_list
from grading.lists.asking import scope_of
from grading.lists.kinds import list_of
from grading.lists.staffing import FIRST, columns, ratio_line, reconciled
from grading.lists.stipend import notes
from grading.terminal import BY, HomeOption, console, errors, open_home
from grading.workforce.communities import communities, need_of, total_of
from grading.workforce.kinds import kinds_of
from grading.workforce.norms import Staffing, read_staffing, staffing_of, suppose
from grading.workforce.stipend import REASONS, VERDICTS
from grading.workforce.stipend_roll import Sum, month_text, read_month, roll
from grading.workforce.stipend_rules import PAYS, rule_of, rules_of
from grading.workforce.stipend_rules import adopt as adopt_rule
from home import Home, local_text, now_ms

commands = typer.Typer(help="队伍：津贴、人员配备。", no_args_is_help=True)
OutOption = Annotated[Path | None, typer.Option("--out", help="写成文件：津贴发放名册或人员配备表")]
FormatOption = Annotated[str, typer.Option("--format", help=" / ".join(FORMATS) + "；不写则看文件名的结尾")]


def today() -> date:
    """The calendar day here."""
    return date.fromisoformat(local_text(now_ms(), "%Y-%m-%d"))


@commands.command("stipend")
def stipend(
    home: HomeOption,
    month: Annotated[str, typer.Option("--month", help="哪个月，如 2026-11；不写是本月")] = "",
    rule: Annotated[str, typer.Option("--rule", help="哪个办法（pufa workforce rules 列出）；本单位只有一个的可以不写")] = "",
    out: OutOption = None,
    form: FormatOption = "",
) -> None:
    """职业津贴：某个月应发多少人、多少钱，没有发的逐人写明原因；--out 写成发放名册。"""
    with open_home(home) as where:
        known, first = rule_of(where, rule), read_month(month, today())
        kinds, grades, whole = kinds_of(where), staffing_of(where).grades, Sum()
        with where.office.connect() as connection:
            for line in roll(connection, kinds, known, grades, first):
                whole.add(line.due)
                if line.due.verdict != "paid":
                    told = "；".join(line.due.because)
                    console.print(f"{VERDICTS[line.due.verdict]} {line.holder.name}（{line.holder.unit}）{REASONS[line.due.reason]}：{told}", markup=False)
        for text in (f"{month_text(first)}，{known.title}", whole.line(), whole.total(known), *notes(known)):
            console.print(text, markup=False)
        if out is not None:
            _export(where, "stipend", form, out, month=month, rule=known.id)


@commands.command("staffing")
def staffing(
    home: Annotated[Path | None, typer.Option("--home", readable=False, help="数据文件夹；只试算户数、人口时可以不写")] = None,
    norm: Annotated[str, typer.Option("--norm", help="哪种口径：grid、city、taiyuan、jilin，或本单位另加的")] = FIRST,
    households: Annotated[int | None, typer.Option("--households", min=0, max=10_000_000, help="试算：一个社区的户数")] = None,
    residents: Annotated[int | None, typer.Option("--residents", min=0, max=100_000_000, help="试算：城镇常住人口")] = None,
    out: OutOption = None,
    form: FormatOption = "",
) -> None:
    """人员配备：每个社区应配几人、在岗几人、缺几人；--households、--residents 只试算。"""
    if home is None and households is None and residents is None:
        errors.print("请写 --home 数据文件夹，或写 --households、--residents 试算", style="red", markup=False)
        raise typer.Exit(2)
    if home is None:
        _suppose(read_staffing(), households, residents)
        return
    with open_home(home) as where:
        known = staffing_of(where)
        if households is not None or residents is not None:
            _suppose(known, households, residents)
            return
        wanted = known.norm(norm)
        with where.office.connect() as connection:
            everything = communities(connection, today())
        needs = [need_of(wanted, known.committee, one) for one in everything]
        for one in needs:
            row = columns(one)
            told = f"：{row['说明']}" if row["说明"] else ""
            console.print(f"{row['社区']}　应配 {row['应配'] or '—'}　在岗 {row['在岗'] or '—'}　缺 {row['缺'] or '0'}{told}", markup=False)
        city = known.norms.get("city")
        for text in (reconciled(wanted, needs), *([ratio_line(city, total_of(city, everything))] if city else [])):
            console.print(text, markup=False)
        if out is not None:
            _export(where, "staffing", form, out, rule=wanted.key)


def _suppose(known: Staffing, households: int | None, residents: int | None) -> None:
    for one in suppose(known, households, residents):
        console.print(f"{one.given} → 按{one.norm.title}：{one.norm.who} {one.told}", markup=False)


def _export(where: Home, name: str, form: str, out: Path, *, month: str = "", rule: str) -> None:
    with where.office.connect() as connection:
        scope = scope_of(connection, list_of(name), month=month, rule=rule)
    done = export_list(where, name, scope, form or out.suffix.removeprefix(".").lower() or "xlsx", out, BY)
    console.print(f"已写入 {done.path}：{done.rows} 行", markup=False)


@commands.command("rules")
def rules(home: HomeOption) -> None:
    """列出津贴办法：本单位自己的在前，随软件提供的示例在后。"""
    with open_home(home) as where:
        for one in rules_of(where).values():
            kind = "示例" if one.example else "本单位"
            console.print(f"{one.id}　{kind}　{one.title}　{PAYS[one.pays]}　{one.source}", markup=False)


@commands.command("adopt")
def adopt(name: Annotated[str, typer.Argument(help="示例的名字，如 gansu")], home: HomeOption) -> None:
    """把一个示例办法抄到数据文件夹，照本单位的文件修改后使用；已有的不覆盖。"""
    with open_home(home) as where:
        path = adopt_rule(where, name)
    console.print(f"已写入 {path}。请照本单位现行文件修改标准、条件和约定，把 source 换成文件名和文号，再运行 pufa workforce rules 检查。", markup=False)
