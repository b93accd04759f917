"""Who sits the rehearsal and how each behaves: drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

import random
from dataclasses import dataclass

from people.identity import check_digit

SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗", "一二三四五六七八九十"
#: behaviour -> what the report calls it; without faults everybody is plain
BEHAVIOURS = {
    "plain": "照常作答",
    "slow_link": "网速很慢",
    "dropping": "连接常断",
    "wrong_clock": "电脑时钟错一天",
    "two_tabs": "开着两个页面",
    "two_devices": "中途换电脑",
    "twice": "连点两次交卷",
    "leaves": "不交卷就走",
    "no_show": "没有来",
    "late": "迟到",
}
#: out of ten, with faults
_SHARES = ("plain", "plain", "slow_link", "dropping", "wrong_clock", "two_tabs", "two_devices", "twice", "leaves", "no_show", "late")


@dataclass(frozen=True)
class Part:
    """One person of the rehearsal: a line of the roster, and how the person behaves."""

    name: str
    identity: str
    behaviour: str
    seed: int


def cast(count: int, seed: int, *, faults: bool) -> list[Part]:
    """``count`` invented people; with ``faults`` every behaviour is there as soon as there are enough of them."""
    draw = random.Random(seed)
    shares = _SHARES if faults else ("plain",) * 9 + ("no_show",)
    behaviours = [shares[n % len(shares)] for n in range(count)]
    return [
        Part(SURNAMES[n % 20] + GIVEN[n // 20 % 10] + GIVEN[n // 200 % 10], _identity(n), behaviours[n], draw.randrange(2**32))
        for n in range(count)
    ]  # fmt: skip


def _identity(n: int) -> str:
    body = f"340210{1960 + n % 40}{1 + n // 40 % 12:02d}{1 + n // 480 % 28:02d}{n % 1000:03d}"
    return body + check_digit(body)
