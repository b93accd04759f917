"""工作人员: the operator's page of accounts, roles, passwords and the persons behind accounts.

What gives somebody more than he had (a new account, a role, another's password, a tie to a person undone) is asked for here and needs
a second person's word; what takes something away is done at once, so that a stolen account is stopped by whoever notices it.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection
from starlette.responses import Response

from grading.roll import day_of
from hall.office.pages import go, page
from hall.office.visit import NotHere, Refused, Visit
from home import transaction
from people.account_links import find_person, link_account, linked_persons, namesakes
from people.accounts import (
    MAX_PASSWORD,
    MIN_PASSWORD,
    ROLES,
    Account,
    add_account,
    check_new_account,
    check_password,
    check_roles,
    disable_account,
    find_account,
    list_accounts,
    revoke_role,
    set_password,
)
from people.approvals import ACTS, LIFE_MS, Approval, ask, get, use, waiting
from people.errors import AccountError, PeopleError

#: acts whose password is set by whoever asked, once another has agreed; the others are done in the moment in which they are granted
WITH_PASSWORD = ("account.add", "account.password")
ASKED = "已提交申请“{}”。请另一位工作人员登录后，到上方“待审批”批准。"


def staff_page(visit: Visit) -> Response:
    """``GET /staff``."""
    with visit.home.office.connect() as connection:
        everybody, persons = list_accounts(connection), linked_persons(connection)
        same_name = {one.id: one.persons for one in namesakes(connection)}
        asked = [one for one in waiting(connection, *WITH_PASSWORD, "account.grant", "account.unlink") if one.asked_by == visit.by]
    ordered = sorted(everybody, key=lambda one: (one.disabled, one.login))
    return page(
        visit, "staff.html", everybody=ordered, persons=persons, same_name=same_name, ROLES=ROLES,
        least=MIN_PASSWORD, most=MAX_PASSWORD, asked=asked, WITH_PASSWORD=WITH_PASSWORD,
    )  # fmt: skip


def add(visit: Visit) -> Response:
    """``POST /staff``: asks for a new account."""
    roles = [name for name in ROLES if visit.form.get(f"role_{name}") == "on"]
    login, name = visit.text("login", "登录名", 32), visit.text("name", "姓名", 50)
    reason = visit.text("reason", "事由", 500)
    with transaction(visit.home.office) as connection:
        login, name = check_new_account(connection, login, name, roles)
        ask(connection, "account.add", login, by=visit.by, reason=reason, life_ms=LIFE_MS, name=name, roles=roles)
    return go(visit, "staff", good=ASKED.format(ACTS["account.add"]) + "批准后回到本页设初始口令，账号即建好。")


def finish(visit: Visit) -> Response:
    """``POST /staff/request/{request}``: the password, once another has agreed; the account is there, or has it, from now on."""
    with visit.home.office.connect() as connection:
        known = _own_request(visit, connection)
    password = _password(visit, known.subject)
    with transaction(visit.home.office) as connection:
        use(connection, known.id, known.act, known.subject, **known.arguments)
        if known.act == "account.add":
            name, roles = str(known.arguments["name"]), known.arguments["roles"]
            assert isinstance(roles, list)
            add_account(connection, known.subject, name, password, roles, visit.by)
            told = f"已建立工作账号“{known.subject}”（{name}）。请把初始口令当面交给本人，并请他登录后马上改。"
        else:
            set_password(connection, find_account(connection, known.subject).id, password, visit.by)
            told = f"“{known.subject}”的口令已重设，他在各处的登录都已退出。请当面告诉本人，并请他登录后马上改。"
    return go(visit, "staff", good=told)


def _own_request(visit: Visit, connection: Connection) -> Approval:
    """The request that the address names, if this person made it; another's is not there."""
    text = visit.path["request"]
    if text.isascii() and text.isdigit() and len(text) <= 9:
        try:
            known = get(connection, int(text))
        except PeopleError:
            known = None
        if known is not None and known.asked_by == visit.by and known.act in WITH_PASSWORD:
            return known
    raise NotHere("没有这项申请")


def _password(visit: Visit, login: str) -> str:
    """Told before the approval is spent what is wrong with it."""
    first, again = visit.form.get("password", ""), visit.form.get("again", "")
    if max(len(first), len(again)) > MAX_PASSWORD:
        raise Refused(f"口令过长；请控制在 {MAX_PASSWORD} 个字符以内")
    if first != again:
        raise Refused("两次输入的口令不一致；请重新输入")
    check_password(login, first)
    return first


def _change(visit: Visit, act: Callable[[Connection, Account], str]) -> Response:
    """Do something to another person's account; nobody gives rights to himself."""
    with transaction(visit.home.office) as connection:
        known = find_account(connection, visit.path["login"])
        if known.login == visit.by:
            raise Refused("不能改自己的账号；请另一位系统管理员办理，或在服务器上用 pufa people 命令办理")
        if known.disabled:
            raise AccountError(f"“{known.login}”已经停用，不能再改；需要时另建账号")
        told = act(connection, known)
    return go(visit, "staff", good=f"“{known.login}”（{known.name}）：{told}")


def _ask(visit: Visit, connection: Connection, act: str, known: Account, **arguments: object) -> str:
    ask(connection, act, known.login, by=visit.by, reason=visit.text("reason", "事由", 500), life_ms=LIFE_MS, **arguments)
    return ASKED.format(ACTS[act])


def grant(visit: Visit) -> Response:
    """``POST /staff/{login}/grant``: asks for it."""
    role = visit.form.get("role", "")

    def act(connection: Connection, known: Account) -> str:
        check_roles((*known.roles, role))
        if role in known.roles:
            raise AccountError(f"已经是{ROLES[role].title}")
        return _ask(visit, connection, "account.grant", known, role=role) + "批准后立即生效。"

    return _change(visit, act)


def revoke(visit: Visit) -> Response:
    """``POST /staff/{login}/revoke``: at once."""
    role = visit.form.get("role", "")

    def act(connection: Connection, known: Account) -> str:
        revoke_role(connection, known.login, role, visit.by)
        return f"已收回{ROLES[role].title}岗位。"

    return _change(visit, act)


def reset(visit: Visit) -> Response:
    """``POST /staff/{login}/password``: asks for a forgotten password to be set anew."""
    return _change(visit, lambda connection, known: _ask(visit, connection, "account.password", known) + "批准后回到本页设新口令。")


def disable(visit: Visit) -> Response:
    """``POST /staff/{login}/disable``: at once."""
    if visit.form.get("agreed") != "on":
        raise Refused("没有停用：请先勾选“确认停用”")

    def act(connection: Connection, known: Account) -> str:
        disable_account(connection, known.login, visit.by)
        return "已停用，他在各处的登录都已退出。"

    return _change(visit, act)


def link(visit: Visit) -> Response:
    """``POST /staff/{login}/person``: by document number, at once; an account that is tied already is untied first."""
    number = visit.text("number", "证件号码", 40)

    def act(connection: Connection, known: Account) -> str:
        if known.person_id is not None:
            raise AccountError("已经关联本人；关联错了的，先申请取消关联")
        found = find_person(connection, visit.home.key("identity"), number, day_of(visit.now))
        link_account(connection, known.login, found.id, visit.by)
        return f"已关联{found.name}；他参加的考试，他不能阅卷；关系到他本人的事，他不能办理。"

    return _change(visit, act)


def unlink(visit: Visit) -> Response:
    """``POST /staff/{login}/unlink``: asks for it, because it would let him mark an exam that he sat."""

    def act(connection: Connection, known: Account) -> str:
        if known.person_id is None:
            raise AccountError("没有关联人员，未作改动")
        return _ask(visit, connection, "account.unlink", known, person=known.person_id) + "批准后立即生效。"

    return _change(visit, act)
