"""Signs of life are stored in turns; a read that fails beside the event loop is asked again of the readers."""

from __future__ import annotations

import asyncio

import pytest
from sitting_fixture import KEY, open_demo
from sqlalchemy import select

from exams.attempts import start
from exams.display import Arranger
from exams.paper import PublicForm
from exams.sessions import log_in, standing, token_digest
from exams.tables import attempt
from hall.candidate.presence import NEIGHBOURS, TURNS, Presence, store
from hall.candidate.state import Hall
from home import Home, now_ms, transaction


def seated(home: Home, count: int) -> list[tuple[str, int]]:
    """Session token and attempt of each."""
    form, made, people = PublicForm("p", "A", "x", 60, (), ()), [], open_demo(home, count)
    with transaction(home.exam) as connection:
        for one in people:
            session = log_in(connection, KEY, one.admission_no, one.code, "d", now_ms())
            who = standing(connection, token_digest(session.token), now_ms())
            made.append((session.token, start(connection, who, Arranger(form).order(1), now_ms())))
    return made


def test_each_is_stored_once_in_a_round_and_what_is_unsaved_at_its_beginning(any_home):
    attempts = [number for _token, number in seated(any_home, 40)]
    presence = Presence()
    presence.seen(attempts)
    presence.unsaved(attempts[3], 2, 4_000, 100_000)
    rounds, told = [], []
    for turn in range(TURNS):
        taken = presence.take()
        with transaction(any_home.exam) as connection:
            told.append(store(connection, taken, 200_000 + turn))
        rounds.append(taken.seen)
    assert sorted(number for part in rounds for number in part) == attempts
    assert max(len(part) for part in rounds) <= NEIGHBOURS, "forty in fifteen turns, never all at once"
    assert told == [{attempts[3]: (2, 96_000)}] + [None] * (TURNS - 1)
    with any_home.exam.connect() as connection:
        seen = dict(connection.execute(select(attempt.c.id, attempt.c.last_seen_at)).all())
    assert seen == {number: 200_000 + turn for turn, part in enumerate(rounds) for number in part}
    assert all(not presence.take().seen for _ in range(TURNS)), "who gave no sign since is not stored again"


def test_what_could_not_be_stored_comes_again_and_newer_words_win(any_home):
    (_, one), (_, two) = seated(any_home, 2)
    presence = Presence()
    presence.unsaved(one, 5, 1_000, 50_000)
    presence.unsaved(two, 1, 1_000, 50_000)
    lost = presence.take()
    presence.unsaved(one, 9, 8_000, 60_000)
    presence.put_back(lost)
    assert [presence.take().unsaved for _ in range(TURNS)][-1] == {one: (9, 52_000), two: (1, 49_000)}


@pytest.mark.parametrize("any_home", ["sqlite"], indirect=True)
def test_a_read_that_is_not_answered_at_once_goes_to_the_readers(any_home):
    ((token, number),) = seated(any_home, 1)
    hall = Hall(any_home, KEY, secure=False)

    async def ask() -> None:
        await hall.open()
        assert (await hall.who(token)).attempt_id == number and await hall.who("nobody") is None
        hall._near.connection.dbapi_connection.close()
        assert (await hall.who(token)).attempt_id == number and await hall.who("nobody") is None
        await hall.close()

    asyncio.run(ask())
