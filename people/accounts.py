"""Staff accounts: roles, passwords (argon2id, RFC 9106), logins. There is no default password anywhere.

Which roles one person may hold together in one sitting is decided by that sitting's profile (``[duties]``); only what no
profile may waive is refused here.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from threading import BoundedSemaphore, Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, select, update

from home import OFFICE, audit, now_ms
from people.errors import AccountError, LoginRefused
from people.tables import account, office_session, role_grant

#: what stands for a login where no person did it
PROCESSES = {"hall": "考场系统", "worker": "后台", "command": "命令行"}


@dataclass(frozen=True)
class Role:
    """A role: its Chinese title and what who holds it may do."""

    title: str
    may: str


ROLES = {
    "exam_officer": Role("考务", "导入名单、建立场次、组卷、开考收卷、打印考试码、登记考生事件、延长时间"),
    "marker": Role("阅卷人", "匿名评阅简答题和案例题"),
    "hr": Role("人事", "签发、查询、导出成绩记录"),
    "trainer": Role("命题人", "命题、组织题库"),
    "reviewer": Role("审题人", "审签他人所命的题目"),
    "auditor": Role("审计", "查看全部记录和操作日志，不能改动任何内容"),
    "operator": Role("系统管理员", "安装、备份、管理工作账号，不参与考务和阅卷"),
}
#: Role pairs that one account never holds, and why. Other pairs are the profile's matter.
CONFLICTS = {
    frozenset({"auditor", role}): "审计须独立于被审计的工作，审计账号不能兼任其他角色" for role in ROLES if role != "auditor"
}
LOGIN = re.compile(r"[a-z][a-z0-9._-]{1,31}", re.ASCII)
MIN_PASSWORD, MAX_PASSWORD = 12, 200
REFUSED = "登录名或口令不对"

_hasher = PasswordHasher()  # argon2id; the library's defaults are RFC 9106's second recommendation: 64 MiB each
_turns = BoundedSemaphore(2)  # a flood of log-ins waits in line instead of taking the memory of a whole hall


@dataclass(frozen=True)
class Account:
    """A staff account with the roles it holds now."""

    id: int
    login: str
    name: str
    roles: frozenset[str]
    disabled: bool
    person_id: int | None = None

    @property
    def role_titles(self) -> str:
        return "、".join(role.title for name, role in ROLES.items() if name in self.roles)


def add_account(
    connection: Connection, login: str, name: str, password: str, roles: Iterable[str], by: str, person_id: int | None = None
) -> int:
    """Make an account; returns its id. ``person_id`` ties it to a person, who is then never marked by it.

    :raises AccountError: a bad or taken login, a weak password, no or unknown roles, or roles that exclude each other.
    """
    wanted = tuple(dict.fromkeys(roles))
    login, name = check_new_account(connection, login, name, wanted)
    check_password(login, password)
    made = connection.execute(
        account.insert().values(
            login=login, name=name, password_hash=_hasher.hash(password), person_id=person_id, created_at=now_ms()
        )
    )
    number = int(made.inserted_primary_key[0])  # type: ignore[index]  # the table numbers its rows
    for role in wanted:
        connection.execute(role_grant.insert().values(account_id=number, role=role, granted_by=by, granted_at=now_ms()))
    audit(connection, OFFICE, by, "account.add", login, roles=list(wanted))
    return number


def check_new_account(connection: Connection, login: str, name: str, wanted: Sequence[str]) -> tuple[str, str]:
    """Login and name as they would be stored.

    :raises AccountError: as :func:`add_account`, but for the password.
    """
    login, name = login.strip().lower(), " ".join(name.split())
    if not LOGIN.fullmatch(login):
        raise AccountError(f"登录名“{login[:40]}”不合要求：用 2 至 32 个小写字母、数字、点或连字符，以字母开头")
    if not 1 <= len(name) <= 50:
        raise AccountError("请填写姓名（50 字以内）")
    if not wanted:
        raise AccountError(f"请至少给一个角色；可用：{_known_roles()}")
    check_roles(wanted)
    if connection.execute(select(account.c.id).where(account.c.login == login)).first():
        raise AccountError(f"登录名“{login}”已有人使用，请换一个")
    return login, name


def _known_roles() -> str:
    return "、".join(f"{name}（{role.title}）" for name, role in ROLES.items())


def check_roles(roles: Iterable[str]) -> None:
    """:raises AccountError: an unknown role, or two that one account never holds."""
    wanted = tuple(roles)
    for role in wanted:
        if role not in ROLES:
            raise AccountError(f"没有“{role[:40]}”这个角色；可用：{_known_roles()}")
    for pair in combinations(wanted, 2):
        if frozenset(pair) in CONFLICTS:
            raise AccountError(CONFLICTS[frozenset(pair)])


def check_password(login: str, password: str) -> None:
    """:raises AccountError: too short, too long, too plain, or with the login in it."""
    if len(password) < MIN_PASSWORD:
        raise AccountError(f"口令至少 {MIN_PASSWORD} 个字符；可用一句话或几个不相干的词")
    if len(password) > MAX_PASSWORD:
        raise AccountError(f"口令最多 {MAX_PASSWORD} 个字符")
    if len(set(password)) < 5:
        raise AccountError("口令太简单：不同的字符太少，请换一个")
    if login.lower() in password.lower():
        raise AccountError("口令里不能有登录名，请换一个")


@cache
def _decoy() -> str:
    """A hash that nothing matches: an unknown login costs as much as a wrong password."""
    return _hasher.hash(secrets.token_urlsafe(32))


def authenticate(connection: Connection, login: str, password: str) -> Account:
    """The account behind a login and password. Pages call :func:`log_in`, which is throttled.

    :raises LoginRefused: unknown, disabled or wrong, after the same work and with the same words.
    """
    row = connection.execute(select(account).where(account.c.login == login.strip().lower()[:40])).first()
    usable = row is not None and row.disabled_at is None
    right = _verify(row.password_hash if row is not None and usable else _decoy(), password[:MAX_PASSWORD])
    if row is None or not usable or not right:
        raise LoginRefused(REFUSED)
    return get_account(connection, row.id)


def log_in(connection: Connection, throttle: Throttle, login: str, password: str, address: str, now: int) -> Account:
    """:func:`authenticate` behind a throttle: what every login page calls. ``address``: the client's; ``now``: ms UTC.

    :raises LoginRefused: wrong, or too many failures lately.
    """
    throttle.attempt(login, address, now)
    known = authenticate(connection, login, password)
    throttle.succeeded(login, address)
    return known


def _verify(hashed: str, password: str) -> bool:
    try:
        with _turns:
            return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def get_account(connection: Connection, account_id: int) -> Account:
    """:raises AccountError: there is none."""
    row = connection.execute(select(account).where(account.c.id == account_id)).first()
    if row is None:
        raise AccountError("没有这个工作账号")
    held = role_grant.c.account_id == account_id, role_grant.c.revoked_at.is_(None)
    roles = frozenset(connection.execute(select(role_grant.c.role).where(*held)).scalars())
    return Account(row.id, row.login, row.name, roles, row.disabled_at is not None, row.person_id)


def list_accounts(connection: Connection) -> Sequence[Account]:
    """All accounts by login, disabled ones included."""
    ids = connection.execute(select(account.c.id).order_by(account.c.login)).scalars().all()
    return [get_account(connection, number) for number in ids]


def names_of(connection: Connection) -> dict[str, str]:
    """{what is on file of who did something: what people read}: an account's name for its login, a title where no person did it."""
    return {row.login: row.name for row in connection.execute(select(account.c.login, account.c.name))} | PROCESSES


def find_account(connection: Connection, login: str) -> Account:
    """:raises AccountError: there is none of this login."""
    number = connection.execute(select(account.c.id).where(account.c.login == login.strip().lower())).scalar()
    if number is None:
        raise AccountError(f"没有登录名为“{login[:40]}”的工作账号；pufa people list-staff 列出全部账号")
    return get_account(connection, number)


def change_password(connection: Connection, account_id: int, old: str, new: str) -> None:
    """Change one's own password; every other login of the account ends.

    :raises LoginRefused: the old password is wrong.
    :raises AccountError: the new one is weak, or the same.
    """
    known = get_account(connection, account_id)
    hashed = connection.execute(select(account.c.password_hash).where(account.c.id == account_id)).scalar_one()
    if not _verify(hashed, old[:MAX_PASSWORD]):
        raise LoginRefused("原口令不对；口令没有改动")
    if old == new:
        raise AccountError("新口令与原口令相同；请换一个")
    set_password(connection, account_id, new, known.login)


def set_password(connection: Connection, account_id: int, new: str, by: str) -> None:
    """Give an account a new password and end its logins.

    :raises AccountError: no such account, or a weak password.
    """
    known = get_account(connection, account_id)
    check_password(known.login, new)
    connection.execute(update(account).where(account.c.id == account_id).values(password_hash=_hasher.hash(new)))
    _end_logins(connection, account_id)
    audit(connection, OFFICE, by, "account.password", known.login)


def disable_account(connection: Connection, login: str, by: str) -> None:
    """Close an account for good; what it did stays on record.

    :raises AccountError: there is none, or it is closed already.
    """
    known = find_account(connection, login)
    if known.disabled:
        raise AccountError(f"“{known.login}”已经停用")
    connection.execute(update(account).where(account.c.id == known.id).values(disabled_at=now_ms()))
    _end_logins(connection, known.id)
    audit(connection, OFFICE, by, "account.disable", known.login)


def _end_logins(connection: Connection, account_id: int) -> None:
    mine = office_session.c.account_id == account_id, office_session.c.ended_at.is_(None)
    connection.execute(update(office_session).where(*mine).values(ended_at=now_ms()))


def grant_role(connection: Connection, login: str, role: str, by: str) -> None:
    """:raises AccountError: no such account, an unknown role, one it holds, or one that excludes what it holds."""
    known = find_account(connection, login)
    if role in known.roles:
        raise AccountError(f"“{known.login}”已经是{ROLES[role].title}")
    check_roles((*known.roles, role))
    connection.execute(role_grant.insert().values(account_id=known.id, role=role, granted_by=by, granted_at=now_ms()))
    audit(connection, OFFICE, by, "role.grant", known.login, role=role)


def revoke_role(connection: Connection, login: str, role: str, by: str) -> None:
    """:raises AccountError: the account does not hold the role."""
    known = find_account(connection, login)
    held = role_grant.c.account_id == known.id, role_grant.c.role == role, role_grant.c.revoked_at.is_(None)
    if connection.execute(update(role_grant).where(*held).values(revoked_at=now_ms())).rowcount == 0:
        raise AccountError(f"“{known.login}”没有这个角色，未作改动")
    audit(connection, OFFICE, by, "role.revoke", known.login, role=role)


class Throttle:
    """Slows down guessing, in memory and bounded: after ``allowed`` failures of a key it is refused for ``pause_ms``.

    Keys are (login, address) pairs and logins alone, so that one address cannot lock an officer out of another one; an
    unknown login is counted like a known one. Instants are ms.
    """

    MOST_KEYS = 10_000

    def __init__(self, allowed: int = 5, pause_ms: int = 300_000) -> None:
        self._allowed, self._pause = allowed, pause_ms
        self._failures: OrderedDict[tuple[str, ...], tuple[int, int]] = OrderedDict()
        self._lock = Lock()

    def attempt(self, login: str, address: str, now: int) -> None:
        """Check, and count the attempt as a failure before it is looked at: many at once cannot slip through.

        :raises LoginRefused: too many failures lately.
        """
        with self._lock:
            self._check(login, address, now)
            self._count(login, address, now)

    def succeeded(self, login: str, address: str) -> None:
        """Forget the failures of this pair, and one of the login's: the one that :meth:`attempt` counted."""
        pair, alone = (key for key, _ in self._keys(login, address))
        with self._lock:
            self._failures.pop(pair, None)
            count, last = self._failures.get(alone, (0, 0))
            self._failures[alone] = (max(0, count - 1), last)

    def _check(self, login: str, address: str, now: int) -> None:
        for key, allowed in self._keys(login, address):
            count, last = self._failures.get(key, (0, 0))
            if count >= allowed and now - last < self._pause:
                raise LoginRefused(f"输错次数过多，请 {-(-(self._pause - now + last) // 60_000)} 分钟后再试")

    def _count(self, login: str, address: str, now: int) -> None:
        for key, _ in self._keys(login, address):
            count, last = self._failures.pop(key, (0, 0))
            self._failures[key] = (count + 1 if now - last < self._pause else 1, now)
        while len(self._failures) > self.MOST_KEYS:
            self._failures.popitem(last=False)

    def _keys(self, login: str, address: str) -> tuple[tuple[tuple[str, ...], int], ...]:
        login = login.strip().lower()[:40]
        return (((login, address), self._allowed), ((login,), self._allowed * 4))
