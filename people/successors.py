"""What a merged unit has become: from ``unit.merged_into`` to the unit that stands for it, through any number of mergers.

What was entered at a unit (where a certification is exercised) keeps pointing at it, so that its old name stays visible; whoever counts
asks here which unit it counts for.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import CTE, Connection, Select, and_, select

from people.tables import unit


def _become(day: date) -> CTE:
    """(``id``, ``now``) of every unit: itself, and everything that it had become by ``day``."""
    tree = select(unit.c.id, unit.c.id.label("now")).cte("standing_unit", recursive=True)
    step = select(tree.c.id, unit.c.merged_into).join(tree, unit.c.id == tree.c.now).where(unit.c.merged_into.is_not(None), unit.c.valid_to <= day)
    return tree.union(step)  # UNION ends even in a circle


def counts_for(day: date) -> Select[tuple[int, int]]:
    """(``id``, ``now``): each unit with the one unit for which it counts on a day."""
    tree, last = _become(day), unit.alias("last")
    gone = and_(last.c.merged_into.is_not(None), last.c.valid_to <= day)
    return select(tree.c.id, tree.c.now).join(last, last.c.id == tree.c.now).where(~gone)


def successors(connection: Connection) -> dict[int, int]:
    """{merged unit: the unit it is part of now}."""
    into = {ident: now for ident, now in connection.execute(select(unit.c.id, unit.c.merged_into).where(unit.c.merged_into.is_not(None)))}
    found: dict[int, int] = {}
    for ident in into:
        here, seen = ident, set[int]()
        while here in into and here not in seen:
            seen.add(here)
            here = into[here]
        found[ident] = here
    return found


def merged_with(unit_id: int) -> Select[tuple[int]]:
    """Ids of a unit and of all that were merged into it."""
    tree = select(unit.c.id).where(unit.c.id == unit_id).cte("merged_with", recursive=True)
    tree = tree.union(select(unit.c.id).join(tree, unit.c.merged_into == tree.c.id))
    return select(tree.c.id)
