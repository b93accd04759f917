"""The ground every room stands on: the home folder, its two databases, transactions, atomic files, the audit chain.

A home is one folder (``pufa init DIR``) that holds one office's exams::

    home/  home.toml  exam/exam.db  office.db  release/  open/  secret/  exports/  backups/

``exam/`` is all that the candidate process may write (a folder, so that SQLite's journals come under the same rule);
``office.db`` and ``secret/`` are closed to it. No transaction spans the two databases. On PostgreSQL they are the schemas ``exam`` and ``office`` of one database, each with its own role.
Instants are integers: milliseconds since 1970-01-01 UTC. This module imports no room.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Column, Connection, Engine, MetaData, Table, create_engine, event, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.types import BigInteger, Integer, String, Text

BEIJING = timezone(timedelta(hours=8), "北京时间")

#: Modes of what candidates and strangers must not read. The umask takes the group's part away unless the home is shared by
#: several system users (:meth:`Home.open`), as the service units have it.
PRIVATE, PRIVATE_FOLDER = 0o660, 0o770

#: The two databases. A room declares each of its tables on one of them.
OFFICE = MetaData()
EXAM = MetaData()
#: where they are in a home that keeps them in SQLite; a backup takes the office first: what was copied up from the exam's after that is
#: simply copied up again
DATABASES = {"office": "office.db", "exam": "exam/exam.db"}


class HomeError(Exception):
    """The home folder cannot be used as it is; the message says what to do."""


def now_ms() -> int:
    """Wall clock, milliseconds since the epoch (UTC)."""
    return time.time_ns() // 1_000_000


def local_text(instant: int, pattern: str = "%Y-%m-%d %H:%M") -> str:
    """An instant as people here read it: Beijing time.

    >>> local_text(0)
    '1970-01-01 08:00'
    """
    return datetime.fromtimestamp(instant / 1000, UTC).astimezone(BEIJING).strftime(pattern)


def instant_of(text_: str) -> int:
    """Milliseconds of an ISO date-time; without an offset it is Beijing time.

    >>> instant_of("1970-01-01 08:00")
    0
    """
    moment = datetime.fromisoformat(text_)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)).timestamp() * 1000)


def write_atomically(path: Path, data: bytes | str, mode: int = 0o644) -> None:
    """Write aside, fsync, rename, fsync the folder: after a power cut the old or the new file is there, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(data.encode() if isinstance(data, str) else data)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def canonical_json(value: object) -> str:
    """One spelling of a value, for digests: sorted keys, no white space, not ASCII-escaped."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(value: object) -> str:
    """SHA-256 (hex) of :func:`canonical_json`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def connect(url: str | URL, schema: str) -> Engine:
    """An engine on one of the two databases.

    SQLite: WAL, ``synchronous=FULL`` (a commit is on the disk before it returns), foreign keys, 30 s busy timeout.
    PostgreSQL: every connection's search path is ``schema`` alone. Error messages never repeat parameters (answers, names).
    """
    if make_url(url).get_backend_name() == "postgresql":
        return create_engine(url, connect_args={"options": f"-csearch_path={schema}"}, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _configure(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # BEGIN is ours, see below
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A writing transaction; on SQLite it takes the write lock at once, so that a read inside cannot go stale."""
    with engine.connect().execution_options(begin="BEGIN IMMEDIATE") as connection, connection.begin():
        yield connection


def _settings(path: Path, needed: str) -> Mapping[str, object]:
    try:
        return {**(found := tomllib.loads(path.read_text(encoding="utf-8"))), needed: str(found[needed])}
    except (ValueError, KeyError) as error:
        raise HomeError(f"{path}：读不懂（{error}）；应是 UTF-8 文本，写有 {needed}。请改正，或从备份里取回这个文件") from None


@dataclass(frozen=True)
class Home:
    """One office's folder. ``exam_url`` and ``office_url`` are None for the SQLite files inside it."""

    root: Path
    exam_url: str | None = None
    office_url: str | None = None

    @classmethod
    def create(cls, root: Path, office_name: str, db_url: str | None = None) -> Home:
        """Make the folder, its keys and databases. Refuses a folder that already holds something.

        ``db_url``: a PostgreSQL address whose role may create schemas and roles; None for SQLite.
        """
        root = root.resolve()
        os.umask(0o077)
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise HomeError(f"{root}：文件夹已存在且不为空；请换一个新文件夹，已有内容没有改动")
        if db_url:
            from migrations.postgres import refuse_used  # as in migrate: only for this

            refuse_used(db_url)
        for name in ("exam", "release", "open", "exports", "backups"):
            (root / name).mkdir(parents=True, exist_ok=True)
        for name in ("bank", "papers", "keys", "nbgrader"):
            (root / "secret" / name).mkdir(parents=True)
        for name in ("exam", "secret", "exports", "backups"):
            (root / name).chmod(0o700)  # deploy/systemd opens them to the services' groups
        for name in ("identity", "code", "record"):
            write_atomically(root / "secret" / "keys" / f"{name}.key", secrets.token_bytes(32), PRIVATE)
        write_atomically(root / "home.toml", f"office_name = {json.dumps(office_name, ensure_ascii=False)}\n", 0o640)
        if db_url:
            return cls.use_postgres(root, db_url)
        for place in DATABASES.values():
            (root / place).touch(PRIVATE)  # SQLite gives its journals the same rights; nothing else ever makes these files
        home = cls.open(root, ())
        home.migrate()
        return home

    @classmethod
    def use_postgres(cls, root: Path, db_url: str) -> Home:
        """Keep this home's data in a PostgreSQL from now on, and remember its address.

        :raises HomeError: the home has data in SQLite already.
        """
        home = cls.open(root, ())
        if home.office_url is None and any((root / place).exists() for place in DATABASES.values()):
            raise HomeError(f"{root}：数据已存在 SQLite 里，不能直接改用 PostgreSQL；请另建一个数据文件夹")
        from migrations.postgres import prepare, settings_for  # as in migrate: only for this

        hall = prepare(db_url, digest(home.key("record").hex()), moved=home.office_url is not None)
        settings = settings_for((root / "home.toml").read_text(encoding="utf-8"), hall)
        write_atomically(root / "secret" / "database.toml", f"office_url = {json.dumps(db_url)}\n", PRIVATE)
        write_atomically(root / "home.toml", settings, 0o640)
        home = cls.open(root)
        home.migrate()
        return home

    @classmethod
    def open(cls, root: Path, needed: Collection[str] = tuple(DATABASES)) -> Home:
        """The home at ``root`` with the databases that are ``needed``; :class:`HomeError` if it or one of them is not there.

        From here on this process writes files for its user alone, or, if the folder is writable for a group, for that group.
        """
        root = root.resolve()
        try:
            return cls._open(root, needed)
        except PermissionError:
            from faults import no_right  # as in migrate: only for this

            raise HomeError(no_right(root)) from None

    @classmethod
    def _open(cls, root: Path, needed: Collection[str]) -> Home:
        try:
            exam_url = cls(root).settings.get("exam_url")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise HomeError(f"{root}：这里没有 pufa 的数据文件夹；先运行 pufa init {root}") from None
        os.umask(0o007 if root.stat().st_mode & 0o020 else 0o077)
        database = root / "secret" / "database.toml"
        office_url = _settings(database, "office_url")["office_url"] if os.access(database, os.R_OK) else None
        home = cls(root, str(exam_url) if exam_url else None, None if office_url is None else str(office_url))
        for name in needed:
            home._require(name)
        return home

    def _require(self, name: str) -> None:
        """Refuse a home without this database: an empty one in its place would lose every sitting, and hide that one is lost."""
        if self.exam_url if name == "exam" else self.office_url:
            return
        path = self.root / ("secret/database.toml" if self.exam_url else DATABASES[name])
        if not path.exists() or not path.stat().st_size:
            raise HomeError(f"{path}：这个文件不见了，或者是空的。请放回原来的文件（数据库连同 -wal、-shm），或用 pufa restore 从备份恢复；不会新建空的")
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError

    def _file(self, name: str) -> URL:
        """The address of a SQLite file, by which it is opened but never made."""
        path = quote(os.fsencode(self.root / DATABASES[name]))
        return URL.create("sqlite", database=f"file:{path}", query={"mode": "rw", "uri": "true"})

    @property
    def settings(self) -> Mapping[str, object]:
        """``home.toml``: ``office_name`` and whatever the operator set."""
        return _settings(self.root / "home.toml", "office_name")

    @cached_property
    def exam(self) -> Engine:
        """The candidates' database, as the hall's role on PostgreSQL."""
        return connect(self.exam_url or self._file("exam"), "exam")

    @cached_property
    def office(self) -> Engine:
        """The office's database. The candidate process never calls this."""
        return connect(self.office_url or self._file("office"), "office")

    @property
    def release(self) -> Path:
        """What candidates are served, built from named public fields only."""
        return self.root / "release"

    @property
    def open_content(self) -> Path:
        """Modules and the practice pool, public by nature."""
        return self.root / "open"

    @property
    def secret(self) -> Path:
        """Banks, papers with keys, signing keys, nbgrader's course folders."""
        return self.root / "secret"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    def key(self, name: str) -> bytes:
        """32 secret bytes: ``identity``, ``code`` or ``record``."""
        return (self.secret / "keys" / f"{name}.key").read_bytes()

    def migrate(self) -> None:
        """Bring both databases to the schema of this version (Alembic; nothing happens when they are there already)."""
        from migrations import upgrade_home  # Alembic: half a second that only this needs

        upgrade_home(self)

    def close(self) -> None:
        """Give back every database connection."""
        for name in ("exam", "office"):
            if name in self.__dict__:
                self.__dict__[name].dispose()


def _audit_table(metadata: MetaData) -> Table:
    return Table(
        "audit", metadata,
        Column("n", Integer, primary_key=True, autoincrement=False),
        Column("at", BigInteger, nullable=False),
        Column("actor", String(64), nullable=False),
        Column("action", String(64), nullable=False),
        Column("subject", String(128), nullable=False),
        Column("salt", String(32)),        # erased together with the payload
        Column("payload", Text),           # may be erased; the chain stays verifiable
        Column("payload_digest", String(64), nullable=False),
        Column("head", String(64), nullable=False),
    )  # fmt: skip


AUDIT = {OFFICE: _audit_table(OFFICE), EXAM: _audit_table(EXAM)}


def _link(previous: str, row: Mapping[str, object]) -> str:
    return digest([previous, *(row[name] for name in ("n", "at", "actor", "action", "subject", "payload_digest"))])


def audit(connection: Connection, metadata: MetaData, actor: str, action: str, subject: str, **payload: object) -> str:
    """Append one entry to a database's hash chain, inside the caller's transaction; returns the chain's head.

    ``payload`` must hold no answer text, key or identity number.
    """
    table = AUDIT[metadata]
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))
    last = connection.execute(select(table.c.n, table.c.head).order_by(table.c.n.desc()).limit(1)).first()
    number, previous = (last.n + 1, last.head) if last else (1, "")
    salt, body = secrets.token_hex(16), canonical_json(payload)
    row: dict[str, object] = {
        "n": number, "at": now_ms(), "actor": actor, "action": action, "subject": subject,
        "salt": salt, "payload": body, "payload_digest": digest([salt, body]),
    }  # fmt: skip
    row["head"] = _link(previous, row)
    connection.execute(table.insert().values(**row))
    return str(row["head"])


def verify_audit(connection: Connection, metadata: MetaData) -> int | None:
    """Number of the first entry that does not fit the chain, or None if the chain is whole."""
    table = AUDIT[metadata]
    previous, expected = "", 1
    for row in connection.execute(select(table).order_by(table.c.n)).mappings():
        if row["n"] != expected or row["head"] != _link(previous, row):  # type: ignore[arg-type]
            return expected
        if row["payload"] is not None and row["payload_digest"] != digest([row["salt"], row["payload"]]):
            return expected
        previous, expected = row["head"], expected + 1
    return None
