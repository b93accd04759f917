"""Acts of an officer that a second person may have to agree to: how each is done once that is settled.

One function an act, called in a transaction on office.db: at once where the profile asks for no second person, otherwise in the
transaction in which the second person grants it. The hall's part is a transaction of its own inside; it is done first, and every
act can be done again, so that a cut leaves nothing half.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from exams.answer_files import AnswerFile, AnswerFileError, merge, read_answer_file
from exams.decisions import reopen_attempt, take_back_time, void_attempt, voided, withdraw_sitting
from exams.events import KINDS, events_of, record_event, revoke_event, standing
from exams.incidents import note_by_staff, record, see_to_all_of
from exams.opening import set_barred
from exams.sittings import get_sitting
from exams.tables import attempt, candidate, entry
from grading.jobs import ask
from grading.paper_marks.register import SOURCES, decide_source
from grading.person_merging import merge_persons
from grading.tables import record as pass_record
from home import PRIVATE, Home, local_text, transaction, write_atomically
from people.account_links import unlink_account
from people.accounts import ROLES, find_account, grant_role
from people.approvals import Approval
from people.errors import AccountError


@dataclass(frozen=True)
class Wanted:
    """One act as it was asked for. ``second``: who agreed, and ``called`` by name; None where nobody had to. ``now`` ms UTC."""

    subject: str
    arguments: Mapping[str, object]
    reason: str
    by: str
    second: str | None
    now: int
    called: str | None = None

    def text(self, name: str) -> str:
        """A text among the arguments, ``""`` if it is not there."""
        return str(self.arguments.get(name) or "")

    def whole(self, name: str) -> int:
        """A whole number among the arguments."""
        value = self.arguments[name]
        assert isinstance(value, int), name
        return value


Executor = Callable[[Home, Connection, Wanted], str]


def _void(home: Home, office: Connection, wanted: Wanted) -> str:
    """The event for the record and the end in the hall; one that stands already and is as heavy is not entered again."""
    sitting, person, kind = wanted.text("sitting"), wanted.whole("person"), wanted.text("kind")
    event = standing(events_of(office, sitting, person).get(person, ()))
    if event is None or KINDS[event.kind].rank < KINDS[kind].rank:
        record_event(
            office, sitting, person, kind, by=wanted.by, reason=wanted.reason,
            document_no=wanted.text("document_no"), ground=wanted.text("ground"),
        )  # fmt: skip
    with transaction(home.exam) as connection:
        void_attempt(connection, wanted.subject, reason=wanted.reason, by=wanted.by, second=wanted.second, now=wanted.now, called=wanted.called)
        _settle(connection, wanted.subject, wanted.second or wanted.by, wanted.now)
    return "已终止作答，考生页面已停止；已保存的答案留作证据，不再计分"


def _settle(connection: Connection, admission_no: str, by: str, now: int) -> None:
    """The request is decided: what said that it waits goes off the worklist."""
    entry_id = connection.execute(select(entry.c.id).where(entry.c.admission_no == admission_no)).scalar()
    if entry_id is not None:
        see_to_all_of(connection, entry_id, ("cheating",), by=by, now=now)


def not_ended(home: Home, asked: Approval, by: str, now: int) -> str:
    """A request to end an attempt was refused or taken back; whoever it stopped still sits before a covered paper: say so, and have it on the worklist."""
    sitting = str(asked.arguments["sitting"])
    with transaction(home.exam) as connection:
        query = select(entry.c.name, attempt.c.paused_at).join(attempt, attempt.c.entry_id == entry.c.id)
        here = connection.execute(query.where(entry.c.admission_no == asked.subject, attempt.c.state == "open")).first()
        _settle(connection, asked.subject, by, now)
        if here is None or here.paused_at is None:
            return ""
        note_by_staff(connection, sitting, "cheating", "终止作答没有批准或已撤回，他的考试还暂停着：请点他，再点“恢复，如数补时”", by=by, now=now, admission_no=asked.subject)
    return f"{here.name} 的考试还暂停着：请考务到他的页面点“恢复，如数补时”。"


def _take_time(home: Home, _office: Connection, wanted: Wanted) -> str:
    """From one candidate, or from the room: then the subject is the sitting."""
    here = wanted.text("sitting")
    number = None if wanted.subject == here else wanted.subject
    with transaction(home.exam) as connection:
        concerned = take_back_time(
            connection, here, number, wanted.whole("seconds"), reason=wanted.reason, by=wanted.by, second=wanted.second, now=wanted.now,
            after=wanted.whole("after"), called=wanted.called,
        )  # fmt: skip
    return f"已从 {concerned} 人收回多加的时间（至少留 5 分钟）；考生页面几秒内自动更新"


def _event(home: Home, office: Connection, wanted: Wanted) -> str:
    """An event with its paper, if there is one."""
    here, person, kind = wanted.text("sitting"), wanted.whole("person"), wanted.text("kind")
    record_event(
        office, here, person, kind, by=wanted.by, reason=wanted.reason, document_no=wanted.text("document_no"), ground=wanted.text("ground"),
        document_id=wanted.whole("document") if wanted.arguments.get("document") else None,
    )  # fmt: skip
    _carry_down(home, office, here, person, wanted.by)
    return f"已登记：{KINDS[kind].title}" + _issue_again(office, here)


def _revoke(home: Home, office: Connection, wanted: Wanted) -> str:
    """An event is taken back; the end of an attempt that came with it is not."""
    here, person = wanted.text("sitting"), wanted.whole("person")
    revoke_event(office, wanted.whole("event"), by=wanted.by, reason=wanted.reason)
    _carry_down(home, office, here, person, wanted.by)
    return "已撤销该条登记，原登记留存备查" + _still_ended(home, office, here, person) + _issue_again(office, here)


def _carry_down(home: Home, office: Connection, sitting_id: str, person_id: int, by: str) -> None:
    """Tell the hall whether the candidate may sit, as the events stand in the caller's transaction on office.db."""
    if get_sitting(office, sitting_id).state != "draft":
        set_barred(home, office, sitting_id, person_id, by)


def _still_ended(home: Home, office: Connection, sitting_id: str, person_id: int) -> str:
    here = candidate.c.sitting_id == sitting_id, candidate.c.person_id == person_id
    if office.execute(select(candidate.c.admission_no).where(*here)).scalar() not in voided(home, sitting_id):
        return ""
    if get_sitting(office, sitting_id).state == "open":
        return "。他的作答仍是终止状态：要让他接着答，请再办“恢复作答”"
    return "。他的作答已终止、没有收卷：请重新登记怎样处理（违纪、取消资格或缓考），否则全场不能签发成绩"


def _issue_again(office: Connection, sitting_id: str) -> str:
    issued = office.execute(select(pass_record.c.id).where(pass_record.c.sitting_id == sitting_id).limit(1)).first() is not None
    return "。本场成绩已经签发过，请到“成绩”页重新签发" if issued else ""


def _reopen(home: Home, _office: Connection, wanted: Wanted) -> str:
    with transaction(home.exam) as connection:
        limit = reopen_attempt(
            connection, wanted.subject, wanted.whole("seconds"), reason=wanted.reason, by=wanted.by, second=wanted.second, now=wanted.now,
            called=wanted.called,
        )  # fmt: skip
    return f"已恢复作答到 {local_text(limit, '%H:%M')}：请考生用原来的考试码重新登录，原来的答案都在"


def _withdraw(home: Home, office: Connection, wanted: Wanted) -> str:
    withdraw_sitting(home, office, wanted.subject, reason=wanted.reason, by=wanted.by, second=wanted.second, now=wanted.now)
    return "已撤回本场，考试码全部作废；需要时另建一场"


def _merge(home: Home, _office: Connection, wanted: Wanted) -> str:
    file = kept_file(home, wanted.text("sha256"))
    with transaction(home.exam) as connection:
        changes = merge(connection, file, by=wanted.by, second=wanted.second, reason=wanted.reason, now=wanted.now)
        entry_id = connection.execute(select(attempt.c.entry_id).where(attempt.c.id == file.attempt_id)).scalar_one()
        agreed = f"（{wanted.called} 批准）" if wanted.called else ""
        record(connection, file.sitting_id, entry_id, "merged", f"并入答案文件，改动 {changes} 题：{wanted.reason}{agreed}", by=wanted.by, now=wanted.now)
    return f"已并入答案文件，改动 {changes} 题"


def _grant(_home: Home, office: Connection, wanted: Wanted) -> str:
    grant_role(office, wanted.subject, wanted.text("role"), wanted.by)
    return f"已授予“{wanted.subject}”{ROLES[wanted.text('role')].title}岗位"


def _unlink(_home: Home, office: Connection, wanted: Wanted) -> str:
    if find_account(office, wanted.subject).person_id != wanted.whole("person"):
        raise AccountError(f"“{wanted.subject}”现在关联的不是申请时的那个人，没有取消；请核对")
    unlink_account(office, wanted.subject, wanted.by)
    return f"已取消“{wanted.subject}”与人员的关联"


def _merge_persons(_home: Home, office: Connection, wanted: Wanted) -> str:
    return merge_persons(
        office, wanted.whole("stays"), wanted.whole("goes"), by=wanted.by, second=wanted.second, reason=wanted.reason
    )


def _print(_home: Home, office: Connection, wanted: Wanted) -> str:
    """The worker prints it; asked for twice it is printed twice, into the same place."""
    ask(office, "print_papers", {"sitting": wanted.text("sitting"), "reason": wanted.reason}, wanted.by)
    return "已开始印制，完成后在“纸笔考试”页下载"


def _source(home: Home, office: Connection, wanted: Wanted) -> str:
    """Which answers count: in the office, and in the room's record for the sheet that two people sign."""
    sitting, source = wanted.text("sitting"), wanted.text("source")
    decide_source(office, sitting, wanted.whole("person"), source, wanted.reason, wanted.by, wanted.second)
    with transaction(home.exam) as connection:
        here = entry.c.sitting_id == sitting, entry.c.admission_no == wanted.subject
        entry_id = connection.execute(select(entry.c.id).where(*here)).scalar()
        agreed = f"（{wanted.called} 批准）" if wanted.called else ""
        if entry_id is not None:
            record(connection, sitting, entry_id, "on_paper", f"{SOURCES[source]}。{wanted.reason}{agreed}", by=wanted.by, now=wanted.now)
    return f"已决定 {wanted.subject}：{SOURCES[source]}"


#: act of people.approvals -> how it is done; an act that is not here is done by whoever asked, on a page of its own
EXECUTORS: Mapping[str, Executor] = {
    "attempt.void": _void, "attempt.reopen": _reopen, "attempt.take_time": _take_time, "candidate.event": _event, "candidate.event.revoke": _revoke,
    "sitting.withdraw": _withdraw, "answer_file.merge": _merge,
    "account.grant": _grant, "account.unlink": _unlink, "person.merge": _merge_persons,
    "paper.print": _print, "paper.source": _source,
}  # fmt: skip


# ------------------------------------------------------------------ answer files on file


def keep_file(home: Home, raw: bytes) -> AnswerFile:
    """Check an uploaded answer file and keep it as evidence, under its digest.

    :raises AnswerFileError: see :func:`exams.answer_files.read_answer_file`.
    """
    file = read_answer_file(raw, home.key("code"))
    path = home.secret / "answer-files" / file.sha256
    if not path.exists():
        write_atomically(path, raw, PRIVATE)
    return file


def kept_file(home: Home, sha256: str) -> AnswerFile:
    """A file that was kept.

    :raises AnswerFileError: it is not there, or changed since.
    """
    try:
        raw = (home.secret / "answer-files" / sha256).read_bytes() if sha256.isalnum() else b""
    except OSError:
        raw = b""
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise AnswerFileError("找不到这份答案文件；请重新上传")
    return read_answer_file(raw, home.key("code"))


def attempt_of(connection: Connection, admission_no: str) -> str:
    """State of a candidate's attempt: open, closed, void, or ``""`` before the start."""
    query = select(attempt.c.state).join(entry, entry.c.id == attempt.c.entry_id).where(entry.c.admission_no == admission_no)
    return str(connection.execute(query).scalar() or "")
