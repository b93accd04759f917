"""Whom the lines of a workbook are about, and what those persons have on file, read in batches before the first line is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from sqlalchemy import Connection, select

from grading.tables import certification, certification_step, training_hours
from grading.workforce.import_sheets import Line
from people.identity import identity_mac
from people.roster import RosterFault as Fault
from people.successors import successors
from people.tables import alias, person

BATCH = 500
T = TypeVar("T")


@dataclass
class OnFile:
    """One certification as it is on file, or as this workbook makes it."""

    id: int
    kind: str
    at_id: int | None
    obtained_on: date
    ended_on: date | None
    values: dict[str, str]
    steps: dict[tuple[str, date, str], str] = field(default_factory=dict)       # -> document number
    revoked: set[tuple[str, date]] = field(default_factory=set)
    touched: Line | None = None                                                 # the first line that adds a step


@dataclass
class Known:
    """A person with all that is on file."""

    id: int
    name: str
    names: set[str]
    certifications: list[OnFile] = field(default_factory=list)
    revoked: set[tuple[str, date]] = field(default_factory=set)                 # (kind, obtained on) of what was struck out
    hours: dict[tuple[date, str], tuple[str, bool]] = field(default_factory=dict)  # -> (hours, revoked)


def find_people(connection: Connection, key: bytes, lines: Sequence[Line], faults: list[Fault]) -> dict[tuple[str, str], Known]:
    """(document kind, number) -> person; unknown numbers and other names are faults."""
    macs = {(line.document, line.number): identity_mac(key, line.document, line.number) for line in lines}
    by_mac: dict[str, Known] = {}
    for some in batches(list(macs.values())):
        for row in connection.execute(select(person.c.identity_mac, person.c.id, person.c.name).where(person.c.identity_mac.in_(some))):
            by_mac[row.identity_mac] = Known(row.id, row.name, {row.name})
    by_id = {one.id: one for one in by_mac.values()}
    for ids in batches(list(by_id)):
        for person_id, name in connection.execute(select(alias.c.person_id, alias.c.name).where(alias.c.person_id.in_(ids))):
            by_id[person_id].names.add(name)
    _load(connection, by_id)
    found = {who: by_mac[mac] for who, mac in macs.items() if mac in by_mac}
    for line in lines:
        known = found.get((line.document, line.number))
        if known is None:
            faults.append(line.fault("身份证号", f"{line.values['name']}还没有登记为人员；请先在“人员名单”里导入这个人，或核对证件号码"))
        elif line.values["name"] not in known.names:
            faults.append(line.fault("姓名", f"这个证件号码登记的是“{known.name}”，表上是“{line.values['name']}”；请核对姓名和证件号码"))
    return found


def _load(connection: Connection, by_id: Mapping[int, Known]) -> None:
    """What the persons have on file."""
    certifications, now = dict[int, OnFile](), successors(connection)
    for ids in batches(list(by_id)):
        for row in connection.execute(select(certification).where(certification.c.person_id.in_(ids)).order_by(certification.c.id)):
            if row.revoked_at is not None:
                by_id[row.person_id].revoked.add((row.kind, row.obtained_on))
                continue
            values = {"certificate_no": row.certificate_no or "", "issuer": row.issuer or "", "note": row.note or ""}
            certifications[row.id] = OnFile(row.id, row.kind, now.get(row.unit_id, row.unit_id), row.obtained_on, row.ended_on, values)
            by_id[row.person_id].certifications.append(certifications[row.id])
        for row in connection.execute(select(training_hours).where(training_hours.c.person_id.in_(ids)).order_by(training_hours.c.id)):
            by_id[row.person_id].hours[row.on_day, row.title] = (row.hours, row.revoked_at is not None)
    for some in batches(list(certifications)):
        for row in connection.execute(select(certification_step).where(certification_step.c.certification_id.in_(some))):
            here = certifications[row.certification_id]
            if row.revoked_at is not None:
                here.revoked.add((row.kind, row.on_day))
            else:
                here.steps[row.kind, row.on_day, row.document_no or ""] = row.document_no or ""


def batches(items: list[T]) -> Iterator[list[T]]:
    """Some at a time: a statement takes only so many parameters."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
