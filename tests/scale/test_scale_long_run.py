"""What shows only after some time or over some distance: growth (J10), bad lines (J7). Larger in ``bench.soak`` and ``bench.slow_links``."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench._bad_line import Line
from bench.kills import Served
from bench.slow_links import play
from bench.soak import WARM, children, kept_kb, soak
from home import Home


def test_candidates_on_bad_lines_are_served_and_the_others_do_not_pay(tmp_path: Path) -> None:
    try:
        near, beyond, lost = play(tmp_path, 4, 12, 3, Line())
    except PermissionError as error:
        pytest.skip(f"no right to make network devices: {error}")
    assert lost == near.faults == beyond.faults == []
    assert len(beyond.saves) == 12 and min(beyond.saves) > 0.3, "the line was as bad as it should be"
    assert len(near.saves) == 36 and sorted(near.saves)[18] < 0.3


@pytest.mark.long
def test_one_exam_after_another_leaves_nothing_behind(home_folder: Home, tmp_path: Path) -> None:
    served = Served(home_folder, tmp_path / "log")
    try:
        exams, found, lost = soak(home_folder, served, 3.0)
        pids = children(served)
    finally:
        served.stop()
    assert lost == [] and set(found) == {"hall.candidate.serve", "hall.office.serve", "grading.worker"}
    for name, rows in found.items():
        assert rows[-1].memory_kb - rows[WARM].memory_kb < kept_kb(exams - 1 - WARM) + 2048, name
        assert rows[-1].files <= max(row.files for row in rows[:WARM]) and rows[-1].threads <= max(row.threads for row in rows[:WARM]), name
    assert not [name for name, pid in pids.items() if Path(f"/proc/{pid}").exists()]
