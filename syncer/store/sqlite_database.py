"""An SQLite file: one connection that writes and checkpoints, a few that can only read."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from syncer.domain.errors import SchemaUnknownError
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.store import UnitOfWork
from syncer.store.connection import Connection
from syncer.store.locking import lock_data_folder
from syncer.store.schema import READ_VERSION, VERSION_TABLE, migrate, must_be_known
from syncer.store.sqlite import SqliteDriver, open_reader, open_writer
from syncer.store.sqlite_thread import SnapshotDriver, SqliteThread
from syncer.store.unit_of_work import SqlUnitOfWork
from syncer.store.writer import GroupCommitWriter

T = TypeVar("T")
READERS: Final = 4


class SqliteDatabase:
    """Implements ``Database`` over one file."""

    look_seconds = math.inf

    def __init__(
        self, writer: GroupCommitWriter, readers: Readers, *, clock: Clock, ids: Ids
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
        async with self._readers.one() as reader:
            snapshot = SnapshotDriver(reader)
            try:
                yield SqlUnitOfWork(Connection(snapshot), clock=self._clock, ids=self._ids)
            finally:
                snapshot.end()

    async def checkpoint(self) -> None:
        """Empty the write-ahead log into the file."""
        await self._writer.checkpoint()

    async def faults(self) -> list[str]:
        """Run SQLite's integrity check, foreign keys included."""
        async with self._readers.one() as reader:
            found = await reader.run(lambda driver: driver.fetch("PRAGMA integrity_check", ()))
            orphans = await reader.run(lambda driver: driver.fetch("PRAGMA foreign_key_check", ()))
        return [line for (line,) in found if line != "ok"] + [str(tuple(row)) for row in orphans]


class Readers:
    """A few connections that can only read, opened when they are needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._free = asyncio.Semaphore(READERS)
        self._idle: list[SqliteThread] = []
        self._opening: list[asyncio.Task[SqliteThread]] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[SqliteThread]:
        """Have one of them for a while."""
        async with self._free:
            while not self._idle:
                await self._open()
            reader = self._idle.pop()
            try:
                yield reader
            finally:
                self._idle.append(reader)

    async def aclose(self) -> None:
        """Close them; what is under way ends first."""
        for opened in await asyncio.gather(*self._opening, return_exceptions=True):
            if isinstance(opened, SqliteThread):
                await opened.close()

    async def _open(self) -> None:
        """Open one more; whoever waits for it may be cancelled, then it is for the next."""
        opening = asyncio.create_task(SqliteThread.open(partial(open_reader, self._path)))
        opening.add_done_callback(self._opened)
        self._opening.append(opening)
        await asyncio.shield(opening)

    def _opened(self, opening: asyncio.Task[SqliteThread]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._idle.append(opening.result())


@asynccontextmanager
async def open_sqlite(
    path: Path, *, clock: Clock, ids: Ids, committed: Callable[[], None]
) -> AsyncIterator[SqliteDatabase]:
    """Lock the folder, bring the file to the newest schema and open it.

    Closing finishes the writes that wait and empties the write-ahead log into the file.
    """

    def open_unit(driver: SqliteDriver) -> SqlUnitOfWork:
        return SqlUnitOfWork(Connection(driver), clock=clock, ids=ids)

    with lock_data_folder(path.parent):
        probe(path)
        readers, thread = Readers(path), await SqliteThread.open(partial(open_writer, path))
        try:
            await thread.run(_migrate)
            writer = GroupCommitWriter(thread, open_unit, committed)
            writer.start()
            try:
                yield SqliteDatabase(writer, readers, clock=clock, ids=ids)
            finally:
                await readers.aclose()
                await writer.aclose()
        finally:
            await thread.close()


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


async def _migrate(driver: SqliteDriver) -> None:
    await driver.run("BEGIN IMMEDIATE")
    try:
        await driver.do(migrate)
    except BaseException:
        await driver.run("ROLLBACK")
        raise
    crash_point("migration-done")
    await driver.run("COMMIT")
    crash_point("migration-committed")
