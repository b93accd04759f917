"""``make serve``: a demonstration that an office can click through, in ``demo/`` beside the project or a folder of one's choice.

It makes a home with one staff account (random password), a sample roster that can be imported again, and one open demo sitting with
the 100-mark paper; then it runs the three processes like ``pufa serve``. Started again, it goes on with the same home and
opens a new sitting when the last one is over. Every person in it is invented.
"""

from __future__ import annotations

import secrets
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy import select

from exams.blueprint import SHIPPED as PAPERS
from exams.opening import issue_codes, open_sitting_for_candidates
from exams.profile import SHIPPED as PROFILES
from exams.sittings import NewSitting, add_candidates, create_sitting, enrolments
from exams.tables import sitting
from grading.worker import lock_home
from hall.binding import port_problem
from hall.local_tls import make_certificate
from hall.supervisor import Listening, supervise
from home import Home, HomeError, local_text, now_ms, transaction, write_atomically
from people.accounts import add_account
from people.identity import check_digit
from people.persons import import_roster
from people.roster import read_roster_file

FOLDER = Path(__file__).resolve().parent.parent / "demo"
LOGIN = "kaowu"
WINDOW_HOURS = 12
SHOWN_CODES = 3
HEADINGS = ("姓名", "身份证号", "工作单位", "现任职务", "拟任职务", "职级", "任免渠道", "民族", "备注")
#: name, birth, order number (odd: male), unit, post, proposed post, rank, channel, ethnic group
PEOPLE = (
    ("王建国", "19681203", "031", "某县司法局", "副局长", "局长", "乡科级正职", "人大任命", "汉族"),
    ("李秀英", "19750615", "046", "某县民政局", "办公室主任", "副局长", "乡科级副职", "党委管理", "汉族"),
    ("买买提·吐尔逊", "19800322", "017", "某县民族事务局", "科员", "副局长", "乡科级副职", "党委管理", "维吾尔族"),
    ("张伟", "19820911", "053", "城关镇人民政府", "副镇长", "镇长", "乡科级正职", "人大任命", "汉族"),
    ("刘敏", "19851120", "028", "城关镇人民政府", "党政办主任", "副镇长", "乡科级副职", "人大任命", "汉族"),
    ("陈玉兰", "19790204", "062", "东街街道办事处", "社区党委书记", "街道办副主任", "乡科级副职", "党委管理", "回族"),
    ("赵强", "19830718", "019", "东街街道办事处", "综治办主任", "街道办主任", "乡科级正职", "党委管理", "汉族"),
    ("周芳", "19880129", "084", "某县住房和城乡建设局", "股长", "副局长", "乡科级副职", "党委管理", "汉族"),
    ("吴志明", "19770530", "035", "某县生态环境分局", "副局长", "局长", "乡科级正职", "人大任命", "汉族"),
    ("郑丽", "19900816", "022", "石桥乡人民政府", "组织委员", "副乡长", "乡科级副职", "人大任命", "苗族"),
    ("孙立", "19810427", "071", "石桥乡人民政府", "副乡长", "乡长", "乡科级正职", "人大任命", "汉族"),
    ("龚昱", "19860213", "039", "某县应急管理局", "股长", "副局长", "乡科级副职", "党委管理", "汉族"),
)

console = Console(markup=False, highlight=False, soft_wrap=True)


def main(folder: Annotated[Path, typer.Argument(help="演示用的数据文件夹；没有就新建", resolve_path=True)] = FOLDER) -> None:
    """新建或接着用一份演示数据，显示怎样登录，按 Ctrl-C 停止。"""
    try:
        _run(folder)
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None


def _run(folder: Path) -> None:
    for port in (8000, 8001):
        if port_problem("127.0.0.1", port):
            raise HomeError(f"端口 {port} 已被占用，演示没有启动：可能演示已在另一个窗口运行，也可能是别的程序；请先停掉它，再运行一次")
    home, password_file = _home(folder)
    roster = folder / "示例名单.xlsx"
    if not roster.exists():
        write_sample_roster(roster)
    _open_sitting(home, folder, roster)
    console.rule("普法 · 演示")
    console.print("考场（考生）  http://127.0.0.1:8000")
    console.print(f"办公（考务）  http://127.0.0.1:8001　　{password_file.read_text(encoding='utf-8').strip()}")
    console.print(f"示例名单      {roster}（可在办公页面新建一场考试时导入）")
    console.print("考生登录：", end="")
    console.print("　".join((folder / "考试码.txt").read_text(encoding="utf-8").splitlines()))
    console.print(f"停止：Ctrl-C　　重新来过：删除 {folder}")
    home.close()
    supervise(home, Listening("127.0.0.1", 8000, 8001, tls=False))


def _home(place: Path) -> tuple[Home, Path]:
    folder, password_file = place / "home", place / "工作账号.txt"
    if (folder / "home.toml").exists():
        home = Home.open(folder)
        with lock_home(home):
            home.migrate()
        return home, password_file
    home = Home.create(folder, "某县任前法律知识考试办公室（演示）")
    make_certificate(home.root / "tls", "某县任前法律知识考试办公室")
    password = secrets.token_urlsafe(12)
    with transaction(home.office) as connection:
        add_account(connection, LOGIN, "演示考务", password, ("exam_officer", "marker", "hr"), "demonstration")
    write_atomically(password_file, f"登录名 {LOGIN}　口令 {password}\n", 0o600)
    return home, password_file


def _open_sitting(home: Home, folder: Path, roster: Path) -> None:
    """One open demo sitting; its first codes are kept in a file, for the demonstration only."""
    from exams.paper_store import build_papers  # brings the solver in

    with home.office.connect() as connection:
        known = connection.execute(select(sitting.c.id, sitting.c.closes_at).where(sitting.c.id.like("demo-%"))).all()
    now = now_ms()
    if any(row.closes_at > now + 3_600_000 for row in known) and (folder / "考试码.txt").exists():
        return
    name = f"demo-{len(known) + 1}"
    people = read_roster_file(roster, date.today())
    with transaction(home.office) as connection:
        result = import_roster(connection, home.key("identity"), people, "demonstration")
        create_sitting(connection, NewSitting(
            name, f"任前法律知识考试（演示 {local_text(now, '%m-%d')}）", "demo",
            (PAPERS / "county_100.toml").read_text(encoding="utf-8"), (PROFILES / "small_office.toml").read_text(encoding="utf-8"),
            now, now + WINDOW_HOURS * 3_600_000, "县政府三楼机房",
        ), "demonstration")  # fmt: skip
        add_candidates(connection, name, enrolments(result), "demonstration")
    build_papers(home, name, "demonstration")
    open_sitting_for_candidates(home, name, "demonstration")
    slips = issue_codes(home, name, "demonstration")[:SHOWN_CODES]
    lines = "\n".join(f"{slip.name} 准考证号 {slip.admission_no} 考试码 {slip.code}" for slip in slips)
    write_atomically(folder / "考试码.txt", lines + "\n", 0o600)


def write_sample_roster(path: Path) -> None:
    """The invented county's roster as an XLSX, identity numbers as text; check digits are right, the persons are not real."""
    import xlsxwriter  # heavy; only the demonstration's first start writes a workbook

    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("名单")
        title = book.add_format({"bold": True, "font_size": 16, "align": "center"})
        head = book.add_format({"bold": True, "border": 1, "bg_color": "#e8eef5"})
        text = book.add_format({"num_format": "@", "border": 1})
        sheet.merge_range(0, 0, 0, len(HEADINGS) - 1, "某县任前法律知识考试应考人员名单", title)
        for column, heading in enumerate(HEADINGS):
            sheet.write_string(1, column, heading, head)
        for row, (name, birth, order, *labels) in enumerate(PEOPLE, start=2):
            body = f"340210{birth}{order}"
            for column, value in enumerate((name, body + check_digit(body), *labels, "")):
                sheet.write_string(row, column, value, text)
        sheet.set_column(0, 0, 14)
        sheet.set_column(1, 1, 22)
        sheet.set_column(2, len(HEADINGS) - 1, 18)


if __name__ == "__main__":
    typer.run(main)
