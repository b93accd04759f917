"""From counts to groups of people: by unit (level and setting, department, unit), rank, channel, category."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from grading.statistics.held import Held
from grading.statistics.places import Place, Places
from grading.statistics.rules import Rules
from grading.statistics.sat import COLUMNS, Sat
from grading.statistics.suppression import Group

WHOLE, NO_CHANNEL = "全部", "未填渠道"
#: between level and setting in the name of such a group
SPLIT = " · "
#: what a group of the whole is broken down by, by place: exams, and persons on file
BY_UNIT, BY_RANK, BY_CHANNEL = range(3)
BY_CATEGORY = 1


def exam_tree(places: Places, counted: Iterable[Sat]) -> tuple[Group, dict[Place, list[int]]]:
    """Everybody due in the units asked about, and the counts of each unit."""
    units: dict[Place, list[int]] = defaultdict(lambda: [0] * len(COLUMNS))
    ranks: dict[str, list[int]] = defaultdict(lambda: [0] * len(COLUMNS))
    channels: dict[str, list[int]] = defaultdict(lambda: [0] * len(COLUMNS))
    known: dict[tuple[int | None, str], Place] = {}
    for one in counted:
        place = known.get((one.unit_id, one.unit_label))
        if place is None:
            place = known[one.unit_id, one.unit_label] = places.at(one.unit_id, one.unit_label)
        if places.within(place):
            for counts in (units[place], ranks[one.rank], channels[one.channel or NO_CHANNEL]):
                counts[one.column] += one.people
    by_rank = _groups(ranks, sorted(ranks, key=places.rules.rank_order))
    by_channel = _groups(channels, sorted(channels, key=lambda one: (one == NO_CHANNEL, one)))
    return _whole((unit_tree(places.rules, units), by_rank, by_channel), len(COLUMNS)), units


def people_tree(places: Places, held: Held) -> tuple[Group, dict[Place, list[int]]]:
    """Persons on file in the units asked about: certified, not certified; and the counts of each unit."""
    units: dict[Place, list[int]] = defaultdict(lambda: [0, 0])
    categories: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (unit_id, category, certified), people in held.people.items():
        place = places.at(unit_id)
        if places.within(place):
            units[place][not certified] += people
            categories[category][not certified] += people
    return _whole((unit_tree(places.rules, units), _groups(categories, sorted(categories))), 2), units


def unit_tree(rules: Rules, units: Mapping[Place, Sequence[int]]) -> tuple[Group, ...]:
    """Level and setting, within it departments, within them units."""
    tree: dict[tuple[str, str], dict[str, list[Place]]] = defaultdict(lambda: defaultdict(list))
    for place in sorted(units, key=lambda one: (one.department, one.name, one.id or 0)):
        tree[place.level, place.setting][place.department].append(place)
    made = []
    for (level, setting), departments in sorted(tree.items(), key=lambda one: (rules.level_order(one[0][0]), one[0])):
        inner = [_sum(name, [Group(one.name, tuple(units[one])) for one in there]) for name, there in departments.items()]
        made.append(_sum(f"{level}{SPLIT}{setting}", inner))
    return tuple(made)


def _sum(name: str, members: Sequence[Group]) -> Group:
    return Group(name, tuple(map(sum, zip(*(one.cells for one in members), strict=True))), (tuple(members),))


def _whole(breakdowns: tuple[tuple[Group, ...], ...], columns: int) -> Group:
    if not breakdowns[0]:
        return Group(WHOLE, (0,) * columns)
    return Group(WHOLE, _sum(WHOLE, breakdowns[0]).cells, breakdowns)


def _groups(counts: Mapping[str, Sequence[int]], names: Iterable[str]) -> tuple[Group, ...]:
    return tuple(Group(name, tuple(counts[name])) for name in names)
