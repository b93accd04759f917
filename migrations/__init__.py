"""Schema migrations (Alembic): one line of revisions for each of the two databases."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

FOLDER = Path(__file__).parent


def configuration(name: str, connection: Connection) -> Config:
    """Alembic's configuration for the database ``exam`` or ``office`` on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(FOLDER / name).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(name: str, connection: Connection) -> None:
    """Bring a database to the newest revision, inside the caller's transaction; nothing happens if it is there."""
    command.upgrade(configuration(name, connection), "head")
