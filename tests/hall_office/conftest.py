from __future__ import annotations

import pytest
from office_room import Office

from home import Home


@pytest.fixture
def office(home_folder: Home) -> Office:
    return Office(home_folder)
