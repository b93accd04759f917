"""The table a clerk can read (cases.md) against the clock, and what the clock keeps whatever is entered."""

from __future__ import annotations

import re
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.workforce.clock import HOLDING, Held, standing
from grading.workforce.hours import Hours, Step
from grading.workforce.kinds import kind_named, read_kinds

KINDS = read_kinds()
TABLE = (Path(__file__).parent / "cases.md").read_text(encoding="utf-8")
LINES = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines() if line.startswith("|")]
CASES = [line for line in LINES if line[0] != "资格" and not line[0].startswith("---")]
SOURCE = {"学位": "degree", "课程": "course", "": "training"}


def pieces(cell: str) -> list[str]:
    return [] if cell == "—" else [one.strip() for one in cell.split("；")]


def held_of(kind, obtained: str, done: str) -> Held:
    steps, ended, birth = [], None, None
    for piece in pieces(done):
        title, _, day = piece.rpartition(" ")
        if title == "终止":
            ended = date.fromisoformat(day)
        elif title == "出生":
            birth = date.fromisoformat(day)
        else:
            step = kind.step_named(title)
            assert step, f"{kind.title} has no step {title}"
            steps.append(Step(step, date.fromisoformat(day)))
    return Held(date.fromisoformat(obtained), tuple(steps), ended, birth)


def hours_of(cell: str) -> list[Hours]:
    found = []
    for piece in pieces(cell):
        source, amount, day = re.fullmatch(r"(学位|课程|)([\d.]*)@(\S+)", piece).groups()
        found.append(Hours(date.fromisoformat(day), Fraction(amount or 90), SOURCE[source]))
    return found


def test_the_table_is_long_enough_and_names_every_kind():
    assert len(CASES) >= 40
    assert {line[0] for line in CASES} == {kind.title for kind in KINDS.values()}


@pytest.mark.parametrize("line", CASES, ids=lambda line: f"{line[0]}-{line[1]}")
def test_a_case_of_the_table(line):
    name, _case, obtained, done, hours, on_day, state, until, opens, missing, words = line
    kind = kind_named(KINDS, name)
    got = standing(kind, held_of(kind, obtained, done), hours_of(hours), date.fromisoformat(on_day))
    found = [got.title, *(str(day) if day else "—" for day in (got.valid_until, got.window_opens)), got.missing or "—"]
    assert found == [state, until, opens, missing], got
    told = "\n".join((got.next_step, *got.why, *got.doubts))
    for one in pieces(words):
        assert one in told, (one, told)


DAYS = st.dates(date(2015, 1, 1), date(2035, 12, 31))


@st.composite
def histories(draw):
    kind = draw(st.sampled_from(list(KINDS.values())))
    steps = draw(st.lists(st.tuples(st.sampled_from(list(kind.steps) or ["x"]), DAYS), max_size=6)) if kind.steps else []
    hours = draw(st.lists(st.builds(Hours, DAYS, st.integers(0, 100).map(Fraction), st.sampled_from(list(SOURCE.values()))), max_size=5))
    return kind, Held(draw(DAYS), tuple(Step(*one) for one in steps), draw(st.none() | DAYS), draw(st.none() | st.dates(date(1945, 1, 1), date(2000, 1, 1)))), hours


@given(histories(), DAYS, st.randoms())
@settings(max_examples=200, deadline=None)
def test_whatever_was_entered(history, day, random):
    kind, held, hours = history
    got = standing(kind, held, hours, day)
    if len({one.on_day for one in held.steps}) == len(held.steps):
        shuffled = random.sample(held.steps, len(held.steps))
        assert standing(kind, Held(held.obtained_on, tuple(shuffled), held.ended_on, held.birth), hours, day) == got, "order of entry"
    if got.state in HOLDING:
        assert got.valid_until is None or day <= got.valid_until
    if got.state == "lapsed":
        assert got.valid_until < day
        assert standing(kind, held, hours, got.valid_until).state != "lapsed", "it counted on its last day"
    assert got.state != "ended" or held.ended_on <= day
    assert all(one.missing >= 0 for one in got.tallies)
    if got.window_opens:
        assert got.window_opens <= got.window_closes == got.valid_until


@given(histories(), DAYS, st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_more_hours_never_leave_more_missing(history, day, more):
    kind, held, hours = history
    before = standing(kind, held, hours, day)
    after = standing(kind, held, [*hours, Hours(day, Fraction(more))], day)
    assert after.state == before.state and after.valid_until == before.valid_until
    assert all(b.missing <= a.missing for a, b in zip(before.tallies, after.tallies, strict=True))


def test_what_comes_later_does_not_count_yet():
    kind = KINDS["social_worker"]
    held = Held(date(2023, 9, 15), (Step("registered", date(2024, 3, 10)),))
    later = Held(held.obtained_on, (*held.steps, Step("renewed", date(2027, 1, 5))))
    for days in (0, 100, 1000):
        day = date(2024, 3, 10) + timedelta(days=days)
        assert standing(kind, held, [], day) == standing(kind, later, [], day)
