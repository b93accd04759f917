"""The list against looking at everybody: states, counts and due days agree with the clock, on both databases; coverage counts who is active."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from test_grading_workforce_due import fill
from workforce_room import KINDS, TODAY, add_people, add_unit

from grading.tables import certification
from grading.workforce.coverage import coverage
from grading.workforce.entering import add_certification, add_step, find_entry
from grading.workforce.history import history
from grading.workforce.holdings import read_entries, read_hours, stand
from grading.workforce.listing import DUE, OVERDUE, PAGE, STALE, Filter, list_page
from grading.workforce.reckoning import bring_up_to_date, reckon
from home import transaction
from people.tables import person


def by_the_clock(connection, on_day: date) -> dict[int, tuple[str, date | None]]:
    """certification -> (state as listed, the day something is due)."""
    hours, found = read_hours(connection, select(person.c.id)), {}
    for entry in read_entries(connection):
        stands = stand(KINDS[entry.kind], entry, hours.get(entry.holder.id, ()), on_day)
        left = entry.holder.left_on is not None and entry.holder.left_on <= on_day
        found[entry.id] = ("ended", None) if left else (stands.state, stands.due_on)
    return found


def listed(connection, wanted: Filter, on_day: date) -> list[int]:
    """Every line of every page."""
    first = list_page(connection, KINDS, on_day, wanted)
    lines = [one.entry.id for n in range(1, first.pages + 1) for one in list_page(connection, KINDS, on_day, wanted, n).lines]
    assert len(lines) == first.found == len(set(lines))
    return lines


def test_every_state_and_due_day_is_what_the_clock_says(any_home) -> None:
    fill(any_home, 260)
    on_day = date(2027, 3, 1)  # nothing that was entered lies after it
    with transaction(any_home.office) as connection:
        reckon(connection, KINDS)
    with any_home.office.connect() as connection:
        truth = by_the_clock(connection, on_day)
        page = list_page(connection, KINDS, on_day, Filter())
        assert page.states == dict(Counter(state for state, _ in truth.values())) and len(page.states) >= 5
        for state in page.states:
            assert set(listed(connection, Filter(state=state), on_day)) == {ident for ident, (now, _) in truth.items() if now == state}, state
        alive = {ident: due for ident, (state, due) in truth.items() if state != "ended"}
        assert set(listed(connection, Filter(), on_day)) == set(alive) and page.in_force == len(alive) > PAGE
        for key, days in DUE.items():
            wanted = {ident for ident, due in alive.items() if due is not None and 0 <= (due - on_day).days <= days}
            assert set(listed(connection, Filter(due=key), on_day)) == wanted and page.due[key] == len(wanted)
        late = {ident for ident, due in alive.items() if due is not None and due < on_day}
        assert set(listed(connection, Filter(due=OVERDUE), on_day)) == late and page.due[OVERDUE] == len(late) > 0


def test_what_the_rules_have_left_behind_is_shown_as_such_and_brought_up_to_date(any_home) -> None:
    fill(any_home, 120)
    on_day = date(2027, 3, 1)
    with transaction(any_home.office) as connection:
        reckon(connection, KINDS)
        connection.execute(update(certification).where(certification.c.id <= 40).values(reckoned="other rules"))
        connection.execute(update(certification).where(certification.c.id == 1).values(revoked_at=1, reckoned=None))
    with any_home.office.connect() as connection:
        before = list_page(connection, KINDS, on_day, Filter())
        truth = Counter(state for state, _ in by_the_clock(connection, on_day).values())
        assert 0 < before.states[STALE] < 40 and sum(before.states.values()) == 119
    assert bring_up_to_date(any_home, KINDS) == 39 and bring_up_to_date(any_home, KINDS) == 0
    with any_home.office.connect() as connection:
        assert list_page(connection, KINDS, on_day, Filter()).states == dict(truth)


def test_filters_meet(any_home) -> None:
    town = add_unit(any_home, "城关镇", kind="乡镇")
    village = add_unit(any_home, "柳河村", kind="村", parent_id=town)
    add_unit(any_home, "石桥村", kind="村")
    (a, _, number), (b, *_), (c, *_) = add_people(any_home, 3, unit_id=village)
    kind = KINDS["law_literate"]
    with transaction(any_home.office) as connection:
        for who in (a, b, c):
            add_certification(connection, kind, who, date(2026, 1, 5), by="t", today=TODAY, certificate_no=f"N{who}")
        held = {one.holder.id: one for one in read_entries(connection)}
        for who in (a, b):
            add_step(connection, kind, find_entry(connection, held[who].id), "certified", date(2026, 2, 5), by="t", today=TODAY)
        connection.execute(update(person).where(person.c.id == b).values(left_on=TODAY - timedelta(days=1)))
    with any_home.office.connect() as connection:
        assert len(listed(connection, Filter(unit="城关", kind=kind.id), TODAY)) == 2, "who has left is not listed"
        assert len(listed(connection, Filter(unit="城关", state="ended"), TODAY)) == 1
        assert listed(connection, Filter(unit="石桥"), TODAY) == [] == listed(connection, Filter(kind="mediator"), TODAY)
        assert [one.entry.holder.id for one in list_page(connection, KINDS, TODAY, Filter(name=number[-4:], state="")).lines] == [a]
        found = coverage(connection, KINDS, kind, TODAY)
        assert [(one.unit, one.above, one.have, one.short) for one in found.units] == [("石桥村", "", 0, 3), ("柳河村", "城关镇", 1, 2)]
        assert (found.missing, len(found.empty), found.nowhere, found.unknown) == (5, 1, 0, 0)
        assert [one.unit for one in coverage(connection, KINDS, kind, TODAY, "城关").units] == ["柳河村"]
        assert [one.what for one in history(connection, KINDS, a)] == ["发证", "推荐日期"]


@pytest.mark.parametrize("wanted", [Filter(unit="%"), Filter(name="_"), Filter(name="'"), Filter(unit="\\"), Filter(kind="none")])
def test_nothing_that_is_typed_is_a_pattern(any_home, wanted: Filter) -> None:
    fill(any_home, 20)
    with any_home.office.connect() as connection:
        assert list_page(connection, KINDS, TODAY, wanted).found == 0
