"""Certifications of every kind, with their steps and hours, as the offices' workbook: some as they should be, some late, early or lapsed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from county_mess import Mess, Table, Value, write_csv, write_xlsx
from county_people import TOWNS, County, Person

TODAY = date(2026, 11, 28)
UNITS = ("单位名称", "单位类别", "上级单位", "城乡分类", "代码", "户数", "常住人口")
HOLDINGS = ("序号", "姓名", "身份证号码", "资格名称", "取得日期", "证书编号", "发证机关", "服务单位", "备注")
STEPS = ("姓名", "证件号码", "资格名称", "办理事项", "办理日期", "文号", "服务单位")
HOURS = ("姓名", "身份证号", "完成日期", "学时", "来源", "培训名称", "举办单位")
#: what is wrong in the first two deliveries: (sheet, which column, cell, what is said)
CELL_FAULTS = (("资格", 4, "2024-03", "不是日期；请写到日"), ("资格", 2, "4.40524E+17", "被 Excel 改坏"), ("办理", 4, "二〇二四年", "不是日期"),
               ("学时", 3, "六十", "不是学时数"), ("学时", 4, "自学", "请填：培训、课程、学位"), ("学时", 5, None, "没有填写"))  # fmt: skip
ROW_FAULTS = (("资格", 3, "社会工作大师", "不认识；可用"), ("资格", 4, "2027-01-01", "在今天之后"), ("资格", 7, "没有的村", "还没有登记；请先在“单位”表里填一行"),
              ("资格", 1, "张冠李戴", "表上是“张冠李戴”；请核对"), ("办理", 3, "盖章", "这一步；可填"), ("学时", 3, "2400", "应在 0 至 2000 之间"))  # fmt: skip


class Workforce:
    """The rows of four sheets, filled kind by kind."""

    def __init__(self, county: County, seed: int) -> None:
        self.county, self.draw, self.mess = county, random.Random(seed), Mess(seed)
        self.units: list[list[Value]] = []
        self.holdings: list[list[Value]] = []
        self.steps: list[list[Value]] = []
        self.hours: list[list[Value]] = []
        self.places()
        fill: dict[str, Callable[[int, Person], None]] = {
            "community": self.community, "mediators": self.mediator, "literates": self.literate, "enforcers": self.enforcer, "teachers": self.teacher, "officials": self.official,
        }  # fmt: skip
        for group, work in fill.items():
            for n, one in enumerate(county.of(group)):
                work(n, one)

    # ------------------------------------------------ places

    def places(self) -> None:
        for street in ("城东", "城西", "城南", "城北", "开发区"):
            self.units.append([f"{street}街道", "街道", None, "城镇", None, None, None])
        for name in self.county.communities:
            self.units.append([self.mess.place(name), "社区", name[: name.index("街道") + 2], "城镇", None, self.draw.randrange(800, 3200), f"{self.draw.randrange(2000, 9000):,}"])
            self.units.append([f"{name}第1网格", "网格", name, "城镇", None, self.draw.randrange(150, 450), 800])
        self.units += [[f"{town}镇", "乡镇", None, "农村", None, None, None] for town in TOWNS]
        self.units += [[name, "村", f"{name[:2]}镇", "农村", "340210" + f"{n:06d}", 300, 1100] for n, name in enumerate(self.county.villages, 101)]
        self.units += [[name, "学校", None, "城镇", None, None, None] for name in self.county.schools]

    # ------------------------------------------------ rows

    def hold(self, one: Person, kind: str, day: date, *, place: str = "") -> None:
        number = f"{day:%Y}{one.key:07d}" if self.draw.random() < 0.8 else None
        self.holdings.append([len(self.holdings) + 1, self.mess.name(one.name), self.mess.number(one), kind, self.mess.day(day), number, "某省人力资源和社会保障厅",
                              self.mess.place(place) if place else None, self.draw.choice(("=补登", None, None))])  # fmt: skip

    def step(self, one: Person, kind: str, step: str, day: date, *, place: str = "") -> None:
        if day <= TODAY:
            self.steps.append([self.mess.name(one.name), self.mess.number(one), kind, step, self.mess.day(day), f"临民登〔{day.year}〕{self.draw.randrange(999)}号", place or None])

    def train(self, one: Person, day: date, hours: float, title: str, source: str | None = None) -> None:
        if day <= TODAY:
            self.hours.append([self.mess.name(one.name), self.mess.number(one), self.mess.day(day), hours if self.draw.random() < 0.5 else f"{hours:g}", source, title, "县社工协会"])

    def back(self, least: int, most: int) -> date:
        return TODAY - timedelta(days=self.draw.randrange(least, most))

    # ------------------------------------------------ kinds

    def community(self, n: int, one: Person) -> None:
        """Social workers of three levels; grades and appraisals of many."""
        if n % 10 < 6:
            self.social_worker(n, one)
        if n % 2 == 0:
            self.hold(one, "三岗十八级", date(2023, 1, 1))
            self.step(one, "三岗十八级", f"{n % 12 + 1}级", date(2024, 1, 1))
        if n % 3 == 0:
            self.hold(one, "年度考核", date(2025, 12, 31))
            self.step(one, "年度考核", ("优秀", "合格", "基本合格", "不合格")[n % 4], date(2025, 12, 31))

    def social_worker(self, n: int, one: Person) -> None:
        """On the way, registered, renewed in time, too early, too late, or not at all; with more or fewer hours."""
        kind = ("助理社工师", "社会工作师", "助理社会工作师", "中级社会工作师", "社会工作者（初级）", "高级社会工作师")[n % 6]
        passed = self.back(20, 1900)
        self.hold(one, kind, passed)
        if n % 7 == 0 and kind in ("社会工作师", "中级社会工作师"):
            for subject, after in (("综合能力（中级）合格", 0), ("法规与政策合格", 365 if n % 2 else 0), ("实务（中级）合格", 365)):
                if not (n % 14 == 0 and subject.startswith("实务")):
                    self.step(one, kind, subject, passed + timedelta(days=after))
        if kind == "高级社会工作师" and n % 4:
            self.step(one, kind, "评审通过", passed + timedelta(days=200))
        if n % 9:
            first = passed + timedelta(days=self.draw.randrange(210, 420))
            self.step(one, kind, "首次登记", first)
            self.step(one, kind, "再次登记", first + timedelta(days=self.draw.choice((1020, 1060, 1095, 1096, 1140, 900))))
        for k in range(self.draw.randrange(4)):
            self.train(one, self.back(1, 1400), self.draw.choice((20, 30, 45.5, 12)), f"社工继续教育第{k + 1}期")
        if n % 50 == 0:
            self.train(one, self.back(1, 1000), 90, "社会工作硕士", "学位")

    def mediator(self, n: int, one: Person) -> None:
        day = self.back(30, 1800)
        self.hold(one, "调解员", day)
        self.train(one, day, 10 if n % 6 else 6, "岗前培训")
        self.step(one, "人民调解员", "岗前培训合格", day + timedelta(days=3))
        if n % 8:
            self.step(one, "人民调解员", "聘任", day + timedelta(days=10))
            self.step(one, "人民调解员", "续聘", day + timedelta(days=10 + 36 * 30))
            self.step(one, "人民调解员", ("一级", "二级", "三级")[n % 3], day + timedelta(days=400))
        self.train(one, date(2026, 4, 1) + timedelta(days=n % 90), 20 if n % 3 else 12.5, "2026年调解员培训")

    def literate(self, n: int, one: Person) -> None:
        day, place = self.back(60, 1500), one.unit
        self.hold(one, "乡村“法律明白人”" if n % 2 else "法律明白人", day, place=place)
        for step, after in (("培训", 20), ("考试合格", 30), ("县局登记建档", 45), ("发证", 50), ("报市局备案", 70))[: n % 6]:
            self.step(one, "法律明白人", step, day + timedelta(days=after), place=place)

    def enforcer(self, n: int, one: Person) -> None:
        day = self.back(30, 1600)
        self.hold(one, "执法证", day)
        for step, after in (("专门法律知识考试合格", 20), ("通用法律知识考试合格", 40), ("发证", 60))[: 3 if n % 5 else 2]:
            self.step(one, "行政执法资格", step, day + timedelta(days=after))
        if n % 4 == 0:
            self.step(one, "行政执法资格", "换证", day + timedelta(days=60 + 1095 - 30))

    def teacher(self, n: int, one: Person) -> None:
        day = self.back(40, 1500)
        if n % 2:
            self.hold(one, "普法讲师团成员", day)
            self.step(one, "普法讲师", "聘任", day + timedelta(days=9))
            if n % 4 == 1:
                self.step(one, "普法讲师", "续聘", day + timedelta(days=9 + 700))
            for k in range(n % 6):
                self.step(one, "普法讲师", "宣讲一场", date(2026, 3, 1) + timedelta(days=k))
            return
        place = self.county.schools[n // 2 % len(self.county.schools)]
        self.hold(one, "法制副校长", day, place=place)
        self.train(one, day + timedelta(days=1), 8, "岗前培训")
        self.step(one, "法治副校长", "聘任", day + timedelta(days=12), place=place)
        for k in range(n % 5):
            self.step(one, "法治副校长", "授课（1 课时）", date(2026, 9, 1) + timedelta(days=k), place=place)

    def official(self, n: int, one: Person) -> None:
        if n % 6 == 0:
            self.hold(one, "学法考试", date(2021, 11, 1))
            for year in range(2021, 2026 + (n % 12 == 0)):
                self.step(one, "年度学法用法", "考试合格", date(year, 11, 1))
        if n % 25 == 1:
            self.hold(one, "任前考试", self.back(100, 900))

    # ------------------------------------------------ files

    def tables(self) -> dict[str, Table]:
        return {"单位": Table("单位", UNITS, self.units, ("临河县单位表",)), "资格": Table("资格", HOLDINGS, self.holdings), "办理": Table("办理", STEPS, self.steps),
                "学时": Table("学时", HOURS, self.hours)}  # fmt: skip

    def write(self, path: Path, faults: tuple[tuple[str, int, Value, str], ...] = ()) -> frozenset[tuple[str, int, str]]:
        """The workbook; or its beginning with these cells spoilt: returns (sheet, row, what is said) of each."""
        tables, told = self.tables(), set()
        alone = [row for row in self.holdings if row[3] == "任前考试"][: len(faults)]        # nothing else in the book rests on these
        sent = {title: [list(row) for row in ([*table.rows[:80], *alone] if faults and title == "资格" else table.rows[:80] if faults and title != "单位" else table.rows)]
                for title, table in tables.items()}  # fmt: skip
        for n, (title, place, cell, says) in enumerate(faults):
            row = 80 + n if title == "资格" else 7 + 11 * n
            sent[title][row][place] = cell
            told.add((title, tables[title].first_row + row, says))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_xlsx(path, *(Table(table.title, table.headings, sent[title], table.above) for title, table in tables.items()))
        return frozenset(told)

    def write_hours_again(self, path: Path) -> Path:
        """The hours once more as another office's CSV: nothing new is in it."""
        return write_csv(path, self.tables()["学时"], "gb18030")
