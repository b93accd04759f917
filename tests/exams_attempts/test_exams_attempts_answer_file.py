"""The answer file: only the page of this attempt made it, only whole, only once; what it changes is shown before it is changed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from sitting_fixture import KEY, MINUTE
from sqlalchemy import func, select, update

from exams.answer_files import AnswerFileError, merge, preview, read_answer_file
from exams.answer_seal import attempt_keys
from exams.attempts import effective_answers, hand_in, open_page
from exams.chain import verify_chain
from exams.saves import Change, store
from exams.tables import answer_file, attempt, open_sitting, save
from home import EXAM, now_ms, transaction, verify_audit


def sealed(changes, *, attempt_id=1, number="261123000001", made_at=1000, mode="aes-gcm", key=KEY, sitting="demo", writer=1, **more):
    """As the page writes it."""
    nonce = hashlib.sha256(repr((made_at, mode, more)).encode()).digest()[:12]
    facts = {"mode": mode, "sitting": sitting, "attempt": attempt_id, "number": number, "writer": writer, "made_at": made_at, "nonce": base64.b64encode(nonce).decode()}
    header = "\n".join(["pufa answer-file 1", *map(str, facts.values())]).encode()
    keys, body = attempt_keys(key, sitting, attempt_id, number), json.dumps(changes).encode()
    if mode == "aes-gcm":
        facts["body"] = base64.b64encode(AESGCM(keys[:32]).encrypt(nonce, body, header)).decode()
    else:
        facts["body"] = base64.b64encode(body).decode()
        facts["mac"] = base64.b64encode(hmac.new(keys[32:], header + b"\n" + body, hashlib.sha256).digest()).decode()
    return json.dumps({"pufa": "answer-file", "version": 1, **facts, **more}).encode()


@pytest.fixture
def bring(desk):
    """A file of this desk's page, read."""

    def make(*changes, **how):
        facts = {"attempt_id": desk.attempt_id, "number": desk.candidate.admission_no, "made_at": now_ms() + MINUTE, **how}
        return read_answer_file(sealed([list(change) for change in changes], **facts), KEY)

    return make


def merged(desk, file, **how):
    with transaction(desk.home.exam) as connection:
        return merge(connection, file, **{"by": "kaowu", "second": "zuren", "reason": "断网", "now": now_ms(), **how})


def answers_of(desk):
    with desk.home.exam.connect() as connection:
        return effective_answers(connection, desk.attempt_id)


# ---------------------------------------------------------------- the file


@pytest.mark.parametrize("mode", ["aes-gcm", "hmac"])
def test_a_whole_file_is_read_and_every_changed_byte_is_refused(mode):
    raw = sealed([["q001", "A", 5], ["q009", "公开“<b>", 6]], mode=mode)
    file = read_answer_file(raw, KEY)
    assert [(one.question, one.answer, one.client_at) for one in file.changes] == [("q001", "A", 5), ("q009", "公开“<b>", 6)]
    assert file.sha256 == hashlib.sha256(raw).hexdigest()
    facts = json.loads(raw)
    for name, value in facts.items():
        other = value + 1 if isinstance(value, int) else ("B" if value[:1] != "B" else "C") + value[1:]
        with pytest.raises(AnswerFileError):
            read_answer_file(json.dumps({**facts, name: other}).encode(), KEY)
    for cut in range(0, len(raw), 7):
        with pytest.raises(AnswerFileError):
            read_answer_file(raw[:cut], KEY)
    with pytest.raises(AnswerFileError, match="封存"):
        read_answer_file(raw, bytes(32))


def test_an_encrypted_file_does_not_show_its_answers():
    assert "公开".encode() not in base64.b64decode(json.loads(sealed([["q009", "公开", 6]]))["body"])
    assert b"q009" not in base64.b64decode(json.loads(sealed([["q009", "x", 6]]))["body"])


HOSTILE = [
    b"", b"\xff", b"[]", b"null", b"[" * 100_000, b"x" * (9 * 2**20), b'{"pufa":"answer-file"}', sealed([], version=2), sealed([], pufa="x"),
    sealed([], extra=1), sealed([["q001", "A"]]), sealed([["q001", "A", -1]]), sealed([["q001", None, 1]]), sealed([["q" * 13, "A", 1]]),
    sealed([["q001", "x" * 20_001, 1]]), sealed([["q001", "A", 1]] * 20_001), sealed({"q001": "A"}), sealed([["q001", "\ud800", 1]]),
]  # fmt: skip


@pytest.mark.parametrize("raw", HOSTILE, ids=lambda raw: repr(raw[:40]))
def test_what_no_page_writes_is_refused_in_words(raw):
    with pytest.raises(AnswerFileError) as error:
        read_answer_file(raw, KEY)
    assert "文件" in str(error.value)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_breaks(raw):
    with pytest.raises(AnswerFileError):
        read_answer_file(raw, KEY)


# ---------------------------------------------------------------- what it changes


def test_the_preview_says_what_the_merge_then_does(desk, bring):
    t = now_ms()
    desk.save((1, "q001", "A"), (2, "q002", "B"))
    with transaction(desk.home.exam) as connection:  # typed at another computer since
        store(connection, [desk.request()._replace(changes=(Change(3, "q003", "C", t + 9000),))])
    file = bring(
        ("q001", "B", t), ("q002", "B", t), ("q003", "D", t), ("q004", "A", t), ("q005", "CA", t), ("q777", "A", t), ("q008", "A", t),
        ("q008", "B", desk.limit_at + 20_000), ("q009", "网断后写的", t + 1), ("q007", "A", desk.limit_at + 20_000), made_at=desk.limit_at + 30_000,
    )  # fmt: skip
    with desk.home.exam.connect() as connection:
        shown = preview(connection, file)
    outcome = {line.question: line.outcome for line in shown.lines}
    assert outcome == {
        "q001": "changed", "q002": "same", "q003": "older", "q004": "new", "q005": "invalid", "q777": "invalid", "q008": "new",
        "q009": "new", "q007": "late",
    }  # fmt: skip
    assert shown.changes == 4 and shown.name == desk.candidate.name and all(line.title for line in shown.lines)
    assert answers_of(desk) == {"q001": "A", "q002": "B", "q003": "C"}, "looking changes nothing"
    assert merged(desk, file) == 4
    assert answers_of(desk) == {"q001": "B", "q002": "B", "q003": "C", "q004": "A", "q008": "A", "q009": "网断后写的"}
    with desk.home.exam.connect() as connection:
        rows = connection.execute(select(save.c.question, save.c.late, save.c.client_at).where(save.c.writer == desk.writer + 1)).all()
        assert {row.question for row in rows if row.late} == {"q003", "q007"}, "evidence that does not count"
        assert verify_chain(connection, "demo") is None and verify_audit(connection, EXAM) is None
        kept = connection.execute(select(answer_file)).one()
        assert (kept.sha256, kept.decision, kept.changes, kept.by, kept.second) == (file.sha256, "merged", 4, "kaowu", "zuren")


def test_an_open_page_becomes_stale_and_a_new_one_shows_the_merged_answers(desk, bring):
    merged(desk, bring(("q001", "D", now_ms())))
    with pytest.raises(Exception, match="另一个页面"):
        desk.save((1, "q002", "A"))
    with transaction(desk.home.exam) as connection:
        page = open_page(connection, desk.who, now_ms())
    assert page.writer == desk.writer + 2 and page.answers == {"q001": "D"}


def test_a_second_an_earlier_and_a_foreign_file_are_refused_and_a_later_one_is_not(desks, desk, bring):
    t = now_ms()
    first = bring(("q001", "A", t), made_at=t + 1000)
    merged(desk, first)
    for again in (first, bring(("q001", "B", t), made_at=t + 1000, mode="hmac"), bring(("q001", "C", t), made_at=t + 999)):
        with pytest.raises(AnswerFileError, match="已经并入过"):
            merged(desk, again)
    assert merged(desk, bring(("q001", "B", t + 5000), made_at=t + 6000)) == 1
    other = desks[1].candidate.admission_no
    with pytest.raises(AnswerFileError, match="这里没有准考证号"):
        merged(desk, bring(("q001", "A", t), number=other, made_at=t + 9000))
    with pytest.raises(AnswerFileError, match="这里没有准考证号"):
        merged(desk, bring(("q001", "A", t), sitting="another", made_at=t + 9000))
    with pytest.raises(AnswerFileError, match="原因"):
        merged(desk, bring(("q001", "A", t), made_at=t + 9000), reason=" ")
    with desk.home.exam.connect() as connection:
        assert connection.execute(select(func.count()).select_from(answer_file)).scalar_one() == 2


@pytest.mark.parametrize(("how", "words"), [("handin", "已经交卷"), ("void", "终止"), ("closed", "已经收卷"), ("time", "")])
def test_the_state_of_the_attempt_decides(desk, bring, how, words):
    file = bring(("q001", "A", now_ms()))
    with transaction(desk.home.exam) as connection:
        if how == "handin":
            hand_in(connection, desk.attempt_id, desk.writer, 9, now_ms())
        elif how == "closed":
            connection.execute(update(open_sitting).values(closed_at=now_ms()))
        else:
            state = "void" if how == "void" else "closed"
            connection.execute(update(attempt).values(state=state, closed_by="time" if how == "time" else None, closed_at=desk.limit_at))
    if not words:
        assert merged(desk, file) == 1 and answers_of(desk) == {"q001": "A"}, "time was up before the network came back"
        return
    with pytest.raises(AnswerFileError, match=words):
        merged(desk, file)
    assert answers_of(desk) == {}


def test_a_page_clock_from_tomorrow_counts_for_nothing(desk, bring):
    t = now_ms()
    file = bring(("q001", "A", t + 20 * MINUTE), ("q002", "A", t - 60 * MINUTE), ("q003", "A", t), made_at=t)
    with desk.home.exam.connect() as connection:
        assert [line.outcome for line in preview(connection, replace(file)).lines if line.question != "q003"] == ["late", "late"]
    assert merged(desk, file) == 1
