"""A connection to SQLite and the thread that alone uses it.

SQLite answers in the thread that asks, and a commit waits for the disk, so the event loop never
asks itself. What is to be done is handed over as a *step*: a coroutine over the driver, which runs
to its end in the thread because nothing in it waits. One step may be a whole write with all its
statements, which is one trip to the thread instead of one a statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import Dialect

from syncer.store.connection import Cells
from syncer.store.sqlite import SqliteDriver

T = TypeVar("T")
Step = Callable[[SqliteDriver], Coroutine[Any, Any, T]]
_Task = tuple[Step[Any], "asyncio.Future[Any] | None"]


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
    """Runs steps in the order in which they were handed over; made within the event loop."""

    def __init__(self, connect: Callable[[], SqliteDriver], *, name: str) -> None:
        self._connect = connect
        self._driver: SqliteDriver | None = None
        self._steps: SimpleQueue[_Task | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        # A forgotten connection must not hold the process: a daemon.
        Thread(target=self._work, name=name, daemon=True).start()

    async def run(self, step: Step[T]) -> T:
        """Run a step and give its result; a caller that is cancelled leaves it to its end."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._steps.put((step, future))
        return await future

    def post(self, step: Step[None]) -> None:
        """Run a step that nobody waits for; it must not raise."""
        self._steps.put((step, None))

    def tell(self, callback: Callable[..., None], *args: Any) -> None:
        """Have something called in the event loop; for steps."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *args)

    async def close(self) -> None:
        """Close the connection when all steps are done."""
        self._steps.put(None)
        await asyncio.shield(self._ended)

    def _work(self) -> None:
        while (task := self._steps.get()) is not None:
            step, future = task
            result, error = run_through(self._do(step))
            if future is not None or error is not None:
                self.tell(_settle, future, result, error)
        if self._driver is not None:
            self._driver.close()
        self.tell(_settle, self._ended, None, None)

    async def _do(self, step: Step[T]) -> T:
        if self._driver is None:
            self._driver = self._connect()
        return await step(self._driver)


def _settle(future: asyncio.Future[Any] | None, result: Any, error: BaseException | None) -> None:
    if future is None:
        assert error is not None
        raise error  # nobody waits for it: the loop tells
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


class SnapshotDriver:
    """A reader's connection from outside its thread: each call is one trip to it.

    The snapshot is of the moment of the first query; ``end`` gives it up.
    """

    dialect: Dialect = SqliteDriver.dialect

    def __init__(self, thread: SqliteThread) -> None:
        self._thread = thread

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
        self._thread.post(_end)

    async def _ask(self, step: Step[T]) -> T:
        async def in_snapshot(driver: SqliteDriver) -> T:
            if not driver.in_transaction:
                await driver.run("BEGIN")
            return await step(driver)

        return await self._thread.run(in_snapshot)


async def _end(driver: SqliteDriver) -> None:
    if driver.in_transaction:
        await driver.run("ROLLBACK")
