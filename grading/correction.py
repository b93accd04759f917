"""A correction of what an issued record says of a person: name, unit, posts. The result stays as it is.

The old record is superseded by a new one with the same result and provenance, signed anew; why it was corrected is told in its
personal columns, 备注 among them, and which columns in the statement. The roster's labels and the person's name are put right with it,
so that a later re-issue does not bring the error back.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select, update

from exams.sittings import get_sitting
from exams.tables import candidate, sitting
from grading.errors import RecordError
from grading.records import CORRECTED, REASON, SALT, new_record_id, signed_row
from grading.roll import current
from grading.tables import record, record_payload
from home import OFFICE, Home, audit, canonical_json, digest, now_ms, transaction
from people.tables import alias, person

#: column of a record -> (column of ``candidate``, longest); the name is the person's
LABELS = {"单位": ("unit_label", 100), "职务": ("post_label", 100), "拟任职务": ("proposed_post", 100), "层级": ("rank_label", 40)}
NAME = "姓名"
LONGEST_NAME = 100
REMARK, REASON_IN_REMARK = "备注", 80


def correct_record(
    home: Home, sitting_id: str, person_id: int, wanted: Mapping[str, str], *, by: str, reason: str, document_no: str = ""
) -> tuple[str, ...]:
    """Supersede a person's standing record; returns the names of the columns that differ now.

    ``wanted``: {column: text} of any of 姓名, 单位, 职务, 拟任职务, 层级; what does not differ is left out.

    :raises RecordError: no standing record, its personal side erased, no reason, a blank name or unit, too long, or nothing differs.
    """
    _check(wanted, reason, document_no)
    with transaction(home.office) as connection:
        connection.execute(select(sitting.c.id).where(sitting.c.id == sitting_id).with_for_update())
        get_sitting(connection, sitting_id)
        old = connection.execute(current(sitting_id).where(record.c.person_id == person_id)).first()
        if old is None:
            raise RecordError("这名考生还没有签发成绩记录；请直接更正名单，再签发")
        text = connection.execute(select(record_payload.c.columns).where(record_payload.c.record_id == old.id)).scalar()
        if text is None:
            raise RecordError("这份记录的个人信息已按规定删除，不能更正")
        before = json.loads(text)
        changed = {name: value.strip() for name, value in wanted.items() if value.strip() != before.get(name, "")}
        if not changed:
            raise RecordError("没有更正任何内容；请先改姓名、单位或职务")
        ident, moment = new_record_id(now_ms()), now_ms()
        told = f"更正{'、'.join(changed)}：{reason.strip()}" + (f"（{document_no.strip()}）" if document_no.strip() else "")
        note = _note(changed, reason.strip(), document_no.strip())
        notes = {name: "；".join(filter(None, (before.get(name), note))) for name in (REMARK, CORRECTED)}
        columns = {**before, **changed, **notes, "存档号": ident, REASON: told, SALT: secrets.token_hex(16)}
        statement = json.loads(old.statement) | {
            "record": ident, "supersedes": old.id, "issued_at": moment, "issued_by": by, "columns": digest(columns), "corrected": sorted(changed),
        }  # fmt: skip
        connection.execute(record.insert().values(signed_row(home, dict(old._mapping), statement)))
        connection.execute(record_payload.insert().values(record_id=ident, columns=canonical_json(columns)))
        _put_right(connection, sitting_id, person_id, changed)
        audit(connection, OFFICE, by, "record.correct", f"{sitting_id}/{person_id}", record=ident, supersedes=old.id,
              columns=sorted(changed), reason=told)  # fmt: skip
    return tuple(changed)


def _note(changed: Iterable[str], reason: str, document_no: str) -> str:
    """What is added to 备注; a long reason is cut, for a score sheet is one page (whole it is in :data:`REASON`).

    >>> _note(("姓名", "单位"), "名单填错", "更1号")
    '更正：姓名、单位（名单填错，更1号）'
    """
    short = reason if len(reason) <= REASON_IN_REMARK else reason[: REASON_IN_REMARK - 1] + "…"
    return f"更正：{'、'.join(changed)}（{'，'.join(filter(None, (short, document_no)))}）"


def _check(wanted: Mapping[str, str], reason: str, document_no: str) -> None:
    faults = []
    if not 1 <= len(reason.strip()) <= 300:
        faults.append("请写明更正的原因（300 字以内）")
    if len(document_no) > 100:
        faults.append("文号过长；请控制在 100 字以内")
    for name, value in wanted.items():
        longest = LONGEST_NAME if name == NAME else LABELS[name][1]
        if len(value.strip()) > longest:
            faults.append(f"“{name}”过长；请控制在 {longest} 字以内")
        if name in (NAME, "单位") and not value.strip():
            faults.append(f"“{name}”不能为空")
    if faults:
        raise RecordError("；".join(faults))


def _put_right(connection: Connection, sitting_id: str, person_id: int, changed: Mapping[str, str]) -> None:
    labels = {LABELS[name][0]: value or None for name, value in changed.items() if name in LABELS}
    if labels:
        here = (candidate.c.sitting_id == sitting_id) & (candidate.c.person_id == person_id)
        connection.execute(update(candidate).where(here).values(**labels))
    if NAME in changed:
        former = connection.execute(select(person.c.name).where(person.c.id == person_id)).scalar_one()
        if former != changed[NAME]:
            connection.execute(alias.insert().values(person_id=person_id, name=former))
            connection.execute(update(person).where(person.c.id == person_id).values(name=changed[NAME]))
