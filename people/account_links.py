"""Which person an account belongs to. Whoever sits an exam never marks it, and one person never works under two accounts.

An account that is tied to nobody is held back by no rule; :func:`namesakes` names those that should be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Select, func, select, update

from home import OFFICE, audit
from people.accounts import find_account
from people.errors import AccountError, IdentityError
from people.identity import DOCUMENTS, identity_mac, read_number
from people.tables import account, person


@dataclass(frozen=True)
class LinkedPerson:
    """The person behind an account, as pages show them."""

    id: int
    name: str
    masked: str


@dataclass(frozen=True)
class Namesake:
    """An account tied to nobody, and how many registered persons bear its name."""

    id: int
    login: str
    name: str
    persons: int


def find_person(connection: Connection, key: bytes, number: str, today: date) -> LinkedPerson:
    """The registered person with this document number, of whatever kind of document. ``key``: the home's identity key.

    :raises AccountError: nobody registered has it.
    """
    macs = []
    for document in DOCUMENTS:
        try:
            macs.append(identity_mac(key, document, read_number(document, number, today).number))
        except IdentityError:
            continue
    row = connection.execute(select(person).where(person.c.identity_mac.in_(macs))).first() if macs else None
    if row is None:
        raise AccountError("人员库里没有这个证件号码；请核对，或先导入名单。不参加考试的工作人员不必关联")
    return LinkedPerson(row.id, row.name, row.identity_masked)


def link_account(connection: Connection, login: str, person_id: int, by: str) -> LinkedPerson:
    """Say who works under an account.

    :raises AccountError: no such account or person, or the person has another account that is in use.
    """
    known = find_account(connection, login)
    row = connection.execute(select(person).where(person.c.id == person_id)).first()
    if row is None:
        raise AccountError(f"没有编号为 {person_id} 的人员；请核对")
    others = account.c.person_id == person_id, account.c.id != known.id, account.c.disabled_at.is_(None)
    other = connection.execute(select(account.c.login).where(*others)).scalar()
    if other is not None:
        raise AccountError(f"{row.name} 已有工作账号“{other}”；一人只用一个账号，请先停用那一个")
    connection.execute(update(account).where(account.c.id == known.id).values(person_id=person_id))
    audit(connection, OFFICE, by, "account.link", known.login, person=person_id, before=known.person_id)
    return LinkedPerson(row.id, row.name, row.identity_masked)


def unlink_account(connection: Connection, login: str, by: str) -> None:
    """Undo a wrong link.

    :raises AccountError: no such account, or it is tied to nobody.
    """
    known = find_account(connection, login)
    if known.person_id is None:
        raise AccountError(f"“{known.login}”没有关联人员，未作改动")
    connection.execute(update(account).where(account.c.id == known.id).values(person_id=None))
    audit(connection, OFFICE, by, "account.unlink", known.login, before=known.person_id)


def linked_persons(connection: Connection) -> dict[int, LinkedPerson]:
    """{account id: person} of all accounts that are tied to one."""
    rows = connection.execute(
        select(account.c.id.label("account_id"), person.c.id, person.c.name, person.c.identity_masked)
        .join(person, person.c.id == account.c.person_id)
    )  # fmt: skip
    return {row.account_id: LinkedPerson(row.id, row.name, row.identity_masked) for row in rows}


def namesakes(connection: Connection, among: Select[tuple[int]] | None = None) -> list[Namesake]:
    """Accounts in use that are tied to nobody, though registered persons bear the same name; by login.

    ``among``: a query of person ids, to look only at these (the candidates of a sitting); else at everybody registered.
    """
    untied = select(account.c.id, account.c.login, account.c.name).where(account.c.person_id.is_(None), account.c.disabled_at.is_(None))
    accounts = connection.execute(untied.order_by(account.c.login)).all()
    bare = func.replace(person.c.name, " ", "")
    query = select(bare, func.count()).where(bare.in_({_bare(one.name) for one in accounts})).group_by(bare)
    if among is not None:
        query = query.where(person.c.id.in_(among))
    borne = {name: count for name, count in connection.execute(query)}
    return [Namesake(one.id, one.login, one.name, borne[_bare(one.name)]) for one in accounts if _bare(one.name) in borne]


def _bare(name: str) -> str:
    """People write 张 三 and 张三."""
    return name.replace(" ", "")
