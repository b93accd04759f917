"""Schema migrations (Alembic): one line of revisions for each of the two databases."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from home import Home, HomeError, connect

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
    """Both databases of a home; on PostgreSQL the hall's role may then use the tables of its own.

    :raises HomeError: a later version of the program has been here.
    """
    owner = connect(home.office_url, "exam") if home.office_url else home.exam
    try:
        for name, engine in (("office", home.office), ("exam", owner)):
            upgrade(name, engine)
    except CommandError:
        raise HomeError(f"{home.root}：数据库由更新版本的程序写过，本版本认不出，没有改动；请换回那个版本的程序") from None
    if home.office_url:
        role = owner.dialect.identifier_preparer.quote(str(home.exam.url.username))
        with owner.begin() as connection:
            connection.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA exam TO {role}"))
            connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA exam TO {role}"))
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
