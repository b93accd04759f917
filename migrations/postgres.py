"""A PostgreSQL database for one home: two schemas, and a role for the hall that sees only its own."""

from __future__ import annotations

import json
import re
import secrets

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from logs import db_message


def refuse_used(url: str) -> None:
    """:raises ConnectionError: the database cannot be reached, or holds another home's tables already."""
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            used = inspect(connection).has_table("alembic_version", schema="office")
    except (OperationalError, ArgumentError) as error:
        raise ConnectionError(f"连不上 PostgreSQL（{db_message(error)}）；请核对地址、口令和服务是否启动。没有新建任何内容") from None
    finally:
        engine.dispose()
    if used:
        raise ConnectionError("这个 PostgreSQL 数据库已被另一个数据文件夹使用；请为新的数据文件夹另建一个数据库")


def prepare(url: str) -> str:
    """Create the schemas and the hall's role; return the hall's own address."""
    password = secrets.token_urlsafe(24)
    engine = create_engine(url, hide_parameters=True)
    with engine.begin() as connection:
        for schema in ("exam", "office"):
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        known = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = 'pufa_hall'")).first()
        verb = "ALTER" if known else "CREATE"
        connection.execute(text(f"{verb} ROLE pufa_hall LOGIN PASSWORD '{password}'"))
        connection.execute(text("GRANT USAGE ON SCHEMA exam TO pufa_hall"))
    engine.dispose()
    return make_url(url).set(username="pufa_hall", password=password).render_as_string(hide_password=False)


def settings_for(text_: str, exam_url: str | None) -> str:
    """The text of a home.toml with another ``exam_url``, or none; what else somebody wrote there stays, tables and notes too."""
    rest = re.sub(r"^exam_url[ \t]*=.*\n?", "", text_, flags=re.MULTILINE)
    return rest if exam_url is None else f"exam_url = {json.dumps(exam_url)}\n{rest}"
