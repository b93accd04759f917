"""Who sits on paper: registered by an officer before anything is typed in, so that nobody's paper is forgotten.

While a registered candidate has no script, no records of the sitting are issued: an answer sheet still in its bag must not
become 缺考. For whoever began in the hall and ended on paper (a power cut), an officer decides which answers count before anything
is typed in (:func:`decide_source`); what the hall saved stays in exam.db as evidence, whatever is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from exams.sittings import Sitting, get_sitting
from exams.tables import candidate, script
from grading.errors import PaperMarkError
from grading.tables import paper_entry
from home import OFFICE, audit, digest, now_ms
from people.tables import person

#: entry_no of the registration, of the two entries, of what a third act settled, and of marks that a person gave in the hall's script
REGISTERED, FIRST, SECOND, SETTLED, KEPT = 0, 1, 2, 3, 4
#: ``question`` of a registration, whose answer is the reason, and of the decision which answers count
PAPER, SOURCE = "paper", "source"
#: which answers of somebody count who has a script from the hall and a paper -> in words. What the hall has alone needs no
#: decision here: the registration is taken back.
SOURCES = {"merge": "接着考：纸上写了的题以纸为准，没写的以机考已保存的为准", "paper": "重新考：只算纸上的，机考的一律不算"}
#: how a script from paper was closed
CLOSED_BY = "paper"
LONGEST = 500


@dataclass(frozen=True)
class PaperCandidate:
    """One candidate on paper. ``hall``: a script from the hall is there too."""

    person_id: int
    admission_no: str
    name: str
    unit_label: str
    form: str                       # as assigned at opening; which one lay before the candidate is typed in
    reason: str
    taken: bool                     # a script from paper is there
    hall: bool
    source: str                     # SOURCES, or "" while it is not decided

    @property
    def undecided(self) -> bool:
        return self.hall and not self.source


def closed_sitting(connection: Connection, sitting_id: str) -> Sitting:
    """The sitting, if its scripts may come in from paper.

    :raises PaperMarkError: it is not closed yet.
    """
    known = get_sitting(connection, sitting_id)
    if known.state not in ("closed", "marked"):
        raise PaperMarkError("收卷以后才能录入纸质答卷；请考务先收卷")
    return known


def paper_candidates(connection: Connection, sitting_id: str) -> tuple[PaperCandidate, ...]:
    """Registered candidates by admission number."""
    decided = paper_sources(connection, sitting_id)
    rows = connection.execute(
        select(paper_entry.c.person_id, paper_entry.c.answer, candidate, person.c.name, script.c.closed_by)
        .join(candidate, (candidate.c.sitting_id == paper_entry.c.sitting_id) & (candidate.c.person_id == paper_entry.c.person_id))
        .join(person, person.c.id == candidate.c.person_id)
        .outerjoin(script, (script.c.sitting_id == candidate.c.sitting_id) & (script.c.person_id == candidate.c.person_id))
        .where(paper_entry.c.sitting_id == sitting_id, paper_entry.c.entry_no == REGISTERED, paper_entry.c.question == PAPER)
        .order_by(candidate.c.admission_no)
    )
    return tuple(
        PaperCandidate(
            row.person_id, row.admission_no, row.name, row.unit_label, row.form or "", row.answer or "", row.closed_by == CLOSED_BY,
            row.closed_by not in (None, CLOSED_BY), decided.get(row.person_id, ""),
        )
        for row in rows
    )  # fmt: skip


def sits_on_paper(connection: Connection, sitting_id: str, person_id: int) -> bool:
    """Whether a candidate is registered as sitting on paper."""
    here = _of(sitting_id, person_id), paper_entry.c.entry_no == REGISTERED
    return connection.execute(select(paper_entry.c.person_id).where(*here).limit(1)).first() is not None


def without_script(connection: Connection, sitting_id: str) -> tuple[tuple[str, str], ...]:
    """(admission number, name) of candidates who have no script and are not registered, by admission number."""
    there = select(script.c.person_id).where(script.c.sitting_id == sitting_id)
    known = select(paper_entry.c.person_id).where(paper_entry.c.sitting_id == sitting_id, paper_entry.c.entry_no == REGISTERED)
    rows = connection.execute(
        select(candidate.c.admission_no, person.c.name)
        .join(person, person.c.id == candidate.c.person_id)
        .where(candidate.c.sitting_id == sitting_id, candidate.c.person_id.not_in(there), candidate.c.person_id.not_in(known))
        .order_by(candidate.c.admission_no)
    )
    return tuple((row.admission_no, row.name) for row in rows)


def register(connection: Connection, sitting_id: str, numbers: Sequence[str], reason: str, by: str) -> int:
    """Register candidates as sitting on paper, all or none; returns how many are new.

    :raises PaperMarkError: no reason, no numbers, or numbers that are not on the roster (each is named).
    """
    reason = a_reason(reason, "登记纸笔作答的原因")
    if get_sitting(connection, sitting_id).state not in ("open", "closed", "marked"):
        raise PaperMarkError("开考以后才能登记纸笔作答；开考前请先开考")
    persons = {row.admission_no: row.person_id for row in connection.execute(select(candidate).where(candidate.c.sitting_id == sitting_id))}
    wrong = [number for number in dict.fromkeys(numbers) if number not in persons]
    if wrong or not numbers:
        raise PaperMarkError(*(f"准考证号 {number[:40]}：不在本场名单里；请核对" for number in wrong) if wrong else ("请填写准考证号",))
    have = {one.person_id for one in paper_candidates(connection, sitting_id)}
    new = [persons[number] for number in dict.fromkeys(numbers) if persons[number] not in have]
    rows = [
        {"sitting_id": sitting_id, "person_id": one, "entry_no": REGISTERED, "question": PAPER, "answer": reason, "by": by, "at": now_ms()}
        for one in new
    ]  # fmt: skip
    if rows:
        connection.execute(paper_entry.insert(), rows)
        audit(connection, OFFICE, by, "paper.register", sitting_id, persons=new, reason=reason)
    return len(rows)


def unregister(connection: Connection, sitting_id: str, person_id: int, reason: str, by: str) -> None:
    """Take a registration back: the candidate did not come, or sat in the hall after all. What was typed in goes with it.

    :raises PaperMarkError: no reason, not registered, or the script from paper is there already.
    """
    reason = a_reason(reason, "取消登记的原因")
    one = the_candidate(connection, sitting_id, person_id)
    if one.taken:
        raise PaperMarkError(f"{one.admission_no}：答卷已经入库，不能取消登记；更正分数请走更正程序")
    typed = connection.execute(select(paper_entry).where(_of(sitting_id, person_id)).order_by(paper_entry.c.entry_no, paper_entry.c.question)).all()
    connection.execute(delete(paper_entry).where(_of(sitting_id, person_id)))
    audit(connection, OFFICE, by, "paper.unregister", f"{sitting_id}/{one.admission_no}", reason=reason, rows=len(typed),
          digest=digest([[row.entry_no, row.question, row.answer, row.points, row.by] for row in typed]))  # fmt: skip


def the_candidate(connection: Connection, sitting_id: str, person_id: int) -> PaperCandidate:
    """One registered candidate.

    :raises PaperMarkError: not registered.
    """
    found = next((one for one in paper_candidates(connection, sitting_id) if one.person_id == person_id), None)
    if found is None:
        raise PaperMarkError("该考生没有登记为纸笔作答；请考务先登记")
    return found


def a_reason(text: str, title: str) -> str:
    """A reason between 1 and 500 characters; :raises PaperMarkError: it is not."""
    text = text.strip()
    if not 1 <= len(text) <= LONGEST:
        raise PaperMarkError(f"请写明{title}（1 至 {LONGEST} 字）")
    return text


def _of(sitting_id: str, person_id: int):  # type: ignore[no-untyped-def]  # a condition; its type says nothing
    return (paper_entry.c.sitting_id == sitting_id) & (paper_entry.c.person_id == person_id)


# ------------------------------------------------------------------ began in the hall, ended on paper


def decide_source(connection: Connection, sitting_id: str, person_id: int, source: str, reason: str, by: str, second: str | None = None) -> None:
    """Decide which answers count for a registered candidate who has a script from the hall too, in the caller's transaction.

    ``source``: a key of :data:`SOURCES`. To be decided before anything is typed in, so that nobody chooses the better of two results;
    decided again as long as nothing is. Nothing of the hall's is touched until the paper is in: see :mod:`grading.paper_marks.joining`.

    :raises PaperMarkError: no such choice, no reason, not registered, no script from the hall, or typed already.
    """
    reason = a_reason(reason, "怎样计分的依据")
    closed_sitting(connection, sitting_id)
    if source not in SOURCES:
        raise PaperMarkError(f"请选择怎样计分：{'；'.join(SOURCES.values())}")
    one = the_candidate(connection, sitting_id, person_id)
    if not one.hall:
        raise PaperMarkError(f"{one.admission_no}：没有机考答卷需要处理")
    typed = select(paper_entry.c.by).where(_of(sitting_id, person_id), paper_entry.c.entry_no != REGISTERED).limit(1)
    if connection.execute(typed).first():
        raise PaperMarkError(f"{one.admission_no}：纸质答卷已经开始录入，不能再改怎样计分；确有错误的，先由录入人“重新录入”，再改")
    connection.execute(delete(paper_entry).where(_of(sitting_id, person_id), paper_entry.c.question == SOURCE))
    connection.execute(paper_entry.insert().values(
        sitting_id=sitting_id, person_id=person_id, entry_no=REGISTERED, question=SOURCE, answer=source, by=by, at=now_ms()))  # fmt: skip
    old = connection.execute(select(script).where(script.c.sitting_id == sitting_id, script.c.person_id == person_id)).one()
    audit(connection, OFFICE, by, "paper.source", f"{sitting_id}/{one.admission_no}", source=source, reason=reason, second=second,
          answers=digest(old.answers), finished_at=old.finished_at)  # fmt: skip


# ------------------------------------------------------------------ what others must know


def unfinished(connection: Connection, sitting_id: str) -> Sequence[str]:
    """Admission numbers of registered candidates whose paper has not become a script yet."""
    return [one.admission_no for one in paper_candidates(connection, sitting_id) if not one.taken]


def paper_sources(connection: Connection, sitting_id: str) -> dict[int, str]:
    """{person: what was decided} of those who began in the hall and ended on paper."""
    here = paper_entry.c.sitting_id == sitting_id, paper_entry.c.question == SOURCE
    return {row.person_id: row.answer or "" for row in connection.execute(select(paper_entry.c.person_id, paper_entry.c.answer).where(*here))}


def paper_hands(connection: Connection, sitting_id: str) -> dict[int, tuple[str, str, str]]:
    """{person: (who typed first, who typed second, who settled differences or "")} of scripts from paper: their provenance."""
    taken = select(script.c.person_id).where(script.c.sitting_id == sitting_id, script.c.closed_by == CLOSED_BY)
    rows = connection.execute(
        select(paper_entry.c.person_id, paper_entry.c.entry_no, paper_entry.c.by)
        .where(paper_entry.c.sitting_id == sitting_id, paper_entry.c.person_id.in_(taken), paper_entry.c.entry_no != REGISTERED)
        .distinct()
    )
    found: dict[int, dict[int, str]] = {}
    for row in rows:
        found.setdefault(row.person_id, {})[row.entry_no] = row.by
    return {who: (by.get(FIRST, ""), by.get(SECOND, ""), by.get(SETTLED, "")) for who, by in found.items()}


def names_of(rows: Iterable[str], most: int = 20) -> str:
    """Numbers as a message names them."""
    numbers = list(rows)
    return "、".join(numbers[:most]) + (f" 等 {len(numbers)} 人" if len(numbers) > most else "")
