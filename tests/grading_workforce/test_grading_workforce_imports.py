"""A workbook of certifications: every fault with its place, all or nothing, the same file twice changes nothing."""

from __future__ import annotations

import io

import openpyxl
import pytest
from sqlalchemy import func, select
from workforce_room import HEADINGS, KINDS, TODAY, add_people, add_unit, take, workbook

from grading.tables import certification, certification_step, training_hours
from grading.workforce.clock import STATES
from grading.workforce.entering import end_certification, find_entry, revoke_step
from grading.workforce.holdings import read_entries, read_hours, stand
from grading.workforce.import_sheets import read_book
from grading.workforce.template import write_template
from home import AUDIT, OFFICE, transaction, verify_audit
from people.errors import RosterError
from people.tables import person, post, unit


def rows(home, table) -> int:
    with home.office.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def faults(home, data) -> list[str]:
    counts = [rows(home, table) for table in (certification, certification_step, training_hours, unit)]
    with pytest.raises(RosterError) as refused:
        take(home, data)
    assert counts == [rows(home, table) for table in (certification, certification_step, training_hours, unit)], "nothing half-written"
    return [str(fault) for fault in refused.value.faults]


def full(people) -> bytes:
    (_, a, x), (_, b, y), _ = people
    return workbook(
        单位=[("柳河村", "村", "城关镇", "农村", "340210101201", 812, "2,304"), ("城关镇", "乡镇", "", "", "", "", ""), ("第一中学", "学校", "", "", "", "", "")],
        资格=[(a, x, "社工师", "2023-09-15", "20230900001", "某省人社厅", "", ""), (b, y, "法制副校长", "2024.8.20", "", "", "第一中学", ""),
            (b, y, "乡村“法律明白人”", "2026年3月1日", "", "", "柳河村", "村民小组长")],
        办理=[(a, x, "社会工作师", "首次登记", "20240310", "某民登〔2024〕5号", ""), (b, y, "法治副校长", "聘任", "2024-09-01", "", "第一中学")],
        学时=[(a, x, "2025-05-01", 60, "", "社工继续教育班", "某省社工协会"), (b, y, "2024-08-25", "8", "培训", "法治副校长岗前培训", "")],
    )  # fmt: skip


def test_a_workbook_goes_in_and_once_more_changes_nothing(any_home):
    data = full(people := add_people(any_home))
    dry = take(any_home, data, dry=True)
    assert dry.new == {"units": 3, "employment": 0, "holdings": 3, "steps": 2, "hours": 2} and rows(any_home, certification) == 0
    done = take(any_home, data)
    assert (done.new, done.changed, done.warnings) == (dry.new, [], [])
    again = take(any_home, data)
    assert again.new == dict.fromkeys(again.new, 0) and again.same == dry.new and not again.changed
    with any_home.office.connect() as connection:
        entries = {one.kind: one for one in read_entries(connection)}
        hours = read_hours(connection, select(person.c.id))
        village = connection.execute(select(unit).where(unit.c.name == "柳河村")).one()
        assert verify_audit(connection, OFFICE) is None
        payloads = "".join(connection.execute(select(AUDIT[OFFICE].c.payload)).scalars())
    assert (village.kind, village.setting, village.code, village.households, village.residents) == ("村", "农村", "340210101201", 812, 2304)
    assert village.parent_id is not None
    worker = entries["social_worker"]
    stands = stand(KINDS["social_worker"], worker, hours[people[0][0]], TODAY)
    assert (stands.title, str(stands.valid_until), stands.missing) == (STATES["valid"], "2027-03-10", "继续教育缺 30 学时")
    assert (worker.certificate_no, worker.issuer, worker.steps[0].document_no) == ("20230900001", "某省人社厅", "某民登〔2024〕5号")
    assert (entries["vice_principal"].at, entries["law_literate"].at, entries["law_literate"].note) == ("第一中学", "柳河村", "村民小组长")
    assert people[0][2] not in payloads and people[0][1] not in payloads


def test_every_fault_is_told_at_once_and_nothing_is_kept(any_home):
    (_, a, x), (_, b, y), _ = add_people(any_home)
    data = workbook(
        资格=[(a, x, "社会工作大师", "2023-09-15", "", "", "", ""), (b, x, "社会工作师", "2023-09-15", "", "", "", ""),
            (a, "34022119800215001X", "社会工作师", "2023-13-01", "", "", "", ""), ("外人", "340221198002159991"[:17] + "1", "社会工作师", "2030-01-01", "", "", "", ""),
            (b, y, "法律明白人", "2026-03", "", "", "", ""), (b, y, "普法讲师", "2027-01-01", "", "", "没有的村", "")],
        办理=[(a, x, "社会工作师", "盖章", "2024-03-10", "", ""), (a, x, "社会工作师", "首次登记", "2024-03-10", "", "")],
        学时=[(b, y, "2025-05-01", "六十", "", "班", ""), (b, y, "2025-05-01", 60, "自学", "班", ""), (b, y, "2025-05-01", 60, "", "", "")],
    )  # fmt: skip
    told = "\n".join(faults(any_home, data))
    for one in ("资格:4: 取得日期：“2023-13-01”不是日期；请写到日", "资格:6: 取得日期：“2026-03”不是日期", "学时:2: 学时：“六十”不是学时数",
                "学时:3: 来源：“自学”不认识；请填：培训、课程、学位", "学时:4: 培训名称：没有填写", "资格:4: 身份证号：居民身份证号码校验不通过",
                "资格:2: 资格名称：资格名称“社会工作大师”不认识", f"资格:3: 姓名：这个证件号码登记的是“{a}”"):  # fmt: skip
        assert one in told, (one, told)
    data = workbook(
        资格=[(a, x, "社会工作大师", "2023-09-15", "", "", "", ""), (b, x, "社会工作师", "2023-09-15", "", "", "", ""), (b, y, "普法讲师", "2027-01-01", "", "", "", ""),
            (b, y, "法律明白人", "2026-03-01", "", "", "没有的村", "")],
        办理=[(a, x, "社会工作师", "盖章", "2024-03-10", "", ""), (a, x, "社会工作师", "首次登记", "2024-03-10", "", "")],
    )  # fmt: skip
    told = "\n".join(faults(any_home, data))
    for one in ("资格:2: 资格名称：资格名称“社会工作大师”不认识", f"资格:3: 姓名：这个证件号码登记的是“{a}”，表上是“{b}”", "资格:4: 取得日期：推荐日期（2027-01-01）在今天之后",
                "资格:5: 服务单位：单位“没有的村”还没有登记", "办理:2: 办理事项：“社会工作师”没有“盖章”这一步；可填：综合能力"):  # fmt: skip
        assert one in told, (one, told)


def test_a_person_who_is_not_registered_is_told_without_the_number(home_folder):
    told = faults(home_folder, workbook(资格=[("外人", "11010519491231002X", "社会工作师", "2023-09-15", "", "", "", "")]))
    assert told == ["资格:2: 身份证号：外人还没有登记为人员；请先在“人员名单”里导入这个人，或核对证件号码"]


def test_changes_are_shown_and_blank_cells_erase_nothing(any_home):
    people = add_people(any_home)
    take(any_home, full(people))
    _, a, x = people[0]
    done = take(any_home, workbook(资格=[(a, x, "社会工作师", "2023-09-16", "", "某市人社局", "", "")]))
    assert [(one.what, one.old, one.new) for one in done.changed] == [
        ("社会工作师·发证机关", "某省人社厅", "某市人社局"), ("社会工作师·考试合格日期", "2023-09-15", "2023-09-16")]  # fmt: skip
    with any_home.office.connect() as connection:
        (worker,) = read_entries(connection, certification.c.kind == "social_worker")
    assert (worker.certificate_no, worker.issuer, str(worker.obtained_on)) == ("20230900001", "某市人社局", "2023-09-16")


def test_what_was_ended_or_struck_out_does_not_come_back(any_home):
    people = add_people(any_home)
    data = full(people)
    take(any_home, data)
    with transaction(any_home.office) as connection:
        (school,) = read_entries(connection, certification.c.kind == "vice_principal")
        end_certification(connection, KINDS["vice_principal"], school, TODAY, by="hr1", today=TODAY, reason="调离")
    again = take(any_home, data)
    assert not any(again.new.values())
    with transaction(any_home.office) as connection:
        (worker,) = read_entries(connection, certification.c.kind == "social_worker")
        revoke_step(connection, KINDS["social_worker"], worker, worker.steps[0].id, by="hr1", reason="登记错了人")
        assert find_entry(connection, worker.id).steps == ()
    assert faults(any_home, data) == ["办理:2: 2024-03-10 的“首次登记”曾经登记、后来撤销；确要恢复请到个人页面登记，否则删去这一行"]


def test_hours_that_differ_are_not_overwritten(home_folder):
    people = add_people(home_folder)
    take(home_folder, full(people))
    _, a, x = people[0]
    told = faults(home_folder, workbook(学时=[(a, x, "2025-05-01", 90, "", "社工继续教育班", "")]))
    assert told == ["学时:2: 学时：2025-05-01 的“社工继续教育班”已登记 60 学时，这里是 90；要更正请先到个人页面撤销原来的"]


def test_two_schools_need_the_place(home_folder):
    (_, a, x), *_ = add_people(home_folder)
    for name in ("第一中学", "第二中学"):
        add_unit(home_folder, name, kind="学校")
    lines = [(a, x, "法治副校长", "2024-08-20", "", "", name, "") for name in ("第一中学", "第二中学")]
    assert take(home_folder, workbook(资格=lines)).new["holdings"] == 2
    told = faults(home_folder, workbook(办理=[(a, x, "法治副校长", "聘任", "2024-09-01", "", "")]))
    assert "这个人有 2 项“法治副校长”，不知道是哪一项；请填“服务单位”列" in told[0]
    assert take(home_folder, workbook(办理=[(a, x, "法治副校长", "聘任", "2024-09-01", "", "第二中学")])).new["steps"] == 1


def test_a_step_the_rules_do_not_count_is_remarked(home_folder):
    (_, a, x), *_ = add_people(home_folder)
    done = take(home_folder, workbook(
        资格=[(a, x, "社会工作师", "2022-09-15", "", "", "", "")],
        办理=[(a, x, "社会工作师", "首次登记", "2023-03-10", "", ""), (a, x, "社会工作师", "再次登记", "2025-03-10", "", "")],
    ))  # fmt: skip
    assert ["早于受理期（2025-12-10 起），没有计入" in str(one) for one in done.warnings] == [True]


def test_units_of_one_name_are_told_apart_by_their_parent(any_home):
    data = workbook(单位=[("第一网格", "网格", "东社区", "", "", 320, 800), ("第一网格", "网格", "西社区", "", "", 180, 500), ("东社区", "社区", "", "", "", "", ""),
                        ("西社区", "社区", "", "", "", "", "")])  # fmt: skip
    assert take(any_home, data).new["units"] == 4
    assert take(any_home, data).new["units"] == 0
    told = "“第一网格”可能是 2 个单位：“东社区”下的“第一网格”、“西社区”下的“第一网格”；请写成“东社区第一网格”或“西社区第一网格”，上级单位和名称之间也可以加“/”"
    assert faults(any_home, workbook(单位=[("第一网格", "网格", "", "", "", 1, 1)])) == [f"单位:2: 单位名称：{told}；或填“上级单位”列"]
    below = [("东一组", "其他", above, "", "", "", "") for above in ("东社区第一网格", "东社区/第一网格")]
    assert take(any_home, workbook(单位=below[:1])).new["units"] == 1 and take(any_home, workbook(单位=below[1:])).new["units"] == 0
    assert faults(any_home, workbook(单位=[("东二组", "其他", "第一网格", "", "", "", "")])) == [f"单位:2: 单位名称：{told}"]


def test_a_sheet_that_is_none_of_ours_is_told(home_folder):
    book = read_book(workbook({"资格": ("姓名", "身份证号", "资格")}, 资格=[("甲", "1", "社会工作师")]), "x.xlsx", TODAY)
    assert "像是“资格”表，但缺少“取得日期”列" in str(book.warnings[0]) and "请下载模板" in str(book.faults[0])


def test_the_template_is_read_by_its_own_reader():
    data = write_template(KINDS)
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["说明", "单位", "任职", "资格", "办理", "学时"]
    for title, headings in HEADINGS.items():
        shown = [cell.value.strip("*") for cell in book[title][1]]
        assert {one.strip("*") for one in headings} <= set(shown), title
    (a, x) = ("赵甲", "11010519491231002X")
    book["资格"].append([a, x, None, "社会工作师", "2023-09-15"])
    out = io.BytesIO()
    book.save(out)
    read = read_book(out.getvalue(), "模板.xlsx", TODAY)
    assert not read.faults and len(read.lines["holdings"]) == 1 and "11010519491231002X" not in repr(read)


def facts(home, person_id) -> tuple:
    with home.office.connect() as connection:
        query = (
            select(person.c.category, person.c.employed_from, person.c.left_on, unit.c.name, post.c.title)
            .outerjoin(unit, unit.c.id == person.c.unit_id).outerjoin(post, post.c.id == person.c.post_id).where(person.c.id == person_id)
        )  # fmt: skip
        return tuple(str(one) if one is not None else None for one in connection.execute(query).one())


def test_who_works_where_since_when(any_home):
    (ident, a, x), (other, b, y), _ = add_people(any_home)
    places = [("东社区", "社区", "", "城镇", "", "2,650", 6800, 8, 4), ("第一网格", "网格", "东社区", "", "", 320, 800, "", 1)]
    data = workbook(单位=places, 任职=[(a, x, "社区工作者", "2020-01-01", "", "东社区", "社区主任"), (b, y, "网格员", "2021.3.1", "2026-05-06", "第一网格", "")])
    assert take(any_home, data, dry=True).new["employment"] == 2 and facts(any_home, ident) == (None,) * 5
    done = take(any_home, data)
    assert done.new["employment"] == 2
    assert [(one.name, one.what, one.old, one.new) for one in done.changed] == [(b, "离职日期", "（没有离职）", "2026-05-06")], "who is gone is always told"
    assert facts(any_home, ident) == ("社区工作者", "2020-01-01", None, "东社区", "社区主任")
    assert facts(any_home, other) == ("网格员", "2021-03-01", "2026-05-06", "第一网格", None)
    again = take(any_home, data)
    assert (again.new["employment"], again.same["employment"], again.changed) == (0, 2, [])
    with any_home.office.connect() as connection:
        here = connection.execute(select(unit).where(unit.c.name == "东社区")).one()
    assert (here.households, here.grids, here.workers, here.setting) == (2650, 8, 4, "城镇")
    back = take(any_home, workbook(任职=[(b, y, "网格员", "2026-09-01", "", "东社区", "网格员")]))
    assert [(one.what, one.old, one.new) for one in back.changed] == [
        ("入职日期", "2021-03-01", "2026-09-01"), ("离职日期", "2026-05-06", "（没有离职）"), ("单位", "第一网格", "东社区")]  # fmt: skip
    assert facts(any_home, other) == ("网格员", "2026-09-01", None, "东社区", "网格员")


def test_bad_lines_about_work_are_told_and_nothing_is_kept(any_home):
    (ident, a, x), (_, b, y), _ = add_people(any_home)
    told = "\n".join(faults(any_home, workbook(任职=[
        (a, x, "社区工作者", "2027-01-01", "", "", ""), (b, y, "网格员", "2026-05-06", "2026-05-01", "", ""), (a, x, "社区工作者", "2020-01-01", "", "没有的社区", ""),
        (a, x, "社区工作者", "2020-01-01", "", "", "主任")])))  # fmt: skip
    for one in ("任职:2: 入职日期（2027-01-01）在今天之后", "任职:3: 离职日期（2026-05-01）早于入职日期（2026-05-06）", "任职:4: 所在社区（网格）：单位“没有的社区”还没有登记",
                "任职:5: 填了职务，但这个人没有单位；请填“所在社区（网格）”列"):  # fmt: skip
        assert one in told, (one, told)
    assert "任职:2: 人员类别：没有填写" in faults(any_home, workbook(任职=[(a, x, "", "2020-01-01", "", "", "")]))[0]
    assert facts(any_home, ident) == (None,) * 5
