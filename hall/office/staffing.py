"""工作人员: the operator's page of accounts, roles, passwords and the persons behind accounts."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection
from starlette.responses import Response

from grading.roll import day_of
from hall.office.pages import go, page
from hall.office.visit import Refused, Visit
from home import transaction
from people.account_links import find_person, link_account, linked_persons, unlink_account
from people.accounts import (
    MAX_PASSWORD,
    MIN_PASSWORD,
    ROLES,
    Account,
    add_account,
    disable_account,
    find_account,
    grant_role,
    list_accounts,
    revoke_role,
    set_password,
)


def staff_page(visit: Visit) -> Response:
    """``GET /staff``."""
    with visit.home.office.connect() as connection:
        everybody = list_accounts(connection)
        persons = linked_persons(connection)
    ordered = sorted(everybody, key=lambda one: (one.disabled, one.login))
    return page(visit, "staff.html", everybody=ordered, persons=persons, ROLES=ROLES, least=MIN_PASSWORD, most=MAX_PASSWORD)


def add(visit: Visit) -> Response:
    """``POST /staff``: a new account with a first password, which its owner changes."""
    roles = [name for name in ROLES if visit.form.get(f"role_{name}") == "on"]
    login, name = visit.text("login", "登录名", 32), visit.text("name", "姓名", 50)
    password = _password(visit)
    with transaction(visit.home.office) as connection:
        add_account(connection, login, name, password, roles, visit.by)
    return go(visit, "staff", good=f"已建立工作账号“{login}”（{name}）。请把初始口令当面交给本人，并请他登录后马上改。")


def _password(visit: Visit) -> str:
    first, again = visit.form.get("password", ""), visit.form.get("again", "")
    if max(len(first), len(again)) > MAX_PASSWORD:
        raise Refused(f"口令过长；请控制在 {MAX_PASSWORD} 个字符以内")
    if first != again:
        raise Refused("两次输入的口令不一致；请重新输入")
    return first


def _change(visit: Visit, told: str, act: Callable[[Connection, Account], object]) -> Response:
    """Do something to another person's account; nobody gives rights to himself."""
    with transaction(visit.home.office) as connection:
        known = find_account(connection, visit.path["login"])
        if known.login == visit.by:
            raise Refused("不能改自己的账号；请另一位系统管理员办理，或在服务器上用 pufa people 命令办理")
        act(connection, known)
    return go(visit, "staff", good=f"“{known.login}”（{known.name}）：{told}")


def grant(visit: Visit) -> Response:
    """``POST /staff/{login}/grant``."""
    role = visit.form.get("role", "")
    title = ROLES[role].title if role in ROLES else role[:20]
    return _change(visit, f"已授予{title}岗位。", lambda connection, known: grant_role(connection, known.login, role, visit.by))


def revoke(visit: Visit) -> Response:
    """``POST /staff/{login}/revoke``."""
    role = visit.form.get("role", "")
    title = ROLES[role].title if role in ROLES else role[:20]
    return _change(visit, f"已收回{title}岗位。", lambda connection, known: revoke_role(connection, known.login, role, visit.by))


def reset(visit: Visit) -> Response:
    """``POST /staff/{login}/password``: a forgotten password."""
    password = _password(visit)
    told = "口令已重设，他在各处的登录都已退出。请当面告诉本人，并请他登录后马上改。"
    return _change(visit, told, lambda connection, known: set_password(connection, known.id, password, visit.by))


def disable(visit: Visit) -> Response:
    """``POST /staff/{login}/disable``."""
    if visit.form.get("agreed") != "on":
        raise Refused("没有停用：请先勾选“确认停用”")
    return _change(visit, "已停用，他在各处的登录都已退出。", lambda connection, known: disable_account(connection, known.login, visit.by))


def link(visit: Visit) -> Response:
    """``POST /staff/{login}/person``: by document number; blank unties the account."""
    number = visit.text("number", "证件号码", 40, needed=False)

    def act(connection: Connection, known: Account) -> None:
        if not number:
            unlink_account(connection, known.login, visit.by)
            return
        found = find_person(connection, visit.home.key("identity"), number, day_of(visit.now))
        link_account(connection, known.login, found.id, visit.by)

    return _change(visit, "已关联本人；他参加的考试，他不能阅卷。" if number else "已取消关联。", act)
