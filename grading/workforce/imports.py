"""Taking a workbook of certifications over: every line or none, inside the caller's transaction; the same file twice changes nothing.

Persons are known by document number (as the people room keeps it), never by name alone. A dry run is this same function inside
:func:`people.persons.rehearsal`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text, update

from grading.cut import exact_text
from grading.errors import WorkforceError
from grading.tables import certification, certification_step, training_hours
from grading.workforce.clock import Held, standing
from grading.workforce.entering import MOST_HOURS, check_day
from grading.workforce.hours import NOT_COUNTED, Step
from grading.workforce.import_employment import spells_below, take_employment
from grading.workforce.import_people import Known, OnFile, batches, find_people
from grading.workforce.import_sheets import Book, Change, Imported, Line
from grading.workforce.import_units import Places, take_units
from grading.workforce.kinds import Kind, kind_named
from grading.workforce.reckoning import reckon
from home import OFFICE, audit, now_ms
from people.errors import RosterError
from people.roster import RosterFault as Fault


class _InColumn(WorkforceError):
    """What is wrong with one cell of a line."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


@contextmanager
def _column(title: str) -> Iterator[None]:
    """What is wrong in here is wrong with this column."""
    try:
        yield
    except WorkforceError as error:
        raise _InColumn(title, str(error)) from None


def import_book(connection: Connection, home_key: bytes, kinds: Mapping[str, Kind], book: Book, by: str, today: date) -> Imported:
    """Take a workbook over.

    :raises RosterError: any fault in any line; nothing is to be kept then (the caller's transaction ends with the error).
    """
    if book.faults:
        raise RosterError(_in_order([*book.faults, *_names_unknown(connection, home_key, kinds, book)]))
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE person, unit, post, certification, certification_step, training_hours IN SHARE ROW EXCLUSIVE MODE"))
    done = Imported(warnings=list(book.warnings))
    faults: list[Fault] = []
    places = take_units(connection, book.lines["units"], done, faults)
    people = find_people(connection, home_key, about_people(book), faults)
    work = _Work(connection, kinds, places, people, done, faults, by, today)
    work.employment(book.lines["employment"])
    work.holdings(book.lines["holdings"])
    work.steps(book.lines["steps"])
    work.hours(book.lines["hours"])
    if faults:
        raise RosterError(_in_order(faults))
    work.remark()
    reckon(connection, kinds)
    audit(connection, OFFICE, by, "workforce.import", "workforce", new=done.new, same=done.same, changed=len(done.changed), lines=_digest(book))
    return done


def about_people(book: Book) -> list[Line]:
    """The lines of a book that are about a person each."""
    return [line for name in ("employment", "holdings", "steps", "hours") for line in book.lines[name]]


def _names_unknown(connection: Connection, home_key: bytes, kinds: Mapping[str, Kind], book: Book) -> list[Fault]:
    """What is wrong with readable lines of a book that has unreadable ones, as far as it does not hang on those: persons and kinds."""
    faults: list[Fault] = []
    find_people(connection, home_key, about_people(book), faults)
    for line in (*book.lines["holdings"], *book.lines["steps"]):
        if kind_named(kinds, line.values["kind"]) is None:
            faults.append(line.fault("资格名称", _unknown_kind(kinds, line)))
    return faults


def _unknown_kind(kinds: Mapping[str, Kind], line: Line) -> str:
    return f"资格名称“{line.values['kind']}”不认识；可用：{'、'.join(one.title for one in kinds.values())}"


def _in_order(faults: Sequence[Fault]) -> list[Fault]:
    """By sheet, in the order in which they come up, and by row."""
    sheets = list(dict.fromkeys(fault.sheet for fault in faults))
    return sorted(faults, key=lambda fault: (sheets.index(fault.sheet), fault.row))


def _digest(book: Book) -> str:
    """Tells two files apart in the trail without telling what is in them."""
    shown = repr([(name, line.row, sorted(line.values.items(), key=str)) for name, lines in sorted(book.lines.items()) for line in lines])
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


# ---------------------------------------------------------------- the three sheets


@dataclass
class _Work:
    connection: Connection
    kinds: Mapping[str, Kind]
    places: Places
    people: Mapping[tuple[str, str], Known]
    done: Imported
    faults: list[Fault]
    by: str
    today: date

    def _each(self, lines: Sequence[Line], do: Callable[[Line, Known], None]) -> None:
        for line in lines:
            known = self.people.get((line.document, line.number))
            if known is None:
                continue  # told by find_people
            try:
                do(line, known)
            except WorkforceError as error:
                self.faults.append(line.fault(error.column if isinstance(error, _InColumn) else "", str(error)))

    def _kind(self, line: Line) -> Kind:
        found = kind_named(self.kinds, line.values["kind"])
        if found is None:
            raise _InColumn("资格名称", _unknown_kind(self.kinds, line))
        return found

    def _place(self, line: Line, column: str = "服务单位") -> int | None:
        name = line.values.get("place")
        with _column(column):
            return self.places.find(name) if name else None

    def employment(self, lines: Sequence[Line]) -> None:
        below = spells_below(lines)

        def take(line: Line, who: Known) -> None:
            place = self._place(line, "所在社区（网格）")
            take_employment(self.connection, who.id, place, line, self.done, self.today, below.get((line.sheet, line.row)))

        self._each(lines, take)

    # ------------------------------------------------ 资格

    def holdings(self, lines: Sequence[Line]) -> None:
        self._each(lines, self._holding)

    def _holding(self, line: Line, who: Known) -> None:
        kind, day = self._kind(line), line.values["obtained_on"]
        with _column("取得日期"):
            check_day(day, self.today, kind.obtained)
        at_id = self._place(line)
        wanted = {name: line.values.get(name) or "" for name in ("certificate_no", "issuer", "note")}
        alive = [one for one in who.certifications if one.kind == kind.id and one.ended_on is None]
        here = next((one for one in alive if one.at_id == at_id), None)
        if here is None and at_id is None and len(alive) == 1:
            here = alive[0]
        if (here is None or here.obtained_on != day) and _ended(who, kind, day, at_id):
            self.done.count("holdings", new=False)  # ended since: an old file does not bring it back
            return
        if here is None and (kind.id, day) in who.revoked:
            raise WorkforceError(f"{day} 的“{kind.title}”曾经登记、后来撤销；确要恢复请到个人页面登记，否则删去这一行")
        if here is None:
            who.certifications.append(self._insert(who, kind, day, at_id, wanted))
            self.done.count("holdings", new=True)
            return
        self.done.count("holdings", new=False)
        self._update(who, kind, here, day, wanted)

    def _insert(self, who: Known, kind: Kind, day: date, at_id: int | None, wanted: dict[str, str]) -> OnFile:
        values = {name: value or None for name, value in wanted.items()}
        number = self.connection.execute(
            certification.insert().values(
                person_id=who.id, kind=kind.id, obtained_on=day, unit_id=at_id, created_at=now_ms(), created_by=self.by, **values
            )
        ).inserted_primary_key[0]  # type: ignore[index]
        return OnFile(int(number), kind.id, at_id, day, None, wanted)

    def _update(self, who: Known, kind: Kind, here: OnFile, day: date, wanted: dict[str, str]) -> None:
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
        for rows in batches([] if self.faults else self._new_steps):
            self.connection.execute(certification_step.insert(), rows)
            owners = {row["certification_id"] for row in rows}
            self.connection.execute(update(certification).where(certification.c.id.in_(owners)).values(reckoned=None))

    def _step(self, line: Line, who: Known) -> None:
        kind, day = self._kind(line), line.values["on_day"]
        step = kind.step_named(line.values["step"])
        if step is None:
            raise _InColumn("办理事项", f"“{kind.title}”没有“{line.values['step']}”这一步；可填：{'、'.join(kind.steps.values())}")
        with _column("办理日期"):
            check_day(day, self.today, f"{kind.steps[step]}日期")
        number = line.values.get("document_no") or ""
        counted = any(one.count and one.step == step for one in kind.marks)
        at_id = self._place(line)
        owned = [one for one in who.certifications if one.kind == kind.id and (at_id is None or one.at_id == at_id)]
        if any(key[:2] == (step, day) and (not counted or key[2] == number) for one in owned for key in one.steps):
            self.done.count("steps", new=False)
            return
        here = _owner(kind, [one for one in owned if one.ended_on is None])
        if (step, day) in here.revoked:
            raise WorkforceError(f"{day} 的“{kind.steps[step]}”曾经登记、后来撤销；确要恢复请到个人页面登记，否则删去这一行")
        here.steps[step, day, number] = number
        here.touched = here.touched or line
        self._new_steps.append({
            "certification_id": here.id, "kind": step, "on_day": day, "document_no": number or None, "note": line.values.get("note"),
            "at": now_ms(), "by": self.by,
        })  # fmt: skip
        self.done.count("steps", new=True)

    # ------------------------------------------------ 学时

    def hours(self, lines: Sequence[Line]) -> None:
        self._new_hours: list[dict[str, Any]] = []
        self._each(lines, self._hours)
        for rows in batches([] if self.faults else self._new_hours):
            self.connection.execute(training_hours.insert(), rows)

    def _hours(self, line: Line, who: Known) -> None:
        day, amount, title = line.values["on_day"], line.values["hours"], line.values["subject"]
        with _column("完成日期"):
            check_day(day, self.today, "完成日期")
        if not 0 < amount <= MOST_HOURS:
            raise _InColumn("学时", f"学时应在 0 至 {MOST_HOURS} 之间（不含 0）")
        known, revoked = who.hours.get((day, title), ("", False))
        if revoked:
            raise WorkforceError(f"{day} 的“{title}”曾经登记、后来撤销；确要恢复请到个人页面登记，否则删去这一行")
        if known and known != exact_text(amount):
            raise _InColumn("学时", f"{day} 的“{title}”已登记 {known} 学时，这里是 {exact_text(amount)}；要更正请先到个人页面撤销原来的")
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


def _ended(who: Known, kind: Kind, day: date, at_id: int | None) -> bool:
    """Whether this is what ended on file: of that day, at that place, or with the place left open on either side."""
    gone = [one for one in who.certifications if one.ended_on and (one.kind, one.obtained_on) == (kind.id, day)]
    return any(at_id is None or one.at_id in (None, at_id) for one in gone)


def _owner(kind: Kind, alive: list[OnFile]) -> OnFile:
    """The one certification that a step can belong to."""
    if not alive:
        raise WorkforceError(f"这个人没有登记“{kind.title}”，或已{kind.ended}；请先在“资格”表里填一行")
    if len(alive) > 1:
        raise _InColumn("服务单位", f"这个人有 {len(alive)} 项“{kind.title}”，不知道是哪一项；请填“服务单位”列")
    return alive[0]


_TITLES = {"certificate_no": "证书编号", "issuer": "发证机关", "note": "备注"}
