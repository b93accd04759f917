"""Taking a workbook of certifications over: every line or none, inside the caller's transaction; the same file twice changes nothing.

Persons are known by document number (as the people room keeps it), never by name alone. A dry run is this same function inside
:func:`people.persons.rehearsal`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Connection, select, text, update

from grading.cut import exact_text
from grading.errors import WorkforceError
from grading.tables import certification, certification_step, training_hours
from grading.workforce.clock import Held, standing
from grading.workforce.entering import MOST_HOURS, check_day
from grading.workforce.hours import NOT_COUNTED, Step
from grading.workforce.import_employment import take_employment
from grading.workforce.import_sheets import Book, Change, Imported, Line
from grading.workforce.import_units import Places, take_units
from grading.workforce.kinds import Kind, kind_named
from grading.workforce.reckoning import reckon
from home import OFFICE, audit, now_ms
from people.errors import RosterError
from people.identity import identity_mac
from people.roster import RosterFault as Fault
from people.tables import alias, person

BATCH = 500
T = TypeVar("T")


@dataclass
class _Certification:
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
class _Person:
    id: int
    name: str
    names: set[str]
    certifications: list[_Certification] = field(default_factory=list)
    hours: dict[tuple[date, str], tuple[str, bool]] = field(default_factory=dict)  # -> (hours, revoked)


def import_book(connection: Connection, home_key: bytes, kinds: Mapping[str, Kind], book: Book, by: str, today: date) -> Imported:
    """Take a workbook over.

    :raises RosterError: any fault in any line; nothing is to be kept then (the caller's transaction ends with the error).
    """
    if book.faults:
        raise RosterError(book.faults)
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE person, unit, post, certification, certification_step, training_hours IN SHARE ROW EXCLUSIVE MODE"))
    done = Imported(warnings=list(book.warnings))
    faults: list[Fault] = []
    places = take_units(connection, book.lines["units"], done, faults)
    people = _people(connection, home_key, [line for name in ("employment", "holdings", "steps", "hours") for line in book.lines[name]], faults)
    work = _Work(connection, kinds, places, people, done, faults, by, today)
    work.employment(book.lines["employment"])
    work.holdings(book.lines["holdings"])
    work.steps(book.lines["steps"])
    work.hours(book.lines["hours"])
    if faults:
        raise RosterError(faults)
    work.remark()
    reckon(connection, kinds)
    audit(connection, OFFICE, by, "workforce.import", "workforce", new=done.new, same=done.same, changed=len(done.changed), lines=_digest(book))
    return done


def _digest(book: Book) -> str:
    """Tells two files apart in the trail without telling what is in them."""
    shown = repr([(name, line.row, sorted(line.values.items(), key=str)) for name, lines in sorted(book.lines.items()) for line in lines])
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


# ---------------------------------------------------------------- persons


def _people(connection: Connection, key: bytes, lines: Sequence[Line], faults: list[Fault]) -> dict[tuple[str, str], _Person]:
    """(document kind, number) -> person; unknown numbers and other names are faults."""
    macs = {(line.document, line.number): identity_mac(key, line.document, line.number) for line in lines}
    by_mac: dict[str, _Person] = {}
    for some in _batches(list(macs.values())):
        for row in connection.execute(select(person.c.identity_mac, person.c.id, person.c.name).where(person.c.identity_mac.in_(some))):
            by_mac[row.identity_mac] = _Person(row.id, row.name, {row.name})
    by_id = {one.id: one for one in by_mac.values()}
    for ids in _batches(list(by_id)):
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


def _load(connection: Connection, by_id: Mapping[int, _Person]) -> None:
    """What the persons have on file."""
    certifications: dict[int, _Certification] = {}
    for ids in _batches(list(by_id)):
        for row in connection.execute(select(certification).where(certification.c.person_id.in_(ids)).order_by(certification.c.id)):
            values = {"certificate_no": row.certificate_no or "", "issuer": row.issuer or "", "note": row.note or ""}
            certifications[row.id] = _Certification(row.id, row.kind, row.unit_id, row.obtained_on, row.ended_on, values)
            by_id[row.person_id].certifications.append(certifications[row.id])
        for row in connection.execute(select(training_hours).where(training_hours.c.person_id.in_(ids)).order_by(training_hours.c.id)):
            by_id[row.person_id].hours[row.on_day, row.title] = (row.hours, row.revoked_at is not None)
    for some in _batches(list(certifications)):
        for row in connection.execute(select(certification_step).where(certification_step.c.certification_id.in_(some))):
            here = certifications[row.certification_id]
            if row.revoked_at is not None:
                here.revoked.add((row.kind, row.on_day))
            else:
                here.steps[row.kind, row.on_day, row.document_no or ""] = row.document_no or ""


def _batches(items: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


# ---------------------------------------------------------------- the three sheets


@dataclass
class _Work:
    connection: Connection
    kinds: Mapping[str, Kind]
    places: Places
    people: Mapping[tuple[str, str], _Person]
    done: Imported
    faults: list[Fault]
    by: str
    today: date

    def _each(self, lines: Sequence[Line], do: Callable[[Line, _Person], None]) -> None:
        for line in lines:
            known = self.people.get((line.document, line.number))
            if known is None:
                continue  # told by _people
            try:
                do(line, known)
            except WorkforceError as error:
                self.faults.append(line.fault("", str(error)))

    def _kind(self, line: Line) -> Kind:
        found = kind_named(self.kinds, line.values["kind"])
        if found is None:
            raise WorkforceError(f"资格名称“{line.values['kind']}”不认识；可用：{'、'.join(one.title for one in self.kinds.values())}")
        return found

    def _place(self, line: Line) -> int | None:
        name = line.values.get("place")
        return self.places.find(name, line) if name else None

    def employment(self, lines: Sequence[Line]) -> None:
        self._each(lines, lambda line, who: take_employment(self.connection, who.id, self._place(line), line, self.done, self.today))

    # ------------------------------------------------ 资格

    def holdings(self, lines: Sequence[Line]) -> None:
        self._each(lines, self._holding)

    def _holding(self, line: Line, who: _Person) -> None:
        kind, day = self._kind(line), line.values["obtained_on"]
        check_day(day, self.today, kind.obtained)
        at_id = self._place(line)
        wanted = {name: line.values.get(name) or "" for name in ("certificate_no", "issuer", "note")}
        if any((one.kind, one.obtained_on) == (kind.id, day) and one.ended_on for one in who.certifications):
            self.done.count("holdings", new=False)  # ended since: an old file does not bring it back
            return
        alive = [one for one in who.certifications if one.kind == kind.id and one.ended_on is None]
        here = next((one for one in alive if one.at_id == at_id), None)
        if here is None and at_id is None and len(alive) == 1:
            here = alive[0]
        if here is None:
            who.certifications.append(self._insert(who, kind, day, at_id, wanted))
            self.done.count("holdings", new=True)
            return
        self.done.count("holdings", new=False)
        self._update(who, kind, here, day, wanted)

    def _insert(self, who: _Person, kind: Kind, day: date, at_id: int | None, wanted: dict[str, str]) -> _Certification:
        values = {name: value or None for name, value in wanted.items()}
        number = self.connection.execute(
            certification.insert().values(
                person_id=who.id, kind=kind.id, obtained_on=day, unit_id=at_id, created_at=now_ms(), created_by=self.by, **values
            )
        ).inserted_primary_key[0]  # type: ignore[index]
        return _Certification(int(number), kind.id, at_id, day, None, wanted)

    def _update(self, who: _Person, kind: Kind, here: _Certification, day: date, wanted: dict[str, str]) -> None:
        differs: dict[str, Any] = {name: value for name, value in wanted.items() if value and value != here.values[name]}
        for name, value in differs.items():
            self.done.changed.append(Change(who.name, f"{kind.title}·{_TITLES[name]}", here.values[name] or "（空）", value))
        if day != here.obtained_on:
            self.done.changed.append(Change(who.name, f"{kind.title}·{kind.obtained}", str(here.obtained_on), str(day)))
            differs |= {"obtained_on": day, "reckoned": None}
        if differs:
            self.connection.execute(update(certification).where(certification.c.id == here.id).values(**differs))
            here.values |= {name: value for name, value in differs.items() if name in here.values}
            here.obtained_on = day

    # ------------------------------------------------ 办理

    def steps(self, lines: Sequence[Line]) -> None:
        self._new_steps: list[dict[str, Any]] = []
        self._each(lines, self._step)
        for rows in _batches([] if self.faults else self._new_steps):
            self.connection.execute(certification_step.insert(), rows)
            owners = {row["certification_id"] for row in rows}
            self.connection.execute(update(certification).where(certification.c.id.in_(owners)).values(reckoned=None))

    def _step(self, line: Line, who: _Person) -> None:
        kind, day = self._kind(line), line.values["on_day"]
        step = kind.step_named(line.values["step"])
        if step is None:
            raise WorkforceError(f"“{kind.title}”没有“{line.values['step']}”这一步；可填：{'、'.join(kind.steps.values())}")
        check_day(day, self.today, f"{kind.steps[step]}日期")
        number = line.values.get("document_no") or ""
        counted = any(one.count and one.step == step for one in kind.marks)
        owned = [one for one in who.certifications if one.kind == kind.id]
        if any(key[:2] == (step, day) and (not counted or key[2] == number) for one in owned for key in one.steps):
            self.done.count("steps", new=False)
            return
        here = self._owner(line, kind, [one for one in owned if one.ended_on is None])
        if (step, day) in here.revoked:
            raise WorkforceError(f"{day} 的“{kind.steps[step]}”曾经登记、后来撤销；确要恢复请到个人页面登记，否则删去这一行")
        here.steps[step, day, number] = number
        here.touched = here.touched or line
        self._new_steps.append({
            "certification_id": here.id, "kind": step, "on_day": day, "document_no": number or None, "note": line.values.get("note"),
            "at": now_ms(), "by": self.by,
        })  # fmt: skip
        self.done.count("steps", new=True)

    def _owner(self, line: Line, kind: Kind, alive: list[_Certification]) -> _Certification:
        at_id = self._place(line)
        fits = [one for one in alive if at_id is None or one.at_id == at_id]
        if not fits:
            raise WorkforceError(f"这个人没有登记“{kind.title}”，或已{kind.ended}；请先在“资格”表里填一行")
        if len(fits) > 1:
            raise WorkforceError(f"这个人有 {len(fits)} 项“{kind.title}”，不知道是哪一项；请填“服务单位”列")
        return fits[0]

    # ------------------------------------------------ 学时

    def hours(self, lines: Sequence[Line]) -> None:
        self._new_hours: list[dict[str, Any]] = []
        self._each(lines, self._hours)
        for rows in _batches([] if self.faults else self._new_hours):
            self.connection.execute(training_hours.insert(), rows)

    def _hours(self, line: Line, who: _Person) -> None:
        day, amount, title = line.values["on_day"], line.values["hours"], line.values["subject"]
        check_day(day, self.today, "完成日期")
        if not 0 < amount <= MOST_HOURS:
            raise WorkforceError(f"学时应在 0 至 {MOST_HOURS} 之间（不含 0）")
        known, revoked = who.hours.get((day, title), ("", False))
        if revoked:
            raise WorkforceError(f"{day} 的“{title}”曾经登记、后来撤销；确要恢复请到个人页面登记，否则删去这一行")
        if known and known != exact_text(amount):
            raise WorkforceError(f"{day} 的“{title}”已登记 {known} 学时，这里是 {exact_text(amount)}；要更正请先到个人页面撤销原来的")
        self.done.count("hours", new=not known)
        if known:
            return
        who.hours[day, title] = (exact_text(amount), False)
        self._new_hours.append({
            "person_id": who.id, "on_day": day, "hours": exact_text(amount), "source": line.values.get("source") or "training",
            "title": title, "provider": line.values.get("provider"), "at": now_ms(), "by": self.by,
        })  # fmt: skip

    # ------------------------------------------------ what the rules say of it

    def remark(self) -> None:
        """Warn of steps that the rules of their kind do not count."""
        for who in self.people.values():
            for one in who.certifications:
                if one.touched is not None:
                    held = Held(one.obtained_on, tuple(Step(step, day) for step, day, _ in one.steps), one.ended_on)
                    stands = standing(self.kinds[one.kind], held, (), self.today)
                    self.done.warnings += [one.touched.fault("", f"{who.name}：{doubt}") for doubt in stands.doubts if NOT_COUNTED in doubt]


_TITLES = {"certificate_no": "证书编号", "issuer": "发证机关", "note": "备注"}
