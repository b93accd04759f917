from __future__ import annotations

import pytest
from sqlalchemy import select

from home import OFFICE, transaction, verify_audit
from people.accounts import (
    CONFLICTS,
    REFUSED,
    ROLES,
    Throttle,
    add_account,
    authenticate,
    change_password,
    disable_account,
    find_account,
    grant_role,
    list_accounts,
    revoke_role,
)
from people.accounts import log_in as throttled_log_in
from people.errors import AccountError, LoginRefused
from people.tables import account, office_session

GOOD = "correct horse battery"


def add(home, login="wangfang", password=GOOD, roles=("exam_officer",), name="王芳"):
    with transaction(home.office) as connection:
        return add_account(connection, login, name, password, roles, "test")


def log_in(home, login="wangfang", password=GOOD):
    with home.office.connect() as connection:
        return authenticate(connection, login, password)


def test_an_account_logs_in_and_its_password_is_argon2id(any_home):
    number = add(any_home, roles=("exam_officer", "hr"))
    found = log_in(any_home, " WangFang ")
    assert (found.id, found.roles, found.role_titles) == (number, {"exam_officer", "hr"}, "考务、人事")
    with any_home.office.connect() as connection:
        stored = connection.execute(select(account.c.password_hash)).scalar_one()
        assert stored.startswith("$argon2id$") and GOOD not in stored
        assert verify_audit(connection, OFFICE) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"login": "王芳"}, "不合要求"), ({"login": "a"}, "不合要求"), ({"login": "a" * 33}, "不合要求"), ({"login": "1abc"}, "不合要求"),
        ({"name": " "}, "姓名"), ({"name": "字" * 51}, "姓名"), ({"roles": ()}, "至少给一个角色"), ({"roles": ("boss",)}, "没有“boss”"),
        ({"password": "short"}, "至少 12"), ({"password": "a" * 201}, "最多 200"), ({"password": "aaaaabbbbbbb"}, "太简单"),
        ({"password": "my WANGFANG password"}, "不能有登录名"), ({"roles": ("auditor", "hr")}, "独立"),
    ],
)  # fmt: skip
def test_bad_accounts_are_refused(home_folder, change, message):
    with pytest.raises(AccountError, match=message):
        add(home_folder, **change)
    with home_folder.office.connect() as connection:
        assert list_accounts(connection) == []


def test_a_login_is_taken_once(home_folder):
    add(home_folder)
    with pytest.raises(AccountError, match="已有人使用"):
        add(home_folder, login="WANGFANG")


@pytest.mark.parametrize(("login", "password"), [("wangfang", "wrong"), ("nobody", GOOD), ("wangfang", ""), ("", ""), ("x" * 9999, "y" * 9999)])
def test_wrong_logins_get_the_same_words(home_folder, login, password):
    add(home_folder)
    with pytest.raises(LoginRefused, match=r"^登录名或口令不对$"):
        log_in(home_folder, login, password)


def test_a_disabled_account_is_out_at_once(any_home):
    number = add(any_home)
    with transaction(any_home.office) as connection:
        connection.execute(office_session.insert().values(token_digest="d", account_id=number, csrf="c", created_at=1, last_seen_at=1))
        disable_account(connection, "wangfang", "test")
        assert connection.execute(select(office_session.c.ended_at)).scalar_one() is not None
    with pytest.raises(LoginRefused):
        log_in(any_home)
    with transaction(any_home.office) as connection, pytest.raises(AccountError, match="已经停用"):
        disable_account(connection, "wangfang", "test")


def test_changing_the_password_needs_the_old_one(home_folder):
    number = add(home_folder)
    for old, new, message in (("wrong", GOOD + "!", "原口令不对"), (GOOD, GOOD, "相同"), (GOOD, "short", "至少 12")):
        with transaction(home_folder.office) as connection, pytest.raises(AccountError, match=message):
            change_password(connection, number, old, new)
    assert log_in(home_folder).id == number
    with transaction(home_folder.office) as connection:
        change_password(connection, number, GOOD, "another long sentence")
    assert log_in(home_folder, password="another long sentence").id == number
    with pytest.raises(LoginRefused):
        log_in(home_folder)


def test_roles_come_and_go_and_the_auditor_stands_alone(any_home):
    add(any_home)
    add(any_home, "shenji", roles=("auditor",), name="审计")
    with transaction(any_home.office) as connection:
        grant_role(connection, "wangfang", "hr", "test")
        assert find_account(connection, "wangfang").roles == {"exam_officer", "hr"}
        revoke_role(connection, "wangfang", "hr", "test")
        assert find_account(connection, "wangfang").roles == {"exam_officer"}
        for login, role, message in (("wangfang", "hr2", "没有“hr2”"), ("wangfang", "exam_officer", "已经是考务"), ("shenji", "hr", "独立")):
            with pytest.raises(AccountError, match=message):
                grant_role(connection, login, role, "test")
        with pytest.raises(AccountError, match="没有这个角色"):
            revoke_role(connection, "wangfang", "marker", "test")
        with pytest.raises(AccountError, match="list-staff"):
            find_account(connection, "nobody")


def test_the_table_of_conflicts_names_known_roles():
    assert all(pair <= set(ROLES) and len(pair) == 2 for pair in CONFLICTS)


def test_guessing_is_slowed_down_per_address_and_for_unknown_logins_too():
    throttle = Throttle(allowed=3, pause_ms=60_000)
    for login in ("wangfang", "nobody"):
        for moment in range(3):
            throttle.attempt(login, "10.0.0.1", moment)
        with pytest.raises(LoginRefused, match="1 分钟后再试"):
            throttle.attempt(login, "10.0.0.1", 10)
        throttle.attempt(login, "10.0.0.2", 10)
        throttle.attempt(login, "10.0.0.1", 60_010)
    for n in range(12):
        throttle.attempt("liming", f"10.0.0.{n}", 100)
    with pytest.raises(LoginRefused):
        throttle.attempt("liming", "10.9.9.9", 101)


def test_success_forgets_failures_and_memory_stays_bounded():
    throttle = Throttle(allowed=2)
    for n in range(50):
        throttle.attempt("a", f"x{n % 3}", n)
        throttle.succeeded("a", f"x{n % 3}")
    for n in range(Throttle.MOST_KEYS + 50):
        throttle.attempt(f"u{n}", "x", 4)
    assert len(throttle._failures) == Throttle.MOST_KEYS


def test_a_throttled_login_stays_shut_even_for_the_right_password(home_folder):
    add(home_folder)
    throttle = Throttle(allowed=3, pause_ms=60_000)
    with home_folder.office.connect() as connection:
        for moment in range(3):
            with pytest.raises(LoginRefused, match=REFUSED):
                throttled_log_in(connection, throttle, "wangfang", "wrong", "10.0.0.1", moment)
        with pytest.raises(LoginRefused, match="次数过多"):
            throttled_log_in(connection, throttle, "wangfang", GOOD, "10.0.0.1", 3)
        assert throttled_log_in(connection, throttle, "wangfang", GOOD, "10.0.0.1", 60_003).login == "wangfang"
        for moment in range(60_004, 60_024):
            throttled_log_in(connection, throttle, "wangfang", GOOD, "10.0.0.1", moment)
