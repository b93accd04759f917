"""队伍持证 as HR uses it: the list and its filters, one person's entries with their papers, what is short where, the kinds."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from office_room import Office, Person, field, notice
from sqlalchemy import select, update
from workforce_room import add_people, add_unit, take, workbook

from grading.records import issue_records
from grading.roll import day_of
from grading.tables import certification, record
from home import AUDIT, OFFICE, Home, now_ms, transaction, verify_audit
from people.tables import document, unit

TODAY = day_of(now_ms())


def back(days: int) -> date:
    return TODAY - timedelta(days=days)


def furnished(home: Home) -> list[tuple[int, str, str]]:
    """A town with two villages and a school: a social worker, one who never registered, two for one village, a lapsed vice principal."""
    town = add_unit(home, "城关镇", kind="乡镇")
    for name, kind in (("柳河村", "村"), ("石桥村", "村"), ("第一中学", "学校")):
        add_unit(home, name, kind=kind, parent_id=town)
    people = add_people(home, 5, unit_id=town)
    named = [(name, number) for _, name, number in people]
    steps = [(*named[0], "社会工作师", "首次登记", str(back(300)), "某民登〔2026〕5号", "")]
    steps += [(*one, "法律明白人", "发证", str(back(40)), "", "") for one in named[2:4]]
    steps += [(*named[4], "法治副校长", "聘任", str(back(1200)), "", "")]
    take(home, workbook(
        资格=[(*named[0], "社会工作师", str(back(500)), "A001", "某省人社厅", "", ""), (*named[1], "社会工作师", str(back(500)), "A002", "", "", ""),
            (*named[2], "法律明白人", str(back(90)), "", "", "柳河村", ""), (*named[3], "法律明白人", str(back(90)), "", "", "柳河村", ""),
            (*named[4], "法治副校长", str(back(1300)), "", "", "第一中学", "")],
        办理=steps, 学时=[(*named[0], str(back(100)), 60, "", "继续教育班", "某协会")],
    ), today=TODAY)  # fmt: skip
    return people


@pytest.fixture
def people(office: Office) -> list[tuple[int, str, str]]:
    return furnished(office.home)


def names(shown: str) -> list[str]:
    return re.findall(r'href="/workforce/people/\d+">([^<]+)</a>', shown)


def test_the_list_counts_filters_and_pages(office: Office, people) -> None:
    with office.staff("hr") as hr:
        shown = hr.page("/workforce")
        assert sorted(names(shown)) == sorted(name for _, name, _ in people) and "继续教育缺 30 学时" in shown
        counted = dict((title, int(n)) for n, title in re.findall(r"<b>(\d+)</b>([^<]+)</a>", shown))
        assert {title: counted[title] for title in ("全部在册", "有效", "逾期未办", "已过期", "已逾期或过期", "办理中")} == {
            "全部在册": 5, "有效": 3, "逾期未办": 1, "已过期": 1, "已逾期或过期": 2, "办理中": 0}  # fmt: skip
        assert names(hr.page("/workforce?state=overdue")) == [people[1][1]]
        assert names(hr.page("/workforce?due=overdue")) == [people[1][1], people[4][1]], "the earliest first"
        assert len(names(hr.page("/workforce?kind=law_literate"))) == 2
        assert len(names(hr.page("/workforce?unit=城关"))) == 5 and names(hr.page("/workforce?unit=石桥村")) == []
        assert len(names(hr.page("/workforce?unit=柳河"))) == 2, "where it is exercised counts"
        assert names(hr.page(f"/workforce?name={people[0][2][-4:]}")) == [people[0][1]] and names(hr.page("/workforce?name=A002")) == [people[1][1]]
        assert "/exports?list=expiry" in shown
        for odd in ("kind=none", "state=<b>", "due=7", "page=0", "page=99999", "page=x", "unit=%25", "name=_", "name=" + "长" * 3000):
            assert hr.get(f"/workforce?{odd}").status_code == 200, odd
        assert names(hr.page("/workforce?unit=%25")) == names(hr.page("/workforce?name=_")) == [], "no wildcards"


def test_somebody_is_found_by_name_or_the_end_of_the_number(office: Office, people) -> None:
    with office.staff("hr") as hr:
        assert names(hr.page(f"/workforce/people?name={people[3][1]}")) == [people[3][1]]
        assert names(hr.page(f"/workforce/people?name={people[3][2][-4:].lower()}")) == [people[3][1]]
        assert names(hr.page(f"/workforce/people?name={people[3][2]}")) == [], "whole numbers are not searched in addresses"
        assert "人员库里没有“查无此人”" in hr.page("/workforce/people?name=查无此人")


def test_a_persons_page_tells_what_the_clock_says(office: Office, people) -> None:
    with office.staff("auditor") as auditor:
        shown = auditor.page(f"/workforce/people/{people[0][0]}")
        for told in ("某民登〔2026〕5号", "继续教育缺 30 学时", "A001", "日期是怎样算出来的", "继续教育班 60 学时"):
            assert told in shown, told
        assert "<form" not in shown.split("<main")[1], "an auditor enters nothing"
        assert "能否补办请问办理机关" in auditor.page(f"/workforce/people/{people[1][0]}")
        for bad in ("999", "0", "x", "1e3", "9" * 30):
            assert auditor.get(f"/workforce/people/{bad}").status_code == 404


def entered(hr: Person, who: int, path: str, files: dict | None = None, **form: str) -> str:
    return hr.done(f"/workforce/people/{who}/{path}", files, **form)


def test_a_place_of_service_is_named_as_on_rosters(office: Office, people) -> None:
    for town in ("甲镇", "乙镇"):
        add_unit(office.home, "东街村", kind="村", parent_id=add_unit(office.home, town, kind="乡镇"))
    who = people[0][0]
    form = {"kind": "law_literate", "on_day": str(back(50)), "document_no": "", "issuer": "", "note": ""}
    with office.staff("hr") as hr:
        shown = hr.page(f"/workforce/people/{who}")
        offered = re.findall(r'<option value="([^"]+)"', shown[shown.index('<datalist id="places">'):])
        assert {"甲镇东街村", "乙镇东街村", "柳河村", "石桥村"} <= set(offered) and "东街村" not in offered, "each choice means one"
        told = hr.refused(f"/workforce/people/{who}/held", place="东街村", **form)
        assert "“东街村”可能是 2 个单位：“甲镇”下的“东街村”、“乙镇”下的“东街村”；请写成“甲镇东街村”或“乙镇东街村”" in told
        assert "单位“没有的村”还没有登记；请先在“导入”页用“单位”表登记" in hr.refused(f"/workforce/people/{who}/held", place="没有的村", **form)
        assert "已登记" in notice(entered(hr, who, "held", place="乙镇/东街村", **form))
    above = unit.alias("above")
    with office.home.office.connect() as connection:
        at = connection.execute(select(unit.c.name, above.c.name).join(certification, certification.c.unit_id == unit.c.id).join(above, above.c.id == unit.c.parent_id)
                                .where(certification.c.person_id == who, certification.c.kind == "law_literate")).all()  # fmt: skip
    assert at == [("东街村", "乙镇")]


def test_steps_hours_an_ending_each_with_its_paper_and_struck_out_with_a_reason(office: Office, people) -> None:
    who, scan = people[1][0], {"attachment": ("登记证 <b>.pdf", b"%PDF-1.7 scan", "application/pdf")}
    with office.staff("hr") as hr:
        held = re.search(r'id="held-(\d+)"', hr.page(f"/workforce/people/{who}"))[1]
        told = notice(entered(hr, who, f"held/{held}/step", scan, step="registered", on_day=str(back(5)), document_no="<i>补7号", note="迟到补办"))
        assert "现在：有效，有效期至" in told
        shown = entered(hr, who, "hours", {"attachment": ("结业证.jpg", b"\xff\xd8\xff\xe0x", "image/jpeg")}, source="training", on_day=str(back(2)), hours="7.5", title="社工班",
                        provider="某协会", document_no="结字1号", note="线下")  # fmt: skip
        assert "&lt;i&gt;补7号" in shown and "<i>补" not in shown and "登记证 &lt;b&gt;.pdf" in shown and "社工班 7.5 学时" in shown
        paper = re.search(r"/workforce/people/\d+/documents/(\d+)", shown)[1]
        taken = hr.get(f"/workforce/people/{who}/documents/{paper}")
        assert taken.status_code == 200 and taken.headers["content-disposition"].startswith("attachment")
        assert hr.get(f"/workforce/people/{people[0][0]}/documents/{paper}").status_code == 404, "another person's paper"
        step = re.search(r"/step/(\d+)/revoke", shown)[1]
        shown = entered(hr, who, f"held/{held}/step/{step}/revoke", reason="登到了别人名下")
        assert "已撤销：登到了别人名下（人事甲" in shown and "逾期未办" in shown
        hours = re.search(r"/hours/(\d+)/revoke", shown)[1]
        assert "已撤销：重复" in entered(hr, who, f"hours/{hours}/revoke", reason="重复")
        shown = entered(hr, who, f"held/{held}/end", scan, on_day=str(back(1)), reason="本人申请注销", document_no="注1号")
        assert "已终止的" in shown and "注1号" in shown
        assert "办理中" not in entered(hr, who, f"held/{held}/resume", reason="登错人") and "逾期未办" in hr.page(f"/workforce/people/{who}")
        shown = entered(hr, who, f"held/{held}/revoke", reason="同名，登到他名下了")
        assert "没有在册的资格" in shown and "已撤销：同名，登到他名下了" in shown
        assert names(hr.page("/workforce?state=ended")) == [] and len(names(hr.page("/workforce"))) == 4
        assert "已登记“社会工作师”" in entered(hr, who, "held", kind="social_worker", on_day=str(back(500)), document_no="A002", issuer="某厅", place="", note="")
    with office.home.office.connect() as connection:
        assert verify_audit(connection, OFFICE) is None
        acts = connection.execute(select(AUDIT[OFFICE].c.action).where(AUDIT[OFFICE].c.subject == f"person/{who}").order_by(AUDIT[OFFICE].c.n)).scalars().all()
        assert len(connection.execute(select(document)).all()) == 3
    assert [act for act in acts if not act.startswith("document.")] == [
        "certification.step", "hours.add", "certification.step.revoke", "hours.revoke", "certification.end", "certification.resume",
        "certification.revoke", "certification.add"]  # fmt: skip
    assert "document.download" in acts


def test_what_cannot_be_entered_is_told_and_leaves_nothing(office: Office, people) -> None:
    who, other = people[0][0], people[4][0]
    with office.staff("hr") as hr:
        held = re.search(r'id="held-(\d+)"', hr.page(f"/workforce/people/{who}"))[1]
        post = f"/workforce/people/{who}"
        tomorrow, folder = str(TODAY + timedelta(days=1)), office.home.secret / "documents"
        refusals = [
            (f"{post}/held/{held}/step", {"step": "renewed", "on_day": tomorrow}, "在今天之后"),
            (f"{post}/held/{held}/step", {"step": "renewed", "on_day": str(back(1))}, "早于受理期"),
            (f"{post}/held/{held}/step", {"step": "stamped", "on_day": str(back(1))}, "没有“stamped”这一步"),
            (f"{post}/held/{held}/step", {"step": "renewed", "on_day": "昨天"}, "这样的日期"),
            (f"{post}/held/{held}/end", {"on_day": str(back(1)), "reason": ""}, "请填写“原因”"),
            (f"{post}/hours", {"source": "sleep", "on_day": str(back(1)), "hours": "3", "title": "班"}, "学时来源应为"),
            (f"{post}/hours", {"source": "training", "on_day": str(back(1)), "hours": "1e9", "title": "班"}, "不是学时数"),
            (f"{post}/held", {"kind": "social_worker", "on_day": str(back(9))}, "已经登记了“社会工作师”"),
            (f"{post}/held", {"kind": "none", "on_day": str(back(9))}, "请选择资格"),
            (f"{post}/held", {"kind": "lecturer", "on_day": str(back(9)), "place": "没有的村"}, "还没有登记"),
            (f"{post}/pass", {"kind": "pre_appointment", "record": "R1"}, "没有可以转入的成绩记录"),
            (f"{post}/pass", {"kind": "lecturer", "record": "R1"}, "不能从成绩记录转入；可以的有：任前法律知识"),
        ]  # fmt: skip
        scan = {"attachment": ("x.pdf", b"%PDF-1.7 refused", "application/pdf")}
        for path, form, told in refusals:
            assert told in hr.refused_with(path, scan, **form), told
        assert not folder.exists() or not list(folder.iterdir()), "a refused entry keeps no paper"
        program = {"attachment": ("x.pdf", b"MZ\x90", "application/pdf")}
        assert "不是 PDF" in hr.refused_with(f"{post}/held/{held}/step", program, step="renewed", on_day=str(back(1)))
        for path in (f"/workforce/people/{other}/held/{held}/end", "/workforce/people/999/hours", f"{post}/held/999999/end"):
            answer = hr.post(path, on_day=str(back(1)), reason="越权试一试", source="training", hours="1", title="班")
            assert answer.status_code in (303, 404)
    with office.home.office.connect() as connection:
        assert connection.execute(select(certification.c.id).where(certification.c.ended_on.is_not(None))).first() is None
        assert connection.execute(select(document.c.id)).first() is None


def test_villages_and_schools_that_are_short(office: Office, people) -> None:
    with office.staff("hr") as hr:
        shown = hr.page("/workforce/coverage?kind=law_literate")
        rows = re.findall(r"<tr><td><a[^>]*>([^<]+)</a></td><td>[^<]*</td><td class=\"number\">(\d+)</td><td class=\"number\">(\d+)</td>", shown)
        assert rows == [("石桥村", "0", "3"), ("柳河村", "2", "3")] and "合计缺（名）" in shown
        assert "石桥村" in hr.page("/workforce/coverage?kind=law_literate&show=empty") and "柳河村" not in hr.page("/workforce/coverage?kind=law_literate&show=empty")
        assert "第一中学" in hr.page("/workforce/coverage?kind=vice_principal&show=empty"), "who has lapsed does not count"
        assert "下面没有类别为“村”的单位" in hr.page("/workforce/coverage?kind=law_literate&unit=没有的镇")
        assert hr.get("/workforce/coverage?kind=none&show=x").status_code == 200
        with transaction(office.home.office) as connection:
            connection.execute(update(certification).where(certification.c.kind == "law_literate").values(unit_id=None))
        assert "另有 2 名有效的法律明白人" in hr.page("/workforce/coverage?kind=law_literate")


def test_kinds_tell_their_rules_and_where_they_come_from(office: Office) -> None:
    own = office.home.secret / "workforce" / "kinds"
    with office.staff("auditor") as auditor:
        shown = auditor.page("/workforce/kinds")
        assert "每个村不少于 3 名" in shown and "取得学位抵 90 学时，一生一次" in shown and "本单位改过的规则" not in shown
        own.mkdir(parents=True)
        (own / "law_literate.toml").write_text(
            'title = "法律明白人"\ngroup = "法律明白人"\nsource = "某府发〔2026〕<1>号"\nobtained = "推荐日期"\n[target]\nunit_kind = "村"\nleast = 5\n', encoding="utf-8")  # fmt: skip
        shown = auditor.page("/workforce/kinds")
        assert "本单位改过的规则" in shown and "每个村不少于 5 名" in shown and "某府发〔2026〕&lt;1&gt;号" in shown
        (own / "law_literate.toml").write_text('title = ""\n', encoding="utf-8")
        answer = auditor.get("/workforce/kinds")
        assert answer.status_code == 409 and "law_literate.toml:" in answer.text, "a broken rule is named by its place"


def test_rules_that_changed_are_told_until_the_worker_has_reckoned(office: Office, people) -> None:
    from grading.workforce.kinds import kinds_of
    from grading.workforce.reckoning import bring_up_to_date

    with transaction(office.home.office) as connection:
        connection.execute(update(certification).where(certification.c.kind == "social_worker").values(reckoned="old"))
    with office.staff("hr") as hr:
        assert "有 2 项还没有按现行规则重算" in hr.page("/workforce")
        assert bring_up_to_date(office.home, kinds_of(office.home)) == 2
        shown = hr.page("/workforce")
        assert "还没有按现行规则重算" not in shown and "待重算" not in shown


def test_a_pass_of_ours_becomes_a_certification_that_ends_with_it(office: Office) -> None:
    from grading_fixture import RIGHT, add_script, make_sitting
    from sqlalchemy import text

    from grading.marks import mark_sitting

    who = make_sitting(office.home, "s1", essay=False, people=1)[0]
    with transaction(office.home.office) as connection:
        connection.execute(text("UPDATE sitting SET kind = 'formal'"))
    add_script(office.home, "s1", who, RIGHT)
    mark_sitting(office.home, "s1", "test")
    issue_records(office.home, "s1", "hr1")
    until = TODAY + timedelta(days=400)
    with transaction(office.home.office) as connection:
        ident = connection.execute(select(record.c.id).where(record.c.outcome == "passed")).scalar_one()
        connection.execute(update(record).values(valid_until=until))
    with office.staff("hr") as hr:
        shown = hr.page(f"/workforce/people/{who}")
        assert field(shown, "record") == ident
        shown = entered(hr, who, "pass", kind="pre_appointment", record=ident)
        assert f"至 {until}" in shown and f"所依据的成绩有效期至 {until}" in shown and "可以转入的考试合格记录" not in shown
        assert "没有可以转入" in hr.refused(f"/workforce/people/{who}/pass", kind="pre_appointment", record=ident)
        with transaction(office.home.office) as connection:
            row = dict(connection.execute(select(record)).one()._mapping)
            connection.execute(record.insert().values(row | {"id": "R2", "supersedes": ident, "valid_until": until + timedelta(days=1)}))
        assert "已被更正后的记录代替" in hr.page(f"/workforce/people/{who}")
        assert f"至 {until + timedelta(days=1)}" in entered(hr, who, "pass", kind="pre_appointment", record="R2")
    with office.home.office.connect() as connection:
        rows = connection.execute(select(certification.c.ended_on.is_(None), certification.c.record_id).order_by(certification.c.id)).all()
    assert [tuple(row) for row in rows] == [(False, ident), (True, "R2")]
