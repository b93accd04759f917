"""A sitting with records, whose profile gives certificates."""

from __future__ import annotations

from dataclasses import dataclass

from grading_fixture import PROFILE, RIGHT, add_script, make_sitting

from grading.marks import mark_sitting
from grading.records import issue_records
from home import Home

CERTIFYING = PROFILE.replace("certificate = false", "certificate = true")


@dataclass(frozen=True)
class Sat:
    """Six who passed, one who failed, one who stayed away; the seventh name is a formula, the sixth has a rare character."""

    home: Home
    persons: list[int]


def sit(home: Home, profile: str = CERTIFYING) -> Sat:
    persons = make_sitting(home, essay=False, people=8, profile=profile)
    for person in persons[:6]:
        add_script(home, "s1", person, RIGHT)
    add_script(home, "s1", persons[6], {"q001": "C"})
    mark_sitting(home, "s1", "test")
    issue_records(home, "s1", "hr1")
    return Sat(home, persons)
