from __future__ import annotations

import json
import re
import time

import pytest
from hall_fixture import field
from sitting_fixture import MINUTE, open_demo, public_form
from sqlalchemy import event, func, select, update

from exams.attempts import effective_answers
from exams.control import grant_time, release_device
from exams.sessions import TRIES
from exams.tables import attempt, entry, save, session
from hall.candidate.api import BELIEVED_MS
from hall.candidate.app import FAST, ROUTES
from hall.candidate.guard import MAX_BODY
from hall.candidate.throttle import WRONG_BURST, WRONG_RATE
from home import now_ms, transaction

PAGES = ("/", "/login", "/rules", "/paper", "/done")


@pytest.fixture
def roster(any_home):
    return open_demo(any_home, 3)


def answers_of(home, one):
    with home.exam.connect() as connection:
        number = connection.execute(select(attempt.c.id).where(attempt.c.entry_id == one.entry_id)).scalar_one()
        return effective_answers(connection, number)


def test_the_whole_way(any_home, roster, hall):
    browser = hall(roster[0])
    rules = browser.log_in()
    assert rules.url.path == "/rules" and roster[0].name in rules.text and "请独立作答" in rules.text and "60 分钟" in rules.text
    paper = browser.start()
    assert paper.url.path == "/paper" and paper.text.count('class="question"') == 9
    assert browser.save((1, "q001", "B"), (2, "q009", "公开")).json()["acks"][1][1] == "saved"
    ended = browser.hand_in(6, (3, "q005", "AC"))
    assert ended.status_code == 200 and ended.json()["closed_by"] == "handin"
    assert browser.hand_in(6).json()["receipt"] == ended.json()["receipt"]
    done = browser.http.get("/paper")
    short = ended.json()["receipt"][:16].upper()
    assert done.url.path == "/done" and " ".join(re.findall("....", short)) in done.text and "6 题" in done.text
    assert "分数" not in done.text and "得分" not in done.text
    assert answers_of(any_home, roster[0]) == {"q001": "B", "q009": "公开", "q005": "AC"}
    assert browser.http.post("/logout", data={"csrf": field(done, "csrf")}).url.path == "/login"


@pytest.mark.parametrize(("stage", "place"), [("out", "/login"), ("in", "/rules"), ("started", "/paper"), ("ended", "/done")])
def test_wherever_one_stands_every_address_leads_to_the_one_page(roster, hall, stage, place):
    browser = hall(roster[0])
    if stage == "in":
        browser.log_in()
    if stage in ("started", "ended"):
        browser.start()
    if stage == "ended":
        browser.hand_in(9)
    assert [browser.http.get(page).url.path for page in PAGES] == [place] * len(PAGES)


def test_the_paper_is_out_of_reach_before_the_start_and_after_the_end(roster, hall):
    browser = hall(roster[0])
    pages = [browser.http.get("/paper"), browser.log_in(), browser.http.get("/release/demo/A.json"), browser.http.get("/static/x/../A.json")]
    browser.start()
    browser.hand_in(9)
    pages.append(browser.http.get("/paper"))
    assert all("题干" not in page.text for page in pages)


def test_headers_of_every_answer(roster, hall):
    browser = hall(roster[0])
    browser.start()
    answers = [browser.http.get(path) for path in (*PAGES, "/nothing", "/api/pulse", "/api/form", "/api/save")]
    answers += [browser.save((1, "q001", "A")), browser.post("/api/save", b"{"), browser.http.post("/login"), browser.http.delete("/paper")]
    assert {answer.status_code for answer in answers} >= {200, 404, 405, 400, 403}
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "referrer-policy" in answer.headers or answer.headers["content-type"] == "application/json"
        assert "max-age" in answer.headers["strict-transport-security"] and "server" not in answer.headers


def test_pages_hold_no_inline_script_or_style_and_static_files_may_be_kept(roster, hall):
    browser = hall(roster[0])
    texts = [browser.http.get("/login").text, browser.log_in().text, browser.start().text]
    browser.hand_in(9)
    texts.append(browser.http.get("/done").text)
    for text in texts:
        assert not re.search(r"<script(?![^>]*(src=|application/json))|<style|\sstyle=|\son[a-z]+=", text)
        for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
            found = browser.http.get(address)
            assert found.status_code == 200 and "immutable" in found.headers["cache-control"]
    old = browser.http.get("/static/0000000000000000/hall.css")
    assert old.status_code == 200 and old.headers["cache-control"] == "no-store"


def test_cookies_are_locked(roster, hall):
    browser = hall(roster[0])
    page = browser.http.get("/login")
    data = {"token": field(page, "token"), "number": roster[0].admission_no, "code": roster[0].code}
    answer = browser.http.post("/login", data=data, follow_redirects=False)
    for cookie in (*answer.headers.get_list("set-cookie"), *page.headers.get_list("set-cookie")):
        assert cookie.startswith("__Host-pufa_hall") and all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/"))
    assert len(answer.headers.get_list("set-cookie")) == 2 and answer.status_code == 303


def test_a_log_in_gives_a_new_session_and_no_session_is_taken_over(any_home, roster, hall):
    browser = hall(roster[0])
    browser.http.cookies.set("__Host-pufa_hall", "planted", domain="hall.test")
    browser.log_in()
    with any_home.exam.connect() as connection:
        assert connection.execute(select(func.count()).select_from(session)).scalar_one() == 1
    assert "planted" not in [cookie.value for cookie in browser.http.cookies.jar if cookie.domain != "hall.test"]


@pytest.mark.parametrize("token", ["", "0" * 64, "x" * 5000, "的"])
def test_a_log_in_form_without_its_token_is_refused(any_home, roster, hall, token):
    browser = hall(roster[0])
    browser.http.get("/login")
    page = browser.http.post("/login", data={"token": token, "number": roster[0].admission_no, "code": roster[0].code})
    assert page.status_code == 403 and "S03" in page.text
    with any_home.exam.connect() as connection:
        assert connection.execute(select(func.count()).select_from(session)).scalar_one() == 0


def test_posts_without_the_sessions_token_change_nothing(any_home, roster, hall):
    one, other = hall(roster[0]), hall(roster[1])
    other.start()
    rules = one.log_in()
    for csrf in ("", "x", str(other.state["csrf"])):
        assert one.http.post("/start", data={"csrf": csrf, "confirm": "on"}).status_code == 403
        assert one.http.post("/logout", data={"csrf": csrf}).status_code == 403
    assert one.http.post("/start", data={"csrf": field(rules, "csrf")}).url.path == "/rules", "not confirmed"
    with any_home.exam.connect() as connection:
        assert connection.execute(select(func.count()).select_from(attempt)).scalar_one() == 1
    one.start()
    for csrf in ("", "x", str(other.state["csrf"])):
        for path in ("/api/save", "/api/handin"):
            assert one.post(path, {}, headers={"x-csrf": csrf}).status_code == 401


def test_a_save_goes_to_ones_own_attempt_whatever_is_sent(any_home, roster, hall):
    one, other = hall(roster[0]), hall(roster[1])
    one.start()
    other.start()
    body = {"writer": 1, "acked": 0, "changes": [[1, "q001", "A", 0]], "attempt": other.state["attempt"]}
    assert one.post("/api/save", body).status_code == 400
    one.http.headers["x-user"] = roster[1].admission_no
    one.save((1, "q001", "A"))
    assert answers_of(any_home, roster[0]) == {"q001": "A"} and answers_of(any_home, roster[1]) == {}


BAD_BODIES = [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"writer": 1}', b'{"writer":"1","acked":0,"changes":[]}', b"[" * 100_000,
    b'{"writer":1,"acked":0,"changes":[[0,"q001","A",0]]}', b'{"writer":1,"acked":0,"changes":[[1,"q001","A",-1]]}',
    b'{"writer":1,"acked":0,"changes":[[1e30,"q001","A",0]]}', b'{"writer":1,"acked":0,"changes":[[99999999,"q001","A",0]]}',
    b'{"writer":1,"acked":0,"changes":[[1,"q001",null,0]]}', b'{"writer":1,"acked":0,"changes":[[1,"q001","A",0,1]]}',
    b'{"writer":99999999999999999999,"acked":0,"changes":[]}',
    json.dumps({"writer": 1, "acked": 0, "changes": [[n, "q001", "A", 0] for n in range(1, 100)]}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:30]))
@pytest.mark.parametrize("path", ["/api/save", "/api/handin", "/api/login"])
def test_a_bad_body_is_refused_and_breaks_nothing(roster, hall, path, body):
    browser = hall(roster[0])
    browser.start()
    answer = browser.post(path, body)
    assert answer.status_code == 400 and answer.json()["code"] == "B04"
    assert browser.save((1, "q001", "A")).status_code == 200


BAD_ANSWERS = [
    ("q001", "E"), ("q001", "AB"), ("q001", "a"), ("q001", "A "), ("q005", "CA"), ("q005", "AA"), ("q005", "ABCDE"), ("q007", "AB"), ("q999", "A"),
    ("q009", "x" * 20_001), ("q009", "a\0b"), ("q009\0", "A"), ("q009", "\ud800"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "answer"), BAD_ANSWERS, ids=lambda value: ascii(value[:8]))
def test_an_answer_that_does_not_fit_its_question_is_refused(any_home, roster, hall, question, answer):
    browser = hall(roster[0])
    browser.start()
    refused = browser.save((1, question, answer))
    assert refused.status_code == 400 and refused.json()["reason"] in ("bad_answer", "bad_request")
    assert answers_of(any_home, roster[0]) == {}


@pytest.mark.parametrize("answer", ["", "x" * 20_000, "<script>alert(1)</script>", "生僻字𫚯 龘\n第二行", "=1+1", "' ; DROP TABLE save; --", "{{ 7*7 }}"])
def test_text_is_stored_as_it_was_typed_and_comes_back_inert(any_home, roster, hall, answer):
    browser = hall(roster[0])
    browser.start()
    assert browser.save((1, "q009", answer)).status_code == 200
    assert answers_of(any_home, roster[0]) == {"q009": answer}
    page = browser.reload()
    assert browser.state["answers"] == {"q009": answer} and "<script>alert" not in page.text


def test_white_space_is_no_answer(any_home, roster, hall):
    browser = hall(roster[0])
    browser.start()
    browser.save((1, "q009", " \n　\t"))
    assert answers_of(any_home, roster[0]) == {"q009": ""}


def test_a_large_body_is_refused_before_it_is_read(roster, hall):
    browser = hall(roster[0])
    browser.start()
    for path in ("/api/save", "/api/handin", "/api/login", "/login", "/start"):
        assert browser.post(path, b"x" * (MAX_BODY + 1)).status_code == 413
        chunks = (b"x" * 100_000 for _ in range(8))
        assert browser.http.post(path, content=chunks, headers={"x-csrf": str(browser.state["csrf"])}).status_code == 413


def test_names_from_the_roster_are_inert(any_home, roster, hall):
    hostile = '<img src=x onerror=alert(1)>"\'</title><script>alert(2)</script>'
    with transaction(any_home.exam) as connection:
        connection.execute(update(entry).values(name=hostile, unit_label=hostile))
    browser = hall(roster[0])
    pages = [browser.log_in(), browser.start()]
    browser.hand_in(9)
    pages.append(browser.http.get("/done"))
    for page in pages:
        assert "<img" not in page.text and "<script>alert" not in page.text and "&lt;img" in page.text


def test_ten_wrong_codes_get_a_clear_message_and_lock_nobody_out(roster, hall):
    browser, neighbour = hall(roster[0]), hall(roster[1])
    for _ in range(TRIES - 1):
        page = browser.log_in("0000-0000-0000")
        assert page.status_code == 403 and "D01" in page.text and roster[0].admission_no in page.text
    locked = browser.log_in("0000-0000-0000")
    assert locked.status_code == 429 and "连续输错 10 次" in locked.text and "D02" in locked.text
    assert neighbour.log_in().url.path == "/rules"
    assert browser.log_in().url.path == "/rules", "the right code opens at any time"


def test_a_source_that_guesses_is_slowed_down_while_the_right_code_still_passes(roster, hall):
    browser = hall(roster[0])
    page = browser.http.get("/login")
    data = {"token": field(page, "token"), "number": "none", "code": "0000-0000-0000"}
    began = time.monotonic()
    codes = [browser.http.post("/login", data=data).status_code for _ in range(160)]
    earned = (time.monotonic() - began) * WRONG_RATE  # however slow this machine is
    assert codes[:WRONG_BURST] == [403] * WRONG_BURST and set(codes) == {403, 429}
    assert WRONG_BURST <= codes.count(403) <= WRONG_BURST + earned
    assert browser.log_in().url.path == "/rules"


def test_the_second_device_is_refused_until_the_officer_releases(any_home, roster, hall):
    first, second = hall(roster[0]), hall(roster[0])
    first.start()
    refused = second.log_in()
    assert refused.status_code == 409 and "办理“换电脑”" in refused.text and "D05" in refused.text
    assert first.save((1, "q001", "A")).status_code == 200
    with transaction(any_home.exam) as connection:
        release_device(connection, roster[0].admission_no, reason="死机", by="kaowu", now=now_ms())
    assert second.log_in().url.path == "/paper"
    second.reload()
    assert second.state["answers"] == {"q001": "A"}
    assert first.save((2, "q001", "B")).json()["reason"] == "session"
    assert second.save((1, "q001", "C")).status_code == 200


def test_an_older_page_is_told_that_it_is_stale(roster, hall):
    browser = hall(roster[0])
    browser.start()
    old = dict(browser.state)
    browser.reload()
    browser.state, new = old, browser.state
    refused = browser.save((1, "q001", "A"))
    assert refused.status_code == 409 and refused.json()["reason"] == "stale"
    assert browser.hand_in(9).json()["reason"] == "stale"
    browser.state = new
    assert browser.save((1, "q001", "A")).status_code == 200


def test_logging_in_again_in_place_keeps_the_page(any_home, roster, hall):
    browser = hall(roster[0])
    browser.start()
    browser.save((1, "q001", "A"))
    browser.http.cookies.delete("__Host-pufa_hall")
    assert browser.save((2, "q002", "B")).json()["reason"] == "session"
    token = browser.http.get("/api/form").json()["token"]
    wrong = browser.post("/api/login", {"number": roster[0].admission_no, "code": "x", "token": token})
    assert wrong.status_code == 403 and wrong.json()["code"] == "D01"
    facts = browser.post("/api/login", {"number": roster[0].admission_no, "code": roster[0].code, "token": token}).json()
    assert facts["attempt"] == browser.state["attempt"]
    browser.state["csrf"] = facts["csrf"]
    assert browser.save((2, "q002", "B")).status_code == 200, "the same page number goes on"
    assert answers_of(any_home, roster[0]) == {"q001": "A", "q002": "B"}


def test_the_pulse_tells_time_state_and_more_time_given(any_home, roster, hall):
    browser = hall(roster[0])
    assert browser.http.get("/api/pulse").status_code == 401
    browser.start()
    before = browser.http.get("/api/pulse").json()
    with transaction(any_home.exam) as connection:
        grant_time(connection, roster[0].admission_no, 300, kind="extra", reason="停电", by="kaowu", now=now_ms())
    after = browser.http.get("/api/pulse").json()
    assert after["limit"] == before["limit"] + 300_000 and after["state"] == "open" and abs(after["now"] - now_ms()) < 2000
    assert browser.save((1, "q001", "A")).json()["limit"] == after["limit"]


def test_late_saves_are_kept_and_said_not_to_count(any_home, roster, hall):
    browser = hall(roster[0])
    browser.start()
    with transaction(any_home.exam) as connection:
        connection.execute(update(attempt).values(limit_at=now_ms() - 60_000))
    assert browser.save((1, "q001", "A")).json()["acks"][0][1] == "late"
    assert answers_of(any_home, roster[0]) == {}
    ended = browser.hand_in(None).json()
    assert ended["closed_by"] == "time" and "时间到" in browser.http.get("/done").text


def test_a_hand_in_names_what_the_server_holds(roster, hall):
    browser = hall(roster[0])
    browser.start()
    refused = browser.hand_in(3)
    assert refused.status_code == 409 and "9 题未答" in refused.json()["text"]
    assert browser.hand_in(None).json()["reason"] == "time_left", "the time is not up"


def test_a_page_told_that_there_is_time_left_is_believed_for_three_seconds_only(any_home, roster, hall):
    """Thousands of pages that ask again and again must not keep the hall from giving the time back (bench.closing)."""
    browser = hall(roster[0])
    browser.start()
    assert browser.hand_in(None).json()["reason"] == "time_left"
    with transaction(any_home.exam) as connection:
        connection.execute(update(attempt).values(limit_at=now_ms() - 1_000))
    assert browser.hand_in(None).json()["reason"] == "time_left", "told from memory"
    assert browser.hand_in(9).json()["closed_by"] == "time", "whoever hands in by himself is always asked of the database"
    assert browser.hand_in(None).json()["reason"] == "time_left"
    time.sleep(BELIEVED_MS / 1000)
    assert browser.hand_in(None).json()["closed_by"] == "time"


@pytest.mark.parametrize(("opens_in", "late", "words"), [(30, None, "按钮自动可用"), (-40, 30, "不能再入场"), (-115, None, "只剩")])
def test_the_rules_page_says_when_one_may_start(any_home, hall, opens_in, late, words):
    (one,) = open_demo(any_home, 1, opens=now_ms() + opens_in * MINUTE, late_entry=late)
    browser = hall(one)
    page = browser.log_in()
    assert words in page.text
    answer = browser.http.post("/start", data={"csrf": page.text.split('name="csrf" value="')[1].split('"')[0], "confirm": "on"})
    assert answer.status_code == (200 if opens_in == -115 else 409)


def test_a_missing_or_damaged_paper_is_said_to_be_so_before_the_time_runs(any_home, roster, hall):
    browser = hall(roster[0])
    rules = browser.log_in()
    path = any_home.release / "demo" / "A.json"
    whole = path.read_bytes()
    for damage in (whole[:500], b'{"questions": 1}'):
        path.write_bytes(damage)
        page = browser.http.post("/start", data={"csrf": field(rules, "csrf"), "confirm": "on"})
        assert page.status_code == 503 and "P01" in page.text and "retry-after" in page.headers
    with any_home.exam.connect() as connection:
        assert connection.execute(select(func.count()).select_from(attempt)).scalar_one() == 0
    path.write_bytes(whole)
    assert browser.start().status_code == 200


def test_each_candidate_gets_a_whole_paper_in_an_order_of_their_own(any_home, hall):
    form = public_form(singles=12, multiples=6, judgements=4, texts=1)
    papers = []
    for one in open_demo(any_home, 4, form=form):
        browser = hall(one)
        page = browser.start()
        shown = re.findall(r'<section class="question" id="(q\d+)"', page.text)
        assert sorted(shown) == [question.id for question in form.questions]
        assert shown == re.findall(r'<section class="question" id="(q\d+)"', browser.reload().text), "the same after a reload"
        for question in form.questions:
            letters = re.findall(rf'name="{question.id}" value="(.)"', page.text)
            assert sorted(letters) == [option.letter for option in question.options]
            labels = page.text.split(f'id="{question.id}"')[1].split("</section>")[0]
            assert re.findall(r'<span class="letter">(.)<', labels) == [chr(65 + n) for n in range(len(letters))]
        papers.append(tuple(shown))
    assert len(set(papers)) == 4


@pytest.mark.parametrize("any_home", ["sqlite"], indirect=True)
def test_a_full_disk_is_answered_503_and_the_hall_recovers(any_home, roster, hall):
    browser = hall(roster[0])
    browser.start()
    bound = {"pages": 10**9}
    event.listen(any_home.exam, "checkout", lambda connection, *_: connection.execute(f"PRAGMA max_page_count={bound['pages']}"))
    long = "依法" * 8000
    bound["pages"] = 1
    answers = [browser.save((seq, "q009", long + str(seq))) for seq in range(1, 8)]
    full = [answer for answer in answers if answer.status_code != 200]
    assert full and all(answer.status_code == 503 and answer.json()["code"] == "B01" and "retry-after" in answer.headers for answer in full)
    assert "没有保存" in full[0].json()["text"]
    bound["pages"] = 10**9
    assert browser.save((8, "q009", "短")).status_code == 200
    with any_home.exam.connect() as connection:
        assert connection.execute(select(func.count()).select_from(save)).scalar_one() == 1 + len(answers) - len(full)


def test_a_fault_of_ours_shows_a_number_and_no_trace(roster, hall, monkeypatch, caplog):
    browser = hall(roster[0])
    browser.start()
    monkeypatch.setattr("hall.candidate.papers.Paper.body", lambda *_: 1 / 0)
    page = browser.http.get("/paper")
    assert page.status_code == 500 and "B06" in page.text and "ZeroDivision" not in page.text
    number = re.search(r"编号 ([0-9A-F]{6}) ", page.text).group(1)
    assert number in caplog.text and page.headers["content-security-policy"]


def test_unknown_methods_and_addresses_are_told_the_way_back(roster, hall):
    browser = hall(roster[0])
    for method, path in (("GET", "/no"), ("DELETE", "/paper"), ("GET", "/api/save"), ("GET", "/static/x/../../home.py"), ("POST", "/done")):
        answer = browser.http.request(method, path)
        assert answer.status_code in (404, 405, 409) and "B05" in answer.text


def test_no_candidate_is_served_anything_under_another_address():
    assert {*FAST, *(route.path for route in ROUTES)} == {
        "/", "/login", "/rules", "/start", "/paper", "/done", "/logout", "/healthz", "/static/{digest}/{name}",
        "/api/save", "/api/events", "/api/away", "/api/pulse", "/api/handin", "/api/form", "/api/login",
    }  # fmt: skip
