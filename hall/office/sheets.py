"""Sheets for the printer: which there are, and each as PDF."""

from __future__ import annotations

from starlette.responses import Response

from exams.sheets import SHEETS, print_sheet, too_early
from hall.office.pages import page
from hall.office.visit import Visit
from home import EXAM, audit, transaction


def sheets_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/sheets``."""
    known = visit.sitting()
    refusals = {name: too_early(known, sheet) for name, sheet in SHEETS.items()}
    return page(visit, "sheets.html", known=known, sheets=SHEETS, refusals=refusals)


def sheet_pdf(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/sheets/{sheet}``: the PDF, in the browser's own viewer."""
    known, name = visit.sitting(), visit.path["sheet"]
    made = print_sheet(visit.home, known, name, visit.now)
    if name == "closing":
        with transaction(visit.home.exam) as connection:
            audit(connection, EXAM, visit.by, "sheet.closing", known.id)
    return Response(made, media_type="application/pdf", headers={"content-disposition": f'inline; filename="{known.id}-{name}.pdf"'})
