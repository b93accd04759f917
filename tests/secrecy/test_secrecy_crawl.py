"""No key, rationale, foreign paper, code or identity number reaches anyone whom the tables below do not name with a reason."""

from __future__ import annotations

from collections import Counter

from exam_day import PHASES, ExamDay, Seen

from hall.office.routes import ROUTES
from people.accounts import ROLES

#: office page -> (beginnings of what it may show, and why). Whoever's role opens the page is in hall.office.routes.
STAFF_MAY_SEE = {
    "script": (("key/point", "key/model answer", "key/slug", "stem/", "answer/"), "a marker goes by the model answer and reads what was written"),
    "give": (("key/slug",), "the address of the next script names the question"),
    "marking": (("key/slug",), "links to the questions that persons mark"),
    "print_all": (("code/",), "the officer prints the slips"),
    "print_one": (("code/",), "the officer prints one slip anew"),
}  # fmt: skip
#: who -> phases in which a paper is before them
WRITING = {"c1": {"during"}, "c2": {"during", "handed_in"}, "c3": {"during", "handed_in"}}


def allowed(day: ExamDay, one: Seen, name: str) -> bool:
    """Whether this observer may see this there and then."""
    if one.who in WRITING and one.phase in WRITING[one.who] and one.where.split()[1].startswith(("/paper", "/api/save")):
        return name in day.stems[day.forms[one.who]] or name == f"answer/{one.who}"
    if one.who in ROLES:
        return name.startswith(STAFF_MAY_SEE.get(one.where.split()[0], ((), ""))[0])
    if one.who == "hall's files":
        stems = frozenset().union(*(stems for form, stems in day.stems.items() if form.startswith("s-1/")))
        return name.startswith("answer/") if one.where.startswith("exam/") else name in stems and one.where.startswith("release/s-1/")
    if one.who == "released notebook":
        return any(name in stems for form, stems in day.stems.items() if one.where.startswith(f"nbgrader/{form[:3]}/"))
    return False


def test_nobody_sees_what_is_not_for_them(exam_day: ExamDay) -> None:
    leaks = [
        f"{one.phase}: {one.who} at {one.where} ({one.status}): {name}"
        for one in exam_day.seen for name in sorted(one.found) if not allowed(exam_day, one, name)
    ]  # fmt: skip
    assert not leaks, f"{len(leaks)} leaks\n" + "\n".join(leaks[:60])


def test_the_walk_went_everywhere(exam_day: ExamDay) -> None:
    """Or else the test above says nothing."""
    seen = exam_day.seen
    assert {one.phase for one in seen} == set(PHASES)
    assert {one.who for one in seen} >= {"nobody", "c1", "c2", "c3", "c4", "log", "released notebook", "hall's files", *ROLES}
    statuses = Counter(one.status for one in seen if one.who in ("nobody", *exam_day.browsers))
    assert statuses.keys() >= {200, 303, 400, 401, 403, 404, 405, 409, 413, 500}, statuses
    shown = {one.where.split()[0] for one in seen if one.status == 200}
    missing = {way.name for way in ROUTES if way.method == "GET"} - shown
    assert len(missing) * 5 < len(ROUTES), f"pages that nobody saw: {sorted(missing)}"


def test_what_may_be_seen_was_seen(exam_day: ExamDay) -> None:
    """The search finds what is there: each candidate's own paper, the marker's model answers, the slips."""
    found = {(one.who, name.split("/")[0]) for one in exam_day.seen for name in one.found if allowed(exam_day, one, name)}
    assert found >= {("c1", "stem"), ("c2", "stem"), ("c3", "stem"), ("marker", "key"), ("exam_officer", "code"), ("hall's files", "answer"), ("released notebook", "stem")}
    assert {name for _, name in found} >= {"answer"}


def test_a_leak_of_this_day_would_be_found(exam_day: ExamDay) -> None:
    """The keys of the day, as the safe holds them, raise the alarm for every form and every question."""
    found = set()
    for path in (exam_day.home.secret / "papers").rglob("keys/*.json"):
        found |= exam_day.secrets().found_in(path.read_bytes().replace(b"\n", b"").replace(b'","key": ', b'"'))
    assert {name.split()[0] for name in found} >= {"key/slug", "key/rationale", "key/model", "key/point", "key/hash"}
    rows = exam_day.secrets().found_in(" ".join(right for pairs in exam_day.keys.values() for _, right in pairs).encode())
    assert rows == {f"key/{form}/all" for form in exam_day.keys}


def test_headers_of_every_answer(exam_day: ExamDay) -> None:
    for one in exam_day.seen:
        if one.headers:
            headers = one.headers.lower()
            assert "nosniff" in headers and "content-security-policy" in headers and "unsafe-" not in headers, one
            assert "'server'" not in headers and "x-powered-by" not in headers, one
            assert "no-store" in headers or "/static/" in one.where, one
