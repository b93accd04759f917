"""Every page of the office: method, path, handler, and who may use it. What is not in this table does not exist."""

from __future__ import annotations

from hall.office import candidates, desk, jobs, live, logins, marking, records, rosters, slips, trail
from hall.office.guard import Way
from hall.office.pages import know_route
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
RESULTS = _roles("hr", "auditor")
FILES = HR
TRAIL = _roles("auditor", "operator")
GRADING = _roles("exam_officer", "hr")

_S = "/sittings/{sitting}"
_C = "/sittings/{sitting}/candidates/{number}"
_Q = "/sittings/{sitting}/marking/{question}/{item}"

ROUTES = (
    Way("home", "GET", "/", desk.home_page, ANYBODY),
    Way("logout", "POST", "/logout", logins.log_out, ANYBODY),
    Way("password", "GET", "/password", logins.password_page, ANYBODY),
    Way("set_password", "POST", "/password", logins.set_password, ANYBODY, back="password"),
    Way("new", "GET", "/sittings/new", desk.new_page, OFFICER),
    Way("create", "POST", "/sittings/new", desk.create, OFFICER, back="new"),
    Way("desk", "GET", _S, desk.desk, DESK),
    Way("build", "POST", f"{_S}/build", desk.build, OFFICER, back="desk"),
    Way("open", "POST", f"{_S}/open", desk.open_, OFFICER, back="desk"),
    Way("close_page", "GET", f"{_S}/close", desk.close_page, OFFICER),
    Way("close", "POST", f"{_S}/close", desk.close, OFFICER, back="desk"),
    Way("grade", "POST", f"{_S}/grade", desk.grade, GRADING, back="desk"),
    Way("roster", "GET", f"{_S}/roster", rosters.roster_page, PERSONS),
    Way("upload", "POST", f"{_S}/roster/upload", rosters.upload, OFFICER, back="roster"),
    Way("confirm", "POST", f"{_S}/roster/confirm", rosters.confirm, OFFICER, back="roster"),
    Way("live", "GET", f"{_S}/live", live.live_page, PERSONS),
    Way("live_json", "GET", f"{_S}/live.json", live.live_json, PERSONS),
    Way("slips", "GET", f"{_S}/slips", slips.slips_page, OFFICER),
    Way("print_all", "POST", f"{_S}/slips", slips.print_all, OFFICER, back="slips"),
    Way("candidate", "GET", _C, candidates.candidate_page, PERSONS),
    Way("remove", "POST", f"{_C}/remove", rosters.remove, OFFICER, back="candidate"),
    Way("add_event", "POST", f"{_C}/event", candidates.add_event, OFFICER, back="candidate"),
    Way("revoke", "POST", f"{_C}/event/{{event}}/revoke", candidates.revoke, OFFICER, back="candidate"),
    Way("extra_time", "POST", f"{_C}/time", candidates.extra_time, OFFICER, back="candidate"),
    Way("release", "POST", f"{_C}/release", candidates.release, OFFICER, back="candidate"),
    Way("print_one", "POST", f"{_C}/slip", slips.print_one, OFFICER, back="candidate"),
    Way("marking", "GET", f"{_S}/marking", marking.progress, DESK),
    Way("script", "GET", _Q, marking.script_page, MARKER),
    Way("give", "POST", _Q, marking.give, MARKER, back="marking"),
    Way("records", "GET", f"{_S}/records", records.records_page, RESULTS),
    Way("issue", "POST", f"{_S}/issue", desk.issue, HR, back="records"),
    Way("export", "POST", f"{_S}/export", jobs.ask_export, HR, back="records"),
    Way("exports", "GET", "/exports", jobs.exports_page, FILES),
    Way("download", "GET", "/exports/{file}", jobs.download, FILES),
    Way("jobs", "GET", "/jobs", jobs.jobs_page, DESK),
    Way("jobs_json", "GET", "/jobs.json", jobs.jobs_json, DESK),
    Way("trail", "GET", "/trail", trail.trail_page, TRAIL),
    Way("check", "POST", "/trail", trail.check, TRAIL, back="trail"),
)

for _way in ROUTES:
    assert _way.roles, _way.name
    know_route(_way.name, _way.path, _way.roles)
