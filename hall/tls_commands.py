"""``pufa tls``: until when the server's certificate is good and for which names; a new one in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exams.status import running_sittings
from grading.terminal import HomeOption, console, open_home
from hall.local_tls import address_problem, ends_soon, make_certificate, names_in, tls_problem, valid_until
from home import Home, local_text, now_ms

commands = typer.Typer(help="考场证书：看期限和地址，到期或换了 IP 时重做。", no_args_is_help=True)
DAY_MS = 86_400_000


@commands.command("show")
def show(home: HomeOption) -> None:
    """看证书的期限和能用的地址；不能用或快到期的，以 1 结束。"""
    with open_home(home) as where:
        folder = where.root / "tls"
    problem = tls_problem(folder / "server.pem", folder / "server.key") or ends_soon(folder / "server.pem", now_ms())
    if problem:
        console.print(problem, style="red")
        raise typer.Exit(1)
    until = valid_until(folder / "server.pem")
    console.print(f"有效期到 {local_text(until)}，还有 {(until - now_ms()) // DAY_MS} 天")
    console.print(f"考试机用这些地址打开：{'、'.join(names_in(folder / 'server.pem'))}")


@commands.command("renew")
def renew(
    home: HomeOption,
    address: Annotated[list[str] | None, typer.Option(help="考试机访问本机用的名称或 IP，可多次给出；原证书里的照旧保留")] = None,
) -> None:
    """重做证书，再有效两年；之后重启服务，每台考试机重装一次 tls/ca.pem。"""
    if problem := address_problem(address or ()):
        console.print(problem, style="red")
        raise typer.Exit(2)
    with open_home(home) as where:
        folder, in_use = where.root / "tls", _is_in_use(where, where.root / "tls")
    if in_use:
        console.print("考试正在进行，现在不换证书：考场万一重新启动，考试机就都打不开了。请收卷以后再办", style="red")
        raise typer.Exit(1)
    try:
        before = names_in(folder / "server.pem")
    except (OSError, ValueError):  # damaged or gone: that is why a new one is made
        before = ()
        console.print("原证书读不出来，里面的地址没有带过来；考试机用 IP 访问的，请用 --address 写明", style="yellow")
    make_certificate(folder, str(where.settings["office_name"]), (*before, *(address or ())))
    console.print(f"已重做，有效期到 {local_text(valid_until(folder / 'server.pem'))}；地址：{'、'.join(names_in(folder / 'server.pem'))}")
    console.print(f"接着：重启服务；把 {folder / 'ca.pem'} 重新装到每台考试机，逐台打开考场网址看一遍")


def _is_in_use(where: Home, folder: Path) -> bool:
    """Whether candidates sit behind a certificate that still works."""
    now = now_ms()
    if tls_problem(folder / "server.pem", folder / "server.key") or valid_until(folder / "server.pem") <= now:
        return False
    with where.exam.connect() as connection:
        return running_sittings(connection, now) > 0
