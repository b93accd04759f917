"""Persons and units in office.db, and taking a roster over: all rows or none, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, Insert, select, text, update

from home import OFFICE, audit, now_ms
from people.errors import RosterError
from people.identity import identity_mac, mask, seal_number
from people.roster import Roster, RosterFault, RosterRow
from people.tables import alias, person, post, unit
from people.unit_names import UnitNames

#: person column -> how the officer calls it; what a roster may change in a known person
_PERSONAL = {"gender": "性别", "birth": "出生日期", "ethnic": "民族", "phone": "手机"}
_BATCH = 500


@dataclass(frozen=True)
class Change:
    """One fact that the roster would change in a known person."""

    name: str
    masked: str
    what: str
    old: str
    new: str


@dataclass(frozen=True)
class ImportedPerson:
    """A roster row and the person it is about."""

    person_id: int
    row: RosterRow


@dataclass(frozen=True)
class ImportResult:
    """What an import did (or, in a dry run, would do). ``people`` is in roster order, new and known together."""

    people: tuple[ImportedPerson, ...]
    new: int
    known: int
    changed: tuple[Change, ...]
    new_units: tuple[str, ...]

    @property
    def person_ids(self) -> tuple[int, ...]:
        """Ids in roster order."""
        return tuple(one.person_id for one in self.people)


@dataclass
class _Known:
    id: int
    name: str
    masked: str
    values: dict[str, object]
    aliases: set[str]


def import_roster(connection: Connection, home_key: bytes, roster: Roster, by: str) -> ImportResult:
    """Insert new persons and units, bring known persons up to date; blank cells never erase anything.

    Persons are known by document number. A known number with another name is refused, unless the other name is a former
    name on file, or the roster's 曾用名 column gives the name on file.

    :raises RosterError: the roster has faults, or a number belongs to another name.
    """
    if roster.faults:
        raise RosterError(roster.faults)
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE person, unit, post IN SHARE ROW EXCLUSIVE MODE"))  # two imports at once
    macs = [identity_mac(home_key, row.document, row.number) for row in roster.rows]
    known = _known_persons(connection, macs)
    places = _Places(connection)
    rows = [(mac, row, known.get(mac)) for mac, row in zip(macs, roster.rows, strict=True)]
    conflicts = [fault for _, row, here in rows for fault in (_conflict(row, here), places.unclear(row, here)) if fault]
    if conflicts:
        raise RosterError(conflicts)
    people: list[ImportedPerson] = []
    changed: list[Change] = []
    for mac, written, here in rows:
        unit_id, row = places.unit(written.unit, here), replace(written, unit=places.names.label(written.unit))
        post_id = places.post(unit_id, row.post, row.rank) if row.post else None
        if here is None:
            people.append(ImportedPerson(_insert(connection, home_key, mac, row, unit_id, post_id), row))
        else:
            changed += _update(connection, places, here, row, unit_id, post_id)
            people.append(ImportedPerson(here.id, row))
    result = ImportResult(tuple(people), len(people) - len(known), len(known), tuple(changed), tuple(places.new_units))
    audit(connection, OFFICE, by, "people.import", "roster", new=result.new, known=result.known, changed=len(changed))
    return result


@contextmanager
def rehearsal(engine: Engine) -> Iterator[Connection]:
    """A transaction that is always rolled back: a dry run is the real thing in here."""
    with engine.connect().execution_options(begin="BEGIN IMMEDIATE") as connection:
        trial = connection.begin()
        try:
            yield connection
        finally:
            trial.rollback()


def _known_persons(connection: Connection, macs: list[str]) -> dict[str, _Known]:
    found: dict[str, _Known] = {}
    by_id: dict[int, _Known] = {}
    for start in range(0, len(macs), _BATCH):
        some = macs[start : start + _BATCH]
        for row in connection.execute(select(person).where(person.c.identity_mac.in_(some))).mappings():
            here = _Known(row["id"], row["name"], row["identity_masked"], dict(row), set())
            found[row["identity_mac"]] = by_id[row["id"]] = here
        names = select(alias.c.person_id, alias.c.name).join(person).where(person.c.identity_mac.in_(some))
        for person_id, name in connection.execute(names):
            by_id[person_id].aliases.add(name)
    return found


def _conflict(row: RosterRow, here: _Known | None) -> RosterFault | None:
    if here is None or row.name == here.name or row.name in here.aliases or row.former_name == here.name:
        return None
    message = f"证件号码 {here.masked} 已登记为“{here.name}”，名单上是“{row.name}”；确为改名的，请在“曾用名”列填“{here.name}”，否则请核对证件号码"
    return RosterFault(row.sheet, row.row, "姓名", message)


def _insert(connection: Connection, key: bytes, mac: str, row: RosterRow, unit_id: int, post_id: int | None) -> int:
    person_id = _inserted(
        connection,
        person.insert().values(
            name=row.name, document=row.document, identity_cipher=seal_number(key, row.document, row.number),
            identity_mac=mac, identity_masked=mask(row.number), gender=row.gender, birth=row.birth, ethnic=row.ethnic,
            phone=row.phone, unit_id=unit_id, post_id=post_id, created_at=now_ms(),
        ),
    )  # fmt: skip
    if row.former_name and row.former_name != row.name:
        connection.execute(alias.insert().values(person_id=person_id, name=row.former_name))
    return person_id


def _inserted(connection: Connection, statement: Insert) -> int:
    key = connection.execute(statement).inserted_primary_key
    assert key is not None  # each of these tables numbers its rows
    return int(key[0])


def _update(
    connection: Connection, places: _Places, here: _Known, row: RosterRow, unit_id: int, post_id: int | None
) -> list[Change]:
    """Bring one known person up to date; returns what differed."""
    wanted: dict[str, object] = {name: getattr(row, name) for name in _PERSONAL if getattr(row, name) is not None}
    wanted["unit_id"] = unit_id
    if post_id is not None:
        wanted["post_id"] = post_id
    if row.former_name == here.name and row.name != here.name:
        wanted["name"] = row.name
        connection.execute(alias.insert().values(person_id=here.id, name=here.name))
    differs = {name: value for name, value in wanted.items() if here.values[name] != value}
    if differs:
        moved = {"birth_before": here.values["birth"], "birth_moved": True} if "birth" in differs else {}
        connection.execute(update(person).where(person.c.id == here.id).values(**differs, **moved))
    return [
        Change(row.name, here.masked, *places.shown(name, here.values[name], value)) for name, value in differs.items()
    ]


class _Places:
    """Units and posts by name, inserted when first met."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.names = UnitNames(connection)
        posts = connection.execute(select(post))
        self._posts: dict[tuple[int, str], tuple[int, str | None]] = {(row.unit_id, row.title): (row.id, row.rank) for row in posts}
        self.new_units: list[str] = []

    def unclear(self, row: RosterRow, here: _Known | None) -> RosterFault | None:
        """The fault of a row whose unit may be any of several, none of them the person's own."""
        found = self.names.called(row.unit)
        if len(found) < 2 or (here is not None and here.values["unit_id"] in found):
            return None
        return RosterFault(row.sheet, row.row, "单位", self.names.which(row.unit, found))

    def unit(self, name: str, here: _Known | None) -> int:
        """The unit of this name; of several the one where the person is on file (else the row is :meth:`unclear`)."""
        found = self.names.called(name)
        if not found:
            number = _inserted(self._connection, unit.insert().values(name=name))
            self.names.add(number, name)
            self.new_units.append(name)
            return number
        own = here.values["unit_id"] if here is not None else None
        return next((one for one in found if one == own), found[0])

    def post(self, unit_id: int, title: str, rank: str | None) -> int:
        number, known_rank = self._posts.get((unit_id, title), (None, None))
        if number is None:
            number = _inserted(self._connection, post.insert().values(unit_id=unit_id, title=title, rank=rank))
        elif rank and not known_rank:
            self._connection.execute(update(post).where(post.c.id == number).values(rank=rank))
        self._posts[unit_id, title] = (number, rank or known_rank)
        return number

    def shown(self, column: str, old: object, new: object) -> tuple[str, str, str]:
        """(what, old, new) as the officer reads them."""
        if column == "unit_id":
            before, now = (self.names.title(one) if isinstance(one, int) else "（空）" for one in (old, new))
            return "单位", before, now
        if column == "post_id":
            titles: dict[object, str] = {number: title for (_, title), (number, _) in self._posts.items()}
            return "职务", titles.get(old, "（空）"), titles.get(new, "（空）")
        what = "姓名" if column == "name" else _PERSONAL[column]
        return what, str(old) if old else "（空）", str(new)
