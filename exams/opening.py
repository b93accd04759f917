"""Opening and closing a sitting, admission codes, and bringing closed attempts up to the office.

Opening copies the roster down into exam.db and the public papers into ``release/``; both are complete before the sitting
is marked open in office.db, and repeating an opening that was cut off leaves the same result.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, select, true, update

from exams.admission import code_mac, new_code
from exams.attempts import SWEEP_AFTER_MS, effective_answers
from exams.errors import SittingError
from exams.events import barred, events_of
from exams.paper_files import refuse_changed
from exams.sittings import Sitting, access_columns, get_sitting
from exams.stalls import hall_time
from exams.tables import attempt, candidate, entry, open_sitting, script, session, sitting
from home import EXAM, OFFICE, Home, audit, local_text, now_ms, transaction, write_atomically
from people.tables import person


@dataclass(frozen=True)
class Slip:
    """A code slip (准考凭条): printed for the candidate, kept nowhere."""

    admission_no: str
    code: str
    name: str
    unit_label: str
    title: str
    place: str
    opens_at: int
    closes_at: int


def open_sitting_for_candidates(home: Home, sitting_id: str, by: str) -> int:
    """Open a sitting whose papers are built: release files, roster entries with forms, then the state; returns entries.

    Forms go round the roster in its order from a random start, so that neighbours have different forms. Codes are not
    made here: :func:`issue_codes` makes them when slips are printed.

    :raises SittingError: no papers, no candidates, an ended window, or a sitting that is not a draft.
    """
    with transaction(home.office) as connection:  # from here on roster and paper are fixed, whatever happens to this process
        known = get_sitting(connection, sitting_id)
        roster = _roster(connection, sitting_id)
        events = events_of(connection, sitting_id)
        _refuse_unready(known, len(roster))
        refuse_changed(home, connection, str(known.paper_id))
        forms = _release_papers(home, known)
        start = secrets.randbelow(len(forms))
        given = {row.person_id: row.form or forms[(start + n) % len(forms)] for n, row in enumerate(roster)}
        out = {row.person_id for row in roster if barred(events.get(row.person_id, ()))}
        connection.execute(update(sitting).where(sitting.c.id == sitting_id).values(state="opening"))
        for person_id, form in given.items():
            here = (candidate.c.sitting_id == sitting_id) & (candidate.c.person_id == person_id)
            connection.execute(update(candidate).where(here).values(form=form))
    with transaction(home.exam) as connection:
        _write_entries(connection, known, roster, given, out)
        audit(connection, EXAM, by, "sitting.open", sitting_id, entries=len(roster), forms=list(forms))
    with transaction(home.office) as connection:
        connection.execute(update(sitting).where(sitting.c.id == sitting_id).values(state="open"))
        audit(connection, OFFICE, by, "sitting.open", sitting_id, entries=len(roster), forms=list(forms))
    return len(roster)


def _refuse_unready(known: Sitting, candidates: int) -> None:
    if known.state not in ("draft", "opening"):
        raise SittingError(f"“{known.title}”已经开考或收卷，不能再次开考")
    if known.paper_id is None:
        raise SittingError("还没有组卷；请先组卷")
    if not candidates:
        raise SittingError("名单为空；请先导入名单")
    if known.closes_at <= now_ms():
        raise SittingError(f"考试时间已过（{local_text(known.closes_at)} 结束）；请另建一场")


def _roster(connection: Connection, sitting_id: str) -> Sequence[Row[tuple[object, ...]]]:
    return connection.execute(
        select(candidate, person.c.name)
        .join(person, person.c.id == candidate.c.person_id)
        .where(candidate.c.sitting_id == sitting_id)
        .order_by(candidate.c.admission_no)
    ).all()


def _release_papers(home: Home, known: Sitting) -> list[str]:
    """Put the public forms and the sitting's notice where the hall reads them; returns the names of the forms."""
    built = home.secret / "papers" / str(known.paper_id) / "public"
    forms = sorted(path.stem for path in built.glob("*.json"))
    if not forms:
        raise SittingError("试卷文件缺失；请重新组卷")
    aside = home.release / f".{known.id}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for form in forms:
        write_atomically(aside / f"{form}.json", (built / f"{form}.json").read_bytes())
    notice = {
        "title": known.title, "minutes": known.blueprint.minutes, "rules": list(known.blueprint.rules),
        "shuffle_questions": known.blueprint.shuffle_questions,
        "contact": str(home.settings.get("contact", "")), "office_name": str(home.settings["office_name"]),
    }  # fmt: skip
    write_atomically(aside / "sitting.json", json.dumps(notice, ensure_ascii=False, indent=1))
    final = home.release / known.id
    shutil.rmtree(final, ignore_errors=True)
    aside.rename(final)
    return forms


def _write_entries(
    connection: Connection, known: Sitting, roster: Sequence[Row[tuple[object, ...]]], given: dict[int, str], out: set[int]
) -> None:
    if connection.execute(select(open_sitting.c.id).where(open_sitting.c.id == known.id)).first():
        return  # an earlier opening got this far: one transaction wrote all of it
    connection.execute(
        open_sitting.insert().values(
            id=known.id, title=known.title, kind=known.kind, place=known.place, opens_at=known.opens_at,
            closes_at=known.closes_at, minutes=known.blueprint.minutes, grace_s=known.blueprint.grace_s,
            late_entry_minutes=known.blueprint.late_entry_minutes, chain_n=0, chain_head="", **access_columns(known.access),
        )
    )  # fmt: skip
    rows = [
        {
            "sitting_id": known.id, "admission_no": row.admission_no, "name": row.name, "unit_label": row.unit_label,
            "form": given[row.person_id], "code_mac": secrets.token_hex(32), "failures": 0, "barred": row.person_id in out,
        }
        for row in roster
    ]  # fmt: skip  # a random code_mac matches no code: nobody can log in before the slips are printed
    connection.execute(entry.insert(), rows)


def issue_codes(home: Home, sitting_id: str, by: str, admission_nos: Iterable[str] | None = None, *, without: int | None = None) -> list[Slip]:
    """Make new one-time codes and return the slips; earlier codes of the same candidates are dead at once.

    Without ``admission_nos``: everybody who has not started yet. The codes are stored nowhere, only their MAC is. ``without``: a
    person who gets none here, because he makes them himself.

    :raises SittingError: the sitting is not open, or a number is not on it.
    """
    with home.office.connect() as connection:
        known = get_sitting(connection, sitting_id)
        own = admission_of(connection, sitting_id, without)
    if known.state != "open":
        raise SittingError("开考后才能打印考试码；请先“开考”")
    wanted = None if admission_nos is None else set(admission_nos)
    with transaction(home.exam) as connection:
        started = select(attempt.c.entry_id).where(attempt.c.sitting_id == sitting_id)
        rows = connection.execute(select(entry).where(entry.c.sitting_id == sitting_id).order_by(entry.c.admission_no)).all()
        begun = set(connection.execute(started).scalars())
        chosen = [row for row in rows if row.admission_no != own and (row.admission_no in wanted if wanted is not None else row.id not in begun)]
        if wanted is not None and len(chosen) != len(wanted):
            raise SittingError(f"本场没有准考证号：{'、'.join(sorted(wanted - {row.admission_no for row in chosen}))}")
        slips = []
        for row in chosen:
            code = new_code()
            mac = code_mac(home.key("code"), sitting_id, row.admission_no, code)
            connection.execute(update(entry).where(entry.c.id == row.id).values(code_mac=mac, failures=0, locked_until=None))
            slips.append(Slip(row.admission_no, code, row.name, row.unit_label, known.title, known.place, known.opens_at, known.closes_at))  # fmt: skip
        audit(connection, EXAM, by, "codes.issue", sitting_id, n=len(slips), all=wanted is None)
    return slips


def admission_of(connection: Connection, sitting_id: str, person_id: int | None) -> str | None:
    """A person's admission number in a sitting; None: not on the roster."""
    here = candidate.c.sitting_id == sitting_id, candidate.c.person_id == person_id
    return connection.execute(select(candidate.c.admission_no).where(*here)).scalar()


def set_barred(home: Home, office: Connection, sitting_id: str, person_id: int, by: str) -> None:
    """Carry a candidate's standing events down to the hall: barred from the paper, or free again.

    ``office``: the caller's transaction, in which an event may just have been entered.
    """
    row = office.execute(
        select(candidate.c.admission_no).where(candidate.c.sitting_id == sitting_id, candidate.c.person_id == person_id)
    ).first()
    out = barred(events_of(office, sitting_id, person_id).get(person_id, ()))
    if row is None:
        raise SittingError("该考生不在本场名单内")
    with transaction(home.exam) as connection:
        connection.execute(update(entry).where(entry.c.admission_no == row.admission_no).values(barred=out))
        if out:
            ids = select(entry.c.id).where(entry.c.admission_no == row.admission_no)
            connection.execute(
                update(session).where(session.c.entry_id.in_(ids), session.c.ended_at.is_(None)).values(ended_at=now_ms())
            )
        audit(connection, EXAM, by, "entry.barred" if out else "entry.free", row.admission_no)


def close_sitting(home: Home, sitting_id: str, by: str) -> int:
    """End a sitting now: whoever still writes is closed with the last save; returns how many those were.

    Waits for papers whose time ran out less than grace and queue ago, copies the scripts up, and only then is the sitting
    closed for the office: cut off anywhere, it is done again from the start. Called by the worker and the command, never by an app.

    :raises SittingError: the sitting is not open.
    """
    with home.office.connect() as connection:
        if get_sitting(connection, sitting_id).state != "open":
            raise SittingError("本场不在考试中，不能收卷")
    moment = hall_time(home.exam, now_ms())
    with transaction(home.exam) as connection:
        # the sitting first: a start that is under way has its row locked, and is over or refused when this goes on
        connection.execute(
            update(open_sitting)
            .where(open_sitting.c.id == sitting_id, open_sitting.c.closed_at.is_(None))
            .values(closed_at=moment)
        )
        writing = (attempt.c.sitting_id == sitting_id) & (attempt.c.state == "open")
        connection.execute(  # whose time is over ends by time, and still takes what arrived before
            update(attempt)
            .where(writing, attempt.c.limit_at <= moment)
            .values(state="closed", closed_at=attempt.c.limit_at, closed_by="time")
        )
        closed = connection.execute(
            update(attempt).where(writing).values(state="closed", closed_at=moment, closed_by="officer")
        ).rowcount
        end = connection.execute(select(open_sitting.c.chain_n, open_sitting.c.chain_head).where(open_sitting.c.id == sitting_id)).one()
        audit(connection, EXAM, by, "sitting.close", sitting_id, cut_off=closed, saves=end.chain_n, head=end.chain_head)
    time.sleep(unsettled_ms(home, sitting_id, hall_time(home.exam, now_ms())) / 1000)
    collect_scripts(home, sitting_id)
    with transaction(home.office) as connection:
        connection.execute(update(sitting).where(sitting.c.id == sitting_id).values(state="closed"))
        audit(connection, OFFICE, by, "sitting.close", sitting_id, cut_off=closed)
    return closed


def unsettled_ms(home: Home, sitting_id: str, now: int) -> int:
    """Milliseconds from ``now`` until no attempt of the sitting can take another counting save, 0 if that is so already.

    An attempt that was closed by time still takes what arrived within limit and grace and waits in the hall's queue.
    """
    with home.exam.connect() as connection:
        last = connection.execute(
            select(func.max(attempt.c.limit_at) + open_sitting.c.grace_s * 1000)
            .join(open_sitting, open_sitting.c.id == attempt.c.sitting_id)
            .where(attempt.c.sitting_id == sitting_id, attempt.c.closed_by == "time")
            .group_by(open_sitting.c.grace_s)
        ).scalar()
    return 0 if last is None else max(0, int(last) + SWEEP_AFTER_MS - now)


def ended(home: Home, sitting_id: str, now: int) -> bool:
    """Whether at ``now`` nobody can write any more: closed by an officer, or the window and the last paper's time are over."""
    with home.exam.connect() as connection:
        here = connection.execute(select(open_sitting).where(open_sitting.c.id == sitting_id)).one()
        still = connection.execute(
            select(func.count()).select_from(attempt).where(attempt.c.sitting_id == sitting_id, attempt.c.state == "open")
        ).scalar_one()
    over = here.closed_at is not None or here.closes_at < now
    return bool(still == 0 and over and unsettled_ms(home, sitting_id, now) == 0)


def collect_scripts(home: Home, sitting_id: str) -> int:
    """Copy closed attempts up into ``script``; returns how many were new. Repeating it copies nothing twice.

    While papers whose time ran out may still take saves (:func:`unsettled_ms`), those papers are left for the next call.
    """
    waiting = unsettled_ms(home, sitting_id, hall_time(home.exam, now_ms())) > 0
    with home.exam.connect() as connection:
        closed = connection.execute(
            select(attempt, entry.c.admission_no)
            .join(entry, entry.c.id == attempt.c.entry_id)
            .where(attempt.c.sitting_id == sitting_id, attempt.c.state == "closed")
            .where(attempt.c.closed_by != "time" if waiting else true())
        ).all()
        answers = {row.id: effective_answers(connection, row.id) for row in closed}
    with transaction(home.office) as connection:
        persons = dict(
            connection.execute(
                select(candidate.c.admission_no, candidate.c.person_id).where(candidate.c.sitting_id == sitting_id)
            ).all()
        )  # fmt: skip
        have = set(connection.execute(select(script.c.person_id).where(script.c.sitting_id == sitting_id)).scalars())
        new = [
            {
                "sitting_id": sitting_id, "person_id": persons[row.admission_no], "form": row.form,
                "answers": json.dumps(answers[row.id], ensure_ascii=False), "display_order": row.display_order,
                "started_at": row.started_at, "finished_at": row.closed_at, "closed_by": row.closed_by, "copied_at": now_ms(),
            }
            for row in closed
            if persons[row.admission_no] not in have
        ]  # fmt: skip
        if new:
            connection.execute(script.insert(), new)
            audit(connection, OFFICE, "worker", "scripts.copied", sitting_id, n=len(new))
    return len(new)


def uncollected(home: Home, sitting_id: str) -> int:
    """How many attempts of a sitting, open or closed, have no script in the office yet; void ones do not count."""
    with home.exam.connect() as connection:
        query = select(entry.c.admission_no).join(attempt, attempt.c.entry_id == entry.c.id)
        sat = connection.execute(query.where(attempt.c.sitting_id == sitting_id, attempt.c.state != "void")).scalars().all()
    with home.office.connect() as connection:  # by number: a script from paper makes up for no other candidate's
        here = (script.c.sitting_id == candidate.c.sitting_id) & (script.c.person_id == candidate.c.person_id)
        query = select(candidate.c.admission_no).join(script, here).where(script.c.sitting_id == sitting_id)
        have = set(connection.execute(query).scalars())
    return len(set(sat) - have)
