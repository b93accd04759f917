"""The workforce at 100,000 people: the due list, and the office's pages as a browser gets them (session, SQL, template). Budget: 1 s each.

``python -m bench.workforce``; the RATIOs are the shares of the budget that the slowest due list and the slowest page take.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import insert, update
from starlette.testclient import TestClient

from grading.tables import certification, certification_step, training_hours
from grading.workforce.due import details, find_due
from grading.workforce.kinds import read_kinds
from grading.workforce.reckoning import reckon
from hall.office.app import create_app
from home import Home, transaction
from people.accounts import add_account
from people.tables import person, unit

PEOPLE, UNITS, TODAY, BUDGET_S = 100_000, 600, date(2026, 11, 24), 1.0
PASSWORD = "一句够长的口令-2026"
PAGES = (
    "/workforce", "/workforce?page=1500", "/workforce?kind=social_worker", "/workforce?unit=单位1", "/workforce?name=人员123", "/workforce?due=30",
    "/workforce?due=90&page=20", "/workforce?due=overdue", "/workforce?state=lapsed", "/workforce/coverage?kind=law_literate",
    "/workforce/people?name=人员123", "/workforce/people/1",
)  # fmt: skip
#: kind -> share of the people; what community workers, mediators and villagers of a city come to
MIX = {
    "social_worker_assistant": 0.3,
    "social_worker": 0.25,
    "social_worker_senior": 0.01,
    "mediator": 0.15,
    "law_literate": 0.25,
    "lecturer": 0.02,
    "vice_principal": 0.02,
}


def fill(home: Home) -> None:
    """100,000 people with one certification each, its steps, and four trainings."""
    chance, kinds = random.Random(1), read_kinds()
    people, held, steps, hours = [], [], [], []
    for k in range(1, PEOPLE + 1):
        people.append({
            "id": k, "name": f"人员{k}", "document": "居民身份证", "identity_cipher": b"x", "identity_mac": f"{k:064d}", "identity_masked": "3402**********001X",
            "birth": date(1966, 1, 1) + timedelta(days=chance.randrange(12_000)), "unit_id": chance.randint(1, UNITS), "created_at": 0,
        })  # fmt: skip
        kind = kinds[chance.choices(list(MIX), list(MIX.values()))[0]]
        day = TODAY - timedelta(days=chance.randrange(1, 2200))
        held.append(
            {"id": k, "person_id": k, "kind": kind.id, "obtained_on": day, "created_at": 0, "created_by": "bench"}
        )
        if kind.start is not None and chance.random() < 0.95:
            start = min(TODAY, day + timedelta(days=chance.randrange(200)))  # nothing is entered before it has happened
            steps.append({"certification_id": k, "kind": kind.start.step, "on_day": start, "at": 0, "by": "bench"})
            if kind.renewal is not None and start + timedelta(days=1060) < TODAY:
                steps.append(
                    {
                        "certification_id": k,
                        "kind": kind.renewal.step,
                        "on_day": start + timedelta(days=1060),
                        "at": 0,
                        "by": "bench",
                    }
                )
        for n in range(4):
            hours.append(
                {
                    "person_id": k,
                    "on_day": TODAY - timedelta(days=chance.randrange(1400)),
                    "hours": "20",
                    "source": "training",
                    "title": f"班{n}",
                    "at": 0,
                    "by": "b",
                }
            )
    with transaction(home.office) as connection:
        connection.execute(insert(unit), [{"id": n, "name": f"单位{n}"} for n in range(1, UNITS + 1)])
        for table, rows in (
            (person, people),
            (certification, held),
            (certification_step, steps),
            (training_hours, hours),
        ):
            connection.execute(insert(table), rows)
        begin = time.perf_counter()
        reckon(connection, kinds)
        print(f"重算 {PEOPLE:,} 项：{time.perf_counter() - begin:.1f} s", flush=True)


def pages(home: Home) -> float:
    """Each page three times through the whole app; the slowest of the best times, in seconds."""
    with transaction(home.office) as connection:
        add_account(connection, "bench", "测量", PASSWORD, ["hr"], "bench")
        connection.execute(update(unit).where(unit.c.id <= UNITS // 2).values(kind="村"))
    worst = 0.0
    with TestClient(create_app(home, secure=False), base_url="http://office.bench", follow_redirects=False) as client:
        token = re.search(r'name="token" value="([^"]*)"', client.get("/login").text)
        assert token is not None
        client.post("/login", data={"token": token[1], "login": "bench", "password": PASSWORD})
        for path in PAGES:
            times = []
            for _ in range(3):
                begin, worked = time.perf_counter(), time.process_time()
                answer = client.get(path)
                times.append((time.perf_counter() - begin, time.process_time() - worked))
                assert answer.status_code == 200, path
            best = min(times)
            worst = max(worst, best[0])
            print(
                f"{path}：{best[0] * 1000:.0f} ms（其中处理器 {best[1] * 1000:.0f} ms），{len(answer.content) / 1000:.0f} kB",
                flush=True,
            )
    return worst


def main() -> None:
    """Measure the whole list and a page of 100 rows at length, for 30, 60 and 90 days, three times each, on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home.create(Path(folder) / "home", "某市")
        fill(home)
        kinds, worst = read_kinds(), 0.0
        for days in (30, 60, 90):
            times = []
            for _ in range(3):
                with home.office.connect() as connection:
                    begin = time.perf_counter()
                    found = find_due(connection, kinds, TODAY, days)
                    details(connection, kinds, TODAY, found[:100])
                    times.append(time.perf_counter() - begin)
            worst = max(worst, min(times))
            print(f"{days} 天内到期：{len(found)} 项，{min(times):.2f} s（最慢 {max(times):.2f} s）", flush=True)
        print(f"RATIO due list at {PEOPLE:,} people: {worst / BUDGET_S:.2f} of 1 s (budget 1.00)")
        slowest = pages(home)
        print(f"RATIO workforce page at {PEOPLE:,} people: {slowest / BUDGET_S:.2f} of 1 s (budget 1.00)")
        home.close()


if __name__ == "__main__":
    main()
