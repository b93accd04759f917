"""Lists of candidates: who was due, who passed, who may sit again, who was missing, and everything of one person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from exams.events import KINDS, CandidateEvent, events_of, standing
from grading.columns import COLUMNS
from grading.errors import ExportError
from grading.listing import CHANNEL, ERASED, Line, lines, reconciliation, refuse_uneven
from grading.lists.layout import NUMBER
from grading.lists.made import Columns, Made, Wanted

IDENTITY = "身份证号"
EVENT, GROUND, DOCUMENT, SIGNATURE = "登记情况", "事由", "文号", "签名"
OF_RECORD = (NUMBER, *COLUMNS, CHANNEL)
OF_EVENT = (*OF_RECORD, EVENT, GROUND, DOCUMENT)
OF_DUE = (*OF_EVENT, SIGNATURE)

#: one line of the roll -> the row it becomes, or None where it is not on this list
Choose = Callable[[Line], Columns | None]


def made(wanted: Wanted, choose: Choose, more: Callable[[], Sequence[str]] = tuple) -> Made:
    """Rows chosen from the roll; the line below counts the whole roll, held against the database."""
    counts: Counter[str] = Counter()
    shown = Counter[str]()
    person = wanted.scope.person_id

    def chosen() -> Iterator[Columns]:
        for line in lines(wanted.connection, wanted.idents, person):
            counts[line.code] += 1
            row = choose(line)
            if row is not None:
                shown[line.code] += 1
                yield row if wanted.numbers is None else {**row, IDENTITY: wanted.numbers.get(line.person_id, ERASED)}

    def close() -> list[str]:
        refuse_uneven(wanted.connection, wanted.idents, counts, person)
        told = [reconciliation(counts, wanted.unit)]
        if shown != counts:
            told.append(f"本表 {sum(shown.values())} {wanted.unit}。")
        if counts[""] and "" not in shown:
            told.append(f"还有 {counts['']} {wanted.unit}待定（成绩还没有签发），签发后请重新导出。")
        if shown[""]:
            told.append(f"表内 {shown['']} {wanted.unit}的成绩还没有签发（“待定”）：本表仅供内部核对，不能盖章；签发后请重新导出。")
        return [*told, *more()]

    return Made(chosen(), close, counts)


def scores(wanted: Wanted) -> Made:
    """成绩册: everybody."""
    return made(wanted, lambda line: line.columns)


def person(wanted: Wanted) -> Made:
    """个人成绩单: one person's attempts.

    :raises ExportError: nobody is named.
    """
    if wanted.scope.person_id is None:
        raise ExportError("个人成绩单要指明是谁；请填写准考证号")
    return scores(wanted)


def passed(wanted: Wanted) -> Made:
    """合格名册: who passed in a sitting in scope."""
    return made(wanted, lambda line: line.columns if line.code == "passed" else None)


def due(wanted: Wanted) -> Made:
    """应考名单: everybody, with what is on file about them, and room for a signature."""
    events = _events(wanted)
    return made(wanted, lambda line: {**line.columns, **_of_event(events.get((line.sitting_id, line.person_id)))})


def missing(wanted: Wanted) -> Made:
    """缺考缓考名单: the kinds of absence that the list's TOML names, with ground and document."""
    kinds = frozenset(wanted.values["outcomes"])
    events = _events(wanted)

    def choose(line: Line) -> Columns | None:
        if line.code not in kinds:
            return None
        return {**line.columns, **_of_event(events.get((line.sitting_id, line.person_id)))}

    return made(wanted, choose)


def _events(wanted: Wanted) -> dict[tuple[str, int], CandidateEvent]:
    """The standing event of each candidate who has one."""
    return {
        (ident, who): event
        for ident in wanted.idents
        for who, listed in events_of(wanted.connection, ident).items()
        if (event := standing(listed)) is not None
    }


def _of_event(event: CandidateEvent | None) -> Columns:
    if event is None:
        return {}
    return {EVENT: KINDS[event.kind].title, GROUND: event.reason, DOCUMENT: event.document_no or ""}
