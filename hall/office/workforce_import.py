"""Certifications, steps, hours and units from a workbook: looked at first, with every fault by its place, then taken over all or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from grading.workforce.import_sheets import SHEETS, Imported, read_book
from grading.workforce.imports import about_people, import_book
from grading.workforce.kinds import kinds_of
from grading.workforce.template import write_template
from hall.office.concerns import refuse_own_rows
from hall.office.events import disposition
from hall.office.kept_uploads import keep_upload, kept_upload
from hall.office.pages import go, page
from hall.office.visit import Refused, Visit
from hall.office.workforce import today
from home import transaction
from people.errors import RosterError
from people.persons import rehearsal

SHOWN = 200
PURPOSE, SUBJECT = "workforce upload", "workforce"
TEMPLATE_NAME = "队伍持证导入模板.xlsx"


def workforce_import_page(visit: Visit) -> Response:
    """``GET /workforce/import``."""
    return page(visit, "workforce_import.html")


def workforce_template(visit: Visit) -> Response:
    """``GET /workforce/template``: the workbook to fill in, with the kinds of this home."""
    data = write_template(kinds_of(visit.home))
    return Response(data, media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", headers=dict(disposition(TEMPLATE_NAME)))


def check_workforce(visit: Visit) -> Response:
    """``POST /workforce/import``: reads the file and shows what it would do; nothing is stored but the file."""
    file = visit.uploads.get("file")
    if file is None or not file.data:
        raise Refused("请先选择文件（Excel 的 .xlsx 或 .csv）")
    faults: Sequence[object] = ()
    done = None
    try:
        book = read_book(file.data, file.name, today(visit))
        refuse_own_rows(visit, about_people(book))
        with rehearsal(visit.home.office) as connection:
            done = import_book(connection, visit.home.key("identity"), kinds_of(visit.home), book, visit.by, today(visit))
    except RosterError as error:
        faults = error.faults
    token = keep_upload(visit, PURPOSE, SUBJECT, file) if done else ""
    return page(
        visit, "workforce_preview.html", 200 if done else 422, done=done, counts=_counts(done) if done else [], token=token, file=file.name,
        faults=[place_in_book(one) for one in faults[:SHOWN]], more=max(0, len(faults) - SHOWN),
        warnings=[place_in_book(one) for one in done.warnings[:SHOWN]] if done else [], more_warnings=max(0, len(done.warnings) - SHOWN) if done else 0,
    )  # fmt: skip


def _counts(done: Imported) -> list[tuple[str, int, int]]:
    """(sheet, new lines, lines on file already) of the sheets that the file has."""
    return [(title, done.new[name], done.same[name]) for name, title in SHEETS.items() if done.new[name] or done.same[name]]


def place_in_book(fault: object) -> tuple[str, str, str, str]:
    """(sheet, row, column, message) of a fault; a plain text has no place."""
    row = getattr(fault, "row", 0)
    return getattr(fault, "sheet", ""), str(row) if row else "", getattr(fault, "column", ""), getattr(fault, "message", str(fault))


def confirm_workforce(visit: Visit) -> Response:
    """``POST /workforce/import/confirm``: takes the file over, all lines or none."""
    kept = kept_upload(visit, PURPOSE, SUBJECT)
    book = read_book(kept.data, kept.name, today(visit))
    refuse_own_rows(visit, about_people(book))
    with transaction(visit.home.office) as connection:
        done = import_book(connection, visit.home.key("identity"), kinds_of(visit.home), book, visit.by, today(visit))
    kept.path.unlink(missing_ok=True)
    told = "，".join(f"{title} {new} 行" for title, new, _ in _counts(done) if new) or "没有新的内容"
    return go(visit, "workforce", good=f"已导入：{told}；更新 {len(done.changed)} 处。")
