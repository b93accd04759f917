"""``pufa sitting``: open, close and look at sittings from the command line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from exams.errors import ExamsError, SittingError
from exams.opening import close_sitting, issue_codes, open_sitting_for_candidates
from exams.room_access import read_access
from exams.sittings import (
    KINDS,
    STATE_TITLES,
    NewSitting,
    add_candidates,
    create_sitting,
    enrolments,
    get_sitting,
    list_sittings,
)
from exams.status import STATES, sitting_status
from home import Home, HomeError, instant_of, local_text, now_ms, transaction
from people.errors import PeopleError
from people.persons import import_roster
from people.roster import read_roster_file

commands = typer.Typer(help="场次：新建、组卷、开考、收卷、查看。", no_args_is_help=True)
console = Console(markup=False)
HomeOption = Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹（pufa init 所建）")]
SHIPPED = Path(__file__).parent


def _home(folder: Path) -> Home:
    try:
        return Home.open(folder)
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(2) from None


def _refuse(error: Exception) -> typer.Exit:
    console.print(str(error), style="red", highlight=False, soft_wrap=True)
    return typer.Exit(1)


@commands.command("create")
def create(
    sitting: Annotated[str, typer.Argument(help="考试编号：小写字母、数字、连字符")],
    title: Annotated[str, typer.Option(help="考试名称")],
    opens: Annotated[str, typer.Option(help='开始时间，北京时间，如 "2026-12-01 09:00"')],
    closes: Annotated[str, typer.Option(help="结束时间")],
    home: HomeOption,
    kind: Annotated[str, typer.Option(help=" / ".join(f"{k} {t[0]}" for k, t in KINDS.items()))] = "mock",
    blueprint: Annotated[str, typer.Option(help="蓝图：随附名称或 TOML 文件")] = "county_100",
    profile: Annotated[str, typer.Option(help="规则：随附名称或 TOML 文件")] = "small_office",
    place: Annotated[str, typer.Option(help="地点")] = "",
    resit_of: Annotated[str | None, typer.Option(help="首考编号（本场是补考时）")] = None,
    rooms: Annotated[str, typer.Option(help="考场网段，用逗号隔开，如 192.168.10.0/24；不写则不限")] = "",
    seb_keys: Annotated[str, typer.Option(help="Safe Exam Browser 的配置密钥（Config Key），用逗号隔开；不写则不限浏览器")] = "",
) -> None:
    """新建一场考试（准备中）。"""
    where = _home(home)
    try:
        new = NewSitting(
            sitting, title, kind, shipped_text("papers", blueprint), shipped_text("profiles", profile),
            instant_of(opens), instant_of(closes), place, resit_of, read_access(rooms, seb_keys),
        )  # fmt: skip
        with transaction(where.office) as connection:
            create_sitting(connection, new, "command")
    except ValueError:
        raise _refuse(SittingError('时间请写成 "2026-12-01 09:00" 的样子')) from None
    except ExamsError as error:
        raise _refuse(error) from None
    console.print(f"已新建“{title}”（{sitting}）。下一步：导入名单，组卷，开考。")


def shipped_text(folder: str, name: str) -> str:
    """Text of a shipped TOML file by its name, or of any file by its path.

    :raises SittingError: there is neither.
    """
    for path in (Path(name), SHIPPED / folder / f"{name}.toml"):
        if path.suffix == ".toml" and path.is_file():
            return path.read_text(encoding="utf-8")
    known = "、".join(sorted(path.stem for path in (SHIPPED / folder).glob("*.toml")))
    raise SittingError(f"找不到“{name}”；随附的有：{known}")


@commands.command("enrol")
def enrol(sitting: str, roster: Annotated[Path, typer.Argument(help="名单文件（.xlsx 或 .csv）")], home: HomeOption) -> None:
    """导入名单并列入一场准备中的考试；名单有错则什么都不写。"""
    where = _home(home)
    try:
        people = read_roster_file(roster, date.today())
        with transaction(where.office) as connection:
            result = import_roster(connection, where.key("identity"), people, "command")
            new = add_candidates(connection, sitting, enrolments(result), "command")
    except OSError as error:
        raise _refuse(SittingError(f"{roster}：读不出（{error.strerror}）；请核对路径")) from None
    except (PeopleError, ExamsError) as error:
        raise _refuse(error) from None
    console.print(f"名单 {len(people.rows)} 人，本场新增 {new} 人。下一步：pufa sitting build {sitting} --home …")


@commands.command("build")
def build(sitting: str, home: HomeOption, seed: Annotated[int | None, typer.Option(help="仅演示、模拟")] = None) -> None:
    """组卷：按蓝图从题库抽出平行试卷，存入保密文件夹。"""
    from exams.paper_store import build_papers  # brings the solver in

    try:
        drawn = build_papers(_home(home), sitting, "command", seed)
    except ExamsError as error:
        raise _refuse(error) from None
    spread = "、".join(f"{form.form} 卷预计平均 {float(form.expected_score):.1f} 分" for form in drawn.forms)
    console.print(f"已组卷 {drawn.id}：{len(drawn.forms)} 套，{spread}")


@commands.command("open")
def open_(sitting: str, home: HomeOption, slips: Annotated[Path | None, typer.Option(help="把考试码写入此 CSV 文件")] = None) -> None:
    """开考：名单与试卷送入考场。考试码在办公页面打印，或用 --slips 写入文件。"""
    where = _home(home)
    if slips and not slips.parent.is_dir():
        raise _refuse(SittingError(f"{slips.parent}：没有这个文件夹，没有开考；请改正 --slips"))
    try:
        count = open_sitting_for_candidates(where, sitting, "command")
        console.print(f"已开考，{count} 名考生。")
        if slips:
            _write_slips(slips, where, sitting)
    except ExamsError as error:
        raise _refuse(error) from None


def _write_slips(path: Path, home: Home, sitting: str) -> None:
    import csv
    import io

    from home import write_atomically

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["准考证号", "考试码", "姓名", "单位"])
    for slip in issue_codes(home, sitting, "command"):
        writer.writerow([slip.admission_no, slip.code, *(_plain(text) for text in (slip.name, slip.unit_label))])
    write_atomically(path, "﻿" + out.getvalue(), 0o600)
    console.print(f"考试码已写入 {path}；发放后请删除此文件。")


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@＝＋－＠\t\r" else text


@commands.command("close")
def close(sitting: str, home: HomeOption) -> None:
    """收卷：仍在作答的考生按最后保存的答案收卷。"""
    try:
        cut_off = close_sitting(_home(home), sitting, "command")
    except ExamsError as error:
        raise _refuse(error) from None
    console.print(f"已收卷；其中 {cut_off} 人由监考收卷。")


@commands.command("status")
def status(home: HomeOption, sitting: Annotated[str | None, typer.Argument()] = None) -> None:
    """列出全部考试，或查看一场考试的进行情况。"""
    where = _home(home)
    if sitting is None:
        _list(where)
        return
    try:
        with where.office.connect() as connection:
            known = get_sitting(connection, sitting)
    except ExamsError as error:
        raise _refuse(error) from None
    console.print(f"{known.title}（{STATE_TITLES[known.state]}）")
    picture = sitting_status(where, sitting, now_ms())
    if picture is None:
        console.print("尚未开考。")
        return
    for state, title in STATES.items():
        console.print(f"{title}：{picture.counts[state]} 人")
    console.print(f"应考：{picture.due} 人；已保存答案 {picture.saves} 次")


def _list(where: Home) -> None:
    table = Table("编号", "名称", "性质", "状态", "开始", "结束")
    with where.office.connect() as connection:
        for one in list_sittings(connection):
            times = (local_text(one.opens_at), local_text(one.closes_at))
            table.add_row(one.id, one.title, KINDS[one.kind][0], STATE_TITLES[one.state], *times)
    console.print(table)
