"""One exam day for all tests of secrecy: played once, every answer of both apps kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "hall_office"))  # the office's helpers

from exam_day import ExamDay


@pytest.fixture(scope="module")
def exam_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExamDay]:
    day = ExamDay(tmp_path_factory.mktemp("day"))
    try:
        day.play()
        yield day
    finally:
        day.end()
