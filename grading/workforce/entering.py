"""Entering certifications, steps and hours, one at a time, inside the caller's transaction; nothing is deleted, only revoked.

What an entry would not change, because the rules of its kind do not count it, is refused with the reason: a clerk who mistypes
a day is told at once, not in three years.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction

from sqlalchemy import ColumnElement, Connection, select, update

from grading.cut import exact_text
from grading.errors import WorkforceError
from grading.tables import certification, certification_step, training_hours
from grading.workforce.clock import standing
from grading.workforce.holdings import Entry, read_entries
from grading.workforce.hours import NOT_COUNTED, SOURCES, Step
from grading.workforce.kinds import Kind
from grading.workforce.reckoning import STRUCK, reckon
from home import OFFICE, audit, now_ms
from people.successors import merged_with, successors

EARLIEST = date(1950, 1, 1)
MOST_HOURS = Fraction(2000)
_AMOUNT = re.compile(r"\d{1,4}(\.\d{1,2})?", re.ASCII)


def find_entry(connection: Connection, ident: int) -> Entry:
    """One certification.

    :raises WorkforceError: there is none of this number.
    """
    found = read_entries(connection, certification.c.id == ident)
    if not found:
        raise WorkforceError("没有这项资格；可能已被别人更改，请刷新页面")
    return found[0]


def check_day(day: date, today: date, what: str) -> None:
    """
    :raises WorkforceError: in the future, or before anything here can have happened.
    """
    if day > today:
        raise WorkforceError(f"{what}（{day}）在今天之后；还没有办的事不能登记")
    if day < EARLIEST:
        raise WorkforceError(f"{what}（{day}）过早；请核对年份")


def add_certification(
    connection: Connection, kind: Kind, person_id: int, obtained_on: date, *, by: str, today: date, certificate_no: str = "",
    issuer: str = "", unit_id: int | None = None, note: str = "", document_id: int | None = None, record_id: str | None = None,
) -> int:
    """Enter that a person holds (or is on the way to) something; returns the certification's id.

    :raises WorkforceError: a day in the future, or the person has the same already.
    """
    check_day(obtained_on, today, kind.obtained)
    if _running(connection, kind, person_id, unit_id):
        raise WorkforceError(f"这个人已经登记了“{kind.title}”；请在原来的那一项上登记办理情况，先前的已终止才能再新增")
    number = connection.execute(
        certification.insert().values(
            person_id=person_id, kind=kind.id, obtained_on=obtained_on, certificate_no=certificate_no or None, issuer=issuer or None,
            unit_id=unit_id, note=note or None, document_id=document_id, record_id=record_id, created_at=now_ms(), created_by=by,
        )
    ).inserted_primary_key[0]  # type: ignore[index]
    reckon(connection, {kind.id: kind}, certification.c.id == number)
    audit(connection, OFFICE, by, "certification.add", f"person/{person_id}", certification=number, kind=kind.id, obtained_on=str(obtained_on), record=record_id)
    return int(number)


def add_step(
    connection: Connection, kind: Kind, entry: Entry, step: str, on_day: date, *, by: str, today: date, document_no: str = "",
    document_id: int | None = None, note: str = "",
) -> int:
    """Enter a step of a certification; returns its id.

    :raises WorkforceError: unknown, in the future, after the end, entered already, or of no effect by the rules of its kind.
    """
    if step not in kind.steps:
        raise WorkforceError(f"“{kind.title}”没有“{step}”这一步；可选：{'、'.join(kind.steps.values())}")
    title = kind.steps[step]
    check_day(on_day, today, f"{title}日期")
    if entry.ended_on is not None:
        raise WorkforceError(f"“{kind.title}”已于 {entry.ended_on} {kind.ended}，不能再登记；重新取得的请另外新增")
    counted = {one.step for one in kind.marks if one.count}
    if step not in counted and any((one.step, one.on_day) == (step, on_day) for one in entry.steps):
        raise WorkforceError(f"{on_day} 的“{title}”已经登记过了")
    if fault := _without_effect(kind, entry, Step(step, on_day), today):
        raise WorkforceError(f"{fault}，没有登记")
    number = connection.execute(
        certification_step.insert().values(
            certification_id=entry.id, kind=step, on_day=on_day, document_no=document_no or None, document_id=document_id,
            note=note or None, at=now_ms(), by=by,
        )
    ).inserted_primary_key[0]  # type: ignore[index]
    _reckon_again(connection, kind, entry)
    audit(connection, OFFICE, by, "certification.step", f"person/{entry.holder.id}", certification=entry.id, step=step, on_day=str(on_day), document_no=document_no)
    return int(number)


def _reckon_again(connection: Connection, kind: Kind, entry: Entry) -> None:
    """The steps have changed: so do the dates that are kept."""
    connection.execute(update(certification).where(certification.c.id == entry.id).values(reckoned=None))
    reckon(connection, {kind.id: kind}, certification.c.id == entry.id)


def _without_effect(kind: Kind, entry: Entry, step: Step, today: date) -> str:
    """Why the rules do not count a further step, or blank."""
    held = entry.held
    before = standing(kind, held, (), today).doubts
    after = standing(kind, replace(held, steps=(*held.steps, step)), (), today).doubts
    return next((doubt for doubt in after if NOT_COUNTED in doubt and doubt not in before), "")


def revoke_step(connection: Connection, kind: Kind, entry: Entry, ident: int, *, by: str, reason: str) -> None:
    """Strike out a step that was entered by mistake; it stays on file.

    :raises WorkforceError: no reason, or there is no such standing step of this certification.
    """
    _needs(reason, "撤销")
    where = (certification_step.c.id == ident, certification_step.c.certification_id == entry.id, certification_step.c.revoked_at.is_(None))
    struck = {"revoked_at": now_ms(), "revoked_by": by, "revoke_reason": reason}
    if connection.execute(update(certification_step).where(*where).values(**struck)).rowcount != 1:
        raise WorkforceError("没有这条办理记录，或者已经撤销；请刷新页面")
    _reckon_again(connection, kind, entry)
    audit(connection, OFFICE, by, "certification.step.revoke", f"person/{entry.holder.id}", certification=entry.id, step=ident, reason=reason)


def end_certification(
    connection: Connection, kind: Kind, entry: Entry, on_day: date, *, by: str, today: date, reason: str, document_no: str = "",
    document_id: int | None = None,
) -> None:
    """A certification ends: removed, revoked, resigned.

    :raises WorkforceError: no reason, a day in the future or before it was obtained, or it has ended already.
    """
    _needs(reason, kind.ended)
    check_day(on_day, today, f"{kind.ended}日期")
    if on_day < entry.obtained_on:
        raise WorkforceError(f"{kind.ended}日期（{on_day}）早于{kind.obtained}（{entry.obtained_on}）；请核对")
    ended = {"ended_on": on_day, "ended_by": by, "end_reason": reason, "end_document_no": document_no or None, "end_document_id": document_id}
    if not _change(connection, entry, certification.c.ended_on.is_(None), ended):
        raise WorkforceError(f"“{kind.title}”已经{kind.ended}；请刷新页面")
    audit(connection, OFFICE, by, "certification.end", f"person/{entry.holder.id}", certification=entry.id, on_day=str(on_day), reason=reason, document_no=document_no)


def resume_certification(connection: Connection, kind: Kind, entry: Entry, *, by: str, reason: str) -> None:
    """Take an ending back that was entered by mistake; the trail keeps what had been entered.

    :raises WorkforceError: no reason, it has not ended, or the person has the same again by now.
    """
    _needs(reason, f"取消{kind.ended}")
    if _running(connection, kind, entry.holder.id, entry.at_id):
        raise WorkforceError(f"这个人已另外登记了“{kind.title}”，不能取消原来那一项的{kind.ended}；请核对")
    blank = dict.fromkeys(("ended_on", "ended_by", "end_reason", "end_document_no", "end_document_id"))
    if not _change(connection, entry, certification.c.ended_on.is_not(None), blank):
        raise WorkforceError(f"“{kind.title}”没有{kind.ended}；请刷新页面")
    audit(connection, OFFICE, by, "certification.resume", f"person/{entry.holder.id}", certification=entry.id, was=str(entry.ended_on), reason=reason)


def revoke_certification(connection: Connection, kind: Kind, entry: Entry, *, by: str, reason: str) -> None:
    """Strike out a whole certification that was entered by mistake (another person's, say); it stays on file and never counts.

    :raises WorkforceError: no reason, or it was struck out already.
    """
    _needs(reason, "撤销")
    struck = {"revoked_at": now_ms(), "revoked_by": by, "revoke_reason": reason, "reckoned": STRUCK}
    if not _change(connection, entry, certification.c.revoked_at.is_(None), struck):
        raise WorkforceError(f"这项“{kind.title}”已经撤销；请刷新页面")
    audit(connection, OFFICE, by, "certification.revoke", f"person/{entry.holder.id}", certification=entry.id, reason=reason)


def _running(connection: Connection, kind: Kind, person_id: int, unit_id: int | None) -> bool:
    """Whether the person has this kind already at that unit, or at one that has become the same by a merger, and it has not ended."""
    at = certification.c.unit_id
    place = at.is_(None) if unit_id is None else at.in_(merged_with(successors(connection).get(unit_id, unit_id)))
    same = (certification.c.person_id == person_id, certification.c.kind == kind.id, certification.c.ended_on.is_(None), certification.c.revoked_at.is_(None))
    return connection.execute(select(certification.c.id).where(*same, place)).first() is not None


def _change(connection: Connection, entry: Entry, still: ColumnElement[bool], values: Mapping[str, object]) -> bool:
    """Change one certification if ``still`` holds; whether it did."""
    return connection.execute(update(certification).where(certification.c.id == entry.id, still).values(**values)).rowcount == 1


def add_hours(
    connection: Connection, person_id: int, on_day: date, hours: Fraction, source: str, title: str, *, by: str, today: date,
    provider: str = "", document_no: str = "", document_id: int | None = None, note: str = "",
) -> int:
    """Enter hours that a person completed; returns their id.

    :raises WorkforceError: a day in the future, hours out of bounds, no title, or the same is on file.
    """
    if source not in SOURCES:
        raise WorkforceError(f"学时来源应为：{'、'.join(SOURCES.values())}")
    check_day(on_day, today, "完成日期")
    if not 0 < hours <= MOST_HOURS:
        raise WorkforceError(f"学时应在 0 至 {MOST_HOURS} 之间（不含 0）")
    if not title.strip():
        raise WorkforceError("请填写培训班、课程或学位的名称")
    same = (training_hours.c.person_id == person_id, training_hours.c.on_day == on_day, training_hours.c.title == title, training_hours.c.revoked_at.is_(None))
    if connection.execute(select(training_hours.c.id).where(*same)).first():
        raise WorkforceError(f"{on_day} 的“{title}”已经登记过学时；要更改请先撤销原来的")
    number = connection.execute(
        training_hours.insert().values(
            person_id=person_id, on_day=on_day, hours=exact_text(hours), source=source, title=title, provider=provider or None,
            document_no=document_no or None, document_id=document_id, note=note or None, at=now_ms(), by=by,
        )
    ).inserted_primary_key[0]  # type: ignore[index]
    audit(connection, OFFICE, by, "hours.add", f"person/{person_id}", hours=number, on_day=str(on_day), amount=exact_text(hours), source=source, document_no=document_no)
    return int(number)


def revoke_hours(connection: Connection, person_id: int, ident: int, *, by: str, reason: str) -> None:
    """Strike out hours that were entered by mistake.

    :raises WorkforceError: no reason, or the person has no such standing hours.
    """
    _needs(reason, "撤销")
    where = (training_hours.c.id == ident, training_hours.c.person_id == person_id, training_hours.c.revoked_at.is_(None))
    struck = {"revoked_at": now_ms(), "revoked_by": by, "revoke_reason": reason}
    if connection.execute(update(training_hours).where(*where).values(**struck)).rowcount != 1:
        raise WorkforceError("没有这条学时记录，或者已经撤销；请刷新页面")
    audit(connection, OFFICE, by, "hours.revoke", f"person/{person_id}", hours=ident, reason=reason)


def _needs(reason: str, what: str) -> None:
    if not 2 <= len(reason.strip()) <= 500:
        raise WorkforceError(f"请写明{what}的原因（2 至 500 字）")


def read_amount(text: str) -> Fraction:
    """Hours as people write them: ``12``, ``7.5``.

    :raises WorkforceError: no number.
    """
    shown = unicodedata.normalize("NFKC", text).strip()
    if not _AMOUNT.fullmatch(shown):
        raise WorkforceError(f"“{shown[:20]}”不是学时数；请填数字（最多两位小数），例如 12 或 7.5")
    return Fraction(shown)
