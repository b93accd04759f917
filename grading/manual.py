"""Marks that persons give: free text, and answers that the machine could not read. Blind: by pseudonym, question by question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, select, update

from exams.tables import candidate, script, sitting
from grading.errors import MarkError
from grading.marks import read_answers, settle
from grading.tables import mark, mark_change, record
from home import OFFICE, audit, now_ms
from people.approvals import use
from people.errors import PeopleError
from people.tables import account
from question_bank.marking import MARKED, NEEDS_PERSON, RULES, UNANSWERED

#: Points are given in hundredths at the finest.
FINEST = 100
LONGEST_COMMENT = 1000
LONGEST_REASON = 400
#: the act that a second person approves, see ``people.approvals.ACTS``
CHANGE = "mark.change"


@dataclass(frozen=True)
class ManualItem:
    """One answer in a marker's queue. No name, no admission number, no unit; ``answer`` is what was typed, untrusted."""

    person_id: int
    pseudonym: str
    question: str
    item: str
    answer: str
    max_points: Fraction
    points: Fraction | None
    by: str
    comment: str


@dataclass(frozen=True)
class QuestionLoad:
    """How much of a sitting's manual marking one question is."""

    item: str
    part: str
    question: str
    waiting: int
    done: int


def manual_questions(connection: Connection, sitting_id: str) -> tuple[QuestionLoad, ...]:
    """Questions of a sitting that persons mark, by form's question id, with what is waiting and what is done."""
    rows = connection.execute(
        select(mark.c.question, mark.c.item, mark.c.part, mark.c.state, mark.c.by)
        .where(mark.c.sitting_id == sitting_id)
        .where((mark.c.state == NEEDS_PERSON) | (mark.c.by != "machine"))
    ).all()
    found: dict[tuple[str, str, str], list[int]] = {}
    for row in rows:
        counts = found.setdefault((row.item, row.part, row.question), [0, 0])
        counts[row.state != NEEDS_PERSON] += 1
    return tuple(QuestionLoad(*place, *counts) for place, counts in sorted(found.items()))


def marking_queue(connection: Connection, sitting_id: str, question: str, item: str) -> tuple[ManualItem, ...]:
    """Answers to one question (of the forms where ``question`` is ``item``) that persons mark, in pseudonym order."""
    rows = connection.execute(
        select(mark, candidate.c.pseudonym, script.c.answers)
        .join(candidate, (candidate.c.sitting_id == mark.c.sitting_id) & (candidate.c.person_id == mark.c.person_id))
        .join(script, (script.c.sitting_id == mark.c.sitting_id) & (script.c.person_id == mark.c.person_id))
        .where(mark.c.sitting_id == sitting_id, mark.c.question == question, mark.c.item == item)
        .where((mark.c.state == NEEDS_PERSON) | (mark.c.by != "machine"))
        .order_by(candidate.c.pseudonym)
    ).all()
    return tuple(
        ManualItem(
            row.person_id, row.pseudonym, question, item, _shown(row.answers, question), Fraction(row.max_points),
            None if row.points is None else Fraction(row.points), row.by, row.comment or "",
        )
        for row in rows
    )  # fmt: skip


def _shown(answers: str, question: str) -> str:
    try:
        answer = read_answers(answers).get(question, "")
    except MarkError:
        return "（答卷内容读不出来，请查原始数据）"
    return answer if isinstance(answer, str) else repr(answer)[:LONGEST_COMMENT]


def read_points(text: str) -> Fraction:
    """Points as a marker types them: ``2``, ``1.5``, ``3/2``, full width too.

    :raises MarkError: it is no such number.
    """
    plain = text.strip().translate(str.maketrans("０１２３４５６７８９．／", "0123456789./"))
    try:
        return Fraction(plain) if len(plain) <= 12 and "e" not in plain.lower() and "_" not in plain else _no_points(text)
    except (ValueError, ZeroDivisionError):
        return _no_points(text)


def _no_points(text: str) -> Fraction:
    raise MarkError(f"分数“{text[:20]}”不是数字；请填 0 至满分之间的数，如 2 或 1.5")


def set_manual_mark(
    connection: Connection, sitting_id: str, person_id: int, question: str, points: Fraction, *, by: str, comment: str = "",
    reason: str = "", approval: int | None = None,
) -> None:  # fmt: skip
    """Enter a person's mark, in the caller's transaction; ``by`` is the marker's login.

    Points that stood already and change are kept in ``mark_change``. Once the result is issued a change needs a ``reason``,
    in a formal sitting also the ``approval`` of a second person for exactly these points (:func:`change_request`).

    :raises MarkError: points outside [0, maximum] or finer than hundredths; no such mark; a mark that the machine made
        and nobody needs to decide; the marker is on the sitting's roster; a change after issue without its reason or approval.
    """
    here = (mark.c.sitting_id == sitting_id) & (mark.c.person_id == person_id) & (mark.c.question == question)
    row = connection.execute(select(mark).where(here).with_for_update()).first()
    if row is None:
        raise MarkError("没有这道题的答卷，或尚未机器评阅；请先运行阅卷")
    manual = RULES[row.rule].score is None
    if row.state == UNANSWERED or (not manual and row.state != NEEDS_PERSON and row.by == "machine"):
        raise MarkError("本题已由系统按答案评定，不能人工改分；如认为答案有误，请走答案更正程序")
    _check_points(points, Fraction(row.max_points))
    comment, reason = comment.strip(), reason.strip()
    if len(comment) > LONGEST_COMMENT:
        raise MarkError(f"评语过长；请控制在 {LONGEST_COMMENT} 字以内")
    refuse_candidate(connection, sitting_id, by)
    if row.points is not None and Fraction(row.points) != points:
        _keep_change(connection, sitting_id, person_id, question, Fraction(row.points), points, by, reason, approval)
    values = {"points": str(points), "state": MARKED, "by": by, "comment": comment or None, "at": now_ms()}
    connection.execute(update(mark).where(here).values(**values))
    audit(connection, OFFICE, by, "mark.manual", f"{sitting_id}/{question}", person=person_id, points=str(points), before=row.points)
    settle(connection, sitting_id)


def refuse_candidate(connection: Connection, sitting_id: str, login: str) -> None:
    """Whoever is on a sitting's roster marks nothing in it, neither their own paper nor those they are measured against.

    No profile waives this. It rests on the account's person (``people.account_links``).

    :raises MarkError: the account's person is on the roster.
    """
    own = select(candidate.c.person_id).join(account, account.c.person_id == candidate.c.person_id)
    if connection.execute(own.where(account.c.login == login, candidate.c.sitting_id == sitting_id)).first():
        raise MarkError("您是本场考生，不能评阅本场的答卷；请换一位阅卷人")


def _keep_change(
    connection: Connection, sitting_id: str, person_id: int, question: str, old: Fraction, new: Fraction, by: str, reason: str,
    approval: int | None,
) -> None:  # fmt: skip
    """Keep what a mark was; after issue only with its reason, and in a formal sitting with a second person's word."""
    issued = is_issued(connection, sitting_id, person_id)
    if issued and not reason:
        raise MarkError("这名考生的成绩已经签发，改分须写明原因")
    if len(reason) > LONGEST_REASON:
        raise MarkError(f"改分的原因过长；请控制在 {LONGEST_REASON} 字以内")
    second = ""
    if issued and connection.execute(select(sitting.c.kind).where(sitting.c.id == sitting_id)).scalar() == "formal":
        if approval is None:
            raise MarkError("这名考生的正式成绩已经签发，改分须经另一人批准")
        subject, arguments = change_request(connection, sitting_id, person_id, question, old, new)
        try:
            used = use(connection, approval, CHANGE, subject, **arguments)
        except PeopleError as error:
            raise MarkError(str(error)) from None
        if used.asked_by != by:
            raise MarkError("批准的是另一位阅卷人的申请；请由申请人办理")
        second = f"（{used.decided_by} 批准）"
    connection.execute(
        mark_change.insert().values(
            sitting_id=sitting_id, person_id=person_id, question=question, old_points=str(old), new_points=str(new), by=by, at=now_ms(),
            reason=(reason or "签发前改分") + second,
        )
    )  # fmt: skip
    if issued:
        audit(connection, OFFICE, by, CHANGE, f"{sitting_id}/{question}", person=person_id, old=str(old), new=str(new), reason=reason)


def is_issued(connection: Connection, sitting_id: str, person_id: int) -> bool:
    """Whether a candidate has a record."""
    here = record.c.sitting_id == sitting_id, record.c.person_id == person_id
    return connection.execute(select(record.c.id).where(*here).limit(1)).first() is not None


def change_request(
    connection: Connection, sitting_id: str, person_id: int, question: str, old: Fraction, new: Fraction
) -> tuple[str, dict[str, Any]]:
    """(subject, arguments) by which a second person is asked about a change; the candidate is named by pseudonym only."""
    here = candidate.c.sitting_id == sitting_id, candidate.c.person_id == person_id
    pseudonym = connection.execute(select(candidate.c.pseudonym).where(*here)).scalar_one()
    return f"{sitting_id}/{pseudonym}", {"question": question, "old": str(old), "new": str(new)}


def _check_points(points: Fraction, most: Fraction) -> None:
    if not 0 <= points <= most:
        raise MarkError(f"分数应在 0 至 {most} 之间，现为 {points}")
    if FINEST % points.denominator:
        raise MarkError(f"分数最细到百分之一分，现为 {points}")


def pending_names(connection: Connection, sitting_id: str, limit: int = 20) -> Sequence[str]:
    """The first marks that need a person, as messages name them: ``准考证号 题号``."""
    rows = connection.execute(
        select(candidate.c.admission_no, mark.c.question)
        .join(candidate, (candidate.c.sitting_id == mark.c.sitting_id) & (candidate.c.person_id == mark.c.person_id))
        .where(mark.c.sitting_id == sitting_id, mark.c.state == NEEDS_PERSON)
        .order_by(candidate.c.admission_no, mark.c.question)
        .limit(limit)
    ).all()
    return [f"{row.admission_no} 第 {row.question} 题" for row in rows]
