"""``pufa init`` and ``pufa serve``: make a home, run its processes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import faults
from backup.schedule import beside_the_data
from grading.worker import lock_home
from hall.binding import bind_problem, port_problem, shown_at
from hall.local_tls import address_problem, ends_soon, make_certificate, tls_problem
from hall.supervisor import Listening, supervise
from home import Home, HomeError, now_ms

console = Console(markup=False, highlight=False, soft_wrap=True)


def init(
    folder: Annotated[Path, typer.Argument(help="新的数据文件夹")],
    name: Annotated[str, typer.Option(help="单位名称，印在页面和成绩册上")] = "任前法律知识考试办公室",
    address: Annotated[list[str] | None, typer.Option(help="考试机访问本机用的名称或 IP，可多次给出")] = None,
    db: Annotated[str | None, typer.Option(help="PostgreSQL 地址；不给则用 SQLite")] = None,
) -> None:
    """新建数据文件夹：数据库、密钥和本地证书。"""
    if problem := address_problem(address or ()):
        console.print(problem, style="red")
        raise typer.Exit(2)
    try:
        home = Home.create(folder, name, db)
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None
    except OSError as error:
        console.print(f"{folder}：建不成（{faults.why(error)}）；请换一个有写入权限的位置", style="red")
        raise typer.Exit(1) from None
    make_certificate(home.root / "tls", name, tuple(address or ()))
    home.close()
    console.print(f"已建好 {home.root}")
    console.print(f"下一步：pufa people add-staff 登录名 --name 姓名 --role exam_officer --home {folder}")


def serve(
    home: Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹")],
    host: Annotated[str, typer.Option(help="监听地址；非本机地址须有 --tls 或 --behind-proxy")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="考生端口；办公端口为其后一个", min=1, max=65534)] = 8000,
    tls: Annotated[bool, typer.Option("--tls", help="用数据文件夹里的本地证书加密")] = False,
    behind_proxy: Annotated[str | None, typer.Option(help="反向代理所在网段（CIDR），由它负责加密")] = None,
    db: Annotated[str | None, typer.Option(help="改用此 PostgreSQL 地址，并记在数据文件夹里")] = None,
    halls: Annotated[int, typer.Option(help="考场进程数，多于一个时前面须有反向代理", min=1, max=32)] = 1,
) -> None:
    """启动考场、办公和后台进程。"""
    try:
        where = Home.use_postgres(home, db) if db else Home.open(home)
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None
    problem = bind_problem(host, tls=tls, behind_proxy=behind_proxy)
    if problem:
        console.print(problem, style="red")
        raise typer.Exit(2)
    scheme = "https" if tls else "http"
    listening = Listening(host, port, port + 1, tls, behind_proxy, halls)
    if problem := _cannot_start(where, listening):
        console.print(problem, style="red")
        raise typer.Exit(1)
    try:
        with lock_home(where):  # an exam may be going on in the tables of another version
            where.migrate()
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None
    candidates = "、".join(shown_at(scheme, host, one) for one in listening.hall_ports())
    console.print(f"考场：{candidates}　办公：{shown_at(scheme, host, port + 1)}　（Ctrl-C 停止）")
    certificate = ends_soon(where.root / "tls" / "server.pem", now_ms()) if tls else None
    for reminder in filter(None, (beside_the_data(where), certificate)):
        console.print(f"提醒：{reminder}", style="yellow", soft_wrap=True)
    try:
        supervise(where, listening)
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None


def _cannot_start(where: Home, listening: Listening) -> str | None:
    """What every process of this home would end by, told once and before they are started."""
    if listening.halls > 1 and where.exam_url is None:
        return "多个考场进程要用 PostgreSQL：SQLite 一次只容一个进程写，多开也不会更快。请去掉 --halls，或改用 --db"
    folder = where.root / "tls"
    ports = (*listening.hall_ports(), listening.office_port)
    return (tls_problem(folder / "server.pem", folder / "server.key") if listening.tls else None) or next(
        filter(None, (port_problem(listening.host, one) for one in ports)), None
    )
