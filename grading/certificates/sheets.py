"""Certificates and score sheets as PDF/A: one file with a page for each, or one file each in a ZIP."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from exams.duties import waivers_used
from exams.sittings import KINDS as SITTING_KINDS
from exams.sittings import Sitting, get_sitting
from exams.typesetting import MissingGlyphError, set_pdf, set_pdfs, template_of
from grading.certificates.issue import Made, Sheet, keep, prepare
from grading.cut import exact_text, shown_text
from grading.errors import CertificateError
from grading.marks import quiet
from grading.records import CORRECTED
from home import Home, local_text, transaction

HERE = Path(__file__).parent
#: Nothing larger than version 20 is printed at 3 cm: 97 modules a side, and four of quiet zone on both.
LARGEST = 97 + 8
#: columns that tell a score
SCORES = ("公共部分", "专业部分", "总分", "等次", "补考成绩", "最终成绩")
#: Reports progress: how many sheets are done, of how many.
Report = Callable[[int, int], None]
_CLASSES = "一二三四五六七八九十"    # of the personal dossier
_NAME = re.compile(r"[^\w-]")


def qr_png(code: str) -> bytes:
    """The QR code of a statement, one pixel a module, quiet zone included; error correction M.

    The mask is fixed: what is in the code looks random already, and trying all eight takes five times as long.

    :raises CertificateError: the statement is too long for :data:`LARGEST`.
    """
    import zxingcpp  # compiled libraries: only for those who print
    from PIL import Image

    try:
        made: Any = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.QRCode, ec_level="M", data_mask=3)
        modules = memoryview(made.to_image(scale=1, add_quiet_zones=True))
        side = len(modules)
    except ValueError:
        side = LARGEST + 1
    if side > LARGEST:
        raise CertificateError("考试名称或单位名称过长，二维码装不下；请缩短后再制作")
    out = io.BytesIO()
    Image.frombytes("L", (side, side), modules.tobytes()).convert("1", dither=Image.Dither.NONE).save(out, "PNG")
    return out.getvalue()


def merged_pdf(home: Home, made: Made, report: Report = quiet) -> bytes:
    """All sheets in one file, a page each, in their order.

    :raises CertificateError: there is nothing to print.
    :raises TypesettingError: the office's template is wrong.
    :raises MissingGlyphError: a character that no font of this machine shows; see :func:`printable_part`.
    """
    _refuse_empty(made)
    data, files = _common(home, made), {}
    for n, sheet in enumerate(made.sheets, 1):
        files[f"{sheet.number}.png"] = qr_png(sheet.code)
        report(n // 2, len(made.sheets))  # the other half is setting
    pdf = set_pdf(template_in_use(home, made.kind), {**data, "sheets": [sheet_fields(sheet, data) for sheet in made.sheets]}, files, tagged=len(made.sheets) == 1)
    report(len(made.sheets), len(made.sheets))
    return pdf


def zipped_pdfs(home: Home, made: Made, report: Report = quiet) -> bytes:
    """A ZIP of one PDF each, named by admission number and name.

    :raises CertificateError, TypesettingError, MissingGlyphError: as :func:`merged_pdf`.
    """
    _refuse_empty(made)
    out = io.BytesIO()
    each = ((data, {f"{sheet.number}.png": qr_png(sheet.code)}) for sheet, data in sheet_data(home, made))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # PDFs are compressed already
        for n, (sheet, pdf) in enumerate(zip(made.sheets, set_pdfs(template_in_use(home, made.kind), each), strict=True), 1):
            name = _NAME.sub("", f"{sheet.columns.get('准考证号', '')}-{sheet.columns.get('姓名', '')}")
            archive.writestr(f"{name or sheet.number}.pdf", pdf)
            report(n, len(made.sheets))
    return out.getvalue()


def sheet_data(home: Home, made: Made) -> Iterator[tuple[Sheet, dict[str, Any]]]:
    """Each sheet with what the template gets for it alone."""
    common = _common(home, made)
    for sheet in made.sheets:
        yield sheet, {**common, "sheets": [sheet_fields(sheet, common)]}


#: form of the file -> how it is set
FORMS = {"pdf": merged_pdf, "zip": zipped_pdfs}


def printable_part(home: Home, made: Made, form: str, report: Report = quiet) -> tuple[Made, bytes]:
    """The file (a key of :data:`FORMS`) of those whose names and units this machine has fonts for; the others are left out.

    One rare character must not keep a thousand others waiting, and no name is ever printed with a box in it.

    :raises CertificateError: nothing is left to print.
    :raises TypesettingError: the office's template is wrong.
    """
    while True:
        try:
            return made, FORMS[form](home, made, report)
        except MissingGlyphError as error:
            stays = tuple(one for one in made.sheets if not any(error.text in text for text in one.columns.values()))
            if len(stays) == len(made.sheets):
                raise  # it stands in the template, not with a person
            gone = tuple(f"{one.whose} {one.columns.get('姓名', '')}：{error}" for one in made.sheets if one not in stays)
            if not stays:
                raise CertificateError("\n".join(gone)) from None
            made = replace(made, sheets=stays, left_out=(*made.left_out, *gone))


def produce(
    home: Home, sitting_id: str, kind: str, form: str, by: str, *, person_id: int | None = None, report: Report = quiet
) -> tuple[Made, bytes]:
    """Make what is missing, set all of it, and enter the new ones only then: a template that fails leaves nothing made.

    :raises SittingError, CertificateError, TypesettingError: see :func:`grading.certificates.issue.prepare`, :func:`printable_part`.
    """
    made, data = printable_part(home, prepare(home, sitting_id, kind, person_id), form, report)
    with transaction(home.office) as connection:
        keep(connection, made, by)
    return made, data


def _refuse_empty(made: Made) -> None:
    if not made.sheets:
        nobody = "没有可以制作的：" + ("本场没有合格的人" if made.kind == "certificate" else "没有成绩记录")
        raise CertificateError("\n".join(made.left_out) or nobody)


def shipped_template(kind: str) -> Path:
    """The template that comes with pufa; the office's own of the same name goes first (:func:`exams.typesetting.template_of`)."""
    return HERE / f"{kind}.typ"


def template_in_use(home: Home, kind: str) -> Path:
    """The office's own template of a kind, or the shipped one."""
    return template_of(home, shipped_template(kind))


def _common(home: Home, made: Made) -> dict[str, Any]:
    """What all sheets of a sitting share."""
    with home.office.connect() as connection:
        known = get_sitting(connection, made.sitting_id)
        notes = [waiver.note for waiver in waivers_used(connection, known)]
    profile = known.profile
    return {
        "kind": made.kind, "office": str(home.settings["office_name"]), "exam": known.title, "place": known.place or "",
        "mode": "" if known.kind == "formal" else SITTING_KINDS[known.kind][0], "stamps": list(profile.stamps) or [str(home.settings["office_name"])],
        "notes": notes, "basis": f"《{profile.legal_basis.title}》{profile.legal_basis.doc_no}" if profile.legal_basis.title else "",
        "pass_mark": exact_text(profile.pass_mark), "full_mark": exact_text(known.blueprint.total), "publish_score": profile.publish_score,
        "dossier": f"第{_CLASSES[profile.dossier_class - 1]}类" if profile.dossier_class else "", "contact": str(home.settings.get("contact", "")), "parts": _part_titles(known), "digits": profile.rounding.digits, "rounding": profile.rounding.mode,
    }  # fmt: skip


def _part_titles(known: Sitting) -> dict[str, str]:
    return {part.id: part.title for part in known.blueprint.parts}


def sheet_fields(sheet: Sheet, common: dict[str, Any]) -> dict[str, Any]:
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
    if "备注" in hidden:
        columns["备注"] = sheet.columns.get(CORRECTED, "")  # which tells nothing of a score
    day = local_text(sheet.made_at, "%Y-%m-%d")
    return {"number": sheet.number, "qr": f"{sheet.number}.png", "issued": day, "parts": parts, "columns": columns}
