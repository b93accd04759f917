"""Which unit a written name means: the one resolver of rosters, workbooks, forms, commands and statistics.

A unit is meant by its name now, by a former name (or the name of a unit merged into it), or by either behind the name of the unit
above it: communities of two towns may be called the same, and a list tells them apart as 乙镇东街社区 or 乙镇/东街社区; where two towns
are called the same too, the county stands before the town. A name that may mean several units is never taken for one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, select

from people.errors import PeopleError
from people.roster_cells import one_spelling
from people.successors import successors
from people.tables import alias, unit

#: units that a message about a name lists
MOST_TOLD = 10
#: characters of a text that are looked at for names behind one another; a name has at most 100
LONGEST = 300

#: unit -> (names of units above as they stand in a text, name of the unit there)
_Reach = dict[int, tuple[str, str]]


class UnitNames:
    """All units by what they may be called; read once (three queries), after which no name costs a query."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute(select(unit.c.id, unit.c.name, unit.c.parent_id, unit.c.valid_to).order_by(unit.c.id)).all()
        self._merged = successors(connection)
        self._living = {row.id for row in rows if row.valid_to is None}
        self._name: dict[int, str] = {row.id: row.name for row in rows}
        self._names: dict[int, list[str]] = {row.id: [row.name] for row in rows}
        for name, ident in connection.execute(select(alias.c.name, alias.c.unit_id).where(alias.c.unit_id.is_not(None)).order_by(alias.c.id)):
            if name not in self._names[ident]:
                self._names[ident].append(name)
        self._now: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            if row.valid_to is None:
                self._now[row.name].append(row.id)
        self._whose: dict[str, list[int]] = defaultdict(list)  # any name -> units
        for ident, names in self._names.items():
            for name in names:
                self._whose[name].append(ident)
        self._above: dict[int, int] = {}
        self._below: dict[tuple[int, str], list[int]] = defaultdict(list)  # (unit above, any name) -> units
        self._told: dict[tuple[str, tuple[int, ...]], str] = {}
        for row in rows:
            if row.parent_id in self._name:
                self.put_below(row.id, row.parent_id)

    def add(self, ident: int, name: str, above: int | None = None) -> None:
        """A unit that was made since."""
        self._name[ident], self._names[ident] = name, [name]
        self._living.add(ident)
        self._now[name].append(ident)
        self._whose[name].append(ident)
        self._told.clear()
        if above is not None:
            self.put_below(ident, above)

    def put_below(self, ident: int, above: int) -> None:
        """A unit that had none above it has one since."""
        self._above[ident] = above
        for name in self._names[ident]:
            self._below[above, name].append(ident)
        self._told.clear()

    # ------------------------------------------------ what a name means

    def called(self, name: str, *, closed: bool = False) -> list[int]:
        """The units that ``name`` may mean, the oldest first; several: nobody can tell which.

        The name now comes before former names, those before names behind the unit above. ``closed``: also a unit that was closed and
        merged into none, if no other is meant; for lists of earlier days. A new roster puts nobody there.
        """
        for text in dict.fromkeys((name.strip(), _spelt(name))):
            for found in self._readings(text, closed):
                if found:
                    return sorted(found)
        return []

    def one(self, name: str, unknown: str, *, closed: bool = False) -> int:
        """The unit that ``name`` means; ``closed`` as in :meth:`called`.

        :raises PeopleError: none (``unknown`` is told), or several (:meth:`which`).
        """
        found = self.called(name, closed=closed)
        if len(found) != 1:
            raise PeopleError(self.which(name, found) if found else unknown)
        return found[0]

    def exactly(self, name: str) -> list[int]:
        """The units whose name now is ``name``; where there is none, those that had it when they were closed, merged into none."""
        return list(self._now.get(name, ())) or [ident for ident in self._whose.get(name, ()) if self._name[ident] == name and self._stands(ident) is None]

    def formerly(self, name: str, ident: int) -> bool:
        """Whether a name that means a unit calls it by a name that it has no more."""
        said = [(one, own) for one, (_, own) in self._reach(_spelt(name), {}).items() if self._merged.get(one, one) == ident]
        return bool(said) and (ident, self._name[ident]) not in said

    def could_mean(self, name: str, ident: int) -> bool:
        """Whether a unit has, or had, this name, though another may be meant by it today: a list of an earlier day may mean it."""
        return any(ident in (one, self._merged.get(one)) for one in self._reach(_spelt(name), {}))

    def _readings(self, text: str, closed: bool) -> Iterator[Iterable[int]]:
        """The units that a text may mean, by one way of reading it after another."""
        whose = self._whose.get(text, ())
        yield self._now.get(text, ())
        yield self._standing(whose)
        behind = self._reach(text, {})
        yield self._standing(ident for ident in behind if ident in self._living and behind[ident][1] == self._name[ident])
        yield self._standing(behind)
        if closed:
            yield {self._merged.get(ident, ident) for ident in whose or behind}
        elsewhere = self._now.get(text.rpartition("/")[2], ()) if "/" in text else ()
        yield elsewhere if len(elsewhere) > 1 else ()  # below a unit where there is none of that name, though several have it elsewhere

    def _stands(self, ident: int) -> int | None:
        """What a unit has become: itself, the one that it is part of now, or None if it was closed."""
        here = self._merged.get(ident, ident)
        return here if here in self._living else None

    def _standing(self, some: Iterable[int]) -> set[int]:
        return {here for ident in some if (here := self._stands(ident)) is not None}

    def _reach(self, text: str, known: dict[str, _Reach]) -> _Reach:
        """All units that have the text as a name, or as a name behind one above; the name now is preferred to a former one.

        ``known``: what was found of the beginnings of the text.
        """
        if text not in known:
            known[text] = found = {ident: ("", text) for ident in self._whose.get(text, ())}
            for start in range(1, len(text) if len(text) <= LONGEST else 0):
                if (name := text[start:]) in self._whose:
                    for above, said in self._reach(text[:start].rstrip("/"), known).items():
                        for ident in self._below.get((above, name), ()):
                            if ident not in found or name == self._name[ident]:
                                found[ident] = ("".join(said), name)
        return known[text]

    # ------------------------------------------------ what a unit is called

    def above(self, ident: int) -> list[int]:
        """The units above one, the nearest first; a loop of parents ends where it would begin again."""
        found: list[int] = []
        here = self._above.get(ident)
        while here is not None and here != ident and here not in found:
            found.append(here)
            here = self._above.get(here)
        return found

    def label(self, name: str) -> str:
        """How a unit written as ``name`` stands on lists: 乙镇/东街社区 is 乙镇东街社区; names of the day stay as they are."""
        text = _spelt(name)
        found = self.called(text)
        if len(found) != 1 or text in self._whose:
            return name
        return next(("".join(said) for ident, said in self._reach(text, {}).items() if self._stands(ident) == found[0]), name)

    def title(self, ident: int) -> str:
        """The name of a unit, behind that of the unit above where others are called the same; as :meth:`called` understands it, if it can."""
        name = self._name[ident]
        if len(self._now.get(name, ())) < 2:
            return name
        return self._plain(ident) or (self._name[self._above[ident]] if ident in self._above else "") + name

    def which(self, name: str, found: list[int]) -> str:
        """What is told where ``name`` may mean several: which they are, and what to write instead."""
        key = (name, tuple(found))
        if key not in self._told:  # thousands of rows may have one name
            self._told[key] = self._which(name, found)
        return self._told[key]

    def _which(self, name: str, found: list[int]) -> str:
        titles = [
            f"“{self.title(self._above[one])}”下的“{self._name[one]}”" if one in self._above else f"没有登记上级单位的“{self._name[one]}”"
            for one in found[:MOST_TOLD]
        ]
        told = f"“{name}”可能是 {len(found)} 个单位：{'、'.join(titles)}{'等' if len(found) > MOST_TOLD else ''}；"
        plain = [text for one in found if (text := self._plain(one))]
        if plain:
            told += f"请写成{'或'.join(f'“{text}”' for text in plain[:3])}，上级单位和名称之间也可以加“/”"
        if len(plain) < len(found):
            told += ("。" if plain else "") + "没有登记上级单位、或连上级单位也同名的，请先由操作员更名或登记上级单位"
        return told

    def _plain(self, ident: int) -> str:
        """The shortest way in which a list can write a unit so that no other is meant; blank if there is none."""
        text = self._name[ident]
        for above in (*self.above(ident), None):
            if len(self._now.get(text, ())) < 2 and self.called(text) == [ident]:
                return text
            text = (self._name[above] if above is not None else "") + text
        return ""


def _spelt(name: str) -> str:
    """A name as rosters are read, whatever keyboard it came from."""
    return one_spelling(name).replace("／", "/")
