"""Double entry: one account types a sheet in, another does it again without seeing the first; differences are settled with a reason.

What two people typed alike, or a third act settled, becomes a script at once; :mod:`grading.marks` marks it like any other. The
entries stay as they were typed: they are the proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from exams.forms import read_key_form, read_public_form
from exams.paper_files import refuse_changed
from exams.sittings import Sitting
from grading.errors import PaperMarkError
from grading.paper_marks.fields import FORM, Field, Typed, fields_of, read_field, read_sheet
from grading.paper_marks.joining import make_script, refuse_other_form
from grading.paper_marks.register import (
    FIRST,
    REGISTERED,
    SECOND,
    SETTLED,
    PaperCandidate,
    a_reason,
    closed_sitting,
    paper_candidates,
    the_candidate,
)
from grading.paper_marks.stored import BLANK, Entry, differing, store_entry, typed_entries
from grading.tables import paper_entry
from home import OFFICE, Home, audit
from people.approvals import same_person
from people.tables import account

#: state of a candidate's paper -> in words
STATES = {"hall": "待决定怎样计分", "none": "未录入", "once": "已录一遍", "differs": "两遍不一致", "done": "已入库"}


@dataclass(frozen=True)
class Progress:
    """One candidate and how far the entry is. ``first_by`` and ``second_by``: who typed; ``differences``: how many."""

    candidate: PaperCandidate
    state: str                      # STATES
    first_by: str
    second_by: str
    differences: int


@dataclass(frozen=True)
class Difference:
    """One place where the two entries differ; ``field`` is None for the form."""

    question: str
    field: Field | None
    first: Typed
    second: Typed


#: form -> its fields
Forms = Mapping[str, tuple[Field, ...]]


def read_forms(home: Home, connection: Connection, known: Sitting) -> Forms:
    """The fields of every form of the sitting's paper.

    :raises SittingError, ContentError: the paper's files are missing, changed or damaged.
    """
    if known.paper_id is None:
        raise PaperMarkError("本场没有试卷")
    refuse_changed(home, connection, known.paper_id)
    folder = home.secret / "papers" / known.paper_id
    names = sorted(path.stem for path in (folder / "public").glob("*.json"))
    return {
        name: fields_of(read_public_form(folder / "public" / f"{name}.json"), read_key_form(folder / "keys" / f"{name}.json"))
        for name in names
    }


def progress(connection: Connection, sitting_id: str) -> tuple[Progress, ...]:
    """Every registered candidate, by admission number."""
    typed = typed_entries(connection, sitting_id)
    return tuple(_progress(one, typed.get(one.person_id, {})) for one in paper_candidates(connection, sitting_id))


def _progress(one: PaperCandidate, entries: Mapping[int, Entry]) -> Progress:
    first, second = entries.get(FIRST), entries.get(SECOND)
    differences = len(differing(first, second)) if first and second else 0
    state = "done" if one.taken else "hall" if one.undecided else "none" if first is None else "once" if second is None else "differs"
    return Progress(one, state, first.by if first else "", second.by if second else "", 0 if one.taken else differences)


# ------------------------------------------------------------------ typing


def next_entry(connection: Connection, sitting_id: str, person_id: int, by: str) -> int:
    """Which entry this account would make now: 1 or 2.

    :raises PaperMarkError: not registered, the hall's script is not settled, typed by this account already, or typed twice; or the
        account is the candidate's own.
    """
    one = the_candidate(connection, sitting_id, person_id)
    if connection.execute(select(account.c.person_id).where(account.c.login == by)).scalar() == person_id:
        raise PaperMarkError("不能录入自己的答卷；请换一位工作人员")
    if one.taken or one.undecided:
        raise PaperMarkError(f"{one.admission_no}：" + ("已经入库，不用再录" if one.taken else "有机考答卷，请考务先决定怎样计分"))
    entries = typed_entries(connection, sitting_id, person_id).get(person_id, {})
    if SECOND in entries:
        raise PaperMarkError(f"{one.admission_no}：已经录了两遍，有不一致；请核对答题纸后核定")
    if FIRST in entries and same_person(connection, entries[FIRST].by, by):
        raise PaperMarkError(f"{one.admission_no}：第一遍是您录的，第二遍须由另一人录入")
    return SECOND if FIRST in entries else FIRST


def enter(
    connection: Connection, forms: Forms, sitting_id: str, person_id: int, form: str, texts: Mapping[str, str], by: str
) -> str:
    """Store one entry, in the caller's transaction; returns the candidate's state after it (see :data:`STATES`).

    ``texts``: {question id: what was typed}. The second entry that is like the first makes the script.

    :raises PaperMarkError: see :func:`next_entry`; or faults of the sheet, all at once.
    """
    closed_sitting(connection, sitting_id)
    number = next_entry(connection, sitting_id, person_id, by)
    if form not in forms:
        raise PaperMarkError(f"试卷类型“{form[:10]}”不对；本场有：{'、'.join(forms)}")
    refuse_other_form(connection, sitting_id, the_candidate(connection, sitting_id, person_id), form)
    typed = (Typed(FORM, form, None), *read_sheet(forms[form], texts))
    store_entry(connection, sitting_id, person_id, number, typed, by)
    one = the_candidate(connection, sitting_id, person_id)
    audit(connection, OFFICE, by, "paper.enter", f"{sitting_id}/{one.admission_no}", entry=number)
    return settle_if_alike(connection, forms, sitting_id, person_id)


def settle_if_alike(connection: Connection, forms: Forms, sitting_id: str, person_id: int) -> str:
    """Make the script if both entries are there and alike; returns the state."""
    entries = typed_entries(connection, sitting_id, person_id).get(person_id, {})
    if SECOND not in entries:
        return "once"
    if differing(entries[FIRST], entries[SECOND]):
        return "differs"
    _take(connection, forms, sitting_id, person_id, entries[FIRST].rows)
    return "done"


def discard_entry(connection: Connection, sitting_id: str, person_id: int, reason: str, by: str) -> None:
    """Throw both entries away, to type the sheet in anew (the wrong sheet was typed).

    :raises PaperMarkError: no reason, not registered, or taken already.
    """
    reason = a_reason(reason, "重录的原因")
    one = the_candidate(connection, sitting_id, person_id)
    if one.taken:
        raise PaperMarkError(f"{one.admission_no}：已经入库，不能重录；更正分数请走更正程序")
    here = (paper_entry.c.sitting_id == sitting_id) & (paper_entry.c.person_id == person_id)
    gone = connection.execute(delete(paper_entry).where(here, paper_entry.c.entry_no != REGISTERED)).rowcount
    audit(connection, OFFICE, by, "paper.discard", f"{sitting_id}/{one.admission_no}", reason=reason, rows=gone)


# ------------------------------------------------------------------ settling


def differences(connection: Connection, forms: Forms, sitting_id: str, person_id: int) -> tuple[Difference, ...]:
    """Where the two entries of a candidate differ, the form first, then by printed number.

    :raises PaperMarkError: not typed twice, or no difference.
    """
    entries = typed_entries(connection, sitting_id, person_id).get(person_id, {})
    if SECOND not in entries or the_candidate(connection, sitting_id, person_id).taken:
        raise PaperMarkError("没有需要核定的不一致")
    first, second = entries[FIRST], entries[SECOND]
    fields = {field.question: field for name in (first.rows[FORM].answer, second.rows[FORM].answer) for field in forms[name]}
    found = [
        Difference(one, fields.get(one), first.rows.get(one, BLANK), second.rows.get(one, BLANK)) for one in differing(first, second)
    ]
    return tuple(sorted(found, key=lambda one: one.field.number if one.field else 0))


def settle(
    connection: Connection, forms: Forms, sitting_id: str, person_id: int, texts: Mapping[str, str], reason: str, by: str
) -> None:
    """Settle every difference after a look at the sheet, and make the script; in the caller's transaction.

    ``texts``: {question id: what stands on paper}, ``form`` among them where the forms differ.

    :raises PaperMarkError: nothing to settle, no reason, a difference left out, forms that differ, or the account is the candidate's.
    """
    reason = a_reason(reason, "核定的依据")
    closed_sitting(connection, sitting_id)
    if connection.execute(select(account.c.person_id).where(account.c.login == by)).scalar() == person_id:
        raise PaperMarkError("不能核定自己的答卷；请换一位工作人员")
    found = differences(connection, forms, sitting_id, person_id)
    if any(one.question == FORM for one in found):
        raise PaperMarkError("两遍录入的试卷类型不同，逐题比对没有意义；请核对答题纸后点“重新录入”，两遍都重录")
    settled: list[Typed] = []
    faults: list[str] = []
    for one in found:
        assert one.field is not None
        try:
            if one.question not in texts:
                raise PaperMarkError(f"{one.field.title}：没有核定")
            settled.append(read_field(one.field, texts[one.question]))
        except PaperMarkError as error:
            faults.extend(error.faults)
    if faults:
        raise PaperMarkError(*faults)
    store_entry(connection, sitting_id, person_id, SETTLED, settled, by)
    known = the_candidate(connection, sitting_id, person_id)
    audit(connection, OFFICE, by, "paper.settle", f"{sitting_id}/{known.admission_no}", reason=reason, questions=[one.question for one in settled])
    rows = typed_entries(connection, sitting_id, person_id)[person_id]
    _take(connection, forms, sitting_id, person_id, {**rows[FIRST].rows, **{one.question: one for one in settled}})


def _take(connection: Connection, forms: Forms, sitting_id: str, person_id: int, rows: Mapping[str, Typed]) -> None:
    known, one = closed_sitting(connection, sitting_id), the_candidate(connection, sitting_id, person_id)
    make_script(connection, known, one, forms[rows[FORM].answer], rows)
