"""HR's pictures at 100,000 people with 100,000 certifications and 100,000 records: each view of the page, drawn.

``python -m bench.dashboard``. First counted when it is asked for, then as the worker keeps the counts; a span of days is counted when
asked for in both. The RATIO is the share of the budget of 1 s that the slowest page takes with what the worker kept.
"""

from __future__ import annotations

import random
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import insert, select, update

from bench._sitting import BLUEPRINT, PROFILE
from bench.workforce import MIX, PEOPLE, TODAY, UNITS, fill
from exams.tables import candidate, sitting
from grading.statistics.asking import Asked
from grading.statistics.drawing import draw
from grading.statistics.figures import VIEWS, statistics
from grading.statistics.kept import keep
from grading.tables import record
from home import Home, digest, instant_of, transaction
from people.tables import person, unit

BUDGET_S, SITTINGS, NOW = 1.0, 20, instant_of(f"{TODAY} 09:00")
TOWNS = 40
RANKS = ("乡科级正职", "乡科级副职", "科员级", "县处级副职", "")
OUTCOMES = ("passed", "passed", "passed", "passed", "passed", "passed", "failed", "final_fail", "absent", "deferred")


def furnish(home: Home) -> None:
    """A tree of units below one county, 20 formal sittings, 100,000 standing records and 5,000 superseded ones."""
    chance = random.Random(2)
    opens = [instant_of(f"{TODAY - timedelta(days=60 * n)} 09:00") for n in range(SITTINGS)]
    due, records = [], []
    with home.office.connect() as connection:
        units = {row.id: row.unit_id for row in connection.execute(select(person.c.id, person.c.unit_id))}
    for n in range(1, PEOPLE + 1):
        number, known = chance.randrange(SITTINGS), chance.randint(1, PEOPLE) if chance.random() < 0.1 else n
        due.append({
            "sitting_id": f"s{number}", "person_id": known, "admission_no": f"{n:012d}", "pseudonym": f"c{n:016x}", "unit_label": f"单位{units[known] if chance.random() < 0.95 else chance.randint(1, UNITS)}",
            "post_label": "科员", "rank_label": chance.choice(RANKS), "channel": chance.choice(("人大任命", "党委管理", None)),
        })  # fmt: skip
    due = list({(one["sitting_id"], one["person_id"]): one for one in due}.values())
    for n, one in enumerate(due):
        outcome = chance.choice(OUTCOMES)
        base = {"sitting_id": one["sitting_id"], "person_id": one["person_id"], "statement": "{}", "digest": "0" * 64, "signature": b"", "issued_at": 0,
                "issued_by": "x", "total": "60", "valid_until": TODAY + timedelta(days=chance.randrange(-300, 700)) if outcome == "passed" else None}  # fmt: skip
        records.append({"id": f"R{n}", "supersedes": None, "outcome": outcome, **base})
        if n % 20 == 0:
            records.append({"id": f"R{n}x", "supersedes": f"R{n}", "outcome": "passed", **base})
    with transaction(home.office) as connection:
        connection.execute(insert(unit), [{"id": UNITS + 1, "name": "某县"}])
        for n in range(1, UNITS + 1):
            town = 1 + (n - 1) % TOWNS
            kind = ("乡镇" if n % 2 else "街道") if n <= TOWNS else ("村", "社区", "机关")[n % 3]
            connection.execute(update(unit).where(unit.c.id == n).values(
                parent_id=UNITS + 1 if n <= TOWNS or kind == "机关" else town, kind=kind, setting="农村" if kind in ("村", "乡镇") else "城镇"))  # fmt: skip
        connection.execute(update(person).values(category="社区工作者"))
        connection.execute(insert(sitting), [
            {"id": f"s{n}", "title": f"第{n}场", "kind": "formal", "blueprint": BLUEPRINT, "profile": PROFILE, "profile_digest": digest(PROFILE),
             "opens_at": at, "closes_at": at + 7_200_000, "state": "marked", "created_at": 0, "created_by": "x"} for n, at in enumerate(opens)])  # fmt: skip
        connection.execute(insert(candidate), due)
        connection.execute(insert(record), records)
    print(f"{len(due):,} 人次，{len(records):,} 份记录，{UNITS + 1} 个单位，证书种类 {len(MIX)}", flush=True)


def timed(home: Home, view: str, asked: Asked, runs: int) -> tuple[float, float]:
    """(best, worst) seconds of some runs, the drawing included."""
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        with home.office.connect() as connection:
            for table in statistics(home, connection, asked, NOW, (view,)).tables:
                draw(table)
        times.append(time.perf_counter() - begin)
    return min(times), max(times)


def pages(home: Home, how: str, runs: int) -> float:
    """Every view for all units and days, one town, and one year; the seconds of the slowest."""
    slowest = 0.0
    for title, asked in (("全部", Asked()), ("一个街道", Asked(unit=2)), ("2026 年", Asked(since=date(2026, 1, 1)))):
        for view, name in VIEWS.items():
            best, most = timed(home, view, asked, runs)
            slowest = max(slowest, best)
            print(f"{how} {name}（{title}）：{best * 1000:.0f} ms（最慢 {most * 1000:.0f} ms）", flush=True)
    return slowest


def main() -> None:
    """Before and after the worker has counted."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home.create(Path(folder) / "home", "某市")
        fill(home)
        furnish(home)
        pages(home, "现算", 1)
        begin = time.perf_counter()
        kept = keep(home, NOW)
        print(f"后台预先统计 {len(kept)} 项：{time.perf_counter() - begin:.1f} s", flush=True)
        slowest = pages(home, "预先统计", 3)
        print(f"RATIO dashboard page at {PEOPLE:,} people: {slowest / BUDGET_S:.2f} of 1 s (budget 1.00)")
        home.close()


if __name__ == "__main__":
    main()
