"""Group commit: one thread per process takes whatever is waiting, stores it in one transaction, and only then answers.

A save that the disk, the lock or the server refuses is answered :class:`Unavailable`, never acknowledged; the thread goes on
with the next batch, so that the hall recovers by itself. Work is of three kinds: save requests, hand-ins, and short jobs
(log in, start, open a page …) that run inside the same transaction, each under a savepoint of its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from exams.attempts import Finish, hand_in
from exams.errors import AttemptError, ExamsError
from exams.prepared import Prepared
from exams.refusals import Refused
from exams.saves import Saved, SaveRequest, store
from home import transaction
from logs import db_message

log = logging.getLogger(__name__)

#: saves in one transaction; a job takes about as long as so many of them, and the event loop must not be held up for long
MAX_BATCH, JOB_FILLS = 256, 8
MAX_WAITING = 20_000
#: PostgreSQL says with these codes that the same transaction may be tried again: deadlock, serialization
_AGAIN = frozenset({"40P01", "40001"})
_TRIES = 3


class Unavailable(ExamsError):
    """The database did not take the batch (disk full, locked, gone); nothing of it is stored. Try again soon."""


class HandIn(NamedTuple):
    """Last changes and the hand-in, in one transaction. ``shown_unanswered`` as in :func:`exams.attempts.hand_in`."""

    save: SaveRequest
    shown_unanswered: int | None


@dataclass(frozen=True, slots=True)
class HandedIn:
    """Acks of the last changes, and how the attempt ended."""

    saved: Saved | None
    finish: Finish


Job = Callable[[Connection], object]
Work = SaveRequest | HandIn | Job


class Ticket(Protocol):
    """Where an answer goes: an :class:`asyncio.Future` or a :class:`concurrent.futures.Future`."""

    def done(self) -> bool: ...
    def set_result(self, result: Any, /) -> None: ...
    def set_exception(self, exception: Any, /) -> None: ...


Answer = object
_Pair = tuple[Work, Ticket]


class _Aside(NamedTuple):
    pair: _Pair


_BEFORE, _UNDO, _AFTER = (Prepared(text(f"{do} SAVEPOINT job".strip())) for do in ("", "ROLLBACK TO", "RELEASE"))
_STOP = object()


class Writer:
    """The queue and its thread. ``post`` runs a function where tickets may be answered (an event loop's ``call_soon_threadsafe``).

    The thread waits for locks and for the disk. On SQLite the statements between run where tickets are answered: they take
    microseconds, but each call into SQLite gives Python's lock away, and beside a busy loop has to wait to get it back.
    """

    def __init__(self, engine: Engine, post: Callable[[Callable[[], None]], object] = lambda answer: answer()) -> None:
        self._engine, self._post = engine, post
        self._there = engine.dialect.name == "sqlite"
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._stopping, self._going = False, True
        self._aside: list[_Pair] = []

    def start(self) -> None:
        """Begin to take work."""
        self._thread.start()

    def stop(self, patience_s: float = 10.0) -> bool:
        """Refuse new work, store what is waiting, end the thread; whether all was stored in time."""
        self._stopping = True
        self._queue.put(_STOP)
        self._thread.join(patience_s)
        return not self._thread.is_alive()

    def waiting(self) -> int:
        """How many pieces of work are in the queue."""
        return self._queue.qsize()

    def submit(self, work: Work, ticket: Ticket, *, aside: bool = False) -> None:
        """Queue a piece of work; its ticket is answered after the commit.

        ``aside``: many rows may be touched, so that the event loop is not to be held up by it: it gets a commit of its own,
        after what waits now, and runs in the writer's thread.

        :raises Unavailable: the queue is full, or the process is stopping.
        """
        if self._stopping or self._queue.qsize() >= MAX_WAITING:
            raise Unavailable("stopping" if self._stopping else "queue full")
        self._queue.put(_Aside((work, ticket)) if aside else (work, ticket))

    def _run(self) -> None:
        while self._going:
            batch: list[_Pair] = []
            self._take(batch, self._queue.get())
            if batch:
                self._deliver(batch, self._answers(batch, shared=True))
            for pair in self._taken_aside():
                self._deliver([pair], self._answers([pair]))

    def _take_waiting(self, batch: list[_Pair]) -> None:
        room = MAX_BATCH - len(batch)
        try:
            while room > 0:
                room -= self._take(batch, self._queue.get_nowait())
        except Empty:
            return

    def _take(self, batch: list[_Pair], found: Any) -> int:
        """Put what was found in the queue where it belongs; how much of a batch it fills."""
        if found is _STOP:
            self._going = False
            return 0
        if isinstance(found, _Aside):
            self._aside.append(found.pair)
            return 0
        batch.append(found)
        return 1 if isinstance(found[0], SaveRequest) else JOB_FILLS

    def _taken_aside(self) -> list[_Pair]:
        taken, self._aside = self._aside, []
        return taken

    def _answers(self, batch: list[_Pair], *, shared: bool = False) -> Sequence[Answer]:
        """Results of a batch, or what to raise for each.

        ``shared``: what comes while the lock is waited for goes with it, and on SQLite it runs where tickets are answered.
        """
        for left in reversed(range(_TRIES)):
            try:
                with transaction(self._engine) as connection:
                    results = self._results(connection, batch, shared=shared)
                return results
            except OperationalError as error:
                if left and getattr(error.orig, "sqlstate", None) in _AGAIN:
                    continue
                log.warning("batch of %d not stored: %s", len(batch), db_message(error))
                return [Unavailable(db_message(error))] * len(batch)
            except DBAPIError as error:
                log.warning("batch of %d refused by the database: %s", len(batch), db_message(error))
                return [Unavailable(db_message(error))] if len(batch) == 1 else self._one_by_one(batch)
            except Exception as error:  # a fault in one job must not end the thread that stores everybody's answers
                log.exception("fault in a batch of %d", len(batch))
                return [error] if len(batch) == 1 else self._one_by_one(batch)
        raise AssertionError("unreachable")

    def _results(self, connection: Connection, batch: list[_Pair], *, shared: bool) -> list[Answer]:
        ran: Future[list[Answer]] = Future()

        def run() -> None:
            try:
                if shared:
                    self._take_waiting(batch)
                ran.set_result(run_batch(connection, [work for work, _ticket in batch]))
            except BaseException as error:  # noqa: BLE001  # the waiting thread raises it inside the transaction: nothing is stored, nothing acknowledged
                ran.set_exception(error)

        try:
            self._post(run) if self._there and shared else run()
        except RuntimeError:  # the event loop is closed
            run()
        return ran.result()

    def _one_by_one(self, batch: Sequence[_Pair]) -> list[Answer]:
        return [answer for pair in batch for answer in self._answers([pair])]

    def _deliver(self, batch: Sequence[_Pair], answers: Sequence[Answer]) -> None:
        def answer_all() -> None:
            for (_work, ticket), answer in zip(batch, answers, strict=True):
                if ticket.done():
                    continue  # whoever asked has gone away
                if isinstance(answer, Exception):
                    ticket.set_exception(answer)
                else:
                    ticket.set_result(answer)

        try:
            self._post(answer_all)
        except RuntimeError:  # the event loop is closed: nobody is left to be answered
            log.warning("%d answers after the end of the event loop", len(answers))


def run_batch(connection: Connection, batch: Sequence[Work]) -> list[Answer]:
    """Everything of a batch in the caller's transaction: all saves, then the rest in order of arrival.

    Nothing of a batch has been answered yet, so that each save may stand before each hand-in of the same batch.
    """
    saves = [work.save if isinstance(work, HandIn) else work for work in batch if isinstance(work, HandIn | SaveRequest)]
    stored = iter(store(connection, saves)) if saves else iter(())
    answers: list[Answer] = [next(stored) if isinstance(work, HandIn | SaveRequest) else None for work in batch]
    for place, work in enumerate(batch):
        if isinstance(work, HandIn):
            answers[place] = _hand_in(connection, work, answers[place])
        elif not isinstance(work, SaveRequest):
            answers[place] = _job(connection, work)
    return answers


def _job(connection: Connection, job: Job) -> Answer:
    _BEFORE.all(connection)
    try:
        answer = job(connection)
    except AttemptError as refusal:
        _UNDO.all(connection)
        answer = refusal
    _AFTER.all(connection)
    return answer


def _hand_in(connection: Connection, work: HandIn, saved: Answer) -> Answer:
    ended = isinstance(saved, Refused) and saved.reason in ("handed_in", "closed")
    if isinstance(saved, Refused) and not ended:
        return saved
    if isinstance(saved, Saved) and any(ack.state == "conflict" for ack in saved.acks):
        return Refused("conflict")
    finish = _job(
        connection, lambda within: hand_in(within, work.save.attempt_id, work.save.writer, work.shown_unanswered, work.save.arrived)
    )
    return HandedIn(saved if isinstance(saved, Saved) else None, finish) if isinstance(finish, Finish) else finish
