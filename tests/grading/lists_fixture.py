"""A sitting with every outcome, rare characters and hostile names, for the tests of lists."""

from __future__ import annotations

from datetime import date

from grading_fixture import RIGHT, add_script, make_sitting
from sqlalchemy import update

from exams.events import record_event
from exams.tables import candidate, sitting
from grading.marks import mark_sitting
from grading.records import issue_records
from grading.tables import record
from home import OFFICE, Home, audit, transaction
from people.tables import person

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
