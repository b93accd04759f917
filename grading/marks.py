"""Marks of a sitting: every stored answer against the key of the form it was given to.

``question_bank.marking`` decides about one answer; here is what surrounds it: batches, resumption, provenance. A mark is
``marked``, ``unanswered`` (left blank: 0) or ``needs_person`` (no points until somebody gives them, see
:mod:`grading.manual`). A second run marks only what is not marked yet: no mark is ever overwritten here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, func, select, update

from exams.forms import read_key_form
from exams.paper import KeyEntry, KeyForm
from exams.paper_files import refuse_changed
from exams.sittings import Sitting, get_sitting
from exams.tables import script, sitting
from grading.bulk import insert_rows
from grading.errors import MarkError
from grading.tables import mark
from home import OFFICE, Home, audit, digest, now_ms, transaction
from question_bank.marking import LETTERS, NEEDS_PERSON, mark_answer

BATCH = 100
#: Distinct answers to one question that are remembered; choices have few, free text is not remembered at all.
REMEMBERED = 2048

Progress = Callable[[int, int], None]


def quiet(_done: int, _whole: int) -> None:
    """A progress report that nobody reads."""


@dataclass(frozen=True)
class MarkingResult:
    """What one run did. ``needs_person`` counts marks of the whole sitting that a person must still give."""

    sitting_id: str
    scripts: int                    # in the sitting
    newly_marked: int
    unanswered: int
    needs_person: int

    @property
    def complete(self) -> bool:
        return self.needs_person == 0


@dataclass(frozen=True)
class AnswerMark:
    """The mark of one answer before it is stored; ``points`` is a fraction as text."""

    points: str | None
    state: str


def key_hash(entry: KeyEntry) -> str:
    """SHA-256 of what decides about a mark: item version, key, option order, rule, points."""
    return digest([entry.item, entry.item_hash, entry.kind, entry.rule, entry.key, entry.anchors, entry.points])


class FormMarker:
    """Marks scripts of one form. Pure: the same answers always give the same marks."""

    def __init__(self, form: KeyForm) -> None:
        self.form = form
        #: question, item, part, maximum, rule and key hash of each question, as they are stored with a mark
        self.facts = [(one.id, one.item, one.part, one.points, one.rule, key_hash(one)) for one in form.entries]
        self._marks = [(entry.id, _marker(entry)) for entry in form.entries]

    def mark(self, answers: Mapping[str, object]) -> tuple[AnswerMark, ...]:
        """One mark for each question, in paper order. A question without an answer is blank; unknown ids are ignored."""
        return tuple(work(answers.get(question, "")) for question, work in self._marks)


def _marker(entry: KeyEntry) -> Callable[[object], AnswerMark]:
    letters = LETTERS[: len(entry.anchors)] or LETTERS
    points = entry.max_points

    def work(answer: object) -> AnswerMark:
        known = mark_answer(entry.rule, entry.key, answer, points, letters)
        return AnswerMark(None if known.points is None else str(known.points), known.state)

    remembered = lru_cache(REMEMBERED)(work)
    return lambda answer: remembered(answer) if isinstance(answer, str) and len(answer) <= len(LETTERS) else work(answer)


def read_answers(text: str) -> dict[str, object]:
    """A script's stored answers by question id, of whatever type they are.

    :raises MarkError: it is no JSON object; a person must look at the script.
    """
    try:
        answers = json.loads(text)
    except (ValueError, RecursionError):
        answers = None
    if not isinstance(answers, dict):
        raise MarkError("答卷内容读不出来")
    return answers


def key_forms(home: Home, known: Sitting) -> dict[str, KeyForm]:
    """The sealed keys of a sitting's forms.

    :raises MarkError: the sitting has no paper, or the keys are not in the safe.
    :raises SittingError: a key file is not the one that was built.
    """
    folder = home.secret / "papers" / str(known.paper_id) / "keys"
    paths: Sequence[Path] = sorted(folder.glob("*.json")) if known.paper_id else []
    if not paths:
        raise MarkError(f"“{known.title}”的答案文件不在保密文件夹（{folder}）；请从备份恢复后再阅卷")
    with home.office.connect() as connection:
        refuse_changed(home, connection, str(known.paper_id))
    return {path.stem: read_key_form(path) for path in paths}


def mark_sitting(home: Home, sitting_id: str, by: str, progress: Progress = quiet) -> MarkingResult:
    """Mark all scripts that are not marked yet, one transaction a batch; then the nbgrader projection is the caller's.

    ``by`` is who asked for it (the marks themselves are given by ``machine``). Killed in the middle, it goes on from the
    last whole script: a script's marks are stored together or not at all.

    :raises SittingError: there is no such sitting.
    :raises MarkError: it is not closed yet, its keys are missing, or a script names a form that the paper does not have.
    """
    with home.office.connect() as connection:
        known = get_sitting(connection, sitting_id)
        whole = _count(connection, sitting_id)
    if known.state not in ("closed", "marked"):
        raise MarkError(f"“{known.title}”还没有收卷；收卷后才能阅卷")
    markers = {form: FormMarker(keys) for form, keys in key_forms(home, known).items()}
    done = new = 0
    for batch in _batches(home, sitting_id):
        with transaction(home.office) as connection:
            fresh = _unmarked(connection, sitting_id, batch)
            rows = [row for one in fresh for row in _rows(markers, sitting_id, one)]
            insert_rows(connection, mark, _COLUMNS, rows)
        done, new = done + len(batch), new + len(fresh)
        progress(done, whole)
    with transaction(home.office) as connection:
        settle(connection, sitting_id)
        states = _states(connection, sitting_id)
        result = MarkingResult(sitting_id, whole, new, states.get("unanswered", 0), states.get(NEEDS_PERSON, 0))
        if new:
            audit(connection, OFFICE, by, "sitting.mark", sitting_id, scripts=new, needs_person=result.needs_person)
    return result


@dataclass(frozen=True)
class _Script:
    person_id: int
    form: str
    answers: str


def _count(connection: Connection, sitting_id: str) -> int:
    return connection.execute(select(func.count()).select_from(script).where(script.c.sitting_id == sitting_id)).scalar_one()


def _batches(home: Home, sitting_id: str) -> Iterator[Sequence[_Script]]:
    last = -1
    while True:
        with home.office.connect() as connection:
            rows = connection.execute(
                select(script.c.person_id, script.c.form, script.c.answers)
                .where(script.c.sitting_id == sitting_id, script.c.person_id > last)
                .order_by(script.c.person_id)
                .limit(BATCH)
            ).all()
        if not rows:
            return
        yield [_Script(row.person_id, row.form, row.answers) for row in rows]
        last = rows[-1].person_id


def _unmarked(connection: Connection, sitting_id: str, batch: Sequence[_Script]) -> Sequence[_Script]:
    here = (mark.c.sitting_id == sitting_id) & mark.c.person_id.between(batch[0].person_id, batch[-1].person_id)
    marked = set(connection.execute(select(mark.c.person_id).where(here).distinct()).scalars())
    return [row for row in batch if row.person_id not in marked]


#: Columns of ``mark`` as the machine fills them.
_COLUMNS = (
    "sitting_id", "person_id", "question", "item", "part", "points", "max_points", "rule", "key_hash", "state", "by", "at"
)  # fmt: skip


def _rows(markers: Mapping[str, FormMarker], sitting_id: str, one: _Script) -> list[tuple[object, ...]]:
    marker = markers.get(one.form)
    if marker is None:
        raise MarkError(f"有答卷属于 {one.form} 卷，而本场试卷只有 {'、'.join(sorted(markers))}；请核对试卷文件")
    try:
        marks = marker.mark(read_answers(one.answers))
    except MarkError:
        marks = tuple(AnswerMark(None, NEEDS_PERSON) for _ in marker.form.entries)
    person, at = one.person_id, now_ms()
    return [
        (sitting_id, person, question, item, part, given.points, most, rule, key, given.state, "machine", at)
        for (question, item, part, most, rule, key), given in zip(marker.facts, marks, strict=True)
    ]


def _states(connection: Connection, sitting_id: str) -> dict[str, int]:
    query = select(mark.c.state, func.count()).where(mark.c.sitting_id == sitting_id).group_by(mark.c.state)
    return {state: n for state, n in connection.execute(query)}


def settle(connection: Connection, sitting_id: str) -> bool:
    """Set the sitting's state: ``marked`` if every script is marked and no mark needs a person, else ``closed``."""
    open_marks = _states(connection, sitting_id).get(NEEDS_PERSON, 0)
    persons = select(func.count(mark.c.person_id.distinct())).where(mark.c.sitting_id == sitting_id)
    whole = open_marks == 0 and connection.execute(persons).scalar_one() == _count(connection, sitting_id)
    connection.execute(
        update(sitting)
        .where(sitting.c.id == sitting_id, sitting.c.state.in_(("closed", "marked")))
        .values(state="marked" if whole else "closed")
    )
    return whole
