"""What is wrong right now: one table of conditions (``alarms.toml``), for the bar on the office's pages and for Prometheus.

``python -m hall.office.alarms`` writes ``deploy/prometheus/pufa-alerts.yml`` anew; a test holds the two together.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hall.office.health import read_health
from home import Home

TABLE = Path(__file__).parent / "alarms.toml"
RULES = Path(__file__).resolve().parent.parent.parent / "deploy" / "prometheus" / "pufa-alerts.yml"


@dataclass(frozen=True)
class Alarm:
    """A condition: ``metric`` above a value for ``for_s`` seconds; ``title`` and ``advice`` are for people."""

    name: str
    metric: str
    above: float
    for_s: int
    title: str
    advice: str


def read_alarms() -> tuple[Alarm, ...]:
    """The table."""
    return tuple(Alarm(**one) for one in tomllib.loads(TABLE.read_text(encoding="utf-8"))["alarm"])


ALARMS = read_alarms()


def raised(gauges: Mapping[str, float]) -> list[Alarm]:
    """Alarms whose condition holds now; a gauge that is not known raises none."""
    return [alarm for alarm in ALARMS if gauges.get(alarm.metric, alarm.above) > alarm.above]


#: home's folder -> (until when it is good, ms UTC; what is raised): a page does not wait for the figures again within seconds
_KNOWN: dict[Path, tuple[int, list[Alarm]]] = {}
GOOD_FOR_MS = 5_000


def raised_now(home: Home, now: int) -> list[Alarm]:
    """Alarms of this home at ``now``, as of the last five seconds."""
    until, known = _KNOWN.get(home.root, (0, []))
    if not now < until <= now + GOOD_FOR_MS:
        known = raised(read_health(home, now).gauges)
        _KNOWN[home.root] = now + GOOD_FOR_MS, known
    return known


def rules_text() -> str:
    """The table as a Prometheus rules file."""
    head = "# 由 hall/office/alarms.toml 生成：python -m hall.office.alarms\ngroups:\n  - name: pufa\n    rules:\n"
    return head + "".join(
        f"      - alert: {alarm.name}\n        expr: {alarm.metric} > {alarm.above:g}\n        for: {alarm.for_s}s\n"
        f"        labels: {{severity: page}}\n        annotations:\n"
        f"          summary: {json.dumps(alarm.title, ensure_ascii=False)}\n          description: {json.dumps(alarm.advice, ensure_ascii=False)}\n"
        for alarm in ALARMS
    )


if __name__ == "__main__":
    RULES.parent.mkdir(parents=True, exist_ok=True)
    RULES.write_text(rules_text(), encoding="utf-8")
