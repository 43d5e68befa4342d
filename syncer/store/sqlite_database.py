"""An SQLite file: one connection that writes and checkpoints, a few that can only read."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from syncer.domain.errors import SchemaUnknownError
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.store import UnitOfWork
from syncer.store.connection import Connection, checked_out
from syncer.store.locking import lock_data_folder
from syncer.store.schema import READ_VERSION, VERSION_TABLE, migrate, must_be_known
from syncer.store.sqlite import SqliteDriver, reader_engine, writer_engine
from syncer.store.unit_of_work import SqlUnitOfWork
from syncer.store.writer import GroupCommitWriter

T = TypeVar("T")


class SqliteDatabase:
    """Implements ``Database`` over one file."""

    look_seconds = math.inf

    def __init__(
        self, writer: GroupCommitWriter, readers: AsyncEngine, *, clock: Clock, ids: Ids
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._ids = ids

    async def write(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run a write in the next shared commit."""
        result: T = await self._writer.write(work)
        return result

    @asynccontextmanager
    async def read(self) -> AsyncIterator[UnitOfWork]:
        """Open a snapshot."""
        async with checked_out(self._readers) as connection:
            driver = await driver_of(connection)
            await driver.run("BEGIN")
            try:
                yield SqlUnitOfWork(
                    Connection(connection, driver), clock=self._clock, ids=self._ids
                )
            finally:
                if not connection.invalidated:  # a cancelled query has closed it already
                    await driver.run("ROLLBACK")

    async def checkpoint(self) -> None:
        """Empty the write-ahead log into the file."""
        await self._writer.checkpoint()

    async def faults(self) -> list[str]:
        """Run SQLite's integrity check, foreign keys included."""
        async with self._readers.connect() as connection:
            found = (await connection.execute(text("PRAGMA integrity_check"))).scalars().all()
            orphans = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
        return [line for line in found if line != "ok"] + [str(tuple(row)) for row in orphans]


@asynccontextmanager
async def open_sqlite(
    path: Path, *, clock: Clock, ids: Ids, committed: Callable[[], None]
) -> AsyncIterator[SqliteDatabase]:
    """Lock the folder, bring the file to the newest schema and open it.

    Closing finishes the writes that wait and empties the write-ahead log into the file.
    """
    with lock_data_folder(path.parent):
        probe(path)
        engine, readers = writer_engine(path), reader_engine(path)
        try:
            async with engine.connect() as connection:
                driver = await driver_of(connection)
                await _migrate(connection, driver)
                writer = GroupCommitWriter(
                    driver,
                    lambda: SqlUnitOfWork(Connection(connection, driver), clock=clock, ids=ids),
                    committed,
                )
                writer.start()
                try:
                    yield SqliteDatabase(writer, readers, clock=clock, ids=ids)
                finally:
                    await readers.dispose()
                    await writer.aclose()
        finally:
            await readers.dispose()
            await engine.dispose()


def probe(path: Path) -> None:
    """Look at the schema of a file without touching it; a missing or empty file is fine.

    Raises:
        SchemaUnknownError: a newer release wrote it, or it is no database of ours.
    """
    if not path.exists() or not path.stat().st_size:
        return
    log = path.with_name(f"{path.name}-wal")
    whole = "" if log.exists() and log.stat().st_size else "&immutable=1"
    uri = f"file:{quote(str(path))}?mode=ro{whole}"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            listed = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            tables = frozenset(name for (name,) in listed)
            versions: list[str] = []
            if VERSION_TABLE in tables:
                versions = [version for (version,) in connection.execute(READ_VERSION)]
    except sqlite3.DatabaseError as error:
        raise SchemaUnknownError(f"{path} cannot be read as a database of syncer.") from error
    must_be_known(tables, versions)


async def driver_of(connection: AsyncConnection) -> SqliteDriver:
    """Give the driver of a connection."""
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None
    return SqliteDriver(raw.driver_connection)


async def _migrate(connection: AsyncConnection, driver: SqliteDriver) -> None:
    await driver.run("BEGIN IMMEDIATE")
    try:
        await connection.run_sync(migrate)
    except BaseException:
        await driver.run("ROLLBACK")
        raise
    crash_point("migration-done")
    await driver.run("COMMIT")
    crash_point("migration-committed")
