"""The rehearsal itself: everybody comes, writes, meets misfortunes, hands in; then closing, marking, records, the list."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from exams.control import grant_room, pause_room, resume_room
from exams.opening import Slip
from hall.rehearsal.cast import Part
from hall.rehearsal.client import Book, Gone, Page
from hall.rehearsal.stage import OFFICER, SITTING, Server, empty_log, full_disk
from home import Home, now_ms, transaction

DAY_MS = 86_400_000
EXTRA_S, PAUSE_S, FULL_S = 60, 2.0, 2.5
Told = Callable[[int], None]
Questions = dict[str, tuple[str, bool]]
Forms = dict[str, Questions]


@dataclass
class Run:
    """What the play left behind. Times in seconds; ``refused_when_full``: saves that were refused while the
    disk was full, None where it could not be filled."""

    people: list[Part]
    slips: list[Slip]
    books: list[Book]
    recovery: list[float] = field(default_factory=list)
    refused_when_full: int | None = None
    paused_s: float = 0.0
    device_refused: int = 0
    stale_refused: int = 0


async def play(home: Home, server: Server, people: list[Part], slips: list[Slip], *, faults: bool, may_fill: bool, told: Told) -> Run:
    """Let everybody write at the same time; ``told`` hears how many are through."""
    run = Run(people, slips, [Book() for _ in people])
    forms = _questions(home)
    through = 0

    async def one(place: int) -> None:
        nonlocal through
        with suppress(Gone):
            await _sit(run, place, server.base, forms)
        through += 1
        told(through)

    at_work = [asyncio.create_task(one(place)) for place in range(len(people))]
    if faults:
        await _misfortunes(run, home, server, may_fill)
    await asyncio.gather(*at_work)
    return run


def _questions(home: Home) -> Forms:
    """{form: {question: (its letters, whether several may be chosen)}} from what candidates are served."""
    found = {}
    for path in (home.release / SITTING).glob("?.json"):
        form = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = {
            one["id"]: ("".join(option["letter"] for option in one["options"]), one["kind"] == "multiple") for one in form["questions"]
        }
    return found


async def _sit(run: Run, place: int, base: str, forms: Forms) -> None:
    part, slip, book = run.people[place], run.slips[place], run.books[place]
    if part.behaviour == "no_show":
        return
    draw = random.Random(part.seed)
    await asyncio.sleep(draw.uniform(3, 5) if part.behaviour == "late" else draw.uniform(0, 2))
    traits = {
        "clock_ms": DAY_MS * (1 if part.seed % 2 else -1) if part.behaviour == "wrong_clock" else 0,
        "slow_s": 0.4 if part.behaviour == "slow_link" else 0.0, "drops": part.behaviour == "dropping",
    }  # fmt: skip
    page = Page(base, slip.admission_no, slip.code, book, **traits)  # type: ignore[arg-type]
    try:
        await page.open()
        questions = next(iter(forms.values())) if len(forms) == 1 else forms[str(page.state.get("form", "A"))]
        await _write(page, questions, draw)
        if part.behaviour == "two_tabs":
            page = await _second_tab(run, page, questions, draw)
        if part.behaviour == "two_devices":
            await _second_device(run, base, slip)
        await _write(page, questions, draw)
        if part.behaviour == "leaves":
            return
        unanswered = sum(1 for one in questions if not page.current.get(one, ""))
        await page.hand_in(unanswered)
        if part.behaviour == "twice":
            await page.hand_in(unanswered)
    finally:
        await page.close()


async def _write(page: Page, questions: Questions, draw: random.Random) -> None:
    """Answer in some order; some give the same answer once more, some take it back."""
    order = list(questions)
    draw.shuffle(order)
    for question in order:
        letters, several = questions[question]
        answer = "".join(sorted(draw.sample(letters, draw.randint(1, len(letters)) if several else 1)))
        for _ in range(2 if draw.random() < 0.1 else 1):
            await page.answer(question, answer)
        if draw.random() < 0.1:
            await page.answer(question, "")
        await asyncio.sleep(draw.uniform(0.05, 0.4))


async def _second_tab(run: Run, page: Page, questions: Questions, draw: random.Random) -> Page:
    """A second page of the same browser takes over; the first must not write any more."""
    second = Page(str(page.http.base_url), page.number, page.code, page.book)
    second.http.cookies = page.http.cookies
    await second.open()
    second.current = dict(page.current)
    try:
        question = next(iter(questions))
        await page.answer(question, questions[question][0][0])
        page.book.faults.append("an older page could still write")
    except Gone as gone:
        run.stale_refused += str(gone) == "K03"
    await page.close()
    return second


async def _second_device(run: Run, base: str, slip: Slip) -> None:
    """Somebody logs in with the same slip at another computer: not without the officer."""
    other = Page(base, slip.admission_no, slip.code, Book())
    try:
        await other.open()
    except Gone:
        run.device_refused += "D05" in other.book.refused
    finally:
        await other.close()


async def _misfortunes(run: Run, home: Home, server: Server, may_fill: bool) -> None:
    await asyncio.sleep(2.5)
    for _ in range(600):  # on a slow machine nobody may have come in yet: faults hit people who write
        if any(book.acked for book in run.books):
            break
        await asyncio.sleep(0.1)
    began = time.monotonic()
    await asyncio.to_thread(server.kill_hall)
    await asyncio.sleep(0.2)
    while not await asyncio.to_thread(server.well):
        await asyncio.sleep(0.05)
    run.recovery.append(time.monotonic() - began)
    with transaction(home.exam) as connection:
        grant_room(connection, SITTING, EXTRA_S, reason="演练：全场加时", by=OFFICER, now=now_ms())
        pause_room(connection, SITTING, reason="演练：全场暂停", by=OFFICER, now=now_ms())
    await asyncio.sleep(PAUSE_S)
    with transaction(home.exam) as connection:
        run.paused_s = resume_room(connection, SITTING, reason="演练：恢复", by=OFFICER, now=now_ms()).ms / 1000
    if may_fill:
        before = _not_stored(run)
        await asyncio.to_thread(empty_log, home.exam)
        with full_disk(home.root):
            await asyncio.sleep(FULL_S)
        run.refused_when_full = _not_stored(run) - before


def _not_stored(run: Run) -> int:
    return sum(book.not_stored for book in run.books)
