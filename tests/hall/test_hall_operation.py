"""What the operator sees: health, figures, alarms, logs; and that nobody's answer, name or number is in them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from hall_fixture import Browser, Server
from prometheus_client.parser import text_string_to_metric_families
from sitting_fixture import open_demo
from sqlalchemy import insert, update
from starlette.testclient import TestClient

from exams.tables import attempt, open_sitting
from exams.vitals import tell
from grading.tables import job
from grading.worker import look_after_backups
from hall.candidate.vitals import BOUNDS_MS, Vitals, percentile
from hall.local_tls import make_certificate
from hall.office.alarms import ALARMS, RULES, raised, rules_text
from hall.office.app import create_app
from hall.office.health import HELP, metrics_token, read_health
from home import Home, now_ms, transaction

SECRET = "机密答案甲乙丙"


@pytest.fixture
def played(home_folder: Home, tmp_path: Path) -> tuple[Home, str, str]:
    """A hall in which somebody wrote and handed in; its log and its figures."""
    people = open_demo(home_folder, 2)
    server = Server(home_folder, tmp_path / "hall.log")
    browser = Browser(server.url, people[0])
    browser.start()
    assert browser.save((1, "q009", SECRET), (2, "q001", "B")).status_code == 200
    assert browser.post("/api/save", b"{").status_code == 400
    assert httpx.get(f"{server.url}/healthz").text == "ok"
    assert browser.hand_in(7).status_code == 200
    office = TestClient(create_app(home_folder, secure=False))
    figures = ""
    for _ in range(100):
        figures = office.get("/metrics", headers={"authorization": f"Bearer {metrics_token(home_folder)}"}).text
        if "pufa_saves_total" in figures and 'code="B04"' in figures:
            break
        time.sleep(0.1)
    browser.http.close()
    server.stop()
    return home_folder, figures, (tmp_path / "hall.log").read_text(encoding="utf-8")


def test_figures_and_logs_tell_nothing_of_a_person(played: tuple[Home, str, str]) -> None:
    home, figures, log = played
    names = {family.name for family in text_string_to_metric_families(figures)}
    assert {"pufa_saves", "pufa_save_seconds", "pufa_refused", "pufa_open_attempts", "pufa_disk_used_ratio"} <= names
    for text in (figures, log):
        for private in (SECRET, "考生001", "261123000001", "2611230"):
            assert private not in text
    lines = [json.loads(line) for line in log.splitlines()]
    assert all({"at", "level", "process", "message"} <= line.keys() for line in lines)
    assert {line["process"] for line in lines} == {"hall"}
    assert not [row for row in read_health(home, now_ms()).halls], "who is told to stop takes its row away"


def test_metrics_are_not_there_without_the_token(home_folder: Home) -> None:
    office = TestClient(create_app(home_folder, secure=False))
    assert office.get("/healthz").text == "ok"
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Bearer "}, {"authorization": "Basic eDp5"}):
        assert office.get("/metrics", headers=headers).status_code == 404
    assert office.get("/metrics", headers={"authorization": f"Bearer {metrics_token(home_folder)}"}).status_code == 200


def _provoke(home: Home, name: str, now: int) -> None:
    """Bring about the condition of one alarm."""
    facts: dict[str, object] = {"ack_buckets": [0] * (len(BOUNDS_MS) + 1)}
    open_demo(home)
    if name == "PufaHallDown":
        return  # a sitting is open, and nobody serves it
    with transaction(home.exam) as connection:
        wrong = {"PufaSavesFailing": {"failure_ratio": 0.02}, "PufaClockDrift": {"drift_ms": -30_000}, "PufaSlowSaves": {"p99_ms": 5000.0}}
        tell(connection, "hall@a:1", now, facts | wrong.get(name, {}))
        if name == "PufaUnsavedOld":
            who = {"entry_id": 1, "sitting_id": "demo", "form": "A", "display_order": "[]", "started_at": now, "limit_at": now, "writer": 1}
            connection.execute(insert(attempt).values(state="open", unsaved=2, unsaved_since=now - 40_000, **who))
        if name == "PufaWorkerDown":
            tell(connection, "worker", now - 120_000, {})
    with transaction(home.office) as connection:
        if name == "PufaJobStuck":
            connection.execute(insert(job).values(kind="grade", arguments="{}", state="running", progress=0, asked_by="x", asked_at=now - 3_600_000))
    if name == "PufaCertificateEnds":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hall.local_tls.VALID", timedelta(days=10))
            make_certificate(home.root / "tls", "某县")
    if name == "PufaNoBackup":
        look_after_backups(home, now - 2 * 86_400_000, ended_now=False)


@pytest.mark.parametrize("name", [alarm.name for alarm in ALARMS if alarm.name != "PufaDiskFull"])
def test_each_condition_raises_its_alarm_and_only_that(home_folder: Home, name: str) -> None:
    now = now_ms()
    _provoke(home_folder, name, now)
    found = {alarm.name for alarm in raised(read_health(home_folder, now).gauges)} - {"PufaDiskFull"}
    assert found == {name}


def test_a_quiet_home_raises_nothing(home_folder: Home) -> None:
    open_demo(home_folder)
    with transaction(home_folder.exam) as connection:
        connection.execute(update(open_sitting).values(closed_at=now_ms()))
    gauges = dict(read_health(home_folder, now_ms()).gauges)
    assert gauges.keys() <= HELP.keys()
    assert raised(gauges | {"pufa_disk_used_ratio": 0.5}) == []
    assert [alarm.name for alarm in raised(gauges | {"pufa_disk_used_ratio": 0.81})] == ["PufaDiskFull"]


def test_the_rules_for_prometheus_are_the_same_table() -> None:
    assert RULES.read_text(encoding="utf-8") == rules_text(), "python -m hall.office.alarms writes them anew"
    rules = yaml.safe_load(rules_text())["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules] == [alarm.name for alarm in ALARMS]
    for alarm, rule in zip(ALARMS, rules, strict=True):
        assert alarm.metric in HELP, f"{alarm.name}: there is no such figure"
        assert rule["expr"] == f"{alarm.metric} > {alarm.above:g}" and rule["annotations"]["summary"] == alarm.title


def test_the_last_minute_forgets_what_is_older() -> None:
    vitals = Vitals()
    for _ in range(98):
        vitals.acknowledged(0.004)
    vitals.acknowledged(0.3)
    vitals.not_stored()
    first = vitals.report()
    assert (first["p50_ms"], first["p99_ms"]) == (5.0, 500.0) and first["failure_ratio"] == pytest.approx(0.01)
    for _ in range(12):
        last = vitals.report()
    assert last["p99_ms"] == 0 and last["failure_ratio"] == 0 and last["saves"] == 99 and last["saves_failed"] == 1
    assert percentile([0] * 13, 0.99) == 0 and percentile([0] * 12 + [1], 0.5) == 10_000


def test_the_command_shows_figures_and_what_is_wrong(home_folder: Home) -> None:
    def pufa(*given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "pufa", "metrics", "--home", str(home_folder.root), *given], capture_output=True, text=True)

    assert pufa("--token").stdout.strip() == metrics_token(home_folder)
    open_demo(home_folder)
    shown = pufa()
    assert shown.returncode == 1 and "pufa_hall_down 1.0" in shown.stdout and "考场没有响应" in shown.stdout
