"""HR's page of one candidate: events with papers, corrections, the life of a result, the file for an appeal; who may come again."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest
from grading_fixture import PROFILE, RIGHT, add_script, make_sitting
from office_room import Office, Person
from sqlalchemy import select, update

from exams.tables import candidate, candidate_event, sitting
from grading.marks import mark_sitting
from grading.records import damaged_records, issue_records
from grading.signed import check_file
from grading.tables import record
from home import AUDIT, OFFICE, transaction
from people.tables import document

PDF = b"%PDF-1.4\n%fake scan\n"
WRONG = {"q001": "A", "q002": "B"}


def one(office: Office, answers: object = RIGHT, *, people: int = 3, **more: object) -> list[int]:
    persons = make_sitting(office.home, "s1", people=people, essay=False, **more)
    add_script(office.home, "s1", persons[0], answers)
    mark_sitting(office.home, "s1", "test")
    issue_records(office.home, "s1", "hr1")
    return persons


def number(n: int) -> str:
    return f"26111{n:05d}"


def page_of(n: int) -> str:
    return f"/sittings/s1/records/{number(n)}"


def test_hr_reads_the_whole_life_of_a_result(office: Office) -> None:
    one(office)
    with office.staff("hr") as hr:
        page = hr.page(page_of(1))
        for told in ("李四", "合格", "首次签发", "共 5 题", "全部选对得分", "一致", "本人交卷", "现为：已考"):
            assert told in page, told
        assert f'href="{page_of(1)}"' in hr.page("/sittings/s1/records")
        assert hr.get(page_of(9)).status_code == 404


def test_a_corrected_name_supersedes_the_record_and_the_old_one_stays(office: Office) -> None:
    persons = one(office)
    with office.staff("hr") as hr:
        shown = hr.done(f"{page_of(1)}/correct", field_0="李肆", field_1="城关镇人民政府", reason="身份证上是“李肆”", document_no="更 1 号")
        assert "李肆" in shown and "已被" in shown and "更正姓名、单位：身份证上是“李肆”（更 1 号）" in shown.replace("&#34;", '"')
        assert "曾用名、误登名" in shown and "李四" in shown
        assert "没有更正任何内容" in hr.refused(f"{page_of(1)}/correct", field_0="李肆", reason="再点一次")
        assert "不能为空" in hr.refused(f"{page_of(1)}/correct", field_0=" ", reason="x")
        assert "李肆" in hr.page("/sittings/s1/records")
    with office.home.office.connect() as connection:
        rows = connection.execute(select(record).where(record.c.person_id == persons[0])).all()
        label = connection.execute(select(candidate.c.unit_label).where(candidate.c.person_id == persons[0])).scalar()
    assert len(rows) == 2 and len({json.dumps(json.loads(row.statement)["body"], sort_keys=True) for row in rows}) == 1
    assert label == "城关镇人民政府" and damaged_records(office.home, "s1") == ()
    assert "李" not in "".join(row.statement for row in rows), "the signed statement names nobody"
    assert issue_records(office.home, "s1", "hr1").issued == 0, "a re-issue does not bring the error back"


def test_a_paper_goes_in_and_comes_out_as_a_download_only(office: Office) -> None:
    one(office)
    path = page_of(2)
    with office.staff("hr") as hr:
        hr.done(f"{path}/event", {"attachment": ("证明.pdf", PDF, "text/html")}, kind="deferred", reason="住院", document_no="院证 3 号")
        page = hr.page(path)
        address = re.search(r'href="(/sittings/s1/candidates/\d+/documents/\d+)">证明.pdf', page)
        assert address and "现为：缓考" in page
        answer = hr.get(address[1])
        assert answer.content == PDF and answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"].startswith("attachment") and answer.headers["x-content-type-options"] == "nosniff"
        assert hr.get(address[1].replace(number(2), number(1))).status_code == 404, "not another candidate's"
    with office.staff("auditor") as auditor:
        assert auditor.get(address[1]).content == PDF and auditor.post(f"{path}/event", kind="absent", reason="x").status_code == 403
    with office.staff("marker") as marker:
        assert marker.get(address[1]).status_code == 403 and marker.get(path).status_code == 403
    with office.home.office.connect() as connection:
        acts = connection.execute(select(AUDIT[OFFICE].c.action, AUDIT[OFFICE].c.actor)).all()
    assert [tuple(act) for act in acts if act.action == "document.download"] == [("document.download", "hr1"), ("document.download", "auditor1")]


def test_a_refused_event_leaves_no_paper_behind(office: Office) -> None:
    one(office)
    with office.staff("hr") as hr:
        sent = {"files": {"attachment": ("x.pdf", PDF, "application/pdf")}}
        for form, told in (
            ({"kind": "deferred", "reason": "住院"}, "缓考须填写批准文号"),
            ({"kind": "exempt:near_retirement_on_application", "reason": "x", "document_no": "1"}, "请选择免试的情形"),
            ({"kind": "exempt:passed_this_term_lateral", "reason": "x", "document_no": "1"}, "本系统里没有查到"),
            ({"kind": "nothing", "reason": "x"}, "请选择要登记的事项"),
        ):
            assert told in hr.refused_with(f"{page_of(2)}/event", sent["files"], **form), form
        bad = {"attachment": ("x.pdf", b"<html><script>", "application/pdf")}
        assert "不是 PDF" in hr.refused_with(f"{page_of(2)}/event", bad, kind="absent", reason="未到")
    with office.home.office.connect() as connection:
        assert connection.execute(select(candidate_event)).all() == [] and connection.execute(select(document)).all() == []
    assert list((office.home.secret / "documents").glob("*")) == []


def test_an_exemption_by_an_earlier_pass_needs_the_pass(office: Office) -> None:
    persons = one(office)
    make_sitting(office.home, "s2", essay=False, persons=persons)
    with office.staff("hr") as hr:
        form = {"kind": "exempt:passed_this_term_lateral", "reason": "平级转任", "document_no": "组 1 号"}
        assert "没有查到" in hr.refused("/sittings/s2/records/2611200002/event", **form)
        assert "本届内已考试合格，平级转任" in hr.done("/sittings/s2/records/2611200001/event", **form)


def test_what_is_on_file_is_revoked_not_replaced(office: Office) -> None:
    one(office)
    with office.staff("hr") as hr:
        hr.done(f"{page_of(2)}/event", kind="absent", reason="未到")
        assert "现为“缺考”，不能登记免试" in hr.refused(f"{page_of(2)}/event", kind="exempt:approved_by_authority", reason="x", document_no="1")
        page = hr.page(page_of(2))
        path = re.search(r'action="([^"]+/event/\d+)/attachment"', page)
        assert path
        hr.done(f"{path[1]}/attachment", {"attachment": ("签到表.png", b"\x89PNG\r\n\x1a\nx", "image/png")})
        assert "已有附件" in hr.refused_with(f"{path[1]}/attachment", {"attachment": ("b.pdf", PDF, "application/pdf")})
        shown = hr.done(f"{path[1]}/revoke", reason="登记错人")
        assert "已撤销" in shown and "登记错人" in shown and "签到表.png" in shown


def test_a_failed_issue_is_told_on_both_pages(office: Office) -> None:
    persons = one(office)
    with office.staff("hr") as hr:
        with transaction(office.home.office) as connection:
            connection.execute(candidate_event.insert().values(sitting_id="s1", person_id=persons[0], kind="absent", at=0, by="li", reason="未到"))
        assert hr.post("/sittings/s1/issue").status_code == 303
        assert office.work() == [False]
        for path in ("/sittings/s1/records", page_of(1)):
            assert "最近一次签发没有成功" in hr.page(path) and "却有答卷" in hr.page(path)
        with transaction(office.home.office) as connection:
            connection.execute(candidate_event.delete())
        assert hr.post("/sittings/s1/issue").status_code == 303
        assert office.work() == [True] and "最近一次签发没有成功" not in hr.page("/sittings/s1/records")


def test_the_file_for_an_appeal(office: Office) -> None:
    one(office)
    with office.staff("hr") as hr:
        assert "请填写“调取的事由”" in hr.refused(f"{page_of(1)}/appeal")
        answer = hr.post(f"{page_of(1)}/appeal", reason="本人书面申诉")
        assert answer.status_code == 200 and answer.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
        assert set(bundle.namelist()) == {"说明.txt", "申诉材料.pdf", "全部数据.json", "成绩记录.json"}
        data = json.loads(bundle.read("全部数据.json"))
        assert bundle.read("申诉材料.pdf").startswith(b"%PDF")
        assert check_file(bundle.read("成绩记录.json")).records == 1
    assert [(q["answer"], q["key"], q["points"]) for q in data["questions"]] == [
        ("C", "C", "20"), ("A", "A", "20"), ("ABD", "ABD", "10"), ("ACE", "ACE", "2"), ("B", "B", "18"),
    ]  # fmt: skip
    with office.staff("auditor") as auditor:
        assert auditor.post(f"{page_of(1)}/appeal", reason="x").status_code == 403


def test_the_resit_takes_who_may_come_and_tells_why_the_others_may_not(office: Office) -> None:
    persons = make_sitting(office.home, "s1", people=5, essay=False)
    add_script(office.home, "s1", persons[0], RIGHT)
    add_script(office.home, "s1", persons[1], WRONG)
    mark_sitting(office.home, "s1", "test")
    with office.staff("hr") as hr:
        hr.done(f"{page_of(3)}/event", kind="deferred", reason="住院", document_no="1 号")
        hr.done(f"{page_of(4)}/event", kind="exempt:approved_by_authority", reason="批准", document_no="2 号")
        assert "还没有签发" in hr.get("/sittings/s1/resit").text
        issue_records(office.home, "s1", "hr1")
        assert enrolment(hr) == {"entitled": [2, 3, 5], "others": [1, 4]}
        page = hr.page("/sittings/s1/resit")
        assert "已批准免试" in page and "不合格，补考" in page and "还没有准备中的补考" not in page, "HR does not enrol"
    make_sitting(office.home, "s2", essay=False, persons=[], resit_of="s1", profile=PROFILE)
    with transaction(office.home.office) as connection:
        connection.execute(update(sitting).where(sitting.c.id == "s2").values(state="draft"))
    with office.staff("exam_officer") as officer:
        assert "已把 3 人列入" in officer.done("/sittings/s1/resit", target="s2")
        assert enrolment(officer) == {"entitled": [], "others": [1, 2, 3, 4, 5]} and "已列入“" in officer.page("/sittings/s1/resit")
        assert officer.post("/sittings/s1/resit", target="s1").status_code == 404
    with office.home.office.connect() as connection:
        assert set(connection.execute(select(candidate.c.person_id).where(candidate.c.sitting_id == "s2")).scalars()) == set(persons[1:3] + persons[4:])


def enrolment(person: Person) -> dict[str, list[int]]:
    page = person.page("/sittings/s1/resit")
    first, _, second = page.partition("不能参加补考的")
    return {name: [int(n[-5:]) for n in re.findall(r'<td class="number">(26111\d+)</td>', text)] for name, text in (("entitled", first), ("others", second))}


@pytest.mark.parametrize("kind", ["misconduct", "void"])
def test_misconduct_found_later_ends_in_a_new_record(office: Office, kind: str) -> None:
    one(office)
    with office.staff("hr") as hr:
        shown = hr.done(f"{page_of(1)}/event", kind=kind, reason="事后查实夹带", document_no="纪 1 号")
        assert "请到“成绩”页重新签发" in shown
        assert "签发之后有变动" in hr.page("/sittings/s1/records")
        hr.done("/sittings/s1/issue")
        assert office.work() == [True]
        assert "登记或评分有变化，重新签发" in hr.page(page_of(1))
