"""Time is up for many in the same second (B6, B11): small here, eight thousand in ``bench.closing``."""

from __future__ import annotations

from pathlib import Path

from bench.closing import close_all


def test_pages_that_hand_in_at_once_and_those_without_a_page_are_closed_at_their_limit_with_nothing_lost(tmp_path: Path) -> None:
    run, wrong = close_all(tmp_path, 200, 600, 20, in_s=3.0, grace_s=1)
    assert wrong == []
    assert run.closed - run.given_back < 60
    assert len(run.told) == 200 and len(run.book.saves) > 800, "all pages were told their end, and candidates wrote up to it and beyond"
    assert max(run.others) < 5, "nobody who has time left waits for the others' end"
