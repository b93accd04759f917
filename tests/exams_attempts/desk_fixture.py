"""One candidate at one computer, with a started paper."""

from __future__ import annotations

from dataclasses import dataclass

from sitting_fixture import KEY, Candidate, public_form

from exams.attempts import open_page, start
from exams.display import Arranger
from exams.saves import Change, Saved, SaveRequest, store
from exams.sessions import NewSession, Standing, log_in, standing, token_digest
from home import Home, now_ms, transaction


@dataclass
class Desk:
    """One candidate at one computer, with a started paper."""

    home: Home
    candidate: Candidate
    who: Standing
    attempt_id: int
    writer: int
    limit_at: int

    def request(self, *changes: tuple[int, str, str], at: int | None = None, writer: int | None = None, acked: int = 0) -> SaveRequest:
        return SaveRequest(
            self.who.token_digest, self.attempt_id, self.who.sitting_id, self.writer if writer is None else writer, acked,
            tuple(Change(seq, question, answer, 0) for seq, question, answer in changes), at or now_ms(),
        )  # fmt: skip

    def save(self, *changes: tuple[int, str, str], **how: int) -> Saved:
        with transaction(self.home.exam) as connection:
            (result,) = store(connection, [self.request(*changes, **how)])
        if isinstance(result, Exception):
            raise result
        return result


def log_in_at(home: Home, candidate: Candidate, device: str = "pc-1", now: int | None = None) -> NewSession:
    """Log in or raise the refusal."""
    with transaction(home.exam) as connection:
        result = log_in(connection, KEY, candidate.admission_no, candidate.code, device, now or now_ms())
    if isinstance(result, Exception):
        raise result
    return result


def who_is(home: Home, session: NewSession, now: int | None = None) -> Standing:
    """The standing of a session that must be live."""
    with home.exam.connect() as connection:
        found = standing(connection, token_digest(session.token), now or now_ms())
    assert found is not None
    return found


def sit_down(home: Home, candidate: Candidate, device: str = "pc-1", now: int | None = None) -> Desk:
    """Log in, start, open the page."""
    who = who_is(home, log_in_at(home, candidate, device, now), now)
    with transaction(home.exam) as connection:
        attempt_id = start(connection, who, Arranger(public_form()).order(7), now or now_ms())
        page = open_page(connection, who, now or now_ms())
    return Desk(home, candidate, who, attempt_id, page.writer, page.limit_at)
