"""The county's rosters as files: a first delivery with damaged rows, and the one that the clerk sends when they are put right."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from county_mess import FORMULAS, Bad, Mess, Table, Value, bad_cells, write_csv, write_xlsx
from county_people import County, Person

HEADINGS = ("序号", "姓  名", "身份证号\n（18位）", "性别*", "民族", "出生年月", "工作单位", "现任职务", "拟任职务", "职务层次", "任免渠道", "手机号码", "曾用名", "备注")
COLUMNS = ("序号", "姓名", "身份证号", "性别", "民族", "出生年月", "单位", "现任职务", "拟任职务", "职级", "任免渠道", "手机", "曾用名", "备注")


@dataclass(frozen=True)
class Delivery:
    """A roster that is sent twice. ``refused``: (sheet, row, column, what the refusal says) of every bad row of the first."""

    name: str
    first: Path
    second: Path
    refused: frozenset[tuple[str, int, str, str]]
    people: tuple[Person, ...]


def roster_row(mess: Mess, n: int, one: Person, *, proposed: str = "", remark: str = "") -> list[Value]:
    """One line below :data:`HEADINGS`."""
    return [
        n, mess.name(one.name), mess.number(one), mess.gender(one.gender), one.ethnic, mess.birth(one.birth), mess.place(one.unit), mess.place(one.post),
        proposed or None, one.rank or None, one.channel or None, one.phone, one.former or None, remark or None,
    ]  # fmt: skip


def deliveries(county: County, folder: Path, seed: int) -> list[Delivery]:
    """All first rosters: six groups, in four kinds of file."""
    draw = random.Random(seed)
    made = []
    for n, (group, title, form, damage) in enumerate((
        ("officials", "机关和乡镇干部", "xlsx", slice(0, 13)), ("community", "社区工作者", "gb18030", slice(0, 6)), ("mediators", "人民调解员", "utf-8-sig", slice(3, 9)),
        ("literates", "法律明白人", "xlsx", slice(6, 11)), ("enforcers", "行政执法人员", "tab", slice(0, 3)), ("teachers", "讲师和法治副校长", "utf-16", slice(9, 13)),
    ), 1):  # fmt: skip
        people = county.of(group)
        mess = Mess(seed + n, csv=form != "xlsx")
        rows = [roster_row(mess, k, one, remark=draw.choice(FORMULAS) if k % 37 == 0 else "") for k, one in enumerate(people, 1)]
        if form == "gb18030":
            rows[2][13] = "第一行\n第二行，“引号”,逗号"      # a line break inside a cell: the rows below keep the numbers that Excel shows
        made.append(_delivery(folder, f"{n:02d}-{title}", form, people, rows, damage, draw))
    return made


def _delivery(folder: Path, name: str, form: str, people: Sequence[Person], rows: list[list[Value]], damage: slice, draw: random.Random) -> Delivery:
    title = name[3:]
    above = (f"临河县{title}名单", "填报单位：县委组织部　　2022年5月") if form == "xlsx" else ()
    below = ([None, f"合计：{len(rows)} 人"], [], ["说明：本表由各单位填报"]) if form == "xlsx" else ()
    good = Table(title, HEADINGS, rows, above, below)
    places = draw.sample(range(4, len(rows)), damage.stop - damage.start)
    broken = [list(row) for row in rows]
    refused = set()
    sheet = title if form == "xlsx" else f"{name}.csv"
    for place, bad in zip(places, bad_cells(people[places[0]])[damage], strict=True):
        own = next(one for one in bad_cells(people[place]) if (one.column, one.says) == (bad.column, bad.says))
        _spoil(broken[place], own)
        refused.add((sheet, good.first_row + place, bad.column, bad.says))
    twin = [list(broken[0]), *broken[1:]]
    twin.append([len(rows) + 1, rows[0][1], people[0].number, *rows[0][3:]])     # somebody is on the list twice
    refused.add((sheet, good.first_row + len(rows), "身份证号", f"第 {good.first_row} 行（{people[0].name}）的证件号码相同"))
    first = _write(folder / "first", name, form, replace(good, rows=twin))
    second = _write(folder, name, form, good)
    return Delivery(name, first, second, frozenset(refused), tuple(people))


def _spoil(row: list[Value], bad: Bad) -> None:
    row[COLUMNS.index(bad.column)] = bad.cell


def _write(folder: Path, name: str, form: str, table: Table) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if form == "xlsx":
        return write_xlsx(folder / f"{name}.xlsx", Table("填表说明", ("一、姓名按身份证填写",)), table, Table("旧表", HEADINGS, table.rows[:3], hidden=True))
    if form == "tab":
        return write_csv(folder / f"{name}.csv", table, "gb18030", "\t")
    return write_csv(folder / f"{name}.csv", table, form)
