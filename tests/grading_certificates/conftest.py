"""The certifying sitting as fixtures."""

from __future__ import annotations

import pytest
from certifying_fixture import Sat, sit

from home import Home


@pytest.fixture
def sat(home_folder: Home) -> Sat:
    return sit(home_folder)


@pytest.fixture
def sat_anywhere(any_home: Home) -> Sat:
    return sit(any_home)
