"""How many holders each village or school should have, and how many it has: units that are short, units with nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, and_, distinct, func, or_, select

from grading.tables import certification
from grading.workforce.due import in_force
from grading.workforce.kinds import Kind
from grading.workforce.reckoning import HELD, fresh, look
from people.finding import units_under
from people.successors import counts_for
from people.tables import person, unit


@dataclass(frozen=True)
class Covered:
    """One unit: how many hold the certification there now, out of how many it should have."""

    unit_id: int
    unit: str
    above: str
    have: int
    least: int

    @property
    def short(self) -> int:
        return max(0, self.least - self.have)


@dataclass(frozen=True)
class Coverage:
    """All units of the kind that the target names, those with the fewest first.

    ``nowhere``: holders of whom no such unit is on file, so that they count for none; ``unknown``: certifications that the
    worker has still to reckon by the rules as they are now.
    """

    kind: Kind
    units: tuple[Covered, ...]
    nowhere: int
    unknown: int

    @property
    def short(self) -> tuple[Covered, ...]:
        return tuple(one for one in self.units if one.short)

    @property
    def empty(self) -> tuple[Covered, ...]:
        return tuple(one for one in self.units if not one.have)

    @property
    def missing(self) -> int:
        """How many persons are missing over all units."""
        return sum(one.short for one in self.units)


def coverage(connection: Connection, kinds: Mapping[str, Kind], kind: Kind, on_day: date, under: str = "") -> Coverage:
    """Coverage of the target of one kind on a day; ``under``: only units below those with this in their name.

    A holder counts where the certification is exercised, else at the own unit, or at what that was merged into by the day;
    once a unit, whatever the number of entries.
    """
    target = kind.target
    assert target is not None, kind.id
    current = look(connection, kinds, on_day).current
    known = () if current else (fresh(kinds, on_day),)
    stands = counts_for(on_day).subquery("stands")
    source = (
        certification.join(person, person.c.id == certification.c.person_id)
        .outerjoin(stands, stands.c.id == func.coalesce(certification.c.unit_id, person.c.unit_id))
    )  # fmt: skip
    place = stands.c.now
    of_kind = (certification.c.kind == kind.id, *in_force(on_day))
    active = (*of_kind, *known, certification.c.phase == HELD, or_(certification.c.valid_until.is_(None), certification.c.valid_until >= on_day))
    held = (
        select(place.label("place"), func.count(distinct(certification.c.person_id)).label("have"))
        .select_from(source).where(*active).group_by(place).subquery()
    )  # fmt: skip
    above = unit.alias("above")
    standing = and_(
        unit.c.kind == target.unit_kind, or_(unit.c.valid_to.is_(None), unit.c.valid_to > on_day), or_(unit.c.valid_from.is_(None), unit.c.valid_from <= on_day)
    )  # fmt: skip
    have = func.coalesce(held.c.have, 0)
    query = (
        select(unit.c.id, unit.c.name, above.c.name.label("above"), have.label("have"))
        .outerjoin(held, held.c.place == unit.c.id).outerjoin(above, above.c.id == unit.c.parent_id)
        .where(standing).order_by(have, above.c.name, unit.c.name, unit.c.id)
    )  # fmt: skip
    if under.strip():
        query = query.where(unit.c.id.in_(units_under(under)))
    places = select(unit.c.id).where(standing)
    nowhere = select(func.count(distinct(certification.c.person_id))).select_from(source).where(*active, or_(place.is_(None), place.not_in(places)))
    stale = 0 if current else connection.execute(select(func.count()).select_from(source).where(*of_kind, ~fresh(kinds, on_day))).scalar_one()
    units = tuple(Covered(row.id, row.name, row.above or "", row.have, target.least) for row in connection.execute(query))
    return Coverage(kind, units, connection.execute(nowhere).scalar_one(), stale)
