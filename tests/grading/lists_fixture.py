"""A sitting with every outcome, rare characters and hostile names, for the tests of lists."""

from __future__ import annotations

from datetime import date

from grading_fixture import RIGHT, add_script, make_sitting
from sqlalchemy import select, update

from exams.events import record_event
from exams.tables import candidate, sitting
from grading.marks import mark_sitting
from grading.records import issue_records
from grading.tables import certification, certification_step, record
from home import OFFICE, Home, audit, transaction
from people.tables import person, unit

#: 生僻字 of GB 18030-2022 (U+2B5AF, U+20BB7, U+9FA6, U+4DB5), an ethnic dot, what a spreadsheet would compute
NAMES = ("𫖯仪", "𠮷野", "龦某", "䶵文", "阿依古丽·买买提", "=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "张三")
UNITS = ("某县司法局", "=HYPERLINK(\"http://x\")", "城关镇人民政府")
CHANNELS = ("人大任命", "党委管理", None)
KINDS = ("absent", "deferred", "exempt", "misconduct")


def furnish(home: Home, ident: str = "s1") -> list[int]:
    """Ten candidates: 3 passed, 2 failed, 2 absent (one of them entered), deferred, exempt, misconduct; records issued."""
    people = make_sitting(home, ident, people=10, essay=False)
    for one in people[:5]:
        add_script(home, ident, one, RIGHT if one in people[:3] else {"q001": "C"})
    with transaction(home.office) as connection:
        for number, (one, name) in enumerate(zip(people, NAMES, strict=True)):
            connection.execute(update(person).where(person.c.id == one).values(name=name))
            labels = {"unit_label": UNITS[number % 3], "channel": CHANNELS[number % 3]}
            connection.execute(update(candidate).where(candidate.c.person_id == one).values(**labels))
        for one, kind in zip(people[5:9], KINDS, strict=True):
            ground = "approved_by_authority" if kind == "exempt" else ""
            record_event(connection, ident, one, kind, by="li", reason=f"+事由{kind}", document_no="＝某组3号", ground=ground)
        connection.execute(update(sitting).values(kind="formal"))
        audit(connection, OFFICE, "li", "mark.manual", f"{ident}/{people[0]}")
    mark_sitting(home, ident, "li")
    issue_records(home, ident, "hr")
    return people


def end_on(home: Home, days: dict[int, date]) -> None:
    """Let passes end on these days, by person."""
    with transaction(home.office) as connection:
        for one, day in days.items():
            connection.execute(update(record).where(record.c.person_id == one).values(valid_until=day))


def furnish_workforce(home: Home) -> None:
    """What the lists of the workforce need of the same persons: three holders, two of them paid, a community, a grade."""
    with transaction(home.office) as connection:
        people = list(connection.execute(select(person.c.id).order_by(person.c.id)).scalars())
        place = connection.execute(unit.insert().values(name="=东社区", kind="社区", households=2650, residents=6800)).inserted_primary_key[0]
        connection.execute(update(person).where(person.c.id.in_(people[:2])).values(category="社区工作者", employed_from=date(2020, 1, 1), unit_id=place))
        for one in people[:3]:
            held = certification.insert().values(person_id=one, kind="social_worker", obtained_on=date(2025, 9, 15), certificate_no="=1", created_at=0, created_by="li")
            ident = connection.execute(held).inserted_primary_key[0]
            connection.execute(certification_step.insert().values(certification_id=ident, kind="registered", on_day=date(2026, 3, 10), at=0, by="li"))
        held = certification.insert().values(person_id=people[0], kind="community_grade", obtained_on=date(2020, 1, 1), created_at=0, created_by="li")
        ident = connection.execute(held).inserted_primary_key[0]
        connection.execute(certification_step.insert().values(certification_id=ident, kind="grade_4", on_day=date(2023, 1, 1), at=0, by="li"))
