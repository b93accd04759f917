"""An export in the worker gives way to a sitting, and nothing but the export does."""

from __future__ import annotations

import os

import pytest
from lists_fixture import furnish

from grading import exports
from grading.exports import export_list
from grading.lists.scope import Scope
from grading.priority import giving_way


def standing() -> int:
    """Scheduling class of the thread that asks."""
    return os.sched_getscheduler(0)


def test_the_work_gives_way_and_whoever_asked_does_not():
    before = standing()
    assert giving_way(standing) == os.SCHED_IDLE and standing() == before
    with pytest.raises(ZeroDivisionError):
        giving_way(lambda: 1 // 0)


def test_a_list_is_written_giving_way_and_audited_as_ever(home_folder, tmp_path, monkeypatch):
    furnish(home_folder)
    seen = {}
    for name in ("write", "audit"):
        real = getattr(exports, name)
        monkeypatch.setattr(exports, name, lambda *given, real=real, name=name, **more: (seen.setdefault(name, standing()), real(*given, **more))[1])
    export_list(home_folder, "scores", Scope(("s1",)), "xlsx", tmp_path / "x.xlsx", "hr", gently=True)
    assert seen["write"] == os.SCHED_IDLE and seen["audit"] == standing() != seen["write"], "no lock is held by a thread that waits for all others"
