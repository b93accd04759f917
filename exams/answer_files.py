"""The answer file (答案文件): what a page could not send, carried to the office on a stick and merged by a decision on record.

How the file is made and what it proves: :mod:`exams.answer_seal`. The office reads it, looks at the preview, and merges; all
three refuse in words.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select, update

from exams.answer_seal import AnswerFile, AnswerFileError, FileChange, read_answer_file
from exams.answers import is_blank
from exams.attempts import refusal_of_state
from exams.chain import link
from exams.display import order_from_json
from exams.tables import answer_file, attempt, entry, open_sitting, save
from home import EXAM, audit

__all__ = ["AnswerFile", "AnswerFileError", "FileChange", "Line", "Preview", "merge", "preview", "read_answer_file"]

#: a page's clock follows the server's; beyond this it was wrong, and a file from tomorrow is no evidence
CLOCK_SLACK_MS = 5 * 60_000

#: what becomes of a change -> what staff read
OUTCOMES = {
    "new": "原来未答，将补上",
    "changed": "将改为文件里的答案",
    "same": "与已保存的相同，不变",
    "older": "服务器上的答案更新，不变",
    "late": "到时以后才填写，只留存，不计入",
    "invalid": "不是这份试卷的题或选项，不并入",
}
COUNTED, STORED = ("new", "changed"), ("new", "changed", "older", "late")


@dataclass(frozen=True)
class Line:
    """One change against what is stored. ``number``: the question as this candidate saw it (0: not on this paper);
    ``stored_at`` None: nothing is stored; ``outcome``: a key of :data:`OUTCOMES`."""

    number: int
    question: str
    stored: str
    stored_at: int | None
    given: str
    given_at: int
    outcome: str

    @property
    def title(self) -> str:
        return OUTCOMES[self.outcome]


@dataclass(frozen=True)
class Preview:
    """What merging would do, before it is done. Instants ms UTC; ``state`` and ``closed_by`` are the attempt's."""

    file: AnswerFile
    name: str
    unit_label: str
    sitting_title: str
    state: str
    closed_by: str | None
    limit_at: int
    lines: tuple[Line, ...]

    @property
    def changes(self) -> int:
        """How many answers that count would change."""
        return sum(line.outcome in COUNTED for line in self.lines)


def preview(connection: Connection, file: AnswerFile) -> Preview:
    """What merging the file would change now.

    :raises AnswerFileError: no such attempt, handed in, void, the sitting is closed, or this file or a later one was merged.
    """
    row = _attempt(connection, file)
    _refuse(connection, file, row)
    return Preview(
        file, row.name, row.unit_label, row.title, row.state, row.closed_by, row.limit_at, _lines(connection, file, row)
    )


def merge(
    connection: Connection, file: AnswerFile, *, by: str, second: str | None, reason: str, now: int
) -> int:
    """Store the file's changes under a new writer number; returns how many answers that count have changed.

    An open page of the attempt becomes stale and shows the merged answers when it is opened anew. What was typed after the limit
    and grace, or is older than what the server holds, is kept as evidence and does not count. Whether the script was
    already copied up to the office is the caller's to ask (:func:`exams.opening.uncollected`): exam.db does not know.

    :raises AnswerFileError: as :func:`preview`, or no reason is given.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= 500:
        raise AnswerFileError("请写明并入答案文件的原因（1 至 500 字）")
    # the sitting first, then the attempt: the order in which saves lock them
    connection.execute(
        select(open_sitting.c.id).where(open_sitting.c.id == file.sitting_id).with_for_update(key_share=True)
    )
    connection.execute(select(attempt.c.id).where(attempt.c.id == file.attempt_id).with_for_update(key_share=True))
    row = _attempt(connection, file)
    _refuse(connection, file, row)
    lines = _lines(connection, file, row)
    _store(connection, row, [line for line in lines if line.outcome in STORED], now)
    changes = sum(line.outcome in COUNTED for line in lines)
    connection.execute(
        insert(answer_file).values(
            attempt_id=row.id, sha256=file.sha256, made_at=file.made_at, at=now, by=by, second=second, decision="merged",
            changes=changes, reason=reason,
        )
    )  # fmt: skip
    audit(
        connection, EXAM, by, "answer_file.merge", file.admission_no,
        sha256=file.sha256, changes=changes, second=second, reason=reason,
    )  # fmt: skip
    return changes


def _attempt(connection: Connection, file: AnswerFile) -> Row[tuple[object, ...]]:
    row = connection.execute(
        select(
            attempt, entry.c.admission_no, entry.c.name, entry.c.unit_label, open_sitting.c.title, open_sitting.c.grace_s,
            open_sitting.c.closed_at.label("sitting_closed_at"), open_sitting.c.chain_n, open_sitting.c.chain_head,
        )
        .join(entry, entry.c.id == attempt.c.entry_id)
        .join(open_sitting, open_sitting.c.id == attempt.c.sitting_id)
        .where(attempt.c.id == file.attempt_id, attempt.c.sitting_id == file.sitting_id, entry.c.admission_no == file.admission_no)
    ).first()  # fmt: skip
    if row is None:
        raise AnswerFileError(f"这里没有准考证号 {file.admission_no} 的这次作答；请核对文件是不是本场的")
    return row


def _refuse(connection: Connection, file: AnswerFile, row: Row[tuple[object, ...]]) -> None:
    if row.sitting_closed_at is not None:
        raise AnswerFileError("本场已经收卷，不能再并入答案；文件请留存，报考试负责人处理")
    refusal = refusal_of_state(row.state, row.closed_by)
    if refusal and refusal.reason == "void":
        raise AnswerFileError(f"准考证号 {file.admission_no} 的作答已被终止，不能并入答案")
    if refusal and refusal.reason == "handed_in":
        raise AnswerFileError(f"准考证号 {file.admission_no} 已经交卷；确需并入的，先办理“恢复作答”")
    merged = connection.execute(
        select(answer_file.c.sha256, answer_file.c.made_at)
        .where(answer_file.c.attempt_id == row.id, answer_file.c.decision == "merged")
    ).all()  # fmt: skip
    if any(one.sha256 == file.sha256 for one in merged):
        raise AnswerFileError("这份答案文件已经并入过，不用再办")
    if any(one.made_at >= file.made_at for one in merged):
        raise AnswerFileError("已经并入过这名考生更晚的答案文件，这一份不能再并入；请核对是不是拿错了文件")


def _lines(connection: Connection, file: AnswerFile, row: Row[tuple[object, ...]]) -> tuple[Line, ...]:
    """The last change of each question that was typed in time (else the last) against what counts now, in the paper's order."""
    shown = {question: (number, letters) for number, (question, letters) in enumerate(order_from_json(row.display_order), 1)}
    stored = {
        one.question: one
        for one in connection.execute(
            select(save.c.question, save.c.answer, save.c.client_at)
            .where(save.c.attempt_id == row.id, save.c.late.is_(False))
            .order_by(save.c.writer, save.c.seq)
        )
    }
    start, end = row.started_at - CLOCK_SLACK_MS, min(row.limit_at + row.grace_s * 1000, file.made_at + CLOCK_SLACK_MS)
    in_time = {change.question: change for change in file.changes if start <= change.client_at <= end}
    lines = []
    for question, change in ({change.question: change for change in file.changes} | in_time).items():
        number, letters = shown.get(question, (0, ""))
        there = stored.get(question)
        before, before_at = (there.answer, there.client_at) if there else ("", None)
        answer = "" if is_blank(change.answer) else change.answer
        if not number or not _fits(answer, letters):
            outcome = "invalid"
        else:
            outcome = _outcome(before, before_at, answer, change.client_at) if question in in_time else "late"
        lines.append(Line(number, question, before, before_at, answer, change.client_at, outcome))
    return tuple(sorted(lines, key=lambda line: (line.number, line.question)))


def _fits(answer: str, letters: str) -> bool:
    """Whether a page could have stored this for a question with these options (``""``: a text answer)."""
    if letters:
        return set(answer) <= set(letters) and list(answer) == sorted(set(answer))
    return "\0" not in answer and not any("\ud800" <= character <= "\udfff" for character in answer)


def _outcome(before: str, before_at: int | None, answer: str, at: int) -> str:
    if answer == before:
        return "same"
    if before_at is not None and at <= before_at:
        return "older"
    return "changed" if before else "new"


def _store(connection: Connection, row: Row[tuple[object, ...]], lines: list[Line], now: int) -> None:
    if not lines:
        return
    writer, n, head = row.writer + 1, row.chain_n, row.chain_head
    rows = []
    for seq, line in enumerate(lines, 1):
        n, late = n + 1, line.outcome not in COUNTED
        values = (n, row.id, writer, seq, line.question, line.given, line.given_at, now, int(late))
        head = link(head, values)
        names = ("chain_n", "attempt_id", "writer", "seq", "question", "answer", "client_at", "received_at", "late", "chain_head")
        rows.append(dict(zip(names, (*values[:-1], late, head), strict=True)))
    connection.execute(insert(save), rows)
    connection.execute(update(open_sitting).where(open_sitting.c.id == row.sitting_id).values(chain_n=n, chain_head=head))
    connection.execute(update(attempt).where(attempt.c.id == row.id).values(writer=writer))
