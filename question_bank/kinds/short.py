"""简答题: one question answered in writing."""

from __future__ import annotations

from question_bank.kinds.free_text import SECTIONS, check_text, normalise_text
from question_bank.kinds.kind import Kind

KIND = Kind("short", "简答题", ("manual",), SECTIONS, check_text, normalise_text)
