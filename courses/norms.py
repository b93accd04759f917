"""Staffing norms: how many workers a community needs by its households or residents. Whole numbers, no table, no pandas.

``staffing.toml`` is the one place of the figures, each with its source (``domain.md`` B.3); the notebook module
``governance-data/01-grid-staffing`` (by :mod:`courses.staffing`) and the office read the same file through this module.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "staffing.toml"
Rule = Mapping[str, Any]


@cache
def tables() -> Mapping[str, Rule]:
    """All of ``staffing.toml``, the tables that are no norm included."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def norms() -> dict[str, Rule]:
    """The norms of ``staffing.toml``: the tables that have a ``shape``."""
    return {key: rule for key, rule in tables().items() if "shape" in rule}


def grids_for(households: int, per_grid: int) -> int:
    """Fewest grids of at most ``per_grid`` households each; 0 for no households."""
    return -(-households // per_grid)


def grid_range(rule: Rule, households: int) -> tuple[int, int]:
    """Fewest and most grids: of the most and of the fewest households that a grid may have."""
    fewest, most = rule["households"]
    return grids_for(households, most), grids_for(households, fewest)


# ---------------------------------------------------------------- one function a shape: (rule, households, residents) -> fewest, most


def _grid(rule: Rule, households: int, _residents: int) -> tuple[int, int]:
    low, high = grid_range(rule, households)
    fewest, most = rule["workers"]
    return low * int(fewest), high * int(most)


def _per_10000(rule: Rule, _households: int, residents: int) -> tuple[int, int]:
    needed = -(-residents * int(rule["per_10000"]) // 10_000)
    return needed, needed


def _bands(rule: Rule, households: int, _residents: int) -> tuple[int, int]:
    last, most = rule["bands"][-1]
    beyond = min(int(rule["most"]), most + (households - last) // rule["step"])
    needed = next((int(workers) for up_to, workers in rule["bands"] if households <= up_to), beyond)
    return needed, needed


def _range(rule: Rule, households: int, _residents: int) -> tuple[int, int]:
    above = max(0, households - rule["households"])
    fewest, most = (int(workers) + above // step for workers, step in zip(rule["workers"], rule["steps"], strict=True))
    return fewest, most


SHAPES: Mapping[str, Callable[[Rule, int, int], tuple[int, int]]] = {"grid": _grid, "per_10000": _per_10000, "bands": _bands, "range": _range}


def workers_for(rule: Rule, households: int = 0, residents: int = 0) -> tuple[int, int]:
    """Fewest and most workers that a norm gives for one community, or for all of them where it counts the total.

    >>> workers_for(norms()["taiyuan"], 2650), workers_for(norms()["jilin"], 3300)
    ((4, 4), (10, 16))
    """
    return SHAPES[rule["shape"]](rule, households, residents)


def reads_residents(rule: Rule) -> bool:
    """Whether a norm goes by residents; the others go by households."""
    return bool(rule["shape"] == "per_10000")
