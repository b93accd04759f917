"""持证名册: who holds which certification on a day, by unit and name; every certification on file stands on one side of the last line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

from sqlalchemy import ColumnElement, func, or_, select

from grading.errors import ExportError
from grading.lists.layout import NUMBER
from grading.lists.made import Columns, Made, Wanted
from grading.lists.stipend import PERSONAL, personal
from grading.tables import certification
from grading.workforce.clock import HOLDING, STATES, Standing
from grading.workforce.holdings import Entry, holders_of, read_entries, read_hours, stand
from grading.workforce.kinds import Kind, kinds_of
from people.finding import units_under
from people.tables import person, unit

KIND, RANK, PAPER, ISSUER, PLACE, SINCE, FROM, UNTIL, STATE = (
    "资格", "等级", "证书编号", "发证机关", "服务单位", "取得日期", "有效期自", "有效期至", "状态",
)  # fmt: skip
COLUMNS = (NUMBER, *PERSONAL, KIND, RANK, PAPER, ISSUER, PLACE, SINCE, FROM, UNTIL, STATE)
#: as the clock has it, but whoever has left holds nothing either
TITLES = {**STATES, "ended": "已终止或离岗"}
BATCH = 1000


def held(wanted: Wanted) -> Made:
    """Rows of what is in force on the day; whatever else was on file by then is only counted."""
    kinds, day = kinds_of(wanted.home), wanted.scope.on or wanted.today
    counts, people = Counter[str](), set[int]()

    def rows() -> Iterator[Columns]:
        for entry, stands in _entries(wanted, kinds, day):
            state = _state(entry, stands, day)
            counts[state] += 1
            if state in HOLDING:
                people.add(entry.holder.id)
                yield columns(kinds[entry.kind], entry, stands)

    def close() -> list[str]:
        on_file = _on_file(wanted, kinds, day)
        if sum(counts.values()) != on_file:
            raise ExportError(f"件数对不上，没有导出：到 {day} 登记有资格 {on_file} 件，算出 {sum(counts.values())} 件；请把这段话交给技术人员核对数据")
        return [line(day, counts, len(people)), *notes(wanted, day)]

    return Made(rows(), close, counts)


def line(day: date, counts: Mapping[str, int], people: int) -> str:
    """The reconciliation line."""
    inside = "、".join(f"{TITLES[state]} {counts.get(state, 0)}" for state in HOLDING)
    outside = {title: counts.get(state, 0) for state, title in TITLES.items() if state not in HOLDING}
    shown = sum(counts.get(state, 0) for state in HOLDING)
    return (
        f"到 {day} 登记有资格 {sum(counts.values())} 件 = 持证 {shown} 件（{inside}） + "
        f"不列入 {sum(outside.values())} 件（{'、'.join(f'{title} {n}' for title, n in outside.items())}）；持证 {people} 人"
    )


def notes(wanted: Wanted, day: date) -> list[str]:
    """What the rows rest on."""
    told = ["单位、职务、人员类别按导出当天的登记。登记后撤销的（登错的）不算。"]
    return [*told, f"{day} 在导出日期 {wanted.today} 之后，按已登记的推算。"] if day > wanted.today else told


def columns(kind: Kind, entry: Entry, stands: Standing) -> Columns:
    """One certification as a row."""
    days = {SINCE: entry.obtained_on, FROM: stands.valid_from, UNTIL: stands.valid_until}
    return {
        **personal(entry.holder), KIND: kind.title, RANK: stands.rank, PAPER: entry.certificate_no, ISSUER: entry.issuer, PLACE: entry.at,
        **{name: value.isoformat() if value else "" for name, value in days.items()}, **({} if stands.valid_until else {UNTIL: "长期"}), STATE: TITLES[stands.state],
    }  # fmt: skip


def _state(entry: Entry, stands: Standing, day: date) -> str:
    left = entry.holder.left_on
    return "ended" if left is not None and left <= day else stands.state


def _where(wanted: Wanted, kinds: Mapping[str, Kind], day: date) -> tuple[ColumnElement[bool], ...]:
    """Over certification and person: on file by the day, of the kind and below the unit that are asked for."""
    scope, here = wanted.scope, (certification.c.revoked_at.is_(None), certification.c.obtained_on <= day)
    some: tuple[ColumnElement[bool], ...] = (*here, certification.c.kind == scope.kind if scope.kind else certification.c.kind.in_(list(kinds)))
    if not scope.under:
        return some
    under = units_under(scope.under)
    return (*some, or_(person.c.unit_id.in_(under), certification.c.unit_id.in_(under)))


def _on_file(wanted: Wanted, kinds: Mapping[str, Kind], day: date) -> int:
    """Counted by the database."""
    query = select(func.count()).select_from(certification.join(person, person.c.id == certification.c.person_id)).where(*_where(wanted, kinds, day))
    return int(wanted.connection.execute(query).scalar_one())


def _entries(wanted: Wanted, kinds: Mapping[str, Kind], day: date) -> Iterator[tuple[Entry, Standing]]:
    """Each certification with where it stands, by unit and name, a batch at a time."""
    source = certification.join(person, person.c.id == certification.c.person_id).outerjoin(unit, unit.c.id == person.c.unit_id)
    order = (unit.c.name, person.c.name, person.c.id, certification.c.id)
    idents = list(wanted.connection.execute(select(certification.c.id).select_from(source).where(*_where(wanted, kinds, day)).order_by(*order)).scalars())
    for start in range(0, len(idents), BATCH):
        some = certification.c.id.in_(idents[start : start + BATCH])
        hours = read_hours(wanted.connection, holders_of(some))
        found = {one.id: one for one in read_entries(wanted.connection, some)}
        for ident in idents[start : start + BATCH]:
            if (one := found.get(ident)) is not None:
                yield one, stand(kinds[one.kind], one, hours.get(one.holder.id, ()), day)
