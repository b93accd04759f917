"""Specimens on which an office's own template is tried before it is used, in a process that may take so much and no more.

``python -m grading.certificates.specimen`` reads ``{"kind", "template", "office", "contact"}`` as JSON and writes the PDF; what is
wrong goes to standard error, exit code 1. A template is a program: it may run for ever or ask for all memory.
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exams.errors import ExamsError
from exams.typesetting import set_pdf
from grading.certificates.issue import LETTERS, Sheet
from grading.certificates.sheets import qr_png, sheet_fields, shipped_template
from grading.certificates.statement import KINDS, Statement, mask_name, seal
from grading.certificates.verify import codes_in
from grading.errors import CertificateError
from home import Home, now_ms

LARGEST = 256 * 1024
#: processor seconds and bytes that a trial may take, and seconds until its end is no longer waited for; a trial takes two or three here
PROCESSOR_S, MEMORY, WAIT_S = 20, 3 * 2**30, 40
MODE = "样张"
#: a usual person, and one whose name, unit and remark are as long as they get
PEOPLE: tuple[Mapping[str, str], ...] = (
    {"姓名": "张三", "性别": "男", "单位": "某县司法局", "职务": "科员", "拟任职务": "副主任", "备注": ""},
    {"姓名": "阿卜杜热合曼·买买提吐尔逊", "性别": "女", "单位": "某某自治区某某自治州某某县某某街道办事处综合行政执法队",
     "职务": "党政综合办公室主任、一级主任科员", "拟任职务": "人大工作委员会副主任候选人", "备注": "因公缓考，经批准参加补考，补考按有关规定记分"},
)  # fmt: skip


def try_template(home: Home, kind: str, template: bytes) -> bytes:
    """The PDF of the specimens, a page each.

    :raises CertificateError: it is no text, too large, cannot be set, takes too much, or a page lacks what makes it that person's.
    """
    if len(template) > LARGEST:
        raise CertificateError(f"版式文件过大（{len(template) // 1024} KB）；最多 {LARGEST // 1024} KB，请核对是不是选错了文件")
    try:
        text = template.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CertificateError("版式文件不是 UTF-8 文本；请用记事本打开，另存为 UTF-8 再上传") from None
    asked = {"kind": kind, "template": text, "office": str(home.settings["office_name"]), "contact": str(home.settings.get("contact", ""))}
    command = [sys.executable, "-m", "grading.certificates.specimen"]
    try:
        done = subprocess.run(command, input=json.dumps(asked).encode(), capture_output=True, timeout=WAIT_S, cwd=Path(__file__).parents[2])
    except subprocess.TimeoutExpired:
        raise CertificateError(f"{WAIT_S} 秒还没有排完；请检查版式里的循环") from None
    if done.returncode == 1 and done.stderr.strip():
        raise CertificateError(done.stderr.decode().strip())
    if done.returncode:
        raise CertificateError("排样张用的时间或内存超过限度；请检查版式里的循环和图形")
    return done.stdout


def common(kind: str, office: str, contact: str) -> dict[str, Any]:
    """What all specimens share, as :mod:`grading.certificates.sheets` hands it to a template."""
    return {
        "kind": kind, "office": office, "exam": "2026年第二批拟任县管领导干部任前法律知识考试", "place": "县委党校三楼考场", "mode": MODE,
        "stamps": [office, "某县人民代表大会常务委员会法制工作委员会"], "notes": ["本场经批准由两人以上共同阅卷。"],
        "basis": "《某县人大常委会任命的国家机关工作人员任前法律知识考试办法》某人发〔2026〕3号", "pass_mark": "60", "full_mark": "100",
        "publish_score": True, "dossier": "第四类", "contact": contact, "parts": {"common": "公共法律知识", "special": "专业法律知识"},
        "digits": 1, "rounding": "half_up",
    }  # fmt: skip


def specimens(kind: str, office: str) -> Iterator[Sheet]:
    """A sheet for each of :data:`PEOPLE`; its code is signed by a key that nobody keeps, and says that it is a specimen."""
    key, now = Ed25519PrivateKey.generate(), now_ms()
    for n, who in enumerate(PEOPLE, 1):
        number = f"{LETTERS[kind]}261123-SPECM{n:03d}"
        columns = {
            "考试批次": "2026-02", "考试名称": "任前法律知识考试", "准考证号": f"2611230{n:03d}", "身份证号": "340221********1234", "层级": "乡科级副职",
            "试卷类别": "A 卷", "公共部分": "40", "专业部分": "38.5", "总分": "78.5", "等次": "合格", "是否合格": "合格", "考试日期": "2026-11-23",
            "用时": "43分05秒", "补考次数": "0", "补考成绩": "", "最终结果": "合格", "最终成绩": "78.5", "缺考缓考违纪": "", "有效期至": "2028-11-23",
            "存档号": f"R261123-{n:08d}", **who,
        }  # fmt: skip
        stated = Statement(kind, number, "0" * 32, mask_name(columns["姓名"]), "1234", columns["考试名称"], "合格", "78.5", "2026-11-23", "2028-11-23",
                           "2026-11-28", office, MODE)  # fmt: skip
        result = {"parts": [["common", "40", "50"], ["special", "77/2", "50"]]}
        yield Sheet(number, seal(stated, key), now, columns, result, columns["存档号"], fresh=True)


def set_specimens(template: Path, kind: str, office: str, contact: str) -> bytes:
    """Set and look at it again: one page each, with its code, its number and its person's name.

    :raises TypesettingError: the template cannot be set.
    :raises CertificateError: a page lacks one of them.
    """
    shared, sheets = common(kind, office, contact), list(specimens(kind, office))
    files = {f"{sheet.number}.png": qr_png(sheet.code) for sheet in sheets}
    pdf = set_pdf(template, {**shared, "sheets": [sheet_fields(sheet, shared) for sheet in sheets]}, files)
    faults = lacking(pdf, sheets)
    if faults:
        raise CertificateError("\n".join(faults))
    return pdf


def lacking(pdf: bytes, sheets: list[Sheet]) -> list[str]:
    """What a PDF of some sheets does not show of them, a line each."""
    read, (pages, text) = set(codes_in(pdf, "样张")), _pages(pdf)
    faults = [] if pages == len(sheets) else [f"{len(sheets)} 个人排了 {pages} 页，应当每人一页：请缩小字号或间距"]
    for sheet in sheets:
        name = sheet.columns["姓名"]
        if sheet.code not in read:
            faults.append(f"“{name}”一页的二维码没有放，或者扫不出来：请保留 image(sheet.qr)，宽度不小于 3 厘米，不要盖住")
        faults += [f"“{name}”一页看不到{what}：请保留 {field}" for what, field, wanted in (
            ("编号", "sheet.number", sheet.number), ("姓名", "sheet.columns.姓名", name)) if wanted not in text]  # fmt: skip
    return faults


def _pages(pdf: bytes) -> tuple[int, str]:
    """How many, and all text without white space."""
    import pypdfium2

    book = pypdfium2.PdfDocument(pdf)
    try:
        return len(book), "".join("".join(page.get_textpage().get_text_range().split()) for page in book)
    finally:
        book.close()


def main() -> int:
    """One trial; see the module."""
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    asked = json.load(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"))
    assert asked["kind"] in KINDS
    with tempfile.TemporaryDirectory(prefix="specimen") as folder:
        os.chdir(folder)  # a message names the file as the office knows it
        template = Path(shipped_template(asked["kind"]).name)
        template.write_text(asked["template"], encoding="utf-8")
        try:
            sys.stdout.buffer.write(set_specimens(template, asked["kind"], asked["office"], asked["contact"]))
        except (ExamsError, CertificateError) as error:
            sys.stderr.buffer.write(str(error).encode())
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
