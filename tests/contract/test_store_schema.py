"""Opening a store: its schema, its lock, its settings."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from syncer.dispatch.ambient import UuidIds
from syncer.domain.errors import ConfigurationError, DataFolderInUseError, SchemaUnknownError
from syncer.store import SqlStore, lock_data_folder, open_store, sqlite_is_fixed, sqlite_url
from syncer.store.schema import _config, known_versions
from syncer.store.tables import metadata
from syncer.testing import FakeClock
from tests.contract.conftest import Databases

NEWER = "UPDATE alembic_version SET version_num = '9999'"


@pytest.fixture
def postgresql_url(databases: Databases) -> str:
    """The address of a database of its own: these tests change the schema."""
    return databases.new()


async def open_once(url: str) -> None:
    async with open_store(url, clock=FakeClock(), ids=UuidIds()):
        pass


def digest_of(file: Path) -> bytes:
    return sha256(file.read_bytes()).digest()


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def run_on(url: str, sql: str) -> None:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.partition("///")[2])) as connection:
            connection.execute(sql)
            connection.commit()
    else:
        with psycopg.connect(url) as connection:
            connection.execute(sql)


async def test_the_migrations_make_exactly_the_tables(url: str) -> None:
    await open_once(url)
    address = url.replace("+aiosqlite", "").replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(address)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
    engine.dispose()

    assert found == []


async def test_an_empty_database_is_brought_to_the_newest_schema(
    postgresql_server: str, postgresql_url: str
) -> None:
    with psycopg.connect(postgresql_url) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    await open_once(postgresql_url)

    with psycopg.connect(postgresql_url) as connection:
        assert connection.execute("SELECT seq, pruned FROM feed_head").fetchall() == [(0, 0)]


async def test_a_store_of_a_newer_release_is_refused_and_left_alone(url: str) -> None:
    await open_once(url)
    run_on(url, NEWER)

    with pytest.raises(SchemaUnknownError, match="9999"):
        await open_once(url)


async def test_a_refused_file_is_not_touched(sqlite_path: Path) -> None:
    await open_once(sqlite_url(sqlite_path))
    run_on(sqlite_url(sqlite_path), NEWER)
    before = digest_of(sqlite_path)

    with pytest.raises(SchemaUnknownError):
        await open_once(sqlite_url(sqlite_path))

    assert digest_of(sqlite_path) == before
    assert names_in(sqlite_path.parent) == [
        "syncer.db",
        "syncer.lock",
    ]


async def test_a_database_of_someone_else_is_refused(url: str) -> None:
    if url.startswith("postgresql"):
        run_on(url, "DROP TABLE alembic_version")
    else:
        run_on(url, "CREATE TABLE theirs (id INTEGER)")

    with pytest.raises(SchemaUnknownError):
        await open_once(url)


async def test_a_file_that_is_no_database_is_refused(sqlite_path: Path) -> None:
    await asyncio.to_thread(sqlite_path.write_text, "not a database" * 99)

    with pytest.raises(SchemaUnknownError):
        await open_once(sqlite_url(sqlite_path))


@pytest.mark.parametrize("url", ["mysql://h/d", "nonsense", "sqlite://"], indirect=False)
async def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        await open_once(url)


async def test_a_second_store_on_one_folder_is_refused(sqlite_path: Path) -> None:
    async with open_store(sqlite_url(sqlite_path), clock=FakeClock(), ids=UuidIds()):
        with pytest.raises(DataFolderInUseError):
            await open_once(sqlite_url(sqlite_path))

    await open_once(sqlite_url(sqlite_path))


def test_a_folder_held_by_another_process_is_refused_until_that_ends(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from syncer.store import lock_data_folder\n"
        "with lock_data_folder(pathlib.Path(sys.argv[1])): print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(DataFolderInUseError), lock_data_folder(tmp_path):
            pass
        os.kill(other.pid, signal.SIGKILL)

    with lock_data_folder(tmp_path):
        pass


async def test_closing_empties_the_log_into_the_file(sqlite_path: Path) -> None:
    await open_once(sqlite_url(sqlite_path))

    assert names_in(sqlite_path.parent) == [
        "syncer.db",
        "syncer.lock",
    ]


@pytest.mark.parametrize(
    ("version", "is_fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((4, 0, 0), True),
    ],
)
def test_sqlite_versions_with_the_log_reset_race_are_known(
    version: tuple[int, int, int], is_fixed: bool
) -> None:
    assert sqlite_is_fixed(version) is is_fixed


@pytest.mark.parametrize(
    ("setting", "writer", "reader"),
    [
        ("journal_mode", "wal", "wal"),
        ("synchronous", 2, None),
        ("busy_timeout", 5000, 5000),
        ("foreign_keys", 1, 1),
        ("recursive_triggers", 1, 1),
        ("trusted_schema", 0, 0),
        ("cell_size_check", 1, 1),
        ("secure_delete", 1, 1),
        ("query_only", 0, 1),
    ],
)
async def test_every_sqlite_connection_has_its_settings(
    sqlite_path: Path, setting: str, writer: object, reader: object
) -> None:
    async with open_store(sqlite_url(sqlite_path), clock=FakeClock(), ids=UuidIds()) as store:

        async def look(unit: object) -> object:
            connection = unit.notes._connection  # type: ignore[attr-defined]  # behind the curtain
            return await connection.scalar(text(f"PRAGMA {setting}"))

        assert await store.write(look) == writer
        if reader is not None:
            async with store.read() as unit:
                assert await look(unit) == reader


async def test_a_healthy_store_has_no_faults(store: SqlStore) -> None:
    assert await store.faults() == []


def test_the_files_of_the_migrations_are_named_by_their_versions() -> None:
    script = ScriptDirectory.from_config(_config())

    assert known_versions() == tuple(each.revision for each in script.walk_revisions())
