"""Small cells are not shown, and cannot be reckoned from what is shown.

A release is a tree of groups of people: each group is a row of disjoint cells with its total, and each breakdown of a group
is a complete one. In the release

* a group of fewer than ``n`` people has no row of its own: it is pooled with its like;
* a cell of 1 to ``n`` - 1 people is hidden, and so are enough others in its row that what is hidden adds up to ``n`` at least;
* for each such cell there is a *witness*: other true numbers, differing in this cell, that would give the very same release
  (totals, shown cells, the words in place of hidden ones). Where there is none, further cells are hidden until there is, the
  fewest people first; where that cannot be had, the breakdown is left out.

A witness moves one person from one column to another along a path of rows down to the leaves, and the other way along a second
path, so that every sum in between stays. Hiding more never destroys one. Two releases of different days or units, laid side by
side, are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True)
class Group:
    """People, counted: ``cells`` are disjoint. The groups of each breakdown have the same columns and add up to this one."""

    name: str
    cells: tuple[int, ...]
    breakdowns: tuple[tuple[Group, ...], ...] = ()


@dataclass(frozen=True)
class Cell:
    """What is shown of a count: itself (``low`` = ``high``), or only between what it lies."""

    low: int
    high: int

    @property
    def hidden(self) -> bool:
        return self.low != self.high


@dataclass(frozen=True)
class Shown:
    """A group as it is released. ``total`` None: fewer than n, and nothing else is told. ``pooled``: several groups together.

    ``breakdowns`` stand in the order of the group's own; one that is left out is empty.
    """

    name: str
    total: int | None
    cells: tuple[Cell, ...]
    breakdowns: tuple[tuple[Shown, ...], ...] = ()
    pooled: bool = False


def protect(root: Group, n: int, kept_zeros: frozenset[int] = frozenset(), beside: Sequence[int] = ()) -> Shown:
    """The release of a group and its breakdowns; cells of 1 to ``n`` - 1 are protected as the module says.

    ``kept_zeros``: columns whose zeros are always shown (a unit in which nobody has passed is to be found). ``beside``: the columns that are hidden first beside
    a small one, in this order (default: from the left).

    :raises ValueError: ``n`` < 3 (hiding would tell), or a breakdown that does not add up.
    """
    if n < 3:
        raise ValueError("n must be 3 at least")
    row = _Row.of(root, _Rule(n, kept_zeros, tuple(beside) or tuple(range(len(root.cells)))))
    if row.total < n or not _witness_root(row):
        return Shown(root.name, None, ())
    for one in list(row.below()):
        if all(part in part.whole.parts for part in one.way_up()):
            _witness(one)
    return row.shown()


@dataclass(frozen=True)
class _Rule:
    n: int
    kept: frozenset[int]
    beside: tuple[int, ...]


@dataclass(eq=False)
class _Row:
    name: str
    cells: tuple[int, ...]
    total: int
    rule: _Rule
    pooled: bool = False
    broken: int = 0                 # into how many breakdowns
    part: _Part | None = None
    parts: list[_Part] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    chains: dict[tuple[int, int], float] = field(default_factory=dict)

    @classmethod
    def of(cls, group: Group, rule: _Rule) -> _Row:
        made, n = cls(group.name, group.cells, sum(group.cells), rule, broken=len(group.breakdowns)), rule.n
        if made.total < n:
            return made
        for place, members in enumerate(group.breakdowns):
            if tuple(map(sum, zip(*(one.cells for one in members), strict=True))) != group.cells:
                raise ValueError(f"{group.name}: a breakdown does not add up")
            rows = _pool([cls.of(one, rule) for one in members if sum(one.cells)], rule)
            if rows:
                part = _Part(made, place, rows)
                made.parts.append(part)
                for one in rows:
                    one.part = part
        made.hidden = {j for j, count in enumerate(group.cells) if 0 < count < n}
        if made.hidden:
            for j in rule.beside:
                if group.cells[j] and sum(group.cells[k] for k in made.hidden) < n:
                    made.hidden.add(j)
        return made

    @property
    def small(self) -> list[int]:
        return [j for j, count in enumerate(self.cells) if 0 < count < self.rule.n]

    def below(self) -> Iterator[_Row]:
        for part in self.parts:
            for one in part.rows:
                yield one
                yield from one.below()

    def way_up(self) -> Iterator[_Part]:
        part = self.part
        while part:
            yield part
            part = part.whole.part

    def label(self, j: int) -> tuple[int, int]:
        """Between what a hidden cell lies, as the words in its place tell."""
        n = self.rule.n
        return (0, n - 1) if self.cells[j] < n else (n, self.total)

    def step(self, up: int, down: int) -> float:
        """People whose cells must be hidden as well so that one person could stand in ``up`` for ``down``; inf: not without telling."""
        cost = 0.0
        for j, there in ((up, self.cells[up] + 1), (down, self.cells[down] - 1)):
            low, high = self.label(j)
            if not low <= there <= high or (j in self.rule.kept and not self.cells[j]) or (self.part is None and j not in self.hidden):
                return inf
            cost += 0 if j in self.hidden else self.cells[j] + 1
        return cost

    def chain(self, up: int, down: int) -> float:
        """The cost of that step here and along one path in each breakdown below."""
        if (up, down) not in self.chains:
            own = self.step(up, down)
            self.chains[up, down] = own if own == inf else own + sum(part.best(up, down)[0] for part in self.parts)
        return self.chains[up, down]

    def chain_rows(self, up: int, down: int) -> Iterator[_Row]:
        yield self
        for part in self.parts:
            best = part.best(up, down)[1]
            assert best is not None
            yield from best.chain_rows(up, down)

    def hide(self, *columns: int) -> None:
        if not self.hidden.issuperset(columns):
            self.hidden.update(columns)
            self.stale()

    def stale(self) -> None:
        """Forget what was reckoned of this row and of those above it."""
        self.chains.clear()
        for part in self.way_up():
            part.known.clear()
            part.whole.chains.clear()

    def shown(self) -> Shown:
        cells = tuple(Cell(*self.label(j)) if j in self.hidden else Cell(count, count) for j, count in enumerate(self.cells))
        told = {part.place: tuple(one.shown() for one in part.rows) for part in self.parts}
        return Shown(self.name, self.total, cells, tuple(told.get(place, ()) for place in range(self.broken)), self.pooled)


@dataclass(eq=False)
class _Part:
    """One breakdown of ``whole``, its ``place``-th."""

    whole: _Row
    place: int
    rows: list[_Row]
    known: dict[tuple[int, int], list[tuple[float, _Row]]] = field(default_factory=dict)

    def best(self, up: int, down: int, but: _Row | None = None) -> tuple[float, _Row | None]:
        """The cheapest chain among the rows, ``but`` one."""
        two = self.known.get((up, down))
        if two is None:
            two = sorted(((one.chain(up, down), one) for one in self.rows), key=lambda found: found[0])[:2]
            self.known[up, down] = two
        return next(((cost, one) for cost, one in two if one is not but and cost < inf), (inf, None))


def _pool(rows: list[_Row], rule: _Rule) -> list[_Row]:
    """Rows of n people at least; smaller ones together, with the next larger where they need it. Empty: all fell together."""
    n = rule.n
    pool = [one for one in rows if one.total < n]
    if not pool:
        return rows
    larger = sorted((one for one in rows if one.total >= n), key=lambda one: one.total)
    taken: list[str] = []
    while larger and (len(pool) < 2 or sum(one.total for one in pool) < n):
        pool.append(larger.pop(0))
        taken.append(pool[-1].name)
    if not larger:
        return []
    stay, names = set(map(id, larger)), "、".join(taken)
    name = f"{names}和其余少于 {n} 人的" if taken else f"少于 {n} 人的合计"
    cells = tuple(map(sum, zip(*(one.cells for one in pool), strict=True)))
    together = _Row.of(Group(name, cells), rule)
    together.pooled = True
    return [*(one for one in rows if id(one) in stay), together]


Path = list[tuple[_Row, int, int]]


def _moves(row: _Row, j: int) -> Iterator[tuple[int, int]]:
    for other in range(len(row.cells)):
        if other != j:
            yield from ((j, other), (other, j))


def _witness(row: _Row) -> None:
    """Hide what is needed for each small cell of a row, or leave out the breakdown that it is in."""
    for j in row.small:
        cost, up, down = _cheapest(row, j)
        if cost == inf:
            assert row.part is not None
            row.part.whole.parts.remove(row.part)
            row.part.whole.stale()
            return
        if cost:
            for one, *columns in [*((one, up, down) for one in row.chain_rows(up, down)), *_above(row, up, down)[1]]:
                one.hide(*columns)


def _cheapest(row: _Row, j: int) -> tuple[float, int, int]:
    """(people to hide, column up, column down) of the cheapest witness for a cell."""
    best = (inf, 0, 0)
    for up, down in _moves(row, j):
        own = row.chain(up, down)
        if own < best[0] and (cost := own + _above(row, up, down)[0]) < best[0]:
            best = (cost, up, down)
            if not cost:
                break
    return best


def _above(row: _Row, up: int, down: int) -> tuple[float, Path]:
    """The cheapest way to set off a step in ``row``: against a row beside it, or further up."""
    if row.part is None:
        return 0.0, []
    beside, other = row.part.best(down, up, but=row)
    whole = row.part.whole
    further = whole.step(up, down)
    if beside == 0 or further == inf:
        return beside, _path(other, down, up)
    rest, path = _above(whole, up, down)
    elsewhere = [part for part in whole.parts if part is not row.part]
    further += rest + sum(part.best(up, down)[0] for part in elsewhere)
    if beside <= further:
        return beside, _path(other, down, up)
    for part in elsewhere:
        path = [*path, *_path(part.best(up, down)[1], up, down)]
    return further, [(whole, up, down), *path]


def _path(row: _Row | None, up: int, down: int) -> Path:
    return [(one, up, down) for one in row.chain_rows(up, down)] if row else []


def _witness_root(root: _Row) -> bool:
    """The same for the whole: nothing lies above it. Breakdowns in which it would be told are left out. False: nothing helps."""
    for j in root.small:
        own = [(up, down) for up, down in _moves(root, j) if root.step(up, down) < inf]
        if not own:
            return False
        up, down = max(own, key=lambda move: (sum(part.best(*move)[0] < inf for part in root.parts), -root.chain(*move)))
        root.parts = [part for part in root.parts if part.best(up, down)[0] < inf]
        root.stale()
        for one in root.chain_rows(up, down):
            one.hide(up, down)
    return True
