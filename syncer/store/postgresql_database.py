"""A PostgreSQL database: every write its own transaction, one after the other.

A write reads before it decides, so writers must follow one another, as on SQLite. They take turns
in this process and hold one advisory lock against other processes from their start to their commit.
Each statement sees what was committed before the lock was had. A few hundred commits a second are
ample for what syncer does; the largest writes are whole pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

import psycopg
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncTransaction,
    create_async_engine,
)

from syncer.domain.errors import ShuttingDownError
from syncer.ports.ambient import Clock, Ids
from syncer.ports.store import UnitOfWork
from syncer.store.connection import Connection
from syncer.store.postgresql import (
    LOCK_WAIT_SECONDS,
    PostgresqlDriver,
    explain,
    may_run_again,
)
from syncer.store.schema import migrate
from syncer.store.unit_of_work import SqlUnitOfWork

T = TypeVar("T")
RUNS: Final = 4
"""Once, and three times more when the database asks for it."""
_WRITERS_TURN: Final = 0x73796E636572  # "syncer": the advisory lock of all writers
_POOL: Final = 8
_TROUBLES: Final = (DBAPIError, psycopg.Error)


class PostgresqlDatabase:
    """Implements ``Database`` over one database."""

    look_seconds = 1.0

    def __init__(
        self, engine: AsyncEngine, *, clock: Clock, ids: Ids, committed: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._snapshots = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._clock = clock
        self._ids = ids
        self._committed = committed
        self._turn = asyncio.Lock()
        self._writes: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def write(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run a write in a transaction of its own, as a task that outlives its caller."""
        if self._closing:
            raise ShuttingDownError("The store is closing.")
        task = asyncio.create_task(self._write(work), name="store-writer")
        self._writes.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait([task])
        if task.cancelled():
            raise ShuttingDownError("The write was cancelled from within.")
        return task.result()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Forget a write, and look at its error in case its caller has gone."""
        self._writes.discard(task)
        if not task.cancelled():
            task.exception()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[UnitOfWork]:
        """Open a snapshot."""
        with _told():
            async with _checked_out(self._snapshots) as connection, connection.begin():
                yield await self._unit(connection)

    async def faults(self) -> list[str]:
        """Give nothing: PostgreSQL checks its pages by itself when it reads them."""
        return []

    async def checkpoint(self) -> None:
        """Do nothing: PostgreSQL does so by itself."""

    async def aclose(self) -> None:
        """Finish the writes that were asked for."""
        self._closing = True
        if self._writes:
            await asyncio.wait(self._writes)

    async def _write(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        async with self._turn:
            with _told():
                return await self._run_until_kept(work)

    async def _run_until_kept(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        for _ in range(RUNS - 1):
            try:
                return await self._run(work)
            except _TROUBLES as error:
                if not may_run_again(error):
                    raise
        return await self._run(work)

    async def _run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        async with self._engine.connect() as connection:
            transaction = await connection.begin()
            unit = await self._unit(connection)
            await take_turn(connection)
            result = await work(unit)
            has_fed = await unit.flush()
            await _commit(transaction)
        if has_fed:
            self._committed()
        return result

    async def _unit(self, connection: AsyncConnection) -> SqlUnitOfWork:
        raw = await connection.get_raw_connection()
        driver = PostgresqlDriver(connection, raw.driver_connection)
        return SqlUnitOfWork(Connection(driver), clock=self._clock, ids=self._ids)


@asynccontextmanager
async def _checked_out(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Take a connection from the pool and give it back, also when cancelled while taking it."""
    connection = engine.connect()
    starting = asyncio.ensure_future(connection.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting])
        if not starting.cancelled() and starting.exception() is None:
            await connection.close()
        raise
    try:
        yield connection
    finally:
        await asyncio.shield(connection.close())


@asynccontextmanager
async def open_postgresql(
    url: URL, *, clock: Clock, ids: Ids, committed: Callable[[], None]
) -> AsyncIterator[PostgresqlDatabase]:
    """Bring a database to the newest schema and open it; closing finishes the writes that wait."""
    engine = create_async_engine(
        url.set(drivername="postgresql+psycopg"), pool_size=_POOL, pool_pre_ping=True
    )
    try:
        async with engine.connect() as connection:
            with _told():
                await _migrate(connection)
        database = PostgresqlDatabase(engine, clock=clock, ids=ids, committed=committed)
        try:
            yield database
        finally:
            await database.aclose()
    finally:
        await engine.dispose()


async def take_turn(connection: AsyncConnection) -> None:
    """Wait for the turn of this writer, a bounded time, and hold it until the commit."""
    await connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT_SECONDS}s'")
    await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_TURN})")


async def _migrate(connection: AsyncConnection) -> None:
    async with connection.begin():
        await take_turn(connection)
        await connection.run_sync(migrate)


async def _commit(transaction: AsyncTransaction) -> None:
    """Commit; a commit whose answer was lost may have been made, so it is not run again."""
    with _told():
        await transaction.commit()


@contextmanager
def _told() -> Iterator[None]:
    """Turn the database's troubles into what they mean to the caller."""
    try:
        yield
    except _TROUBLES as error:
        told = explain(error)
        if told is None:
            raise
        raise told from error
