"""A county of some hundred people for the statistics: units in a tree, four sittings with corrections, certifications of every state."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta

from sqlalchemy import insert

from bench._sitting import BLUEPRINT, PROFILE
from exams.tables import candidate, sitting
from grading.outcome import OUTCOMES as OUTCOME_KINDS
from grading.tables import certification, certification_step, record, record_payload
from grading.workforce.kinds import read_kinds
from grading.workforce.reckoning import reckon
from home import Home, digest, instant_of, transaction
from people.tables import alias, person, unit

TODAY = date(2026, 11, 24)
NOW = instant_of("2026-11-24 10:00")
#: (name, parent, kind, setting)
UNITS = (
    ("某县", None, None, None), ("县司法局", 1, "机关", "城镇"), ("县民政局", 1, "机关", "城镇"), ("县公安局", 1, "机关", "城镇"),
    ("东街街道", 1, "街道", "城镇"), ("城关镇", 1, "乡镇", "农村"), ("河口乡", 1, "乡镇", "农村"), ("东一社区", 5, "社区", "城镇"), ("东二社区", 5, "社区", "城镇"),
    ("南村", 6, "村", "农村"), ("北村", 6, "村", "农村"), ("上湾村", 7, "村", "农村"), ("下湾村", 7, "村", "农村"), ("无人村", 7, "村", "农村"), ("县档案馆", 1, None, None),
)  # fmt: skip
WEIGHTS = (0, 30, 25, 40, 30, 30, 20, 25, 18, 12, 9, 3, 2, 0, 14)
RANKS = ("县处级副职", "乡科级正职", "乡科级副职", "乡科级副职", "科员级", "一级主任科员", None)
OUTCOMES = ("passed",) * 14 + ("failed", "failed", "final_fail", "absent", "deferred", "exempt", "misconduct")
#: (id, kind, day)
SITTINGS = (("s1", "formal", "2025-05-10"), ("s2", "formal", "2026-03-20"), ("s3", "formal", "2026-11-02"), ("m1", "mock", "2026-11-20"))


def furnish(home: Home, people: int = 420, seed: int = 3) -> None:
    """People, candidates with standing and superseded records or none yet, certifications with steps, reckoned."""
    chance = random.Random(seed)
    where = chance.choices(range(1, len(UNITS) + 1), WEIGHTS, k=people)
    with transaction(home.office) as connection:
        for n, (name, parent, kind, setting) in enumerate(UNITS, 1):
            connection.execute(insert(unit).values(id=n, name=name, parent_id=parent, kind=kind, setting=setting))
        connection.execute(insert(alias).values(unit_id=4, name="县公安分局"))
        connection.execute(insert(person), [
            {"id": n, "name": f"人员{n}", "document": "居民身份证", "identity_cipher": b"x", "identity_mac": f"{n:064d}", "identity_masked": f"3402**********{n:04d}",
             "unit_id": at if n % 97 else None, "category": chance.choice(("社区工作者", "网格员", "领导干部", None)), "created_at": 0,
             "left_on": TODAY - timedelta(days=3) if n % 40 == 0 else None} for n, at in enumerate(where, 1)])  # fmt: skip
        for ident, kind, day in SITTINGS:
            at = instant_of(f"{day} 09:00")
            connection.execute(insert(sitting).values(
                id=ident, title=f"{day} 考试", kind=kind, blueprint=BLUEPRINT, profile=PROFILE, profile_digest=digest(PROFILE), opens_at=at,
                closes_at=at + 7_200_000, state="marked", created_at=0, created_by="x"))  # fmt: skip
        for ident, _, _ in SITTINGS:
            _sit(connection, chance, ident, sorted(chance.sample(range(1, people + 1), people // 2)), where)
        _certify(connection, chance, people)
        reckon(connection, read_kinds())


def _sit(connection, chance: random.Random, ident: str, who: list[int], where: list[int]) -> None:
    channels, due, records, payloads = ("人大任命", "党委管理", "党委管理", None), [], [], []
    day = next(day for known, _, day in SITTINGS if known == ident)
    for number, one in enumerate(who):
        label = UNITS[where[one - 1] - 1][0]
        if label == "县公安局" and number % 2:
            label = "县公安分局"
        if number % 60 == 59:
            label = "外县某局"
        due.append({
            "sitting_id": ident, "person_id": one, "admission_no": f"{ident}{number:06d}", "pseudonym": f"{ident}{one:012d}", "unit_label": label,
            "rank_label": chance.choice(RANKS), "channel": chance.choice(channels)})  # fmt: skip
        if number % 50 == 7:
            continue                                    # no record yet
        outcome = chance.choice(OUTCOMES)
        first = "failed" if number % 30 == 3 else outcome
        ends = TODAY + timedelta(days=chance.randrange(-200, 500))
        base = {"sitting_id": ident, "person_id": one, "statement": "{}", "digest": "0" * 64, "signature": b"", "issued_at": 0, "issued_by": "x", "total": "60"}
        for n, code in enumerate((first, outcome) if first != outcome else (outcome,)):
            records.append({
                "id": f"{ident}-{one}-{n}", "supersedes": f"{ident}-{one}-0" if n else None, "outcome": code, "valid_until": ends if code == "passed" else None, **base})  # fmt: skip
            kind = OUTCOME_KINDS[code]
            columns = {
                "考试批次": ident, "姓名": f"人员{one}", "身份证号": f"3402**********{one:04d}", "单位": label, "层级": due[-1]["rank_label"] or "", "考试日期": day,
                "是否合格": {True: "合格", False: "不合格", None: ""}[kind.passed], "缺考缓考违纪": "" if kind.sat else kind.title}  # fmt: skip
            payloads.append({"record_id": records[-1]["id"], "columns": json.dumps(columns, ensure_ascii=False)})
    connection.execute(insert(candidate), due)
    connection.execute(insert(record), sorted(records, key=lambda one: bool(one["supersedes"])))
    connection.execute(insert(record_payload), payloads)


def _certify(connection, chance: random.Random, people: int) -> None:
    kinds = ("social_worker_assistant",) * 5 + ("social_worker",) * 3 + ("social_worker_senior", "mediator", "mediator", "law_literate", "pre_appointment", "appraisal")
    start, held, taken = {"mediator": "appointed", "law_literate": "certified"}, [], []
    for n in range(1, people * 3 // 4):
        who, kind = chance.randint(1, people), chance.choice(kinds)
        if 30 < who < 70:
            continue                                    # and so a unit or two without anybody
        day = TODAY - timedelta(days=chance.randrange(30, 1500))
        ended = TODAY - timedelta(days=1) if n % 45 == 0 else None
        held.append({"id": n, "person_id": who, "kind": kind, "obtained_on": day, "created_at": 0, "created_by": "t", "ended_on": ended})
        if kind in ("pre_appointment", "appraisal"):
            continue
        steps = [(start.get(kind, "registered"), day + timedelta(days=20))] if chance.random() < 0.85 else []
        if kind == "mediator" and steps and chance.random() < 0.7:
            steps.append((chance.choice(("rank_chief", "rank_1", "rank_2")), day + timedelta(days=25)))
        taken += [{"certification_id": n, "kind": step, "on_day": on_day, "at": 0, "by": "t"} for step, on_day in steps]
    connection.execute(insert(certification), held)
    connection.execute(insert(certification_step), taken)
