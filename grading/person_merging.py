"""One person who was registered twice becomes one again: everything that hangs on the second entry goes over to the first.

Which tables hang on a person is read off the database itself (foreign keys on ``person.id``), so that none is forgotten; records keep
their number, digest and signature, for they are signed under pseudonyms. Done by HR's request and a second person's word, and never
undone: afterwards nobody can tell which of two entries a row came from but by the audit trail, which keeps the counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, column, delete, func, inspect, select, table, update

from exams.tables import candidate
from grading.errors import GradingError
from grading.tables import certification, record, training_hours
from home import OFFICE, audit
from people.approvals import LIFE_MS, ask, waiting
from people.tables import account, alias, legal_hold, person

ACT = "person.merge"
#: what is taken from the entry that goes where the one that stays has nothing
BLANKS = (
    "gender", "birth", "ethnic", "phone", "education", "political", "category", "grade", "employed_from", "left_on", "unit_id", "post_id",
)  # fmt: skip
#: what HR compares before asking: column -> title
COMPARED = {"name": "姓名", "document": "证件类型", "identity_masked": "证件号码", "gender": "性别", "birth": "出生日期", "phone": "手机", "category": "人员类别"}


@dataclass(frozen=True)
class Entry:
    """One registered person with what hangs on it. ``facts`` by the titles of :data:`COMPARED`; counts of rows."""

    id: int
    name: str
    masked: str
    facts: Mapping[str, str]
    sittings: int
    records: int
    certifications: int
    hours: int

    @property
    def what(self) -> str:
        """What goes over, in words."""
        return f"考试 {self.sittings} 场、成绩记录 {self.records} 条、证书 {self.certifications} 项、学时 {self.hours} 条"


def read_entry(connection: Connection, person_id: int) -> Entry:
    """:raises GradingError: there is none, or it was merged or erased."""
    row = connection.execute(select(person).where(person.c.id == person_id)).mappings().first()
    if row is None or not row["identity_masked"]:
        raise GradingError(f"没有编号为 {person_id} 的人员；可能已经并入别人，或已按期限删除")
    counts = [
        int(connection.execute(select(func.count()).select_from(one).where(one.c.person_id == person_id)).scalar_one())
        for one in (candidate, record, certification, training_hours)
    ]
    facts = {title: str(row[name] or "") for name, title in COMPARED.items()}
    return Entry(person_id, row["name"], row["identity_masked"], facts, *counts)


def obstacles(connection: Connection, stays: int, goes: int) -> list[str]:
    """Why these two entries cannot be one, with what to do; empty: they can."""
    if stays == goes:
        return ["两个证件号码是同一个人，不用合并"]
    found = []
    here, there = (select(candidate.c.sitting_id).where(candidate.c.person_id == one) for one in (stays, goes))
    both = connection.execute(here.intersect(there)).scalars().all()
    if both:
        found.append(f"两人都在场次 {'、'.join(sorted(both))} 的名单上，不能合并：没开考的，先从名单移出一个；已开考的，请核对是不是两个人")
    accounts = connection.execute(
        select(account.c.login).where(account.c.person_id.in_((stays, goes)), account.c.disabled_at.is_(None)).order_by(account.c.login)
    ).scalars().all()
    if len(accounts) > 1:
        found.append(f"两人各有工作账号（{'、'.join(accounts)}）；一人只用一个账号，请系统管理员先停用一个")
    held = select(certification.c.kind, func.coalesce(certification.c.unit_id, 0)).where(certification.c.ended_on.is_(None), certification.c.revoked_at.is_(None))
    mine, other = (held.where(certification.c.person_id == one) for one in (stays, goes))
    if connection.execute(mine.intersect(other)).first() is not None:
        found.append("两人登记了同一种、还没终止的证书或职务；请先终止多登记的那一项")
    if any(one.act != ACT and one.arguments.get("person") == goes for one in waiting(connection)):
        found.append("被并入的人还有等待审批的事项；请先审批完再合并")
    return found


def ask_to_merge(connection: Connection, stays: int, goes: int, *, by: str, reason: str) -> int:
    """Ask for a second person's word; returns the request's id.

    :raises GradingError, PeopleError: one is not there, they cannot be merged, no reason, or it is asked for already.
    """
    kept, gone = read_entry(connection, stays), read_entry(connection, goes)
    wrong = obstacles(connection, stays, goes)
    if wrong:
        raise GradingError("；".join(wrong))
    names = {"name": f"{gone.name}（{gone.masked}）", "into": f"{kept.name}（{kept.masked}）", "what": gone.what}
    return ask(connection, ACT, f"person/{stays}", by=by, reason=reason, life_ms=LIFE_MS, stays=stays, goes=goes, **names)


def merge_persons(connection: Connection, stays: int, goes: int, *, by: str, second: str | None, reason: str) -> str:
    """Move everything of ``goes`` over to ``stays`` and take the entry away; returns what was done, in words.

    :raises GradingError: one of them is not there, or :func:`obstacles` finds something.
    """
    for one in sorted((stays, goes)):  # two merges at once meet here (SQLite has one writer anyway)
        connection.execute(select(person.c.id).where(person.c.id == one).with_for_update())
    kept, gone = read_entry(connection, stays), read_entry(connection, goes)
    wrong = obstacles(connection, stays, goes)
    if wrong:
        raise GradingError("没有合并：" + "；".join(wrong))
    moved = _move(connection, stays, goes)
    _fill_blanks(connection, stays, goes)
    if gone.name != kept.name:
        known = select(alias.c.id).where(alias.c.person_id == stays, alias.c.name == gone.name)
        if connection.execute(known).first() is None:
            connection.execute(alias.insert().values(person_id=stays, name=gone.name))
    connection.execute(update(legal_hold).where(legal_hold.c.subject == f"person/{goes}").values(subject=f"person/{stays}"))
    connection.execute(update(certification).where(certification.c.person_id == stays).values(reckoned=None))
    connection.execute(delete(person).where(person.c.id == goes))
    audit(
        connection, OFFICE, by, ACT, f"person/{stays}", goes=goes, goes_masked=gone.masked, moved=moved, second=second, reason=reason
    )
    return f"已把 {gone.name}（{gone.masked}）并入 {kept.name}（{kept.masked}）：{gone.what}"


def _move(connection: Connection, stays: int, goes: int) -> dict[str, int]:
    """Re-point every foreign key on a person; {table: rows}. What is missed would keep the entry from going."""
    seen = inspect(connection)
    moved: dict[str, int] = {}
    for name in sorted(seen.get_table_names()):
        for key in seen.get_foreign_keys(name):
            if key["referred_table"] == "person" and key["referred_columns"] == ["id"]:
                (here,) = key["constrained_columns"]
                holder = table(name, column(here))
                done = connection.execute(update(holder).where(holder.c[here] == goes).values({here: stays})).rowcount
                if done:
                    moved[name] = moved.get(name, 0) + done
    return moved


def _fill_blanks(connection: Connection, stays: int, goes: int) -> None:
    columns = [person.c[name] for name in BLANKS]
    kept, gone = (connection.execute(select(*columns).where(person.c.id == one)).mappings().one() for one in (stays, goes))
    values = {name: gone[name] for name in BLANKS if kept[name] is None and gone[name] is not None}
    if values:
        connection.execute(update(person).where(person.c.id == stays).values(**values))
