"""A connection to SQLite and the thread that alone uses it; both are aiosqlite's.

SQLite answers in the thread that asks, and a commit waits for the disk, so the event loop never
asks itself. What is to be done is handed over as a *step*: a coroutine over the driver, which runs
to its end in the thread because nothing in it waits. One step may be a whole write with all its
statements, which is one trip to the thread instead of one a statement.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Self, TypeVar

import aiosqlite
import sqlalchemy
from sqlalchemy import Dialect

from syncer.store.connection import Cells
from syncer.store.sqlite import SqliteDriver

T = TypeVar("T")
Step = Callable[[SqliteDriver], Coroutine[Any, Any, T]]
ROWS_AT_ONCE = 64


def run_through(coroutine: Coroutine[Any, Any, T]) -> tuple[T | None, BaseException | None]:
    """Run a coroutine to its end, here and now; gives its result, or whatever it raised.

    One that waits for something is ended with a ``RuntimeError``.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value, None
    except BaseException as error:  # noqa: BLE001 - it crosses to whoever waits in another thread
        return None, error
    coroutine.close()
    return None, RuntimeError("work on the store may wait for nothing but the store")


class SqliteThread:
    """Runs steps in the order in which they were handed over.

    aiosqlite runs any function in its thread, but names no public way to ask for it (0.22); the two
    private names are used in this class only.
    """

    def __init__(self, connection: aiosqlite.Connection, driver: SqliteDriver) -> None:
        self._connection = connection
        self._driver = driver
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(cls, connect: Callable[[], sqlite3.Connection]) -> Self:
        """Start the thread and connect in it."""
        connection = aiosqlite.Connection(connect, ROWS_AT_ONCE)
        # A forgotten connection must not hold the process.
        connection._thread.daemon = True  # noqa: SLF001
        await connection
        return cls(connection, await _in_thread(connection, SqliteDriver, connection._conn))  # noqa: SLF001

    async def run(self, step: Step[T]) -> T:
        """Run a step and give its result; a caller that is cancelled leaves it to its end."""
        result: T = await _in_thread(self._connection, self._do, step)
        return result

    def post(self, step: Step[None]) -> None:
        """Run a step that nobody waits for; what it raises is told by the event loop.

        It is handed over at once, before whatever is asked of the thread next: the end of a
        snapshot must come before the first query of the next one.
        """
        _in_thread(self._connection, self._do, step)

    def tell(self, callback: Callable[..., None], *args: Any) -> None:
        """Have something called in the event loop; for steps."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *args)

    async def close(self) -> None:
        """Close the connection when all steps are done."""
        await _in_thread(self._connection, self._driver.close)
        await self._connection.close()

    def _do(self, step: Step[T]) -> T | None:
        result, error = run_through(step(self._driver))
        if error is not None:
            raise error
        return result


def _in_thread(
    connection: aiosqlite.Connection, function: Callable[..., Any], *args: Any
) -> asyncio.Future[Any]:
    """Queue a function for the connection's thread, now; gives the future of its result."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    connection._tx.put_nowait((future, partial(function, *args)))  # noqa: SLF001
    return future


class SnapshotDriver:
    """A reader's connection from outside its thread: each call is one trip to it.

    The snapshot is of the moment of the first query; ``end`` gives it up.
    """

    dialect: Dialect = SqliteDriver.dialect

    def __init__(self, thread: SqliteThread) -> None:
        self._thread = thread
        self._has_ended = False

    async def do(self, work: Callable[[sqlalchemy.Connection], T]) -> T:
        return await self._ask(lambda driver: driver.do(work))

    async def fetch(self, sql: str, cells: Cells) -> list[Cells]:
        return await self._ask(lambda driver: driver.fetch(sql, cells))

    async def run(self, sql: str, cells: Cells = ()) -> int:
        return await self._ask(lambda driver: driver.run(sql, cells))

    async def run_many(self, sql: str, rows: Sequence[Cells]) -> None:
        await self._ask(lambda driver: driver.run_many(sql, rows))

    def end(self) -> None:
        """Give up the snapshot, after a query that may still be under way."""
        self._has_ended = True
        self._thread.post(_end)

    async def _ask(self, step: Step[T]) -> T:
        if self._has_ended:
            raise RuntimeError("a snapshot was read after its end")

        async def in_snapshot(driver: SqliteDriver) -> T:
            if not driver.in_transaction:
                await driver.run("BEGIN")
            return await step(driver)

        return await self._thread.run(in_snapshot)


async def _end(driver: SqliteDriver) -> None:
    if driver.in_transaction:
        await driver.run("ROLLBACK")
