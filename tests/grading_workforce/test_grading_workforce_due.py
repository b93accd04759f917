"""What falls due: SQL's shortcut against looking at everybody; those who left or ended are not in it; evidence of the entries."""

from __future__ import annotations

import random
from datetime import date, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import select
from workforce_room import KINDS, TODAY, add_people

from grading.errors import WorkforceError
from grading.tables import certification, certification_step, training_hours
from grading.workforce.due import due
from grading.workforce.entering import (
    add_certification,
    add_hours,
    add_step,
    end_certification,
    find_entry,
    read_amount,
    revoke_hours,
    revoke_step,
)
from grading.workforce.holdings import read_entries, read_hours, stand
from grading.workforce.reckoning import reckon
from home import AUDIT, OFFICE, transaction
from people.tables import person


def fill(home, n: int, seed: int = 7) -> None:
    """n certifications of random kinds with random, partly absurd histories."""
    chance = random.Random(seed)
    people = [ident for ident, _, _ in add_people(home, min(n, 300))]
    kinds = list(KINDS.values())

    def day(first: int = 2019) -> date:
        return date(first, 1, 1) + timedelta(days=chance.randrange(365 * (2027 - first)))

    with transaction(home.office) as connection:
        for _ in range(n):
            kind = chance.choice(kinds)
            obtained = day()
            ended = day(2025) if chance.random() < 0.05 else None
            number = connection.execute(certification.insert().values(
                person_id=chance.choice(people), kind=kind.id, obtained_on=obtained, created_at=0, created_by="t", ended_on=ended,
            )).inserted_primary_key[0]  # fmt: skip
            steps = chance.sample(list(kind.steps), chance.randint(0, len(kind.steps)))
            rows = [{"certification_id": number, "kind": step, "on_day": day(), "at": 0, "by": "t",
                     "revoked_at": 1 if chance.random() < 0.05 else None} for step in steps]  # fmt: skip
            if rows:
                connection.execute(certification_step.insert(), rows)
        connection.execute(training_hours.insert(), [
            {"person_id": chance.choice(people), "on_day": day(), "hours": "20", "source": "training", "title": f"班{k}", "at": 0, "by": "t"} for k in range(n)
        ])  # fmt: skip
        connection.execute(person.update().where(person.c.id.in_(people[:5])).values(left_on=date(2026, 1, 1)))


def brute(connection, on_day: date, days: int, past: int) -> list[tuple]:
    """Everybody, one by one."""
    hours, found = read_hours(connection, select(person.c.id)), []
    for entry in read_entries(connection):
        stands = stand(KINDS[entry.kind], entry, hours.get(entry.holder.id, ()), on_day)
        gone = entry.holder.left_on is not None and entry.holder.left_on <= on_day
        if stands.due_on and not gone and -past <= (stands.due_on - on_day).days <= days:
            found.append((stands.due_on, entry.id, stands.due_what, stands.missing))
    return sorted(found)


@pytest.mark.parametrize("kept", ["nothing kept", "some kept", "all kept"])
def test_sql_finds_exactly_what_looking_at_everybody_finds(any_home, kept):
    fill(any_home, 300)
    if kept != "nothing kept":
        with transaction(any_home.office) as connection:
            assert reckon(connection, KINDS, most=120 if kept == "some kept" else None) >= 120
    seen = 0
    with any_home.office.connect() as connection:
        for on_day in (TODAY, date(2026, 2, 28), date(2027, 3, 1), date(2025, 12, 20)):
            for days, past in ((30, 0), (60, 0), (90, 0), (90, 365), (0, 0)):
                got = sorted((row.due_on, row.entry.id, row.what, row.standing.missing) for row in due(connection, KINDS, on_day, days, past=past))
                assert got == brute(connection, on_day, days, past), (on_day, days)
                seen += len(got)
    assert seen > 250


def test_entries_are_checked_audited_and_struck_out_not_deleted(any_home):
    (who, _, _), *_ = add_people(any_home, 1)
    kind = KINDS["social_worker"]
    with transaction(any_home.office) as connection:
        number = add_certification(connection, kind, who, date(2023, 9, 15), by="hr1", today=TODAY, certificate_no="A1")
        add_step(connection, kind, find_entry(connection, number), "registered", date(2024, 3, 10), by="hr1", today=TODAY, document_no="5号")
        hours = add_hours(connection, who, date(2025, 5, 1), Fraction(60), "training", "继续教育班", by="hr1", today=TODAY)
    with any_home.office.connect() as connection:
        entry = find_entry(connection, number)
    refusals = [
        (lambda c: add_certification(c, kind, who, date(2023, 9, 15), by="hr1", today=TODAY), "已经登记了“社会工作师”"),
        (lambda c: add_certification(c, KINDS["mediator"], who, date(2027, 1, 1), by="hr1", today=TODAY), "在今天之后"),
        (lambda c: add_step(c, kind, entry, "stamped", TODAY, by="hr1", today=TODAY), "没有“stamped”这一步"),
        (lambda c: add_step(c, kind, entry, "registered", date(2024, 3, 10), by="hr1", today=TODAY), "已经登记过了"),
        (lambda c: add_step(c, kind, entry, "registered", date(2024, 8, 1), by="hr1", today=TODAY), "重复登记了“首次登记”，没有计入，没有登记"),
        (lambda c: add_step(c, kind, entry, "renewed", date(2026, 11, 20), by="hr1", today=TODAY), "早于受理期（2026-12-10 起）"),
        (lambda c: add_hours(c, who, date(2025, 5, 1), Fraction(60), "training", "继续教育班", by="hr1", today=TODAY), "已经登记过学时"),
        (lambda c: add_hours(c, who, date(2025, 5, 1), Fraction(0), "training", "班", by="hr1", today=TODAY), "不含 0"),
        (lambda c: end_certification(c, kind, entry, date(2020, 1, 1), by="hr1", today=TODAY, reason="注销"), "早于考试合格日期"),
        (lambda c: end_certification(c, kind, entry, TODAY, by="hr1", today=TODAY, reason=" "), "请写明终止的原因"),
        (lambda c: revoke_hours(c, who + 1, hours, by="hr1", reason="记错"), "没有这条学时记录"),
    ]  # fmt: skip
    for act, told in refusals:
        with pytest.raises(WorkforceError) as refused, transaction(any_home.office) as connection:
            act(connection)
        assert told in str(refused.value), (told, str(refused.value))
    with transaction(any_home.office) as connection:
        revoke_step(connection, kind, entry, entry.steps[0].id, by="hr1", reason="登记错了")
        revoke_hours(connection, who, hours, by="hr1", reason="记错")
        end_certification(connection, kind, entry, TODAY, by="hr1", today=TODAY, reason="本人申请注销")
    with any_home.office.connect() as connection:
        left = find_entry(connection, number)
        assert (left.steps, left.ended_on, left.end_reason) == ((), TODAY, "本人申请注销")
        assert len(connection.execute(select(certification_step)).all()) == len(connection.execute(select(training_hours)).all()) == 1
        acts = connection.execute(select(AUDIT[OFFICE].c.action).order_by(AUDIT[OFFICE].c.n)).scalars().all()
    assert acts[-6:] == ["certification.add", "certification.step", "hours.add", "certification.step.revoke", "hours.revoke", "certification.end"]


@pytest.mark.parametrize("text", ["", "1e9", "1/3", "-3", "七", "12.345", "99999", "nan"])
def test_what_is_no_number_of_hours(text):
    with pytest.raises(WorkforceError, match="不是学时数"):
        read_amount(text)


def test_hours_as_people_write_them():
    assert [read_amount(text) for text in ("12", " 7.5 ", "１２")] == [12, Fraction(15, 2), 12]
