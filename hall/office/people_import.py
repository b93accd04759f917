"""Persons onto file without an exam: whoever is to be certified must be known first. Looked at, then taken over all or nothing."""

from __future__ import annotations

from starlette.responses import Response

from hall.office.concerns import refuse_own_rows
from hall.office.kept_uploads import keep_upload, kept_upload
from hall.office.pages import go, page
from hall.office.rosters import SHOWN_FAULTS, place_of
from hall.office.visit import Refused, Visit
from hall.office.workforce import today
from home import transaction
from people.errors import RosterError
from people.persons import ImportResult, import_roster, rehearsal
from people.roster import Roster, read_roster

PURPOSE, SUBJECT = "people upload", "people"


def check_people(visit: Visit) -> Response:
    """``POST /workforce/import/people``: reads a list of persons and shows what it would do; nothing is stored but the file."""
    file = visit.uploads.get("file")
    if file is None or not file.data:
        raise Refused("请先选择人员名单（Excel 的 .xlsx 或 .csv）")
    roster: Roster | None = None
    result: ImportResult | None = None
    try:
        roster = read_roster(file.data, file.name, today(visit))
        refuse_own_rows(visit, roster.rows)
        with rehearsal(visit.home.office) as connection:
            result = import_roster(connection, visit.home.key("identity"), roster, visit.by)
        faults = []
    except RosterError as error:
        faults = [place_of(one) for one in error.faults]
    token = keep_upload(visit, PURPOSE, SUBJECT, file) if result else ""
    return page(
        visit, "people_preview.html", 200 if result else 422, result=result, token=token, file=file.name, faults=faults[:SHOWN_FAULTS],
        more=max(0, len(faults) - SHOWN_FAULTS), changed=[one for one in result.changed if one.old != one.new] if result else [],
        warnings=[place_of(one) for one in roster.warnings[:SHOWN_FAULTS]] if roster else [],
    )  # fmt: skip


def confirm_people(visit: Visit) -> Response:
    """``POST /workforce/import/people/confirm``."""
    kept = kept_upload(visit, PURPOSE, SUBJECT)
    roster = read_roster(kept.data, kept.name, today(visit))
    refuse_own_rows(visit, roster.rows)
    with transaction(visit.home.office) as connection:
        result = import_roster(connection, visit.home.key("identity"), roster, visit.by)
    kept.path.unlink(missing_ok=True)
    return go(visit, "workforce_import", good=f"人员名单已导入：{len(result.people)} 人，其中新登记 {result.new} 人。现在可以导入他们的资格。")
