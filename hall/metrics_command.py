"""``pufa metrics``: the figures of a home on the terminal, and the token with which Prometheus may ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from backup.schedule import beside_the_data
from hall.office.alarms import raised
from hall.office.health import metrics_text, metrics_token, read_health
from home import Home, HomeError, now_ms

console = Console(markup=False, highlight=False, soft_wrap=True)


def metrics(
    home: Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹（pufa init 所建）")],
    token: Annotated[bool, typer.Option("--token", help="只显示 /metrics 的访问令牌，填进 Prometheus 的配置")] = False,
) -> None:
    """运行状况：各项数字；有不正常的列在后面，并以 1 退出。"""
    try:
        where = Home.open(home)
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(2) from None
    if token:
        print(metrics_token(where))
        return
    print(metrics_text(where, now_ms()).decode(), end="")
    wrong = raised(read_health(where, now_ms()).gauges)
    where.close()
    if beside := beside_the_data(where):
        console.print(f"提醒：{beside}", style="yellow")
    for alarm in wrong:
        console.print(f"{alarm.title}：{alarm.advice}", style="red")
    if wrong:
        raise typer.Exit(1)
