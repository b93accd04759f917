"""Helpers of other rooms' tests."""

from __future__ import annotations

import sys
from pathlib import Path

for room in ("hall_office", "secrecy", "grading_workforce"):
    sys.path.insert(0, str(Path(__file__).parent.parent / room))
