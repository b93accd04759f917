"""Points of free text from paper: after the machine has marked a script from paper, the points on the sheet become its marks."""

from __future__ import annotations

from sqlalchemy import select, update

from exams.tables import script
from grading.marks import settle
from grading.paper_marks.register import CLOSED_BY, FIRST, KEPT, SECOND, SETTLED, paper_hands
from grading.paper_marks.stored import BLANK, typed_entries
from grading.tables import mark, paper_entry
from home import OFFICE, Home, audit, now_ms, transaction
from question_bank.marking import MARKED, NEEDS_PERSON, RULES


def hands_text(hands: tuple[str, str, str]) -> str:
    """Who brought a script in, for a mark's comment and the record.

    >>> hands_text(("zhang", "li", ""))
    '纸笔答卷，录入 zhang，复核 li'
    """
    return f"纸笔答卷，录入 {hands[0]}，复核 {hands[1]}" + (f"，核定 {hands[2]}" if hands[2] else "")


def take_paper_points(home: Home, sitting_id: str) -> int:
    """Give free text from paper the points that were typed in twice; returns how many marks. Done again, it gives none twice.

    A mark's ``by`` is who typed it first; its comment names both. A choice that nobody could read stays with the markers. A mark that
    a person gave an answer of the hall which still counts is given again as it was.
    """
    manual = [name for name, rule in RULES.items() if rule.score is None]
    given = 0
    with transaction(home.office) as connection:
        hands, entries = paper_hands(connection, sitting_id), typed_entries(connection, sitting_id)
        kept_here = select(paper_entry).where(paper_entry.c.sitting_id == sitting_id, paper_entry.c.entry_no == KEPT)
        kept_marks = {(row.person_id, row.question): row for row in connection.execute(kept_here)}
        waiting = connection.execute(
            select(mark.c.person_id, mark.c.question, mark.c.rule)
            .join(script, (script.c.sitting_id == mark.c.sitting_id) & (script.c.person_id == mark.c.person_id))
            .where(mark.c.sitting_id == sitting_id, mark.c.state == NEEDS_PERSON, script.c.closed_by == CLOSED_BY)
        ).all()
        for row in waiting:
            typed = entries[row.person_id]
            settled = typed[SETTLED].rows if SETTLED in typed else {}
            one = settled.get(row.question) or typed[FIRST].rows.get(row.question, BLANK)
            kept = kept_marks.get((row.person_id, row.question))
            if kept is None and (one.points is None or SECOND not in typed or row.rule not in manual):
                continue
            here = (mark.c.sitting_id == sitting_id) & (mark.c.person_id == row.person_id) & (mark.c.question == row.question)
            if kept is not None:
                values = {"points": kept.points, "state": MARKED, "by": kept.by, "comment": kept.answer or None, "at": now_ms()}
            else:
                values = {"points": one.points, "state": MARKED, "by": typed[FIRST].by, "comment": hands_text(hands[row.person_id]), "at": now_ms()}
            connection.execute(update(mark).where(here).values(**values))
            given += 1
        if given:
            audit(connection, OFFICE, "worker", "paper.points", sitting_id, marks=given)
            settle(connection, sitting_id)
    return given
