"""What is hidden cannot be reckoned: an integer program, which knows nothing of our witnesses, tries to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from grading.statistics.suppression import Group, Shown, protect


def group(name: str, *cells: int) -> Group:
    return Group(name, cells)


def whole(*breakdowns: tuple[Group, ...]) -> Group:
    return Group("全部", tuple(map(sum, zip(*(one.cells for one in breakdowns[0]), strict=True))), breakdowns)


def every(shown: Shown) -> Iterator[Shown]:
    yield shown
    for part in shown.breakdowns:
        for one in part:
            yield from every(one)


def reckoned(release: Shown, n: int) -> list[tuple[Shown, int]]:
    """Hidden cells of which the release leaves one value only, by integer programming over everything it tells."""
    if release.total is None:
        return []
    rows = list(every(release))
    k, place = len(rows[0].cells), {id(one): number for number, one in enumerate(rows)}
    low = np.array([cell.low for one in rows for cell in one.cells])
    high = np.array([cell.high for one in rows for cell in one.cells])
    left, right = [], []
    for one in rows:
        sums = np.zeros(len(rows) * k)
        sums[place[id(one)] * k : place[id(one)] * k + k] = 1
        left.append(sums)
        right.append(one.total)
        for part in filter(None, one.breakdowns):
            for j in range(k):
                parts = np.zeros(len(rows) * k)
                parts[place[id(one)] * k + j] = -1
                for member in part:
                    parts[place[id(member)] * k + j] = 1
                left.append(parts)
                right.append(0)
    told = LinearConstraint(np.array(left), right, right)
    found = []
    for number, one in enumerate(rows):
        for j, cell in enumerate(one.cells):
            if cell.hidden and cell.high < n:
                aim = np.zeros(len(rows) * k)
                aim[number * k + j] = 1
                ends = [milp(sign * aim, constraints=told, bounds=Bounds(low, high), integrality=np.ones(len(rows) * k)).fun for sign in (1, -1)]
                if round(ends[0]) == round(-ends[1]):
                    found.append((one, j))
    return found


def small_cells(root: Group, release: Shown, n: int) -> list[tuple[str, int]]:
    """Hidden cells by name whose true count is 1 to n - 1 (a zero that is hidden beside them is nobody's secret)."""
    true = {}

    def walk(one: Group) -> None:
        true[one.name] = one.cells
        for part in one.breakdowns:
            for member in part:
                walk(member)

    walk(root)
    return [(one.name, j) for one in every(release) for j in range(len(one.cells)) if one.name in true and 0 < true[one.name][j] < n]


counts = st.one_of(st.integers(0, 3), st.integers(0, 12), st.integers(0, 60))


@st.composite
def trees(draw: st.DrawFn) -> Group:
    """Two or three levels, two or three columns; sometimes a second breakdown of the whole, drawn apart from the first."""
    k = draw(st.integers(2, 3))
    names = iter(range(1000))

    def leaf() -> Group:
        return group(f"组{next(names)}", *draw(st.tuples(*[counts] * k)))

    def node(depth: int) -> Group:
        if depth == 0:
            return leaf()
        members = tuple(node(depth - 1) for _ in range(draw(st.integers(1, 4))))
        return Group(f"组{next(names)}", tuple(map(sum, zip(*(one.cells for one in members), strict=True))), (members,))

    first = node(draw(st.integers(1, 2)))
    if not draw(st.booleans()):
        return first
    rest, second = list(first.cells), []
    for _ in range(draw(st.integers(0, 2))):
        cells = [draw(st.integers(0, left)) for left in rest]
        rest = [left - one for left, one in zip(rest, cells, strict=True)]
        second.append(group(f"组{next(names)}", *cells))
    return Group(first.name, first.cells, (*first.breakdowns, (*second, group(f"组{next(names)}", *rest))))


@settings(max_examples=60, deadline=None)
@given(trees(), st.sampled_from([3, 5]))
def test_no_small_cell_is_shown_or_can_be_reckoned(root: Group, n: int) -> None:
    release = protect(root, n, frozenset({0}))
    assume(release.total is not None)
    for one in every(release):
        assert one.total is not None and one.total >= n
        assert not any(0 < cell.low < n for cell in one.cells if not cell.hidden)
    small = small_cells(root, release, n)
    told = [(one.name, j) for one, j in reckoned(release, n)]
    assert not [cell for cell in told if cell in small]


@settings(max_examples=100, deadline=None)
@given(trees(), st.sampled_from([3, 5]))
def test_what_is_shown_is_true_and_adds_up(root: Group, n: int) -> None:
    release = protect(root, n, frozenset({0}))
    true = {root.name: root}
    stack = [root]
    while stack:
        one = stack.pop()
        true[one.name] = one
        stack += [member for part in one.breakdowns for member in part]
    for one in every(release):
        if one.total is None:
            continue
        if not one.pooled:
            cells = true[one.name].cells
            assert one.total == sum(cells)
            assert all(cell.low <= count <= cell.high for cell, count in zip(one.cells, cells, strict=True))
            assert cells[0] or not one.cells[0].hidden, "nobody has passed: that is always told"
        for part in filter(None, one.breakdowns):
            assert sum(member.total or 0 for member in part) == one.total


def test_a_plain_table_loses_nothing() -> None:
    release = protect(whole((group("甲", 50, 20), group("乙", 30, 10))), 5)
    assert all(not cell.hidden for one in every(release) for cell in one.cells)


def test_the_cell_that_subtraction_would_give_is_hidden_too() -> None:
    """甲 has 3 failed; the total tells 23, and 乙's 20 must not stand beside it."""
    release = protect(whole((group("甲", 50, 3), group("乙", 30, 20), group("丙", 80, 40))), 5)
    failed = {one.name: one.cells[1] for one in release.breakdowns[0]}
    assert failed["甲"].high == 4 and failed["乙"].hidden and not failed["丙"].hidden


def test_a_group_of_a_few_people_has_no_row_of_its_own() -> None:
    release = protect(whole((group("甲", 50, 20), group("乙", 30, 10), group("丙", 1, 1), group("丁", 2, 0))), 5)
    names = [one.name for one in release.breakdowns[0]]
    assert names == ["甲", "乙和其余少于 5 人的"]


def test_too_few_altogether_tell_nothing() -> None:
    release = protect(whole((group("甲", 2, 1), group("乙", 1, 0))), 5)
    assert release.total is None and not release.breakdowns
    assert protect(group("甲", 4, 4), 5).total is None, "4 of 8 could be nothing else"


def test_a_rule_that_would_tell_is_refused() -> None:
    with pytest.raises(ValueError):
        protect(group("甲", 50, 20), 2)
    with pytest.raises(ValueError):
        protect(Group("甲", (5, 5), ((group("乙", 5, 4),),)), 5)
