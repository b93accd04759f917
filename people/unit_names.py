"""Which unit a name on a list means: its name now, a former name, or its name behind that of the unit above it.

Communities of two towns may be called the same. A list tells them apart by writing the unit above as well: 乙镇东街社区 or 乙镇/东街社区.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, select

from people.tables import alias, unit


class UnitNames:
    """All units by what they may be called on a list."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute(select(unit.c.id, unit.c.name, unit.c.parent_id, unit.c.valid_to).order_by(unit.c.id)).all()
        self._name: dict[int, str] = {row.id: row.name for row in rows}
        self._above: dict[int, str] = {row.id: self._name[row.parent_id] for row in rows if row.parent_id in self._name}
        self._now: dict[str, list[int]] = defaultdict(list)
        self._former: dict[str, set[int]] = defaultdict(set)
        self._longer: dict[str, set[int]] = defaultdict(set)
        for row in rows:
            if row.valid_to is None:
                self.add(row.id, row.name)
        for name, ident in connection.execute(select(alias.c.name, alias.c.unit_id).where(alias.c.unit_id.is_not(None))):
            self._former[name].add(ident)

    def add(self, ident: int, name: str) -> None:
        """A unit that exists."""
        self._name[ident] = name
        self._now[name].append(ident)
        if above := self._above.get(ident):
            for between in ("", "/"):
                self._longer[f"{above}{between}{name}"].add(ident)

    def called(self, name: str) -> list[int]:
        """The units that ``name`` may mean, the oldest first; several: nobody can tell which."""
        slashed = name.replace("／", "/")
        found = self._now.get(name) or self._former.get(name) or self._longer.get(slashed)
        if not found and "/" in slashed:  # below a unit where there is none of that name, though several have it elsewhere
            elsewhere = self._now.get(slashed.rpartition("/")[2], [])
            found = elsewhere if len(elsewhere) > 1 else None
        return sorted(found or ())

    def label(self, name: str) -> str:
        """How a unit written as ``name`` stands on lists: 乙镇/东街社区 is 乙镇东街社区."""
        below = self._longer.get(name.replace("／", "/"), set())
        if len(below) != 1 or name in self._now or name in self._former:
            return name
        (one,) = below
        return self._above[one] + self._name[one]

    def title(self, ident: int) -> str:
        """The name of a unit, behind that of the unit above where others are called the same."""
        name = self._name[ident]
        return f"{self._above.get(ident, '')}{name}" if len(self._now.get(name, ())) > 1 else name

    def which(self, name: str, found: list[int]) -> str:
        """What is told where ``name`` may mean several: which they are, and what to do."""
        titles = [f"“{self._above[one]}”下的“{self._name[one]}”" if one in self._above else f"没有登记上级单位的“{self._name[one]}”" for one in found]
        told, plain = f"“{name}”可能是 {len(found)} 个单位：{'、'.join(titles)}；", [text for one in found if (text := self._plain(one))]
        if plain:
            told += f"请写成{'或'.join(f'“{text}”' for text in plain[:3])}，上级单位和名称之间也可以加“/”"
        if len(plain) < len(found):
            told += ("。" if plain else "") + "没有登记上级单位、或连上级单位也同名的，请先由操作员更名或登记上级单位"
        return told

    def _plain(self, ident: int) -> str:
        """How a list can write a unit so that no other is meant; blank if it cannot."""
        name = self._name[ident]
        return next((text for text in (name, f"{self._above.get(ident, '')}{name}") if self.called(text) == [ident]), "")
