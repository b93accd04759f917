"""Communities (社区) as they are on file, and what a staffing norm asks of each and of all together (``domain.md`` B.3, S65, S70).

Workers are persons on file in the community or below it; where there are none, what the community reported. Nothing is guessed: a
community without households, or without any number of workers, is told and left out of the sums.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, func, or_, select

from courses.norms import grid_range
from grading.workforce.norms import Committee, Norm
from people.tables import person, unit

COMMUNITY, GRID, RURAL = "社区", "网格", "农村"


@dataclass(frozen=True)
class Community:
    """``staff``: category -> persons on file here or below; ``grid_workers`` and ``workers``: reported numbers; None: not on file."""

    id: int
    name: str
    parent: str
    setting: str
    households: int | None
    residents: int | None
    grids: int | None
    grid_sizes: tuple[int, ...] = ()
    workers: int | None = None
    grid_workers: int | None = None
    staff: Mapping[str, int] = field(default_factory=dict)

    @property
    def urban(self) -> bool:
        """A community counts as urban unless it is said to be rural."""
        return self.setting != RURAL

    def actual(self, norm: Norm) -> int | None:
        """Workers whom a norm is about; None: nothing on file says."""
        on_file = sum(self.staff.get(one, 0) for one in norm.counts)
        return on_file or (self.grid_workers if norm.by_grid else self.workers)


@dataclass(frozen=True)
class Need:
    """What a norm comes to for one community. ``least`` and ``most`` None: what it goes by is not on file."""

    community: Community
    least: int | None
    most: int | None
    actual: int | None
    grids: tuple[int, int] | None
    doubts: tuple[str, ...]

    @property
    def short(self) -> int:
        return max(0, self.least - self.actual) if self.least is not None and self.actual is not None else 0

    @property
    def over(self) -> int:
        return max(0, self.actual - self.most) if self.most is not None and self.actual is not None else 0

    @property
    def known(self) -> bool:
        return self.least is not None and self.actual is not None

    @property
    def needed(self) -> str:
        """``4`` or ``10—15``; blank if unknown."""
        return "" if self.least is None else str(self.least) if self.least == self.most else f"{self.least}—{self.most}"

    @property
    def per_10000(self) -> Fraction | None:
        residents = self.community.residents
        return Fraction(10_000 * self.actual, residents) if self.actual is not None and residents else None


@dataclass(frozen=True)
class Total:
    """All urban communities whose residents and workers are known, against the norm per 10,000. ``left_out``: the others."""

    communities: int
    left_out: int
    residents: int
    workers: int
    needed: int

    @property
    def ratio(self) -> Fraction | None:
        return Fraction(10_000 * self.workers, self.residents) if self.residents else None


def communities(connection: Connection, day: date) -> list[Community]:
    """Every community that there is on a day, by parent and name."""
    alive = (or_(unit.c.valid_from.is_(None), unit.c.valid_from <= day), or_(unit.c.valid_to.is_(None), unit.c.valid_to > day))
    rows = {row.id: row for row in connection.execute(select(unit).where(*alive))}
    below: dict[int, list[int]] = defaultdict(list)
    for row in rows.values():
        if row.parent_id is not None:
            below[row.parent_id].append(row.id)
    staff = _staff(connection, day)
    found = [_community(rows, below, staff, row) for row in rows.values() if row.kind == COMMUNITY]
    return sorted(found, key=lambda one: (one.parent, one.name, one.id))


def _staff(connection: Connection, day: date) -> Mapping[int, Counter[str]]:
    """unit -> how many persons of each category work there on a day."""
    columns = person.c
    there = or_(columns.left_on.is_(None), columns.left_on > day, columns.employed_from > columns.left_on)
    query = (
        select(columns.unit_id, columns.category, func.count())
        .where(columns.unit_id.is_not(None), columns.category.is_not(None), there, or_(columns.employed_from.is_(None), columns.employed_from <= day))
        .group_by(columns.unit_id, columns.category)
    )
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for unit_id, category, count in connection.execute(query):
        found[unit_id][category] += count
    return found


def _community(rows: Mapping[int, Any], below: Mapping[int, list[int]], staff: Mapping[int, Counter[str]], row: Any) -> Community:
    everything, seen = [row.id], {row.id}
    for ident in everything:  # grows while it is read; a circle of units ends it
        more = [one for one in below.get(ident, ()) if one not in seen]
        everything += more
        seen.update(more)
    grids = [rows[ident] for ident in everything if rows[ident].kind == GRID]
    reported = [one.workers for one in grids if one.workers is not None]
    sizes = tuple(one.households for one in grids if one.households is not None)
    parent = rows.get(row.parent_id)
    households = row.households if row.households is not None else sum(sizes) if sizes and len(sizes) == len(grids) else None
    return Community(
        row.id, row.name, parent.name if parent else "", row.setting or "", households, row.residents, len(grids) or row.grids, sizes,
        row.workers, sum(reported) if reported and len(reported) == len(grids) else None, sum((staff.get(ident, Counter()) for ident in everything), Counter[str]()),
    )  # fmt: skip


# ---------------------------------------------------------------- against a norm


def need_of(norm: Norm, committee: Committee, one: Community) -> Need:
    """What a norm asks of one community."""
    basis = one.residents if norm.by_residents else one.households
    least, most = (None, None) if basis is None else norm.workers(one.households or 0, one.residents or 0)
    grids = grid_range(norm.rule, one.households) if norm.by_grid and one.households is not None else None
    return Need(one, least, most, one.actual(norm), grids, tuple(_doubts(norm, committee, one, basis, grids)))


def _doubts(norm: Norm, committee: Committee, one: Community, basis: int | None, grids: tuple[int, int] | None) -> list[str]:
    found = [] if basis is not None else [f"没有登记{'常住人口' if norm.by_residents else '户数'}"]
    if one.actual(norm) is None:
        found.append(f"没有登记{norm.who}")
    low, high = committee.households
    if one.households is not None and not low <= one.households <= high:
        found.append(f"{one.households:,} 户，在一般范围（{low:,} 至 {high:,} 户）之{'上' if one.households > high else '下'}")
    if grids is not None:
        fewest, most = norm.rule["households"]
        large, small = sum(size > most for size in one.grid_sizes), sum(size < fewest for size in one.grid_sizes)
        found += [f"网格 {one.grids} 个，应设 {grids[0]} 至 {grids[1]} 个"] if one.grids is not None and not grids[0] <= one.grids <= grids[1] else []
        found += [f"{large} 个网格超过 {most} 户"] if large else []
        found += [f"{small} 个网格不足 {fewest} 户"] if small else []
    on_file = sum(one.staff.get(category, 0) for category in norm.counts)
    reported = one.grid_workers if norm.by_grid else one.workers
    if on_file and reported is not None and reported != on_file:
        found.append(f"登记在册 {on_file} 人，填报 {reported} 人，请核对")
    return found


def total_of(norm: Norm, all_of_them: Sequence[Community]) -> Total:
    """The urban communities together, against a norm that goes by residents."""
    urban = [one for one in all_of_them if one.urban]
    counted = [(one.residents, workers) for one in urban if one.residents and (workers := one.actual(norm)) is not None]
    residents, workers = sum(a for a, _ in counted), sum(b for _, b in counted)
    return Total(len(counted), len(urban) - len(counted), residents, workers, norm.workers(residents=residents)[0])
