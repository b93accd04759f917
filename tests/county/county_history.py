"""What happened in five years, in the order of its days: rosters, sittings, events, records, corrections, changes of units and people."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from county_exams import Plan, plans
from county_feed import Office, hash_of, today
from county_people import COUNTY, County, Person
from county_rosters import Delivery
from county_workforce import CELL_FAULTS, ROW_FAULTS, Workforce
from sqlalchemy import select

from exams.events import MOVES, state_of
from grading.correction import correct_record
from grading.manual import change_request, set_manual_mark
from grading.roll import fraction
from grading.tables import mark
from home import transaction
from people.approvals import ask, decide
from people.changes import find_unit, leave, merge_units, rename_unit
from people.documents import file_document

RENAMED = (f"{COUNTY}城市管理局", f"{COUNTY}综合行政执法局")
MERGED = (f"{COUNTY}统计局", f"{COUNTY}发展和改革局")


class History:
    """Lives the plans of :func:`county_exams.plans` one after another."""

    def __init__(self, office: Office, county: County) -> None:
        self.office, self.draw = office, random.Random(5)
        self.people = {one.number: one for one in county.people}
        self.gone: set[str] = set()
        self.told_not_entitled: list[str] = []

    def begin(self, deliveries: Sequence[Delivery]) -> list[tuple[Delivery, list[tuple[str, int, str, str]]]]:
        """The first rosters: refused, put right, taken. Returns what was said of each."""
        self.office.calendar.at("2022-05-10 09:00")
        said = []
        for one in deliveries:
            said.append((one, self.office.refused(one.first)))
            self.office.take_roster(one.second)
        return said

    def live(self) -> None:
        for plan in plans():
            self.meanwhile(plan)
            self.sitting(plan)
        self.office.calendar.at("2026-11-28 10:00")

    def certifications(self, county: County) -> list[tuple[frozenset[tuple[str, int, str]], list[tuple[str, int, str]]]]:
        """The workbook of certifications: refused for its cells, then for what its rows say, then taken; another office's file adds nothing."""
        work, folder = Workforce(county, 3), self.office.folder
        said = []
        for name, faults in (("first", CELL_FAULTS), ("second", ROW_FAULTS)):
            path = folder / name / "资格.xlsx"
            expected = work.write(path, faults)
            said.append((expected, self.office.refused_workforce(path)))
        work.write(folder / "资格.xlsx")
        self.office.take_workforce(folder / "资格.xlsx")
        again = self.office.take_workforce(work.write_hours_again(folder / "学时.csv"), note=False)
        assert not any(again.new.values()) and again.same["hours"] == len(work.hours)
        return said

    # ------------------------------------------------ between two sittings

    def meanwhile(self, plan: Plan) -> None:
        """Transfers each year, a name changed, a bureau renamed, two merged, people who leave."""
        if plan.id == "npc-2024":
            self.office.calendar.at("2024-03-01 09:00")
            self.rename(*RENAMED)
            self.change_name()
        if plan.id == "org-2025":
            self.office.calendar.at("2025-02-10 09:00")
            self.merge(*MERGED)
        if plan.id.startswith("annual-") and not plan.resit_of:
            self.office.calendar.at(f"{plan.opens[:4]}-11-01 09:00")
            self.transfer()
            self.leave(3)

    def officials(self) -> list[Person]:
        return [one for number, one in self.people.items() if one.group == "officials" and number not in self.gone]

    def rename(self, old: str, new: str) -> None:
        with transaction(self.office.home.office) as connection:
            rename_unit(connection, find_unit(connection, old), new, by="hr", reason="机构改革方案")
        self.office.note("rename", old=old, new=new)
        self._move(old, new)

    def merge(self, old: str, new: str) -> None:
        with transaction(self.office.home.office) as connection:
            merge_units(connection, find_unit(connection, old), find_unit(connection, new), on_day=today(), by="hr", reason="机构改革方案")
        self.office.note("merge", old=old, new=new)
        self._move(old, new)

    def _move(self, old: str, new: str) -> None:
        # some offices go on writing the old name for a while: the teachers' roster keeps it, the officials' does not
        self.people = {number: replace(one, unit=new) if one.unit == old and one.key % 5 else one for number, one in self.people.items()}

    def change_name(self) -> None:
        for one in self.officials()[3:40:12]:
            self.people[one.number] = replace(one, name=f"{one.name[0]}新{one.name[-1]}", former=one.name)

    def transfer(self) -> None:
        officials = self.officials()
        for one in self.draw.sample(officials, len(officials) // 40):
            self.people[one.number] = replace(one, unit=self.draw.choice(officials).unit, post="二级主任科员")

    def leave(self, n: int) -> None:
        for one in self.draw.sample(self.officials(), n):
            with transaction(self.office.home.office) as connection:
                leave(connection, self.office.ids[one.number], today(), by="hr", reason="退休")
            self.gone.add(one.number)
            self.office.note("leave", number=one.number)

    # ------------------------------------------------ a sitting

    def sitting(self, plan: Plan) -> None:
        people = self.roster(plan)
        self.office.hold(plan, people, before=self.known_before(plan, people))
        self.found_afterwards(plan)
        if not plan.issue:
            self.office.mark(plan.id)
            return
        self.office.calendar.at(f"{plan.opens[:10]} 16:00")
        self.office.mark(plan.id)
        self.office.issue(plan.id)
        self.after_issue(plan)

    def roster(self, plan: Plan) -> list[Person]:
        """Whom the office sends: a group, or whoever the product's own 补考名单 names; and somebody new in a later round."""
        found: list[Person] = []
        if plan.resit_of:
            listed = set(self.office.may_resit(plan.resit_of, plan.opens[:10]))
            numbers = self.office.numbers[plan.resit_of]
            by_id = {ident: number for number, ident in self.office.ids.items()}
            found = [self.people[by_id[ident]] for ident, admission in sorted(numbers.items()) if admission in listed and by_id[ident] not in self.gone]
            found = [one for n, one in enumerate(found) if n % 9 != 4]                    # some do not come back
        if plan.group:
            pool = {
                "officials": self.officials(), "npc": [one for one in self.officials() if one.channel == "人大任命" and one.rank],
                "party": [one for one in self.officials() if one.channel == "党委管理"], "leaders": [one for one in self.officials() if one.rank],
            }[plan.group]  # fmt: skip
            new = pool if plan.share == 1 else random.Random(hash_of(plan.id)).sample(pool, max(6, int(len(pool) * plan.share)))
            earlier = {ident for one in self._chain(plan) for ident in self.office.numbers[one]}
            found += [one for one in new if self.office.ids[one.number] not in earlier and one not in found]
        return [replace(one, old15=one.old15 and one.key % 2 == 0) for one in found]

    def _chain(self, plan: Plan) -> list[str]:
        known = {one.id: one for one in plans()}
        chain = []
        while plan.resit_of:
            plan = known[plan.resit_of]
            chain.append(plan.id)
        return chain

    def known_before(self, plan: Plan, people: Sequence[Person]) -> dict[str, tuple[str, str, str]]:
        """Deferrals, exemptions and absences that are on file before the day."""
        picked = random.Random(hash_of(plan.id) + 1).sample(list(people), min(len(people), len(people) // 12 + 1)) if len(people) > 8 else []
        kinds = [("deferred", "住院手术，有证明", ""), ("exempt", "经批准", "approved_by_authority"), ("absent", "电话告知不来", "")]
        if "npc" in plan.id:
            kinds = [("exempt_part", "持初任法官合格证", "judicial_cert_skips_professional"), *kinds]
        return {one.number: kinds[n % len(kinds)] for n, one in enumerate(picked)}

    def found_afterwards(self, plan: Plan) -> None:
        """After the sitting, before records: misconduct, a stamped note that came later, an entry for the wrong person taken back."""
        office, sat = self.office, sorted(self.office.papers[plan.id])
        if len(sat) < 12:
            return
        office.event(plan.id, sat[3], "misconduct", "=夹带“小抄”", "paper")
        office.event(plan.id, sat[5], "misconduct", "看错了人", "paper", revoked=True)
        if "npc" in plan.id or "theory" in plan.id:
            office.event(plan.id, sat[7], "void", "找人替考", "exam")
        missing = [number for number in self._on_roster(plan) if number not in office.papers[plan.id] and self._state(plan, number) in ("due", "absent")]
        if missing:
            office.event(plan.id, missing[0], "deferred", "单位补来盖章证明")
        if plan.id == "annual-2024" and len(missing) > 1:
            with transaction(office.home.office) as connection:
                scan = file_document(office.home, connection, office.ids[missing[1]], "申请.pdf", b"%PDF-1.4 scan", "kaowu")
            if "exempt" in MOVES[self._state(plan, missing[1])]:
                office.event(plan.id, missing[1], "exempt", "距退休一年", "near_retirement_on_application", document_id=scan)

    def _on_roster(self, plan: Plan) -> list[str]:
        by_id = {ident: number for number, ident in self.office.ids.items()}
        return sorted(by_id[ident] for ident in self.office.numbers[plan.id])

    def _state(self, plan: Plan, number: str) -> str:
        with self.office.home.office.connect() as connection:
            return state_of(connection, plan.id, self.office.ids[number])

    # ------------------------------------------------ after the records are out

    def after_issue(self, plan: Plan) -> None:
        office, sat = self.office, sorted(self.office.papers[plan.id])
        if len(sat) < 12:
            return
        office.calendar.ns += 86_400_000_000_000
        if plan.id in ("annual-2023", "npc-2024", "theory-2023"):
            office.event(plan.id, sat[9], "misconduct", "事后查实雷同", "paper")
            office.issue(plan.id)
        if plan.id in ("annual-2025", "org-2024", "disc-2023"):
            self.correct(plan, sat[1], {"单位": "县纪委（监委）机关", "拟任职务": "+调研员"})
            self.correct(plan, sat[1], {"层级": "县处级副职"})
            office.issue(plan.id)       # a later issue keeps the correction
        if plan.id in ("npc-2022", "npc-2026"):
            self.change_mark(plan, sat[10])
            office.issue(plan.id)

    def correct(self, plan: Plan, number: str, wanted: dict[str, str]) -> None:
        correct_record(self.office.home, plan.id, self.office.ids[number], wanted, by="hr", reason="名单填错", document_no="临组函7号")
        self.office.note("correct", sitting=plan.id, number=number, wanted=wanted)

    def change_mark(self, plan: Plan, number: str) -> None:
        """A marker's points changed after issue, with a second person's word."""
        home, person = self.office.home, self.office.ids[number]
        with transaction(home.office) as connection:
            row = connection.execute(select(mark).where(mark.c.sitting_id == plan.id, mark.c.person_id == person, mark.c.rule == "manual")).one()
            old, new = fraction(row.points), fraction("19.5") if row.points != "39/2" else fraction("3")
            if row.state == "unanswered":
                return
            subject, arguments = change_request(connection, plan.id, person, row.question, old, new)
            asked = ask(connection, "mark.change", subject, by="yuejuan", reason="复核漏加分", **arguments)
            decide(connection, asked, by="fuhe", grant=True)
            set_manual_mark(connection, plan.id, person, row.question, new, by="yuejuan", reason="复核漏加分", approval=asked)
        self.office.note("remark", sitting=plan.id, number=number, question=row.question, points=str(new))
