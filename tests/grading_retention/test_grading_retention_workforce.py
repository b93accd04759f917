"""Erasure and certifications: what a standing one rests on is not due; with the name goes what staff wrote about it."""

from __future__ import annotations

from datetime import date

from grading_fixture import make_sitting
from sqlalchemy import select, update
from workforce_room import KINDS, TODAY

from exams.tables import candidate
from grading.retention.erasing import GONE, _forget_people
from grading.retention.plan import make_plan
from grading.tables import certification, certification_step, training_hours
from grading.workforce.entering import (
    add_certification,
    add_hours,
    add_step,
    end_certification,
    find_entry,
    read_amount,
    revoke_certification,
)
from home import Home, now_ms, transaction
from people.documents import file_document
from people.tables import document, person

KIND = KINDS["lecturer"]


def test_evidence_is_due_only_once_what_rests_on_it_has_ended(home_folder: Home) -> None:
    who, _other = make_sitting(home_folder, people=2)
    with transaction(home_folder.office) as connection:
        papers = {name: file_document(home_folder, connection, who, f"{name}.pdf", b"%PDF-1.7 " + name.encode(), "hr1") for name in ("held", "step", "hours", "loose")}
        number = add_certification(connection, KIND, who, date(2025, 1, 5), by="hr1", today=TODAY, document_id=papers["held"])
        add_step(connection, KIND, find_entry(connection, number), "appointed", date(2025, 2, 1), by="hr1", today=TODAY, document_id=papers["step"])
        add_hours(connection, who, date(2025, 3, 1), read_amount("8"), "training", "班", by="hr1", today=TODAY, document_id=papers["hours"])
        connection.execute(update(document).values(added_at=0))

    def due() -> set[str]:
        return {piece.title for piece in make_plan(home_folder, now_ms()).due if piece.kind == "documents"}

    assert due() == {"loose.pdf"}
    with transaction(home_folder.office) as connection:
        end_certification(connection, KIND, find_entry(connection, number), TODAY, by="hr1", today=TODAY, reason="调离")
    assert due() == {"loose.pdf", "held.pdf", "step.pdf", "hours.pdf"}


def test_what_was_written_about_certifications_goes_with_the_name(home_folder: Home) -> None:
    ended, struck, standing = make_sitting(home_folder, people=3)
    with transaction(home_folder.office) as connection:
        for who in (ended, struck, standing):
            number = add_certification(connection, KIND, who, date(2025, 1, 5), by="hr1", today=TODAY, certificate_no="号独有", note="说明独有")
            add_step(connection, KIND, find_entry(connection, number), "appointed", date(2025, 2, 1), by="hr1", today=TODAY, document_no="文独有", note="步骤独有")
            add_hours(connection, who, date(2025, 3, 1), read_amount("8"), "training", "班名独有", by="hr1", today=TODAY, note="学时独有")
            entry = find_entry(connection, number)
            if who == ended:
                end_certification(connection, KIND, entry, TODAY, by="hr1", today=TODAY, reason="原因独有", document_no="终独有")
            if who == struck:
                revoke_certification(connection, KIND, entry, by="hr1", reason="撤销独有")
        connection.execute(update(candidate).values(unit_label=""))
        _forget_people(connection)
        names = {row.id: row.name for row in connection.execute(select(person.c.id, person.c.name))}
        assert names[ended] == names[struck] == GONE and names[standing] != GONE
        held = connection.execute(select(certification)).all()
        rows = [*held, *connection.execute(select(certification_step)), *connection.execute(select(training_hours))]
        mine = {row.id for row in held if row.person_id in (ended, struck)}
        gone = [row for row in rows if getattr(row, "person_id", None) in (ended, struck) or getattr(row, "certification_id", None) in mine]
        assert len(gone) == 6 and "独有" not in str(gone)
        assert "独有" in str([row for row in rows if row not in gone])
        assert {str(row.obtained_on) for row in held} == {"2025-01-05"}, "days stay for the statistics"
