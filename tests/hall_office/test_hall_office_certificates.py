"""Certificates by the pages: made by the worker, taken, revoked, replaced; one person's; what others check with; broken templates."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import date

import pytest
from grading_fixture import PROFILE, RIGHT, add_script, make_sitting
from office_room import Office
from sqlalchemy import select, update

from grading.certificates.issue import listed, revocations
from grading.certificates.revocations import read_list
from grading.certificates.verify import check, read_texts
from grading.marks import mark_sitting
from grading.records import issue_records, public_key
from grading.tables import certificate
from home import AUDIT, OFFICE, transaction
from people.tables import person

#: so new to Unicode that no font shows it
UNKNOWN = "\U000323b0"
CERTIFYING = PROFILE.replace("certificate = false", "certificate = true")


@pytest.fixture
def issued(office: Office) -> Office:
    """Two who passed and one who stayed away; records issued."""
    persons = make_sitting(office.home, essay=False, people=3, profile=CERTIFYING)
    for one in persons[:2]:
        add_script(office.home, "s1", one, RIGHT)
    mark_sitting(office.home, "s1", "test")
    issue_records(office.home, "s1", "hr9")
    return office


def numbers(office: Office, state: str = "stands") -> list[str]:
    with office.home.office.connect() as connection:
        return [one.number for one in listed(connection, "s1") if one.state == state]


def told(office: Office) -> str:
    """What the newest job came to."""
    with office.home.office.connect() as connection:
        from grading.tables import job

        return str(connection.execute(select(job.c.message).order_by(job.c.id.desc()).limit(1)).scalar())


def test_made_taken_revoked_and_replaced_by_the_pages(issued: Office, tmp_path) -> None:
    with issued.staff("hr") as hr:
        assert "还没有制作" in hr.page("/sittings/s1/certificates")
        assert "正在制作合格证书" in hr.done("/sittings/s1/certificates", kind="certificate", form="pdf")
        hr.done("/sittings/s1/certificates", kind="score_sheet", form="zip")
        assert issued.work() == [True, True]
        page = hr.page("/sittings/s1/certificates")
        assert "合格证书 <b>2</b> 份" in page and "成绩通知单 <b>3</b> 份" in page and "李四" in page
        pdf, archive = (re.search(rf"/exports/([^\"]+\.{form})", page)[1] for form in ("pdf", "zip"))
        (tmp_path / "c.pdf").write_bytes(hr.get(f"/exports/{pdf}").content)
        assert len(read_texts(tmp_path / "c.pdf")) == 2
        with zipfile.ZipFile(io.BytesIO(hr.get(f"/exports/{archive}").content)) as book:
            assert book.namelist() == ["2611100001-李四.pdf", "2611100002-王五.pdf", "2611100003-赵六.pdf"]
        first, second = sorted(one for one in numbers(issued) if one.startswith("C"))
        at = "/sittings/s1/certificates"
        assert "请填写“原因”" in hr.refused(f"{at}/{first}", act="revoke", reason=" ")
        assert "请选择撤销或补发" in hr.refused(f"{at}/{first}", act="x", reason="冒名")
        assert f"已撤销 {first}" in hr.done(f"{at}/{first}", act="revoke", reason="冒名，经查实")
        assert "可能已经撤销" in hr.refused(f"{at}/{first}", act="revoke", reason="再撤一次")
        assert "补发" in hr.done(f"{at}/{second}", act="replace", reason="本人遗失")
        page = hr.page(f"{at}?state=revoked")
        assert "冒名，经查实" in page and "筛选出 <b>1</b> 份" in page
        hr.done(at, kind="certificate", form="pdf")
        assert issued.work() == [True] and "合格证书 1 份，其中新制 0 份" in told(issued) and "已撤销，补发请在列表中逐个办理" in told(issued)
        assert hr.post(f"{at}/C261124-ABCDEFGH", act="revoke", reason="x").status_code == 404
        assert hr.post(f"{at}/..%2Fx", act="revoke", reason="x").status_code == 404
    with issued.home.office.connect() as connection:
        acts = [row.action for row in connection.execute(AUDIT[OFFICE].select()) if row.action.startswith("certificate")]
    assert acts == ["certificates.make", "certificates.make", "certificate.revoke", "certificate.revoke", "certificate.replace", "certificates.make"]


def test_one_persons_sheet_from_the_record(issued: Office, tmp_path) -> None:
    with issued.staff("hr") as hr:
        page = hr.page("/sittings/s1/records/2611100001")
        assert "下载成绩通知单" in page and "下载合格证书" in page
        assert "下载合格证书" not in hr.page("/sittings/s1/records/2611100003"), "who did not pass gets none"
        first = hr.post("/sittings/s1/records/2611100001/sheet", kind="certificate")
        assert first.headers["content-type"] == "application/pdf" and "attachment" in first.headers["content-disposition"]
        (tmp_path / "one.pdf").write_bytes(first.content)
        [code] = read_texts(tmp_path / "one.pdf")
        assert check(code, public_key(issued.home), date(2026, 11, 28)).good
        again = hr.post("/sittings/s1/records/2611100001/sheet", kind="certificate")
        assert again.status_code == 200 and len(numbers(issued)) == 1, "a reprint is the same certificate"
        assert "没有可以制作的" in hr.refused("/sittings/s1/records/2611100003/sheet", kind="certificate")
        assert "不发这一种" in hr.refused("/sittings/s1/records/2611100003/sheet", kind="diploma")


def test_a_broken_template_of_the_office_is_named_with_its_line_and_nothing_is_made(issued: Office) -> None:
    own = issued.home.root / "templates" / "certificate.typ"
    own.parent.mkdir(exist_ok=True)
    own.write_text("#let data = json(bytes(sys.inputs.data))\n本县版式\n#data.没有这一项\n", encoding="utf-8")
    with issued.staff("hr") as hr:
        page = hr.page("/sittings/s1/certificates")
        assert page.count("本单位自己的版式") == 1 and "本县版式" in hr.get("/certificates/templates/certificate").text
        assert "合格证书（A4 横向" not in hr.get("/certificates/templates/certificate").text
        assert "成绩通知单（A4 竖向" in hr.get("/certificates/templates/score_sheet").text
        for form in ("pdf", "zip"):
            hr.done("/sittings/s1/certificates", kind="certificate", form=form)
            assert issued.work() == [False]
            assert "certificate.typ:3：模板排不出版" in told(issued)
        assert "certificate.typ:3" in hr.refused("/sittings/s1/records/2611100001/sheet", kind="certificate")
    assert list(issued.home.exports.iterdir()) == []
    with issued.home.office.connect() as connection:
        assert connection.execute(certificate.select()).first() is None, "no number without its sheet"


@pytest.mark.parametrize("form", ["pdf", "zip"])
def test_a_character_without_a_font_leaves_out_its_owner_only(office: Office, form: str) -> None:
    persons = make_sitting(office.home, essay=False, people=2, profile=CERTIFYING)
    with transaction(office.home.office) as connection:
        connection.execute(update(person).where(person.c.id == persons[0]).values(name=f"李{UNKNOWN}"))
    for one in persons:
        add_script(office.home, "s1", one, RIGHT)
    mark_sitting(office.home, "s1", "test")
    issue_records(office.home, "s1", "hr9")
    with office.staff("hr") as hr:
        hr.done("/sittings/s1/certificates", kind="certificate", form=form)
        assert office.work() == [True]
        assert "合格证书 1 份" in told(office) and f"没有制作 2611100001 李{UNKNOWN}：这台机器的字体里没有“{UNKNOWN}”字" in told(office)
        assert len(numbers(office)) == 1
        assert "请安装字体" in hr.refused("/sittings/s1/records/2611100001/sheet", kind="certificate")


def test_what_others_check_with_is_given_and_recorded(issued: Office) -> None:
    with issued.staff("hr") as hr:
        hr.done("/sittings/s1/certificates", kind="certificate", form="pdf")
        issued.work()
        [first, _second] = numbers(issued)
        hr.done(f"/sittings/s1/certificates/{first}", act="revoke", reason="印错")
    with issued.staff("auditor") as auditor:
        seen = auditor.page("/sittings/s1/certificates")
        assert 'value="revoke"' not in seen and "制作由人事岗位办理" in seen
        page = auditor.get("/certificates/page")
        assert "attachment" in page.headers["content-disposition"] and public_key(issued.home).hex() in page.text and "李四" not in page.text
        given = read_list(auditor.get("/certificates/revocations").text, public_key(issued.home))
        assert given.numbers == revocations(issued.home).numbers and list(given.numbers) == [first]
    with issued.home.office.connect() as connection:
        taken = [(row.actor, row.action) for row in connection.execute(AUDIT[OFFICE].select()) if row.action in ("certificates.page", "certificates.revocations")]
    assert taken == [("auditor1", "certificates.page"), ("auditor1", "certificates.revocations")]


def test_before_records_or_while_they_are_stale_nothing_can_be_made(office: Office) -> None:
    make_sitting(office.home, essay=False, people=1)
    with office.staff("hr") as hr:
        assert "还没有签发成绩" in hr.page("/sittings/s1/certificates")
        assert "请选择要制作的种类" in hr.refused("/sittings/s1/certificates", kind="certificate", form="pdf"), "this profile gives none"
        hr.done("/sittings/s1/certificates", kind="score_sheet", form="pdf")
        assert office.work() == [False] and "还没有签发成绩" in told(office)


def test_what_changed_while_it_was_set_is_not_entered(issued: Office) -> None:
    from grading.certificates.issue import keep, prepare
    from grading.errors import CertificateError
    early, late = (prepare(issued.home, "s1", "certificate") for _ in range(2))
    with transaction(issued.home.office) as connection:
        keep(connection, early, "hr1")
    with pytest.raises(CertificateError, match="制作期间成绩记录或证书有变动"), transaction(issued.home.office) as connection:
        keep(connection, late, "hr2")
    assert sorted(numbers(issued)) == sorted(sheet.number for sheet in early.sheets)
    with issued.home.office.connect() as connection:
        made = [json.loads(row.payload)["new"] for row in connection.execute(AUDIT[OFFICE].select()) if row.action == "certificates.make"]
    assert made == [2]
