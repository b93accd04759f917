"""Schema migrations (Alembic): one line of revisions for each of the two databases."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from home import Home, connect

FOLDER = Path(__file__).parent


def configuration(name: str, connection: Connection) -> Config:
    """Alembic's configuration for the database ``exam`` or ``office`` on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(FOLDER / name).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade_home(home: Home) -> None:
    """Both databases of a home; on PostgreSQL the hall's role may then use the tables of its own."""
    owner = connect(home.office_url, "exam") if home.office_url else home.exam
    for name, engine in (("office", home.office), ("exam", owner)):
        upgrade(name, engine)
    if home.office_url:
        with owner.begin() as connection:
            connection.execute(text("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA exam TO pufa_hall"))
            connection.execute(text("GRANT USAGE ON ALL SEQUENCES IN SCHEMA exam TO pufa_hall"))
        owner.dispose()


def upgrade(name: str, engine: Engine) -> None:
    """Bring a database to the newest revision in one transaction; nothing happens if it is there.

    SQLite alters most things by making a table anew, which rows that point at it would forbid: there, what points where is checked
    once, at the end.

    :raises IntegrityError: a row points at nothing; the database is as it was.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(begin="BEGIN IMMEDIATE") as connection:
        raw = connection.connection.driver_connection
        if sqlite:
            raw.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        try:
            with connection.begin():
                command.upgrade(configuration(name, connection), "head")
                if sqlite and (bad := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise IntegrityError("PRAGMA foreign_key_check", None, Exception(f"{bad[0]} row {bad[1]} points at no {bad[2]}"))
        finally:
            if sqlite:
                raw.execute("PRAGMA foreign_keys=ON")  # type: ignore[union-attr]
