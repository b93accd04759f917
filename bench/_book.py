"""What clients were told is stored, kept outside the server, and compared with what the database holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from exams.attempts import finish_of
from exams.chain import verify_chain
from exams.tables import attempt, handin, save

#: (attempt, writer, seq): a save's identity
Place = tuple[int, int, int]


@dataclass
class Book:
    """Acknowledgements as they came: ``saves`` {place: (question, answer, head)}, ``receipts`` and ``attempts`` {entry: …}."""

    saves: dict[Place, tuple[str, str, str]] = field(default_factory=dict)
    receipts: dict[int, tuple[int, str]] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def saved(self, place: Place, question: str, answer: str, head: str) -> None:
        """An acknowledged change; a second acknowledgement must be the first once more."""
        if self.saves.setdefault(place, (question, answer, head)) != (question, answer, head):
            self.faults.append(f"{place}: acknowledged twice, differently")

    def started(self, entry_id: int, attempt_id: int) -> None:
        """The paper came."""
        if self.attempts.setdefault(entry_id, attempt_id) != attempt_id:
            self.faults.append(f"entry {entry_id}: two attempts")

    def handed_in(self, entry_id: int, attempt_id: int, receipt: str) -> None:
        """A receipt came."""
        if self.receipts.setdefault(entry_id, (attempt_id, receipt)) != (attempt_id, receipt):
            self.faults.append(f"entry {entry_id}: two receipts")

    def check(self, connection: Connection, sitting_id: str) -> list[str]:
        """Everything that was acknowledged and is not there, or not so; empty if nothing is lost."""
        return [
            *self.faults,
            *self._lost_saves(connection),
            *self._lost_ends(connection),
            *_broken(connection, sitting_id),
        ]

    def _lost_saves(self, connection: Connection) -> Iterator[str]:
        missing = dict(self.saves)
        columns = (save.c.attempt_id, save.c.writer, save.c.seq, save.c.question, save.c.answer, save.c.chain_head)
        for row in connection.execution_options(yield_per=10_000).execute(select(*columns)):
            told = missing.pop((row[0], row[1], row[2]), None)
            if told is not None and told != (row[3], row[4], row[5]):
                yield f"{row[:3]}: acknowledged {told}, stored {row[3:]}"
        yield from (f"{place}: acknowledged, not stored" for place in missing)

    def _lost_ends(self, connection: Connection) -> Iterator[str]:
        stored = {row.entry_id: row.id for row in connection.execute(select(attempt.c.entry_id, attempt.c.id))}
        yield from (
            f"entry {entry}: attempt {known} not stored"
            for entry, known in self.attempts.items()
            if stored.get(entry) != known
        )
        given = {
            row.attempt_id: row.receipt for row in connection.execute(select(handin.c.attempt_id, handin.c.receipt))
        }
        for entry, (known, receipt) in self.receipts.items():
            if given.get(known) != receipt or finish_of(connection, known).receipt != receipt:
                yield f"entry {entry}: its receipt does not fit what is stored"


def _broken(connection: Connection, sitting_id: str) -> Iterator[str]:
    wrong = verify_chain(connection, sitting_id)
    if wrong is not None:
        yield f"the chain of saves is broken at {wrong}"
    twice = select(attempt.c.entry_id).group_by(attempt.c.entry_id).having(func.count() > 1)
    yield from (f"entry {entry}: more than one attempt" for entry in connection.execute(twice).scalars())
