"""Every page of the office: method, path, handler, who may use it, and whose matter it is. What is not in this table does not exist."""

from __future__ import annotations

from hall.office import (
    answer_files,
    approvals,
    candidates,
    certificates,
    column_sets,
    control,
    desk,
    events,
    incidents,
    jobs,
    lists,
    live,
    logins,
    manning,
    marking,
    numbers,
    paper,
    paper_typing,
    people_import,
    person_merging,
    record_page,
    records,
    retention,
    rosters,
    sheet_templates,
    sheets,
    slips,
    staff_accounts,
    statistics,
    stipends,
    trail,
    workforce,
    workforce_import,
    workforce_person,
)
from hall.office.concerns import (
    ACCOUNT,
    ALIKE,
    ALONE,
    BY_ROW,
    CANDIDATE,
    CERTIFICATE,
    DUE,
    HELD,
    MERGED,
    NOBODYS,
    NUMBERS,
    PERSON,
    REQUEST,
    ROSTER,
    STIPEND,
)
from hall.office.pages import know_route
from hall.office.way import Way
from people.accounts import ROLES


def _roles(*names: str) -> frozenset[str]:
    assert ROLES.keys() >= set(names)
    return frozenset(names)


ANYBODY = frozenset(ROLES)                       # any role, but none without one
OFFICER = _roles("exam_officer")
MARKER = _roles("marker")
HR = _roles("hr")
DESK = _roles("exam_officer", "marker", "hr", "auditor", "operator")      # counts, no persons
PERSONS = _roles("exam_officer", "auditor")                               # who sits, what happens in the room
PAPER = _roles("exam_officer", "marker", "auditor")                      # by number; names only for PERSONS
RESULTS = _roles("hr", "auditor")
FILES = HR
DECIDERS = _roles("exam_officer", "hr", "operator")                       # second persons
TRAIL = _roles("auditor", "operator")
OPERATOR = _roles("operator")
KEEPERS = _roles("operator", "auditor", "hr")                             # how long what is kept
HOLDERS = _roles("operator", "hr")                                        # what is not to be erased for now
GRADING = _roles("exam_officer", "hr")

_S = "/sittings/{sitting}"
_C = "/sittings/{sitting}/candidates/{number}"
_R = "/sittings/{sitting}/records/{number}"
_P = "/workforce/people/{person}"
_H = f"{_P}/held/{{held}}"
_PAPER = "/sittings/{sitting}/paper/{number}"
_Q = "/sittings/{sitting}/marking/{question}/{item}"

ROUTES = (
    Way("home", "GET", "/", desk.home_page, ANYBODY),
    Way("logout", "POST", "/logout", logins.log_out, ANYBODY, concerns=NOBODYS),
    Way("password", "GET", "/password", logins.password_page, ANYBODY),
    Way("set_password", "POST", "/password", logins.set_password, ANYBODY, back="password", concerns=NOBODYS),
    Way("new", "GET", "/sittings/new", desk.new_page, OFFICER),
    Way("create", "POST", "/sittings/new", desk.create, OFFICER, back="new", concerns=NOBODYS),
    Way("desk", "GET", _S, desk.desk, DESK),
    Way("build", "POST", f"{_S}/build", desk.build, OFFICER, back="desk", concerns=ALIKE),
    Way("open", "POST", f"{_S}/open", desk.open_, OFFICER, back="desk", concerns=ALIKE),
    Way("close_page", "GET", f"{_S}/close", desk.close_page, OFFICER),
    Way("close", "POST", f"{_S}/close", desk.close, OFFICER, back="desk", concerns=ALIKE),
    Way("grade", "POST", f"{_S}/grade", desk.grade, GRADING, back="desk", concerns=ALIKE),
    Way("roster", "GET", f"{_S}/roster", rosters.roster_page, PERSONS),
    Way("upload", "POST", f"{_S}/roster/upload", rosters.upload, OFFICER, back="roster", concerns=BY_ROW),
    Way("confirm", "POST", f"{_S}/roster/confirm", rosters.confirm, OFFICER, back="roster", concerns=BY_ROW),
    Way("live", "GET", f"{_S}/live", live.live_page, PERSONS),
    Way("live_json", "GET", f"{_S}/live.json", live.live_json, PERSONS),
    Way("room_page", "GET", f"{_S}/room/{{act}}", control.room_page, OFFICER),
    Way("room_act", "POST", f"{_S}/room/{{act}}", control.room_act, OFFICER, back="live", concerns=ROSTER),
    Way("edit_page", "GET", f"{_S}/edit", control.edit_page, OFFICER),
    Way("edit", "POST", f"{_S}/edit", control.edit, OFFICER, back="edit_page", concerns=ROSTER),
    Way("incidents", "GET", f"{_S}/incidents", incidents.incidents_page, PERSONS),
    Way("add_note", "POST", f"{_S}/incidents", incidents.add_note, OFFICER, back="incidents", concerns=NOBODYS),
    Way("seen_to", "POST", f"{_S}/incidents/{{incident}}", incidents.seen_to, OFFICER, back="live", concerns=ROSTER),
    Way("answer_file", "GET", f"{_S}/answer-file", answer_files.answer_file_page, OFFICER),
    Way("upload_answers", "POST", f"{_S}/answer-file", answer_files.upload, OFFICER, back="answer_file", concerns=ROSTER),
    Way("take_over", "POST", f"{_S}/answer-file/merge", answer_files.take_over, OFFICER, back="answer_file", concerns=ROSTER),
    Way("sheets", "GET", f"{_S}/sheets", sheets.sheets_page, PERSONS),
    Way("sheet_pdf", "GET", f"{_S}/sheets/{{sheet}}", sheets.sheet_pdf, PERSONS),
    Way("slips", "GET", f"{_S}/slips", slips.slips_page, OFFICER),
    Way("print_all", "POST", f"{_S}/slips", slips.print_all, OFFICER, back="slips", concerns=BY_ROW),
    Way("candidate", "GET", _C, candidates.candidate_page, PERSONS),
    Way("remove", "POST", f"{_C}/remove", rosters.remove, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("add_event", "POST", f"{_C}/event", events.add_event, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("revoke", "POST", f"{_C}/event/{{event}}/revoke", events.revoke, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("extra_time", "POST", f"{_C}/time", candidates.extra_time, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("release", "POST", f"{_C}/release", candidates.release, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("pause", "POST", f"{_C}/pause", candidates.pause, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("resume", "POST", f"{_C}/resume", candidates.resume, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("admit", "POST", f"{_C}/late", candidates.admit, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("reopen", "POST", f"{_C}/reopen", candidates.reopen, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("void", "POST", f"{_C}/void", candidates.void, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("add_note_of", "POST", f"{_C}/note", incidents.add_note_of, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("print_one", "POST", f"{_C}/slip", slips.print_one, OFFICER, back="candidate", concerns=CANDIDATE),
    Way("paper", "GET", f"{_S}/paper", paper.paper_page, PAPER),
    Way("print_paper", "POST", f"{_S}/paper", paper.print_paper, OFFICER, back="paper", concerns=ROSTER),
    Way("paper_files", "GET", f"{_S}/paper/files.zip", paper.paper_files, OFFICER, concerns=ROSTER),
    Way("paper_keys", "GET", f"{_S}/paper/keys.zip", paper.paper_keys, MARKER, concerns=ROSTER),
    Way("register_paper", "POST", f"{_S}/paper/register", paper.register_paper, OFFICER, back="paper", concerns=NUMBERS),
    Way("paper_book", "GET", f"{_S}/paper/workbook.xlsx", paper_typing.workbook, MARKER),
    Way("upload_paper", "POST", f"{_S}/paper/workbook", paper_typing.upload_workbook, MARKER, back="paper", concerns=ROSTER),
    Way("confirm_paper", "POST", f"{_S}/paper/workbook/confirm", paper_typing.confirm_workbook, MARKER, back="paper", concerns=ROSTER),
    Way("paper_one", "GET", _PAPER, paper.paper_one, PAPER),
    Way("decide_paper", "POST", f"{_PAPER}/source", paper.decide_paper, OFFICER, back="paper_one", concerns=CANDIDATE),
    Way("unregister_paper", "POST", f"{_PAPER}/unregister", paper.unregister_paper, OFFICER, back="paper_one", concerns=CANDIDATE),
    Way("type_page", "GET", f"{_PAPER}/type", paper_typing.type_page, MARKER),
    Way("type_in", "POST", f"{_PAPER}/type", paper_typing.type_in, MARKER, back="paper_one", concerns=CANDIDATE),
    Way("discard_paper", "POST", f"{_PAPER}/discard", paper_typing.discard, MARKER, back="paper_one", concerns=CANDIDATE),
    Way("settle_page", "GET", f"{_PAPER}/differences", paper_typing.settle_page, MARKER),
    Way("settle_paper", "POST", f"{_PAPER}/differences", paper_typing.settle_, MARKER, back="settle_page", concerns=CANDIDATE),
    Way("marking", "GET", f"{_S}/marking", marking.progress, DESK),
    Way("script", "GET", _Q, marking.script_page, MARKER),
    Way("give", "POST", _Q, marking.give, MARKER, back="marking", concerns=ROSTER),
    Way("attachment", "GET", f"{_C}/documents/{{document}}", events.attachment, RESULTS),
    Way("records", "GET", f"{_S}/records", records.records_page, RESULTS),
    Way("record", "GET", _R, record_page.record_page, RESULTS),
    Way("correct", "POST", f"{_R}/correct", record_page.correct, HR, back="record", concerns=CANDIDATE),
    Way("appeal", "POST", f"{_R}/appeal", record_page.appeal, HR, back="record", concerns=CANDIDATE),
    Way("add_event_by_hr", "POST", f"{_R}/event", events.add_event_by_hr, HR, back="record", concerns=CANDIDATE),
    Way("revoke_by_hr", "POST", f"{_R}/event/{{event}}/revoke", events.revoke_by_hr, HR, back="record", concerns=CANDIDATE),
    Way("attach", "POST", f"{_R}/event/{{event}}/attachment", events.attach, HR, back="record", concerns=CANDIDATE),
    Way("resit", "GET", f"{_S}/resit", record_page.resit_page, _roles("exam_officer", "hr", "auditor")),
    Way("enrol_resit", "POST", f"{_S}/resit", record_page.enrol_resit, OFFICER, back="resit", concerns=BY_ROW),
    Way("issue", "POST", f"{_S}/issue", desk.issue, HR, back="records", concerns=ALIKE),
    Way("export", "POST", f"{_S}/export", lists.ask_export, HR, back="records", concerns=NOBODYS),
    Way("certificates", "GET", f"{_S}/certificates", certificates.certificates_page, RESULTS),
    Way("make_certificates", "POST", f"{_S}/certificates", certificates.make_all, HR, back="certificates", concerns=ALIKE),
    Way("take_back", "POST", f"{_S}/certificates/{{certificate}}", certificates.take_back, HR, back="certificates", concerns=CERTIFICATE),
    Way("one_sheet", "POST", f"{_R}/sheet", certificates.one_sheet, HR, back="record", concerns=CANDIDATE),
    Way("verification_page", "GET", "/certificates/page", certificates.verification_page, RESULTS),
    Way("revocation_list", "GET", "/certificates/revocations", certificates.revocation_list, RESULTS),
    Way("templates", "GET", "/certificates/templates", sheet_templates.templates_page, HR),
    Way("template_file", "GET", "/certificates/templates/{kind}", sheet_templates.template_file, HR),
    Way("try_template", "POST", "/certificates/templates/{kind}/try", sheet_templates.try_upload, HR, back="templates", concerns=NOBODYS),
    Way("template_specimen", "POST", "/certificates/templates/{kind}/specimen", sheet_templates.specimen, HR, back="templates", concerns=NOBODYS),
    Way("use_template", "POST", "/certificates/templates/{kind}/use", sheet_templates.use_upload, HR, back="templates", concerns=NOBODYS),
    Way("use_shipped_template", "POST", "/certificates/templates/{kind}/shipped", sheet_templates.use_shipped, HR, back="templates", concerns=NOBODYS),
    Way("exports", "GET", "/exports", lists.exports_page, FILES),
    Way("make_list", "POST", "/exports", lists.make_list, HR, back="exports", concerns=STIPEND),
    Way("stipends", "GET", "/workforce/stipends", stipends.stipends_page, RESULTS),
    Way("make_roster", "POST", "/workforce/stipends", stipends.make_roster, HR, back="stipends", concerns=STIPEND),
    Way("staffing", "GET", "/workforce/staffing", manning.staffing_page, RESULTS),
    Way("make_staffing", "POST", "/workforce/staffing", manning.make_staffing, HR, back="staffing", concerns=NOBODYS),
    Way("columns", "GET", "/columns", column_sets.columns_page, HR),
    Way("edit_columns", "POST", "/columns", column_sets.edit_columns, HR, back="exports", concerns=NOBODYS),
    Way("download", "GET", "/exports/{file}", lists.download, FILES),
    Way("statistics", "GET", "/statistics", statistics.statistics_page, RESULTS),
    Way("ask_statistics", "POST", "/statistics", statistics.ask_statistics, HR, back="statistics", concerns=NOBODYS),
    Way("numbers", "GET", "/numbers", numbers.numbers_page, HR),
    Way("ask_numbers", "POST", "/numbers", numbers.ask_numbers, HR, back="numbers", concerns=ALONE),
    Way("make_numbers", "POST", "/numbers/{request}/make", numbers.make_numbers, HR, back="numbers", concerns=REQUEST),
    Way("take_numbers", "GET", "/numbers/{request}/file", numbers.take_numbers, HR),
    Way("merge", "GET", "/persons/merge", person_merging.merge_page, HR),
    Way("compare_persons", "POST", "/persons/merge/compare", person_merging.compare, HR, back="merge", concerns=NOBODYS),
    Way("ask_merge", "POST", "/persons/merge", person_merging.ask, HR, back="merge", concerns=MERGED),
    Way("approvals", "GET", "/approvals", approvals.approvals_page, DECIDERS),
    Way("decide", "POST", "/approvals/{approval}", approvals.decide_page, DECIDERS, back="approvals", concerns=REQUEST),
    Way("jobs", "GET", "/jobs", jobs.jobs_page, DESK),
    Way("jobs_json", "GET", "/jobs.json", jobs.jobs_json, DESK),
    Way("retention", "GET", "/retention", retention.retention_page, KEEPERS),
    Way("ask_to_erase", "POST", "/retention/ask", retention.ask_to_erase, OPERATOR, back="retention", concerns=DUE),
    Way("erase", "POST", "/retention/erase", retention.erase, OPERATOR, back="retention", concerns=DUE),
    Way("hold", "POST", "/retention/hold", retention.hold, HOLDERS, back="retention", concerns=HELD),
    Way("lift", "POST", "/retention/hold/{hold}/lift", retention.lift, HOLDERS, back="retention", concerns=HELD),
    Way("staff", "GET", "/staff", staff_accounts.staff_page, OPERATOR),
    Way("add_staff", "POST", "/staff", staff_accounts.add, OPERATOR, back="staff", concerns=NOBODYS),
    Way("finish_staff", "POST", "/staff/request/{request}", staff_accounts.finish, OPERATOR, back="staff", concerns=REQUEST),
    Way("grant_role", "POST", "/staff/{login}/grant", staff_accounts.grant, OPERATOR, back="staff", concerns=ACCOUNT),
    Way("revoke_role", "POST", "/staff/{login}/revoke", staff_accounts.revoke, OPERATOR, back="staff", concerns=ACCOUNT),
    Way("reset_password", "POST", "/staff/{login}/password", staff_accounts.reset, OPERATOR, back="staff", concerns=ACCOUNT),
    Way("disable_account", "POST", "/staff/{login}/disable", staff_accounts.disable, OPERATOR, back="staff", concerns=ACCOUNT),
    Way("link_person", "POST", "/staff/{login}/person", staff_accounts.link, OPERATOR, back="staff", concerns=ACCOUNT),
    Way("unlink_person", "POST", "/staff/{login}/unlink", staff_accounts.unlink, OPERATOR, back="staff", concerns=ACCOUNT),
    Way("workforce", "GET", "/workforce", workforce.workforce_page, RESULTS),
    Way("holders", "GET", "/workforce/people", workforce.holders_page, RESULTS),
    Way("coverage", "GET", "/workforce/coverage", workforce.coverage_page, RESULTS),
    Way("kinds", "GET", "/workforce/kinds", workforce.kinds_page, RESULTS),
    Way("workforce_import", "GET", "/workforce/import", workforce_import.workforce_import_page, HR),
    Way("check_workforce", "POST", "/workforce/import", workforce_import.check_workforce, HR, back="workforce_import", concerns=BY_ROW),
    Way("confirm_workforce", "POST", "/workforce/import/confirm", workforce_import.confirm_workforce, HR, back="workforce_import", concerns=BY_ROW),
    Way("check_people", "POST", "/workforce/import/people", people_import.check_people, HR, back="workforce_import", concerns=BY_ROW),
    Way("confirm_people", "POST", "/workforce/import/people/confirm", people_import.confirm_people, HR, back="workforce_import", concerns=BY_ROW),
    Way("workforce_template", "GET", "/workforce/template", workforce_import.workforce_template, HR),
    Way("holder", "GET", _P, workforce_person.holder_page, RESULTS),
    Way("add_holding", "POST", f"{_P}/held", workforce_person.add_holding, HR, back="holder", concerns=PERSON),
    Way("take_pass", "POST", f"{_P}/pass", workforce_person.take_pass, HR, back="holder", concerns=PERSON),
    Way("enter_step", "POST", f"{_H}/step", workforce_person.enter_step, HR, back="holder", concerns=PERSON),
    Way("strike_step", "POST", f"{_H}/step/{{step}}/revoke", workforce_person.strike_step, HR, back="holder", concerns=PERSON),
    Way("end_holding", "POST", f"{_H}/end", workforce_person.end_holding, HR, back="holder", concerns=PERSON),
    Way("resume_holding", "POST", f"{_H}/resume", workforce_person.resume_holding, HR, back="holder", concerns=PERSON),
    Way("strike_holding", "POST", f"{_H}/revoke", workforce_person.strike_holding, HR, back="holder", concerns=PERSON),
    Way("enter_hours", "POST", f"{_P}/hours", workforce_person.enter_hours, HR, back="holder", concerns=PERSON),
    Way("strike_hours", "POST", f"{_P}/hours/{{hours}}/revoke", workforce_person.strike_hours, HR, back="holder", concerns=PERSON),
    Way("evidence", "GET", f"{_P}/documents/{{document}}", workforce_person.evidence, RESULTS),
    Way("trail", "GET", "/trail", trail.trail_page, TRAIL),
    Way("check", "POST", "/trail", trail.check, TRAIL, back="trail", concerns=NOBODYS),
)

for _way in ROUTES:
    assert _way.roles, _way.name
    know_route(_way.name, _way.path, _way.roles)
