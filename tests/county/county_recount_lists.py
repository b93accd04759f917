"""The eight lists as they have to be, from :class:`county_recount.Recount`, in pandas. Imports nothing of the product.

Which columns a list has and how it is headed is the list's TOML, which an office may change; who is on it and what stands there is
reckoned here.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
from county_recount import RESULT, SAT, TITLE, Held, Recount, Result, last_day, masked, standing, text_of, too_late

LISTS = Path(__file__).parents[2] / "grading" / "lists"
WAITING = "待定"


@dataclass(frozen=True)
class Listed:
    """What has to come out: rows of texts in the columns' order, the numbers by result, and the lines below."""

    headings: list[str]
    names: list[str]
    rows: list[list[str]]
    counts: dict[str, int]
    line: str


class Lists:
    """Every list of a recount, on a day."""

    def __init__(self, recount: Recount, day: date, archive: Path) -> None:
        self.recount, self.day = recount, day
        self.ids = record_numbers(archive)
        self.frame = pd.DataFrame(list(self._lines()))

    def _lines(self) -> Iterable[dict[str, Any]]:
        """Every candidate of every sitting once: columns by name, and what they are chosen by (names that begin with ``_``)."""
        for held in self.recount.held.values():
            for number in held.admission:
                result, labels = held.results.get(number), held.labels[number]
                event = standing(held.events[number])
                facts = {
                    "_sitting": held.id, "_number": number, "_code": result.outcome if result else "", "_total": result.total if result else None, "_kind": held.kind,
                    "_resit": bool(held.before), "_opens": held.opens, "_order": self.recount.people[number]["order"], "任免渠道": labels["channel"],
                    "登记情况": TITLE[event["kind"]] if event else "", "事由": event["reason"] if event else "", "文号": event["document"] if event else "",
                }  # fmt: skip
                yield {**facts, **(self._issued(held, number, result) if result else self._waiting(held, number))}

    def _issued(self, held: Held, number: str, result: Result) -> dict[str, str]:
        return {**result.columns, "存档号": self.ids[held.id, held.admission[number]]}

    def _waiting(self, held: Held, number: str) -> dict[str, str]:
        who, labels = self.recount.people[number], held.labels[number]
        return {
            "考试批次": held.id, "考试名称": held.title, "准考证号": held.admission[number], "姓名": who["name"], "性别": who["gender"], "身份证号": masked(number),
            "单位": labels["unit"], "职务": labels["post"], "拟任职务": labels["proposed"], "层级": labels["rank"], "考试日期": str(held.day), "最终结果": WAITING,
        }  # fmt: skip

    # ------------------------------------------------ one list

    def make(self, key: str, sittings: Sequence[str] = (), *, columns: str = "标准", person: str = "", days: int = 90, formal: bool = False) -> Listed:
        """A list over some sittings, or all."""
        about = self.frame
        if sittings:
            about = about[about["_sitting"].isin(list(sittings))]
        if person:
            about = about[about["_number"] == person]
        if formal:
            about = about[about["_kind"] == "formal"]
        about = about.sort_values(["_sitting", "准考证号"])
        unit = "人" if about["_sitting"].nunique() == 1 else "人次"
        if key == "expiry":
            return self._laid("expiry", columns, self.expiry(days), {}, self.expiry_line(days))
        chosen = {
            "due": lambda: about, "scores": lambda: about, "person": lambda: about, "passed": lambda: about[about["_code"] == "passed"],
            "missing": lambda: about[about["_code"].isin(toml_of("missing")["outcomes"])], "resit": lambda: self.resit(about), "summary": lambda: summary(about),
        }[key]()  # fmt: skip
        counts = {str(code): int(n) for code, n in about["_code"].value_counts().items()}
        return self._laid(key, columns, chosen, counts, reconciliation(counts, unit))

    def _laid(self, key: str, columns: str, frame: pd.DataFrame, counts: dict[str, int], line: str) -> Listed:
        wanted = toml_of(key)["sets"][columns]["columns"]
        names = [one["name"] for one in wanted]
        frame = frame.reset_index(drop=True)
        filled = pd.DataFrame({name: frame.get(name, "") for name in names}, index=frame.index).fillna("").astype(str)
        if "序号" in names:
            filled["序号"] = [str(n) for n in range(1, len(frame) + 1)]
        return Listed([one.get("title", one["name"]) for one in wanted], names, filled.values.tolist(), counts, line)

    # ------------------------------------------------ who may sit again

    def resit(self, about: pd.DataFrame) -> pd.DataFrame:
        outcomes = set(toml_of("resit")["outcomes"])
        rows = []
        for line in about.to_dict("records"):
            held, number = self.recount.held[line["_sitting"]], line["_number"]
            if line["_code"] not in outcomes:
                continue
            claim = self.claim(held, number)
            if claim is not None:
                rows.append({**line, **claim})
        return pd.DataFrame(rows, columns=[*about.columns, "补考类别", "可补考次数", "补考期限"])

    def claim(self, held: Held, number: str) -> dict[str, str] | None:
        """What stands on the list about somebody who may come again; None for whoever may not."""
        result = held.results[number]
        past = [(one, one.results[number]) for one in [*self.recount.chain(held), held] if number in one.results]
        gone_on = any(one.before == held.id and number in one.admission for one in self.recount.held.values())
        late = too_late(held.rules, past, self.day)
        if gone_on or result.final == "passed" or not result.again:
            return None
        if late and held.rules["resit"].get("late", "counts") == "does_not_count":
            return None
        ends = [day for day in (last_day(held.rules, past), held.rules["resit"].get("to")) if day]
        what = {"failed": "不合格，补考", "deferred": "缓考", "absent": "缺考，补考", "misconduct": "成绩无效，补考"}[result.outcome]
        return {"补考类别": "；".join([what, *late]), "可补考次数": "" if result.outcome == "deferred" else str(result.left),
                "补考期限": str(min(ends)) if ends else "没有规定"}  # fmt: skip

    # ------------------------------------------------ what ends

    def expiry(self, days: int) -> pd.DataFrame:
        rows = sorted([*self.passes(days), *self.certifications(days)], key=lambda row: (row["到期日"], row["_order"], row["种类"]))
        return pd.DataFrame(rows, columns=["_order", "姓名", "性别", "身份证号", "单位", "职务", "种类", "证书或存档号", "取得日期", "到期日", "剩余天数", "期限", "应办事项"])

    def expiry_line(self, days: int) -> str:
        frame = self.expiry(days)
        names = [name for name, most in (("30 天内", 30), ("31 至 60 天", 60), ("61 至 90 天", 90)) if most <= days]
        spans = " + ".join(f"{name} {int((frame['期限'] == name).sum())} 件" for name in names)
        return f"{self.day} 至 {self.day + timedelta(days)}（{days} 天内）到期 {len(frame)} 件 = {spans}；涉及 {frame['_order'].nunique()} 人"

    def passes(self, days: int) -> Iterable[dict[str, Any]]:
        """The pass of each person under each set of rules that ends last, if it ends within so many days."""
        found = [
            {"number": number, "rules": held.rules["profile"], "until": result.until, "opens": held.opens, "title": held.title, "id": self.ids[held.id, held.admission[number]]}
            for held in self.recount.held.values() if held.kind == "formal"
            for number, result in held.results.items() if result.outcome == "passed" and result.until and self.recount.people[number]["left"] is None
        ]  # fmt: skip
        if not found:
            return
        last = pd.DataFrame(found).sort_values(["until", "opens", "id"]).groupby(["number", "rules"]).tail(1)
        for one in last[(last["until"] >= self.day) & (last["until"] <= self.day + timedelta(days))].to_dict("records"):
            yield self._due(one["number"], one["title"], one["id"], one["opens"].date(), one["until"], "到期前重新参加考试")

    def certifications(self, days: int) -> Iterable[dict[str, Any]]:
        for number, kind, paper, since, until, what in getattr(self.recount, "falling_due", lambda _day, _days: ())(self.day, days):
            yield self._due(number, kind, paper, since, until, what)

    def _due(self, number: str, what: str, paper: str, since: date, until: date, todo: str) -> dict[str, Any]:
        who, left = self.recount.people[number], (until - self.day).days
        return {
            "_order": who["order"], "姓名": who["name"], "性别": who["gender"], "身份证号": masked(number), "单位": who["unit"], "职务": who["post"], "种类": what,
            "证书或存档号": paper, "取得日期": str(since), "到期日": str(until), "剩余天数": str(left),
            "期限": "30 天内" if left <= 30 else "31 至 60 天" if left <= 60 else "61 至 90 天", "应办事项": todo,
        }  # fmt: skip


# ---------------------------------------------------------------- 统计汇总表 (A.7)


def summary(about: pd.DataFrame) -> pd.DataFrame:
    """All together, then each group of each kind by name."""
    rows = [figures("合计", "合计", about)]
    for by, column in (("场次", "考试名称"), ("单位", "单位"), ("层级", "层级"), ("任免渠道", "任免渠道")):
        named = about[column].replace("", "（未填）")
        rows += [figures(by, name, about[named == name]) for name in sorted(set(named))]
    return pd.DataFrame(rows)


def figures(by: str, name: str, group: pd.DataFrame) -> dict[str, str]:
    sat = group[group["_code"].isin(SAT)]
    best, passed = int((sat["等次"] == "优秀").sum()), int((sat["_code"] == "passed").sum())
    expected = len(group) - int((group["_code"] == "exempt").sum())
    shown = {title: str(int((group["_code"] == code).sum())) for code, title in RESULT.items()}
    mean = text_of(sum(sat["_total"], Fraction(0)) / len(sat), 2) if len(sat) else "—"
    return {
        **shown, "分类": by, "名称": name, "应考": str(len(group)), "已考": str(len(sat)), "待定": str(int((group["_code"] == "").sum())), "优秀": str(best),
        "参考率": rate(len(sat), expected), "合格率": rate(passed, len(sat)), "优秀率": rate(best, len(sat)), "平均分": mean, "补考人次": str(int(sat["_resit"].sum())),
    }  # fmt: skip


def rate(part: int, whole: int) -> str:
    return f"{text_of(Fraction(100 * part, whole), 1)}%" if whole else "—"


def reconciliation(counts: dict[str, int], unit: str) -> str:
    """due = sat + absent + deferred + exempt + misconduct + void (+ in progress)."""
    sat = {RESULT[code]: counts.get(code, 0) for code in SAT}
    rest = {title: counts.get(code, 0) for code, title in RESULT.items() if code not in SAT}
    if counts.get("", 0):
        rest[WAITING] = counts[""]
    inside = "、".join(f"{title} {n}" for title, n in sat.items())
    return f"应考 {sum(counts.values())} {unit} = 已考 {sum(sat.values())} {unit}（{inside}） + " + " + ".join(f"{title} {n}" for title, n in rest.items())


def toml_of(key: str) -> dict[str, Any]:
    return tomllib.loads((LISTS / f"{key}.toml").read_text(encoding="utf-8"))


def record_numbers(archive: Path) -> dict[tuple[str, str], str]:
    """{(sitting, admission number): file number of the record that stands}, from the signed archive: numbers are drawn, not reckoned."""
    records = json.loads(archive.read_text(encoding="utf-8"))["records"]
    statements = [json.loads(one["statement"]) for one in records]
    replaced = {one["supersedes"] for one in statements}
    return {
        (one["columns"]["考试批次"], one["columns"]["准考证号"]): statement["record"]
        for one, statement in zip(records, statements, strict=True) if statement["record"] not in replaced
    }  # fmt: skip
