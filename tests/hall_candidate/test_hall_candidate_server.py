from __future__ import annotations

from sitting_fixture import open_demo
from sqlalchemy import select

from exams.attempts import effective_answers
from exams.chain import verify_chain
from exams.tables import attempt


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
