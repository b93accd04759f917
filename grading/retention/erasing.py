"""Doing what a plan says: rows, files, free pages of the database files, and the automatic backups that still hold them.

The chains stay verifiable: audit entries keep the digest of what they said, a sitting keeps the head of its saves, a record its
signed statement. Only with another person's approval of exactly this plan.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from backup.archive import Backup, known_backups, note
from backup.schedule import backup_now
from backup.snapshot import owner_engine
from exams.prepared import on_driver
from exams.tables import (
    attempt,
    candidate,
    candidate_event,
    entry,
    incident,
    open_sitting,
    save,
    script,
    session,
    sitting,
)
from grading.retention.plan import Piece, Plan, make_plan
from grading.retention.policy import CLASSES, RetentionError, read_policy
from grading.tables import (
    certificate,
    certification,
    certification_step,
    mark,
    mark_change,
    paper_entry,
    record,
    record_payload,
    training_hours,
)
from home import AUDIT, EXAM, OFFICE, Home, audit, now_ms, transaction
from people.approvals import use
from people.tables import account, alias, document, person

GONE = "（已按规定删除）"


@dataclass(frozen=True)
class Erased:
    """What a run did: pieces, and how many backup files of before were removed."""

    pieces: int
    rows: int
    backups: int


def erase(home: Home, plan_at: int, plan_digest: str, approval: int, by: str) -> Erased:
    """Erase what the approved plan of ``plan_at`` (ms UTC) lists, if it is still what was due then.

    :raises RetentionError: an exam is going on, or something else is due by now than what was approved.
    :raises PeopleError: the approval is not good for this.
    :raises BackupError: backups cannot be made, so that those of before could not be replaced; nothing is erased.
    """
    now = now_ms()
    _refuse_while_open(home)
    plan = make_plan(home, plan_at)
    if plan.digest != plan_digest:
        raise RetentionError("到期的内容与批准时不一样了，没有删除；请重新查看、重新申请")
    cutoff = read_policy(home).cutoff("audit", plan_at) or 0
    old = [one for one in known_backups(home) if one.path.is_file()] if plan.due else []
    with transaction(home.office) as office:
        use(office, approval, "record.erase", "*", plan=plan_digest, at=plan_at)
        if plan.due:
            backup_now(home, now)  # of before; the one after erasing has the same name and takes its place
        for piece in plan.due:
            _OFFICE.get(piece.kind, _nothing)(office, piece, now, cutoff)
            until = {"cutoff": cutoff} if piece.kind == "audit" else {}
            audit(office, OFFICE, by, "retention.erase", piece.subject, kind=piece.kind, rows=piece.rows, **until)
        _forget_people(office)
    with transaction(home.exam) as exam:
        for piece in plan.due:
            _EXAM.get(piece.kind, _nothing)(exam, piece, now, cutoff)
        audit(exam, EXAM, by, "retention.erase", "*", pieces=len(plan.due))
    for piece in plan.due:
        _erase_files(home, piece)
    _shrink(home)
    return Erased(len(plan.due), sum(piece.rows for piece in plan.due), _renew_backups(home, plan, old, now))


def _refuse_while_open(home: Home) -> None:
    with home.office.connect() as connection:
        open_now = connection.execute(select(sitting.c.title).where(sitting.c.state.in_(("opening", "open")))).scalars().all()
    if open_now:
        raise RetentionError(f"“{open_now[0]}”正在进行；请在没有考试的时候删除")


_Act = Callable[[Connection, Piece, int, int], None]


def _nothing(_connection: Connection, _piece: Piece, _now: int, _cutoff: int) -> None:
    """This class has nothing in this database."""


def _id(piece: Piece) -> str:
    return piece.subject.partition("/")[2]


def _answers_in_office(office: Connection, piece: Piece, _now: int, _cutoff: int) -> None:
    here = _id(piece)
    office.execute(update(script).where(script.c.sitting_id == here).values(answers="{}", display_order="[]"))
    office.execute(delete(paper_entry).where(paper_entry.c.sitting_id == here))
    office.execute(update(mark).where(mark.c.sitting_id == here).values(comment=None))


def _personal_in_office(office: Connection, piece: Piece, _now: int, _cutoff: int) -> None:
    here = _id(piece)
    records = select(record.c.id).where(record.c.sitting_id == here)
    blank = {"unit_label": "", "post_label": None, "proposed_post": None, "rank_label": None, "channel": None, "remark": None}
    office.execute(update(candidate).where(candidate.c.sitting_id == here).values(**blank))
    office.execute(update(candidate_event).where(candidate_event.c.sitting_id == here).values(reason=GONE, document_no=None))
    office.execute(update(mark_change).where(mark_change.c.sitting_id == here).values(reason=GONE))
    office.execute(delete(record_payload).where(record_payload.c.record_id.in_(records)))
    office.execute(update(certificate).where(certificate.c.record_id.in_(records)).values(statement=GONE))


def _document(office: Connection, piece: Piece, now: int, _cutoff: int) -> None:
    office.execute(update(document).where(document.c.id == int(_id(piece))).values(name=GONE, erased_at=now))


def _audit_details(metadata: object, name: str) -> _Act:
    def erase_details(connection: Connection, piece: Piece, _now: int, cutoff: int) -> None:
        if _id(piece) == name:
            table = AUDIT[metadata]  # type: ignore[index]
            connection.execute(update(table).where(table.c.at < cutoff).values(payload=None, salt=None))

    return erase_details


def _sessions_in_exam(exam: Connection, piece: Piece, _now: int, _cutoff: int) -> None:
    of = select(entry.c.id).where(entry.c.sitting_id == _id(piece))
    exam.execute(delete(session).where(session.c.entry_id.in_(of)))
    exam.execute(update(attempt).where(attempt.c.sitting_id == _id(piece)).values(device=None))


def _answers_in_exam(exam: Connection, piece: Piece, now: int, _cutoff: int) -> None:
    of = select(attempt.c.id).where(attempt.c.sitting_id == _id(piece))
    exam.execute(delete(save).where(save.c.attempt_id.in_(of)))
    exam.execute(update(open_sitting).where(open_sitting.c.id == _id(piece)).values(erased_at=now))


def _personal_in_exam(exam: Connection, piece: Piece, _now: int, _cutoff: int) -> None:
    here = _id(piece)
    exam.execute(update(entry).where(entry.c.sitting_id == here).values(name="", unit_label=""))
    exam.execute(update(incident).where(incident.c.sitting_id == here).values(detail=GONE))


_OFFICE: dict[str, _Act] = {
    "answers": _answers_in_office, "personal": _personal_in_office, "documents": _document, "audit": _audit_details(OFFICE, "office"),
}  # fmt: skip
_EXAM: dict[str, _Act] = {
    "sessions": _sessions_in_exam, "answers": _answers_in_exam, "personal": _personal_in_exam, "audit": _audit_details(EXAM, "exam"),
}  # fmt: skip


def _forget_people(office: Connection) -> None:
    """Persons of whom nothing but erased sittings is left: name, number and phone go; the row stays for the records' sake."""
    named = select(candidate.c.person_id).where(candidate.c.unit_label != "")
    erased = select(candidate.c.person_id).where(candidate.c.unit_label == "")
    certified = select(certification.c.person_id).where(certification.c.ended_on.is_(None), certification.c.revoked_at.is_(None))
    staff = select(account.c.person_id).where(account.c.person_id.is_not(None))
    gone = person.c.id.in_(erased) & person.c.id.not_in(named) & person.c.id.not_in(certified) & person.c.id.not_in(staff)
    ids = office.execute(select(person.c.id).where(gone, person.c.identity_masked != "")).scalars().all()
    for one in ids:
        office.execute(delete(alias).where(alias.c.person_id == one))
        blank = {"name": GONE, "identity_cipher": b"", "identity_mac": f"erased-{one}", "identity_masked": "", "gender": None, "birth": None, "birth_before": None,
                 "ethnic": None, "phone": None, "education": None, "political": None}  # fmt: skip
        office.execute(update(person).where(person.c.id == one).values(**blank))
        _forget_certifications(office, one)


def _forget_certifications(office: Connection, person_id: int) -> None:
    """What staff wrote about somebody's certifications goes with the name; kinds, days and amounts stay for the statistics."""
    of = select(certification.c.id).where(certification.c.person_id == person_id)
    notes = dict.fromkeys(("certificate_no", "issuer", "note", "end_reason", "end_document_no", "revoke_reason"))
    office.execute(update(certification).where(certification.c.person_id == person_id).values(**notes))
    steps = dict.fromkeys(("document_no", "note", "revoke_reason"))
    office.execute(update(certification_step).where(certification_step.c.certification_id.in_(of)).values(**steps))
    hours = dict.fromkeys(("provider", "document_no", "note", "revoke_reason"))
    office.execute(update(training_hours).where(training_hours.c.person_id == person_id).values(title=GONE, **hours))


def _erase_files(home: Home, piece: Piece) -> None:
    if piece.kind == "exports":
        (home.exports / _id(piece)).unlink(missing_ok=True)
    if piece.kind == "answers":
        shutil.rmtree(home.secret / "nbgrader" / _id(piece), ignore_errors=True)
    if piece.kind == "documents":
        with home.office.connect() as connection:
            sha256 = connection.execute(select(document.c.sha256).where(document.c.id == int(_id(piece)))).scalar_one()
            others = select(func.count()).select_from(document).where(document.c.sha256 == sha256, document.c.erased_at.is_(None))
            if not connection.execute(others).scalar_one():
                (home.secret / "documents" / sha256).unlink(missing_ok=True)


def _shrink(home: Home) -> None:
    """Rewrite the database files, so that no erased byte stays in a free page or a log."""
    for name in ("office", "exam"):
        with owner_engine(home, name) as engine:
            if engine.dialect.name == "sqlite":
                with engine.connect() as connection:
                    for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                        on_driver(connection, statement, ())
            else:
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.exec_driver_sql("VACUUM FULL")


def _renew_backups(home: Home, plan: Plan, old: Sequence[Backup], now: int) -> int:
    """Backups of before hold what was erased: those still there are replaced by one of now, and the index says so."""
    if not plan.due:
        return 0
    made = backup_now(home, now)
    for one in old:
        if one.path != made.path:
            one.path.unlink(missing_ok=True)
    note(home, {"erased_at": now, "pieces": len(plan.due), "classes": sorted({CLASSES[piece.kind] for piece in plan.due})})
    return len(old)
