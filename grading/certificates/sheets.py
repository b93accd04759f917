"""Certificates and score sheets as PDF/A: one file with a page for each, or one file each in a ZIP."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from exams.duties import waivers_used
from exams.sittings import KINDS as SITTING_KINDS
from exams.sittings import Sitting, get_sitting
from exams.typesetting import set_pdf, set_pdfs, template_of
from grading.certificates.issue import Made, Sheet
from grading.cut import exact_text, shown_text
from grading.errors import CertificateError
from home import Home, local_text

HERE = Path(__file__).parent
#: Nothing larger than this is printed at 3 cm (97 x 97 modules).
LARGEST_VERSION = 20
#: columns that tell a score
SCORES = ("公共部分", "专业部分", "总分", "等次", "补考成绩", "最终成绩")
#: Reports progress: how many sheets are done.
Report = Callable[[int], None]
_CLASSES = "一二三四五六七八九十"    # of the personal dossier
_NAME = re.compile(r"[^\w-]")


def qr_png(code: str) -> bytes:
    """The QR code of a statement, one pixel a module, quiet zone included; error correction M.

    The mask is fixed: what is in the code looks random already, and trying all eight takes four times as long.

    :raises CertificateError: the statement is too long for :data:`LARGEST_VERSION`.
    """
    import segno  # only for those who print

    try:
        made = segno.make(code, error="m", mode="alphanumeric", mask=3, boost_error=False, micro=False)
    except segno.DataOverflowError:
        made = None
    if made is None or int(made.version) > LARGEST_VERSION:
        raise CertificateError("考试名称或单位名称过长，二维码装不下；请缩短后再制作")
    out = io.BytesIO()
    made.save(out, kind="png", scale=1, border=4)
    return out.getvalue()


def merged_pdf(home: Home, sitting_id: str, made: Made, report: Report = lambda _done: None) -> bytes:
    """All sheets in one file, a page each, in their order.

    :raises CertificateError: there is nothing to print.
    :raises TypesettingError: the office's template is wrong.
    """
    _refuse_empty(made)
    data, files = _common(home, sitting_id, made.kind), {}
    for n, sheet in enumerate(made.sheets, 1):
        files[f"{sheet.number}.png"] = qr_png(sheet.code)
        report(n)
    return set_pdf(_template(home, made.kind), {**data, "sheets": [_data(sheet, data) for sheet in made.sheets]}, files)


def zipped_pdfs(home: Home, sitting_id: str, made: Made, report: Report = lambda _done: None) -> bytes:
    """A ZIP of one PDF each, named by admission number and name.

    :raises CertificateError, TypesettingError: as :func:`merged_pdf`.
    """
    _refuse_empty(made)
    common = _common(home, sitting_id, made.kind)
    out = io.BytesIO()

    def each() -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
        for sheet in made.sheets:
            yield {**common, "sheets": [_data(sheet, common)]}, {f"{sheet.number}.png": qr_png(sheet.code)}

    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # PDFs are compressed already
        for n, (sheet, pdf) in enumerate(zip(made.sheets, set_pdfs(_template(home, made.kind), each()), strict=True), 1):
            name = _NAME.sub("", f"{sheet.columns.get('准考证号', '')}-{sheet.columns.get('姓名', '')}")
            archive.writestr(f"{name or sheet.number}.pdf", pdf)
            report(n)
    return out.getvalue()


def _refuse_empty(made: Made) -> None:
    if not made.sheets:
        raise CertificateError("没有可以制作的：本场没有合格的人" if made.kind == "certificate" else "没有可以制作的成绩通知单")


def _template(home: Home, kind: str) -> Path:
    return template_of(home, HERE / f"{kind}.typ")


def _common(home: Home, sitting_id: str, kind: str) -> dict[str, Any]:
    """What all sheets of a sitting share."""
    with home.office.connect() as connection:
        known = get_sitting(connection, sitting_id)
        notes = [waiver.note for waiver in waivers_used(connection, known)]
    profile = known.profile
    return {
        "kind": kind, "office": str(home.settings["office_name"]), "exam": known.title, "place": known.place or "",
        "mode": "" if known.kind == "formal" else SITTING_KINDS[known.kind][0], "stamps": list(profile.stamps) or [str(home.settings["office_name"])],
        "notes": notes, "basis": f"《{profile.legal_basis.title}》{profile.legal_basis.doc_no}" if profile.legal_basis.title else "",
        "pass_mark": exact_text(profile.pass_mark), "full_mark": exact_text(known.blueprint.total), "publish_score": profile.publish_score,
        "dossier": f"第{_CLASSES[profile.dossier_class - 1]}类" if profile.dossier_class else "", "contact": str(home.settings.get("contact", "")), "parts": _part_titles(known), "digits": profile.rounding.digits, "rounding": profile.rounding.mode,
    }  # fmt: skip


def _part_titles(known: Sitting) -> dict[str, str]:
    return {part.id: part.title for part in known.blueprint.parts}


def _data(sheet: Sheet, common: dict[str, Any]) -> dict[str, Any]:
    """One sheet: the record's columns by name, its parts, number, day and picture; no score where only passing is told."""
    shown = common["publish_score"]
    parts: list[Sequence[str]] = [
        (common["parts"].get(part, part), shown_text(Fraction(points), common["digits"], common["rounding"]), exact_text(Fraction(most)))
        for part, points, most in sheet.result["parts"]
        if shown
    ]
    scored = sheet.columns.get("是否合格", "") != ""  # its remark tells by how much
    hidden = () if shown else (*SCORES, "备注") if scored else SCORES
    columns = {name: "" if name in hidden else text for name, text in sheet.columns.items()}
    day = local_text(sheet.made_at, "%Y-%m-%d")
    return {"number": sheet.number, "qr": f"{sheet.number}.png", "issued": day, "parts": parts, "columns": columns}
