"""Accounts by form: what gives power needs a second person, what takes it away does not, nobody does either for himself."""

from __future__ import annotations

import re

import pytest
from office_room import PASSWORD, Office, Person, identity, import_people, login_of, new_sitting, notice, people
from sqlalchemy import select, update

from home import AUDIT, OFFICE, transaction, verify_audit
from people.account_links import link_account, namesakes
from people.accounts import find_account
from people.identity import identity_mac, mask, seal_number
from people.tables import approval, person

NEW = "另一句同样够长的新口令-2027"
FORM = {"login": "qian", "name": "钱考务", "reason": "新到岗", "role_exam_officer": "on", "role_marker": "on"}


def roles_of(office: Office, login: str) -> set[str]:
    with office.home.office.connect() as connection:
        return set(find_account(connection, login).roles)


def decided(second: Person, decision: str = "grant") -> str:
    found = re.search(r'action="(/approvals/\d+)"', second.page("/approvals"))
    assert found
    return notice(second.page(second.post(found[1], decision=decision).headers["location"]))


def request_of(operator: Person) -> str:
    found = re.search(r'action="(/staff/request/\d+)"', operator.page("/staff"))
    assert found
    return found[1]


def registered(office: Office, number: int) -> int:
    text, key = identity(number), office.home.key("identity")
    with transaction(office.home.office) as connection:
        return int(connection.execute(person.insert().values(
            name=f"人员{number}", document="居民身份证", identity_cipher=seal_number(key, "居民身份证", text),
            identity_mac=identity_mac(key, "居民身份证", text), identity_masked=mask(text), created_at=1)).inserted_primary_key[0])  # fmt: skip


def test_a_new_account_is_asked_for_granted_by_another_and_gets_its_password(office: Office) -> None:
    with office.staff("operator") as operator, office.staff("hr") as second, office.visitor() as qian:
        assert "已提交申请" in notice(operator.done("/staff", **FORM))
        assert qian.log_in("qian", PASSWORD).status_code == 401, "nothing is there before the second person's word"
        shown = second.page("/approvals")
        assert "钱考务" in shown and "考务、阅卷人" in shown and "新到岗" in shown
        assert "没有得到另一人的批准" in operator.refused("/staff/request/1", password=NEW, again=NEW)
        assert "已批准" in decided(second)
        path = request_of(operator)
        assert "至少 12" in operator.refused(path, password="短", again="短") and "不一致" in operator.refused(path, password=NEW, again=NEW + "x")
        assert second.post(path, password=NEW, again=NEW).status_code == 403, "not his role"
        assert "已建立工作账号" in notice(operator.done(path, password=NEW, again=NEW))
        assert "已用过" in operator.refused(path, password=NEW, again=NEW)
        assert qian.log_in("qian", NEW).status_code == 303
    assert roles_of(office, "qian") == {"exam_officer", "marker"}
    with office.home.office.connect() as connection:
        acts = set(connection.execute(select(AUDIT[OFFICE].c.action).where(AUDIT[OFFICE].c.subject == "qian")).scalars())
        stored = str(connection.execute(select(approval)).all()) + str(connection.execute(select(AUDIT[OFFICE])).all())
        assert verify_audit(connection, OFFICE) is None
    assert acts >= {"approval.ask", "approval.grant", "account.add"} and NEW not in stored and "argon2" not in stored


@pytest.mark.parametrize(("wrong", "told"), [
    ({"login": "Qian Wei"}, "不合要求"), ({"name": " "}, "姓名"), ({"reason": ""}, "事由"), ({"role_auditor": "on"}, "不能兼任"),
    ({"role_exam_officer": "", "role_marker": ""}, "至少给一个角色"), ({"login": "hr1"}, "已有人使用"),
])  # fmt: skip
def test_a_bad_request_comes_back_as_it_was_filled_in(office: Office, wrong: dict[str, str], told: str) -> None:
    office.hire("hr")
    with office.staff("operator") as operator:
        answer = operator.post("/staff", **{**FORM, **wrong})
        assert answer.status_code == 422 and told in answer.text
        assert f'value="{ {**FORM, **wrong}["login"] }"' in answer.text and 'name="role_trainer"' in answer.text
    with office.home.office.connect() as connection:
        assert connection.execute(select(approval)).first() is None


def test_roles_and_passwords_of_others(office: Office) -> None:
    with office.staff("operator") as operator, office.staff("hr") as hr, office.staff("exam_officer") as second:
        at = f"/staff/{login_of('hr')}"
        operator.done(f"{at}/grant", role="marker", reason="兼阅卷")
        assert "同样的申请" in operator.refused(f"{at}/grant", role="marker", reason="兼阅卷")
        found = re.search(r'action="(/approvals/\d+)"', hr.page("/approvals"))
        assert found and "关于您自己的账号" in hr.refused(found[1], decision="grant") and roles_of(office, "hr1") == {"hr"}
        assert "已授予" in decided(second) and roles_of(office, "hr1") == {"hr", "marker"}
        assert "已经是" in operator.refused(f"{at}/grant", role="marker", reason="x") and "没有“nobody”" in operator.refused(f"{at}/grant", role="nobody", reason="x")
        assert "不能兼任" in operator.refused(f"{at}/grant", role="auditor", reason="x")
        assert "已收回" in notice(operator.done(f"{at}/revoke", role="marker")) and roles_of(office, "hr1") == {"hr"}
        operator.done(f"{at}/password", reason="忘记口令")
        decided(second)
        operator.done(request_of(operator), password=NEW, again=NEW)
        assert hr.get("/").status_code == 303, "his other log-ins are over"
        assert hr.log_in("hr1", NEW).status_code == 303
        operator.done(f"{at}/grant", role="trainer", reason="试")
        assert "不批准" in decided(second, "refuse") and roles_of(office, "hr1") == {"hr"}
        assert "勾选" in operator.refused(f"{at}/disable")
        operator.done(f"{at}/disable", agreed="on")
        assert hr.get("/").status_code == 303
        for act in ("grant", "revoke", "password"):
            assert "已经停用" in operator.refused(f"{at}/{act}", role="marker", reason="x")
            assert "没有登录名" in operator.refused(f"/staff/nobody/{act}", role="marker", reason="x")


def test_nobody_changes_his_own_account_and_nobody_else_is_let_in(office: Office) -> None:
    with office.staff("operator") as operator:
        for act, form in (("grant", {"role": "hr"}), ("revoke", {"role": "operator"}), ("password", {}), ("disable", {"agreed": "on"}), ("person", {"number": "1"}), ("unlink", {})):
            assert "自己的账号" in operator.refused(f"/staff/operator1/{act}", reason="x", **form)
        assert 'action="/staff/operator1/' not in operator.page("/staff")
    assert roles_of(office, "operator1") == {"operator"}


def test_an_account_is_tied_at_once_and_untied_by_two(office: Office) -> None:
    first, other = registered(office, 1), registered(office, 2)
    office.hire("marker")
    with office.staff("operator") as operator, office.staff("hr") as second:
        at = "/staff/marker1"
        assert "没有这个证件号码" in operator.refused(f"{at}/person", number=identity(9))
        assert "已关联人员1" in notice(operator.done(f"{at}/person", number=identity(1)))
        assert "先申请取消关联" in operator.refused(f"{at}/person", number=identity(2))
        operator.done(f"{at}/unlink", reason="关联错了")
        with transaction(office.home.office) as connection:
            link_account(connection, "marker1", other, "command")
        found = re.search(r'action="(/approvals/\d+)"', second.page("/approvals"))
        assert found and "不是申请时的那个人" in second.refused(found[1], decision="grant")
        with transaction(office.home.office) as connection:
            link_account(connection, "marker1", first, "command")
        assert "已取消" in decided(second)
        assert "没有关联人员" in operator.refused(f"{at}/unlink", reason="x")


def test_what_was_asked_by_one_operator_is_not_finished_by_another(office: Office) -> None:
    from people.accounts import add_account

    with transaction(office.home.office) as connection:
        add_account(connection, "zhao", "赵系统", PASSWORD, ["operator"], "test")
    with office.staff("operator") as operator, office.visitor() as other:
        other.log_in("zhao", PASSWORD)
        operator.done("/staff", **FORM)
        decided(other)
        path = request_of(operator)
        strange, none = other.post(path, password=NEW, again=NEW), other.post("/staff/request/99", password=NEW, again=NEW)
        assert strange.status_code == none.status_code == 404 and strange.text == none.text
        for odd in ("0", "-1", "x", "1" * 30, "²"):
            assert other.post(f"/staff/request/{odd}", password=NEW, again=NEW).status_code == 404
        operator.done(path, password=NEW, again=NEW)


def test_an_account_that_is_tied_to_nobody_though_somebody_bears_its_name_is_shown(office: Office) -> None:
    with office.staff("operator") as operator:
        office.hire("hr")
        assert "同名" not in operator.page("/staff")
        number = registered(office, 7)
        with transaction(office.home.office) as connection:
            mine = find_account(connection, login_of("hr"))
            connection.execute(update(person).where(person.c.id == number).values(name=" ".join(mine.name)))   # 张 三 is 张三
            assert [(one.login, one.persons) for one in namesakes(connection)] == [(mine.login, 1)]
            assert namesakes(connection, select(person.c.id).where(person.c.id != number)) == []
        shown = operator.page("/staff")
        assert "人员库里有 1 位同名" in shown and "有 <b>1</b> 个账号没有关联本人" in shown
        with transaction(office.home.office) as connection:
            link_account(connection, mine.login, number, "test")
        assert "同名" not in operator.page("/staff")


def test_the_desk_of_a_sitting_tells_of_candidates_who_bear_the_name_of_an_account_tied_to_nobody(office: Office) -> None:
    login = office.hire("exam_officer")
    with office.home.office.connect() as connection:
        name = find_account(connection, login).name
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        import_people(officer, "s-1", [(name, *people(1)[0][1:]), *people(2, first=2)])
        told = officer.page("/sittings/s-1")
        assert f"{name}（{login}）" in told and "没有关联本人" in told
        with transaction(office.home.office) as connection:
            connection.execute(update(person).where(person.c.name == name).values(name="另一个人"))
        assert "没有关联本人" not in officer.page("/sittings/s-1")
