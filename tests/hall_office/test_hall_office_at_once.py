"""Two officers in the same moment, on SQLite and PostgreSQL: one decision, one request."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from office_room import Office, Person
from sqlalchemy import update
from test_hall_office_by_two import audits_hold, barred, events
from test_hall_office_control import approval_of, colleague, path_of, two_at_work

from exams.tables import sitting
from home import Home, transaction


def together(posts: Sequence[tuple[Person, str, dict[str, str]]]) -> list[int]:
    """Post all in one moment; the statuses."""
    gate = threading.Barrier(len(posts))

    def go(post: tuple[Person, str, dict[str, str]]) -> int:
        gate.wait()
        who, path, form = post
        return int(who.post(path, **form).status_code)

    with ThreadPoolExecutor(len(posts)) as pool:
        return list(pool.map(go, posts))


def test_a_request_is_decided_or_taken_back_once(any_home: Home) -> None:
    office = Office(any_home)
    with office.staff("exam_officer") as officer, colleague(office) as other, office.staff("hr") as hr:
        one, _ = two_at_work(office, officer)
        with transaction(any_home.office) as connection:
            connection.execute(update(sitting).values(state="closed"))
        hr.done(f"/sittings/s-1/records/{one.number}/event", kind="misconduct", reason="录像证实抄袭")
        request = approval_of(officer.page("/approvals"))
        granted = {"decision": "grant"}
        found = together([(officer, request, granted), (other, request, granted), (hr, f"{request}/take-back", {})])
        assert sorted(found) == [303, 422, 422]
        assert len(events(office)) == (found[2] != 303) and barred(office, one) is (found[2] != 303)
    audits_hold(office)


def test_the_end_of_an_attempt_is_asked_for_once(any_home: Home) -> None:
    office = Office(any_home)
    with office.staff("exam_officer") as officer, colleague(office) as other:
        one, _ = two_at_work(office, officer)
        found = together([(who, f"{path_of(one)}/void", {"kind": kind, "reason": "x"}) for who, kind in ((officer, "misconduct"), (other, "void"))])
        assert sorted(found) == [303, 422]
    audits_hold(office)
