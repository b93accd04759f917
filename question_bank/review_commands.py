"""``pufa bank review`` and ``freeze``: the second reader's queue. Answer blind first; then see the key; then sign or return."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from home import BEIJING, now_ms
from question_bank.bank import Bank
from question_bank.errors import BankError, SignOffError
from question_bank.item import Item
from question_bank.registry import Registry
from question_bank.signoff import SIGN_OFFS, SignOffs, approve, freeze, record_blind, send_back, waiting
from question_bank.terminal import item_panel


class _Desk:
    """What a reader has before them: the bank, what was said of it, and the hashes of today."""

    def __init__(self, folder: Path | None) -> None:
        self.bank = Bank.read(folder)
        self.known = SignOffs.read(folder)
        registry, today = Registry.read(), datetime.now(BEIJING).date()
        self.hashes = {slug: self.bank.item_hash(slug, registry, today) for slug in self.bank}

    def item(self, slug: str) -> Item:
        if slug not in self.bank:
            raise SignOffError(f"题库里没有 {slug[:60]}；请核对题号")
        return self.bank[slug]


def review_command(
    bank: Annotated[Path | None, typer.Option("--bank", help="题库文件夹；不写则用随软件提供的题库", metavar="文件夹")] = None,
    next_: Annotated[bool, typer.Option("--next", help="显示下一道待审的题，不含答案")] = False,
    answer: Annotated[tuple[str, str] | None, typer.Option("--answer", help="题号和你的作答，如 some-item AC", metavar="题号 作答")] = None,
    approve_: Annotated[str | None, typer.Option("--approve", help="审签这道题", metavar="题号")] = None,
    return_: Annotated[str | None, typer.Option("--return", help="退回这道题", metavar="题号")] = None,
    by: Annotated[str, typer.Option("--by", help="审题人姓名", metavar="姓名")] = "",
    basis: Annotated[str, typer.Option("--basis", help="作答依据，如：民法典第278条", metavar="文字")] = "",
    reason: Annotated[str, typer.Option("--reason", help="退回的理由", metavar="文字")] = "",
    note: Annotated[str, typer.Option("--note", help="审签说明", metavar="文字")] = "",
    kind: Annotated[str, typer.Option("--kind", help="editorial 编校核对，office 本单位审定")] = "editorial",
) -> None:
    """审题：先遮住答案作答并写下依据，再看答案，然后审签或者退回。"""
    asked = [name for name, given in (("--next", next_), ("--answer", answer), ("--approve", approve_), ("--return", return_)) if given]
    if len(asked) > 1:
        typer.echo(f"一次只做一件事：{'、'.join(asked)} 只能写一个", err=True)
        raise typer.Exit(2)
    try:
        desk = _Desk(bank)
        if answer:
            _answer(desk, *answer, by, basis)
        elif approve_:
            item = desk.item(approve_)
            approve(desk.known, item, desk.hashes[item.slug], by, now_ms(), kind, note)
            typer.echo(f"已审签 {item.slug}：{SIGN_OFFS[kind]}")
        elif return_:
            item = desk.item(return_)
            send_back(desk.known, item, desk.hashes[item.slug], by, now_ms(), reason)
            typer.echo(f"已退回 {item.slug}")
        else:
            _queue(desk, kind, by or None, next_)
    except BankError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _answer(desk: _Desk, slug: str, letters: str, by: str, basis: str) -> None:
    item = desk.item(slug)
    recorded = record_blind(desk.known, item, desk.hashes[slug], by, now_ms(), letters, basis)
    console = Console(markup=False)
    console.print(item_panel(item, with_key=True))
    key = "".join(sorted(item.key)).upper()
    if key:
        console.print("你的作答与答案一致。" if recorded.answer == key else f"你答 {recorded.answer}，答案是 {key}：请查明是题有歧义还是自己看错。")
    console.print(f"同意的：pufa bank review --approve {slug} --by 姓名；不同意的：pufa bank review --return {slug} --by 姓名 --reason 理由", markup=False)


def _queue(desk: _Desk, kind: str, by: str | None, show_next: bool) -> None:
    if kind not in SIGN_OFFS:
        raise SignOffError(f"没有“{kind}”这种审签；可用：{'、'.join(SIGN_OFFS)}")
    queue = list(waiting(desk.bank, desk.known, desk.hashes, kind, by))
    console = Console(markup=False)
    if show_next and queue:
        console.print(item_panel(queue[0], with_key=False))
        console.print(f"作答：pufa bank review --answer {queue[0].slug} 字母 --basis 依据 --by 姓名", markup=False)
    signed = sum(desk.known.holds(slug, desk.hashes[slug], kind) for slug in desk.bank)
    returned = sum(desk.known.returned(slug, desk.hashes[slug]) is not None for slug in desk.bank)
    console.print(f"共 {len(desk.bank)} 题：已审签 {signed}，退回待改 {returned}，待审 {len(queue)}。", highlight=False)


def freeze_command(
    slug: Annotated[str, typer.Argument(help="题号", metavar="题号")],
    start: Annotated[str, typer.Option("--from", help="从哪一天起停用，如 2027-01-01", metavar="日期")],
    reason: Annotated[str, typer.Option("--reason", help="停用的理由", metavar="文字")],
    bank: Annotated[Path | None, typer.Option("--bank", help="题库文件夹；不写则用随软件提供的题库", metavar="文件夹")] = None,
) -> None:
    """冻结一道题：该日及以后的试卷不再抽到；以前的成绩不受影响。"""
    try:
        day = date.fromisoformat(start)
    except ValueError:
        typer.echo(f"日期“{start}”应写成 2027-01-01 的样子", err=True)
        raise typer.Exit(2) from None
    try:
        desk = _Desk(bank)
        freeze(desk.known, desk.item(slug).slug, day, reason)
    except BankError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"已冻结 {slug}，自 {day} 起。")
