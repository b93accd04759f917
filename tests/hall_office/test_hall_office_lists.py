"""名册与导出 as HR uses it: choose, export, take; columns by buttons; full numbers with another person's word."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator

import msoffcrypto
import openpyxl
import pytest
from grading_fixture import RIGHT, add_script, make_sitting
from office_room import PASSWORD, Office, Person, field
from sqlalchemy import select, update

from grading.lists.kinds import LISTS
from grading.marks import mark_sitting
from grading.records import issue_records
from grading.tables import column_set, job
from hall.office.guard import MOST_FIELDS
from home import AUDIT, OFFICE, transaction
from people.accounts import add_account
from people.identity import check_digit, seal_number
from people.tables import person


def number_of(n: int) -> str:
    body = f"34022119{60 + n}0101{n:03d}"
    return body + check_digit(body)


@pytest.fixture
def furnished(office: Office) -> Office:
    """Four candidates with real numbers, two passed; a second sitting without records."""
    people = make_sitting(office.home, "s1", people=4, essay=False)
    make_sitting(office.home, "s2", essay=False, persons=people[:1])
    for one in people[:2]:
        add_script(office.home, "s1", one, RIGHT)
    key = office.home.key("identity")
    with transaction(office.home.office) as connection:
        for n, one in enumerate(people, 1):
            cipher = seal_number(key, "居民身份证", number_of(n))
            connection.execute(update(person).where(person.c.id == one).values(identity_cipher=cipher))
    mark_sitting(office.home, "s1", "li")
    issue_records(office.home, "s1", "test")
    return office


@pytest.fixture
def hr(furnished: Office) -> Iterator[Person]:
    with furnished.staff("hr") as one:
        yield one


def taken(hr: Person, page: str, ending: str) -> bytes:
    """The newest file with this ending on the page."""
    found = next(name for name in re.findall(r'href="(/exports/[^"]+)"', page) if name.endswith(ending))
    return hr.get(found).content


@pytest.mark.parametrize("key", LISTS)
def test_every_list_by_the_form(furnished: Office, hr: Person, key: str) -> None:
    page = hr.page(f"/exports?list={key}")
    assert f"导出{LISTS[key].title}</button>" in page and page.count("<b>") >= len(LISTS)
    asked = {"person": {"person": "2611100001"}, "days": {"days": "60"}, "month": {"rule": "gansu", "month": ""}, "norm": {"rule": "taiyuan"}, "today": {}}
    more = asked.get(LISTS[key].asks, {"scope": "some", "s.s1": "on"})
    assert all(f'value="{more[name]}"' in page for name in ("rule",) if name in more)
    for form in ("xlsx", "pdf"):
        hr.done("/exports", list=key, format=form, set="标准", **more)
        assert furnished.work() == [True]
    shown = hr.page("/exports")
    assert taken(hr, shown, ".pdf").startswith(b"%PDF") and taken(hr, shown, ".xlsx").startswith(b"PK")
    assert f'<td class="strong nowrap">{LISTS[key].title}</td>' in shown and "<td>人事甲</td>" in shown


def test_scope_columns_and_format_arrive_in_the_file(furnished: Office, hr: Person) -> None:
    hr.done("/exports", list="due", format="json", set="签到表", scope="all")
    hr.done("/exports", list="due", format="csv", set="", scope="dates", since="2026-11-23")
    assert furnished.work() == [True, True]
    told = json.loads(taken(hr, hr.page("/exports"), ".json"))
    assert len(told["records"]) == 5 and told["columns"][-1] == "签名" and told["list"] == "应考名单"
    with furnished.home.office.connect() as connection:
        arguments = connection.execute(select(job.c.arguments)).scalars().all()
        trail = connection.execute(select(AUDIT[OFFICE]).where(AUDIT[OFFICE].c.action == "records.export")).all()
    assert not any("张三" in text or "2611100001" in text for text in arguments)
    assert {row.actor for row in trail} == {"hr1"} and {json.loads(row.payload)["rows"] for row in trail} == {5}
    assert all(len(json.loads(row.payload)["sha256"]) == 64 for row in trail)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"list": "due", "format": "docx"}, "选择导出格式"), ({"list": "due", "format": "csv", "scope": "some"}, "勾选一场"),
        ({"list": "due", "format": "csv", "scope": "dates"}, "开始日期或结束日期"), ({"list": "person", "format": "csv", "person": "1"}, "没有准考证号"),
        ({"list": "due", "format": "csv", "scope": "dates", "since": "2026-12-01", "until": "2026-01-01"}, "早于"),
        ({"list": "expiry", "format": "csv", "days": "45"}, "30、60、90"), ({"list": "due", "format": "csv", "set": "没有的"}, "没有名为"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_said_before_it_is_tried(hr: Person, form: dict[str, str], said: str) -> None:
    assert said in hr.refused("/exports", **form)


# ---------------------------------------------------------------- columns


def draft(page: str) -> dict[str, str]:
    """What the editor's form would send."""
    fields = dict(re.findall(r'<input[^>]* name="([^"]+)"[^>]*? value="([^"]*)"', page))
    fields |= {name: value for name, value in re.findall(r'name="([tw]\d+)" value="([^"]*)"', page)}
    return {name: value for name, value in fields.items() if name != "csrf"}


def test_columns_by_buttons_alone(furnished: Office, hr: Person) -> None:
    page = hr.page("/columns?list=passed&set=简表")
    columns = LISTS["passed"].columns
    number = {name: str(columns.index(name)) for name in ("姓名", "单位", "总分", "性别")}

    def press(act: str, **more: str) -> str:
        nonlocal page
        answer = hr.post("/columns", **{**draft(page), **more, "act": act})
        assert answer.status_code == 200, answer.text[-300:]
        page = answer.text
        return page

    press(f"up:{number['单位']}")
    assert re.search(rf'value="up:{number["单位"]}"[^>]* autofocus', page), "the keyboard stays on the button"
    press(f"hide:{number['总分']}")
    press(f"show:{number['性别']}")
    assert "没有保存" in press("save", name="标准") and "没有保存" in press("save", **{f"w{number['姓名']}": "宽"}, name="甲")
    answer = hr.post("/columns", **{**draft(page), f"w{number['姓名']}": "14.5", f"t{number['姓名']}": "姓　名", "name": "公示用", "act": "save"})
    assert answer.status_code == 303
    with furnished.home.office.connect() as connection:
        kept = json.loads(connection.execute(select(column_set.c.columns)).scalar_one())
    assert [line[0] for line in kept] == ["序号", "单位", "姓名", "拟任职务", "等次", "性别"] and kept[2] == ["姓名", "姓　名", 14.5]
    assert ">公示用</option>" in hr.page("/exports?list=passed") and "公示用" not in hr.page("/exports?list=due")
    hr.done("/exports", list="passed", format="csv", set="公示用", scope="some", **{"s.s1": "on"})
    assert furnished.work() == [True]
    assert taken(hr, hr.page("/exports"), ".csv").decode("utf-8-sig").startswith("序号,单位,姓　名,拟任职务,等次,性别\r\n")
    page = hr.page("/columns?list=passed&set=公示用")
    assert hr.post("/columns", **draft(page), act="drop").status_code == 303
    assert "公示用</option>" not in hr.page("/exports?list=passed")


def test_a_broken_editor_form_is_refused(hr: Person) -> None:
    for order in ("999", "x", "1,-2", "²"):
        assert "没有执行" in hr.refused("/columns", list="passed", order=order, act="save", name="甲")
    assert hr.post("/columns", list="none", order="1", act="save").status_code == 404
    assert hr.get("/exports?list=none").status_code == 404 and hr.get("/columns?list=none").status_code == 404


@pytest.mark.parametrize("key", LISTS)
def test_the_editor_with_every_column_stays_a_form_that_is_read(key: str) -> None:
    assert 2 * len(LISTS[key].columns) + 6 <= MOST_FIELDS


# ---------------------------------------------------------------- full numbers


def test_full_numbers_take_two_people_and_a_password_that_is_shown_once(furnished: Office, hr: Person) -> None:
    asked = {"list": "passed", "set": "标准", "scope": "some", "s.s1": "on", "purpose": "任前公示报审", "recipient": "某县组织部", "keep": "3"}
    assert "用途" in hr.refused("/numbers", **{**asked, "purpose": " "})
    hr.done("/numbers", **asked)
    assert "等待审批" in hr.page("/numbers") and "制作加密文件" not in hr.page("/numbers")
    assert "还没有得到另一人的批准" in hr.refused("/numbers/1/make")
    assert hr.get("/numbers/1/file").status_code == 404
    with transaction(furnished.home.office) as connection:
        add_account(connection, "chief", "主任", PASSWORD, ["hr"], "test")
    with furnished.visitor() as chief:
        chief.log_in("chief", PASSWORD)
        waiting = chief.page("/approvals")
        assert "任前公示报审" in waiting and "某县组织部" in waiting and "合格名册" in waiting
        act = re.search(r'action="(/approvals/\d+)"', waiting)
        assert act
        chief.done(act[1], **decision(waiting))
        assert "谁申请，谁制作" in chief.refused("/numbers/1/make")
        made = hr.post("/numbers/1/make")
        assert made.status_code == 200 and made.headers["cache-control"] == "no-store"
        password = re.search(r'<p class="code">([0-9A-Z-]{19})</p>', made.text)
        assert password
        assert furnished.work() == [True]
        assert chief.get("/numbers/1/file").status_code == 404, "only who asked takes it"
    shown = hr.page("/numbers")
    assert password[1] not in shown and "自动删除" in shown
    sealed, plain = msoffcrypto.OfficeFile(io.BytesIO(hr.get("/numbers/1/file").content)), io.BytesIO()
    sealed.load_key(password=password[1], verify_password=True)
    sealed.decrypt(plain)
    book = openpyxl.load_workbook(plain)
    texts = {cell.value for row in book.active.iter_rows() for cell in row}
    book.close()
    assert {number_of(1), number_of(2)} <= texts and number_of(3) not in texts, "only who passed"
    assert "没有执行" in hr.refused("/numbers/1/make"), "an approval is good for one file"
    with furnished.home.office.connect() as connection:
        acts = connection.execute(select(AUDIT[OFFICE].c.action)).scalars().all()
    assert {"approval.ask", "approval.grant", "identity.export", "identity.download"} <= set(acts)
    assert not any(number_of(1).encode() in path.read_bytes() for path in furnished.home.exports.rglob("*") if path.is_file())


def decision(page: str) -> dict[str, str]:
    """The approving button of the page of decisions."""
    button = re.search(r'<button[^>]*name="(\w+)" value="(\w+)"[^>]*>[^<]*批准', page)
    assert button, page[-1500:]
    return {button[1]: button[2]}


def test_the_pages_hold_their_fields(hr: Person) -> None:
    assert field(hr.page("/numbers?list=due"), "list") == "due"
    assert hr.get("/numbers?list=summary").status_code == 404 and hr.get("/numbers/x/file").status_code in (404, 409)


def test_who_holds_what_by_the_form(furnished: Office, hr: Person) -> None:
    page = hr.page("/exports?list=held")
    assert '<option value="social_worker">社会工作师</option>' in page and re.search(r'name="on" type="date" value="20\d\d-\d\d-\d\d"', page)
    answer = hr.post("/exports", list="held", format="json", on="2026-02-30", kind="social_worker", unit="没有的单位")
    assert answer.status_code == 422 and "日期“2026-02-30”应写成" in answer.text and "没有名称里有“没有的单位”" in answer.text
    assert 'value="没有的单位"' in answer.text and '<option value="social_worker" selected>' in answer.text
    hr.done("/exports", list="held", format="json", on="2026-02-28", kind="social_worker", unit="")
    assert furnished.work() == [True]
    told = json.loads(taken(hr, hr.page("/exports"), ".json"))
    assert "2026-02-28 社会工作师 持证名册" in told["title"] and told["lines"][0].startswith("到 2026-02-28 登记有资格")
