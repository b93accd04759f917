"""Nobody acts on himself: every POST of the route table says whose matter it is, and the gate asks before the handler runs.

An account is tied to a person by :mod:`people.account_links`; who is tied to nobody cannot be told from others, and whether he should
be is the operator's care. Three kinds of lines stand in the table: a question to the database whether the act concerns the person at
the desk (:class:`Concern`), :data:`ALIKE` for what a rule does to a whole sitting with nothing left to decide, and :data:`NOBODYS`.
Lists that come as a file are asked for own rows by their handlers (:func:`refuse_own_rows`), for only they read the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Select, select

from exams.opening import admission_of
from exams.tables import candidate
from grading.errors import WorkforceError
from grading.lists.kinds import LISTS
from grading.retention.holds import subject_of
from grading.retention.plan import make_plan
from grading.retention.policy import RetentionError
from grading.tables import certificate, certification, record
from grading.workforce.kinds import kinds_of
from grading.workforce.stipend_roll import group_of
from grading.workforce.stipend_rules import rule_of
from hall.office.visit import Recused, Visit
from people.approvals import Approval, get, waiting
from people.errors import PeopleError
from people.identity import identity_mac
from people.tables import account, document, legal_hold, person

#: whether the act of this visit concerns this person
Question = Callable[[Connection, Visit, int], bool]
SHOWN_ROWS = 5


@dataclass(frozen=True)
class Concern:
    """Whose matter an act is. ``what``: how the refusal names it; ``asks``: None where there is nothing to ask."""

    what: str
    asks: Question | None = None


def refuse_own(visit: Visit, concern: Concern | None) -> None:
    """:raises Recused: the act concerns the person behind the account."""
    me = visit.staff.person_id
    if me is None or concern is None or concern.asks is None:
        return
    with visit.home.office.connect() as connection:
        if not concern.asks(connection, visit, me):
            return
    raise Recused(f"{concern.what}，按回避规定您不能办理，请另一位工作人员办理")


class _Row(Protocol):
    @property
    def sheet(self) -> str: ...
    @property
    def row(self) -> int: ...
    @property
    def document(self) -> str: ...
    @property
    def number(self) -> str: ...


def refuse_own_rows(visit: Visit, rows: Iterable[_Row]) -> None:
    """For a list in a file: all of it is another's to take over, as nothing of a list is ever left out in silence.

    :raises Recused: lines of the person behind the account are in it; they are named.
    """
    me = visit.staff.person_id
    if me is None:
        return
    with visit.home.office.connect() as connection:
        mine = connection.execute(select(person.c.identity_mac).where(person.c.id == me)).scalar()
    key = visit.home.key("identity")
    found = [f"{one.sheet} 第 {one.row} 行" for one in rows if identity_mac(key, one.document, one.number) == mine]
    if found:
        more = "等" if len(found) > SHOWN_ROWS else ""
        raise Recused(f"{'、'.join(found[:SHOWN_ROWS])}{more}是您本人，按回避规定您不能办理，整份没有导入；请另一位工作人员导入，或先删去这几行")


# ------------------------------------------------------------------ questions


def _there(connection: Connection, query: Select[tuple[int]]) -> bool:
    return connection.execute(query.limit(1)).first() is not None


def _sits(connection: Connection, me: int, sitting_id: object, admission_no: object = None) -> bool:
    query = select(candidate.c.person_id).where(candidate.c.sitting_id == str(sitting_id), candidate.c.person_id == me)
    return _there(connection, query if admission_no is None else query.where(candidate.c.admission_no == str(admission_no)))


def _candidate(connection: Connection, visit: Visit, me: int) -> bool:
    return _sits(connection, me, visit.path["sitting"], visit.path["number"])


def _roster(connection: Connection, visit: Visit, me: int) -> bool:
    return _sits(connection, me, visit.path["sitting"])


def _numbers(connection: Connection, visit: Visit, me: int) -> bool:
    number = admission_of(connection, visit.path["sitting"], me)
    return number is not None and number in visit.form.get("numbers", "")


def _alone(connection: Connection, visit: Visit, me: int) -> bool:
    number = visit.form.get("person", "").strip()
    return _there(connection, select(candidate.c.person_id).where(candidate.c.admission_no == number, candidate.c.person_id == me))


def _certificate(connection: Connection, visit: Visit, me: int) -> bool:
    query = select(record.c.person_id).join(certificate, certificate.c.record_id == record.c.id)
    return _there(connection, query.where(certificate.c.id == visit.path["certificate"], record.c.person_id == me))


def _account(connection: Connection, visit: Visit, me: int) -> bool:
    return _ties(connection, visit.path["login"], me)


def _ties(connection: Connection, login: str, me: int) -> bool:
    return _there(connection, select(account.c.id).where(account.c.login == login.strip().lower(), account.c.person_id == me))


def _merged(_connection: Connection, visit: Visit, me: int) -> bool:
    return str(me) in {visit.form.get(name, "").strip().lstrip("0") for name in ("stays_id", "goes_id")}


def _held(connection: Connection, visit: Visit, me: int) -> bool:
    mine, number = f"person/{me}", visit.path.get("hold", "")
    if not number:
        try:
            return subject_of(connection, visit.form.get("subject", "")[:64]) == mine
        except RetentionError:
            return False
    return number.isdigit() and len(number) <= 9 and _there(
        connection, select(legal_hold.c.id).where(legal_hold.c.id == int(number), legal_hold.c.subject == mine)
    )  # fmt: skip


def _stipend(connection: Connection, visit: Visit, me: int) -> bool:
    kind = LISTS.get(visit.form.get("list", ""))
    if kind is None or kind.asks != "month":
        return False
    try:
        rule = rule_of(visit.home, visit.form.get("rule", "")[:60])
    except WorkforceError:
        return False
    held = certification.c.kind.in_(group_of(kinds_of(visit.home), rule)), certification.c.revoked_at.is_(None)
    return _there(connection, select(certification.c.person_id).where(certification.c.person_id == me, *held))


def _due(connection: Connection, visit: Visit, me: int) -> bool:
    """What is asked for now, or was approved."""
    typed = visit.form.get("at", "")
    asked = [int(str(one.arguments["at"])) for one in waiting(connection, "record.erase")]
    return any(_papers_due(connection, visit, at, me) for at in (*asked, *([int(typed)] if typed.isascii() and typed.isdigit() and len(typed) <= 16 else ())))


def _papers_due(connection: Connection, visit: Visit, at: int, me: int) -> bool:
    """Own papers among what is erased piece by piece; whole sittings are the policy's matter, alike for everybody."""
    due = {piece.subject for piece in make_plan(visit.home, at).due}
    return any(f"document/{one}" in due for one in connection.execute(select(document.c.id).where(document.c.person_id == me)).scalars())


# ------------------------------------------------------------------ what a second person is asked about


def _request(connection: Connection, visit: Visit, me: int) -> bool:
    number = visit.path.get("approval") or visit.path.get("request", "")
    if not (number.isascii() and number.isdigit()) or len(number) > 9:
        return False
    try:
        asked = get(connection, int(number))
    except PeopleError:
        return False
    return ABOUT[asked.act](connection, visit, asked, me)


def _of_number(connection: Connection, _visit: Visit, asked: Approval, me: int) -> bool:
    return _sits(connection, me, asked.arguments.get("sitting"), asked.subject)


def _of_sitting(connection: Connection, _visit: Visit, asked: Approval, me: int) -> bool:
    return _sits(connection, me, asked.arguments.get("sitting", asked.subject))


def _of_time(connection: Connection, _visit: Visit, asked: Approval, me: int) -> bool:
    whole_room = asked.subject == asked.arguments.get("sitting")
    return _sits(connection, me, asked.arguments.get("sitting"), None if whole_room else asked.subject)


def _of_marks(connection: Connection, _visit: Visit, asked: Approval, me: int) -> bool:
    return _sits(connection, me, asked.subject.partition("/")[0])  # as with marking: nobody on the roster


def _of_account(connection: Connection, _visit: Visit, asked: Approval, me: int) -> bool:
    return asked.arguments.get("person") == me or _ties(connection, asked.subject, me)


def _of_persons(_connection: Connection, _visit: Visit, asked: Approval, me: int) -> bool:
    return me in (asked.arguments.get("stays"), asked.arguments.get("goes"))


def _of_plan(connection: Connection, visit: Visit, asked: Approval, me: int) -> bool:
    return _papers_due(connection, visit, int(str(asked.arguments["at"])), me)


def _of_list(_connection: Connection, _visit: Visit, asked: Approval, me: int) -> bool:
    scope = asked.arguments.get("scope")
    return isinstance(scope, dict) and scope.get("person") == me


def _of_nobody(_connection: Connection, _visit: Visit, _asked: Approval, _me: int) -> bool:
    return False


#: act of people.approvals -> whether a request for it concerns somebody
ABOUT: Mapping[str, Callable[[Connection, Visit, Approval, int], bool]] = {
    "attempt.reopen": _of_number, "attempt.void": _of_number, "answer_file.merge": _of_number, "paper.source": _of_number,
    "attempt.take_time": _of_time, "candidate.event": _of_number, "candidate.event.revoke": _of_number, "mark.change": _of_marks, "sitting.withdraw": _of_sitting, "paper.print": _of_nobody,
    "account.add": _of_account, "account.grant": _of_account, "account.password": _of_account, "account.unlink": _of_account,
    "person.merge": _of_persons, "record.erase": _of_plan, "identity.export": _of_list,
}  # fmt: skip


# ------------------------------------------------------------------ the column of the route table

NOBODYS = Concern("nobody's own matter")
#: a rule does the same to everybody in a sitting; nothing is left to decide
ALIKE = Concern("everybody's matter alike")
#: the handler leaves out or refuses what is one's own, for only it knows the rows
BY_ROW = Concern("rows, asked by the handler")
CANDIDATE = Concern("这是您本人的考试", _candidate)
ROSTER = Concern("您本人在本场名单上", _roster)
NUMBERS = Concern("所列准考证号里有您本人的", _numbers)
#: a list of one person; a list of many that has him in it is no matter of his own
ALONE = Concern("这份名册只关于您本人", _alone)
PERSON = Concern("这是您本人的登记", lambda _connection, visit, me: visit.path["person"].lstrip("0") == str(me))
CERTIFICATE = Concern("这是您本人的证书", _certificate)
ACCOUNT = Concern("这是您本人的账号", _account)
REQUEST = Concern("这项申请关系到您本人", _request)
MERGED = Concern("要合并的是您本人的登记", _merged)
HELD = Concern("暂缓删除的是您本人的内容", _held)
STIPEND = Concern("名册里有您本人", _stipend)
DUE = Concern("到期清单里有您本人的材料", _due)
