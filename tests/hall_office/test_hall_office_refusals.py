"""A refused form on the real pages: what was typed is there again, on its own form, with the reason; a file need not be chosen twice."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

import pytest
from office_room import PASSWORD, Office, Person, field, import_people, new_sitting, notice, people
from payloads import SCRIPTS
from sqlalchemy import select
from test_hall_office_workforce import TODAY, back, furnished

from hall.office import kept_uploads
from hall.office.refill import DROPPED, KEPT
from home import Home, transaction
from people.accounts import add_account
from people.documents import get_document, read_document
from people.tables import document

SCAN = b"%PDF-1.7 scan"


def paper(data: bytes = SCAN, name: str = "登记证 <b>.pdf") -> dict:
    return {"attachment": (name, data, "application/pdf")}


def form_at(page: str, action: str) -> str:
    """The form with this action."""
    found = re.search(rf'<form [^>]*action="{re.escape(action)}".*?</form>', page, re.S)
    assert found, page[-2000:]
    return found[0]


def kept(home: Home) -> list[Path]:
    return list((home.secret / "uploads").glob("*.sealed"))


def papers(home: Home) -> list[bytes]:
    with home.office.connect() as connection:
        return [read_document(home, get_document(connection, ident)) for ident in connection.execute(select(document.c.id)).scalars()]


def test_a_new_sitting_comes_back_whole(office: Office) -> None:
    hostile = SCRIPTS[0]
    form = {"title": hostile, "kind": "formal", "blueprint": "none", "profile": "small_office", "day": "2027-01-05", "opens": "08:15", "closes": "10:00", "place": "三楼",
            "ranges": "10.0.0.0/8", "seb_keys": "", "resit_of": "", "id": ""}  # fmt: skip
    with office.staff("exam_officer") as officer:
        answer = officer.post("/sittings/new", **form)
        told = re.search(r'<div class="notice bad" role="alert" tabindex="-1" autofocus>(.*?)</div>', answer.text)
        assert answer.status_code == 422 and told and "请选择试卷" in told[1] and hostile not in answer.text
        shown = form_at(answer.text, "/sittings/new")
        for part in (f'value="{html.escape(hostile)}"', 'value="formal" required checked', 'value="2027-01-05"', 'value="08:15"', 'value="三楼"', ">\n10.0.0.0/8</textarea>"):
            assert part in shown, part
        assert shown.count(" checked") == 2 and '<details class="own" open><summary>只许' in shown
        assert notice(officer.done("/sittings/new", **{**form, "title": "一", "kind": "demo", "blueprint": "county_100"}))
        assert "没有执行" not in officer.page("/"), "the reason was told once"


def test_the_right_one_of_many_forms_of_a_page(office: Office) -> None:
    who = furnished(office.home)[1][0]
    with office.staff("hr") as hr:
        held = re.search(r'id="held-(\d+)"', hr.page(f"/workforce/people/{who}"))[1]
        action = f"/workforce/people/{who}/held/{held}/end"
        answer = hr.post(action, on_day="2999-01-01", reason="调离", document_no="7号")
        assert answer.status_code == 422
        assert answer.text.count('value="调离"') == answer.text.count('value="7号"') == 1 and 'value="调离"' in form_at(answer.text, action)
        assert re.search(r"<details open><summary>[^<]*</summary>\s*" + re.escape(form_at(answer.text, action)[:60]), answer.text), "it is unfolded"


def test_a_readable_file_need_not_be_chosen_again(office: Office) -> None:
    who = furnished(office.home)[1][0]
    action = f"/workforce/people/{who}/hours"
    form = {"source": "course", "on_day": str(back(2)), "title": "社工班"}
    with office.staff("hr") as hr:
        answer = hr.post(action, paper(), hours="很多", **form)
        shown = form_at(answer.text, action)
        assert answer.status_code == 422 and "登记证 &lt;b&gt;.pdf" in shown and 'value="很多"' in shown and '<option value="course" selected>' in shown
        assert len(kept(office.home)) == 1 and papers(office.home) == []
        assert SCAN not in kept(office.home)[0].read_bytes(), "sealed"
        token = field(shown, f"{KEPT}attachment")
        assert "保留" in hr.post(action, hours="也不对", **form, **{f"{KEPT}attachment": token}).text
        assert len(kept(office.home)) == 1, "kept anew, the older is gone"
        again = hr.post(action, paper(b"%PDF-1.7 other"), hours="x", **form)
        hr.done(action, hours="5", **form, **{f"{KEPT}attachment": field(form_at(again.text, action), f"{KEPT}attachment")})
        assert papers(office.home) == [b"%PDF-1.7 other"], "the last chosen"
        token = field(form_at(hr.post(action, paper(), hours="x", **form).text, action), f"{KEPT}attachment")
        hr.done(action, hours="6", **{**form, "title": "另一班"}, **{f"{KEPT}attachment": token, f"{DROPPED}attachment": "yes"})
        assert papers(office.home) == [b"%PDF-1.7 other"], "let go"


def test_a_kept_file_is_for_an_hour_one_login_and_one_form(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    who, other = furnished(office.home)[1][0], 1
    action = f"/workforce/people/{who}/hours"
    form = {"source": "course", "on_day": str(back(2)), "title": "社工班", "hours": "5"}
    with transaction(office.home.office) as connection:
        add_account(connection, "hr-two", "人事乙", PASSWORD, ["hr"], "test")
    with office.staff("hr") as hr, office.visitor() as second:
        second.log_in("hr-two", PASSWORD)
        token = field(form_at(hr.post(action, paper(), **{**form, "hours": "x"}).text, action), f"{KEPT}attachment")
        named = {f"{KEPT}attachment": token}
        assert "不是本次登录上传的" in second.refused(action, **form, **named)
        assert "不是本次登录上传的" in hr.refused(f"/workforce/people/{other}/hours", **form, **named)
        (path,) = kept(office.home)
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - kept_uploads.KEPT_MS / 1000 - 1))
        assert "重新选择文件" in hr.refused(action, **form, **named)
        assert papers(office.home) == []
        for bad in ("", "../x", "0" * 32):
            assert "重新选择文件" in hr.refused(action, **form, **{f"{KEPT}attachment": bad})


def test_a_file_that_is_itself_the_fault_is_not_kept(office: Office) -> None:
    who = furnished(office.home)[1][0]
    action = f"/workforce/people/{who}/hours"
    with office.staff("hr") as hr:
        answer = hr.post(action, paper(b"MZ\0", "x.pdf"), source="course", on_day=str(TODAY), title="社工班", hours="5")
        assert answer.status_code == 422 and "不是 PDF" in notice(answer.text) and KEPT not in answer.text and kept(office.home) == []
        assert 'value="社工班"' in form_at(answer.text, action)


def test_secrets_are_typed_again(office: Office) -> None:
    with office.staff("hr") as hr:
        answer = hr.post("/password", old="原来的口令-很长", new="短", again="短")
        assert answer.status_code == 422 and "原来的口令" not in answer.text and 'value="短"' not in answer.text


def test_the_page_is_about_the_same_list_and_a_filter_stays(office: Office) -> None:
    with office.staff("hr") as hr:
        answer = hr.post("/exports", list="expiry", format="none", days="30")
        assert answer.status_code == 422 and field(form_at(answer.text, "/exports"), "list") == "expiry", "without a referrer, by what was sent"
        assert re.search(r'name="days" value="30" checked', answer.text)
    with office.staff("exam_officer") as officer:
        new_sitting(officer)
        import_people(officer, "s-1", people(3))
        number = re.search(r"/candidates/(\d+)", officer.page("/sittings/s-1/roster"))[1]
        sent = {"csrf": officer.csrf, "kind": "deferred", "reason": "", "document_no": "9号"}
        stood = f"/sittings/s-1/candidates/{number}?from=roster&q=%E7%8E%8B"
        for referer, carried in ((f"{office.base}{stood}", stood), ("http://elsewhere.test/x", ""), ("", "")):
            answer = officer.client.post(f"/sittings/s-1/candidates/{number}/event", data=sent, headers={"referer": referer})
            assert answer.status_code == 422 and 'value="9号"' in answer.text
            assert ('name="stood_on"' in answer.text) is bool(carried) and (not carried or html.escape(carried) in answer.text)
        for odd in ("//elsewhere.test/", "javascript:hit(1)", "/nowhere", '/"><script>hit(1)</script>', "/sittings/s-1/live.json", "/" + "x" * 5000, "/x?%00=%00", "/[", "/staff"):
            answer = officer.post(f"/sittings/s-1/candidates/{number}/event", **sent, stood_on=odd)
            assert answer.status_code == 422 and "<script>hit" not in answer.text and 'value="9号"' in answer.text, odd


def test_a_form_that_only_follows_another_comes_back_too(office: Office) -> None:
    people_ = furnished(office.home)
    with office.staff("hr") as hr:
        seen = hr.post("/persons/merge/compare", stays=people_[0][2], goes=people_[2][2])
        ids = {name: field(seen.text, name) for name in ("stays_id", "goes_id")}
        answer = hr.post("/persons/merge", reason="核对了档案", **ids)
        assert answer.status_code == 422 and "勾选确认" in notice(answer.text) and 'value="核对了档案"' in form_at(answer.text, "/persons/merge")
        faulty = hr.post("/persons/merge/compare", stays=people_[0][2], goes="x<b>")
        assert faulty.status_code == 422 and f'value="{people_[0][2]}"' in faulty.text and 'value="x&lt;b&gt;"' in faulty.text


def test_who_may_not_see_the_page_is_told_all_the_same(office: Office) -> None:
    with office.staff("exam_officer") as officer:
        assert isinstance(officer, Person)
        new_sitting(officer)
        answer = officer.post("/sittings/s-1/open", stood_on="/staff")
        assert answer.status_code == 422 and "没有执行" in notice(answer.text) and "新建工作账号" not in answer.text
