"""How many months each class of data is kept: ``retention.toml``, line by line replaced by ``[retention]`` of home.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grading.errors import GradingError
from grading.outcome import add_months
from home import BEIJING, Home

SHIPPED = Path(__file__).parent / "retention.toml"
#: class -> what staff read
CLASSES = {
    "sessions": "考场登录记录",
    "exports": "导出的文件",
    "answers": "作答内容和答卷",
    "documents": "证明材料扫描件",
    "personal": "成绩记录里的个人信息",
    "audit": "操作记录的细节",
}


class RetentionError(GradingError):
    """The policy is wrong, or something may not be erased."""


@dataclass(frozen=True)
class Policy:
    """Months by class; a class that is kept without end is not in it."""

    months: Mapping[str, int]

    def cutoff(self, name: str, now: int) -> int | None:
        """The instant (ms UTC) before which data of a class are due at ``now``; None: they are kept."""
        if name not in self.months:
            return None
        moment = datetime.fromtimestamp(now / 1000, BEIJING)
        day = add_months(moment.date(), -self.months[name])
        return int(datetime(day.year, day.month, day.day, tzinfo=BEIJING).timestamp() * 1000)


def read_policy(home: Home) -> Policy:
    """The policy of this home.

    :raises RetentionError: an unknown class, or a number of months that is none; all at once.
    """
    own = home.settings.get("retention", {})
    if not isinstance(own, Mapping):
        raise RetentionError("home.toml 的 [retention] 写法不对；应是“类别 = 月数”")
    months = tomllib.loads(SHIPPED.read_text(encoding="utf-8")) | dict(own)
    faults = [f"没有“{name}”这一类；可用：{'、'.join(CLASSES)}" for name in months if name not in CLASSES]
    for name, value in months.items():
        if name in CLASSES and (not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1200):
            faults.append(f"{name} 应为 0 至 1200 的整数（月）")
    if faults:
        raise RetentionError("home.toml 的 [retention]：" + "；".join(faults))
    return Policy({name: int(value) for name, value in months.items() if value})
