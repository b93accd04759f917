"""A started attempt on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from desk_fixture import Desk, sit_down
from sitting_fixture import open_demo

from home import Home


@pytest.fixture
def desks(any_home: Home) -> Iterator[list[Desk]]:
    """Three candidates at work."""
    yield [sit_down(any_home, one) for one in open_demo(any_home, 3)]


@pytest.fixture
def desk(desks: list[Desk]) -> Desk:
    """One of them."""
    return desks[0]


@pytest.fixture
def sit(any_home: Home) -> Callable[..., Desk]:
    """Log in, start and open a page on ``any_home``."""
    return lambda candidate, **how: sit_down(any_home, candidate, **how)


@pytest.fixture
def sitting_desk() -> Callable[[Home], Desk]:
    """Open a sitting on a home and sit one candidate down."""
    return lambda home: sit_down(home, open_demo(home, 1)[0])
