"""``/healthz`` and ``/metrics`` of the office: whether everything works, in figures without a person in them.

``/metrics`` needs the token of :func:`metrics_token` (``Authorization: Bearer …``); ``pufa metrics --token`` prints it.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from backup.schedule import beside_the_data, uncovered_since
from exams.status import running_sittings
from exams.tables import attempt
from exams.vitals import SILENT_MS, Vital, heard
from grading.tables import job
from hall.candidate.vitals import BOUNDS_MS
from hall.local_tls import ends_soon
from home import Home, now_ms

HELP = {
    "pufa_open_attempts": "Attempts that are being written",
    "pufa_oldest_unsaved_seconds": "Age of the oldest answer that a page has told it could not save yet",
    "pufa_hall_down": "1 if a sitting is open and no candidate process has told anything for 15 s",
    "pufa_save_failure_ratio": "Share of save requests of the last minute that could not be stored",
    "pufa_save_p99_seconds": "99th percentile of the time to acknowledge a save, last minute",
    "pufa_clock_drift_seconds": "How far the system clock was set since the hall started",
    "pufa_queue": "Requests that wait for the next commit",
    "pufa_connected_pages": "Paper pages that listen for news",
    "pufa_disk_used_ratio": "Used share of the disk that holds the home",
    "pufa_worker_silence_seconds": "Since when the worker has told nothing",
    "pufa_job_age_seconds": "Age of the oldest job that waits or runs",
    "pufa_backup_age_seconds": "Age of the newest backup; where there is none of a known age, of the home",
    "pufa_backup_beside_data": "1 if backups would be lost together with the disk of the home",
    "pufa_certificate_ends_soon": "1 if the certificate in tls/ is over or will be within 45 days",
}


@dataclass(frozen=True)
class Health:
    """Figures of one moment: ``gauges`` by metric name, ``halls`` as the candidate processes last told."""

    gauges: Mapping[str, float]
    halls: tuple[Vital, ...]


def read_health(home: Home, now: int) -> Health:
    """Look at both databases, the disk and what the processes told."""
    with home.exam.connect() as connection:
        vitals = heard(connection, now)
        writing, unsaved = connection.execute(
            select(func.count(), func.min(attempt.c.unsaved_since)).where(attempt.c.state == "open")
        ).one()
        running = running_sittings(connection, now)
    with home.office.connect() as connection:
        oldest = connection.execute(select(func.min(job.c.asked_at)).where(job.c.state.in_(("waiting", "running")))).scalar()
    halls = tuple(one for one in vitals if one.process.startswith("hall") and now - one.at < SILENT_MS)
    disk = shutil.disk_usage(home.root)
    gauges = {
        "pufa_open_attempts": float(writing),
        "pufa_oldest_unsaved_seconds": _age(unsaved, now),
        "pufa_hall_down": float(running > 0 and not halls),
        "pufa_save_failure_ratio": _most(halls, "failure_ratio"),
        "pufa_save_p99_seconds": _most(halls, "p99_ms") / 1000,
        "pufa_clock_drift_seconds": _most(halls, "drift_ms") / 1000,
        "pufa_queue": _sum(halls, "queue"),
        "pufa_connected_pages": _sum(halls, "connected"),
        "pufa_disk_used_ratio": disk.used / (disk.used + disk.free),
        "pufa_job_age_seconds": _age(oldest, now),
    }
    uncovered = uncovered_since(home, now)
    gauges["pufa_backup_age_seconds"] = math.inf if uncovered is None else _age(uncovered, now)
    gauges["pufa_backup_beside_data"] = float(beside_the_data(home) is not None)
    with suppress(OSError, ValueError):  # none, or not for this process to read: unknown is not nought
        gauges["pufa_certificate_ends_soon"] = float(ends_soon(home.root / "tls" / "server.pem", now) is not None)
    heard_at = max((one.at for one in vitals if one.process == "worker"), default=None)
    if heard_at is not None:  # unknown is not nought: where there has never been a worker, the figure is left out
        gauges["pufa_worker_silence_seconds"] = _age(heard_at, now)
    return Health(gauges, halls)


def _age(at: int | None, now: int) -> float:
    return max(0, now - at) / 1000 if at is not None else 0.0


def _figure(one: Vital, name: str) -> float:
    value = one.facts.get(name, 0)
    return abs(float(value)) if isinstance(value, int | float) else 0.0


def _most(halls: Iterable[Vital], name: str) -> float:
    return max((_figure(one, name) for one in halls), default=0.0)


def _sum(halls: Iterable[Vital], name: str) -> float:
    return sum(_figure(one, name) for one in halls)


class _Figures(Collector):
    """What Prometheus reads."""

    def __init__(self, health: Health) -> None:
        self.health = health

    def collect(self) -> Iterable[Metric]:
        for name, value in self.health.gauges.items():
            yield GaugeMetricFamily(name, HELP[name], value)
        saves = CounterMetricFamily("pufa_saves", "Save requests acknowledged", labels=["process"])
        failed = CounterMetricFamily("pufa_saves_failed", "Save requests that could not be stored", labels=["process"])
        refused = CounterMetricFamily("pufa_refused", "Requests refused, by code", labels=["process", "code"])
        times = HistogramMetricFamily("pufa_save_seconds", "Time to acknowledge a save", labels=["process"])
        for one in self.health.halls:
            saves.add_metric([one.process], _figure(one, "saves"))
            failed.add_metric([one.process], _figure(one, "saves_failed"))
            for code, count in dict(one.facts.get("refused", {})).items():  # type: ignore[call-overload]
                refused.add_metric([one.process, code], count)
            times.add_metric([one.process], _cumulative(one), sum_value=_figure(one, "ack_total_ms") / 1000)
        yield from (saves, failed, refused, times)


def _cumulative(one: Vital) -> list[tuple[str, float]]:
    counts, total, found = one.facts.get("ack_buckets", []), 0.0, []
    assert isinstance(counts, list)
    for bound, count in zip((*(str(ms / 1000) for ms in BOUNDS_MS), "+Inf"), counts, strict=False):
        total += count
        found.append((bound, total))
    return found


def metrics_text(home: Home, now: int) -> bytes:
    """Everything in the Prometheus text format."""
    registry = CollectorRegistry()
    registry.register(_Figures(read_health(home, now)))
    return generate_latest(registry)


def metrics_token(home: Home) -> str:
    """What Prometheus shows to be let in; it follows from the home's key and opens nothing else."""
    return hmac.new(home.key("code"), b"metrics", hashlib.sha256).hexdigest()


def routes(home: Home) -> list[Route]:
    """The two routes; they need no session, and ``/metrics`` needs the token."""
    token = metrics_token(home).encode()

    async def healthz(_request: Request) -> Response:
        try:
            gauges = (await run_in_threadpool(read_health, home, now_ms())).gauges
        except DBAPIError:
            return PlainTextResponse("database", 503)
        bad = gauges["pufa_hall_down"] or gauges["pufa_disk_used_ratio"] > 0.98
        return PlainTextResponse("bad" if bad else "ok", 503 if bad else 200)

    async def metrics(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, b"Bearer " + token):
            return PlainTextResponse("", 404)  # as any address that does not exist
        return Response(await run_in_threadpool(metrics_text, home, now_ms()), media_type="text/plain; version=0.0.4")

    return [Route("/healthz", healthz), Route("/metrics", metrics)]
