"""What a command says when the program was upgraded and the database was not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from faults import of_another_version, told

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("statement", ["SELECT 1 FROM not_yet_there", "SELECT not_yet_there FROM audit"])
def test_a_database_of_another_version_is_said_to_be_one(any_home, statement: str) -> None:
    with any_home.office.connect() as connection, pytest.raises(Exception, match="not_yet_there") as raised:
        connection.execute(text(statement))
    said = of_another_version(raised.value)
    assert said is not None and "pufa upgrade" in said and "not_yet_there" in said
    assert told(raised.value) is None, "to the office it is a fault of ours"
    assert of_another_version(ValueError("no such table: x")) is None


def test_a_command_on_an_older_database_says_what_to_do(home_folder) -> None:
    with home_folder.office.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE legal_hold RENAME TO kept")
    home_folder.close()
    command = [sys.executable, "-m", "pufa", "retention", "holds", "--home", str(home_folder.root)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 1 and "pufa upgrade" in done.stderr and "Traceback" not in done.stderr
