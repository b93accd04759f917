"""Persons, units and a workbook for tests of the workforce: real rows in a real home, real XLSX."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date

import openpyxl
from people_fixture import number_of

from grading.workforce.import_sheets import read_book
from grading.workforce.imports import Imported, import_book
from grading.workforce.kinds import read_kinds
from home import Home, transaction
from people.changes import merge_units, rename_unit
from people.identity import identity_mac, mask, seal_number
from people.persons import rehearsal
from people.tables import person, unit

TODAY = date(2026, 11, 24)
KINDS = read_kinds()
HEADINGS = {
    "单位": ("单位名称*", "单位类别*", "上级单位", "城乡", "代码", "户数", "常住人口", "网格数", "在岗人数"),
    "任职": ("姓名*", "身份证号*", "人员类别*", "入职日期*", "离职日期", "所在社区（网格）", "职务"),
    "资格": ("姓名*", "身份证号*", "资格名称*", "取得日期*", "证书编号", "发证机关", "服务单位", "备注"),
    "办理": ("姓名", "身份证号", "资格名称", "办理事项", "办理日期", "文号", "服务单位"),
    "学时": ("姓名", "身份证号", "完成日期", "学时", "来源", "培训名称", "举办单位"),
}
NAMES = ["赵甲", "钱乙", "孙丙", "李丁", "周戊", "吴己", "郑庚", "王辛", "冯壬", "陈癸"]


def add_unit(home: Home, name: str, **values: object) -> int:
    with transaction(home.office) as connection:
        return connection.execute(unit.insert().values(name=name, **values)).inserted_primary_key[0]


def two_towns(home: Home) -> dict[str, int]:
    """东街社区 below each of two towns; 乙镇's 北门社区 was 北街社区; 甲镇's 西街社区 was merged into 甲镇's 东街社区. Path -> id."""
    at: dict[str, int] = {}
    for town in ("甲镇", "乙镇"):
        at[town] = add_unit(home, town, kind="乡镇")
        at[f"{town}/东街社区"] = add_unit(home, "东街社区", kind="社区", parent_id=at[town])
    at["乙镇/北门社区"] = add_unit(home, "北街社区", kind="社区", parent_id=at["乙镇"])
    at["甲镇/西街社区"] = add_unit(home, "西街社区", kind="社区", parent_id=at["甲镇"])
    with transaction(home.office) as connection:
        rename_unit(connection, at["乙镇/北门社区"], "北门社区", by="hr", reason="更名")
        merge_units(connection, at["甲镇/西街社区"], at["甲镇/东街社区"], on_day=date(2026, 3, 1), by="hr", reason="合并")
    return at


def add_people(home: Home, n: int = 3, *, unit_id: int | None = None, first: int = 0, **values: object) -> list[tuple[int, str, str]]:
    """(id, name, number) of new persons."""
    key, made = home.key("identity"), []
    with transaction(home.office) as connection:
        for k in range(first, first + n):
            number, name = number_of(k), NAMES[k % 10]
            row = {
                "name": name, "document": "居民身份证", "identity_cipher": seal_number(key, "居民身份证", number), "unit_id": unit_id,
                "identity_mac": identity_mac(key, "居民身份证", number), "identity_masked": mask(number), "birth": date(1980, 2, 15),
                "created_at": 0, **values,
            }  # fmt: skip
            made.append((connection.execute(person.insert().values(**row)).inserted_primary_key[0], name, number))
    return made


def workbook(headings: Mapping[str, Sequence[str]] = HEADINGS, **sheets: Sequence[Sequence[object]]) -> bytes:
    """An XLSX with these sheets (Chinese titles as keyword names)."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        sheet.append(list(headings[title]))
        for row in rows:
            sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    book.close()
    return out.getvalue()


def take(home: Home, data: bytes, *, dry: bool = False, kinds=KINDS, today: date = TODAY) -> Imported:
    book = read_book(data, "资格.xlsx", today)
    with rehearsal(home.office) if dry else transaction(home.office) as connection:
        return import_book(connection, home.key("identity"), kinds, book, "hr1", today)
