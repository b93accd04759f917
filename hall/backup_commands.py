"""``pufa backup`` and ``pufa restore``: a copy for the safe, and the drill that shows that it can be brought back."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import faults
from backup.archive import RECIPIENT, is_sealed, make_backup, make_key
from backup.restoring import Restored, restore
from backup.schedule import backup_now
from exams.anchors import verify_home
from home import Home, HomeError, local_text, now_ms

console = Console(markup=False, highlight=False, soft_wrap=True)
HomeOption = Annotated[Path, typer.Option("--home", readable=False, help="数据文件夹（pufa init 所建）")]


def backup(
    home: HomeOption,
    to: Annotated[Path | None, typer.Option("--to", help="备份放到哪里，最好是另一块盘或 U 盘；不给则按 home.toml 的 [backup]")] = None,
    new_key: Annotated[bool, typer.Option("--new-key", help="生成备份密钥；密钥只显示这一次，请打印封存")] = False,
) -> None:
    """备份：考试进行中也可以做；有备份密钥的，备份文件加密。"""
    try:
        where = Home.open(home)
        if new_key:
            _show_key(where)
        done = make_backup(where, to, now_ms()) if to else backup_now(where, now_ms())
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None
    console.print(f"已备份：{done.path}（{done.size / 1e6:.1f} MB，{'已加密' if done.encrypted else '未加密'}）")
    if not done.encrypted:
        console.print("这份备份含试题、答案和个人信息，没有加密：请妥善保管，或先运行 pufa backup --new-key。", style="yellow")
    where.close()


def _show_key(home: Home) -> None:
    if (home.root / RECIPIENT).is_file():
        console.print("已换用新密钥；以前的备份仍要用以前的密钥恢复，旧密钥不要丢。", style="yellow")
    console.print("备份密钥（只显示这一次，请抄写或打印两份，分开封存；丢失后备份打不开）：")
    console.print(make_key(home), style="bold")


def restore_command(
    archive: Annotated[Path, typer.Argument(help="备份文件")],
    home: Annotated[Path | None, typer.Option("--home", readable=False, help="恢复成哪个新文件夹（须不存在或为空）")] = None,
    drill: Annotated[bool, typer.Option("--drill", help="演练：恢复到临时文件夹，核对后删除，不影响任何数据")] = False,
    db: Annotated[str | None, typer.Option(help="恢复到这个空的 PostgreSQL；不给则用 SQLite")] = None,
    exam: Annotated[Path | None, typer.Option(help="考试进行中每分钟抄出的 exam-live.db：用它代替备份里的考试数据")] = None,
    key_file: Annotated[Path | None, typer.Option(help="写有备份密钥的文件；不给则提示输入")] = None,
) -> None:
    """恢复：把备份变回数据文件夹，逐项核对后才算完成。"""
    if drill == (home is not None):
        console.print("请给出 --home 新文件夹；或者用 --drill 只做演练（两者选一）", style="red")
        raise typer.Exit(2)
    began = time.monotonic()
    try:
        key = _key(archive, key_file)
        if home is not None:
            _finish(restore(archive, home, key, db, exam), began)
            return
        with tempfile.TemporaryDirectory(prefix="pufa-drill") as folder:
            _finish(restore(archive, Path(folder) / "home", key, db, exam), began, drill=True)
    except OSError as error:
        console.print(faults.told(error) or f"{archive}：读不出来（{faults.why(error)}）；请检查路径和权限", style="red")
        raise typer.Exit(1) from None
    except HomeError as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None


def _key(archive: Path, key_file: Path | None) -> str | None:
    if not is_sealed(archive):
        return None
    if key_file is not None:
        try:
            return key_file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise HomeError(f"{key_file}：不是文本文件，里面没有备份密钥；请给出写有 AGE-SECRET-KEY-1 开头那一行的文件") from None
    return os.environ.get("PUFA_BACKUP_KEY") or typer.prompt("备份密钥", hide_input=True)


def _finish(done: Restored, began: float, *, drill: bool = False) -> None:
    try:
        wrong = verify_home(done.home)
    finally:
        done.home.close()
    console.print(f"备份时间：{local_text(done.made_at)}；恢复用时 {time.monotonic() - began:.1f} 秒；{sum(done.rows.values())} 行数据")
    for fault in wrong:
        console.print(str(fault), style="red")
    if wrong:
        raise typer.Exit(1)
    console.print("核对完毕：文件、数据、操作记录和保存记录的校验链全部相符。", style="green")
    console.print("演练完毕，临时文件夹已删除" if drill else f"数据文件夹：{done.home.root}")
