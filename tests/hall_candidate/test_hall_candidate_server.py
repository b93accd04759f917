from __future__ import annotations

import re
import ssl

import httpx
import pytest
from hall_fixture import ROOT, field
from sitting_fixture import open_demo
from sqlalchemy import select

from exams.attempts import effective_answers
from exams.chain import verify_chain
from exams.tables import attempt
from hall.local_tls import make_certificate


def stored(home, n=1):
    with home.exam.connect() as connection:
        ids = connection.execute(select(attempt.c.id).order_by(attempt.c.id)).scalars().all()
        return effective_answers(connection, ids[n - 1])


def test_kill_9_in_mid_exam_loses_no_acknowledged_answer(home_folder, serve, open_browser):
    one, two, three = open_demo(home_folder, 3)
    server = serve(home_folder)
    browsers = [open_browser(server.url, candidate) for candidate in (one, two, three)]
    for browser in browsers:
        browser.start()
    held = [{}, {}, {}]
    for seq in range(1, 31):
        for browser, acked in zip(browsers, held, strict=True):
            question, answer = f"q{seq % 4 + 1:03d}", "ABCD"[seq % 4]
            assert browser.save((seq, question, answer)).json()["acks"][0][1] == "saved"
            acked[question] = answer
        if seq % 10 == 0:
            server.kill()
            server.start()
    for n, acked in enumerate(held, 1):
        assert stored(home_folder, n) == acked
    page = browsers[0].reload()
    assert page.status_code == 200 and browsers[0].state["answers"] == held[0], "the same session goes on"
    with home_folder.exam.connect() as connection:
        assert verify_chain(connection, "demo") is None
        assert len(connection.execute(select(attempt)).all()) == 3


def test_sigterm_answers_what_is_open_and_ends_cleanly(home_folder, serve, open_browser):
    (one,) = open_demo(home_folder, 1)
    server = serve(home_folder)
    browser = open_browser(server.url, one)
    browser.start()
    assert browser.save((1, "q001", "A")).status_code == 200
    browser.http.close()
    assert server.stop() == 0
    assert stored(home_folder) == {"q001": "A"}
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("any_home", ["postgresql"], indirect=True)
def test_a_confined_process_works_on_postgresql(any_home, serve, open_browser):
    (one,) = open_demo(any_home, 1)
    server = serve(any_home)
    browser = open_browser(server.url, one)
    browser.start()
    assert browser.save((1, "q001", "A")).status_code == 200
    assert browser.hand_in(8).status_code == 200
    assert stored(any_home) == {"q001": "A"}


def test_over_tls_cookies_are_bound_to_it(home_folder, serve, tmp_path):
    open_demo(home_folder, 1)
    make_certificate(tmp_path / "tls", "某县")
    context = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ca.pem"))
    server = serve(home_folder, "--certfile", str(tmp_path / "tls" / "server.pem"), "--keyfile", str(tmp_path / "tls" / "server.key"))
    with httpx.Client(base_url=f"https://127.0.0.1:{server.port}", verify=context) as client:
        page = client.get("/login")
    assert page.status_code == 200 and page.headers["set-cookie"].startswith("__Host-pufa_hall_form=")
    assert "Secure" in page.headers["set-cookie"] and "max-age" in page.headers["strict-transport-security"]


def test_behind_a_proxy_the_source_is_the_one_the_proxy_names(home_folder, serve):
    open_demo(home_folder, 1)
    server = serve(home_folder, "--behind-proxy", "127.0.0.0/8")

    def wrong(source, times):
        with httpx.Client(base_url=server.url, headers={"x-forwarded-for": source, "x-forwarded-proto": "https"}) as client:
            page = client.get("/login")
            cookie = page.headers["set-cookie"].partition(";")[0]
            data = {"token": field(page, "token"), "number": "none", "code": "x"}
            return [client.post("/login", data=data, headers={"cookie": cookie}).status_code for _ in range(times)][-1]

    assert wrong("192.0.2.1", 125) == 429
    assert wrong("192.0.2.2", 1) == 403, "another room is not slowed down"


def test_the_scripts_stay_within_chromium_86():
    newer = re.compile(r"\?\?=|\|\|=|&&=|\.at\(|\.replaceAll\(|structuredClone|:has\(|@layer|@container|Object\.hasOwn|static \{|#[a-z]\w*[ =(;]|await import")
    files = [path for path in (ROOT / "hall" / "candidate" / "static").iterdir() if path.suffix in (".js", ".css")]
    assert len(files) >= 6
    for path in files:
        found = [line for line in path.read_text().splitlines() if newer.search(line) and not (path.suffix == ".css" and "#" in line)]
        assert found == [], path.name
