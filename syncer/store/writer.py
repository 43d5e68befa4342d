"""The one writer of an SQLite store: writes that wait together share one commit.

Each write runs in a savepoint of its own, so that one that fails harms none of its neighbours.
A write is a task of this module, never of its caller: whoever waits for it may be cancelled, the
write is kept or rolled back as a whole.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from syncer.domain.errors import ShuttingDownError, StorageFullError
from syncer.observability.crash_points import crash_point
from syncer.store.sqlite import BUSY_WAIT_SECONDS, SqliteDriver, explain

SHARED_COMMIT_LIMIT: Final = 64
IDLE_SECONDS: Final = 30.0
_BUSY_WAIT_MILLISECONDS: Final = BUSY_WAIT_SECONDS * 1000


class Flushing(Protocol):
    """A unit of work that has something to say at its end."""

    async def flush(self) -> bool: ...


@dataclass(eq=False, slots=True)
class _Write:
    work: Callable[[Any], Awaitable[Any]]
    future: asyncio.Future[Any]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    result: Any = None
    fed: bool = False


class GroupCommitWriter:
    """Runs writes on one connection, in the order in which they were asked for.

    ``open_unit`` makes the unit of work of one write; ``committed`` is told after a commit that
    the feed grew.
    """

    def __init__(
        self,
        driver: SqliteDriver,
        open_unit: Callable[[], Flushing],
        committed: Callable[[], None],
    ) -> None:
        self._driver = driver
        self._open_unit = open_unit
        self._committed = committed
        self._waiting: asyncio.Queue[_Write] = asyncio.Queue()
        self._actor: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._closing = False

    def start(self) -> None:
        """Begin to take writes."""
        self._actor = asyncio.create_task(self._act(), name="store-writer")

    async def write(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        """Run a write; gives its result after the commit.

        Raises:
            ShuttingDownError: the store is closing.
        """
        if self._closing:
            raise ShuttingDownError("The store is closing.")
        future = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(_Write(work, future))
        return await asyncio.shield(future)

    async def aclose(self) -> None:
        """Finish the writes that wait, then stop."""
        self._closing = True
        if self._actor is None:
            return
        await self._waiting.join()
        self._actor.cancel()
        await asyncio.wait([self._actor])
        await self._roll_back()
        await self.checkpoint()

    async def _act(self) -> None:
        while True:
            group = [await self._next()]
            try:
                async with self._turn:
                    await self._run_group(group)
            finally:
                for write in group:
                    _settle(write, ShuttingDownError("The store was closed before the write."))
                    self._waiting.task_done()

    async def _next(self) -> _Write:
        """Wait for a write; when none comes for a while, empty the log once."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                return await self._waiting.get()
        except TimeoutError:
            await self.checkpoint()
            return await self._waiting.get()

    async def checkpoint(self) -> None:
        """Move the write-ahead log into the file and empty it, between two commits.

        While a reader is at work some of it may stay; the next checkpoint takes it. No reader is
        waited for: writes would have to wait too.
        """
        async with self._turn:
            await self._command("PRAGMA busy_timeout = 0")
            try:
                crash_point("store-before-checkpoint")
                await self._command("PRAGMA wal_checkpoint(TRUNCATE)")
                crash_point("store-after-checkpoint")
            finally:
                await self._command(f"PRAGMA busy_timeout = {_BUSY_WAIT_MILLISECONDS}")

    async def _run_group(self, group: list[_Write]) -> None:
        """Run the first write of the group and all that wait meanwhile, then commit."""
        trouble = await self._command("BEGIN IMMEDIATE")
        index = 0
        while trouble is None and index < len(group):
            trouble = await self._run_one(group[index])
            index += 1
            if len(group) < SHARED_COMMIT_LIMIT and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
        if trouble is None:
            crash_point("store-before-commit")
            trouble = await self._command("COMMIT")
            crash_point("store-after-commit")
        if trouble is not None:
            await self._roll_back()
            error = _told(trouble)
            for write in group:
                _settle(write, error)
        self._hand_out(group)

    def _hand_out(self, group: list[_Write]) -> None:
        if any(write.fed and not write.future.done() for write in group):
            self._committed()
        for write in group:
            if not write.future.done():
                write.future.set_result(write.result)

    async def _run_one(self, write: _Write) -> BaseException | None:
        """Run one write in its savepoint; gives the error that concerns the whole group."""
        unit = self._open_unit()
        begun = await self._command("SAVEPOINT one_write")
        if begun is not None:
            return begun
        error = await _attempt(self._work(write, unit), write.context)
        if error is not None:
            if isinstance(explain(error), StorageFullError) or not self._driver.in_transaction:
                return error
            undone = await self._command("ROLLBACK TO SAVEPOINT one_write")
            if undone is not None:
                return undone
            _settle(write, _told(error))
        return await self._command("RELEASE SAVEPOINT one_write")

    @staticmethod
    async def _work(write: _Write, unit: Flushing) -> None:
        write.result = await write.work(unit)
        write.fed = await unit.flush()

    async def _roll_back(self) -> None:
        if self._driver.in_transaction:
            await self._command("ROLLBACK")

    async def _command(self, sql: str) -> BaseException | None:
        try:
            await self._driver.run(sql)
        except sqlite3.Error as error:
            return error
        return None


async def _attempt(
    work: Coroutine[Any, Any, None], context: contextvars.Context
) -> BaseException | None:
    """Run the work of a write as a task of its own and give its error, whatever it is."""
    task = asyncio.get_running_loop().create_task(work, context=context)
    try:
        await asyncio.wait([task])
    finally:
        task.cancel()
    if task.cancelled():
        return ShuttingDownError("The write was cancelled from within.")
    return task.exception()


def _settle(write: _Write, error: BaseException) -> None:
    if not write.future.done():
        write.future.set_exception(error)


def _told(error: BaseException) -> BaseException:
    """Give what the caller is told of an error."""
    told = explain(error)
    if told is None:
        return error
    told.__cause__ = error
    return told
