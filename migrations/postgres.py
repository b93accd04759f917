"""A PostgreSQL database for one home: two schemas, and a role for the hall that sees only its own."""

from __future__ import annotations

import json
import re
import secrets

from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from home import HomeError
from logs import db_message

#: the hall's role; roles belong to the whole server, so a second home on it has one of its own (:func:`_role`)
ROLE = "pufa_hall"
_SHAPE = "postgresql+psycopg://用户名:口令@主机:5432/数据库名"


def refuse_used(url: str) -> None:
    """:raises HomeError: the database cannot be reached, its role may not do what is needed, or another home's tables are in it."""
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            used = inspect(connection).has_table("alembic_version", schema="office")
            able = connection.execute(text(
                "SELECT (rolsuper OR rolcreaterole) AND has_database_privilege(current_database(), 'CREATE') FROM pg_roles WHERE rolname = current_user"
            )).scalar()  # fmt: skip
    except OperationalError as error:
        raise _unreachable(error) from None
    finally:
        engine.dispose()
    if used:
        raise HomeError("这个 PostgreSQL 数据库已被另一个数据文件夹使用；请为新的数据文件夹另建一个数据库")
    if not able:
        raise HomeError("这个 PostgreSQL 用户不能建模式和角色；请由数据库管理员给他 CREATEROLE 和这个数据库的 CREATE 权限。没有新建任何内容")


def prepare(url: str, mark: str, *, moved: bool) -> str:
    """Create the schemas and the hall's role; return the hall's own address.

    ``mark``: hex digits that tell this home from others, kept as the comment of the office's schema; ``moved``: the home has its data
    in a PostgreSQL already, so they must be in this one.

    :raises HomeError: the server cannot be reached, or does not let us; the data of this home are not in it. Nothing is changed then.
    """
    password = secrets.token_urlsafe(24)
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            _require_ours(connection, mark, moved)
            for schema in ("exam", "office"):
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
            connection.execute(text(f"COMMENT ON SCHEMA office IS 'pufa {mark}'"))
            role, known = _role(connection)
            connection.execute(text(f"{'ALTER' if known else 'CREATE'} ROLE {role} LOGIN PASSWORD '{password}'"))
            connection.execute(text(f"GRANT USAGE ON SCHEMA exam TO {role}"))
    except OperationalError as error:
        raise _unreachable(error) from None
    except DBAPIError as error:
        raise HomeError(f"PostgreSQL 没有照办（{db_message(error)}）；请由数据库管理员核对这个用户能不能建模式和角色") from None
    finally:
        engine.dispose()
    return make_url(url).set(username=role, password=password).render_as_string(hide_password=False)


def _require_ours(connection: Connection, mark: str, moved: bool) -> None:
    there = inspect(connection).has_table("alembic_version", schema="office")
    told = connection.execute(text("SELECT obj_description(to_regnamespace('office'), 'pg_namespace')")).scalar() or ""
    if there and told.startswith("pufa ") and told != f"pufa {mark}":
        raise HomeError("这个 PostgreSQL 数据库里是另一个数据文件夹的数据，不能用；请核对 --db 的数据库名。没有改动")
    if moved and not there:
        raise HomeError("这个 PostgreSQL 数据库是空的，没有本数据文件夹的数据；请先把原来的数据库搬过来，或用 pufa restore --db 从备份恢复。没有改动")


def _role(connection: Connection) -> tuple[str, bool]:
    """The hall's role for this database, and whether it is there. To give the role of another home on this server a new password
    would shut that home's candidates out."""
    ident = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar_one()
    own = f"{ROLE}_{ident}"
    known = set(connection.execute(text("SELECT rolname FROM pg_roles WHERE rolname IN (:common, :own)"), {"common": ROLE, "own": own}).scalars())
    elsewhere = text(
        "SELECT 1 FROM pg_shdepend JOIN pg_roles ON pg_roles.oid = refobjid"
        " WHERE refclassid = 'pg_authid'::regclass AND rolname = :common AND dbid NOT IN (0, :ident) LIMIT 1"
    )
    if own in known or connection.execute(elsewhere, {"common": ROLE, "ident": ident}).first():
        return own, own in known
    return ROLE, ROLE in known


def _engine(url: str) -> Engine:
    try:
        if make_url(url).get_backend_name() == "postgresql":
            return create_engine(url, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError):
        pass
    raise HomeError(f"--db 不是 PostgreSQL 的地址；应写成 {_SHAPE}。没有新建任何内容")


def _unreachable(error: OperationalError) -> HomeError:
    return HomeError(f"连不上 PostgreSQL（{db_message(error)}）；请核对地址、口令和服务是否启动。没有新建任何内容")


def settings_for(text_: str, exam_url: str | None) -> str:
    """The text of a home.toml with another ``exam_url``, or none; what else somebody wrote there stays, tables and notes too."""
    rest = re.sub(r"^exam_url[ \t]*=.*\n?", "", text_, flags=re.MULTILINE)
    return rest if exam_url is None else f"exam_url = {json.dumps(exam_url)}\n{rest}"
