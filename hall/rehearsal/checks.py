"""What must have held, each found out from the stored data and the clients' books by reckonings of our own.

Nothing here uses the product's marking or its lists: right answers are counted from the key files, the list is read back as a file.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import openpyxl
from sqlalchemy import Connection, Select, func, select

from exams.attempts import verify_receipt
from exams.chain import verify_chain
from exams.tables import attempt, candidate, entry, handin, open_sitting, save, script, sitting
from grading.tables import mark
from hall.rehearsal.client import HAND_IN, PATIENCE_S, Book
from hall.rehearsal.play import PAUSE_S, Run
from hall.rehearsal.stage import SITTING
from home import EXAM, OFFICE, Home, verify_audit

P99_BUDGET_MS, BACK_BUDGET_S = 1000.0, 5.0


@dataclass(frozen=True)
class Finding:
    """One thing that must hold: ``case`` of the case table, what it is, whether it held (None: not tried), with figures."""

    case: str
    title: str
    held: bool | None
    figures: str


@dataclass(frozen=True)
class _View:
    home: Home
    run: Run
    saves: Mapping[int, tuple[int, str, str, str]]     # number in the chain -> attempt id, question, answer, head
    attempts: Mapping[int, int]          # attempt id -> entry id


def findings(home: Home, run: Run, listing: str) -> list[Finding]:
    """Everything that was looked at; ``listing``: name of the exported list."""
    with home.exam.connect() as connection:
        rows = connection.execute(select(save.c.chain_n, save.c.attempt_id, save.c.question, save.c.answer, save.c.chain_head))
        saves = {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}
        attempts = {row.id: row.entry_id for row in connection.execute(select(attempt.c.id, attempt.c.entry_id))}
    view = _View(home, run, saves, attempts)
    return [*(check(view) for check in _CHECKS), _list(view, listing)]


def _pairs(connection: Connection, query: Select[tuple[Any, Any]]) -> dict[Any, Any]:
    return {key: value for key, value in connection.execute(query)}


def _books(view: _View) -> Iterator[Book]:
    return (book for book in view.run.books if book.attempt)


def _acknowledged(view: _View) -> Finding:
    """Each acknowledgement names a row of the chain, which must hold that answer; the same answer given again names the row of before."""
    told = [(book.places[key], (book.attempt, *what)) for book in _books(view) for key, what in book.acked.items()]
    lost = sum(view.saves.get(number) != (*what, head) for (number, head), what in told)
    return Finding("A1", "得到确认的答案都在", not lost, f"确认 {len(told)} 次，丢失 {lost} 次")


def _one_attempt(view: _View) -> Finding:
    came, unsure = sum(1 for book in _books(view)), sum(1 for book in view.run.books if book.given_up and not book.attempt)
    once = len(set(view.attempts.values())) == len(view.attempts) and came <= len(view.attempts) <= came + unsure
    return Finding("C5", "每人一份卷，没有重复", once, f"到考 {came} 人，试卷 {len(view.attempts)} 份")


def _recovery(view: _View) -> Finding:
    took = view.run.recovery
    if not took:
        return Finding("A1", "考场被强行结束后自动恢复", None, "未做（加 --faults）")
    return Finding("A1", "考场被强行结束后自动恢复", max(took) <= BACK_BUDGET_S, f"{max(took):.1f} 秒（不超过 {BACK_BUDGET_S:.0f} 秒）")


def _full_disk(view: _View) -> Finding:
    refused = view.run.refused_when_full
    if refused is None:
        return Finding("A3", "硬盘满时如实说没有保存，有空间后接着存", None, "未做（要管理员运行、加 --faults，数据库用自带的 SQLite）")
    return Finding("A3", "硬盘满时如实说没有保存，有空间后接着存", refused > 0, f"拒绝 {refused} 次，之后全部补存")


def _no_faults(view: _View) -> Finding:
    faults = [fault for book in view.run.books for fault in book.faults]
    return Finding("K3", "没有出现程序错误", not faults, "；".join(sorted(set(faults))[:3]) or "0 次")


def _answered(view: _View) -> Finding:
    waited = [book.given_up for book in view.run.books if book.given_up]
    figures = f"{len(waited)} 人等了 {PATIENCE_S:.0f} 秒没有答复{'：' + '、'.join(sorted(set(waited))) if waited else ''}"
    return Finding("J3", "每个页面都得到了答复", not waited, figures)


def _older_tab(view: _View) -> Finding:
    wanted = sum(part.behaviour == "two_tabs" for part in view.run.people)
    return _counted("C2", "旧页面不能再写", wanted, view.run.stale_refused)


def _second_device(view: _View) -> Finding:
    wanted = sum(part.behaviour == "two_devices" for part in view.run.people)
    return _counted("C3", "第二台电脑没有监考放行进不去", wanted, view.run.device_refused)


def _counted(case: str, title: str, wanted: int, found: int) -> Finding:
    return Finding(case, title, found == wanted if wanted else None, f"{found}/{wanted} 人" if wanted else "未做（加 --faults，人数要够）")


def _twice(view: _View) -> Finding:
    pairs = [book.receipts for book in _books(view) if len(book.receipts) > 1]
    same = all(len(set(receipts)) == 1 for receipts in pairs)
    return Finding("C1", "交两次卷是同一张回执", same if pairs else None, f"{len(pairs)} 人" if pairs else "未做（加 --faults，人数要够）")


def _receipts(view: _View) -> Finding:
    with view.home.exam.connect() as connection:
        given = connection.execute(select(handin.c.attempt_id, handin.c.receipt)).all()
        bad = [row.attempt_id for row in given if not verify_receipt(connection, row.attempt_id)]
    known = {receipt for book in _books(view) for receipt in book.receipts}
    unsure = sum(book.given_up == HAND_IN for book in _books(view))
    issued = {row.receipt for row in given}
    whole = not bad and known <= issued and len(issued - known) <= unsure
    return Finding("A14", "回执与存下的答案相符", whole, f"{len(given)} 张，不符 {len(bad)} 张")


def _pause(view: _View) -> Finding:
    if not view.run.paused_s:
        return Finding("B8", "全场暂停的时间如数补给", None, "未做（加 --faults）")
    right = abs(view.run.paused_s - PAUSE_S) < 1.0
    return Finding("B8", "全场暂停的时间如数补给", right, f"暂停 {view.run.paused_s:.1f} 秒")


def _chains(view: _View) -> Finding:
    with view.home.exam.connect() as exam, view.home.office.connect() as office:
        broken = [verify_chain(exam, SITTING), verify_audit(exam, EXAM), verify_audit(office, OFFICE)]
        length = exam.execute(select(open_sitting.c.chain_n)).scalar_one()
    return Finding("F10", "保存记录和操作记录的校验链完整", broken == [None] * 3, f"{length} 条保存记录")


def _collected(view: _View) -> Finding:
    """Scripts are the newest counted save of each question, as the books have it; whoever left is collected too."""
    wrong = []
    with view.home.office.connect() as connection:
        state = connection.execute(select(sitting.c.state)).scalar_one()
        people = _pairs(connection, select(candidate.c.admission_no, candidate.c.person_id))
        scripts = _pairs(connection, select(script.c.person_id, script.c.answers))
    for slip, book in zip(view.run.slips, view.run.books, strict=True):
        expected: dict[str, str] = {}
        for _key, (question, answer) in sorted(book.acked.items()):
            expected[question] = answer
        stored = json.loads(scripts.get(people[slip.admission_no], "{}"))
        for question, answer in book.unsure.values():  # the last of its page
            expected[question] = answer if stored.get(question, "") == answer else expected.get(question, "")
        if {k: v for k, v in stored.items() if v} != {k: v for k, v in expected.items() if v}:
            wrong.append(slip.admission_no)
    return Finding("B6", "收上来的答卷与考生最后看到的一致", not wrong and state == "marked", f"{len(scripts)} 份，不符 {len(wrong)} 份")


def _marks(view: _View) -> Finding:
    keys, paid, wrong = _keys(view.home), 0, 0
    with view.home.office.connect() as connection:
        marks = connection.execute(select(mark.c.person_id, mark.c.question, mark.c.points)).all()
        scripts = {row.person_id: (row.form, json.loads(row.answers)) for row in connection.execute(select(script))}
    for row in marks:
        form, answers = scripts[row.person_id]
        paid += 1
        wrong += Fraction(row.points or -1) != _worth(keys[form][row.question], answers.get(row.question, ""))
    complete = len(marks) == sum(len(keys[form]) for form, _answers in scripts.values())
    return Finding("G1", "每题得分与答案逐一复算相同", not wrong and complete, f"复算 {paid} 题次，不同 {wrong} 题次")


def _keys(home: Home) -> dict[str, dict[str, tuple[str, str, Fraction]]]:
    """{form: {question: (rule, key, points)}} straight from the key files."""
    found = {}
    for path in (home.secret / "papers").glob("*/keys/*.json"):
        entries = json.loads(path.read_text(encoding="utf-8"))["entries"]
        found[path.stem] = {one["id"]: (one["rule"], one["key"], Fraction(one["points"])) for one in entries}
    return found


def _worth(key: tuple[str, str, Fraction], answer: str) -> Fraction:
    """The rehearsal's paper asks only for whole right answers."""
    rule, right, points = key
    assert rule in ("exact", "all_or_nothing"), rule
    return points if answer == right else Fraction(0)


def _list(view: _View, name: str) -> Finding:
    """The exported list, opened again: everybody once, totals as the marks add up, who did not come is absent."""
    book = openpyxl.load_workbook(view.home.exports / name, read_only=True)
    rows = [[str(cell or "") for cell in row] for row in book.active.iter_rows(values_only=True)]  # type: ignore[union-attr]
    book.close()
    place = next(n for n, row in enumerate(rows) if "准考证号" in row)
    head = rows[place]
    listed = {row[head.index("准考证号")]: row for row in rows[place + 1 :] if row[head.index("准考证号")].isdigit()}
    with view.home.office.connect() as connection:
        people = _pairs(connection, select(candidate.c.admission_no, candidate.c.person_id))
        totals: dict[int, Fraction] = {}
        for row in connection.execute(select(mark.c.person_id, mark.c.points)):
            totals[row.person_id] = totals.get(row.person_id, Fraction(0)) + Fraction(row.points)
    wrong = [
        number for number, person in people.items()
        if number not in listed or (Fraction(listed[number][head.index("总分")]) != totals[person] if person in totals else "缺考" not in "".join(listed[number]))
    ]  # fmt: skip
    return Finding("I1", "成绩册每人一行，总分与复算相同", not wrong and len(listed) == len(people), f"{len(listed)} 人，不符 {len(wrong)} 人")


def _speed(view: _View) -> Finding:
    took = sorted(one * 1000 for book in _books(view) if _undisturbed(view, book) for one in book.took)
    if len(took) < 10:
        return Finding("J3", "保存得到确认的时间", None, "人数太少")
    p99 = statistics.quantiles(took, n=100)[-1]
    disturbed = bool(view.run.recovery)
    note = "（含故障期间的等待，不评判）" if disturbed else f"（不超过 {P99_BUDGET_MS:.0f} 毫秒）"
    return Finding("J3", "保存得到确认的时间", None if disturbed else p99 <= P99_BUDGET_MS, f"一半在 {statistics.median(took):.0f} 毫秒内，99% 在 {p99:.0f} 毫秒内{note}")


def _undisturbed(view: _View, book: Book) -> bool:
    part = view.run.people[view.run.books.index(book)]
    return part.behaviour not in ("slow_link", "dropping")


def _starts(view: _View) -> Finding:
    took = sorted(book.start_took for book in _books(view) if book.start_took is not None)
    turned = sorted({code for book in view.run.books if not book.attempt for code in book.refused})
    told = f"；没有见到试卷的人看到的编号：{'、'.join(turned)}" if turned else ""
    return Finding("J1", "登录到看到试卷", len(took) == len(view.attempts), f"{len(took)} 人，一半在 {statistics.median(took):.2f} 秒内，最慢 {took[-1]:.2f} 秒{told}")


def _absent(view: _View) -> Finding:
    with view.home.exam.connect() as connection:
        due = connection.execute(select(func.count()).select_from(entry)).scalar_one()
    missing = sum(part.behaviour == "no_show" for part in view.run.people)
    return Finding("I1", "应考 = 到考 + 缺考", due == len(view.attempts) + missing, f"{due} = {len(view.attempts)} + {missing}")


_CHECKS: tuple[Callable[[_View], Finding], ...] = (
    _starts, _acknowledged, _answered, _one_attempt, _speed, _recovery, _full_disk, _pause, _older_tab, _second_device, _twice, _no_faults, _receipts,
    _collected, _marks, _absent, _chains,
)  # fmt: skip
