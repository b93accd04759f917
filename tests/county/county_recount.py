"""The same five years reckoned again, from the spreadsheets, the answers and the profiles' TOML alone. Imports nothing of the product.

Written from ``domain.md`` (A.3, A.11, D.3-D.5), in pandas and the standard library; where it differs from the product one of the two
is wrong.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import openpyxl

BEIJING = timezone(timedelta(hours=8))
PENAL = ("misconduct", "void")
TITLE = {"absent": "缺考", "deferred": "缓考", "exempt": "免试", "misconduct": "违纪（成绩无效）", "void": "取消资格"}
GROUND = {"approved_by_authority": "其他情形，经有权机关批准", "near_retirement_on_application": "临近退休，本人书面申请"}
RESULT = {"passed": "合格", "failed": "不合格", "final_fail": "终不合格", "absent": "缺考", "deferred": "缓考", "exempt": "免试", "misconduct": "违纪", "void": "取消资格"}
SAT = ("passed", "failed", "final_fail")
WEIGHT = {"absent": 1, "deferred": 2, "exempt": 3, "misconduct": 4, "void": 5}
HEADS = {
    "姓名": "name", "身份证号": "number", "性别": "gender", "工作单位": "unit", "现任职务": "post", "拟任职务": "proposed", "职务层次": "rank", "任免渠道": "channel",
    "曾用名": "former", "备注": "remark",
}  # fmt: skip


# ---------------------------------------------------------------- cells


def plain(value: object) -> str:
    """One line of text without what cannot be seen."""
    text = "" if value is None else str(value)
    return " ".join(re.sub("[\u200b\u200c\u200d\u2060\ufeff\u00ad]", "", text).split())


def label(value: object) -> str:
    """A unit or a post: no blank beside a Chinese character, digits and letters half width."""
    text = "".join(chr(ord(c) - 0xFEE0) if "０" <= c <= "９" or "Ａ" <= c <= "Ｚ" or "ａ" <= c <= "ｚ" else c for c in plain(value))
    return re.sub(r" (?=[^\x00-\u024f])|(?<=[^\x00-\u024f]) ", "", text)


def person_name(value: object) -> str:
    text = re.sub(r"\s*[·•‧．・･⋅∙]\s*", "·", plain(value))
    return re.sub(r"(?<=[^\x00-\u024f]) (?=[^\x00-\u024f])", "", text)


def id_number(value: object) -> str:
    """Eighteen digits; one of fifteen gets its century and check digit (GB 11643-1999)."""
    text = "".join(unicodedata.normalize("NFKC", str(value)).split()).strip("'=\"").upper()
    if len(text) == 15:
        text = text[:6] + "19" + text[6:]
        text += "10X98765432"[sum(int(d) * w for d, w in zip(text, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11]
    return text


def read_rows(path: Path) -> list[tuple[object, ...]]:
    """All rows of the visible sheets of a workbook, or of a CSV file in whatever encoding."""
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path, data_only=True)
        rows = [row for sheet in book.worksheets if sheet.sheet_state == "visible" for row in sheet.iter_rows(values_only=True)]
        book.close()
        return rows
    data = path.read_bytes()
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        delimiter = "\t" if text.count("\t") > text.count(",") else ","
        return [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    raise AssertionError(path)


def read_roster(path: Path) -> list[dict[str, str]]:
    """The lines below the headings that have a number."""
    places: dict[str, int] = {}
    found = []
    for row in read_rows(path):
        heads = {HEADS.get(re.sub(r"[\s*]|（.*?）", "", str(cell or ""))): n for n, cell in enumerate(row)}
        if "number" in heads and "name" in heads:
            places = {name: n for name, n in heads.items() if name}
        elif places and len(row) > places["number"] and row[places["number"]]:
            cell = {name: row[n] if n < len(row) else None for name, n in places.items()}
            number = id_number(cell["number"])
            found.append({
                "number": number, "name": person_name(cell["name"]), "former": person_name(cell["former"]), "remark": plain(cell["remark"]),
                "gender": "男" if int(number[16]) % 2 else "女", **{name: label(cell[name]) for name in ("unit", "post", "proposed", "rank", "channel")},
            })  # fmt: skip
    return found


def masked(number: str) -> str:
    return number[:4] + "*" * 10 + number[-4:]


def birth_of(number: str) -> date:
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def local_day(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(BEIJING).date()


def months_later(day: date, months: int) -> date:
    """The corresponding day, or the month's last (民法典 202)."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


def text_of(value: Fraction, digits: int) -> str:
    """Rounded half up, no zeros at the end."""
    units = floor(value * 10**digits + Fraction(1, 2))
    shown = f"{units // 10**digits}.{units % 10**digits:0{digits}d}" if digits else str(units)
    return shown.rstrip("0").rstrip(".") if digits else shown


def exact(value: Fraction) -> str:
    return text_of(value, 4) if Fraction(text_of(value, 4)) == value else str(value)


# ---------------------------------------------------------------- the state


@dataclass
class Result:
    """What one candidate's sitting came to."""

    outcome: str
    total: Fraction | None = None
    sections: dict[str, Fraction] = field(default_factory=dict)
    band: str = ""
    left: int = 0
    again: bool = False
    until: date | None = None
    reasons: list[str] = field(default_factory=list)
    document: str = ""
    final: str = ""
    final_total: Fraction | None = None
    columns: dict[str, str] = field(default_factory=dict)
    basis: str = ""


@dataclass
class Held:
    """A sitting: its rules, who is on the list in the order of numbers, what is on file, the newest results."""

    id: str
    title: str
    kind: str
    rules: dict[str, Any]
    parts: list[dict[str, Any]]
    opens: datetime
    before: str
    admission: dict[str, str] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    events: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    papers: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)

    @property
    def day(self) -> date:
        return self.opens.date()


class Recount:
    """Reads the diary and does everything again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.people: dict[str, dict[str, Any]] = {}
        self.held: dict[str, Held] = {}
        self.former_units: dict[str, str] = {}
        for entry in json.loads((folder / "diary.json").read_text(encoding="utf-8")):
            getattr(self, f"do_{entry['act']}")(entry)

    # ------------------------------------------------ people and units

    def do_roster(self, entry: dict[str, Any]) -> None:
        for row in read_roster(self.folder / entry["file"]):
            self._meet(row)

    def _meet(self, row: dict[str, str]) -> None:
        unit = self.former_units.get(row["unit"], row["unit"])
        known = self.people.setdefault(row["number"], {"order": len(self.people) + 1, "name": row["name"], "left": None})
        if row["former"] == known["name"]:
            known["name"] = row["name"]
        known |= {"gender": row["gender"], "unit": unit, "post": row["post"] or known.get("post", "")}

    def do_rename(self, entry: dict[str, Any]) -> None:
        for old, new in list(self.former_units.items()):
            if new == entry["old"]:
                self.former_units[old] = entry["new"]
        self.former_units[entry["old"]] = entry["new"]
        for one in self.people.values():
            if one["unit"] == entry["old"]:
                one["unit"] = entry["new"]

    do_merge = do_rename

    def do_leave(self, entry: dict[str, Any]) -> None:
        self.people[entry["number"]]["left"] = date.fromisoformat(entry["day"])

    def do_workforce(self, entry: dict[str, Any]) -> None:
        """Read by the recount of certifications."""

    # ------------------------------------------------ sittings

    def do_sitting(self, entry: dict[str, Any]) -> None:
        blueprint = tomllib.loads(entry["blueprint"])
        self.held[entry["id"]] = Held(
            entry["id"], entry["title"], entry["kind"], tomllib.loads(entry["rules"]), blueprint["parts"],
            datetime.fromisoformat(entry["opens"]), entry["resit_of"],
        )  # fmt: skip

    def do_enrol(self, entry: dict[str, Any]) -> None:
        held = self.held[entry["sitting"]]
        for row in read_roster(self.folder / entry["file"]):
            self._meet(row)
            held.admission.setdefault(row["number"], f"{held.day:%y%m%d}01{len(held.admission) + 1:04d}")
            held.labels[row["number"]] = {name: row[name] for name in ("unit", "post", "proposed", "rank", "channel", "remark")}
        held.papers = self._papers(held)

    def do_event(self, entry: dict[str, Any]) -> None:
        self.held[entry["sitting"]].events[entry["number"]].append(entry)

    def _papers(self, held: Held) -> dict[str, dict[str, Any]]:
        """What was answered, with marks by part: the key of the form, the part's rule."""
        keys = {path.stem.rsplit("-", 1)[1]: json.loads(path.read_text(encoding="utf-8")) for path in sorted((self.folder / "keys").glob(f"{held.id}-?.json"))}
        papers = json.loads((self.folder / "answers" / f"{held.id}.json").read_text(encoding="utf-8"))
        for paper in papers.values():
            paper["marks"] = {one["id"]: (one["part"], mark(one, paper)) for one in keys[paper["form"]]["entries"]}
        self._give_forms(held, papers, sorted(keys))
        return papers

    def _give_forms(self, held: Held, papers: dict[str, dict[str, Any]], forms: list[str]) -> None:
        """Forms go round the list in its order; where they began is seen on any paper."""
        order = list(held.admission)
        starts = {(forms.index(paper["form"]) - order.index(number)) % len(forms) for number, paper in papers.items()}
        assert len(starts) == 1, (held.id, starts)
        begin = starts.pop()
        for n, number in enumerate(order):
            held.labels[number]["form"] = forms[(begin + n) % len(forms)]

    def do_remark(self, entry: dict[str, Any]) -> None:
        paper = self.held[entry["sitting"]].papers[entry["number"]]
        part, _ = paper["marks"][entry["question"]]
        paper["marks"][entry["question"]] = (part, Fraction(entry["points"]))

    def do_correct(self, entry: dict[str, Any]) -> None:
        held = self.held[entry["sitting"]]
        columns = held.results[entry["number"]].columns
        told = f"更正：{'、'.join(name for name, value in entry['wanted'].items() if columns[name] != value)}（名单填错，临组函7号）"
        columns |= {**entry["wanted"], "备注": "；".join(filter(None, (columns["备注"], told)))}
        names = {"单位": "unit", "职务": "post", "拟任职务": "proposed", "层级": "rank"}
        held.labels[entry["number"]] |= {names[name]: value for name, value in entry["wanted"].items()}

    def do_issue(self, entry: dict[str, Any]) -> None:
        held = self.held[entry["sitting"]]
        before = self.chain(held)
        for number in held.admission:
            past = [(one, one.results[number]) for one in before if number in one.results]
            result = decide(held, number, past)
            result.basis = repr((result, past and [(one.id, r.outcome, r.total) for one, r in past], held.events[number], held.papers.get(number, {}).get("marks")))
            old = held.results.get(number)
            if old is None or old.basis != result.basis:
                result.columns = self.columns(held, number, result, past)
                held.results[number] = result

    def chain(self, held: Held) -> list[Held]:
        found: list[Held] = []
        while held.before:
            held = self.held[held.before]
            found.insert(0, held)
        return found

    # ------------------------------------------------ D.4

    def columns(self, held: Held, number: str, result: Result, past: list[tuple[Held, Result]]) -> dict[str, str]:
        who, labels, paper, rounding = self.people[number], held.labels[number], held.papers.get(number), held.rules["rounding"]

        def shown(value: Fraction | None) -> str:
            assert rounding["mode"] == "half_up"
            return "" if value is None else text_of(value, rounding["digits"])

        sat = result.outcome in SAT
        resits = sum(r.outcome in SAT for _, r in past[1:]) + bool(past and sat)
        seconds = (paper["finished"] - paper["started"]) // 1000 if paper else 0
        return {
            "考试批次": held.id, "考试名称": held.title, "准考证号": held.admission[number], "姓名": who["name"], "性别": who["gender"],
            "身份证号": masked(number), "单位": labels["unit"], "职务": labels["post"], "拟任职务": labels["proposed"], "层级": labels["rank"],
            "试卷类别": f"{paper['form'] if paper else labels['form']} 卷", "公共部分": shown(result.sections.get("公共部分")),
            "专业部分": shown(result.sections.get("专业部分")), "总分": shown(result.total), "等次": result.band,
            "是否合格": "" if not sat else "合格" if result.outcome == "passed" else "不合格",
            "考试日期": str(local_day(paper["started"]) if paper else held.day), "用时": f"{seconds // 60}分{seconds % 60:02d}秒" if paper else "",
            "补考次数": str(resits), "补考成绩": shown(result.total) if past and sat else "", "最终结果": RESULT[result.final],
            "最终成绩": shown(result.final_total), "缺考缓考违纪": "" if sat else RESULT[result.outcome], "有效期至": validity(held, result),
            "备注": "；".join(filter(None, (labels["remark"], *result.reasons, result.document)))[:500],
        }  # fmt: skip


def validity(held: Held, result: Result) -> str:
    if result.final != "passed":
        return ""
    return str(result.until) if result.until else "本届" if held.rules["validity"].get("term") else ""


def mark(entry: dict[str, Any], paper: dict[str, Any]) -> Fraction:
    """One answer under its rule (B.1: a wrong option 0, each right one 0.5 where the answer is incomplete)."""
    answer, points = paper["answers"].get(entry["id"], ""), Fraction(entry["points"])
    if entry["rule"] == "manual":
        return Fraction(paper["manual"].get(entry["id"], "0"))
    if set(answer) == set(entry["key"]):
        return points
    if entry["rule"] == "half_each" and answer and set(answer) < set(entry["key"]):
        return Fraction(len(set(answer)), 2)
    return Fraction(0)


# ---------------------------------------------------------------- A.11: the state machine


def standing(events: list[dict[str, str]]) -> dict[str, str] | None:
    """The weightiest event decides; of equals the later one."""
    deciding = [one for one in events if one["kind"] in WEIGHT]
    return sorted(deciding, key=lambda one: WEIGHT[one["kind"]])[-1] if deciding else None


def allowed(rules: dict[str, Any]) -> int:
    return int(rules["attempts"]["max"]) + int(rules["resit"].get("max", 0))


def counts_as_failure(rules: dict[str, Any], outcome: str) -> bool:
    return outcome in ("failed", "final_fail", "misconduct") or (outcome == "absent" and rules["absence"]["unexcused"] == "记0分")


def left_after(rules: dict[str, Any], past: list[tuple[Held, Result]], *, failed: bool) -> int:
    """Sittings still open: one first sitting and so many resits, each failure uses one up; whoever has not failed has all resits."""
    used = sum(counts_as_failure(rules, r.outcome) for _, r in past) + failed
    return max(0, allowed(rules) - max(1, used))


def last_day(rules: dict[str, Any], past: list[tuple[Held, Result]]) -> date | None:
    """By days or months from the first failure."""
    first = next((one.day for one, r in past if counts_as_failure(rules, r.outcome)), None)
    resit = rules["resit"]
    if first is None:
        return None
    if "within_months" in resit:
        return months_later(first, resit["within_months"])
    return first + timedelta(days=resit["within_days"]) if "within_days" in resit else None


def too_late(rules: dict[str, Any], past: list[tuple[Held, Result]], day: date) -> list[str]:
    if not any(counts_as_failure(rules, r.outcome) for _, r in past):
        return []
    resit, last, told = rules["resit"], last_day(rules, past), []
    if last and day > last:
        told.append("补考日期超过首考后 " + (f"{resit['within_months']} 个月" if "within_months" in resit else f"{resit['within_days']} 日"))
    if ("from" in resit and day < resit["from"]) or ("to" in resit and day > resit["to"]):
        told.append("补考日期不在规定的补考时段内")
    return told


def decide(held: Held, number: str, past: list[tuple[Held, Result]]) -> Result:
    event = standing(held.events[number])
    if event and event["kind"] != "absent":
        result = by_event(held, event, past)
    elif number not in held.papers:
        result = absent(held, event, past)
    else:
        result = sat(held, number, past)
    return over_all(held.rules, result, past)


def by_event(held: Held, event: dict[str, str], past: list[tuple[Held, Result]]) -> Result:
    kind, rules = event["kind"], held.rules
    ground = f"（{GROUND[event['ground']]}）" if kind == "exempt" else ""
    result = Result(kind, reasons=[f"{TITLE[kind]}{ground}：{event['reason']}"], document=event["document"], left=left_after(rules, past, failed=False))
    result.again = kind == "deferred"
    if kind in PENAL:
        ladder = [one for one in rules.get("cheating", {}).get("ladder", []) if one["event"] == kind] or [{"may_resit": kind == "misconduct", "title": ""}]
        step = next((one for one in ladder if one.get("id") == event["ground"]), ladder[0])
        result.left = left_after(rules, past, failed=True) if step.get("may_resit", False) else 0
        result.again = result.left > 0
        result.reasons.append(f"处理：{step['title'] or TITLE[kind]}")
        if "record_months" in step:
            result.reasons.append(f"记录保留至 {months_later(date.fromisoformat(event['day']), step['record_months'])}")
    return result


def absent(held: Held, event: dict[str, str] | None, past: list[tuple[Held, Result]]) -> Result:
    rule = held.rules["absence"]
    zero = rule["unexcused"] == "记0分"
    left = left_after(held.rules, past, failed=zero)
    return Result(
        "absent", Fraction(0) if zero else None, left=left, again=rule.get("may_resit", zero) and left > 0, document=event["document"] if event else "",
        reasons=[f"缺考：{event['reason'] if event else '没有开始作答，无答卷'}", f"处理：{rule['unexcused']}"],
    )  # fmt: skip


def sat(held: Held, number: str, past: list[tuple[Held, Result]]) -> Result:
    rules, paper = held.rules, held.papers[number]
    skipped = next((one for one in held.events[number] if one["kind"] == "exempt_part"), None)
    skip = rules["candidates"].get("skipped_section", "专业部分") if skipped else None
    counted = [part for part in held.parts if skip is None or part.get("section", "") != skip]
    ids = {part["id"] for part in counted}
    earned = {part["id"]: sum((points for where, points in paper["marks"].values() if where == part["id"]), Fraction(0)) for part in counted}
    full = {part["id"]: Fraction(part["points"]) * part["count"] for part in held.parts}
    scale = Fraction(sum(full[one] for one in ids)) / sum(full.values())
    total, cut = sum(earned.values(), Fraction(0)), Fraction(rules["pass"]["total"]) * scale
    result = Result("passed", total, document=skipped["document"] if skipped else "")
    for part in counted:
        if part.get("section"):
            result.sections[part["section"]] = result.sections.get(part["section"], Fraction(0)) + earned[part["id"]]
    short = shortfalls(rules, total, cut, earned, result.sections, held.parts)
    late = too_late(rules, past, held.day)
    void = not_counted(rules, past, late)
    bands = sorted(((Fraction(least) * scale, name) for name, least in rules.get("bands", {}).items()), reverse=True)
    notes = [*rounding_note(rules, total, cut, bands), *late]
    if short or void:
        result.left = 0 if void else left_after(rules, past, failed=True)
        result.outcome, result.again = ("failed" if result.left else "final_fail"), result.left > 0
        result.reasons = [*short, *void, *notes, *([] if result.left else [f"处理：{rules['on_final_fail']}"])]
    else:
        result.band = next((name for least, name in bands if total >= least), "")
        result.until = pass_until(rules, held.day)
        result.reasons = notes
    if skipped:
        result.reasons.append(f"免考{skip}：其余部分满分 {exact(sum(full[one] for one in ids))}，合格线按比例为 {exact(cut)}")
    mode = rules["mode"]
    if mode["book"] == "closed" and "open_if_age_ge" in mode and age(birth_of(number), held.day) >= mode["open_if_age_ge"]:
        result.reasons.append("按年龄开卷应考")
    return result


def age(birth: date, day: date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def shortfalls(rules: dict[str, Any], total: Fraction, cut: Fraction, earned: dict[str, Fraction], sections: dict[str, Fraction], parts: list[dict[str, Any]]) -> list[str]:
    told = [f"总分 {exact(total)}，低于合格线 {exact(cut)}"] if total < cut else []
    names = {part["id"]: part["title"] for part in parts}
    for where, least in rules["pass"].get("minimums", {}).items():
        points = {**earned, **sections}.get(where)
        if points is not None and points < least:
            told.append(f"{names.get(where, where)} {exact(points)} 分，低于该部分最低 {exact(Fraction(least))} 分")
    return told


def rounding_note(rules: dict[str, Any], total: Fraction, cut: Fraction, bands: list[tuple[Fraction, str]]) -> list[str]:
    """Where what is shown seems to reach what the exact marks miss; the exact ones decide."""
    shown = Fraction(text_of(total, rules["rounding"]["digits"]))
    lines = {**{least: f"“{name}”" for least, name in bands}, cut: "合格线"}
    crossed = [name for least, name in sorted(lines.items()) if total < least <= shown]
    return [f"总分未取整为 {exact(total)}，未达{'、'.join(crossed)}；按未取整的分数比较"] if crossed else []


def not_counted(rules: dict[str, Any], past: list[tuple[Held, Result]], late: list[str]) -> list[str]:
    """A sitting that the rules do not give to this person."""
    if not past or past[-1][1].outcome in ("passed", "exempt"):
        return []
    last = past[-1][1]
    if sum(counts_as_failure(rules, r.outcome) for _, r in past) >= allowed(rules) or (last.outcome in ("final_fail", *PENAL) and not last.again):
        return [f"上一场结果为{RESULT[last.outcome]}，按办法不得再考，本场成绩不计"]
    return ["逾期补考，按办法成绩不计"] if late and rules["resit"].get("late", "counts") == "does_not_count" else []


def pass_until(rules: dict[str, Any], day: date) -> date | None:
    if "months" in rules["validity"]:
        return months_later(day, rules["validity"]["months"])
    ends = rules.get("term", {}).get("ends")
    return ends if rules["validity"].get("term") and ends and ends >= day else None


def over_all(rules: dict[str, Any], result: Result, past: list[tuple[Held, Result]]) -> Result:
    """``keep = "best"``, as every profile here has it: a pass stays a pass, and the best total counts."""
    assert rules["attempts"]["keep"] == "best"
    result.final, result.final_total = result.outcome, result.total
    if result.outcome in PENAL:
        return result
    passes = [r for _, r in past if r.outcome == "passed"]
    if passes and result.outcome != "passed":
        result.final, result.final_total, result.until = "passed", max(r.total or Fraction(0) for r in passes), passes[-1].until
    elif result.outcome in SAT:
        alike = [r.total or Fraction(0) for _, r in past if r.outcome in SAT and (r.outcome == "passed") == (result.outcome == "passed")]
        result.final_total = max([result.total or Fraction(0), *alike])
    return result
