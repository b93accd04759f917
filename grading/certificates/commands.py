"""``pufa certificates``: make, check, take back; the offline page and the revocation list."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from grading.certificates.issue import STATES, listed, replace, revoke
from grading.certificates.offline_page import offline_page, revocation_file
from grading.certificates.revocations import Revocations, read_list
from grading.certificates.sheets import produce
from grading.certificates.statement import KINDS
from grading.certificates.verify import Verdict, check, read_texts
from grading.errors import CertificateError
from grading.records import public_key
from grading.terminal import BY, HomeOption, SittingArgument, console, errors, open_home
from home import local_text, transaction, write_atomically

certificates = typer.Typer(help="证书、成绩通知单：制作、核验、撤销、补发。", no_args_is_help=True)


@certificates.command("make")
def make_(
    sitting: SittingArgument,
    home: HomeOption,
    out: Annotated[Path, typer.Option("--out", help="写到哪个 PDF 文件；以 .zip 结尾的，每人一个 PDF")],
    kind: Annotated[str, typer.Option("--kind", help="；".join(f"{name} {title}" for name, title in KINDS.items()))] = "score_sheet",
) -> None:
    """制作一场的证书或成绩通知单：合成一个 PDF，或每人一个打成 ZIP 包。再做一次，编号不变。"""
    with open_home(home) as where, Progress(console=errors, transient=True) as progress:
        task = progress.add_task("排版", total=None)
        form = "zip" if out.suffix.lower() == ".zip" else "pdf"
        made, data = produce(where, sitting, kind, form, BY, report=lambda done, whole: progress.update(task, completed=done, total=whole))
        write_atomically(out, data, 0o600)
    console.print(f"已写入 {out}：{KINDS[kind]} {len(made.sheets)} 份，其中新制 {made.new} 份", markup=False)
    for line in made.left_out:
        console.print(f"没有制作 {line}", markup=False)


@certificates.command("list")
def list_(sitting: SittingArgument, home: HomeOption) -> None:
    """列出一场的证书、成绩通知单和它们现在的效力。"""
    with open_home(home) as where, where.office.connect() as connection:
        for one in listed(connection, sitting):
            console.print(f"{one.number}  {KINDS[one.kind]}  {one.admission_no} {one.name}  {local_text(one.made_at)}  {STATES[one.state]}  {one.reason}", markup=False)


@certificates.command("revoke")
def revoke_(
    number: Annotated[str, typer.Argument(help="证书编号")],
    home: HomeOption,
    reason: Annotated[str, typer.Option("--reason", help="为什么；记入操作日志")],
    again: Annotated[bool, typer.Option("--replace", help="遗失、损坏：撤销后补发一份新编号的")] = False,
) -> None:
    """撤销一份证书，或撤销后补发。"""
    with open_home(home) as where:
        if again:
            console.print(f"已撤销 {number}，补发 {replace(where, number, reason, BY)}", markup=False)
            return
        with transaction(where.office) as connection:
            revoke(connection, number, reason, BY)
    console.print(f"已撤销 {number}；请重新导出停用清单，发给要核验的单位", markup=False)


@certificates.command("page")
def page(home: HomeOption, out: Annotated[Path, typer.Option("--out", help="写到哪个 .html 文件")]) -> None:
    """导出离线核验页：一个网页文件，不联网就能核验本单位的证书；带当天的停用清单。"""
    with open_home(home) as where:
        write_atomically(out, offline_page(where))
    console.print(f"已写入 {out}；双击打开即可核验，可复制到任何电脑", markup=False)


@certificates.command("revocations")
def revocations_(home: HomeOption, out: Annotated[Path, typer.Option("--out", help="写到哪个 .txt 文件")]) -> None:
    """导出停用清单：已更正、撤销、补发的证书编号，带签名和日期，没有姓名。"""
    with open_home(home) as where:
        write_atomically(out, revocation_file(where))
    console.print(f"已写入 {out}", markup=False)


@certificates.command("verify")
def verify(
    code: Annotated[str, typer.Argument(help="二维码扫出的文字（PUFA1-…），或文件：文本、图片、PDF")],
    home: Annotated[Path | None, typer.Option("--home", readable=False, help="签发单位的数据文件夹；没有的写 --key")] = None,
    key: Annotated[str | None, typer.Option("--key", help="签发单位的公钥，64 位十六进制；pufa records verify 会显示")] = None,
    revoked: Annotated[Path | None, typer.Option("--revocations", help="停用清单文件")] = None,
    on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="按哪一天判断是否过期；不写为今天")] = None,
) -> None:
    """核验证书、成绩通知单：签名、内容、有效期、是否停用。有一份不能通过，退出码为 1。"""
    day = on.date() if on else datetime.now().astimezone().date()
    try:
        public, list_of = _key(home, key), None
        if home is not None:
            with open_home(home) as where:
                list_of = read_list(revocation_file(where), public)
        if revoked is not None:
            list_of = read_list(_text(revoked), public)
        verdicts = list(_verdicts(code, public, day, list_of))
    except CertificateError as error:
        errors.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    for one in verdicts:
        _tell(one)
    if not all(one.good for one in verdicts):
        raise typer.Exit(1)


def _key(home: Path | None, key: str | None) -> bytes:
    if home is not None:
        with open_home(home) as where:
            return public_key(where)
    try:
        raw = bytes.fromhex(key or "")
    except ValueError:
        raw = b""
    if len(raw) != 32:
        errors.print("请写明 --home 数据文件夹，或 --key 公钥（64 位十六进制）", style="red", markup=False)
        raise typer.Exit(2)
    return raw


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise CertificateError(f"{path}：停用清单读不出来") from None


def _verdicts(code: str, key: bytes, day: date, revoked: Revocations | None) -> list[Verdict]:
    texts = [code] if code.strip().upper().startswith("PUFA1") else read_texts(Path(code))
    return [check(text, key, day, revoked) for text in texts]


def _tell(one: Verdict) -> None:
    known = one.statement
    console.print(("有效" if one.good else "不能通过") + f"：{one.why}", style="green" if one.good else "red", markup=False)
    if known is not None:
        console.print(f"  {KINDS.get(known.kind, known.kind)} {known.number}  {known.name}  证件末几位 {known.tail}  {known.office}", markup=False)
        total = f" {known.total} 分" if known.total else ""
        console.print(f"  {known.exam}  {known.day}  {known.outcome}{total}  有效期至 {known.valid_until or '—'}", markup=False)
