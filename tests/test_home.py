from __future__ import annotations

import pytest
from sqlalchemy import text

from home import EXAM, OFFICE, Home, HomeError, audit, transaction, verify_audit


def test_a_folder_with_content_is_refused_and_left_alone(tmp_path):
    (tmp_path / "note.txt").write_text("keep")
    with pytest.raises(HomeError, match="不为空"):
        Home.create(tmp_path, "x")
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]


def test_audit_chain_names_the_first_bad_entry(any_home):
    with transaction(any_home.office) as connection:
        for n in range(4):
            audit(connection, OFFICE, "zhang", "test", f"s{n}", n=n)
        assert verify_audit(connection, OFFICE) is None
        connection.execute(text("UPDATE audit SET payload = NULL, salt = NULL WHERE n = 2"))
        assert verify_audit(connection, OFFICE) is None, "an erased payload leaves the chain verifiable"
        connection.execute(text("UPDATE audit SET actor = 'li' WHERE n = 3"))
        assert verify_audit(connection, OFFICE) == 3
        connection.execute(text("DELETE FROM audit WHERE n = 1"))
        assert verify_audit(connection, OFFICE) == 1


def test_the_two_databases_are_apart(any_home):
    with any_home.exam.connect() as connection, pytest.raises(Exception, match="person"):
        connection.execute(text("SELECT * FROM person"))
    with transaction(any_home.exam) as connection:
        audit(connection, EXAM, "a", "b", "c")
