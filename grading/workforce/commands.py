"""``pufa workforce``: who holds what, what falls due, which units are short, imports; the office's pages as commands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from grading.errors import WorkforceError
from grading.roll import day_of
from grading.tables import certification
from grading.terminal import BY, HomeOption, console, open_home
from grading.workforce.coverage import coverage
from grading.workforce.due import due
from grading.workforce.history import history
from grading.workforce.holdings import read_entries, read_hours, stand
from grading.workforce.import_sheets import SHEETS, Imported, read_book
from grading.workforce.imports import import_book
from grading.workforce.kinds import Kind, kind_named, kind_source, kinds_of
from grading.workforce.listing import DUE, OVERDUE, PAGE, STALE, TITLES, Filter, Line, Listing, list_page
from grading.workforce.stipend_commands import commands as stipend_commands
from grading.workforce.template import write_template
from home import Home, local_text, now_ms, transaction, write_atomically
from people.errors import RosterError
from people.finding import named
from people.persons import rehearsal
from people.tables import person

commands = typer.Typer(help="队伍：持证、到期、配备、导入、津贴。", no_args_is_help=True)
commands.add_typer(stipend_commands)
KindOption = Annotated[str, typer.Option("--kind", help="资格：名称、别名或文件名；pufa workforce kinds 列出全部")]
UnitOption = Annotated[str, typer.Option("--unit", help="单位名称的一部分，连同下属单位")]
SHOWN = 50


def _today() -> date:
    return day_of(now_ms())


def _kind(home: Home, text: str) -> Kind:
    kinds = kinds_of(home)
    found = kind_named(kinds, text)
    if found is None:
        raise WorkforceError(f"没有“{text[:40]}”这种资格；可用：{'、'.join(one.title for one in kinds.values())}")
    return found


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console.print(table, markup=False)


@commands.command("kinds")
def kinds_(
    home: HomeOption,
    show: Annotated[str, typer.Option("--show", help="显示这一种的规则文件，可存成文件改")] = "",
) -> None:
    """列出资格种类和依据。"""
    with open_home(home) as where:
        if show:
            print(kind_source(where, _kind(where, show))[0], end="")
            return
        kinds = kinds_of(where)
        _table(("编号", "资格", "规则", "依据"), [(one.id, one.title, "本单位" if kind_source(where, one)[1] else "随附", one.source) for one in kinds.values()])


@commands.command("list")
def list_(
    home: HomeOption,
    kind: KindOption = "",
    unit: UnitOption = "",
    name: Annotated[str, typer.Option("--name", help="姓名的一部分、证件号后四位或证书编号")] = "",
    state: Annotated[str, typer.Option("--state", help="；".join(f"{key} {title}" for key, title in TITLES.items()))] = "",
    falls_due: Annotated[str, typer.Option("--due", help=f"{'、'.join(DUE)} 天内到期，或 {OVERDUE}（已逾期或过期）")] = "",
    page: Annotated[int, typer.Option("--page", min=1, help=f"第几页，每页 {PAGE} 行")] = 1,
) -> None:
    """列出谁持有什么、到什么时候、还差什么。"""
    if state and state not in TITLES:
        raise typer.BadParameter(f"应为：{'、'.join(TITLES)}", param_hint="--state")
    if falls_due and falls_due not in (*DUE, OVERDUE):
        raise typer.BadParameter(f"应为：{'、'.join((*DUE, OVERDUE))}", param_hint="--due")
    with open_home(home) as where, where.office.connect() as connection:
        wanted = Filter(_kind(where, kind).id if kind else "", unit, name, "" if falls_due else state, falls_due)
        listing = list_page(connection, kinds_of(where), _today(), wanted, page)
    _table(("编号", "姓名", "单位", "资格", "状态", "有效期至", "还差", "应办事项"), [_line(one) for one in listing.lines])
    console.print(_summary(listing), markup=False)


def _line(one: Line) -> tuple[object, ...]:
    holder, stands = one.entry.holder, one.standing
    until = stands.valid_until or ("长期" if stands.holds else "")
    return holder.id, holder.name, one.entry.at or holder.unit, one.kind.title, f"{stands.title}{'、已离岗' if one.left else ''}", until, stands.missing, stands.next_step


def _summary(listing: Listing) -> str:
    states = "，".join(f"{TITLES[state]} {count}" for state, count in sorted(listing.states.items()) if state != STALE)
    stale = f"；另有 {listing.states[STALE]} 项规则改过还没有重算" if listing.states.get(STALE) else ""
    return f"共 {listing.found} 项，第 {listing.number}/{listing.pages} 页。{states or '没有登记'}{stale}"


@commands.command("show")
def show_(home: HomeOption, who: Annotated[str, typer.Argument(help="人员编号（list 的第一列），或姓名")]) -> None:
    """显示一个人的全部资格、算法、学时和登记历史。"""
    with open_home(home) as where, where.office.connect() as connection:
        condition = person.c.id == int(who) if who.isascii() and who.isdigit() and len(who) < 10 else named(who)
        found = connection.execute(person.select().where(condition, person.c.identity_masked != "").limit(2)).all()
        if len(found) != 1:
            raise WorkforceError(f"“{who[:40]}”{'不止一个人，请用人员编号' if found else '没有找到'}；pufa workforce list --name 查编号")
        kinds, row = kinds_of(where), found[0]
        console.print(f"{row.id} {row.name} {row.identity_masked}", markup=False)
        hours = read_hours(connection, person.select().with_only_columns(person.c.id).where(person.c.id == row.id)).get(row.id, ())
        for entry in read_entries(connection, certification.c.person_id == row.id, certification.c.kind.in_(list(kinds))):
            stands = stand(kinds[entry.kind], entry, hours, _today())
            console.print(f"\n{kinds[entry.kind].title}{f'（{entry.at}）' if entry.at else ''}：{stands.title}", markup=False)
            told = [stands.next_step and f"应办：{stands.next_step}", stands.missing and f"还差：{stands.missing}", *stands.why, *(f"请核对：{one}" for one in stands.doubts)]
            for line in filter(None, told):
                console.print(f"  {line}", markup=False)
        console.print("\n登记历史", markup=False)
        for one in history(connection, kinds, row.id):
            struck = f"（已撤销：{one.struck.reason}）" if one.struck else ""
            console.print(f"  {one.on_day} {one.about} {one.what} {one.document_no} {one.note}{struck}  {one.by} {local_text(one.at) if one.at else ''}", markup=False)


@commands.command("due")
def due_(
    home: HomeOption,
    days: Annotated[int, typer.Option("--days", min=0, max=3660, help="今后多少天")] = 90,
    past: Annotated[int, typer.Option("--past", min=0, max=36600, help="过去多少天，列出已逾期的")] = 0,
    kind: KindOption = "",
) -> None:
    """列出到期、逾期的事项，最早的在前。要表格：pufa records export --list expiry。"""
    with open_home(home) as where, where.office.connect() as connection:
        kinds = kinds_of(where)
        if kind:
            chosen = _kind(where, kind)
            kinds = {chosen.id: chosen}
        rows = due(connection, kinds, _today(), days, past=past)
        _table(
            ("期限", "还有天数", "姓名", "单位", "资格", "事项", "应办"),
            [(one.due_on, (one.due_on - _today()).days, one.entry.holder.name, one.entry.at or one.entry.holder.unit, one.kind.title, one.what, one.standing.next_step) for one in rows],
        )  # fmt: skip
        console.print(f"共 {len(rows)} 项", markup=False)


@commands.command("targets")
def targets(home: HomeOption, kind: KindOption = "", unit: UnitOption = "") -> None:
    """列出配备不足的村、学校，各缺几名。"""
    with open_home(home) as where, where.office.connect() as connection:
        kinds = kinds_of(where)
        chosen = [_kind(where, kind)] if kind else [one for one in kinds.values() if one.target]
        for one in chosen:
            if one.target is None:
                raise WorkforceError(f"“{one.title}”没有定配备目标；有目标的：{'、'.join(other.title for other in kinds.values() if other.target) or '（没有）'}")
            found = coverage(connection, kinds, one, _today(), unit)
            console.print(
                f"{one.title}：{one.target.unit_kind} {len(found.units)} 个，应各不少于 {one.target.least} 名；不足 {len(found.short)} 个（其中一名都没有 {len(found.empty)} 个），合计缺 {found.missing} 名",
                markup=False,
            )
            _table((one.target.unit_kind, "上级单位", "现有", "缺"), [(row.unit, row.above, row.have, row.short) for row in found.short])
            if found.nowhere:
                console.print(f"另有 {found.nowhere} 名算不到哪个{one.target.unit_kind}头上：没有填服务单位", markup=False)
            if found.unknown:
                console.print(f"另有 {found.unknown} 项规则改过还没有重算，没有计入", markup=False)


@commands.command("template")
def template(home: HomeOption, out: Annotated[Path, typer.Option("--out", help="写到哪个 .xlsx 文件")]) -> None:
    """写出导入模板（Excel）。"""
    with open_home(home) as where:
        write_atomically(out, write_template(kinds_of(where)))
    console.print(f"已写入 {out}", markup=False)


@commands.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="填好的模板：.xlsx 或 .csv", exists=True, dir_okay=False, readable=True)],
    home: HomeOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入")] = False,
) -> None:
    """导入资格、办理、学时、单位；有任何一处错误就整份不导入，并列出全部错误。"""
    with open_home(home) as where:
        try:
            book = read_book(file.read_bytes(), file.name, _today())
            with rehearsal(where.office) if dry_run else transaction(where.office) as connection:
                done = import_book(connection, where.key("identity"), kinds_of(where), book, BY, _today())
        except RosterError as error:
            for fault in error.faults:
                console.print(f"{file}:{fault}", style="red", markup=False)
            console.print(f"共 {len(error.faults)} 处错误，没有写入任何内容。")
            raise typer.Exit(1) from None
    _told(file, done, dry_run)


def _told(file: Path, done: Imported, dry_run: bool) -> None:
    for warning in done.warnings[:SHOWN]:
        console.print(f"提醒 {file}:{warning}", style="yellow", markup=False)
    for change in done.changed[:SHOWN]:
        console.print(f"改动 {change.name} {change.what}：{change.old} → {change.new}", markup=False)
    counts = "，".join(f"{title} 新 {done.new[name]} 行、已有 {done.same[name]} 行" for name, title in SHEETS.items() if done.new[name] or done.same[name])
    console.print(f"{'检查通过（没有写入）' if dry_run else '已导入'}：{counts or '没有内容'}；改动 {len(done.changed)} 处，提醒 {len(done.warnings)} 处", markup=False)
