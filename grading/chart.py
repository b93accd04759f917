"""The score distribution of one sitting, from its marks, as numbers and as a chart."""

from __future__ import annotations

from fractions import Fraction

from sqlalchemy import Connection, select

from exams.events import barred, events_of
from exams.sittings import Sitting, get_sitting
from grading.distribution import Distribution, chart_svg, distribution
from grading.roll import fraction
from grading.tables import mark


def sitting_distribution(connection: Connection, sitting_id: str) -> tuple[Sitting, Distribution]:
    """Totals of all scripts whose marks are complete; whose result is void or who is exempt is left out.

    :raises SittingError: there is no such sitting.
    """
    known = get_sitting(connection, sitting_id)
    out = {person for person, events in events_of(connection, sitting_id).items() if barred(events)}
    totals: dict[int, Fraction | None] = {}
    query = select(mark.c.person_id, mark.c.points).where(mark.c.sitting_id == sitting_id)
    for person, points in connection.execute(query, execution_options={"yield_per": 5000}):
        before = totals.get(person, Fraction(0))
        totals[person] = None if before is None or points is None else before + fraction(points)
    whole = [total for person, total in totals.items() if total is not None and person not in out]
    return known, distribution(whole, known.blueprint.total, known.profile.pass_mark)


def sitting_chart(connection: Connection, sitting_id: str) -> str:
    """The distribution of a sitting as SVG text.

    :raises SittingError: there is no such sitting.
    """
    known, numbers = sitting_distribution(connection, sitting_id)
    return chart_svg(f"{known.title} 成绩分布", numbers)
