"""Draft the next revision of one database from the tables in the code::

    python -m migrations.draft office "what changes"

Read the draft and mend it by hand: Alembic sees no renames and moves no data.
"""

import sys
import tempfile
from pathlib import Path

from alembic import command

import exams.tables  # noqa: F401  (these four: the tables must be known)
import grading.tables  # noqa: F401
import people.tables  # noqa: F401
import question_bank.tables  # noqa: F401
from home import EXAM, OFFICE, connect, transaction
from migrations import FOLDER, configuration


def main() -> None:
    """Write the draft into ``migrations/<database>/``."""
    name, message = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{Path(folder) / 'draft.db'}", name)
        with transaction(engine) as connection:
            config = configuration(name, connection)
            command.upgrade(config, "head")
            config.attributes["metadata"] = {"exam": EXAM, "office": OFFICE}[name]
            number = len(list((FOLDER / name).glob("[0-9]*.py"))) + 1
            command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")
        engine.dispose()


if __name__ == "__main__":
    main()
