"""Acts that need a second person: who asks says what and why, another one decides, and the approval is good for one act.

All on office.db inside the caller's transaction. What exactly is approved is in ``arguments``: an approval for one
candidate, file or amount opens nothing else. Nobody approves what he asked for, whatever roles and accounts he holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, and_, not_, or_, select, update

from home import OFFICE, audit, canonical_json, now_ms
from people.errors import PeopleError
from people.tables import account, approval

#: act -> what staff read
ACTS = {
    "attempt.reopen": "恢复作答（撤销交卷）",
    "attempt.void": "终止作答",
    "attempt.take_time": "收回多加的时间",
    "candidate.event": "登记影响成绩的考生事项",
    "candidate.event.revoke": "撤销影响成绩的考生登记",
    "answer_file.merge": "并入答案文件",
    "sitting.withdraw": "撤回已开考的场次",
    "paper.print": "印制纸质试卷",
    "paper.source": "停电等改用纸笔：怎样计分",
    "identity.export": "导出完整证件号码",
    "mark.change": "更改已签发成绩的评分",
    "record.erase": "按期限删除个人信息",
    "account.add": "新建工作账号",
    "account.grant": "授予岗位",
    "account.password": "重设他人口令",
    "account.unlink": "取消账号与人员的关联",
    "person.merge": "合并重复登记的人员",
}
#: how long a request waits for its decision, and a granted one for its act
LIFE_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Approval:
    """One request as it stands. Instants are ms UTC; ``granted`` is None while nobody has decided."""

    id: int
    act: str
    subject: str
    arguments: Mapping[str, object]
    reason: str
    asked_by: str
    asked_at: int
    expires_at: int
    decided_by: str | None
    decided_at: int | None
    granted: bool | None
    note: str | None
    used_at: int | None

    @property
    def title(self) -> str:
        return ACTS[self.act]

    def undecided(self, now: int) -> bool:
        """Whether it still waits for somebody's decision."""
        return self.granted is None and self.expires_at > now


def ask(
    connection: Connection, act: str, subject: str, *, by: str, reason: str, life_ms: int = LIFE_MS, **arguments: object
) -> int:
    """Ask for a second person's word; returns the request's id.

    :raises PeopleError: no reason, or the same is asked for already.
    """
    assert act in ACTS, act
    reason, moment = reason.strip(), now_ms()
    if not 1 <= len(reason) <= 500:
        raise PeopleError("请写明申请的事由（1 至 500 字）")
    body = canonical_json(arguments)
    same = (approval.c.act == act, approval.c.subject == subject, approval.c.arguments == body)
    if connection.execute(select(approval.c.id).where(*same, *_open(moment))).first():
        raise PeopleError("同样的申请已经提交，正在等另一人审批")
    number = connection.execute(
        approval.insert().values(
            act=act, subject=subject, arguments=body, reason=reason, asked_by=by, asked_at=moment, expires_at=moment + life_ms
        )
    ).inserted_primary_key[0]  # type: ignore[index]
    audit(connection, OFFICE, by, "approval.ask", subject, approval=number, act=act, reason=reason)
    return int(number)


def decide(connection: Connection, ident: int, *, by: str, grant: bool, note: str = "") -> Approval:
    """Grant or refuse a request; returns it as it stands then.

    :raises PeopleError: no such open request, or whoever decides is the one who asked, under this account or another.
    """
    moment = now_ms()
    asked = connection.execute(select(approval).where(approval.c.id == ident).with_for_update()).first()
    if asked is None or asked.granted is not None or asked.expires_at <= moment:
        raise PeopleError("没有这项待审批的申请，或者已经过期、已有人审批")
    if asked.asked_by == by:
        raise PeopleError("申请人不能审批自己的申请；请另一人办理")
    if same_person(connection, asked.asked_by, by):
        raise PeopleError("提出申请的账号也是您本人的；审批须由另一个人办理，换一个账号不算")
    if asked.act.startswith("account.") and asked.subject == by:
        raise PeopleError("这项申请是关于您自己的账号，不能由您审批；请另一人办理")
    connection.execute(
        update(approval).where(approval.c.id == ident).values(
            decided_by=by, decided_at=moment, granted=grant, note=note.strip()[:500] or None, expires_at=moment + LIFE_MS
        )
    )  # fmt: skip
    audit(connection, OFFICE, by, "approval.grant" if grant else "approval.refuse", asked.subject, approval=ident, act=asked.act)
    return get(connection, ident)


def take_back(connection: Connection, ident: int, *, by: str) -> Approval:
    """Whoever asked thinks better of it before anybody has decided; returns the request, refused by its own author.

    :raises PeopleError: no such open request of this person.
    """
    moment = now_ms()
    mine = approval.c.id == ident, approval.c.asked_by == by, approval.c.granted.is_(None), approval.c.expires_at > moment
    if connection.execute(update(approval).where(*mine).values(decided_by=by, decided_at=moment, granted=False)).rowcount != 1:
        raise PeopleError("没有这项待审批的申请，或者不是您申请的、已有人审批")
    taken = get(connection, ident)
    audit(connection, OFFICE, by, "approval.take_back", taken.subject, approval=ident, act=taken.act)
    return taken


def same_person(connection: Connection, one: str, other: str) -> bool:
    """Whether two logins, closed ones too, are tied to the same person."""
    tied = select(account.c.person_id).where(account.c.login.in_((one, other)), account.c.person_id.is_not(None))
    persons = connection.execute(tied).scalars().all()
    return one == other or (len(persons) == 2 and len(set(persons)) == 1)


def use(connection: Connection, ident: int, act: str, subject: str, **arguments: object) -> Approval:
    """Spend a granted approval on exactly the act that was approved, in the transaction that does it.

    :raises PeopleError: not granted, expired, spent already, or it was given for something else.
    """
    done = connection.execute(
        update(approval)
        .where(
            approval.c.id == ident, approval.c.act == act, approval.c.subject == subject,
            approval.c.arguments == canonical_json(arguments), approval.c.granted.is_(True), approval.c.used_at.is_(None),
            approval.c.expires_at > now_ms(),
        )
        .values(used_at=now_ms())
    ).rowcount  # fmt: skip
    if done != 1:
        raise PeopleError("这项操作还没有得到另一人的批准，或者批准已过期、已用过、批的是别的内容；请重新申请")
    return get(connection, ident)


def get(connection: Connection, ident: int) -> Approval:
    """One request.

    :raises PeopleError: there is none of this number.
    """
    row = connection.execute(select(approval).where(approval.c.id == ident)).first()
    if row is None:
        raise PeopleError(f"没有编号为 {ident} 的审批申请")
    return _read(row)


def waiting(connection: Connection, *acts: str) -> Sequence[Approval]:
    """Requests that wait for a decision or for their act, the oldest first; of all acts, or of those named."""
    query = select(approval).where(*_open(now_ms())).order_by(approval.c.id)
    return [_read(row) for row in connection.execute(query.where(approval.c.act.in_(acts)) if acts else query)]


def waiting_about(connection: Connection, subject: str) -> Sequence[Approval]:
    """Requests about one subject that nobody has decided yet."""
    return [one for one in waiting(connection) if one.subject == subject and one.granted is None]


def recent(connection: Connection, most: int) -> Sequence[Approval]:
    """Requests that wait no more (refused, expired or used), the newest first."""
    over = not_(and_(*_open(now_ms())))
    return [_read(row) for row in connection.execute(select(approval).where(over).order_by(approval.c.id.desc()).limit(most))]


def _open(now: int) -> tuple[ColumnElement[bool], ...]:
    live = or_(approval.c.granted.is_(None), approval.c.granted.is_(True))
    return live, approval.c.used_at.is_(None), approval.c.expires_at > now


def _read(row: Row[tuple[object, ...]]) -> Approval:
    return Approval(
        row.id, row.act, row.subject, json.loads(row.arguments), row.reason, row.asked_by, row.asked_at, row.expires_at,
        row.decided_by, row.decided_at, row.granted, row.note, row.used_at,
    )  # fmt: skip
