"""A whole sitting with faults, played against the real server: 300 people, kill -9, full disk, cut lines; what was lost."""

from __future__ import annotations

import time

from hall.rehearsal.checks import BACK_BUDGET_S
from hall.rehearsal.command import report, run

CANDIDATES, SEED = 300, 20261124


def main() -> None:
    began = time.monotonic()
    found = run(CANDIDATES, SEED, faults=True)
    report(found)
    wrong = [one.title for one in found if one.held is False]
    assert not wrong, wrong
    lost = next(one.figures for one in found if one.title == "得到确认的答案都在")
    back = next(one.figures for one in found if one.case == "A1" and "恢复" in one.title)
    print(
        f"RATIO rehearsal of {CANDIDATES} with faults, {time.monotonic() - began:.0f} s: {lost}; back after kill -9: {back} (budget {BACK_BUDGET_S:.0f} s)"
    )


if __name__ == "__main__":
    main()
